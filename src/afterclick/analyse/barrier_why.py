"""Why some who met a barrier go on and others do not: what they did before it in the same visit, side by side."""

from __future__ import annotations

import numpy as np

from afterclick.analyse.barrier_finding import Finder, Finding
from afterclick.analyse.describe import people_of
from afterclick.analyse.drivers_compare import compare_behaviour
from afterclick.analyse.scope import Scope
from afterclick.core.result import People, Text

SHOWN = 10
"""Behaviours that speak for going on, and as many against it."""


class Why:
    """Those who met one candidate, each visitor at the first visit that met it.

    `table` has the columns of `drivers_compare.SCHEMA`; what they did from the begin of the visit to the meeting is
    compared, so that nothing of the outcome is in it. `went_on` and `did_not` count visitors.
    """

    def __init__(self, scope: Scope, finder: Finder, one: Finding) -> None:
        self._scope = scope
        self._name = one.candidate.name
        visitor, since, until, won = finder.outcomes(one.candidate)
        order = np.lexsort((until, visitor))
        first = order[np.unique(visitor[order], return_index=True)[1]]
        self._visitor, self._won = visitor[first], won[first]
        self._compared = compare_behaviour(scope, self._visitor, since[first], until[first], self._won)
        self.table = self._compared.top(SHOWN)
        self.went_on = int(self._won.sum())
        self.did_not = len(self._won) - self.went_on

    def people(self, cell: str) -> People | None:
        """The visitors of `why=went_on`, `why=did_not` and `type=page;behaviour=/cart;part=with_n`; None for others."""
        groups = {"why=went_on": self._won, "why=did_not": ~self._won}
        if cell in groups:
            return self._shown(groups[cell], f"barriers.people_{cell.removeprefix('why=')}")
        start, _, part = cell.rpartition(";part=")
        side, _, some = part.partition("_")
        rows = [f"type={row['type']};behaviour={row['behaviour']}" for row in self.table.to_pylist()]
        if start not in rows or side not in ("with", "without") or some not in ("n", "went_on"):
            return None
        place = rows.index(start)
        met = self._compared.visitors_with(self.table.slice(place, 1))[0]
        chosen = (met if side == "with" else ~met) & (self._won if some == "went_on" else True)
        return self._shown(chosen, f"barriers.people_{side}_{some}", behaviour=self.table["behaviour"][place].as_py())

    def _shown(self, chosen: np.ndarray, text: str, **params: str) -> People:
        return people_of(self._scope, self._visitor[chosen], Text(text, {"name": self._name, **params}))
