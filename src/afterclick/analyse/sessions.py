"""Sessions as a relation: one row per session of every visitor, cut by the options of the question."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Final

import numpy as np

from afterclick.analyse import spells
from afterclick.analyse.brought import Brought
from afterclick.analyse.context import Context
from afterclick.analyse.fields import touch_field
from afterclick.analyse.gathered import Gathered, gather
from afterclick.analyse.kernels import sessions as kernels
from afterclick.analyse.kernels.compiled import pool
from afterclick.analyse.kernels.spells import cut_spells
from afterclick.analyse.question import SessionQuestion
from afterclick.analyse.spell_rows import CAMPAIGN, COLUMNS
from afterclick.analyse.strips import Flagged, Strip
from afterclick.core import spans
from afterclick.core.arrays import frozen
from afterclick.core.spans import Period
from afterclick.store.columns import TOUCH_DIRECT, TOUCH_INTERNAL, Flag

LEFT_OUT: Final = 128
"""The mark of a row that does not count, whatever other marks it has."""

_NO_MARKS: Final = frozen(np.zeros(1, np.uint8))
_NO_CAMPAIGNS: Final = frozen(np.zeros(0, np.int64))


@dataclass(frozen=True)
class Sessions:
    """Sessions in the order of (visitor, start); `rows` are the gathered behavioural rows they were cut from.

    The rows of large stores are brought together when they are first asked for, `events` tells how many a session has.
    visitor int32, first int64 (gathered row), start_at and end_at int64 µs, events, pages, qualifying, orders int32,
    touch int32 (book `touch`; the visit's channel, resolved: never internal; -1 without page context), landing and
    exit_page int64 gathered rows (-1 none).
    """

    brought: Brought
    visitor: np.ndarray
    first: np.ndarray
    start_at: np.ndarray
    end_at: np.ndarray
    events: np.ndarray
    pages: np.ndarray
    qualifying: np.ndarray
    orders: np.ndarray
    touch: np.ndarray
    landing: np.ndarray
    exit_page: np.ndarray

    def __len__(self) -> int:
        return len(self.visitor)

    @property
    def rows(self) -> Gathered:
        """The gathered rows."""
        return self.brought.rows

    @cached_property
    def last_at(self) -> np.ndarray:
        """The instant of each session's last row; a server's sale is one, though it does not extend the session."""
        ends = np.append(self.first[1:], len(self.rows.at))
        return self.rows.at[ends - 1] if len(self) else np.zeros(0, np.int64)

    def of_row(self, gathered_row: np.ndarray) -> np.ndarray:
        """The session that holds each gathered row."""
        return np.searchsorted(self.first, gathered_row, side="right") - 1


def sessions_of(context: Context, question: SessionQuestion, as_of: int) -> Sessions:
    """The sessions of all history up to `as_of`, kept in the context by what can change them."""
    key = (
        "sessions", question.identity, question.bots, as_of, question.timeout, question.max_length,
        question.new_on_campaign, question.new_on_referrer, question.new_on_midnight, question.session_source,
    )  # fmt: skip
    return context.keep(key, lambda: _cut(context, question, as_of))


def behaviour(context: Context, identity: str, bots: str, as_of: int) -> Gathered:
    """Every behavioural row of every visitor up to `as_of`; the symbol is made of flags, see `Flagged`."""
    key = ("behaviour", identity, bots, as_of)
    return context.keep(key, lambda: Brought(lambda: flagged_rows(context, identity, bots, as_of))).rows


def flagged_rows(context: Context, identity: str, bots: str, as_of: int, marks: np.ndarray | None = None) -> Gathered:
    """The behavioural rows of every visitor up to `as_of`, the symbol as in `behaviour`.

    With `marks` (uint8 per global row) also system rows that have any, and no row that has LEFT_OUT.
    """
    known = Period(-(2**62), as_of + 1)
    return gather(_strips(context, bots, marks), context.labels(identity, as_of), known, context.ties)


def _strips(context: Context, bots: str, marks: np.ndarray | None = None, campaigns: bool = True) -> list[Strip]:
    strips = []
    for chunk in context.snapshot.chunks((*COLUMNS, CAMPAIGN) if campaigns else COLUMNS, None):
        device, at, flags, touch = (chunk.columns[name] for name in COLUMNS)
        campaign = chunk.columns[CAMPAIGN] if campaigns else _NO_CAMPAIGNS
        bits = _NO_MARKS if marks is None else marks[chunk.start : chunk.start + chunk.rows]
        out = int(Flag.BOT) if bots == "out" else 0
        piece = context.snapshot.pieces[chunk.piece]
        symbol = Flagged(flags, campaign, touch, bits, int(Flag.SYSTEM), LEFT_OUT, out)
        strips.append(Strip(chunk.start, chunk.piece, device, at, symbol, piece.first_at, piece.last_at))
    return strips


def _cut(context: Context, question: SessionQuestion, as_of: int) -> Sessions:
    rows = context.snapshot.rows
    if question.session_source == "sdk" or not rows or cut_spells.runs_plain(rows):
        return _cut_rows(context, question, as_of)
    known = np.array([context.snapshot.first_at, context.snapshot.last_at])
    options = spells.Options(
        spans.micros(question.timeout),
        spans.micros(question.max_length) if question.max_length else 0,
        question.new_on_campaign == "on",
        question.new_on_referrer == "on",
        _midnights(context, known) if question.new_on_midnight == "on" else frozen(np.zeros(0, np.int64)),
        frozen(touch_field(context, "source")[0]),
    )
    labels = context.labels(question.identity, as_of)
    strips = _strips(context, question.bots, campaigns=options.on_campaign)
    found = spells.cut(context, strips, labels, as_of, options)
    # Whoever asks for the rows next has them from here, or all have those that are there.
    kept = context.keep(("behaviour", question.identity, question.bots, as_of), lambda: found.rows)
    return Sessions(brought=kept, **found.columns)


def _cut_rows(context: Context, question: SessionQuestion, as_of: int) -> Sessions:
    """The same from rows brought together, which few rows are soon, and codes of the SDK need."""
    rows = behaviour(context, question.identity, question.bots, as_of)
    starts = np.zeros(len(rows.at), np.uint8)
    touch = context.column("touch")
    options = (
        spans.micros(question.timeout),
        spans.micros(question.max_length) if question.max_length else 0,
        question.new_on_campaign == "on",
        question.new_on_referrer == "on",
        question.session_source == "sdk",
    )
    columns = (
        touch,
        context.column("campaign"),
        context.column("session") if question.session_source == "sdk" else frozen(np.zeros(0, np.int32)),
        frozen(touch_field(context, "source")[0]),
        _midnights(context, rows.at) if question.new_on_midnight == "on" else frozen(np.zeros(0, np.int64)),
    )
    cuts = rows.spans(kernels.mark_sessions.parts(len(rows.at)))

    def mark(span: tuple[int, int]) -> int:
        return int(
            kernels.mark_sessions(rows.offsets, rows.at, rows.key, *columns, *span, *options, starts, rows=len(rows.at))
        )

    bases = np.concatenate([[0], np.cumsum([0, *pool().map(mark, cuts)])[1:]]).astype(np.int64)
    count = int(bases[-1])
    wide = {name: np.zeros(count, np.int64) for name in ("first", "start_at", "end_at", "landing", "exit_page")}
    narrow = {
        name: np.zeros(count, np.int32) for name in ("visitor", "events", "pages", "qualifying", "orders", "touch")
    }
    out: dict[str, np.ndarray] = {**wide, **narrow}
    marked = frozen(starts)

    def describe(span: tuple[int, int], base: int) -> None:
        kernels.describe_sessions(
            rows.offsets, rows.at, rows.key, touch, marked, *span, int(base),
            out["visitor"], out["first"], out["start_at"], out["end_at"], out["events"], out["pages"],
            out["qualifying"], out["orders"], out["touch"], out["landing"], out["exit_page"], rows=len(rows.at),
        )  # fmt: skip

    list(pool().map(describe, cuts, bases[:-1]))
    out["touch"] = _continued(out["visitor"], out["touch"])
    return Sessions(brought=Brought(lambda: rows), **{name: frozen(values) for name, values in out.items()})


def _continued(visitor: np.ndarray, touch: np.ndarray) -> np.ndarray:
    """A visit that began inside (own domain, payment page) goes on with the visitor's last channel, else direct."""
    inside = touch == TOUCH_INTERNAL
    # The last visit up to each one that did not begin inside.
    last = np.maximum.accumulate(np.where(inside, -1, np.arange(len(touch))))
    found, begun = touch.astype(np.int32), np.flatnonzero(inside)
    before = last[begun]
    same = (before >= 0) & (visitor[before] == visitor[begun]) & (touch[before] >= 0)
    found[begun] = np.where(same, touch[before], TOUCH_DIRECT)
    return found


def _midnights(context: Context, at: np.ndarray) -> np.ndarray:
    if not len(at):
        return frozen(np.zeros(0, np.int64))
    first = spans.local_day(int(at.min()), context.zone)
    days = (spans.local_day(int(at.max()), context.zone) - first).days + 1
    return frozen(
        np.array([spans.midnight(first + timedelta(days=day), context.zone) for day in range(days)], np.int64)
    )


def visit_touch(context: Context, question: SessionQuestion, as_of: int) -> np.ndarray:
    """Per global row the touch of the session it lies in, -1 where it lies in none; int32."""

    def make() -> np.ndarray:
        found = sessions_of(context, question, as_of)
        touch = np.full(context.snapshot.rows, -1, np.int32)
        touch[found.rows.rows] = np.repeat(found.touch, np.diff(np.append(found.first, len(found.rows.at))))
        return frozen(touch)

    return context.keep(("visit touch", question.key, as_of), make)
