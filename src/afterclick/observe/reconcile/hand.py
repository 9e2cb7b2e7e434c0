"""The rows of the store counted a second time, one after the other: the side that shares no code with the reports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Final

import numpy as np

from afterclick.analyse.fields import touch_field
from afterclick.analyse.scope import Scope
from afterclick.core import spans
from afterclick.core.spans import Period
from afterclick.store.columns import TOUCH_DIRECT, TOUCH_INTERNAL, Flag

BATCH: Final = 1 << 17
_SALE: Final = int(Flag.ORDER | Flag.REFUND)
_CONTEXT: Final = int(Flag.CONTEXT)


@dataclass(frozen=True)
class Visits:
    """Sessions in the order of (visitor, start): visitor, start_at int64, events int64, touch int64 (-1 none), landing
    and exit_page int64 global rows (-1 none), met bool (one of its rows meets the conditions)."""

    visitor: np.ndarray
    start_at: np.ndarray
    events: np.ndarray
    touch: np.ndarray
    landing: np.ndarray
    exit_page: np.ndarray
    met: np.ndarray

    def within(self, period: Period) -> np.ndarray:
        """Numbers of the sessions that start in the period and meet the conditions."""
        return np.flatnonzero(self.met & (self.start_at >= period.start) & (self.start_at < period.end))


class Hand:
    """Behavioural rows with an id, known at `as_of`, in (visitor, time, event id) order, and the sessions they make.

    Which rows are crawlers', system's or met by the conditions, and whose they are, is read from where the reports read
    it; grouping, order, cuts and counts are made anew.
    """

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        context = scope.context
        device, at, flags = (context.column(name) for name in ("device", "at", "flags"))
        out = int(Flag.SYSTEM) | (int(Flag.BOT) if scope.question.bots == "out" else 0)
        row = np.flatnonzero((device >= 0) & (at <= scope.as_of) & ((flags & out) == 0))
        visitor = scope.labels.of(device[row], at[row]).astype(np.int64)
        self.row, self.visitor = self._ordered(row, visitor)
        self.at, self.flags = at[self.row], flags[self.row]
        self.met = np.ones(len(self.row), bool) if scope.counted is None else scope.counted[self.row]

    def _ordered(self, row: np.ndarray, visitor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """By (visitor, time, event id); event ids are read only where their first eight bytes do not tell."""
        context = self.scope.context
        at, tie = context.column("at")[row], context.column("tie")[row]
        order = np.lexsort((tie, at, visitor))
        row, visitor, at, tie = row[order], visitor[order], at[order], tie[order]
        same = (visitor[1:] == visitor[:-1]) & (at[1:] == at[:-1]) & (tie[1:] == tie[:-1])
        near = np.flatnonzero(np.append(same, False) | np.append(False, same)) if len(row) else np.zeros(0, np.int64)
        if len(near):
            names = context.event_ids(row[near])
            keys = zip(visitor[near].tolist(), at[near].tolist(), tie[near].tolist(), names, strict=True)
            ranked = [place for _, place in sorted(zip(keys, near.tolist(), strict=True))]
            row[near], visitor[near] = row[ranked], visitor[ranked]
        return row, visitor

    def inside(self, period: Period) -> np.ndarray:
        """Rows of the period that meet the conditions; bool."""
        result: np.ndarray = self.met & (self.at >= period.start) & (self.at < period.end)
        return result

    def visitors(self, period: Period) -> np.ndarray:
        """Who did anything in the period."""
        return np.unique(self.visitor[self.inside(period)])

    @cached_property
    def first_at(self) -> dict[int, int]:
        """Each visitor's first row of all history."""
        # The last assignment to a key stands, so the rows are told from the last to the first.
        return dict(zip(self.visitor[::-1].tolist(), self.at[::-1].tolist(), strict=True))

    @cached_property
    def visit(self) -> np.ndarray:
        """The session of each row, int64."""
        starts = np.fromiter(self._starts(), np.int64, len(self.row))
        return np.cumsum(starts) - 1

    @cached_property
    def visits(self) -> Visits:
        """All sessions."""
        first = np.flatnonzero(np.diff(self.visit, prepend=-1))
        page, context = (self.flags & int(Flag.PAGE)) != 0, (self.flags & _CONTEXT) != 0
        return Visits(
            visitor=self.visitor[first],
            start_at=self.at[first],
            events=np.bincount(self.visit, minlength=len(first)),
            touch=self._channels(self.visitor[first], self._taken(self._edge(context, len(first)), "touch")),
            landing=self._rows(self._edge(page, len(first))),
            exit_page=self._rows(self._edge(page, len(first), last=True)),
            met=np.bincount(self.visit[self.met], minlength=len(first)) > 0,
        )

    def _edge(self, which: np.ndarray, visits: int, *, last: bool = False) -> np.ndarray:
        """Per session the place of its first (or last) row of these, -1 without."""
        places = np.flatnonzero(which)
        found = np.full(visits, -1, np.int64)
        places = places if last else places[::-1]
        # Of several assignments to one place the last stands.
        found[self.visit[places]] = places
        return found

    def _rows(self, places: np.ndarray) -> np.ndarray:
        return np.where(places >= 0, self.row[places], -1) if len(self.row) else places

    def _taken(self, places: np.ndarray, column: str) -> np.ndarray:
        rows = self._rows(places)
        values = self.scope.context.column(column)
        return np.where(rows >= 0, values[rows], -1).astype(np.int64) if len(values) else rows

    @staticmethod
    def _channels(visitor: np.ndarray, touch: np.ndarray) -> np.ndarray:
        """A visit that began inside goes on with the channel of the visitor's visit before, else it is direct."""
        found, before, who = [], -1, -1
        for one, code in zip(visitor.tolist(), touch.tolist(), strict=True):
            if one != who:
                who, before = one, -1
            if code == TOUCH_INTERNAL:
                found.append(before if before >= 0 else TOUCH_DIRECT)
            else:
                before = code
                found.append(code)
        return np.array(found, np.int64)

    def _starts(self) -> Iterator[int]:
        """1 for each row that begins a session, else 0, by the options of the question."""
        asked = self.scope.sessions_like
        timeout = spans.micros(asked.timeout)
        longest = spans.micros(asked.max_length) if asked.max_length else 0
        by_campaign, by_referrer = asked.new_on_campaign == "on", asked.new_on_referrer == "on"
        by_midnight, by_sdk = asked.new_on_midnight == "on", asked.session_source == "sdk"
        who, began, seen, today, campaign, source, own = -1, 0, 0, 0, 0, -1, -1
        for visitor, at, flags, sent, came, sdk, day in self._told():
            silent = bool(flags & _SALE) and not flags & _CONTEXT
            gap = at - seen > timeout
            if visitor == who and silent and not gap:
                yield 0
                continue
            new = visitor != who or silent
            if not new and by_sdk and sdk >= 0 and own >= 0:
                new = sdk != own
            elif not new:
                new = gap or (longest > 0 and at - began >= longest)
                new |= by_campaign and sent not in (0, campaign)
                new |= by_referrer and came is not None and came != source
            new |= by_midnight and day != today
            if new:
                who, began, campaign, source, own = visitor, at, 0, -1, -1
            campaign, source, own = sent or campaign, source if came is None else came, sdk if sdk >= 0 else own
            seen, today = at, day
            yield int(new)

    def _told(self) -> Iterator[tuple[int, int, int, int, int | None, int, int]]:
        """Per row visitor, instant, flags, campaign, code of the source (None without an outside referrer), SDK session,
        local day; batch by batch, so that memory stays bounded."""
        context = self.scope.context
        touches, sources = context.column("touch"), touch_field(context, "source")[0]
        midnights = np.array([spans.midnight(day, context.zone) for day in self._days()], np.int64)
        for low in range(0, len(self.row), BATCH):
            row, at, flags = (values[low : low + BATCH] for values in (self.row, self.at, self.flags))
            touch = touches[row]
            outside = ((flags & _CONTEXT) != 0) & (touch > TOUCH_INTERNAL)
            came = [int(sources[code]) if known else None for code, known in zip(touch, outside, strict=True)]
            yield from zip(
                self.visitor[low : low + BATCH].tolist(), at.tolist(), flags.tolist(),
                context.column("campaign")[row].tolist(), came, context.column("session")[row].tolist(),
                np.searchsorted(midnights, at, side="right").tolist(), strict=True,
            )  # fmt: skip

    def _days(self) -> list[date]:
        """The site's calendar days from the first row to the last."""
        if not len(self.row):
            return []
        first, last = (spans.local_day(int(at), self.scope.context.zone) for at in (self.at.min(), self.at.max()))
        return [first + timedelta(days=number) for number in range((last - first).days + 1)]
