"""Hand-made answers of the Overview and the Channels page: every column that the pages draw from."""

# ruff: noqa: E501 - rows of figures read better as rows

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import pyarrow as pa
from drawn import HOSTILE, FakeShop, _about, _people

from afterclick.analyse.channels import Channels
from afterclick.analyse.kpi import Kpi
from afterclick.analyse.landing import Touchpoints
from afterclick.analyse.top import Top
from afterclick.core.condition_tree import quoted
from afterclick.core.result import Result, Text
from afterclick.core.spec import Spec

DAYS = 28
FIRST = dt.datetime(2026, 8, 30, 15, tzinfo=dt.UTC)
_D = Decimal

# metric: unit, value, previous, low, high
_FIGURES: dict[str, tuple[str, Any, Any, Any, Any]] = {
    "visitors": ("count", 182_340, 171_372, None, None),
    "new_visitors": ("count", 96_031, 93_880, None, None),
    "new_visitor_rate": ("rate", 0.5267, 0.5478, 0.5244, 0.5290),
    "sessions": ("count", 241_008, 225_411, None, None),
    "bounce_rate": ("rate", 0.4102, 0.4391, 0.4082, 0.4122),
    "engagement_rate": ("rate", 0.5221, 0.5218, 0.5201, 0.5241),
    "orders": ("count", 4_104, 2_919, None, None),
    "conversion_rate": ("rate", 4_104 / 182_340, 2_919 / 171_372, None, None),
    "aov": ("money", 107_800.0, 109_777.0, None, None),
    "revenue": ("money", 442_411_200.0, 320_439_063.0, None, None),
    "impressions": ("count", 8_204_117, 7_911_020, None, None),
    "clicks": ("count", 98_220, 90_114, None, None),
    "click_rate": ("rate", 0.01197, 0.01139, 0.0119, 0.0121),
    "cost": ("money", 61_204_000.0, 58_110_000.0, None, None),
    "roas": ("number", 3.21, 2.94, None, None),
    "cac": ("money", 41_300.0, 44_900.0, None, None),
}
_ADS = {"impressions", "clicks", "click_rate", "cost", "roas", "cac"}


def kpi_result(spec: Kpi, *, costs: bool = True, hostile: bool = False) -> Result:
    """Key figures with everything the page can show; without `costs` those of ads are not known."""
    compared = spec.compare != "none"
    rows, figures, previous = [], {}, {}
    for metric, (unit, *known) in _FIGURES.items():
        value, old, low, high = known if costs or metric not in _ADS else [None] * 4
        old = old if compared else None
        change = None if value is None or old is None else value - old if unit == "rate" else value / old - 1
        rows.append(
            {
                "metric": metric, "unit": unit, "value": value, "previous": old, "change": change, "low": low,
                "high": high, "numerator": None, "denominator": None, "reason": "" if value is not None else "no_costs",
            }
        )  # fmt: skip
        figures[metric] = _exact(unit, value)
        previous[metric] = _exact(unit, old)
    previous |= {"bounced": 98_978, "qualifying_sessions": 225_411}
    figures |= {
        "bounced": 98_861, "qualifying_sessions": 241_008, "interval": "day",
        "reasons": {} if costs else dict.fromkeys(sorted(_ADS), "no_costs"), "previous": previous if compared else None,
    }  # fmt: skip
    parts = {"series": _series(costs, compared)}
    if compared:
        parts |= {"change": _change(), "contributors": _contributors(hostile)}
    kinds = pa.schema([("metric", pa.string()), ("unit", pa.string())])
    kinds = pa.unify_schemas([kinds, pa.schema([(n, pa.float64()) for n in ("value", "previous", "change", "low", "high")])])
    frame = pa.Table.from_pylist([{name: row[name] for name in kinds.names} for row in rows], schema=kinds)
    return Result(
        spec, frame, sentence=Text("sentence.kpi", {"visitors": 182_340, "orders": 4_104, "rate": 4_104 / 182_340}),
        figures=figures, parts={name: pa.Table.from_pylist(found) for name, found in parts.items()},
        about=_about(spec, "visitors", 182_340), people=_people,
    )  # fmt: skip


def _exact(unit: str, value: Any) -> Any:
    return _D(repr(value)) if unit == "money" and value is not None else value


def _series(costs: bool, compared: bool) -> list[dict[str, Any]]:
    rows = []
    for metric, (unit, value, old, _, _) in _FIGURES.items():
        if metric in _ADS and not costs:
            continue
        for i in range(DAYS):
            wave = 1 + 0.18 * math.sin(i / 7 * 2 * math.pi) + 0.05 * math.cos(i * 1.7)
            share = 1.0 if unit in ("rate", "number") or metric in ("aov", "cac") else 1 / DAYS
            now, before = (x * share * wave for x in (value, old))
            if unit == "count":
                now, before = round(now), round(before)
            rows.append(
                {
                    "metric": metric, "unit": unit, "interval": i, "start_at": FIRST + dt.timedelta(days=i),
                    "end_at": FIRST + dt.timedelta(days=i + 1), "incomplete": i == DAYS - 1,
                    "value": float(now * (0.4 if i == DAYS - 1 else 1)), "previous": float(before) if compared else None,
                }
            )  # fmt: skip
    return rows


