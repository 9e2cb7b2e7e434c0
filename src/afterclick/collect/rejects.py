"""Rows that could not become events: every reason by its code, and the row kept so that it can be replayed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from afterclick.collect import cells
from afterclick.collect.chunks import BadRow
from afterclick.collect.decoding import BAD_PATTERN, original_bytes
from afterclick.core.event import Rejected

REASONS: Final = {
    "bad_time": "the time is missing, unreadable, or outside of 1990 to 2199",
    "bad_amount": "an amount, price or quantity is no number",
    "bad_json": "a JSON cell or line cannot be read as an object",
    "bad_encoding": "bytes that are no text in the file's encoding",
    "cell_too_large": "a cell is larger than 256 kB",
    "no_event": "the row has no event name",
    "no_order": "an order line has no order id",
    "unknown_status": "nobody knows what this status means: say it under [events] of a map and replay",
    "no_product": "a row of the catalogue names no product",
    "no_person": "a row of customers or messages names nobody",
    "bad_number": "a count is no number",
    "bad_score": "a score is no number, or lies outside of its scale",
    "several_days": "costs of several days in one row: export them day by day",
    "ragged_line": "the line has more or fewer cells than the header",
    "open_quote": "a quote is opened and never closed",
    "unknown_type": "the type of a call is none of track, page, screen, identify, group, alias",
    "no_object": "an event is no JSON object",
    "wrong_type": "a field holds what it cannot hold: an object where text belongs, and the like",
    "not_finite": "NaN, infinity, or a number that no number can hold",
    "bad_text": "half of a surrogate pair, which is no character",
    "bad_form": "a form or an address of an image that cannot be read",
    "too_deep": "objects and lists nested too deeply",
    "too_many_keys": "an object with more keys than an event may have",
    "too_large": "an event that is too large",
    "name_too_long": "the name of an event is too long",
    "id_too_long": "an id is too long",
    "erased": "the person was erased: nothing is kept of the row",
    "no_consent": "the person did not agree to analytics: nothing is kept of the event",
    "id_conflict": "an event with this id and other content is already there; the first one stays",
}
"""Codes of rejects with what they mean."""

CELL_LIMIT: Final = 256 << 10
KEPT: Final = 32 << 10
_BATCH: Final = 20_000


class Reject(NamedTuple):
    """A row of a chunk by its place there, with the reason, a sentence about this very row, and the column at fault."""

    place: int
    code: str
    message: str
    column: str = ""


class Origin(NamedTuple):
    """Where rejects of a chunk come from: the name of the source, the file, its encoding, the instant of the import."""

    source: str
    file: str
    encoding: str
    at: int


def kept(table: pa.Table, rows: np.ndarray, rejects: Sequence[Reject], origin: Origin) -> Iterator[list[Rejected]]:
    """`Rejected` records, in batches, for rows of a raw table; `rows` are their numbers in the file by place."""
    for start in range(0, len(rejects), _BATCH):
        part = rejects[start : start + _BATCH]
        wanted = table.take(pa.array([reject.place for reject in part], pa.int64()))
        columns = {name: _texts(wanted.column(name)) for name in table.column_names}
        yield [
            _record(reject, int(rows[reject.place]), {name: column[i] for name, column in columns.items()}, origin)
            for i, reject in enumerate(part)
        ]


def _texts(column: pa.ChunkedArray) -> list[str | None]:
    array = cells.whole(column)
    if pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type):
        return [None if value is None else value.decode("utf-8", "replace") for value in array.to_pylist()]
    return list(cells.as_text(array).to_pylist())


def _record(reject: Reject, row: int, raw: dict[str, str | None], origin: Origin) -> Rejected:
    filled = {name: text for name, text in raw.items() if text is not None}
    short, cut = _shortened(filled)
    original = msgspec.json.encode(short).decode()
    damaged = BAD_PATTERN.search(original) is not None
    return Rejected(
        id=_id(origin, row, reject.code, original),
        at=origin.at,
        source=origin.source,
        code=reject.code,
        message=reject.message,
        file=origin.file,
        row=row,
        path=reject.column,
        original="" if damaged else original,
        original_base64=_base64(original, origin.encoding) if damaged else "",
        cut=cut,
    )


def _base64(text: str, encoding: str) -> str:
    return base64.b64encode(original_bytes(text, encoding or "utf-8")).decode()


def _shortened(filled: dict[str, str]) -> tuple[dict[str, str], bool]:
    """The cells within KEPT characters all together: the longest are cut first."""
    excess = sum(map(len, filled.values())) - KEPT
    if excess <= 0:
        return filled, False
    short = dict(filled)
    for name in sorted(filled, key=lambda name: -len(filled[name])):
        if excess <= 0:
            break
        keep = max(256, len(short[name]) - excess)
        excess -= len(short[name]) - keep
        short[name] = short[name][:keep]
    return short, True


def of_bad_row(bad: BadRow, origin: Origin) -> Rejected:
    """The record of a row that could not be cut into cells: its text stands under the key `line`."""
    original = msgspec.json.encode({"line": bad.text}).decode()
    return Rejected(
        id=_id(origin, bad.row, bad.code, original),
        at=origin.at,
        source=origin.source,
        code=bad.code,
        message=bad.message,
        file=origin.file,
        row=bad.row,
        original="" if bad.base64 else original,
        original_base64=bad.base64,
        cut=bad.cut,
    )


def _id(origin: Origin, row: int, code: str, original: str) -> str:
    # The same row of the same file gives the same id, so a second import keeps no second copy.
    told = "\x1f".join((origin.source, origin.file, str(row), code, original))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:24]
