"""When people come, on which device and from where: nothing here depends on a barrier."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from afterclick.app.demo.draws import Counters, Uniforms, choice_table, place, quarters, uniform
from afterclick.app.demo.shop import Shop
from afterclick.app.demo.sources import (
    APP_VISIT,
    EMAIL,
    FIRST_VISIT,
    INSIDE,
    INSIDE_RATE,
    LATER_VISIT,
    MEMBER_VISIT,
    NAVER_APP,
    OWN_APP,
    PRIMARY,
    SECOND,
    SECOND_VISIT,
    SOURCE_TABLES,
)
from afterclick.app.demo.visitors import NEW_MEMBER, VISIT_SHIFT, VISITOR_SHIFT, Traits, traits

DAY = 86_400_000_000
HOUR = 3_600_000_000
MINUTE = 60_000_000
EARLIER_DAYS = 35
"""People known before the period starts, so that its first week has returning visitors like its last."""
MOST_VISITS = 60
LEAST_GAP = 2 * HOUR

_WEEKDAY_WEIGHTS = np.array([1.05, 1.0, 1.0, 0.97, 0.90, 0.93, 1.12])
_HOUR_WEIGHTS = (
    1.9, 1.0, 0.5, 0.3, 0.3, 0.5, 1.1, 2.2, 3.4, 4.2, 4.9, 5.2,
    6.0, 5.5, 5.0, 4.9, 4.9, 5.0, 5.2, 5.8, 6.8, 7.6, 7.2, 4.6,
)  # fmt: skip
HOUR_TABLE = choice_table(_HOUR_WEIGHTS)
_GROWTH_RATE = 0.35
"""How many more people arrive at the end of the period than at its start."""


@dataclass(frozen=True, kw_only=True)
class Visits:
    """Planned visits, one entry each: `starts_at` is µs since the period's start, `device` a place in
    `sources`.

    `known`: the user id is there from the first row; `login`: it comes during this visit; `joins`: by signing
    up; `installs`: first time in the app; `opens_only`: an e-mail opened and not clicked.
    """

    visitor: NDArray[np.uint32]
    ordinal: NDArray[np.uint8]
    starts_at: NDArray[np.int64]
    source: NDArray[np.uint8]
    device: NDArray[np.uint8]
    known: NDArray[np.bool_]
    login: NDArray[np.bool_]
    joins: NDArray[np.bool_]
    installs: NDArray[np.bool_]
    opens_only: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.visitor)

    def take(self, which: Any) -> Self:
        """The visits at these places, or in this slice, or where this mask is true."""
        return type(self)(**{field.name: getattr(self, field.name)[which] for field in fields(self)})

    @classmethod
    def join(cls, parts: list[Visits]) -> Visits:
        """Several plans one after the other."""
        return cls(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)})

    @property
    def counter(self) -> Counters:
        """The counter of each visit; its lowest 10 bits are free."""
        return (self.visitor.astype(np.uint64) << VISITOR_SHIFT) + (
            self.ordinal.astype(np.uint64) << VISIT_SHIFT
        )


@dataclass(frozen=True, kw_only=True)
class Times:
    """Visits as instants only: `owner` is the place of the visitor in the block, `second` marks the other
    device.
    """

    owner: NDArray[np.int64]
    starts_at: NDArray[np.int64]
    second: NDArray[np.bool_]

    def ordered(self) -> Times:
        """Sorted by owner and instant."""
        order = np.lexsort((self.starts_at, self.owner))
        return self.kept(order)

    def kept(self, which: NDArray[Any]) -> Times:
        """The chosen ones."""
        return Times(owner=self.owner[which], starts_at=self.starts_at[which], second=self.second[which])


@lru_cache(maxsize=8)
def _arrival_edges(days: int, first_weekday: int) -> NDArray[np.float64]:
    day = np.arange(-EARLIER_DAYS, days)
    weight = _WEEKDAY_WEIGHTS[(first_weekday + day) % 7] * (1 + _GROWTH_RATE * np.maximum(day, 0) / days)
    edges = np.concatenate([[0.0], np.cumsum(weight)])
    shares: NDArray[np.float64] = edges / edges[-1]
    return shares


def _visit_counts(who: Traits, u: Uniforms) -> NDArray[np.int64]:
    # Most people come once; some come a few times; the loyal come for months.
    regular = who.patience < 0.30
    mean = np.where(who.loyal, 10.0, np.where(regular, 2.2, 0.0))
    extra = np.floor(-np.log(u) * mean + np.where(who.loyal, 2.0, np.where(regular, 0.4, 0.0)))
    counts: NDArray[np.int64] = 1 + np.minimum(extra, MOST_VISITS - 1).astype(np.int64)
    return counts


def visit_times(shop: Shop, visitor: Counters, who: Traits) -> Times:
    """All visits of these people on their own clock, sorted; also the ones before the period."""
    at = visitor << VISITOR_SHIFT
    weekday = (shop.end_on.weekday() - (shop.days - 1)) % 7
    edges = _arrival_edges(shop.days, weekday)
    first, second, many, _ = quarters(shop.seed, "arrival", at)
    # Two 16-bit draws make one of 32: with 65,536 steps a busy day would show them.
    arrived = np.interp(first + (second - 0.5) / 65536, edges, np.arange(-EARLIER_DAYS, shop.days + 1))
    counts = _visit_counts(who, many)
    owner = np.repeat(np.arange(len(visitor)), counts)
    ordinal = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    counter = at[owner] + (ordinal.astype(np.uint64) << VISIT_SHIFT)
    gap, stays, hour, minute = quarters(shop.seed, "return", counter)
    mean = np.where(who.loyal, 5.5, 8.0)[owner]
    waited = np.where(ordinal == 0, 0.0, 0.25 - np.log(gap) * mean)
    total = np.cumsum(waited)
    since = total - total[_first_of(owner)]
    day = np.floor(arrived[owner] + since).astype(np.int64)
    within = HOUR_TABLE[place(hour)].astype(np.int64) * HOUR + (minute * (HOUR - MINUTE)).astype(np.int64)
    likely = _WEEKDAY_WEIGHTS[(weekday + day) % 7] / _WEEKDAY_WEIGHTS.max()
    kept = (day < shop.days) & ((ordinal == 0) | (stays < likely))
    starts_at = (
        day * DAY + within + (uniform(shop.seed, "second of start", counter) * MINUTE).astype(np.int64)
    )
    times = Times(owner=owner, starts_at=starts_at, second=np.zeros(len(owner), dtype=bool))
    return _apart(times.kept(kept).ordered())


def _first_of(owner: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each row of sorted owners the place of that owner's first row."""
    new = np.ones(len(owner), dtype=bool)
    new[1:] = owner[1:] != owner[:-1]
    first: NDArray[np.int64] = np.maximum.accumulate(np.where(new, np.arange(len(owner)), 0))
    return first


