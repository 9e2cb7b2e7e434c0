"""One small state machine per term that asks for events: fed one event after another, read at any later instant."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from decimal import Decimal
from typing import Any, Protocol

from afterclick.analyse.segments.happening import Happening
from afterclick.core import money
from afterclick.core.condition_values import as_number
from afterclick.core.rule_terms import Count, Figure, Reached, Sequence, Since

NEVER = 2**62


class Machine(Protocol):
    """What a rule needs of a term, for one visitor. Instants given never go back."""

    def add(self, one: Happening) -> None:
        """The next event."""

    def value(self, at: int) -> Any:
        """The value at an instant not before the last event; None where there is none."""

    def turn(self, at: int) -> int:
        """The next instant at which the value may change though nothing happens, NEVER if it does not."""


class Counting:
    """`count`: the instants inside the span, or the number ever, per value of `same`."""

    def __init__(self, term: Count) -> None:
        self.term = term
        self._inside: deque[tuple[int, Any]] = deque()
        self._counts: Counter[Any] = Counter()

    def add(self, one: Happening) -> None:
        """Count it if it is such an event."""
        if not one.serves(self.term.step):
            return
        shared = one.value(self.term.same) if self.term.same else ""
        if shared is None:
            return
        self._counts[shared] += 1
        if self.term.within:
            self._inside.append((one.at, shared))

    def value(self, at: int) -> int:
        """How many."""
        while self._inside and self._inside[0][0] < at - self.term.within:
            self._counts[self._inside.popleft()[1]] -= 1
        return max(self._counts.values(), default=0)

    def turn(self, at: int) -> int:
        """When the oldest one leaves the span."""
        self.value(at)
        return self._inside[0][0] + self.term.within + 1 if self._inside else NEVER


class Figuring:
    """`sum`, `min`, `max`, `first`, `last`: the values inside the span; of all time only what decides."""

    def __init__(self, term: Figure) -> None:
        self.term = term
        self._inside: deque[tuple[int, Any]] = deque()
        self._sum = 0

    def add(self, one: Happening) -> None:
        """Take its value if it is such an event and has one."""
        if not one.serves(self.term.step):
            return
        value = self._read(one)
        if value is None:
            return
        which, kept = self.term.which, self._inside
        if which == "sum":
            self._sum += value
            if self.term.within:
                kept.append((one.at, value))
            return
        if not self.term.within and kept:
            if which == "first" or (which == "min" and kept[0][1] <= value) or (which == "max" and kept[0][1] >= value):
                return
            kept.clear()
        kept.append((one.at, value))

    def _read(self, one: Happening) -> Any:
        value = one.value(self.term.field)
        if self.term.which in ("first", "last") or value is None:
            return value
        number: Any = as_number(value)
        if number is None or self.term.which != "sum":
            return None if number is None else Decimal(repr(number)) if isinstance(number, float) else Decimal(number)
        return money.to_minor(number) if abs(number) < money.LIMIT else None

    def value(self, at: int) -> Any:
        """The figure; a sum over nothing is 0, the others are None."""
        kept = self._inside
        while self.term.within and kept and kept[0][0] < at - self.term.within:
            self._sum -= kept[0][1] if self.term.which == "sum" else 0
            kept.popleft()
        if self.term.which == "sum":
            return money.to_decimal(self._sum)
        if not kept:
            return None
        if self.term.which in ("first", "last"):
            return kept[0 if self.term.which == "first" else -1][1]
        return (min if self.term.which == "min" else max)(value for _, value in kept)

    def turn(self, at: int) -> int:
        """When the oldest one leaves the span."""
        self.value(at)
        return self._inside[0][0] + self.term.within + 1 if self.term.within and self._inside else NEVER


class Lapsing:
    """`since`: the last such event. `spans` are those it is compared with: between them nothing can change."""

    def __init__(self, term: Since, spans: tuple[int, ...]) -> None:
        self.term = term
        self.spans = spans
        self._last: int | None = None

    def add(self, one: Happening) -> None:
        """Note it if it is such an event."""
        if one.serves(self.term.step):
            self._last = one.at

    def value(self, at: int) -> int | None:
        """µs since the last one."""
        return None if self._last is None else at - self._last

    def turn(self, at: int) -> int:
        """When the next of the spans is reached, or over."""
        return passing(self._last, self.spans, at)


def passing(since: int | None, spans: tuple[int, ...], at: int) -> int:
    """The next instant after `at` at which the time since an instant reaches or passes one of these spans."""
    if since is None:
        return NEVER
    turns = (since + span + over for span in spans for over in (0, 1))
    return min((turn for turn in turns if turn > at), default=NEVER)


class Following:
    """`sequence` and `reached`: per value of `same` the latest begin of a chain that has come to each step."""

    def __init__(self, term: Sequence | Reached) -> None:
        self.term = term
        self._begins: dict[Any, list[int | None]] = {}
        self._best = 0
        self._latest = -NEVER

    def add(self, one: Happening) -> None:
        """Take every chain a step on that this event can take on; each event serves one step of a chain."""
        steps = self.term.steps
        served = [number for number, step in enumerate(steps) if one.serves(step)]
        shared = one.value(self.term.same) if self.term.same else ""
        if not served or shared is None:
            return
        begins = self._begins.setdefault(shared, [None] * len(steps))
        for number in reversed(served):
            begin = one.at if number == 0 else begins[number - 1]
            if begin is None or (self.term.within and one.at - begin > self.term.within):
                continue
            begins[number] = begin
            self._best = max(self._best, number + 1)
            if number + 1 == len(steps):
                self._latest = max(self._latest, begin)

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


class Missing:
    """`sequence(A then not B within d)`: the begins that no B has followed, until their span is over."""

    def __init__(self, term: Sequence) -> None:
        self.term = term
        self._open: dict[Any, list[int]] = {}
        self._fired = -NEVER

    def add(self, one: Happening) -> None:
        """What was open and is followed now holds no more; what was open too long holds for good."""
        shared = one.value(self.term.same) if self.term.same else ""
        first, then = (one.serves(step) for step in self.term.steps)
        if shared is None or not (first or then):
            return
        waiting = self._open.setdefault(shared, [])
        over = bisect_left(waiting, one.at - self.term.within)
        if over:
            self._fired = max(self._fired, waiting[over - 1])
            del waiting[:over]
        if then:
            waiting.clear()
        if first:
            waiting.append(one.at)

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
        ends = [begin + self.term.within + 1 for waiting in self._open.values() for begin in waiting]
        if self.term.recent:
            ends.append(self._latest(at) + self.term.recent + 1)
        return min((end for end in ends if end > at), default=NEVER)
