"""Revenue as visitors x conversion rate x order value: four figures, each with its change and its definition."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from afterclick.surfaces.viz.markup import Html, el, join
from afterclick.surfaces.viz.voice import Voice

_CELLS = {"revenue": "buyers", "visitors": "visitors", "conversion_rate": "buyers", "aov": "buyers"}
_PARTS = ("revenue", "visitors", "sessions", "conversion_rate", "aov", "orders")


def equation(figures: Mapping[str, Any], voice: Voice) -> Html:
    """The card of the equation; a change is shown only where the previous period has the figure too."""
    before = figures.get("previous") or {}
    cells = [_figure(name, figures, before, voice) for name in _CELLS]
    if figures.get("barriers") is not None and "at_risk" in figures:
        cells.append(at_risk(figures, voice))
    return el("dl", {"class": "equation panel"}, cells)


def _figure(name: str, figures: Mapping[str, Any], before: Mapping[str, Any], voice: Voice) -> Html:
    value, old = figures.get(name), before.get(name)
    shown = _shown(name, value, voice)
    full = _full(name, value, voice)
    lines: list[Html | None] = [
        el(
            "dd",
            {"class": "value"},
            voice.mark(shown, _CELLS[name] if value is not None else None, tip=full, css="big"),
            " ",
            delta(name, value, old, voice),
        ),
    ]
    if old is not None and value is not None:
        lines.append(el("dd", {"class": "was"}, _was(name, value, old, voice)))
    return el(
        "div",
        {"class": f"figure {name.replace('_', '-')}"},
        el("dt", None, voice.text(f"map.{name}"), why(voice.text(f"map.{name}"), _why(name, figures, voice), voice)),
        lines,
    )


def _was(name: str, value: Any, old: Any, voice: Voice) -> str:
    was = _shown(name, old, voice)
    if not old:
        return voice.text("map.was", before=was)
    return voice.text("map.was_factor", before=was, factor=voice.factor(float(value) / float(old)))


def _shown(name: str, value: Any, voice: Voice) -> str:
    if value is None:
        return "–"
    if name in ("revenue", "aov"):
        return voice.money(value)
    return voice.rate(value) if name == "conversion_rate" else voice.number(value)


def _full(name: str, value: Any, voice: Voice) -> str:
    if value is None:
        return voice.text("map.not_known")
    return voice.money_full(value) if name in ("revenue", "aov") else _shown(name, value, voice)


def _why(name: str, figures: Mapping[str, Any], voice: Voice) -> list[str]:
    """The definition, and the formula with the actual numbers put in where all of them are known."""
    said = [voice.text(f"define.{name}")]
    if any(figures.get(part) is None for part in _PARTS):
        return said
    return [*said, voice.text(f"formula.{name}", **{part: figures[part] for part in _PARTS})]


def why(title: str, lines: list[str], voice: Voice) -> Html:
    """The "?" of a metric: opens without script and says definition, formula, unit."""
    if voice.explain is not None:
        voice.explain(title, lines)
    return el(
        "details",
        {"class": "why"},
        el("summary", {"aria-label": voice.text("frame.what_is", name=title)}, "?"),
        el("div", {"class": "pop"}, el("strong", None, title), join(el("p", None, line) for line in lines)),
    )


def at_risk(figures: Mapping[str, Any], voice: Voice) -> Html:
    """Revenue at risk a month with its interval beside the equation; orders where no amount is known."""
    money, found = figures["at_risk"] is not None, figures["barriers"]
    title = voice.text("barriers.at_risk" if money or not found else "barriers.orders_at_risk")
    lines = [voice.text("barriers.define_risk"), voice.text("barriers.define_total")]
    if not found:
        shown, was = voice.text("barriers.none_named"), ""
    elif money:
        low, high = voice.money(figures["at_risk_low"]), voice.money(figures["at_risk_high"])
        shown, was = voice.money(figures["at_risk"]), voice.text("barriers.interval_month", low=low, high=high)
        if figures.get("at_risk_rate") is not None:
            lines.append(voice.text("barriers.of_revenue", rate=figures["at_risk_rate"]))
    else:
        shown, was = voice.number(round(figures.get("lost_orders") or 0)), voice.text("barriers.orders_a_month")
    tip = voice.money_full(figures["at_risk"]) if money and found else None
    return el(
        "div",
        {"class": "figure at-risk"},
        el("dt", None, title, why(title, lines, voice)),
        el("dd", {"class": "value"}, _met(shown, bool(found), tip, voice)),
        el("dd", {"class": "was"}, was) if was else None,
    )


def _met(shown: str, found: bool, tip: str | None, voice: Voice) -> Html:
    return voice.mark(shown, "part=met", tip=tip, css="big bad") if found else voice.mark(shown, None, css="big")


def delta(name: str, value: Any, old: Any, voice: Voice, *, more_is_good: bool = True) -> Html | None:
    """The change since the previous period: amounts in %, rates in points, coloured by the metric's own direction."""
    if value is None or old is None or (not old and not name.endswith("_rate")):
        return None
    if name.endswith("_rate"):
        change = float(value) - float(old)
        said = voice.points(change)
    else:
        change = float(Decimal(value) / Decimal(old) - 1)
        said = voice.change(change)
    flat = not any(digit in said for digit in "123456789")
    css = "flat" if flat else "good" if (change > 0) == more_is_good else "bad"
    return el("span", {"class": f"delta {css}", "title": voice.text("frame.against_previous")}, said)
