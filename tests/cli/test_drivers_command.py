"""Drivers on the command line of a real store, in both languages."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from afterclick.surfaces.cli.main import group
from support.shop import Shop


@pytest.fixture
def store(tmp_path: Path) -> str:
    shop = Shop()
    for number in range(120):
        shop.add(f"v{number}", "0m", "A")
        if number < 60:
            shop.add(f"v{number}", "5m", "Look")
        if number < 50 or 60 <= number < 80:
            shop.add(f"v{number}", "2h", "B")
    shop.add("clock", "25d", "Noon")
    shop.open(tmp_path / "store").close()
    return str(tmp_path / "store")


def ask(store: str, *words: str) -> str:
    got = CliRunner().invoke(group, ["drivers", "A", "B", "--range", "all", "--store", store, *words])
    assert got.exit_code == 0, got.output
    return got.stdout


def test_table_in_both_languages(store: str) -> None:
    english, korean = ask(store, "--lang", "en"), ask(store, "--lang", "ko")
    assert english.startswith("Visitors with “Look” in the 30 min after A were 2.5 times as likely to go on to B: 83.3%")
    assert "▲ goes on" in english
    assert "only an experiment can tell" in english
    assert "Look" in korean
    assert "▲ 진행" in korean
    assert "2.5배" in korean


def test_json_csv_and_people(store: str) -> None:
    found = json.loads(ask(store, "--format", "json"))
    assert found["figures"]["went_on"] == 70
    row = found["data"][0]
    assert (row["behaviour"], row["with_n"], row["with_went_on"], row["without_n"]) == ("Look", 60, 50, 60)
    lines = list(csv.DictReader(io.StringIO(ask(store, "--format", "csv"))))
    assert [line["behaviour"] for line in lines] == ["Look"]
    cell = "type=event;behaviour=Look;part=with_did_not"
    assert json.loads(ask(store, "--people", cell, "--format", "json"))["count"] == 10
