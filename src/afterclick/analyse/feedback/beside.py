"""What those who met a barrier say of the shop, beside visitors alike who did not meet it."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import pyarrow as pa

from afterclick.analyse.barrier_finding import Finder
from afterclick.analyse.barriers import found_in
from afterclick.analyse.feedback.answers import Answers
from afterclick.analyse.feedback.groupings import last_before
from afterclick.analyse.matching import weights
from afterclick.analyse.scope import Scope
from afterclick.core import spans
from afterclick.core.errors import SpecError, nearest
from afterclick.core.moments import Interval, Moments
from afterclick.core.said import Said

ANSWERED_WITHIN: Final = 30 * spans.DAY
"""How long after a visit an answer may come to be about it."""
FEWEST: Final = 5
"""Answers on a side under which nothing is said of a difference."""

SCHEMA: Final = pa.schema(
    [
        ("side", pa.string()), ("visitors", pa.int64()), ("score_rate", pa.float64()), ("score_low_rate", pa.float64()),
        ("score_high_rate", pa.float64()), ("nps_answers", pa.int64()), ("promoters", pa.int64()), ("detractors", pa.int64()),
        ("low", pa.int64()),
    ]
)  # fmt: skip


class Beside:
    """The first scored answer within 30 days after meeting a barrier, one per visitor, beside those of like visits.

    Like visits are those the barrier itself is compared with: the same step, device, channel, earlier visits and basket,
    as far as ten of them answered. `met` and `others` are places of answers, one per visitor; `share` weighs the others.
    """

    def __init__(self, scope: Scope, within: int, key: str, answers: Answers) -> None:
        self.answers = answers
        found = {one.candidate.key: one for one in found_in(scope, within)}
        if key not in found:
            raise SpecError(
                Said("refusals.no_barrier", key=key), hint=nearest(key, found) or Said("refusals.see_barriers"),
                path="barrier",
            )  # fmt: skip
        self.candidate = found[key].candidate
        units, answer = self._units()
        met = self.candidate.met[units]
        strata = Finder(scope, within).strata.of(
            self.candidate, self.candidate.place[units], met, self.candidate.step[units]
        )
        share, self.unmatched = weights(met, strata) if met.any() and not met.all() else (np.zeros(len(met)), 0)
        used = share > 0
        self.met, self.others = answer[met], answer[used]
        self.share = share[used] / share.sum() if used.any() else share[used]

    def _units(self) -> tuple[np.ndarray, np.ndarray]:
        """Visits (places in the candidate) that an answer followed, one per visitor, with that answer's place."""
        seen, answers = self.candidate, self.answers
        meetings = seen.meetings
        visitor = meetings.visitor[meetings.leg[seen.place]].astype(np.int64)
        at = meetings.sessions.rows.at[meetings.row[seen.place]]
        scored = np.flatnonzero((answers.visitor >= 0) & ~np.isnan(answers.share))
        if not len(scored):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        scored = scored[np.argsort(answers.visitor[scored], kind="stable")]
        edges = np.searchsorted(answers.visitor[scored], np.arange(meetings.sessions.rows.visitors + 1))
        following = last_before(edges, answers.at[scored], visitor, at - 1)
        there = following < edges[visitor + 1]
        answer = scored[np.minimum(following, len(scored) - 1)]
        there &= answers.at[answer] - at <= ANSWERED_WITHIN
        # Whoever met it in any visit is nobody's like.
        ever = np.zeros(meetings.sessions.rows.visitors, bool)
        ever[meetings.sessions.visitor[seen.sessions]] = True
        there &= seen.met | ~ever[visitor]
        units = np.flatnonzero(there)
        units = units[np.lexsort((at[units], visitor[units]))]
        first = np.ones(len(units), bool)
        first[1:] = visitor[units][1:] != visitor[units][:-1]
        return units[first], answer[units[first]]

    def rows(self) -> pa.Table:
        """Both sides, the others' mean weighted to those who met it; columns of SCHEMA."""
        return pa.Table.from_pylist([self._row("met", self.met), self._row("others", self.others)], schema=SCHEMA)

    def _row(self, side: str, places: np.ndarray) -> dict[str, Any]:
        answers, nps = self.answers, places[self.answers.nps[places]]
        mean, around = self._mean(side)
        return {
            "side": side, "visitors": len(places), "score_rate": mean,
            "score_low_rate": max(0.0, around.low) if around else None,
            "score_high_rate": min(1.0, around.high) if around else None, "nps_answers": len(nps),
            "promoters": int((answers.score[nps] >= 9).sum()),
            "detractors": int((answers.score[nps] < 7).sum()), "low": int(answers.low[places].sum()),
        }  # fmt: skip

    def _mean(self, side: str) -> tuple[float | None, Interval | None]:
        if side == "met":
            found = Moments.of(self.answers.share[self.met])
            return found.mean, found.interval
        if not len(self.others):
            return None, None
        mean, variance, freedom = self._weighted()
        return mean, _around(mean, variance, freedom)

    def _weighted(self) -> tuple[float, float, float]:
        """Mean of the others, its variance, and the answers they are worth less one (Kish 1965)."""
        values = self.answers.share[self.others]
        mean = float((self.share * values).sum())
        squares = float((self.share**2).sum())
        size = 1 / squares
        spread = float((self.share * (values - mean) ** 2).sum())
        variance = spread * squares * (size / (size - 1) if size > 1 else 1.0)
        return mean, variance, size - 1

    def difference(self) -> dict[str, Any]:
        """score_difference (met - others, in shares of the scale) with Welch's interval, None with `reason` under FEWEST."""
        nothing = {"score_difference": None, "difference_low": None, "difference_high": None}
        if min(len(self.met), len(self.others)) < FEWEST:
            return {**nothing, "difference_reason": "few"}
        mine = Moments.of(self.answers.share[self.met])
        mean, variance, freedom = self._weighted()
        own = (mine.variance or 0.0) / mine.n
        if own + variance <= 0:
            return {**nothing, "difference_reason": "constant"}
        # Welch 1947, formula of Satterthwaite for the degrees of freedom.
        both = (own + variance) ** 2 / (own**2 / (mine.n - 1) + (variance**2 / freedom if freedom > 0 else 0.0))
        middle = mine.total / mine.n - mean
        around = _around(middle, own + variance, both)
        return {
            "score_difference": middle, "difference_low": around.low if around else None,
            "difference_high": around.high if around else None, "difference_reason": "",
        }  # fmt: skip


def _around(mean: float, variance: float, freedom: float) -> Interval | None:
    if variance <= 0 or freedom < 1:
        return None
    from scipy.special import stdtrit  # noqa: PLC0415 - scipy is slow to import

    half = float(stdtrit(freedom, 0.975)) * math.sqrt(variance)
    return Interval(mean - half, mean + half)
