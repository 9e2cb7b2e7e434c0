"""Oracles of what is learnt, in naive lines over Python lists; nothing of the package is imported."""

from __future__ import annotations

from itertools import combinations, product
from math import log

DAY = 86_400_000_000


def pair_counted_rand(one, other):
    """The adjusted Rand index by counting every pair of rows."""
    pairs = list(combinations(range(len(one)), 2))
    same = [(one[i] == one[j], other[i] == other[j]) for i, j in pairs]
    both = sum(a and b for a, b in same)
    first, second = sum(a for a, _ in same), sum(b for _, b in same)
    chance, most = first * second / len(pairs), (first + second) / 2
    return 1.0 if most == chance else (both - chance) / (most - chance)


def probability(sequence, start, move, emit):
    """How likely a sequence is: the sum over every way through the hidden states."""
    total = 0.0
    for way in product(range(len(start)), repeat=len(sequence)):
        chance = start[way[0]] * emit[way[0]][sequence[0]]
        for before, now, symbol in zip(way, way[1:], sequence[1:], strict=False):
            chance *= move[before][now] * emit[now][symbol]
        total += chance
    return total


def forward(sequence, start, move, emit):
    """The log likelihood of a sequence by the forward algorithm without logarithms."""
    ahead = [start[state] * emit[state][sequence[0]] for state in range(len(start))]
    for symbol in sequence[1:]:
        ahead = [
            sum(ahead[before] * move[before][now] for before in range(len(start))) * emit[now][symbol]
            for now in range(len(start))
        ]
    return log(sum(ahead))


def affinities(events, end, half_life=14 * DAY):
    """{visitor: {value: (strength, signals)}} of (visitor, at, what, value) rows in order within a visit.

    what is view, wish, basket, order, search (its value is what is named), list, or home; a visit ends after 30 minutes.
    """
    weights = {"view": 1.0, "wish": 2.0, "search": 1.0, "basket": 3.0, "order": 5.0}
    found, last = {}, {}
    for visitor, at, what, value in sorted(events, key=lambda row: (row[0], row[1])):
        before, led = last.get(visitor, (None, False))
        if before is None or at - before > 30 * 60 * 1_000_000:
            led = False
        led = True if what in ("list", "search") else False if what == "home" else led
        last[visitor] = (at, led)
        if what in weights and value is not None:
            strength = weights[what] * (1.5 if led and what == "view" else 1.0) * 2 ** (-(end - at) / half_life)
            old = found.setdefault(visitor, {}).get(value, (0.0, 0))
            found[visitor][value] = (old[0] + strength, old[1] + 1)
    return found
