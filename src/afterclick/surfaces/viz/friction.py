"""Friction as it is shown: its height on the curve of the map, its formula with its numbers, and what it is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from afterclick.core.result import Result
from afterclick.surfaces.viz.bars import bar
from afterclick.surfaces.viz.equation import why
from afterclick.surfaces.viz.markup import Child, Html, el, join
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

PARTS: Final = ("exit_rate", "error_rate", "loop_rate", "slow_rate")
_CELLS: Final = {"exit_rate": "exits", "error_rate": "errors", "loop_rate": "loops", "slow_rate": "slow"}


def level(row: Row) -> float | None:
    """How high a touchpoint stands on the curve, 0 to 1."""
    friction = row.get("friction")
    return None if friction is None else float(friction) / 100


def shown(friction: float | None, voice: Voice) -> str:
    """A friction as a whole number of 100, a dash where nothing was met."""
    return "–" if friction is None else voice.number(round(friction))


def spoken(row: Row, voice: Voice) -> list[str]:
    """Friction and its rates of a touchpoint of the map, for a tooltip."""
    if row.get("friction") is None:
        return []
    said = [f"{voice.text('touchpoint.friction')} {shown(row['friction'], voice)}"]
    rates = [(part, row.get(part)) for part in PARTS]
    return said + [
        f"{voice.text(f'touchpoint.{part}_part')} {voice.rate(rate)}" for part, rate in rates if rate is not None
    ]


def explained(voice: Voice, parts: Sequence[Row] = ()) -> Html:
    """The "?" of friction: its formula, and its numbers where they are given."""
    lines = [voice.text("touchpoint.define_friction")]
    if parts:
        points = {row["part"]: float(row["points"]) for row in parts}
        lines.append(
            voice.text(
                "touchpoint.formula_friction", friction=sum(points.values()),
                **{part.partition("_")[0]: points.get(part, 0.0) for part in PARTS},
            )
        )  # fmt: skip
    return why(voice.text("touchpoint.friction"), lines, voice)


def made_of(result: Result, voice: Voice) -> Html | None:
    """The parts of a touchpoint's friction: how many sessions, their rate, and the points each adds."""
    rows = result.parts["friction"].to_pylist()
    if not result.figures["sessions"]:
        return None
    most = max((row["weight"] * 100 for row in rows), default=1.0)

    def what(row: Row) -> Child:
        part = row["part"]
        return join([voice.text(f"touchpoint.{part}_part"), el("small", None, voice.text(f"touchpoint.{part}_what"))])

    def hits(row: Row) -> Child:
        if row["rate"] is None:
            return voice.text("touchpoint.unknown")
        cell = (
            _CELLS[row["part"]] if row["hits"] and not (row["part"] == "exit_rate" and result.figures["goal"]) else None
        )
        number = voice.mark(voice.rate(row["rate"]), cell)
        return join([number, el("small", None, voice.text("touchpoint.of", hits=row["hits"], n=row["n"]))])

    def points(row: Row) -> Child:
        return el("span", {"class": "share"}, bar(row["points"], most), voice.decimal(row["points"]))

    columns = [
        Column(voice.text("touchpoint.part"), what),
        Column(voice.text("touchpoint.how_many"), hits, True),
        Column(voice.text("touchpoint.points"), points, True),
    ]
    title = voice.text("touchpoint.parts")
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, title, explained(voice, rows)),
        el("p", {"class": "caption"}, voice.text("touchpoint.parts_caption", sessions=result.figures["sessions"])),
        table(columns, rows, label=title),
    )
