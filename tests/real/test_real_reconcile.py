"""Real exports reconcile: every report agrees with the rows counted a second time."""

from __future__ import annotations

import pytest

import afterclick
from afterclick import Reconcile
from support.development_data import data_folder

pytestmark = pytest.mark.real


@pytest.mark.parametrize(
    ("name", "scopes", "unchecked"),
    [
        (
            "puffy_d2c_events",
            [{}, {"identity": "raw", "bots": "in"}, {"where": ('channel == "paid_search"',)}],
            {"order_lines"},
        ),
        ("uci_online_retail", [{}, {"range": "2011-01-01..2011-03-31"}], set()),
    ],
)
def test_a_real_export_reconciles(tmp_path, name, scopes, unchecked):
    with afterclick.open(tmp_path / "store", write=True, create=True) as shop:
        shop.import_files(data_folder(name))
        for scope in scopes:
            rows = shop.ask(Reconcile(**scope)).frame.to_pylist()
            assert {row["line"] for row in rows if row["status"] == "unchecked"} <= unchecked
            assert [row for row in rows if row["status"] == "failed"] == []
            assert sum(row["left"] or 0 for row in rows) > 1_000
