"""What changed: revenue over its three factors as bars that add up, and where the change came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from afterclick.core.result import Result
from afterclick.surfaces.viz.barlist import filtering, floating, signed
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.markup import Html, el, join
from afterclick.surfaces.viz.metrics import OTHER, exact, named, shown, title
from afterclick.surfaces.viz.metrics import signed as signed_money
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

_DIMENSIONS: Final = ("channel", "source", "campaign", "device_type", "landing")


def changed(result: Result, voice: Voice) -> Html | None:
    """Why revenue changed: over its three factors as bars that add up, then who it came from."""
    rows = result.parts["change"].to_pylist() if "change" in result.parts else []
    before = (result.figures.get("previous") or {}).get("revenue")
    now = result.figures.get("revenue")
    if not result.figures.get("previous"):
        return None
    head = voice.text("overview.changed")
    if not rows or before is None or now is None:
        body: Html = el("p", {"class": "caption"}, voice.text("overview.no_change"))
    else:
        difference = exact(now) - exact(before)
        direction = "more" if difference > 0 else "less" if difference < 0 else "same"
        head = voice.text(f"overview.changed_{direction}", by=voice.money(abs(difference)))
        body = join([_waterfall(rows, before, now, voice), _contributors(result, voice)])
    return el("section", {"class": "panel card changed"}, el("h2", None, head), body, foot(result, voice))


def _waterfall(rows: Sequence[Row], before: Any, now: Any, voice: Voice) -> Html:
    """From the revenue before to the revenue now: each bar begins where the one before it ended."""
    steps: list[tuple[str, str, float, float, str, str]] = []
    at = float(before)
    steps.append((voice.text("overview.revenue_before"), "", 0.0, at, "", shown(before, "money", voice)))
    for row in rows:
        if row["factor"] == "rest" and not row["effect"]:
            continue
        end = at + float(row["effect"])
        css = "more" if row["effect"] > 0 else "less"
        steps.append(
            (_factor(row["factor"], voice), _from_to(row, voice), at, end, css, signed_money(row["effect"], voice))
        )
        at = end
    steps.append((voice.text("overview.revenue_now"), "", 0.0, float(now), "", shown(now, "money", voice)))
    low, high = min(0.0, *(min(s[2], s[3]) for s in steps)), max(max(s[2], s[3]) for s in steps)
    lines = [
        el(
            "li",
            {"class": css or "sum"},
            el("span", {"class": "label"}, name, el("small", None, note) if note else None),
            floating(start, end, low, high, css),
            el("span", {"class": "num"}, amount),
        )
        for name, note, start, end, css, amount in steps
    ]
    return join(
        [
            el("ol", {"class": "waterfall"}, lines),
            el("p", {"class": "caption"}, voice.text("overview.adds_up")),
        ]
    )


def _factor(name: str, voice: Voice) -> str:
    return voice.text("overview.rest") if name == "rest" else title(name, voice)


def _from_to(row: Row, voice: Voice) -> str:
    unit = {"visitors": "count", "conversion_rate": "rate", "aov": "money"}.get(row["factor"])
    if unit is None or row.get("before") is None or row.get("after") is None:
        return ""
    sides = [row[side] if unit == "money" else float(row[side]) for side in ("before", "after")]
    if unit == "count":
        sides = [round(side) for side in sides]
    return " → ".join(shown(side, unit, voice, full=unit == "count") for side in sides)


def _contributors(result: Result, voice: Voice) -> Html | None:
    """The largest effects by dimension; a name filters the page, an amount opens the buyers."""
    rows = result.parts["contributors"].to_pylist() if "contributors" in result.parts else []
    groups = []
    for dimension in _DIMENSIONS:
        here = [row for row in rows if row["dimension"] == dimension and row["effect"]]
        if len(here) < 2:
            continue
        here.sort(key=lambda row: (row["value"] == OTHER, -abs(row["effect"])))
        groups.append(_effects(dimension, here, result, voice))
    if not groups:
        return None
    return join(
        [
            el("h3", {"class": "sub"}, voice.text("overview.contributors")),
            el("div", {"class": "effects"}, groups),
            el("p", {"class": "caption"}, voice.text("overview.contributors_note")),
        ]
    )


def _effects(dimension: str, rows: Sequence[Row], result: Result, voice: Voice) -> Html:
    most = max(abs(float(row["effect"])) for row in rows)
    base = getattr(result.spec, "where", ())
    lines = []
    for row in rows:
        name = named(dimension, str(row["value"]), voice)
        amount = signed_money(row["effect"], voice)
        tip = voice.text(
            "overview.effect_tip", before=shown(row["previous_revenue"], "money", voice),
            now=shown(row["revenue"], "money", voice), orders=row["orders"], old=row["previous_orders"],
        )  # fmt: skip
        cell = str(row.get("cell") or "") if row["buyers"] else ""
        lines.append(
            el(
                "li",
                {"class": "more" if row["effect"] > 0 else "less"},
                filtering(name, str(row["where"] or ""), voice, base),
                signed(float(row["effect"]), most),
                voice.mark(amount, cell or None, tip=tip, where=str(row["where"] or "")),
            )
        )
    head = voice.text(f"overview.by_{dimension}")
    return el("section", None, el("h4", None, head), el("ol", None, lines))
