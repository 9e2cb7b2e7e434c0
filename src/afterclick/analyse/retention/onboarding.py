"""Onboarding: how many newcomers get as far as each thing that makes them stay, and by which day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final

import numpy as np
import pyarrow as pa
from msgspec import Meta

from afterclick.analyse.context import Context
from afterclick.analyse.describe import people_of
from afterclick.analyse.question import Question
from afterclick.analyse.retention.cohorts import came_back, first_ever
from afterclick.analyse.retention.periods import grid_of
from afterclick.analyse.retention.rules import Rules, rule
from afterclick.analyse.scope import Scope, scope_of
from afterclick.core.errors import SpecError
from afterclick.core.moments import Share
from afterclick.core.names import ORDER_COMPLETED
from afterclick.core.noise import difference
from afterclick.core.result import Note, People, Result, Text
from afterclick.core.said import Said
from afterclick.core.spans import Period

_SCHEMA: Final = pa.schema(
    [
        ("event", pa.string()), ("until_day", pa.int32()), ("newcomers", pa.int64()), ("visitors", pa.int64()),
        ("reached_rate", pa.float64()), ("low_rate", pa.float64()), ("high_rate", pa.float64()),
        ("previous_rate", pa.float64()), ("change", pa.float64()), ("change_low", pa.float64()), ("change_high", pa.float64()),
        ("reason", pa.string()),
    ]
)  # fmt: skip
_PROGRESS: Final = pa.schema(
    [
        ("steps", pa.int32()), ("visitors", pa.int64()), ("share_rate", pa.float64()), ("low_rate", pa.float64()),
        ("high_rate", pa.float64()),
    ]
)  # fmt: skip
USUAL: Final = ("Product Viewed", "Product Added", "Checkout Started", ORDER_COMPLETED)
"""The events of a shop that are asked for where none is named, as far as the store holds them."""


class Onboarding(Question, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Onboarding: the share of newcomers who reach each activation event by day n."""

    key_word = "onboarding"

    steps: Annotated[
        tuple[str, ...],
        Meta(
            description="activation events, each Event or Event[condition]; none = product viewed, added, checkout, order",
            examples=["Product Added", "Order Completed[revenue >= 20000]"],
        ),
    ] = ()
    start: Annotated[
        str,
        Meta(
            description="whose first ever makes a newcomer: Event or Event[condition]; * = anything",
            examples=["*", "Sign Up"],
        ),
    ] = "*"
    days: Annotated[int, Meta(description="by the end of which local day, the first being 0", ge=0, le=365)] = 7

    def check(self) -> None:
        """The rules must be readable and each named once."""
        super().check()
        rule(self.start, "start")
        listed = [rule(text, "steps").text() for text in self.steps]
        if len(set(listed)) < len(listed):
            raise SpecError(Said("refusals.event_twice"), hint=Said("refusals.event_once"), path="steps")

    def answer(self, context: Context) -> Result:
        """Follow the newcomers of the range whose last day is over."""
        scope = scope_of(context, self)
        now = _newcomers(scope, self, scope.period)
        before = _newcomers(scope, self, scope.previous) if scope.previous else None
        progress = now.progress()
        frame = pa.Table.from_pylist(_rows(now, before), schema=_SCHEMA)
        figures = {
            "newcomers": len(now.visitor), "left_out": now.waiting, "days": self.days,
            "previous_newcomers": len(before.visitor) if before else None,
        }  # fmt: skip
        return Result(
            self, frame, sentence=_sentence(now), figures=figures,
            parts={"progress": pa.Table.from_pylist(progress, schema=_PROGRESS)}, notes=_notes(now),
            about=scope.about("visitors", visitors=len(now.visitor)), people=_cells(scope, now),
        )  # fmt: skip


@dataclass(frozen=True)
class _Newcomers:
    """visitor int64 labels; day int64[events, visitors] on which each event was first reached, `days` + 1 = not by then;
    `waiting` = newcomers left out because their last day is not over."""

    events: tuple[str, ...]
    days: int
    visitor: np.ndarray
    day: np.ndarray
    waiting: int

    def share(self, event: int, day: int) -> Share:
        """Those who reached an event by the end of a day."""
        return Share(int((self.day[event] <= day).sum()), len(self.visitor))

    @property
    def done(self) -> np.ndarray:
        """How many of the events each reached by the last day, int64."""
        result: np.ndarray = (self.day <= self.days).sum(axis=0)
        return result

    def progress(self) -> list[dict[str, Any]]:
        """Newcomers by the number of events reached."""
        counts = np.bincount(self.done, minlength=len(self.events) + 1).tolist()
        rows = []
        for number, count in enumerate(counts):
            share = Share(count, len(self.visitor))
            low, high = share.interval or (None, None)
            rows.append(
                {"steps": number, "visitors": count, "share_rate": share.rate, "low_rate": low, "high_rate": high}
            )
        return rows


