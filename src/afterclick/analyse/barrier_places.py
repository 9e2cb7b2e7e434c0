"""Where a barrier stands: its stage, the step right before it, and the devices or channels it falls on most."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final

import numpy as np

from afterclick.analyse.barrier_candidates import Candidate
from afterclick.analyse.fields import touch_field
from afterclick.analyse.journey import journey_of
from afterclick.analyse.scope import Scope
from afterclick.analyse.sessions import sessions_of
from afterclick.stitch.stages import stages_of

_FIELDS: Final = ("device_type", "os", "browser", "channel")
_MOST: Final = 0.6
_TIMES: Final = 1.2
"""A barrier falls on a group that makes up so much of those who met it, and so many times its share of the others."""


class Places:
    """Looks up places for the candidates of one scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.stages = [stage.name for stage in stages_of(scope.context.snapshot.definitions)]

    @cached_property
    def _stage_of_row(self) -> np.ndarray:
        journey = journey_of(self.scope, stages_of(self.scope.context.snapshot.definitions), self.scope.period)
        by_row = np.full(self.scope.context.snapshot.rows, 255, np.uint8)
        by_row[journey.rows.rows] = journey.stage_of_row
        return by_row

    def stage(self, seen: Candidate) -> str:
        """The stage at which most of those who met it stood; buyers who come again count at the last one before theirs."""
        rows = seen.meetings.sessions.rows.rows[seen.meetings.row[seen.place[seen.met]]]
        counts = np.bincount(self._stage_of_row[rows], minlength=256)[: len(self.stages)]
        last = len(self.stages) - 1
        if last > 0:
            counts[last - 1] += counts[last] if counts[last - 1] else 0
            counts[last] = 0 if counts[:last].any() else counts[last]
        return self.stages[int(counts.argmax())] if counts.any() else ""

    def step(self, seen: Candidate) -> str:
        """What most of those who met it did right before; "" at the begin of a visit."""
        step = seen.step[seen.met]
        most = int(np.bincount(step).argmax())
        return "" if most == seen.meetings.start else seen.meetings.names[most]

    def concentration(self, seen: Candidate) -> dict[str, Any]:
        """The group it falls on, the share of the group among those who met it, and among those who did not."""
        best: tuple[float, str, str, float, float] | None = None
        session = seen.meetings.session[seen.place]
        for field in _FIELDS:
            codes, names = self._groups(field)
            if len(names) < 2:
                continue
            found = codes[session]
            mine = np.bincount(found[seen.met], minlength=len(names))[: len(names)] / max(1, int(seen.met.sum()))
            usual = np.bincount(found[~seen.met], minlength=len(names))[: len(names)] / max(1, int((~seen.met).sum()))
            for code in np.flatnonzero(mine >= _MOST).tolist():
                times = mine[code] / max(usual[code], 1e-3)
                if names[code] and times >= _TIMES and (best is None or times > best[0]):
                    best = (times, field, names[code], float(mine[code]), float(usual[code]))
        told = ("where_field", "where_value", "where_rate", "usual_rate")
        return dict(zip(told, best[1:] if best else (None,) * len(told), strict=True))

    def _groups(self, field: str) -> tuple[np.ndarray, list[str]]:
        """Per session its group's code and the groups' names; the last, "", is for none."""

        def make() -> tuple[np.ndarray, list[str]]:
            context = self.scope.context
            sessions = sessions_of(context, self.scope.sessions_like, self.scope.as_of)
            if field == "channel":
                lookup, names = touch_field(context, field)
                touch = sessions.touch
                codes = (
                    np.where(touch >= 0, lookup[np.maximum(touch, 0)], -1) if len(lookup) else np.full(len(touch), -1)
                )
            else:
                names = list(context.texts(field))
                codes = context.column(field)[sessions.rows.rows[sessions.first]]
            return np.where(codes >= 0, codes, len(names)).astype(np.int64), [*names, ""]

        key = ("session groups", field, self.scope.sessions_like.key, self.scope.as_of)
        return self.scope.context.keep(key, make)
