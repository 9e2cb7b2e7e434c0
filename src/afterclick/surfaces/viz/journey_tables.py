"""The journey map as tables: every figure of its lanes, in full."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from afterclick.core.result import Result
from afterclick.surfaces.viz import friction
from afterclick.surfaces.viz.markup import Child, Html, el, join, said
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]


UPPER: Final = ("map.stages", "map.behaviour", "map.touchpoints")
LOWER: Final = ("map.channels", "map.devices", "map.flows", "map.crossings")


def tables(result: Result, voice: Voice, wanted: tuple[str, ...] = (*UPPER, *LOWER)) -> Html:
    """One table per lane that is wanted."""
    parts = {name: found.to_pylist() for name, found in result.parts.items()}
    blocks = [
        ("map.stages", _stages(voice), result.frame.to_pylist()),
        ("map.behaviour", _behaviour(voice), result.frame.to_pylist()),
        (
            "map.touchpoints",
            _touchpoints(voice),
            [row for row in parts.get("touchpoints", []) if row["type"] != "more"],
        ),
        ("map.channels", _shares("channel", voice), parts.get("channels", [])),
        ("map.devices", _shares("device_type", voice), parts.get("devices", [])),
        ("map.flows", _flows(voice), parts.get("flows", [])),
        ("map.crossings", _crossings(voice), parts.get("crossings", [])),
    ]
    return join(_block(voice.text(title), columns, rows) for title, columns, rows in blocks if rows and title in wanted)


def _block(title: str, columns: list[Column], rows: list[dict[str, Any]]) -> Html:
    return el("section", {"class": "panel card"}, el("h2", None, title), table(columns, rows, label=title))


def _count(voice: Voice, head: str, field: str, cell: Callable[[Row], str] | None = None) -> Column:
    def fill(row: Row) -> Child:
        value = row.get(field)
        return "–" if value is None else voice.mark(voice.number(value), cell(row) if cell and value else None)

    return Column(voice.text(head), fill, True)


def _rate(voice: Voice, head: str, field: str) -> Column:
    return Column(voice.text(head), lambda row: "–" if row.get(field) is None else voice.rate(row[field]), True)


def _stage(voice: Voice, field: str = "stage", head: str = "map.stage") -> Column:
    return Column(voice.text(head), lambda row: said(voice.stage(str(row[field]))))


def _stages(voice: Voice) -> list[Column]:
    def behind(part: str) -> Callable[[Row], str]:
        return lambda row: f"stage={row['stage']};part={part}"

    return [
        _stage(voice),
        _count(voice, "map.entered", "entered", behind("entered")),
        _count(voice, "map.previous", "previous_entered"),
        _count(voice, "map.went_on", "onward", behind("onward")),
        _rate(voice, "map.onward_rate", "onward_rate"),
        _count(voice, "map.still_open", "open", behind("open")),
        _count(voice, "map.left", "lost", behind("lost")),
        _count(voice, "map.skipped", "skipped", behind("skipped")),
        _count(voice, "map.returned", "returns", behind("returned")),
        _count(voice, "map.highest", "highest", behind("highest")),
    ]


def _behaviour(voice: Voice) -> list[Column]:
    def span(head: str, field: str) -> Column:
        return Column(voice.text(head), lambda row: "–" if row.get(field) is None else voice.span(row[field]), True)

    return [
        _stage(voice),
        span("map.dwell_p25", "dwell_p25_seconds"),
        span("map.dwell", "dwell_seconds"),
        span("map.dwell_p75", "dwell_p75_seconds"),
        _count(voice, "map.sessions", "sessions"),
        Column(
            voice.text("map.pages_per_session"),
            lambda row: "–" if row.get("pages_per_session") is None else voice.decimal(row["pages_per_session"]),
            True,
        ),
        _rate(voice, "map.bounce_rate", "bounce_rate"),
        _rate(voice, "map.exit_rate", "exit_rate"),
    ]


def _touchpoints(voice: Voice) -> list[Column]:
    def name(row: Row) -> Child:
        thin = el("span", {"class": "tag"}, voice.text("map.thin_tag")) if row["thin"] else None
        twin = voice.text("map.touchpoint_twin", twin=row["twin"]) if row.get("twin") else ""
        shown = voice.link(said(row["touchpoint"]), "touchpoint", name=row["touchpoint"])
        return join([shown, thin, el("small", None, twin) if twin else None])

    return [
        Column(voice.text("map.touchpoint"), name),
        _stage(voice),
        _count(voice, "map.visitors", "visitors", lambda row: f"stage={row['stage']};touchpoint={row['touchpoint']}"),
        _count(voice, "map.events", "events"),
        Column(voice.text("touchpoint.friction"), lambda row: friction.shown(row["friction"], voice), True),
        *(_rate(voice, f"touchpoint.{part}_part", part) for part in friction.PARTS),
    ]


def _shares(part: str, voice: Voice) -> list[Column]:
    return [
        _stage(voice),
        Column(voice.text(f"map.{part}"), lambda row: said(voice.name(part, str(row[part])))),
        _count(voice, "map.visitors", "visitors", lambda row: f"stage={row['stage']};{part}={row[part]}"),
        _rate(voice, "map.share", "share_rate"),
    ]


def _flows(voice: Voice) -> list[Column]:
    return [
        _stage(voice, "from_stage", "map.flow_from"),
        _stage(voice, "to_stage", "map.flow_to"),
        Column(voice.text("map.direction"), lambda row: voice.text(f"map.direction_{row['direction']}")),
        _count(voice, "map.visitors", "visitors", lambda row: f"flow={row['from_stage']}>{row['to_stage']}"),
        _count(voice, "map.moves", "moves"),
    ]


def _crossings(voice: Voice) -> list[Column]:
    def cell(row: Row) -> str:
        came, went = f"{row['from_stage']}:{row['from_value']}", f"{row['to_stage']}:{row['to_value']}"
        return f"crossing={row['by']};from={came};to={went}"

    def side(end: str) -> Callable[[Row], Child]:
        return lambda row: said(voice.name(str(row["by"]), str(row[f"{end}_value"])))

    return [
        _stage(voice, "from_stage", "map.flow_from"),
        Column(voice.text("map.crossing_before"), side("from")),
        _stage(voice, "to_stage", "map.flow_to"),
        Column(voice.text("map.crossing_after"), side("to")),
        _count(voice, "map.visitors", "visitors", cell),
    ]
