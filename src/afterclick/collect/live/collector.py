"""From a request to what its sender hears: whose key, what events, stored with the disk's word, answered only then."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Final

from afterclick.collect.live.counts import Counts
from afterclick.collect.live.feed import Feed
from afterclick.collect.live.rates import Rates
from afterclick.collect.live.waiting import Claiming, Done, Limits, Stored, Submitting, Wait, Waiting, refusal
from afterclick.collect.rejects import KEPT
from afterclick.collect.wire.answers import Outcome, answer, overload
from afterclick.collect.wire.canonical import Canonical
from afterclick.collect.wire.credentials import key_of
from afterclick.collect.wire.decode import decode
from afterclick.collect.wire.request import WireError, WireRequest
from afterclick.collect.wire.taken import Incoming, Policy, Refusal, Taken
from afterclick.core import clock
from afterclick.core.errors import StoreError
from afterclick.core.event import Rejected
from afterclick.store.access import Access, Grant
from afterclick.store.live.calls import TailCall

_RETRY_S: Final = 5
"""What a sender is asked to wait when the disk refuses or the server stops."""
_BUSY_S: Final = 2
_CONFLICT: Final = "an event with this id and other content is already there"


class Collector:
    """Takes requests on the event loop's thread and answers them there, after the disk has confirmed their events."""

    def __init__(
        self,
        tail: Claiming,
        group: Submitting,
        access: Access,
        policy: Policy,
        feed: Feed,
        *,
        limits: Limits = Limits(),  # noqa: B008 - immutable
        kept_rates: str = "",
    ) -> None:
        """`kept_rates` is what `rates.state` gave in the run before."""
        self._tail = tail
        self._group = group
        self._access = access
        self._policy = policy
        self._feed = feed
        self._limits = limits
        self._grants: object = None
        self._writers: dict[str, Grant] = {}
        self._scrub: Callable[[bytes], bytes] = getattr(policy, "scrub_bytes", bytes)
        self.rates = Rates(kept_rates, clock.ticks(), clock.now())
        self.counts = Counts()
        self._waiting: deque[Waiting] = deque()
        self._leaving: list[tuple[TailCall, Stored]] = []
        self._together = False
        self._size = 0
        self._stopping = False
        self.heard: Callable[[TailCall, list[Canonical]], object] | None = None
        """Is told of every call that is on disk, before its sender is."""

    @property
    def oldest_at(self) -> int | None:
        """When the first of the requests that wait for the disk arrived (µs UTC)."""
        return self._waiting[0].call.received_at if self._waiting else None

    @property
    def waiting(self) -> tuple[int, int]:
        """Requests and bytes on their way to the disk."""
        return len(self._waiting), self._size

    def stop(self) -> None:
        """Refuse what comes from now on; what waits is still answered."""
        self._stopping = True

    def offer(self, request: WireRequest, done: Done) -> None:
        """Take a request; `done` is called once, at once or after its events are on disk."""
        self.counts.requests += 1
        begun = clock.ticks()
        try:
            grant, taken = self._read(request, begun)
        except WireError as error:
            self.counts.refuse(error.code)
            done(refusal(error))
            return
        self._keep(grant, taken, request, done, begun)

    def admit(self, request: WireRequest, key: str) -> Grant:
        """Whose a request is that brings no event; it is charged as one. Raises WireError."""
        self.counts.requests += 1
        at = clock.ticks()
        try:
            if self._stopping:
                raise Wait(503, "stopping", "the server is being stopped", _RETRY_S)
            grant = self._grant(key, request.headers, at)
        except WireError as error:
            self.counts.refuse(error.code)
            raise
        bucket = self.rates.of(grant.id, grant.rate, at)
        if bucket is not None:
            bucket.charge(1)
        return grant

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is offered within the block goes to the disk at its end, all at once."""
        self._together = True
        try:
            yield
        finally:
            self._together = False
            self._submit()

    def _submit(self) -> None:
        if self._leaving:
            leaving, self._leaving = self._leaving, []
            self._group.submit_all(leaving)

    def overdue(self, at: float) -> None:
        """Answer 503 to whom the disk has kept waiting too long; the events may be stored all the same, and a retry of
        them counts as a duplicate. `at` in monotonic seconds."""
        # An answer may let in the next request of the same connection.
        for waiting in list(self._waiting):
            if at - waiting.begun <= self._limits.answer_within:
                break
            if waiting.done is not None:
                self._fail(waiting, "slow_disk", "the disk has not confirmed these events yet")

    def _read(self, request: WireRequest, at: float) -> tuple[Grant, Taken]:
        """Whose request it is and what it brought. Raises WireError."""
        if self._stopping:
            raise Wait(503, "stopping", "the server is being stopped", _RETRY_S)
        calls, size = len(self._waiting), self._size
        if calls >= self._limits.calls or size >= self._limits.size:
            raise Wait(429, "busy", "too much waits for the disk", _BUSY_S)
        key = key_of(request)
        if key:
            # Nothing of who may not send is decoded.
            return self._grant(key, request.headers, at), decode(request, self._policy)
        known: list[Grant] = []
        taken = decode(request, self._policy, lambda found: known.append(self._grant(found, request.headers, at)))
        return known[0], taken

    def _grant(self, key: str, headers: Mapping[str, str], at: float) -> Grant:
        """The grant of a key that may send now. Raises WireError."""
        grant = self._writer(key) if key else None
        if grant is None:
            # Missing, unknown, revoked: the answer is the same, the count tells the operator.
            raise WireError(401, "bad_key" if key else "no_key", "the write key is missing or unknown")
        if grant.origins:
            origin = headers.get("origin")
            if origin is not None and origin.lower() not in grant.origins:
                raise WireError(403, "bad_origin", "this write key is not for pages of this origin")
        bucket = self.rates.of(grant.id, grant.rate, at)
        if bucket is not None:
            wait = bucket.wait(at)
            if wait:
                raise Wait(429, "rate", "this write key sends more than it may", wait)
        return grant

    def _writer(self, key: str) -> Grant | None:
        """The grant of a write key, of one that was found before without its digest."""
        grants = self._access.grants
        if grants is not self._grants:
            # Some key was made or revoked.
            self._writers, self._grants = {}, grants
        found = self._writers.get(key)
        if found is None:
            found = self._access.writer(key)
            if found is not None:
                self._writers[key] = found
        return found

    def _keep(self, grant: Grant, taken: Taken, request: WireRequest, done: Done, begun: float) -> None:
        """Hand the new events to the disk, with what was refused."""
        events: list[Incoming] = []
        try:
            waiting = self._claimed(grant, taken, request, events)
        except BaseException:
            # Claims that nobody stores or gives back would make a retry look like a duplicate.
            self._tail.release([event.canonical.event_id for event in events])
            raise
        bucket = self.rates.of(grant.id, grant.rate, begun)
        if bucket is not None:
            bucket.charge(len(taken.events) + len(taken.refusals) or 1)
        if waiting is None:
            done(answer(taken.shape, Outcome(0, 0, [])))
            return
        waiting.done, waiting.begun = done, begun
        self._waiting.append(waiting)
        self._size += waiting.size
        self._leaving.append((waiting.call, partial(self._committed, waiting)))
        if not self._together:
            self._submit()

    def _claimed(self, grant: Grant, taken: Taken, request: WireRequest, events: list[Incoming]) -> Waiting | None:
        """What goes to the disk, None where there is nothing; `events` grows with every event that was claimed."""
        claim = self._tail.claim
        refusals, duplicates = taken.refusals, 0
        conflicts: list[tuple[int, Incoming]] = []
        bodies, ids, contents = [], [], []
        for place, event in enumerate(taken.events):
            event_id = event.canonical.event_id
            known = claim(event_id, event.content)
            if known == "new":
                events.append(event)
                bodies.append(event.body)
                ids.append(event_id)
                contents.append(event.content)
            elif known == "same":
                duplicates += 1
            else:
                conflicts.append((place, event))
        if conflicts:
            refusals = [*refusals, *_refused(conflicts, taken)]
        if not (events or refusals or duplicates):
            return None
        at, source = request.received_at, grant.source
        call = TailCall(
            at, source,
            tuple(bodies), tuple(ids), tuple(contents),
            tuple([self._dead_letter(each, at, source) for each in refusals]) if refusals else (),
            duplicates,
        )  # fmt: skip
        return Waiting(call, events, refusals, taken.shape)

    def _dead_letter(self, refusal: Refusal, at: int, source: str) -> Rejected:
        """A refused event as the log keeps it. Where it may not be kept at all, its content is empty already."""
        original = self._scrub(refusal.original[:KEPT]) if refusal.original else b""
        text = original.decode("utf-8", "replace")
        told = "\x1f".join((source, str(at), str(refusal.index), refusal.code, text))
        return Rejected(
            id=hashlib.sha256(told.encode()).hexdigest()[:24],
            at=at,
            source=source,
            code=refusal.code,
            message=refusal.message,
            row=refusal.index,
            path=refusal.path,
            original=text,
            cut=len(refusal.original) >= KEPT,
        )

    def _committed(self, waiting: Waiting, error: StoreError | None) -> None:
        """The disk has confirmed these events, or has not."""
        self._size -= waiting.size
        if self._waiting[0] is waiting:
            self._waiting.popleft()
        else:
            self._waiting.remove(waiting)
        if error is not None:
            self.counts.failed_commits += 1
            self._fail(waiting, error.code, "the disk could not store these events")
            return
        try:
            self._count(waiting)
        finally:
            # Whatever the counts make of it, it is stored.
            done, waiting.done = waiting.done, None
            if done is not None:
                self.counts.answered(clock.ticks() - waiting.begun)
                done(answer(waiting.shape, Outcome(len(waiting.events), waiting.call.duplicates, waiting.refusals)))

    def _count(self, waiting: Waiting) -> None:
        counts, call, events = self.counts, waiting.call, waiting.events
        counts.stored += len(events)
        counts.duplicates += call.duplicates
        for refused in waiting.refusals:
            counts.reject(refused.code)
        stored = [event.canonical for event in events]
        self._feed.take(
            stored,
            at=call.received_at, source=call.source, duplicates=call.duplicates, rejected=waiting.refusals,
        )  # fmt: skip
        if self.heard is not None:
            self.heard(call, stored)

    def _fail(self, waiting: Waiting, code: str, message: str) -> None:
        done, waiting.done = waiting.done, None
        if done is None:
            return
        self.counts.refuse(code)
        done(overload(waiting.shape, _RETRY_S, 503, code, message))


def _refused(conflicts: list[tuple[int, Incoming]], taken: Taken) -> list[Refusal]:
    """Refusals of events by their place in `taken.events`, which is what was left of the request."""
    gone = {refusal.index for refusal in taken.refusals}
    left = [index for index in range(len(taken.events) + len(gone)) if index not in gone]
    return [Refusal(left[place], "id_conflict", _CONFLICT, "", event.body) for place, event in conflicts]
