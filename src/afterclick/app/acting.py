"""Journeys and messages of a store that collects: one thread hears what happened and lets timers fire, another sends."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Final, NamedTuple

import msgspec

from afterclick.act.acts import Acts
from afterclick.act.channels import onsite, roster
from afterclick.act.contacts import Contacts
from afterclick.act.gate.gate import Gate
from afterclick.act.journeys.runner import JourneyRunner
from afterclick.act.outbox import table
from afterclick.act.outbox.hearing import Hearing
from afterclick.act.outbox.loop import SendLoop
from afterclick.act.outbox.sender import Sender
from afterclick.app import kept_acts, kept_words, tellings
from afterclick.app.deciding import Deciding
from afterclick.app.emitting import Emitter
from afterclick.app.journey_troubles import JourneyTroubles
from afterclick.app.visitor_facts import VisitorFacts
from afterclick.app.workspace import Workspace
from afterclick.collect.live.journal import Journal
from afterclick.core import clock
from afterclick.core.errors import AfterclickError
from afterclick.core.spans import DAY, MINUTE
from afterclick.decide.told import Told
from afterclick.store.automations import Journey
from afterclick.store.definitions import FILE, Definitions

_LOOK_S: Final = 0.2
"""How long a timer that is due waits at most until somebody looks."""
_AT_ONCE: Final = 2_000
_CROWD: Final = 1_000
"""So many calls wait to be heard before whoever learns from the log waits for them."""
_SETTLE_S: Final = 5.0
_MOST_PAUSE_S: Final = 30.0


class _Marker(NamedTuple):
    """Behind everything that was told before it."""

    reached: threading.Event


class Acting:
    """Owned by the server, made before its loop runs. Raises StoreError for an acts.db that cannot be opened.

    What the decider tells is taken in by one thread, in its order; the journeys' timers fire on the same thread, so that
    nothing happens to a visitor twice at once.
    """

    def __init__(self, shop: Workspace, deciding: Deciding, emitter: Emitter, journal: Journal) -> None:
        store = shop.store
        self._shop = shop
        self._deciding = deciding
        self._journal = journal
        self._definitions = store.definitions
        self._contacts = Contacts.of_store(store.path)
        self.acts = Acts.open(store.path, *kept_acts.SCHEMAS)
        self._facts = VisitorFacts(shop, deciding.decider, self.acts, self._contacts)
        self._hearing = Hearing(self._contacts, self._definitions.rules, self._definitions.journeys)
        self._runner = JourneyRunner(
            self.acts, zone_of=self._facts.zone_of, holds=deciding.decider.holds, plan=table.plan,
            heed=(self._hearing.hear, onsite.hear),
        )  # fmt: skip
        self._troubles = JourneyTroubles(self._runner, journal)
        # Before anything is told: what the first events bring in is not to be missed.
        self._use(self._definitions)
        delivery = self._definitions.delivery
        self._channels = roster.channels(store.path, self._definitions, self.acts)
        gate = Gate(self._contacts, delivery, self._definitions.zone, self._definitions.language)
        self._sender = Sender(
            self.acts, self._channels, gate, clock.now,
            emit=emitter.emit, links=self._link, values=self._facts.values,
        )  # fmt: skip
        self._links = roster.links(store.path, delivery)
        self._loop = SendLoop(self._sender, partial(self._trouble, "sending"))
        self._told: SimpleQueue[Sequence[Told] | _Marker] = SimpleQueue()
        self._renewing = threading.Lock()
        self._stood: tuple[int, ...] | None = None
        self._end = threading.Event()
        self._erased: set[str] = set()
        self._failures = self._skipped = 0
        self._looked_at = self._pruned_at = 0
        self._thread = threading.Thread(target=self._run, name="afterclick-journeys", daemon=True)
        deciding.settled = self._settled
        deciding.in_use = self._runner.in_use
        deciding.crowded = self._crowded
        deciding.decider.listen(self._listen)

    def start(self) -> None:
        """Begin. Nothing fires before the decider knows its visitors."""
        self._thread.start()
        self._loop.start()

    def close(self) -> None:
        """Take in what was told, end the calls that are out, close the file. Timers wait for the next start."""
        self._end.set()
        if self._thread.ident is not None:
            self._thread.join()
            self._loop.stop()
        else:
            self._sender.close()
        roster.close(self._channels)
        self.acts.close()

    def health(self) -> dict[str, Any]:
        """What waits and what does not get on, in figures."""
        dead = self._thread.ident is not None and not self._thread.is_alive() and not self._end.is_set()
        return {
            "running": not dead and self._failures == 0,
            "sending": not self._loop.failing,
            "untold": self._told.qsize(),
            "skipped": self._skipped,
            **self._troubles.names(self._definitions),
        }

    def troubles(self) -> list[str]:
        """What of it does not get on, by the names of `health`."""
        state = self.health()
        stopped = [name for name in ("running", "sending") if not state[name]]
        return stopped + [name for name, journeys in self._troubles.names(self._definitions).items() if journeys]

    def forget(self, visitors: Sequence[str], ids: Sequence[str] = ()) -> None:
        """Erase visitors from runs, contacts and messages; nothing more goes to them, and what is still told of these ids
        is heard no more. Raises StoreError."""
        with self.acts.reading():
            self._erased.update(ids)
            with self.acts.writing() as tx:
                kept_acts.forget(tx, self._contacts, visitors)
        kept_acts.empty_wal(self.acts)

    def blot(self, blotting: kept_words.Blotting) -> bool:
        """Erase what journeys say of somebody to others, here and in memory; whether they did. Raises StoreError."""
        # Nobody says it once more between the two.
        with self._renewing, self.acts.reading():
            found = kept_words.blot(self.acts, blotting)
            if found:
                plain = blotting.value(msgspec.to_builtins({"journeys": self._definitions.journeys}))
                self._use(msgspec.structs.replace(self._definitions, **msgspec.convert(plain, dict[str, tuple[Journey, ...]])))
        return found

    def resend(self, action_id: str, channel: str) -> bool:
        """Let a message go again that failed or whose outcome nobody knows; False where there is none. Raises StoreError."""
        with self.acts.writing() as tx:
            found = table.resend(tx, action_id, channel, clock.now())
        self._loop.wake()
        return found

    def renew(self) -> None:
        """Heed documents that were changed, as soon as the decider goes by them."""
        with self._renewing:
            stood = self._stand()
            if stood == self._stood:
                return
            definitions = self._shop.store.definitions
            if definitions == self._definitions:
                self._stood = stood
            elif self._deciding.follows(definitions):
                self._heed(definitions)
                self._stood = stood

    def _stand(self) -> tuple[int, ...]:
        path = self._shop.store.path / FILE
        if not path.exists():
            return ()
        found = path.stat()
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _heed(self, definitions: Definitions) -> None:
        if definitions.delivery != self._definitions.delivery or definitions.outbound != self._definitions.outbound:
            before, self._channels = self._channels, roster.channels(self._shop.store.path, definitions, self.acts)
            self._sender.courier.channels = self._channels
            self._links = roster.links(self._shop.store.path, definitions.delivery)
            self._sender.use(definitions.delivery)
            roster.close(before)
        self._hearing.use(definitions.rules, definitions.journeys)
        self._use(definitions)
        self._definitions = self._facts.definitions = definitions

    def _use(self, definitions: Definitions) -> None:
        self._runner.use(definitions.journeys, [rule for rule in definitions.rules if rule.state == "on"])
        self._troubles.say()

    def _listen(self, told: Sequence[Told]) -> None:
        """Within the decider's lock: only what concerns journeys, messages and contacts goes further."""
        names = self._deciding.names
        wanted = tellings.wanted(told, names)
        if wanted:
            self._told.put(wanted)

    def _crowded(self) -> bool:
        """Whether so much waits to be heard that more of it only takes memory."""
        return self._told.qsize() > _CROWD and self._thread.is_alive() and self._failures == 0

    def _settled(self, position: int) -> bool:  # noqa: ARG002 - everything told so far lies in one queue
        if self._thread.ident is None or not self._thread.is_alive():
            return False
        marker = _Marker(threading.Event())
        self._told.put(marker)
        return marker.reached.wait(_SETTLE_S)

    def _run(self) -> None:
        left: list[Told] = []
        later: list[Told] = []
        markers: list[_Marker] = []
        while True:
            ending = self._end.is_set()
            self._take(left, markers, 0.0 if ending else _LOOK_S)
            try:
                self._turn(left, later, ending=ending)
                self._failures = 0
            except Exception as error:  # noqa: BLE001 - a mistake of ours must not end all journeys in silence
                # What was told stays in `left` and is told again: it is known again by its number.
                self._failures += 1
                self._trouble("journeys", error.code if isinstance(error, AfterclickError) else type(error).__name__)
                if ending or self._end.wait(min(0.5 * 2 ** min(self._failures, 6), _MOST_PAUSE_S)):
                    return
                continue
            for marker in markers:
                marker.reached.set()
            markers.clear()
            if ending and self._told.empty():
                return

    def _take(self, left: list[Told], markers: list[_Marker], patience: float) -> None:
        """What was told since, at most so much that one look takes a moment; waits for the first a little."""
        try:
            while len(left) < _AT_ONCE:
                one = self._told.get(timeout=patience) if patience and not left else self._told.get_nowait()
                if isinstance(one, _Marker):
                    markers.append(one)
                    return
                left += one
        except Empty:
            return

    def _turn(self, left: list[Told], later: list[Told], *, ending: bool) -> None:
        """Hear what was told and let fire what is due. While visitors are being learnt nobody can say whether a condition
        holds: what arrived meanwhile waits in `later`."""
        ready = self._deciding.decider.ready
        if not ready:
            later += [one for one in left if one.seq]
            left[:] = [one for one in left if not one.seq]
        heard = [*later, *left] if ready else list(left)
        if heard:
            # What the decider told by new documents is not to meet the old ones here.
            self.renew()
        for part in tellings.portions(heard, _AT_ONCE):
            self._hear(part)
        left.clear()
        if ready:
            later.clear()
        fired = 0
        if not ending and ready:
            now = clock.now()
            fired = self._runner.fire(now)
            self._by_the_day(now)
        if fired or heard:
            self._loop.wake()

    def _hear(self, told: Sequence[Told]) -> None:
        """Take a part in. A call that our own code stumbles over is left out and counted: it must not hold up all others."""
        try:
            # Nobody is erased between the look and the hearing.
            with self.acts.reading():
                self._runner.hear([one for one in told if not tellings.is_of(one, self._erased)])
        except AfterclickError:
            raise
        except Exception as mistake:  # noqa: BLE001 - whatever it is, it comes again with the same call
            calls = list(tellings.portions(told, 1))
            if len(calls) > 1:
                for call in calls:
                    self._hear(call)
                return
            self._skipped += 1
            self._trouble("hearing", type(mistake).__name__)

    def _by_the_day(self, now: int) -> None:
        # Before it, too: a clock set back must not keep a day from coming.
        if not 0 <= now - self._looked_at < MINUTE:
            self._looked_at = now
            self._runner.daily(now, self._definitions.zone, self._facts.members)
            self._troubles.say()
        if not 0 <= now - self._pruned_at < DAY:
            self._pruned_at = now
            self._runner.prune(now)

    def _link(self, visitor: str, channel: str) -> str:
        return self._links(visitor, channel)

    def _trouble(self, task: str, code: str) -> None:
        self._journal.write("task_failed", task=task, code=code)
