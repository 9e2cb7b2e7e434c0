"""Cohorts read into a Result: the curve over all cohorts, the cells of each, groups, the finding and its caveats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from afterclick.analyse.retention.counting import Rate
from afterclick.analyse.retention.groups import Groups, groups_of
from afterclick.analyse.retention.people import Cells
from afterclick.analyse.retention.periods import HEADLINES
from afterclick.analyse.retention.side import Side, side
from afterclick.analyse.scope import Scope
from afterclick.core.event import INSTANT
from afterclick.core.noise import apart
from afterclick.core.result import Note, Result, Text

if TYPE_CHECKING:
    from afterclick.analyse.retention.retention import Retention

_MONEY: Final = pa.decimal128(28, 4)
_RATE: Final = [
    ("base", pa.int64()), ("returned", pa.int64()), ("retained_rate", pa.float64()), ("low_rate", pa.float64()),
    ("high_rate", pa.float64()), ("base_revenue", _MONEY), ("revenue", _MONEY), ("revenue_ratio", pa.float64()),
    ("low_ratio", pa.float64()), ("high_ratio", pa.float64()), ("reason", pa.string()),
]  # fmt: skip
_CURVE: Final = pa.schema(
    [
        ("period", pa.string()), ("low_offset", pa.int32()), ("high_offset", pa.int32()), ("headline", pa.bool_()),
        ("cohorts", pa.int64()), ("visitors", pa.int64()), *_RATE,
        ("previous_rate", pa.float64()), ("previous_ratio", pa.float64()),
        ("change", pa.float64()),
        ("change_low", pa.float64()), ("change_high", pa.float64()),
    ]
)  # fmt: skip
_CELLS: Final = pa.schema(
    [
        ("cohort", pa.string()), ("start_at", INSTANT), ("end_at", INSTANT), ("cut", pa.bool_()), ("size", pa.int64()),
        ("period", pa.string()), *_RATE, ("incomplete", pa.bool_()),
    ]
)  # fmt: skip
_GROUPS: Final = pa.schema([("group", pa.string()), ("size", pa.int64()), ("period", pa.string()), *_RATE])


def read(scope: Scope, asked: Retention) -> Result:
    """Answer the question."""
    now = side(scope, asked, scope.period)
    before = side(scope, asked, scope.previous) if scope.previous else None
    groups = groups_of(now) if asked.by else None
    curve = _curve(now, before)
    parts = {
        "cohorts": _cells(now),
        "headlines": pa.Table.from_pylist(_headlines(asked, curve, before), schema=_CURVE),
    }
    if groups:
        parts["breakdown"] = pa.Table.from_pylist(_groups(now, groups), schema=_GROUPS)
    return Result(
        asked, pa.Table.from_pylist(curve, schema=_CURVE), sentence=_sentence(now, curve),
        figures={
            "started": len(now.cohorts), "cohorts": int((now.cohorts.sizes > 0).sum()), "interval": now.grid.interval,
            "mean": asked.mean,
            "previous_started": len(before.cohorts) if before else None,
        },
        parts=parts, notes=_notes(now), about=scope.about("visitors", visitors=now.visitors), people=Cells(now, groups),
    )  # fmt: skip


def _curve(now: Side, before: Side | None) -> list[dict[str, Any]]:
    old = {column.name: rate for column, rate in zip(before.grid.columns, before.means, strict=True)} if before else {}
    rows, money = [], now.asked.measure == "revenue"
    for period, (column, rate) in enumerate(zip(now.grid.columns, now.means, strict=True)):
        rows.append(
            {
                "period": column.name, "low_offset": column.low, "high_offset": column.high, "headline": column.headline,
                "cohorts": len(now.whole(period)), "visitors": now.people(period), **rate.row(),
                **_change(rate, old.get(column.name), money=money),
            }
        )  # fmt: skip
    return rows


def _change(rate: Rate, old: Rate | None, *, money: bool) -> dict[str, float | None]:
    known = old is not None and rate.value is not None and old.value is not None
    found = None
    if known and rate.interval and old and old.interval:
        found = apart(rate.value or 0.0, rate.interval, old.value or 0.0, old.interval)
    return {
        "previous_ratio" if money else "previous_rate": old.value if old else None,
        "change": (rate.value or 0.0) - (old.value or 0.0) if known and old else None,
        "change_low": found.low if found else None, "change_high": found.high if found else None,
    }  # fmt: skip


def _headlines(asked: Retention, curve: list[dict[str, Any]], before: Side | None) -> list[dict[str, Any]]:
    """The periods that everybody asks for first, also where the range is too short for them."""
    shown = {row["period"]: row for row in curve if row["headline"]}
    old = {column.name: rate for column, rate in zip(before.grid.columns, before.means, strict=True)} if before else {}
    for offset in HEADLINES.get(asked.interval, ()):
        if str(offset) not in shown and (not asked.periods or offset <= asked.periods):
            missing = Rate(0, 0, None, None, "not_over")
            shown[str(offset)] = {
                "period": str(offset), "low_offset": offset, "high_offset": offset, "headline": True, "cohorts": 0,
                "visitors": 0, **missing.row(), **_change(missing, old.get(str(offset)), money=asked.measure == "revenue"),
            }  # fmt: skip
    return sorted(shown.values(), key=lambda row: row["low_offset"])


def _cells(now: Side) -> pa.Table:
    grid, sizes = now.grid, now.cohorts.sizes
    shown = grid.begun & (grid.cohorts.edges[:-1] <= grid.as_of)[:, None]
    number, period = np.nonzero(shown)
    names, labels = np.array(grid.names, object), np.array([column.name for column in grid.columns], object)
    edges = grid.cohorts.edges
    own = {
        "cohort": names[number], "start_at": edges[number], "end_at": edges[number + 1], "cut": ~grid.cohorts.whole[number],
        "size": sizes[number], "period": labels[period], "incomplete": ~grid.over[number, period],
    }  # fmt: skip
    rated = pa.Table.from_pylist(now.tally.cells(period, number), schema=pa.schema(_RATE))
    columns = [
        rated[field.name] if field.name in rated.column_names else pa.array(own[field.name], field.type)
        for field in _CELLS
    ]
    return pa.table(columns, schema=_CELLS)


def _groups(now: Side, groups: Groups) -> list[dict[str, Any]]:
    rows = []
    for place, name in enumerate(groups.names):
        part = now.only(groups.codes == place)
        for column, rate in zip(part.grid.columns, part.means, strict=True):
            rows.append({"group": name, "size": len(part.cohorts), "period": column.name, **rate.row()})
    return rows


def _notes(now: Side) -> tuple[Note, ...]:
    asked, grid = now.asked, now.grid
    notes = []
    if not len(now.cohorts):
        notes.append(Note("retention_empty", {"event": asked.start}))
    open_cells = int((grid.begun & ~grid.over & (now.cohorts.sizes > 0)[:, None]).sum())
    if open_cells:
        notes.append(Note("retention_incomplete", {"count": open_cells}))
    if asked.cohort == "recurring":
        notes.append(Note("retention_recurring"))
    if asked.count == "on_or_after":
        notes.append(Note("retention_may_grow"))
    if (~grid.cohorts.whole[now.cohorts.sizes > 0]).any():
        notes.append(Note("retention_cut"))
    if asked.measure == "revenue" and any(rate.reason == "mixed_currencies" for rate in now.means):
        currencies = ", ".join(sorted(now.scope.context.texts("currency")))
        notes.append(Note("mixed_currencies", {"currencies": currencies}))
    return tuple(notes)


def _sentence(now: Side, curve: list[dict[str, Any]]) -> Text:
    asked = now.asked
    if not len(now.cohorts):
        return Text("sentence.retention_empty", {"event": asked.start})
    known = [row for row in curve if row["headline"] and row["reason"] == ""]
    if not known:
        return Text("sentence.retention_open", {"started": len(now.cohorts)})
    row = known[0]
    unit = asked.interval if asked.interval in HEADLINES else "days"
    params = {
        "period": Text(f"retention.period_{unit}", {"name": row["period"]}), "rate": row["retained_rate"],
        "base": row["base"], "returned": row["returned"], "cohorts": row["cohorts"],
    }  # fmt: skip
    if asked.measure == "revenue":
        return Text("sentence.retention_revenue", params | {"rate": row["revenue_ratio"]})
    if asked.base == "previous":
        return Text("sentence.retention_previous", params)
    return Text(f"sentence.retention_{'simple' if asked.mean == 'simple' else asked.count}", params)
