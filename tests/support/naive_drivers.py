"""Drivers again, naively: first arrival at a step, what was seen before the landmark, a 2x2 table for each thing seen."""

from __future__ import annotations

import math

from support.naive import by_visitor, chase


def landmark(events, steps, k, within, observe, *, as_of, previous=False, entry="best", start=-(2**60), end=2**60):
    """{visitor: (part, row that reached step k, instant of the landmark)}; part is decided, open, went_on or did_not."""
    found = {}
    for visitor, rows in by_visitor(e for e in events if e[1] <= as_of).items():
        starts = [i for i, row in enumerate(rows) if steps[0](row) and start <= row[1] < end]
        picks = [chase(rows, i, steps[: k + 1], within, previous, False, 0) for i in starts]
        picks = picks[:1] if entry == "first" else picks
        there = [pick for pick in picks if len(pick) >= k]
        if not there:
            continue
        first = min(there, key=lambda pick: (pick[k - 1], -pick[0]))
        reached = rows[first[k - 1]]
        mark = reached[1] + observe
        over = (reached[1] if previous else rows[first[0]][1]) + within
        after = min((rows[pick[k]][1] for pick in picks if len(pick) > k), default=2**60)
        if after <= mark or over <= mark:
            part = "decided"
        elif over > as_of:
            part = "open"
        else:
            part = "went_on" if after <= over else "did_not"
        found[visitor] = (part, reached, mark)
    return found


def tables(events, marks, features, opening):
    """{thing: (with, with and went on, without, without and went on)} over all that went on or did not."""
    analysed = {visitor: mark for visitor, mark in marks.items() if mark[0] in ("went_on", "did_not")}
    rows = by_visitor(events)
    saw = {
        visitor: {thing for row in rows[visitor] if reached[1] < row[1] <= mark for thing in features(row)}
        | opening(reached)
        for visitor, (_, reached, mark) in analysed.items()
    }
    out = {}
    for thing in set().union(*saw.values()):
        cells = [0, 0, 0, 0]
        for visitor, (part, _, _) in analysed.items():
            base = 0 if thing in saw[visitor] else 2
            cells[base] += 1
            cells[base + 1] += part == "went_on"
        out[thing] = tuple(cells)
    return out


def tested(cells, support):
    """Is a table large enough to be tested?"""
    n, yes, without, without_yes = cells
    everyone, went = n + without, yes + without_yes
    least = min(n, without) * min(went, everyone - went) / everyone
    return n >= max(support, math.ceil(everyone * 2 / 100)) and least >= 5


def odds(cells):
    """(ratio, low, high, p) with 1 added to each cell."""
    n, yes, without, without_yes = cells
    a, b, c, d = yes + 1, n - yes + 1, without_yes + 1, without - without_yes + 1
    log, spread = math.log(a * d / b / c), math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    ends = (math.exp(log - 1.959963984540054 * spread), math.exp(log + 1.959963984540054 * spread))
    return a * d / b / c, *ends, math.erfc(abs(log) / spread / math.sqrt(2))


def q_values(p):
    """Benjamini and Hochberg, by the definition."""
    ranked = sorted(p)
    return [min(1, *(ranked[j] * len(p) / (j + 1) for j in range(len(p)) if ranked[j] >= one)) for one in p]
