"""Retention and its sisters on the command line of a real store, in both languages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import afterclick
from afterclick import Retention
from afterclick.surfaces.cli.main import group
from support.shop import Shop


@pytest.fixture
def store(tmp_path: Path) -> str:
    shop = Shop()
    for number in range(30):
        shop.add(f"v{number}", f"{number % 3}d", "Active")
        if number % 2:
            shop.add(f"v{number}", f"{number % 3 + 1}d", "Active")
    shop.add("clock", "9d", "Noon")
    shop.open(tmp_path / "store").close()
    return str(tmp_path / "store")


def ask(command: str, store: str, *words: str) -> str:
    got = CliRunner().invoke(group, [command, "--range", "all", "--store", store, *words])
    assert got.exit_code == 0, got.output
    return got.stdout


def test_the_finding_and_the_curve_in_both_languages(store: str) -> None:
    english = ask("retention", store, "--start", "Active", "--lang", "en")
    assert english.startswith("Retention at day 1 is 50.0%: 15 of 30 visitors came back")
    assert "/retention?" in english
    assert "95" not in english.splitlines()[0]
    korean = ask("retention", store, "--start", "Active", "--lang", "ko")
    assert korean.startswith("1일 차 리텐션은 50.0%입니다")
    assert "리텐션" in korean


def test_options_are_the_fields_and_json_is_the_answer(store: str) -> None:
    words = (
        "--start",
        "Active",
        "--cohort",
        "recurring",
        "--count",
        "rolling",
        "--interval",
        "0,1-3",
        "--compare",
        "none",
    )
    found = json.loads(ask("retention", store, *words, "--format", "json"))
    with afterclick.open(store) as shop:
        asked = Retention(
            start="Active", cohort="recurring", count="rolling", interval="0,1-3", range="all", compare="none"
        )
        answer = json.loads(shop.ask(asked).to_json())
    assert {**found, "about": None} == {**answer, "about": None}
    assert found["about"]["visitors"] == 30


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("lifecycle", "came new or came back after a pause"), ("stickiness", "DAU/MAU"),
        ("onboarding", "name the events they should reach"),
    ],
)  # fmt: skip
def test_the_sisters_answer_too(store: str, command: str, words: str) -> None:
    assert words in ask(command, store, "--lang", "en").splitlines()[0]
    assert json.loads(ask(command, store, "--format", "json"))["spec"]["question"] == command


def test_a_wrong_word_is_answered_with_the_way_out(store: str) -> None:
    got = CliRunner().invoke(group, ["retention", "--interval", "3-1", "--store", store])
    assert got.exit_code == 2
    assert "the bracket '3-1' ends before it begins" in got.output
