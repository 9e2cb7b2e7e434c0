"""Reconcile is clean where the reports are right, and a planted fault makes it fail with the day and the key named."""

from __future__ import annotations

import dataclasses
import tempfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import afterclick
from afterclick import Kpi, Reconcile
from afterclick.analyse import channels, kpi, landing, map_reading, measures, orders, sessions
from afterclick.analyse.attribution import reading as attribution
from afterclick.analyse.paths import columns
from afterclick.analyse.retention import lifecycle
from afterclick.core import spans
from afterclick.core.event import Event
from afterclick.learn.value import rfm
from afterclick.observe.reconcile.line import Line, judge
from afterclick.surfaces.cli.main import group
from support.demo_store import folder
from support.shop import DAY0, Shop

SETTINGS = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def shop_of(path: Path, **definitions):
    """Five visitors over a week: two orders of one of them, a refund, an order sent twice."""
    made = Shop()
    for day in range(5):
        made.add(f"v{day}", f"{day}d1h", "Page Viewed", url="https://shop.example/?utm_source=naver&utm_medium=cpc")
        made.add(f"v{day}", f"{day}d1h5m", "Product Added", url="https://shop.example/cart")
        made.add("v0", f"{day}d9h", "Page Viewed", url="https://shop.example/")
    made.add("v0", "1d9h1m", "Order Completed", order_id="o1", revenue=100)
    made.add("v0", "2d9h1m", "Order Completed", order_id="o2", revenue=50)
    made.add("v0", "2d9h2m", "Order Completed", order_id="o2", revenue=60)
    made.add("v0", "3d9h1m", "Order Refunded", order_id="o1", revenue=30)
    return made.open(path / "store", **definitions)


def failed(shop, **scope):
    """Per failed line (day, key, difference)."""
    result = shop.ask(Reconcile(**scope))
    return result, {
        row["line"]: (row["day"], row["key"], row["difference"])
        for row in result.frame.to_pylist()
        if row["status"] == "failed"
    }


def test_reconcile_is_clean_on_a_small_shop_and_on_the_demo(tmp_path):
    with shop_of(tmp_path) as shop:
        result, found = failed(shop)
        assert found == {}
        assert result.figures["ok"] == result.figures["lines"] - result.figures["unchecked"] > 20
        assert result.sentence() == f"Every report agrees: {result.figures['ok']} equations hold"
        by_line = {row["line"]: row for row in result.frame.to_pylist()}
        assert by_line["revenue"]["left"] == by_line["revenue"]["right"] == Decimal(130)
        assert by_line["sessions"]["right"] == 10
        assert by_line["order_lines"]["status"] == "unchecked"
        assert by_line["order_lines"]["left"] is None
        assert by_line["order_lines"]["reason"] == "no_order_lines"
    with afterclick.open(folder()) as demo:
        for scope in ({}, {"range": "7d", "identity": "raw", "bots": "in", "where": ('channel == "direct"',)}):
            assert failed(demo, **scope)[1] == {}, scope


def test_page_views_without_an_address_reconcile_too(tmp_path):
    made = Shop().add("a", "0d1h", "Page Viewed").add("a", "0d2h", "Product Added").add("b", "0d1h", "Product Added")
    with made.add("c", "0d1h", "Page Viewed", url="https://shop.example/x").open(tmp_path / "store") as shop:
        result, broken = failed(shop)
        assert broken == {}
        assert result.figures["failed"] == 0


def test_a_double_counted_order_is_named_with_its_day_and_id(tmp_path):
    """A store row is patched: the order sent twice loses its id in the projection, so that it counts twice."""
    with shop_of(tmp_path) as shop:
        piece = shop.store.snapshot().pieces[0]
        code = piece.columns["order"].copy()
        again = [row for row in np.flatnonzero(code >= 0) if piece.columns["amount"][row] == 500_000]
        code[again] = -1
        piece.columns["order"] = code
        result, found = failed(shop)
        assert found["orders"] == (date(2026, 1, 3), "000016", 1)
        assert found["revenue"][0] == date(2026, 1, 3)
        assert found["revenue"][2] == 50
        assert {"gross", "channel_revenue", "every_orders", "every_revenue"} <= set(found)
        assert "sessions" not in found
        assert result.figures["failed"] == len(found)
        assert "3 January 2026" in result.sentence() or "3 Jan 2026" in result.sentence()
        assert "갈라집니다" in result.sentence("ko")


