"""Stickiness: on how many days visitors come, and how many of a month's visitors come on a day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

import numpy as np
import pyarrow as pa
from msgspec import Meta

from afterclick.analyse.context import Context
from afterclick.analyse.describe import people_of
from afterclick.analyse.intervals import cut
from afterclick.analyse.question import Question
from afterclick.analyse.retention.activity import Activity, activity_of
from afterclick.analyse.retention.rules import Rules, rule
from afterclick.analyse.scope import Scope, scope_of
from afterclick.core import spans
from afterclick.core.moments import Interval, Moments, Share
from afterclick.core.result import Note, People, Result, Text
from afterclick.core.step import Step

MONTH: Final = 30
"""Days of DAU/MAU."""
_SCHEMA: Final = pa.schema(
    [
        ("intervals", pa.int64()), ("visitors", pa.int64()), ("share_rate", pa.float64()), ("low_rate", pa.float64()),
        ("high_rate", pa.float64()), ("or_more", pa.int64()), ("or_more_rate", pa.float64()),
    ]
)  # fmt: skip


class Stickiness(Question, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Stickiness: on how many days, weeks or months visitors come, and DAU/MAU."""

    key_word = "stickiness"

    start: Annotated[
        str,
        Meta(
            description="what makes a visitor active: Event or Event[condition]; * = anything",
            examples=["*", "Order Completed"],
        ),
    ] = "*"
    interval: Annotated[
        Literal["day", "week", "month"],
        Meta(description="what is counted: days, ISO weeks or months of the site's zone"),
    ] = "day"

    def check(self) -> None:
        """The rule must be readable."""
        super().check()
        self.starting  # noqa: B018 - reading it is the check

    @property
    def starting(self) -> Step:
        """The rule of being active."""
        return rule(self.start, "start")

    def answer(self, context: Context) -> Result:
        """The histogram of the range, and DAU/MAU of the 30 days at its end."""
        scope = scope_of(context, self)
        rules = Rules(scope, self.starting, None)
        cuts = cut(scope.period, self.interval, context.zone)
        found = activity_of(rules, cuts.edges)
        times = found.active.sum(axis=0, dtype=np.int64)
        month = _Month(scope, rules)
        visitors = int((times > 0).sum())
        figures = {
            "interval": self.interval, "visitors": visitors,
            "mean_intervals": Moments.of(times[times > 0]).mean, **month.figures(),
        }  # fmt: skip
        return Result(
            self, pa.Table.from_pylist(_rows(times), schema=_SCHEMA), sentence=_sentence(figures), figures=figures,
            notes=month.notes(), about=scope.about("visitors", visitors=visitors), people=_cells(scope, found, times, month),
        )  # fmt: skip


class _Month:
    """The 30 local days that end with the range or with what is known; fewer where the store is younger."""

    def __init__(self, scope: Scope, rules: Rules) -> None:
        zone = scope.context.zone
        last = spans.local_day(min(scope.period.end - 1, scope.as_of), zone)
        oldest = spans.local_day(scope.context.snapshot.behaved[0], zone)
        wanted = last - timedelta(days=MONTH - 1)
        self.first = max(wanted, min(oldest, last))
        self.days = (last - self.first).days + 1
        edges = [spans.midnight(self.first + timedelta(days=day), zone) for day in range(self.days + 1)]
        self._found = activity_of(rules, np.array(edges, np.int64))
        self._open = edges[-1] > scope.as_of + 1

    @property
    def visitors(self) -> np.ndarray:
        """Labels of those active in these days."""
        ever = np.asarray(self._found.active.any(axis=0))
        return self._found.labels(ever)

    def figures(self) -> dict[str, Any]:
        """DAU/MAU: the mean of daily visitors ÷ visitors of all the days, which is the mean share of days of a visitor."""
        times = self._found.active.sum(axis=0, dtype=np.int64)
        moments = Moments.of(times[times > 0])
        total, found = int(moments.total), moments.interval
        interval = Interval(max(0.0, found.low / self.days), min(1.0, found.high / self.days)) if found else None
        return {
            "days": self.days, "daily_visitors": total / self.days, "monthly_visitors": moments.n,
            "dau_mau_rate": None if moments.mean is None else moments.mean / self.days,
            "low_rate": interval.low if interval else None, "high_rate": interval.high if interval else None,
            "reason": moments.reason or "",
        }  # fmt: skip

    def notes(self) -> tuple[Note, ...]:
        """What a reader of DAU/MAU must know."""
        notes = []
        if self.days < MONTH:
            notes.append(Note("stickiness_young", {"days": self.days}))
        if self._open:
            notes.append(Note("stickiness_open"))
        return tuple(notes)


def _rows(times: np.ndarray) -> list[dict[str, Any]]:
    """One row per number of intervals from 1 to the most that somebody has."""
    counts = np.bincount(times) if len(times) else np.zeros(1, np.int64)
    everyone = int(counts[1:].sum())
    rows = []
    for number in range(1, len(counts)):
        share, more = Share(int(counts[number]), everyone), Share(int(counts[number:].sum()), everyone)
        low, high = share.interval or (None, None)
        rows.append(
            {
                "intervals": number, "visitors": share.hits, "share_rate": share.rate, "low_rate": low, "high_rate": high,
                "or_more": more.hits, "or_more_rate": more.rate,
            }
        )  # fmt: skip
    return rows


def _cells(scope: Scope, found: Activity, times: np.ndarray, month: _Month) -> dict[str, Callable[[], People]]:
    """`intervals=3`, `intervals=3;part=at_least` and `part=monthly`."""

    def cell(labels: Callable[[], np.ndarray], text: str, **params: Any) -> Callable[[], People]:
        return lambda: people_of(scope, labels(), Text(f"people.stickiness_{text}", params))

    def by(number: int, most: int) -> Callable[[], np.ndarray]:
        return lambda: found.labels((times >= number) & (times <= most))

    cells = {"part=monthly": cell(lambda: month.visitors, "monthly", days=month.days)}
    highest = int(times.max(initial=0))
    for number in range(1, highest + 1):
        cells[f"intervals={number}"] = cell(by(number, number), "on", number=number)
        cells[f"intervals={number};part=at_least"] = cell(by(number, highest), "at_least", number=number)
    return cells


def _sentence(figures: dict[str, Any]) -> Text:
    if not figures["monthly_visitors"]:
        return Text("sentence.stickiness_empty")
    return Text(
        "sentence.stickiness",
        {"rate": figures["dau_mau_rate"], "days": figures["days"], "visitors": figures["monthly_visitors"]},
    )
