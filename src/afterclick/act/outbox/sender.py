"""Takes what is due from the outbox: past the gate, claimed on disk, then out by as many threads as its lanes need."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Final

from afterclick.act.acts import Acts
from afterclick.act.gate.gate import Gate
from afterclick.act.gate.verdict import Exposures, Go, Hold, Stop
from afterclick.act.message import Deliver
from afterclick.act.outbox import parking, table, telling, upkeep
from afterclick.act.outbox.composing import Links, Values, no_link, own_values
from afterclick.act.outbox.courier import Courier, Step, no_step
from afterclick.act.outbox.held import ask_again
from afterclick.act.outbox.pace import Pace
from afterclick.act.outbox.table import Claim, Due
from afterclick.act.outbox.telling import Emit
from afterclick.core.spans import DAY, HOUR, MINUTE
from afterclick.store.automations import Delivery

LEASE: Final = 5 * MINUTE
"""How long a claim lasts: what a sender that died held goes on after this time."""
KEPT: Final = 400 * DAY
"""How long it is remembered what became of a message: longer than any cap looks back."""
_THREADS: Final = 64
_WIDTH: Final = 4
"""Threads that one lane may keep busy."""
_ONE_BY_ONE: Final = ("email",)
"""Channels with one connection: what is begun there goes out at once, and waits for nobody."""
_LIMIT: Final = 200
_UNPACED: Final = ("onsite", "export")
"""Channels that reach nobody outside."""


class Sender:
    """The one that sends for a store; a second one on the same store would take turns with it by claims.

    `now` gives the instant (µs UTC), `emit` collects events into the log, `links` and `values` are what messages are made
    with, `step` is called at each step. Close it at the end.
    """

    def __init__(
        self,
        acts: Acts,
        channels: Mapping[str, Deliver],
        gate: Gate,
        now: Callable[[], int],
        *,
        emit: Emit | None = None,
        links: Links = no_link,
        values: Values = own_values,
        step: Step = no_step,
        lease: int = LEASE,
    ) -> None:
        self._acts = acts
        self._gate = gate
        self._now = now
        self._emit = emit
        self._step = step
        self._lease = lease
        self.courier = Courier(acts, channels, gate, now, links=links, values=values, step=step)
        self._pace = Pace(gate.delivery.per_second)
        self._pool = ThreadPoolExecutor(_THREADS, "afterclick-send")
        self._busy: dict[str, list[Future[None]]] = {}
        self._turns = 0
        self._began_at = now()
        self._pruned_at = 0

    def use(self, delivery: Delivery) -> None:
        """Heed changed settings of the delivery from now on; what waits for the end of quiet hours is asked anew."""
        quiet = (self._gate.delivery.quiet, self._gate.delivery.quiet_mode, self._gate.delivery.preset)
        self._gate.use(delivery)
        if quiet != (delivery.quiet, delivery.quiet_mode, delivery.preset):
            with self._acts.writing() as tx:
                ask_again(tx, self._now())
        self._pace.per_second = delivery.per_second

    def run_once(self, limit: int = _LIMIT) -> int:
        """Take a turn and wait until everything it began has ended; how many messages moved. For trials and commands."""
        moved = self.turn(limit)
        wait([future for futures in self._busy.values() for future in futures])
        self.turn_over()
        return moved

    def turn(self, limit: int = _LIMIT) -> int:
        """Claim what is due and may leave, and hand it to threads without waiting for them; how many messages moved.

        At most `limit` of each lane. Raises StoreError where the disk fails; then nothing of that lane is claimed.
        """
        moved = self._expire() + self._go_on()
        now = self._now()
        self._prune(now)
        with self._acts.reading() as reader:
            waiting = table.lanes(reader, now)
        # Each turn begins with another lane: where little may leave, it leaves in turn.
        self._turns += 1
        first = self._turns % max(len(waiting), 1)
        waiting = [*waiting[first:], *waiting[:first]]
        paced = [lane for lane in waiting if lane not in _UNPACED]
        for number, lane in enumerate(waiting):
            if self._is_busy(lane):
                continue
            room = self.courier.breaker.room(lane, now, limit)
            if lane in paced:
                # What is left is shared by the lanes that are still to come, so that none of them starves the others.
                behind = sum(one in paced for one in waiting[number:])
                room = min(room, -(-self._pace.room(now) // behind))
            if room > 0:
                moved += self._take(lane, now, limit, room, paced=lane in paced)
        return moved

    def turn_over(self) -> int:
        """Tell the log what has happened, and raise what a thread raised. How many events the log took."""
        told = 0 if self._emit is None else telling.flush(self._acts, self._emit, lambda: self._step("told"))
        ended = [future for futures in self._busy.values() for future in futures if future.done()]
        self._busy = {lane: left for lane, of in self._busy.items() if (left := [one for one in of if not one.done()])}
        for future in ended:
            future.result()
        return told

    def pause_until(self, longest: int) -> int:
        """How long (µs) there is nothing to do, `longest` at most."""
        now = self._now()
        with self._acts.reading() as reader:
            due_at = table.next_due(reader)
        return longest if due_at is None else max(0, min(longest, due_at - now))

    def close(self) -> None:
        """Wait for the calls that are out; what was claimed and not begun waits for the next sender."""
        self.courier.ending.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._busy = {}

    def _is_busy(self, lane: str) -> bool:
        return any(not future.done() for future in self._busy.get(lane, ()))

    def _expire(self) -> int:
        with self._acts.reading() as reader:
            if not table.expired(reader, self._now(), 1):
                return 0
        with self._acts.writing() as tx:
            found = table.expired(tx, self._now())
            for claim in found:
                self.courier.give_up(tx, claim)
        return len(found)

    def _go_on(self) -> int:
        """What waited for paused journeys that go on, or are no more, is asked about again."""
        with self._acts.reading() as reader:
            if not parking.freed(reader):
                return 0
        with self._acts.writing() as tx:
            return parking.release(tx, self._now())

    def _prune(self, now: int) -> None:
        if now - self._pruned_at < HOUR:
            return
        self._pruned_at = now
        with self._acts.reading() as reader:
            old = reader.execute("SELECT 1 FROM sends WHERE done_at < ? LIMIT 1", (now - KEPT,)).fetchone()
        while old:
            with self._acts.writing() as tx:
                old = upkeep.prune(tx, now - KEPT)

    def _take(self, lane: str, now: int, limit: int, room: int, *, paced: bool) -> int:
        """Ask the gate about those that wait longest, and claim as many as there is room for, all on disk before any goes."""
        self._step("claiming")
        with self._acts.writing() as tx:
            claims: list[tuple[Claim, Go]] = []
            moved = 0
            number = table.token(tx)
            for one in table.due(tx, lane, now, limit):
                if len(claims) >= room:
                    break
                moved += 1
                go = self._asked(tx, one, now)
                if go is not None:
                    claims.append((table.claim(tx, one, number, now, now + self._lease), go))
        self._step("claimed")
        if paced:
            self._pace.spend(len(claims))
        self._hand_over(lane, claims)
        return moved

    def _asked(self, tx: sqlite3.Connection, one: Due, now: int) -> Go | None:
        """Is it to leave now? If not, what becomes of it is noted."""
        intent = one.intent
        if intent.channel not in self.courier.channels:
            table.stop(tx, one, "failed", now, "no_channel")
            telling.end(tx, intent, "failed", now, "no_channel", "", one.attempt)
            return None
        # What a pause has kept waiting was not missed.
        verdict = self._gate.halted(tx, intent) or self._missed(one) or self._gate.decide(tx, intent, now, drawn=one.exposed)
        self._expose(tx, one, verdict.exposures, now)
        if isinstance(verdict, Stop):
            table.stop(tx, one, "suppressed", now, verdict.reason, verdict.detail)
            telling.end(tx, intent, "suppressed", now, verdict.reason, verdict.detail, one.attempt)
        elif isinstance(verdict, Hold):
            table.hold(tx, one, verdict.until_at, verdict.reason)
        else:
            return verdict
        return None

    def _missed(self, one: Due) -> Stop | None:
        """What was to leave while nobody sent, longer ago than its journey allows: an outage is not followed by a burst."""
        grace = one.intent.grace
        # A clock that was ahead at the start says nothing of an outage.
        self._began_at = min(self._began_at, self._now())
        return Stop("missed") if grace and not one.attempt and one.due_at < self._began_at - grace else None

    def _expose(self, tx: sqlite3.Connection, one: Due, exposures: Exposures, now: int) -> None:
        if exposures and not one.exposed:
            for experiment, variant in exposures:
                telling.exposure(tx, one.intent, experiment, variant, now)
            table.exposed(tx, one.row)

    def _hand_over(self, lane: str, claims: Sequence[tuple[Claim, Go]]) -> None:
        width = 1 if lane in _ONE_BY_ONE else min(_WIDTH, len(claims))
        for start in range(width if claims else 0):
            future = self._pool.submit(self.courier.carry, lane, claims[start::width])
            self._busy.setdefault(lane, []).append(future)