def _apart(times: Times) -> Times:
    """Without the visits that start on the heels of the one before."""
    near = np.zeros(len(times.owner), dtype=bool)
    near[1:] = (np.diff(times.starts_at) < LEAST_GAP) & (np.diff(times.owner) == 0)
    return times.kept(~near)


def with_second_devices(shop: Shop, visitor: Counters, who: Traits, times: Times) -> Times:
    """The visits and, for people with two devices, further ones on the other device later the same day."""
    inside = times.starts_at >= 0
    first_inside = _first_match(inside, times.owner)
    counter = (visitor[times.owner] << VISITOR_SHIFT) + (
        (np.arange(len(times.owner)) - _first_of(times.owner)).astype(np.uint64) << VISIT_SHIFT
    )
    again, delay, _, _ = quarters(shop.seed, "second device", counter)
    left = DAY - times.starts_at % DAY
    chosen = who.two_devices[times.owner] & inside & (first_inside | (again < 0.2)) & (left > HOUR)
    span = np.minimum(left - 50 * MINUTE, 5 * HOUR)
    later = times.starts_at + 10 * MINUTE + (delay * span).astype(np.int64)
    return Times(
        owner=np.concatenate([times.owner, times.owner[chosen]]),
        starts_at=np.concatenate([times.starts_at, later[chosen]]),
        second=np.concatenate([times.second, np.ones(chosen.sum(), dtype=bool)]),
    ).ordered()


def _where_from(
    shop: Shop, who: Traits, times: Times, ordinal: NDArray[np.int64], counter: Counters
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Source and device of each visit."""
    owner = times.owner
    pick, in_app, inside, _ = quarters(shop.seed, "source", counter)
    member = (who.member[owner] > 0) & (ordinal >= who.joins_at[owner])
    own_app = who.has_app[owner] & (ordinal > 0) & (in_app < 0.55) & ~times.second
    kind = np.where(member, MEMBER_VISIT, np.where(ordinal == 0, FIRST_VISIT, LATER_VISIT))
    kind = np.where(own_app, APP_VISIT, np.where(times.second, SECOND_VISIT, kind))
    source = SOURCE_TABLES[kind, place(pick)].astype(np.uint8)
    device = np.where(inside < INSIDE_RATE[source], INSIDE[source], PRIMARY)
    # Nobody opens the Naver app on a desktop; the other apps are opened on the phone beside it.
    device = np.where((device == NAVER_APP) & who.desktop[owner], PRIMARY, device)
    device = np.where(own_app, OWN_APP, np.where(times.second, SECOND, device))
    return source, device.astype(np.uint8)


def _first_match(which: NDArray[np.bool_], owner: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Marks the first true row of each owner (rows are sorted by owner)."""
    before: NDArray[np.int64] = np.cumsum(which) - which
    first: NDArray[np.bool_] = which & (before == before[_first_of(owner)])
    return first


def plan_visits(shop: Shop, low: int, high: int) -> Visits:
    """The visits inside the period of the visitors `low` to `high - 1`, by visitor and instant."""
    visitor = np.arange(low, high, dtype=np.uint64)
    who = traits(shop, visitor)
    times = with_second_devices(shop, visitor, who, visit_times(shop, visitor, who))
    owner = times.owner
    ordinal = np.arange(len(owner)) - _first_of(owner)
    counter = (visitor[owner] << VISITOR_SHIFT) + (ordinal.astype(np.uint64) << VISIT_SHIFT)
    source, device = _where_from(shop, who, times, ordinal, counter)
    able = (who.member[owner] > 0) & (ordinal >= who.joins_at[owner])
    known, login = np.zeros(len(owner), dtype=bool), np.zeros(len(owner), dtype=bool)
    for held in (PRIMARY, SECOND, OWN_APP):
        here = able & (device == held)
        first = _first_match(here, owner)
        login |= first
        known |= here & ~first
    joins = _first_match(login, owner) & (who.member[owner] == NEW_MEMBER)
    opened, _, _, _ = quarters(shop.seed, "opened", counter)
    only = (source == EMAIL) & known & ~times.second & (opened < 0.5)
    visits = Visits(
        visitor=visitor[owner].astype(np.uint32),
        ordinal=ordinal.astype(np.uint8),
        starts_at=times.starts_at,
        source=source,
        device=device,
        known=known,
        login=login,
        joins=joins,
        installs=_first_match(device == OWN_APP, owner),
        opens_only=only,
    )
    return visits.take(times.starts_at >= 0)