def _change() -> list[dict[str, Any]]:
    return [
        {"factor": "visitors", "before": _D(171_372), "after": _D(182_340), "effect": _D("24100200.5"), "share_rate": 0.198},
        {"factor": "conversion_rate", "before": _D("0.01703"), "after": _D("0.02251"), "effect": _D("104660418.5"), "share_rate": 0.858},
        {"factor": "aov", "before": _D(109_777), "after": _D(107_800), "effect": _D("-6788482"), "share_rate": -0.056},
        {"factor": "rest", "before": None, "after": None, "effect": _D(0), "share_rate": 0.0},
    ]  # fmt: skip


def _contributors(hostile: bool) -> list[dict[str, Any]]:
    found = {
        "channel": (("paid_search", 61), ("organic_search", 44), ("email", -12), ("(other)", 29)),
        "source": (("naver", 70), ("google", 22), ("kakao", -9), ("(other)", 39)),
        "campaign": (("autumn_sale", 58), ("restock", -14), ("(none)", 78)),
        "device_type": (("mobile", 98), ("desktop", 26), ("tablet", -2)),
        "landing": (("/products/*", 66), ("/event/autumn", 41), ("/", -8), ("(other)", 23)),
    }
    rows = []
    for dimension, values in found.items():
        for i, (value, millions) in enumerate(values):
            name = HOSTILE[i % len(HOSTILE)] if hostile and value[0] != "(" else value
            rows.append(
                {
                    "dimension": dimension, "value": name, "revenue": _D(max(0, millions) * 1_000_000 + 3_000_000),
                    "previous_revenue": _D(3_000_000 + max(0, -millions) * 1_000_000), "effect": _D(millions * 1_000_000),
                    "orders": 40 + i, "previous_orders": 30 + i, "buyers": 0 if value[0] == "(" else 38 + i,
                    "where": "" if value[0] == "(" else f"{dimension} == {quoted(name)}", "cell": f"dimension={dimension};value={name}",
                }
            )  # fmt: skip
    return rows


