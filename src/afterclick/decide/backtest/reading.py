"""From firings to an answer: its table, its parts, its caveats and the people behind each cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Final

import numpy as np
import pyarrow as pa

from afterclick.analyse.context import ids_of
from afterclick.analyse.describe import people_of
from afterclick.analyse.handles import best, handle
from afterclick.analyse.intervals import cut
from afterclick.analyse.scope import Scope
from afterclick.core import spans
from afterclick.core.event import INSTANT
from afterclick.core.money import SCALE, to_decimal
from afterclick.core.result import Note, People, Result, Text
from afterclick.core.spec import Spec
from afterclick.decide.backtest.counted import Counted, both, held_out, hours, money_of, near, of_times, per_visitor
from afterclick.decide.backtest.running import Firings, History
from afterclick.decide.backtest.tested import WRITTEN, Tested
from afterclick.decide.backtest.worth import Followed
from afterclick.decide.rules.book import JOURNEY
from afterclick.store.automations import LiveRule

LISTED: Final = 1_000
"""Firings that are listed, the first ones."""
_HOURLY: Final = 1_000
"""Events a rule may make in an hour."""

_SCHEMA = pa.schema(
    [
        ("automation", pa.string()), ("tested", pa.bool_()), ("firings", pa.int64()), ("visitors", pa.int64()),
        ("per_visitor", pa.float64()), ("held_out", pa.int64()), ("both_visitors", pa.int64()), ("near_firings", pa.int64()),
        ("cost", pa.decimal128(28, 4)), ("revenue_after", pa.decimal128(28, 4)), ("orders_after", pa.int64()),
    ]
)  # fmt: skip
_SERIES = pa.schema(
    [
        ("interval", pa.int64()), ("start_at", INSTANT), ("end_at", INSTANT), ("incomplete", pa.bool_()),
        ("firings", pa.int64()), ("visitors", pa.int64()),
    ]
)  # fmt: skip
_HOURS = pa.schema([("hour", pa.int64()), ("firings", pa.int64())])
_TIMES = pa.schema([("least", pa.int64()), ("most", pa.int64()), ("visitors", pa.int64())])
_FIRINGS = pa.schema(
    [("automation", pa.string()), ("visitor", pa.string()), ("at", INSTANT), ("by_time", pa.bool_()), ("values", pa.string())]
)  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """What was run, and how the question tells it. `asked` are the firings of all that was asked about, `before` those of
    the period compared with."""

    scope: Scope
    question: Spec
    tested: Tested
    found: list[Counted]
    firings: Firings
    history: History
    asked: Counted
    before: Counted | None
    window: str

    def result(self) -> Result:
        """The answer."""
        money = [money_of(self.scope, one, spans.micros(self.window)) for one in self.found]
        whole = money[0] if self.tested.asked == 1 else money_of(self.scope, self.asked, spans.micros(self.window))
        rows = [self._row(place, one, money[place]) for place, one in enumerate(self.found)]
        figures = self._figures(rows, whole)
        return Result(
            self.question, pa.Table.from_pylist(rows, schema=_SCHEMA), sentence=self._sentence(figures), figures=figures,
            parts={"series": self._series(), "hours": self._hours(), "times": self._times(), "firings": self._listed()},
            notes=tuple(self._notes(whole)), people=self._people(),
            about=self.scope.about("visitors", visitors=figures["visitors"]),
        )  # fmt: skip

    def _row(self, place: int, one: Counted, money: Followed) -> dict[str, Any]:
        rule, mine = self.tested.rules[place], place < self.tested.asked
        out = int(held_out(self.scope, one, rule.holdout_rate).sum())
        return {
            "automation": _said(rule), "tested": mine, "firings": len(one), "visitors": len(one.visitors),
            "per_visitor": len(one) / len(one.visitors) if len(one) else None, "held_out": out,
            "both_visitors": None if mine else len(both(self.asked, one)),
            "near_firings": None if mine else near(self.asked, one),
            "cost": Decimal(repr(rule.cost)) * (len(one) - out) if rule.cost else None,
            "revenue_after": money.revenue, "orders_after": money.orders if money.revenue is not None else None,
        }  # fmt: skip

    def _figures(self, rows: list[dict[str, Any]], money: Followed) -> dict[str, Any]:
        mine = [row for row in rows if row["tested"]]
        costs = [row["cost"] for row in mine if row["cost"] is not None]
        cost, revenue = (sum(costs) if costs else None), money.revenue
        return {
            "firings": len(self.asked), "visitors": len(self.asked.visitors),
            "per_visitor": len(self.asked) / len(self.asked.visitors) if len(self.asked) else None,
            "held_out": sum(row["held_out"] for row in mine),
            "previous_firings": None if self.before is None else len(self.before),
            "cost": cost, "revenue_after": revenue,
            "revenue_after_low": None if money.interval is None else _amount(money.interval.low),
            "revenue_after_high": None if money.interval is None else _amount(money.interval.high),
            "orders_after": None if revenue is None else money.orders,
            "break_even_rate": float(cost) / float(revenue) if cost and revenue and revenue > 0 else None,
            "rules": self.tested.asked, "beside": len(rows) - self.tested.asked,
            "by_tape": self.firings.by_tape, "by_engine": self.firings.by_engine,
        }  # fmt: skip

    def _sentence(self, figures: dict[str, Any]) -> Text:
        if not self.tested.asked:
            return Text("sentence.backtest_none")
        who = _said(self.tested.rules[0]) if self.tested.asked == 1 else ""
        params = {"who": who, "rules": self.tested.asked, "firings": figures["firings"], "visitors": figures["visitors"]}
        if not figures["firings"]:
            return Text("sentence.backtest_never" if who else "sentence.backtest_never_any", params)
        return Text("sentence.backtest" if who else "sentence.backtest_all", params)

    def _notes(self, money: Followed) -> list[Note]:
        question, tested = self.scope.question, self.tested
        notes = [Note("backtest_as_if")] if tested.asked else [Note("backtest_no_rules")]
        if len(self.asked):
            notes.append(Note("backtest_no_lift", {"window": spans.micros(self.window)}))
        if money.revenue is None:
            notes.append(Note("backtest_mixed"))
        if question.bots == "in":
            notes.append(Note("backtest_bots"))
        if any(rule.emit for rule in tested.rules[: tested.asked]) and (over := self._over()):
            notes.append(Note("backtest_hourly", {"n": over, "most": _HOURLY}))
        if tested.left_out:
            notes.append(Note("backtest_left_out", {"n": tested.left_out}))
        if self._misses_entries():
            notes.append(Note("backtest_entries"))
        return notes

    def _over(self) -> int:
        """Firings that would have made no event: those behind the first of an hour, as many as are let through."""
        over = 0
        for place, rule in enumerate(self.tested.rules[: self.tested.asked]):
            if rule.emit:
                _, counts = np.unique(self.found[place].at // spans.HOUR, return_counts=True)
                over += int(np.maximum(counts - _HOURLY, 0).sum())
        return over

    def _misses_entries(self) -> bool:
        """Whether a journey was asked about that a segment brings visitors into: that happens by the clock, not by events."""
        known = {one.name: one for one in self.scope.context.snapshot.definitions.journeys}
        return self.tested.journey in known and bool(known[self.tested.journey].entry.segment)

    # -- parts

    def _series(self) -> pa.Table:
        cuts = cut(self.scope.period, "day", self.scope.context.zone)
        place = cuts.of(self.asked.at)
        firings = np.bincount(place, minlength=len(cuts))
        pairs = np.unique(np.stack([place, self.asked.label.astype(np.int64)]), axis=1)[0] if len(place) else place
        visitors = np.bincount(pairs, minlength=len(cuts))
        incomplete = cuts.incomplete(self.scope.as_of)
        rows = [
            {
                "interval": i, "start_at": int(cuts.edges[i]), "end_at": int(cuts.edges[i + 1]),
                "incomplete": bool(incomplete[i]), "firings": int(firings[i]), "visitors": int(visitors[i]),
            }
            for i in range(len(cuts))
            if cuts.edges[i] <= self.scope.as_of
        ]  # fmt: skip
        return pa.Table.from_pylist(rows, schema=_SERIES)

    def _hours(self) -> pa.Table:
        counts = hours(self.scope, self.asked).tolist()
        return pa.Table.from_pylist([{"hour": i, "firings": n} for i, n in enumerate(counts)], schema=_HOURS)

    def _times(self) -> pa.Table:
        return pa.Table.from_pylist(per_visitor(self.asked), schema=_TIMES)

    def _listed(self) -> pa.Table:
        first = slice(0, LISTED)
        names = np.concatenate([np.zeros(0, np.int64), *(np.full(len(one), i) for i, one in enumerate(self._mine))])
        order = np.lexsort((np.concatenate([self.asked.label[:0], *(one.label for one in self._mine)]),
                            np.concatenate([self.asked.at[:0], *(one.at for one in self._mine)])))  # fmt: skip
        rule = names[order][first].astype(np.int64)
        asked = self.asked
        label, key, at, timed = (column[first] for column in (asked.label, asked.key, asked.at, asked.timed))
        values = self.history.values(key.astype(np.int64), rule, at) if len(at) else []
        ids = ids_of(self.scope.context, self.scope.labels, np.unique(label))
        rows = [
            {
                "automation": _said(self.tested.rules[int(rule[i])]), "visitor": handle(best(ids[int(label[i])])),
                "at": int(at[i]), "by_time": bool(timed[i]), "values": values[i],
            }
            for i in range(len(at))
        ]  # fmt: skip
        return pa.Table.from_pylist(rows, schema=_FIRINGS)

    @property
    def _mine(self) -> list[Counted]:
        return self.found[: self.tested.asked]

    # -- people

    def _people(self) -> dict[str, Callable[[], People]]:
        cuts = cut(self.scope.period, "day", self.scope.context.zone)
        place = cuts.of(self.asked.at)
        found = {"firings": self._cell("reached", lambda: self.asked.visitors)}
        for i, one in enumerate(self.found):
            found[f"automation={i}"] = self._cell("of_rule", partial(_visitors, one), rule=_said(self.tested.rules[i]))
            if i >= self.tested.asked:
                cell = self._cell("both", partial(both, self.asked, one), rule=_said(self.tested.rules[i]))
                found[f"automation={i};part=both"] = cell
        for i in range(len(cuts)):
            found[f"interval={i}"] = self._cell("of_day", lambda i=i: np.unique(self.asked.label[place == i]))  # type: ignore[misc]
        for i, row in enumerate(per_visitor(self.asked)):
            found[f"times={i}"] = self._cell("times", partial(of_times, self.asked, row["least"], row["most"]), n=row["least"])
        return found

    def _cell(self, text: str, visitors: Callable[[], np.ndarray], **params: Any) -> Callable[[], People]:
        return lambda: people_of(self.scope, visitors(), Text(f"people.backtest_{text}", params))


def _amount(value: float) -> Decimal:
    return to_decimal(round(value * SCALE))


def _visitors(one: Counted) -> np.ndarray:
    return one.visitors


def _said(rule: LiveRule) -> str:
    """What a person calls it: its name, a journey without the word that marks its entry, a written rule by its text."""
    return rule.when if rule.name == WRITTEN else rule.name.removeprefix(JOURNEY)
