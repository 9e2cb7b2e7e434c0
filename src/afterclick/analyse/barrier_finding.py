"""Which candidates are barriers: each beside its matched controls, false finds controlled, overlaps taken out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Final

import numpy as np

from afterclick.analyse.barrier_candidates import FEWEST, Candidate, candidates
from afterclick.analyse.barrier_groups import groups
from afterclick.analyse.barrier_strata import Strata
from afterclick.analyse.kernels.meetings import keep_apart
from afterclick.analyse.matching import Contrast, Trial, contrast
from afterclick.analyse.meetings import meetings_of
from afterclick.analyse.scope import Scope
from afterclick.analyse.sessions import Sessions, sessions_of
from afterclick.core import spans
from afterclick.core.arrays import frozen
from afterclick.core.moments import Z95
from afterclick.core.multiplicity import benjamini_hochberg

SIGNIFICANT: Final = 0.05
MARGIN: Final = 1.3
"""A barrier is named where even the lower end of the interval says that controls go on this many times as often: groups
that were matched on all that is known still differ by something, and a quarter more orders may be only that."""
FEWEST_ORDERS: Final = 5
"""Orders to be expected from the visits that met it, under which their absence says nothing."""
FILLED: Final = 0.9
"""Share of visits with something in the basket from which on the basket tells how large an order would be."""
MONTH: Final = 30 * spans.DAY


@dataclass(frozen=True)
class Finding:
    """A candidate and what came of it.

    `visits` = how often it was met (at most once per `within` and visitor), `spilled` = share of the controls that met it
    later, `per_visit` = what such a visit is short of, minor units, with its standard error; `month` = 30 days as a share
    of the range. `q_value` over all that were tested. `explained_by` = the barrier whose visits explain this one.
    """

    candidate: Candidate
    contrast: Contrast
    visits: int
    spilled: float
    per_visit: float
    error: float
    month: float
    q_value: float = 1.0
    explained_by: str = ""

    @property
    def lost_orders(self) -> float:
        """Orders per 30 days that the visits which met it would have placed besides."""
        further = self.contrast.difference / (1 - self.spilled) * self.candidate.passed_orders
        return max(0.0, self.visits * further * self.month)

    @property
    def at_risk(self) -> float:
        """Minor units per 30 days."""
        return max(0.0, self.visits * self.per_visit * self.month)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of `at_risk`."""
        middle, half = self.visits * self.per_visit * self.month, Z95 * self.visits * self.error * self.month
        return max(0.0, middle - half), max(0.0, middle + half)

    @property
    def significant(self) -> bool:
        """Whether visits that met it went on less often, more than chance and a hidden difference explain."""
        return self.q_value <= SIGNIFICANT and self.contrast.difference > 0 and self.contrast.least_ratio >= MARGIN

    @property
    def named(self) -> bool:
        """Whether it stands among the barriers."""
        return self.significant and not self.explained_by


