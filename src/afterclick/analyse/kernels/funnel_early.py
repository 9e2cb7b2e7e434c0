"""Whether a visitor can get past step 1 at all, seen from the symbols alone: helpers of the general funnel's kernel."""

from __future__ import annotations

from typing import Any

from afterclick.analyse.kernels.funnel_attempt import ANY, NOTHING, STRICT
from afterclick.analyse.kernels.search import after

GOES_ON = -2
SILENT, MOVES, STARTS = 0, 1, 2


def early(optional: Any, without: Any, required: int, order: int, c: int) -> bool:
    """Can a column that is no required step matter before step 2 is taken?"""
    if order == ANY or c >= required + len(optional) + len(without) // 2:
        return order == ANY
    if c < required + len(optional):
        return bool(optional[c - required] == 1)
    return bool(without[2 * (c - required - len(optional))] == 1)


def telling(
    match: Any,
    optional: Any,
    without: Any,
    anchored: Any,
    columns: int,
    required: int,
    order: int,
    tells: Any,
    alone: Any,
) -> None:
    """What each symbol says of a visitor who may never get past step 1, and whether it serves nothing but a first step.

    SILENT nothing; STARTS it may only open an attempt; MOVES it may do more; in any order, STARTS + 1 + 2 c (+ 1 where it
    may open an attempt): it serves step c alone.
    """
    for symbol in range(len(tells)):
        cell, found, count, first = symbol * columns, SILENT, 0, False
        # In strict order every row serves the last column.
        for c in range(columns - 1 if order == STRICT else columns):
            if not match[cell + c]:
                continue
            count += 1
            first = first or c == 0 or (order == ANY and c < required and not anchored[c])
            if order == ANY and c < required and found == SILENT:
                found = STARTS + 1 + 2 * c + (1 if c == 0 or not anchored[c] else 0)
            elif order == ANY or c == 1 or (c >= required and early(optional, without, required, order, c)):
                found = MOVES
            elif c == 0:
                found = STARTS
        tells[symbol] = found
        alone[symbol] = 1 if first and count == 1 else 0


def only_begun(
    at: Any, key: Any, tells: Any, opens: Any, order: int, low: int, high: int, start: int, end: int
) -> int:  # fmt: skip
    """The first start of rows that serve neither a second step nor an option; NOTHING without one, else GOES_ON."""
    begin, only = NOTHING, SILENT
    for i in range(low, high):
        said = tells[key[i] & 0xFFFF]
        if said == SILENT:
            continue
        if said == MOVES:
            return GOES_ON
        may = True
        if order == ANY:
            other = said != only
            if other and only != SILENT:
                return GOES_ON
            only = said
            may = (said - STARTS - 1) % 2 == 1
        if begin < 0 and may and start <= at[i] < end and (len(opens) == 0 or opens[i]):
            begin = i
    return begin


def begun_until(
    at: Any, key: Any, match: Any, columns: int, order: int, within: int, tolerance: int, begin: int, high: int
) -> int:
    """Until when an attempt that took step 1 at the row `begin` waits, where no option stands in its way."""
    limit = at[begin] + within
    if order == STRICT:
        j = after(at, begin, high, at[begin] + tolerance)
        while j < high and at[j] <= limit:
            if match[(key[j] & 0xFFFF) * columns + columns - 1]:
                return int(min(limit, at[j] + tolerance))
            j += 1
    return int(limit)
