"""Files of every kind: told from their columns, stored as events, counted once, the latest state of a thing winning."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from afterclick.collect import columnmap
from afterclick.collect.guess import guess
from afterclick.collect.importer import import_files, plan, replay_rejects
from afterclick.collect.kinds import KINDS
from afterclick.collect.readers import open_source
from afterclick.collect.report import ImportReport
from afterclick.core import clock
from afterclick.core.errors import InputError
from afterclick.core.money import to_decimal
from afterclick.core.names import AD_COST_REPORTED, PRODUCT_UPDATED
from afterclick.stitch.derive import Derivation
from afterclick.store.store import Store

Write = Callable[..., Path]
Log = Callable[[], pa.Table]
Rows = list[dict[str, Any]]


def rows(log: Log, event: str = "") -> Rows:
    return [row for row in log().to_pylist() if not event or row["event"] == event]


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.read, report.stored, report.duplicates, report.rejected


def day_of(row: dict[str, Any]) -> str:
    return str(row["occurred_at"])[:10]


def costs(table: Rows) -> dict[tuple[str, ...], tuple[Decimal, float, float]]:
    """What questions read: of equal keys the row latest in the log, by hand."""
    found: dict[tuple[str, ...], tuple[Decimal, float, float]] = {}
    for row in table:
        if row["event"] == AD_COST_REPORTED:
            tags = {name: texts[0].lower() for name, texts in parse_qs(row["url"].removeprefix("?")).items()}
            parts = (tags.get(f"utm_{name}", "") for name in ("source", "medium", "campaign", "content", "term"))
            key = (day_of(row), *parts)
            found[key] = (to_decimal(row["amount"]), row.get("p.impressions") or 0.0, row.get("p.clicks") or 0.0)
    return found


NAVER = (
    '날짜,캠페인,광고그룹,노출수,클릭수,"총비용(VAT포함,원)",클릭률(%)\n'
    '2026.03.01.,봄 신상,셔츠,"1,000",30,"15,000",3.0%\n'
    "2026.03.02.,봄 신상,셔츠,900,20,￦12000,2.2%\n"
    "합계,,,1900,50,27000,\n"
)
META = (
    "Reporting starts,Reporting ends,Campaign name,Ad set name,Ad name,Impressions,Link clicks,Amount spent (USD)\n"
    "2026-03-01,2026-03-01,Summer,Set A,Video 1,5000,42,12.345\n"
    "2026-03-01,2026-03-31,Summer,Set A,Video 2,5000,42,100.34\n"
)
GOOGLE = (
    "Day,Campaign,Ad group,Currency code,Impr.,Clicks,CTR,Cost\n"
    '2026-03-01,Brand,Core,KRW,"2,000",100,5.00%,"45,600"\n'
    "2026-03-02,Brand,Core,KRW,0,0, --,0\n"
)
PRODUCTS = (
    "id,title,product_type,brand,price,availability,link,image_link\n"
    'P1,Linen shirt,Shirts,Hanbit,"30,000 KRW",in stock,https://shop.example/p1,https://shop.example/p1.jpg\n'
    "P2,Sock,Socks,Hanbit,3000 KRW,out of stock,https://shop.example/p2,https://shop.example/p2.jpg\n"
)
MEMBERS = (
    "회원아이디,이름,이메일,휴대폰번호,가입일,이메일수신동의,SMS수신동의,회원등급\n"
    "u1,하나,A@shop.example,010-1111-2222,2025-01-03,동의,거부,VIP\n"
    "u2,두리,b@shop.example,010-3333-4444,2025-02-03,Y,N,일반\n"
    ",세리,c@shop.example,,2025-02-04,Y,N,일반\n"
)
MAIL = (
    "message_id,campaign,email,sent_at,opened_at,clicked_at,unsubscribed_at,machine_open\n"
    "x1,March,a@shop.example,2026-03-01T00:00:00Z,2026-03-01T00:30:00Z,2026-03-01T00:31:00Z,,false\n"
    "x2,March,b@shop.example,2026-03-01T00:00:00Z,2026-03-01T00:00:02Z,-,,true\n"
    "x3,March,z@shop.example,2026-03-01T00:00:00Z,,,,\n"
)
HOOKS = (
    "email,timestamp,sg_message_id,event,useragent\n"
    "a@shop.example,1772323200,s1,processed,\n"
    "a@shop.example,1772323201,s1,delivered,\n"
    "a@shop.example,1772323300,s1,open,\n"
    "b@shop.example,1772323200,s2,bounce,\n"
    "b@shop.example,1772323205,s2,deferred,\n"
)
KAKAO = (
    "발송일시,수신번호,템플릿코드,메시지유형,발송결과\n"
    "2026-03-01 10:00:00,010-1111-2222,T1,알림톡,성공\n"
    "2026-03-01 10:00:01,+82 10-3333-4444,T1,친구톡,실패\n"
)
ORDERS = (
    "주문번호,주문일시,구매자ID,구매자이메일,총 결제금액,주문상태,환불금액\n"
    'A1,2026-03-01 09:00:00,u1,a@shop.example,"50,000원",배송완료,\n'
    'A2,2026-03-01 10:00:00,u2,b@shop.example,"20,000원",환불완료,\n'
    'A3,2026-03-01 11:00:00,,c@shop.example,"10,000원",배송완료,"4,000"\n'
    'A4,2026-03-01 12:00:00,u2,b@shop.example,"9,000원",입금대기,\n'
    'A5,2026-03-01 12:30:00,u2,b@shop.example,"8,000원",취소완료,\n'
    'A6,2026-03-01 13:00:00,u2,b@shop.example,"7,000원",뭐지,\n'
)
NPS = "submitted_at,user_id,nps_score,comment\n2026-03-03T00:00:00Z,u1,9,good\n2026-03-03T00:00:00Z,u2,11,bad\n"
REVIEWS = (
    "작성일,이메일,상품번호,평점,내용\n"
    "2026-03-03,a@shop.example,P1,★★★★☆,좋아요\n"
    "2026-03-04,b@shop.example,P1,5점,굿\n"
    "2026-03-05,b@shop.example,P2,3/5,음\n"
)
EVENTS = (
    "message_id,event,timestamp,client_id\nm1,page_view,2026-03-01T00:00:00Z,c1\nm2,purchase,2026-03-01T00:01:00Z,c1\n"
)
LINES = (
    "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID\n"
    "1,A,2,12/1/2010 8:26,2.5,7\n1,B,1,12/1/2010 8:26,3,7\n2,A,1,12/13/2010 8:26,2.5,8\n"
)

TOLD = {
    "naver": (NAVER, "costs"),
    "meta": (META, "costs"),
    "google": (GOOGLE, "costs"),
    "a table of one's own": ("date,source,medium,campaign,cost\n2026-01-01,naver,cpc,a,5\n", "costs"),
    "products": (PRODUCTS, "catalogue"),
    "상품": ("상품번호,상품명,판매가,브랜드\n1,셔츠,3000,한빛\n2,양말,1000,한빛\n", "catalogue"),
    "members": (MEMBERS, "customers"),
    "customers": (
        "customer_id,email,first_name,accepts_marketing,created_at\n1,a@b.example,A,yes,2026-01-01\n",
        "customers",
    ),
    "mail": (MAIL, "messages"),
    "webhooks": (HOOKS, "messages"),
    "kakao": (KAKAO, "messages"),
    "orders": (ORDERS, "orders"),
    "lines": (LINES, "orders"),
    "nps": (NPS, "feedback"),
    "reviews": (REVIEWS, "feedback"),
    "events": (EVENTS, "events"),
    "events with prices": ("event,timestamp,user_id,product_id,price,brand\nview,2026-01-01,u,P1,5,x\n", "events"),
    "events that cost": ("event,timestamp,user_id,cost,clicks\nview,2026-01-01,u,5,1\n", "events"),
    "clicks without names": ("session_id,item_id,timestamp,category\ns,1,2026-01-01,a\ns,2,2026-01-01,b\n", "events"),
    "opened events": ("message_id,event,timestamp,user_id\n1,open,2026-01-01,u\n2,view,2026-01-01,u\n", "events"),
}


@pytest.mark.parametrize(("text", "kind"), TOLD.values(), ids=TOLD.keys())
def test_the_kind_is_told_from_the_columns_and_shown(write: Write, text: str, kind: str) -> None:
    found = guess(open_source(write("a.csv", text))[0])
    assert found.map.kind == kind
    shown = [finding for finding in found.findings if finding.field == "kind"]
    assert [finding.sample for finding in shown] == ([] if kind == "events" else [kind])
    assert all(finding.why for finding in shown)
    assert columnmap.from_toml(found.map.to_toml()) == found.map


GOOD = {
    "events": EVENTS,
    "orders": ORDERS,
    "catalogue": PRODUCTS,
    "customers": MEMBERS,
    "messages": MAIL,
    "costs": NAVER,
    "feedback": REVIEWS,
}


def test_there_is_an_example_of_every_kind() -> None:
    assert GOOD.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("events", "orders")])
@pytest.mark.parametrize("other", KINDS)
def test_a_wrong_kind_is_refused_and_the_right_one_named(write: Write, kind: str, other: str) -> None:
    path = write("a.csv", GOOD[other])
    if kind == other:
        assert plan(path, kind=kind).map.kind == kind
        return
    with pytest.raises(InputError) as caught:
        plan(path, kind=kind)
    assert caught.value.exit_code == 2
    assert f"--kind {other}" in caught.value.hint


@pytest.mark.parametrize("other", [kind for kind in KINDS if kind not in ("events", "orders", "messages")])
def test_what_has_no_event_names_is_no_file_of_events(write: Write, other: str) -> None:
    with pytest.raises(InputError) as caught:
        plan(write("a.csv", GOOD[other]), kind="events")
    assert f"--kind {other}" in caught.value.hint


def test_files_of_several_kinds_are_not_read_as_one(write: Write) -> None:
    write("a.csv", NAVER)
    folder = write("b.csv", MEMBERS).parent
    with pytest.raises(InputError) as caught:
        plan(folder)
    assert "costs (a.csv)" in caught.value.message
    assert "customers (b.csv)" in caught.value.message


# Costs


def test_a_naver_report(shop: Store, log: Log, write: Write) -> None:
    report = import_files(shop, write("naver.csv", NAVER, "cp949"))
    assert counts(report) == (3, 2, 0, 1)
    assert (report.nobody, [reason.code for reason in report.reasons]) == (0, ["bad_time"])
    assert report.map.constants == {"utm_source": "naver", "utm_medium": "cpc", "currency": "KRW"}
    first = rows(log, AD_COST_REPORTED)[0]
    assert str(first["occurred_at"])[:19] == "2026-03-01 12:00:00"
    assert (first["amount"], first["currency"], first["p.impressions"], first["p.clicks"]) == (
        150_000_000,
        "KRW",
        1000.0,
        30.0,
    )
    assert (first["anonymous_id"], first["user_id"], first["email"]) == (None, None, None)
    assert costs(rows(log)) == {
        ("2026-03-01", "naver", "cpc", "봄 신상", "", "셔츠"): (Decimal(15000), 1000.0, 30.0),
        ("2026-03-02", "naver", "cpc", "봄 신상", "", "셔츠"): (Decimal(12000), 900.0, 20.0),
    }


def test_the_day_of_costs_is_the_shops(tmp_path: Path, write: Write) -> None:
    from afterclick.app.workspace import open as opened

    with opened(tmp_path / "seoul", write=True, create=True) as workspace:
        workspace.define(timezone="Asia/Seoul")
        workspace.import_files(write("naver.csv", NAVER))
        (entry, *_) = workspace.store.manifest.segments
        table = pq.read_table(workspace.store.path / "log" / f"{entry.name}.parquet").to_pylist()
    assert [str(row["occurred_at"])[:19] for row in table] == ["2026-03-01 03:00:00", "2026-03-02 03:00:00"]


def test_a_meta_report_of_a_month_in_one_row_is_refused(shop: Store, log: Log, write: Write) -> None:
    report = import_files(shop, write("meta.csv", META))
    assert counts(report) == (2, 1, 0, 1)
    assert report.reasons[0].code == "several_days"
    assert costs(rows(log)) == {
        ("2026-03-01", "facebook", "cpc", "summer", "video 1", "set a"): (Decimal("12.345"), 5000.0, 42.0)
    }


def test_a_google_report(shop: Store, log: Log, write: Write) -> None:
    report = import_files(shop, write("google.csv", GOOGLE))
    assert counts(report) == (2, 2, 0, 0)
    assert report.map.constants == {"utm_source": "google", "utm_medium": "cpc"}
    assert sum(cost for cost, _, _ in costs(rows(log)).values()) == 45600


def test_costs_of_nobody_knows_whom_need_a_word(shop: Store, log: Log, write: Write) -> None:
    path = write("ads.csv", "date,campaign,cost,clicks\n2026-03-01,a,5,1\n")
    with pytest.raises(InputError) as caught:
        import_files(shop, path)
    assert "--set utm_source" in caught.value.hint
    import_files(shop, path, constants={"utm_source": "kakao"})
    assert list(costs(rows(log))) == [("2026-03-01", "kakao", "cpc", "a", "", "")]
    with pytest.raises(InputError, match="already"):
        plan(path, constants={"cost": "5"})


COST_HEAD = "date,source,medium,campaign,ad group,ad,impressions,clicks,cost\n"


def cost_file(write: Write, name: str, *figures: tuple[str, str, str]) -> Path:
    return write(name, COST_HEAD + "".join(f"{day},naver,cpc,c,g,{ad},10,1,{cost}\n" for day, ad, cost in figures))


def test_a_corrected_figure_replaces_the_old_one_and_the_same_file_adds_nothing(
    shop: Store, log: Log, write: Write
) -> None:
    first = cost_file(write, "march.csv", ("2026-03-01", "a", "100"), ("2026-03-02", "a", "50"))
    assert counts(import_files(shop, first)) == (2, 2, 0, 0)
    assert counts(import_files(shop, first)) == (2, 0, 2, 0)
    mended = cost_file(write, "mended.csv", ("2026-03-01", "a", "120"), ("2026-03-02", "a", "50"))
    assert counts(import_files(shop, mended)) == (2, 1, 1, 0)
    assert [cost for cost, _, _ in costs(rows(log)).values()] == [120, 50]
    # Back to what it was: the row has been there before, and must count all the same.
    assert counts(import_files(shop, first)) == (2, 1, 1, 0)
    assert [cost for cost, _, _ in costs(rows(log)).values()] == [100, 50]
    assert counts(import_files(shop, first)) == (2, 0, 2, 0)


def test_of_files_of_one_import_the_later_one_counts(shop: Store, log: Log, write: Write) -> None:
    cost_file(write, "1.csv", *(("2026-03-01", ad, "100") for ad in "abcdefgh"))
    folder = cost_file(write, "2.csv", *(("2026-03-01", ad, "7") for ad in "hgfedcba")).parent
    assert counts(import_files(shop, folder)) == (16, 16, 0, 0)
    assert {cost for cost, _, _ in costs(rows(log)).values()} == {7}


def test_rows_that_only_a_breakdown_divides_add_up(shop: Store, log: Log, write: Write) -> None:
    text = (
        "date,source,campaign,device,cost\n2026-03-01,naver,c,pc,10\n2026-03-01,naver,c,mobile,20\n"
        "2026-03-01,naver,c,mobile,5\n2026-03-01,naver,c,mobile,5\n"
    )
    report = import_files(shop, write("a.csv", text))
    assert counts(report) == (4, 4, 0, 0)
    assert sum(cost for cost, _, _ in costs(rows(log)).values()) == 40
    assert any(warning.startswith("2 rows have date, source") for warning in report.warnings)
    assert any("device" in warning for warning in report.warnings)
    assert counts(import_files(shop, write("a.csv", text))) == (4, 0, 4, 0)
    mended = text.replace("mobile,20", "mobile,25")
    assert counts(import_files(shop, write("a.csv", mended))) == (4, 1, 3, 0)
    assert sum(cost for cost, _, _ in costs(rows(log)).values()) == 45


@pytest.mark.parametrize(("cell", "code"), [("", "bad_amount"), ("5%", "bad_amount"), ("free", "bad_amount")])
def test_costs_that_are_none_are_refused(shop: Store, write: Write, cell: str, code: str) -> None:
    report = import_files(
        shop, write("a.csv", f"{COST_HEAD}2026-03-01,n,cpc,c,g,a,1,1,5\n2026-03-02,n,cpc,c,g,a,1,1,{cell}\n")
    )
    assert counts(report) == (2, 1, 0, 1)
    assert report.reasons[0].code == code


def test_counts_that_are_none_are_refused(shop: Store, write: Write) -> None:
    cells = ["1", "12%", "-", "", "1,000"]
    text = COST_HEAD + "".join(f'2026-03-0{n},n,cpc,c,g,a,"{cell}",1,5\n' for n, cell in enumerate(cells, 1))
    report = import_files(shop, write("a.csv", text))
    assert (counts(report), report.reasons[0].code) == ((5, 4, 0, 1), "bad_number")


# Orders


def test_an_order_table_with_statuses_and_refunds(shop: Store, log: Log, write: Write) -> None:
    report = import_files(shop, write("orders.csv", ORDERS))
    assert counts(report) == (8, 7, 0, 1)
    assert report.reasons[0].code == "unknown_status"
    told = sorted((row["order_id"], row["event"], to_decimal(row["amount"])) for row in rows(log))
    assert told == [
        ("A1", "Order Completed", 50000),
        ("A2", "Order Completed", 20000),
        ("A2", "Order Refunded", 20000),
        ("A3", "Order Completed", 10000),
        ("A3", "Order Refunded", 4000),
        ("A4", "Order Updated", 9000),
        ("A5", "Order Cancelled", 8000),
    ]
    assert counts(import_files(shop, write("orders.csv", ORDERS))) == (8, 0, 8, 0)
    mended = {**report.map.to_dict(), "events": {"뭐지": "Order Completed"}}
    again = replay_rejects(shop, map=columnmap.from_dict(mended))
    assert (again.stored, again.rejected) == (1, 0)
    assert sorted(row["order_id"] for row in rows(log, "Order Completed")) == ["A1", "A2", "A3", "A6"]


def test_a_ledger_of_orders_and_refunds_is_taken_entry_by_entry(shop: Store, log: Log, write: Write) -> None:
    text = (
        "order_id,order_date,customer_id,total,status\nO1,2026-01-01,u1,100,paid\nO2,2026-01-02,u2,50,paid\n"
        "O1,2026-01-05,u1,30,refunded\nO2,2026-01-06,u2,-20,paid\n"
    )
    report = import_files(shop, write("a.csv", text))
    assert (counts(report), report.map.last_status) == ((4, 4, 0, 0), False)
    told = sorted((row["order_id"], row["event"], to_decimal(row["amount"])) for row in rows(log))
    assert told == [
        ("O1", "Order Completed", 100),
        ("O1", "Order Refunded", 30),
        ("O2", "Order Completed", 50),
        ("O2", "Order Refunded", 20),
    ]


def test_items_stay_with_the_order_and_are_worth_it_where_no_total_is(shop: Store, log: Log, write: Write) -> None:
    items = json.dumps([{"product_id": "P1", "price": 10, "quantity": 2}, {"product_id": "P2", "price": 5}])
    path = write("a.jsonl", "")
    lines = [
        {"order_id": "O1", "order_date": "2026-01-01", "customer_id": "u1", "total": 25, "items": json.loads(items)},
        {"order_id": "O2", "order_date": "2026-01-02", "customer_id": "u2", "items": json.loads(items)},
    ]
    path.write_text("\n".join(json.dumps(line) for line in lines))
    report = import_files(shop, path)
    assert (report.map.kind, counts(report)) == ("orders", (2, 2, 0, 0))
    found = {row["order_id"]: row for row in rows(log)}
    assert {to_decimal(row["amount"]) for row in found.values()} == {25}
    assert json.loads(found["O1"]["properties"])["items"][0]["product_id"] == "P1"


def test_lines_with_a_status_and_the_total_of_the_order_in_each(shop: Store, log: Log, write: Write) -> None:
    text = (
        "주문번호,주문일시,주문상태,상품번호,수량,상품가격,총 결제금액,구매자ID\n"
        "1,2026-01-01 10:00,배송완료,A,2,1000,5000,u1\n1,2026-01-01 10:00,배송완료,B,1,3000,5000,u1\n"
        "2,2026-01-02 10:00,배송완료,A,1,1000,4000,u2\n2,2026-01-02 10:00,환불완료,B,1,3000,4000,u2\n"
        "3,2026-01-03 10:00,취소완료,A,1,1000,1000,u3\n"
    )
    report = import_files(shop, write("a.csv", text))
    assert (report.map.grain, "revenue" in report.map.columns) == ("order_line", False)
    assert any("총 결제금액" in warning for warning in report.warnings)
    assert counts(report) == (6, 6, 0, 0)
    lines = [row for row in rows(log) if row["order_line"]]
    assert sum(row["amount"] for row in lines if row["order_id"] == "1") == 50_000_000
    assert sum(row["amount"] for row in lines if row["order_id"] == "2") == 40_000_000
    back = rows(log, "Order Refunded")
    assert [(row["order_id"], row["amount"], row["order_line"]) for row in back] == [("2", 30_000_000, False)]
    assert [row["order_id"] for row in rows(log, "Order Cancelled")] == ["3"]


# Catalogue


def test_products_are_of_nobody_and_the_latest_counts(shop: Store, log: Log, write: Write) -> None:
    with clock.held_at(1_772_323_200_000_000):
        report = import_files(shop, write("p.csv", PRODUCTS))
    assert (counts(report), report.nobody) == ((2, 2, 0, 0), 0)
    first = rows(log, PRODUCT_UPDATED)[0]
    assert (first["p.product_id"], first["p.price"], first["amount"], first["currency"]) == (
        "P1",
        30000.0,
        300_000_000,
        "KRW",
    )
    assert (first["p.category"], first["p.brand"], first["p.availability"], first["url"]) == (
        "Shirts",
        "Hanbit",
        "in stock",
        None,
    )
    sale = PRODUCTS.replace('"30,000 KRW"', '"25,000 KRW"')
    for text, stored, price in ((PRODUCTS, 0, 30000.0), (sale, 1, 25000.0), (sale, 0, 25000.0), (PRODUCTS, 1, 30000.0)):
        assert import_files(shop, write("p.csv", text)).stored == stored
        latest = {row["p.product_id"]: row["p.price"] for row in rows(log, PRODUCT_UPDATED)}
        assert latest == {"P1": price, "P2": 3000.0}


def test_a_product_without_an_id_is_refused(shop: Store, write: Write) -> None:
    report = import_files(shop, write("p.csv", PRODUCTS + ",Ghost,Shirts,X,1,in stock,,\n"))
    assert (counts(report), report.reasons[0].code) == ((3, 2, 0, 1), "no_product")


def test_a_product_twice_in_a_file_stands_as_its_last_row_says(shop: Store, log: Log, write: Write) -> None:
    text = "sku,name,price,brand\n" + "".join(f"S{n % 9},shirt,{n},b\n" for n in range(90))
    import_files(shop, write("p.csv", text), kind="catalogue")
    latest = {row["p.product_id"]: row["p.price"] for row in rows(log, PRODUCT_UPDATED)}
    assert latest == {f"S{n}": 81.0 + n for n in range(9)}


# Customers


def test_profiles_become_identities_with_their_consents(shop: Store, log: Log, write: Write) -> None:
    report = import_files(shop, write("m.csv", MEMBERS))
    assert counts(report) == (3, 3, 0, 0)
    found = {row["email"]: row for row in rows(log)}
    one, none = found["a@shop.example"], found["c@shop.example"]
    assert {row["type"] for row in found.values()} == {"identify"}
    assert (one["user_id"], one["anonymous_id"], day_of(one)) == ("u1", "tel:01011112222", "2025-01-03")
    assert (one["p.email_consent"], one["p.sms_consent"], one["p.회원등급"]) == ("yes", "no", "VIP")
    assert one["p.signed_up_at"] == "2025-01-03T00:00:00Z"
    assert (none["user_id"], none["anonymous_id"]) == (None, "c@shop.example")


def test_a_consent_withdrawn_and_given_again_is_the_last_word(shop: Store, log: Log, write: Write) -> None:
    withdrawn = MEMBERS.replace("동의,거부,VIP", "거부,거부,VIP")
    for text, stored in ((MEMBERS, 3), (withdrawn, 1), (MEMBERS, 1), (MEMBERS, 0)):
        assert import_files(shop, write("m.csv", text)).stored == stored
    assert [row["p.email_consent"] for row in rows(log) if row["user_id"] == "u1"] == ["yes", "no", "yes"]


def test_a_profile_of_nobody_is_refused(shop: Store, write: Write) -> None:
    report = import_files(shop, write("m.csv", MEMBERS + ",유령,,,2025-01-01,Y,N,일반\n"))
    assert (counts(report), report.reasons[0].code) == ((4, 3, 0, 1), "no_person")


# Messages


def test_a_wide_log_of_messages(shop: Store, log: Log, write: Write) -> None:
    report = import_files(shop, write("mail.csv", MAIL))
    assert counts(report) == (6, 6, 0, 0)
    told = sorted((row["p.message_id"], row["event"], row["p.machine"]) for row in rows(log))
    assert told == [
        ("x1", "Message Clicked", None),
        ("x1", "Message Opened", None),
        ("x1", "Message Sent", None),
        ("x2", "Message Opened", "yes"),
        ("x2", "Message Sent", None),
        ("x3", "Message Sent", None),
    ]
    assert {(row["p.channel"], row["p.campaign"], row["anonymous_id"] == row["email"]) for row in rows(log)} == {
        ("email", "March", True)
    }
    later = MAIL.replace(
        "x3,March,z@shop.example,2026-03-01T00:00:00Z,,,,",
        "x3,March,z@shop.example,2026-03-01T00:00:00Z,2026-03-04T00:00:00Z,,,",
    )
    assert counts(import_files(shop, write("later.csv", later))) == (7, 1, 6, 0)


def test_a_wide_row_that_says_nothing_and_one_that_says_nonsense(shop: Store, write: Write) -> None:
    extra = (
        "x4,March,y@shop.example,,,,,\nx5,March,y@shop.example,2026-03-01T00:00:00Z,later,,,\n"
        "x6,March,,2026-03-01T00:00:00Z,,,,\n"
    )
    report = import_files(shop, write("mail.csv", MAIL + extra))
    assert counts(report) == (10, 7, 0, 3)
    assert {reason.code for reason in report.reasons} == {"bad_time", "no_event", "no_person"}
    assert sorted(one.row for one in shop.rejects()) == [4, 5, 6]


def test_a_long_log_of_messages(shop: Store, log: Log, write: Write) -> None:
    report = import_files(shop, write("hooks.csv", HOOKS))
    assert counts(report) == (5, 4, 0, 1)
    assert report.reasons[0].code == "unknown_status"
    assert sorted(row["event"] for row in rows(log)) == [
        "Message Bounced",
        "Message Delivered",
        "Message Opened",
        "Message Sent",
    ]


def test_messages_to_telephones_reach_the_members_who_have_them(shop: Store, log: Log, write: Write) -> None:
    import_files(shop, write("m.csv", MEMBERS))
    assert counts(import_files(shop, write("kakao.csv", KAKAO))) == (2, 2, 0, 0)
    sent = [row for row in rows(log) if row["type"] == "track"]
    assert [(row["event"], row["anonymous_id"], row["p.channel"]) for row in sent] == [
        ("Message Delivered", "tel:01011112222", "messenger"),
        ("Message Failed", "tel:01033334444", "messenger"),
    ]


# Feedback


def test_scores_of_surveys(shop: Store, log: Log, write: Write) -> None:
    report = import_files(shop, write("nps.csv", NPS))
    assert (counts(report), report.reasons[0].code) == ((2, 1, 0, 1), "bad_score")
    (row,) = rows(log)
    assert (row["event"], row["p.score"], row["p.scale"], row["p.survey"], row["p.comment"]) == (
        "Feedback Submitted",
        9.0,
        10.0,
        "NPS",
        "good",
    )


def test_reviews_of_products(shop: Store, log: Log, write: Write) -> None:
    assert counts(import_files(shop, write("reviews.csv", REVIEWS))) == (3, 3, 0, 0)
    found = sorted((row["p.product_id"], row["p.score"], row["p.scale"], row["event"]) for row in rows(log))
    assert found == [
        ("P1", 4.0, 5.0, "Product Reviewed"),
        ("P1", 5.0, 5.0, "Product Reviewed"),
        ("P2", 3.0, 5.0, "Product Reviewed"),
    ]


# Laws


def store_of(folder: Path) -> Store:
    return Store.open(folder, derive=Derivation(), write=True, create=True)


def content(store: Store) -> list[tuple[Any, ...]]:
    """All events without when they arrived and what their file was called, in no order."""
    found = []
    for entry in store.manifest.segments:
        for row in pq.read_table(store.path / "log" / f"{entry.name}.parquet").to_pylist():
            at = row["occurred_at"].replace(microsecond=0)
            kept = {name: value for name, value in row.items() if value is not None}
            for name in ("received_at", "source", "occurred_at"):
                kept.pop(name, None)
            found.append((str(at), *sorted((name, str(value)) for name, value in kept.items())))
    return sorted(found)


DATED = {
    "orders": ORDERS,
    "customers": MEMBERS,
    "messages": MAIL,
    "costs": NAVER,
    "feedback": REVIEWS,
    "events": EVENTS,
}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), kind=st.sampled_from(sorted(DATED)))
def test_however_files_are_cut_and_ordered_the_log_says_the_same(
    tmp_path_factory: pytest.TempPathFactory, seed: int, kind: str
) -> None:
    draw = random.Random(seed)
    folder = tmp_path_factory.mktemp("cut")
    head, *lines = DATED[kind].splitlines()
    whole = folder / "whole.csv"
    whole.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    settled = plan(whole).map
    draw.shuffle(lines)
    parts = sorted(draw.sample(range(1, len(lines)), draw.randint(0, min(2, len(lines) - 1)))) if len(lines) > 1 else []
    pieces = [lines[low:high] for low, high in zip([0, *parts], [*parts, len(lines)], strict=True)]
    with store_of(folder / "one") as one, store_of(folder / "other") as other:
        at_once = import_files(one, whole, map=settled)
        reports = []
        for number, piece in enumerate(pieces):
            path = folder / f"piece{number}.csv"
            path.write_text("\n".join([head, *piece]) + "\n", encoding="utf-8")
            reports.append(import_files(other, path, map=settled))
        assert sum(report.read for report in reports) == at_once.read
        assert sum(report.stored for report in reports) == at_once.stored
        assert content(one) == content(other)


CELLS = st.sampled_from(
    ["", "5", "-3", "1,000", "12%", "abc", "2026-03-01", "9", "u1", "a@b.example", "환불완료", "open", "NaN", "Y", "'"]
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), kind=st.sampled_from(sorted(GOOD)))
def test_nothing_is_lost_whatever_stands_in_the_cells(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, kind: str
) -> None:
    folder = tmp_path_factory.mktemp("junk")
    head = GOOD[kind].splitlines()[0]
    settled = plan_of(folder, GOOD[kind])
    width = head.count(",") + 1 - (1 if '"' in head else 0)
    junk = data.draw(st.lists(st.lists(CELLS, min_size=width, max_size=width).map(",".join), max_size=12))
    path = folder / "junk.csv"
    path.write_text(GOOD[kind] + "".join(f"{line}\n" for line in junk), encoding="utf-8")
    with store_of(folder / "store") as store:
        report = import_files(store, path, map=settled)
        assert report.read == report.stored + report.duplicates + report.rejected
        assert report.read >= len(GOOD[kind].splitlines()) - 1 + len([line for line in junk if line])
        assert sum(entry.rows for entry in store.manifest.segments) == report.stored
        assert len(list(store.rejects())) == report.rejected
        again = import_files(store, path, map=settled)
        assert (again.stored, again.rejected) == (0, 0)


def plan_of(folder: Path, text: str) -> columnmap.ColumnMap:
    path = folder / "good.csv"
    path.write_text(text, encoding="utf-8")
    return plan(path).map


def test_a_state_that_was_rejected_counts_from_its_replay_on(shop: Store, log: Log, write: Write) -> None:
    import_files(shop, cost_file(write, "a.csv", ("2026-03-01", "a", "100")))
    report = import_files(shop, cost_file(write, "b.csv", ("01|03|2026", "a", "120"), ("2026-03-02", "a", "5")))
    assert counts(report) == (2, 1, 0, 1)
    assert [cost for cost, _, _ in costs(rows(log)).values()] == [100, 5]
    mended = columnmap.from_dict({**report.map.to_dict(), "time_unit": "%d|%m|%Y"})
    assert replay_rejects(shop, map=mended).stored == 1
    assert costs(rows(log))["2026-03-01", "naver", "cpc", "c", "a", "g"][0] == 120


def test_costs_of_today_do_not_lie_in_the_future(shop: Store, write: Write) -> None:
    with clock.held_at(1_772_323_200_000_000 + 3_600_000_000):
        path = cost_file(write, "a.csv", ("2026-03-01", "a", "1"), ("2026-03-02", "a", "1"))
        assert import_files(shop, path).future == 1


def documented() -> list[tuple[str, str]]:
    """The examples of docs/imports.md under the heading of their kind."""
    parts = re.split(
        r"^## ", (Path(__file__).parents[2] / "docs" / "imports.md").read_text(encoding="utf-8"), flags=re.M
    )
    return [(part.split()[0], text) for part in parts[1:] for text in re.findall(r"```csv\n(.*?)```", part, re.S)]


def test_every_kind_is_documented() -> None:
    assert {kind for kind, _ in documented()} == KINDS.keys()


@pytest.mark.parametrize(("kind", "text"), documented())
def test_the_documented_examples_are_read_without_a_reject(shop: Store, write: Write, kind: str, text: str) -> None:
    report = import_files(shop, write("a.csv", text))
    assert (report.map.kind, report.rejected, report.stored >= text.count("\n") - 1) == (kind, 0, True)