def top_result(spec: Top, *, hostile: bool = False, empty: bool = False) -> Result:
    """A list of one kind."""
    of = str(spec.to_dict()["of"])
    values = {
        "source": ("naver", "(none)", "instagram", "google", "kakao", "facebook", "daum", "tiktok", "bing", "line", "youtube", "x"),
        "campaign": ("(none)", "autumn_sale", "new_arrivals", "restock"),
        "device_type": ("mobile", "desktop", "tablet"),
        "product": ("knit-001", "outer-001", "bottom-023"),
    }[of]  # fmt: skip
    if hostile:
        values = tuple(HOSTILE)
    rows = [
        {
            "value": value, "name": "소프트 라운드 니트" if of == "product" and not hostile else "",
            "visitors": 90_000 // (i + 1), "sessions": 110_000 // (i + 1), "share_rate": 0.49 / (i + 1),
            "orders": 2_000 // (i + 1), "units": 2_400 // (i + 1) if of == "product" else None,
            "conversion_rate": 0.022, "revenue": _D(204_000_000 // (i + 1)), "previous_visitors": 80_000 // (i + 1),
            "previous_sessions": 99_000 // (i + 1), "previous_revenue": _D(180_000_000 // (i + 1)),
            "where": "" if value == "(none)" else f"{of} == {quoted(value)}",
        }
        for i, value in enumerate(() if empty else values)
    ]  # fmt: skip
    return Result(
        spec, pa.Table.from_pylist(rows), sentence=Text("sentence.top_empty"), figures={"values": len(rows)},
        about=_about(spec, "visitors", 182_340) | {"of": of}, people=_people,
    )  # fmt: skip


def ends_result(spec: Touchpoints) -> Result:
    """Where visits land and end, and what was searched for."""
    parts = {
        "landings": [
            {"touchpoint": "/event/autumn", "landings": 41_000, "visitors": 38_000, "share_rate": 0.17, "bounced": 16_810, "bounce_rate": 0.41, "ordered": 700, "ordered_rate": 0.017},
            {"touchpoint": "/", "landings": 33_000, "visitors": 30_100, "share_rate": 0.13, "bounced": 9_000, "bounce_rate": 0.27, "ordered": 900, "ordered_rate": 0.027},
        ],
        "exits": [
            {"touchpoint": "/cart", "exits": 12_000, "visitors": 11_100, "share_rate": 0.05, "views": 41_000, "exit_rate": 0.29},
            {"touchpoint": "(none)", "exits": 40, "visitors": 31, "share_rate": 0.0002, "views": None, "exit_rate": None},
        ],
        "words": [
            {"where": "outside", "word": "니트", "sessions": 4_100, "visitors": 4_002},
            {"where": "typed", "word": "니트", "sessions": 900, "visitors": 871},
        ],
    }
    return Result(
        spec, pa.table({"touchpoint": ["/"]}), sentence=Text("sentence.top_empty"), figures={"sessions": 241_008},
        parts={name: pa.Table.from_pylist(rows) for name, rows in parts.items()},
        about=_about(spec, "sessions", 182_340), people=_people,
    )  # fmt: skip


_CHANNELS = (
    # channel, media, aim, kpi, sessions, conversion, orders, revenue, cost
    ("paid_search", "paid", "acquisition", "cac", 61_204, 0.031, 1_402, 151_000_000, 31_000_000),
    ("organic_search", "earned", "acquisition", "new_buyers", 52_880, 0.024, 980, 104_000_000, None),
    ("paid_social", "paid", "awareness", "new_visitors", 41_020, 0.009, 301, 29_800_000, 30_204_000),
    ("direct", "owned", "loyalty", "repeat_order_rate", 38_411, 0.029, 870, 99_000_000, None),
    ("email", "owned", "loyalty", "repeat_order_rate", 12_004, 0.041, 390, 41_000_000, None),
    ("organic_social", "shared", "awareness", "new_visitors", 9_033, 0.004, 41, 4_100_000, None),
    ("(none)", "", "", "", 410, None, 120, 13_511_200, None),
)
_AIMS = {"cac": (41_300.0, "money"), "new_buyers": (611.0, "count"), "new_visitors": (22_310.0, "count"), "repeat_order_rate": (0.412, "rate")}


def channels_result(spec: Channels, *, costs: bool = True, hostile: bool = False) -> Result:
    """The table of channels, or of the media they belong to."""
    by = str(spec.to_dict()["by"])
    compared = spec.compare != "none"
    rows: list[dict[str, Any]] = []
    for i, (channel, media, aim, kpi, sessions, conversion, orders, revenue, cost) in enumerate(_CHANNELS):
        value = media or "(none)" if by == "media" else channel
        if by == "media" and any(row["media"] == value for row in rows):
            continue
        spent = cost if costs else None
        amount, unit = _AIMS.get(kpi, (None, "count"))
        name = HOSTILE[i % len(HOSTILE)] if hostile else value
        rows.append(
            {
                by: name, "media": name if by == "media" else media, "aim": aim, "aim_kpi": kpi, "aim_value": amount, "aim_unit": unit,
                "impressions": spent and 4_000_000, "clicks": spent and 61_000, "click_rate": spent and 0.0152,
                "visitors": sessions - sessions // 5, "sessions": sessions, "share_rate": sessions / 215_000, "bounce_rate": 0.41,
                "conversion_rate": conversion, "orders": orders, "revenue": _D(revenue), "aov": revenue / orders,
                "cost": spent and _D(spent), "cpc": spent and 508.2, "roas": spent and revenue / spent, "cac": spent and 41_300.0,
                "previous_sessions": sessions * 9 // 10 if compared else None, "previous_orders": orders if compared else None,
                "previous_revenue": _D(revenue) * 11 // 10 if compared else None,
            }
        )  # fmt: skip
    parts = {
        "series": [
            {"value": row[by], "interval": i, "sessions": row["sessions"] // 28 + (i * 7 % 11) * 40, "incomplete": i == DAYS - 1}
            for row in rows
            for i in range(DAYS)
        ],
        "unmatched_costs": [{"source": "tiktok", "campaign": "spark", "cost": _D(804_000), "impressions": 90_000, "clicks": 804}],
        "unmatched_traffic": [
            {"source": "kakao", "campaign": "", "channel": "display", "sessions": 904, "visitors": 871, "orders": 4, "revenue": _D(401_000)}
        ],
    }  # fmt: skip
    if not costs:
        del parts["unmatched_costs"], parts["unmatched_traffic"]
    figures = {"sessions": 214_962, "orders": 4_104, "revenue": _D(442_411_200), "cost": _D(61_204_000) if costs else None, "reasons": {}}
    more = {"by": by, "attribution_touch": "last"}
    return Result(
        spec, pa.Table.from_pylist(rows), sentence=Text("sentence.channels_empty"), figures=figures,
        parts={name: pa.Table.from_pylist(found) for name, found in parts.items()},
        about=_about(spec, "sessions", 182_340) | more, people=_people,
    )  # fmt: skip


class FigureShop(FakeShop):
    """The asker of `drawn`, which also knows key figures, lists and channels."""

    def __init__(self, *, costs: bool = True, hostile: bool = False, empty: bool = False) -> None:
        super().__init__(hostile=hostile, empty=empty)
        self.costs = costs

    def ask(self, spec: Spec) -> Result:
        made: Result | None = None
        if self.problem is None and not self.empty and self.gate.wait(30):
            if isinstance(spec, Kpi):
                made = kpi_result(spec, costs=self.costs, hostile=self.hostile)
            elif isinstance(spec, Top):
                made = top_result(spec, hostile=self.hostile)
            elif isinstance(spec, Touchpoints):
                made = ends_result(spec)
            elif isinstance(spec, Channels):
                made = channels_result(spec, costs=self.costs, hostile=self.hostile)
        if made is None:
            return super().ask(spec)
        self.asked.append(spec)
        return made
