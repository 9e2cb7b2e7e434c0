"""The newest events and their counts, for whoever watches: kept beside the way in, never in it."""

from __future__ import annotations

import functools
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from afterclick.collect.live.pulse import ACTIVE, Active, Minute, Pulse, Ranked, active, origin, path, ranked
from afterclick.core import clock
from afterclick.core.event import Rejected
from afterclick.core.masking import masked
from afterclick.core.names import PAGE_EVENTS
from afterclick.core.spans import MINUTE

KEPT: Final = 500
"""Events kept to be shown."""
KEPT_REFUSALS: Final = 50
TOP: Final = 8
_LONGEST: Final = 200
_CACHED: Final = 400
_VIEWS: Final = frozenset({"page", "screen"})
_AMOUNTS: Final = ("revenue", "total", "value")


class Seen(Protocol):
    """What the feed reads of a stored event; the canonical event of the wire has it."""

    @property
    def event(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def anonymous_id(self) -> str | None: ...
    @property
    def user_id(self) -> str | None: ...
    @property
    def url(self) -> str | None: ...
    @property
    def referrer(self) -> str | None: ...
    @property
    def properties(self) -> Mapping[str, Any]: ...


class Refused(Protocol):
    """What the feed reads of something that was not stored."""

    @property
    def code(self) -> str: ...
    @property
    def message(self) -> str: ...


class Row(NamedTuple):
    """One event as it is shown. `number` grows by one from event to event, `at` is its arrival (us, UTC), `who` the id it
    came with: `a:` or `u:` and the id, "" for none; `amount` is as it was sent, "" for none."""

    number: int
    at: int
    event: str
    type: str
    source: str
    who: str
    page: str
    amount: str
    currency: str


class Refusal(NamedTuple):
    """Something that was not stored, without its content: arrival (us, UTC), who sent it, the reason as code and words."""

    at: int
    source: str
    code: str
    message: str


class Now(NamedTuple):
    """Everything but the rows at one instant. Counts are complete from `since` on, those of duplicates only from
    `repeated_since`."""

    at: int
    active: int
    active_more: bool
    minutes: tuple[Minute, ...]
    pages: Ranked
    origins: Ranked
    senders: Ranked
    refusals: tuple[Refusal, ...]
    since: int
    repeated_since: int

    @property
    def events(self) -> int:
        """Events of the last 30 minutes."""
        return sum(minute.events for minute in self.minutes)


class Feed:
    """Takes what was committed, from any thread, and tells what is there. Memory is bounded whatever comes.

    >>> feed = Feed(now=0)
    >>> feed.take([], at=60_000_000, source="web", duplicates=2)
    >>> feed.now(at=60_000_000).minutes[-1].duplicates
    2
    """

    def __init__(self, now: int | None = None) -> None:
        """`now`: the instant counting begins (us, UTC)."""
        self.epoch = clock.now() if now is None else now
        self._lock = threading.Lock()
        self._rows: deque[Row] = deque(maxlen=KEPT)
        self._refusals: deque[Refusal] = deque(maxlen=KEPT_REFUSALS)
        self._pulse, self._active = Pulse(self.epoch), Active()
        self._number = self._changes = 0

    def take(
        self,
        events: Sequence[Seen],
        *,
        at: int,
        source: str,
        duplicates: int = 0,
        rejected: Iterable[Refused] = (),
    ) -> None:
        """What came of one call after its commit: the events stored, at their arrival `at` (us, UTC)."""
        refusals = [Refusal(at, source, each.code, _cut(each.message)) for each in rejected] if rejected else []
        with self._lock:
            self._changes += 1
            slot = self._pulse.slot(at)
            if self._pulse.turned:
                self._pulse.turned = False
                self._active.forget(at - ACTIVE)
            slot.events += len(events)
            slot.duplicates += duplicates
            if refusals:
                slot.rejected += len(refusals)
                self._refusals.extend(refusals)
            if events:
                slot.senders.add(source, len(events))
            if len(events) > KEPT:
                self._number += len(events) - KEPT
            for place, event in enumerate(events, KEPT - len(events)):
                who = f"a:{event.anonymous_id}" if event.anonymous_id else f"u:{event.user_id}" if event.user_id else ""
                if who:
                    self._active.saw(who, at)
                page = _page(event)
                if event.type in _VIEWS or event.event in PAGE_EVENTS:
                    slot.pages.add(page)
                    came_from = _origin(event.url or "", event.referrer or "")
                    if came_from:
                        slot.origins.add(came_from)
                if place >= 0:
                    self._number += 1
                    self._rows.append(_row(self._number, at, source, event, who, page))

    def refused(self, rejected: Iterable[Rejected]) -> None:
        """Dead letters that were read back, each at its own instant."""
        with self._lock:
            for each in rejected:
                self._changes += 1
                self._pulse.slot(each.at).rejected += 1
                self._refusals.append(Refusal(each.at, each.source, each.code, _cut(each.message)))

    def repeated(self, at: int, duplicates: int) -> None:
        """Duplicates of which only the number is known."""
        with self._lock:
            self._changes += 1
            self._pulse.slot(at).duplicates += duplicates

    def forget(self, erased: Callable[[str, str], bool]) -> None:
        """Let go of the events of people who were erased, asked by namespace (`a:`, `u:`) and id; counts stay as they were."""
        with self._lock:
            self._changes += 1
            kept = [row for row in self._rows if not (row.who and erased(row.who[:2], row.who[2:]))]
            self._rows.clear()
            self._rows.extend(kept)
            self._active.drop(erased)

    def complete_since(self, at: int) -> None:
        """Counts of what is stored and refused are complete from this instant on."""
        with self._lock:
            self._pulse.since = at

    @property
    def position(self) -> int:
        """The number of the newest row, 0 before the first."""
        return self._number

    @property
    def changes(self) -> int:
        """Grows with everything taken: equal means that nothing came."""
        return self._changes

    def recent(self, most: int = KEPT, *, after: int = 0, minute: int | None = None, text: str = "") -> list[Row]:
        """The newest rows first: those with a number above `after`, of the UTC minute that starts at `minute`, that hold
        `text` in whatever case."""
        with self._lock:
            rows = list(self._rows)
        wanted = text.casefold()
        found: list[Row] = []
        for row in reversed(rows):
            if row.number <= after or len(found) == most:
                break
            if (minute is None or row.at - row.at % MINUTE == minute) and (not wanted or holds(row, wanted)):
                found.append(row)
        return found

    def now(self, at: int | None = None) -> Now:
        """The counts at an instant, by default the present one."""
        at = clock.now() if at is None else at
        with self._lock:
            # Copies alone: whoever brings events waits for this lock.
            pulse = self._pulse
            seen, more = self._active.seen(at)
            counted = [pulse.counted(what, at) for what in ("pages", "origins", "senders")]
            minutes, refusals, since = pulse.minutes(at), tuple(reversed(self._refusals)), pulse.since
        pages, origins, senders = (ranked(each, TOP) for each in counted)
        return Now(at, active(seen, at), more, tuple(minutes), pages, origins, senders, refusals, since, self.epoch)


def holds(row: Row, wanted: str) -> bool:
    """Whether one of the texts a row shows holds `wanted` (casefolded); ids are not searched."""
    return any(wanted in text.casefold() for text in (row.event, row.page, row.source))


def _row(number: int, at: int, source: str, event: Seen, who: str, page: str) -> Row:
    name, properties = event.event, event.properties
    amount = currency = ""
    if properties:
        for field in _AMOUNTS:
            if field in properties and (amount := _number(properties[field])):
                given = properties.get("currency")
                currency = given if isinstance(given, str) and len(given) == 3 else ""
                break
    if len(name) > _LONGEST:
        name = _cut(name)
    return Row(number, at, name, event.type, source, who if len(who) <= _LONGEST else "", page, amount, currency)


def _page(event: Seen) -> str:
    """The path of the page, else the name of the screen or the title."""
    url = event.url
    if url:
        return _path(url) if len(url) <= _CACHED else path(url)
    named = event.properties.get("name") or event.properties.get("title") if event.properties else None
    return masked(_cut(named)) if isinstance(named, str) else ""


def _origin(url: str, referrer: str) -> str:
    return _origins(url, referrer) if len(url) + len(referrer) <= _CACHED else origin(url, referrer)


# A site has few pages and fewer referrers; a URL of usual length is taken apart once.
_path: Final = functools.lru_cache(4096)(path)
_origins: Final = functools.lru_cache(4096)(origin)


def _number(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, int | float):
        return str(value)
    text = value.strip() if isinstance(value, str) else ""
    return text if text[:20].replace(".", "", 1).lstrip("-").isdecimal() and len(text) <= 20 else ""


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
