"""Maps guessed from the headers and values that shops and tools really export."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from afterclick.collect import binding, guess
from afterclick.collect.guess import Guess
from afterclick.collect.readers import open_source


def from_frames(*frames: dict[str, list[object]]) -> Guess:
    readers = [open_source(pa.table(frame))[0][0] for frame in frames]
    return guess.guess(readers)


def columns(found: Guess) -> dict[str, object]:
    return {field: raw[0] if len(raw) == 1 else list(raw) for field, raw in found.map.columns.items()}


ISO = ["2025-01-01T10:00:00Z", "2025-01-01T10:01:00Z", "2025-01-02T10:00:00Z"]
MS = ["1735689600123", "1735689600124", "1735689600125"]
UA = ["Mozilla/5.0 (X11)", "Mozilla/5.0 (X11)", "Mozilla/5.0 (X11)"]
URL = ["https://shop.example/a", "/b?x=1", "shop.example/c"]

SHAPES: list[tuple[str, dict[str, list[object]], dict[str, object], dict[str, object]]] = [
    (
        "segment warehouse",
        {
            "id": ["m1", "m2", "m3"],
            "received_at": ISO,
            "sent_at": ISO,
            "original_timestamp": ISO,
            "timestamp": ISO,
            "anonymous_id": ["a", "a", "b"],
            "user_id": ["", "u", ""],
            "event": ["order_completed", "page", "x"],
            "context_page_url": URL,
            "context_page_referrer": URL,
            "context_user_agent": UA,
            "context_campaign_source": ["naver", "", ""],
        },
        {
            "event_id": "id",
            "received_at": "received_at",
            "sent_at": "sent_at",
            "original_at": "original_timestamp",
            "occurred_at": "timestamp",
            "anonymous_id": "anonymous_id",
            "user_id": "user_id",
            "event": "event",
            "url": "context_page_url",
            "referrer": "context_page_referrer",
            "user_agent": "context_user_agent",
            "utm_source": "context_campaign_source",
        },
        {"time_unit": "iso"},
    ),
    (
        "camel case, milliseconds",
        {
            "messageId": ["m1", "m2", "m3"],
            "eventName": ["view", "add", "view"],
            "clientId": ["a", "b", "c"],
            "eventTimestamp": MS,
            "pageUrl": URL,
            "totalPrice": ["", "12.5", ""],
        },
        {
            "event_id": "messageId",
            "event": "eventName",
            "anonymous_id": "clientId",
            "occurred_at": "eventTimestamp",
            "url": "pageUrl",
            "revenue": "totalPrice",
        },
        {"time_unit": "ms"},
    ),
    (
        "ga4, microseconds as numbers",
        {
            "event_timestamp": [1735689600123456, 1735689600123457],
            "event_name": ["page_view", "purchase"],
            "user_pseudo_id": ["1.2", "1.3"],
            "event_params": ['{"page_location":"https://x.example/","value":5,"transaction_id":"T1"}'] * 2,
        },
        {
            "occurred_at": "event_timestamp",
            "event": "event_name",
            "anonymous_id": "user_pseudo_id",
            "properties": "event_params",
            "url": "event_params.page_location",
            "revenue": "event_params.value",
            "order_id": "event_params.transaction_id",
        },
        {"time_unit": "us"},
    ),
    (
        "korean",
        {
            "회원번호": ["1001", "1002"],
            "이벤트명": ["장바구니", "구매완료"],
            "발생일시": ["2025-02-23 오후 1:02:03", "2025-02-23 오전 1:02:03"],
            "페이지 URL": ["https://x.example/", "https://x.example/c"],
            "주문번호": ["", "O-1"],
            "결제금액": ["", "12,000"],
            "이메일": ["", "a@b.example"],
        },
        {
            "user_id": "회원번호",
            "event": "이벤트명",
            "occurred_at": "발생일시",
            "url": "페이지 URL",
            "order_id": "주문번호",
            "revenue": "결제금액",
            "email": "이메일",
        },
        {"time_unit": "%Y-%m-%d %p %I:%M:%S"},
    ),
    (
        "click log in seconds",
        {"SessionId": ["1", "1", "2"], "ItemId": ["214", "215", "214"], "Time": ["1396860669.277"] * 3},
        {"anonymous_id": "SessionId", "occurred_at": "Time"},
        {"time_unit": "s"},
    ),
    (
        "till, US dates",
        {
            "InvoiceNo": ["536365", "536365", "C536379"],
            "StockCode": ["85123", "71053", "22000"],
            "Quantity": ["6", "2", "-1"],
            "InvoiceDate": ["12/1/2010 8:26", "12/13/2010 8:26", "12/1/2010 9:41"],
            "UnitPrice": ["2.55", "3.39", "27.5"],
            "CustomerID": ["17850", "17850", "14527"],
        },
        {
            "order_id": "InvoiceNo",
            "quantity": "Quantity",
            "occurred_at": "InvoiceDate",
            "price": "UnitPrice",
            "user_id": "CustomerID",
            "product_id": "StockCode",
        },
        {"time_unit": "%m/%d/%Y %H:%M", "kind": "orders", "grain": "order_line", "refund": "^C", "numbers": ()},
    ),
    (
        "orders, one row each",
        {
            "order_id": ["o1", "o2", "o3"],
            "customer_id": ["c1", "c2", "c1"],
            "order_date": ["20250101", "20250102", "20250103"],
            "total": ["5", "6.5", "7"],
            "plan": ["a", "b", "a"],
            "weight": ["1.5", "2", ""],
            "zip": ["01234", "12345", "23456"],
        },
        {"order_id": "order_id", "user_id": "customer_id", "occurred_at": "order_date", "revenue": "total"},
        {"time_unit": "%Y%m%d", "constants": {"event": "Order Completed"}, "numbers": ("weight",)},
    ),
    (
        "a language nobody thought of",
        {
            "kävijä": ["x", "y", "x"],
            "tapahtuma": ["page_view", "add_to_cart", "purchase"],
            "milloin": ISO,
            "selain": UA,
        },
        {"event": "tapahtuma", "occurred_at": "milloin", "user_agent": "selain"},
        {},
    ),
]


@pytest.mark.parametrize(
    ("frame", "expected", "rest"), [shape[1:] for shape in SHAPES], ids=[shape[0] for shape in SHAPES]
)
def test_shapes(frame: dict[str, list[object]], expected: dict[str, object], rest: dict[str, object]) -> None:
    found = from_frames(frame)
    assert columns(found) == expected
    for name, value in rest.items():
        assert getattr(found.map, name) == value
    told = {finding.field: finding for finding in found.findings}
    assert set(expected) <= set(told)
    assert all(finding.why for finding in found.findings)


def test_segment_json_lines(tmp_path: Path) -> None:
    event = {
        "type": "track",
        "event": "Order Completed",
        "messageId": "m",
        "anonymousId": "a",
        "timestamp": ISO[0],
        "properties": {
            "order_id": "o",
            "total": 5.5,
            "revenue": 5,
            "currency": "KRW",
            "products": [{"price": 5, "quantity": 1}],
        },
        "context": {
            "page": {"url": URL[0], "referrer": URL[1]},
            "userAgent": UA[0],
            "campaign": {"utm_source": "naver"},
        },
    }
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps({**event, "messageId": f"m{n}"}) for n in range(3)))
    found = guess.guess(open_source(path)[0])
    assert columns(found) == {
        "event_id": "messageId",
        "type": "type",
        "event": "event",
        "occurred_at": "timestamp",
        "anonymous_id": "anonymousId",
        "properties": "properties",
        "order_id": "properties.order_id",
        "revenue": ["properties.total", "properties.revenue"],
        "currency": "properties.currency",
        "url": "context.page.url",
        "referrer": "context.page.referrer",
        "user_agent": "context.userAgent",
        "utm_source": "context.campaign.utm_source",
    }


BASE: dict[str, list[object]] = {"ts": list(ISO), "event": ["a", "b", "c"]}


def test_renamed_columns_become_alternatives_and_are_told() -> None:
    found = from_frames(
        {"client_id": ["a", "b", "c"], **BASE, "platform": ["x", "y", "z"]},
        {"clientId": ["a", "b", "c"], **BASE, "Platform": ["x", "y", "z"]},
    )
    assert found.map.columns["anonymous_id"] == ("client_id", "clientId")
    assert found.map.columns["p.platform"] == ("platform", "Platform")
    assert any("client_id" in warning and "clientId" in warning for warning in found.warnings)


def test_a_column_in_the_place_of_the_only_one_gone_is_that_column() -> None:
    found = from_frames({"cid": ["a", "b", "c"], **BASE}, {"zzz": ["a", "b", "c"], **BASE})
    assert found.map.columns["anonymous_id"] == ("cid", "zzz")


@pytest.mark.parametrize(
    ("name", "values", "field"),
    [
        ("id", ["1", "1", "2"], "event_id"),
        ("email", ['{"a":1}'] * 3, "email"),
        ("url", ["red", "blue", "green"], "url"),
        ("price", ["cheap", "dear", "5"], "price"),
        ("user_agent", ["yes", "no", "no"], "user_agent"),
        ("type", ["shirt", "sock", "hat"], "type"),
        ("time", ["10:00", "11:00", "12:00"], "occurred_at"),
    ],
)
def test_values_that_do_not_bear_out_the_name(name: str, values: list[object], field: str) -> None:
    frame = {name: values, "e": ["page_view", "purchase", "page_view"]}
    assert name not in from_frames(frame).map.columns.get(field, ())


def test_running_numbers_make_1_a_real_id() -> None:
    frame = {"customer_id": [str(n) for n in range(1, 31)], "ts": [ISO[0]] * 30, "event": ["a"] * 30}
    assert from_frames(frame).map.real_ids == ("1",)
    frame["customer_id"] = [f"c{n}" for n in range(30)]
    assert from_frames(frame).map.real_ids == ()


def test_doubtful_dates_are_told_with_the_other_reading() -> None:
    found = from_frames({"date": ["1/2/2025 10:00", "3/4/2025 11:00"], "event": ["a", "b"], "user_id": ["u", "v"]})
    assert found.map.time_unit == "%m/%d/%Y %H:%M"
    assert any("%d/%m/%Y %H:%M" in warning for warning in found.warnings)


def test_files_that_write_time_in_different_ways_are_read_each_by_its_own() -> None:
    found = from_frames(BASE, {"ts": list(MS), "event": ["a", "b", "c"]})
    assert found.map.time_unit == "auto"


def test_labels_made_of_digits_are_no_numbers() -> None:
    frame = {
        **BASE,
        "StockCode": ["1", "2", "3"],
        "upc": ["1", "2", "3"],
        "item_id": ["1", "2", "3"],
        "code7": ["007", "008", "009"],
        "huge": ["12345678901234567890"] * 3,
        "weight": ["1", "2.5", "-3"],
        "paid": ["1", "0", "1"],
        "rating": [4.5, 3.0, None],
        "상품코드": ["1", "2", "3"],
        "vip": [True, False, None],
    }
    assert from_frames(frame).map.numbers == ("weight", "paid", "rating", "vip")


def test_a_map_of_ones_own_is_completed_from_the_values(write: Callable[..., Path]) -> None:
    from afterclick.collect import columnmap

    path = write("a.csv", "wann,was,wer,kg\n23.02.2025 10:11,kauf,u1,1.5\n")
    readers, _ = open_source(path)
    given = columnmap.from_dict({"columns": {"occurred_at": "wann", "event": "was", "user_id": "wer"}})
    done = guess.completed(given, readers)
    assert (done.time_unit, done.numbers) == ("%d.%m.%Y %H:%M", ("kg",))
    assert next((one.field, one.raw, one.sample) for one in guess.shown(done, readers)) == (
        "occurred_at",
        "wann",
        "23.02.2025 10:11",
    )


def test_what_is_guessed_can_be_checked_and_written() -> None:
    found = from_frames({"user_id": ["u", "v", "w"], **BASE})
    binding.check(found.map, {"a": ["user_id", *BASE]})
    assert "occurred_at" in found.map.to_toml()
