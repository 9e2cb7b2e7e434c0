"""A Result as a plotly figure, for whoever wants zoom and lasso; plotly is imported when the figure is asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from afterclick.core.errors import AfterclickError
from afterclick.core.result import Result
from afterclick.surfaces.viz.foot import said
from afterclick.surfaces.viz.grid import heading, worded
from afterclick.surfaces.viz.styles import palette
from afterclick.surfaces.viz.voice import Voice

_PARTS: Final = (("onward", "fill"), ("open", "low"), ("lost", "bad"))


def figure(result: Result, voice: Voice, bar: str = "", columns: Iterable[str] = ()) -> Any:
    """A `plotly.graph_objects.Figure` of the main table. Raises AfterclickError where plotly is not installed."""
    try:
        import plotly.graph_objects as go  # noqa: PLC0415 - an output of the Python API, no dependency
    except ImportError as error:
        raise AfterclickError("plotly is not installed", hint="pip install plotly") from error
    return go.Figure(drawn(result, voice, bar, columns))


def drawn(result: Result, voice: Voice, bar: str = "", columns: Iterable[str] = ()) -> dict[str, Any]:
    """The figure as plain values: `data` and `layout` of plotly's JSON schema."""
    frame = result.frame
    if {"stage", "entered"} <= set(frame.column_names):
        data, stacked = _stages(frame, voice), True
    else:
        data, stacked = _bars(frame, voice, bar, list(columns)), False
    return {
        "data": data,
        "layout": {
            "title": {
                "text": _plain(result.sentence(voice.lang)),
                "subtitle": {"text": _plain(" · ".join(said(result, voice)))},
            },
            "barmode": "stack" if stacked else "group",
            "yaxis": {"automargin": True} | ({} if stacked else {"autorange": "reversed"}),
        },
    }


def _stages(frame: pa.Table, voice: Voice) -> list[dict[str, Any]]:
    stages = [_plain(voice.stage(str(stage))) for stage in frame.column("stage").to_pylist()]
    return [
        {
            "type": "bar", "name": heading(part, voice.lang), "x": stages, "y": frame.column(part).to_pylist(),
            "marker": {"color": palette()[colour][0]},
        }
        for part, colour in _PARTS
    ]  # fmt: skip


def _bars(frame: pa.Table, voice: Voice, bar: str, columns: list[str]) -> list[dict[str, Any]]:
    names = [name for name in columns if name in frame.column_names] or list(frame.column_names)
    label = next((name for name in names if not _is_figure(frame, name)), names[0])
    shown = bar if bar in frame.column_names else next((n for n in names if n != label and _is_figure(frame, n)), "")
    if not shown:
        return []
    moment = pa.types.is_temporal(frame.schema.field(label).type)
    places = [_place(label, value, voice) for value in frame.column(label).to_pylist()]
    values = [float(value) if isinstance(value, Decimal) else value for value in frame.column(shown).to_pylist()]
    common = {"name": heading(shown, voice.lang), "marker": {"color": palette()["fill"][0]}}
    if moment:
        return [{"type": "scatter", "mode": "lines+markers", "x": places, "y": values, **common}]
    return [{"type": "bar", "orientation": "h", "y": places, "x": values, **common}]


def _is_figure(frame: pa.Table, name: str) -> bool:
    kind = frame.schema.field(name).type
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _place(name: str, value: Any, voice: Voice) -> str:
    if isinstance(value, dt.date):
        return value.isoformat()
    return _plain(worded(name, str(value), voice.lang)) if value is not None else "–"


def _plain(words: str) -> str:
    """Text for plotly, which reads a few tags in its labels: angle brackets are written as entities."""
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
