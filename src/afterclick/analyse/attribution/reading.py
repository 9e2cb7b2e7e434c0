"""The answer to an attribution: its table, its parts, its finding and its caveats."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from afterclick.analyse.attribution import tables
from afterclick.analyse.attribution.attributed import Attributed, attributed
from afterclick.analyse.attribution.messages import Messages, messages_of
from afterclick.analyse.describe import people_of
from afterclick.analyse.formulas import Ratio, ratio, rounded
from afterclick.analyse.scope import Scope
from afterclick.core.money import to_decimal
from afterclick.core.result import Note, People, Result, Term, Text, channel_term

if TYPE_CHECKING:
    from afterclick.analyse.attribution.attribution import Attribution

UNATTRIBUTED: Final = "(unattributed)"
_FEW: Final = 30
"""Conversions under which shares are said to be thin."""


def read(scope: Scope, asked: Attribution) -> Result:
    """The range credited by every model, beside the period before by the one that leads."""
    now = attributed(scope, asked, scope.period)
    before = attributed(scope, asked, scope.previous) if scope.previous else None
    rows, reasons = _rows(now, before)
    figures = _figures(now, rows)
    messages = messages_of(scope, now.sought.span)
    if messages.table.num_rows:
        figures |= {"human_opens": messages.opens[0], "machine_opens": messages.opens[1]}
    parts = {
        "models": tables.models(now), "removal": tables.removal(now), "rates": tables.rates(now),
        "currencies": tables.currencies(now), "messages": messages.table,
        "reasons": pa.Table.from_pylist(reasons, schema=tables.REASONS),
    }  # fmt: skip
    return Result(
        asked, pa.Table.from_pylist(rows, schema=tables.schema(asked.by, list(now.credits))), sentence=_sentence(now, rows),
        figures=figures, parts=parts, notes=_notes(now, figures, messages), people=_people(now, messages),
        about=scope.about(
            "conversions", by=asked.by, visitors=now.everyone, attribution_action=", ".join(asked.action),
            attribution_within=asked.within, attribution_scope=asked.scope, attribution_touch=asked.touch,
            models=list(now.credits),
        ),
    )  # fmt: skip


def _rows(now: Attributed, before: Attributed | None) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """A row per value with a touch, a credit or a cost, most credit first, and last what no value gets."""
    reasons: list[dict[str, str]] = []
    old = _old(before)
    place = {name: number for number, name in enumerate(now.names)}
    names = list(dict.fromkeys((*now.names, *now.touches.names, *now.spent)))
    rows = []
    for name in names:
        touches, visitors = now.reach.get(name, (0, 0))
        credited = name in place and any(credit.conversions[place[name]] > 0 for credit in now.credits.values())
        if touches or credited or now.spent.get(name):
            row = {now.asked.by: name} | tables.named(now.asked.by, name) | {"touches": touches, "visitors": visitors}
            row |= tables.credited(now, place.get(name)) | _costed(now, name, place.get(name), reasons)
            rows.append(row | (old.get(name, _NEVER) if before else dict.fromkeys(_NEVER)))
    rows.sort(key=lambda row: (-(row["revenue"] or 0), -(row["conversions"] or 0), -row["touches"], row[now.asked.by]))
    rest = {now.asked.by: UNATTRIBUTED} | tables.named(now.asked.by, "") | {"touches": None, "visitors": None}
    rest |= tables.unattributed(now) | dict.fromkeys(("cost", "roas", "cac"))
    rest |= old.get(UNATTRIBUTED, _NEVER) if before else dict.fromkeys(_NEVER)
    return [*rows, rest], reasons


_NEVER: Final[dict[str, Any]] = {"previous_conversions": 0.0, "previous_revenue": Decimal(0)}


def _old(before: Attributed | None) -> dict[str, dict[str, Any]]:
    if before is None or before.lead is None:
        return {}
    mixed, lead = before.conversions.mixed, before.lead
    rest, money, _ = before.unattributed(before.asked.touch)
    found = {
        name: {
            "previous_conversions": float(lead.conversions[i]),
            "previous_revenue": None if mixed else to_decimal(lead.revenue[i]),
        }
        for i, name in enumerate(before.names)
    }
    return found | {
        UNATTRIBUTED: {"previous_conversions": rest, "previous_revenue": None if mixed else to_decimal(money)}
    }


def _costed(now: Attributed, name: str, place: int | None, reasons: list[dict[str, str]]) -> dict[str, Any]:
    """Cost, ROAS and CAC of a value; what cannot be said is None, with its reason."""
    cost = now.spent.get(name)
    bag: dict[str, Any] = {"cost": None if cost is None else to_decimal(cost)}
    known = now.returned is not None and not now.conversions.mixed
    unsure = now.asked.touch in ("markov", "shapley") and name in now.partly_costed
    bag["attributed_revenue"] = bag["attributed_new_buyers"] = None
    if now.returned is not None and not unsure:
        bag["attributed_new_buyers"] = _number(now.returned.new[place]) if place is not None else 0
        if known:
            bag["attributed_revenue"] = to_decimal(now.returned.revenue[place]) if place is not None else Decimal(0)
    made = _ratios(now, bag, unsure)
    reasons += [{"value": name, "metric": key, "reason": one.reason} for key, one in made.items() if one.value is None]
    return {"cost": bag["cost"], "roas": _float(made["roas"].value), "cac": _money(made["cac"].value)}


def _ratios(now: Attributed, bag: dict[str, Any], unsure: bool = False) -> dict[str, Ratio]:
    lacking = "partly_costed" if unsure else now.costs.reason or ("no_costs" if not now.spent else "")
    why = {"cost": now.costs.reason or "no_costs", "attributed_new_buyers": lacking}
    why["attributed_revenue"] = "mixed_currencies" if now.conversions.mixed else lacking
    if now.costs.foreign:
        why["roas"] = "mixed_currencies"
    return {name: ratio(name, bag, why) for name in ("roas", "cac")}


def _number(value: float) -> int | Decimal:
    """Whole buyers stay whole; a part of one is kept to nine digits."""
    return int(value) if float(value).is_integer() else Decimal(repr(round(float(value), 9)))


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _money(value: Any) -> Decimal | None:
    return None if value is None else rounded(Decimal(value))


def _figures(now: Attributed, rows: list[dict[str, Any]]) -> dict[str, Any]:
    mixed, conversions = now.conversions.mixed, now.conversions.count
    money = None if mixed else to_decimal(now.conversions.value)
    figures: dict[str, Any] = {
        "conversions": conversions, "revenue": money, "new_buyers": now.conversions.new, "values": len(rows) - 1,
        "touches": sum(touches for touches, _ in now.reach.values()), "visitors": now.everyone,
    }  # fmt: skip
    figures["unattributed_conversions"] = figures["attributed_rate"] = figures["unattributed_revenue"] = None
    if now.lead is not None:
        rest, left, _ = now.unattributed(now.asked.touch)
        figures |= {
            "unattributed_conversions": rest,
            "unattributed_revenue": None if mixed else to_decimal(left),
            "attributed_rate": 1 - rest / conversions if conversions else None,
        }
    costed = sum(now.spent.values()) if now.spent else None
    bag: dict[str, Any] = {"cost": None if costed is None else to_decimal(costed)}
    unsure = now.asked.touch in ("markov", "shapley") and bool(now.partly_costed)
    bag["attributed_revenue"] = bag["attributed_new_buyers"] = None
    if now.returned is not None and not unsure:
        named = [i for i, name in enumerate(now.names) if name in now.spent]
        bag["attributed_new_buyers"] = _number(round(float(now.returned.new[named].sum()), 9))
        bag["attributed_revenue"] = None if mixed else to_decimal(sum(now.returned.revenue[i] for i in named))
    made = _ratios(now, bag, unsure)
    figures |= {"cost": bag["cost"], "roas": _float(made["roas"].value), "cac": _money(made["cac"].value)}
    lacking = {name: one.reason for name, one in made.items() if one.value is None}
    if bag["cost"] is None:
        lacking["cost"] = now.costs.reason or "no_costs"
    if mixed:
        lacking |= dict.fromkeys(("revenue", "unattributed_revenue"), "mixed_currencies")
    if not conversions:
        lacking["attributed_rate"] = "empty"
    return figures | {"reasons": lacking}


def _sentence(now: Attributed, rows: list[dict[str, Any]]) -> Text:
    if not now.conversions.count:
        return Text("sentence.attribution_empty")
    best = next((row for row in rows[:-1] if row["conversions"]), None)
    touch = Term(f"model.{now.asked.touch}", now.asked.touch)
    if best is None or now.lead is None:
        return Text("sentence.attribution_none", {"conversions": now.conversions.count})
    name = str(best[now.asked.by])
    said = channel_term(name) if now.asked.by == "channel" else Term(f"model.{name}", name)
    share = best["revenue_share_rate"] if best["revenue"] else best["share_rate"]
    rest = rows[-1]["revenue_share_rate"] if best["revenue"] else rows[-1]["share_rate"]
    word = "attribution" if best["revenue"] else "attribution_count"
    return Text(f"sentence.{word}", {"top": said, "touch": touch, "share": share or 0.0, "rest": rest or 0.0})


def _notes(now: Attributed, figures: dict[str, Any], messages: Messages) -> tuple[Note, ...]:
    asked, found = now.asked, []
    if now.conversions.mixed:
        found.append(Note("mixed_currencies", {"currencies": ", ".join(sorted(now.scope.context.texts("currency")))}))
    if asked.touch == "any":
        found.append(Note("attribution_any"))
    if asked.scope == "item":
        found.append(Note("attribution_item"))
    if asked.data_driven == "on" and asked.scope == "item":
        found.append(Note("attribution_no_models"))
    if now.models is not None and now.models.effects is None:
        found.append(Note("attribution_many", {"count": len(now.names)}))
    elif now.models is not None and len(now.models.hits) and "markov" not in now.spreads:
        found.append(Note("attribution_no_interval"))
    if 0 < now.conversions.count < _FEW:
        found.append(Note("attribution_thin", {"count": now.conversions.count}))
    if now.conversions.loose_count:
        found.append(Note("orders_of_nobody", {"count": now.conversions.loose_count}))
    if asked.where:
        found.append(Note("attribution_where"))
    if messages.machines and asked.machines == "out":
        found.append(Note("attribution_machines", {"count": messages.machines}))
    if figures["cost"] and asked.by in ("channel", "source"):
        found.append(Note("attribution_costed"))
    if now.costs.foreign and now.spent:
        found.append(Note("costs_foreign"))
    return tuple(found)


def _people(now: Attributed, messages: Messages) -> dict[str, Callable[[], People]]:
    by, scope = now.asked.by, now.scope

    def cell(text: Text, visitors: Callable[[], np.ndarray]) -> Callable[[], People]:
        return lambda: people_of(scope, visitors(), text)

    found = {}
    for name in now.touches.names:
        text = Text("people.attribution_touched", {"value": _term(by, name)})
        found[f"{by}={name}"] = cell(text, lambda name=name: now.touched(name))  # type: ignore[misc]
    for number, name in enumerate(now.names):
        for model in now.credits:
            text = Text(
                "people.attribution_credited", {"value": _term(by, name), "touch": Term(f"model.{model}", model)}
            )
            found[f"{by}={name};model={model}"] = cell(
                text, lambda number=number, model=model: now.buyers(number, model)  # type: ignore[misc]
            )
    found["unattributed"] = cell(Text("people.attribution_untouched"), lambda: now.untouched)
    for action, kind, visitors in messages.people():
        found[f"messages={action};part={kind}"] = cell(
            Text(f"people.attribution_{kind}", {"action": Term(f"attribution.action_{action}", action)}), visitors
        )
    return found


def _term(by: str, name: str) -> Term | str:
    return channel_term(name) if by == "channel" else name

