"""Rules over a store's history: by the tape, and event by event through the engine what the tape does not know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np

from afterclick.analyse.context import Context
from afterclick.analyse.gathered import even
from afterclick.analyse.kernels import tape
from afterclick.analyse.kernels.compiled import pool
from afterclick.analyse.kernels.tape_owners import note_ids
from afterclick.core.arrays import frozen
from afterclick.core.spans import Period
from afterclick.decide.backtest import exact
from afterclick.decide.backtest.arriving import arrivals
from afterclick.decide.backtest.columns import Rows, rows_of
from afterclick.decide.backtest.joined import joined, of_any, roots
from afterclick.decide.backtest.program import Program, program_of
from afterclick.decide.backtest.saying import sayer
from afterclick.decide.backtest.tapes import NotHere
from afterclick.decide.backtest.tested import switched_on
from afterclick.decide.reading import FUTURE, EventReader, setting_of
from afterclick.decide.rules.book import RuleBook
from afterclick.store.automations import LiveRule
from afterclick.store.columns import Flag
from afterclick.store.snapshot import Chunk

Progress = Callable[[int, int], None]
BOTS: Final = int(Flag.BOT)
_ROOM: Final = 1_024


class Firings(NamedTuple):
    """One row per firing, by (instant, visitor, rule): visitor int32 (code in book `id` of the visitor's first id), rule
    int32 (place in `rules`), at int64 (µs), row int64 (the visitor's latest event then, global), timed bool (by time alone).

    `by_tape` and `by_engine` are the visitors each way has run, of those alone of whom anything can fire; `why` is why the
    tape ran none, "" where it did.
    """

    visitor: np.ndarray
    rule: np.ndarray
    at: np.ndarray
    row: np.ndarray
    timed: np.ndarray
    rules: tuple[LiveRule, ...]
    by_tape: int
    by_engine: int
    why: str


def book_of(context: Context, rules: Sequence[LiveRule], since: int) -> RuleBook:
    """The rules as if all had been switched on at an instant (µs)."""
    on = [switched_on(rule, since) for rule in rules]
    return RuleBook.compile(on, definitions=context.snapshot.definitions)


class History:
    """Rules of a book over all history up to `as_of`, which fire inside a period.

    `only` is "tape" or "engine" where one way alone is wanted of those who can go it: both give the same.
    """

    def __init__(self, context: Context, book: RuleBook, period: Period, as_of: int, *, only: str = "") -> None:
        self.context, self.book, self.period, self.as_of, self.only = context, book, period, as_of, only
        self.why = ""
        self._program: Program | None = None
        self._rows: Rows | None = None
        self._exact: dict[tuple[int, int, int], str] = {}

    def firings(self, progress: Progress | None = None) -> Firings:
        """All firings."""
        context = self.context
        apart = np.ones(context.snapshot.book("id").size, bool)
        found = [np.zeros((0, 5), np.int64)]
        by_tape = by_engine = 0
        if self.book.running and self.only != "engine":
            try:
                told, by_tape, apart = self._taped()
                found.append(told)
            except NotHere as reason:
                self.why = str(reason) or "terms"
        if self.only != "tape" and self.book.running and apart.any() and (apart := apart & self._may_fire()).any():
            ran = exact.run(context, self.book, apart, self.period, self.as_of, progress)
            by_engine, self._exact = ran.visitors, ran.values
            found.append(ran.firings)
        whole = np.concatenate(found)
        whole = whole[_order(whole)]
        return Firings(
            visitor=whole[:, 0].astype(np.int32), rule=whole[:, 1].astype(np.int32), at=whole[:, 2], row=whole[:, 3],
            timed=whole[:, 4] != 0, rules=tuple(one.rule for one in self.book.running), by_tape=by_tape, by_engine=by_engine,
            why=self.why,
        )  # fmt: skip

    def _may_fire(self) -> np.ndarray:
        """Per id whether anything happens to its visitor from the beginning of the period on; all, where time alone fires."""
        size = self.context.snapshot.book("id").size
        if self.book.wakes:
            return np.ones(size, bool)
        arrival, snapshot = arrivals(self.context), self.context.snapshot
        met = np.zeros(size + 1, bool)

        def note(chunk: Chunk) -> None:
            at = chunk.columns["at"]
            when = at if arrival is None else frozen(np.maximum(at, arrival[chunk.start : chunk.start + chunk.rows]))
            note_ids(chunk.columns["device"], when, self.period.start, met, rows=snapshot.rows)

        list(pool().map(note, snapshot.chunks(("device", "at"), None)))
        return of_any(roots(self.context), np.flatnonzero(met[:-1]))

    def values(self, visitor: np.ndarray, rule: np.ndarray, at: np.ndarray) -> list[str]:
        """What the terms of these firings were then, as text; "" where the engine had gone on by then."""
        texts = dict(self._exact)
        if self._program is not None and self._rows is not None:
            sizes, label = np.diff(self._rows.gathered.offsets), joined(self.context).label[visitor]
            chosen = np.unique(label[(sizes[label] > 0) & ~self._left[label]]).astype(np.int32)
            out, told = self._fold(chosen, values=True)
            out[:, 1] = self._program.numbers[out[:, 1]]
            shown = sayer(self.book, self.context.touches())
            wanted = set(zip(visitor.tolist(), rule.tolist(), at.tolist(), strict=True))
            for row, values in zip(out.tolist(), told.tolist(), strict=True):
                key = row[0], row[1], row[2]
                if key in wanted and key not in texts:
                    texts[key] = shown(row[1], values)
        keys = zip(visitor.tolist(), rule.tolist(), at.tolist(), strict=True)
        return [texts.get(key, "") for key in keys]

    def _taped(self) -> tuple[np.ndarray, int, np.ndarray]:
        """(firings (n, 5), visitors, the ids of those of whom the tape has no room or a person has linked)."""
        context = self.context
        self._program = program_of(self.book, context.touches())
        self._rows = rows_of(context, self._program, arrivals(context), self.as_of, BOTS)
        ids, owners = joined(context), self._rows.owners
        self._left = ids.by_hand | owners.crowded
        offsets, at = self._rows.gathered.offsets, self._rows.gathered.at
        chosen = np.flatnonzero((np.diff(offsets) > 0) & ~self._left).astype(np.int32)
        # What nothing happens to any more before the period begins, nothing can fire for in it.
        chosen = chosen[at[offsets[chosen + 1] - 1] >= self.period.start - FUTURE - self._program.reach]
        self._beyond = np.zeros(len(self._left), np.uint8)
        whole, _ = self._fold(chosen)
        whole = whole[(whole[:, 2] >= self.period.start) & (whole[:, 2] < self.period.end)]
        whole[:, 1] = self._program.numbers[whole[:, 1]]
        done = chosen[self._beyond[chosen] == 0]
        visitors = np.where(owners.base[done] >= 0, owners.visitors[done], 1)
        self._left |= self._beyond.astype(bool)
        return whole, int(visitors.sum()), self._left[ids.label]

    def _fold(self, chosen: np.ndarray, *, values: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Firings of these visitors, and the values of all terms beside each of them if they are wanted."""
        assert self._program is not None
        assert self._rows is not None
        program, rows = self._program, self._rows
        edges = np.append(0, np.cumsum(np.diff(rows.gathered.offsets)[chosen]))
        total = int(edges[-1])
        given = *rows.folded(), *program.tables(), frozen(chosen)
        rest = int(rows.live), self._timeout, -(-self.period.start // 1000) * 1000, self.as_of, self._beyond

        def fold(span: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
            room = int(edges[span[1]] - edges[span[0]]) // 8 + _ROOM
            while True:
                out = np.empty((room, 5), np.int64)
                told = np.empty((room if values else 0, len(program.terms)), np.int64)
                count = int(tape.fold_rules(*given, *span, *rest, out, told, rows=total))
                if count <= room:
                    return out[:count], told[:count]
                room = count

        parts = list(pool().map(fold, even(edges, total, tape.fold_rules.parts(total)))) if total else []
        none = np.zeros((0, 5), np.int64), np.zeros((0, len(program.terms)), np.int64)
        return np.concatenate([none[0], *(out for out, _ in parts)]), np.concatenate([none[1], *(told for _, told in parts)])

    @property
    def _timeout(self) -> int:
        definitions = self.context.snapshot.definitions
        return setting_of(EventReader(definitions), definitions).timeout


def _order(firings: np.ndarray) -> np.ndarray:
    """By instant, visitor and rule, else as they came. By instant alone is several times as fast, and few share one."""
    at = np.ascontiguousarray(firings[:, 2])
    order: np.ndarray = np.argsort(at)
    same = np.flatnonzero(np.diff(at[order]) == 0)
    tied = np.union1d(same, same + 1)
    part = np.sort(order[tied])
    order[tied] = part[np.lexsort((firings[part, 1], firings[part, 0], at[part]))]
    return order


def run(
    context: Context, book: RuleBook, period: Period, as_of: int, *, only: str = "", progress: Progress | None = None
) -> Firings:
    """The firings inside a period of the rules of a book; see `History`."""
    return History(context, book, period, as_of, only=only).firings(progress)
