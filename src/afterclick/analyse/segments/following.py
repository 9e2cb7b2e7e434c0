"""Machines of chains of events: what followed what, how far somebody came, and what did not follow in time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence as Places
from typing import Any

from afterclick.analyse.segments.happening import Happening
from afterclick.analyse.segments.machines import MOST_KEPT, MOST_SHARED, NEVER, bound_shared, places, shared_value
from afterclick.core.rule_terms import Reached, Sequence


class Following:
    """`sequence` and `reached`: per value of `same` the latest begin of a chain that has come to each step."""

    def __init__(self, term: Sequence | Reached, most: int = 0) -> None:
        self.term = term
        self.most = MOST_SHARED if most else 0
        self._begins: dict[Any, list[int | None]] = {}
        self._best = 0
        self._latest = -NEVER

    def add(self, one: Happening) -> None:
        """Take every chain a step on that this event can take on; each event serves one step of a chain."""
        served = places(self.term.steps, one)
        if served:
            self.take(one, served)

    def take(self, one: Happening, served: Places[int]) -> None:
        """Take every chain a step on by one of these steps."""
        steps = self.term.steps
        shared = shared_value(one, self.term.same, self.most) if self.term.same else ""
        if shared is None:
            return
        begins = self._begins.pop(shared, None) or [None] * len(steps)
        for number in reversed(served):
            begin = one.at if number == 0 else begins[number - 1]
            if begin is None or (self.term.within and one.at - begin > self.term.within):
                continue
            begins[number] = begin
            self._best = max(self._best, number + 1)
            if number + 1 == len(steps):
                self._latest = max(self._latest, begin)
        if any(begin is not None for begin in begins):
            self._begins[shared] = begins
            bound_shared(self._begins, self.most)

    def value(self, at: int) -> Any:
        """Whether there was one, or how many steps were taken."""
        if isinstance(self.term, Reached):
            return self._best
        return self._latest > -NEVER and (not self.term.recent or self._latest >= at - self.term.recent)

    def turn(self, at: int) -> int:
        """When the latest one is no longer recent."""
        recent = self.term.recent if isinstance(self.term, Sequence) else 0
        turn = self._latest + recent + 1
        return turn if recent and turn > at else NEVER

    def packed(self) -> list[Any]:
        """Steps taken, the latest begin, begins by value of `same`."""
        return [self._best, None if self._latest == -NEVER else self._latest, list(self._begins),
                list(self._begins.values())]  # fmt: skip

    def restore(self, state: list[Any]) -> None:
        """What was packed."""
        self._best, self._latest = state[0], -NEVER if state[1] is None else state[1]
        self._begins = dict(zip(state[2], state[3], strict=True))

    def join(self, other: Following) -> None:
        """The further and later of both; a chain begun in one and ended in the other before they met stays unseen."""
        self._best, self._latest = max(self._best, other._best), max(self._latest, other._latest)
        for shared, begins in other._begins.items():
            mine = self._begins.get(shared) or [None] * len(begins)
            self._begins[shared] = [_later(one, two) for one, two in zip(mine, begins, strict=True)]
        self._begins = dict(sorted(self._begins.items(), key=lambda item: (_last(item[1]), repr(item[0]))))
        bound_shared(self._begins, self.most)


class Missing:
    """`sequence(A then not B within d)`: the begins that no B has followed, until their span is over.

    Bounded, of more than `MOST_KEPT` open begins the one in the middle goes: the first and the last decide most.
    """

    def __init__(self, term: Sequence, most: int = 0) -> None:
        self.term = term
        self.most = most
        self._open: dict[Any, list[int]] = {}
        self._fired = -NEVER

    def add(self, one: Happening) -> None:
        """What was open and is followed now holds no more; what was open too long holds for good."""
        served = places(self.term.steps, one)
        if served:
            self.take(one, served)

    def take(self, one: Happening, served: Places[int]) -> None:
        """The same for an event that serves these of the two steps."""
        term = self.term
        shared = shared_value(one, term.same, self.most) if term.same else ""
        if shared is None:
            return
        waiting = self._open.pop(shared, None) or []
        over = bisect_left(waiting, one.at - term.within)
        if over:
            self._fired = max(self._fired, waiting[over - 1])
            del waiting[:over]
        if 1 in served:
            waiting.clear()
        if 0 in served:
            waiting.append(one.at)
        if self._fired > -NEVER and not term.recent:
            self._open.clear()
        elif waiting:
            if self.most and len(waiting) > MOST_KEPT:
                del waiting[MOST_KEPT // 2]
            self._open[shared] = waiting
            bound_shared(self._open, MOST_SHARED if self.most else 0)

    def _latest(self, at: int) -> int:
        latest = self._fired
        for waiting in self._open.values():
            over = bisect_left(waiting, at - self.term.within)
            latest = max(latest, waiting[over - 1]) if over else latest
        return latest

    def value(self, at: int) -> bool:
        """Whether there is one whose span is over."""
        latest = self._latest(at)
        return latest > -NEVER and (not self.term.recent or latest >= at - self.term.recent)

    def turn(self, at: int) -> int:
        """When the next span is over, or the latest one is no longer recent."""
        found, within, recent = NEVER, self.term.within, self.term.recent
        if not recent and self._latest(at) > -NEVER:
            return NEVER
        for waiting in self._open.values():
            place = bisect_left(waiting, at - within)
            if place < len(waiting):
                found = min(found, waiting[place] + within + 1)
        turn = self._latest(at) + recent + 1
        return min(found, turn) if recent and turn > at else found

    def packed(self) -> list[Any]:
        """The latest begin whose span is over, open begins by value of `same`."""
        return [None if self._fired == -NEVER else self._fired, list(self._open), list(self._open.values())]

    def restore(self, state: list[Any]) -> None:
        """What was packed."""
        self._fired = -NEVER if state[0] is None else state[0]
        self._open = dict(zip(state[1], state[2], strict=True))

    def join(self, other: Missing) -> None:
        """Open begins united; what followed in the other before they met stays unseen."""
        self._fired = max(self._fired, other._fired)
        for shared, waiting in other._open.items():
            both = sorted([*self._open.get(shared, ()), *waiting])
            while self.most and len(both) > MOST_KEPT:
                del both[MOST_KEPT // 2]
            self._open[shared] = both
        self._open = dict(sorted(self._open.items(), key=lambda item: (item[1][-1], repr(item[0]))))
        bound_shared(self._open, MOST_SHARED if self.most else 0)


def _later(one: int | None, other: int | None) -> int | None:
    return max((at for at in (one, other) if at is not None), default=None)


def _last(begins: list[int | None]) -> int:
    return max((at for at in begins if at is not None), default=-NEVER)
