"""/v1/decide and /v1/ack: an event in, offers out, and what became of them on its way into the log."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from afterclick.app import page_markup
from afterclick.app.offering import Offering, Who
from afterclick.collect.live.collector import Collector
from afterclick.collect.live.waiting import Done, refusal
from afterclick.collect.wire.answers import Answer, refused
from afterclick.collect.wire.request import WireError, WireRequest
from afterclick.collect.wire.shape import Shape
from afterclick.core import clock
from afterclick.decide.told import Offer
from afterclick.surfaces.collector import asked
from afterclick.surfaces.collector.asked import Acknowledgement, Exposure, Question

DECIDE: Final = "/v1/decide"
ACK: Final = "/v1/ack"
BUDGET_S: Final = 0.05
"""Seconds after which a page is answered without decisions; its event is stored all the same."""
_REMEMBERED: Final = 20_000
"""Offers handed out lately, of which a page needs to tell no more than the action and its state."""
_HEADERS: Final = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))
_NONE: Final = b'"decisions":[]'
_LATE: Final = Answer(200, _HEADERS, b'{"pending":true,"decisions":[]}')
LOG: Final = logging.getLogger("uvicorn.error")
_ENCODER: Final = msgspec.json.Encoder()


class Decisions:
    """Answers on the event loop's thread. Whatever keeps it from deciding, the answer is one without decisions."""

    def __init__(self, collector: Collector, offering: Offering) -> None:
        self._collector = collector
        self._offering = offering
        self._handed: OrderedDict[str, _Handed] = OrderedDict()
        self._waiting: deque[tuple[float, _Waiting]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self.offers: dict[str, Callable[[WireRequest, Done], None]] = {DECIDE: self.decide, ACK: self.acknowledge}
        """Who takes the requests of which address, as `Collector.offer` takes those of the others."""

    def decide(self, request: WireRequest, done: Done) -> None:
        """Store the event, if there is one, and answer with what may be shown then."""
        try:
            said = asked.question(request)
        except WireError as error:
            done(_without(refusal(error)))
            return
        if not said.event or bytes(said.event) == b"null":
            self._only_read(request, said, done)
            return
        waits = _Waiting(self._decided, request, said, done)
        self._limit(waits)
        self._collector.offer(asked.with_event(request, said), waits.stored)

    def acknowledge(self, request: WireRequest, done: Done) -> None:
        """Store what became of an offer."""
        try:
            said = asked.acknowledgement(request)
        except WireError as error:
            done(refusal(error))
            return
        self._complete(said)
        if not said.anonymous_id and not said.user_id:
            done(refused(Shape(), 400, "no_visitor", "anonymousId is missing, and this action was not handed out lately"))
            return
        self._collector.offer(asked.with_acknowledgement(request, said), done)

    def found(
        self, who: Who, placements: Sequence[str], languages: Sequence[str], skip: frozenset[str] = frozenset()
    ) -> list[Offer]:
        """What may be shown, but for actions to `skip`; nothing where that cannot be told."""
        try:
            offers = self._offering.offers(who, clock.now(), placements, languages)
        except Exception:
            LOG.exception("no decision could be made")
            return []
        new = [offer for offer in offers if offer.action_id not in skip]
        for offer in new:
            self._handed[offer.action_id] = _Handed(who, offer.rule, offer.journey, offer.experiment)
            self._handed.move_to_end(offer.action_id)
        while len(self._handed) > _REMEMBERED:
            self._handed.popitem(last=False)
        return new

    def who(self, anonymous_id: str | None, user_id: str | None, token: str | None) -> Who:
        """Whom a page speaks for: a user only with a token of the shop's server."""
        proved = bool(user_id and token) and self._offering.proved(user_id or "", token or "")
        return Who(anonymous_id or "", (user_id or "") if proved else "")

    def _limit(self, waits: _Waiting) -> None:
        """Answer without decisions once the budget is over. One timer for all: one for each costs as much as deciding."""
        loop = asyncio.get_running_loop()
        due = loop.time() + BUDGET_S
        self._waiting.append((due, waits))
        if self._timer is None or due < self._due:
            self._look_at(due, loop)

    def _look_at(self, due: float, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        # Kept here: a timer that is just being run cannot say any more for when it was.
        self._due = due
        self._timer = loop.call_at(due, self._sweep, loop)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        waiting, now = self._waiting, loop.time()
        while waiting and (waiting[0][0] <= now or not waiting[0][1].open):
            # The answer may bring in the next question of its connection at once.
            waiting.popleft()[1].answer(_LATE)
        if waiting:
            self._look_at(waiting[0][0], loop)
        else:
            self._timer = None

    def _only_read(self, request: WireRequest, said: Question, done: Done) -> None:
        try:
            self._collector.admit(request, asked.key(request, said))
        except WireError as error:
            done(_without(refusal(error)))
            return
        done(self._decided(request, said, Answer(200, _HEADERS, b"{}")))

    def _decided(self, request: WireRequest, said: Question, found: Answer) -> Answer:
        who = self.who(said.anonymous_id, said.user_id, said.user_token)
        if not who.anonymous_id and not who.user_id and said.event:
            who = Who(_anonymous(said.event))
        if not self._may_show(who):
            return _undecided(found.body)
        offers = self.found(who, said.placements, asked.languages(said.languages, request.headers))
        told = b'"decisions":' + told_as(offers, tree=said.form == "tree") if offers else _NONE
        return Answer(200, _HEADERS, _joined(found.body, told))

    def _may_show(self, who: Who) -> bool:
        try:
            return self._offering.may_show(who)
        except Exception:
            LOG.exception("no decision could be made")
            return False

    def _complete(self, said: Acknowledgement) -> None:
        """Fill in what was known when the offer was handed out."""
        known = self._handed.get(said.action_id)
        if known is None:
            return
        who = known.who
        if not said.anonymous_id and not said.user_id:
            said.anonymous_id, said.user_id = who.anonymous_id or None, who.user_id or None
        said.rule, said.journey = known.rule or None, known.journey or None
        if known.experiment is not None:
            said.experiment = msgspec.convert(known.experiment, Exposure)


class _Handed(NamedTuple):
    """What is known of an offer that a page was given."""

    who: Who
    rule: str
    journey: str
    experiment: dict[str, str] | None


class _Waiting:
    """A page that waits for its event to be stored. It is answered once."""

    __slots__ = ("_decided", "_done", "_request", "_said", "open")

    def __init__(
        self, decided: Callable[[WireRequest, Question, Answer], Answer], request: WireRequest, said: Question, done: Done
    ) -> None:
        self._decided = decided
        self._request = request
        self._said = said
        self._done = done
        self.open = True

    def stored(self, found: Answer) -> None:
        """The event has got this answer."""
        if self.open:
            self.answer(self._decided(self._request, self._said, found) if found.status == 200 else _without(found))

    def answer(self, found: Answer) -> None:
        """Answer the page."""
        if self.open:
            self.open = False
            self._done(found)


def told_as(offers: Sequence[Offer], *, tree: bool) -> bytes:
    """Offers as a page reads them: `ttl` is a text such as 600s; with `tree` the body is nodes instead of HTML."""
    return _ENCODER.encode([_told(offer, tree=tree) for offer in offers])


def _told(offer: Offer, *, tree: bool) -> dict[str, Any]:
    content = offer.content
    if tree and content.get("body"):
        content = {**content, "body": page_markup.tree(content["body"])}
    told: dict[str, Any] = {
        "action_id": offer.action_id, "placement": offer.placement, "kind": offer.kind, "content": content,
        "ttl": f"{offer.ttl_s}s", "experiment": offer.experiment,
    }  # fmt: skip
    return told | {name: text for name, text in (("rule", offer.rule), ("journey", offer.journey)) if text}


@lru_cache(maxsize=256)
def _undecided(body: bytes) -> Answer:
    return Answer(200, _HEADERS, _joined(body, _NONE))


def _joined(body: bytes, told: bytes) -> bytes:
    return body[:-1] + (b"" if len(body) == 2 else b",") + told + b"}"


def _without(found: Answer) -> Answer:
    """A refusal as one who expects decisions reads it."""
    return found._replace(body=_joined(found.body, _NONE)) if found.body.endswith(b"}") else found


def _anonymous(event: msgspec.Raw) -> str:
    try:
        found = msgspec.json.decode(event)
    except msgspec.MsgspecError:
        return ""
    name = found.get("anonymousId") if isinstance(found, dict) else None
    return name if isinstance(name, str) else ""
