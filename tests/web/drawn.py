"""Hand-made Results for the tests of the web face: figures as a real shop has them, and names as strangers send them."""

# ruff: noqa: E501 - rows of figures read better as rows
from __future__ import annotations

import datetime as dt
import threading
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from drawn_barriers import barriers_result
from drawn_feedback import no_feedback

from afterclick.analyse.barriers import Barriers
from afterclick.analyse.catalogue import Data
from afterclick.analyse.feedback.feedback import Feedback
from afterclick.analyse.journey_map import JourneyMap
from afterclick.core import spans
from afterclick.core.errors import NotEnoughData, SpecError
from afterclick.core.result import Note, People, Result, Text, stage_term
from afterclick.core.spec import Spec

HOSTILE = (
    '"><script>alert(1)</script>',
    "\u202etxt.exe\u202c",
    "긴" * 5000,
    "🛒👩‍👩‍👧‍👦",
    "́́",
    "' onmouseover='alert(1)",
    "{{ 7 * 7 }}",
    '=HYPERLINK("http://x")',
    "\x00\x1b[31m",
    "javascript:alert(1)",
)

STAGES = ("Attract", "Convert", "Close", "Delight")
_ENTERED = (182_340, 41_938, 10_412, 3_829)
_ONWARD = (41_120, 9_817, 3_702, 0)
_OPEN = (6_204, 2_110, 388, 3_829)
_CHANNELS = (
    (("organic_search", "earned", 69_289), ("paid_social", "paid", 43_762), ("direct", "owned", 31_000),
     ("paid_search", "paid", 21_881), ("email", "owned", 9_000), ("referral", "earned", 7_408)),
    (("direct", "owned", 13_001), ("organic_search", "earned", 11_323), ("push", "owned", 6_710), ("email", "owned", 6_291),
     ("messenger", "owned", 4_613)),
    (("direct", "owned", 4_581), ("push", "owned", 2_187), ("email", "owned", 1_458), ("organic_search", "earned", 1_353),
     ("paid_social", "paid", 833)),
    (("push", "owned", 1_378), ("messenger", "owned", 919), ("direct", "owned", 766), ("email", "owned", 766)),
)  # fmt: skip
_DEVICES = (
    (("mobile", 131_285), ("desktop", 43_761), ("tablet", 7_294)),
    (("mobile", 29_357), ("desktop", 11_323), ("tablet", 1_258)),
    (("mobile", 6_768), ("desktop", 3_332), ("tablet", 312)),
    (("mobile", 2_374), ("desktop", 1_379), ("tablet", 76)),
)
_TOUCHPOINTS = (
    (("/", "page", 98_412, 0.41), ("/products/*", "page", 61_208, 0.33), ("/events/*", "page", 43_810, 0.52),
     ("/blog/*", "page", 12_904, 0.24), ("", "more", 0, None)),
    (("/products/*", "page", 39_702, 0.22), ("Signed Up", "event", 18_233, 0.38), ("/coupon", "page", 15_120, 0.44),
     ("Product Searched", "event", 9_308, 0.19)),
    (("/cart", "page", 9_902, 0.29), ("Coupon Denied", "event", 6_270, 0.61), ("Checkout Started", "event", 5_420, 0.48),
     ("/checkout/shipping", "page", 4_658, 0.35), ("", "more", 0, None)),
    (("/orders/*", "page", 3_702, 0.18), ("Product Reviewed", "event", 1_240, 0.14), ("Order Completed", "event", 1_034, 0.21),
     ("/invite-a-friend-and-both-save", "page", 21, 0.09)),
)  # fmt: skip


