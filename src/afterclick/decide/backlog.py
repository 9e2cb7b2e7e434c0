"""Instants that windows have yet to count: one list for all windows of an event, as long as no rule could tell."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Final

from afterclick.analyse.segments.machines import Machine
from afterclick.analyse.segments.sliding import Sliding
from afterclick.decide.rules.asked import Asked

_NONE: Final = 2**31


class Backlog(list[int]):
    """Ascending instants in µs. While it holds no more than `room`, every window stays below what any rule asks for."""

    __slots__ = ("room",)

    def __init__(self, windows: Iterable[Asked], machines: Mapping[int, Machine]) -> None:
        super().__init__()
        self.room = 0
        self.look(windows, machines)

    def since(self, begin: int) -> int:
        """How many lie here from an instant on."""
        return len(self) - bisect_left(self, begin)

    def look(self, windows: Iterable[Asked], machines: Mapping[int, Machine]) -> None:
        """See how much room there is, given what the `machines` of these windows hold by now."""
        room = _NONE
        for one in windows:
            machine = machines.get(one.number)
            held = len(machine.times) if isinstance(machine, Sliding) else 0
            room = min(room, (one.drops[0] if one.drops else one.most) - 1 - held)
        self.room = max(room, 0)

    def hand_over(self, windows: Iterable[Asked], machines: dict[int, Machine]) -> None:
        """Have all windows count what lies here."""
        if self:
            for one in windows:
                machine = machines.get(one.number)
                if machine is None:
                    machine = machines[one.number] = one.machine()
                assert isinstance(machine, Sliding)
                for at in self:
                    machine.step(at)
            self.clear()
        self.look(windows, machines)
