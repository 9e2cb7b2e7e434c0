"""Live events as rows of the log: the same as an import of the same messages, and one order whoever reports it."""

from __future__ import annotations

import json
from pathlib import Path
from time import thread_time
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from afterclick.analyse.product_lines import items_of
from afterclick.collect.columnmap import ColumnMap
from afterclick.collect.importer import import_files
from afterclick.collect.wire import canonical, worth
from afterclick.collect.wire.rows import LiveRows
from afterclick.core import clock
from afterclick.core.spans import HOUR, MINUTE, SECOND
from afterclick.stitch.derive import Derivation
from afterclick.store.definitions import Definitions
from afterclick.store.live.calls import StoredCall
from afterclick.store.store import Store
from support.wire import CHROME, NOW, codes, one, rows, take, track

SEGMENT = ColumnMap(
    source="web",
    columns={
        "event_id": ("messageId",),
        "type": ("type",),
        "event": ("event",),
        "original_at": ("timestamp",),
        "sent_at": ("sentAt",),
        "received_at": ("receivedAt",),
        "anonymous_id": ("anonymousId",),
        "user_id": ("userId",),
        "email": ("traits.email", "context.traits.email", "properties.email"),
        "session_id": ("context.sessionId",),
        "url": ("context.page.url",),
        "referrer": ("context.page.referrer",),
        "user_agent": ("context.userAgent",),
        "order_id": ("properties.order_id",),
        "revenue": ("properties.total", "properties.revenue", "properties.value"),
        "price": ("properties.price",),
        "quantity": ("properties.quantity",),
        "currency": ("properties.currency",),
        "utm_source": ("context.campaign.source",),
        "utm_medium": ("context.campaign.medium",),
        "utm_campaign": ("context.campaign.name",),
        "properties": ("traits", "properties"),
    },
    numbers=(),
    drop=("context",),
)
"""How an export of the same messages is imported."""

COMPARED = ("event_id", "type", "event", "raw_event", "occurred_at", "received_at", "sent_at", "original_at", "anonymous_id",
            "user_id", "email", "session_id", "url", "referrer", "user_agent", "order_id", "amount", "currency", "order_line",
            "properties", "p.price", "p.quantity")  # fmt: skip

AMOUNTS = st.one_of(
    st.integers(0, 10**9),
    st.decimals(0, 10**6, places=2).map(float),
    st.integers(0, 10**6).map(str),
    st.just("1,299"),
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0", categories=("L", "N", "P", "Zs")), max_size=12)
IDS = st.one_of(st.none(), st.just(""), st.just("null"), st.sampled_from(["device-a", "device-b", "kim-10", "17850.0"]))
PROPERTIES = st.fixed_dictionaries(
    {},
    optional={
        "order_id": st.sampled_from(["O-1", "O-2", "100.0"]),
        "total": AMOUNTS,
        "revenue": AMOUNTS,
        "price": AMOUNTS,
        "quantity": st.integers(1, 9),
        "currency": st.sampled_from(["KRW", "krw", "USD"]),
        "name": st.sampled_from(["Scarf", "목도리", "a\"b\\c", "🧣"]),
        "nested": st.fixed_dictionaries({"a": st.integers(-(2**63), 2**63 - 1), "b": st.lists(st.integers(0, 5), max_size=3)}),
        "products": st.lists(st.fixed_dictionaries({"price": st.integers(0, 999), "quantity": st.integers(1, 5)}), max_size=3),
        "flag": st.booleans(),
    },
)
CONTEXT = st.fixed_dictionaries(
    {},
    optional={
        "page": st.fixed_dictionaries({"url": st.sampled_from(["https://s.example/a", "https://s.example/b?utm_source=x#top"])}),
        "campaign": st.fixed_dictionaries({"source": st.sampled_from(["naver", "뉴스"]), "medium": st.just("cpc")}),
        "userAgent": st.just(CHROME),
        "sessionId": st.sampled_from(["s-1", "1790"]),
        "traits": st.fixed_dictionaries({"email": st.just(" Kim@Mail.Example")}),
    },
)
MESSAGES = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["track", "track", "track", "page", "identify"]),
        "event": st.sampled_from(["Order Completed", "purchase", "Order Refunded", "Product Added", "장바구니 담기", "Odd"]),
        "offset": st.integers(-400 * 24 * HOUR, 30 * MINUTE),
        "skew": st.one_of(st.none(), st.integers(-2 * HOUR, 2 * HOUR)),
        "anonymousId": IDS,
        "userId": IDS,
        "context": CONTEXT,
        "properties": PROPERTIES,
    }
)


