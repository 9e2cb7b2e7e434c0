"""Each visitor's visits as they stood at an instant: how many, what the last one holds so far, first and last touch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from afterclick.analyse.distinct import expanded
from afterclick.analyse.sessions import Sessions
from afterclick.core.arrays import frozen
from afterclick.store.columns import Flag

_SERVER_SALE = int(Flag.ORDER | Flag.REFUND)


@dataclass(frozen=True)
class Visits:
    """Sessions by visitor up to `at` (µs, included). Arrays are per visitor label unless said otherwise."""

    sessions: Sessions
    at: int

    @cached_property
    def begun(self) -> np.ndarray:
        """Sessions begun, int64."""
        begun = self.sessions.visitor[self.sessions.start_at <= self.at]
        return frozen(np.bincount(begun, minlength=self.sessions.rows.visitors).astype(np.int64))

    @cached_property
    def first(self) -> np.ndarray:
        """Each visitor's first session, int64; meaningless where none has begun."""
        return frozen(np.searchsorted(self.sessions.visitor, np.arange(self.sessions.rows.visitors)))

    @cached_property
    def there(self) -> np.ndarray:
        """Visitors with a session, ascending."""
        return np.flatnonzero(self.begun > 0)

    @cached_property
    def last(self) -> np.ndarray:
        """The last session of each of `there`."""
        found: np.ndarray = self.first[self.there] + self.begun[self.there] - 1
        return found

    @cached_property
    def upto(self) -> np.ndarray:
        """One past the last gathered row by then of each of `there`."""
        rows = self.sessions.rows
        begins = self.sessions.first[self.last]
        nexts = np.append(self.sessions.first[1:], len(rows.at))[self.last]
        upto: np.ndarray = np.minimum(nexts, rows.offsets[1:][self.there])
        for place in self.cut.tolist():
            inside = rows.at[begins[place] : upto[place]]
            upto[place] = begins[place] + np.searchsorted(inside, self.at, side="right")
        return upto

    @cached_property
    def cut(self) -> np.ndarray:
        """Which of `there` are in the middle of their last session: it goes on later."""
        return np.flatnonzero(self.sessions.last_at[self.last] > self.at)

    def _recounted(self, whole: np.ndarray, flag: int) -> np.ndarray:
        """A count of the last session of each of `there`, of those in the middle counted again up to the instant."""
        found: np.ndarray = whole[self.last].astype(np.int64)
        if len(self.cut):
            begins = self.sessions.first[self.last[self.cut]]
            reach = self.upto[self.cut] - begins
            hits = (self.sessions.rows.key[expanded(begins, reach)] & flag) != 0
            found[self.cut] = np.add.reduceat(hits, np.cumsum(reach) - reach, dtype=np.int64)
        return found

    @cached_property
    def last_pages(self) -> np.ndarray:
        """Page views of the last session."""
        return self._recounted(self.sessions.pages, int(Flag.PAGE))

    @cached_property
    def last_orders(self) -> np.ndarray:
        """Orders of the last session."""
        return self._recounted(self.sessions.orders, int(Flag.ORDER))

    @cached_property
    def last_events(self) -> np.ndarray:
        """Events of the last session."""
        found: np.ndarray = self.upto - self.sessions.first[self.last]
        return found

    @cached_property
    def last_length(self) -> np.ndarray:
        """µs from the first to the last event of the last session; a server's sale does not extend it."""
        found: np.ndarray = self.sessions.end_at[self.last] - self.sessions.start_at[self.last]
        rows = self.sessions.rows
        for place in self.cut.tolist():
            begin = int(self.sessions.first[self.last[place]])
            symbols = rows.key[begin : self.upto[place]] & 0xFFFF
            own = ((symbols & _SERVER_SALE) == 0) | ((symbols & int(Flag.CONTEXT)) != 0)
            own[0] = True
            found[place] = rows.at[begin + np.flatnonzero(own)[-1]] - rows.at[begin]
        return found

    @cached_property
    def last_touch_of_session(self) -> np.ndarray:
        """The touch of the last session, -1 while it has had no page context."""
        found: np.ndarray = self.sessions.touch[self.last].copy()
        for place in self.cut.tolist():
            begin = int(self.sessions.first[self.last[place]])
            if not (self.sessions.rows.key[begin : self.upto[place]] & int(Flag.CONTEXT)).any():
                found[place] = -1
        return found

    def pages(self) -> np.ndarray:
        """Page views by then."""
        return self._whole(self.sessions.pages, self.last_pages)

    def events(self) -> np.ndarray:
        """Events by then."""
        return self._whole(self.sessions.events, self.last_events)

    def _whole(self, counts: np.ndarray, last: np.ndarray) -> np.ndarray:
        """Counts of all sessions begun, the last one as far as it goes."""
        begun = self.sessions.start_at <= self.at
        size = self.sessions.rows.visitors
        total = np.bincount(self.sessions.visitor[begun], weights=counts[begun], minlength=size).astype(np.int64)
        total[self.there] += last - counts[self.last]
        return total

    def touches(self, *, first: bool) -> np.ndarray:
        """The first or last touch that a session by then came with, -1 for none; int64 per visitor."""
        known = (self.sessions.touch >= 0) & (self.sessions.start_at <= self.at)
        known[self.last[self.cut]] = self.last_touch_of_session[self.cut] >= 0
        places = np.flatnonzero(known)
        owner = self.sessions.visitor[places]
        new = owner[1:] != owner[:-1]
        edge = np.append(True, new) if first else np.append(new, True)
        out = np.full(self.sessions.rows.visitors, -1, np.int64)
        if len(places):
            out[owner[edge]] = self.sessions.touch[places[edge]]
        return out

    def last_seen(self) -> np.ndarray:
        """The instant of the last event by then of each of `there`."""
        found: np.ndarray = self.sessions.rows.at[self.upto - 1]
        return found
