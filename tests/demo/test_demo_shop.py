"""The example shop keeps what it promises: size, pairing, money, identity, traffic."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from afterclick.app.demo import ALL_BARRIERS, SCHEMA, Shop, discount, generate, truths
from afterclick.app.demo.shop import BARRIERS
from afterclick.app.demo.stream import MOST_ROWS
from afterclick.core.errors import SpecError

SMALL = Shop(events=30_000)
LARGE = Shop(events=300_000)
BOT = "bot|spider|crawl|headless|externalhit"
PHONE = "iPhone|Android"


@lru_cache(maxsize=12)
def export(shop: Shop) -> pa.Table:
    return pa.concat_tables(list(generate(shop)))


def where(table: pa.Table, mask: Any) -> pa.Table:
    return table.filter(pc.fill_null(mask, False))


def like(table: pa.Table, column: str, pattern: str) -> Any:
    return pc.fill_null(pc.match_substring_regex(table[column], pattern), False)


def named(table: pa.Table, event: str) -> pa.Table:
    return where(table, pc.equal(table["event"], event))


def people(table: pa.Table) -> pa.Table:
    return table.filter(pc.invert(like(table, "user_agent", f"(?i){BOT}")))


def ids(table: pa.Table) -> set[str]:
    return set(table["anonymous_id"].to_pylist()) - {None}


def revenue(table: pa.Table) -> int:
    paid = sum(named(table, "Order Completed")["revenue"].to_pylist())
    return paid - sum(named(table, "Order Refunded")["revenue"].to_pylist())


def on_phone(table: pa.Table) -> Any:
    return pc.and_(like(table, "user_agent", PHONE), pc.equal(table["platform"], "web"))


MET: dict[str, Callable[[pa.Table], pa.Table]] = {
    "discount_field_mobile": lambda t: where(
        named(t, "Coupon Entered"), on_phone(named(t, "Coupon Entered"))
    ),
    "shipping_fee_shock": lambda t: where(t, like(t, "url", "/checkout/shipping-fee$")),
    "weak_landing_page": lambda t: where(t, like(t, "url", "/event/autumn.*utm_campaign=autumn_sale")),
    "slow_product_page": lambda t: where(
        t,
        pc.and_(
            pc.equal(t["platform"], "web"),
            pc.and_(pc.equal(t["event"], "Product Viewed"), pc.equal(t["category"], "shoes")),
        ),
    ),
}


def test_equal_shops_give_equal_rows() -> None:
    again = pa.concat_tables(list(generate(Shop(events=30_000))))
    assert export(SMALL).equals(again)
    digest = [hashlib.sha256(t.to_pandas().to_csv().encode()).hexdigest() for t in (export(SMALL), again)]
    assert digest[0] == digest[1]


def test_another_seed_gives_other_people() -> None:
    other = export(replace(SMALL, seed=8))
    assert not ids(other) & ids(export(SMALL))
    assert not set(other["message_id"].to_pylist()) & set(export(SMALL)["message_id"].to_pylist())


@pytest.mark.parametrize("events", [10_000, 50_000])
@pytest.mark.parametrize("seed", [1, 7, 99])
@pytest.mark.parametrize("barriers", [ALL_BARRIERS, frozenset(), ALL_BARRIERS - {"slow_product_page"}])
def test_rows_are_within_one_percent(events: int, seed: int, barriers: frozenset[str]) -> None:
    rows = sum(t.num_rows for t in generate(Shop(events=events, seed=seed, barriers=barriers)))
    assert abs(rows - events) <= events * 0.01


def test_columns_and_types() -> None:
    table = export(SMALL)
    assert table.schema.equals(SCHEMA)
    assert SCHEMA.names == [
        "message_id", "type", "event", "timestamp", "anonymous_id", "user_id", "email", "url", "referrer",
        "user_agent", "order_id", "revenue", "currency", "product_id", "category", "price", "quantity",
        "coupon", "query", "items", "title", "load_ms", "platform",
    ]  # fmt: skip
    assert SCHEMA.field("timestamp").type == pa.timestamp("us", tz="UTC")
    assert SCHEMA.field("revenue").type == pa.int64()
    assert SCHEMA.field("load_ms").type == pa.int32()
    for name in ("message_id", "type", "timestamp", "platform"):
        assert table[name].null_count == 0
    assert set(table["type"].to_pylist()) == {"track", "page", "screen", "identify"}
    assert set(table["platform"].to_pylist()) == {"web", "app"}
    tracked = pc.equal(table["type"], "track")
    assert pc.all(pc.equal(tracked, pc.is_valid(table["event"]))).as_py()
    assert pc.all(pc.equal(pc.is_valid(table["load_ms"]), pc.equal(table["type"], "page"))).as_py()
    assert pc.all(pc.equal(pc.is_valid(table["revenue"]), pc.is_valid(table["currency"]))).as_py()
    assert set(table["currency"].to_pylist()) == {None, "KRW"}


def test_every_event_of_the_plan_occurs() -> None:
    assert set(export(LARGE)["event"].to_pylist()) - {None} == {
        "Product Viewed", "Product List Viewed", "Products Searched", "Product Added", "Product Removed",
        "Cart Viewed", "Checkout Started", "Checkout Step Viewed", "Coupon Entered", "Coupon Applied",
        "Coupon Denied", "Payment Info Entered", "Order Completed", "Order Refunded", "Signed Up",
        "Product Reviewed", "Product Added to Wishlist", "Message Opened", "Message Clicked",
        "Application Installed", "Form Error",
    }  # fmt: skip


def test_message_ids_are_unique_and_short() -> None:
    texts = export(LARGE)["message_id"].to_pylist()
    assert len(set(texts)) == len(texts)
    assert {len(text) for text in texts} == {16}


def test_batches_are_bounded_and_in_order_of_time() -> None:
    tables = list(generate(LARGE))
    assert len(tables) > 2
    assert max(t.num_rows for t in tables) <= MOST_ROWS
    # Visits that would run past the end are moved forward, so the last two hours may overlap between tables.
    latest = 0
    last = LARGE.starts_at + (LARGE.days * 24 - 2) * 3_600_000_000
    for table in tables:
        at = table["timestamp"].cast(pa.int64()).to_numpy()
        assert (at[1:] >= at[:-1]).all()
        assert at[0] >= min(latest, last)
        latest = int(at[-1])


def test_the_period_is_whole_days_in_seoul() -> None:
    shop = Shop(events=20_000, days=14, end_on=date(2026, 3, 31))
    at = export(shop)["timestamp"]
    first = datetime(2026, 3, 17, 15, tzinfo=UTC)
    assert pc.min(at).as_py() >= first
    assert pc.max(at).as_py() < first + timedelta(days=14)
    days = {(t + timedelta(hours=9)).date() for t in at.to_pylist()}
    assert len(days) == 14


def test_a_larger_shop_has_the_same_people_and_more() -> None:
    """Nobody's history is cut to reach the number of events."""
    small = people(export(Shop(events=10_000)))
    large = people(export(Shop(events=20_000)))
    shared = large.filter(pc.is_in(large["message_id"], value_set=small["message_id"].combine_chunks()))
    order = [("message_id", "ascending")]
    assert shared.sort_by(order).equals(small.sort_by(order))
    known = pc.is_in(large["anonymous_id"], value_set=small["anonymous_id"].combine_chunks().drop_null())
    assert large.filter(known).num_rows == small.num_rows - small["anonymous_id"].null_count


