"""The curve of every key figure: its value in each interval beside that of the period before."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa

from afterclick.analyse.formulas import FORMULAS, ratio
from afterclick.analyse.intervals import SERIES, Counted
from afterclick.analyse.kpi_figures import UNITS
from afterclick.core.event import INSTANT

SCHEMA: Final = pa.schema(
    [
        ("metric", pa.string()), ("unit", pa.string()), ("interval", pa.int64()), ("start_at", INSTANT),
        ("end_at", INSTANT), ("incomplete", pa.bool_()), ("value", pa.float64()), ("previous", pa.float64()),
        ("previous_start_at", INSTANT),
    ]
)  # fmt: skip


def series(now: Counted, before: Counted | None) -> pa.Table:
    """One row per figure and interval; the previous period's intervals stand beside in the same order.

    `incomplete` intervals are cut by the range or were not over at as_of.
    """
    edges, incomplete = now.cuts.edges, now.cuts.incomplete(now.m.scope.as_of)
    values, old = _values(now), _values(before) if before else {}
    rows = []
    for metric in SERIES:
        earlier = old.get(metric, [])
        for i, value in enumerate(values[metric]):
            there = before is not None and i < len(earlier)
            rows.append(
                {
                    "metric": metric, "unit": UNITS[metric], "interval": i, "start_at": int(edges[i]),
                    "end_at": int(edges[i + 1]), "incomplete": bool(incomplete[i]), "value": value,
                    "previous": earlier[i] if there else None,
                    "previous_start_at": int(before.cuts.edges[i]) if before is not None and there else None,
                }
            )  # fmt: skip
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _values(counted: Counted) -> dict[str, list[float | None]]:
    bags, reasons = counted.bags(), counted.spent.reasons()
    return {name: [_float(_value(name, bag, reasons)) for bag in bags] for name in SERIES}


def _value(name: str, bag: dict[str, Any], reasons: dict[str, str]) -> Any:
    return ratio(name, bag, reasons).value if name in FORMULAS else bag[name]


def _float(value: Any) -> float | None:
    return None if value is None else float(value)
