"""How long pages and actions took, brought together by what they are compared with, and judged by what is usual there."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from afterclick.analyse.kernels.compiled import index as _u
from afterclick.analyse.kernels.compiled import kernel
from afterclick.core.arrays import frozen
from afterclick.store.columns import Flag

_PAGE: Final = int(Flag.PAGE)
_BOT: Final = int(Flag.BOT)
UNTIMED, TIMED_ROW, SLOWER = 0, 1, 2


def _kind(i: int, flags: Any, name: Any, group: Any, which: Any, each: int, names: int, groups: int) -> int:
    """What row i is compared with: the same property on the same page group, of the same event if it is no page view."""
    event = 0 if flags[i] & _PAGE else name[i] + 1
    return int((which[i * each] * groups + group[i] + 1) * names + event)


def _kinds(rows: Any, flags: Any, name: Any, group: Any, which: Any, each: int, names: int, groups: int) -> Any:
    """`_kind` of several rows."""
    event = np.where(flags[rows] & _PAGE, 0, name[rows].astype(np.int64) + 1)
    return (which[rows * each].astype(np.int64) * groups + group[rows] + 1) * names + event


def _timed(times: Any) -> Any:
    return (times > 0) & (times < np.inf)


def _mark_vector(times: Any, *more: Any) -> None:
    *columns, used = more
    used[_kinds(np.flatnonzero(_timed(times)), *columns)] = 1


def _counted(times: Any, flags: Any) -> Any:
    return np.flatnonzero(_timed(times) & ((flags & _BOT) == 0))


def _count_vector(times: Any, flags: Any, *more: Any) -> None:
    *columns, place, counts = more
    counts += np.bincount(place[_kinds(_counted(times, flags), flags, *columns)], minlength=len(counts))


def _lay_vector(times: Any, flags: Any, *more: Any) -> None:
    *columns, place, cursor, out = more
    rows = _counted(times, flags)
    kind = place[_kinds(rows, flags, *columns)]
    order = np.argsort(kind, kind="stable")
    order = order[cursor[kind[order]] >= 0]
    first = np.searchsorted(kind[order], kind[order])
    out[cursor[kind[order]] + np.arange(len(order)) - first] = times[rows[order]]
    cursor += np.bincount(kind[order], minlength=len(cursor))


def _judge_vector(times: Any, flags: Any, *more: Any) -> None:
    *columns, place, usual, slow, out = more
    rows = np.flatnonzero(_timed(times))
    known = usual[place[_kinds(rows, flags, *columns)]]
    out[:] = UNTIMED
    judged = np.where(times[rows] > slow * known, SLOWER, TIMED_ROW)
    out[rows] = np.where(known < np.inf, judged, UNTIMED)


def _add_vector(code: Any, table: Any, out: Any) -> None:
    out |= table[code]


def _example_mark() -> tuple[Any, ...]:
    code, flags = frozen(np.zeros(1, np.int32)), frozen(np.zeros(1, np.uint16))
    return frozen(np.zeros(1)), flags, code, code, frozen(np.zeros(1, np.uint8)), 0, 2, 2, np.zeros(8, np.uint8)


@kernel(_kind, example=_example_mark, vector=_mark_vector)
def mark_times(
    times: Any, flags: Any, name: Any, group: Any, which: Any, each: int, names: int, groups: int, used: Any
) -> None:
    """Set used[kind] where a row has a time (above 0 and finite) of that kind."""
    for i in range(len(times)):
        if 0 < times[i] < np.inf:
            used[_kind(i, flags, name, group, which, each, names, groups)] = 1


def _example() -> tuple[Any, ...]:
    return *_example_mark()[:-1], frozen(np.zeros(8, np.int32)), np.zeros(8, np.int64)


@kernel(_kind, example=_example, vector=_count_vector)
def count_times(
    times: Any, flags: Any, name: Any, group: Any, which: Any, each: int, names: int, groups: int, place: Any, counts: Any
) -> None:
    """Add up the times at the place of their kind; those of bots are left out."""
    for i in range(len(times)):
        if 0 < times[i] < np.inf and not flags[i] & _BOT:
            counts[_u(place[_u(_kind(i, flags, name, group, which, each, names, groups))])] += 1


def _example_lay() -> tuple[Any, ...]:
    return *_example()[:-1], np.zeros(8, np.int64), np.zeros(1)


@kernel(_kind, example=_example_lay, vector=_lay_vector)
def lay_times(
    times: Any, flags: Any, name: Any, group: Any, which: Any, each: int, names: int, groups: int, place: Any,
    cursor: Any, out: Any,
) -> None:  # fmt: skip
    """Write the times that `count_times` counts where the cursor of their kind stands; a negative cursor takes none."""
    for i in range(len(times)):
        if 0 < times[i] < np.inf and not flags[i] & _BOT:
            kind = _u(place[_u(_kind(i, flags, name, group, which, each, names, groups))])
            if cursor[kind] >= 0:
                out[_u(cursor[kind])] = times[i]
                cursor[kind] += 1


def _example_judge() -> tuple[Any, ...]:
    return *_example()[:-1], frozen(np.zeros(8)), 2.0, np.zeros(1, np.uint8)


@kernel(_kind, example=_example_judge, vector=_judge_vector)
def judge_times(
    times: Any, flags: Any, name: Any, group: Any, which: Any, each: int, names: int, groups: int,
    place: Any, usual: Any, slow: float, out: Any,
) -> None:  # fmt: skip
    """out[i] = SLOWER where a time is more than `slow` times the usual one of its kind, else TIMED_ROW; UNTIMED without
    a time, or where nothing is usual (infinite)."""
    for i in range(len(times)):
        out[i] = UNTIMED
        if 0 < times[i] < np.inf:
            known = usual[_u(place[_u(_kind(i, flags, name, group, which, each, names, groups))])]
            if known < np.inf:
                out[i] = SLOWER if times[i] > slow * known else TIMED_ROW


def _example_add() -> tuple[Any, ...]:
    return frozen(np.zeros(1, np.int32)), frozen(np.zeros(1, np.uint8)), np.zeros(1, np.uint8)


@kernel(example=_example_add, vector=_add_vector)
def add_by_code(code: Any, table: Any, out: Any) -> None:
    """out[i] |= table[code[i]]."""
    for i in range(len(code)):
        out[i] |= table[code[i]]
