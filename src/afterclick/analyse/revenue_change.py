"""Why revenue changed: the difference of two periods split exactly over visitors, conversion, order value and mix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Final, Literal

import pyarrow as pa
from msgspec import Meta

from afterclick.analyse.context import Context
from afterclick.analyse.describe import people_of
from afterclick.analyse.groups import Groups, grouped
from afterclick.analyse.measures import Measures, measures
from afterclick.analyse.money_notes import money_notes
from afterclick.analyse.question import SessionQuestion
from afterclick.analyse.scope import Scope, scope_of
from afterclick.analyse.shapley import Factors, alike, shapley, whole
from afterclick.analyse.spending import spending
from afterclick.core.errors import SpecError
from afterclick.core.money import SCALE, to_decimal
from afterclick.core.result import Note, People, Result, Term, Text, channel_term
from afterclick.core.said import Said

FACTORS: Final = ("visitors", "conversion_rate", "aov")
EFFECTS: Final = ("visitors", "mix", "conversion_rate", "aov", "rest")
OTHER: Final = "(other)"
MOST: Final = 200
"""Values with a row of their own; the others are one."""

_AMOUNT = pa.decimal128(28, 4)
SCHEMA: Final = pa.schema(
    [
        ("factor", pa.string()), ("before", pa.float64()), ("after", pa.float64()), ("effect", _AMOUNT),
        ("share_rate", pa.float64()),
    ]
)  # fmt: skip


class RevenueChange(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Revenue change: how much of it came from visitors, conversion, order value and channel mix."""

    key_word = "change"

    by: Annotated[
        Literal["channel", "media", "source", "medium", "campaign"],
        Meta(description="whose mix is told apart from the number of visitors"),
    ] = "channel"

    def check(self) -> None:
        """There must be a period to compare with."""
        super().check()
        if self.compare == "none":
            raise SpecError(Said("refusals.change_needs_compare"), hint="compare=prev", path="compare")

    def answer(self, context: Context) -> Result:
        """The change split over visitors, mix of channels, orders per visitor and order value; every sum is exact."""
        scope = scope_of(context, self)
        now = measures(scope, scope.period)
        before = measures(scope, scope.previous) if scope.previous else None
        notes = money_notes(now)
        if before is None:
            notes = (*notes, Note("no_earlier_period"))
        if before is None or now.orders.mixed:
            return self._result(scope, now, notes, _NOTHING, {}, {})
        groups = grouped(spending(now), self.by), grouped(spending(before), self.by)
        rows = group_effects(*groups)
        effects = {name: sum(row["effects"][name] for row in rows) for name in EFFECTS}
        parts = {"total": total_change(now, before), "groups": _groups_table(self.by, rows)}
        return self._result(
            scope, now, notes, _mix_table(effects), parts, _people(scope, self.by, groups, rows), before
        )

    def _result(
        self, scope: Scope, now: Measures, notes: tuple[Note, ...], frame: pa.Table, parts: Mapping[str, pa.Table],
        people: dict[str, Callable[[], People]], before: Measures | None = None,
    ) -> Result:  # fmt: skip
        known = before is not None and now.revenue is not None and before.revenue is not None
        change = now.revenue - before.revenue if known else None  # type: ignore[operator,union-attr]
        effects = {row["factor"]: row["effect"] for row in frame.to_pylist()}
        figures = {
            "revenue": now.revenue, "previous_revenue": before.revenue if before else None, "change": change,
            # A factor without a row has no effect; without any row nothing can be said.
            **{f"{name}_effect": effects.get(name, Decimal(0) if effects else None) for name in EFFECTS},
        }  # fmt: skip
        return Result(
            self, frame, sentence=_sentence(figures), figures=figures, parts=parts, notes=notes, people=people,
            about=scope.about("visitors", events=now.events, by=self.by, visitors=len(now.visitors)),
        )  # fmt: skip


_NOTHING = SCHEMA.empty_table()


