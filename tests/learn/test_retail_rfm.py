"""Recency, frequency and money of a year of a wholesaler, imported as order lines: the scores counted by hand."""

from __future__ import annotations

from decimal import Decimal

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import afterclick
from afterclick import Repeat, Rfm
from support.development_data import data_folder

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def retail(tmp_path_factory):
    """The lines with a customer and a price that were not cancelled: 397,884 of them, 4,338 customers, 18,532 invoices."""
    folder = tmp_path_factory.mktemp("retail")
    table = pq.read_table(data_folder("uci_online_retail") / "online_retail.parquet")
    kept = pc.and_(
        pc.and_(pc.is_valid(table["CustomerID"]), pc.greater(table["UnitPrice"], 0)),
        pc.invert(pc.starts_with(table["InvoiceNo"].cast("string"), "C")),
    )
    pq.write_table(table.filter(kept), folder / "lines.parquet")
    with afterclick.open(folder / "store", write=True, create=True) as shop:
        assert shop.import_files([folder / "lines.parquet"]).stored == 397_884
        yield shop


def test_rfm_at_2011_12_10(retail):
    result = retail.ask(Rfm(as_of="2011-12-10"))
    assert (result.figures["customers"], result.figures["orders"]) == (4_338, 18_532)
    assert result.figures["revenue"] == Decimal("8911407.904")
    bands = {(row["of"], row["score"]): row["customers"] for row in result.parts["bands"].to_pylist()}
    truth = {
        "recency": [869, 889, 866, 888, 826], "frequency": [1493, 835, 508, 802, 700], "money": [868, 868, 867, 868, 867],
    }  # fmt: skip
    for of, counts in truth.items():
        assert [bands[of, score] for score in range(1, 6)] == counts
    cells = {(row["recency"], row["frequency"]): row for row in result.frame.to_pylist()}
    assert (cells[5, 5]["customers"], cells[5, 5]["revenue"]) == (367, Decimal("3873832.560"))
    assert sum(row["revenue"] for row in cells.values()) == result.figures["revenue"]
    assert len(result.people("R5F5")) == 367


def test_three_customers_by_hand(retail):
    """12346: 326 days, 1 invoice, 77,183.60: 1-1-5; 12347: 3 d, 7, 4,310: 5-5-5; 12348: 76 d, 4, 1,797.24: 2-4-4."""
    result = retail.ask(Rfm(as_of="2011-12-10"))
    for customer, (recency, frequency, money) in {"12346": (1, 1, 5), "12347": (5, 5, 5), "12348": (2, 4, 4)}.items():
        for of, score in (("recency", recency), ("frequency", frequency), ("money", money)):
            table = result.people(f"{of}={score}").table()
            [row] = [row for row in table.to_pylist() if row["visitor"].removeprefix("u:") in (customer, f"{customer}.0")]
            assert row["orders"] == {"12346": 1, "12347": 7, "12348": 4}[customer]
    bands = [row for row in result.parts["bands"].to_pylist() if row["of"] == "recency"]
    days = {row["score"]: (row["lowest"], row["highest"]) for row in bands}
    assert days[5][0] <= 3 <= days[5][1]
    assert days[2][0] <= 76 <= days[2][1]
    assert days[1][0] <= 326 <= days[1][1]


def test_who_ordered_once(retail):
    rows = retail.ask(Repeat(as_of="2011-12-10", most=2)).frame.to_pylist()
    assert rows[0]["customers"] == 4_338
    assert rows[0]["open"] == 1_493
    assert rows[1]["customers"] == 4_338 - 1_493
