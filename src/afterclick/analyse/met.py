"""One touchpoint in the visits of a range: which visits met it, what stood before and after, how long it held them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from afterclick.analyse.distinct import distinct, firsts
from afterclick.analyse.friction import Visits, visits_of
from afterclick.analyse.kernels.parts import NOWHERE
from afterclick.analyse.measures import Measures, measures
from afterclick.analyse.points import Points, points_of
from afterclick.analyse.scope import Scope
from afterclick.core.spans import Period
from afterclick.store.columns import Flag

ENDS: Final = -1
"""No touchpoint: the visit begins or ends here."""
_PAGE = int(Flag.PAGE)


@dataclass(frozen=True)
class Met:
    """The visits of a period that met a touchpoint (`code`); with role landing or exit those that began or ended on it.

    A page stands among the pages of its visit, an event among its pages and actions. Of several meetings in a visit
    `before` is what stood before the first and `after` what stood after the last, so both sides hold the same visits.
    """

    scope: Scope
    period: Period
    code: int
    role: str

    @cached_property
    def measures(self) -> Measures:
        """The figures of the whole period."""
        return measures(self.scope, self.period)

    @cached_property
    def points(self) -> Points:
        """All touchpoints."""
        return points_of(self.scope)

    @cached_property
    def visits(self) -> Visits:
        """All visits of the period."""
        return visits_of(self.scope, self.period)

    @property
    def is_page(self) -> bool:
        """Is it a group of pages?"""
        return self.code < len(self.points.groups)

    @property
    def point(self) -> np.ndarray:
        """The touchpoint of each gathered row."""
        return self.visits.point

    @cached_property
    def places(self) -> np.ndarray:
        """Gathered rows of the touchpoint that meet the question's conditions, whenever they were."""
        found = np.flatnonzero(self.point == self.code)
        result: np.ndarray = found[self.visits.stage[self.measures.sessions.rows.rows_at(found)] != NOWHERE]
        return result

    @cached_property
    def in_period(self) -> np.ndarray:
        """Those inside the period."""
        at = self.measures.sessions.rows.at[self.places]
        result: np.ndarray = self.places[(at >= self.period.start) & (at < self.period.end)]
        return result

    @cached_property
    def views(self) -> int:
        """Meetings inside the period: views of the page, or occurrences of the event."""
        keys = self.measures.sessions.rows.key[self.in_period]
        return int(np.count_nonzero(keys & _PAGE)) if self.is_page else len(keys)

    @cached_property
    def _every(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sessions of the period that met it, with the gathered rows of the first and the last meeting."""
        chosen = np.zeros(len(self.measures.sessions), bool)
        chosen[self.measures.session_ids] = True
        session = self.measures.sessions.of_row(self.places)
        kept = chosen[session] if len(session) else np.zeros(0, bool)
        session, places = session[kept], self.places[kept]
        new = firsts(session) if len(session) else np.zeros(0, bool)
        last = np.append(new[1:], True) if len(new) else new
        return session[new], places[new], places[last]

    @property
    def _along(self) -> np.ndarray:
        """Gathered rows of the pages, or for an event of pages and actions."""
        return self.visits.pages if self.is_page else self.visits.steps

    def _beside(self, session: np.ndarray, place: np.ndarray, step: int) -> np.ndarray:
        """The touchpoint before (step -1) or after (1) these rows in their sessions, ENDS for none."""
        along, edges = self._along, self.visits.edges
        if not len(along):
            return np.full(len(place), ENDS, np.int64)
        at = np.searchsorted(along, place, side="left") - 1 if step < 0 else np.searchsorted(along, place, side="right")
        found = along[np.clip(at, 0, len(along) - 1)]
        inside = (at >= 0) & (at < len(along)) & (found >= edges[session]) & (found < edges[session + 1])
        return np.where(inside, self.point[found], ENDS).astype(np.int64)

    @cached_property
    def _sides(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        session, first, last = self._every
        before, after = self._beside(session, first, -1), self._beside(session, last, 1)
        kept = np.ones(len(session), bool)
        if self.role == "landing":
            kept = before == ENDS
        elif self.role == "exit":
            kept = after == ENDS
        return session[kept], before[kept], after[kept], first[kept]

    @property
    def sessions(self) -> np.ndarray:
        """The visits, ascending."""
        return self._sides[0]

    @property
    def before(self) -> np.ndarray:
        """Per visit the touchpoint before the first meeting, ENDS where the visit begins with it."""
        return self._sides[1]

    @property
    def after(self) -> np.ndarray:
        """Per visit the touchpoint after the last meeting, ENDS where the visit ends on it."""
        return self._sides[2]

    @property
    def first_place(self) -> np.ndarray:
        """Per visit the gathered row of the first meeting."""
        return self._sides[3]

    @cached_property
    def visitors(self) -> np.ndarray:
        """Distinct visitors: of all meetings in the period, or of the visits a role narrows them to."""
        if self.role != "any":
            return self.measures.visitors_of(self.sessions)
        rows = self.measures.sessions.rows
        session = self.measures.sessions.of_row(self.in_period)
        return distinct(self.measures.sessions.visitor[session], rows.visitors)

    @cached_property
    def bounced(self) -> np.ndarray:
        """Visits that landed on this page with no further action."""
        landed = self.sessions[self.before == ENDS]
        result: np.ndarray = landed[self.measures.sessions.qualifying[landed] == 1]
        return result

    @cached_property
    def dwells(self) -> np.ndarray:
        """Per page view in these visits the time until the next event that is not its twin, µs; views that end a visit
        have none."""
        rows, edges = self.measures.sessions.rows, self.visits.edges
        session = self.measures.sessions.of_row(self.places)
        kept = np.isin(session, self.sessions) & ((rows.key[self.places] & _PAGE) != 0)
        place, end = self.places[kept], edges[session[kept] + 1]
        after = place + 1
        while True:
            inside = after < end
            at = np.minimum(after, max(len(rows.at) - 1, 0))
            twin = inside & (self.point[at] == self.code) & ((rows.key[at] & _PAGE) == 0)
            if not twin.any():
                break
            after = after + twin
        result: np.ndarray = rows.at[after[inside]] - rows.at[place[inside]]
        return result
