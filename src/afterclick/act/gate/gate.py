"""May this message leave now: asked in one fixed order, in the transaction that claims it, and again before the call."""

from __future__ import annotations

import sqlite3
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from afterclick.act.contact_facts import BOUNCED, COMPLAINED, REFUSED, UNSUBSCRIBED
from afterclick.act.contacts import Contacts
from afterclick.act.gate import caps, korea, quiet
from afterclick.act.gate.verdict import HOLDOUT, TREATED, Exposures, Go, Hold, Stop, Verdict
from afterclick.act.journeys import tables as journeys
from afterclick.act.outbox.intent import Intent
from afterclick.collect.privacy import consent
from afterclick.collect.privacy.consent import Standing
from afterclick.decide.draws import draw
from afterclick.store.automations import Delivery

_PERSONAL: Final = ("email", "push")
"""Channels that lead to an address of a person."""


class Gate:
    """The journey itself, consent, suppression, hold-out, quiet hours, caps: the first that says no is the reason.

    Advertising needs consent to marketing on its channel, said after any refusal; on one's own site it only must not have
    been refused. What concerns an order needs no consent, and heeds neither quiet hours nor caps; a journey's own hold-out
    it does heed.
    """

    def __init__(self, contacts: Contacts, delivery: Delivery, zone: ZoneInfo, lang: str = "") -> None:
        """`zone` and `lang` stand for visitors whose own are not known."""
        self.contacts = contacts
        self.delivery = delivery
        self._zone = zone
        self._lang = lang

    def use(self, delivery: Delivery) -> None:
        """Other rules from now on."""
        self.delivery = delivery

    def decide(self, tx: sqlite3.Connection, intent: Intent, now: int, *, drawn: bool = False) -> Verdict:
        """Ask everything, in order. With `drawn` the arms were told before and stay: the visitor may be merged since."""
        asked = self.halted(tx, intent) or self._may(tx, intent, now)
        if not isinstance(asked, Go):
            return asked
        arms = () if drawn else self._arms(intent)
        if any(variant == HOLDOUT for _, variant in arms):
            return Stop(HOLDOUT, exposures=arms)
        zone = self._zone_of(asked.zone)
        if not intent.advertising:
            return asked._replace(exposures=arms)
        verdict = self._night(tx, intent, now, zone)
        if verdict is not None:
            return verdict._replace(exposures=arms)
        cap = caps.refused(tx, intent.visitor, intent.channel, intent.tags, self.delivery.caps, now, zone)
        if cap is not None:
            said = " ".join(part for part in (f"{cap.most}/{cap.per}", cap.channel, cap.tag) if part)
            return Stop("cap", said, arms)
        return asked._replace(exposures=arms)

    def recheck(self, reader: sqlite3.Connection, intent: Intent, now: int) -> Verdict:
        """Ask again, right before the call, what may have changed since the claim: the journey, consent, suppression, the
        hour."""
        asked = self.halted(reader, intent) or self._may(reader, intent, now)
        if not isinstance(asked, Go) or not intent.advertising:
            return asked
        return self._night(reader, intent, now, self._zone_of(asked.zone)) or asked

    def halted(self, reader: sqlite3.Connection, intent: Intent) -> Hold | Stop | None:
        """What a paused journey meant to send waits until it goes on; of one that was taken away it is called off."""
        if not intent.journey:
            return None
        paused, stopped_at = journeys.stands(reader, intent.journey)
        if intent.at <= stopped_at:
            return Stop("stopped")
        return Hold(None, "paused") if paused else None

    def _may(self, reader: sqlite3.Connection, intent: Intent, now: int) -> Go | Stop:
        """Consent, then suppression; the address where both say yes."""
        visitor, channel = intent.visitor, intent.channel
        agreed = named = None
        if intent.advertising:
            known = channel if channel in _PERSONAL else ""
            agreed = consent.allows(self.contacts.consents(reader, visitor), consent.MARKETING, known)
            named = consent.allows(self.contacts.by_name(reader, visitor), consent.MARKETING, known)
            if reason := self._unwanted(agreed, named, channel, now):
                return Stop(reason)
            if self.delivery.preset == "kr" and channel in korea.MESSAGES and (gaps := korea.sender_missing(self.delivery)):
                return Stop("no_sender", " ".join(gaps))
        address = self._address(reader, intent)
        if not address:
            return Stop("no_address")
        if channel in _PERSONAL and (reason := self._suppressed(reader, intent, address, agreed, named)):
            return Stop(reason)
        return Go(address, self.contacts.lang(reader, visitor) or self._lang, self.contacts.zone(reader, visitor))

    def _unwanted(self, agreed: Standing | None, named: Standing | None, channel: str, now: int) -> str:
        if agreed is None:
            return "" if channel == "onsite" else "no_consent"
        if not agreed.granted or (named is not None and not named.granted):
            return "refused"
        # What events repeat renews nothing.
        old = self.delivery.preset == "kr" and channel in korea.MESSAGES and korea.is_old(named or agreed, now)
        return "consent_old" if old else ""

    def _suppressed(
        self, reader: sqlite3.Connection, intent: Intent, address: str, agreed: Standing | None, named: Standing | None
    ) -> str:
        found = self.contacts.suppressed(reader, intent.channel, address)
        for reason in (COMPLAINED, BOUNCED):
            if reason in found:
                return reason
        # Whoever agrees anew after refusing is written to again; what was said by name is taken back by name alone.
        for reason, anew in ((UNSUBSCRIBED, named), (REFUSED, agreed)):
            since = found.get(reason)
            if intent.advertising and since is not None and not (anew is not None and anew.granted and anew.at > since):
                return reason
        return ""

    def _address(self, reader: sqlite3.Connection, intent: Intent) -> str:
        if intent.channel == "webhook":
            return intent.send.to
        if intent.channel == "onsite":
            return intent.visitor
        if intent.channel == "export":
            told = {name: self.contacts.address(reader, intent.visitor, name) for name in ("email", "phone")}
            known = {name: value for name, value in told.items() if value}
            return msgspec.json.encode(known).decode() if known else ""
        return self.contacts.address(reader, intent.visitor, intent.channel)

    def _arms(self, intent: Intent) -> Exposures:
        """Where the visitor stands in the hold-outs that hold back this message."""
        rates = {f"{HOLDOUT}:{intent.journey}": intent.holdout_rate if intent.journey else 0.0}
        if intent.advertising:
            rates[HOLDOUT] = self.delivery.holdout_rate
        return tuple(
            (name, HOLDOUT if draw(name, intent.visitor) < rate else TREATED) for name, rate in rates.items() if rate > 0
        )

    def _night(self, reader: sqlite3.Connection, intent: Intent, now: int, zone: ZoneInfo) -> Hold | Stop | None:
        """Quiet hours, for what reaches for the visitor; None outside of them."""
        if intent.channel not in caps.REACHING:
            return None
        until = quiet.until(now, zone, self.delivery.quiet)
        if self.delivery.preset == "kr":
            said, named = (read(reader, intent.visitor) for read in (self.contacts.consents, self.contacts.by_name))
            agreed = korea.night_agreed(said, named, intent.channel)
            night = korea.night_until(now, zone, intent.channel, agreed)
            if agreed and quiet.until(now, zone, korea.NIGHT) is not None:
                # Agreed to for the night; other hours of the shop's own stay quiet.
                return None
            until = max((one for one in (until, night) if one is not None), default=None)
        if until is None:
            return None
        return Stop("quiet_hours") if self.delivery.quiet_mode == "drop" else Hold(until, "quiet_hours")

    def _zone_of(self, name: str) -> ZoneInfo:
        return ZoneInfo(name) if name else self._zone
