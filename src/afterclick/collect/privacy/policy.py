"""Decides on every event that comes in before anything of it is written: may it be kept, and how much of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import msgspec

from afterclick.collect.privacy import consent
from afterclick.collect.privacy.consent import Standing
from afterclick.collect.privacy.scrub import Scrub, hashed
from afterclick.collect.wire.canonical import Canonical
from afterclick.collect.wire.request import WireRequest
from afterclick.core import clock, names
from afterclick.store.privacy import Privacy
from afterclick.store.tombstones import Tombstones

NO_CONSENT: Final = "no_consent"
ERASED: Final = "erased"
_NOTE: Final = "privacy.not_stored"
_REMEMBERED: Final = 200_000
_MOST_CONTEXTS: Final = 4096
_LONGEST_CONTEXT: Final = 1024
_DAYS_KEPT: Final = 400
_DAY_LENGTH: Final = len("2026-01-01")
_ID_LENGTH: Final = 32
_STATED_BY: Final = consent.STATED_BY
_DETAIL: Final = "detail"
_PROPERTY: Final = consent.PROPERTY
_ON: Final = ("1", "yes", "true")


class _Meant(NamedTuple):
    """Choices, whether they refuse analytics (None: nothing is said of it), and as the log keeps them."""

    found: tuple[consent.Choice, ...]
    refuses: bool | None
    kept: dict[str, bool]


class Policy:
    """The rules of one store for live events. One thread asks; `counts` holds what was not stored, by day and reason.

    `reason` says why the event asked about last was turned away.
    """

    def __init__(self, privacy: Privacy, tombstones: Tombstones | None = None, folder: Path | None = None) -> None:
        self.reason = ""
        self.counts: Counter[tuple[str, str]] = Counter()
        self._folder = folder
        self._tombstones = tombstones or Tombstones()
        self._standing: dict[str, Standing] = {}
        self._agreed: dict[str, None] = {}
        self._contexts: dict[bytes, _Meant] = {}
        self.renew(privacy)

    @classmethod
    def of_store(cls, folder: Path, privacy: Privacy) -> Self:
        """The policy of a store, with the ids that were erased there."""
        return cls(privacy, Tombstones.load(folder), folder)

    def renew(self, privacy: Privacy) -> None:
        """Go by these settings from now on."""
        self._scrub = Scrub(privacy)
        self._privacy = privacy
        self._declares = any(keep != "keep" for keep in (privacy.email, privacy.phone, privacy.user_id))
        self._opt_in = privacy.consent == "opt_in"
        self._signals = tuple(name for name, heed in (("sec-gpc", privacy.gpc), ("dnt", privacy.dnt)) if heed)

    def reload(self) -> None:
        """Read again who was erased."""
        if self._folder is not None:
            self._tombstones = Tombstones.load(self._folder)

    def prime(self, standing: Mapping[str, Standing]) -> None:
        """Take over what is known of people's consent to analytics, by id with its namespace."""
        for known, one in standing.items():
            self._remember(known, one)

    def admit(self, event: Canonical, request: WireRequest) -> Canonical | None:
        """The event as it may be stored, changed in place; None where it may not be, and `reason` says why."""
        if len(self._tombstones) and self._is_erased(event):
            self._turn_away(ERASED, request.received_at)
            return None
        headers = request.headers
        if (
            event.consent is not None
            or event.event in _STATED_BY
            or _PROPERTY in event.properties
            or "sec-gpc" in headers
            or "dnt" in headers
        ):
            admitted = self._consented(event, request)
        else:
            asked = self._opt_in or self._standing
            admitted = event if not asked or self._stored_unasked(event) else None
        if admitted is None:
            self._turn_away(NO_CONSENT, request.received_at)
            return None
        if self._declares:
            self._declare(admitted)
        return self._scrubbed(admitted) if self._privacy.scrub else admitted

    def admit_own(self, event: Canonical) -> Canonical | None:
        """An event that afterclick itself tells of somebody, as it may be stored, changed in place; None of who was erased.

        Ids are those that are stored already; only what a mail server or a receiver said (`detail`) may hold more.
        """
        if len(self._tombstones) and self._is_erased(event):
            return None
        detail = event.properties.get(_DETAIL)
        if self._privacy.scrub and isinstance(detail, str):
            event.properties = {**event.properties, _DETAIL: self._scrub.text(detail)}
        return event

    def scrub_bytes(self, original: bytes) -> bytes:
        """A piece of input that could not become an event, without what it says of people; nothing of who was erased."""
        if len(self._tombstones) and self._speaks_of_erased(original):
            return b""
        return self._scrub.raw(original) if self._privacy.scrub else original

    def save_counts(self, put: Callable[[str, str], object]) -> None:
        """Keep the counts of what was not stored in a note of the store."""
        # Another thread asks meanwhile: only a copy can be walked through.
        counts = dict(self.counts)
        days = sorted({day for day, _ in counts})[-_DAYS_KEPT:]
        kept = {f"{day} {why}": n for (day, why), n in sorted(counts.items()) if day in days}
        put(_NOTE, msgspec.json.encode(kept).decode())

    def load_counts(self, get: Callable[[str], str | None]) -> None:
        """Go on from the counts that were kept."""
        for told, n in counts_of(get(_NOTE)).items():
            self.counts[told] += n

    def _is_erased(self, event: Canonical) -> bool:
        erased = self._tombstones.erased
        if event.anonymous_id is not None and erased("a:", event.anonymous_id):
            return True
        if event.user_id is not None and erased("u:", event.user_id):
            return True
        if event.email is not None and erased("e:", event.email):
            return True
        if event.phone is not None and erased("p:", event.phone):
            return True
        before = event.previous_id
        return before is not None and (erased("a:", before) or erased("u:", before))

    def _speaks_of_erased(self, original: bytes) -> bool:
        """Does it hold an erased id? Of what is no JSON nothing is kept, since nobody can tell."""
        try:
            return self._tombstones.spoken_of(msgspec.json.decode(original))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return True

    def _turn_away(self, why: str, at: int) -> None:
        self.reason = why
        self.counts[clock.iso(at)[:_DAY_LENGTH], why] += 1

    def _stored_unasked(self, event: Canonical) -> bool:
        """May an event be stored that says nothing of consent itself?"""
        known = self._known(event) if self._standing else None
        return not self._opt_in if known is None else known.granted

    def _consented(self, event: Canonical, request: WireRequest) -> Canonical | None:
        """The event where analytics is allowed; of a refusal by an event of its own, or by somebody who had agreed, only the
        refusal; else None."""
        found, refuses, kept = self._meant(event)
        event.consent = None
        known = self._known(event)
        if found:
            event.properties = {**event.properties, _PROPERTY: kept}
        spoken = bool(found) and event.event in _STATED_BY
        if refuses is None:
            signalled = known is None and any(request.headers.get(name, "").strip() in _ON for name in self._signals)
            if not signalled and self._stored_unasked(event):
                return event
            # What somebody known says of other purposes must reach whoever sends.
            return self._only_said(event, found) if spoken and known is not None else None
        self._say(event, Standing(not refuses, event.occurred_at))
        if not refuses:
            return event
        return self._only_said(event, found) if spoken or (known is not None and known.granted) else None

    def _meant(self, event: Canonical) -> _Meant:
        """What an event says of consent. The context of most events says the same few things: those are read once."""
        if event.event in _STATED_BY or _PROPERTY in event.properties:
            return _read(consent.said(event.event, event.properties, event.consent))
        key = msgspec.json.encode(event.consent)
        meant = self._contexts.get(key)
        if meant is None:
            meant = _read(consent.choices(event.consent))
            if len(key) <= _LONGEST_CONTEXT:
                if len(self._contexts) >= _MOST_CONTEXTS:
                    self._contexts.clear()
                self._contexts[key] = meant
        return meant

    def _only_said(self, event: Canonical, found: tuple[consent.Choice, ...]) -> Canonical:
        """The record of a choice: who, when and what, and nothing of where and how."""
        by_name = event.event in _STATED_BY
        return Canonical(
            event_id=event.event_id,
            type="track",
            event=event.event if by_name else names.CONSENT_UPDATED,
            anonymous_id=event.anonymous_id,
            user_id=event.user_id,
            email=event.email,
            properties={consent.PROPERTY: consent.kept(found)},
            original_at=event.original_at,
            occurred_at=event.occurred_at,
            received_at=event.received_at,
            sent_at=event.sent_at,
        )

    def _known(self, event: Canonical) -> Standing | None:
        """The latest that was said by any of the event's ids, of equal instants the refusal."""
        standing = self._standing
        latest = standing.get("a:" + event.anonymous_id) if event.anonymous_id is not None else None
        if event.user_id is not None:
            latest = _later(latest, standing.get("u:" + event.user_id))
        if event.email is not None:
            latest = _later(latest, standing.get("e:" + event.email))
        return latest

    def _say(self, event: Canonical, said: Standing) -> None:
        for one in _ids(event):
            self._remember(one, said)

    def _remember(self, known: str, said: Standing) -> None:
        before = self._standing.get(known)
        if before is None and len(self._standing) >= _REMEMBERED:
            # Consents may be forgotten, they come with every event; refusals may not.
            for name in list(islice(self._agreed, _REMEMBERED // 4)):
                del self._standing[name], self._agreed[name]
        if before is None or (said.at, not said.granted) >= (before.at, not before.granted):
            self._standing[known] = said
            if said.granted:
                self._agreed[known] = None
            else:
                self._agreed.pop(known, None)

    def _declare(self, event: Canonical) -> None:
        declared: Callable[[str, str], str | None] = self._scrub.declared
        if event.email is not None:
            event.email = declared("email", event.email)
        if event.phone is not None:
            event.phone = declared("phone", event.phone)
        if event.user_id is not None:
            event.user_id = declared("user_id", event.user_id)
        if event.previous_id is not None:
            event.previous_id = declared("user_id", event.previous_id)

    def _scrubbed(self, event: Canonical) -> Canonical:
        scrub = self._scrub
        if "@" in event.event_id:
            # Hashed, not masked: the same message must have the same id when it comes again.
            event.event_id = hashed("event_id", event.event_id)[:_ID_LENGTH]
        texts, addresses = scrub.texts, scrub.addresses
        # What was seen before is looked up here: a call for each costs more than all the rest.
        event.event = texts.get(event.event) or scrub.known(event.event)
        if event.raw_event is not None:
            event.raw_event = texts.get(event.raw_event) or scrub.known(event.raw_event)
        if event.url is not None:
            event.url = addresses.get(event.url) or scrub.address(event.url)
        if event.referrer is not None:
            event.referrer = addresses.get(event.referrer) or scrub.address(event.referrer)
        if event.user_agent is not None:
            event.user_agent = texts.get(event.user_agent) or scrub.known(event.user_agent)
        if event.properties:
            event.properties = scrub.properties(event.properties)
        return event


def counts_of(note: str | None) -> dict[tuple[str, str], int]:
    """What `save_counts` kept, by (day, reason)."""
    if not note:
        return {}
    told: dict[str, Any] = msgspec.json.decode(note)
    pairs = ((text.partition(" "), n) for text, n in told.items())
    return {(day, why): int(n) for (day, _, why), n in pairs}


def _read(found: tuple[consent.Choice, ...]) -> _Meant:
    return _Meant(found, consent.refused(found), consent.kept(found))


def _later(one: Standing | None, other: Standing | None) -> Standing | None:
    if one is None or other is None:
        return other if one is None else one
    return other if (other.at, not other.granted) > (one.at, not one.granted) else one


def _ids(event: Canonical) -> tuple[str, ...]:
    spaces = (("a:", event.anonymous_id), ("u:", event.user_id), ("e:", event.email))
    return tuple(space + value for space, value in spaces if value)
