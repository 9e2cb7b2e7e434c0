"""Stage entries as a relation: when each visitor first entered each stage, and what happened in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from afterclick.analyse.gathered import Gathered, Strip, gather
from afterclick.analyse.kernels import journey as kernels
from afterclick.analyse.kernels.compiled import pool
from afterclick.analyse.scope import Scope
from afterclick.analyse.symbols import Symbols
from afterclick.core.arrays import frozen
from afterclick.core.spans import Period
from afterclick.core.step import Step
from afterclick.stitch.stages import Stage

BEHAVIOUR = 1 << 14


@dataclass(frozen=True)
class Journey:
    """How far visitors get in all history up to `as_of`; moves, returns and the loop of one period.

    entered_at int64[visitors, stages] (NEVER), entered_row int64[visitors, stages] gathered rows (-1), returned
    uint8[visitors] mask of stages, loop uint8[visitors], stage_of_row uint8[rows], moves and movers int64[stages, stages].
    """

    rows: Gathered
    entered_at: np.ndarray
    entered_row: np.ndarray
    returned: np.ndarray
    loop: np.ndarray
    stage_of_row: np.ndarray
    moves: np.ndarray
    movers: np.ndarray
    has_events: tuple[bool, ...]

    def highest(self, end: int) -> np.ndarray:
        """Per visitor the highest stage entered before `end`, -1 for none; int8."""
        entered = self.entered_at < end
        stages = entered.shape[1]
        return np.where(entered.any(axis=1), stages - 1 - np.argmax(entered[:, ::-1], axis=1), -1).astype(np.int8)

    def event_stage(self) -> np.ndarray:
        """Per gathered row the highest stage whose rule it meets, -1 for none; int8."""
        masks = (self.rows.key & kernels.STAGE_MASK).astype(np.uint8)
        top = np.array([mask.bit_length() - 1 for mask in range(kernels.STAGE_MASK + 1)], np.int8)
        return top[masks]


def journey_of(scope: Scope, stages: Sequence[Stage], period: Period) -> Journey:
    """Follow every visitor of the scope through the stages."""
    key = ("journey", scope.question.identity, scope.question.bots, scope.question.where, scope.as_of, period,
           tuple(stages), scope.sessions_like.key)  # fmt: skip
    return scope.context.keep(key, lambda: _follow(scope, stages, period))


def _follow(scope: Scope, stages: Sequence[Stage], period: Period) -> Journey:
    rows, has_events = _gather(scope, stages)
    count, visitors = len(stages), rows.visitors
    entered_at = np.full(visitors * count, kernels.NEVER, np.int64)
    entered_row = np.full(visitors * count, -1, np.int64)
    returned, loop = np.zeros(visitors, np.uint8), np.zeros(visitors, np.uint8)
    stage_of_row = np.full(len(rows.at), kernels.NO_STAGE, np.uint8)

    def follow(span: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        moves, movers = np.zeros(count * count, np.int64), np.zeros(count * count, np.int64)
        kernels.follow_stages(
            rows.offsets, rows.at, rows.key, count, *span, period.start, period.end, entered_at, entered_row,
            returned, loop, stage_of_row, moves, movers, np.zeros(count * count, np.int64), rows=len(rows.at),
        )  # fmt: skip
        return moves, movers

    parts = list(pool().map(follow, rows.spans(kernels.follow_stages.parts(len(rows.at)))))
    empty = np.zeros(count * count, np.int64)
    return Journey(
        rows=rows,
        entered_at=frozen(entered_at.reshape(visitors, count)),
        entered_row=frozen(entered_row.reshape(visitors, count)),
        returned=returned,
        loop=loop,
        stage_of_row=stage_of_row,
        moves=sum((part[0] for part in parts), empty).reshape(count, count),
        movers=sum((part[1] for part in parts), empty).reshape(count, count),
        has_events=has_events,
    )


def _gather(scope: Scope, stages: Sequence[Stage]) -> tuple[Gathered, tuple[bool, ...]]:
    steps: list[Step] = [step for stage in stages for step in stage.enter]
    owner = [number for number, stage in enumerate(stages) for _ in stage.enter]
    symbols = Symbols(scope, steps, path="stages", require=False)
    history = Period(-(2**62), scope.as_of + 1)
    strips = []
    for chunk in scope.context.snapshot.chunks(("device", "at", "name", "flags"), None):
        served = symbols.of(chunk)
        table = _masks(symbols.match, owner, len(steps))
        mask = table[served]
        # Every behavioural row is kept, since touchpoints count the events of a stage, whatever rule they meet.
        counts = scope.counts(chunk)
        symbol = mask | np.where(counts, BEHAVIOUR | kernels.PRESENT, 0).astype(np.uint16)
        symbol |= np.where(mask > 0, kernels.PRESENT, 0).astype(np.uint16)
        strips.append(Strip(chunk.start, chunk.piece, chunk.columns["device"], chunk.columns["at"], frozen(symbol)))
    rows = gather(strips, scope.labels, history, scope.context.ties)
    # Whether a stage can be entered at all is a fact of the store, whatever the conditions leave of it.
    known = scope.context.name_codes
    return rows, tuple(any(len(known(step.event)) for step in stage.enter) for stage in stages)


def _masks(match: np.ndarray, owner: list[int], steps: int) -> np.ndarray:
    """Per symbol the mask of stages it enters; uint16."""
    table = match.reshape(-1, steps)
    masks = np.zeros(len(table), np.uint16)
    for column, stage in enumerate(owner):
        masks |= (table[:, column].astype(np.uint16)) << np.uint16(stage)
    return masks
