"""Referrals as a card: who brought others, what came of it, and whether promoters tell more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from afterclick.core.result import Result
from afterclick.surfaces.viz.equation import why
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.markup import Child, Html, el, join, said
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]


def referrals(result: Result, voice: Voice) -> Html:
    """The finding, key figures, those who brought most, and who came last."""
    figures = result.figures
    title = voice.text("referrals.title")
    finding = el("p", {"class": "finding"}, result.sentence(voice.lang))
    head = el("h2", None, title)
    if not figures["referred"] and not figures["invites"]:
        needed = el("p", {"class": "caption"}, voice.text("referrals.missing"))
        return el("section", {"class": "panel card state"}, head, finding, needed, foot(result, voice))
    return el(
        "section",
        {"class": "panel card"},
        head,
        finding,
        el("dl", {"class": "tiles"}, _tiles(figures, voice)),
        _telling(figures, voice),
        _by(result, voice),
        _pairs(result, voice),
        foot(result, voice),
    )


def _tiles(figures: Row, voice: Voice) -> list[Html]:
    def tile(name: str, value: Child, small: str = "") -> Html:
        label, defined = voice.text(f"referrals.{name}"), voice.known(f"referrals.define_{name}")
        explained = why(label, [defined], voice) if defined else None
        below = el("small", None, small) if small else None
        return el("div", None, el("dt", None, label, explained), el("dd", None, value, below))

    def count(name: str, cell: str | None) -> Html:
        return tile(name, voice.mark(voice.number(figures[name]), cell if figures[name] else None))

    around = ""
    if figures["k_low"] is not None:
        around = voice.text("referrals.k_interval", low=figures["k_low"], high=figures["k_high"])
    k = "–" if figures["k_factor"] is None else voice.text("referrals.k_value", k=figures["k_factor"])
    revenue = "–" if figures["revenue"] is None else voice.money(figures["revenue"])
    return [
        tile("k_factor", k, around),
        count("inviters", "inviters"),
        count("referred", "referred"),
        count("new", "new"),
        count("new_buyers", "new_buyers"),
        tile("revenue", revenue),
        tile("conversion", _conversion(figures, voice), _against(figures, voice)),
    ]


def _conversion(figures: Row, voice: Voice) -> str:
    return "–" if figures["conversion_rate"] is None else voice.rate(figures["conversion_rate"])


def _against(figures: Row, voice: Voice) -> str:
    if figures["conversion_difference"] is None or figures["difference_low"] is None:
        return ""
    ends = {"low": figures["difference_low"], "high": figures["difference_high"]}
    return voice.text("referrals.against", rate=figures["others_conversion_rate"], **ends)


def _telling(figures: Row, voice: Voice) -> Html | None:
    """Promoters who told others, beside the rest of those who answered."""
    if not figures["promoters"]:
        return None
    said_of = voice.text("referrals.telling", n=figures["promoters"], rate=figures["promoters_telling_rate"])
    parts: list[Child] = [voice.mark(said_of, "promoters_telling" if figures["promoters_telling"] else None, css="telling")]
    if figures["telling_low"] is not None:
        parts += [
            " ",
            voice.text(
                "referrals.telling_others", n=figures["other_answerers"], rate=figures["others_telling_rate"],
                low=figures["telling_low"], high=figures["telling_high"],
            ),
        ]  # fmt: skip
    return el("p", {"class": "lead"}, parts)


def _money(value: Any, voice: Voice) -> str:
    return "–" if value is None else voice.money(value)


def _by(result: Result, voice: Voice) -> Html | None:
    rows = result.frame.to_pylist()
    if not rows:
        return None

    def who(row: Row) -> Child:
        promoter = el("span", {"class": "tag"}, voice.text("referrals.promoter")) if row["promoter"] else None
        label = said(row["known_as"] or row["visitor"])
        return join([voice.link(label, "visitor", id=row["visitor"]), " ", promoter])

    def count(column: str, part: str) -> Any:
        cell = "visitor={};part=buyers" if part else "visitor={}"
        return lambda row: voice.mark(voice.number(row[column]), cell.format(row["visitor"]) if row[column] else None)

    columns = [
        Column(voice.text("referrals.who"), who),
        Column(voice.text("referrals.invites"), lambda row: voice.number(row["invites"]), True),
        Column(voice.text("referrals.referred"), count("referred", ""), True),
        Column(voice.text("referrals.buyers"), count("buyers", "buyers"), True),
        Column(voice.text("referrals.orders"), lambda row: voice.number(row["orders"]), True),
        Column(voice.text("referrals.revenue"), lambda row: _money(row["revenue"], voice), True),
    ]
    return join([el("h3", None, voice.text("referrals.by")), table(columns, rows, label=voice.text("referrals.by"))])


def _pairs(result: Result, voice: Voice) -> Html | None:
    rows = result.parts["pairs"].to_pylist()
    if not rows:
        return None

    def person(name: str) -> Any:
        def fill(row: Row) -> Child:
            if not row[name]:
                return voice.text("referrals.unknown")
            return voice.link(said(row[name]), "visitor", id=row[name])

        return fill

    columns = [
        Column(voice.text("referrals.came"), person("referred")),
        Column(voice.text("referrals.brought_by"), person("visitor")),
        Column(voice.text("referrals.when"), lambda row: voice.instant(row["referred_at"])),
        Column(voice.text("referrals.orders"), lambda row: voice.number(row["orders"]), True),
        Column(voice.text("referrals.revenue"), lambda row: _money(row["revenue"], voice), True),
    ]
    title = voice.text("referrals.pairs")
    return el("details", {"class": "more"}, el("summary", None, title), table(columns, rows, label=title))
