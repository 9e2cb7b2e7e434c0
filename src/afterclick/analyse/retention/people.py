"""The people behind each number of a retention: a cohort, those of it who came back in a period, and those who did not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from afterclick.analyse.describe import people_of
from afterclick.analyse.retention.periods import HEADLINES
from afterclick.core.result import People, Text

if TYPE_CHECKING:
    from afterclick.analyse.retention.groups import Groups
    from afterclick.analyse.retention.side import Side


class Cells(Mapping[str, Callable[[], People]]):
    """`cohort=2026-09-01`, `cohort=2026-09-01;period=7`, `period=7`, `group=mobile;period=7`, with `;part=away` those who
    did not come back."""

    def __init__(self, found: Side, groups: Groups | None) -> None:
        self._found, self._groups = found, groups
        self._periods = {column.name: place for place, column in enumerate(found.grid.columns)}
        self._cohorts = {name: number for number, name in enumerate(found.grid.names)}

    def __iter__(self) -> Iterator[str]:
        grid = self._found.grid
        for name, place in self._periods.items():
            yield from (f"period={name}", f"period={name};part=away")
            for group in self._groups.names if self._groups else ():
                yield f"group={group};period={name}"
            for cohort, number in self._cohorts.items():
                if grid.begun[number, place]:
                    yield from (f"cohort={cohort};period={name}", f"cohort={cohort};period={name};part=away")
        yield from (f"cohort={cohort}" for cohort in self._cohorts)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, cell: str) -> Callable[[], People]:
        rest, away = cell.removesuffix(";part=away"), cell.endswith(";part=away")
        whose, _, period = rest.rpartition("period=") if "period=" in rest else (f"{rest};", "", "")
        kind, _, name = whose.removesuffix(";").partition("=")
        if period and period not in self._periods or (away and not period):
            raise KeyError(cell)
        if kind == "cohort" and name in self._cohorts:
            return lambda: self._cohort(name, period, away)
        if kind == "group" and period and not away and self._groups and name in self._groups.names:
            return lambda: self._group(name, period)
        if not kind and period:
            return lambda: self._period(period, away)
        raise KeyError(cell)

    def _said(self, period: str, more: dict[str, str], who: str, *, away: bool) -> Text:
        asked = self._found.asked
        unit = asked.interval if asked.interval in HEADLINES else "days"
        kind = "away" if away else "bought" if asked.measure == "revenue" else "back"
        params = {"period": Text(f"retention.period_{unit}", {"name": period}), **more}
        return Text(f"people.retention_{who}{kind}", params)

    def _cohort(self, name: str, period: str, away: bool) -> People:
        found, number = self._found, np.array([self._cohorts[name]])
        if not period:
            visitors = found.cohorts.visitor[found.cohorts.cohort == number[0]]
            return people_of(found.scope, visitors, Text("people.retention_cohort", {"cohort": name}))
        visitors = found.returned(self._periods[period], number, away=away)
        return people_of(found.scope, visitors, self._said(period, {"cohort": name}, "cohort_", away=away))

    def _period(self, period: str, away: bool) -> People:
        visitors = self._found.returned(self._periods[period], away=away)
        return people_of(self._found.scope, visitors, self._said(period, {}, "", away=away))

    def _group(self, name: str, period: str) -> People:
        found, groups = self._found, self._groups
        assert groups is not None
        part = found.only(groups.codes == groups.names.index(name))
        visitors = part.returned(self._periods[period])
        return people_of(found.scope, visitors, self._said(period, {"group": name}, "group_", away=False))
