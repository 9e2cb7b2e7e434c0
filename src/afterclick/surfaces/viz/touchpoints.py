"""All touchpoints at once: how hard each was, where visits land and leave, the words searched for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from afterclick.core.result import Result
from afterclick.surfaces.viz import friction
from afterclick.surfaces.viz.bars import bar
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.markup import Child, Html, el, join, said
from afterclick.surfaces.viz.tables import Column
from afterclick.surfaces.viz.touchpoint import card, limited, share, word_table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

SHOWN: Final = 50


def everything(result: Result, voice: Voice) -> Html:
    """All touchpoints of the range, the most met first."""

    def name(row: Row) -> Child:
        small = voice.text("touchpoint.with", twin=row["twin"]) if row["twin"] else ""
        goal = el("span", {"class": "tag"}, voice.text("touchpoint.goal")) if row["goal"] else None
        thin = el("span", {"class": "tag"}, voice.text("map.thin_tag")) if row["thin"] else None
        return join([_name(row["touchpoint"], voice), goal, thin, el("small", None, small) if small else None])

    rows = result.frame.to_pylist()
    columns = [
        Column(voice.text("touchpoint.name"), name),
        Column(
            voice.text("touchpoint.visitors"),
            lambda row: voice.mark(voice.number(row["visitors"]), f"touchpoint={row['touchpoint']}"),
            True,
        ),
        Column(voice.text("touchpoint.sessions"), lambda row: voice.number(row["sessions"]), True),
        Column(voice.text("touchpoint.views"), lambda row: voice.number(row["views"]), True),
        Column(voice.text("touchpoint.exit_rate"), lambda row: _rate(row["exit_rate"], voice), True),
        Column(voice.text("touchpoint.friction"), lambda row: _friction(row, voice), True),
    ]
    title = voice.text("touchpoint.all")
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, title, friction.explained(voice)),
        el("p", {"class": "finding"}, result.sentence(voice.lang)),
        el("p", {"class": "caption"}, voice.text("touchpoint.all_caption", n=len(rows))),
        limited(columns, rows, title, voice, SHOWN),
        foot(result, voice),
    )


def _friction(row: Row, voice: Voice) -> Child:
    tip = " · ".join(friction.spoken(row, voice))
    inner = [bar(friction.level(row), 0.6), friction.shown(row["friction"], voice)]
    return el("span", {"class": "share", "title": tip}, inner)


def _name(name: str, voice: Voice) -> Html:
    if name == "(none)":
        return el("span", {"class": "quiet"}, voice.text("touchpoint.no_page"))
    return voice.link(said(name), "touchpoint", name=name)


def landings(result: Result, voice: Voice) -> Html | None:
    """Where sessions land, how many do nothing else, and how many of them order."""
    return _ends("landings", "landing", ("bounce_rate", "ordered_rate"), ("bounce_rate", "ordered"), result, voice)


def exits(result: Result, voice: Voice) -> Html | None:
    """Where sessions end, and how often a view of the page ends one."""
    return _ends("exits", "exit", ("exit_rate",), ("exit_rate",), result, voice)


def _ends(
    part: str, cell: str, rates: Sequence[str], heads: Sequence[str], result: Result, voice: Voice
) -> Html | None:
    rows = result.parts[part].to_pylist()
    if not rows:
        return None
    most = max(row["share_rate"] or 0.0 for row in rows)
    columns = [
        Column(voice.text("touchpoint.page"), lambda row: _name(row["touchpoint"], voice)),
        Column(voice.text("touchpoint.share"), lambda row: share(row["share_rate"], most, voice), True),
        Column(voice.text("touchpoint.sessions"), lambda row: voice.number(row[part]), True),
        Column(
            voice.text("touchpoint.visitors"),
            lambda row: voice.mark(voice.number(row["visitors"]), f"{cell}={row['touchpoint']}"),
            True,
        ),
        *(_rate_column(head, rate, voice) for head, rate in zip(heads, rates, strict=True)),
    ]
    title = voice.text("touchpoint.landings" if part == "landings" else "touchpoint.exits_title")
    caption = voice.text(f"touchpoint.{part}_caption", sessions=result.figures["sessions"])
    return card(title, caption, *limited(columns, rows, title, voice, SHOWN))


def _rate_column(head: str, field: str, voice: Voice) -> Column:
    return Column(voice.text(f"touchpoint.{head}"), lambda row: _rate(row[field], voice), True)


def all_words(result: Result, voice: Voice) -> Html | None:
    """The words searched for in this range, outside and on the site."""
    rows = result.parts["words"].to_pylist()
    if not rows:
        return None
    title = voice.text("touchpoint.all_words")
    further = el("p", {"class": "caption"}, voice.link(voice.text("paths.further_searches"), "paths"))
    return card(title, voice.text("touchpoint.all_words_caption"), *word_table(rows, "search_", title, voice), further)


def _rate(rate: float | None, voice: Voice) -> str:
    return "–" if rate is None else voice.rate(rate)
