"""Rules over history by the very fold that decides live: event by event as they arrived, time between them included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from afterclick.analyse.context import Context
from afterclick.core.spans import Period
from afterclick.decide.backtest.arriving import Arriving
from afterclick.decide.backtest.saying import said
from afterclick.decide.decision import Decision
from afterclick.decide.fold import Fold
from afterclick.decide.learning import withdrawn
from afterclick.decide.people import People
from afterclick.decide.rules.book import RuleBook
from afterclick.decide.told import Decided, Heard, Merged, Told

_ALL: Final = 1 << 62
_TELL: Final = 1_000
FIRST: Final = 1_000
"""Firings whose values are told."""

Hear = Callable[[list[Told], Fold], None]


class Ran(NamedTuple):
    """firings (n, 5) as `tape.fold_rules` writes them; how many visitors; of the first firings what the terms were, by
    (visitor, rule, instant)."""

    firings: np.ndarray
    visitors: int
    values: dict[tuple[int, int, int], str]


def run(
    context: Context, book: RuleBook, ids: np.ndarray, period: Period, as_of: int,
    progress: Callable[[int, int], None] | None = None, hear: Hear | None = None,
) -> Ran:  # fmt: skip
    """The visitors with any of these ids (bool by code). `hear` is told what each event brought, before the next one."""
    fold = fold_of(context, book)
    found = _Found(context, fold, period)
    arriving = Arriving(context, rows_of(context, ids, as_of))
    for done, (row, one) in enumerate(arriving.told(), 1):
        told: list[Told] = []
        fold.event(one.event, one.source, one.arrival, told, seq=0, live=True, stored=one.stored)
        found.take(told, row)
        if hear is not None:
            hear(told, fold)
        if progress is not None and done % _TELL == 0:
            progress(done, arriving.rows)
    last: list[Told] = [Decided(0, one) for one in fold.tick(as_of, _ALL)]
    found.take(last, -1)
    if hear is not None:
        hear(last, fold)
    if progress is not None:
        progress(arriving.rows, arriving.rows)
    return found.ran()


def fold_of(context: Context, book: RuleBook) -> Fold:
    """A fold that has learnt nothing yet, as a server would begin with it."""
    definitions = context.snapshot.definitions
    people = People(cap=definitions.id_cap, denied=definitions.deny_ids, withdrawn=withdrawn(context.snapshot))
    return Fold(book, definitions, people=people)


def rows_of(context: Context, ids: np.ndarray, as_of: int) -> np.ndarray:
    """The global rows up to `as_of` of these ids, and of what links or parts ids by hand; int64, ascending."""
    by_hand = np.zeros(len(context.names()[0]) + 1, bool)
    for event in ("Linked", "Unlinked"):
        by_hand[context.name_codes(event)] = True
    found = []
    for chunk in context.snapshot.chunks(("device", "at", "name"), None):
        device, at = chunk.columns["device"], chunk.columns["at"]
        mine = ids[np.maximum(device, 0)] & (device >= 0)
        found.append(chunk.start + np.flatnonzero((mine | by_hand[chunk.columns["name"]]) & (at <= as_of)))
    return np.concatenate([np.zeros(0, np.int64), *found])


class _Found:
    """Firings as they are decided, and each visitor's latest row."""

    def __init__(self, context: Context, fold: Fold, period: Period) -> None:
        self._ids = context.snapshot.book("id")
        self._fold = fold
        self._period = period
        book = fold.engine.book
        self._places = {one.name: one.number for one in book.running}
        self._texts = {one.name: one.rule.when for one in book.running}
        self._row: dict[str, int] = {}
        self._decided: list[tuple[Decision, int]] = []
        self._values: list[str] = []

    def take(self, told: list[Told], row: int) -> None:
        heard = [one.visitor for one in told if isinstance(one, Heard)]
        for one in told:
            match one:
                case Merged():
                    self._row[one.into] = max(self._row.get(one.into, -1), self._row.pop(one.gone, -1))
                case Decided(decision=decision) if self._period.start <= decision.at < self._period.end:
                    # Time comes up to an event before the event itself counts.
                    self._decided.append((decision, row if decision.event_id else self._row.get(decision.visitor, -1)))
                    if len(self._values) < FIRST:
                        self._values.append(self._told(decision) if decision.event_id else "")
        self._row.update((visitor, row) for visitor in heard)

    def _told(self, decision: Decision) -> str:
        memory = self._fold.memories.get(decision.visitor)
        if memory is None:
            return ""
        return said(self._fold.engine.values(memory, self._texts[decision.rule], decision.at))

    def ran(self) -> Ran:
        keys = sorted({one.visitor for one, _ in self._decided})
        codes: dict[str, int] = {}
        if keys:
            codes = dict(zip(keys, self._ids.codes(pa.array(keys)).tolist(), strict=True))
        rows = [
            (codes[one.visitor], self._places[one.rule], one.at, row, int(not one.event_id)) for one, row in self._decided
        ]
        values = {row[:3]: value for row, value in zip(rows, self._values, strict=False)}
        return Ran(np.array(rows, np.int64).reshape(-1, 5), len(self._fold.memories), values)
