"""The rows a chain of steps is chased over: those that serve a step, and what an exclusion or strict order needs."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from afterclick.analyse.gathered import Gathered, gather
from afterclick.analyse.kernels import funnel as plain
from afterclick.analyse.kernels import narrow
from afterclick.analyse.kernels.compiled import pool
from afterclick.analyse.kernels.funnel_attempt import STRICT
from afterclick.analyse.scope import Scope
from afterclick.analyse.scratch import borrowed
from afterclick.analyse.strips import Coded, Strip
from afterclick.analyse.symbols import Symbols
from afterclick.core.arrays import frozen
from afterclick.core.spans import Period
from afterclick.core.step import ANY_EVENT, Step

if TYPE_CHECKING:
    from afterclick.analyse.attempts import Chain

_SCANNED = ("device", "at", "name", "flags")


def columns_of(chain: Chain) -> tuple[Step, ...]:
    """The columns of a chain's kernel: required steps, optional ones, exclusions, and in strict order any behaviour."""
    any_behaviour = (Step(event=ANY_EVENT),) if chain.order == STRICT else ()
    listed = tuple(chain.steps[place] for place in chain.required + chain.optional)
    return listed + tuple(one.step for one in chain.without) + any_behaviour


def rows_of(scope: Scope, chain: Chain, period: Period) -> tuple[Gathered, Symbols]:
    """The rows that serve a column, from the earliest that may count to the end of the last window."""
    paths = ["steps"] * len(chain.steps) + ["without"] * len(chain.without)
    symbols = Symbols(scope, columns_of(chain), paths=paths)
    slack = chain.tolerance
    reach = chain.within * (len(chain.required) if chain.from_previous else 1)
    end = period.end if chain.clipped else period.end + reach + slack
    wanted = Period(period.start - slack, min(end, scope.as_of + 1))
    strips = [symbols.strip(chunk) for chunk in scope.context.snapshot.chunks(_SCANNED, wanted)]
    with ExitStack() as room:
        # A tolerance lets an event between two steps change sides with them; slices may hold rows of several visitors.
        if chain.order == STRICT and not chain.tolerance and not chain.sliced:
            horizon = min(scope.as_of, period.end - 1) if chain.clipped else scope.as_of
            strips = _narrowed(strips, scope, chain, symbols.match, horizon - chain.within, room)
        let_go = partial(scope.context.snapshot.let_go, _SCANNED)
        return gather(strips, scope.labels, wanted, scope.context.ties, let_go), symbols


def _narrowed(
    strips: list[Strip], scope: Scope, chain: Chain, match: np.ndarray, since: int, room: ExitStack
) -> list[Strip]:
    """The strips without rows that can end no attempt in strict order; their symbols are borrowed for as long as `room`.

    An attempt is ended by the first row between steps after each step. And where visitors are counted, those who take
    step 1 at most, and none after `since`, reach it whatever lies between, and nothing of theirs is open.
    """
    rows = sum(len(strip.device) for strip in strips)
    if narrow.keep_rows.runs_plain(rows) or narrow.mark_movers.runs_plain(rows):
        return strips
    kinds = _kinds(match.reshape(-1, len(columns_of(chain))).astype(bool), len(chain.required))
    label, coded = scope.labels.label, [_coded(strip) for strip in strips]
    movers = np.zeros(len(label), np.uint8)
    # Whose rows stand on a shared device is not looked up here: all who logged in on one may move.
    movers[scope.labels.shared_label if chain.entry != plain.ATTEMPTS else slice(None)] = 1

    def mark(strip: Strip, symbol: Coded) -> None:
        of_code = kinds[symbol.lut]
        if strip.last_at <= since:
            of_code = np.where(of_code == narrow.STARTS, narrow.NOTHING, of_code).astype(np.uint8)
        known = (strip.device, strip.at, symbol.code, frozen(of_code), symbol.flags, symbol.out)
        narrow.mark_movers.fast()(*known, since, label, movers)

    if chain.entry != plain.ATTEMPTS:
        list(pool().map(mark, strips, coded))
    about, shared = _about(label, movers), _shared_days(scope)

    def keep(strip: Strip, symbol: Coded, kept: np.ndarray) -> Strip:
        of_code = kinds[symbol.lut]
        first_lut = np.where(of_code >= narrow.STARTS, symbol.lut, 0).astype(np.uint16)
        luts = (frozen(of_code), symbol.lut, frozen(first_lut))
        known = (strip.device, strip.at, symbol.code, *luts, symbol.flags, symbol.out, about)
        narrow.keep_rows.fast()(*known, *_days(scope, strip, shared), kept)
        return strip._replace(symbol=frozen(kept))

    kept = [room.enter_context(borrowed(len(strip.device), np.uint16)) for strip in strips]
    return list(pool().map(keep, strips, coded, kept))


