"""The journey map of one Result: the equation, the finding, the lanes, and the same as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from afterclick.core.result import Result
from afterclick.surfaces.viz import barriers, lanes
from afterclick.surfaces.viz.equation import equation
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.journey_tables import LOWER, UPPER, tables
from afterclick.surfaces.viz.markup import Html, el, join, said
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

MOST_CROSSINGS: Final = 4


def journey(result: Result, voice: Voice, view: str = "chart") -> Html:
    """The whole map; `view="table"` shows the same figures as tables."""
    return join(draw(result, voice, view) for draw in (head, upper, lower))


def head(result: Result, voice: Voice, _view: str = "chart") -> Html:
    """The equation, with the revenue at risk where the Result has it."""
    return equation(result.figures, voice)


def upper(result: Result, voice: Voice, view: str = "chart") -> Html:
    """The finding, stages, river and touchpoints; then the barriers, where the Result has them."""
    finding = el("p", {"class": "finding"}, result.sentence(voice.lang))
    if view == "table":
        return join([finding, tables(result, voice, UPPER)])
    stages = result.frame.to_pylist()
    drawn = [
        lanes.chevrons(stages, voice),
        lanes.visitors(stages, result.figures, voice),
        lanes.touchpoints(stages, part(result, "touchpoints"), voice),
    ]
    return join([finding, _panel(drawn, len(stages), voice.text("map.title"), ""), _barriers(result, stages, voice)])


def _barriers(result: Result, stages: Sequence[Row], voice: Voice) -> Html | None:
    rows = part(result, "barriers")
    if not rows:
        return None
    scale = barriers.scale_of(rows, result)
    drawn = barriers.lanes(rows, [str(row["stage"]) for row in stages], scale, voice)
    return el("section", {"class": "panel barriers"}, el("h2", {"class": "vh"}, voice.text("barriers.title")), drawn)


def lower(result: Result, voice: Voice, view: str = "chart") -> Html:
    """Who came by what channel and device, how they behaved, and the ways between stages."""
    if view == "table":
        return join([tables(result, voice, LOWER), foot(result, voice)])
    stages = result.frame.to_pylist()
    drawn = [
        lanes.names(stages, voice),
        lanes.shares(voice.text("map.channels"), "channel", stages, part(result, "channels"), voice),
        lanes.shares(voice.text("map.devices"), "device_type", stages, part(result, "devices"), voice),
        lanes.behaviour(stages, voice),
    ]
    below = el("div", {"class": "pair-cards"}, _crossings(result, voice), _flows(result, stages, voice))
    label = f"{voice.text('map.channels')}, {voice.text('map.behaviour')}"
    return join([_panel(drawn, len(stages), label, "gap"), below, foot(result, voice)])


def _panel(drawn: Sequence[Html], stages: int, label: str, css: str) -> Html:
    """Lanes over the columns of the stages, in a box that scrolls sideways."""
    return el(
        "div",
        {"class": f"map-scroll panel {css}".strip(), "tabindex": 0, "role": "region", "aria-label": label},
        el("div", {"class": f"map n{stages}"}, drawn),
    )


def part(result: Result, name: str) -> list[dict[str, Any]]:
    """The rows of a part of the Result; none where it has no such part."""
    found = result.parts.get(name)
    return [] if found is None else found.to_pylist()


def _crossings(result: Result, voice: Voice) -> Html | None:
    rows = sorted(part(result, "crossings"), key=lambda row: -int(row["visitors"]))
    if not rows:
        return None
    items = [
        el("li", None, el("span", None, crossing(row, voice)), voice.mark(voice.number(row["visitors"]), cell(row)))
        for row in rows[:MOST_CROSSINGS]
    ]
    return el(
        "section",
        {"class": "panel card crossings"},
        el("h2", None, voice.text("map.crossings")),
        el("p", {"class": "caption"}, voice.text("map.crossings_caption", n=len(rows))),
        _changed(result.figures, voice),
        el("ol", None, items),
    )


def _changed(figures: Row, voice: Voice) -> Html | None:
    """How many of those who entered several stages did so by several channels, and on several devices."""
    lines = []
    for by in ("channel", "device_type"):
        several, changed = figures.get(f"several_{by}"), figures.get(f"changed_{by}")
        if several:
            number = voice.mark(voice.text("barriers.visitors", n=changed), f"changed={by}" if changed else None)
            said_of = voice.text(f"map.changed_{by}", rate=voice.rate(changed / several), n=voice.number(several))
            lines.append(el("p", {"class": "hint"}, number, ": ", said_of))
    return join(lines) if lines else None


def cell(row: Row) -> str:
    """The cell of a crossing, whose people are the visitors counted in it."""
    return f"crossing={row['by']};from={row['from_stage']}:{row['from_value']};to={row['to_stage']}:{row['to_value']}"


def crossing(row: Row, voice: Voice) -> str:
    """`searched on tablet, bought on phone`: the stages as what a visitor did there, where the catalogue knows it."""
    by = str(row["by"])
    sides = []
    for side in ("from", "to"):
        stage, value = str(row[f"{side}_stage"]), voice.word(by, str(row[f"{side}_value"]))[:80]
        did = voice.known(f"map.did.{stage.lower()}")
        form = f"map.crossing_{by}" if did else "map.crossing_other"
        sides.append(voice.text(form, did=did or voice.stage(stage)[:80], value=value))
    return voice.text("map.crossing", before=sides[0], after=sides[1])


def _aside(stages: Sequence[Row], figure: str, part_: str, voice: Voice) -> Column:
    """How many went past a stage, or came back to it."""
    counts = {row["stage"]: row.get(figure) or 0 for row in stages}

    def fill(stage: str) -> Html:
        if not counts[stage]:
            return el("span", {"class": "quiet"}, "·")
        return voice.mark(voice.number(counts[stage]), f"stage={stage};part={part_}")

    return Column(voice.text(f"map.{part_}"), fill, True)


def _flows(result: Result, stages: Sequence[Row], voice: Voice) -> Html | None:
    moves = {(row["from_stage"], row["to_stage"]): row for row in part(result, "flows")}
    if not moves:
        return None
    names = [row["stage"] for row in stages]

    def filled(target: str) -> Any:
        def fill(source: str) -> Html | str:
            row = moves.get((source, target))
            if row is None:
                return el("span", {"class": "quiet"}, "·")
            tip = voice.text(f"map.flow_{row['direction']}", moves=row["moves"])
            link = voice.mark(voice.number(row["visitors"]), f"flow={source}>{target}", tip=tip)
            return el("span", {"class": row["direction"]}, link)

        return fill

    columns = [Column(voice.text("map.flow_from"), lambda source: said(voice.stage(source)))]
    columns += [Column(f"→ {voice.stage(name)[:60]}", filled(name), True) for name in names]
    columns += [_aside(stages, figure, part_, voice) for figure, part_ in (("skipped", "skipped"), ("returns", "returned"))]
    return el(
        "section",
        {"class": "panel card flows"},
        el("h2", None, voice.text("map.flows")),
        el("p", {"class": "caption"}, voice.text("map.flows_caption")),
        table(columns, names, label=voice.text("map.flows"), css="matrix"),
    )
