"""The visitors behind every number of the personas: the same masks that the numbers are the sums of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from afterclick.analyse.describe import people_of
from afterclick.core.result import People, Text, channel_term
from afterclick.learn.personas.names import said_name, term
from afterclick.learn.personas.portraits import Trait

if TYPE_CHECKING:
    from afterclick.learn.personas.personas import Found


class Behind:
    """The cells of one answer; `rows` are those of its main table."""

    def __init__(self, found: Found, rows: Sequence[dict[str, Any]]) -> None:
        self.found = found
        self.rows = rows

    def cells(self) -> dict[str, Callable[[], People]]:
        """What gives the people of each cell, by its name."""
        found = self.found
        cells: dict[str, Callable[[], People]] = {
            "visitors": lambda: people_of(found.scope, found.visitors, Text("people.visitors"))
        }
        for row in self.rows:
            cells |= self._of(row)
        return cells

    def _of(self, row: dict[str, Any]) -> dict[str, Callable[[], People]]:
        found, number = self.found, row["persona"] - 1
        head, inside = f"persona={number + 1}", found.own == number
        said = {"name": said_name(found.told[number]) or str(number + 1)}
        kind = "people.persona_less" if row["direction"] == "less" else "people.persona"

        def cell(places: Callable[[], np.ndarray], part: str, **more: Any) -> Callable[[], People]:
            text = Text(f"{kind}{part}", {**said, **more})
            return lambda: people_of(found.scope, found.visitors[places()], text)

        def usual(by: str) -> Callable[[], np.ndarray]:
            return lambda: found.habits.visitors(by, row[by], inside)

        cells = {
            head: cell(lambda: np.flatnonzero(inside), ""),
            f"{head};part=buyers": cell(lambda: self._buyers(inside), "_buyers"),
            f"{head};part=path": cell(lambda: found.ways.visitors(found.ways.usual(inside)), "_path", path=row["path"]),
        }
        terms = {"channel": channel_term(row["channel"]), "hour": row["hour"]}
        for by, value in terms.items():
            if row[by]:
                cells[f"{head};{by}={row[by]}"] = cell(usual(by), f"_{by}", value=value)
        for one in found.told[number]:
            words = {"behaviour": term(one), "count": one.least}
            cells[f"{head};behaviour={one.name}"] = cell(self._doing(one, inside), "_behaviour", **words)
        return cells

    def _doing(self, one: Trait, inside: np.ndarray) -> Callable[[], np.ndarray]:
        return lambda: np.flatnonzero(inside & (self.found.features.counts[:, one.column] >= one.least))

    def _buyers(self, inside: np.ndarray) -> np.ndarray:
        result: np.ndarray = np.flatnonzero(inside & np.isin(self.found.visitors, self.found.m.buyers))
        return result
