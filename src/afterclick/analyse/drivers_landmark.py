"""Where visitors stand some time after reaching a step: decided, still open, or to be compared by what comes later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from afterclick.analyse.attempts import Attempts, Chain, attempts_of
from afterclick.analyse.scope import Scope
from afterclick.core.exclusion import Exclusion

NEVER: Final = 2**62


@dataclass(frozen=True)
class Landmark:
    """Where the visitors who reached a step stand `observe` later.

    decided and open are distinct labels; those analysed stand in arrays of one length: visitor, since (reaching the
    step) and until (the landmark) int64 µs, rows (global row that reached it), went_on bool.
    """

    decided: np.ndarray
    open: np.ndarray
    visitor: np.ndarray
    since: np.ndarray
    until: np.ndarray
    rows: np.ndarray
    went_on: np.ndarray


def worst_step(found: Attempts) -> int:
    """The step (from 1) behind which most are lost, the first among equals."""
    reached = [len(units) for units in found.reaching]
    return 1 + max(range(len(reached) - 1), key=lambda k: reached[k] - reached[k + 1])


def landmark(scope: Scope, chain: Chain, step: int, observe: int) -> Landmark:
    """Who is decided, open or to be analysed `observe` µs after first reaching `step` (from 1) of a chain.

    The attempt that got to the step first counts, whatever became of it: the one that got furthest is known only
    afterwards, and to choose by it would show those who went on at another moment than those who did not.
    Decided: the next step was reached by then, or the window of that attempt is over by then. Went on: reached it later
    and inside the window. Open: the window is not over at "as of", whatever happened so far; otherwise those who went
    on would be counted sooner than those who did not.
    """
    found = attempts_of(scope, _up_to(chain, step), scope.period)
    units = found.reaching[step - 1]
    visitor, reached_at = found.visitor[units], found.times[step - 1]
    until = reached_at + observe
    deadline = (reached_at if chain.from_previous else found.times[0][units]) + chain.within
    next_at = _reached_at(scope, chain, step + 1, visitor)
    horizon = min(scope.as_of, scope.period.end - 1) if chain.clipped else scope.as_of
    decided = (next_at <= until) | (deadline <= until)
    still_open = ~decided & (deadline > horizon)
    here = ~decided & ~still_open
    return Landmark(
        visitor[decided], visitor[still_open], visitor[here], reached_at[here], until[here],
        found.rows_of(step - 1, units)[here], (next_at <= deadline)[here],
    )  # fmt: skip


def _reached_at(scope: Scope, chain: Chain, step: int, visitor: np.ndarray) -> np.ndarray:
    """The first instant at which each of these visitors reached `step`, NEVER for who did not; int64 µs."""
    found = attempts_of(scope, _up_to(chain, step), scope.period)
    at = np.full(scope.labels.size, NEVER, np.int64)
    at[found.visitor[found.reaching[step - 1]]] = found.times[step - 1]
    instants: np.ndarray = at[visitor]
    return instants


def _up_to(chain: Chain, step: int) -> Chain:
    """The chain as if it ended with a step (from 1): what is not known yet there decides nothing."""
    without = [
        Exclusion(step=one.step, after=one.after, before=min(one.before, step))
        for one in chain.without
        if one.after < step
    ]
    return chain._replace(steps=chain.steps[:step], without=tuple(without))