class Finder:
    """The search for one scope; `within` µs = the time to go on to an order."""

    def __init__(self, scope: Scope, within: int) -> None:
        self.scope = scope
        self.within = within
        self.strata = Strata(scope)

    def find(self) -> list[Finding]:
        """All that was tested: the barriers by money at risk, then the rest by how sure the difference is."""
        every = chain(candidates(self.scope), groups(self.scope.context, meetings_of(self.scope)))
        tested = [found for one in every if (found := self.judge(one)) is not None]
        if tested:
            q_values = benjamini_hochberg([one.contrast.p_value for one in tested])
            tested = [replace(one, q_value=float(q)) for one, q in zip(tested, q_values, strict=True)]
        # The surest first: of two that say the same, the narrower one tells more about the cause.
        tested.sort(key=lambda one: (-one.contrast.least_ratio, one.candidate.key))
        named: list[Finding] = []
        rest: list[Finding] = []
        for one in tested:
            if not one.significant:
                rest.append(one)
            elif by := self._explained(one, named):
                rest.append(replace(one, explained_by=by))
            else:
                named.append(one)
        named.sort(key=lambda one: (-one.at_risk, -one.lost_orders, one.candidate.key))
        return named + rest

    def judge(self, candidate: Candidate, without: np.ndarray | None = None) -> Finding | None:
        """The finding for a candidate, leaving out these sessions; None where a side is too small to say anything."""
        meetings = candidate.meetings
        rows = meetings.row[candidate.place]
        at = meetings.sessions.rows.at[rows]
        kept = at + self.within <= self.scope.as_of
        session = meetings.session[candidate.place]
        if without is not None:
            kept &= ~self._in(session, without)
        kept &= self._apart(candidate, at)
        place, met, step = candidate.place[kept], candidate.met[kept], candidate.step[kept]
        if met.sum() < FEWEST or (~met).sum() < FEWEST:
            return None
        leg = meetings.leg[place]
        won, worth = self._outcome(candidate, kept, leg, at[kept])
        basket = meetings.basket[place]
        filled = (basket > 0).mean() >= FILLED
        strata = self.strata.of(candidate, place, met, step)
        size = basket.astype(np.float64) if filled else None
        compared = contrast(Trial(met, won, worth, strata, size, meetings.visitor[leg]))
        if compared is None or compared.expected_rate * compared.met < FEWEST_ORDERS:
            return None
        if candidate.usual > 1:
            compared = less_usual(compared, candidate.usual)
        later = self._in(session[kept][~met], candidate.sessions)
        # Where nearly all of the controls meet it in the end there are no controls.
        return None if later.mean() > 0.5 else self._priced(candidate, compared, float(later.mean()))

    def _outcome(
        self, candidate: Candidate, kept: np.ndarray, leg: np.ndarray, at: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Which visits went on, and what that was worth: an order inside the window, or the next step of the way."""
        if candidate.passed is not None:
            won = candidate.passed[kept]
            return won, won * candidate.passed_worth
        meetings = candidate.meetings
        took = meetings.ordered_at[leg] - at
        won = (took >= 0) & (took <= self.within)
        return won, np.where(won, meetings.worth[leg], 0).astype(np.float64)

    def _priced(self, candidate: Candidate, compared: Contrast, spilled: float) -> Finding:
        visits = len(self.visits(candidate))
        # Controls that met it later went through the same, so that their lead is too small by their share.
        share = 1 - spilled
        return Finding(
            candidate, compared, visits, spilled, per_visit=compared.shortfall / share,
            error=math.sqrt(compared.shortfall_variance) / share,
            month=MONTH / (self.scope.period.end - self.scope.period.start),
        )  # fmt: skip

    def _explained(self, one: Finding, named: Sequence[Finding]) -> str:
        """The barrier without whose visits this one is no longer one, "" if it stands by itself."""
        sessions = one.candidate.sessions
        for other in named:
            shared = self._in(sessions, other.candidate.sessions)
            if shared.mean() < 0.1:
                continue
            left = self.judge(one.candidate, without=other.candidate.sessions)
            if left is None or left.contrast.p_value > SIGNIFICANT or left.contrast.least_ratio < MARGIN:
                return other.candidate.key
        return ""

    def visits(self, candidate: Candidate) -> np.ndarray:
        """The visitor of each visit that met it, at most one visit per window; int32."""
        sessions = candidate.meetings.sessions
        visitor, at = sessions.visitor[candidate.sessions], sessions.start_at[candidate.sessions]
        result: np.ndarray = visitor[_far(visitor, at, self.within)]
        return result

    def fates(self, candidate: Candidate) -> tuple[np.ndarray, np.ndarray]:
        """Visits that met it, at most one per window: their visitors, and whether they went on."""
        visitor, _, _, won = self.outcomes(candidate)
        return visitor, won

    def outcomes(self, candidate: Candidate) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Per visit that met it where the sides part: visitor, begin of the visit, instant of the meeting, and whether it
        went on: an order inside the window or, of a group at a step, the next step.
        """
        meetings = candidate.meetings
        place = candidate.place[candidate.met]
        at = meetings.sessions.rows.at[meetings.row[place]]
        visitor = meetings.visitor[meetings.leg[place]]
        kept = _far(visitor, at, self.within)
        place, at, visitor = place[kept], at[kept], visitor[kept]
        begun = meetings.sessions.start_at[meetings.session[place]]
        if candidate.passed is not None:
            return visitor, begun, at, candidate.passed[candidate.met][kept]
        took = meetings.ordered_at[meetings.leg[place]] - at
        return visitor, begun, at, (took >= 0) & (took <= self.within)

    def _apart(self, candidate: Candidate, at: np.ndarray) -> np.ndarray:
        """Which visits are not within the window of the one before by the same visitor on the same side."""
        met = candidate.met
        visitor = candidate.meetings.visitor[candidate.meetings.leg[candidate.place]]
        kept = np.ones(len(at), bool)
        for side in (met, ~met):
            kept[side] = _far(visitor[side], at[side], self.within)
        return kept

    def _in(self, sessions: np.ndarray, some: np.ndarray) -> np.ndarray:
        there = np.zeros(len(self._sessions), bool)
        there[some] = True
        result: np.ndarray = there[sessions]
        return result

    @cached_property
    def _sessions(self) -> Sessions:
        return sessions_of(self.scope.context, self.scope.sessions_like, self.scope.as_of)


def less_usual(found: Contrast, usual: float) -> Contrast:
    """The contrast without what a group lacks at every step alike: the others went on `usual` times as often anyway."""
    expected = found.expected_rate / usual
    worth = (found.expected_value or 0.0) * expected
    return found._replace(
        expected_rate=expected, expected_variance=found.expected_variance / usual**2,
        shortfall=worth - (found.met_value or 0.0) * found.met_rate,
    )


def _far(visitor: np.ndarray, at: np.ndarray, within: int) -> np.ndarray:
    """Which visits are not within `within` of the last one kept of the same visitor; both given by visitor, then time."""
    kept = np.zeros(len(at), np.uint8)
    rows = frozen(visitor.astype(np.int32)), frozen(at.astype(np.int64))
    keep_apart(*rows, within, kept, rows=len(at))
    return kept.astype(bool)