def _kinds(table: np.ndarray, required: int) -> np.ndarray:
    """What each symbol's rows are to `narrow`; `table` says which columns a symbol serves, the last is any behaviour."""
    kinds = np.where(table[:, -1], narrow.BETWEEN, narrow.NOTHING)
    kinds[table[:, 2:required].any(axis=1)] = narrow.LATER
    kinds[table[:, 0]] = narrow.STARTS
    kinds[table[:, 1] | table[:, required:-1].any(axis=1)] = narrow.MOVES
    return kinds.astype(np.uint8)


def _about(label: np.ndarray, movers: np.ndarray) -> np.ndarray:
    """MOVER and ALONE of each device, uint8; a visitor is labelled by the smallest of its devices."""
    codes = np.arange(len(label), dtype=label.dtype)
    further = np.flatnonzero(label != codes)
    alone, moves = label == codes, movers.astype(bool)
    alone[label[further]] = False
    moves[further] = (label[further] < 0) | moves[label[further]]
    # The label of a shared device points elsewhere than at a visitor.
    found = (moves * np.uint8(narrow.MOVER)) | (alone * np.uint8(narrow.ALONE))
    return frozen(found.astype(np.uint8))


def _shared_days(scope: Scope) -> np.ndarray:
    """UTC days (since 1970) of which more than one piece has rows."""
    days = [piece.days for piece in scope.context.snapshot.pieces]
    found, counts = np.unique(np.concatenate(days) if days else np.zeros(0, np.int64), return_counts=True)
    return found[counts > 1]


def _days(scope: Scope, strip: Strip, shared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the days of a strip end, counted from its first row, and which are of its piece alone (uint8)."""
    snapshot = scope.context.snapshot
    piece = snapshot.pieces[strip.piece]
    first = strip.start - int(snapshot.starts[strip.piece])
    ends = np.asarray(piece.offsets[1:], np.int64) - first
    return frozen(ends), frozen((~np.isin(piece.days, shared)).astype(np.uint8))


def _coded(strip: Strip) -> Coded:
    """The symbols of a strip as codes to look up, where they have been looked up already too."""
    if isinstance(strip.symbol, Coded):
        return strip.symbol
    symbols = strip.symbols()
    lut = np.arange(int(symbols.max(initial=0)) + 1, dtype=np.uint16)
    no_flags = frozen(np.zeros(len(symbols), np.uint16))
    return Coded(frozen(symbols.astype(np.int32)), frozen(lut), no_flags, 0)


def openers(scope: Scope, chain: Chain, rows: Gathered) -> np.ndarray:
    """Which rows may open an attempt, uint8; empty where every row may."""
    if chain.first == "any":
        return frozen(np.zeros(0, np.uint8))
    step = chain.steps[0]
    alone = Step(event=step.event, condition=None if chain.first == "ever" else step.condition)
    question = scope.question
    asked = (question.where, question.bots, question.identity, scope.as_of, scope.sessions_like.key)
    first = scope.context.keep(("first", alone.text(), *asked), lambda: _first_rows(scope, alone))
    return frozen(np.isin(rows.rows, first).astype(np.uint8))


def _first_rows(scope: Scope, step: Step) -> np.ndarray:
    """The global row of each visitor's first such event in all history, int64."""
    symbols = Symbols(scope, (step,))
    strips = [symbols.strip(chunk) for chunk in scope.context.snapshot.chunks(_SCANNED, None)]
    known = Period(-(2**62), scope.as_of + 1)
    rows = gather(strips, scope.labels, known, scope.context.ties)
    return rows.rows_at(rows.offsets[:-1][np.diff(rows.offsets) > 0])
