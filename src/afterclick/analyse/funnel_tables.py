"""The table of a funnel's steps, and how long they took."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from afterclick.analyse.attempts import Attempts
from afterclick.analyse.funnel_money import summed, sums
from afterclick.analyse.kernels.compiled import pool, workers
from afterclick.core import spans
from afterclick.core.moments import Quantiles, Share

if TYPE_CHECKING:
    from afterclick.analyse.funnel_reading import Reading

_MANY = 20_000
"""Units that are worth a second thread."""

HISTOGRAM = tuple(spans.micros(text) for text in ("0s", "10s", "1m", "10m", "1h", "6h", "1d", "3d", "7d", "30d", "90d"))
_SECONDS = [edge / spans.SECOND for edge in HISTOGRAM]
STATS = ("p25", "p50", "p75", "p90", "mean")
MONEY = pa.decimal128(28, 4)
_SCHEMA = pa.schema(
    [
        ("step", pa.int32()), ("event", pa.string()), ("optional", pa.bool_()), ("anchored", pa.bool_()),
        ("n", pa.int64()), ("taken", pa.int64()), ("of_all_rate", pa.float64()), ("of_all_low", pa.float64()),
        ("of_all_high", pa.float64()), ("from_previous_rate", pa.float64()), ("from_previous_low", pa.float64()),
        ("from_previous_high", pa.float64()), ("lost", pa.int64()), ("open", pa.int64()), ("previous_n", pa.int64()),
        ("value_n", pa.int64()), ("value_sum", MONEY), ("value_mean", pa.float64()), ("value_median", pa.float64()),
        ("lost_value", MONEY),
        *((f"seconds_from_{since}_{stat}", pa.float64()) for since in ("first", "previous") for stat in STATS),
    ]
)  # fmt: skip
_HISTOGRAM_SCHEMA = pa.schema(
    [("step", pa.int32()), ("low_seconds", pa.float64()), ("high_seconds", pa.float64()), ("n", pa.int64())]
)


def steps_table(reading: Reading) -> pa.Table:
    """One row per listed step, in order; where the order is free, row k is of those who took any k of the steps."""
    found, chain = reading.found, reading.chain
    amounts = [_amounts(reading, k) for k in range(len(chain.steps))]
    # Looked up here once, so that no two threads do.
    assert len(found.times) == len(found.reaching)
    table = list(pool().map(lambda k: _row(reading, k, amounts[k]), range(len(chain.steps))))
    table[-1].update({"lost": 0, "open": 0})
    return pa.Table.from_pylist(table, schema=_SCHEMA)


def _amounts(reading: Reading, k: int) -> np.ndarray | None:
    found, chain = reading.found, reading.chain
    # Where the order is free, the k-th event may be of any step.
    if not reading.money.may_stand(chain.steps if found.taken is not None else (chain.steps[k],)):
        return None
    units, money = found.reaching[k], reading.money
    # Looked up side by side: each of many rows lies somewhere else in the memory.
    cuts = np.linspace(0, len(units), workers() + 1).astype(int) if len(units) >= _MANY else np.array([0, len(units)])
    parts = pool().map(lambda low, high: money.of(found.rows_of(k, units[low:high])), cuts[:-1], cuts[1:])
    return np.concatenate(list(parts))


def _row(reading: Reading, k: int, amounts: np.ndarray | None) -> dict[str, Any]:
    found, step, here = reading.found, reading.chain.steps[k], reading.found.reaching[k]
    n, since = len(here), found.before(k)
    return {
        "step": k + 1, "event": step.text(), "optional": step.optional, "anchored": step.anchored, "n": n,
        "taken": n if found.taken is None else int((found.taken == k).sum()),
        **_share("of_all", n, len(found.visitor)), **_share("from_previous", n, len(found.reaching[since])),
        **_ended(reading, k, here, amounts), "previous_n": _count(reading.before, k), **sums(amounts),
        **_times(found, 0, k, "first"), **_times(found, since if k else 0, k, "previous"),
    }  # fmt: skip


def _ended(reading: Reading, k: int, here: np.ndarray, amounts: np.ndarray | None) -> dict[str, Any]:
    """Who took this required step last: gone, or still in time; and what the events of those gone were worth."""
    found = reading.found
    if k not in found.required:
        return {"lost": 0, "open": 0, "lost_value": None}
    ended, waits = found.reached[here] == found.required.index(k) + 1, reading.waiting[here]
    left = ended & ~waits
    lost = None if amounts is None or k == found.required[-1] else summed(amounts[np.flatnonzero(left)])
    return {"lost": int(left.sum()), "open": int((ended & waits).sum()), "lost_value": lost}


def _share(name: str, n: int, of: int) -> dict[str, float | None]:
    share = Share(n, of)
    low, high = share.interval or (None, None)
    return {f"{name}_rate": share.rate, f"{name}_low": low, f"{name}_high": high}


def _count(found: Attempts | None, step: int) -> int | None:
    """How many took a step; counted without listing them where it is a required one."""
    if found is None:
        return None
    if step in found.required:
        return int((found.reached > found.required.index(step)).sum())
    return len(found.reaching[step])


def _times(found: Attempts, since: int, until: int, name: str) -> dict[str, float | None]:
    here = found.reaching[until]
    if since == until or not len(here):
        return {f"seconds_from_{name}_{stat}": None for stat in STATS}
    took = found.took(since, until)
    spread = Quantiles.of(took)
    points = (spread.p25, spread.median, spread.p75, spread.p90)
    seconds = [value / spans.SECOND if value is not None else None for value in points]
    values = (*seconds, float(took.mean()) / spans.SECOND)
    return {f"seconds_from_{name}_{stat}": value for stat, value in zip(STATS, values, strict=True)}


def histogram(reading: Reading, *, previous: bool = False) -> pa.Table:
    """How long each step took since step 1, or since the required step before: units by length, in fixed bins."""
    found, rows = reading.found, []
    for k in range(1, len(reading.chain.steps)):
        # A tolerance lets a step stand before the one it follows.
        took = np.maximum(found.took(found.before(k) if previous else 0, k), 0)
        # A comparison for each of the few edges is quicker than a search for each of the many units.
        below = [0, *(int(np.count_nonzero(took < edge)) for edge in HISTOGRAM[1:]), len(took)]
        counts = [after - before for before, after in pairwise(below)]
        rows += [
            {"step": k + 1, "low_seconds": low, "high_seconds": high, "n": n}
            for low, high, n in zip(_SECONDS, [*_SECONDS[1:], None], counts, strict=True)
        ]
    return pa.Table.from_pylist(rows, schema=_HISTOGRAM_SCHEMA)
