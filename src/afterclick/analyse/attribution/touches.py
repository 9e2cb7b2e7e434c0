"""Touches as a relation: which messages, ads and visits reached each visitor, when, and by what name each is credited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple

import numpy as np

from afterclick.analyse.attribution.logged import CLICKED, OPENED, SENT, VIEWED, bits_of_names
from afterclick.analyse.attribution.names import Named, named
from afterclick.analyse.fields import touch_field
from afterclick.analyse.gathered import Gathered, gather
from afterclick.analyse.kernels import touch_marks
from afterclick.analyse.kernels.compiled import pool
from afterclick.analyse.scope import Scope
from afterclick.analyse.scratch import borrowed
from afterclick.analyse.sessions import Sessions, sessions_of
from afterclick.analyse.strips import Strip
from afterclick.core import spans
from afterclick.core.arrays import frozen
from afterclick.core.spans import Period
from afterclick.store.columns import TOUCH_DIRECT, TOUCH_INTERNAL, Flag
from afterclick.store.snapshot import Chunk

VISIT, ARRIVAL = 1 << 4, 1 << 5
"""Bits of a touch besides those of what was done: a visit's start, an arrival from outside."""

SAME_CLICK: Final = 5 * spans.MINUTE
"""A visit that comes by the channel of a logged click so soon after it is that click, and no second touch."""

_SCANNED: Final = ("device", "at", "name", "flags", "touch")
_LOGGED: Final = SENT | VIEWED | OPENED | CLICKED
_CAME: Final = VISIT | ARRIVAL


class Sought(NamedTuple):
    """Which touches: the actions that count, one per `touch_unit`, by what they are named, machines too or not, when."""

    actions: tuple[str, ...]
    touch_unit: str
    by: str
    machines: bool
    span: Period


@dataclass(frozen=True)
class Touches:
    """Visitor v owns the touches offsets[v] to offsets[v + 1], in (instant, event id) order; not all visitors need be there.

    at int64 µs, row int64 (global), value int32 (place in `names`; the last is `(none)`), marks uint8 (DIRECT and PRIOR of
    kernels.attribution), costed bool (a cost names it).
    """

    offsets: np.ndarray
    at: np.ndarray
    row: np.ndarray
    value: np.ndarray
    marks: np.ndarray
    costed: np.ndarray
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.at)

    @property
    def visitors(self) -> int:
        """Size of the label space."""
        return len(self.offsets) - 1

    def owners(self) -> np.ndarray:
        """The visitor of each touch, int32."""
        return np.repeat(np.arange(self.visitors, dtype=np.int32), np.diff(self.offsets))


def touches_of(scope: Scope, sought: Sought) -> Touches:
    """The touches of the span, kept in the context."""
    question = scope.question
    key = ("touches", sought, question.identity, scope.as_of, question.bots, scope.sessions_like.key)
    return scope.context.keep(key, lambda: _read(scope, sought))


def _read(scope: Scope, sought: Sought) -> Touches:
    return read_touches(scope, sought, _found(scope, sought))


def read_touches(scope: Scope, sought: Sought, found: Gathered, others: Sequence[str] = ()) -> Touches:
    """The touches among rows with the bits of a touch as their symbols; `others` are values that some have who are not here."""
    rows, bits = found.rows, found.symbols.astype(np.int64)
    touch = _touch(scope, rows, bits)
    logged = np.flatnonzero(bits & _LOGGED)
    known = named(scope, sought.by, rows, logged, touch, others)
    drop = _dropped(scope, sought, found, bits, logged, known)
    if not len(drop):
        return Touches(found.offsets, found.at, frozen(rows), frozen(known.value), frozen(known.marks),
                       frozen(known.costed), known.names)  # fmt: skip
    left = np.ones(len(bits), bool)
    left[drop] = False
    keep, offsets = np.flatnonzero(left), np.append(0, np.cumsum(left))[found.offsets]
    return Touches(
        offsets=frozen(offsets), at=frozen(found.at[keep]), row=frozen(rows[keep]), value=frozen(known.value[keep]),
        marks=frozen(known.marks[keep]), costed=frozen(known.costed[keep]), names=known.names,
    )  # fmt: skip


