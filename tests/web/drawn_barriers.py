"""Hand-made answers to Barriers: what a shop with four of them says, what one without says, what strangers call things."""

# ruff: noqa: E501 - rows of figures read better as rows

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import drawn
import numpy as np
import pyarrow as pa

from afterclick.analyse.barrier_reading import _SCHEMA
from afterclick.analyse.barriers import Barriers
from afterclick.analyse.drivers_compare import SCHEMA
from afterclick.core import spans
from afterclick.core.errors import SpecError
from afterclick.core.result import Note, People, Result, Term, Text, stage_term

_D = Decimal

# key, stage, severity, recipe, visitors, went on, visits, met, expected, met aov, expected aov, spilled, risk, low, high, own, where
_NAMED: tuple[tuple[Any, ...], ...] = (
    ("error:Coupon Denied", "Close", "critical", "check_discount_field", 1_598, 478, 1_598, 0.299, 0.598, 74_000.0, 81_000.0, 0.0, _D(46_200_000), _D(31_100_000), _D(61_300_000), _D(46_200_000), ("device_type", "mobile", 0.96, 0.6)),
    ("slow:/products/*", "Attract", "high", "speed_up_page", 41_208, 640, 52_571, 0.0134, 0.0359, 82_217.5, 86_828.0, 0.0082, _D(14_700_000), _D(9_800_000), _D(19_600_000), _D(14_400_000), None),
    ("touchpoint:/checkout/shipping-fee", "Close", "medium", "show_shipping_early", 3_740, 2_270, 3_750, 0.605, 0.917, 65_294.0, 66_894.0, 0.0, _D(8_787_281), _D(6_142_787), _D(11_431_776), _D(7_803_106), None),
    ("landing:/event/autumn/**", "Attract", "low", "test_landing_page", 2_102, 0, 2_136, 0.0, 0.0176, None, 67_182.0, 0.0, _D(1_990_751), _D(520_401), _D(3_461_101), _D(1_850_019), ("channel", "paid_social", 1.0, 0.084)),
)  # fmt: skip
# key, stage, visitors, met, expected, q, least ratio, explained by
_TESTED: tuple[tuple[Any, ...], ...] = (
    ("touchpoint:Coupon Entered", "Close", 728, 0.439, 0.613, 0.0001, 1.27, None),
    ("retry:Product List Viewed", "Attract", 6_110, 0.0403, 0.0431, 0.45, 0.92, None),
    ("loop:/cart ↔ /checkout", "Close", 155, 0.27, 0.51, 0.001, 1.41, "error:Coupon Denied"),
    ("segment:Safari · Checkout Started", "Close", 458, 0.73, 0.74, 0.9, 0.8, None),
)


def barriers_result(
    spec: Barriers, *, stages: Sequence[str] = (), strangers: Sequence[str] = (), found: bool = True, money: bool = True
) -> Result:
    """Four barriers and four candidates that are none; `strangers` are names to put in the place of ours."""
    names = itertools.cycle(strangers) if strangers else None
    order = list(stages) or ["Attract", "Convert", "Close", "Delight"]
    rows = [_named(i, row, order, names, money) for i, row in enumerate(_NAMED, 1)] if found else []
    rows += [_tested(row, order, names) for row in _TESTED]
    known = {str(row["key"]): row for row in rows}
    if spec.why and spec.why not in known:
        raise SpecError(f"there is no barrier {spec.why[:80]!r} here", hint="see the key column", path="why")
    own = [(order[i % len(order)], amount) for i, amount in ((2, _D(54_003_106)), (0, _D(16_250_019)))]
    figures: dict[str, Any] = {
        "at_risk": _D(70_253_125) if money else None, "at_risk_low": _D(51_000_000) if money else None,
        "at_risk_high": _D(89_506_250) if money else None, "at_risk_rate": 0.159 if money else None,
        "revenue_month": _D(442_000_000) if money else None, "barriers": 4, "candidates": 51, "visitors": 46_966,
        "lost_orders": 743.2, "within": "1d", "margin": 1.3, "false_rate": 0.05,
        "stages": dict(own) if money else dict.fromkeys((stage for stage, _ in own), None),
        "worst_stage": own[0][0], "worst_stage_rate": 0.7687 if money else None, "stage_order": order,
    }  # fmt: skip
    if not found:
        figures |= {"at_risk": _D(0), "at_risk_low": _D(0), "at_risk_high": _D(0), "at_risk_rate": 0.0, "barriers": 0,
                    "visitors": 0, "stages": {}, "worst_stage": None, "worst_stage_rate": None}  # fmt: skip
    parts = {}
    if spec.why:
        parts["why"] = pa.Table.from_pylist(list(_differences(names)), schema=SCHEMA)
        figures |= {"why_went_on": 478, "why_did_not": 1_120}
    return Result(
        spec, pa.Table.from_pylist(rows, schema=_SCHEMA), sentence=_sentence(figures, rows, found), figures=figures,
        parts=parts, notes=(Note("barriers_observed", {"margin": 1.3}),) if found else (), about=_about(spec), people=_people,
    )  # fmt: skip


