"""The commonest machine of live rules: how many such events lie in a span, as far as any rule asks, in little room."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence as Places
from typing import Any

from afterclick.analyse.segments.happening import Happening
from afterclick.analyse.segments.machines import NEVER
from afterclick.core.rule_terms import Count

_OUT_OF_REACH = 2**31


class Sliding:
    """`count` inside a span without `same`, bounded: the `most` newest instants, to the same effect as `Counting`.

    `drops` are the counts whose loss anybody can see. Below the first of them all counts are the same to every rule.
    """

    __slots__ = ("drops", "least", "most", "term", "times")

    def __init__(self, term: Count, drops: tuple[int, ...], most: int) -> None:
        self.term = term
        self.drops = drops
        self.least = drops[0] if drops else _OUT_OF_REACH
        self.most = most
        self.times: list[int] = []

    def add(self, one: Happening) -> None:
        """Count it if it is such an event."""
        if one.serves(self.term.step):
            self.step(one.at)

    def take(self, one: Happening, _served: Places[int]) -> None:
        """Count it."""
        self.step(one.at)

    def step(self, at: int) -> bool:
        """Count one at an instant; whether that can matter to any rule."""
        times = self.times
        mattered = len(times) >= self.least
        if times and times[0] < at - self.term.within:
            del times[: bisect_left(times, at - self.term.within)]
        times.append(at)
        if len(times) > self.most:
            del times[0]
        return mattered or len(times) >= self.least

    def value(self, at: int) -> int:
        """How many, at most `most`."""
        times, begin = self.times, at - self.term.within
        if not times or times[0] >= begin:
            return len(times)
        return len(times) - bisect_left(times, begin)

    def turn(self, at: int) -> int:
        """When the next one leaves the span whose loss can be seen."""
        if len(self.times) < self.least:
            return NEVER
        place = bisect_right(self.drops, self.value(at))
        return self.times[-self.drops[place - 1]] + self.term.within + 1 if place else NEVER

    def packed(self) -> list[Any]:
        """The instants, as `Counting` packs them."""
        return [[""], [self.times]] if self.times else [[], []]

    def restore(self, state: list[Any]) -> None:
        """What was packed."""
        self.times = list(state[1][0]) if state[1] else []

    def join(self, other: Sliding) -> None:
        """Instants united."""
        self.times = sorted([*self.times, *other.times])[-self.most :]
