"""One segment: how many are in it, how they compare with the others, and who comes and goes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
from msgspec import Meta

from afterclick.analyse.context import Context
from afterclick.analyse.describe import people_of
from afterclick.analyse.intervals import chosen, cut
from afterclick.analyse.measures import measures
from afterclick.analyse.money_notes import money_notes
from afterclick.analyse.question import SessionQuestion
from afterclick.analyse.scope import Scope, scope_of
from afterclick.analyse.segments.group import FIGURES, Group, unit_of
from afterclick.analyse.segments.members import Members, members_of
from afterclick.analyse.segments.names import rule_of
from afterclick.analyse.segments.words import called
from afterclick.core.event import INSTANT
from afterclick.core.moments import Interval, Share
from afterclick.core.noise import apart
from afterclick.core.result import Note, People, Result, Text
from afterclick.core.rule import Rule

FEW = 30
"""Members below which rates are marked as resting on few."""

_SCHEMA = pa.schema(
    [
        ("metric", pa.string()), ("unit", pa.string()),
        *((name, pa.float64()) for name in ("value", "low", "high", "other", "other_low", "other_high", "difference",
                                            "difference_low", "difference_high")),
        ("differs", pa.bool_()), ("reason", pa.string()),
    ]
)  # fmt: skip
_TREND = pa.schema(
    [
        ("interval", pa.int64()), ("start_at", INSTANT), ("end_at", INSTANT), ("incomplete", pa.bool_()),
        ("members", pa.int64()), ("entered", pa.int64()), ("gone", pa.int64()),
    ]
)  # fmt: skip

RuleText = Annotated[
    str,
    Meta(
        description="a saved segment's name, or a rule",
        min_length=1,
        max_length=2_000,
        examples=["visitor.sessions >= 2", 'count("Product Viewed", 7d) >= 3 && !performed("Order Completed")', "VIPs"],
    ),
]


class Segment(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A segment: how many visitors are in it, how they compare with the others, who comes and goes."""

    key_word = "segment"

    rule: RuleText
    against: Annotated[
        str,
        Meta(
            description="with whom to compare: rest = everybody else, or a saved segment's name, or a rule",
            max_length=2_000,
            examples=["rest", "New visitors"],
        ),
    ] = "rest"
    interval: Annotated[
        Literal["auto", "hour", "day", "week", "month"], Meta(description="what a point of the curve is")
    ] = "auto"

    def answer(self, context: Context) -> Result:
        """Members as of the question's instant; what they did in the range beside the others; who entered and left."""
        scope = scope_of(context, self)
        return _Reading(scope, self).result()


