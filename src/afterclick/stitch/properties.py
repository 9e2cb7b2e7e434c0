"""Properties become columns: those that came flat as they are, those that came nested read out of their JSON."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.core.event import PROPERTY_PREFIX
from afterclick.stitch.texts import Texts, texts_of
from afterclick.store.books import Books
from afterclick.store.columns import MOST_PROPERTIES

_LONGEST: Final = 1_000
_EXACT: Final = 1e15


class PropertyColumns:
    """The property columns of one segment."""

    def __init__(self, segment: pa.Table, books: Books) -> None:
        self.segment = segment
        self.books = books

    def read(self) -> dict[str, tuple[np.ndarray, str]]:
        """By property name its values and kind: coded (texts) or number (numbers, yes and no as 1 and 0)."""
        found: dict[str, tuple[np.ndarray, str]] = {}
        for name in self.segment.column_names:
            if name.startswith(PROPERTY_PREFIX):
                found[name.removeprefix(PROPERTY_PREFIX)] = self._flat(name)
        for name, values in self._nested().items():
            if name not in found:
                found[name] = values
        return found

    def _flat(self, name: str) -> tuple[np.ndarray, str]:
        column = self.segment[name]
        kind = self.segment.schema.field(name).type
        if pa.types.is_dictionary(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return texts_of(column).codes(self.books.book(name)), "coded"
        return np.asarray(pc.fill_null(pc.cast(column.combine_chunks(), pa.float64()), np.nan)), "number"

    def _nested(self) -> dict[str, tuple[np.ndarray, str]]:
        texts = texts_of(self.segment["properties"])
        if not len(texts.values):
            return {}
        documents = [_document(text) for text in texts.values.to_pylist()]
        counts: Counter[str] = Counter()
        for document in documents:
            counts.update(document.keys())
        names = [name for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_PROPERTIES]]
        # Only what is there is looked at: senders who make up a key per event would cost keys times events.
        where: dict[str, tuple[list[int], list[Any]]] = {name: ([], []) for name in names}
        for number, document in enumerate(documents):
            for name in document.keys() & where.keys():
                where[name][0].append(number)
                where[name][1].append(document[name])
        return {name: self._column(name, *found, texts) for name, found in where.items()}

    def _column(self, name: str, numbers: list[int], values: list[Any], texts: Texts) -> tuple[np.ndarray, str]:
        """The column of the values that documents of these numbers have; -1 stands for no document."""
        size = len(texts.values) + 1
        # By this segment's values alone: what is text in another one becomes text when it is read, in whichever came first.
        if all(isinstance(value, bool | int | float | None) for value in values):
            number_of = np.full(size, np.nan)
            number_of[numbers] = [as_double(value) for value in values]
            return number_of[texts.numbers], "number"
        distinct = pa.array([text_of(value) for value in values], pa.string()).dictionary_encode()
        of_document = np.full(size, -1, np.int32)
        of_document[numbers] = np.asarray(pc.fill_null(distinct.indices, -1))
        book = self.books.book(PROPERTY_PREFIX + name)
        return Texts(of_document[texts.numbers], distinct.dictionary).codes(book), "coded"


def _document(text: str | None) -> dict[str, Any]:
    """The scalar fields of a JSON object; nested ones are named `outer.inner` one level down, lists stay in the log."""
    return scalars(msgspec.json.decode(text, type=dict[str, Any])) if text else {}


def scalars(properties: dict[str, Any]) -> dict[str, Any]:
    """The scalar fields of an object; nested ones are named `outer.inner` one level down, lists are left out."""
    found: dict[str, Any] = {}
    for name, value in properties.items():
        if isinstance(value, dict):
            found |= {f"{name}.{inner}": deep for inner, deep in value.items() if not isinstance(deep, dict | list)}
        elif not isinstance(value, list):
            found[name] = value
    return found


def as_double(value: Any) -> float:
    """What a column of numbers holds of a value."""
    try:
        return float(value) if value is not None else np.nan
    except (ValueError, TypeError):
        return np.nan


def text_of(value: Any) -> str | None:
    """A number as it is written where it stood in a segment without texts: 12 for 12.0."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        value = int(value)
    return str(value)[:_LONGEST]
