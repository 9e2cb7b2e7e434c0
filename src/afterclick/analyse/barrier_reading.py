"""Reading findings: ranks, money, the total without overlaps, where a barrier stands, and the people behind each number."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from afterclick.analyse.barrier_candidates import Candidate
from afterclick.analyse.barrier_finding import MARGIN, MONTH, SIGNIFICANT, Finder, Finding
from afterclick.analyse.barrier_places import Places
from afterclick.analyse.barrier_total import Loss, total_at_risk
from afterclick.analyse.describe import people_of
from afterclick.analyse.measures import measures
from afterclick.analyse.recipes import recipe_of
from afterclick.analyse.scope import Scope, currency_of
from afterclick.core import spans
from afterclick.core.errors import SpecError, nearest
from afterclick.core.moments import Z95
from afterclick.core.money import to_decimal
from afterclick.core.result import Note, People, Result, Term, Text, stage_term
from afterclick.core.said import Said

if TYPE_CHECKING:
    from afterclick.analyse.barrier_why import Why

_MONEY: Final = pa.decimal128(28, 4)
_SCHEMA: Final = pa.schema(
    [
        ("rank", pa.int32()), ("key", pa.string()), ("kind", pa.string()), ("name", pa.string()), ("type", pa.string()),
        ("stage", pa.string()), ("step", pa.string()), ("severity", pa.string()), ("evidence", pa.string()),
        ("recipe", pa.string()), ("visitors", pa.int64()), ("went_on", pa.int64()), ("lost", pa.int64()),
        ("visits", pa.int64()), ("controls", pa.int64()),
        ("met_rate", pa.float64()), ("expected_rate", pa.float64()), ("difference_rate", pa.float64()),
        ("difference_low", pa.float64()), ("difference_high", pa.float64()), ("least_ratio", pa.float64()),
        ("met_aov", pa.float64()), ("expected_aov", pa.float64()), ("spilled_rate", pa.float64()),
        ("at_risk", _MONEY), ("at_risk_low", _MONEY), ("at_risk_high", _MONEY), ("own_at_risk", _MONEY),
        ("lost_orders", pa.float64()), ("p_value", pa.float64()), ("q_value", pa.float64()),
        ("significant", pa.bool_()), ("explained_by", pa.string()), ("where_field", pa.string()),
        ("where_value", pa.string()), ("where_rate", pa.float64()), ("usual_rate", pa.float64()),
    ]
)  # fmt: skip
SEVERITIES: Final = ((0.10, "critical"), (0.03, "high"), (0.01, "medium"), (0.0, "low"))
"""Share of the range's revenue at risk (or of its orders, where amounts are unknown) from which a severity begins."""