class _Reading:
    """The two sides of one question."""

    def __init__(self, scope: Scope, question: Segment) -> None:
        self.scope, self.question = scope, question
        context = scope.context
        self.rule: Rule = rule_of(context, question.rule, "rule")
        self.members: Members = members_of(scope, self.rule)
        self.everyone = self.members.everyone(scope.as_of).copy()
        for text in scope.segments:
            self.everyone &= members_of(scope, rule_of(context, text, "segment")).at(scope.as_of)
        self.inside = self.members.at(scope.as_of) & self.everyone
        self.rest = question.against.strip() == "rest"
        self.others = self.everyone & (~self.inside if self.rest else self._against())
        m = measures(scope, scope.period)
        self.group, self.other = Group(m, self.inside), Group(m, self.others)
        self.cuts = cut(scope.period, chosen(question.interval, scope.period), context.zone)

    def _against(self) -> np.ndarray:
        other = rule_of(self.scope.context, self.question.against, "against")
        found: np.ndarray = members_of(self.scope, other).at(self.scope.as_of)
        return found

    def result(self) -> Result:
        """Everything put together."""
        scope, m = self.scope, self.group.m
        trend, moves = self._trend()
        figures = self._figures()
        return Result(
            self.question, self._frame(), sentence=self._sentence(figures), figures=figures, parts={"trend": trend},
            notes=(*self._notes(), *money_notes(m)), people=self._people(moves),
            about=scope.about("visitors", events=m.events, visitors=int(self.everyone.sum()), compare=None),
        )  # fmt: skip

    def _figures(self) -> dict[str, Any]:
        members, everyone = int(self.inside.sum()), int(self.everyone.sum())
        revenue, all_of_it = self.group.bag["revenue"], self.group.m.revenue
        known = revenue is not None and all_of_it
        return {
            "members": members, "everyone": everyone, "share_rate": Share(members, everyone).rate,
            "compared": int(self.others.sum()), "active": len(self.group.visitors), "revenue": revenue,
            "revenue_rate": float(revenue / all_of_it) if known and revenue is not None and all_of_it else None,
            "rule": self.rule.text, "interval": self.cuts.name,
        }  # fmt: skip

    def _sentence(self, figures: dict[str, Any]) -> Text:
        who = called(self.scope.context, self.question.rule, self.rule)
        if not figures["members"]:
            return Text("sentence.segment_empty", {"who": who, "everyone": figures["everyone"]})
        params = {"who": who, "members": figures["members"], "rate": figures["share_rate"]}
        if figures["revenue_rate"] is None:
            return Text("sentence.segment", params)
        return Text("sentence.segment_revenue", params | {"revenue": figures["revenue_rate"]})

    def _notes(self) -> list[Note]:
        notes = [Note("segment_as_of")]
        both = int((self.inside & self.others).sum())
        if both:
            notes.append(Note("segment_overlap", {"n": both}))
        if self.members.mixed:
            notes.append(Note("segment_mixed"))
        if 0 < self.group.bag["visitors"] < FEW or 0 < self.other.bag["visitors"] < FEW:
            notes.append(Note("segment_few", {"n": FEW}))
        return notes

    def _frame(self) -> pa.Table:
        rows = []
        for name in FIGURES:
            value, other = self.group.values[name], self.other.values[name]
            one, two = self.group.interval(name), self.other.interval(name)
            gap = _gap(value, one, other, two)
            rows.append(
                {
                    "metric": name, "unit": unit_of(name), "value": value, "low": one and one.low, "high": one and one.high,
                    "other": other, "other_low": two and two.low, "other_high": two and two.high,
                    "difference": None if value is None or other is None else value - other,
                    "difference_low": gap and gap.low, "difference_high": gap and gap.high,
                    "differs": None if gap is None else not gap.low <= 0 <= gap.high,
                    "reason": self._reason(name),
                }
            )  # fmt: skip
        return pa.Table.from_pylist(rows, schema=_SCHEMA)

    def _reason(self, name: str) -> str:
        """Why a figure of one side is not there, else why a mean has no interval."""
        sides = self.group, self.other
        missing = next((side.reasons[name] for side in sides if name in side.reasons), "")
        return missing or next((reason for side in sides if (reason := side.unsure(name))), "")

    def _trend(self) -> tuple[pa.Table, list[tuple[np.ndarray, np.ndarray]]]:
        """Members at the end of each interval, and who came and went since the end of the one before."""
        edges, as_of = self.cuts.edges, self.scope.as_of
        before = self.members.at(int(edges[0]) - 1) & self.everyone
        incomplete = self.cuts.incomplete(as_of)
        rows, moves = [], []
        for i in range(len(self.cuts)):
            if edges[i] > as_of:
                break
            now = self.members.at(min(int(edges[i + 1]) - 1, as_of)) & self.everyone
            entered, left = np.flatnonzero(now & ~before), np.flatnonzero(before & ~now)
            moves.append((entered, left))
            rows.append(
                {
                    "interval": i, "start_at": int(edges[i]), "end_at": int(edges[i + 1]), "incomplete": bool(incomplete[i]),
                    "members": int(now.sum()), "entered": len(entered), "gone": len(left),
                }
            )  # fmt: skip
            before = now
        return pa.Table.from_pylist(rows, schema=_TREND), moves

    def _people(self, moves: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, Callable[[], People]]:
        who = called(self.scope.context, self.question.rule, self.rule)
        found = {
            "members": self._cell("segment_members", who, lambda: np.flatnonzero(self.inside)),
            "others": self._cell("segment_others", who, lambda: np.flatnonzero(self.others)),
        }
        for side, group in (("", self.group), ("side=other;", self.other)):
            text = "segment_others" if side else "segment_members"
            cells = {"visitors": lambda group=group: group.visitors, "buyers": partial(_buyers, group)}
            for name, visitors in cells.items():
                found[f"{side}metric={name}"] = self._cell(f"{text}_{name}", who, visitors)  # type: ignore[arg-type]
        for i, (entered, left) in enumerate(moves):
            found[f"interval={i};part=entered"] = self._cell("segment_entered", who, partial(np.asarray, entered))
            found[f"interval={i};part=gone"] = self._cell("segment_left", who, partial(np.asarray, left))
        return found

    def _cell(self, text: str, who: Text, visitors: Callable[[], np.ndarray]) -> Callable[[], People]:
        return lambda: people_of(self.scope, visitors(), Text(f"people.{text}", {"who": who}))


def _buyers(group: Group) -> np.ndarray:
    return group.m.buyers_of(group.sold)


def _gap(value: float | None, one: Interval | None, other: float | None, two: Interval | None) -> Interval | None:
    """The 95 % interval of the difference of two estimates; None where either has none."""
    if value is None or other is None or one is None or two is None:
        return None
    return apart(value, one, other, two)