def test_an_order_counted_twice_by_the_reports_is_named(tmp_path, monkeypatch):
    count = orders._counted_once

    def twice(row, visitor, code, refund):
        keep, replaced, conflicts, sold = count(row, visitor, code, refund)
        keep[:] = True
        return keep, replaced, conflicts, sold

    monkeypatch.setattr(orders, "_counted_once", twice)
    with shop_of(tmp_path) as shop:
        found = failed(shop)[1]
        assert found["orders"] == (date(2026, 1, 3), "o2", 1)
        assert found["every_orders"][1] == "channels"


def test_a_session_report_that_drops_one_is_named_with_its_visitor(tmp_path, monkeypatch):
    ids = measures.Measures.__dict__["session_ids"].func
    monkeypatch.setattr(measures.Measures, "session_ids", property(lambda self: ids(self)[:-1]))
    with shop_of(tmp_path) as shop:
        result, found = failed(shop)
        day, key, difference = found["sessions"]
        assert (day, difference) == (date(2026, 1, 1), -1)
        # On the first day by itself the last session is v0's second one.
        assert key == "a:v0"
        assert {"channels", "landings", "exits"} <= set(found)
        assert len(result.people("line=sessions")) == 1


def test_a_session_cut_that_forgets_the_campaign_is_named(tmp_path, monkeypatch):
    cut = sessions._cut
    monkeypatch.setattr(
        sessions,
        "_cut",
        lambda context, question, as_of: cut(
            context, msgspec.structs.replace(question, new_on_campaign="off"), as_of
        ),
    )
    made = Shop()
    made.add("v1", "0", "Page Viewed", url="https://shop.example/?utm_source=x")
    made.add("v1", "1d", "Page Viewed", url="https://shop.example/?utm_source=x")
    made.add("v1", "1d6m", "Page Viewed", url="https://shop.example/?utm_source=y")
    with made.open(tmp_path / "store") as shop:
        found = failed(shop)[1]
        assert found["sessions"] == (date(2026, 1, 2), "a:v1", -1)


@pytest.mark.parametrize(
    ("module", "name", "spoil", "line", "key"),
    [
        (channels, "_rows", lambda made: (made[0][1:], made[1]), "channels", "direct"),
        (landing.Table, "ends", lambda rows: rows[:-1], "landings", "/"),
        (kpi, "figures_of", lambda made: made | {"visitors": made["visitors"] + 1}, "visitors", ""),
        (kpi, "figures_of", lambda made: made | {"revenue": made["revenue"] + 1}, "revenue", ""),
        (map_reading, "_parts", lambda made: made | {"lost": made["lost"] + 1}, "stage_parts", "Attract"),
    ],
)
def test_a_report_that_says_another_number_is_named(tmp_path, monkeypatch, module, name, spoil, line, key):
    original = getattr(module, name)
    monkeypatch.setattr(module, name, lambda *args: spoil(original(*args)))
    with shop_of(tmp_path) as shop:
        found = failed(shop)[1]
        assert line in found
        assert found[line][1] == key
        assert found[line][0] is not None


@pytest.mark.parametrize(
    ("module", "name", "spoil", "line", "key"),
    [
        # A path report that prunes: the others of each column, and then a whole node.
        (columns.Columns, "rows", lambda rows: [row for row in rows if row["type"] != "left"], "path_sessions", "2"),
        (columns.Columns, "rows", lambda rows: rows[1:], "path_visitors", "0"),
        (columns.Columns, "links", lambda rows: rows[1:], "path_links", "0 "),
        (lifecycle._Table, "rows", lambda rows: [row | {"new": 0} for row in rows], "lifecycle_now", "2026-01-01"),
        (attribution, "_rows", lambda made: (made[0][1:], made[1]), "credits", ""),
        (rfm.Scored, "cells", lambda rows: [row for row in rows if not row["customers"]], "rfm_customers", ""),
    ],
)
def test_a_report_that_prunes_is_named(tmp_path, monkeypatch, module, name, spoil, line, key):
    original = getattr(module, name)
    monkeypatch.setattr(module, name, lambda *args: spoil(original(*args)))
    with shop_of(tmp_path) as shop:
        found = failed(shop)[1]
        assert line in found
        assert found[line][1].startswith(key)
        assert found[line][0] is not None


def test_rows_that_an_import_lost_are_named_with_the_import(tmp_path):
    with shop_of(tmp_path) as shop:
        entry = shop.store.snapshot().manifest.entries[0]
        spoiled = msgspec.structs.replace(entry, counts={**entry.counts, "read": entry.counts["read"] + 2})
        snapshot = shop.store.snapshot()
        snapshot.manifest = dataclasses.replace(snapshot.manifest, entries=(spoiled,))
        assert failed(shop)[1]["received"][1:] == (entry.id, 2)