@pytest.mark.parametrize("barrier", BARRIERS)
def test_a_barrier_changes_nothing_for_those_who_never_meet_it(barrier: str) -> None:
    there, gone = export(LARGE), export(LARGE.without(barrier))
    met = ids(MET[barrier](there))
    assert len(met) > 30
    order = [("message_id", "ascending")]
    kept = []
    for table in (there, gone):
        exposed = pc.is_in(table["anonymous_id"], value_set=pa.array(sorted(met)))
        kept.append(table.filter(pc.invert(exposed)).sort_by(order))
    assert kept[0].num_rows > 100_000
    assert kept[0].equals(kept[1])
    assert not there.equals(gone)


@pytest.mark.parametrize("barrier", BARRIERS)
def test_a_barrier_costs_revenue(barrier: str) -> None:
    there, gone = revenue(export(LARGE)), revenue(export(LARGE.without(barrier)))
    assert gone > there
    alone = LARGE.without(*(ALL_BARRIERS - {barrier}))
    assert revenue(export(LARGE.without(*BARRIERS))) > revenue(export(alone))


def test_the_fee_drop_is_the_one_told() -> None:
    there, gone = export(LARGE), export(LARGE.without("shipping_fee_shock"))
    met = MET["shipping_fee_shock"](there)
    visit_of = [
        (i, t.date())
        for i, t in zip(met["anonymous_id"].to_pylist(), met["timestamp"].to_pylist(), strict=True)
    ]

    def orders(table: pa.Table) -> int:
        done = named(table, "Order Completed")
        made = zip(done["anonymous_id"].to_pylist(), done["timestamp"].to_pylist(), strict=True)
        return len({(i, t.date()) for i, t in made} & set(visit_of))

    drop = 1 - orders(there) / orders(gone)
    assert drop == pytest.approx(truths(LARGE)["shipping_fee_shock"]["expected_drop"], abs=0.1)


