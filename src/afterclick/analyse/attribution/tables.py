"""The tables of an attribution: a row per value, a row per value and model, what the chain learnt, money by currency."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import pyarrow as pa

from afterclick.analyse.attribution.attributed import Attributed
from afterclick.analyse.attribution.credits import Credit, credit_rules
from afterclick.analyse.attribution.models import DATA_DRIVEN
from afterclick.core.arrays import frozen
from afterclick.core.money import to_decimal
from afterclick.stitch.channel_rules import media_of

_TEXT, _COUNT, _SHARE, _MONEY = pa.string(), pa.int64(), pa.float64(), pa.decimal128(28, 4)
_INTERVAL: Final = ("share_low_rate", "share_high_rate", "revenue_low", "revenue_high")

REASONS: Final = pa.schema([("value", _TEXT), ("metric", _TEXT), ("reason", _TEXT)])
MODELS: Final = pa.schema(
    [
        ("value", _TEXT), ("model", _TEXT), ("conversions", _SHARE), ("share_rate", _SHARE),
        ("share_low_rate", _SHARE), ("share_high_rate", _SHARE), ("revenue", _MONEY), ("revenue_share_rate", _SHARE),
        ("revenue_low", _MONEY), ("revenue_high", _MONEY), ("buyers", _COUNT), ("new_buyers", _SHARE),
    ]
)  # fmt: skip
REMOVAL: Final = pa.schema([("value", _TEXT), ("effect_rate", _SHARE), ("share_rate", _SHARE)])
RATES: Final = pa.schema([("value", _TEXT), ("effect", _SHARE), ("error", _SHARE)])
CURRENCIES: Final = pa.schema([("currency", _TEXT), ("value", _TEXT), ("model", _TEXT), ("revenue", _MONEY)])


def schema(by: str, models: list[str]) -> pa.Schema:
    """The columns of the main table: the value, its reach, what the leading model credits, cost, every model."""
    columns = [(by, _TEXT), *([("media", _TEXT)] if by == "channel" else []), ("touches", _COUNT), ("visitors", _COUNT)]
    columns += [("conversions", _SHARE), ("share_rate", _SHARE), ("share_low_rate", _SHARE), ("share_high_rate", _SHARE)]
    columns += [("revenue", _MONEY), ("revenue_share_rate", _SHARE), ("revenue_low", _MONEY), ("revenue_high", _MONEY)]
    columns += [("buyers", _COUNT), ("new_buyers", _SHARE), ("cost", _MONEY), ("roas", _SHARE), ("cac", _MONEY)]
    columns += [("previous_conversions", _SHARE), ("previous_revenue", _MONEY)]
    for model in models:
        columns += [(f"{model}_revenue", _MONEY), (f"{model}_conversions", _SHARE)]
    return pa.schema(columns)


def named(by: str, name: str) -> dict[str, Any]:
    """Who pays for a channel's attention; nothing for other values."""
    return {"media": media_of(name)} if by == "channel" else {}


def credited(now: Attributed, place: int | None) -> dict[str, Any]:
    """What the leading model credits a value with, and every model; a value without a place has nothing."""
    row = _of(now, now.asked.touch, place)
    for model, credit in now.credits.items():
        money = credit.revenue[place] if place is not None else 0
        row[f"{model}_revenue"] = None if now.conversions.mixed else to_decimal(money)
        row[f"{model}_conversions"] = _neat(credit.conversions[place]) if place is not None else 0.0
    return row


def _of(now: Attributed, model: str, place: int | None) -> dict[str, Any]:
    credit = now.credits.get(model)
    if credit is None:
        return dict.fromkeys((*_FIGURES, *_INTERVAL))
    conversions = _neat(credit.conversions[place]) if place is not None else 0.0
    row = _shares(now, conversions, credit.revenue[place] if place is not None else 0)
    row |= {
        "buyers": int(credit.buyers[place]) if place is not None else 0,
        "new_buyers": _neat(credit.new[place]) if place is not None else 0.0,
    }
    return row | _interval(now, model, place)


_FIGURES: Final = ("conversions", "share_rate", "revenue", "revenue_share_rate", "buyers", "new_buyers")


def _shares(now: Attributed, conversions: float, revenue: int) -> dict[str, Any]:
    count, value = now.conversions.count, now.conversions.value
    return {
        "conversions": conversions,
        "share_rate": conversions / count if count else None,
        "revenue": None if now.conversions.mixed else to_decimal(revenue),
        "revenue_share_rate": revenue / value if value > 0 and not now.conversions.mixed else None,
    }


