"""What a set of answers says in figures: how many, the mean score and the net promoter score, each with its interval."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from afterclick.analyse.feedback.answers import Answers, latest
from afterclick.core.moments import Moments

PROMOTER, PASSIVE = 9, 7
"""The least score of a promoter and of a passive; whoever gives less is a detractor (Reichheld 2003)."""

_COUNTS: Final = ("answers", "visitors", "scored", "low", "high", "texts", "nps_answers", "promoters", "passives", "detractors")
_FLOATS: Final = ("score_rate", "score_low_rate", "score_high_rate", "score", "scale", "nps", "nps_low", "nps_high")
SCHEMA: Final = pa.schema(
    [
        ("value", pa.string()), ("name", pa.string()), *((name, pa.int64()) for name in _COUNTS),
        *((name, pa.float64()) for name in _FLOATS), ("reason", pa.string()),
    ]
)  # fmt: skip

PARTS: Final = ("answered", "low", "high", "promoters", "passives", "detractors")
"""Whose visitors can be asked for, of any set of answers."""


class Said(NamedTuple):
    """Some answers (places in `answers`), of each visitor the latest alone."""

    answers: Answers
    places: np.ndarray

    def of(self, part: str) -> np.ndarray:
        """The places of a part, see `PARTS`."""
        found, here = self.answers, self.places
        if part == "answered":
            return here
        if part in ("low", "high"):
            kept: np.ndarray = here[found.low[here] if part == "low" else found.high[here]]
            return kept
        here = here[found.nps[here]]
        score = found.score[here]
        masks = {
            "promoters": score >= PROMOTER,
            "passives": (score >= PASSIVE) & (score < PROMOTER),
            "detractors": score < PASSIVE,
        }
        result: np.ndarray = here[masks[part]]
        return result

    def visitors(self, part: str) -> np.ndarray:
        """Labels of the visitors behind a part, ascending."""
        found = np.unique(self.answers.visitor[self.of(part)])
        result: np.ndarray = found[found >= 0].astype(np.int64)
        return result

    def count(self, part: str) -> int:
        """The visitors behind a part, with one more for each answer of nobody."""
        return len(self.visitors(part)) + int((self.answers.visitor[self.of(part)] < 0).sum())


def said(answers: Answers, places: np.ndarray) -> Said:
    """These answers, of each visitor and survey the latest alone (all NPS surveys are one); those of nobody all count."""
    survey = np.where(answers.nps[places], -1, answers.survey[places])
    return Said(answers, places[latest(answers.visitor[places], survey)])


def scores(found: Said) -> dict[str, Any]:
    """The columns of SCHEMA but value and name.

    `answers` are those counted, `visitors` the people behind them, `low` to `detractors` people too; `score_rate` is the
    mean of score by scale with Student's interval, `score` the mean on the scale itself where all have one scale; `nps` =
    100 · (promoters - detractors) / answers, -100 to 100, its interval by its own variance: each answer is 1, 0 or -1.
    Undefined ones are None, with `reason` the code of why.
    """
    here, each = found.answers, found.places
    share = here.share[each]
    scored = ~np.isnan(share)
    rate = Moments.of(share[scored])
    parts = {name: found.count(name) for name in PARTS}
    signs = [len(found.of(name)) for name in ("promoters", "passives", "detractors")]
    promoted = Moments.of(np.repeat(np.array([1, 0, -1]), signs))
    scales = np.unique(here.scale[each][scored])
    # Equal shares need not have equal squares as floats do them.
    constant = rate.n > 1 and float(np.ptp(share[scored])) == 0
    between, around = None if constant else rate.interval, promoted.interval
    return {
        "answers": len(each), "visitors": len(found.visitors("answered")), "scored": rate.n, "low": parts["low"],
        "high": parts["high"], "texts": int((here.text[each] >= 0).sum()), "nps_answers": promoted.n,
        "promoters": parts["promoters"], "passives": parts["passives"], "detractors": parts["detractors"],
        "score_rate": rate.mean, "score_low_rate": max(0.0, between.low) if between else None,
        "score_high_rate": min(1.0, between.high) if between else None,
        "score": float(here.score[each][scored].mean()) if len(scales) == 1 else None,
        "scale": float(scales[0]) if len(scales) == 1 else None, **_nps(promoted, around),
        "reason": "constant" if constant else rate.reason or "",
    }  # fmt: skip


def _nps(found: Moments, around: Any) -> dict[str, float | None]:
    if found.mean is None:
        return {"nps": None, "nps_low": None, "nps_high": None}
    low, high = (max(-100.0, 100 * around.low), min(100.0, 100 * around.high)) if around else (None, None)
    return {"nps": 100 * found.total / found.n, "nps_low": low, "nps_high": high}


def grouped(answers: Answers, places: np.ndarray, codes: np.ndarray, size: int) -> Iterator[tuple[int, Said]]:
    """By code (-1: none) of each of these answers, each code's with answers in ascending order."""
    for code in range(-1, size):
        here = places[codes == code]
        if len(here):
            yield code, said(answers, here)
