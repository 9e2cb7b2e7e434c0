"""Real exports, imported with guessed maps and nothing else: counts and sums known from the files themselves."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from afterclick.collect.importer import import_files
from afterclick.core.money import SCALE
from afterclick.stitch.derive import Derivation
from afterclick.store.store import Store
from support.development_data import data_folder

pytestmark = pytest.mark.real


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "shop", derive=Derivation(), write=True, create=True) as store:
        yield store


def rows(shop: Store) -> pa.Table:
    files = [shop.path / "log" / f"{entry.name}.parquet" for entry in shop.manifest.segments]
    return pa.concat_tables([pq.read_table(file) for file in files], promote_options="permissive")


def total(table: pa.Table, event: str) -> Decimal:
    amounts = table.filter(pc.equal(table["event"], event))["amount"]
    return Decimal(pc.sum(amounts).as_py()) / SCALE


def test_a_week_of_a_mattress_shop(shop: Store) -> None:
    report = import_files(shop, data_folder("puffy_d2c_events"))
    assert (report.read, report.stored, report.duplicates, report.rejected) == (24_631, 24_631, 0, 0)
    assert [file.rows for file in report.files] == [4070, 3769, 3470, 3177, 3393, 3263, 3489]
    assert (report.nobody, report.read - report.nobody) == (241, 24_390)
    assert report.map.columns["anonymous_id"] == ("client_id", "clientId")
    assert report.map.columns["email"] == ("event_data.user_email",)
    assert report.renamed == ("client_id → clientId",)
    table = rows(shop)
    assert pc.count_distinct(table["anonymous_id"]).as_py() == 18_685
    assert pc.count_distinct(table["email"]).as_py() == 399
    names = {pair["values"]: pair["counts"] for pair in table["event"].value_counts().to_pylist()}
    assert names == {
        "Page Viewed": 22_639,
        "Product Added": 1132,
        "Checkout Started": 428,
        "Lead Submitted": 285,
        "Order Completed": 147,
    }
    assert total(table, "Order Completed") == Decimal("148037.60")
    assert pc.sum(pc.match_substring(table["url"], "utm_")).as_py() == 7278
    segments = shop.manifest.segments
    again = import_files(shop, data_folder("puffy_d2c_events"))
    assert (again.read, again.stored, again.duplicates, again.rejected) == (24_631, 0, 24_631, 0)
    part = import_files(shop, data_folder("puffy_d2c_events") / "events_20250301.csv.gz")
    assert (part.read, part.stored, part.duplicates, part.rejected) == (3489, 0, 3489, 0)
    assert shop.manifest.segments == segments


def test_a_year_of_a_wholesaler(shop: Store) -> None:
    report = import_files(shop, data_folder("uci_online_retail") / "online_retail.parquet")
    assert (report.map.grain, report.map.refund) == ("order_line", "^C")
    assert (report.read, report.stored, report.duplicates, report.rejected) == (541_909, 541_909, 0, 0)
    assert report.nobody == 135_080
    table = rows(shop)
    assert pc.count_distinct(table["user_id"]).as_py() == 4372
    sold = table.filter(pc.equal(table["event"], "Order Completed"))
    back = table.filter(pc.equal(table["event"], "Order Refunded"))
    assert pc.count_distinct(sold["order_id"]).as_py() == 22_064
    assert (pc.count_distinct(back["order_id"]).as_py(), back.num_rows) == (3836, 9288)
    assert total(table, "Order Completed") == Decimal("10644560.424")
    assert total(table, "Order Refunded") == Decimal("896812.490")
    assert pc.count_distinct(table["p.product_id"]).as_py() == 4070
    assert pc.count_distinct(table["p.Country"]).as_py() == 38
    again = import_files(shop, data_folder("uci_online_retail") / "online_retail.parquet")
    assert (again.stored, again.duplicates) == (0, 541_909)


def test_a_synthetic_shop_with_planted_stories(shop: Store) -> None:
    report = import_files(shop, data_folder("retentioneering_ecom") / "ecom.csv.gz")
    assert (report.stored, report.nobody) == (31_106, 0)
    table = rows(shop)
    assert pc.count_distinct(table["user_id"]).as_py() == 600
    assert pc.count_distinct(table["session_id"]).as_py() == 3605
    names = {pair["values"]: pair["counts"] for pair in table["raw_event"].value_counts().to_pylist()}
    assert (names["purchase"], names["add_to_cart"], len(names)) == (470, 1346, 19)
    assert {"p.platform", "p.acquisition_channel", "p.user_cohort"} <= set(table.column_names)


def test_clicks_without_event_names_need_one_constant(shop: Store) -> None:
    from afterclick.collect import columnmap
    from afterclick.collect.importer import plan
    from afterclick.core.errors import InputError

    path = data_folder("yoochoose_100k") / "yoochoose-clicks-100k_test.txt.gz"
    with pytest.raises(InputError, match="event name") as caught:
        plan(path)
    assert "[constants]" in caught.value.hint
    made = columnmap.from_dict(
        {
            "columns": {"anonymous_id": "SessionId", "occurred_at": "Time", "product_id": "ItemId"},
            "constants": {"event": "Product Viewed"},
        }
    )
    report = import_files(shop, path, map=made)
    assert (report.stored, report.map.time_unit) == (13_568, "s")
    table = rows(shop)
    assert pc.count_distinct(table["anonymous_id"]).as_py() + len(report.placeholders) == 3416
    assert pc.count_distinct(table["p.product_id"]).as_py() == 1771
