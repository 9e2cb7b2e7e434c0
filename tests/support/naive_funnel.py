"""Funnels of every kind again, in naive lines over Python lists, straight from the definition's sentences.

A row is (visitor, at, event_id, name, dict); `Ask` says what is asked. Nothing of the package is imported.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any


@dataclass
class Ask:
    """Steps and exclusions are functions of a row; `without` holds (function, after, before), from 1, as listed."""

    steps: list[Any]
    within: int
    optional: tuple[int, ...] = ()
    anchored: tuple[int, ...] = ()
    order: str = "sequential"
    without: tuple[Any, ...] = ()
    drop: bool = False
    previous: bool = False
    strict: bool = False
    tolerance: int = 0
    entry: str = "best"
    start: int = -(2**60)
    end: int = 2**60
    hold: Any = None  # a row's value, None where it has none
    opens: Any = None  # may a row open an attempt
    behaves: Any = lambda row: True  # is a row behaviour: only that ends an attempt in strict order

    @property
    def required(self):
        return [k for k in range(len(self.steps)) if k not in self.optional]

    def rank(self, step):
        """How many required steps stand before a listed one."""
        return sum(k < step for k in self.required)


def chase(rows, first, ask):
    """One greedy attempt: rows taken, steps they served, how it ended, when or where, and until when it was open."""
    need, at = ask.required, [row[1] for row in rows]
    pick = [first]
    took = [
        next(
            k for k in need if ask.steps[k](rows[first]) and (ask.order == "any" or k == 0) and anchored_ok(ask, k, [])
        )
    ]
    while len(pick) < len(need):
        latest, r = max(at[n] for n in pick), len(pick)
        limit = (at[pick[-1]] if ask.previous else at[first]) + ask.within
        how, stop, close = "over", limit, limit
        for test, after, before in ask.without:
            i, j = (1, len(need)) if ask.order == "any" else (ask.rank(after - 1) + 1, ask.rank(before - 1) + 1)
            hits = [at[n] for n, row in enumerate(rows) if i <= r < j and test(row) and at[pick[i - 1]] < at[n] < limit]
            if hits and min(hits) < stop:
                how, stop, close = "excluded", min(hits), min(hits)
        if ask.order == "strict":
            passing = [ask.steps[o] for o in ask.optional if ask.rank(o) == r]
            others = [
                n for n, row in enumerate(rows)
                if n not in pick and ask.behaves(row) and at[n] > at[pick[-1]] + ask.tolerance
                and not any(test(row) for test in passing)
            ]  # fmt: skip
            if others and (at[others[0]] < stop or (how == "over" and at[others[0]] == stop)):
                how, stop, close = "broken", others[0], min(close, at[others[0]] + ask.tolerance)
        open_steps = (
            [k for k in need if k not in took and anchored_ok(ask, k, took)] if ask.order == "any" else [need[r]]
        )
        found = [
            (n, k) for n, row in enumerate(rows) for k in open_steps
            if n not in pick and ask.steps[k](row) and follows(ask, at[n], latest) and at[n] <= close
            and holds(ask, rows[first], row)
        ]  # fmt: skip
        if not found:
            return pick, took, how, stop, close
        pick.append(min(found)[0])
        took.append(min(found)[1])
    return pick, took, "through", max(pick), max(at[n] for n in pick)


def anchored_ok(ask, step, took):
    return step not in ask.anchored or all(k in took for k in range(step))


def follows(ask, at, latest):
    return at > latest if ask.strict else at >= latest - ask.tolerance


def holds(ask, first, row):
    return ask.hold is None or (ask.hold(first) is not None and ask.hold(first) == ask.hold(row))


def options(rows, one, ask):
    """{optional step: row}: the first unused event between the neighbours, or before the end where the next is missing."""
    pick, _, _, _, close = one
    used, found = list(pick), {}
    for o in ask.optional:
        before = ask.rank(o)
        if len(pick) < before:
            continue
        latest, upto = max(rows[n][1] for n in pick[:before]), close
        if len(pick) > before:
            upto = rows[pick[before]][1] + (-1 if ask.strict else ask.tolerance)
        for n, row in enumerate(rows):
            if (
                n not in used and ask.steps[o](row) and follows(ask, row[1], latest) and row[1] <= upto
                and holds(ask, rows[pick[0]], row)
            ):  # fmt: skip
                found[o] = row
                used.append(n)
                break
    return found


def units(rows, ask):
    """[(rows taken, their steps, options, until when)] of one slice; where an exclusion takes visitors out, the set of them.

    A slice that is no visitor's whole belongs to whoever began the attempt that was hit.
    """
    may_begin = [k for k in ask.required if anchored_ok(ask, k, [])] if ask.order == "any" else [0]
    starts = [
        n for n, row in enumerate(rows)
        if any(ask.steps[k](row) for k in may_begin) and ask.start <= row[1] < ask.end and (not ask.opens or ask.opens(row))
    ]  # fmt: skip
    tried, free, blocked = [], 0, -(2**62)
    for n in starts:
        if ask.entry == "attempts" and (n < free or rows[n][1] <= blocked):
            continue
        if ask.entry == "first" and tried:
            break
        one = chase(rows, n, ask)
        tried.append(one)
        if one[2] == "through":
            free = one[3] + 1
        elif one[2] == "broken":
            free = one[3]
        else:
            blocked = one[3]
    hit = {rows[one[0][0]][0] for one in tried if one[2] == "excluded"}
    if ask.drop and hit:
        return hit
    if ask.entry == "best" and tried:
        tried = [max(tried, key=lambda one: (len(one[0]), -one[0][-1], one[0][0]))]
    return [([rows[n] for n in one[0]], one[1], options(rows, one, ask), one[4]) for one in tried]


def funnel(events, ask, slice_of=lambda row: row[0]):
    """[(visitor of the first row, rows taken, their steps, options, until when)] of every slice."""
    slices, found, out = defaultdict(list), [], set()
    for row in sorted(events, key=lambda row: (row[1], row[2])):
        if row[0] is not None and slice_of(row) is not None:
            slices[slice_of(row)].append(row)
    for rows in slices.values():
        answer = units(rows, ask)
        if isinstance(answer, set):
            out |= answer
        else:
            found += [(unit[0][0][0], *unit) for unit in answer]
    return [unit for unit in found if unit[0] not in out]
