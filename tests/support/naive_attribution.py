"""Attribution again in naive lines over Python lists: a touch is (at, id, value, direct, prior), an order (at, amount)."""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction
from itertools import combinations
from math import floor

RULES = ("first", "last", "last_non_direct", "prioritise", "linear", "time_decay", "position", "j", "inverse_j", "any")
SHAPES = {"position": (0.4, 0.2, 0.4), "j": (0.2, 0.2, 0.6), "inverse_j": (0.6, 0.2, 0.2)}


def weights(rule, touches, at, half_life):
    """The weight of each touch of one path."""
    n = len(touches)
    if rule == "linear":
        return [1 / n] * n
    if rule == "time_decay":
        raw = [2 ** ((touch[0] - at) / half_life) for touch in touches]
        return [one / sum(raw) for one in raw]
    if rule in SHAPES and n > 1:
        f, m, last = SHAPES[rule]
        return [f / (f + last), last / (f + last)] if n == 2 else [f, *[m / (n - 2)] * (n - 2), last]
    pick = n - 1
    if rule == "first":
        pick = 0
    if rule in ("last_non_direct", "prioritise"):
        pick = max((i for i in range(n) if not touches[i][3]), default=n - 1)
    if rule == "prioritise":
        pick = max((i for i in range(n) if touches[i][4]), default=pick)
    return [float(i == pick) for i in range(n)]


def split(weight, amount, unit):
    """Largest remainder, ties to the earlier; a remainder is known to a millionth of a coin."""
    size = abs(amount) // unit
    down = [floor(w * size) for w in weight]
    rest = [floor((w * size - d) * 1e6 + 0.5) for w, d in zip(weight, down, strict=True)]
    for i in sorted(range(len(weight)), key=lambda i: (-rest[i], i))[: size - sum(down)]:
        down[i] += 1
    return [d * unit * (1 if amount >= 0 else -1) for d in down]


def eligible(touches, at, within, through=False, since=None):
    """The touches an order at `at` may be owed to."""
    return [
        touch
        for touch in sorted(touches)
        if (touch[0] < at or through and touch[0] == at)
        and (within is None or at - touch[0] <= within)
        and (since is None or touch[0] >= since)
    ]


def credit(people, within, *, half_life, unit=1, through=False, reset=False, start=-(2**62), end=2**62):
    """{rule: {value: [money, conversions, buyers]}} of {visitor: (touches, orders)}, and what no value gets."""
    found = {rule: defaultdict(lambda: [0, 0.0, set()]) for rule in RULES}
    rest = 0
    for visitor, (touches, orders) in people.items():
        before = None
        for at, amount in sorted(orders):
            path = eligible(touches, at, within, through, before if reset else None)
            before = at
            if not start <= at < end:
                continue
            rest += 0 if path else amount
            for rule in RULES if path else ():
                if rule == "any":
                    given = [(value, amount, 1.0) for value in {touch[2] for touch in path}]
                else:
                    weight = weights(rule, path, at, half_life)
                    parts = zip(path, split(weight, amount, unit), weight, strict=True)
                    given = [(touch[2], money, w) for touch, money, w in parts if w > 0]
                for value, money, part in given:
                    cell = found[rule][value]
                    cell[0] += money
                    cell[1] += part
                    cell[2].add(visitor)
    return found, rest


def ways(people, within, start=-(2**62), end=2**62):
    """[(visitor, values, amount or None)]: every path of the period, by whether it ends with an order."""
    found = []
    for visitor, (touches, orders) in people.items():
        left = [touch for touch in sorted(touches) if touch[0] < end]
        for at, amount in sorted(order for order in orders if order[0] < end):
            segment = [touch for touch in left if touch[0] < at]
            left = left[len(segment) :]
            fresh = [touch for touch in segment if within is None or at - touch[0] <= within]
            old = [touch for touch in segment[: len(segment) - len(fresh)] if touch[0] >= start]
            if old:
                found.append((visitor, [touch[2] for touch in old], None))
            if fresh and at >= start:
                found.append((visitor, [touch[2] for touch in fresh], amount))
        left = [touch for touch in left if touch[0] >= start]
        if left:
            found.append((visitor, [touch[2] for touch in left], None))
    return found


def convert(paths, without=None, order=1):
    """P(convert) of a chain that remembers `order` touches; `without` a value, each state with it is a loss. By halving."""
    moves = defaultdict(Counter)
    for values, hits, misses in paths:
        state = ()
        for value in values:
            nxt = (*state, value)[-order:]
            moves[state][nxt] += hits + misses
            state = nxt
        moves[state]["conversion"] += hits
        moves[state]["null"] += misses
    chance = dict.fromkeys(moves, 0.0)
    for _ in range(3000):
        moved = 0.0
        for state, nexts in moves.items():
            total = sum(nexts.values())
            new = 0.0
            for nxt, count in nexts.items():
                lost = nxt == "null" or without is not None and nxt != "conversion" and without in nxt
                new += 0 if lost or not total else count / total * (1.0 if nxt == "conversion" else chance[nxt])
            moved = max(moved, abs(new - chance[state]))
            chance[state] = new
        if moved < 1e-15:
            break
    return chance.get((), 0.0)


def markov(paths, order=1):
    """{value: removal effect} by solving the chain again without each value."""
    names = {value for values, _, _ in paths for value in values}
    whole = convert(paths, order=order)
    return {name: 1 - convert(paths, name, order) / whole if whole else 0.0 for name in names}


def shapley(paths, worth):
    """{value: Shapley value} over all 2^n sets; `worth(paths inside the set)` is what a set is worth."""
    names = sorted({value for values, *_ in paths for value in values})
    n = len(names)
    value = {}
    for size in range(n + 1):
        for some in combinations(names, size):
            value[frozenset(some)] = worth([path for path in paths if set(path[0]) <= set(some)])
    found = dict.fromkeys(names, Fraction(0))
    factorial = [1]
    for i in range(1, n + 1):
        factorial.append(factorial[-1] * i)
    for some, before in value.items():
        for name in set(names) - some:
            part = Fraction(factorial[len(some)] * factorial[n - len(some) - 1], factorial[n])
            found[name] += part * (value[some | {name}] - before)
    return found