class Reading:
    """The findings of one scope as a Result."""

    def __init__(self, scope: Scope, within: int, found: list[Finding]) -> None:
        self.scope = scope
        self.within = within
        self.found = found
        self.named = [one for one in found if one.named]
        self.finder = Finder(scope, within)
        self.places = Places(scope)
        self.why: Why | None = None

    @cached_property
    def _month(self) -> float:
        return MONTH / (self.scope.period.end - self.scope.period.start)

    @cached_property
    def now(self) -> Any:
        """The figures every page shows for this scope."""
        return measures(self.scope, self.scope.period)

    @cached_property
    def money(self) -> bool:
        """Is there an amount, and one currency for it?"""
        return self.now.revenue is not None and self.now.revenue > 0

    @cached_property
    def losses(self) -> list[Loss]:
        """Per barrier who met it how often, and what one such visit is short of."""
        return [Loss(self.finder.visits(one.candidate), max(0.0, one.per_visit), one.error) for one in self.named]

    def result(self, top: int, why: str) -> Result:
        """Everything; `why` is the key of a barrier to look into."""
        own, whole, error = total_at_risk(self.losses)
        shown = self.named + [one for one in self.found if not one.named and one.contrast.difference > 0]
        rows = [
            self._row(one, rank + 1 if rank < len(self.named) else None, own[rank] if rank < len(own) else 0.0)
            for rank, one in enumerate(shown[: max(top, len(self.named))])
        ]
        figures = self._figures(whole, error)
        if why:
            # What is compared there is large to import, and seldom asked for.
            from afterclick.analyse.barrier_why import Why  # noqa: PLC0415

            self.why = Why(self.scope, self.finder, self._finding(why))
            figures |= {"why_went_on": self.why.went_on, "why_did_not": self.why.did_not}
        parts = {"why": self.why.table} if self.why else {}
        return Result(
            self.scope.question, pa.Table.from_pylist(rows, schema=_SCHEMA), sentence=self._sentence(rows, figures),
            figures=figures, parts=parts, notes=self._notes(),
            about=self.scope.about(
                "visits", events=self.now.events, within=spans.duration_text(self.within), visitors=len(self.now.visitors)
            ),
            people=self._people,
        )  # fmt: skip

    def _figures(self, whole: float, error: float) -> dict[str, Any]:
        month, half = self._month, Z95 * error
        amounts = {"at_risk": whole, "at_risk_low": max(0.0, whole - half), "at_risk_high": whole + half}
        revenue = float(self.now.revenue or 0) * self._month
        stages = self._by_stage()
        risk = {name: to_decimal(round(value * month)) if self.money else None for name, value in amounts.items()}
        return {
            **risk,
            "at_risk_rate": min(1.0, whole / 10_000 * month / revenue) if self.money and revenue else None,
            "revenue_month": self.now.revenue if self.now.revenue is None else to_decimal(round(revenue * 10_000)),
            "barriers": len(self.named), "candidates": len(self.found),
            "visitors": len(self._met(self.named)), "lost_orders": sum(one.lost_orders for one in self.named),
            "within": spans.duration_text(self.within), "margin": MARGIN, "false_rate": SIGNIFICANT,
            "stages": stages, "worst_stage": next(iter(stages), None), "worst_stage_rate": self._first_share(stages),
            "stage_order": list(self.places.stages),
        }  # fmt: skip

    def _first_share(self, stages: dict[str, Any]) -> float | None:
        """The share of the money at risk that sits in the first of the stages."""
        amounts = [float(amount) for amount in stages.values() if amount is not None]
        return amounts[0] / sum(amounts) if sum(amounts) else None

    def _by_stage(self) -> dict[str, Any]:
        """Per stage its barriers' money at risk without overlaps, largest first."""
        own, _, _ = total_at_risk(self.losses)
        found: dict[str, float] = {}
        for one, amount in zip(self.named, own, strict=True):
            stage = self.places.stage(one.candidate)
            found[stage] = found.get(stage, 0.0) + amount * self._month
        ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
        return {stage: to_decimal(round(amount)) if self.money else None for stage, amount in ranked}

    def _row(self, one: Finding, rank: int | None, own: float) -> dict[str, Any]:
        c, seen = one.contrast, one.candidate
        visitors, bought = self._met([one]), self._bought(seen)
        low, high = one.interval
        place = self.places.concentration(seen)

        def amount(value: float) -> Any:
            return to_decimal(round(value)) if self.money else None

        return {
            "rank": rank, "key": seen.key, "kind": seen.kind, "name": seen.name, "type": seen.type,
            "stage": self.places.stage(seen), "step": self.places.step(seen),
            "severity": self._severity(one) if rank else None, "evidence": "observed",
            "recipe": recipe_of(seen.kind, seen.name), "visitors": len(visitors), "went_on": len(bought),
            "lost": len(visitors) - len(bought), "visits": one.visits,
            "controls": c.controls, "met_rate": c.met_rate, "expected_rate": c.expected_rate,
            "difference_rate": c.difference, "difference_low": c.difference - Z95 * c.deviation,
            "difference_high": c.difference + Z95 * c.deviation, "least_ratio": c.least_ratio,
            "met_aov": None if c.met_value is None or not self.money else c.met_value / 10_000,
            "expected_aov": None if c.expected_value is None or not self.money else c.expected_value / 10_000,
            "spilled_rate": one.spilled, "at_risk": amount(one.at_risk), "at_risk_low": amount(low),
            "at_risk_high": amount(high), "own_at_risk": amount(own * self._month) if rank else None,
            "lost_orders": one.lost_orders, "p_value": c.p_value, "q_value": one.q_value,
            "significant": one.significant, "explained_by": one.explained_by or None, **place,
        }  # fmt: skip

    def _severity(self, one: Finding) -> str:
        if self.money:
            share = one.at_risk / 10_000 / (float(self.now.revenue) * self._month)
        else:
            share = one.lost_orders / max(self.now.order_count * self._month, 1e-9)
        return next(word for least, word in SEVERITIES if share >= least)

    def _sentence(self, rows: list[dict[str, Any]], figures: dict[str, Any]) -> Text:
        if not self.now.order_count:
            return Text("sentence.barriers_no_orders", {"visitors": len(self.now.visitors)})
        if not self.found:
            return Text("sentence.barriers_nothing", {"orders": self.now.order_count})
        if not self.named:
            return Text("sentence.barriers_none", {"tested": len(self.found)})
        first = rows[0]
        params = {
            "n": len(self.named), "name": first["name"], "kind": Term(f"barrier_kind.{first['kind']}", first["kind"]),
            "stage": stage_term(first["stage"]), "at_risk": figures["at_risk"], "most": first["at_risk"],
            "lost_orders": round(figures["lost_orders"]), "currency": currency_of(self.scope.context),
        }  # fmt: skip
        return Text("sentence.barriers" if self.money else "sentence.barriers_no_money", params)

    def _notes(self) -> tuple[Note, ...]:
        notes = [Note("barriers_observed", {"margin": MARGIN})] if self.named else []
        if self.named and not self.money:
            notes.append(Note("barriers_no_amounts"))
        if not self.found and self.now.order_count:
            notes.append(Note("barriers_too_few"))
        period = self.scope.period
        if self.scope.as_of - self.within < period.start:
            notes.append(Note("barriers_too_early", {"within": self.within}))
        return tuple(notes)

    def _finding(self, key: str) -> Finding:
        for one in self.found:
            if one.candidate.key == key:
                return one
        known = [one.candidate.key for one in self.found]
        raise SpecError(
            Said("refusals.no_barrier", key=key), hint=nearest(key, known) or Said("refusals.see_barriers"),
            path="why",
        )  # fmt: skip

    def _met(self, some: list[Finding]) -> np.ndarray:
        """Distinct visitors who met any of these."""
        parts = [self.finder.visits(one.candidate) for one in some]
        return np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.int32)

    def _people(self, cell: str) -> People:
        asked = self.why.people(cell) if self.why else None
        if asked is not None:
            return asked
        if cell == "part=met":
            return people_of(self.scope, self._met(self.named), Text("people.barriers_met"))
        barrier, _, part = cell.removeprefix("barrier=").rpartition(";part=")
        readers: dict[str, Callable[[Finding], np.ndarray]] = {
            "met": lambda one: self._met([one]),
            "went_on": lambda one: self._bought(one.candidate),
            "lost": lambda one: np.setdiff1d(self._met([one]), self._bought(one.candidate)),
        }
        if part not in readers or not cell.startswith("barrier="):
            raise SpecError(
                Said("refusals.barriers_no_cell", cell=cell),
                hint=Said("refusals.barriers_cells"), path="people",
            )  # fmt: skip
        one = self._finding(barrier)
        step = "" if one.candidate.passed is None or part == "met" else "_step"
        text = Text(f"people.barrier_{part}{step}", {"name": one.candidate.name, "within": self.within})
        return people_of(self.scope, readers[part](one), text)

    def _bought(self, seen: Candidate) -> np.ndarray:
        """Visitors who met it and went on: ordered within the window of such a visit or, of a group, took the next step."""
        visitor, won = self.finder.fates(seen)
        return np.intersect1d(visitor[won], self.finder.visits(seen))
