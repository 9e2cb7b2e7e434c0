"""What went wrong in front of a visitor: events that say so by their name, and pages slower than is usual for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from afterclick.analyse.context import Context
from afterclick.analyse.kernels import pace as kernels
from afterclick.analyse.kernels.compiled import pool
from afterclick.analyse.kernels.pace import SLOWER, UNTIMED
from afterclick.analyse.kernels.parts import ERROR
from afterclick.core.arrays import frozen
from afterclick.core.names import SYSTEM_EVENTS
from afterclick.store.snapshot import Chunk

LOAD_TIMES: Final = ("load_ms", "load_time", "page_load_time", "duration_ms")
"""Properties that say how long a page or an action took; a row's is the first of them that it carries.

Their units do not matter: a time is only compared with others of the same property.
"""

TIMED: Final = 30
"""Fewer timed rows than this have no usual time."""

SLOW: Final = 2.0
"""Slow is more than this many times the usual (median) time of the same page group."""

_FEW: Final = 1 << 14
"""So few kinds of times each have a place of their own, whether there are such times or not."""

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_a-zA-Z]+")


def error_names(context: Context) -> np.ndarray:
    """Per code of book `name` whether the event reports an error; bool.

    The canonical or the raw name holds a word that begins with one of the store's `errors` (in scripts without
    spaces: that contains it). Calls to identify, messages and the like are no errors of a visitor.
    """

    def make() -> np.ndarray:
        canonical, raw = context.names()
        words = tuple(word.casefold() for word in context.snapshot.definitions.errors)
        found = [
            one not in SYSTEM_EVENTS and (_says(one, words) or _says(other, words))
            for one, other in zip(canonical, raw, strict=True)
        ]
        return frozen(np.array(found, bool))

    return context.keep(("error names",), make)


def _says(name: str, words: tuple[str, ...]) -> bool:
    spoken = [part.casefold() for part in _WORD.findall(name)]
    return any(part.startswith(word) if word.isascii() else word in part for part in spoken for word in words)


def load_times(context: Context) -> tuple[np.ndarray, np.ndarray]:
    """Per global row the time it reports (float64; not above 0, or not finite, where it reports none), and the place of
    its property in LOAD_TIMES (uint8; of one row where all times are of one property, and no row where there are none)."""
    times, which = np.zeros(0), np.zeros(0, np.uint8)
    for place, name in enumerate(LOAD_TIMES):
        values = _numbers(context, f"p.{name}")
        if values is None:
            continue
        if not len(which):
            times, which = values, np.full(1, place, np.uint8)
            continue
        said = np.isfinite(times) & (times > 0)
        times, which = np.where(said, times, values), np.where(said, which, np.uint8(place))
    return frozen(times), frozen(which)


def _numbers(context: Context, column: str) -> np.ndarray | None:
    """A property's column as numbers, NaN where it is none; None where the store has no such column."""
    kind = context.snapshot.column_kind(column)
    if kind == "number":
        return context.column(column)
    if kind != "coded":
        return None
    texts = np.array([_number(text) for text in context.texts(column)] or [np.nan], np.float64)
    codes = context.column(column)
    return np.where(codes >= 0, texts[np.maximum(codes, 0)], np.nan)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def slow_rows(context: Context) -> np.ndarray:
    """Per global row whether its load time is over SLOW times the usual of its page group; bool. See `pace`."""
    return context.keep(("slow rows",), lambda: frozen(pace(context) == SLOWER))


def pace(context: Context) -> np.ndarray:
    """Per global row UNTIMED, TIMED_ROW or SLOWER; uint8.

    The usual time is the median over all history of the same property on the same page group, of at least TIMED rows
    without those of bots; an event that is no page view is compared with the same event on the same page group. Rows
    of a group without a usual time are UNTIMED.
    """
    return context.keep(("pace",), lambda: _pace(context))


def troubles(context: Context) -> np.ndarray:
    """Per global row its pace, and ERROR where the event reports an error; uint8."""

    def make() -> np.ndarray:
        found = pace(context).copy()
        errors = frozen(np.where(error_names(context), ERROR, 0).astype(np.uint8))

        def mark(chunk: Chunk) -> None:
            here = found[chunk.start : chunk.start + chunk.rows]
            kernels.add_by_code(chunk.columns["name"], errors, here, rows=chunk.rows)

        if errors.any():
            list(pool().map(mark, context.snapshot.chunks(("name",), None)))
        return frozen(found)

    return context.keep(("troubles",), make)


def _pace(context: Context) -> np.ndarray:
    times, which = load_times(context)
    found = np.full(context.snapshot.rows, UNTIMED, np.uint8)
    if not len(which):
        return frozen(found)
    chunks = context.snapshot.chunks(("flags", "name", "page_group"), None)
    names, groups = len(context.texts("name")) + 1, len(context.texts("page_group")) + 1
    each = 1 if len(which) > 1 else 0

    def columns(chunk: Chunk) -> tuple[Any, ...]:
        rows = slice(chunk.start, chunk.start + chunk.rows)
        own = (chunk.columns[name] for name in ("flags", "name", "page_group"))
        return times[rows], *own, which[rows] if each else which, each, names, groups

    def judge(chunk: Chunk) -> None:
        here = found[chunk.start : chunk.start + chunk.rows]
        kernels.judge_times(*columns(chunk), place, usual, SLOW, here, rows=chunk.rows)

    used = np.full(len(LOAD_TIMES) * groups * names, len(LOAD_TIMES) * groups * names <= _FEW, np.uint8)
    if not used[0]:
        list(pool().map(lambda chunk: kernels.mark_times(*columns(chunk), used, rows=chunk.rows), chunks))
    place = frozen(np.cumsum(used, dtype=np.int32) - 1)
    usual = _usual(chunks, columns, place, int(used.sum()))
    list(pool().map(judge, chunks))
    return frozen(found)


def _usual(
    chunks: Sequence[Chunk], columns: Callable[[Chunk], tuple[Any, ...]], place: np.ndarray, kinds: int
) -> np.ndarray:
    """The median time of each kind of times, infinite where they are fewer than TIMED; float64."""

    def count(chunk: Chunk) -> np.ndarray:
        counts = np.zeros(kinds, np.int64)
        kernels.count_times(*columns(chunk), place, counts, rows=chunk.rows)
        return counts

    counts = list(pool().map(count, chunks))
    total = sum(counts, np.zeros(kinds, np.int64))
    enough = total >= TIMED
    edges = np.cumsum([0, *np.where(enough, total, 0)])
    before = np.cumsum([np.zeros(kinds, np.int64), *counts], axis=0)[:-1]
    laid = np.empty(int(edges[-1]), np.float64)

    def lay(chunk: Chunk, taken: np.ndarray) -> None:
        cursor = np.where(enough, edges[:-1] + taken, -1)
        kernels.lay_times(*columns(chunk), place, cursor, laid, rows=chunk.rows)

    list(pool().map(lay, chunks, before))
    usual = np.full(kinds, np.inf)
    chosen = np.flatnonzero(enough).tolist()
    usual[chosen] = list(pool().map(lambda kind: np.median(laid[edges[kind] : edges[kind + 1]]), chosen))
    return frozen(usual)
