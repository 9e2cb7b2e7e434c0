"""Machines that count events and take figures of them, over a sliding span or ever."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence as Places
from decimal import Decimal
from typing import Any

from afterclick.analyse.segments.happening import Happening
from afterclick.analyse.segments.machines import MOST_KEPT, MOST_SHARED, NEVER, bound_shared, cut, shared_value
from afterclick.core import money
from afterclick.core.condition_values import as_number, is_missing
from afterclick.core.rule_terms import Count, Figure


class Counting:
    """`count`: the instants inside the span, or the number ever, per value of `same`.

    `drops` are the counts whose loss anybody can see (None = all): a count of 5 that is compared with 3 alone turns when
    it falls from 3 to 2. `most` > 0 keeps so many newest instants per value, so that a greater count is told as `most`.
    """

    def __init__(self, term: Count, drops: tuple[int, ...] | None = None, most: int = 0) -> None:
        self.term = term
        self.drops = drops
        self.most = most
        self._inside: dict[Any, list[int]] = {}
        self._counts: dict[Any, int] = {}

    def add(self, one: Happening) -> None:
        """Count it if it is such an event."""
        if one.serves(self.term.step):
            self.take(one, (0,))

    def take(self, one: Happening, _served: Places[int]) -> None:
        """Count it."""
        term = self.term
        shared = shared_value(one, term.same, self.most) if term.same else ""
        if shared is None:
            return
        if not term.within:
            self._counts[shared] = self._counts.pop(shared, 0) + 1
            if self.most and term.same:
                bound_shared(self._counts, MOST_SHARED)
            return
        # The values of `same` stand in the order of their last sight; where there is none nothing moves.
        times = self._inside.pop(shared, None) if term.same else self._inside.get(shared)
        if times is None:
            times = []
        elif times[0] < one.at - term.within:
            del times[: bisect_left(times, one.at - term.within)]
        times.append(one.at)
        if self.most and len(times) > self.most:
            del times[0]
        self._inside[shared] = times
        if self.most and term.same:
            bound_shared(self._inside, MOST_SHARED)

    def value(self, at: int) -> int:
        """How many."""
        within = self.term.within
        if not within:
            return max(self._counts.values(), default=0)
        begin, most = at - within, 0
        for times in self._inside.values():
            inside = len(times)
            if inside > most:
                most = max(most, inside - bisect_left(times, begin) if times[0] < begin else inside)
        return most

    def turn(self, at: int) -> int:
        """When the next one leaves the span whose loss can be seen."""
        begin, found = at - self.term.within, NEVER
        least = self.drops[0] if self.drops else 1
        for times in self._inside.values():
            drop = len(times)
            if drop < least:
                continue
            if times[0] < begin:
                drop -= bisect_left(times, begin)
            if self.drops is not None:
                place = bisect_right(self.drops, drop)
                drop = self.drops[place - 1] if place else 0
            if drop > 0 and times[-drop] < found:
                found = times[-drop]
        return found + self.term.within + 1 if found < NEVER else NEVER

    def packed(self) -> list[Any]:
        """Numbers ever, or instants, by value of `same`."""
        held: dict[Any, Any] = self._inside if self.term.within else self._counts
        return [list(held), list(held.values())]

    def restore(self, state: list[Any]) -> None:
        """What was packed."""
        held = dict(zip(*state, strict=True))
        self._inside, self._counts = (held, {}) if self.term.within else ({}, held)

    def join(self, other: Counting) -> None:
        """Instants united, numbers added."""
        for shared, count in other._counts.items():
            self._counts[shared] = self._counts.get(shared, 0) + count
        for shared, times in other._inside.items():
            both = sorted([*self._inside.get(shared, ()), *times])
            self._inside[shared] = both[-self.most :] if self.most else both
        self._inside = dict(sorted(self._inside.items(), key=lambda item: (item[1][-1], repr(item[0]))))
        bound_shared(self._inside, MOST_SHARED if self.most else 0)
        if self.most:
            self._counts = dict(sorted(self._counts.items(), key=lambda item: (item[1], repr(item[0]))))
            bound_shared(self._counts, MOST_SHARED)


class Figuring:
    """`sum`, `min`, `max`, `first`, `last`: of the values inside the span only those that decide, or will.

    Bounded, the oldest two of more than `MOST_KEPT` parts of a sum become one that leaves with the younger; of the others
    the one behind the oldest goes.
    """

    def __init__(self, term: Figure, most: int = 0) -> None:
        self.term = term
        self.most = MOST_KEPT if most else 0
        self._kept: list[tuple[int, Any]] = []
        self._sum = 0

    def add(self, one: Happening) -> None:
        """Take its value if it is such an event and has one."""
        if one.serves(self.term.step):
            self.take(one, (0,))

    def take(self, one: Happening, _served: Places[int]) -> None:
        """Take its value if it has one."""
        value = self._read(one)
        if value is None:
            return
        if self.term.which == "sum" and not self.term.within:
            self._sum += value
            return
        self._leave(one.at)
        self._put(one.at, cut(value) if self.most else value)

    def _put(self, at: int, value: Any) -> None:
        which, kept = self.term.which, self._kept
        if which == "last":
            kept.clear()
        elif which == "first" and kept and not self.term.within:
            return
        elif which in ("min", "max"):
            if kept and not self.term.within and (kept[0][1] <= value if which == "min" else kept[0][1] >= value):
                return
            while kept and (kept[-1][1] > value if which == "min" else kept[-1][1] < value):
                kept.pop()
        kept.append((at, value))
        if self.most and len(kept) > self.most:
            if which == "sum":
                kept[1] = kept[1][0], kept[0][1] + kept[1][1]
                del kept[0]
            else:
                del kept[1]

    def _leave(self, at: int) -> None:
        over = self._over(at)
        if over:
            del self._kept[:over]

    def _over(self, at: int) -> int:
        """How many have left the span."""
        kept, begin = self._kept, at - self.term.within
        if not self.term.within or not kept or kept[0][0] >= begin:
            return 0
        return next((place for place, (when, _) in enumerate(kept) if when >= begin), len(kept))

    def _read(self, one: Happening) -> Any:
        value = one.value(self.term.field)
        if is_missing(value):
            return None
        if self.term.which in ("first", "last"):
            return value
        number: Any = as_number(value)
        if number is None or self.term.which != "sum":
            return None if number is None else Decimal(repr(number)) if isinstance(number, float) else Decimal(number)
        return money.to_minor(number) if abs(number) < money.LIMIT else None

    def value(self, at: int) -> Any:
        """The figure; a sum over nothing is 0, the others are None."""
        over = self._over(at)
        if self.term.which == "sum":
            return money.to_decimal(self._sum + sum(value for _, value in self._kept[over:]))
        if over >= len(self._kept):
            return None
        return self._kept[-1 if self.term.which == "last" else over][1]

    def turn(self, at: int) -> int:
        """When the oldest one leaves the span."""
        over = self._over(at)
        if not self.term.within or over >= len(self._kept):
            return NEVER
        return self._kept[over][0] + self.term.within + 1

    def packed(self) -> list[Any]:
        """The sum ever, instants, values."""
        return [self._sum, [at for at, _ in self._kept], [value for _, value in self._kept]]

    def restore(self, state: list[Any]) -> None:
        """What was packed."""
        self._sum, self._kept = state[0], list(zip(state[1], state[2], strict=True))

    def join(self, other: Figuring) -> None:
        """What both decide together."""
        self._sum += other._sum
        parts = sorted([*self._kept, *other._kept], key=lambda part: (part[0], repr(part[1])))
        self._kept = []
        for at, value in parts:
            self._put(at, value)
