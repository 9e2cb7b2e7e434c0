"""What arrives while new rules and journeys are still being learnt, kept so that they hear of it once they are known."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from msgspec.structs import replace

from afterclick.app.tellings import is_of
from afterclick.core.step import ANY_EVENT
from afterclick.decide.rules.book import RuleBook
from afterclick.decide.told import Decided, Heard, Told

MOST: Final = 50_000
"""So much is kept; of more, as where a rule fires at every event, the latest are left out and counted."""


class Missed:
    """Of what the fold that is being made hears and decides, what nobody else hears: the rules that the `known` book does
    not decide, and the `journeys` (by name) that wait with them.

    What arrived before `since` (µs UTC) is the past, which is only learnt. `lost` counts what there was no room for.
    """

    def __init__(self, book: RuleBook, known: RuleBook, journeys: frozenset[str], since: int) -> None:
        decided = {(one.kind, one.name) for one in known.running}
        self._rules = {(one.kind, one.name) for one in book.running} - decided
        self._names = book.names if journeys else frozenset()
        self._journeys = journeys
        self._since = since
        self._kept: list[Told] = []
        self._gone: set[str] = set()
        self.lost = 0

    def note(self, told: Sequence[Told], arrived_at: int | None = None) -> None:
        """Look through what a call brought that arrived at this instant (None: as each event says)."""
        heard: dict[str, Heard] = {}
        kept: set[str] = set()
        for one in told:
            if isinstance(one, Heard):
                at = one.event.received_at if arrived_at is None else arrived_at
                if one.live and at >= self._since:
                    heard[one.event_id] = one
                    if ANY_EVENT in self._names or not one.happening.names.isdisjoint(self._names):
                        self._keep(one, kept)
            elif isinstance(one, Decided) and (one.decision.kind, one.decision.rule) in self._rules:
                cause = heard.get(one.decision.event_id)
                if cause is not None:
                    self._keep(cause, kept)
                if cause is not None or (not one.decision.event_id and one.decision.at >= self._since):
                    self._keep(one, kept)

    def clear(self) -> None:
        """It is learnt from the beginning again."""
        self._kept.clear()
        self.lost = 0

    def forget(self, ids: Collection[str]) -> None:
        """Nothing of these ids, which have their namespaces, is told any more."""
        self._gone.update(ids)

    def told(self, current: Callable[[str], str]) -> list[Told]:
        """All of it in its order, as told anew: calls of their numbers were heard long ago. `current` gives the key that a
        visitor goes by now."""
        found: list[Told] = []
        for one in self._kept:
            if is_of(one, self._gone):
                continue
            if isinstance(one, Heard):
                found.append(one._replace(seq=0, visitor=current(one.visitor), by=self._journeys))
            elif isinstance(one, Decided):
                found.append(Decided(0, replace(one.decision, visitor=current(one.decision.visitor))))
        return found

    def _keep(self, one: Heard | Decided, kept: set[str]) -> None:
        """Each event of a call once."""
        if isinstance(one, Heard):
            if one.event_id in kept:
                return
            kept.add(one.event_id)
        if len(self._kept) >= MOST:
            self.lost += 1
            return
        self._kept.append(one)
