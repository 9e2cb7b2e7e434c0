"""What arrived in the last half hour, counted minute by minute in bounded memory: events, pages, origins, who is active."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple
from urllib.parse import unquote_plus

from afterclick.core.spans import MINUTE

MINUTES: Final = 30
"""Minutes that are shown, the running one among them."""
ACTIVE: Final = 5 * MINUTE
"""Who sent something within this span is active now."""
MOST_ACTIVE: Final = 100_000
MOST_NAMES: Final = 1_000
"""Different names that are counted in one minute; what goes beyond is counted together."""
_KEPT: Final = MINUTES + 10
_LONGEST_ID: Final = 64


class Minute(NamedTuple):
    """One UTC minute by arrival: its start (us), events stored, duplicates, rejected; not `whole` where counting began
    within it or after it."""

    at: int
    events: int
    duplicates: int
    rejected: int
    whole: bool


class Ranked(NamedTuple):
    """The most frequent names, largest first, and how many were counted beyond them (names that were not kept apart too)."""

    names: tuple[tuple[str, int], ...]
    others: int


class Named(NamedTuple):
    """How often each name came in one minute, and how many were not kept apart."""

    names: dict[str, int]
    beyond: int


def ranked(minutes: Iterable[Named], most: int) -> Ranked:
    """The most frequent names of all minutes; equal ones by name."""
    total: dict[str, int] = {}
    beyond = 0
    for minute in minutes:
        beyond += minute.beyond
        for name, n in minute.names.items():
            total[name] = total.get(name, 0) + n
    ordered = sorted(total.items(), key=lambda item: (-item[1], item[0]))
    return Ranked(tuple(ordered[:most]), beyond + sum(n for _, n in ordered[most:]))


def active(seen: Iterable[int], now: int) -> int:
    """How many were seen within the last 5 minutes."""
    return sum(at > now - ACTIVE for at in seen)


class Counted:
    """How often each name came; at most `MOST_NAMES` are kept apart."""

    __slots__ = ("beyond", "names")

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.beyond = 0

    def add(self, name: str, n: int = 1) -> None:
        """Count a name."""
        names = self.names
        if name in names:
            names[name] += n
        elif len(names) < MOST_NAMES:
            names[name] = n
        else:
            self.beyond += n


class Slot:
    """The counts of one minute; `pages` and `origins` count views of pages, `senders` events."""

    __slots__ = ("duplicates", "events", "origins", "pages", "rejected", "senders")

    def __init__(self) -> None:
        self.events = self.duplicates = self.rejected = 0
        self.pages, self.origins, self.senders = Counted(), Counted(), Counted()


class Pulse:
    """The slots by minute; `turned` says that a new one was begun. Not safe for several threads: its owner holds a lock."""

    def __init__(self, since: int) -> None:
        self.since = since
        self.turned = False
        self._slots: dict[int, Slot] = {}

    def slot(self, at: int) -> Slot:
        """The slot of an instant."""
        minute = at - at % MINUTE
        found = self._slots.get(minute)
        if found is None:
            found = self._slots[minute] = Slot()
            self.turned = True
            if len(self._slots) > _KEPT:
                # A clock that jumped leaves minutes behind on either side; the farthest is of no use.
                del self._slots[max(self._slots, key=lambda each: abs(each - minute))]
        return found

    def minutes(self, now: int) -> list[Minute]:
        """The last 30 minutes in order, the running one last."""
        return [
            Minute(at, slot.events, slot.duplicates, slot.rejected, at >= self.since)
            for at, slot in ((at, self._slots.get(at) or _NONE) for at in _last(now))
        ]

    def counted(self, what: str, now: int) -> list[Named]:
        """What was counted of `pages`, `origins` or `senders` in the last 30 minutes; later counts do not change it."""
        slots = [getattr(self._slots[at], what) for at in _last(now) if at in self._slots]
        return [Named(dict(each.names), each.beyond) for each in slots]


def _last(now: int) -> Iterator[int]:
    running = now - now % MINUTE
    return (running - back * MINUTE for back in range(MINUTES - 1, -1, -1))


_NONE: Final = Slot()


class Active:
    """Who sent something, and when last. Exact up to `most` ids, then the longest silent are forgotten."""

    def __init__(self, most: int = MOST_ACTIVE) -> None:
        self._most = most
        # The first of a plain dict is searched behind all that were taken out before it.
        self._last: OrderedDict[str | bytes, int] = OrderedDict()
        self._forgotten_at = -ACTIVE

    def saw(self, who: str, at: int) -> None:
        """The id sent something at an instant."""
        key = who if len(who) <= _LONGEST_ID else hashlib.blake2b(who.encode("utf-8", "replace"), digest_size=16).digest()
        last = self._last
        before = last.pop(key, at)
        last[key] = max(before, at)
        if len(last) > self._most:
            self._forgotten_at = max(self._forgotten_at, last.popitem(last=False)[1])

    def seen(self, now: int) -> tuple[list[int], bool]:
        """When each id was seen last (us, UTC), of those that may be active, and whether there may have been more."""
        after = now - ACTIVE
        self.forget(after)
        return list(self._last.values()), self._forgotten_at > after

    def drop(self, erased: Callable[[str, str], bool]) -> None:
        """Let go of the ids that were erased; long ones are kept as digests only."""
        for key in [key for key in self._last if isinstance(key, str) and erased(key[:2], key[2:])]:
            del self._last[key]

    def forget(self, after: int) -> None:
        """Let go of who was last seen at that instant or earlier."""
        last = self._last
        while last and last[oldest := next(iter(last))] <= after:
            # Should the clock go back behind it, the count says that there may have been more.
            self._forgotten_at = max(self._forgotten_at, last.pop(oldest))


def origin(url: str, referrer: str) -> str:
    """Where a view of a page came from: its `utm_source`, else the referring host if it is another one, else ""."""
    start = url.find("utm_source=")
    if start > 0 and url[start - 1] in "?&":
        return unquote_plus(_until(url, start + 11, "&#")[:300])[:100]
    there = host(referrer)
    return there if there and there != host(url) else ""


def host(url: str) -> str:
    """The host of a URL without `www.`, "" where there is none."""
    start = url.find("://")
    if start < 0:
        return ""
    found = _until(url, start + 3, "/?#:").rpartition("@")[2].lower()
    return found.removeprefix("www.")[:100]


def path(url: str) -> str:
    """The path of a URL without its query, at most 200 characters."""
    start = url.find("://")
    whole = _until(url, start + 3 if start >= 0 else 0, "?#")
    slash = whole.find("/") if start >= 0 else 0
    return "/" if slash < 0 else whole[slash:][:200] or "/"


def _until(text: str, start: int, signs: Iterable[str]) -> str:
    ends = [end for end in (text.find(sign, start) for sign in signs) if end >= 0]
    return text[start : min(ends)] if ends else text[start:]
