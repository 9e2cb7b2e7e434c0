"""A person's rows leave a table of the log, and what other rows say of them is blotted out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.app.people.forms import Needles
from afterclick.app.people.whose import Person, mask_of
from afterclick.core.event import PROPERTY_PREFIX, Rejected

GONE: Final = "[erased]"
_TEXTS: Final = (
    "event", "raw_event", "anonymous_id", "user_id", "email", "phone", "session_id", "url", "referrer", "user_agent",
    "order_id", "properties", "source",
)  # fmt: skip
_REFERENCES: Final = frozenset(
    """userid customerid memberid anonymousid previousid referredby referrerid invitedby inviterid recipientid distinctid a b
    """.split()  # noqa: SIM905 - a list of words is read more easily so
)
"""Names of properties that hold an id: only there is a short one taken for what it looks like."""
_LINKS: Final = ("link", "unlink")


class Redacted(NamedTuple):
    """What is left of a table, and how many rows went and were changed; `table` None where nothing had to be."""

    table: pa.Table | None
    erased: int
    changed: int


class Redaction:
    """Takes one person out of the tables of a log. `orders` are ids of orders that were theirs alone."""

    def __init__(self, person: Person, needles: Needles) -> None:
        self._person = person
        self._needles = needles
        self.orders: set[str] = set()

    def note_orders(self, table: pa.Table, theirs: np.ndarray) -> None:
        """Remember the orders of rows that go: a refund that names only the order goes with it."""
        orders = _plain(table.column("order_id"))
        self.orders |= set(orders.filter(pa.array(theirs)).drop_null().to_pylist())

    def theirs(self, table: pa.Table, numbered: np.ndarray) -> np.ndarray:
        """Which rows are the person's, bool (n): those numbered so, with an id of theirs, or linking one."""
        found: np.ndarray = numbered | mask_of(table, self._person) | self._links(table)
        return found

    def apply(self, table: pa.Table, theirs: np.ndarray) -> Redacted:
        """The rows of others, with what they say of the person blotted out."""
        gone = theirs | self._orphans(table)
        kept = table.filter(pa.array(~gone)) if gone.any() else table
        changed = np.zeros(kept.num_rows, bool)
        for at, name in enumerate(kept.column_names):
            if name in _TEXTS or name.startswith(PROPERTY_PREFIX):
                column, touched = self._column(name, kept.column(name))
                if touched.any():
                    kept = kept.set_column(at, name, column)
                    changed |= touched
        touched_any = bool(gone.any() or changed.any())
        return Redacted(kept if touched_any else None, int(gone.sum()), int(changed.sum()))

    def mentions(self, one: Rejected) -> bool:
        """Does a rejected row speak of the person?"""
        texts = [one.original, one.message, one.file, one.path]
        if one.original_base64:
            texts += [_decoded(one.original_base64)]
        if any(text and self._needles.inside(text) for text in texts):
            return True
        if not self._needles.short:
            return False
        try:
            cells = msgspec.json.decode(one.original, type=dict[str, Any]) if one.original else {}
        except msgspec.MsgspecError:
            return False
        return any(_squashed(name) in _REFERENCES | {"id"} and str(cell) in self._needles.whole for name, cell in cells.items())

    def _links(self, table: pa.Table) -> np.ndarray:
        found = np.zeros(table.num_rows, bool)
        rows = np.flatnonzero(np.asarray(pc.is_in(_plain(table.column("type")), value_set=pa.array(_LINKS))))
        if len(rows):
            for row, text in zip(rows.tolist(), table.column("properties").take(pa.array(rows)).to_pylist(), strict=True):
                pair = msgspec.json.decode(text or "{}", type=dict[str, Any])
                found[row] = any(pair.get(end) in self._person.ids for end in ("a", "b"))
        return found

    def _orphans(self, table: pa.Table) -> np.ndarray:
        """Rows of nobody that belong to an order that goes."""
        if not self.orders:
            return np.zeros(table.num_rows, bool)
        theirs = pc.is_in(_plain(table.column("order_id")), value_set=pa.array(sorted(self.orders), pa.string()))
        nobody = np.ones(table.num_rows, bool)
        for name in ("anonymous_id", "user_id", "email", "phone"):
            nobody &= np.asarray(pc.is_null(table.column(name)))
        return np.asarray(pc.fill_null(theirs, False)) & nobody

    def _column(self, name: str, column: pa.ChunkedArray) -> tuple[pa.ChunkedArray, np.ndarray]:
        untouched = np.zeros(len(column), bool)
        plain = _plain(column)
        if not (pa.types.is_string(plain.type) or pa.types.is_large_string(plain.type)):
            return column, untouched
        suspects = self._suspects(name, plain)
        rows = np.flatnonzero(suspects)
        if not len(rows):
            return column, untouched
        texts = plain.take(pa.array(rows)).to_pylist()
        fresh = [self._text(name, text) for text in texts]
        different = np.array([one != text for one, text in zip(fresh, texts, strict=True)], bool)
        if not different.any():
            return column, untouched
        mask = untouched.copy()
        mask[rows[different]] = True
        values = pa.array([one for one, new in zip(fresh, different.tolist(), strict=True) if new], plain.type)
        whole = pc.replace_with_mask(plain.combine_chunks(), pa.array(mask), values)
        return pa.chunked_array([whole] if isinstance(whole, pa.Array) else whole.chunks, plain.type), mask

    def _suspects(self, name: str, plain: pa.ChunkedArray) -> np.ndarray:
        found = np.zeros(len(plain), bool)
        if self._needles.hints:
            found |= _true(pc.match_substring_regex(plain, self._needles.hints, ignore_case=True))
        if name == "properties":
            for one in self._needles.short:
                found |= _true(pc.match_substring(plain, f'"{one.text}"'))
        elif _squashed(name.removeprefix(PROPERTY_PREFIX)) in _REFERENCES:
            found |= _true(pc.is_in(plain, value_set=pa.array(sorted(self._needles.whole), plain.type)))
        return found

    def _text(self, name: str, text: str) -> str:
        if name == "properties":
            try:
                inner = msgspec.json.decode(text)
            except msgspec.MsgspecError:
                return self._needles.without(text, GONE)
            return msgspec.json.encode(self.value("", inner)).decode()
        if _squashed(name.removeprefix(PROPERTY_PREFIX)) in _REFERENCES and text in self._needles.whole:
            return GONE
        return self._blotted(text)

    def value(self, name: str, value: Any) -> Any:
        """Any JSON value with every text about the person replaced."""
        if isinstance(value, Mapping):
            return {self._blotted(key): self.value(key, inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.value(name, inner) for inner in value)
        if isinstance(value, str):
            if _squashed(name) in _REFERENCES and value in self._needles.whole:
                return GONE
            return self._blotted(value)
        if isinstance(value, int) and not isinstance(value, bool) and _squashed(name) in _REFERENCES:
            return GONE if str(value) in self._needles.whole else value
        return value

    def _blotted(self, text: str) -> str:
        blotted = text if self._needles.pattern is None else self._needles.pattern.sub(GONE, text)
        for form, raw, _ in self._needles.encoded:
            if form in ("percent", "base64") and raw.decode() in blotted:
                blotted = blotted.replace(raw.decode(), GONE)
        return blotted


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _true(hit: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(pc.fill_null(hit, False))


def _squashed(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace("$", "").replace(" ", "")


def _decoded(text: str) -> str:
    import base64  # noqa: PLC0415 - seldom needed
    import binascii  # noqa: PLC0415

    try:
        return base64.b64decode(text).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return text
