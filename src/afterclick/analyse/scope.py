"""The scope of a question made concrete: instants, visitors, and which rows count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import msgspec
import numpy as np

from afterclick.analyse.context import Context
from afterclick.analyse.fields import check_fields, columns
from afterclick.analyse.question import SEGMENT, Question, SessionQuestion
from afterclick.analyse.sessions import visit_touch
from afterclick.core import clock, condition, spans
from afterclick.core.condition_tree import Compare
from afterclick.core.condition_tree import Flag as Flagged
from afterclick.core.errors import NotEnoughData
from afterclick.core.said import Said
from afterclick.core.spans import Period
from afterclick.stitch.visitors import Labels
from afterclick.store.columns import Flag
from afterclick.store.snapshot import Chunk

_DEFAULT_SESSIONS = SessionQuestion()


@dataclass(frozen=True)
class Scope:
    """A question against a context: `period` and `previous` in instants, `as_of`, and the labels of its visitors.

    `segments` are those asked for, by name or rule; in `question` they stand among the conditions, as their rules.
    """

    context: Context
    question: Question
    as_of: int
    period: Period
    previous: Period | None
    segments: tuple[str, ...] = ()

    @cached_property
    def labels(self) -> Labels:
        """The visitor behind each id."""
        return self.context.labels(self.question.identity, self.as_of)

    @cached_property
    def conditions(self) -> tuple[condition.Condition, ...]:
        """The parsed `where`, checked against the store's fields."""
        return tuple(self._condition(text) for text in self.question.where)

    def _condition(self, text: str) -> condition.Condition:
        if text.startswith(SEGMENT):
            return condition.Condition(Compare(text, "==", Flagged(True)))
        parsed = condition.parse(text)
        check_fields(self.context, parsed, "where")
        return parsed

    @cached_property
    def sessions_like(self) -> SessionQuestion:
        """The session options that apply: the question's own, or the defaults where it has none."""
        if isinstance(self.question, SessionQuestion):
            names = [field.name for field in SessionQuestion.fields()]
            return SessionQuestion(**{name: getattr(self.question, name) for name in names} | {"where": ()})
        shared = {"bots": self.question.bots, "identity": self.question.identity}
        return SessionQuestion(range=_DEFAULT_SESSIONS.range, **shared)  # type: ignore[arg-type]

    def taker(self, start: int, rows: np.ndarray | slice) -> Callable[[str], np.ndarray]:
        """A function from a column's name to its values at `start` + rows."""

        def take(name: str) -> np.ndarray:
            context = self.context
            if name == "visit":
                whole = visit_touch(context, self.sessions_like, self.as_of)
            elif name.startswith(SEGMENT):
                whole = _rows_of_members(self, name.removeprefix(SEGMENT))
            else:
                whole = context.column(name)
            if isinstance(rows, slice):
                return whole[start + rows.start : start + rows.stop]
            result: np.ndarray = whole[start + rows]
            return result

        return take

    def mask(self, start: int, count: int) -> np.ndarray | None:
        """Which of `count` rows from global row `start` on meet every condition; None where there is no condition."""
        if not self.conditions:
            return None
        take = self.taker(start, slice(0, count))
        met = np.ones(count, bool)
        for one in self.conditions:
            met &= one.mask(columns(self.context, one.fields, take), count)
        return met

    def mask_rows(self, rows: np.ndarray) -> np.ndarray:
        """Which of these global rows meet every condition."""
        met = np.ones(len(rows), bool)
        for one in self.conditions:
            met &= one.mask(columns(self.context, one.fields, self.taker(0, rows)), len(rows))
        return met

    @cached_property
    def counted(self) -> np.ndarray | None:
        """`mask` over all rows of the store."""
        return self.mask(0, self.context.snapshot.rows)

    def counts(self, chunk: Chunk, *, system: bool = False) -> np.ndarray:
        """Which rows of a chunk count: bots by the question, system events only if asked for, every condition met.

        The chunk must carry `flags`.
        """
        kept = (chunk.columns["flags"] & self.left_out(system=system)) == 0
        met = self.mask(chunk.start, len(kept))
        result: np.ndarray = kept if met is None else kept & met
        return result

    def left_out(self, *, system: bool) -> int:
        """The flags of rows that do not count: bots by the question, system events unless asked for."""
        return (int(Flag.BOT) if self.question.bots == "out" else 0) | (0 if system else int(Flag.SYSTEM))

    def about(self, unit: str, *, events: int | None = None, **more: Any) -> dict[str, Any]:
        """What every result states of how it was computed."""
        definitions = self.context.snapshot.definitions
        return {
            "unit": unit,
            "range": self._days(self.period),
            "compare": self._days(self.previous) if self.previous else None,
            "start_at": clock.iso(self.period.start),
            "end_at": clock.iso(self.period.end),
            "timezone": definitions.timezone,
            "currency": currency_of(self.context),
            "as_of": clock.iso(self.as_of),
            "bots": self.question.bots,
            "identity": self.question.identity,
            "filters": [text for text in self.question.where if not text.startswith(SEGMENT)],
            "segments": list(self.segments),
            "events": self.context.snapshot.rows if events is None else events,
            "fingerprint": self.context.snapshot.fingerprint,
            "store": definitions.name,
            "example": definitions.example,
            **more,
        }

    def _days(self, period: Period) -> str:
        first: date = spans.local_day(period.start, self.context.zone)
        return f"{first}..{spans.local_day(period.end - 1, self.context.zone)}"


