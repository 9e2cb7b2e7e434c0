"""Conditions as tapes over the values of terms, and what lets a rule fire whose condition has come true."""

from __future__ import annotations

from typing import Any, Final

from afterclick.analyse.kernels.compiled import index as _u
from afterclick.analyse.kernels.tape_terms import MISSING, SESSIONS

BETWEEN, OUTSIDE, LISTED, ELSE_TO, THEN_TO, NOT, TRUE, FALSE = range(8)
"""Operations of a tape, four numbers each: (BETWEEN, place in the state, low, high), (LISTED, place, where its table
begins, 0), (ELSE_TO, the operation to go on with if it is false so far, 0, 0)."""
WIDTH: Final = 4

CONDITION, ASKED_AT, ONCE, EVERY, GROUP, COOLDOWN = range(6)
"""Columns of the table of rules; `ASKED_AT` is 1 where the rule is asked at events of its own."""
ALWAYS, ONCE_A_SESSION, ONCE_EVER, ONCE_EVERY = range(4)


def _holds(tape: Any, first: int, last: int, state: Any) -> int:
    """Whether a condition holds; what cannot change the answer any more is left out."""
    found, i = 0, first
    while i < last:
        op, one = tape[_u(i)], tape[_u(i + 1)]
        i += WIDTH
        if op <= OUTSIDE:
            value = state[_u(one)]
            inside = (tape[_u(i - 2)] <= value) & (value <= tape[_u(i - 1)])
            found = 1 if (inside != (op == OUTSIDE)) & (value != MISSING) else 0
        elif op == ELSE_TO:
            if not found:
                i = one
        elif op == THEN_TO:
            if found:
                i = one
        elif op == LISTED:
            found = tape[_u(tape[_u(i - 2)] + state[_u(one)] + 1)]
        elif op == NOT:
            found = 1 - found
        else:
            found = 1 if op == TRUE else 0
    return int(found)


def _look(tape: Any, begins: Any, state: Any, held: Any, risen: Any) -> int:
    """Bring the conditions up to date; how many have come true."""
    found = 0
    for one in range(len(held)):
        now = _holds(tape, begins[one], begins[one + 1], state)
        risen[one] = 1 if now and not held[one] else 0
        found += risen[one]
        held[one] = now
    return found


def _may(rules: Any, one: int, guards: Any, t: int, session: int, taken: int) -> bool:
    """Whether once, group and cooldown let a rule fire. A guard is the instant and the session of the last firing."""
    once, last, group = rules[one, ONCE], guards[one, 0], rules[one, GROUP]
    if last != MISSING and once != ALWAYS:
        if once == ONCE_EVERY and t - last < rules[one, EVERY]:
            return False
        if once == ONCE_EVER or (once == ONCE_A_SESSION and session == guards[one, 1]):
            return False
    if group >= 0 and (taken >> group) & 1:
        return False
    if rules[one, COOLDOWN] > 0:
        if group >= 0:
            for other in range(len(rules)):
                if rules[other, GROUP] == group:
                    last = max(last, guards[other, 0])
        return bool(last == MISSING or last <= t - rules[one, COOLDOWN])
    return True


def _fire(
    rules: Any, found: Any, asked: int, held: Any, every: bool, state: Any, guards: Any, t: int, since: int, out: Any, n: int,
    visitor: int, row: int, timed: int,
) -> int:  # fmt: skip
    """Let rules fire whose condition has come true (`found`; all that hold with `every`) or that are `asked` now (bits)."""
    taken = 0
    for one in range(len(rules)):
        condition = rules[one, CONDITION]
        if rules[one, ASKED_AT]:
            wanted = (asked >> one) & 1 and held[condition]
        else:
            wanted = held[condition] if every else found[condition]
        if not wanted or t < since or not _may(rules, one, guards, t, state[SESSIONS], taken):
            continue
        if rules[one, GROUP] >= 0:
            taken |= 1 << rules[one, GROUP]
        if rules[one, ONCE] != ALWAYS:
            guards[one, 0], guards[one, 1] = t, state[SESSIONS]
        if n < len(out):
            out[n, 0], out[n, 1], out[n, 2], out[n, 3], out[n, 4] = visitor, one, t, row, timed
        n += 1
    return n


HELPERS: Final = (_holds, _look, _may, _fire)
