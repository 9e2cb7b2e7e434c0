"""The answer to what buyers are worth: from their histories by the fits to figures, tables, notes and people."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from afterclick.analyse.context import Context
from afterclick.analyse.kpi_figures import figures_of
from afterclick.analyse.money_notes import cost_notes
from afterclick.analyse.orders import orders_of
from afterclick.analyse.scope import currency_of, scope_of
from afterclick.analyse.unmatched import unmatched_costs
from afterclick.core.moments import Share
from afterclick.core.result import Note, Result, Text
from afterclick.learn.value import acquired, fits, holdout, tables
from afterclick.learn.value.behind import cells
from afterclick.learn.value.foreseen import HONEST, Foreseen
from afterclick.learn.value.outlook import Outlook, Spread
from afterclick.learn.value.purchases import days_said, purchases_of
from afterclick.learn.value.value import Value

_CORRELATED = 0.3


def foreseen_of(question: Value, context: Context) -> Foreseen:
    """What the answer to a question about value is made of."""
    scope = scope_of(context, question)
    purchases = purchases_of(scope)
    counted = purchases.counted(fits.unit_of(question.model))
    return Foreseen(question, scope, purchases, counted, fits.fits_of(scope, purchases, counted, question.model))


def answered(question: Value, context: Context) -> Result:
    """The Result of a question about value."""
    made = foreseen_of(question, context)
    scope, purchases = made.scope, made.purchases
    rows = made.groups.rows()
    figures = _figures(made)
    by = question.by
    begun = int(purchases.first.min()) if len(purchases.buyers) else purchases.until
    acquired_in = scope.about("buyers")["range"]
    return Result(
        question, pa.Table.from_pylist(rows, schema=acquired.schema(by)), sentence=_sentence(made, figures),
        figures=figures, parts=_parts(made), notes=_notes(made, figures), people=cells(made, [row[by] for row in rows]),
        about=scope.about(
            "buyers", events=len(orders_of(scope).row), by=by, touch=question.touch, visitors=len(purchases.buyers),
            model=question.model, alive_model=question.model if question.model in HONEST else "mbg",
            known_until=day_of(purchases.until), attribution_touch=question.touch, months=question.months,
            discount=question.discount_rate, margin=question.margin, range=days_said(begun, purchases.until),
            compare=None, acquired_in=acquired_in,
            held_since=day_of(made.held.day + 1) if made.held else None,
        ),
    )  # fmt: skip


def day_of(ordinal: int) -> str:
    """The ISO day of an ordinal."""
    return date.fromordinal(ordinal).isoformat()


def _figures(made: Foreseen) -> dict[str, Any]:
    purchases, outlook, seen = made.purchases, made.outlook, made.spread
    repeated = Share(int((np.diff(purchases.offsets) > 1).sum()), len(purchases.buyers))
    low, high = repeated.interval or (None, None)
    found: dict[str, Any] = {
        "customers": repeated.n, "repeaters": repeated.hits, "repeat_rate": repeated.rate, "repeat_low_rate": low,
        "repeat_high_rate": high,
        **dict.fromkeys(
            ("alive", "alive_low", "alive_high", "alive_rate", "likely", "orders_ahead", "orders_low", "orders_high",
             "clv", "clv_low", "clv_high", "clv_mean", "top_share_rate", "order_value", "newcomer_clv")
        ),
    }  # fmt: skip
    if outlook is not None and seen is not None:
        found |= {
            "alive": float(outlook.alive.sum()), "alive_low": seen.alive.low, "alive_high": seen.alive.high,
            "alive_rate": float(outlook.alive.mean()), "likely": int((outlook.likely).sum()),
            "orders_ahead": float(outlook.orders.sum()) if outlook.terms.months else None,
            "orders_low": seen.orders.low if seen.orders else None,
            "orders_high": seen.orders.high if seen.orders else None,
        }  # fmt: skip
        found |= _worth(outlook, seen)
    return found | _winning(made) | _quality(made)


def _worth(outlook: Outlook, seen: Spread) -> dict[str, Any]:
    if outlook.clv is None or outlook.order_value is None:
        return {}
    return {
        "clv": tables.exact(float(outlook.clv.sum())), "clv_mean": tables.exact(float(outlook.clv.mean())),
        "clv_low": tables.exact(seen.clv.low if seen.clv else None),
        "clv_high": tables.exact(seen.clv.high if seen.clv else None),
        "top_share_rate": tables.top_share(outlook.clv)[1],
        "order_value": tables.exact(float(outlook.order_value.mean())),
        "newcomer_clv": tables.exact(outlook.newcomer()),
    }  # fmt: skip


def _winning(made: Foreseen) -> dict[str, Any]:
    """What winning a buyer of the range cost, beside what such a buyer will bring."""
    spent = made.groups.groups.spent
    kpis = figures_of(spent)
    worth = made.groups.worth(made.groups.won(None))
    cac, why = kpis["cac"], kpis["reasons"].get("cac", "")
    ratio = made.groups.ratio(worth, cac, why)
    reasons = {"cac": why, "ltv_cac": ratio["reason"]}
    if made.reason:
        reasons |= dict.fromkeys(("alive", "orders_ahead"), made.reason)
    if made.money_reason:
        reasons |= dict.fromkeys(("clv", "clv_mean", "order_value", "newcomer_clv"), made.money_reason)
    if made.held is None:
        reasons["holdout_error"] = "off" if made.question.holdout == "off" else "too_short"
    return {
        "cost": kpis["cost"], "new_buyers": kpis["new_buyers"], "won": kpis["attributed_new_buyers"], "won_clv": worth,
        "cac": None if cac is None else tables.exact(float(cac)), "ltv_cac": ratio["ltv_cac"],
        "reasons": {name: code for name, code in reasons.items() if code},
    }  # fmt: skip


def _quality(made: Foreseen) -> dict[str, Any]:
    """How the model did on the days that were kept back, and whether value and frequency are independent."""
    rule = made.held.rules("model")[0] if made.held else {}
    return {
        "holdout_expected": rule.get("total"), "holdout_actual": rule.get("actual"), "holdout_error": rule.get("error"),
        "holdout_correlation": rule.get("correlation"), "value_correlation": fits.spent_of(made.counted).correlation(),
    }  # fmt: skip


def _parts(made: Foreseen) -> dict[str, pa.Table]:
    outlook, held = made.outlook, made.held
    clv = None if outlook is None else outlook.clv
    fitted = [made.fitted.lifetime, *([] if made.money_reason else [made.fitted.spend])]
    check = list(holdout.fit_check(made.counted, outlook.model)) if outlook else []
    return {
        "months": tables.months(outlook) if outlook else tables.MONTHS.empty_table(),
        "distribution": pa.Table.from_pylist([] if clv is None else tables.distribution(clv)[0], schema=tables.DISTRIBUTION),
        "alive": pa.Table.from_pylist(tables.aliveness(outlook.alive)[0] if outlook else [], schema=tables.ALIVE),
        "calibration": pa.Table.from_pylist(held.calibration() if held else [], schema=holdout.CALIBRATION),
        "rules": pa.Table.from_pylist(held.rules(made.question.model) if held else [], schema=holdout.RULES),
        "fit": pa.Table.from_pylist(
            [
                {"repeats": number, "more": number == len(check) - 1, "customers": actual, "expected": expected}
                for number, actual, expected in check
            ],
            schema=tables.FIT,
        ),
        "parameters": tables.parameters(fitted),
    }


def _sentence(made: Foreseen, figures: dict[str, Any]) -> Text:
    if not len(made.purchases.buyers):
        return Text("sentence.value_empty")
    params: dict[str, Any] = {name: figures[name] for name in ("customers", "repeaters")}
    if made.outlook is None:
        return Text(f"sentence.value_{made.reason}", params)
    params |= {"alive": round(figures["alive"]), "months": made.question.months}
    if figures["clv"] is None:
        ahead = "value_orders" if made.question.months else "value_alive"
        return Text(f"sentence.{ahead}", params | {"orders": round(figures["orders_ahead"] or 0)})
    params |= {"clv": figures["clv"], "currency": currency_of(made.scope.context)}
    return Text("sentence.value" if made.question.months else "sentence.value_ever", params)


def _notes(made: Foreseen, figures: dict[str, Any]) -> tuple[Note, ...]:
    question, purchases, outlook = made.question, made.purchases, made.outlook
    orders, notes = orders_of(made.scope), []
    if purchases.mixed:
        notes.append(Note("mixed_currencies", {"currencies": ", ".join(sorted(made.scope.context.texts("currency")))}))
    elif outlook is not None and made.fitted.spend.reason:
        notes.append(Note("value_spend_few_repeaters"))
    elif outlook is not None and made.fitted.alike:
        notes.append(Note("value_spend_alike"))
    nobody = int((~orders.refund & orders.counted & (orders.visitor < 0)).sum())
    if nobody:
        notes.append(Note("value_nobody", {"count": nobody}))
    if outlook is not None:
        notes += [Note("value_interval"), *([Note("value_margin")] if question.margin == 1 and outlook.clv is not None else [])]
        unpaid = int(((made.counted.repeats > 0) & (made.counted.mean <= 0)).sum())
        notes += [Note("value_unpaid", {"count": unpaid})] if unpaid and not made.money_reason else []
        if question.model not in HONEST:
            notes.append(Note("value_alive_model"))
        if (figures["value_correlation"] or 0) > _CORRELATED:
            notes.append(Note("value_correlated", {"correlation": figures["value_correlation"]}))
        if made.held is None and question.holdout != "off":
            notes.append(Note("value_no_holdout"))
    if made.fitted.refused:
        notes.append(Note("model_refused", {"files": ", ".join(made.fitted.refused)}))
    spent = made.groups.groups.spent
    return (*notes, *cost_notes(spent.costs, unmatched_costs(spent).num_rows, figures if question.touch == "last" else {}))