def scope_of(context: Context, question: Question) -> Scope:
    """Resolve the scope; NotEnoughData where the store holds no event at all."""
    snapshot = context.snapshot
    if not snapshot.rows:
        raise NotEnoughData(
            Said("refusals.no_events_yet"), hint=Said("refusals.import_or_demo")
        )
    as_of = context.as_of(question.as_of)
    first = snapshot.behaved[0]
    period = spans.resolve_range(question.range, as_of, first, context.zone)
    previous = spans.resolve_compare(question.compare, period, context.zone)
    if previous and previous.end <= first:
        previous = None
    return Scope(
        context=context,
        question=_with_segments(context, question) if question.segment else question,
        as_of=as_of,
        period=period,
        previous=previous,
        segments=question.segment,
    )


def _with_segments(context: Context, question: Question) -> Question:
    """The question with its segments as conditions: whatever is kept by its conditions is kept by their rules."""
    from afterclick.analyse.segments.names import rule_of  # noqa: PLC0415 - segments ask questions themselves

    rules = (SEGMENT + rule_of(context, text, "segment").text for text in question.segment)
    return msgspec.structs.replace(question, segment=(), where=(*question.where, *rules))


def _rows_of_members(scope: Scope, text: str) -> np.ndarray:
    """Per global row whether it is of a member of a segment, as of the question's instant; bool."""
    from afterclick.analyse.segments.names import rows_of_members  # noqa: PLC0415 - as above

    return rows_of_members(scope, text)


def currency_of(context: Context) -> str:
    """The one currency of all amounts, the store's own where rows name none, or "" where there are several."""
    found = [text for text in context.texts("currency") if text]
    own = context.snapshot.definitions.currency
    if context.snapshot.definitions.rates and own:
        return own
    if len(found) > 1:
        found = context.keep(("currencies",), lambda: _currencies(context))
    if len(found) > 1:
        return ""
    return found[0] if found else own


def _currencies(context: Context) -> list[str]:
    """The currencies of what visitors did: an ad billed in dollars makes no shop sell in dollars."""
    texts = context.texts("currency")
    codes: set[int] = set()
    for chunk in context.snapshot.chunks(("flags", "currency"), None):
        behaviour = (chunk.columns["flags"] & int(Flag.SYSTEM)) == 0
        codes |= set(np.unique(chunk.columns["currency"][behaviour]).tolist())
    return [texts[code] for code in sorted(codes) if code >= 0 and texts[code]]
