"""Who met a touchpoint beside those at the same stage who did not: how many of either ordered afterwards. Observed only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from afterclick.analyse.journey import Journey, journey_of
from afterclick.analyse.kernels.journey import NO_STAGE
from afterclick.analyse.met import Met
from afterclick.analyse.touchpoints import Touchpoints
from afterclick.core.moments import Interval, Share
from afterclick.stitch.stages import stages_of

NEVER = -(2**62)


@dataclass(frozen=True)
class Side:
    """Visitors of one side at a stage (labels, ascending), and which of them ordered afterwards (bool)."""

    visitors: np.ndarray
    ordered: np.ndarray

    @property
    def share(self) -> Share:
        """Those who ordered afterwards."""
        return Share(int(self.ordered.sum()), len(self.visitors))


@dataclass(frozen=True)
class Beside:
    """Per stage the visitors who stood there in the period: those who met the touchpoint there, and the others.

    Afterwards = after the first meeting at that stage, for the others after their first event at it, inside the period.
    """

    met: Met

    @cached_property
    def stages(self) -> list[str]:
        """Names of the stages."""
        return [stage.name for stage in stages_of(self.met.scope.context.snapshot.definitions)]

    @cached_property
    def journey(self) -> Journey:
        """Stage entries."""
        scope = self.met.scope
        return journey_of(scope, stages_of(scope.context.snapshot.definitions), self.met.period)

    @cached_property
    def _last_order(self) -> np.ndarray:
        """Per visitor the last order of the period, NEVER for none."""
        m = self.met.measures
        last = np.full(self.journey.rows.visitors, NEVER, np.int64)
        sold = np.flatnonzero(m.order_mask & ~m.orders.refund & (m.orders.visitor >= 0))
        np.maximum.at(last, m.orders.visitor[sold], m.orders.at[sold])
        return last

    @cached_property
    def sides(self) -> list[tuple[Side, Side]]:
        """Per stage those who met it and the others."""
        points = Touchpoints(self.met.scope, self.journey, self.stages)
        rows, period = self.journey.rows, self.met.period
        places = np.flatnonzero((points.cells() >= 0) & (rows.at >= period.start) & (rows.at < period.end))
        stage, owner, at = points.stage[places], rows.owners()[places], rows.at[places]
        here = points.code[places] == self.met.code
        found = []
        for number in range(len(self.stages)):
            standing = (stage == number) & (stage != NO_STAGE)
            met = self._first(owner[standing & here], at[standing & here])
            everyone = self._first(owner[standing], at[standing])
            others = ~np.isin(everyone[0], met[0])
            pair = (met, (everyone[0][others], everyone[1][others]))
            # A page whose twin leads into the stage stands there a moment before: the order that leads in is none after it.
            entered = self.journey.entered_at[:, number]
            met_side, other_side = (self._side(who, np.maximum(since, entered[who])) for who, since in pair)
            found.append((met_side, other_side))
        return found

    def _first(self, owner: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distinct owners with their first instant; rows stand in the order of (owner, time)."""
        visitors, place = np.unique(owner, return_index=True)
        return visitors.astype(np.int64), at[place]

    def _side(self, visitors: np.ndarray, since: np.ndarray) -> Side:
        return Side(visitors, self._last_order[visitors] > since)

    def rows(self) -> list[dict[str, Any]]:
        """One row per stage at which somebody met it."""
        out = []
        for stage, (met, others) in zip(self.stages, self.sides, strict=True):
            if not len(met.visitors):
                continue
            interval = difference(met.share, others.share)
            out.append(
                {
                    "stage": stage, "met": met.share.n, "met_ordered": met.share.hits, "met_rate": met.share.rate,
                    "others": others.share.n, "others_ordered": others.share.hits, "others_rate": others.share.rate,
                    "difference": gap(met.share, others.share), "low": interval and interval.low,
                    "high": interval and interval.high,
                }
            )  # fmt: skip
        return out


def gap(one: Share, other: Share) -> float | None:
    """one's rate less the other's; None where either group is empty."""
    return None if one.rate is None or other.rate is None else one.rate - other.rate


def difference(one: Share, other: Share) -> Interval | None:
    """The 95 % interval of the difference of two independent shares, from their Wilson intervals.

    Newcombe 1998 (Statistics in Medicine 17:873), method 10; None where either group is empty.
    """
    a, b = one.interval, other.interval
    if a is None or b is None or one.rate is None or other.rate is None:
        return None
    middle = one.rate - other.rate
    low = ((one.rate - a.low) ** 2 + (b.high - other.rate) ** 2) ** 0.5
    high = ((a.high - one.rate) ** 2 + (other.rate - b.low) ** 2) ** 0.5
    return Interval(middle - low, middle + high)
