"""Files in, rows of the log and rejects out: every row accounted for, nothing lost, nothing twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from afterclick.collect import columnmap, importer
from afterclick.collect.importer import import_files, plan
from afterclick.collect.report import ImportReport
from afterclick.core import clock
from afterclick.core.errors import InputError
from afterclick.core.event import LOG_COLUMNS
from afterclick.core.money import to_minor
from afterclick.store.store import Store

Write = Callable[..., Path]
Log = Callable[[], pa.Table]
HEAD = "message_id,event,timestamp,user_id,price\n"


def by_id(log: Log) -> dict[str, dict[str, Any]]:
    return {row["event_id"]: row for row in log().to_pylist()}


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.read, report.stored, report.duplicates, report.rejected


def codes(shop: Store) -> list[tuple[str, int]]:
    return sorted((one.code, one.row) for one in shop.rejects())


def test_a_plain_file(shop: Store, log: Log, write: Write) -> None:
    text = (
        "message_id,event,timestamp,anonymous_id,user_id,email,url,order_id,total,currency,plan,weight\n"
        "m1,page_view,2025-01-01T10:00:00Z,a1,,,https://x.example/?utm_source=n,,,,free,1.5\n"
        'm2,purchase,2025-01-01T10:05:00+09:00,a1,u1, A@B.Example ,https://x.example/done,O-1,"12,000",krw,,\n'
    )
    seen: list[tuple[str, int, int]] = []
    report = import_files(shop, write("a.csv", text), progress=lambda *told: seen.append(told))
    assert counts(report) == (2, 2, 0, 0)
    assert (report.source, report.nobody, report.future, report.currencies) == ("a", 0, 0, {"KRW": 1})
    assert seen[-1] == ("a.csv", 2, 0)
    rows = by_id(log)
    assert (rows["m1"]["event"], rows["m1"]["raw_event"], rows["m1"]["type"]) == ("Page Viewed", "page_view", "track")
    assert rows["m1"]["p.weight"] == 1.5
    assert rows["m1"]["p.plan"] == "free"
    order = rows["m2"]
    assert order["event"] == "Order Completed"
    assert order["occurred_at"].isoformat() == "2025-01-01T01:05:00+00:00"
    assert (order["email"], order["order_id"], order["amount"], order["currency"]) == (
        "a@b.example",
        "O-1",
        120_000_000,
        "KRW",
    )
    assert (order["order_line"], order["source"], order["p.plan"]) == (False, "a", None)
    entry = shop.manifest.entries[-1]
    assert entry.counts["read"] == 2
    assert columnmap.from_dict(entry.map) == report.map
    assert msg_schema(log()) >= set(LOG_COLUMNS.names)


def msg_schema(table: pa.Table) -> set[str]:
    return set(table.column_names)


BAD: list[tuple[str, str, str]] = [
    ("bad_time", "m9,view,yesterday,u1,1\n", "timestamp holds 'yesterday'"),
    ("bad_time", "m9,view,,u1,1\n", "timestamp holds nothing"),
    ("bad_time", "m9,view,1960-01-01T00:00:00Z,u1,1\n", "timestamp holds '1960"),
    ("bad_amount", "m9,view,2025-01-01T10:00:00Z,u1,NaN\n", "price holds 'NaN'"),
    ("bad_amount", "m9,view,2025-01-01T10:00:00Z,u1,inf\n", "price holds 'inf'"),
    ("bad_amount", "m9,view,2025-01-01T10:00:00Z,u1,cheap\n", "price holds 'cheap'"),
    ("bad_amount", "m9,view,2025-01-01T10:00:00Z,u1,1e15\n", "price holds '1e15'"),
    ("no_event", "m9,,2025-01-01T10:00:00Z,u1,1\n", "no event name"),
    ("ragged_line", "m9,view,2025-01-01T10:00:00Z,u1\n", "4 cells where 5"),
    ("cell_too_large", "m9," + "v" * 10_000_000 + ",2025-01-01T10:00:00Z,u1,1\n", "10,000,000 bytes"),
]
GOOD = "m1,view,2025-01-01T10:00:00Z,u1,1\nm2,view,2025-01-01T10:00:00Z,u1,2\nm3,view,2025-01-01T10:00:00Z,u1,3\n"


@pytest.mark.parametrize(("code", "row", "message"), BAD)
def test_a_bad_row_costs_that_row_only(shop: Store, log: Log, write: Write, code: str, row: str, message: str) -> None:
    report = import_files(shop, write("a.csv", HEAD + GOOD + row + GOOD.replace("m", "n")))
    assert counts(report) == (7, 6, 0, 1)
    (reason,) = report.reasons
    assert (reason.code, reason.rows) == (code, 1)
    assert reason.meaning
    assert message in reason.examples[0]
    assert reason.examples[0].startswith("a.csv, row 4: ")
    (kept,) = shop.rejects()
    assert (kept.code, kept.row, kept.file, kept.source) == (code, 4, "a.csv", "a")
    assert len(kept.original) < 40_000
    assert kept.cut == (code == "cell_too_large")
    if code != "ragged_line":
        assert json.loads(kept.original)["message_id"] == "m9"
    assert set(by_id(log)) == {"m1", "m2", "m3", "n1", "n2", "n3"}


def test_bytes_that_are_no_text(shop: Store, write: Write) -> None:
    content = (
        HEAD.encode()
        + "m0,구매완료,2025-01-01T10:00:00Z,u1,1\n".encode() * 9
        + b"m9,\xff\xfe,2025-01-01T10:00:00Z,u1,1\n"
    )
    report = import_files(shop, write("a.csv", content))
    assert (report.rejected, report.reasons[0].code) == (1, "bad_encoding")
    (kept,) = shop.rejects()
    assert kept.original == ""
    assert kept.original_base64


def test_json_that_is_none_in_a_properties_column(shop: Store, log: Log, write: Write) -> None:
    rows = ['{"a": 1}', "", "null", "[]", "{}", '{"b":', "[1]", "text", '{"a": NaN}', '{"c": {"d": [1]}}']
    frame = pd.DataFrame(
        {"event": ["x"] * 10, "timestamp": ["2025-01-01T10:00:00Z"] * 10, "user_id": ["u"] * 10, "data": rows}
    )
    made = columnmap.from_dict(
        {"columns": {"event": "event", "occurred_at": "timestamp", "user_id": "user_id", "properties": "data"}}
    )
    report = import_files(shop, frame, map=made)
    assert counts(report) == (10, 6, 0, 4)
    assert codes(shop) == [("bad_json", 6), ("bad_json", 7), ("bad_json", 8), ("bad_json", 9)]
    assert sorted(filter(None, log().column("properties").to_pylist())) == ['{"a": 1}', '{"c": {"d": [1]}}']


def test_future_rows_are_kept_and_counted(shop: Store, write: Write) -> None:
    with clock.held_at(1_735_689_600_000_000):
        report = import_files(
            shop,
            write(
                "a.csv",
                "event,timestamp,user_id\na,2025-01-01T00:04:59Z,u\nb,2025-01-01T00:05:01Z,u\nc,2030-01-01T00:00:00Z,u\n",
            ),
        )
    assert (report.stored, report.future) == (3, 2)
    assert any("future" in warning for warning in report.warnings)


def test_currencies_are_kept_apart_and_told(shop: Store, log: Log, write: Write) -> None:
    text = "event,timestamp,user_id,total,currency\n" + "".join(
        f"purchase,2025-01-01T10:00:0{n}Z,u,{n},{code}\n" for n, code in enumerate(["KRW", "usd", "", "KRW"])
    )
    report = import_files(shop, write("a.csv", text))
    assert report.currencies == {"KRW": 2, "USD": 1}
    assert any("currencies" in warning for warning in report.warnings)
    assert sorted(log().column("currency").to_pylist(), key=str) == ["KRW", "KRW", None, "USD"]


def test_placeholders_are_nobody_and_counted(shop: Store, log: Log, write: Write) -> None:
    ids = [
        "null",
        "Guest",
        "u1",
        "00000000-0000-0000-0000-000000000000",
        "aaaa",
        " ",
        "11",
        "1111111",
        "42.0",
        "test@x.example",
    ]
    text = "event,timestamp,user_id,session\n" + "".join(
        f"a,2025-01-01T10:00:0{n}Z,{one},s\n" for n, one in enumerate(ids)
    )
    report = import_files(shop, write("a.csv", text))
    assert report.stored == 10
    assert report.nobody == 7
    assert report.placeholders["user_id: Guest"] == 1
    assert sorted(filter(None, log().column("user_id").to_pylist())) == ["11", "42", "u1"]


def test_the_map_says_which_placeholder_is_real(shop: Store, write: Write) -> None:
    made = columnmap.from_dict(
        {"columns": {"event": "event", "occurred_at": "timestamp", "user_id": "user_id"}, "real_ids": ["1"]}
    )
    report = import_files(shop, write("a.csv", "event,timestamp,user_id\na,2025-01-01,1\nb,2025-01-01,0\n"), map=made)
    assert (report.nobody, report.placeholders) == (1, {"user_id: 0": 1})


def test_rows_without_any_id_are_events_of_nobody(shop: Store, write: Write) -> None:
    report = import_files(shop, write("a.csv", "event,timestamp,client_id\na,2025-01-01,\nb,2025-01-01,c\n"))
    assert (report.stored, report.nobody) == (2, 1)


def test_the_same_file_twice_adds_nothing(shop: Store, log: Log, write: Write) -> None:
    path = write("a.csv", "event,timestamp,user_id\n" + "a,2025-01-01,u\n" * 3 + "b,never,u\n")
    first = import_files(shop, path)
    assert counts(first) == (4, 3, 0, 1)
    segments = shop.manifest.segments
    second = import_files(shop, path)
    assert counts(second) == (4, 0, 4, 0)
    assert second.files[0].again == first.import_id
    assert shop.manifest.segments == segments
    assert len(list(shop.rejects())) == 1
    assert log().num_rows == 3


def test_the_same_rows_in_another_file_are_duplicates_and_repeats_survive(shop: Store, log: Log, write: Write) -> None:
    import_files(shop, write("a.csv", "event,timestamp,user_id\n" + "a,2025-01-01,u\n" * 3), source="s")
    report = import_files(
        shop,
        write("b.csv", "user_id,blank,event,timestamp\n" + "u,,a,2025-01-01\n" * 5 + "v,,a,2025-01-01\nw,,a,never\n"),
        source="s",
    )
    assert counts(report) == (7, 3, 3, 1)
    assert log().num_rows == 6
    again = import_files(
        shop, write("c.csv", "user_id,event,timestamp\n" + "u,a,2025-01-01\n" * 6 + "w,a,never\n"), source="s"
    )
    assert counts(again) == (7, 1, 5, 1)


def test_an_overlapping_export_keeps_no_reject_twice(shop: Store, write: Write) -> None:
    path = write("a.csv", "event,timestamp,user_id\na,2025-01-01,u\nb,never,u\n")
    import_files(shop, path)
    path.write_text("event,timestamp,user_id\na,2025-01-01,u\nb,never,u\nc,2025-01-02,u\n")
    report = import_files(shop, path)
    assert counts(report) == (3, 1, 2, 0)
    assert len(list(shop.rejects())) == 1


def test_same_id_same_content_is_a_duplicate_and_other_content_a_conflict(shop: Store, log: Log, write: Write) -> None:
    lines = "m1,a,2025-01-01,u,1\nm1,a,2025-01-01,u,1\nm1,b,2025-01-01,u,1\nm2,a,2025-01-01,u,1\n"
    report = import_files(shop, write("a.csv", HEAD + lines))
    assert counts(report) == (4, 2, 1, 1)
    assert codes(shop) == [("id_conflict", 3)]
    later = import_files(shop, write("b.csv", HEAD + "m2,a,2025-01-01,u,1\nm2,a,2025-01-01,u,2\nm3,a,2025-01-01,u,2\n"))
    assert counts(later) == (3, 1, 1, 1)
    assert {key: row["event"] for key, row in by_id(log).items()} == {"m1": "a", "m2": "a", "m3": "a"}


def test_a_folder_with_renamed_and_missing_columns(shop: Store, log: Log, write: Write) -> None:
    write("1.csv", "client_id,event,timestamp,plan\na,x,2025-01-01,free\n")
    write("2.csv", "clientId,event,timestamp,plan\nb,x,2025-01-02,paid\n")
    folder = write("3.csv", "event,timestamp,clientId\nx,2025-01-03,c\n").parent
    report = import_files(shop, folder)
    assert counts(report) == (3, 3, 0, 0)
    assert report.source == "in"
    assert report.renamed == ("client_id → clientId",)
    assert report.missing == {"3.csv": ("plan",)}
    assert [file.rows for file in report.files] == [1, 1, 1]
    assert sorted(log().column("anonymous_id").to_pylist()) == ["a", "b", "c"]
    assert set(log().column_names) >= {"p.plan"}


def test_json_inside_csv_feeds_fields_and_stays(shop: Store, log: Log, write: Write) -> None:
    data = {"transaction_id": "T1", "revenue": 12.5, "items": [{"price": 5}], "user_email": "A@x.example"}
    frame = pd.DataFrame(
        {
            "event": ["purchase", "view"],
            "timestamp": ["2025-01-01T10:00:00Z"] * 2,
            "client_id": ["a", "b"],
            "event_data": [json.dumps(data), None],
        }
    )
    path = write("a.csv", frame.to_csv(index=False))
    report = import_files(shop, path)
    assert report.map.columns["email"] == ("event_data.user_email",)
    row = next(row for row in log().to_pylist() if row["event"] == "Order Completed")
    assert (row["order_id"], row["amount"], row["email"]) == ("T1", 125_000, "a@x.example")
    assert json.loads(row["properties"]) == data


def amounts_of(shop: Store, log: Log, events: list[tuple[str, dict[str, Any]]]) -> list[int | None]:
    frame = pd.DataFrame(
        {
            "message_id": [f"m{n}" for n in range(len(events))],
            "event": [name for name, _ in events],
            "timestamp": ["2025-01-01T10:00:00Z"] * len(events),
            "user_id": ["u"] * len(events),
            "properties": [json.dumps(data) for _, data in events],
        }
    )
    columns = {"event_id": "message_id", "event": "event", "occurred_at": "timestamp", "user_id": "user_id"}
    inner = {name: f"properties.{name}" for name in ("price", "quantity")}
    money = {"revenue": ["properties.total", "properties.revenue", "properties.value"]}
    made = columnmap.from_dict({"columns": {**columns, **inner, **money, "properties": "properties"}})
    import_files(shop, frame, map=made)
    rows = by_id(log)
    return [rows[f"m{n}"]["amount"] if f"m{n}" in rows else -1 for n in range(len(events))]


def test_what_events_are_worth(shop: Store, log: Log) -> None:
    items = [{"price": 2.5, "quantity": 2}, {"item_price": "1.25"}, {"name": "free"}]
    assert amounts_of(
        shop,
        log,
        [
            ("purchase", {"total": 10, "revenue": 9, "items": items}),
            ("purchase", {"revenue": 9.99}),
            ("purchase", {"value": 7}),
            ("purchase", {"items": items}),
            ("purchase", {"products": [{"unit_price": 3, "qty": 3}]}),
            ("refund", {"value": -4}),
            ("refund", {"items": items}),
            ("add_to_cart", {"price": 3.5, "quantity": 3}),
            ("add_to_cart", {"price": 3.5}),
            ("view_item_list", {"items": items}),
            ("begin_checkout", {"items": items}),
            ("page_view", {}),
            ("purchase", {"items": [{"price": "cheap"}]}),
            ("purchase", {"items": "none"}),
        ],
    ) == [100_000, 99_900, 70_000, 62_500, 90_000, 40_000, 62_500, 105_000, 35_000, None, 62_500, None, -1, None]
    assert codes(shop) == [("bad_amount", 13)]


def test_order_lines_add_up_by_hand(shop: Store, log: Log, write: Write) -> None:
    text = (
        "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
        "536365,85123A,6,2010-12-01 08:26:00,2.55,17850.0,UK\n"
        "536365,71053,3,2010-12-01 08:26:00,3.39,17850.0,UK\n"
        "536365,71053,3,2010-12-01 08:26:00,3.39,17850.0,UK\n"
        "C536379,D,-1,2010-12-01 09:41:00,27.5,14527,UK\n"
        "536380,22,2,2010-12-01 09:50:00,0.125,,France\n"
        ",22,2,2010-12-01 09:50:00,0.125,,France\n"
        "536381,22,,2010-12-01 09:50:00,0.125,,France\n"
    )
    report = import_files(shop, write("till.csv", text))
    assert (report.map.grain, report.map.refund) == ("order_line", "^C")
    assert counts(report) == (7, 5, 0, 2)
    assert codes(shop) == [("bad_amount", 7), ("no_order", 6)]
    rows = log().to_pylist()
    assert all(row["order_line"] for row in rows)
    sold = sum(row["amount"] for row in rows if row["event"] == "Order Completed")
    back = sum(row["amount"] for row in rows if row["event"] == "Order Refunded")
    assert sold == to_minor(6 * Decimal("2.55") + 6 * Decimal("3.39") + 2 * Decimal("0.125"))
    assert back == to_minor("27.5")
    assert {row["user_id"] for row in rows} == {"17850", "14527", None}
    assert {row["p.quantity"] for row in rows} == {6.0, 3.0, -1.0, 2.0}
    assert {row["p.price"] for row in rows} == {2.55, 3.39, 27.5, 0.125}
    assert {row["p.product_id"] for row in rows} == {"85123A", "71053", "D", "22"}
    assert shop.snapshot().rows == 5


def test_types_of_calls_decide_the_name(shop: Store, log: Log, write: Write) -> None:
    text = (
        "message_id,type,event,timestamp,user_id\n"
        "m1,page,Home,2025-01-01,u\nm2,screen,,2025-01-01,u\nm3,identify,,2025-01-01,u\nm4,track,Foo,2025-01-01,u\n"
        "m5,odd,Foo,2025-01-01,u\nm6,,Foo,2025-01-01,u\nm7,track,,2025-01-01,u\n"
    )
    made = columnmap.from_dict(
        {
            "columns": {
                "event_id": "message_id",
                "type": "type",
                "event": "event",
                "occurred_at": "timestamp",
                "user_id": "user_id",
            },
            "events": {"Foo": "Order Completed"},
        }
    )
    report = import_files(shop, write("a.csv", text), map=made)
    assert report.rejected == 1
    found = {key: (row["type"], row["event"], row["raw_event"]) for key, row in by_id(log).items()}
    assert found == {
        "m1": ("page", "Page Viewed", "Home"),
        "m2": ("screen", "Screen Viewed", None),
        "m3": ("identify", "Identified", None),
        "m4": ("track", "Order Completed", "Foo"),
        "m5": ("track", "Order Completed", "Foo"),
        "m6": ("track", "Order Completed", "Foo"),
    }


def test_clocks_are_corrected_only_where_the_sender_clock_is_all_there_is(shop: Store, log: Log, write: Write) -> None:
    text = (
        "message_id,event,original_timestamp,sent_at,received_at,user_id\n"
        "m1,x,2025-01-01T10:00:00Z,2025-01-01T10:01:00Z,2025-01-01T12:01:00Z,u\n"
        "m2,x,2025-01-01T10:00:00Z,,2025-01-01T12:01:00Z,u\n"
        "m3,x,2025-01-03T10:00:00Z,,2025-01-01T12:01:00Z,u\n"
    )
    import_files(shop, write("a.csv", text))
    times = {key: row["occurred_at"].isoformat()[:19] for key, row in by_id(log).items()}
    assert times == {"m1": "2025-01-01T12:00:00", "m2": "2025-01-01T10:00:00", "m3": "2025-01-01T12:06:00"}
    assert by_id(log)["m1"]["original_at"].isoformat()[:19] == "2025-01-01T10:00:00"
    text = (
        text.replace("event,original_timestamp", "event,timestamp")
        .replace("m", "n")
        .replace("nessage_id", "message_id")
    )
    import_files(shop, write("b.csv", text.replace("tinestanp", "timestamp")))
    assert by_id(log)["n1"]["occurred_at"].isoformat()[:19] == "2025-01-01T10:00:00"


def test_campaign_columns_join_the_address(shop: Store, log: Log, write: Write) -> None:
    text = (
        "message_id,event,timestamp,user_id,url,utm_source,utm_medium\n"
        "m1,x,2025-01-01,u,https://x.example/a,naver,cpc\n"
        "m2,x,2025-01-01,u,https://x.example/a?b=1#c,네이버,\n"
        "m3,x,2025-01-01,u,https://x.example/?utm_source=own,naver,cpc\n"
        "m4,x,2025-01-01,u,,kakao,\n"
        "m5,x,2025-01-01,u,/p,,\n"
    )
    import_files(shop, write("a.csv", text))
    assert {key: row["url"] for key, row in by_id(log).items()} == {
        "m1": "https://x.example/a?utm_source=naver&utm_medium=cpc",
        "m2": "https://x.example/a?b=1&utm_source=%EB%84%A4%EC%9D%B4%EB%B2%84#c",
        "m3": "https://x.example/?utm_source=own",
        "m4": "?utm_source=kakao",
        "m5": "/p",
    }


def test_a_number_column_loses_nothing_it_cannot_hold(shop: Store, log: Log, write: Write) -> None:
    made = columnmap.from_dict(
        {
            "columns": {"event": "event", "occurred_at": "timestamp", "user_id": "user_id"},
            "numbers": ["n"],
            "drop": ["junk"],
        }
    )
    text = "event,timestamp,user_id,n,junk\na,2025-01-01,u,1.5,z\nb,2025-01-01,u,many,z\nc,2025-01-01,u,true,z\n"
    report = import_files(shop, write("a.csv", text), map=made)
    rows = {row["event"]: (row["p.n"], row["properties"]) for row in log().to_pylist()}
    assert rows == {"a": (1.5, None), "b": (None, '{"n":"many"}'), "c": (1.0, None)}
    assert report.odd == {"n": 1}
    assert "p.junk" not in log().column_names


def test_typed_columns_become_typed_properties(shop: Store, log: Log) -> None:
    table = pa.table(
        {
            "event": ["a", "b"],
            "timestamp": pa.array([1735689600000000, 1735689600000001], pa.timestamp("us", "UTC")),
            "user_id": pa.array([17850.0, None]),
            "vip": pa.array([True, None]),
            "score": pa.array([1.5, None]),
            "whole": pa.array([7, None]),
            "seen": pa.array([1735689600500000, None], pa.timestamp("us")),
            "tags": pa.array([["x", "y"], None]),
            "extra": pa.array([{"a": 1}, None]),
            "raw": pa.array([b"bytes", None]),
        }
    )
    import_files(shop, table)
    row = next(row for row in log().to_pylist() if row["event"] == "a")
    assert row["user_id"] == "17850"
    assert (row["p.vip"], row["p.score"], row["p.whole"]) == (1.0, 1.5, 7.0)
    assert (row["p.seen"], row["p.raw"]) == ("2025-01-01T00:00:00.5", "bytes")
    assert row["p.tags"] == '["x","y"]'
    assert json.loads(row["properties"]) == {"a": 1}


def test_a_frame_and_its_parquet_file_are_the_same_rows(shop: Store, tmp_path: Path) -> None:
    table = pa.table(
        {"event": ["a", "b"], "timestamp": [1735689600, 1735689601], "user_id": ["u", "v"], "x": [1.5, 2.5]}
    )
    pq.write_table(table, tmp_path / "t.parquet")
    assert counts(import_files(shop, table, source="s")) == (2, 2, 0, 0)
    assert counts(import_files(shop, tmp_path / "t.parquet", source="s")) == (2, 0, 2, 0)


def test_json_lines_end_to_end(shop: Store, log: Log, write: Write) -> None:
    page = {"type": "page", "anonymousId": "a", "timestamp": "2025-01-01T10:00:00Z"}
    events = [{**page, "messageId": f"m{n}", "context": {"page": {"url": f"https://x.example/{n}"}}} for n in range(5)]
    lines = [json.dumps(event) for event in events]
    report = import_files(shop, write("a.jsonl", "\n".join([*lines[:2], "broken", *lines[2:]])))
    assert counts(report) == (6, 5, 0, 1)
    assert codes(shop) == [("bad_json", 3)]
    assert sorted(log().column("url").to_pylist()) == [f"https://x.example/{n}" for n in range(5)]
    assert pc.unique(log().column("event")).to_pylist() == ["Page Viewed"]


def test_keys_that_appear_late_in_json_lines_are_kept_and_may_be_mapped(shop: Store, log: Log, write: Write) -> None:
    event = {"event": "a", "user_id": "u", "timestamp": 1735689600}
    lines = [json.dumps({**event, "n": n}) for n in range(12_000)] + [
        json.dumps({**event, "late": "x", "mail": "a@b.example"})
    ]
    path = write("a.jsonl", "\n".join(lines))
    made = columnmap.from_dict(
        {"columns": {"event": "event", "user_id": "user_id", "occurred_at": "timestamp", "email": "mail"}}
    )
    report = import_files(shop, path, map=made)
    assert report.stored == 12_001
    assert log().column("p.late").drop_null().to_pylist() == ["x"]
    assert log().column("email").drop_null().to_pylist() == ["a@b.example"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp949", "utf-16"])
def test_korean_files(shop: Store, log: Log, write: Write, encoding: str) -> None:
    text = "회원번호,이벤트,발생일시,상품명\nu1,구매완료,2025-01-01 10:00,신발\nu2,장바구니,2025-01-01 10:01,모자\n"
    report = import_files(shop, write("a.csv", text, encoding))
    assert counts(report) == (2, 2, 0, 0)
    assert sorted(log().column("event").to_pylist()) == ["Order Completed", "Product Added"]
    assert sorted(log().column("p.상품명").to_pylist()) == ["모자", "신발"]


@pytest.mark.parametrize(
    ("made", "path"),
    [
        ({"columns": {"occurred_at": "event", "event": "timestamp", "user_id": "user_id"}}, "columns.occurred_at"),
        ({"columns": {"occurred_at": "tmestamp", "event": "event", "user_id": "user_id"}}, "columns.occurred_at"),
        ({"columns": {"occurred_at": "timestamp", "event": "event", "properties": "user_id"}}, "columns.properties"),
        ({"columns": {"occurred_at": "timestamp", "event": "event", "revenue": "user_id"}}, "columns.revenue"),
    ],
)
def test_a_wrong_map_is_refused_and_nothing_stored(shop: Store, write: Write, made: dict[str, Any], path: str) -> None:
    source = write("a.csv", "event,timestamp,user_id\n" + "a,2025-01-01,u\n" * 30)
    with pytest.raises(InputError) as caught:
        import_files(shop, source, map=columnmap.from_dict(made))
    assert (caught.value.path, caught.value.exit_code) == (path, 2)
    assert caught.value.hint
    assert shop.manifest.entries == ()
    assert list((shop.path / "log").glob("*.parquet")) == []


def test_an_error_far_down_leaves_nothing(shop: Store, write: Write) -> None:
    import gzip

    packed = gzip.compress(("event,timestamp,user_id\n" + "a,2025-01-01,u\n" * 50_000).encode())
    write("1.csv", "event,timestamp,user_id\nb,never,u\nb,2025-01-01,u\n")
    folder = write("2.csv.gz", packed[:-30]).parent
    with pytest.raises(InputError, match="damaged"):
        import_files(shop, folder)
    assert shop.manifest.entries == ()
    assert list(shop.rejects()) == []


@pytest.mark.parametrize(
    "text", ["event,timestamp,user_id\n", "user_id,plan\nu,x\n", "timestamp,user_id\n2025-01-01,u\n"]
)
def test_files_without_rows_or_events_are_refused(shop: Store, write: Write, text: str) -> None:
    with pytest.raises(InputError) as caught:
        import_files(shop, write("a.csv", text))
    assert caught.value.hint
    assert shop.manifest.entries == ()


def test_a_dry_run_counts_everything_and_stores_nothing(shop: Store, write: Write) -> None:
    path = write("a.csv", HEAD + "m1,a,2025-01-01,u,1\nm1,a,2025-01-01,u,1\nm2,a,never,u,1\n")
    report = import_files(shop, path, dry_run=True)
    assert counts(report) == (3, 1, 1, 1)
    assert (report.dry_run, report.import_id) == (True, "")
    assert shop.manifest.entries == ()
    assert counts(import_files(shop, path)) == (3, 1, 1, 1)


def test_the_plan_shows_the_map_before_anything_is_read(write: Write) -> None:
    planned = plan(write("a.csv", HEAD + "m1,a,2025-01-01,u,1\n"), source="mine")
    assert planned.map.source == "mine"
    assert {finding.field for finding in planned.findings} == {"event_id", "event", "occurred_at", "user_id", "price"}
    with pytest.raises(InputError):
        plan(write("b.csv", HEAD + "m1,a,2025-01-01,u,1\n"), grain="order_line")


def test_a_report_that_does_not_add_up_cannot_be_made(shop: Store, write: Write) -> None:
    report = import_files(shop, write("a.csv", HEAD + "m1,a,2025-01-01,u,1\n"))
    assert report.to_dict()["map"]["columns"]["event"] == "event"
    with pytest.raises(AssertionError):
        ImportReport(
            source="x",
            map=report.map,
            findings=(),
            files=(),
            read=2,
            stored=1,
            duplicates=0,
            rejected=0,
            nobody=0,
            future=0,
        )


EVENT = st.fixed_dictionaries(
    {
        "message_id": st.sampled_from(["", "m1", "m2", "m3"]),
        "event": st.sampled_from(["", "page_view", "purchase", "x"]),
        "timestamp": st.sampled_from(["2025-01-01T10:00:00Z", "2025-01-02 10:00", "never", "", "1735689600"]),
        "user_id": st.sampled_from(["", "u1", "null"]),
        "price": st.sampled_from(["", "1", "2.5", "NaN", "x"]),
    }
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(EVENT, min_size=1, max_size=19))
def test_every_row_is_accounted_for_and_the_second_time_adds_nothing(
    tmp_path_factory: Any, events: list[dict[str, str]]
) -> None:
    from afterclick.stitch.derive import Derivation

    folder = tmp_path_factory.mktemp("any")
    path = folder / "a.csv"
    path.write_text(pd.DataFrame(events).to_csv(index=False))
    columns = {
        "event_id": "message_id",
        "event": "event",
        "occurred_at": "timestamp",
        "user_id": "user_id",
        "price": "price",
    }
    made = columnmap.from_dict({"columns": columns})
    with Store.open(folder / "shop", derive=Derivation(), write=True, create=True) as store:
        report = import_files(store, path, map=made)
        assert report.read == len(events)
        assert len(list(store.rejects())) == report.rejected
        assert store.snapshot().rows == report.stored
        # Another name: the file is read again row by row.
        path.write_text(path.read_text() + "\n")
        again = importer.import_files(store, path, map=made)
        assert again.stored == 0
        assert again.read == len(events)
        assert len(list(store.rejects())) == report.rejected


GA4 = {
    "event_date": "20250101",
    "event_timestamp": "1735689600123456",
    "event_name": "purchase",
    "event_params": [
        {"key": "page_location", "value": {"string_value": "https://x.example/?utm_source=n"}},
        {"key": "ga_session_id", "value": {"int_value": "1735689600"}},
        {"key": "score", "value": {"double_value": 1.5}},
        {"key": "empty", "value": {}},
    ],
    "user_pseudo_id": "1.2",
    "ecommerce": {"transaction_id": "T1", "purchase_revenue": 12.5},
}


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_ga4_exports_of_bigquery(shop: Store, log: Log, write: Write, kind: str) -> None:
    other = {**GA4, "event_name": "page_view", "ecommerce": None, "event_params": GA4["event_params"][:1]}
    if kind == "jsonl":
        path = write("ga4.jsonl", "\n".join(json.dumps(row) for row in (GA4, other)))
    else:
        path = write("ga4.parquet", b"")
        pq.write_table(pa.Table.from_pylist([GA4, other]), path)
    report = import_files(shop, path)
    assert counts(report) == (2, 2, 0, 0)
    assert report.map.columns["properties"] == ("event_params",)
    order = next(row for row in log().to_pylist() if row["event"] == "Order Completed")
    assert (order["order_id"], order["amount"], order["session_id"]) == ("T1", 125_000, "1735689600")
    assert order["url"] == "https://x.example/?utm_source=n"
    assert json.loads(order["properties"])["score"] == 1.5
    assert pc.unique(log().column("url")).to_pylist() == ["https://x.example/?utm_source=n"]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_large_cell_in_any_kind_of_file(shop: Store, write: Write, kind: str) -> None:
    rows = [{"event": "a", "timestamp": "2025-01-01", "user_id": "u", "note": "x" * size} for size in (1, 3_000_000, 2)]
    path = write(f"a.{kind}", "\n".join(json.dumps(row) for row in rows))
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    assert counts(import_files(shop, path)) == (3, 2, 0, 1)
    assert codes(shop) == [("cell_too_large", 2)]


def test_bytes_that_are_no_text_in_a_typed_file(shop: Store, log: Log, tmp_path: Path) -> None:
    broken = pa.array([b"ok", b"\xff\xfe", b"fine"], pa.binary())
    table = pa.table({"event": ["a", "b", "c"], "timestamp": [1735689600] * 3, "user_id": ["u"] * 3, "raw": broken})
    pq.write_table(table, tmp_path / "a.parquet")
    assert counts(import_files(shop, tmp_path / "a.parquet")) == (3, 2, 0, 1)
    assert codes(shop) == [("bad_encoding", 2)]
    assert sorted(log().column("p.raw").to_pylist()) == ["fine", "ok"]


def test_types_that_have_no_text_of_their_own(shop: Store, log: Log) -> None:
    table = pa.table(
        {
            "event": ["a"],
            "timestamp": [1735689600],
            "user_id": ["u"],
            "took": pa.array([1_500_000], pa.duration("us")),
            "at": pa.array([3_600], pa.time32("s")),
            "fixed": pa.array([b"abcd"], pa.binary(4)),
            "span": pa.array([pa.MonthDayNano([1, 2, 3])]),
            "exact": pa.array([Decimal("1.25")], pa.decimal128(9, 2)),
            "big": pa.array([2**60]),
        }
    )
    import_files(shop, table)
    (row,) = log().to_pylist()
    assert (row["p.took"], row["p.at"], row["p.fixed"], row["p.exact"]) == ("1500000", "01:00:00", "abcd", 1.25)
    assert row["p.span"] == "MonthDayNano(months=1, days=2, nanoseconds=3)"
    assert (row["p.big"], row["properties"]) == ("1152921504606846976", None)