def test_the_coupon_field_fails_on_phones_only() -> None:
    table = export(LARGE)
    for shop_has_it, rate in ((table, 0.92), (export(LARGE.without("discount_field_mobile")), 0.04)):
        tried, denied = named(shop_has_it, "Coupon Entered"), named(shop_has_it, "Coupon Denied")
        share = where(denied, on_phone(denied)).num_rows / where(tried, on_phone(tried)).num_rows
        assert share == pytest.approx(rate, abs=0.06)
    desktop = named(table, "Coupon Denied")
    desktop = desktop.filter(pc.invert(on_phone(desktop)))
    assert desktop.num_rows < 0.2 * named(table, "Coupon Denied").num_rows


def test_shoes_load_slowly_only_with_the_barrier() -> None:
    medians = []
    for shop in (LARGE, LARGE.without("slow_product_page")):
        table = people(export(shop))
        pages = {k: where(table, like(table, "url", f"/products/{k}")) for k in ("shoes", "knit")}
        loads = {k: pc.approximate_median(t["load_ms"]).as_py() for k, t in pages.items()}
        medians.append(loads["shoes"] / loads["knit"])
    assert medians[0] == pytest.approx(truths(LARGE)["slow_product_page"]["effects"]["load_ms"], rel=0.1)
    assert medians[1] == pytest.approx(1.0, rel=0.1)


def test_orders_add_up_to_their_items_less_the_coupon() -> None:
    orders = named(export(LARGE), "Order Completed").to_pylist()
    assert len(orders) > 300
    assert len({o["order_id"] for o in orders}) == len(orders)
    for order in orders:
        lines = json.loads(order["items"])
        subtotal = sum(line["price"] * line["quantity"] for line in lines)
        assert order["revenue"] == subtotal - discount(order["coupon"], subtotal)
        assert all(line["name"] and line["category"] == line["product_id"].split("-")[0] for line in lines)
    assert {o["coupon"] for o in orders} == {None, "WELCOME5000", "KAKAO3000", "AUTUMN10"}


def test_refunds_follow_their_orders_and_never_exceed_them() -> None:
    table = export(LARGE)
    orders = {o["order_id"]: o for o in named(table, "Order Completed").to_pylist()}
    refunds = named(table, "Order Refunded").to_pylist()
    assert len(refunds) > 20
    parts = Counter()
    for refund in refunds:
        order = orders[refund["order_id"]]
        assert 0 < refund["revenue"] <= order["revenue"]
        assert timedelta(days=1) < refund["timestamp"] - order["timestamp"] < timedelta(days=15)
        assert refund["anonymous_id"] == order["anonymous_id"]
        sold = Counter({line["product_id"]: 0 for line in json.loads(order["items"])})
        for line in json.loads(order["items"]):
            sold[line["product_id"]] += line["quantity"]
        for line in json.loads(refund["items"]):
            sold[line["product_id"]] -= line["quantity"]
        assert min(sold.values()) >= 0
        parts[refund["revenue"] == order["revenue"]] += 1
    assert parts[True] > 0
    assert parts[False] > 0


