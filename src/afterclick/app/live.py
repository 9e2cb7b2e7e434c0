"""A store that collects: its tail, its keys and everything between a request and the disk, opened and closed together."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from afterclick.analyse import consents
from afterclick.app import degraded
from afterclick.app.acting import Acting
from afterclick.app.deciding import Deciding
from afterclick.app.emitting import Emitter
from afterclick.app.follower import Follower, Task
from afterclick.app.kept_words import Blotting
from afterclick.app.offering import Offering
from afterclick.app.workspace import Workspace
from afterclick.collect.live.collector import Collector
from afterclick.collect.live.feed import Feed
from afterclick.collect.live.following import prime
from afterclick.collect.live.journal import Journal
from afterclick.collect.live.waiting import Limits
from afterclick.collect.privacy.policy import Policy
from afterclick.core import clock
from afterclick.core.errors import AfterclickError, StoreError, StoreLocked
from afterclick.core.said import Said
from afterclick.store import sealing
from afterclick.store.access import Access
from afterclick.store.live.calls import Balance, TailCall
from afterclick.store.live.group_commit import GroupCommit
from afterclick.store.live.reader import TailReader
from afterclick.store.live.tail import Tail
from afterclick.store.tombstones import Tombstones

RATES: Final = "collector.rates"
"""The note of the tail that holds the levels of the keys' buckets."""

_DRAIN_S: Final = 6.0
_QUIET_S: Final = 10.0
_LOOK_S: Final = 5.0
_MOST_UNSEALED: Final = 5 * sealing.SEAL_EVENTS


