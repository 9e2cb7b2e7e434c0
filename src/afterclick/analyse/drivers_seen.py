"""What visitors saw in a span each has of its own: events, page groups and property values, and who saw which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, NamedTuple

import numpy as np

from afterclick.analyse import fields
from afterclick.analyse.scope import Scope
from afterclick.core.spans import Period
from afterclick.store.columns import Flag

MOST_VALUES: Final = 100
"""A text with more different values in the store is no behaviour: each would be one more test, and an id is none."""

MOST_NUMBERS: Final = 20
"""A number with more different values in the spans is a measure; with fewer it is a code, such as an error's."""

_CELLS: Final = 1 << 22
_OF_DEVICE: Final = ("device_type", "browser", "os", "known")
_OF_VISIT: Final = ("channel", "source", "medium", "campaign", "network", "paid")

Kind = Literal["event", "page", "property"]


class Feature(NamedTuple):
    """One thing that may be seen: `codes` int32 per seen row (-1 not), with their texts."""

    kind: Kind
    field: str
    codes: np.ndarray
    texts: list[str]


class Spans(NamedTuple):
    """Distinct visitors, each with the instants since < at <= until (µs) in which something counts as seen.

    `rows` are global rows that count besides, one per visitor, for their page and properties but not as an event: what
    opened the span. -1 = none.
    """

    visitors: np.ndarray
    since: np.ndarray
    until: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True)
class Seen:
    """The rows seen in the spans, by the place of their visitor in `spans.visitors`: place int32, rows int64 (global),
    opening bool (the row that opened the span)."""

    scope: Scope
    spans: Spans
    place: np.ndarray
    rows: np.ndarray
    opening: np.ndarray

    def features(self) -> Iterator[Feature]:
        """Events, page groups, then every property that `left_out` does not name."""
        context, take = self.scope.context, self.scope.taker(0, self.rows)
        canonical = context.names()[0]
        events = sorted(set(canonical))
        number = {name: code for code, name in enumerate(events)}
        event_of = np.array([number[name] for name in canonical], np.int32)
        yield Feature("event", "event", np.where(self.opening, -1, event_of[take("name")]), events)
        flags = take("flags")
        on_page = (flags & int(Flag.PAGE)) != 0
        yield Feature("page", "page_group", np.where(on_page, take("page_group"), -1), context.texts("page_group"))
        # The channel of a visit is that of its first row with a page, which may lie after the span: a row with a page
        # of its own is never before it.
        in_page = (flags & int(Flag.CONTEXT)) != 0
        for field in (*_OF_DEVICE, *_OF_VISIT, *context.snapshot.property_names):
            found = self._property(field)
            if found is not None:
                codes, texts = found
                yield Feature("property", field, np.where(in_page, codes, -1) if field in _OF_VISIT else codes, texts)

    def _property(self, field: str) -> tuple[np.ndarray, list[str]] | None:
        if field in self.left_out:
            return None
        context, take = self.scope.context, self.scope.taker(0, self.rows)
        if field in (*_OF_DEVICE, *_OF_VISIT) or context.snapshot.column_kind(f"p.{field}") == "coded":
            return fields.codes_of(context, field, take)
        numbers = take(f"p.{field}")
        there = np.flatnonzero(~np.isnan(numbers))
        values, codes = np.unique(numbers[there], return_inverse=True)
        if not 0 < len(values) <= MOST_NUMBERS:
            return None
        whole = np.full(len(numbers), -1, np.int32)
        whole[there] = codes
        return whole, [f"{value:.15g}" for value in values.tolist()]

    @cached_property
    def left_out(self) -> tuple[str, ...]:
        """Texts with more than MOST_VALUES different values in the store."""
        context = self.scope.context
        named = [(field, f"p.{field}") for field in context.snapshot.property_names]
        many = [field for field, stored in named if context.snapshot.book(stored).size > MOST_VALUES]
        visit = [field for field in _OF_VISIT if len(fields.touch_field(context, field)[1]) > MOST_VALUES]
        books = [field for field in _OF_DEVICE if field in fields.BOOKS and len(context.texts(field)) > MOST_VALUES]
        return (*books, *visit, *many)

    def counts(self, feature: Feature, outcome: np.ndarray, least: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(codes, visitors who saw each, those of them with the outcome), for codes that `least` visitors or more saw."""
        rows_of = np.bincount(feature.codes + 1, minlength=len(feature.texts) + 1)[1:]
        frequent = np.flatnonzero(rows_of >= least)
        narrow = np.full(len(rows_of) + 1, -1, np.int32)
        narrow[frequent] = np.arange(len(frequent))
        codes, width = narrow[feature.codes], len(frequent)
        met = np.flatnonzero(codes >= 0)
        n, yes = np.zeros(width, np.int64), np.zeros(width, np.int64)
        if len(met):
            for pairs, first in _pairs(self.place[met], codes[met], width, len(outcome)):
                saw = pairs % width
                n += np.bincount(saw, minlength=width)
                yes += np.bincount(saw[outcome[first + pairs // width]], minlength=width)
        enough = (n >= least) & np.array([feature.texts[code] != "" for code in frequent.tolist()], bool)
        return frequent[enough], n[enough], yes[enough]

    def places_with(self, feature: Feature, code: int) -> np.ndarray:
        """The places of the visitors who saw this."""
        return np.unique(self.place[feature.codes == code])


def _pairs(place: np.ndarray, codes: np.ndarray, width: int, places: int) -> Iterator[tuple[np.ndarray, int]]:
    """Distinct (place - first) * width + code, by blocks of places from `first` on; `place` is sorted."""
    block = max(1, _CELLS // width)
    for first in range(0, places, block):
        low, high = np.searchsorted(place, [first, first + block])
        if high > low:
            met = np.zeros(min(block, places - first) * width, bool)
            met[(place[low:high].astype(np.int64) - first) * width + codes[low:high]] = True
            yield np.flatnonzero(met), first


def seen_in(scope: Scope, spans: Spans) -> Seen:
    """The behavioural rows that count for the question and lie in the spans, and the rows that opened them."""
    place_of = np.full(scope.labels.size, -1, np.int32)
    place_of[spans.visitors] = np.arange(len(spans.visitors), dtype=np.int32)
    opened = np.flatnonzero(spans.rows >= 0).astype(np.int32)
    places, rows = [opened], [spans.rows[opened]]
    if len(spans.visitors):
        period = Period(int(spans.since.min()), int(spans.until.max()) + 1)
        for chunk in scope.context.snapshot.chunks(("device", "at", "flags"), period):
            at, device = chunk.columns["at"], chunk.columns["device"]
            here = np.flatnonzero((device >= 0) & (at > period.start) & (at < period.end) & scope.counts(chunk))
            place = place_of[scope.labels.of(device[here], at[here])]
            known = np.flatnonzero(place >= 0)
            here, place = here[known], place[known]
            inside = (at[here] > spans.since[place]) & (at[here] <= spans.until[place])
            places.append(place[inside])
            rows.append(chunk.start + here[inside])
    place, row = np.concatenate(places), np.concatenate(rows)
    opening = np.arange(len(place)) < len(opened)
    order = np.argsort(place, kind="stable")
    return Seen(scope, spans, place[order], row[order], opening[order])