def _interval(now: Attributed, model: str, place: int | None) -> dict[str, Any]:
    """Rules count and estimate nothing; markov and shapley carry what 200 resamples say."""
    spread = now.spreads.get(model) if model in DATA_DRIVEN else None
    if spread is None or place is None:
        return dict.fromkeys(_INTERVAL)
    found: dict[str, Any] = dict(zip(_INTERVAL[:2], (float(edge[place]) for edge in spread.conversions), strict=True))
    if spread.revenue is None or now.conversions.mixed:
        return found | dict.fromkeys(_INTERVAL[2:])
    money = (to_decimal(round(float(edge[place]) * now.conversions.value)) for edge in spread.revenue)
    return found | dict(zip(_INTERVAL[2:], money, strict=True))


def unattributed(now: Attributed) -> dict[str, Any]:
    """The row of what no value gets; its buyers are those whom no touch can claim."""
    row: dict[str, Any] = dict.fromkeys((*_FIGURES, *_INTERVAL))
    if now.lead is not None:
        rest, money, new = now.unattributed(now.asked.touch)
        row |= _shares(now, rest, money) | {"buyers": len(now.untouched), "new_buyers": new}
    for model in now.credits:
        rest, money, _ = now.unattributed(model)
        row[f"{model}_revenue"] = None if now.conversions.mixed else to_decimal(money)
        row[f"{model}_conversions"] = rest
    return row


def models(now: Attributed) -> pa.Table:
    """A row per value and model that credits it; markov may credit one that only led on to others who converted."""
    rows = [
        {"value": name, "model": model} | _of(now, model, place)
        for model, credit in now.credits.items()
        for place, name in enumerate(now.names)
        if credit.conversions[place] > 0
    ]
    return pa.Table.from_pylist(rows, schema=MODELS)


def removal(now: Attributed) -> pa.Table:
    """By how much the chance to convert falls without each value, and the share of credit that gives."""
    effects = now.models.effects if now.models is not None else None
    if effects is None or effects.shares is None:
        return REMOVAL.empty_table()
    rows = [
        {"value": name, "effect_rate": float(effects.effects[i]), "share_rate": float(effects.shares[i])}
        for i, name in enumerate(now.names)
        if effects.effects[i] > 0
    ]
    return pa.Table.from_pylist(rows, schema=REMOVAL).sort_by([("effect_rate", "descending")])


def rates(now: Attributed) -> pa.Table:
    """What each value adds to the rate of conversion by shapley; negative where paths with it convert less often."""
    found = now.models.rates if now.models is not None and len(now.models.hits) else None
    if found is None:
        return RATES.empty_table()
    rows = [
        {
            "value": name, "effect": float(found.effects[i]),
            "error": None if found.errors is None else float(found.errors[i]),
        }
        for i, name in enumerate(now.names)
        if found.effects[i] != 0
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=RATES).sort_by([("effect", "descending")])


def currencies(now: Attributed) -> pa.Table:
    """Where currencies mix and no rate is known, what each rule credits in each of them, exactly."""
    if not now.conversions.mixed:
        return CURRENCIES.empty_table()
    texts = now.scope.context.texts("currency")
    own = now.scope.context.snapshot.definitions.currency
    of_split = now.conversions.currency[now.split.conversion]
    rows = []
    for code in np.unique(of_split).tolist():
        for model, credit in _in_currency(now, of_split == code).items():
            rows += [
                {
                    "currency": texts[code] if code >= 0 else own, "value": name, "model": model,
                    "revenue": to_decimal(credit.revenue[i]),
                }
                for i, name in enumerate(now.names)
                if credit.buyers[i]
            ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=CURRENCIES)


def _in_currency(now: Attributed, here: np.ndarray) -> dict[str, Credit]:
    columns = ("low", "high", "visitor", "amount", "unit", "parts", "first", "conversion")
    split = replace(now.split, **{name: frozen(getattr(now.split, name)[here]) for name in columns})
    return credit_rules(now.windows, split, half_life=now.asked.half_life_micros, custom=now.asked.shape)


def _neat(value: float) -> float:
    """Conversions are counted in parts of 10⁻¹¹; nine digits of them are shown."""
    return round(float(value), 9)
