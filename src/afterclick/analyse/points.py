"""Every behavioural row's touchpoint: a page group or an event, and events that are the same meeting as their page."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np

from afterclick.analyse.context import NO_BEHAVIOUR, Context
from afterclick.analyse.gathered import Gathered
from afterclick.analyse.kernels import touchpoints as kernels
from afterclick.analyse.kernels.compiled import pool, workers
from afterclick.analyse.scope import Scope
from afterclick.analyse.sessions import behaviour
from afterclick.analyse.troubles import LOAD_TIMES, error_names
from afterclick.core import spans
from afterclick.core.arrays import frozen
from afterclick.core.errors import SpecError, nearest_or_known
from afterclick.core.said import Said
from afterclick.store.snapshot import Chunk

TWIN_WITHIN: Final = spans.SECOND
"""An event this soon after its page view, or after the page had loaded, is the same meeting."""
_LARGE: Final = 1 << 18
TWIN_SHARE: Final = 0.95
"""The share of an event's rows that must follow the page so, and of either's visitors that met both."""


class Points:
    """Touchpoints of a scope by code: page groups first (0 to len(groups) - 1), then events.

    `of_row` int32 is the touchpoint of each global row; rows of an event that is its page's twin carry the code of the
    page, in `own` each event has its own. `merged` int32 gives per own code the code it is counted under.
    """

    def __init__(self, context: Context, identity: str, bots: str, as_of: int) -> None:
        self.context = context
        self.groups = context.texts("page_group")
        canonical = context.names()[0]
        self.events = sorted(set(canonical))
        self.size = len(self.groups) + len(self.events)
        self.own = own_codes(context)
        self._asked = identity, bots, as_of
        self.merged = _merged(context, len(self.groups), self.size, (identity, bots, as_of))

    @cached_property
    def of_row(self) -> np.ndarray:
        """The touchpoint of each global row."""
        return frozen(self.merged[self.own] if self.size else self.own)

    @property
    def along(self) -> np.ndarray:
        """The own code of each behavioural row of the scope's visitors, in the order of their sessions' rows; int32."""
        return along_rows(self.context, *self._asked)

    def name(self, code: int) -> tuple[str, str]:
        """A touchpoint's name and type, page or event."""
        if code < len(self.groups):
            return self.groups[code], "page"
        return self.events[code - len(self.groups)], "event"

    def twins(self, code: int) -> tuple[str, ...]:
        """The events that are counted as this page."""
        found = np.flatnonzero(self.merged == code)
        return tuple(self.name(int(one))[0] for one in found if one != code)

    def resolve(self, name: str) -> int:
        """The code of a touchpoint by its name: a page group, a page's twin, or an event by either of its names.

        Raises SpecError naming the nearest touchpoint.
        """
        if name in self.groups:
            return self.groups.index(name)
        canonical, raw = self.context.names()
        for found in [one for one, other in zip(canonical, raw, strict=True) if name in (one, other)]:
            if found not in NO_BEHAVIOUR:
                return int(self.merged[len(self.groups) + self.events.index(found)])
        known = [*self.groups, *(event for event in self.events if event not in NO_BEHAVIOUR)]
        raise SpecError(
            Said("refusals.no_touchpoint", name=name),
            hint=nearest_or_known(name, known, "refusals.known_touchpoints", 12),
            path="name",
        )


def points_of(scope: Scope) -> Points:
    """The touchpoints of a scope, kept in its context."""
    key = (scope.question.identity, scope.question.bots, scope.as_of)
    return scope.context.keep(("points", *key), lambda: Points(scope.context, *key))


def own_codes(context: Context) -> np.ndarray:
    """Per global row the code of its page group (a page view) or of its event; int32."""

    def make() -> np.ndarray:
        groups = len(context.texts("page_group"))
        canonical = context.names()[0]
        place = {name: number for number, name in enumerate(sorted(set(canonical)))}
        event = frozen(np.array([groups + place[name] for name in canonical], np.int32))
        own = np.empty(context.snapshot.rows, np.int32)

        def fill(chunk: Chunk) -> None:
            columns = (chunk.columns[name] for name in ("flags", "page_group", "name"))
            kernels.own_points(*columns, event, own[chunk.start : chunk.start + chunk.rows], rows=chunk.rows)

        list(pool().map(fill, context.snapshot.chunks(("flags", "page_group", "name"), None)))
        return frozen(own)

    return context.keep(("own points",), make)


