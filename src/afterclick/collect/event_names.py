"""What happened, by its canonical name: from the type of the call, the raw name and the map's own overrides."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.collect import cells
from afterclick.collect.fields import TYPES
from afterclick.core import names


def read(
    kind: pa.Array | None, raw: pa.Array | None, size: int, overrides: Mapping[str, str]
) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Type, raw name and canonical name of each row, all text (n); the canonical name is null where there is none at all."""
    types = _types(kind, size)
    trimmed = pa.nulls(size, pa.string()) if raw is None else cells.trimmed(raw)
    coded_type, coded_raw = types.dictionary_encode(), trimmed.dictionary_encode()
    words = [*coded_raw.dictionary.to_pylist(), None]
    calls = coded_type.dictionary.to_pylist()
    table = [_name(call, word, overrides) for call in calls for word in words]
    of_raw = np.asarray(pc.fill_null(coded_raw.indices, len(words) - 1))
    of_type = np.asarray(coded_type.indices)
    event = pa.array(table, pa.string()).take(pa.array(of_type.astype(np.int64) * len(words) + of_raw))
    return types, trimmed, event


def _types(kind: pa.Array | None, size: int) -> pa.Array:
    if kind is None:
        return pa.repeat(pa.scalar("track"), size)
    coded = cells.trimmed(kind).dictionary_encode()
    known = [word.lower() if word.lower() in TYPES else "track" for word in coded.dictionary.to_pylist()]
    return pc.fill_null(pa.array(known, pa.string()).take(coded.indices), "track")


def _name(call: str, word: str | None, overrides: Mapping[str, str]) -> str | None:
    if word is not None and word in overrides:
        return overrides[word]
    if word is None and call == "track":
        return None
    return names.canonical(word or "", call)
