"""Who buys again, and after how long: order by order, with those who may still come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any, Final

import numpy as np
import pyarrow as pa
from msgspec import Meta

from afterclick.analyse.context import Context
from afterclick.analyse.describe import people_of
from afterclick.analyse.orders import orders_of
from afterclick.analyse.question import Duration, Question
from afterclick.analyse.scope import Scope, scope_of
from afterclick.core import clock, spans
from afterclick.core.moments import Share
from afterclick.core.result import Note, People, Result, Text
from afterclick.core.spans import Period
from afterclick.learn.value.purchases import days_said, known_day
from afterclick.learn.value.waiting import Waiting

_POINTS: Final = 60
"""Points of a curve."""
_FEW: Final = 10
"""Waits that are still watched below which a curve ends: beyond, one more order moves it by a tenth."""
FRAME: Final = pa.schema(
    [
        ("order", pa.int64()), ("customers", pa.int64()), ("of_all_rate", pa.float64()), ("of_all_low_rate", pa.float64()),
        ("of_all_high_rate", pa.float64()), ("from_previous_rate", pa.float64()), ("open", pa.int64()),
        ("within_rate", pa.float64()), ("within_low_rate", pa.float64()), ("within_high_rate", pa.float64()),
        ("days_p50", pa.float64()), ("days_seen_p50", pa.float64()), ("reason", pa.string()),
    ]
)  # fmt: skip
CURVE: Final = pa.schema(
    [
        ("order", pa.int64()), ("days", pa.float64()), ("again_rate", pa.float64()), ("low_rate", pa.float64()),
        ("high_rate", pa.float64()), ("waiting", pa.int64()),
    ]
)  # fmt: skip


class Repeat(Question, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Repeat purchase: how many buyers order a second, third, fourth time, and how long they take."""

    key_word = "repeat"

    period: Annotated[
        str,
        Meta(
            description="days in which the first order was placed; all = the whole history",
            pattern=spans.RANGE_PATTERN,
            examples=["all", "12mo", "91d"],
        ),
    ] = "all"
    within: Annotated[Duration, Meta(description="by when the next order is looked for")] = "90d"
    most: Annotated[int, Meta(description="orders that are followed", ge=2, le=20)] = 5

    def answer(self, context: Context) -> Result:
        """One row per order number: who placed it, and how soon those who placed the one before did.

        Shares of buyers count what was seen so far; `within_rate` and `days_p50` are Kaplan and Meier's estimates, in which
        a buyer who has not ordered again yet counts for as long as he was watched.
        """
        scope = scope_of(context, self)
        period = spans.resolve_range(self.period, scope.as_of, context.snapshot.behaved[0], context.zone)
        found = _placed(scope, period)
        within = spans.micros(self.within)
        rows = [found.row(order, within) for order in range(1, self.most + 1)]
        second = rows[1]
        figures = {
            "customers": rows[0]["customers"], "repeaters": second["customers"], "repeat_rate": second["of_all_rate"],
            "repeat_low_rate": second["of_all_low_rate"], "repeat_high_rate": second["of_all_high_rate"],
            "within_rate": second["within_rate"], "within_low_rate": second["within_low_rate"],
            "within_high_rate": second["within_high_rate"], "days_p50": second["days_p50"],
            "days_seen_p50": second["days_seen_p50"],
        }  # fmt: skip
        return Result(
            self, pa.Table.from_pylist(rows, schema=FRAME), sentence=_sentence(figures, within), figures=figures,
            parts={"curve": pa.Table.from_pylist(found.curves(self.most), schema=CURVE)},
            notes=_notes(scope, self), people=_people(scope, found, self.most),
            about=scope.about(
                "buyers", events=len(found.at), visitors=len(found.buyers), known_until=known_day(scope).isoformat(),
                period=self.period, within=self.within,
                range=days_said(spans.local_day(period.start, context.zone).toordinal(), known_day(scope).toordinal()),
                compare=None,
            ),
        )  # fmt: skip


