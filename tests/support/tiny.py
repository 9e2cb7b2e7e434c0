"""A tiny derivation and tables of made-up events, for tests of the store alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.core import spans
from afterclick.core.event import LOG_COLUMNS
from afterclick.store import ids
from afterclick.store.books import Books
from afterclick.store.columns import NO_AMOUNT
from afterclick.store.definitions import Definitions
from afterclick.store.pieces import DerivedPiece

DAY0 = 1_767_225_600_000_000  # 2026-01-01T00:00Z
HOUR = spans.HOUR
DAY = spans.DAY


def table(rows: list[dict[str, Any]], **properties: pa.DataType) -> pa.Table:
    """Rows of the log; what a row leaves out is filled in, `properties` are types of `p.*` columns."""
    schema = pa.schema([*LOG_COLUMNS, *(pa.field("p." + name, kind) for name, kind in properties.items())])
    filled = {name: [_cell(name, number, row) for number, row in enumerate(rows)] for name in schema.names}
    return pa.table({name: pa.array(filled[name], schema.field(name).type) for name in schema.names})


def _cell(name: str, number: int, row: dict[str, Any]) -> Any:
    defaults = {
        "event_id": f"e{number:06d}",
        "type": "track",
        "event": "Page Viewed",
        "occurred_at": DAY0,
        "order_line": False,
        "source": "test",
    }
    return row.get(name, defaults.get(name))


def events(
    count: int, *, prefix: str = "e", start: int = 0, days: int = 3, visitors: int = 7, seed: int = 1
) -> pa.Table:
    """`count` events over some days and visitors, in no order; ids `<prefix><number>`."""
    rng = np.random.default_rng(seed)
    rows = [
        {
            "event_id": f"{prefix}{start + number:06d}",
            "event": f"Event {rng.integers(4)}",
            "occurred_at": int(DAY0 + rng.integers(days * 24 * 4) * HOUR // 4),
            "anonymous_id": f"v{rng.integers(visitors)}",
            "amount": int(rng.integers(1000)) if rng.integers(2) else None,
            "p.price": float(rng.integers(100)) / 4,
        }
        for number in range(count)
    ]
    return table(rows, price=pa.float64())


class TinyDerive:
    """Codes of ids and names, instants, amounts, ties, prices: enough to see whether rows and codes stay right."""

    reads = ("bots",)

    def __init__(self, version: str = "1") -> None:
        self.version = version
        self.calls: list[int] = []

    def __call__(
        self, segment: pa.Table, books: Books, definitions: Definitions, order_lines: pa.Table
    ) -> DerivedPiece:
        self.calls.append(segment.num_rows)
        device = _coded(books, "id", segment["anonymous_id"])
        user = _coded(books, "id", segment["user_id"])
        columns = {
            "at": np.asarray(segment["occurred_at"].cast(pa.int64())),
            "device": device,
            "name": _coded(books, "name", segment["event"]),
            "tie": ids.tie(segment["event_id"]),
            "amount": np.asarray(pc.fill_null(segment["amount"], NO_AMOUNT)),
        }
        kinds = {"at": "instant", "device": "code", "name": "coded", "tie": "hash", "amount": "money"}
        if order_lines.num_rows:
            columns["amount"] = _totals(segment, order_lines, columns["amount"])
        for name in segment.column_names:
            if name.startswith("p."):
                text = not pa.types.is_floating(segment.schema.field(name).type)
                kinds[name] = "coded" if text else "number"
                columns[name] = (
                    _coded(books, name, segment[name]) if text else np.asarray(pc.fill_null(segment[name], np.nan))
                )
        both = (device >= 0) & (user >= 0)
        edges = (device[both], user[both], columns["at"][both])
        return DerivedPiece(columns, kinds, books.added(), edges)


def _coded(books: Books, book: str, column: pa.ChunkedArray) -> np.ndarray:
    texts = column.combine_chunks()
    return books.book(book).extend(texts.dictionary_decode() if pa.types.is_dictionary(texts.type) else texts)


def _totals(segment: pa.Table, order_lines: pa.Table, amount: np.ndarray) -> np.ndarray:
    """The total in the first line of each order, nothing in the others."""
    totals = dict(zip(order_lines["first"].to_pylist(), order_lines["amount"].to_pylist(), strict=True))
    lines = zip(segment["event_id"].to_pylist(), segment["order_line"].to_pylist(), amount.tolist(), strict=True)
    return np.array([totals.get(event, NO_AMOUNT) if line else own for event, line, own in lines], np.int64)
