"""What went wrong at each touchpoint, with numpy: what a server answers its first page with, before anything is compiled."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from afterclick.analyse.kernels.gather import SYMBOL_BITS, SYMBOL_MASK
from afterclick.analyse.kernels.pace import SLOWER
from afterclick.analyse.kernels.parts import AGAIN, ERROR, LOOPED, NOWHERE, PACE, PARTS, SLOWED, TIMED, TROUBLED, VISITS
from afterclick.store.columns import Flag


class _Rows(NamedTuple):
    """The rows of the visits one after another: visit (1, 2 ...), touchpoint, its cell, is it a page, is it an error."""

    visit: np.ndarray
    met: np.ndarray
    cell: np.ndarray
    page: np.ndarray
    error: np.ndarray


def meet(
    chosen: Any, edges: Any, first: int, last: int, at: Any, key: Any, own: Any, merged: Any, stage: Any, trouble: Any,
    path: Any, groups: int, size: int, counts: Any, views: Any, seen: Any, watched: int, marks: Any,  # noqa: ARG001
) -> None:  # fmt: skip
    """`friction.meet_troubles`; `seen` is not needed, and `counts` says the same per part (`friction.by_part`)."""
    begins, none = edges[chosen[first:last]], len(views) - 1
    lengths = edges[chosen[first:last] + 1] - begins
    visit = np.repeat(np.arange(len(lengths)), lengths)
    i = np.arange(len(visit)) + (begins - np.cumsum(lengths) + lengths)[visit]
    row, symbol, met = key[i] >> SYMBOL_BITS, key[i] & SYMBOL_MASK, merged[own[i]].astype(np.int64)
    page, stood, ill = (symbol & int(Flag.PAGE)) != 0, stage[row], trouble[row]
    cell = np.where(stood != NOWHERE, stood.astype(np.int64) * size + met, none)
    twin = (met < groups) & ~page
    error = ((ill & ERROR) != 0) & ~twin
    rows = _Rows(visit, met, cell, page, error)
    views += np.bincount(cell[~twin], minlength=len(views))
    acts = np.flatnonzero(((symbol & int(Flag.QUALIFYING)) != 0) & ~twin & ~error)
    met_in: list[tuple[int, np.ndarray, np.ndarray]] = [(VISITS, visit, cell)]
    for kind, where in ((TROUBLED, error), (TIMED, (ill & PACE) != 0), (SLOWED, (ill & PACE) == SLOWER)):
        there = np.flatnonzero(where)
        met_in.append((kind, visit[there], cell[there]))
    met_in += _beside_errors(rows, acts, none) + _retries(rows, acts, at[i], path[row])
    met_in += _loops(rows, acts[page[acts]]) + _loops(rows, acts[~page[acts]])
    # A visit counts once per cell and part, however often.
    packed = np.unique(np.concatenate([(v * len(views) + c) * PARTS + kind for kind, v, c in met_in]))
    place, part = packed // PARTS, packed % PARTS
    of = place % len(views)
    counts += np.bincount((of << PARTS) + (1 << part), minlength=len(counts))
    if watched >= 0:
        here = of == watched
        bits = np.bincount(place[here] // len(views), (1 << part[here]).astype(float), len(lengths)).astype(np.uint8)
        marks[first:last] = np.where(bits, bits, marks[first:last])


Found = list[tuple[int, np.ndarray, np.ndarray]]


def _beside_errors(rows: _Rows, acts: np.ndarray, none: int) -> Found:
    """An error belongs to the page it happens on and to the action it follows, too."""
    errors, found = np.flatnonzero(rows.error), []
    for chain in (acts, acts[rows.page[acts]]):
        last = np.searchsorted(chain, errors) - 1
        before = chain[np.maximum(last, 0)] if len(chain) else np.zeros(len(errors), np.int64)
        there = (last >= 0) & (rows.visit[before] == rows.visit[errors])
        found.append((TROUBLED, rows.visit[errors], np.where(there, rows.cell[before], none)))
    return found


def _retries(rows: _Rows, acts: np.ndarray, at: np.ndarray, path: np.ndarray) -> Found:
    """The same action on the same page soon again, or after an error."""
    now, before = acts[1:], acts[:-1]
    failed = np.cumsum(rows.error)
    soon = (failed[now] > failed[before]) | (at[now] - at[before] <= AGAIN)
    same = (rows.visit[now] == rows.visit[before]) & (rows.met[now] == rows.met[before])
    again = np.flatnonzero(soon & same & (path[now] >= 0) & (path[now] == path[before]))
    return [(TROUBLED, rows.visit[now[again]], rows.cell[one[again]]) for one in (now, before)]


def _loops(rows: _Rows, chain: np.ndarray) -> Found:
    """A, B, A along a chain of rows: the first row of the second A, and the last of the first one."""
    visit, met = rows.visit[chain], rows.met[chain]
    begins = np.flatnonzero((np.diff(visit, prepend=-1) != 0) | (np.diff(met, prepend=-1) != 0))
    if len(begins) < 3:
        return []
    back = np.flatnonzero((met[begins[2:]] == met[begins[:-2]]) & (visit[begins[2:]] == visit[begins[:-2]]))
    again, left = chain[begins[2:][back]], chain[begins[1:-1][back] - 1]
    return [(LOOPED, rows.visit[one], rows.cell[one]) for one in (again, left)]
