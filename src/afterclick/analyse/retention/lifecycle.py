"""The life cycle of visitors: who is new, who stays, who comes back after a pause, and who goes quiet."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, Final, Literal, NamedTuple

import numpy as np
import pyarrow as pa
from msgspec import Meta

from afterclick.analyse.context import Context
from afterclick.analyse.describe import people_of
from afterclick.analyse.intervals import chosen, cut, first_days
from afterclick.analyse.question import Question
from afterclick.analyse.retention.activity import Activity, activity_of
from afterclick.analyse.retention.rules import Rules, rule
from afterclick.analyse.scope import Scope, scope_of
from afterclick.core import spans
from afterclick.core.event import INSTANT
from afterclick.core.result import Note, People, Result, Text
from afterclick.core.step import Step

PARTS: Final = ("new", "returning", "resurrecting", "dormant")
_SCHEMA: Final = pa.schema(
    [
        ("interval", pa.string()), ("start_at", INSTANT), ("end_at", INSTANT), ("active", pa.int64()),
        *((part, pa.int64()) for part in PARTS), ("active_before", pa.int64()), ("incomplete", pa.bool_()),
    ]
)  # fmt: skip


class Lifecycle(Question, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The life cycle: new, returning, revived and dormant visitors, interval by interval."""

    key_word = "lifecycle"

    start: Annotated[
        str,
        Meta(
            description="what makes a visitor active: Event or Event[condition]; * = anything",
            examples=["*", "Order Completed"],
        ),
    ] = "*"
    interval: Annotated[
        Literal["auto", "day", "week", "month"], Meta(description="day, ISO week or month of the site's zone")
    ] = "auto"

    def check(self) -> None:
        """The rule must be readable."""
        super().check()
        self.starting  # noqa: B018 - reading it is the check

    @property
    def starting(self) -> Step:
        """The rule of being active."""
        return rule(self.start, "start")

    def answer(self, context: Context) -> Result:
        """Count every interval of the range, each beside the whole one before it."""
        scope = scope_of(context, self)
        whole = _Calendar.of(scope, self.interval)
        found = activity_of(Rules(scope, self.starting, None), whole.edges)
        table = _Table(scope, whole, found)
        rows = table.rows()
        over = [row for row in rows if not row["incomplete"]]
        return Result(
            self, pa.Table.from_pylist(rows, schema=_SCHEMA), sentence=_sentence(over, whole.name),
            figures={"interval": whole.name, **_figures(over)}, notes=_notes(self, whole, rows),
            about=scope.about("visitors", visitors=int(found.active[1:].any(axis=0).sum())), people=table.cells(),
        )  # fmt: skip


class _Calendar(NamedTuple):
    """Whole intervals that touch the range, behind one more: first local days, and instants (int64 µs, one longer)."""

    name: str
    days: list[str]
    edges: np.ndarray
    cut: bool

    @classmethod
    def of(cls, scope: Scope, asked: str) -> _Calendar:
        """Whole, because who is new, stays or comes back is said of whole intervals."""
        zone, period = scope.context.zone, scope.period
        name = chosen(asked, period)
        name = "day" if name == "hour" else name
        cuts = cut(period, name, zone)
        first = first_days(spans.local_day(period.start, zone), name, 0)[0]
        before = first_days(first - timedelta(days=1), name, 0)[0]
        days = first_days(before, name, len(cuts) + 1)
        edges = np.array([spans.midnight(day, zone) for day in days], np.int64)
        return cls(name, [day.isoformat() for day in days[:-1]], edges, not cuts.whole.all())


class _Table:
    """The four parts of every interval but the first, which is there to look back at."""

    def __init__(self, scope: Scope, whole: _Calendar, found: Activity) -> None:
        self._scope, self._whole, self._found = scope, whole, found
        self._born = np.searchsorted(whole.edges, found.first_at, side="right") - 1
        oldest = int(np.searchsorted(whole.edges, scope.context.snapshot.behaved[0], side="right")) - 1
        # Before the store begins there is nothing to be said of anybody.
        self._shown = range(max(1, oldest), int(np.searchsorted(whole.edges[:-1], scope.as_of, side="right")))

    def _which(self, number: int, part: str) -> np.ndarray:
        now, before = self._found.active[number], self._found.active[number - 1]
        new = now & (self._born == number)
        found: dict[str, np.ndarray] = {
            "active": now, "active_before": before, "dormant": before & ~now, "new": new, "returning": now & before & ~new,
            "resurrecting": now & ~before & ~new,
        }  # fmt: skip
        return found[part]

    def rows(self) -> list[dict[str, Any]]:
        """One row per interval that has begun."""
        edges, days = self._whole.edges, self._whole.days
        return [
            {
                "interval": days[i], "start_at": int(edges[i]), "end_at": int(edges[i + 1]),
                "incomplete": bool(edges[i + 1] > self._scope.as_of + 1),
                **{part: int(self._which(i, part).sum()) for part in ("active", *PARTS, "active_before")},
            }
            for i in self._shown
        ]  # fmt: skip

    def cells(self) -> dict[str, Callable[[], People]]:
        """`interval=2026-09-01;part=new`, and so on."""

        def cell(number: int, part: str) -> Callable[[], People]:
            text = Text(f"people.lifecycle_{part}", {"interval": self._whole.days[number]})
            return lambda: people_of(self._scope, self._found.labels(self._which(number, part)), text)

        parts = ("active", *PARTS)
        return {f"interval={self._whole.days[i]};part={part}": cell(i, part) for i in self._shown for part in parts}


def _figures(whole: list[dict[str, Any]]) -> dict[str, Any]:
    """Of the last interval that is over, and how many were won for each that was lost over all that are."""
    last = whole[-1] if whole else None
    won = sum(row["new"] + row["resurrecting"] for row in whole)
    lost = sum(row["dormant"] for row in whole)
    return {
        "last_interval": last["interval"] if last else None,
        **{part: last[part] if last else None for part in ("active", *PARTS)},
        "won_per_lost": won / lost if lost else None,
    }


def _sentence(whole: list[dict[str, Any]], name: str) -> Text:
    if not whole:
        return Text("sentence.lifecycle_open")
    last = whole[-1]
    won, lost = last["new"] + last["resurrecting"], last["dormant"]
    params = {"interval": last["interval"], "won": won, "lost": lost, "active": last["active"]}
    return Text(f"sentence.lifecycle_{name}", params)


def _notes(asked: Lifecycle, whole: _Calendar, rows: list[dict[str, Any]]) -> tuple[Note, ...]:
    notes = []
    if not any(row["active"] for row in rows):
        notes.append(Note("lifecycle_empty", {"event": asked.start}))
    unfinished = sum(row["incomplete"] for row in rows)
    if unfinished:
        notes.append(Note("lifecycle_incomplete", {"count": unfinished}))
    if whole.cut:
        notes.append(Note("lifecycle_whole"))
    return tuple(notes)
