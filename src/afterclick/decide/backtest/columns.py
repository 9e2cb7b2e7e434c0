"""The rows of a store as the tape reads them: what steps each serves, and columns of what sums and baskets are made of."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np

from afterclick.analyse.context import NO_BEHAVIOUR, Context
from afterclick.analyse.gathered import Gathered, gather
from afterclick.analyse.kernels import tape_state
from afterclick.analyse.kernels.compiled import pool
from afterclick.analyse.kernels.tape_order import order_calls
from afterclick.analyse.strips import Strip
from afterclick.core.arrays import frozen
from afterclick.core.condition import Condition
from afterclick.core.spans import Period
from afterclick.core.step import ANY_EVENT, Step
from afterclick.decide.backtest.joined import Joined, joined, roots
from afterclick.decide.backtest.owners import Owners, owners_of
from afterclick.decide.backtest.program import Program
from afterclick.decide.backtest.tapes import NotHere
from afterclick.decide.backtest.wide import NONE, Wide, field_of
from afterclick.store.columns import Flag
from afterclick.store.snapshot import Chunk

ALWAYS: Final = Period(-(2**62), 2**62)
SCANNED: Final = ("device", "at", "name", "flags")
_BITS: Final = {
    Flag.PAGE: tape_state.PAGE, Flag.ORDER: tape_state.ORDER, Flag.REFUND: tape_state.REFUND, Flag.CONTEXT: tape_state.CONTEXT,
    Flag.KNOWN: tape_state.KNOWN, Flag.CONTACT: tape_state.KNOWN,
}  # fmt: skip

class Rows(NamedTuple):
    """What `tape.fold_rules` is told of rows: gathered by `joined.label` and arrival, and columns by global row.

    A column that no rule asks for has one entry. `sets` are the tables of what each set of steps feeds.
    """

    gathered: Gathered
    owners: Owners
    happened: np.ndarray
    live: bool
    campaign: np.ndarray
    touch: np.ndarray
    amount: np.ndarray
    order: np.ndarray
    line: np.ndarray
    pieces: np.ndarray
    price: np.ndarray
    figures: np.ndarray
    sets: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]

    def folded(self) -> tuple[Any, ...]:
        """What the kernel takes, in its order."""
        gathered = self.gathered
        return (
            gathered.offsets, gathered.at, gathered.key, self.happened, self.campaign, self.touch, self.amount, self.order,
            self.line, self.pieces, self.price, self.figures, *self.owners[:4], *self.sets,
        )  # fmt: skip


def rows_of(context: Context, program: Program, arrival: np.ndarray | None, as_of: int, out: int) -> Rows:
    """The rows up to `as_of` (µs) without a flag of `out`; `arrival` by global row where any came by the wire.

    Raises NotHere where a column is not of the kind that the tape reads.
    """
    sets = _Sets(context, program)
    pool().submit(roots, context)
    chunks = context.snapshot.chunks((*SCANNED, "campaign"), None)
    symbols = pool().map(lambda chunk: sets.symbols(chunk, as_of, out), chunks)
    # Who may be one visitor is found beside that.
    one = joined(context)
    strips = []
    for chunk, (served, left) in zip(chunks, symbols, strict=True):
        symbol = frozen(_telling(chunk, served, left, one, as_of))
        when = chunk.columns["at"] if arrival is None else frozen(arrival[chunk.start : chunk.start + chunk.rows])
        strips.append(Strip(chunk.start, chunk.piece, chunk.columns["device"], when, symbol))
    gathered = gather(strips, replace(context.labels("raw", as_of), label=one.label), ALWAYS, context.ties)
    happened = None if arrival is None else frozen(context.column("at"))
    if happened is not None:
        gathered = _ordered(gathered, happened)
    wide = Wide(context, program, sets.rows_that)
    return Rows(
        gathered=gathered, owners=owners_of(context, one, gathered, happened, as_of),
        happened=NONE if happened is None else happened, live=happened is not None,
        campaign=frozen(context.column("campaign")), touch=frozen(context.column("touch")), amount=wide.amount(),
        order=wide.order(), **wide.basket(), figures=wide.figures(), sets=sets.tables(),
    )  # fmt: skip


def _telling(chunk: Chunk, symbol: np.ndarray, left: np.ndarray, ids: Joined, as_of: int) -> np.ndarray:
    """With what programs sent, which is no behaviour, but says all the same whose ids are one visitor's."""
    device = chunk.columns["device"][left]
    symbol[left[(device >= 0) & ids.several[device] & (chunk.columns["at"][left] <= as_of)]] = tape_state.KNOWN
    return symbol


def _ordered(gathered: Gathered, happened: np.ndarray) -> Gathered:
    """The events of one call as they happened."""
    key = gathered.key.copy()
    rows = len(key)
    given = gathered.offsets, gathered.at, key, happened
    for span in gathered.spans(order_calls.parts(rows)):
        order_calls(*given, *span, rows=rows)
    return replace(gathered, key=frozen(key))


