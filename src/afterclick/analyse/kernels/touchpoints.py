"""Which events are their page's twin, and which pages stand beside a goal: counted visitor by visitor, visit by visit."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from afterclick.analyse.kernels.compiled import index as _u
from afterclick.analyse.kernels.compiled import kernel
from afterclick.core.arrays import frozen
from afterclick.store.columns import Flag

LONGEST: Final = 600_000
"""A page that is said to take more milliseconds than this says something else."""


_PAGE: Final = int(Flag.PAGE)
_SYSTEM: Final = int(Flag.SYSTEM)
_ACT: Final = int(Flag.PAGE | Flag.QUALIFYING)
NOWHERE: Final = 255
"""The stage of a row that does not count."""


def _example_own() -> tuple[Any, ...]:
    code, flags = frozen(np.zeros(1, np.int32)), frozen(np.zeros(1, np.uint16))
    return flags, code, code, code, np.zeros(1, np.int32)


def _own_vector(flags: Any, group: Any, name: Any, event: Any, out: Any) -> None:
    out[:] = np.where(((flags & _PAGE) != 0) & (group >= 0), group, event[name])


@kernel(example=_example_own, vector=_own_vector)
def own_points(flags: Any, group: Any, name: Any, event: Any, out: Any) -> None:
    """out[i] = the page group of a page view that has one, else event[name[i]]."""
    for i in range(len(flags)):
        out[i] = group[i] if flags[i] & _PAGE and group[i] >= 0 else event[name[i]]


def _example_along() -> tuple[Any, ...]:
    return frozen(np.zeros(1, np.int64)), frozen(np.zeros(1, np.int32)), 0, 1, np.zeros(1, np.int32)


def _along_vector(key: Any, own: Any, low: int, high: int, out: Any) -> None:
    out[low:high] = own[key[low:high] >> 16]


@kernel(example=_example_along, vector=_along_vector)
def lay_along(key: Any, own: Any, low: int, high: int, out: Any) -> None:
    """out[i] = the code of gathered row i, for low <= i < high: read once out of order, then in order by all."""
    for i in range(low, high):
        out[i] = own[key[_u(i)] >> 16]


def _example_meet() -> tuple[Any, ...]:
    long, code, small = (frozen(np.zeros(1, kind)) for kind in (np.int64, np.int32, np.uint8))
    outs = [np.zeros(1, kind) for kind in (np.uint8, np.uint8, np.int64, np.int64, np.int64)]
    return frozen(np.array([0, 1])), long, long, code, code, small, 1, 1, 0, 1, 0, 1, *outs


def _meet_vector(
    offsets: Any, at: Any, key: Any, own: Any, merged: Any, stage: Any, groups: int, size: int, first: int, last: int,
    start: int, end: int, stage_out: Any, by_row: Any, events: Any, visitors: Any, _: Any,
) -> None:  # fmt: skip
    span = slice(offsets[first], offsets[last])
    row, symbol = key[span] >> 16, key[span] & 0xFFFF
    code, here = merged[own[row]], np.array(stage[span])
    is_page = (symbol & _PAGE) != 0
    twin = (code < groups) & ~is_page
    ends = offsets[first + 1 : last + 1] - offsets[first]
    leads = np.append((code[:-1] < groups) & ~twin[:-1] & ~is_page[1:] & (code[:-1] == code[1:]), False)[: len(code)]
    leads[ends[ends > 0] - 1] = False
    page = np.flatnonzero(leads)
    here[page] = stage[span][page + 1]
    stage_out[span] = here
    acts = (symbol & _SYSTEM) == 0
    by_row[row[acts]] = here[acts]
    counted = np.flatnonzero(acts & (here != NOWHERE) & (at[span] >= start) & (at[span] < end))
    cell = here[counted].astype(np.int64) * size + code[counted]
    events += np.bincount(cell[~twin[counted]], minlength=len(events))
    owner = np.searchsorted(ends, counted, side="right")
    visitors += np.bincount(np.unique(owner * len(events) + cell) % max(len(events), 1), minlength=len(events))


@kernel(example=_example_meet, vector=_meet_vector)
def meet_points(
    offsets: Any, at: Any, key: Any, own: Any, merged: Any, stage: Any, groups: int, size: int, first: int, last: int,
    start: int, end: int, stage_out: Any, by_row: Any, events: Any, visitors: Any, marker: Any,
) -> None:  # fmt: skip
    """At which stage each row of visitors first <= v < last is met, `stage_out` by gathered row and, of behaviour only,
    `by_row` by global row; events and distinct visitors per cell = stage * size + touchpoint in [start, end).

    A page view right before its twin stands at the twin's stage; twins, events that are met as a page, add no events.
    """
    for visitor in range(first, last):
        high = offsets[visitor + 1]
        for i in range(offsets[visitor], high):
            symbol, row = key[_u(i)] & 0xFFFF, key[_u(i)] >> 16
            code, here = merged[own[_u(row)]], stage[_u(i)]
            twin = code < groups and not symbol & _PAGE
            follows = i + 1 < high and not twin and code < groups and not key[i + 1] & _PAGE
            if follows and merged[own[key[i + 1] >> 16]] == code:
                here = stage[i + 1]
            stage_out[_u(i)] = here
            if symbol & _SYSTEM:
                continue
            by_row[_u(row)] = here
            if here != NOWHERE and start <= at[_u(i)] < end:
                cell = here * size + code
                if not twin:
                    events[_u(cell)] += 1
                if marker[_u(cell)] != visitor + 1:
                    marker[_u(cell)] = visitor + 1
                    visitors[_u(cell)] += 1


def _example_leave() -> tuple[Any, ...]:
    long, code, small = (frozen(np.zeros(1, kind)) for kind in (np.int64, np.int32, np.uint8))
    outs = np.zeros(1, np.int64), np.zeros(1, np.int64)
    return long, frozen(np.zeros(2, np.int64)), long, code, code, small, 1, 1, 0, 1, *outs


@kernel(example=_example_leave)
def leave_points(
    chosen: Any, edges: Any, key: Any, own: Any, merged: Any, stage: Any, groups: int, size: int, first: int, last: int,
    exits: Any, seen: Any,
) -> None:  # fmt: skip
    """Count per cell the visits `chosen[first:last]` that left there: on the last page, on an event that was their last
    page or action, and on each passive event behind that. Visit s holds the gathered rows edges[s] to edges[s + 1];
    `own` is by gathered row, `stage` by global row (NOWHERE = does not count).
    """
    for place in range(first, last):
        low, i = edges[chosen[place]], edges[chosen[place] + 1]
        left, stepped = False, False
        while i > low and not (left and stepped):
            i -= 1
            symbol, row = key[i] & 0xFFFF, key[i] >> 16
            code, page, act = merged[own[i]], symbol & _PAGE, symbol & _ACT
            cell = stage[row] * size + code if stage[row] != NOWHERE else -1
            if page and not left:
                left = True
                if cell >= 0:
                    exits[cell] += 1
            if stepped:
                continue
            if act and (page or code >= groups):
                stepped = True
                # A page without an address is an event's touchpoint: it was counted as the last page just now.
                if cell >= 0 and code >= groups and not page:
                    exits[cell] += 1
            elif not act and code >= groups and cell >= 0 and seen[cell] != place + 1:
                seen[cell] = place + 1
                exits[cell] += 1


def _example_follow() -> tuple[Any, ...]:
    long, code, real = (frozen(np.zeros(1, kind)) for kind in (np.int64, np.int32, np.float64))
    return frozen(np.array([0, 1])), long, long, code, real, 1, 1, 0, 1, np.zeros(2, np.int64), np.zeros(1, np.int64)


def _follow_vector(
    offsets: Any, at: Any, key: Any, point: Any, loading: Any, groups: int, within: int, first: int, last: int,
    total: Any, followed: Any,
) -> None:  # fmt: skip
    low, high = offsets[first], offsets[last]
    code, page = point[low:high], point[low:high] < groups
    total += np.bincount(code, minlength=len(total))
    follows = np.append(False, page[:-1] & ~page[1:])[: len(code)]
    begins = offsets[first:last] - low
    follows[begins[begins < len(code)]] = False
    rows = np.flatnonzero(follows) + low
    gap = at[rows] - at[rows - 1]
    if len(loading):
        waited = loading[key[rows - 1] >> 16]
        said = (waited > 0) & (waited < LONGEST)
        gap -= np.where(said, waited * 1000, 0).astype(np.int64)
    rows = rows[gap <= within]
    pair = (point[rows].astype(np.int64) - groups) * groups + point[rows - 1]
    followed += np.bincount(pair, minlength=len(followed))


@kernel(example=_example_follow, vector=_follow_vector)
def follow_pages(
    offsets: Any, at: Any, key: Any, point: Any, loading: Any, groups: int, within: int, first: int, last: int,
    total: Any, followed: Any,
) -> None:  # fmt: skip
    """Count the rows of each touchpoint, and per event - page those that stand right behind that page, at most `within` later.

    `point` is the touchpoint of each gathered row, pages below `groups`; `loading` (per global row ms, or empty) is how
    long the page before took to load, which the event may wait. `followed[(event - groups) * groups + page]`.
    """
    for visitor in range(first, last):
        before = groups
        for i in range(offsets[visitor], offsets[visitor + 1]):
            code = point[_u(i)]
            total[_u(code)] += 1
            if code >= groups > before:
                gap = at[_u(i)] - at[_u(i - 1)]
                if gap > within and len(loading):
                    waited = loading[key[_u(i - 1)] >> 16]
                    if 0 < waited < LONGEST:
                        gap -= int(waited * 1000)
                if gap <= within:
                    followed[_u((code - groups) * groups + before)] += 1
            before = code


def _example_both() -> tuple[Any, ...]:
    code = frozen(np.zeros(1, np.int32))
    return frozen(np.array([0, 1])), code, code, code, 0, 1, np.zeros(3, np.int64), np.zeros(1, np.int64)


def _both_vector(
    offsets: Any, point: Any, one: Any, other: Any, first: int, last: int, visitors: Any, _: Any
) -> None:
    owner = np.repeat(np.arange(last - first), np.diff(offsets[first : last + 1]))
    code = point[offsets[first] : offsets[last]]
    for k, pair in enumerate(zip(one.tolist(), other.tolist(), strict=True)):
        met = np.zeros((2, last - first), bool)
        for side, wanted in enumerate(pair):
            met[side, owner[code == wanted]] = True
        visitors[3 * k : 3 * k + 3] += (*met.sum(axis=1), (met[0] & met[1]).sum())


@kernel(example=_example_both, vector=_both_vector)
def meet_both(
    offsets: Any, point: Any, one: Any, other: Any, first: int, last: int, visitors: Any, seen: Any
) -> None:
    """Count per pair k the visitors who met one[k], other[k], and both: `visitors[3 * k]` and the two places behind it.

    `point` is the touchpoint of each gathered row.
    """
    for visitor in range(first, last):
        for i in range(offsets[visitor], offsets[visitor + 1]):
            seen[_u(point[_u(i)])] = visitor + 1
        for k in range(len(one)):
            a, b = seen[one[k]] == visitor + 1, seen[other[k]] == visitor + 1
            if a:
                visitors[3 * k] += 1
            if b:
                visitors[3 * k + 1] += 1
            if a and b:
                visitors[3 * k + 2] += 1


def _example_beside() -> tuple[Any, ...]:
    code = frozen(np.zeros(1, np.int32))
    outs = [np.zeros(1, np.int64) for _ in range(4)]
    return frozen(np.array([0, 1])), code, code, frozen(np.zeros(1, np.uint8)), 1, 0, 1, *outs


def _beside_vector(
    edges: Any, own: Any, merged: Any, goal: Any, groups: int, first: int, last: int,
    visits: Any, beside: Any, _seen: Any, _marked: Any,
) -> None:  # fmt: skip
    low, high, size = int(edges[first]), int(edges[last]), max(groups, 1)
    code, reached = merged[own[low:high]].astype(np.int64), goal[own[low:high]] != 0
    cell = np.repeat(np.arange(last - first), np.diff(edges[first : last + 1])) * size + code
    page, same = code < groups, (cell - code)[1:] == (cell - code)[:-1]
    met = np.unique(cell[page])
    # A page right behind a goal, and one right before it.
    stands = np.unique(np.concatenate([cell[1:][same & reached[:-1] & page[1:]], cell[:-1][same & reached[1:] & page[:-1]]]))
    visits += np.bincount(met % size, minlength=len(visits))
    beside += np.bincount(stands % size, minlength=len(beside))


@kernel(example=_example_beside, vector=_beside_vector)
def stand_beside(
    edges: Any, own: Any, merged: Any, goal: Any, groups: int, first: int, last: int,
    visits: Any, beside: Any, seen: Any, marked: Any,
) -> None:  # fmt: skip
    """Count per page (a touchpoint below `groups`) the visits first <= s < last that met it, and those in which it
    stands directly beside a goal. Visit s holds the gathered rows edges[s] to edges[s + 1]; `own` is the code of each
    gathered row, `goal` tells of codes whether they are one, `merged` under which code each is met.
    """
    for visit in range(first, last):
        low, high = edges[visit], edges[visit + 1]
        before, open_goal = -1, False
        for i in range(low, high):
            own_code = own[_u(i)]
            code, reached = merged[_u(own_code)], goal[_u(own_code)] != 0
            if code < groups:
                if seen[_u(code)] != visit + 1:
                    seen[_u(code)] = visit + 1
                    visits[_u(code)] += 1
                if open_goal and marked[_u(code)] != visit + 1:
                    marked[_u(code)] = visit + 1
                    beside[_u(code)] += 1
            if reached and 0 <= before < groups and marked[_u(before)] != visit + 1:
                marked[_u(before)] = visit + 1
                beside[_u(before)] += 1
            before, open_goal = code, reached
