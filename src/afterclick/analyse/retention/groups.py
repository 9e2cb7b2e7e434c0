"""Cohorts by what their start carries: the channel it came by, the device, a property."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from afterclick.analyse import fields
from afterclick.analyse.retention.rules import Rules
from afterclick.analyse.slices import known_field

if TYPE_CHECKING:
    from afterclick.analyse.retention.side import Side

GROUPS: Final = 10
NONE: Final = "(none)"
OTHER: Final = "(other)"


@dataclass(frozen=True)
class Groups:
    """The names of the groups, largest first, then "(other)", and the place of each unit's (int64)."""

    names: list[str]
    codes: np.ndarray


def groups_of(found: Side) -> Groups:
    """Units by the value of a field in the row of their start. Raises SpecError for a field the store does not have."""
    scope, units = found.scope, found.cohorts
    name = known_field(scope.context, found.asked.by, "by")
    row = found.row
    if row is None:
        # The first start in the period is the first ever of everybody who stands in a cohort.
        rows, _ = Rules(scope, found.asked.starting, None).gathered(found.period)
        row = rows.rows_at(rows.offsets[:-1][units.visitor])
    values, texts = fields.codes_of(scope.context, name, scope.taker(0, row))
    codes, names = values.astype(np.int64) + 1, [NONE, *texts]
    counts = np.bincount(codes, minlength=len(names))
    ranked = sorted(np.flatnonzero(counts).tolist(), key=lambda code: (-counts[code], names[code]))
    place = np.full(len(names), GROUPS, np.int64)
    place[ranked[:GROUPS]] = np.arange(len(ranked[:GROUPS]))
    shown = [names[code] for code in ranked[:GROUPS]]
    return Groups([*shown, *([OTHER] if len(ranked) > GROUPS else [])], place[codes])
