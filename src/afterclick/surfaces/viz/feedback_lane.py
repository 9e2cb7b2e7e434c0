"""The lane of the map for what visitors say: per stage the score, and who gave it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from afterclick.core.result import Result
from afterclick.surfaces.viz import lanes
from afterclick.surfaces.viz.equation import why
from afterclick.surfaces.viz.markup import Child, Html, el, join
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]


def lane(result: Result, voice: Voice, view: str = "chart") -> Html | None:
    """One lane under the stages; nothing where nobody answered."""
    if not result.figures["given"]:
        return None
    rows = {row["value"]: row for row in result.frame.to_pylist()}
    stages = [{"stage": name} for name in result.figures["stage_order"]]
    title = voice.text("feedback.lane")
    if view == "table":
        columns = [
            Column(voice.text("map.stages"), lambda row: voice.stage(str(row["stage"]))),
            Column(title, lambda row: _cell(rows.get(row["stage"]), voice)),
        ]
        return el("section", {"class": "panel card"}, el("h2", None, title), table(columns, stages, label=title))
    cells = [
        el(
            "div",
            {"class": f"cell s{number % lanes.COLOURS}"},
            el("h3", {"class": "vh"}, voice.stage(str(stage["stage"]))),
            _cell(rows.get(stage["stage"]), voice),
        )
        for number, stage in enumerate(stages)
    ]
    explained = why(title, [voice.text("feedback.define_lane"), voice.text("feedback.define_nps")], voice)
    drawn = [lanes.names(stages, voice), lanes.lane(title, explained, cells, "behaviour")]
    return el(
        "div",
        {"class": "map-scroll panel gap", "tabindex": 0, "role": "region", "aria-label": title},
        el("div", {"class": f"map n{len(stages)}"}, drawn),
    )


def _cell(row: Row | None, voice: Voice) -> Child:
    """The net promoter score where it was asked for, else the mean score; how many gave it."""
    if row is None:
        return el("p", {"class": "quiet"}, voice.text("feedback.lane_nobody"))
    cell = f"stage={row['value']};part=answered" if row["visitors"] else None
    number = voice.mark(voice.text("feedback.lane_answers", n=row["visitors"]), cell)
    scores: list[Child] = []
    if row["nps"] is not None:
        scores.append(el("strong", None, voice.text("feedback.lane_nps", n=row["nps"])))
    if row["score_rate"] is not None:
        scores.append(voice.text("feedback.lane_score", rate=row["score_rate"]))
    return join([[el("p", None, score) for score in scores], el("p", None, number)])
