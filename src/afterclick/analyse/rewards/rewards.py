"""A reward programme: what its members did later beside visitors alike who did not join, as far as it can be observed."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Final

import numpy as np
import pyarrow as pa
from msgspec import Meta

from afterclick.analyse.context import Context
from afterclick.analyse.describe import people_of
from afterclick.analyse.orders import orders_of
from afterclick.analyse.question import Duration, SessionQuestion
from afterclick.analyse.rewards.contrast import BALANCED, FEWEST, LEVELS, MOST_UNMATCHED, TOLERATED, Matched, match
from afterclick.analyse.rewards.joining import NEVER, check_known, joined_at, parsed, unknown
from afterclick.analyse.rewards.panel import Panel, panel_of
from afterclick.analyse.scope import Scope, currency_of, scope_of
from afterclick.core import spans
from afterclick.core.errors import SpecError
from afterclick.core.money import SCALE
from afterclick.core.names import REWARDS_JOINED
from afterclick.core.result import Note, People, Result, Text
from afterclick.core.said import Said

OUTCOMES: Final = {"revenue": "money", "orders": "number", "bought_rate": "rate", "returned_rate": "rate"}
"""What is compared, with its unit; all of the time after joining."""

_FLOATS: Final = ("members", "alike", "difference", "low", "high", "naive_others", "naive_difference")
_SCHEMA: Final = pa.schema(
    [
        ("outcome", pa.string()), ("unit", pa.string()), *((name, pa.float64()) for name in _FLOATS),
        ("visitors", pa.int64()), ("reason", pa.string()),
    ]
)  # fmt: skip
_BALANCE: Final = pa.schema(
    [
        ("covariate", pa.string()), ("members", pa.float64()), ("not_joined", pa.float64()), ("alike", pa.float64()),
        ("before", pa.float64()), ("after", pa.float64()), ("balanced", pa.bool_()),
    ]
)  # fmt: skip
_OVERLAP: Final = pa.schema(
    [("level", pa.int32()), ("alike_in", pa.string()), ("visitors", pa.int64()), ("share_rate", pa.float64())]
)


class Rewards(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Reward programme: what members did later, beside visitors alike who had not joined."""

    key_word = "rewards"

    join: Annotated[
        str,
        Meta(
            description="the event that makes a member, with a condition if wanted; the first one of a visitor counts",
            min_length=1, examples=["Rewards Joined", 'Identified[tier == "gold"]'],
        ),
    ] = REWARDS_JOINED  # fmt: skip
    before: Annotated[Duration, Meta(description="how far back members and others must be alike; whole days")] = "91d"
    after: Annotated[
        Duration, Meta(description="how long is looked at after the day of joining; whole days, over within the range")
    ] = "28d"

    def check(self) -> None:
        """The rule of joining must be readable, both spans at least a day."""
        super().check()
        parsed(self.join)
        for name in ("before", "after"):
            if spans.micros(getattr(self, name)) < spans.DAY:
                raise SpecError(Said("refusals.at_least_day", name=name), hint=Said("refusals.such_as_28d"), path=name)

    def answer(self, context: Context) -> Result:
        """Later revenue, orders and visits of members and of their likes, with interval; balance and overlap beside."""
        scope = scope_of(context, self)
        step = parsed(self.join)
        if self.join != REWARDS_JOINED:
            check_known(scope, step)
        since = joined_at(scope, step)
        days = [spans.micros(span) // spans.DAY for span in (self.before, self.after)]
        panel = panel_of(scope, since, *days) if (since < NEVER).any() else Panel.nobody()
        return _Reading(scope, self, since, match(panel), unknown(scope, step)).result()


class _Reading:
    """One programme's effect."""

    def __init__(self, scope: Scope, asked: Rewards, since: np.ndarray, found: Matched, unknown: bool) -> None:
        self.scope, self.asked, self.since, self.found, self.unknown = scope, asked, since, found, unknown
        self.mixed = orders_of(scope).mixed

    def result(self) -> Result:
        rows = [self._row(name) for name in OUTCOMES]
        figures = self._figures(rows)
        parts = {
            "balance": pa.Table.from_pylist(self._balance(), schema=_BALANCE),
            "overlap": pa.Table.from_pylist(self._overlap(), schema=_OVERLAP),
        }
        return Result(
            self.asked, pa.Table.from_pylist(rows, schema=_SCHEMA), sentence=self._sentence(figures), figures=figures,
            parts=parts, notes=self._notes(figures), people=self._people(),
            about=self.scope.about("visitors", visitors=figures["members"], compare=None),
        )  # fmt: skip

    def _outcome(self, name: str) -> np.ndarray:
        panel = self.found.panel
        values = {
            "revenue": panel.later_money / SCALE, "orders": panel.later_orders, "bought_rate": panel.bought,
            "returned_rate": panel.returned,
        }  # fmt: skip
        result: np.ndarray = values[name].astype(np.float64)
        return result

    def _row(self, name: str) -> dict[str, Any]:
        nothing = dict.fromkeys(_FLOATS)
        reason = "mixed" if name == "revenue" and self.mixed else self.found.reason
        row = {"outcome": name, "unit": OUTCOMES[name], "visitors": len(self._who(name)), "reason": reason}
        if not len(self.found.members) or reason == "mixed":
            return {**row, **nothing}
        outcome = self._outcome(name)
        effect = self.found.effect(outcome)
        mine = float(outcome[self.found.panel.joined].mean())
        known: dict[str, Any] = {"members": mine, "naive_others": mine - effect.naive, "naive_difference": effect.naive}
        if len(self.found.panel) == len(self.found.members):
            known |= {"naive_others": None, "naive_difference": None}
        if reason:
            return {**row, **nothing, **known}
        low, high = effect.interval or (None, None)
        if not effect.interval:
            row["reason"] = "rare" if effect.rare else "constant"
        return {
            **row, **known, "members": effect.members, "alike": effect.others, "difference": effect.difference,
            "low": low, "high": high,
        }  # fmt: skip

    def _who(self, name: str) -> np.ndarray:
        """Members who did it at all, distinct."""
        rows = self.found.members
        did = self._outcome(name)[rows] != 0
        return np.unique(self.found.panel.visitor[rows[did]])

    def _figures(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        panel, found = self.found.panel, self.found
        others = found.others
        figures: dict[str, Any] = {
            "members": len(found.members), "matched": len(found.matched), "unmatched_rate": found.unmatched_rate,
            "alike": len(np.unique(panel.visitor[others])), "alike_days": len(others),
            "joined": int((self.since < NEVER).sum()), "worst_balance": found.worst if len(found.matched) else None,
            "exposed_rate": found.exposed_rate if len(others) else None,
            "join": self.asked.join, "after": self.asked.after, "before": self.asked.before, "reason": found.reason,
        }  # fmt: skip
        for row in rows:
            for name in ("difference", "low", "high", "naive_difference"):
                figures[f"{row['outcome']}_{name}"] = row[name]
        return figures

    def _balance(self) -> list[dict[str, Any]]:
        rows = []
        for one in self.found.balance:
            scale = SCALE if one.name == "money" else 1
            rows.append(
                {
                    "covariate": one.name, "members": one.members / scale, "not_joined": one.others / scale,
                    "alike": one.matched / scale, "before": one.before, "after": one.after,
                    "balanced": None if one.after is None else abs(one.after) <= BALANCED,
                }
            )  # fmt: skip
        return rows

    def _overlap(self) -> list[dict[str, Any]]:
        """Members by the level at which they were compared, those without their like last."""
        count, total = np.bincount(self.found.level[self.found.members] + 1, minlength=len(LEVELS) + 1), 0
        total = len(self.found.members)
        order = [*range(1, len(LEVELS) + 1), 0]
        return [
            {
                "level": number, "alike_in": ", ".join(LEVELS[number - 1]) if number else "", "visitors": int(count[number]),
                "share_rate": int(count[number]) / total if total else None,
            }
            for number in order
        ]  # fmt: skip

    def _sentence(self, figures: dict[str, Any]) -> Text:
        params = {
            **figures, "after": spans.micros(self.asked.after), "fewest": FEWEST, "most": MOST_UNMATCHED,
            "tolerated": TOLERATED, "currency": currency_of(self.scope.context),
        }  # fmt: skip
        reason = "no_event" if self.unknown else self.found.reason
        if reason:
            return Text(f"sentence.rewards_{reason}", params)
        name = next((name for name in OUTCOMES if figures[f"{name}_low"] is not None), "")
        if not name:
            return Text("sentence.rewards_constant", params)
        low, high = figures[f"{name}_low"], figures[f"{name}_high"]
        side = "same" if low <= 0 <= high else "more" if low > 0 else "less"
        middle = figures[f"{name}_difference"]
        shown = [middle if OUTCOMES[name] == "rate" else abs(middle), low, high]
        exact = [Decimal(round(value * SCALE)) / SCALE for value in shown] if name == "revenue" else shown
        values = dict(zip(("difference", "low", "high"), exact, strict=True))
        return Text(f"sentence.rewards_{name}_{side}", {**params, **values})

    def _notes(self, figures: dict[str, Any]) -> tuple[Note, ...]:
        if not figures["members"]:
            return ()
        notes = [Note("rewards_observed")]
        if figures["worst_balance"] is not None and BALANCED < figures["worst_balance"] <= TOLERATED:
            notes.append(Note("rewards_balance", {"worst": figures["worst_balance"], "balanced": BALANCED}))
        if figures["exposed_rate"]:
            notes.append(Note("rewards_exposed", {"rate": figures["exposed_rate"]}))
        if self.mixed:
            notes.append(Note("rewards_mixed"))
        return tuple(notes)

    def _people(self) -> dict[str, Callable[[], People]]:
        panel, found = self.found.panel, self.found
        rows = {
            "members": found.members, "matched": found.matched, "alike": found.others,
            "unmatched": found.members[found.level[found.members] < 0],
        }  # fmt: skip

        def cell(visitors: Callable[[], np.ndarray], text: str) -> Callable[[], People]:
            params = {"join": self.asked.join, "after": spans.micros(self.asked.after)}
            return lambda: people_of(self.scope, visitors(), Text(text, params))

        cells = {
            name: cell(lambda places=places: np.unique(panel.visitor[places]), f"people.rewards_{name}")  # type: ignore[misc]
            for name, places in rows.items()
        }
        for name in OUTCOMES:
            cells[f"outcome={name}"] = cell(lambda name=name: self._who(name), f"people.rewards_{name}")  # type: ignore[misc]
        for number in range(1, len(LEVELS) + 1):
            places = found.members[found.level[found.members] == number - 1]
            cells[f"level={number}"] = cell(lambda places=places: np.unique(panel.visitor[places]), "people.rewards_level")  # type: ignore[misc]
        cells["level=0"] = cells["unmatched"]
        return cells
