"""Ids as they come: trimmed, whole numbers without `.0`, and those that stand for nobody taken as absent."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.collect import cells

PLACEHOLDERS: Final = (
    "null",
    "undefined",
    "none",
    "nil",
    "nan",
    "anonymous",
    "guest",
    "unknown",
    "n/a",
    "0",
    "-1",
    "1",
    "true",
    "[object object]",
    "00000000-0000-0000-0000-000000000000",
)
"""Texts that many trackers send when they know no id (SEMANTICS §16), compared without case."""

_REPEATED: Final = 4
_REPEATED_DIGIT: Final = 7
"""`xxxx` and `1111111` stand for nobody; `11` and `2222` are running numbers of real customers."""


def _starts() -> np.ndarray:
    # (first byte, length) pairs a placeholder can have: a cheap look at every id before the exact one at few.
    table = np.zeros((256, 64), bool)
    for text in PLACEHOLDERS:
        table[[ord(text[0]), ord(text[0].upper())], len(text)] = True
    return table


_STARTS: Final = _starts()
_SECOND: Final = np.zeros(256, bool)
_SECOND[0] = True
_SECOND[[code for text in PLACEHOLDERS for code in (*text[1:2].encode(), *text[1:2].upper().encode())]] = True


def clean(array: pa.Array) -> pa.Array:
    """Ids trimmed, empty ones null, and `17850.0`, as float columns print whole numbers, as `17850`."""
    array = cells.trimmed(array)
    view = cells.spans(array)
    whole = (view.length > 2) & (view.at(-1) == ord("0")) & (view.at(-2) == ord("."))
    if whole.any():
        array = pc.replace_substring_regex(array, r"^(-?\d+)\.0$", r"\1")
    return array


def emails(array: pa.Array) -> pa.Array:
    """E-mail addresses, plain or hashed: trimmed and lower-cased, nothing else."""
    return pc.utf8_lower(cells.trimmed(array)) if array.null_count < len(array) else array


def placeholders(array: pa.Array, real: Collection[str] = ()) -> np.ndarray:
    """Where an id stands for nobody, bool (n). `real` are ids that look like it and are not."""
    view = cells.spans(array)
    first, length = view.at(0), view.length
    suspect = _STARTS[first, np.minimum(length, 63)] & _SECOND[view.at(1)]
    suspect |= (length >= _REPEATED) & (view.at(1) == first) & (view.at(-1) == first) & (view.at(2) == first)
    suspect |= (length > 5) & (view.at(4) == ord("@")) & ((first | 32) == ord("t"))
    places = np.flatnonzero(suspect & cells.present(array))
    result = np.zeros(len(array), bool)
    if len(places):
        coded = array.take(pa.array(places)).dictionary_encode()
        nobody = np.array(
            [stands_for_nobody(text) and text not in real for text in coded.dictionary.to_pylist()], bool
        )
        result[places] = nobody[coded.indices.to_numpy()]
    return result


def stands_for_nobody(text: str) -> bool:
    """Whether one id is on the list of placeholders, or one character over and over (SEMANTICS 16)."""
    folded = text.lower()
    if folded in PLACEHOLDERS or folded.startswith("test@"):
        return True
    if len(set(folded)) > 1:
        return False
    return len(folded) >= (_REPEATED_DIGIT if folded[0] in "123456789" else _REPEATED)
