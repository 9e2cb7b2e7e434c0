"""What advertising cost: reported rows become one cost per day and ad, joined to the visits that it brought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np

from afterclick.analyse.context import TOUCH_FIELDS, Context
from afterclick.analyse.distinct import counts
from afterclick.analyse.orders import amounts_of, currencies_of, orders_of, total
from afterclick.analyse.scope import Scope
from afterclick.analyse.sessions import Sessions, sessions_of
from afterclick.core import condition, spans
from afterclick.core.arrays import frozen
from afterclick.core.money import to_decimal
from afterclick.core.names import AD_COST_REPORTED
from afterclick.core.spans import Period
from afterclick.store.definitions import CostRename

_KEY: Final = ("source", "medium", "campaign", "term", "content")


class Ad(NamedTuple):
    """What a cost is of, in the words of the visits: source and campaign renamed, channel and medium of its visits.

    `name` is (source, campaign), by which it is joined; `met` says that a visit with that name exists.
    """

    channel: str
    source: str
    medium: str
    campaign: str
    term: str
    content: str
    network: str
    paid: bool
    portal: bool
    met: bool

    @property
    def name(self) -> tuple[str, str]:
        """What joins costs and visits."""
        return self.source, self.campaign


@dataclass(frozen=True)
class Costs:
    """One row per local day and ad; of rows reported twice the one latest in the log.

    at int64 (noon of the day, µs UTC), amount int64 minor units, impressions and clicks float64 (NaN unknown), ad int64
    (place in `ads`), counted bool (meets the conditions). `costed` says per code of the book `touch` whether a cost names
    its visits. `mixed`: amounts of several currencies without a rate; `foreign`: all of another currency than the orders;
    `narrowed`: False where a condition asks for what a cost has not (a device, a page), so that no cost can be said.
    """

    at: np.ndarray
    amount: np.ndarray
    impressions: np.ndarray
    clicks: np.ndarray
    ad: np.ndarray
    ads: tuple[Ad, ...]
    counted: np.ndarray
    costed: np.ndarray
    mixed: bool
    foreign: bool
    narrowed: bool

    def __len__(self) -> int:
        return len(self.at)

    @property
    def reason(self) -> str:
        """Why no cost can be said, "" if it can."""
        if not len(self):
            return "no_costs"
        if not self.narrowed:
            return "not_narrowed"
        return "mixed_currencies" if self.mixed else ""

    def within(self, period: Period) -> np.ndarray:
        """Which rows are of days of the period and meet the conditions."""
        result: np.ndarray = (self.at >= period.start) & (self.at < period.end) & self.counted
        return result

    def cost(self, which: np.ndarray) -> Decimal | None:
        """The cost of these rows (mask or numbers)."""
        return None if self.reason else to_decimal(total(self.amount[which]))

    def known(self, name: str, which: np.ndarray) -> int | None:
        """Impressions or clicks of these rows; None where none of them names any, nor any row of the store."""
        if not self.narrowed or name not in self._reported:
            return None
        values = getattr(self, name)[which]
        return None if len(values) and np.isnan(values).all() else int(np.nansum(values))

    @cached_property
    def _reported(self) -> frozenset[str]:
        return frozenset(name for name in ("impressions", "clicks") if not np.isnan(getattr(self, name)).all())

    @cached_property
    def touched(self) -> np.ndarray:
        """`costed` with a last False, so that the touch -1 reads as none; bool."""
        return np.append(self.costed, False)


def costs_of(scope: Scope) -> Costs:
    """All costs of days up to that of `as_of`."""
    key = ("costs", scope.as_of, scope.question.where, scope.sessions_like.key)
    return scope.context.keep(key, lambda: _read(scope))


def _read(scope: Scope) -> Costs:
    context = scope.context
    row = _rows(context, spans.midnight(_next_day(scope), context.zone))
    at, touch = context.snapshot.take("at", row), context.snapshot.take("touch", row).astype(np.int64)
    keys, key_of = _keys(context, touch)
    latest = _latest(context, at, key_of)
    row, at, key_of = row[latest], at[latest], key_of[latest]
    ads: list[Ad] = []
    costed = np.zeros(len(context.touches()["source"]), bool)
    if keys:
        # Visits are cut only where there are costs to join them with.
        ads, costed = _joined(context, keys, sessions_of(context, scope.sessions_like, scope.as_of))
    amount, mixed = amounts_of(context, row, at)
    met, narrowed = _met(scope, ads)
    return Costs(
        at=frozen(at), amount=frozen(amount), impressions=frozen(_numbers(context, "impressions", row)),
        clicks=frozen(_numbers(context, "clicks", row)), ad=frozen(key_of), ads=tuple(ads),
        counted=frozen(met[key_of] if len(row) else np.zeros(0, bool)), costed=frozen(costed), mixed=mixed,
        foreign=not mixed and _foreign(scope, row), narrowed=narrowed,
    )  # fmt: skip


def _next_day(scope: Scope) -> date:
    return spans.local_day(scope.as_of, scope.context.zone) + timedelta(days=1)


def _rows(context: Context, before: int) -> np.ndarray:
    """Global rows that report a cost, in the order of the log; int64."""
    codes = [code for code, name in enumerate(context.names()[0]) if name == AD_COST_REPORTED]
    if not codes:
        return np.zeros(0, np.int64)
    wanted = np.zeros(len(context.names()[0]), bool)
    wanted[codes] = True
    found = [
        chunk.start + np.flatnonzero(wanted[chunk.columns["name"]] & (chunk.columns["at"] < before))
        for chunk in context.snapshot.chunks(("name", "at"), None)
    ]
    return np.concatenate(found)


def _keys(context: Context, touch: np.ndarray) -> tuple[list[int], np.ndarray]:
    """A touch for each distinct (source, medium, campaign, term, content), and per row the place of its own."""
    touches = context.touches()
    place: dict[tuple[str, ...], int] = {}
    first: list[int] = []
    of_touch: dict[int, int] = {}
    for code in np.unique(touch).tolist():
        key = tuple(touches[name][code] if code >= 0 else "" for name in _KEY)
        if key not in place:
            place[key] = len(first)
            first.append(code)
        of_touch[code] = place[key]
    return first, np.array([of_touch[code] for code in touch.tolist()], np.int64)


def _latest(context: Context, at: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Of each local day and ad the place of the row latest in the log."""
    instants, which = np.unique(at, return_inverse=True)
    day = np.array([spans.local_day(instant, context.zone).toordinal() for instant in instants.tolist()], np.int64)
    both = day[which] * (int(key.max(initial=0)) + 1) + key if len(at) else np.zeros(0, np.int64)
    _, last = np.unique(both[::-1], return_index=True)
    return np.sort(len(at) - 1 - last)


