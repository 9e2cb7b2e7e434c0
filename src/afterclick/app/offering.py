"""What a page may show a visitor now: open offers of rules and waiting messages of journeys, in words and made safe."""

from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from afterclick.act import acts_file, page_tokens, templates
from afterclick.act.channels import onsite
from afterclick.act.outbox.intent import UNPACK
from afterclick.act.secrets import Secrets
from afterclick.app import page_markup
from afterclick.core import clock, names, spans
from afterclick.core.errors import AfterclickError, SpecError, StoreError
from afterclick.decide.told import Heard, Merged, Offer, Told
from afterclick.store.automations import Send, Words, nodes
from afterclick.store.definitions import Definitions

_AGAIN_S: Final = 1.0
_CHANNEL: Final = "onsite"
_WAITING: Final = frozenset((names.MESSAGE_SENT,))
_WORDS: Final = frozenset(Words.__struct_fields__)
_NO_TRAITS: Final[Mapping[str, Any]] = {}
_PERSONAL: Final = re.compile(r"\b(basket|event|run)\b")
_LOG: Final = logging.getLogger("afterclick.decide")


class Deciding(Protocol):
    """What is asked of the decider."""

    @property
    def ready(self) -> bool: ...
    @property
    def position(self) -> int: ...
    def visitor(self, anonymous_id: str = "", user_id: str = "") -> str: ...
    def is_own(self, anonymous_id: str) -> bool: ...
    def is_open(self, anonymous_id: str) -> bool: ...
    def facts(self, visitor: str, at: int) -> dict[str, Any]: ...
    def listen(self, callback: Callable[[Sequence[Told]], None], *, events: frozenset[str] | None = None) -> None: ...
    def offers(
        self, anonymous_id: str, user_id: str, now: int, placements: Collection[str] = (), languages: Sequence[str] = ()
    ) -> list[Offer]: ...


class Who(NamedTuple):
    """Whom a page says it shows something to: `user_id` only where a token has proved it."""

    anonymous_id: str = ""
    user_id: str = ""