WHOLE: dict[str, Any] = {
    "type": "track",
    "event": "Product Viewed",
    "offset": 0,
    "skew": 0,
    "anonymousId": "device-c",
    "userId": "lee-11",
    "context": {"userAgent": CHROME, "page": {"url": "https://s.example/"}},
    "properties": {"price": 5},
}
"""A message with everything, so that a file has all the columns that the map names."""


def message(number: int, drawn: dict[str, Any]) -> dict[str, Any]:
    """A message as an SDK sends it, and as an archive of the sender holds it (with the time of its arrival)."""
    told = {key: value for key, value in drawn.items() if key not in ("offset", "skew")}
    skew = drawn["skew"]
    told |= {"messageId": f"m-{number}", "timestamp": clock.iso(NOW + drawn["offset"] + (skew or 0))}
    told["sentAt"] = None if skew is None else clock.iso(NOW + skew)
    if told["type"] == "identify":
        told["traits"] = told.pop("properties")
        # Without traits of its own an identify has those of its context, which the map of an import does not know.
        told["context"] = {name: said for name, said in told["context"].items() if name != "traits"}
    if told["type"] != "track":
        del told["event"]
    return told


def compared(table: Any) -> list[dict[str, Any]]:
    found = []
    for row in table.to_pylist():
        kept = {name: row.get(name) for name in COMPARED}
        kept["properties"] = json.loads(kept["properties"] or "{}")
        # That a clock was ahead is said of live events alone; the instant itself is compared.
        kept["properties"].pop("clock", None)
        found.append(kept)
    return sorted(found, key=lambda row: str(row["event_id"]))


