"""Every rule of attribution in one pass: which touches an order may be owed to, and what each rule gives them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from afterclick.analyse.attribution.rules import RULES, SHAPES, Trails, apportioned, parted, weights
from afterclick.analyse.kernels.compiled import index as _u
from afterclick.analyse.kernels.compiled import kernel
from afterclick.core.arrays import frozen

DIRECT, PRIOR = 1, 2
"""Marks of a touch: its channel is direct; it was paid for or belongs to a campaign."""

MONEY_HIGH, MONEY_LOW, PARTS, FRESH, BUYERS = range(5)
"""Rows of what `credit_rules` adds to: revenue in two halves, parts of conversions, of first ones, visitors."""

_RULES: Final = len(RULES)
_FIRST, _LAST, _NON_DIRECT, _PRIORITISE, _LINEAR, _DECAY, _POSITION, _J, _INVERSE_J, _CUSTOM, _ANY = range(_RULES)
_FEW: Final = 24
"""Touches among which the largest remainder is looked for one by one."""
_STEPS: Final = 1e6


def shapes_of(custom: tuple[float, float, float] | None) -> np.ndarray:
    """What first, middle and last get by position, j, inverse_j and custom, float64[12]; custom is 0 where it is not asked."""
    asked = (SHAPES["position"], SHAPES["j"], SHAPES["inverse_j"], custom or (0.0, 0.0, 0.0))
    return frozen(np.array([part / (sum(shape) or 1) for shape in asked for part in shape]))


def _before(at: Any, low: int, high: int, instant: int, through: bool) -> int:
    """The first of the ascending at[low:high] that is not before the instant, or, with `through`, that is after it."""
    while low < high:
        middle = (low + high) // 2
        if at[middle] < instant or (through and at[middle] == instant):
            low = middle + 1
        else:
            high = middle
    return low


def _windows_vector(
    offsets: Any, at: Any, visitor: Any, when: Any, first: int, last: int, within: int, through: bool, low: Any, high: Any
) -> None:
    asked = slice(first, last)
    owner = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))

    def before(instant: np.ndarray, through: bool) -> np.ndarray:
        order = np.lexsort(
            (
                np.concatenate([np.full(len(at), 0 if through else 1), np.full(len(instant), 1 if through else 0)]),
                np.concatenate([at, instant]),
                np.concatenate([owner, visitor[asked]]),
            )
        )
        touches = np.cumsum(order < len(at))
        found = np.empty(len(instant), np.int64)
        asking = np.flatnonzero(order >= len(at))
        found[order[asking] - len(at)] = touches[asking]
        return found

    high[asked] = before(when[asked], through)
    low[asked] = before(when[asked] - within, False) if within >= 0 else offsets[visitor[asked]]


def _example_windows() -> tuple[Any, ...]:
    offsets, long = frozen(np.array([0, 1])), frozen(np.zeros(1, np.int64))
    return offsets, long, frozen(np.zeros(1, np.int32)), long, 0, 1, 1, False, np.zeros(1, np.int64), np.zeros(1, np.int64)


@kernel(_before, example=_example_windows, vector=_windows_vector)
def find_windows(
    offsets: Any, at: Any, visitor: Any, when: Any, first: int, last: int, within: int, through: bool, low: Any, high: Any
) -> None:  # fmt: skip
    """Per conversion first <= o < last the touches low[o] to high[o] of its visitor that it may be owed to.

    Those with 0 < when − at <= within (µs, negative = however long); `through` also those at its own instant.
    """
    for o in range(first, last):
        begin, end = offsets[visitor[o]], offsets[visitor[o] + 1]
        high[o] = _before(at, begin, end, when[o], through)
        low[o] = _before(at, begin, high[o], when[o] - within, False) if within >= 0 else begin


def _give(cell: int, money: int, parts: int, fresh: int, who: int, buyer: Any, out: Any) -> None:
    out[MONEY_HIGH, _u(cell)] += money >> 32
    out[MONEY_LOW, _u(cell)] += money & 0xFFFFFFFF
    out[PARTS, _u(cell)] += parts
    out[FRESH, _u(cell)] += parts * fresh
    if buyer[_u(cell)] != who:
        buyer[_u(cell)] = who
        out[BUYERS, _u(cell)] += 1


def _split(n: int, weight: Any, size: int, rest: Any, share: Any) -> None:
    """`size` whole units by the weights into share[:n], largest remainder, ties to the earlier touch."""
    short = size
    # Nothing is below zero here: cutting off is rounding down.
    for i in range(n):
        exact = weight[_u(i)] * size
        down = int(exact)
        share[_u(i)] = down
        rest[_u(i)] = float(int((exact - down) * _STEPS + 0.5))
        short -= down
    if short > 0 and n > _FEW:
        order = np.argsort(-rest[:n], kind="mergesort")
        for k in range(short):
            share[order[k]] += 1
        return
    while short > 0:
        best = 0
        for i in range(1, n):
            if rest[_u(i)] > rest[_u(best)]:
                best = i
        rest[best] = -1.0
        share[best] += 1
        short -= 1
    while short < 0:
        worst = 0
        for i in range(1, n):
            if rest[i] <= rest[worst]:
                worst = i
        rest[worst] = 2 * _STEPS
        share[worst] -= 1
        short += 1


def _weigh(rule: int, n: int, begin: int, at: Any, half_life: float, shapes: Any, weight: Any) -> None:
    """The weights of n >= 2 touches from place `begin` on."""
    if rule == _LINEAR:
        for i in range(n):
            weight[i] = 1 / n
    elif rule == _DECAY:
        whole = 0.0
        for i in range(n):
            weight[i] = 2.0 ** (-(at[begin + n - 1] - at[begin + i]) / half_life)
            whole += weight[i]
        for i in range(n):
            weight[i] /= whole
    else:
        k = 3 * (rule - _POSITION)
        front, middle, back = shapes[k], shapes[k + 1], shapes[k + 2]
        if n == 2:
            front = front / (front + back) if front + back > 0 else 0.5
            back = 1 - front
        for i in range(1, n - 1):
            weight[i] = middle / (n - 2)
        weight[0], weight[n - 1] = front, back


def _credit_vector(
    low: Any, high: Any, at: Any, value: Any, marks: Any, visitor: Any, amount: Any, unit: Any,
    parts: Any, fresh: Any, first: int, last: int, half_life: float, shapes: Any, out: Any,
) -> None:  # fmt: skip
    some = first + np.flatnonzero(high[first:last] > low[first:last])
    if not len(some):
        return
    size = out.shape[1] // _RULES
    length = high[some] - low[some]
    offsets = np.append(0, np.cumsum(length))
    place = np.arange(offsets[-1]) + np.repeat(low[some] - offsets[:-1], length)
    owner = np.repeat(some, length)
    age = np.repeat(at[high[some] - 1], length) - at[place]
    paths = Trails(offsets, age, (marks[place] & DIRECT) != 0, (marks[place] & PRIOR) != 0)
    custom = tuple(shapes[9:].tolist())
    for number, rule in enumerate(RULES):
        if rule == "custom" and not sum(custom):
            continue
        cell = number * size + value[place]
        if rule == "any":
            once = np.unique(np.stack([owner, cell]), axis=1, return_index=True)[1]
            who, cell, money, part = owner[once], cell[once], amount[owner[once]], parts[owner[once]]
        else:
            weight = weights(rule, paths, half_life, custom if rule == "custom" else None)
            money = apportioned(offsets, weight, amount[some], unit[some])
            part = parted(offsets, weight, parts[some])
            given = weight > 0
            who, cell, money, part = owner[given], cell[given], money[given], part[given]
        np.add.at(out[MONEY_HIGH], cell, money >> 32)
        np.add.at(out[MONEY_LOW], cell, money & 0xFFFFFFFF)
        np.add.at(out[PARTS], cell, part)
        np.add.at(out[FRESH], cell, part * fresh[who])
        cells = np.unique(np.stack([visitor[who].astype(np.int64), cell]), axis=1)[1]
        np.add.at(out[BUYERS], cells, 1)


def _example_credit() -> tuple[Any, ...]:
    long, mark = frozen(np.zeros(1, np.int64)), frozen(np.zeros(1, np.uint8))
    code = frozen(np.zeros(1, np.int32))
    out = np.zeros((5, _RULES), np.int64)
    return (
        long, long, long, code, mark, code, long, frozen(np.ones(1, np.int64)), long, mark, 0, 1, 1.0,
        frozen(np.ones(12)), out,
    )  # fmt: skip


def _picked(begin: int, end: int, marks: Any) -> tuple[int, int]:
    """The last touch that is not direct (the last where all are), and the last paid or campaign one (else the former)."""
    plain, prior = -1, -1
    for i in range(end - 1, begin - 1, -1):
        if plain < 0 and not marks[i] & DIRECT:
            plain = i
        if prior < 0 and marks[i] & PRIOR:
            prior = i
        if plain >= 0 and prior >= 0:
            break
    plain = end - 1 if plain < 0 else plain
    return plain, plain if prior < 0 else prior


def _asked(rule: int, shapes: Any) -> bool:
    """Every rule is, custom where its shape is given."""
    return bool(rule != _CUSTOM or shapes[9] + shapes[10] + shapes[11] > 0)


@kernel(_give, _split, _weigh, _picked, _asked, example=_example_credit, vector=_credit_vector)
def credit_rules(
    low: Any, high: Any, at: Any, value: Any, marks: Any, visitor: Any, amount: Any, unit: Any,
    parts: Any, fresh: Any, first: int, last: int, half_life: float, shapes: Any, out: Any,
) -> None:  # fmt: skip
    """Add what conversions first <= o < last owe each value by each rule to `out`, int64[5, rules × values].

    Touches low[o] to high[o] of `at` and `value` are those that count; `marks` are DIRECT and PRIOR. `amount` (minor
    units, a multiple of `unit`) and `parts` (of one conversion) are split without a rest; a visitor's conversions stand
    together.
    """
    size, longest = out.shape[1] // _RULES, 1
    for o in range(first, last):
        longest = max(longest, high[o] - low[o])
    weight, rest, share = np.empty(longest), np.empty(longest), np.empty(longest, np.int64)
    buyer, met = np.full(out.shape[1], -1, np.int64), np.full(size, -1, np.int64)
    for o in range(first, last):
        begin, n, who, money, part = low[o], high[o] - low[o], visitor[o], amount[o], int(parts[o])
        new = int(fresh[o])
        if n == 1:
            for rule in range(_RULES):
                if _asked(rule, shapes):
                    _give(rule * size + value[begin], money, part, new, who, buyer, out)
        if n <= 1:
            continue
        plain, prior = _picked(begin, high[o], marks)
        _give(_FIRST * size + value[begin], money, part, new, who, buyer, out)
        _give(_LAST * size + value[begin + n - 1], money, part, new, who, buyer, out)
        _give(_NON_DIRECT * size + value[plain], money, part, new, who, buyer, out)
        _give(_PRIORITISE * size + value[prior], money, part, new, who, buyer, out)
        for i in range(begin, begin + n):
            code = value[_u(i)]
            if met[_u(code)] != o:
                met[_u(code)] = o
                _give(_ANY * size + code, money, part, new, who, buyer, out)
        step, coins = unit[o] if money >= 0 else -unit[o], abs(money) // unit[o]
        for rule in range(_LINEAR, _ANY):
            if _asked(rule, shapes):
                _weigh(rule, n, begin, at, half_life, shapes, weight)
                _split(n, weight, coins, rest, share)
                left, end = part, n - 1
                while weight[end] <= 0:
                    end -= 1
                for i in range(end + 1):
                    own = left if i == end else int(weight[_u(i)] * part + 0.5)
                    left -= own
                    if weight[_u(i)] > 0:
                        _give(rule * size + value[_u(begin + i)], share[_u(i)] * step, own, new, who, buyer, out)