class Offering:
    """Asked on the thread of the event loop. Traits of a visitor stand in words only for a user who was proved.

    What lies in the basket, or was said in an event, is told to a user who was proved, to the device by which the visitor
    came to be known, and to an only device: any other may just say that it is the user's.
    """

    def __init__(self, decider: Deciding, definitions: Callable[[], Definitions], store: Path) -> None:
        self.decider = decider
        self._definitions = definitions
        self._store = store
        self._secrets = Secrets(store)
        self._key = ("", 0.0)
        self._reader: sqlite3.Connection | None = None
        self._asked = float("-inf")
        self._told: set[tuple[str, str]] = set()
        self._looked: tuple[Definitions | None, bool] = (None, False)
        self._waits: set[str] = set()
        decider.listen(self._hear, events=_WAITING)

    def anything(self) -> bool:
        """Is there a rule or a journey that may ever show something on a page?"""
        definitions = self._definitions()
        if definitions is not self._looked[0]:
            self._looked = (definitions, _shows(definitions))
        return self._looked[1]

    def proved(self, user_id: str, token: str) -> bool:
        """Does the token, made by the shop's server, belong to this user?"""
        if not user_id or not token:
            return False
        key, read = self._key
        if not key or clock.ticks() - read > _AGAIN_S:
            try:
                key = self._secrets.get(page_tokens.KEY)
            except StoreError as error:
                self._warn("page_key", error.message)
                return False
            self._key = (key, clock.ticks())
        return page_tokens.verify(key, user_id, token, clock.now())

    def may_show(self, who: Who) -> bool:
        """Whether `offers` is worth asking: nearly always it is not, and a page waits for it."""
        self._acts()
        return bool(who.user_id or self._waits) or self.decider.is_open(who.anonymous_id)

    def offers(
        self, who: Who, now: int, placements: Collection[str] = (), languages: Sequence[str] = ()
    ) -> list[Offer]:
        """Messages of journeys first, the oldest before the others; then those of rules, most urgent first. `now` µs UTC."""
        who = self._whose(who)
        found = self.decider.offers(who.anonymous_id, who.user_id, now, placements, languages)
        filled = [offer for one in found if (offer := self._filled(one, who, now)) is not None]
        waiting = self._waiting(who, now)
        return [one for one in waiting if not one.placement or one.placement in placements] + filled if waiting else filled

    def close(self) -> None:
        """Let the file go."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def _filled(self, offer: Offer, who: Who, now: int) -> Offer | None:
        """The offer with its words put together; None where they cannot be, which is noted once, or must not."""
        content = offer.content
        if _is_personal(content.values()) and not self._knows(who):
            return None
        words = Words(**{name: text for name, text in content.items() if name in _WORDS})
        try:
            if any("{" in text for text in content.values()):
                ready = templates.render(words, self._values(who, now), words.lang, channel=_CHANNEL)
            else:
                ready = _still(words)
        except SpecError as error:
            self._warn(offer.rule, error.message)
            return None
        return msgspec.structs.replace(offer, content={**content, **_safe(ready)})

    def _values(self, who: Who, now: int) -> dict[str, Any]:
        definitions = self._definitions()
        facts = self.decider.facts(self.decider.visitor(who.anonymous_id, who.user_id), now)
        return {
            "visitor": facts["visitor"] if who.user_id else _NO_TRAITS,
            "basket": facts["basket"], "event": {}, "run": {},
            "currency": definitions.currency, "zone": definitions.timezone,
        }  # fmt: skip

    def _waiting(self, who: Who, now: int) -> list[Offer]:
        """Messages of journeys that wait for this visitor."""
        reader = self._acts()
        if reader is None or not self._waits:
            return []
        visitor = self.decider.visitor(who.anonymous_id, who.user_id)
        if visitor not in self._waits:
            return []
        try:
            found = onsite.pending(reader, visitor, now)
            if not found:
                self._waits.discard(visitor)
            return [offer for one in found if (offer := self._of_journey(reader, one, who, now)) is not None]
        except sqlite3.Error as error:
            # Made anew, restored or not laid out yet: looked at again in a second.
            self._warn(acts_file.FILE, str(error))
            self.close()
            return []

    def _of_journey(self, reader: sqlite3.Connection, one: onsite.Waiting, who: Who, now: int) -> Offer | None:
        row = reader.execute(
            "SELECT intent FROM sends WHERE action_id = ? AND channel = ?", (one.action_id, _CHANNEL)
        ).fetchone()
        intent = None if row is None else UNPACK.decode(row[0])
        if (intent is None or _is_personal(_texts(intent.send))) and not self._knows(who):
            return None
        show = one.show
        return Offer(
            one.action_id, show.placement, show.kind,
            {**_safe(onsite.words_of(one)), "theme": show.theme, "colour": show.colour},
            max(1, (one.expires_at - now) // spans.SECOND),
            rule="" if intent is None else intent.rule, journey="" if intent is None else intent.journey,
        )  # fmt: skip

    def _whose(self, who: Who) -> Who:
        """By which of its ids a page is known: a user who was proved is not whoever the device was said to be of before."""
        if not who.user_id:
            return who
        known = self.decider.visitor("", who.user_id)
        if not known:
            return Who(who.anonymous_id)
        return who if known == self.decider.visitor(who.anonymous_id) else Who("", who.user_id)

    def _knows(self, who: Who) -> bool:
        """May this page be told what lies in the visitor's basket, or what events said?"""
        return bool(who.user_id) or self.decider.is_own(who.anonymous_id)

    def _acts(self) -> sqlite3.Connection | None:
        if self._reader is None and clock.ticks() - self._asked > _AGAIN_S:
            self._asked = clock.ticks()
            try:
                if acts_file.exists(self._store):
                    self._reader = acts_file.reader(self._store)
                    rows = self._reader.execute("SELECT DISTINCT visitor FROM onsite WHERE NOT ended")
                    self._waits.update(visitor for (visitor,) in rows)
            except sqlite3.Error as error:
                self._warn(acts_file.FILE, str(error))
                self.close()
            except AfterclickError as error:
                self._warn(acts_file.FILE, error.message)
        return self._reader

    def _hear(self, told: Sequence[Told]) -> None:
        """Note for whom something may wait: it does by the time the log says that it was sent."""
        for one in told:
            if isinstance(one, Merged):
                if one.gone in self._waits:
                    self._waits.add(one.into)
            elif isinstance(one, Heard) and one.seq and is_waiting(one):
                self._waits.add(one.visitor)

    def _warn(self, name: str, message: str) -> None:
        if (name, message) not in self._told and len(self._told) < 1_000:
            self._told.add((name, message))
            _LOG.warning("%s cannot be shown: %s", name, message)


def is_waiting(one: Heard) -> bool:
    """Does the event say that a message waits for the visitor's next page?"""
    return one.event.event == names.MESSAGE_SENT and one.event.properties.get("channel") == _CHANNEL


def _shows(definitions: Definitions) -> bool:
    rules = any(rule.state == "on" and (rule.show or rule.arms) for rule in definitions.rules)
    steps = [nodes(journey.steps) for journey in definitions.journeys if journey.state != "draft"]
    return rules or any(node.send is not None and node.send.channel == _CHANNEL for found in steps for _, node in found)


@lru_cache(maxsize=4096)
def _still(words: Words) -> Words:
    """Words without anything to put in, made into what a page shows."""
    return templates.render(words, {}, words.lang, channel=_CHANNEL)


def _safe(words: Words) -> dict[str, str]:
    found: dict[str, str] = {name: text for name in Words.__struct_fields__ if (text := getattr(words, name))}
    for name in ("url", "image"):
        address: str = getattr(words, name)
        # Empty rather than gone: the offer may have had one that is not safe.
        found[name] = address if page_markup.is_safe(address) else ""
    found["body"] = page_markup.clean(words.body)
    return found


def _is_personal(texts: Iterable[str]) -> bool:
    """Do templates tell what lies in a basket, or what events said?"""
    return any("{" in text and _PERSONAL.search(text) is not None for text in texts)


def _texts(send: Send) -> Iterator[str]:
    """The words of a message as they were written."""
    for words in (*send.words, *(send.show.words if send.show is not None else ())):
        yield from (getattr(words, name) for name in Words.__struct_fields__)