class LiveSite:
    """Everything `afterclick serve` needs to collect into a store it holds the lock of.

    Made before the event loop runs, so that what cannot be opened is an error of the command; `start` belongs to the
    loop's thread, everything else may be called from any.
    """

    def __init__(self, shop: Workspace, access: Access, journal: Journal, *, limits: Limits = Limits()) -> None:  # noqa: B008
        """Raises StoreError for a tail that cannot be opened."""
        self.shop = shop
        self.access = access
        self.journal = journal
        self.broken = threading.Event()
        self.on_broken: Callable[[], None] | None = None
        store = shop.store
        self._definitions = store.definitions
        self.tail = Tail.open(store.path)
        try:
            self.reader = TailReader(store.path)
            self.feed = Feed()
            prime(self.feed, self.reader)
            self.policy = Policy.of_store(store.path, self._definitions.privacy)
            self.policy.load_counts(self.tail.get)
            self._kept_rates = self.tail.get(RATES) or ""
            self._group = GroupCommit(self.tail, self._post)
        except BaseException:
            self.tail.close()
            raise
        self.collector = Collector(
            self.tail, self._group, access, self.policy, self.feed, limits=limits, kept_rates=self._kept_rates
        )
        self.deciding = Deciding(shop, self.tail, self.reader, journal)
        self.emitter = Emitter(
            self.tail, self._group, self._post, self.feed, self.deciding.heard, self.policy.admit_own
        )
        self.collector.heard = self.deciding.heard
        self.acting = self._acting()
        self.offering = Offering(self.deciding.decider, lambda: self._definitions, store.path)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = Balance()
        self._requests = 0
        self.follower = Follower(journal, self._tasks(), lambda: self._loop is not None and self._loop.is_closed())
        # Takes its time, in which the others must not miss theirs.
        self.sealer = Follower(journal, {"seal": (5, self._seal)})
        shop.live = self

    def _tasks(self) -> dict[str, tuple[int, Task]]:
        return {
            "watch": (1, self._watch), "access": (1, self.access.refresh), "mark": (1, self.tail.mark),
            "rates": (2, self._keep_rates), "definitions": (5, self._renew), "time": (1, self._tick),
            "rules": (2, self._renew_rules), "states": (5, self.deciding.save_if_due), "summary": (60, self._summary),
        }  # fmt: skip

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Answer on this loop from now on."""
        self._loop = loop
        self._told = self.tail.balance()
        self.deciding.start(self.emitter)
        if self.acting is not None:
            self.acting.start()
        self.follower.start()
        self.sealer.start()
        # Beside the requests: after a crash the tail may be long, and nobody is to wait for it.
        threading.Thread(target=self._prime_consent, name="afterclick-consent", daemon=True).start()
        self.journal.write("collecting", position=self.tail.position, unsealed=self.tail.events)

    def close(self) -> None:
        """Store what waits, keep the state, close the tail. Not on the loop's thread: its answers are given there."""
        self.shop.live = None
        self.collector.stop()
        drained = self._group.close(_DRAIN_S)
        self.follower.stop()
        self.sealer.stop()
        self.offering.close()
        try:
            self.deciding.close()
        except StoreError as error:
            self.journal.write("close_failed", code=error.code)
        if self.acting is not None:
            self.acting.close()
        try:
            self._keep_rates()
            self.policy.save_counts(self.tail.put)
            self.tail.close()
        except StoreError as error:
            self.journal.write("close_failed", code=error.code)
        self.reader.close()
        self.journal.write("stopped", drained=drained, position=self.tail.position)

    def quiesce(self) -> None:
        """Return when everything that was admitted before is in the tail, and who was erased is known from now on.

        Raises StoreError if the disk does not take it.
        """
        done = threading.Event()
        failures: list[StoreError] = []

        def stored(error: StoreError | None) -> None:
            failures.extend(() if error is None else (error,))
            done.set()

        def behind_all() -> None:
            try:
                self.policy.reload()
            except StoreError as error:
                stored(error)
                return
            self._group.submit(TailCall(clock.now(), "", (), (), ()), stored)

        self._post(behind_all)
        if not done.wait(_QUIET_S):
            raise StoreError(Said("refusals.disk_slow_before"), hint=Said("refusals.try_again"), code="slow_disk")
        if failures:
            raise failures[0]
        self.feed.forget(Tombstones.load(self.shop.store.path).erased)

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether events can be taken, and the state of the log, the tail and the thread that seals, in figures.

        `degraded` names what of deciding and sending does not get on: nothing of it keeps events from being taken.
        """
        tail, group, now = self.tail, self._group, clock.now()
        broken = group.broken
        damaged = self.reader.damaged()
        oldest = tail.oldest_at
        calls, size = self.collector.waiting
        running = not self.follower.failed and not self.sealer.failed
        failing = [*self.follower.failing, *self.sealer.failing]
        body: dict[str, Any] = {
            "log": {"writable": broken is None, "code": "" if broken is None else broken.code},
            "tail": {
                "position": tail.position, "sealed": tail.sealed, "events": tail.events,
                "oldest_s": 0 if oldest is None else max(0, now - oldest) // 1_000_000,
                "waiting_calls": calls, "waiting_bytes": size,
            },
            "follower": {"running": running, "failing": failing},
            "damaged": list(damaged),
            "deciding": self.deciding.health(),
            "acting": {"running": False} if self.acting is None else self.acting.health(),
            "degraded": degraded.degraded(self.deciding, self.acting, failing),
            "balance": tail.balance()._asdict(),
        }  # fmt: skip
        return broken is None and not damaged and running and degraded.TASKS.issuperset(failing), body

    def _acting(self) -> Acting | None:
        """Who sends. Where its file cannot be read nothing is sent, but collecting goes on."""
        try:
            return Acting(self.shop, self.deciding, self.emitter, self.journal)
        except StoreError as error:
            self.journal.write("nothing_is_sent", code=error.code)
            return None

    def _renew_rules(self) -> None:
        self.deciding.renew()
        if self.acting is not None:
            self.acting.renew()

    def _prime_consent(self) -> None:
        """Tell the policy who refused or agreed before this server began."""
        try:
            known = consents.analytics(self.shop.context())
            self._post(lambda: self.policy.prime(known))
        except AfterclickError as error:
            self.journal.write("consent_unknown", code=error.code)
        except RuntimeError:
            # The loop has ended meanwhile: nobody asks any more.
            return

    def _post(self, function: Callable[[], None]) -> None:
        if self._loop is None:
            raise RuntimeError("the server does not run yet")
        self._loop.call_soon_threadsafe(function)

    def _watch(self) -> None:
        """Answer who waits too long, and end a server whose disk nothing is known of."""
        at = clock.ticks()
        self._post(lambda: self.collector.overdue(at))
        if self._group.broken is not None and not self.broken.is_set():
            self.broken.set()
            self.journal.write("log_broken", code=self._group.broken.code)
            if self.on_broken is not None:
                self.on_broken()

    def forget(self, ids: Sequence[str]) -> None:
        """Erase what is decided of the visitors behind these ids; they come in no more."""
        gone = self.deciding.forget(ids)
        if self.acting is not None:
            self.acting.forget(sorted({*gone, *ids}), ids)

    def blot(self, blotting: Blotting) -> bool:
        """Erase what journeys say of somebody to others; whether they did. Raises StoreError."""
        return self.acting is not None and self.acting.blot(blotting)

    def resend(self, action_id: str, channel: str) -> bool:
        """Let a message go again that failed or whose outcome nobody knows; False where there is none. Raises StoreError."""
        return self.acting is not None and self.acting.resend(action_id, channel)

    def _tick(self) -> None:
        """Let time do its part, up to the moment from which on something may still be on its way to the disk."""
        found: list[tuple[int, int]] = []
        told = threading.Event()

        def look() -> None:
            oldest = [at for at in (self.collector.oldest_at, self.emitter.oldest_at) if at is not None]
            found.append((min([clock.now(), *oldest]) - 1, self.collector.waiting[0] + self.emitter.waiting))
            told.set()

        self._post(look)
        if told.wait(_LOOK_S):
            until, waiting = found[0]
            self.deciding.look(waiting)
            self.deciding.tick(until)

    def _keep_rates(self) -> None:
        state = self.collector.rates.state(clock.ticks(), clock.now())
        if state != self._kept_rates:
            self.tail.put(RATES, state)
            self._kept_rates = state

    def _renew(self) -> None:
        """Heed settings of privacy that were changed while the server runs."""
        definitions = self.shop.store.definitions
        if definitions.privacy != self._definitions.privacy:
            self._post(lambda: self.policy.renew(definitions.privacy))
        self._definitions = definitions

    def _seal(self) -> None:
        if self.deciding.busy or not sealing.due(self.tail, clock.now()):
            return
        begun = clock.ticks()
        # States that say less than the segments hold would have to be learnt anew; and what was decided and not done yet
        # can be decided again from the tail alone. Who does not act for long must not fill it without end.
        if not self.deciding.save() and self.tail.events < _MOST_UNSEALED:
            return
        entry, merged = None, 0
        # Where another thread of this process imports or erases nothing is wrong, and the turn comes.
        with suppress(StoreLocked):
            entry = self.shop.store.seal(self.tail)
            while self.shop.store.compact() is not None:
                merged += 1
        if entry is not None:
            self.journal.write("sealed", position=self.tail.sealed, merged=merged, seconds=round(clock.ticks() - begun, 3))

    def _summary(self) -> None:
        """One line a minute in which anything came."""
        self.policy.save_counts(self.tail.put)
        balance, before = self.tail.balance(), self._told
        requests, self._requests = self.collector.counts.requests - self._requests, self.collector.counts.requests
        self._told = balance
        if requests:
            self.journal.write(
                "minute",
                requests=requests, received=balance.received - before.received, stored=balance.stored - before.stored,
                duplicates=balance.duplicates - before.duplicates,
                rejected=balance.rejected - before.rejected,
                refused=sum(self.collector.counts.refused.values()), unsealed=self.tail.events,
            )  # fmt: skip
