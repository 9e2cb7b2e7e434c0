"""Stage entries as a relation: when each visitor first entered each stage, and what happened in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from afterclick.analyse.brought import Brought
from afterclick.analyse.fields import check_fields, columns
from afterclick.analyse.gathered import Gathered
from afterclick.analyse.gathered_marks import without
from afterclick.analyse.kernels import journey as kernels
from afterclick.analyse.kernels.compiled import pool
from afterclick.analyse.scope import Scope
from afterclick.analyse.sessions import LEFT_OUT, behaviour, flagged_rows
from afterclick.core.arrays import frozen
from afterclick.core.spans import Period
from afterclick.core.step import Step
from afterclick.stitch.stages import Stage
from afterclick.store.columns import Flag
from afterclick.store.snapshot import Chunk

_SYSTEM = int(Flag.SYSTEM)


@dataclass(frozen=True)
class Journey:
    """How far visitors get in all history up to `as_of`; moves, returns and the loop of one period.

    `rows` are the behavioural rows and those of system events that enter a stage, the symbol made of their flags;
    `marks` uint8 per global row the stages whose rules it meets. entered_at int64[visitors, stages] (NEVER),
    entered_row int64[visitors, stages] gathered rows (-1), entered_act the gathered row of the visitor's behaviour
    nearest to it (-1), returned uint8[visitors] mask of stages, loop uint8[visitors], stage_of_row uint8[rows] and
    by_row uint8 per global row the stage at which it stands (NO_STAGE), views int64[stages + 1] page views of the period
    by the stage at which they stand (the last: before any), moves and movers int64[stages, stages].
    """

    rows: Gathered
    marks: np.ndarray
    entered_at: np.ndarray
    entered_row: np.ndarray
    entered_act: np.ndarray
    returned: np.ndarray
    loop: np.ndarray
    stage_of_row: np.ndarray
    by_row: np.ndarray
    views: np.ndarray
    moves: np.ndarray
    movers: np.ndarray
    has_events: tuple[bool, ...]

    def highest(self, end: int) -> np.ndarray:
        """Per visitor the highest stage entered before `end`, -1 for none; int8."""
        found = np.full(len(self.entered_at), -1, np.int8)
        for stage in range(self.entered_at.shape[1]):
            found[self.entered_at[:, stage] < end] = stage
        return found

    def event_stage(self) -> np.ndarray:
        """Per gathered row the highest stage whose rule it meets, -1 for none; int8."""
        top = np.array([mask.bit_length() - 1 for mask in range(kernels.STAGE_MASK + 1)], np.int8)
        result: np.ndarray = top[self.marks[self.rows.rows] & kernels.STAGE_MASK]
        return result

    @cached_property
    def acts(self) -> np.ndarray:
        """Which gathered rows are behaviour; bool."""
        return frozen((self.rows.key & _SYSTEM) == 0)


def journey_of(scope: Scope, stages: Sequence[Stage], period: Period) -> Journey:
    """Follow every visitor of the scope through the stages."""
    key = ("journey", *_asked(scope), period, tuple(stages))
    return scope.context.keep(key, lambda: _follow(scope, stages, period))


def _asked(scope: Scope) -> tuple[object, ...]:
    question = scope.question
    return question.identity, question.bots, question.where, scope.as_of, scope.sessions_like.key


class _Staged(NamedTuple):
    rows: Gathered
    marks: np.ndarray


def _follow(scope: Scope, stages: Sequence[Stage], period: Period) -> Journey:
    key = ("staged rows", *_asked(scope), tuple(stages))
    rows, marks = scope.context.keep(key, lambda: _staged(scope, stages))
    count, visitors = len(stages), rows.visitors
    entered_at = np.full(visitors * count, kernels.NEVER, np.int64)
    entered_row, entered_act = (np.full(visitors * count, -1, np.int64) for _ in range(2))
    returned, loop = np.zeros(visitors, np.uint8), np.zeros(visitors, np.uint8)
    stage_of_row = np.empty(len(rows.at), np.uint8)
    by_row = np.full(scope.context.snapshot.rows, kernels.NO_STAGE, np.uint8)

    def follow(span: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        views = np.zeros(count + 1, np.int64)
        moves, movers, marker = (np.zeros(count * count, np.int64) for _ in range(3))
        kernels.follow_stages(
            rows.offsets, rows.at, rows.key, marks, count, *span, period.start, period.end, entered_at, entered_row,
            entered_act, returned, loop, stage_of_row, by_row, views, moves, movers, marker, rows=len(rows.at),
        )  # fmt: skip
        return views, moves, movers

    parts = list(pool().map(follow, rows.spans(kernels.follow_stages.parts(len(rows.at)))))
    views = sum((part[0] for part in parts), np.zeros(count + 1, np.int64))
    moves, movers = (sum((part[i] for part in parts), np.zeros(count * count, np.int64)) for i in (1, 2))
    known = scope.context.name_codes
    return Journey(
        rows=rows,
        marks=marks,
        entered_at=frozen(entered_at.reshape(visitors, count)),
        entered_row=frozen(entered_row.reshape(visitors, count)),
        entered_act=frozen(entered_act.reshape(visitors, count)),
        returned=returned,
        loop=loop,
        stage_of_row=stage_of_row,
        by_row=frozen(by_row),
        views=views,
        moves=moves.reshape(count, count),
        movers=movers.reshape(count, count),
        # Whether a stage can be entered at all is a fact of the store, whatever the conditions leave of it.
        has_events=tuple(any(len(known(step.event)) for step in stage.enter) for stage in stages),
    )


def _staged(scope: Scope, stages: Sequence[Stage]) -> _Staged:
    """The rows of a journey and the marks of all rows.

    Sessions are cut from nearly the same rows, so those that enter no stage by a system event alone are shared with
    them, whichever is asked first.
    """
    context, question = scope.context, scope.question
    asked = question.identity, question.bots, scope.as_of
    marks = _marks(scope, stages)
    if scope.conditions:
        return _Staged(flagged_rows(context, *asked, marks), marks)
    if not _enters_by_system(scope, marks):
        return _Staged(behaviour(context, *asked), marks)
    rows = flagged_rows(context, *asked, marks)
    context.keep(("behaviour", *asked), lambda: Brought(lambda: without(rows, _SYSTEM)))
    return _Staged(rows, marks)


def _marks(scope: Scope, stages: Sequence[Stage]) -> np.ndarray:
    """Per global row the stages whose rules it meets, and LEFT_OUT where it misses the question's conditions; uint8."""
    context = scope.context
    table = np.zeros(max(len(context.names()[0]), 1), np.uint8)
    tested: list[tuple[Step, int]] = []
    for number, stage in enumerate(stages):
        for step in stage.enter:
            if step.condition is None:
                table[context.name_codes(step.event)] |= 1 << number
            else:
                check_fields(context, step.condition, "stages")
                tested.append((step, 1 << number))
    marks = np.zeros(context.snapshot.rows, np.uint8)
    chunks = context.snapshot.chunks(("name",), None)

    def look_up(chunk: Chunk) -> None:
        here = marks[chunk.start : chunk.start + chunk.rows]
        kernels.look_up(chunk.columns["name"], frozen(table), here, rows=chunk.rows)

    list(pool().map(look_up, chunks))
    for chunk in chunks:
        _test(scope, chunk, tested, marks[chunk.start : chunk.start + chunk.rows])
    return frozen(marks)


def _test(scope: Scope, chunk: Chunk, tested: list[tuple[Step, int]], marks: np.ndarray) -> None:
    """Mark the rows of a chunk that meet steps with conditions, and those that miss the question's."""
    for step, bit in tested:
        assert step.condition is not None
        for code in scope.context.name_codes(step.event).tolist():
            rows = np.flatnonzero(chunk.columns["name"] == code)
            fields = columns(scope.context, step.condition.fields, scope.taker(chunk.start, rows))
            marks[rows[step.condition.mask(fields, len(rows))]] |= bit
    met = scope.mask(chunk.start, chunk.rows)
    if met is not None:
        marks[~met] |= LEFT_OUT


def _enters_by_system(scope: Scope, marks: np.ndarray) -> bool:
    """Whether any system row enters a stage."""

    def enters(chunk: Chunk) -> bool:
        marked = marks[chunk.start : chunk.start + chunk.rows] != 0
        return bool((marked & ((chunk.columns["flags"] & _SYSTEM) != 0)).any())

    return any(pool().map(enters, scope.context.snapshot.chunks(("flags",), None)))