def _found(scope: Scope, sought: Sought) -> Gathered:
    """The rows that may be touches, the symbol made of the bits above."""
    context, period = scope.context, Period(sought.span.start, min(sought.span.end, scope.as_of + 1))
    bots = int(Flag.BOT) if scope.question.bots == "out" else 0
    table = bits_of_names(scope, sought.actions)
    symbols = np.zeros(context.snapshot.rows, np.uint16)
    arrival = ARRIVAL if "clicked" in sought.actions and sought.touch_unit == "event" else 0

    def mark(chunk: Chunk) -> None:
        columns = (chunk.columns[name] for name in ("name", "flags", "touch"))
        here = symbols[chunk.start : chunk.start + chunk.rows]
        touch_marks.mark_touches(*columns, table, bots, sought.machines, arrival, here, rows=chunk.rows)
        context.snapshot.let_go(_SCANNED, chunk.start, chunk.rows)

    chunks = context.snapshot.chunks(_SCANNED, period)
    visits = _visits(scope, sought)
    if arrival or table.any():
        list(pool().map(mark, chunks))
    symbols[visits] |= VISIT
    given = frozen(symbols)

    def strip(chunk: Chunk) -> Strip:
        piece, symbol = context.snapshot.pieces[chunk.piece], given[chunk.start : chunk.start + chunk.rows]
        device, at = chunk.columns["device"], chunk.columns["at"]
        return Strip(chunk.start, chunk.piece, device, at, symbol, piece.first_at, piece.last_at)

    let_go = partial(context.snapshot.let_go, _SCANNED)
    return gather([strip(chunk) for chunk in chunks], scope.labels, period, context.ties, let_go)


def _visits(scope: Scope, sought: Sought) -> np.ndarray:
    """Global rows with which the visits begin that count: all with a channel, or those from outside."""
    if not ("visited" in sought.actions or "clicked" in sought.actions and sought.touch_unit != "event"):
        return np.zeros(0, np.int64)
    sessions = sessions_of(scope.context, scope.sessions_like, scope.as_of)
    least = TOUCH_DIRECT if "visited" in sought.actions else TOUCH_INTERNAL + 1
    rows: np.ndarray = sessions.rows.rows_at(_begins(sessions)[sessions.touch >= least])
    return rows


def _begins(sessions: Sessions) -> np.ndarray:
    """The gathered row with which each visit begins: its first page; an ad shown or clicked before it is a touch itself."""
    return np.where(sessions.landing >= 0, sessions.landing, sessions.first)


def _touch(scope: Scope, rows: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """The code of each row in the book `touch`, of a visit its session's; int32."""
    snapshot = scope.context.snapshot
    touch = snapshot.take("touch", rows)
    began = np.flatnonzero(bits & VISIT)
    if len(began):
        sessions = sessions_of(scope.context, scope.sessions_like, scope.as_of)
        with borrowed(snapshot.rows, np.int32) as of_row:
            # Only rows with which a visit begins are written, and only such are read.
            of_row[sessions.rows.rows_at(_begins(sessions))] = sessions.touch
            touch[began] = of_row[rows[began]]
    return touch


def _dropped(
    scope: Scope, sought: Sought, found: Gathered, bits: np.ndarray, logged: np.ndarray, known: Named
) -> np.ndarray:
    """Places of rows that are no touches of their own, some twice: one is per message and action (or message), clicks each."""
    kind = bits[logged]
    once = kind & (SENT | VIEWED | OPENED) if sought.touch_unit != "message" else np.ones(len(kind), np.int64)
    said = np.flatnonzero((once != 0) & (known.message >= 0))
    owners = np.searchsorted(found.offsets, logged[said], side="right") - 1
    first = np.unique(np.stack([owners, once[said], known.message[said]]), axis=1, return_index=True)[1]
    again = np.delete(logged[said], first)
    clicks = np.flatnonzero(kind & CLICKED) if "clicked" in sought.actions else again[:0]
    if not len(clicks):
        return again
    return np.concatenate([again, _echoes(scope, found, bits, logged[clicks], known.channel[clicks], known)])


def _echoes(
    scope: Scope, found: Gathered, bits: np.ndarray, clicks: np.ndarray, channel: np.ndarray, known: Named
) -> np.ndarray:
    """Places of arrivals that are what became of the logged click right before them: soon after it, by its channel."""
    lookup, texts = touch_field(scope.context, "channel")
    place = {text: code for code, text in enumerate(texts)}
    wanted = np.array([*(place.get(text, -2) for text in known.channels), -2], np.int64)[channel]
    end = found.offsets[np.searchsorted(found.offsets, clicks, side="right")]
    echoes = [clicks[:0]]
    row = clicks + 1
    while len(row):
        on = np.flatnonzero(row < end)
        on = on[(bits[row[on]] & CLICKED == 0) & (found.at[row[on]] - found.at[clicks[on]] <= SAME_CLICK)]
        row, clicks, wanted, end = row[on], clicks[on], wanted[on], end[on]
        came = (bits[row] & _CAME != 0) & (bits[row] & _LOGGED == 0)
        echoes.append(row[came & (np.append(lookup, -1)[known.touch[row]] == wanted)])
        row = row + 1
    return np.concatenate(echoes)
