"""Happenings of one visitor and rules over them, drawn by hypothesis: few names, few values, spans that meet exactly."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from afterclick.analyse.segments.happening import Happening
from afterclick.core import spans
from afterclick.store.columns import Flag

M, H, D = spans.MINUTE, spans.HOUR, spans.DAY
START = 1_790_000_000_000_000
NAVER = {"channel": "paid_search", "source": "naver", "medium": "cpc", "campaign": "brand", "term": None, "content": None,
         "network": None, "paid": True, "portal": True}  # fmt: skip
KAKAO = {**NAVER, "channel": "messenger", "source": "kakao", "medium": "message", "paid": False, "portal": False}
TERMS = [
    ('count("A", 1h)', [">= 2", "< 1", "== 1", "!= 3", "> 2", "<= 1"]),
    ('count("A"[x >= 2.5])', ["== 1", ">= 2"]),
    ('count("*" same key, 6h)', [">= 2", "in [1, 3]"]),
    ('count("B" same key)', [">= 2"]),
    ('sum("A", x, 2h)', ["> 3.5", "<= 2.5"]),
    ('sum("Order Completed", revenue)', [">= 250"]),
    ('min("A", x, 3h)', ["<= 1", "> 1"]),
    ('max("A", x, 1h)', ["> 2", "== 4"]),
    ('first("A", key)', ['== "k1"', '!= "k2"', '.startsWith("k")']),
    ('first("B", x, 1h)', ["== 4", ">= 2"]),
    ('last("A", key, 5h)', ['!= "k1"', '== "k2"', 'in ["k1", "k3"]']),
    ('since("A")', ["> 30m", "<= 30m", "== 20m", "!= 40m"]),
    ("since(visitor.last_seen_at)", [">= 10m", "< 1h"]),
    ("since(visitor.first_seen_at)", ["> 1h"]),
    ("since(basket.abandoned_at)", ["> 2h"]),
    ('reached("A" then "B" then "C" within 6h)', ["== 2", ">= 3"]),
    ("visitor.sessions", ["== 1", ">= 2"]),
    ("session.pages", [">= 2", "== 1"]),
    ("session.length", [">= 20m"]),
    ("visitor.events", ["== 4", "> 6"]),
    ("visitor.revenue", ["< 200", ">= 250"]),
    ("visitor.orders", ["== 1"]),
    ("visitor.stage", ['in ["Close", "Delight"]', '!= "Attract"']),
    ("session.channel", ['== "direct"', '!= "messenger"']),
    ("last_touch.source", ['== "naver"', '.contains("ka")']),
    ("basket.value", [">= 30", "< 20", "== 20.5"]),
    ("basket.units", ["== 2"]),
    ("trait.plan", ['== "gold"', "> 2", '!= "free"']),
]
FLAGS = [
    'sequence("A" then "B" within 40m)', 'sequence("A" then "A" within 20m, 3h)', 'sequence("A" then "B" within 6h same key)',
    'sequence("A" then not "B" within 40m)', 'sequence("A" then not "A" within 1h, 6h)',
    'sequence("A" then not "B" within 40m same key)', "visitor.known", "session.paid", "has(basket.abandoned_at)",
    'has(first("B", x))', 'was(trait.plan == "gold", 1h)', "has(visitor.last_order_at)", 'performed("C")', "true",
]  # fmt: skip

leaves = st.one_of(
    st.sampled_from(TERMS).flatmap(
        lambda term: st.sampled_from(term[1]).map(
            lambda op: f"{term[0]}{op}" if op.startswith(".") else f"{term[0]} {op}"
        )
    ),
    st.sampled_from(FLAGS),
)
rules = st.recursive(
    leaves,
    lambda part: st.one_of(
        st.tuples(part, part).map(" && ".join).map(lambda text: f"({text})"),
        st.tuples(part, part).map(" || ".join).map(lambda text: f"({text})"),
        part.map(lambda text: f"!({text})"),
    ),
    max_leaves=4,
)


@st.composite
def events(draw: st.DrawFn, most: int = 25) -> list[Happening]:
    """What a visitor did, on a grid of ten minutes."""
    now, found = START, []
    for number in range(draw(st.integers(1, most))):
        now += draw(st.sampled_from([0, 10 * M, 20 * M, 30 * M, 40 * M, 70 * M, 5 * H, 26 * H]))
        found.append(draw(event(now, number)))
    return found


@st.composite
def event(draw: st.DrawFn, at: int, number: int) -> Happening:
    """One event."""
    name = draw(st.sampled_from(["Page Viewed"] * 2 + ["A"] * 3 + ["B", "C", "Product Added", "Product Removed",
                                                                  "Order Completed", "Identified"]))  # fmt: skip
    fields: dict[str, object] = {"event": name}
    flags, touch, campaign, amount, order, stages = Flag(0), None, 0, None, "", ()
    if name in ("A", "B", "C"):
        fields["properties.x"] = draw(st.sampled_from([1.0, 2.5, 4.0]))
        fields["properties.key"] = draw(st.sampled_from(["k1", "k2", None]))
    if name == "Page Viewed":
        flags |= Flag.PAGE | Flag.CONTEXT | Flag.QUALIFYING
        touch = draw(st.sampled_from([DIRECT, NAVER, KAKAO, {}]))
        campaign = {"naver": 11, "kakao": 12}.get(str(touch.get("source")), 0)
        stages = (0,)
    if name.startswith("Product"):
        fields["properties.product_id"] = draw(st.sampled_from(["p1", "p2"]))
        fields["properties.price"] = draw(st.sampled_from([10.0, 20.5]))
        fields["properties.quantity"] = draw(st.sampled_from([None, 1.0, 2.0]))
        stages = (2,)
    if name == "Order Completed":
        flags |= Flag.ORDER
        amount, stages = draw(st.sampled_from([100, 250])) * 10_000, (2,)
        order = draw(st.sampled_from(["", "o1", f"o{number}"]))
        fields["revenue"] = Decimal(amount) / 10_000
    if name == "Identified":
        flags |= Flag.SYSTEM | Flag.KNOWN
        fields["properties.plan"] = draw(st.sampled_from(["free", "gold", 3.0]))
    known = {key: value for key, value in fields.items() if value is not None}
    return Happening(at, frozenset({name}), known, int(flags), touch, campaign, amount, order, stages)


DIRECT = {"channel": "direct"}
