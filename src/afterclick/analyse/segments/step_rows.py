"""The rows that serve the events a rule names, gathered per visitor in one scan for all of its terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from afterclick.analyse.gathered import Gathered, gather
from afterclick.analyse.scope import Scope
from afterclick.analyse.symbols import Symbols
from afterclick.core.arrays import frozen
from afterclick.core.rule_terms import step_text
from afterclick.core.spans import Period
from afterclick.core.step import Step

_SCANNED: Final = ("device", "at", "name", "flags")


@dataclass(frozen=True)
class StepRows:
    """Rows of some steps; `match` uint8[symbols, steps] tells which symbol serves which step."""

    rows: Gathered
    match: np.ndarray
    numbers: dict[str, int]

    @cached_property
    def owner(self) -> np.ndarray:
        """The visitor of each row, int32."""
        return frozen(self.rows.owners())

    @cached_property
    def _symbols(self) -> np.ndarray:
        return frozen(self.rows.symbols)

    def serves(self, step: Step) -> np.ndarray:
        """Which rows are such an event, bool."""
        result: np.ndarray = self.match[:, self.numbers[step_text(step)]].astype(bool)[self._symbols]
        return result

    def places(self, step: Step, since: int, until: int) -> np.ndarray:
        """The rows of such an event at since <= instant <= until, ascending."""
        at = self.rows.at
        result: np.ndarray = np.flatnonzero(self.serves(step) & (at >= since) & (at <= until))
        return result


def step_rows(scope: Scope, steps: Sequence[Step], *, require: bool = True) -> StepRows:
    """The rows of all history up to `as_of`. With `require` raises SpecError for an event the store does not hold."""
    distinct = {step_text(step): step for step in steps}
    numbers = {text: number for number, text in enumerate(distinct)}
    symbols = Symbols(scope, tuple(distinct.values()), path="segment", require=require)
    strips = [symbols.strip(chunk) for chunk in scope.context.snapshot.chunks(_SCANNED, None)]
    known = Period(-(2**62), scope.as_of + 1)
    rows = gather(strips, scope.labels, known, scope.context.ties)
    return StepRows(rows, symbols.match.reshape(-1, max(len(distinct), 1)), numbers)


def last_of_each(owner: np.ndarray) -> np.ndarray:
    """The place of the last row of each owner, for owners in ascending order."""
    return np.flatnonzero(np.append(owner[1:] != owner[:-1], True)) if len(owner) else np.zeros(0, np.int64)


def first_of_each(owner: np.ndarray) -> np.ndarray:
    """The place of the first row of each owner, for owners in ascending order."""
    return np.flatnonzero(np.append(True, owner[1:] != owner[:-1])) if len(owner) else np.zeros(0, np.int64)
