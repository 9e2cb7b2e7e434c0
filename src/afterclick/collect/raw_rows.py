"""The rows of one chunk that can be read at all, and their cells by canonical field, inside JSON too."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.collect import cells, json_cells
from afterclick.collect.binding import Binding, Cell
from afterclick.collect.chunks import Chunk
from afterclick.collect.columnmap import ColumnMap
from afterclick.collect.decoding import BAD_PATTERN
from afterclick.collect.engine import Engine
from afterclick.collect.rejects import CELL_LIMIT, Reject

_NO_OBJECT = pa.array(["null", "[]", "{}", '""', "NULL", "None"])
"""What senders write for no properties; an empty PHP array is `[]`."""


class RawRows:
    """Readable rows: `table` of raw columns (objects as JSON text), `places` of the rows in the chunk, `rejects` so far.

    `raw` is the whole chunk, bad rows too, with objects as JSON text.
    """

    def __init__(self, engine: Engine, given: ColumnMap, bound: Binding, chunk: Chunk) -> None:
        self._engine = engine
        self._given = given
        self._bound = bound
        self.rejects: list[Reject] = []
        self.places = np.arange(chunk.table.num_rows)
        self.columns = {name: cells.whole(chunk.table.column(name)) for name in chunk.table.column_names}
        self._flatten()
        self.raw = pa.table(self.columns)
        self._refuse(self._large(), "cell_too_large", "{column} holds {size:,} bytes, more than 256 kB")
        self._refuse(self._damaged(chunk.damaged), "bad_encoding", "{column} holds bytes that are no text")
        self._json: dict[str, pa.Array] = {}
        self._refuse(self._no_objects(), "bad_json", "{column} holds {value}, which is no JSON object")
        self._inside = self._extracted()

    def __len__(self) -> int:
        return len(self.places)

    def text(self, field: str) -> pa.Array | None:
        """A field as text, empty as null; None where neither a column nor a constant gives it."""
        found = self.typed(field)
        return None if found is None else cells.as_text(found)

    def typed(self, field: str) -> pa.Array | None:
        """A field with the type its column has; paths into JSON, of which the first with a value counts, are text."""
        hits = self._bound.cells.get(field, ())
        if not hits:
            constant = self._given.constants.get(field)
            return None if constant is None else pa.repeat(pa.scalar(constant), len(self))
        if not hits[0].keys:
            return self.columns[hits[0].column]
        values = [self._inside[hit] for hit in hits]
        return pc.coalesce(*values) if len(values) > 1 else values[0]

    def objects(self) -> pa.Array | None:
        """The properties as JSON objects, several columns merged; None where none is mapped."""
        hits = self._bound.cells.get("properties", ())
        parts = [self._inside[hit] if hit.keys else self._json[hit.column] for hit in hits]
        return json_cells.merged(self._engine, parts) if parts else None

    def name_of(self, field: str) -> str:
        """The raw name of a field's column, for messages."""
        hits = self._bound.cells.get(field, ())
        return str(hits[0]) if hits else field

    def _flatten(self) -> None:
        for name, array in self.columns.items():
            if cells.nested(array.type):
                self.columns[name] = json_cells.as_json(self._engine, array)

    def _refuse(self, faults: Iterable[tuple[str, np.ndarray]], code: str, message: str) -> None:
        bad = np.zeros(len(self), bool)
        for column, mask in faults:
            array = self.columns[column]
            for row in np.flatnonzero(mask & ~bad):
                value = array[int(row)].as_py()
                told = message.format(column=column, value=_short(value), size=_size(value))
                self.rejects.append(Reject(int(self.places[row]), code, told, column))
            bad |= mask
        if bad.any():
            good = pa.array(~bad)
            self.places = self.places[~bad]
            self.columns = {name: array.filter(good) for name, array in self.columns.items()}

    def _large(self) -> Iterable[tuple[str, np.ndarray]]:
        for name, array in self.columns.items():
            if _has_bytes(array.type) and len(array):
                large = cells.spans(array).length > CELL_LIMIT
                if large.any():
                    yield name, large

    def _damaged(self, marked: bool | None) -> Iterable[tuple[str, np.ndarray]]:
        if marked is False:
            return
        for name, array in list(self.columns.items()):
            if marked:
                bad = cells.flags(pc.match_substring_regex(array, BAD_PATTERN.pattern))
            elif _has_bytes(array.type):
                bad = _undecodable(array)
                if not cells.is_text(array.type) and not bad.any():
                    self.columns[name] = array.cast(pa.string())
            else:
                continue
            if bad.any():
                yield name, bad

    def _no_objects(self) -> list[tuple[str, np.ndarray]]:
        wanted = {hit.column for hits in self._bound.cells.values() for hit in hits if hit.keys}
        wanted |= {hit.column for hit in self._bound.cells.get("properties", ()) if not hit.keys}
        faults = []
        for name in sorted(wanted):
            array = cells.trimmed(cells.as_text(self.columns[name]))
            array = pc.if_else(pc.is_in(array, value_set=_NO_OBJECT), pa.scalar(None, pa.string()), array)
            array = json_cells.unfolded(self._engine, array)
            self.columns[name] = array
            filled = cells.present(array)
            if filled.any():
                faults.append((name, filled & ~json_cells.objects(self._engine, array)))
        return faults

    def _extracted(self) -> dict[Cell, pa.Array]:
        wanted: dict[str, list[Cell]] = {}
        for hits in self._bound.cells.values():
            for hit in hits:
                if hit.keys:
                    wanted.setdefault(hit.column, []).append(hit)
        for hit in self._bound.cells.get("properties", ()):
            if not hit.keys:
                self._json[hit.column] = self.columns[hit.column]
        found: dict[Cell, pa.Array] = {}
        for column, inner in wanted.items():
            distinct = list(dict.fromkeys(inner))
            values = json_cells.at(self._engine, self.columns[column], [hit.pointer for hit in distinct])
            found.update(zip(distinct, values, strict=True))
        return found


def _has_bytes(kind: pa.DataType) -> bool:
    return cells.is_text(kind) or bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _undecodable(array: pa.Array) -> np.ndarray:
    raw = array.cast(pa.binary())
    try:
        raw.cast(pa.string())
    except pa.ArrowInvalid:
        return np.array([value is not None and not _is_utf8(value) for value in raw.to_pylist()], bool)
    return np.zeros(len(array), bool)


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _size(value: object) -> int:
    return (
        len(value.encode("utf-8", "replace"))
        if isinstance(value, str)
        else len(value)
        if isinstance(value, bytes)
        else 0
    )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