def _joined(context: Context, keys: list[int], sessions: Sessions) -> tuple[list[Ad], np.ndarray]:
    """The ads, and which touches of visits a cost names.

    A visit belongs to the cost of its source and campaign, all of history counted, so that days add up. A cost without
    a campaign has the visits of its source that are paid or of its own medium and that no cost names by their campaign.
    Channel and medium are those of the cost's visits: of its own medium if there are any, of the most visits otherwise.
    """
    touches = context.touches()
    renames = context.snapshot.definitions.costs.rename
    names = [renamed(_field(touches, "source", code), _field(touches, "campaign", code), renames) for code in keys]
    named = set(names)
    sold_as = {
        (name[0], _field(touches, "medium", code)) for code, name in zip(keys, names, strict=True) if not name[1]
    }
    visits = counts(sessions.touch[sessions.touch >= 0], len(touches["source"]))
    costed = np.zeros(len(touches["source"]), bool)
    met: dict[tuple[str, str], list[int]] = {}
    for code in np.flatnonzero(visits).tolist():
        source, medium = touches["source"][code], touches["medium"][code]
        name = source, touches["campaign"][code]
        if name not in named or not name[1]:
            bought = touches["paid"][code] or (medium and (source, medium) in sold_as)
            name = source, "" if bought else "\0"
        if name in named and any(name):
            costed[code] = True
            met.setdefault(name, []).append(code)
    ads = []
    for code, name in zip(keys, names, strict=True):
        own: dict[str, Any] = {field: touches[field][code] if code >= 0 else _NOTHING[field] for field in TOUCH_FIELDS}
        there = met.get(name, [])
        if there:
            best = max(there, key=lambda one: (touches["medium"][one] == own["medium"], visits[one], -one))
            own |= {field: touches[field][best] for field in ("channel", "medium", "network", "paid", "portal")}
        ads.append(Ad(**own | {"source": name[0], "campaign": name[1]}, met=bool(there)))
    return ads, costed


_NOTHING: Final = dict(zip(TOUCH_FIELDS, ("other", *[""] * 6, False, False), strict=True))


def _field(touches: dict[str, list[Any]], name: str, code: int) -> str:
    return touches[name][code] if code >= 0 else ""


def renamed(source: str, campaign: str, renames: Sequence[CostRename]) -> tuple[str, str]:
    """Source and campaign of a cost in the words of the visits: the first rename that applies counts."""
    for one in renames:
        if one.source.strip().lower() in ("", source) and one.campaign.strip().lower() in ("", campaign):
            return one.to_source.strip().lower() or source, one.to_campaign.strip().lower() or campaign
    return source, campaign


def _met(scope: Scope, ads: Sequence[Ad]) -> tuple[np.ndarray, bool]:
    """Per ad whether it meets the question's conditions; False where a cost does not have what they ask for."""
    met = np.ones(len(ads), bool)
    if any(one.fields - set(TOUCH_FIELDS) for one in scope.conditions):
        return met, False
    for one in scope.conditions:
        met &= one.mask({field: _column(field, ads) for field in one.fields}, len(ads))
    return met, True


def _column(field: str, ads: Sequence[Ad]) -> condition.Column:
    texts = [{True: "true", False: "false"}.get(value, value) for value in (getattr(ad, field) for ad in ads)]
    values = sorted({text for text in texts if text})
    place = {text: number for number, text in enumerate(values)}
    return condition.Coded(np.array([place.get(text, -1) for text in texts], np.int32), values)


def _numbers(context: Context, name: str, row: np.ndarray) -> np.ndarray:
    """A numeric property of rows, NaN where there is none; float64."""
    if name not in context.snapshot.property_names or not len(row):
        return np.full(len(row), np.nan)
    values = context.snapshot.take(f"p.{name}", row)
    if context.snapshot.column_kind(f"p.{name}") != "coded":
        return values.astype(np.float64)
    texts = context.texts(f"p.{name}")
    read = {code: _number(texts[code]) if code >= 0 else np.nan for code in np.unique(values).tolist()}
    return np.array([read[code] for code in values.tolist()], np.float64)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _foreign(scope: Scope, row: np.ndarray) -> bool:
    """Are costs of another currency than the orders, with no rate between them?"""
    definitions = scope.context.snapshot.definitions
    if definitions.rates and definitions.currency:
        return False
    own, sold = currencies_of(scope.context, row), currencies_of(scope.context, orders_of(scope).row)
    return bool(own - {""} and sold - {""}) and own != sold