class _Sets:
    """Which steps rows serve, as the numbers of the sets of steps that really occur."""

    def __init__(self, context: Context, program: Program) -> None:
        self.context = context
        self.program = program
        canonical, raw = context.names()
        self._plain = np.zeros(len(raw), np.uint64)
        self._tests: dict[int, np.ndarray] = {}
        for number, step in enumerate(program.steps):
            named = np.array([_is_called(step, {canonical[i], raw[i]}) for i in range(len(raw))], bool)
            if step.condition is None:
                self._plain[named] |= np.uint64(1 << number)
            else:
                self._tests[number] = named
        self._tested = np.zeros(len(raw), bool)
        for named in self._tests.values():
            self._tested |= named
        self._lock = threading.Lock()
        self.numbers: dict[int, int] = {0: 0}
        # Names whose steps depend on nothing else are told by one look-up.
        lut = [0 if self._tested[i] else self._number(int(bits)) for i, bits in enumerate(self._plain)]
        self._lut = np.array([*lut, 0], np.uint16)

    def _number(self, bits: int) -> int:
        with self._lock:
            number = self.numbers.setdefault(bits, len(self.numbers))
        if number > tape_state.SETS:
            raise NotHere("sets of steps")
        return number

    def symbols(self, chunk: Chunk, as_of: int, out: int) -> tuple[np.ndarray, np.ndarray]:
        """The symbol of each row, 0 where it does not count; uint16. And the places of those left out by a flag."""
        name, flags = chunk.columns["name"], chunk.columns["flags"]
        found = self._lut.take(name)
        found |= _flag_table().take(flags)
        found |= (chunk.columns["campaign"] != 0).astype(np.uint16) * np.uint16(tape_state.HAS_CAMPAIGN)
        if self._tests and self._tested.any():
            rows = np.flatnonzero(self._tested[name])
            found[rows] |= self._served(chunk, rows)
        left = np.flatnonzero(flags & out)
        found[left] = 0
        if self.context.snapshot.pieces[chunk.piece].last_at > as_of:
            found[chunk.columns["at"] > as_of] = 0
        return found, left

    def _served(self, chunk: Chunk, rows: np.ndarray) -> np.ndarray:
        name = chunk.columns["name"][rows]
        bits = self._plain[name]
        for number, named in self._tests.items():
            here = np.flatnonzero(named[name])
            condition = self.program.steps[number].condition
            assert condition is not None
            met = here[self._met(condition, chunk.start + rows[here])]
            bits[met] |= np.uint64(1 << number)
        distinct, place = np.unique(bits, return_inverse=True)
        return np.array([self._number(int(one)) for one in distinct], np.uint16)[place]

    def _met(self, condition: Condition, rows: np.ndarray) -> np.ndarray:
        found = {name: field_of(self.context, name, rows) for name in condition.fields}
        met: np.ndarray = condition.mask(found, len(rows))
        return met

    def tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Per set where its uses begin, the uses (term, places as bits), the rules asked (bits), what it does to baskets."""
        program, begins, uses = self.program, [0], []
        asked, basket = np.zeros(len(self.numbers), np.int64), np.zeros(len(self.numbers), np.int64)
        for bits, number in self.numbers.items():
            by_term: dict[int, int] = {}
            for step in _steps_in(bits):
                for term, place in program.uses.get(step, ()):
                    by_term[term] = by_term.get(term, 0) | 1 << place
                asked[number] |= program.asked.get(step, 0)
                basket[number] = _stronger(int(basket[number]), program.basket.get(step, 0))
            uses += sorted(by_term.items())
            begins.append(len(uses))
        table = np.array([*uses, (0, 0)], np.int64)
        return frozen(np.array(begins, np.int64)), frozen(table), frozen(asked), frozen(basket)

    def rows_that(self, wanted: Callable[[int], bool]) -> np.ndarray:
        """The global rows of events of which any step, by number, is wanted by their name alone."""
        bits = sum(1 << step for step in range(len(self.program.steps)) if wanted(step))
        named = (self._plain & np.uint64(bits)) != 0
        for number, names in self._tests.items():
            if wanted(number):
                named |= names
        chunks = self.context.snapshot.chunks(("name",))
        found = [chunk.start + np.flatnonzero(named[chunk.columns["name"]]) for chunk in chunks]
        return np.concatenate([np.zeros(0, np.int64), *found])


def _is_called(step: Step, names: set[str]) -> bool:
    return step.event in names or (step.event == ANY_EVENT and names.isdisjoint(NO_BEHAVIOUR))


@cache
def _flag_table() -> np.ndarray:
    """The bits of a symbol by the flags of a row."""
    flags = np.arange(1 << 16, dtype=np.uint32)
    found = np.full(len(flags), tape_state.PRESENT, np.uint16)
    for flag, bit in _BITS.items():
        found[(flags & int(flag)) != 0] |= bit
    found[(flags & int(Flag.SYSTEM)) == 0] |= tape_state.ACTS
    return found


def _steps_in(bits: int) -> list[int]:
    return [step for step in range(bits.bit_length()) if bits >> step & 1]


def _stronger(one: int, other: int) -> int:
    """An order clears, whatever else an event is called; what adds does not remove."""
    if tape_state.CLEARS in (one, other):
        return tape_state.CLEARS
    return min((act for act in (one, other) if act), default=0)