def test_the_command_fails_where_a_line_fails(tmp_path, monkeypatch):
    with shop_of(tmp_path):
        pass
    words = ["reconcile", "--store", str(tmp_path / "store"), "--lang", "en"]
    good = CliRunner().invoke(group, words)
    assert good.exit_code == 0
    assert "Every report agrees" in good.stdout
    assert "✓ holds" in good.stdout
    figures_of = kpi.figures_of
    monkeypatch.setattr(kpi, "figures_of", lambda spent: (made := figures_of(spent)) | {"orders": made["orders"] + 1})
    for form in ("table", "json"):
        bad = CliRunner().invoke(group, [*words, "--format", form])
        assert bad.exit_code == 1
        assert "parts on" in bad.stdout


def test_mixed_currencies_leave_money_unchecked_and_say_so(tmp_path):
    made = Shop()
    made.add("v1", "0", "Order Completed", order_id="1", revenue=1, currency="KRW")
    made.add("v1", "1h", "Order Completed", order_id="2", revenue=1, currency="USD")
    with made.open(tmp_path / "store") as shop:
        result = shop.ask(Reconcile())
        rows = {row["line"]: row for row in result.frame.to_pylist()}
        assert rows["revenue"]["reason"] == "mixed_currencies"
        assert rows["orders"]["status"] == "ok"
        assert "reconcile_mixed_currencies" in [note.code for note in result.notes]


def test_of_two_orders_at_one_instant_the_one_of_the_lower_event_id_stays(tmp_path):
    """Their ids differ only after eight bytes, and the other visitor's row lies before in the store."""
    made = Shop()
    made.add("a", "1h", "Order Completed", order_id="o1", revenue=2, event_id="same-first-bytes-2")
    made.add("z", "1h", "Order Completed", order_id="o1", revenue=1, event_id="same-first-bytes-1")
    with made.open(tmp_path / "store") as shop:
        assert shop.ask(Kpi(range="all")).figures["revenue"] == 1
        assert failed(shop)[1] == {}


def test_sides_that_part_only_over_several_days_are_named_without_a_day():
    days = date(2026, 1, 1), date(2026, 1, 9)
    line = Line(code="x", number=1, left=lambda found: {"a": found == days}, right=lambda _: {})
    verdict = judge(line, days)
    assert verdict.status == "failed"
    assert (verdict.parting.day, verdict.parting.key) == (None, "a")


row = st.tuples(
    st.sampled_from(["d1", "d2", "d3"]),
    st.integers(0, 200),
    st.sampled_from(["Page Viewed", "Product Added", "Order Completed", "Order Refunded", "Signed Up", "Identified"]),
    st.sampled_from(["", "?utm_source=x", "?utm_source=y&utm_medium=cpc", "?gclid=1"]),
    st.sampled_from(["", "", "https://search.naver.com/", "https://shop.example/"]),
    st.booleans(),
)


def event_of(number, line):
    device, quarters, name, query, referrer, known = line
    sale = name.startswith("Order")
    kind = "identify" if name == "Identified" else "track"
    return Event(
        event_id=f"same-first-bytes-{number:04d}", event=name, raw_event=name, type=kind,
        occurred_at=DAY0 + quarters * 15 * spans.MINUTE, anonymous_id=device, user_id="u1" if known else None,
        url=f"https://shop.example/p{number % 3}{query}" if not sale else None, referrer=referrer or None if not sale else None,
        order_id=f"o{number % 4}" if sale and number % 5 else None, amount=10_000 * (number + 1) if sale else None,
    )  # fmt: skip


@SETTINGS
@given(
    st.lists(row, min_size=1, max_size=40),
    st.sampled_from(["stitched", "raw"]),
    st.sampled_from(
        [
            {}, {"new_on_midnight": "on"}, {"max_length": "2h"}, {"new_on_referrer": "on"}, {"timeout": "20m"},
            {"range": "1d"}, {"range": "2026-01-02..2026-01-02"}, {"where": ('channel == "direct"',)},
            {"where": ('event == "Page Viewed"',)},
        ]
    ),
)  # fmt: skip
def test_law_any_log_reconciles_under_any_options(lines, identity, options):
    events = [event_of(number, line) for number, line in enumerate(lines)]
    with (
        tempfile.TemporaryDirectory() as place,
        afterclick.open(Path(place) / "store", write=True, create=True) as shop,
    ):
        shop.define(own_domains=["shop.example"], timezone="Asia/Seoul")
        shop.append(events[::2])
        shop.append(events[1::2])
        result, found = failed(shop, identity=identity, **options)
        assert found == {}
        told = shop.ask(Kpi(**{"range": "all", "compare": "none", "identity": identity, **options})).figures
        rows = {line["line"]: line for line in result.frame.to_pylist()}
        assert rows["sessions"]["right"] == told["sessions"]
        assert rows["revenue"]["right"] == told["revenue"]