def along_rows(context: Context, identity: str, bots: str, as_of: int) -> np.ndarray:
    """The own code of each row of `behaviour`, in its order; int32."""

    def make() -> np.ndarray:
        rows, own = behaviour(context, identity, bots, as_of), own_codes(context)
        out = np.empty(len(rows.at), np.int32)
        cuts = np.linspace(0, len(out), kernels.lay_along.parts(len(out)) + 1).astype(int).tolist()
        list(pool().map(lambda span: kernels.lay_along(rows.key, own, *span, out, rows=len(out)), pairwise(cuts)))
        return frozen(out)

    return context.keep(("own points along", identity, bots, as_of), make)


def _merged(context: Context, groups: int, size: int, key: tuple[str, str, int]) -> np.ndarray:
    """Per code itself, or the page whose twin it is: the event follows that page view at once, and the same visitors
    meet both."""
    merged = np.arange(size, dtype=np.int32)
    rows = behaviour(context, *key)
    along = along_rows(context, *key)
    total, followed = _followed(context, rows, along, groups, size)
    event, page = np.nonzero(followed)
    likely = followed[event, page] >= TWIN_SHARE * total[groups:][event]
    event, page = event[likely] + groups, page[likely]
    errors = _errors(context, groups, size)
    event, page = event[~errors[event]], page[~errors[event]]
    if len(event):
        one, other, both = _visitors(rows, along, event, page, size).T
        same = both >= TWIN_SHARE * np.maximum(one, other)
        merged[event[same]] = page[same]
    return frozen(merged)


def _errors(context: Context, groups: int, size: int) -> np.ndarray:
    """Per code whether it is an event that reports an error: that is something of its own, however soon it comes."""
    canonical = context.names()[0]
    place = {name: groups + number for number, name in enumerate(sorted(set(canonical)))}
    found = np.zeros(size, bool)
    found[[place[canonical[code]] for code in np.flatnonzero(error_names(context)).tolist()]] = True
    return found


def _followed(
    context: Context, rows: Gathered, own: np.ndarray, groups: int, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows per code, and int64[events, groups] how many of an event's stand at once behind a view of a page."""
    kernel = kernels.follow_pages
    columns = rows.offsets, rows.at, rows.key, own, _loading(context), groups, TWIN_WITHIN

    def count(span: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        total, followed = np.zeros(size, np.int64), np.zeros((size - groups) * groups, np.int64)
        kernel(*columns, *span, total, followed, rows=len(rows.at))
        return total, followed

    # A table of events by pages may be large, then there is one for each worker and no more.
    most = workers() if (size - groups) * groups > _LARGE else workers() * 4
    parts = list(pool().map(count, rows.spans(min(most, kernel.parts(len(rows.at))))))
    total, followed = np.zeros(size, np.int64), np.zeros((size - groups) * groups, np.int64)
    for part_total, part_followed in parts:
        total += part_total
        followed += part_followed
    return total, followed.reshape(size - groups, groups)


def _visitors(rows: Gathered, own: np.ndarray, one: np.ndarray, other: np.ndarray, size: int) -> np.ndarray:
    """Visitors who met one[k], other[k] and both; int64[pairs, 3]."""
    kernel = kernels.meet_both
    pair = frozen(one.astype(np.int32)), frozen(other.astype(np.int32))

    def count(span: tuple[int, int]) -> np.ndarray:
        visitors = np.zeros(3 * len(one), np.int64)
        kernel(rows.offsets, own, *pair, *span, visitors, np.zeros(size, np.int64), rows=len(rows.at))
        return visitors

    parts = list(pool().map(count, rows.spans(kernel.parts(len(rows.at)))))
    return sum(parts, np.zeros(3 * len(one), np.int64)).reshape(-1, 3)


def _loading(context: Context) -> np.ndarray:
    """Per global row how many milliseconds the page says it took to load, float64; empty where none says."""
    waited = np.zeros(0)
    for name in LOAD_TIMES:
        if name.endswith("_ms") and context.snapshot.column_kind(f"p.{name}") == "number":
            values = context.column(f"p.{name}")
            said = (waited > 0) & (waited < kernels.LONGEST)
            waited = np.where(said, waited, values) if len(waited) else values
    return frozen(waited)