def total_change(now: Measures, before: Measures) -> pa.Table:
    """The change of the two periods over visitors × conversion × order value; without money of one currency, no rows.

    Columns: factor, before, after (the factor itself), effect (money; the effects add up to the change), share_rate.
    """
    if now.orders.mixed:
        return _NOTHING
    old, new = (Factors.of(len(m.visitors), m.order_count, int((m.revenue or 0) * SCALE)) for m in (before, now))
    pairs = [alike(one, other) for one, other in zip(old[:3], new[:3], strict=True)]
    split = shapley([one for one, _ in pairs], [other for _, other in pairs])
    effects = whole(dict(zip((*FACTORS, "rest"), [*split, new.rest - old.rest], strict=True)))
    change = sum(effects.values())
    scales = {"visitors": 1, "conversion_rate": 1, "aov": SCALE, "rest": SCALE}
    rows = [
        _row(name, effects[name], change, _float(one, scales[name]), _float(other, scales[name]))
        for name, one, other in zip((*FACTORS, "rest"), old, new, strict=True)
        if name != "rest" or effects[name]
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _float(value: Fraction | None, scale: int) -> float | None:
    return None if value is None else float(value / scale)


def _row(name: str, effect: int, change: int, before: float | None, after: float | None) -> dict[str, Any]:
    share = effect / change if change else None
    return {"factor": name, "before": before, "after": after, "effect": to_decimal(effect), "share_rate": share}


@dataclass(frozen=True)
class _Counts:
    """One value in one period; revenue in minor units."""

    visitors: int = 0
    orders: int = 0
    revenue: int = 0

    def __add__(self, other: _Counts) -> _Counts:
        return _Counts(self.visitors + other.visitors, self.orders + other.orders, self.revenue + other.revenue)


def group_effects(now: Groups, before: Groups) -> list[dict[str, Any]]:
    """Per value its counts in both periods and its effects in minor units, those of all values adding up to the change.

    A value's revenue is all visits' people × its share of them × its orders per person × its order value; a person who
    came by two channels counts in both. The effects of the share, over all values, are the effect of the mix.
    """
    new, old = _counts(now), _counts(before)
    names = sorted(set(new) | set(old), key=lambda name: (-abs(_change(name, new, old)), name))
    kept, rest = names[:MOST], names[MOST:]
    if rest:
        for counts in (new, old):
            counts[OTHER] = sum((counts.get(name, _Counts()) for name in rest), _Counts())
        kept.append(OTHER)
    all_new, all_old = (sum(counts.get(name, _Counts()).visitors for name in kept) for counts in (new, old))
    exact: dict[tuple[str, str], Fraction] = {}
    for name in kept:
        effects = _effects(old.get(name, _Counts()), all_old, new.get(name, _Counts()), all_new)
        exact |= {(name, effect): part for effect, part in effects.items()}
    rounded = whole({f"{name}\x1f{effect}": part for (name, effect), part in exact.items()})
    return [
        {
            "name": name, "now": new.get(name, _Counts()), "before": old.get(name, _Counts()),
            "effects": {effect: rounded[f"{name}\x1f{effect}"] for effect in EFFECTS},
        }
        for name in kept
    ]  # fmt: skip


def _counts(groups: Groups) -> dict[str, _Counts]:
    bags = zip(groups.names.values, groups.bags(), strict=True)
    found = {name: _Counts(bag["visitors"], bag["orders"], int(bag["revenue"] * SCALE)) for name, bag in bags}
    return {name: counts for name, counts in found.items() if counts != _Counts()}


def _change(name: str, new: dict[str, _Counts], old: dict[str, _Counts]) -> int:
    return new.get(name, _Counts()).revenue - old.get(name, _Counts()).revenue


def _effects(old: _Counts, all_old: int, new: _Counts, all_new: int) -> dict[str, Fraction]:
    one, other = Factors.of(old.visitors, old.orders, old.revenue), Factors.of(new.visitors, new.orders, new.revenue)
    pairs = [
        (Fraction(all_old), Fraction(all_new)),
        alike(one.visitors / all_old if all_old else None, other.visitors / all_new if all_new else None),
        alike(one.rate, other.rate),
        alike(one.value, other.value),
    ]
    split = shapley([before for before, _ in pairs], [after for _, after in pairs])
    return dict(zip(EFFECTS, [*split, other.rest - one.rest], strict=True))


def _mix_table(effects: Mapping[str, int]) -> pa.Table:
    change = sum(effects.values())
    shown = [name for name in EFFECTS if name != "rest" or effects[name]]
    return pa.Table.from_pylist([_row(name, effects[name], change, None, None) for name in shown], schema=SCHEMA)


def _groups_table(by: str, rows: list[dict[str, Any]]) -> pa.Table:
    money = ["revenue", "previous_revenue", "effect", *(f"{name}_effect" for name in EFFECTS)]
    count = ["visitors", "previous_visitors", "orders", "previous_orders"]
    schema = pa.schema(
        [(by, pa.string()), *((name, _AMOUNT) for name in money), *((name, pa.int64()) for name in count)]
    )
    table = [
        {
            by: row["name"], "revenue": to_decimal(row["now"].revenue), "previous_revenue": to_decimal(row["before"].revenue),
            "effect": to_decimal(row["now"].revenue - row["before"].revenue),
            **{f"{name}_effect": to_decimal(row["effects"][name]) for name in EFFECTS},
            "visitors": row["now"].visitors, "previous_visitors": row["before"].visitors,
            "orders": row["now"].orders, "previous_orders": row["before"].orders,
        }
        for row in rows
    ]  # fmt: skip
    return pa.Table.from_pylist(table, schema=schema)


def _sentence(figures: Mapping[str, Any]) -> Text:
    change = figures["change"]
    effects = {name: figures[f"{name}_effect"] for name in EFFECTS if figures[f"{name}_effect"] is not None}
    if change is None or not effects:
        return Text("sentence.change_unknown")
    if not change:
        return Text("sentence.change_none")
    name = max(effects, key=lambda one: effects[one] if change > 0 else -effects[one])
    return Text("sentence.change_up" if change > 0 else "sentence.change_down", {"factor": factor_term(name)})


def factor_term(name: str) -> Term:
    """A factor of revenue as a word of the catalogue."""
    return Term(f"change.{name}", name)


def _people(
    scope: Scope, by: str, groups: tuple[Groups, Groups], rows: list[dict[str, Any]]
) -> dict[str, Callable[[], People]]:
    """Buyers of each value, now and before."""

    def cell(which: Groups, name: str) -> Callable[[], People]:
        def make() -> People:
            number, m = which.names.values.index(name), which.m
            buyers = which.buyers(number, m.order_mask & ~m.orders.refund)
            return people_of(scope, buyers, Text("people.group_buyers", {"value": channel_term(name)}))

        return make

    found = {}
    for row in rows:
        if row["name"] != OTHER:
            found[f"{by}={row['name']}"] = cell(groups[0], row["name"])
            found[f"{by}={row['name']};part=before"] = cell(groups[1], row["name"])
    return found
