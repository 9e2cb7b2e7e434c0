"""/v1/stream: pages hear of an offer the moment a rule has fired, each through a bounded queue of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from afterclick.app.offering import Offering, Who, is_waiting
from afterclick.collect.live.collector import Collector
from afterclick.collect.live.waiting import Wait, refusal
from afterclick.collect.wire.answers import Answer, refused
from afterclick.collect.wire.credentials import key_of, query_of
from afterclick.collect.wire.request import WireError, WireRequest
from afterclick.collect.wire.shape import Shape
from afterclick.decide.told import Decided, Heard, Merged, Told
from afterclick.surfaces import streams
from afterclick.surfaces.collector import asked
from afterclick.surfaces.collector.decisions import Decisions, told_as

STREAM: Final = "/v1/stream"
MOST_STREAMS: Final = 4_000
"""Pages that are told at once; further ones ask."""
MOST_OF_ONE: Final = 8
"""Streams of one visitor; one more ends the oldest."""
_RETRY: Final = b"retry: 3000\n\n"


class _Page(streams.Reader):
    """One open page: whom it shows something to, under what key that visitor is known, and which actions it has."""

    __slots__ = ("has", "key", "languages", "placements", "tree", "who")

    def __init__(self, who: Who, fields: Mapping[str, str], headers: Mapping[str, str]) -> None:
        super().__init__()
        self.who = who
        self.key = ""
        self.placements = _listed(fields.get("placements", ""))[: asked.MOST_PLACEMENTS]
        self.languages = asked.languages(_listed(fields.get("languages", "")), headers)
        self.tree = fields.get("form") == "tree"
        self.has: frozenset[str] = frozenset()

    def ids(self) -> list[str]:
        """Its ids as an event names them, with their namespaces."""
        pairs = (("a:", self.who.anonymous_id), ("u:", self.who.user_id))
        return [prefix + text for prefix, text in pairs if text]


class _News(NamedTuple):
    """What concerns open pages in what was told: visitors with new offers, ids with their visitors, merges."""

    keys: frozenset[str]
    met: Sequence[tuple[str, str]]
    merged: Sequence[tuple[str, str]]


class OfferStream:
    """All open pages of a site. `hear` may be called from any thread, everything else on that of the loop."""

    def __init__(self, collector: Collector, decisions: Decisions, offering: Offering) -> None:
        self._collector = collector
        self._decisions = decisions
        self._offering = offering
        self._decider = offering.decider
        self._pages: streams.Readers[_Page] = streams.Readers()
        self._by_key: dict[str, dict[_Page, None]] = {}
        self._by_id: dict[str, dict[_Page, None]] = {}
        self._decider.listen(self.hear)

    @property
    def open(self) -> int:
        """Open streams."""
        return len(self._pages)

    def close(self) -> None:
        """End all streams and take no more; from any thread."""
        self._pages.close()

    def begin(self, request: WireRequest) -> _Page | Answer:
        """The page a request opens a stream for, or why it gets none."""
        fields = query_of(request.query)
        try:
            self._collector.admit(request, key_of(request))
            if self._pages.closed or len(self._pages) >= MOST_STREAMS:
                raise Wait(503, "too_many_streams", "as many pages are told as may be: ask /v1/decide", 5)
        except WireError as error:
            return refusal(error)
        anonymous_id, user_id = fields.get("anonymousId", ""), fields.get("userId", "")
        who = self._decisions.who(anonymous_id[: asked.LONGEST_ID], user_id[: asked.LONGEST_ID], fields.get("userToken"))
        if not who.anonymous_id and not who.user_id:
            said = "anonymousId is missing; userId counts with a userToken of your server alone"
            return refused(Shape(), 403 if user_id else 400, "no_visitor", said)
        if not self._offering.anything():
            # By the standard this is how a browser learns not to ask again.
            return Answer(204, ((b"cache-control", b"no-store"),), b"")
        return _Page(who, fields, request.headers)

    async def serve(self, page: _Page, receive: streams.Receive, send: streams.Send) -> None:
        """Tell a page what it may show, now and from now on, until it leaves or reads too slowly."""
        self._pages.begin()
        page.put(_RETRY)
        self._add(page)
        # Whatever was decided while nobody was connected is still open: a page that comes back misses nothing.
        self._tell(page, always=True)
        await page.serve(receive, send, partial(self._remove, page))

    def hear(self, told: Sequence[Told]) -> None:
        """What the decider has to tell, in the order of the log."""
        if not self._by_id:
            return
        keys: set[str] = set()
        met: list[tuple[str, str]] = []
        merged: list[tuple[str, str]] = []
        for one in told:
            if isinstance(one, Decided):
                if one.decision.kind == "show" and not one.decision.held_out:
                    keys.add(one.decision.visitor)
            elif isinstance(one, Merged):
                merged.append((one.into, one.gone))
            else:
                met += self._met(one)
                if is_waiting(one):
                    keys.add(one.visitor)
        if keys or met or merged:
            self._pages.post(partial(self._stir, _News(frozenset(keys), met, merged)))

    def _met(self, one: Heard) -> list[tuple[str, str]]:
        """Ids of an event that open pages have and whose visitor they do not know yet."""
        pairs = (("a:", one.event.anonymous_id), ("u:", one.event.user_id))
        named = [prefix + text for prefix, text in pairs if text]
        # Looked at in the thread of the decider: a copy that the loop changes meanwhile is looked at again by the loop.
        return [(name, one.visitor) for name in named if self._unmet(name, one.visitor)]

    def _unmet(self, name: str, visitor: str) -> bool:
        pages = self._by_id.get(name)
        return pages is not None and any(page.key != visitor for page in tuple(pages))

    def _stir(self, news: _News) -> None:
        stirred: dict[_Page, None] = {}
        for name, key in news.met:
            for page in [page for page in self._by_id.get(name, ()) if page.key != key]:
                self._move(page, key)
                stirred[page] = None
        for into, gone in news.merged:
            for page in list(self._by_key.get(gone, ())):
                self._move(page, into)
            # What was offered to either is now offered to both.
            stirred.update(self._by_key.get(into, {}))
        for key in news.keys:
            stirred.update(self._by_key.get(key, {}))
        for page in stirred:
            self._tell(page)

    def _tell(self, page: _Page, *, always: bool = False) -> None:
        """Give a page what it does not have yet."""
        new = self._decisions.found(page.who, page.placements, page.languages, page.has)
        head = b"id: %d\n" % self._decider.position
        if new:
            page.has |= {offer.action_id for offer in new}
            page.put(b'%sevent: decisions\ndata: {"decisions":%s}\n\n' % (head, told_as(new, tree=page.tree)))
        elif always:
            page.put(head + b"\n")

    def _add(self, page: _Page) -> None:
        self._pages.add(page)
        for name in page.ids():
            own = self._by_id.setdefault(name, {})
            own[page] = None
            if len(own) > MOST_OF_ONE:
                next(iter(own)).end()
        self._move(page, self._decider.visitor(page.who.anonymous_id, page.who.user_id))

    def _remove(self, page: _Page) -> None:
        self._pages.discard(page)
        for name in page.ids():
            _take(self._by_id, name, page)
        _take(self._by_key, page.key, page)

    def _move(self, page: _Page, key: str) -> None:
        _take(self._by_key, page.key, page)
        page.key = key
        if key:
            self._by_key.setdefault(key, {})[page] = None


def _take(table: dict[str, dict[_Page, None]], name: str, page: _Page) -> None:
    pages = table.get(name)
    if pages is not None:
        pages.pop(page, None)
        if not pages:
            del table[name]


def _listed(text: str) -> list[str]:
    return [part.strip()[:256] for part in text[:4096].split(",") if part.strip()]