def journey_result(spec: JourneyMap | None = None, names: tuple[str, ...] = STAGES, hostile: bool = False) -> Result:
    """A journey map; `hostile` puts the strings of strangers wherever a name can stand."""
    spec = spec or JourneyMap()
    texts = iter(HOSTILE * 20) if hostile else None

    def name(own: str) -> str:
        return next(texts) if texts else own

    default = names == STAGES
    frame = pa.Table.from_pylist(
        [
            {
                "stage": stage, "question": "" if default else "What do they do?",
                "question_id": f"stage.{stage.lower()}.question" if default else "", "position": i, "has_events": True,
                "entered": _ENTERED[i % 4], "onward": _ONWARD[i % 4], "open": _OPEN[i % 4],
                "lost": _ENTERED[i % 4] - _ONWARD[i % 4] - _OPEN[i % 4],
                "onward_rate": None if i == len(names) - 1 else _ONWARD[i % 4] / _ENTERED[i % 4],
                "skipped": (0, 1_204, 91, 0)[i % 4], "returns": (8_120, 2_090, 640, 0)[i % 4],
                "highest": (139_021, 31_526, 7_404, 3_829)[i % 4], "sessions": (301_220, 88_402, 31_090, 12_881)[i % 4],
                "dwell_seconds": (100_800.0, 284_400.0, 68_400.0, None)[i % 4],
                "dwell_p25_seconds": (7_200.0, 90_000.0, 5_400.0, None)[i % 4],
                "dwell_p75_seconds": (432_000.0, 604_800.0, 172_800.0, None)[i % 4],
                "pages_per_session": (2.1, 6.4, 9.8, 7.2)[i % 4], "bounce_rate": (0.48, 0.19, 0.064, 0.092)[i % 4],
                "exit_rate": (0.41, 0.28, 0.52, 0.2)[i % 4], "previous_entered": (171_372, 40_120, 10_904, 3_340)[i % 4],
                "previous_onward": (39_000, 9_000, 3_200, 0)[i % 4], "previous_lost": (126_000, 29_000, 7_100, 0)[i % 4],
            }
            for i, stage in enumerate(names)
        ]
    )  # fmt: skip
    previous = {
        "visitors": 171_372, "sessions": 398_100, "orders": 3_601, "revenue": Decimal("369206000"),
        "conversion_rate": 3_601 / 171_372, "aov": Decimal("102528.74"),
    }  # fmt: skip
    figures = {
        "visitors": 182_340, "sessions": 433_593, "orders": 4_104, "revenue": Decimal("442411200"), "gross": Decimal("451000000"),
        "conversion_rate": 4_104 / 182_340, "aov": Decimal("107800"), "none": 560, "loop": 612, "loop_orders": 275,
        "within": "14d", "previous": None if spec.compare == "none" else previous,
    }  # fmt: skip
    return Result(
        spec,
        frame,
        sentence=Text(
            "sentence.map",
            {
                "lost": 135_016,
                "visitors": 182_340,
                "entered": 182_340,
                "open": 5_386,
                "stage": stage_term(names[0]),
                "within": 14 * spans.DAY,
                "rate": 0.7404,
            },
        ),
        figures=figures,
        parts=_parts(names, name),
        notes=(Note("order_conflicts", {"count": 2}),),
        about=_about(spec, "visitors", 182_340),
        people=_people,
    )


