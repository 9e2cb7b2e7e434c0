"""What stood before and after a touchpoint, by which channels visits began with it, and the words searched for."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final

import numpy as np

from afterclick.analyse.fields import touch_field
from afterclick.analyse.met import ENDS, Met
from afterclick.analyse.words import SEARCHED, TYPED, Words, outside_words, typed_words, words_in
from afterclick.core.moments import Share

CAME, WENT = "came", "went"
SIDES: Final = (CAME, WENT)
ENTRY, LEFT, OTHER = "entry", "left", "other"
NONE: Final = "(none)"


class Sides:
    """Both sides of a touchpoint, each with its `top` touchpoints, the others together, and begins or ends."""

    def __init__(self, met: Met, top: int) -> None:
        self.met, self.top = met, top

    @cached_property
    def groups(self) -> dict[tuple[str, str, str], np.ndarray]:
        """By (side, touchpoint, type) the visits, in the order they are shown; every visit once on each side."""
        found: dict[tuple[str, str, str], np.ndarray] = {}
        for side, beside in zip(SIDES, (self.met.before, self.met.after), strict=True):
            codes, counts = np.unique(beside[beside != ENDS], return_counts=True)
            named = {int(code): self.met.points.name(int(code)) for code in codes}
            number = dict(zip(codes.tolist(), counts.tolist(), strict=True))
            ranked = sorted(named, key=lambda code: (-number[code], named[code]))
            for code in ranked[: self.top]:
                found[side, *named[code]] = self.met.sessions[beside == code]
            rest = ranked[self.top :]
            if rest:
                found[side, "", OTHER] = self.met.sessions[np.isin(beside, rest)]
                self.merged[side] = len(rest)
            ends = self.met.sessions[beside == ENDS]
            if len(ends):
                found[side, "", ENTRY if side == CAME else LEFT] = ends
        return found

    @cached_property
    def merged(self) -> dict[str, int]:
        """Per side how many touchpoints the others are."""
        return {}

    def rows(self) -> list[dict[str, Any]]:
        """The rows of the main table."""
        every = len(self.met.sessions)
        return [
            {
                "side": side, "touchpoint": name, "type": kind, "sessions": len(visits),
                "visitors": len(self.met.measures.visitors_of(visits)), "share_rate": Share(len(visits), every).rate,
                "merged": self.merged[side] if kind == OTHER else 0,
            }
            for (side, name, kind), visits in self.groups.items()
        ]  # fmt: skip

    @cached_property
    def entries(self) -> dict[str, np.ndarray]:
        """By channel the visits that began with the touchpoint, most first."""
        lookup, names = touch_field(self.met.scope.context, "channel")
        visits = self.met.sessions[self.met.before == ENDS]
        touch = self.met.measures.sessions.touch[visits]
        code = np.where(touch >= 0, lookup[np.maximum(touch, 0)], -1) if len(lookup) else np.full(len(touch), -1)
        found = {(names[one] if one >= 0 else NONE): visits[code == one] for one in np.unique(code).tolist()}
        return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))

    def channels(self) -> list[dict[str, Any]]:
        """The rows of the part `channels`."""
        every = sum(map(len, self.entries.values()))
        return [
            {
                "channel": channel, "sessions": len(visits), "visitors": len(self.met.measures.visitors_of(visits)),
                "share_rate": Share(len(visits), every).rate,
            }
            for channel, visits in self.entries.items()
        ]  # fmt: skip


def words_of(met: Met) -> list[Words]:
    """The words that led to a touchpoint, from outside and by the site's search, and those typed on it; most first.

    A search led here if nothing but it and the page it stood on lies before the first meeting of a visit; a word was
    typed on a page if that was the last page viewed, on an event if it is that event's own.
    """
    m, visits = met.measures, met.visits
    found = outside_words(m, met.sessions[met.before == ENDS])
    codes, _ = typed_words(met.scope.context)
    searches = np.flatnonzero(codes[m.sessions.rows.rows] >= 0)
    if len(searches) and len(met.sessions):
        session = m.sessions.of_row(searches)
        kept = np.isin(session, met.sessions)
        searches, session = searches[kept], session[kept]
        along = visits.pages
        at = np.searchsorted(along, searches, side="right") - 1
        page = along[np.maximum(at, 0)] if len(along) else np.zeros(len(searches), np.int64)
        on_page = (at >= 0) & (page >= visits.edges[session]) if len(along) else np.zeros(len(searches), bool)
        here = met.point[searches] == met.code
        if met.is_page:
            here |= on_page & (met.point[page] == met.code)
        found += words_in(m, TYPED, searches[here], session[here])
        led = ~here & _leads(met, searches, session)
        found += words_in(m, SEARCHED, searches[led], session[led])
    return sorted(found, key=lambda one: (-len(one.sessions), one.where, one.word))


def _leads(met: Met, searches: np.ndarray, session: np.ndarray) -> np.ndarray:
    """Which searches are the last before their visit's first meeting, with no other page in between."""
    first = met.first_place[np.searchsorted(met.sessions, session)]
    pages = met.visits.pages
    before = np.searchsorted(pages, first, side="left")
    after = np.searchsorted(pages, searches, side="right")
    result: np.ndarray = (searches < first) & (before == after)
    return result