@settings(max_examples=6, phases=(Phase.explicit, Phase.generate))
@given(drawn=st.lists(MESSAGES, min_size=1, max_size=25))
def test_live_and_imported_messages_are_the_same_rows(
    drawn: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    messages = [message(number, one_drawn) for number, one_drawn in enumerate([WHOLE, *drawn])]
    messages[0]["traits"] = {}
    folder = tmp_path_factory.mktemp("same")
    lines = [json.dumps({**told, "receivedAt": clock.iso(NOW)}, ensure_ascii=False) for told in messages]
    (folder / "archive.jsonl").write_text("\n".join(lines), encoding="utf-8")
    with Store.open(folder / "shop", derive=Derivation(), write=True, create=True) as store:
        report = import_files(store, folder / "archive.jsonl", map=SEGMENT)
        tables = [pq.read_table(store.path / "log" / f"{entry.name}.parquet") for entry in store.manifest.segments]
    live = rows([take("/v1/batch", {"batch": messages[start : start + 7]}) for start in range(0, len(messages), 7)])
    imported = [row for table in tables for row in compared(table)]
    imported.sort(key=lambda row: str(row["event_id"]))
    for told, held in zip(compared(live.table), imported, strict=True):
        assert {name: (value, held[name]) for name, value in told.items() if value != held[name]} == {}
    assert len(live.rejected) == report.rejected == len(messages) - len(imported)


ORDERS: dict[str, tuple[str, Any, str]] = {
    "segment": (
        "/v1/track",
        {
            "event": "Order Completed",
            "userId": "kim-10",
            "messageId": "m",
            "properties": {
                "order_id": "O-1",
                "total": 30000,
                "currency": "KRW",
                "products": [{"product_id": "cap", "name": "Cap", "price": 15000, "quantity": 2}],
            },
        },
        "POST",
    ),
    "posthog": (
        "/batch/",
        {
            "api_key": "k",
            "batch": [
                {
                    "event": "Order Completed",
                    "uuid": "u",
                    "distinct_id": "kim-10",
                    "properties": {
                        "order_id": "O-1",
                        "revenue": 30000,
                        "currency": "KRW",
                        "products": [{"product_id": "cap", "name": "Cap", "price": 15000, "quantity": 2}],
                    },
                }
            ],
        },
        "POST",
    ),
    "ga4": (
        "/mp/collect?measurement_id=k",
        {
            "client_id": "1.2",
            "events": [
                {
                    "name": "purchase",
                    "params": {
                        "transaction_id": "O-1",
                        "value": 30000,
                        "currency": "krw",
                        "items": [{"item_id": "cap", "item_name": "Cap", "price": 15000, "quantity": 2}],
                    },
                }
            ],
        },
        "POST",
    ),
    "snowplow": (
        "/com.snowplowanalytics.snowplow/tp2",
        {
            "data": [
                {"e": "tr", "tr_id": "O-1", "tr_tt": "30000", "tr_cu": "KRW", "eid": "e-1", "uid": "kim-10"},
                {"e": "ti", "ti_id": "O-1", "ti_sk": "cap", "ti_nm": "Cap", "ti_pr": "15000", "ti_qu": "2", "eid": "e-2"},
            ]
        },
        "POST",
    ),
    "snowplow e-commerce": (
        "/com.snowplowanalytics.snowplow/tp2",
        {
            "data": [
                {
                    "e": "ue",
                    "eid": "e-1",
                    "ue_pr": json.dumps(
                        {
                            "data": {
                                "schema": "iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema",
                                "data": {"type": "transaction"},
                            }
                        }
                    ),
                    "co": json.dumps(
                        {
                            "data": [
                                {
                                    "schema": "iglu:com.snowplowanalytics.snowplow.ecommerce/transaction/jsonschema/1-0-0",
                                    "data": {"transaction_id": "O-1", "revenue": 30000, "currency": "KRW"},
                                },
                                {
                                    "schema": "iglu:com.snowplowanalytics.snowplow.ecommerce/product/jsonschema/1-0-0",
                                    "data": {"id": "cap", "name": "Cap", "price": 15000, "quantity": 2, "currency": "KRW"},
                                },
                            ]
                        }
                    ),
                }
            ]
        },
        "POST",
    ),
    "matomo": (
        "/matomo.php?idsite=1&rec=1&idgoal=0&ec_id=O-1&revenue=30000&ec_items=%5B%5B%22cap%22,%22Cap%22,%22%22,15000,2%5D%5D",
        b"",
        "GET",
    ),
}


@pytest.mark.parametrize("sender", ORDERS)
def test_one_order_is_the_same_order_whoever_reports_it(sender: str) -> None:
    path, body, method = ORDERS[sender]
    found = rows([take(path, body, method=method)])
    assert found.rejected == []
    orders = [row for row in found.table.to_pylist() if row["event"] == "Order Completed"]
    assert len(orders) == 1
    row = orders[0]
    assert (row["order_id"], row["amount"]) == ("O-1", 300_000_000)
    # Matomo's requests name no currency; that is the site's.
    assert row["currency"] == (None if sender == "matomo" else "KRW")
    products = json.loads(row["properties"])["products"]
    assert items_of(json.dumps(products)) == [("cap", "Cap", 2, 300_000_000)]


def test_a_line_of_snowplows_transaction_is_no_second_order() -> None:
    path, body, _ = ORDERS["snowplow"]
    table = rows([take(path, body)]).table
    assert sorted(table["event"].to_pylist()) == ["Order Completed", "Order Line"]


def test_an_order_that_names_no_amount_is_set_aside_and_other_events_keep_odd_prices() -> None:
    path, body, _ = ORDERS["segment"]
    broken = {**body, "properties": {**body["properties"], "total": "about ten"}}
    refused = take(path, broken)
    assert codes(refused) == [(0, "bad_amount", "properties")], "its sender hears of it"
    assert b"about ten" in refused.refusals[0].original
    # What an earlier version acknowledged is set aside when it becomes a row.
    event = one(take(path, body))
    event.properties["total"] = "about ten"
    viewed = track(event="Product Viewed", messageId="v", properties={"price": "on request"}).events[0].body
    live = LiveRows()
    found = live([StoredCall(1, NOW, "shop", (canonical.ENCODER.encode(event), viewed))], Definitions())
    live.close()
    assert [reject.code for reject in found.rejected] == ["bad_amount"]
    reject = found.rejected[0]
    assert (reject.source, reject.file, reject.path, reject.at) == ("shop", "live", "revenue", NOW)
    assert canonical.DECODER.decode(reject.original.encode()).event_id == "m"
    assert found.table["event"].to_pylist() == ["Product Viewed"]
    assert json.loads(found.table["properties"][0].as_py()) == {"price": "on request"}
    assert found.table["p.price"].to_pylist() == [None]


def test_rows_carry_the_source_of_their_call_and_the_same_calls_give_the_same_rows() -> None:
    bodies = [track(messageId=f"m{i}").events[0].body for i in range(4)]
    calls = [StoredCall(1, NOW, "web", tuple(bodies[:3])), StoredCall(2, NOW, "app", tuple(bodies[3:]))]
    calls.append(StoredCall(3, NOW, "x", ()))
    live = LiveRows()
    first, second = live(calls, Definitions()), live(calls, Definitions())
    live.close()
    assert first.table["source"].to_pylist() == ["web", "web", "web", "app"]
    assert first.table.equals(second.table)
    assert live([], Definitions()).table.num_rows == 0


def test_bytes_that_are_no_event_are_set_aside() -> None:
    live = LiveRows()
    found = live([StoredCall(1, NOW, "web", (b'{"event_id":1}', track().events[0].body))], Definitions())
    live.close()
    assert (found.table.num_rows, [reject.code for reject in found.rejected]) == (1, ["bad_json"])


def test_five_thousand_events_are_rows_at_once() -> None:
    properties = {"product_id": "cap", "price": 15000, "currency": "KRW", "name": "Cap", "category": "hats", "position": 3}
    bodies = tuple(
        track(messageId=f"m{i}", timestamp=clock.iso(NOW - i * SECOND), properties={**properties, "i": i}).events[0].body
        for i in range(5_000)
    )
    live = LiveRows()
    calls = [StoredCall(1, NOW, "web", bodies)]
    live(calls, Definitions())
    took = []
    for _ in range(4):
        began = thread_time()
        assert live(calls, Definitions()).table.num_rows == 5_000
        took.append(thread_time() - began)
    live.close()
    # 25 ms of this thread on a quiet machine.
    assert min(took) < 0.08


def test_an_id_of_an_event_without_one_does_not_depend_on_the_way_it_came() -> None:
    event = {"event": "E", "userId": "kim-10", "timestamp": clock.iso(NOW)}
    single = one(take("/v1/track", event))
    batched = one(take("/v1/batch", {"batch": [{"type": "track", **event}], "sentAt": clock.iso(NOW)}))
    assert single.event_id == batched.event_id


def test_the_rows_of_a_store_read_like_those_of_an_import(tmp_path: Path) -> None:
    """What LiveRows makes goes through a transaction of the store as it is."""
    with Store.open(tmp_path / "shop", derive=Derivation(), write=True, create=True) as store:
        for batch in (["a", "b"], ["c"]):
            with store.transaction("web") as transaction:
                transaction.add(rows([track(messageId=name) for name in batch]).table)
                transaction.commit({"read": len(batch)})
        assert store.snapshot().rows == 3


AMOUNTS = [
    "1,299", "₩ 1,299", "12.5 USD", "-3", "+7", "1e3", ".5", "1.", "0", "9999999999", "12345678901", "1e400", "nan", "inf",
    "-", "null", "about ten", "1,5", "1.234,56", "٣", "1_000", " 8 ", "0x10", "１２", 1, 2.5, -1e-9, 10**11, 1e300, True, None,
    "", [], {}, "9" * 40,
]  # fmt: skip


@pytest.mark.parametrize("amount", AMOUNTS, ids=repr)
@pytest.mark.parametrize("field", ["total", "price", "quantity"])
def test_what_is_refused_at_the_door_is_what_would_be_set_aside_behind_it(field: str, amount: Any) -> None:
    event = one(track(event="Order Completed", properties={"order_id": "o1", "currency": "KRW"}))
    event.properties[field] = amount
    live = LiveRows()
    found = live([StoredCall(1, NOW, "shop", (canonical.ENCODER.encode(event),))], Definitions())
    live.close()
    assert bool(worth.no_amount(event.event, event.properties)) == bool(found.rejected)