def test_every_order_passes_the_steps_before_it() -> None:
    table = export(LARGE).sort_by([("timestamp", "ascending"), ("message_id", "ascending")])
    first: dict[tuple[str, str], datetime] = {}
    steps = ("Product Added", "Cart Viewed", "Checkout Started", "Payment Info Entered")
    columns = (table[name].to_pylist() for name in ("anonymous_id", "event", "timestamp"))
    for visitor, event, at in zip(*columns, strict=True):
        if event in steps:
            first.setdefault((visitor, event), at)
        if event == "Order Completed":
            assert all(first[visitor, step] <= at for step in steps if step != "Cart Viewed")


def test_most_visitors_stay_anonymous() -> None:
    table = people(export(LARGE))
    everyone = ids(table)
    known = ids(table.filter(pc.is_valid(table["user_id"])))
    assert 0.05 < len(known) / len(everyone) < 0.30
    assert pc.sum(pc.is_null(table["user_id"])).as_py() / table.num_rows > 0.6


def test_mail_addresses_stand_only_where_people_give_them() -> None:
    table = export(LARGE)
    given = table.filter(pc.is_valid(table["email"]))
    said = pc.or_kleene(pc.equal(table["type"], "identify"), pc.equal(table["event"], "Signed Up"))
    assert pc.all(pc.equal(pc.is_valid(table["email"]), pc.fill_null(said, False))).as_py()
    assert given.num_rows > 1_000
    assert all(mail == f"{user}@hanbit.example" for mail, user in
               zip(given["email"].to_pylist(), given["user_id"].to_pylist(), strict=True))  # fmt: skip


def test_a_user_id_stays_once_it_is_there() -> None:
    """On one browser the id comes with a login or was there before, and a visit never loses it half-way."""
    table = people(export(SMALL)).sort_by([("timestamp", "ascending")])
    table = table.filter(pc.and_(pc.is_valid(table["anonymous_id"]), pc.not_equal(
        pc.fill_null(table["event"], ""), "Order Refunded")))  # fmt: skip
    signed_in: dict[str, str] = {}
    lost = 0
    columns = (table[name].to_pylist() for name in ("anonymous_id", "user_id"))
    for device, user in zip(*columns, strict=True):
        if user is None:
            lost += device in signed_in
        else:
            assert signed_in.setdefault(device, user) == user
    # An event of an order made as a guest may come after a later login.
    assert lost <= 5


def test_some_people_use_two_devices_in_one_day() -> None:
    table = people(export(LARGE))
    table = table.filter(pc.and_(pc.is_valid(table["user_id"]), pc.is_valid(table["anonymous_id"])))
    held: dict[tuple[str, date], set[str]] = {}
    for user, device, at in zip(
        *(table[name].to_pylist() for name in ("user_id", "anonymous_id", "timestamp")), strict=True
    ):
        held.setdefault((user, (at + timedelta(hours=9)).date()), set()).add(device)
    both = {user for (user, _), devices in held.items() if len(devices) > 1}
    everyone = len(ids(people(export(LARGE))))
    assert 0.025 < len(both) / everyone < 0.08
    none = people(export(Shop(events=20_000, two_devices_rate=0.0)))
    assert none.num_rows > 15_000


def test_bots_crawl_pages_and_nothing_else() -> None:
    table = export(LARGE)
    bots = table.filter(like(table, "user_agent", f"(?i){BOT}"))
    assert bots.num_rows == round(LARGE.events * LARGE.bots_rate)
    assert set(bots["type"].to_pylist()) == {"page"}
    assert max(Counter(bots["anonymous_id"].to_pylist()).values()) == LARGE.events // 100
    assert len({agent.split(";")[1] for agent in bots["user_agent"].to_pylist() if ";" in agent}) >= 4
    assert not ids(bots) & ids(people(table))
    clean = export(Shop(events=20_000, bots_rate=0.0))
    assert clean.num_rows == people(clean).num_rows


