"""Orders that came as lines: what the lines of one order add up to, over all segments of the log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.store import dialect, log, segment
from afterclick.store.manifest import SegmentEntry

ORDER_LINES: Final = pa.schema(
    [
        pa.field("order_id", pa.string()),
        pa.field("event", pa.string()),
        pa.field("first", pa.string()),
        pa.field("first_at", pa.int64()),
        pa.field("amount", pa.int64()),
        pa.field("currency", pa.string()),
        pa.field("lines", pa.int64()),
        pa.field("other_currency", pa.int64()),
    ]
)
"""One row per (order id, event): `first` is the event id of the earliest line by (occurred_at, event id), `currency`
is that line's, `amount` the sum (minor units) of the lines in that currency (null if none has an amount),
`other_currency` how many of the `lines` are in another one and therefore not in the sum."""

_COLUMNS: Final = ("order_id", "event", "event_id", "occurred_at", "amount", "currency", "order_line")
_SUM: Final = """
    WITH firsts AS (
        SELECT order_id, event, min(struct_pack(instant := "at", id := event_id, currency := currency)) AS f
        FROM lines GROUP BY order_id, event
    )
    SELECT order_id, event, any_value(f.id) AS first, any_value(f.instant) AS first_at,
           TRY_CAST(sum(amount) FILTER (WHERE currency IS NOT DISTINCT FROM f.currency) AS BIGINT) AS amount,
           any_value(f.currency) AS currency, count(*) AS lines,
           count(*) FILTER (WHERE currency IS DISTINCT FROM f.currency) AS other_currency
    FROM lines JOIN firsts USING (order_id, event)
    GROUP BY order_id, event
    ORDER BY order_id, event
"""


def order_lines(log_folder: Path, segments: Iterable[SegmentEntry]) -> pa.Table:
    """ORDER_LINES over these segments; lines without an order id belong to no order and are left out."""
    parts = [_lines(log_folder, entry) for entry in segments if entry.lines]
    if not parts:
        return ORDER_LINES.empty_table()
    return dialect.fetch(_SUM, {"lines": pa.concat_tables(parts)}).cast(ORDER_LINES)


def holding(log_folder: Path, segments: Sequence[SegmentEntry], order_ids: pa.Array) -> tuple[str, ...]:
    """Names of the segments that hold a line of one of these orders."""
    found = []
    for entry in segments:
        if entry.lines and len(order_ids) and segment.is_intact(log_folder, entry):
            ours = line_orders(segment.read_segment(_path(log_folder, entry), ("order_id", "order_line")))
            if pc.any(pc.is_in(ours, value_set=order_ids)).as_py():
                found.append(entry.name)
    return tuple(found)


def line_orders(table: pa.Table) -> pa.Array:
    """The distinct order ids of the order lines in rows with the columns order_id and order_line."""
    if "order_id" not in table.column_names:
        return pa.array([], pa.string())
    orders = table.filter(table["order_line"])["order_id"]
    return pc.unique(orders.cast(pa.string())).drop_null()


def _lines(log_folder: Path, entry: SegmentEntry) -> pa.Table:
    table = segment.read_segment(_path(log_folder, entry), _COLUMNS)
    table = table.filter(pc.and_(table["order_line"], table["order_id"].is_valid()))
    at = np.asarray(table["occurred_at"].cast(pa.int64()))
    return table.drop_columns(["occurred_at", "order_line"]).append_column("at", pa.array(at))


def _path(log_folder: Path, entry: SegmentEntry) -> Path:
    return log_folder / (entry.name + log.SUFFIX)