def _newcomers(scope: Scope, asked: Onboarding, period: Period) -> _Newcomers:
    listed = asked.steps or tuple(event for event in USUAL if len(scope.context.name_codes(event)))
    grid = grid_of(f"0-{asked.days}", 0, period, scope.as_of, scope.context.zone)
    start = rule(asked.start, "start")
    found = first_ever(Rules(scope, start, None), grid, "on", period, mark=False)
    over = grid.over[:, -1][found.cohort]
    day = np.empty((len(listed), int(over.sum())), np.int64)
    for number, text in enumerate(listed):
        done = np.zeros_like(found.seen)
        # A rule by itself counts from the very start on: the first thing somebody does may be the thing wanted.
        came_back(Rules(scope, rule(text, "steps"), None, ("events", "steps")), found, done)
        seen = done[: asked.days + 1, over]
        day[number] = np.where(seen.any(axis=0), seen.argmax(axis=0), asked.days + 1)
    return _Newcomers(listed, asked.days, found.visitor[over], day, int((~over).sum()))


def _rows(now: _Newcomers, before: _Newcomers | None) -> list[dict[str, Any]]:
    rows = []
    for number, event in enumerate(now.events):
        for day in range(now.days + 1):
            share, old = now.share(number, day), before.share(number, day) if before else None
            low, high = share.interval or (None, None)
            found = difference(share, old) if old else None
            known = old is not None and share.rate is not None and old.rate is not None
            rows.append(
                {
                    "event": event, "until_day": day, "newcomers": share.n, "visitors": share.hits, "reached_rate": share.rate,
                    "low_rate": low, "high_rate": high, "previous_rate": old.rate if old else None,
                    "change": (share.rate or 0.0) - (old.rate or 0.0) if known and old else None,
                    "change_low": found.low if found else None, "change_high": found.high if found else None,
                    "reason": share.reason or "",
                }
            )  # fmt: skip
    return rows


def _cells(scope: Scope, now: _Newcomers) -> dict[str, Callable[[], People]]:
    """`event=Product Added;day=7`, with `;part=away` those who had not, `steps=2` and `part=newcomers`."""

    def cell(which: Callable[[], np.ndarray], text: str, **params: Any) -> Callable[[], People]:
        return lambda: people_of(scope, now.visitor[which()], Text(f"people.onboarding_{text}", params))

    def by(event: int, day: int, *, away: bool = False) -> Callable[[], People]:
        text = "away" if away else "reached"
        return cell(lambda: (now.day[event] > day) == away, text, event=now.events[event], day=day)

    cells = {"part=newcomers": cell(lambda: np.ones(len(now.visitor), bool), "newcomers")}
    for number, event in enumerate(now.events):
        for day in range(now.days + 1):
            cells[f"event={event};day={day}"] = by(number, day)
            cells[f"event={event};day={day};part=away"] = by(number, day, away=True)
    for number in range(len(now.events) + 1):
        cells[f"steps={number}"] = cell(partial(_did, now, number), "progress", number=number)
    return cells


def _did(now: _Newcomers, number: int) -> np.ndarray:
    which: np.ndarray = now.done == number
    return which


def _sentence(now: _Newcomers) -> Text:
    if not len(now.visitor):
        return Text("sentence.onboarding_open" if now.waiting else "sentence.onboarding_empty")
    if not now.events:
        return Text("sentence.onboarding_no_events", {"newcomers": len(now.visitor)})
    shares = [now.share(number, now.days) for number in range(len(now.events))]
    least = min(range(len(shares)), key=lambda number: shares[number].hits)
    params = {"event": now.events[least], "rate": shares[least].rate, "day": now.days, "newcomers": len(now.visitor)}
    return Text("sentence.onboarding", params)


def _notes(now: _Newcomers) -> tuple[Note, ...]:
    notes = []
    if now.waiting:
        notes.append(Note("onboarding_waiting", {"count": now.waiting, "day": now.days}))
    if not now.events:
        notes.append(Note("onboarding_no_events"))
    return tuple(notes)
