"""Retention of real exports equals what was counted by hand from the same files (data/README.md)."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

import afterclick
from afterclick import Retention
from support.development_data import data_folder

pytestmark = pytest.mark.real
DAY = 86_400_000_000
INSTALL = 1_767_225_600_000_000

COHORTS = {
    "2010-12": "885 324 286 340 321 352 321 309 313 350 331 445 235",
    "2011-01": "417 92 111 96 134 120 103 101 125 136 152 49",
    "2011-02": "380 71 71 108 103 94 96 106 94 116 26",
    "2011-03": "452 68 114 90 101 76 121 104 126 39",
    "2011-04": "300 64 61 63 59 68 65 78 22",
    "2011-05": "284 54 49 49 59 66 75 27",
    "2011-06": "242 42 38 64 56 81 23",
    "2011-07": "188 34 39 42 51 21",
    "2011-08": "169 35 42 41 21",
    "2011-09": "299 70 90 34",
    "2011-10": "358 86 41",
    "2011-11": "323 36",
    "2011-12": "41",
}
"""Customers by the month of their first purchase, and how many of them bought in each later month."""


def test_monthly_cohorts_of_online_retail(tmp_path):
    with afterclick.open(tmp_path / "retail", write=True, create=True) as retail:
        retail.import_files(data_folder("uci_online_retail"))
        bought = "Order Completed[revenue > 0]"
        result = retail.ask(Retention(start=bought, interval="month", range="all", compare="none"))
        found: dict[str, list[int]] = {}
        for cell in result.parts["cohorts"].to_pylist():
            found.setdefault(cell["cohort"][:7], []).append(cell["returned"])
            assert cell["incomplete"] == (_month(cell["cohort"]) + int(cell["period"]) == _month("2011-12"))
        assert found == {month: [int(count) for count in counts.split()] for month, counts in COHORTS.items()}
        assert result.figures["started"] == 4_338
        assert len(result.people("cohort=2010-12-01;period=11")) == 445
        again = retail.ask(Retention(start=bought, interval="month", range="all", compare="none", cohort="recurring"))
        assert again.parts["cohorts"]["returned"].to_pylist()[0] == 885


def _month(day):
    return int(day[:4]) * 12 + int(day[5:7])


def test_day_1_and_day_7_of_cookie_cats(tmp_path):
    """The file says of each player whether they came back on day 1 and on day 7: that is three events at most."""
    players = csv.read_csv(data_folder("cookie_cats") / "cookie_cats.csv.gz")
    parts = []
    for event, day, column in (("Install", 0, None), ("Played", 1, "retention_1"), ("Played", 7, "retention_7")):
        rows = players if column is None else players.filter(players[column])
        count = rows.num_rows
        parts.append(
            pa.table(
                {
                    # The bare number of one player is a digit repeated, which by itself names nobody.
                    "anonymous_id": pc.binary_join_element_wise("player", pc.cast(rows["userid"], pa.string()), "-"),
                    "event": pa.array([event] * count),
                    "timestamp": pa.array([INSTALL + day * DAY] * count, pa.timestamp("us", "UTC")),
                    "version": rows["version"],
                }
            )
        )
    clock = {"anonymous_id": ["clock"], "event": ["Tick"], "version": [""]}
    parts.append(pa.table(clock | {"timestamp": pa.array([INSTALL + 9 * DAY], pa.timestamp("us", "UTC"))}))
    pq.write_table(pa.concat_tables(part.select(parts[0].column_names) for part in parts), tmp_path / "events.parquet")
    with afterclick.open(tmp_path / "store", write=True, create=True) as game:
        assert game.import_files(tmp_path / "events.parquet").rejected == 0
        asked = Retention(
            start="Install", back="Played", by="version", periods=7, range="2026-01-01..2026-01-01", compare="none"
        )
        result = game.ask(asked)
    rows = {(row["group"], row["period"]): row for row in result.parts["breakdown"].to_pylist()}
    expected = {
        ("gate_30", "1"): (20_034, 44_700, 0.448188), ("gate_30", "7"): (8_502, 44_700, 0.190201),
        ("gate_40", "1"): (20_119, 45_489, 0.442283), ("gate_40", "7"): (8_279, 45_489, 0.182000),
    }  # fmt: skip
    for cell, (returned, players_of, rate) in expected.items():
        row = rows[cell]
        assert (row["returned"], row["base"], round(row["retained_rate"], 6)) == (returned, players_of, rate)
        assert row["low_rate"] < rate < row["high_rate"]
        assert row["high_rate"] - row["low_rate"] < 0.01
    assert {row["returned"] for (_, period), row in rows.items() if period not in ("1", "7")} == {0}
