"""Questions over real exports give the figures counted by hand from the same files."""

from __future__ import annotations

from decimal import Decimal

import pytest

import afterclick
from afterclick import Barriers, Funnel, JourneyMap, Kpi
from support.development_data import data_folder

pytestmark = pytest.mark.real
ALL = {"range": "all", "compare": "none"}
STEPS = ("page_viewed", "product_added_to_cart", "checkout_started", "checkout_completed")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with afterclick.open(tmp_path_factory.mktemp("puffy") / "store", write=True, create=True) as opened:
        report = opened.import_files(data_folder("puffy_d2c_events"))
        assert (report.read, report.nobody, report.rejected, report.duplicates) == (24_631, 241, 0, 0)
        assert report.renamed == ("client_id → clientId",)
        yield opened


@pytest.fixture(scope="module")
def retail(tmp_path_factory):
    with afterclick.open(tmp_path_factory.mktemp("retail") / "store", write=True, create=True) as opened:
        assert opened.import_files(data_folder("uci_online_retail")).stored == 541_909
        yield opened


@pytest.fixture(scope="module")
def ecom(tmp_path_factory):
    with afterclick.open(tmp_path_factory.mktemp("ecom") / "store", write=True, create=True) as opened:
        assert opened.import_files(data_folder("retentioneering_ecom")).stored == 31_106
        yield opened


@pytest.mark.parametrize(
    ("identity", "bots", "counts", "funnel"),
    [
        ("raw", "in", (18_685, 19_999, 17_751), [17_962, 357, 76, 55]),
        ("stitched", "in", (18_677, 19_996, 17_751), [17_954, 352, 74, 53]),
        ("stitched", "out", (15_769, 17_031, 14_795), [15_047, 352, 74, 53]),
    ],
)
def test_visitors_sessions_and_the_funnel(shop, identity, bots, counts, funnel):
    scope = {"identity": identity, "bots": bots, **ALL}
    figures = shop.ask(Kpi(new_on_campaign="off", **scope)).figures
    assert (figures["visitors"], figures["sessions"], figures["single_event_sessions"]) == counts
    result = shop.ask(Funnel(steps=STEPS, within="7d", **scope))
    assert [row["n"] for row in result.frame.to_pylist()] == funnel
    canonical = ("Page Viewed", "Product Added", "Checkout Started", "Order Completed")
    assert shop.ask(Funnel(steps=canonical, within="7d", **scope)).frame["n"].to_pylist() == funnel
    assert len(result.people("step=4;part=reached")) == funnel[3]


def test_orders_and_their_conflicts(shop):
    figures = shop.ask(Kpi(identity="raw", bots="in", **ALL)).figures
    assert (figures["completion_events"], figures["completion_amount"]) == (147, Decimal("148037.60"))
    assert (figures["orders"], figures["revenue"]) == (144, Decimal("142919.60"))
    found = {row["check"]: row for row in shop.doctor().frame.to_pylist()}
    assert found["order_conflicts"]["count"] == 3
    assert "ORD-20250226-400" in found["order_conflicts"]["examples"]
    assert found["zero_revenue"]["count"] == 4
    assert found["adds_without_view"]["count"] > 0
    assert found["nobody"]["count"] == 241


def test_the_map_within_a_day(shop):
    result = shop.ask(JourneyMap(identity="raw", bots="in", within="1d", **ALL))
    rows = result.frame.to_pylist()
    assert [row["highest"] for row in rows] == [17_149, 249, 1_146, 141]
    attract = rows[0]
    assert (attract["entered"], attract["onward"], attract["open"], attract["lost"]) == (17_962, 479, 2_370, 15_113)
    assert result.figures["none"] == 0
    for part in ("onward", "open", "lost"):
        assert len(result.people(f"stage=Attract;part={part}")) == attract[part]


def test_the_same_files_again_add_nothing(shop):
    before = shop.info()["rows"]
    report = shop.import_files(data_folder("puffy_d2c_events"))
    assert (report.stored, report.duplicates) == (0, 24_631)
    assert shop.info()["rows"] == before


def test_invoices_cancellations_and_their_sum(retail):
    result = retail.ask(Kpi(**ALL))
    figures = result.figures
    assert (figures["orders"], figures["gross"]) == (22_064, Decimal("10644560.424"))
    assert (figures["refunds"], figures["revenue"]) == (Decimal("896812.49"), Decimal("9747747.934"))
    assert (figures["visitors"], figures["buyers"]) == (4_372, 4_339)
    journey = retail.ask(JourneyMap(**ALL))
    note = next(note for note in journey.notes if note.code == "stages_without_events")
    assert "Attract, Convert, Close" in note.say("en")
    assert journey.figures["none"] == 4_372 - 4_339


LONG = ("home", "product_view", "add_to_cart", "cart", "shipping_details", "payment_details", "purchase")
SHORT = ("product_view", "add_to_cart", "purchase")


@pytest.mark.parametrize(
    ("steps", "within", "counts"),
    [
        (LONG, "999d", [586, 581, 480, 382, 292, 194, 97]),
        (LONG, "14d", [586, 572, 383, 247, 133, 67, 28]),
        (LONG, "1d", [586, 560, 307, 169, 72, 22, 2]),
        (LONG, "30m", [586, 558, 294, 152, 52, 15, 1]),
        (SHORT, "999d", [598, 517, 290]),
        (SHORT, "14d", [598, 493, 244]),
        (SHORT, "1h", [598, 480, 207]),
    ],
)
def test_funnels_of_the_example_shop_of_a_peer(ecom, steps, within, counts):
    assert ecom.ask(Funnel(steps=steps, within=within, **ALL)).frame["n"].to_pylist() == counts


def test_sessions_of_the_example_shop_of_a_peer(ecom):
    figures = ecom.ask(Kpi(**ALL)).figures
    assert (figures["visitors"], figures["sessions"], figures["single_event_sessions"]) == (600, 3_605, 231)
    by_sdk = ecom.ask(Kpi(session_source="sdk", **ALL)).figures
    assert by_sdk["sessions"] == 3_605


def test_a_shop_with_53_buyers_names_no_barrier_and_says_so(shop):
    found = shop.ask(Barriers(**ALL))
    assert found.figures["barriers"] == 0
    assert "No barrier found" in found.sentence()
    rows = found.frame.to_pylist()
    assert rows, "some landing pages have enough visits to be compared"
    for row in rows:
        assert row["rank"] is None
        assert row["at_risk_low"] <= row["at_risk"] <= row["at_risk_high"]
        for part, count in (("met", row["visitors"]), ("went_on", row["went_on"]), ("lost", row["lost"])):
            assert len(found.people(f"barrier={row['key']};part={part}")) == count
    mapped = shop.ask(JourneyMap(**ALL))
    assert (mapped.parts["barriers"].num_rows, mapped.figures["at_risk"]) == (0, 0)
    assert "no_barrier" in {note.code for note in mapped.notes}


def test_order_lines_alone_have_nothing_to_meet_on_the_way(retail):
    found = retail.ask(Barriers(**ALL))
    assert found.figures["barriers"] == 0
    assert "nothing was met" in found.sentence()
    codes = {note.code for note in retail.ask(JourneyMap(**ALL)).notes}
    assert {"stages_without_events", "no_barrier"} <= codes
