"""A funnel by the value of a field: at the first step, the last one or a given one, or each value by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from afterclick.analyse import fields
from afterclick.analyse.attempts import Attempts, attempts_of
from afterclick.analyse.funnel_money import sums
from afterclick.analyse.funnel_tables import MONEY
from afterclick.analyse.slices import known_field
from afterclick.core.moments import Share

if TYPE_CHECKING:
    from afterclick.analyse.funnel_reading import Reading

GROUPS = 10
_SCHEMA = pa.schema(
    [
        ("group", pa.string()), ("step", pa.int32()), ("n", pa.int64()), ("of_all_rate", pa.float64()),
        ("from_previous_rate", pa.float64()), ("low", pa.float64()), ("high", pa.float64()), ("value_sum", MONEY),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Groups:
    """The names of the groups, largest first, then "(other)"; `found` the attempts that are grouped, and per unit the
    place of its group, int64, -1 for none."""

    names: list[str]
    found: Attempts
    codes: np.ndarray


def groups_of(reading: Reading) -> Groups | None:
    """The groups of a funnel that is broken down, else None. Raises SpecError for a field the store does not have."""
    funnel, found = reading.funnel, reading.found
    if not funnel.by:
        return None
    name = known_field(reading.scope.context, funnel.by, "by")
    if funnel.by_value == "all":
        found = attempts_of(reading.scope, reading.chain._replace(sliced=f"value:{name}"), reading.scope.period)
        groups = found.group if found.group is not None else np.zeros(0, np.int64)
        return _ranked(found, groups, list(found.groups) or ["(none)"])
    units, picks = _picks(reading)
    rows = found.rows.rows_at(picks)
    values, texts = fields.codes_of(reading.scope.context, name, reading.scope.taker(0, rows))
    codes = np.full(len(found.reached), -1, np.int64)
    # Who never took the step whose value counts, or took it without a value, stands in no group.
    codes[units] = values + (0 if funnel.by_value.startswith("step:") else 1)
    return _ranked(found, codes, texts if funnel.by_value.startswith("step:") else ["(none)", *texts])


def _picks(reading: Reading) -> tuple[np.ndarray, np.ndarray]:
    """The units that have a value, and the gathered rows it is read from."""
    found, which = reading.found, reading.funnel.by_value
    if which == "last":
        return np.arange(len(found.reached)), found.last_pick
    if which == "first":
        return found.reaching[0], found.pick[:, 0]
    step = int(which.partition(":")[2]) - 1
    if found.taken is None:
        return found.reaching[step], found.pick[found.reaching[step], step]
    units, places = np.nonzero(found.taken == step)
    return units, found.pick[units, places]


def _ranked(found: Attempts, codes: np.ndarray, labels: list[str]) -> Groups:
    counts = np.bincount(codes[codes >= 0], minlength=len(labels))
    ranked = sorted(np.flatnonzero(counts).tolist(), key=lambda code: (-counts[code], labels[code]))
    place = np.full(len(labels) + 1, GROUPS, np.int64)
    place[ranked[:GROUPS]] = np.arange(len(ranked[:GROUPS]))
    place[-1] = -1
    names = [labels[code] for code in ranked[:GROUPS]]
    return Groups([*names, *(["(other)"] if len(ranked) > GROUPS else [])], found, place[codes])


def breakdown(reading: Reading, groups: Groups) -> pa.Table:
    """One row per group and step."""
    found, rows = groups.found, []
    steps = reading.chain.steps
    may_stand = [reading.money.may_stand(steps if found.taken is not None else (step,)) for step in steps]
    for number, group in enumerate(groups.names):
        inside = groups.codes == number
        counts: list[int] = []
        for k in range(len(steps)):
            here = found.reaching[k][inside[found.reaching[k]]]
            counts.append(len(here))
            share = Share(len(here), counts[found.before(k)])
            low, high = share.interval or (None, None)
            value = sums(reading.money.of(found.rows_of(k, here)))["value_sum"] if may_stand[k] else None
            row: dict[str, Any] = {
                "group": group, "step": k + 1, "n": len(here), "of_all_rate": Share(len(here), counts[0]).rate,
                "from_previous_rate": share.rate, "low": low, "high": high, "value_sum": value,
            }  # fmt: skip
            rows.append(row)
    return pa.Table.from_pylist(rows, schema=_SCHEMA)
