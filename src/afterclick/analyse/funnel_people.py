"""The people behind each number of a funnel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from afterclick.analyse.describe import people_of
from afterclick.analyse.kernels.funnel_attempt import ANY
from afterclick.core import spans
from afterclick.core.result import People, Text

if TYPE_CHECKING:
    from afterclick.analyse.attempts import Attempts
    from afterclick.analyse.funnel_groups import Groups
    from afterclick.analyse.funnel_reading import Reading
    from afterclick.analyse.funnel_trend import Trend


class Cells(Mapping[str, Callable[[], People]]):
    """`step=2;part=reached|lost|open`, `group=mobile;step=2;part=reached` and `interval=2026-09-01;step=2;part=reached`.

    A Mapping, so that a Result can list its cells, without a function for each of the many.
    """

    def __init__(self, reading: Reading, groups: Groups | None, trend: Trend) -> None:
        # Results are kept for long, so their cells hold what they count and not the rows it was found in.
        self._scope, self._funnel = reading.scope, reading.funnel
        self._steps, self._free = len(reading.chain.steps), reading.chain.order == ANY
        self._units = _Units(reading.found)
        self._waiting = reading.waiting
        self._groups = groups.names if groups else []
        self._codes = groups.codes if groups else np.zeros(0, np.int64)
        same = groups is None or groups.found is reading.found
        self._grouped = self._units if same or groups is None else _Units(groups.found)
        self._intervals, self._place = trend.names, trend.place.astype(np.int32)

    def __iter__(self) -> Iterator[str]:
        for k in range(self._steps):
            for part in ("reached", "lost", "open") if self._units.ends(k) else ("reached",):
                yield f"step={k + 1};part={part}"
            for group in self._groups:
                yield f"group={group};step={k + 1};part=reached"
        for interval in self._intervals:
            for k in range(self._steps):
                yield f"interval={interval};step={k + 1};part=reached"

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, cell: str) -> Callable[[], People]:
        scope, _, rest = cell.rpartition(";step=")
        if not scope:
            rest = cell.removeprefix("step=")
        step, _, part = rest.partition(";part=")
        k = int(step) - 1 if step.isdecimal() else -1
        if not 0 <= k < self._steps or f"{k + 1}" != step:
            raise KeyError(cell)
        if scope.startswith("group=") and scope[6:] in self._groups and part == "reached":
            return lambda: self._people(k, part, group=scope[6:])
        if scope.startswith("interval=") and scope[9:] in self._intervals and part == "reached":
            return lambda: self._people(k, part, interval=scope[9:])
        listed = part == "reached" or (self._units.ends(k) and part in ("lost", "open"))
        if not scope and cell.startswith("step=") and listed:
            return lambda: self._people(k, part)
        raise KeyError(cell)

    def _people(self, k: int, part: str, *, group: str = "", interval: str = "") -> People:
        units = self._grouped if group else self._units
        here = units.reached(k)
        if part != "reached":
            here = units.ended(k) & (self._waiting if part == "open" else ~self._waiting)
        if group:
            here = here & (self._codes == self._groups.index(group))
        if interval:
            here = here & (self._place == self._intervals.index(interval))
        return people_of(self._scope, np.unique(units.visitor[here]), self._text(k, part, group, interval))

    def _text(self, k: int, part: str, group: str, interval: str) -> Text:
        windowed = self._funnel.windowed
        params: dict[str, Any] = {
            "step": self._funnel.steps[k], "taken": k + 1, "within": spans.micros(self._funnel.within), "group": group,
            "interval": interval,
        }  # fmt: skip
        kind = f"{'any' if self._free else 'step'}_{part}" + ("" if windowed else "_session")
        kind += "_group" if group else "_interval" if interval else ""
        return Text(f"people.funnel_{kind}", params)


class _Units:
    """What says which units took a step, without the rows they took it with."""

    def __init__(self, found: Attempts) -> None:
        self.visitor, self._reached, self._required = found.visitor, found.reached, found.required
        steps = range(found.pick.shape[1])
        self._optional = {step: found.pick[:, step] >= 0 for step in steps if step not in found.required}

    def ends(self, k: int) -> bool:
        """Can an attempt end behind this step?"""
        return k in self._required[:-1]

    def reached(self, k: int) -> np.ndarray:
        """The units that took a step."""
        found: np.ndarray = self._optional[k] if k in self._optional else self._reached > self._required.index(k)
        return found

    def ended(self, k: int) -> np.ndarray:
        """The units that took a required step last."""
        found: np.ndarray = self._reached == self._required.index(k) + 1
        return found
