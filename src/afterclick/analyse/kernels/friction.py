"""What went wrong at each touchpoint of a visit: errors and retries, ways back and forth, slow answers."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from afterclick.analyse.kernels import friction_vector
from afterclick.analyse.kernels.compiled import index as _u
from afterclick.analyse.kernels.compiled import kernel
from afterclick.analyse.kernels.pace import SLOWER
from afterclick.analyse.kernels.parts import AGAIN, ERROR, LOOPED, NOWHERE, PACE, PARTS, SLOWED, TIMED, TROUBLED, VISITS
from afterclick.core.arrays import frozen
from afterclick.store.columns import Flag

_ALL: Final = (1 << PARTS) - 1
_PAGE: Final = int(Flag.PAGE)
_QUALIFYING: Final = int(Flag.QUALIFYING)


def _mark(counts: Any, seen: Any, cell: int, bits: int, visit: int) -> None:
    """Count a visit once in each of these parts of a cell: `counts` by the parts that are new to the visit, all at once.

    Which parts are new is too irregular to be guessed by a processor, so nothing here depends on a guess.
    """
    old = seen[_u(cell)]
    known = (old & _ALL) * (1 if old >> PARTS == visit else 0)
    counts[(cell << PARTS) + (bits & ~known)] += 1
    seen[_u(cell)] = visit << PARTS | known | bits


def by_part(counts: np.ndarray) -> np.ndarray:
    """The visits per part of each cell, int64[cells, PARTS], of what `meet_troubles` counted."""
    bits = np.arange(1 << PARTS)[:, None] >> np.arange(PARTS) & 1
    result: np.ndarray = counts.reshape(-1, 1 << PARTS)[:-1] @ bits
    return result


def _example() -> tuple[Any, ...]:
    long, code, byte = (frozen(np.zeros(1, kind)) for kind in (np.int64, np.int32, np.uint8))
    return (
        long, frozen(np.zeros(2, np.int64)), 0, 1, long, long, code, code, byte, byte, code, 1, 1,
        np.zeros(2 << PARTS, np.int64), np.zeros(2, np.int64), np.zeros(2, np.int64),
        -1, np.zeros(1, np.uint8),
    )  # fmt: skip


@kernel(_mark, example=_example, inlined=True, vector=friction_vector.meet)
def meet_troubles(
    chosen: Any, edges: Any, first: int, last: int, at: Any, key: Any, own: Any, merged: Any, stage: Any, trouble: Any,
    path: Any, groups: int, size: int, counts: Any, views: Any, seen: Any, watched: int, marks: Any,
) -> None:  # fmt: skip
    """Count the visits `chosen[first:last]` per cell = stage * size + touchpoint, and one cell more for what is in none.

    Visit s holds the gathered rows edges[s] to edges[s + 1]; the code of a row is own[i], met as merged[own[i]] (under
    `groups` a page group, whose rows that are no page view are its twins). By global row: `stage` (NOWHERE = does not
    count), `trouble` (its pace, and ERROR), `path` (-1 none).
    An error belongs to itself, to the page it happens on and to the action it follows. A loop is A, B, A among the pages,
    or among the events, of the visit. `views` counts rows without twins; `counts` has 1 << PARTS places per cell (see
    `by_part`), `seen` one. With a `watched` cell (else -1) `marks[place]` gets the bits 1 << part of what the visit met.
    """
    none = len(views) - 1
    for place in range(first, last):
        visit = place + 1
        acted, acted_cell, after_error = -1, none, False
        page_now, page_before, page_cell, page_before_cell = -1, -1, none, none
        event_now, event_before, event_cell, event_before_cell = -1, -1, none, none
        for i in range(edges[chosen[place]], edges[chosen[place] + 1]):
            row, symbol = key[_u(i)] >> 16, key[_u(i)] & 0xFFFF
            met, page, ill = merged[_u(own[i])], symbol & _PAGE, trouble[_u(row)]
            cell = none
            if stage[_u(row)] != NOWHERE:
                cell = stage[_u(row)] * size + met
            timed, slow = (1 if ill & PACE else 0), (1 if ill & PACE == SLOWER else 0)
            twin = 1 if met < groups and not page else 0
            error = (1 if ill & ERROR else 0) * (1 - twin)
            bits = 1 << VISITS | error << TROUBLED | timed << TIMED | slow << SLOWED
            _mark(counts, seen, cell, bits, visit)
            views[_u(cell)] += 1 - twin
            if error:
                _mark(counts, seen, page_cell, 1 << TROUBLED, visit)
                _mark(counts, seen, acted_cell, 1 << TROUBLED, visit)
                after_error = True
            if twin or error or not symbol & _QUALIFYING:
                continue
            if acted >= 0:
                same = merged[own[_u(acted)]] == met and path[_u(row)] >= 0 and path[_u(row)] == path[key[_u(acted)] >> 16]
                if same and (after_error or at[_u(i)] - at[_u(acted)] <= AGAIN):
                    _mark(counts, seen, cell, 1 << TROUBLED, visit)
                    _mark(counts, seen, acted_cell, 1 << TROUBLED, visit)
            # A way is kept in variables of its own: in an array it took twice as long as all the rest.
            if page:
                if page_now != met:
                    if page_before == met:
                        _mark(counts, seen, cell, 1 << LOOPED, visit)
                        _mark(counts, seen, page_before_cell, 1 << LOOPED, visit)
                    page_before, page_before_cell, page_now = page_now, page_cell, met
                page_cell = cell
            else:
                if event_now != met:
                    if event_before == met:
                        _mark(counts, seen, cell, 1 << LOOPED, visit)
                        _mark(counts, seen, event_before_cell, 1 << LOOPED, visit)
                    event_before, event_before_cell, event_now = event_now, event_cell, met
                event_cell = cell
            acted, acted_cell, after_error = i, cell, False
        if watched >= 0 and seen[watched] >> PARTS == visit:
            marks[place] = seen[watched] & _ALL
