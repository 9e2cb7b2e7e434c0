"""Imported rows under the same rules as live events: nobody who was erased comes back, and masks where the store wants them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Self

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.collect.normalise import Normalised
from afterclick.collect.privacy.scrub import Scrub
from afterclick.collect.rejects import Origin
from afterclick.core.event import PROPERTY_PREFIX, Rejected
from afterclick.store.privacy import Privacy
from afterclick.store.tombstones import CODE, MESSAGE, Tombstones

_ADDRESSES: Final = ("url", "referrer")
_TEXTS: Final = ("event", "raw_event", "user_agent")
_DECLARED: Final = ("email", "phone", "user_id")


class Guard:
    """The rules of one store for the rows of an import."""

    def __init__(self, privacy: Privacy, tombstones: Tombstones) -> None:
        self._scrub = Scrub(privacy) if privacy.scrub_imports else None
        self._tombstones = tombstones

    @classmethod
    def of_store(cls, folder: Path, privacy: Privacy) -> Self:
        """The rules of a store, with the ids that were erased there."""
        return cls(privacy, Tombstones.load(folder))

    def apply(self, rows: Normalised, numbers: np.ndarray, origin: Origin) -> tuple[Normalised, list[Rejected]]:
        """The rows that may be stored, masked, and what is kept of the others; `numbers` are those of the file by place."""
        erased = self._tombstones.rows(rows.table) if len(self._tombstones) else np.zeros(rows.table.num_rows, bool)
        turned_away = [_refused(origin, int(number)) for number in numbers[rows.places[erased]]]
        if turned_away:
            stay = ~erased
            rows = rows._replace(
                table=rows.table.filter(pa.array(stay)), places=rows.places[stay], hashed=rows.hashed[stay]
            )
        return (rows if self._scrub is None else rows._replace(table=self._masked(rows.table, self._scrub))), turned_away

    def rejected(self, one: Rejected) -> Rejected:
        """A row that could not become an event, without content where it speaks of somebody erased, masked otherwise."""
        if not one.original or not (len(self._tombstones) or self._scrub):
            return one
        if len(self._tombstones) and self._tombstones.spoken_of(msgspec.json.decode(one.original)):
            return msgspec.structs.replace(one, code=CODE, message=MESSAGE, original="", original_base64="", path="")
        if self._scrub is None:
            return one
        return msgspec.structs.replace(one, original=self._scrub.raw(one.original.encode()).decode())

    def _masked(self, table: pa.Table, scrub: Scrub) -> pa.Table:
        for at, name in enumerate(table.column_names):
            how = _how(name, scrub)
            if how is None:
                continue
            column = table.column(name)
            kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
            if pa.types.is_string(kind) or pa.types.is_large_string(kind):
                table = table.set_column(at, name, _each(column, how))
        return table


def _how(name: str, scrub: Scrub) -> Callable[[str], str | None] | None:
    if name in _ADDRESSES:
        return scrub.address
    if name in _TEXTS:
        return scrub.known
    if name in _DECLARED:
        return lambda text: scrub.declared(name, text)
    if name == "properties":
        return lambda text: scrub.raw(text.encode()).decode()
    if name.startswith(PROPERTY_PREFIX):
        plain = name.removeprefix(PROPERTY_PREFIX)
        return lambda text: _scalar(scrub, plain, text)
    return None


def _scalar(scrub: Scrub, name: str, text: str) -> str | None:
    found = scrub.properties({name: text}).get(name)
    return None if found is None else str(found)


def _each(column: pa.ChunkedArray, how: Callable[[str], str | None]) -> pa.ChunkedArray:
    """Every text of a column by a rule, each different one asked about once."""
    chunks = []
    for chunk in column.chunks:
        coded = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
        before: Sequence[str | None] = coded.dictionary.to_pylist()
        after = [None if text is None else how(text) for text in before]
        values = pa.array(after, pa.string())
        chunks.append(chunk if after == before else pc.take(values, coded.indices))
    changed = any(pa.types.is_dictionary(chunk.type) for chunk in column.chunks)
    kind = pa.string() if changed else column.type
    return pa.chunked_array([chunk.cast(kind) for chunk in chunks], kind)


def _refused(origin: Origin, row: int) -> Rejected:
    # The same row of the same file has the same id, so that a second import keeps no second record.
    told = hashlib.sha256("\x1f".join((origin.source, origin.file, str(row), CODE)).encode()).hexdigest()[:24]
    return Rejected(id=told, at=origin.at, source=origin.source, code=CODE, message=MESSAGE, file=origin.file, row=row)