@dataclass(frozen=True)
class Placed:
    """Orders of the buyers whose first one lies in a period, by buyer and time; `buyers` are their labels.

    at int64 µs, offsets int64[buyers + 1], until µs: the end of what is known.
    """

    buyers: np.ndarray
    at: np.ndarray = field(repr=False)
    offsets: np.ndarray = field(repr=False)
    until: int

    @cached_property
    def count(self) -> np.ndarray:
        """Orders of each buyer."""
        return np.diff(self.offsets)

    def having(self, order: int) -> np.ndarray:
        """Labels of the buyers with so many orders or more."""
        return self.buyers[self.count >= order]

    def waits(self, order: int) -> tuple[np.ndarray, np.ndarray]:
        """How long each buyer was watched after an order, µs, and whether the next one came."""
        placed = np.flatnonzero(self.count >= order)
        begun = self.at[self.offsets[placed] + order - 1]
        over = self.count[placed] > order
        ended = np.full(len(placed), self.until)
        ended[over] = self.at[self.offsets[placed[over]] + order]
        return np.maximum(ended - begun, 0), over

    def row(self, order: int, within: int) -> dict[str, Any]:
        """The row of an order number."""
        n, base = int((self.count >= order).sum()), int((self.count >= 1).sum())
        share = Share(n, base)
        low, high = (share.interval if order > 1 else None) or (None, None)
        row: dict[str, Any] = {
            "order": order, "customers": n, "of_all_rate": share.rate, "of_all_low_rate": low, "of_all_high_rate": high,
            "from_previous_rate": None, "open": int((self.count == order).sum()), "within_rate": None,
            "within_low_rate": None, "within_high_rate": None, "days_p50": None, "days_seen_p50": None, "reason": "",
        }  # fmt: skip
        if order == 1:
            return row
        lengths, over = self.waits(order - 1)
        waiting = Waiting.of(lengths, over)
        done, interval = waiting.done(within), waiting.interval(within) or (None, None)
        middle = waiting.quantile(0.5)
        seen = lengths[over]
        return row | {
            "from_previous_rate": Share(n, waiting.n).rate, "within_rate": done, "within_low_rate": interval[0],
            "within_high_rate": interval[1], "days_p50": None if middle is None else middle / spans.DAY,
            "days_seen_p50": float(np.median(seen)) / spans.DAY if len(seen) else None,
            "reason": "" if done is not None else "empty" if not waiting.n else "not_over",
        }  # fmt: skip

    def curves(self, most: int) -> list[dict[str, Any]]:
        """By order number and days the share that has ordered again; each ends where few are still watched."""
        rows: list[dict[str, Any]] = []
        for order in range(2, most + 1):
            lengths, over = self.waits(order - 1)
            waiting, ordered = Waiting.of(lengths, over), np.sort(lengths)
            end = int(ordered[-_FEW]) if len(ordered) >= _FEW else 0
            days = end // spans.DAY
            if days < 1:
                continue
            step = -(-days // _POINTS)
            for day in range(0, days + 1, step):
                length = day * spans.DAY
                low, high = waiting.interval(length) or (None, None)
                rows.append(
                    {
                        "order": order, "days": float(day), "again_rate": waiting.done(length), "low_rate": low,
                        "high_rate": high,
                        "waiting": len(ordered) - int(np.searchsorted(ordered, length, side="left")),
                    }
                )  # fmt: skip
        return rows


def _placed(scope: Scope, period: Period) -> Placed:
    orders = orders_of(scope)
    mine = np.flatnonzero(~orders.refund & orders.counted & (orders.visitor >= 0) & (orders.at <= scope.as_of))
    visitor, at = orders.visitor[mine].astype(np.int64), orders.at[mine]
    order = np.lexsort((at, visitor))
    visitor, at = visitor[order], at[order]
    buyers, begins, count = np.unique(visitor, return_index=True, return_counts=True)
    first = at[begins]
    kept = (first >= period.start) & (first < period.end)
    rows = np.repeat(kept, count)
    offsets = np.concatenate([[0], np.cumsum(count[kept])]).astype(np.int64)
    return Placed(buyers[kept], at[rows], offsets, _until(scope))


def _until(scope: Scope) -> int:
    """The end of what is known: the last event, or the day that was asked for though nothing happened on it."""
    if not scope.question.as_of:
        return scope.as_of
    end = spans.midnight(known_day(scope) + timedelta(days=1), scope.context.zone) - 1
    return max(min(end, clock.now()), scope.as_of)


def _sentence(figures: dict[str, Any], within: int) -> Text:
    if not figures["customers"]:
        return Text("sentence.value_empty")
    params = {"customers": figures["customers"], "repeaters": figures["repeaters"], "rate": figures["repeat_rate"]}
    if figures["within_rate"] is None:
        return Text("sentence.repeat_so_far", params)
    return Text("sentence.repeat", params | {"within": within, "within_rate": figures["within_rate"]})


def _notes(scope: Scope, question: Repeat) -> tuple[Note, ...]:
    orders, notes = orders_of(scope), [Note("repeat_open")]
    nobody = int((~orders.refund & orders.counted & (orders.visitor < 0)).sum())
    if nobody:
        notes.append(Note("value_nobody", {"count": nobody}))
    if question.range not in (Question().range, "all"):
        notes.append(Note("value_period"))
    return tuple(notes)


def _people(scope: Scope, placed: Placed, most: int) -> dict[str, Callable[[], People]]:
    found: dict[str, Callable[[], People]] = {}
    for order in range(1, most + 1):
        having = Text("people.repeat_order", {"order": order})
        found[f"order={order}"] = lambda order=order, text=having: people_of(scope, placed.having(order), text)  # type: ignore[misc]
        exactly = Text("people.repeat_open", {"order": order})
        found[f"order={order};part=open"] = lambda order=order, text=exactly: people_of(  # type: ignore[misc]
            scope, placed.buyers[placed.count == order], text
        )
    return found