@pytest.mark.parametrize(
    ("column", "pattern"),
    [
        ("url", r"n_media=27758&n_query=.*n_keyword="),
        ("url", r"n_mall_id="),
        ("url", r"gclid="),
        ("url", r"fbclid="),
        ("url", r"utm_source=kakao&utm_medium=message"),
        ("url", r"utm_medium=email"),
        ("url", r"utm_medium=push"),
        ("url", r"utm_medium=affiliate.*clickid="),
        ("url", r"utm_medium=video"),
        ("referrer", r"^https://search\.naver\.com/.*query="),
        ("referrer", r"^https://m\.search\.naver\.com/.*query="),
        ("referrer", r"^https://blog\.naver\.com/"),
        ("referrer", r"^https://cafe\.naver\.com/"),
        ("referrer", r"^https://www\.google\.com/"),
        ("referrer", r"^https://www\.youtube\.com/"),
        ("referrer", r"^https://chatgpt\.com/"),
        ("referrer", r"^https://search\.daum\.net/"),
        ("referrer", r"^https://pay\.toss\.im/"),
        ("user_agent", r"KAKAOTALK"),
        ("user_agent", r"NAVER\(inapp"),
        ("user_agent", r"Instagram"),
        ("user_agent", r"Whale/"),
        ("user_agent", r"Edg/"),
        ("user_agent", r"SamsungBrowser/"),
        ("user_agent", r"^HanbitFashion/"),
    ],
)
def test_traffic_of_every_kind_is_there(column: str, pattern: str) -> None:
    table = people(export(LARGE))
    assert pc.sum(like(table, column, pattern)).as_py() > 5


def test_a_click_id_belongs_to_one_visit() -> None:
    table = export(LARGE)
    clicked = where(table, like(table, "url", r"(gclid|fbclid|clickid)="))
    owner: dict[str, str] = {}
    for url, device in zip(clicked["url"].to_pylist(), clicked["anonymous_id"].to_pylist(), strict=True):
        click = url.rsplit("=", 1)[1]
        assert len(click) >= 18
        assert owner.setdefault(click, device) == device
    assert len(owner) > 500


def test_figures_of_a_believable_shop() -> None:
    table = people(export(LARGE))
    visitors, orders = ids(table), named(table, "Order Completed")
    assert 0.018 < len(ids(orders)) / len(visitors) < 0.035
    assert 70_000 < pc.mean(orders["revenue"]).as_py() < 110_000
    repeated = [n for n in Counter(orders["anonymous_id"].to_pylist()).values() if n > 1]
    assert 0.02 < len(repeated) / len(ids(orders)) < 0.25
    at = [t + timedelta(hours=9) for t in table["timestamp"].to_pylist()]
    hours = Counter(t.hour for t in at)
    assert hours[22] > 6 * hours[4]
    days = Counter((t.date() - (LARGE.end_on - timedelta(days=LARGE.days - 1))).days for t in at)
    halves = sum(days[d] for d in range(28, 56)) / sum(days[d] for d in range(28))
    assert 1.05 < halves < 1.45
    ties = Counter(zip(table["anonymous_id"].to_pylist(), table["timestamp"].to_pylist(), strict=True))
    assert 10 < sum(n > 1 for n in ties.values()) < 0.01 * table.num_rows


def test_people_come_back_less_and_less() -> None:
    table = people(export(LARGE))
    first: dict[str, date] = {}
    back: Counter[int] = Counter()
    seen: set[tuple[str, date]] = set()
    for device, at in zip(table["anonymous_id"].to_pylist(), table["timestamp"].to_pylist(), strict=True):
        if device is None or (device, at.date()) in seen:
            continue
        seen.add((device, at.date()))
        back[(at.date() - first.setdefault(device, at.date())).days // 7] += 1
    assert back[0] > back[1] > back[3] > back[6] > 0


@pytest.mark.parametrize(
    ("field", "value", "path"),
    [
        ("events", 9_999, "$.events"),
        ("events", 100_000_001, "$.events"),
        ("days", 3, "$.days"),
        ("bots_rate", 0.9, "$.bots_rate"),
        ("two_devices_rate", -0.1, "$.two_devices_rate"),
        ("barriers", frozenset({"slow_page"}), "$.barriers"),
    ],
)
def test_what_cannot_be_a_shop_is_refused(field: str, value: Any, path: str) -> None:
    with pytest.raises(SpecError) as refused:
        Shop(**{field: value})
    assert refused.value.path == path


def test_truths_say_what_is_on() -> None:
    told = truths(Shop().without("weak_landing_page"))
    assert set(told) == ALL_BARRIERS
    assert {name for name, truth in told.items() if truth["on"]} == ALL_BARRIERS - {"weak_landing_page"}
    for truth in told.values():
        assert 0 < truth["expected_drop"] < 1
        assert truth["stage"] in ("Attract", "Close")