def _parts(names: tuple[str, ...], name: Any) -> dict[str, pa.Table]:
    channels, devices, touchpoints = [], [], []
    for i, stage in enumerate(names):
        total = _ENTERED[i % 4]
        channels += [
            {"stage": stage, "channel": name(channel), "media": media, "visitors": n, "share_rate": n / total}
            for channel, media, n in _CHANNELS[i % 4]
        ]
        devices += [
            {"stage": stage, "device_type": name(device), "visitors": n, "share_rate": n / total}
            for device, n in _DEVICES[i % 4]
        ]
        touchpoints += [
            {
                "stage": stage, "touchpoint": name(point) if point else "", "type": form, "visitors": n,
                "events": 3 if form == "more" else n * 2, "exit_rate": rate, "thin": form != "more" and n < 30,
                "twin": "", "goal": False, "sessions": n, "friction": None if rate is None else rate * 40,
                "error_rate": None if rate is None else 0.0, "loop_rate": None if rate is None else 0.0, "slow_rate": None,
            }
            for point, form, n, rate in _TOUCHPOINTS[i % 4]
        ]  # fmt: skip
    first, last = names[0], names[-1]
    flows = [
        {"from_stage": a, "to_stage": b, "visitors": n, "moves": n + n // 9, "direction": direction}
        for a, b, n, direction in [
            *((names[i], names[i + 1], _ONWARD[i % 4], "forward") for i in range(len(names) - 1)),
            (names[1 % len(names)], first, 8_120, "back"),
            (last, names[-2 % len(names)], 612, "loop"),
            (first, last, 1_204, "skip"),
        ]
        if a != b
    ]
    crossings = [
        {"by": by, "from_stage": first, "to_stage": last, "from_value": name(a), "to_value": name(b), "visitors": n}
        for by, a, b, n in (
            ("device_type", "tablet", "mobile", 312),
            ("device_type", "mobile", "desktop", 288),
            ("channel", "paid_social", "direct", 204),
            ("channel", "organic_search", "email", 120),
            ("channel", "organic_search", "push", 61),
        )
    ]
    made = {
        "channels": channels,
        "devices": devices,
        "touchpoints": touchpoints,
        "flows": flows,
        "crossings": crossings,
    }
    return {part: pa.Table.from_pylist(rows) for part, rows in made.items()}


def _about(spec: Any, unit: str, visitors: int) -> dict[str, Any]:
    return {
        "unit": unit, "range": "2026-08-31..2026-09-27", "start_at": "2026-08-30T15:00:00Z", "end_at": "2026-09-27T15:00:00Z",
        "compare": None if spec.compare == "none" else "2026-08-03..2026-08-30", "timezone": "Asia/Seoul", "currency": "KRW",
        "as_of": "2026-09-27T05:03:00Z", "bots": spec.bots, "identity": spec.identity, "events": 2_104_118,
        "visitors": visitors, "filters": list(spec.where), "fingerprint": "f1", "store": "한빛패션", "example": True,
        "elapsed_ms": 41,
    }  # fmt: skip


_COUNTS = {
    "visitors": 182_340,
    "buyers": 3_829,
    "stage=Attract;part=lost": 135_016,
    "stage=Attract;channel=paid_search": 21_881,
    "crossing=device_type;from=Attract:tablet;to=Delight:mobile": 312,
    "loop": 12,
}


def _people(cell: str) -> People:
    if cell.startswith("nobody"):
        raise SpecError(f"the map has no cell {cell!r}", hint="for example visitors, buyers, loop", path="people")
    return People(np.arange(_COUNTS.get(cell, 61)), _describe, Text("people.event", {"event": "Order Completed"}))


def _describe(labels: np.ndarray) -> pa.Table:
    at = dt.datetime(2026, 9, 27, 5, 3, tzinfo=dt.UTC)
    rows = [
        {
            "visitor": f"a:17{label:06d}.4402817", "known_as": f"k•••{label}@example.com" if label % 3 == 0 else "",
            "ids": 1 + label % 3, "first_seen_at": at - dt.timedelta(days=12, hours=label % 20),
            "last_seen_at": at - dt.timedelta(hours=label % 60), "sessions": 1 + label % 7,
            "channel": ("organic_search", "paid_social", "direct")[label % 3], "device_type": ("mobile", "desktop")[label % 2],
            "orders": int(label % 5 == 0), "revenue": Decimal(21_000 + 3_600 * (label % 15)) if label % 5 == 0 else Decimal(0),
        }
        for label in labels.tolist()
    ]  # fmt: skip
    return pa.Table.from_pylist(rows) if rows else pa.table({"visitor": pa.array([], pa.string())})


def data_result(spec: Data | None = None, hostile: bool = False) -> Result:
    """What the example shop's store holds."""
    spec = spec or Data()
    at = dt.datetime(2026, 9, 27, 5, 3, tzinfo=dt.UTC)
    names = (
        ("Page Viewed", "pageview, page_view", 1_402_118, 182_110, "Attract", False, False),
        ("Product Viewed", "view_item", 402_331, 61_208, "", False, False),
        ("Product Added", "add_to_cart", 41_208, 10_214, "Close", False, False),
        ("Signed Up", "", 18_233, 18_233, "Convert", False, False),
        ("Coupon Denied", "coupon_error", 7_011, 6_270, "", False, True),
        ("Identified", "identify", 4_822, 4_301, "", True, False),
        ("Order Completed", "purchase", 4_104, 3_829, "Delight", False, False),
    )
    if hostile:
        names = tuple((text, text, *row[2:]) for text, row in zip(HOSTILE, names * 2, strict=False))
    days = [max(0, int(1000 + 300 * np.sin(i / 3.2) + 40 * i)) for i in range(28)]
    frame = pa.Table.from_pylist(
        [
            {
                "event": event, "raw_names": raw, "system": system, "stage": stage, "events": events, "visitors": visitors,
                "share_rate": events / 1_879_827, "first_at": at - dt.timedelta(days=89), "last_at": at,
                "stopped": stopped, "per_day": [0 if stopped and i > 23 else n * events // 40_000 for i, n in enumerate(days)],
            }
            for event, raw, events, visitors, stage, system, stopped in names
        ]
    )  # fmt: skip
    bad = HOSTILE[0] if hostile else "2026-13-01,purchase,12.5,u_1"
    parts = {
        "days": [{"day": dt.date(2026, 7, 1) + dt.timedelta(days=i), "events": 20_000 + 900 * (i % 9), "visitors": 2_000 + i} for i in range(89)],
        "imports": [
            {"import": "01", "at": at - dt.timedelta(days=3), "source": "csv", "files": "events-2026-09.csv", "read": 1_204_111,
             "stored": 1_203_900, "duplicates": 180, "rejected": 31},
            {"import": "02", "at": at, "source": "parquet", "files": "orders.parquet", "read": 675_927, "stored": 675_927,
             "duplicates": 0, "rejected": 0},
        ],
        "sources": [{"source": "csv", "events": 1_203_900, "first_at": at - dt.timedelta(days=89), "last_at": at, "per_day": days}],
        "rejects": [{"code": "bad_instant", "rows": 31, "open": 31, "example": bad, "message": "'2026-13-01' is no instant"}],
        "stages": [{"stage": stage, "rule": "Page Viewed, Screen Viewed", "events": 10, "visitors": 4} for stage in STAGES],
        "properties": [
            {"property": "coupon", "events": 7_011, "kind": "text", "values": 41, "sample": bad},
            {"property": "basket_value", "events": 41_208, "kind": "number", "values": None, "sample": "9000 … 812000"},
        ],
        "identity": [{"measure": "visitors", "value": 182_340}, {"measure": "anonymous_ids", "value": 214_090}],
        "checks": [
            {"check": "zero_revenue", "severity": "warning", "count": 3, "text_id": "checks.zero_revenue", "params": '{"count": 3}', "examples": "o-991, o-1002"},
            {"check": "nobody", "severity": "notice", "count": 120, "text_id": "checks.nobody", "params": '{"count": 120}', "examples": ""},
            {"check": "future", "severity": "ok", "count": 0, "text_id": "checks.future", "params": '{"count": 0}', "examples": ""},
        ],
    }  # fmt: skip
    figures = {
        "events": 1_879_827, "visitors": 182_340, "ids": 221_204, "links": 39_022, "first_at": "2026-06-30T05:03:00Z",
        "last_at": "2026-09-27T05:03:00Z", "imports": 2, "rejected": 31, "duplicates": 180, "nobody": 120,
        "bots_events": 20_114, "bots_rate": 0.0107, "future": 0,
    }  # fmt: skip
    return Result(
        spec,
        frame,
        sentence=Text("sentence.data", {"events": 1_879_827, "visitors": 182_340, "names": 7}),
        figures=figures,
        parts={name: pa.Table.from_pylist(rows) for name, rows in parts.items()},
        about=_about(spec, "events", 182_340),
        people=_people,
    )


class FakeShop:
    """An asker that answers from the drawer: counts questions, can be slow, empty, hostile or broken."""

    def __init__(self, *, hostile: bool = False, empty: bool = False, stages: tuple[str, ...] = STAGES) -> None:
        self.hostile = hostile
        self.empty = empty
        self.stages = stages
        self.fingerprint = "f1"
        self.asked: list[Spec] = []
        self.shelf: dict[str, Spec] = {}
        self.problem: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()

    def ask(self, spec: Spec) -> Result:
        self.asked.append(spec)
        self.gate.wait(30)
        if self.problem is not None:
            raise self.problem
        if self.empty:
            raise NotEnoughData("there are no events")
        if isinstance(spec, Data):
            return data_result(spec, self.hostile)
        if isinstance(spec, JourneyMap):
            if spec.range == "today":
                raise NotEnoughData("no event is in this range")
            return journey_result(spec, self.stages, self.hostile)
        if isinstance(spec, Barriers):
            return barriers_result(spec, stages=self.stages, strangers=HOSTILE if self.hostile else ())
        if isinstance(spec, Feedback):
            return no_feedback(spec)
        raise SpecError(f"the fake has no {spec.key_word}")

    def events(self) -> tuple[str, ...]:
        return ("Page Viewed", *HOSTILE[:4]) if self.hostile else ("Page Viewed", "Product Viewed", "Order Completed")

    def saved(self) -> dict[str, Spec]:
        return dict(self.shelf)

    def save(self, name: str, spec: Spec) -> None:
        if not name.strip():
            raise SpecError("a saved question needs a name", path="name")
        self.shelf[name] = spec

    def unsave(self, name: str) -> None:
        if name not in self.shelf:
            raise SpecError(f"there is no saved question {name!r}", path="name")
        del self.shelf[name]

    def info(self) -> dict[str, Any]:
        return {
            "name": HOSTILE[0] if self.hostile else "한빛패션",
            "example": not self.empty,
            "timezone": "Asia/Seoul",
            "currency": "KRW",
            "language": "ko",
            "last_at": None if self.empty else "2026-09-27T05:03:00Z",
            "fingerprint": self.fingerprint,
        }


__all__ = ["HOSTILE", "STAGES", "FakeShop", "data_result", "journey_result"]
