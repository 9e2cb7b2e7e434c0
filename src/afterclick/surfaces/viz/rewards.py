"""A reward programme as a card: what members did later beside visitors alike, how alike they were, who was compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from afterclick.core.result import Result
from afterclick.surfaces.viz.equation import why
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.markup import Child, Html, el, join
from afterclick.surfaces.viz.metrics import exact, signed
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]


def rewards(result: Result, voice: Voice, view: str = "chart") -> Html:
    """The finding, the outcomes of both sides, and behind a fold the balance and the overlap."""
    figures = result.figures
    title = voice.text("rewards.title")
    observed = el("span", {"class": "badge", "title": voice.text("touchpoint.observed_tip")}, voice.text("touchpoint.observed"))
    lines = [voice.text("rewards.define"), voice.text("rewards.define_alike"), voice.text("rewards.define_naive")]
    head = el("h2", None, title, why(title, lines, voice), " ", observed if figures["members"] else None)
    finding = el("p", {"class": "finding"}, result.sentence(voice.lang))
    if not figures["members"]:
        needed = el("p", {"class": "caption"}, voice.text("rewards.missing"))
        return el("section", {"class": "panel card state"}, head, finding, needed, foot(result, voice))
    return el(
        "section",
        {"class": "panel card"},
        head,
        finding,
        el("p", {"class": "caption"}, _compared(figures, voice)),
        _outcomes(result, voice),
        _behind(result, voice, view),
        foot(result, voice),
    )


def _compared(figures: Row, voice: Voice) -> Html:
    def mark(cell: str, n: int) -> Html:
        return voice.mark(voice.text(f"rewards.n_{cell}", n=n), cell if n else None)

    parts: list[Child] = [mark("members", figures["members"]), " · ", mark("alike", figures["alike"])]
    without = figures["members"] - figures["matched"]
    if without:
        parts += [" · ", mark("unmatched", without)]
    return join(parts)


def _outcomes(result: Result, voice: Voice) -> Html:
    def value(name: str) -> Any:
        def fill(row: Row) -> Child:
            shown = _shown(row[name], row["unit"], voice)
            if name != "members" or not row["visitors"]:
                return shown
            who = voice.mark(voice.text("rewards.n_did", n=row["visitors"]), f"outcome={row['outcome']}")
            return join([shown, el("small", None, who)])

        return fill

    def difference(row: Row) -> Child:
        if row["difference"] is None:
            return el("span", {"class": "quiet"}, voice.known(f"reason.{row['reason']}") or "–")
        noise = row["low"] is None or row["low"] <= 0 <= row["high"]
        shown = el("span", {"class": "quiet" if noise else None}, _signed(row["difference"], row["unit"], voice))
        if row["low"] is None:
            return join([shown, el("small", None, voice.known(f"reason.{row['reason']}") or "")])
        ends = [_signed(row[end], row["unit"], voice) for end in ("low", "high")]
        around = voice.text("rewards.interval", low=ends[0], high=ends[1])
        more = f" · {voice.text('touchpoint.noise')}" if noise else ""
        return join([shown, el("small", None, around + more)])

    columns = [
        Column(voice.text("rewards.outcome"), lambda row: voice.text(f"rewards.outcome_{row['outcome']}")),
        Column(voice.text("rewards.members"), value("members"), True),
        Column(voice.text("rewards.alike"), value("alike"), True),
        Column(voice.text("rewards.difference"), difference, True),
        Column(
            voice.text("rewards.naive"),
            lambda row: el("span", {"class": "quiet"}, _signed(row["naive_difference"], row["unit"], voice)),
            True,
        ),
    ]
    return table(columns, result.frame.to_pylist(), label=voice.text("rewards.title"))


def _shown(value: float | None, unit: str, voice: Voice) -> str:
    if value is None:
        return "–"
    if unit == "money":
        return voice.money(exact(value))
    return voice.rate(value) if unit == "rate" else voice.text("rewards.number", n=value)


def _signed(value: float | None, unit: str, voice: Voice) -> str:
    if value is None:
        return "–"
    if unit == "money":
        return signed(value, voice)
    if unit == "rate":
        return voice.points(value)
    return ("+" if value > 0 else "") + voice.text("rewards.number", n=value)


def _behind(result: Result, voice: Voice, view: str) -> Html:
    balance, overlap = (result.parts[name].to_pylist() for name in ("balance", "overlap"))

    def number(name: str) -> Any:
        def fill(row: Row) -> str:
            if row["covariate"] == "money":
                return voice.money(exact(row[name]))
            if row["covariate"] in ("today", "buyer"):
                return voice.rate(row[name])
            return voice.decimal(row[name])

        return fill

    def apart(name: str) -> Any:
        def fill(row: Row) -> Child:
            if row[name] is None:
                return "–"
            shown = voice.text("rewards.deviations", n=row[name])
            return el("span", {"class": "bad" if name == "after" and row["balanced"] is False else None}, shown)

        return fill

    tables = [
        table(
            [
                Column(voice.text("rewards.before_joining"), lambda row: voice.text(f"rewards.covariate_{row['covariate']}")),
                Column(voice.text("rewards.members"), number("members"), True),
                Column(voice.text("rewards.not_joined"), number("not_joined"), True),
                Column(voice.text("rewards.alike"), number("alike"), True),
                Column(voice.text("rewards.apart_before"), apart("before"), True),
                Column(voice.text("rewards.apart_after"), apart("after"), True),
            ],
            balance,
            label=voice.text("rewards.balance"),
        ),
        table(
            [
                Column(voice.text("rewards.alike_in"), lambda row: _alike(row, voice)),
                Column(
                    voice.text("rewards.members"),
                    lambda row: voice.mark(voice.number(row["visitors"]), f"level={row['level']}" if row["visitors"] else None),
                    True,
                ),
                Column(
                    voice.text("rewards.share"),
                    lambda row: "–" if row["share_rate"] is None else voice.rate(row["share_rate"]),
                    True,
                ),
            ],
            overlap,
            label=voice.text("rewards.overlap"),
        ),
    ]
    heads = [el("h3", None, voice.text(f"rewards.{name}")) for name in ("balance", "overlap")]
    body = [part for pair in zip(heads, tables, strict=True) for part in pair]
    if view == "table":
        return join(body)
    return el("details", {"class": "more"}, el("summary", None, voice.text("rewards.how_alike")), body)


def _alike(row: Row, voice: Voice) -> str:
    if not row["level"]:
        return voice.text("rewards.nobody_alike")
    names = [voice.text(f"rewards.in_{name}") for name in str(row["alike_in"]).split(", ")]
    return ", ".join(names)
