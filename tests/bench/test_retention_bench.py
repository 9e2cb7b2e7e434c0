"""The bench of retention compares equal things: every way to ask DuckDB counts what is counted here."""

from __future__ import annotations

import json

import duckdb
import pytest

import afterclick
from afterclick.analyse.context import Context
from afterclick.app import questions
from afterclick.app.bench import retention, retention_side
from support import demo_store


@pytest.fixture(scope="module")
def snapshot():
    with afterclick.open(demo_store.folder()) as shop:
        yield shop.store.snapshot()


def test_every_way_to_ask_gives_the_same_counts(snapshot, tmp_path):
    given = retention._handed_over(snapshot, tmp_path)
    ours = questions.answer(retention.ASKED, Context(snapshot))
    for form, text in retention.FORMS.items():
        with duckdb.connect() as connection:
            connection.read_parquet(str(given.rows)).create("events")
            values = {"event": given.steps[0], "shift": given.within, "periods": retention.PERIODS}
            counts = connection.execute(text, values).fetchall()
        assert counts[0][1] > 500, form
        assert retention.agreement(ours, counts) == "equal counts in every period", form
    wrong = [(0, counts[0][1] + 1), *counts[1:]]
    assert retention.agreement(ours, wrong).startswith("counts differ: ")


def test_without_chdb_its_row_says_so_and_the_others_are_measured(snapshot, tmp_path):
    told = []
    rows = retention.retention_rows(snapshot, tmp_path, None, 1, told.append)
    assert told == ["retention"]
    assert [row.against.split(",")[0] for row in rows] == ["bare scan of device", "ClickHouse", "DuckDB"]
    assert [row.ratio is None for row in rows] == [False, True, False]
    assert (rows[1].note, rows[1].holds) == ("not installed", None)
    assert "equal counts in every period" in rows[2].note


class Session:
    """Answers as chdb does, the second table the quickest."""

    def __init__(self):
        self.asked = []

    def query(self, sql, form, params):
        self.asked.append((sql, form, params))
        return json.dumps({"data": [[0, 7], [1, 2]]})


def test_the_other_side_hands_over_its_counts():
    session = Session()
    job = {"event": 3, "shift": 32_400_000_000, "periods": 30}
    seconds, counts = retention_side.answered(session, job, "t1", next(iter(retention_side.FORMS)))
    assert (counts, seconds >= 0) == ([[0, 7], [1, 2]], True)
    [(_, form, params)] = session.asked
    assert (form, params) == ("JSONCompact", {"table": "t1", **job})
