"""Rows found or left out by a bit of their symbol."""

from __future__ import annotations

import numpy as np

from afterclick.analyse.gathered import Gathered
from afterclick.analyse.kernels import marks as kernels
from afterclick.analyse.kernels.compiled import pool
from afterclick.core.arrays import frozen


def marked(rows: Gathered, bit: int) -> np.ndarray:
    """The places of the rows whose symbol carries this bit, ascending int64."""
    if kernels.count_marked.runs_plain(len(rows.at)):
        return frozen(np.flatnonzero(rows.key & bit))
    spans = rows.spans(kernels.count_marked.parts(len(rows.at)))
    counts = list(pool().map(lambda span: kernels.count_marked.fast()(rows.offsets, rows.key, *span, bit), spans))
    found = np.empty(sum(counts), np.int64)
    places = np.cumsum([0, *counts])[:-1].tolist()
    find = kernels.find_marked.fast()
    list(pool().map(lambda span, place: find(rows.offsets, rows.key, *span, bit, place, found), spans, places))
    return frozen(found)


def without(rows: Gathered, bit: int) -> Gathered:
    """The rows whose symbol does not carry this bit; the very same relation where none does."""
    if kernels.count_marked.runs_plain(len(rows.at)):
        kept = np.flatnonzero((rows.key & bit) == 0)
        if len(kept) == len(rows.at):
            return rows
        offsets = np.searchsorted(kept, rows.offsets)
        return Gathered(frozen(offsets), frozen(rows.at[kept]), frozen(rows.key[kept]))
    spans = rows.spans(kernels.count_marked.parts(len(rows.at)))
    dropped = list(pool().map(lambda span: kernels.count_marked.fast()(rows.offsets, rows.key, *span, bit), spans))
    if not sum(dropped):
        return rows
    kept_rows = len(rows.at) - sum(dropped)
    offsets, at, key = np.zeros(len(rows.offsets), np.int64), np.empty(kept_rows, np.int64), np.empty(kept_rows, np.int64)
    places = [int(rows.offsets[first]) for first, _ in spans] - np.cumsum([0, *dropped])[:-1]

    def drop(span: tuple[int, int], place: int) -> None:
        kernels.drop_marked.fast()(rows.offsets, rows.at, rows.key, *span, bit, int(place), offsets, at, key)

    list(pool().map(drop, spans, places))
    return Gathered(frozen(offsets), frozen(at), frozen(key))
