"""Carries claimed messages out, one by one: asks once more, notes that the call begins, calls, notes what came of it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from afterclick.act.acts import Acts
from afterclick.act.gate.gate import Gate
from afterclick.act.gate.verdict import Go, Hold, Stop
from afterclick.act.message import Deliver, Message, Outcome
from afterclick.act.outbox import retries, table, telling
from afterclick.act.outbox.breaker import Breaker
from afterclick.act.outbox.composing import Links, Values, compose, render
from afterclick.act.outbox.table import Claim
from afterclick.core.errors import AfterclickError, StoreError
from afterclick.core.spans import SECOND
from afterclick.store.automations import Words

SPARE: Final = 60 * SECOND
"""As long as a call may take: a claim that ends sooner is not begun."""
_ANSWERED: Final = frozenset(("sent", "failed", "gone"))

Step = Callable[[str], None]
"""Called with the name of each step: for trials that end the process there."""


def no_step(name: str) -> None:
    """Outside of trials."""


class _Done(NamedTuple):
    claim: Claim
    address: str
    outcome: Outcome


class Courier:
    """Works on claims; safe for several threads, each with claims of its own."""

    def __init__(
        self,
        acts: Acts,
        channels: Mapping[str, Deliver],
        gate: Gate,
        now: Callable[[], int],
        *,
        links: Links,
        values: Values,
        step: Step,
    ) -> None:
        self.breaker = Breaker()
        self.channels = channels
        self.ending = threading.Event()
        self._acts = acts
        self._gate = gate
        self._now = now
        self._links = links
        self._values = values
        self._step = step

    def carry(self, lane: str, claims: Sequence[tuple[Claim, Go]]) -> None:
        """Deliver claims of one lane. Raises StoreError where the disk fails; what was not noted then is found again when
        its claim has run out."""
        done: _Done | None = None
        for place, (claim, go) in enumerate(claims):
            # Who ends waits for the call that is out and for no other.
            if self.ending.is_set() or self.breaker.open(lane, self._now()):
                self._give_back([one for one, _ in claims[place:]])
                break
            words = self._words(claim, go)
            try:
                begun = self._begin(claim, words, done)
            except AfterclickError:
                # One more try for what is known already: else it would count as unknown.
                self._note_alone(done)
                raise
            done = None
            if begun is None:
                continue
            self._step("begun")
            done = _Done(begun[0], begun[1].address, self._call(begun[1]))
            self._step("answered")
            self._note_breaker(lane, done.outcome)
        self._note_alone(done)

    def give_up(self, tx: sqlite3.Connection, claim: Claim) -> None:
        """A claim has run out: what was not begun waits again, what may go twice goes again, of the rest nobody knows."""
        if not claim.begun:
            table.again(tx, claim, self._now(), "released")
        else:
            self._settle(tx, claim, Outcome("uncertain", "the sender ended in the middle of it"))

    def _words(self, claim: Claim, go: Go) -> Words | AfterclickError:
        if claim.words is not None:
            # Under one key a machine is told the same every time.
            return claim.words
        try:
            return render(claim.intent, go, self._values)
        except AfterclickError as error:
            return error
        except Exception as mistake:  # noqa: BLE001 - a mistake about one message must not hold up those behind it
            return AfterclickError(f"{type(mistake).__name__}: {mistake}"[:300], code="template")

    def _begin(
        self, claim: Claim, words: Words | AfterclickError, before: _Done | None
    ) -> tuple[Claim, Message] | None:
        """Note what came of the call before and that this one begins, in one go; None where it must not."""
        now = self._now()
        with self._acts.writing() as tx:
            if before is not None:
                self._note(tx, before)
            if isinstance(words, AfterclickError):
                self._end(tx, claim, "failed", now, words.code, words.message)
                return None
            verdict = self._gate.recheck(tx, claim.intent, now)
            if isinstance(verdict, Stop):
                self._end(tx, claim, "suppressed", now, verdict.reason, verdict.detail)
                return None
            if isinstance(verdict, Hold):
                table.again(tx, claim, verdict.until_at, verdict.reason)
                return None
            begun = table.begin(tx, claim, now, SPARE, words if claim.intent.channel == "webhook" else None)
            if begun is None:
                table.again(tx, claim, now, "released")
                return None
            return begun, compose(claim.intent, verdict, self._gate.delivery, words, at=now, links=self._links)

    def _call(self, message: Message) -> Outcome:
        try:
            return self.channels[message.channel].deliver(message)
        except StoreError as error:
            # Our own disk: channels read what they need of it before anything leaves.
            return Outcome("retry", f"{error.code}: {error.message}")
        except AfterclickError as error:
            return Outcome("failed", f"{error.code}: {error.message}")
        except Exception as error:  # noqa: BLE001 - a mistake of a channel must not hold up the messages behind it
            return Outcome("uncertain", f"{type(error).__name__}: {error}")

    def _note_alone(self, done: _Done | None) -> None:
        if done is not None:
            with self._acts.writing() as tx:
                self._note(tx, done)
            self._step("marked")

    def _note(self, tx: sqlite3.Connection, done: _Done) -> None:
        if done.outcome.state == "gone":
            self._gate.contacts.drop(tx, done.claim.intent.visitor, done.claim.intent.channel, done.address, self._now())
        self._settle(tx, done.claim, done.outcome)

    def _settle(self, tx: sqlite3.Connection, claim: Claim, outcome: Outcome) -> None:
        """What an outcome means for a message of this channel."""
        now, intent = self._now(), claim.intent
        state = outcome.state
        if state == "uncertain" and self._may_repeat(claim):
            state = "retry"
        if state == "gone" and intent.channel == "push" and self._gate.contacts.address(tx, intent.visitor, "push"):
            # This browser is gone, an earlier one of the same visitor may still be there.
            table.again(tx, claim, now, "gone", outcome.detail)
        elif state == "retry":
            wait = retries.pause(intent.channel, intent.action_id, claim.attempt, outcome.retry_after_s)
            if wait is not None:
                table.again(tx, claim, now + wait, "retry", outcome.detail)
            elif outcome.state == "uncertain" and not self._at_least_once(claim):
                self._end(tx, claim, "uncertain", now, "", outcome.detail)
            else:
                self._end(tx, claim, "failed", now, "gave_up", outcome.detail)
        elif state in ("failed", "gone"):
            self._end(tx, claim, "failed", now, "gone" if state == "gone" else "refused_there", outcome.detail)
        else:
            self._end(tx, claim, state, now, "", outcome.detail)

    def _end(self, tx: sqlite3.Connection, claim: Claim, state: str, now: int, reason: str, detail: str) -> None:
        if table.finish(tx, claim, state, now, reason, detail):
            telling.end(tx, claim.intent, state, now, reason, detail if state != "sent" else "", claim.attempt)

    def _may_repeat(self, claim: Claim) -> bool:
        return self._at_least_once(claim) or (claim.intent.send.resend and claim.intent.channel == "email")

    def _at_least_once(self, claim: Claim) -> bool:
        channel = self.channels.get(claim.intent.channel)
        return channel is not None and channel.at_least_once

    def _give_back(self, claims: Sequence[Claim]) -> None:
        with self._acts.writing() as tx:
            for claim in claims:
                table.again(tx, claim, self._now(), "released")

    def _note_breaker(self, lane: str, outcome: Outcome) -> None:
        if outcome.state in _ANSWERED:
            self.breaker.worked(lane)
        else:
            self.breaker.failed(lane, self._now())
