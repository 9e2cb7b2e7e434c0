"""The cards of the Paths page: the columns, the commonest whole paths, moves, ways back, how far the order is, searches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from afterclick.core.result import Result
from afterclick.surfaces.viz.bars import bar
from afterclick.surfaces.viz.equation import why
from afterclick.surfaces.viz.flows import REST, flows, name_of
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.markup import Child, Html, el, join, said
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.touchpoint import card, limited, share
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

MOVES: Final = 20
LOOPS: Final = 10
LINKS: Final = 400


def columns(result: Result, voice: Voice, view: str = "chart") -> Html:
    """The finding, and the columns of steps; as a table every link between two columns."""
    rows = result.frame.to_pylist()
    shown: Child = None
    if result.figures["paths"]:
        shown = _links(result, voice) if view == "table" else flows(result, rows, voice)
    ends = voice.link(voice.text("paths.ends"), "touchpoint")
    return join(
        [
            el("p", {"class": "finding"}, result.sentence(voice.lang)),
            el(
                "section",
                {"class": "panel card"},
                el("h2", None, voice.text("paths.columns"), _explained(voice)),
                el("p", {"class": "caption"}, _caption(result, voice), " ", ends),
                shown,
                _rules(result, voice),
                foot(result, voice),
            ),
        ]
    )


def _explained(voice: Voice) -> Html:
    return why(voice.text("paths.columns"), [voice.text("paths.define"), voice.text("paths.define_left")], voice)


def _caption(result: Result, voice: Voice) -> str:
    unit = str(result.figures["unit"])
    parts = [voice.text(f"paths.thick_{unit}"), voice.text("paths.legend_left")]
    if any(row["goal"] for row in result.frame.to_pylist()):
        parts.append(voice.text("paths.legend_goal"))
    if result.figures["against_paths"] is not None:
        parts.append(voice.text("paths.legend_against", n=result.figures["against_paths"]))
    return " · ".join(parts)


def _rules(result: Result, voice: Voice) -> Html | None:
    """What the rules bring together."""
    rows = result.parts["groups"].to_pylist()
    if not rows:
        return None
    made = [
        el("li", None, said(row["name"]), ": ", voice.text("paths.rule", n=row["merged"]), " ",
           el("small", None, said(row["examples"])) if row["examples"] else None)
        for row in rows
    ]  # fmt: skip
    return el("div", {"class": "rules"}, el("h3", None, voice.text("paths.rules")), el("ul", None, made))


def _links(result: Result, voice: Voice) -> list[Child]:
    def end(side: str) -> Any:
        return lambda row: said(name_of({"node": row[side], "type": row[f"{side}_type"]}, voice))

    def people(row: Row) -> Child:
        words = [_end(row, "from"), _end(row, "to")]
        return voice.mark(voice.number(row["visitors"]), f"column={row['column']};{';'.join(words)}")

    made = [
        Column(voice.text("paths.column"), lambda row: voice.number(row["column"])),
        Column(voice.text("paths.from"), end("from")),
        Column(voice.text("paths.to"), end("to")),
        Column(voice.text("paths.paths"), lambda row: voice.number(row["paths"]), True),
        Column(voice.text("paths.share_from"), lambda row: share(row["share_rate"], 1.0, voice), True),
        Column(voice.text("touchpoint.visitors"), people, True),
    ]
    return limited(made, result.parts["links"].to_pylist(), voice.text("paths.links"), voice, LINKS)


def _end(row: Row, side: str) -> str:
    kind = row[f"{side}_type"]
    return f"{side}_{kind}" if kind in REST else f"{side}={row[side]}"


def whole(result: Result, voice: Voice, _view: str = "chart") -> Html | None:
    """The commonest whole paths, and how many of each ordered."""
    rows = result.parts["paths"].to_pylist()
    if not rows:
        return None
    most = max(row["share_rate"] or 0.0 for row in rows)
    steps: dict[int, list[str]] = {}
    for step in result.parts["path_steps"].to_pylist():
        steps.setdefault(step["rank"], []).append(step["node"])

    def way(row: Row) -> Child:
        named = steps.get(row["rank"], [])
        more = row["steps"] - len(named)
        parts = [el("li", None, said(name)) for name in named]
        rest = el("li", {"class": "quiet"}, voice.text("paths.more_steps", n=more)) if more else None
        return el("ol", {"class": "whole"}, parts, rest)

    made = [
        Column(voice.text("paths.whole"), way),
        Column(voice.text("touchpoint.share"), lambda row: share(row["share_rate"], most, voice), True),
        Column(
            voice.text("touchpoint.visitors"),
            lambda row: voice.mark(voice.number(row["visitors"]), f"path={row['rank']}"),
            True,
        ),
        Column(voice.text("paths.ordered"), lambda row: _rate(row, "conversion_rate", "low", "high", voice), True),
    ]
    return card(
        voice.text("paths.wholes"), voice.text(f"paths.wholes_caption_{result.figures['unit']}"),
        table(made, rows, label=voice.text("paths.wholes")),
    )  # fmt: skip


def _rate(row: Row, rate: str, low: str, high: str, voice: Voice) -> Child:
    """A rate with its 95 % interval behind it."""
    if row[rate] is None:
        return "–"
    known = low and row[low] is not None
    tip = voice.text("paths.interval", low=row[low], high=row[high]) if known else None
    return el("span", {"title": tip, "class": "num"}, voice.rate(row[rate]))


def moves(result: Result, voice: Voice, _view: str = "chart") -> Html | None:
    """From each step straight to each other, the commonest first."""
    rows = [row for row in result.frame.to_pylist() if row["from_type"] != "entry" and row["to_type"] != "left"]
    if not rows:
        return None
    title = voice.text("paths.moves")

    def people(row: Row) -> Child:
        return voice.mark(voice.number(row["visitors"]), f"{_end(row, 'from')};{_end(row, 'to')}")

    made = [
        Column(voice.text("paths.from"), lambda row: _step(row["from"], row["from_type"], voice)),
        Column(voice.text("paths.to"), lambda row: _step(row["to"], row["to_type"], voice)),
        Column(voice.text("paths.times"), lambda row: voice.number(row["moves"]), True),
        Column(voice.text("touchpoint.visitors"), people, True),
        Column(voice.text("paths.share_from"), lambda row: share(row["rate"], 1.0, voice), True),
        Column(voice.text("paths.time"), lambda row: _span(row["median_seconds"], voice), True),
    ]
    figures = result.figures
    caption = voice.text("paths.moves_caption", n=figures["moves"], again=figures["repeat_rate"] or 0.0)
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, title),
        el("p", {"class": "finding"}, result.sentence(voice.lang)),
        el("p", {"class": "caption"}, caption),
        *limited(made, rows, title, voice, MOVES),
        foot(result, voice),
    )


def _span(seconds: float | None, voice: Voice) -> str:
    return "–" if seconds is None else voice.span(seconds)


def _step(name: str, kind: str, voice: Voice) -> Child:
    if kind in REST:
        return el("span", {"class": "quiet"}, voice.text(f"paths.{kind}_word"))
    return voice.link(said(name), "touchpoint", name=name)


def loops(result: Result, voice: Voice, _view: str = "chart") -> Html | None:
    """A, B and back to A."""
    rows = result.parts["loops"].to_pylist()
    if not rows:
        return None
    most = max(row["share_rate"] for row in rows)
    made = [
        Column(voice.text("paths.loop"), lambda row: el("span", None, said(row["node"]), " ⇄ ", said(row["between"]))),
        Column(voice.text("paths.times"), lambda row: voice.number(row["loops"]), True),
        Column(
            voice.text("touchpoint.visitors"),
            lambda row: voice.mark(voice.number(row["visitors"]), f"loop={row['node']};between={row['between']}"),
            True,
        ),
        Column(voice.text("touchpoint.share"), lambda row: share(row["share_rate"], most, voice), True),
    ]
    title, figures = voice.text("paths.loops"), result.figures
    caption = voice.text("paths.loops_caption", rate=figures["back_and_forth_rate"], n=figures["triples"])
    return card(title, caption, *limited(made, rows, title, voice, LOOPS))


def nodes(result: Result, voice: Voice, _view: str = "chart") -> Html | None:
    """Each step: how often it is met, whether sessions end on it, and how far the order is."""
    rows = [row for row in result.parts["nodes"].to_pylist() if row["type"] != "other"]
    if not rows:
        return None
    title = voice.text("paths.nodes")
    made = [
        Column(voice.text("paths.step"), lambda row: _step(row["node"], row["type"], voice)),
        Column(
            voice.text("touchpoint.visitors"),
            lambda row: voice.mark(voice.number(row["visitors"]), f"touchpoint={row['node']}"),
            True,
        ),
        Column(voice.text("paths.ends_here"), lambda row: _rate(row, "exit_rate", "", "", voice), True),
        Column(voice.text("paths.order_rate"), lambda row: _rate(row, "order_rate", "low", "high", voice), True),
        Column(voice.text("paths.steps_to_order"), lambda row: _decimal(row["steps_to_order"], voice), True),
    ]
    if all(row["order_rate"] is None for row in rows):
        made = made[:3]
    lines = [voice.text("paths.define_order_rate"), voice.text("paths.define_steps")]
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, title, why(title, lines, voice)),
        el("p", {"class": "caption"}, voice.text("paths.nodes_caption")),
        *limited(made, rows, title, voice, MOVES),
    )


def _decimal(value: float | None, voice: Voice) -> str:
    return "–" if value is None else voice.decimal(value)


def searches(result: Result, voice: Voice, _view: str = "chart") -> Html | None:
    """What was searched for, what found nothing, what led to orders."""
    rows = result.frame.to_pylist()
    if not rows:
        return None
    title = voice.text("paths.searches")
    money = any(row["revenue"] for row in rows)
    made = [
        Column(voice.text("paths.word"), lambda row: said(row["word"])),
        Column(voice.text("touchpoint.where"), lambda row: _where(row, voice)),
        Column(voice.text("paths.searched"), lambda row: voice.number(row["searches"]), True),
        Column(
            voice.text("touchpoint.visitors"),
            lambda row: voice.mark(voice.number(row["visitors"]), _word(row)),
            True,
        ),
        Column(voice.text("paths.nothing"), lambda row: _nothing(row, voice), True),
        Column(voice.text("paths.left_after"), lambda row: _part(row, "exits", "left", voice), True),
        Column(voice.text("paths.ordered"), lambda row: _rate(row, "ordered_rate", "ordered_low", "ordered_high", voice), True),
    ]
    if money:
        made.append(Column(voice.text("paths.revenue"), lambda row: voice.money(row["revenue"]), True))
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, title, why(title, [voice.text("paths.define_nothing"), voice.text("paths.define_revenue")], voice)),
        el("p", {"class": "finding"}, result.sentence(voice.lang)),
        *limited(made, rows, title, voice, MOVES),
        foot(result, voice),
    )


def _where(row: Row, voice: Voice) -> Child:
    if row["where"] == "typed":
        return voice.text("touchpoint.search_typed")
    return said(row["source"]) if row["source"] else voice.text("touchpoint.search_outside")


def _word(row: Row) -> str:
    source = f";source={row['source']}" if row["where"] == "outside" else ""
    return f"word={row['where']}:{row['word']}{source}"


def _part(row: Row, field: str, part: str, voice: Voice) -> Child:
    return voice.mark(voice.number(row[field]), f"{_word(row)};part={part}") if row[field] else "0"


def _nothing(row: Row, voice: Voice) -> Child:
    tip = voice.text("paths.interval", low=row["nothing_low"], high=row["nothing_high"])
    shown = [bar(row["nothing_rate"], 1.0), voice.rate(row["nothing_rate"])]
    return voice.mark(shown, f"{_word(row)};part=nothing", tip=tip, css="share num") if row["nothing"] else "0"