def _sentence(figures: dict[str, Any], rows: list[dict[str, Any]], found: bool) -> Text:
    if not found:
        return Text("sentence.barriers_none", {"tested": figures["candidates"]})
    first = rows[0]
    return Text(
        "sentence.barriers" if figures["at_risk"] is not None else "sentence.barriers_no_money",
        {
            "n": 4, "name": first["name"], "kind": Term(f"barrier_kind.{first['kind']}", first["kind"]), "currency": "KRW",
            "stage": stage_term(first["stage"]), "at_risk": figures["at_risk"], "most": first["at_risk"],
            "lost_orders": round(figures["lost_orders"]),
        },
    )  # fmt: skip


def _renamed(key: str, names: Iterator[str] | None) -> tuple[str, str, str]:
    kind, _, name = key.partition(":")
    name = next(names) if names else name
    return f"{kind}:{name}", kind, name


def _named(
    rank: int, row: tuple[Any, ...], stages: list[str], names: Iterator[str] | None, money: bool
) -> dict[str, Any]:
    key, kind, name = _renamed(row[0], names)
    place = dict(zip(("where_field", "where_value", "where_rate", "usual_rate"), row[16] or (None,) * 4, strict=True))
    amounts = dict(zip(("at_risk", "at_risk_low", "at_risk_high", "own_at_risk"), row[12:16], strict=True))
    return {
        "rank": rank, "key": key, "kind": kind, "name": name, "type": "page", "step": "/",
        "stage": stages[(2 if row[1] == "Close" else 0) % len(stages)], "severity": row[2], "evidence": "observed",
        "recipe": row[3], "visitors": row[4], "went_on": row[5], "lost": row[4] - row[5], "visits": row[6], "controls": 2_790,
        "met_rate": row[7], "expected_rate": row[8], "difference_rate": row[8] - row[7], "difference_low": row[8] - row[7] - 0.01,
        "difference_high": row[8] - row[7] + 0.01, "least_ratio": 1.8, "met_aov": row[9] if money else None,
        "expected_aov": row[10] if money else None, "spilled_rate": row[11], "lost_orders": 154.5, "p_value": 1e-9,
        "q_value": 1e-8, "significant": True, "explained_by": None, **place,
        **(amounts if money else dict.fromkeys(amounts)),
    }  # fmt: skip


def _tested(row: tuple[Any, ...], stages: list[str], names: Iterator[str] | None) -> dict[str, Any]:
    key, kind, name = _renamed(row[0], names)
    return {
        "key": key, "kind": kind, "name": name, "type": "event", "step": "", "evidence": "observed", "recipe": "repair_error",
        "stage": stages[(2 if row[1] == "Close" else 0) % len(stages)], "visitors": row[2], "went_on": 2, "lost": row[2] - 2,
        "visits": row[2], "controls": 900, "met_rate": row[3], "expected_rate": row[4], "difference_rate": row[4] - row[3],
        "q_value": row[5], "p_value": row[5], "least_ratio": row[6], "explained_by": row[7], "significant": bool(row[7]),
        "lost_orders": 3.0, "spilled_rate": 0.0, "at_risk": Decimal(9_000), "at_risk_low": Decimal(0), "at_risk_high": Decimal(30_000),
    }  # fmt: skip


def _differences(names: Iterator[str] | None) -> Iterator[dict[str, Any]]:
    for direction, field, ratio in (("up", "/search", 1.6), ("up", "/cart", 1.2), ("down", "/login", 0.4)):
        name = next(names) if names else field
        yield {
            "direction": direction, "behaviour": name, "type": "page", "field": "page", "value": name, "with_n": 241,
            "with_went_on": 79, "with_rate": 79 / 241, "without_n": 185, "without_went_on": 44, "without_rate": 44 / 185,
            "times": ratio, "odds_ratio": ratio, "low": ratio * 0.8, "high": ratio * 1.3, "p_value": 0.01, "q_value": 0.04,
            "significant": field != "/cart", "skewed": False,
        }  # fmt: skip


def _about(spec: Barriers) -> dict[str, Any]:
    return {
        "unit": "visits", "range": "2026-08-31..2026-09-27", "start_at": "2026-08-30T15:00:00Z", "end_at": "2026-09-27T15:00:00Z",
        "compare": None, "timezone": "Asia/Seoul", "currency": "KRW", "as_of": "2026-09-27T05:03:00Z", "bots": spec.bots,
        "identity": spec.identity, "events": 2_104_118, "visitors": 182_340, "filters": list(spec.where), "within": "1d",
        "fingerprint": "f1", "store": "한빛패션", "example": True,
    }  # fmt: skip


def _people(cell: str) -> People:
    if not cell.startswith(("barrier=", "part=met", "why=", "type=")):
        raise SpecError(f"barriers have no cell {cell[:80]!r}", path="people")
    rows = {f"barrier={row[0]};part=met": row[4] for row in _NAMED} | {"part=met": 46_966}
    return People(
        np.arange(rows.get(cell, 61)),
        drawn._describe,
        Text("people.barrier_lost", {"name": "x", "within": spans.DAY}),
    )
