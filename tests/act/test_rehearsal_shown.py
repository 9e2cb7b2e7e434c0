"""What a dry run of a journey says of its messages on the command line, and of whom it is when not everybody walked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import afterclick
from afterclick.act.rehearsal import walking
from afterclick.act.rehearsal.question import Backtest
from afterclick.core import clock, i18n
from afterclick.core.event import Event
from afterclick.surfaces.cli import journey_messages
from afterclick.surfaces.cli.main import group
from support.histories import START, D, store_of

WELCOME = {
    "name": "Welcome", "entry": {"event": "View"}, "again": "never",
    "steps": [
        {"wait": {"span": "2h"}},
        {"send": {"channel": "onsite", "cost": 2.0, "show": {"words": [{"title": "Hello"}]}}},
        {"branch": {"when": "visitor.orders >= 0", "then": [{"send": {"channel": "email", "words": [{"title": "Hello"}]}}]}},
    ],
}  # fmt: skip
EVERYBODY = 5


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    """Five visitors who would have entered; each gets the message on the site, none agreed to e-mails."""
    told = [
        Event(event_id=f"e{n}", event="View", occurred_at=START + n, anonymous_id=f"v{n}") for n in range(EVERYBODY)
    ]
    told.append(Event(event_id="last", event="Tried", occurred_at=START + 2 * D, anonymous_id="another"))
    with store_of(tmp_path / "s", told, journeys=[WELCOME]) as shop, clock.held_at(START + 5 * D):
        yield shop.store.path


def row(text: str, heading: str, place: str) -> list[str]:
    (line,) = [line for line in text[text.index(heading) :].splitlines() if line.split()[:1] == [place]]
    return line.split()


@pytest.mark.parametrize(
    ("lang", "heading", "onsite", "why"),
    [("en", "Messages by step", ["the", "site", "5", "0", "0", "₩10"], "has not agreed to advertising 5"),
     ("ko", "단계별 메시지", ["사이트", "5", "0", "0", "10원"], "광고 수신에 동의하지 않음 5")],
)  # fmt: skip
def test_the_command_line_shows_messages_by_step(store: Path, lang: str, heading: str, onsite: list[str], why: str) -> None:
    asked = ["backtest", "--journey", "Welcome", "--range", "all", "--store", str(store), "--lang", lang]
    answer = CliRunner().invoke(group, asked)
    assert answer.exit_code == 0, answer.output
    text = answer.stdout
    assert heading in text
    assert row(text, heading, "1")[1:] == onsite
    assert why in " ".join(row(text, heading, "2.then.0"))
    answer = CliRunner().invoke(group, ["journeys", "test", "Welcome", *asked[3:]])
    assert answer.exit_code == 0, answer.output
    assert i18n.text(lang, "automations.bt_step") in answer.stdout
    assert why in answer.stdout


def test_of_a_rule_there_are_no_messages_by_step(store: Path) -> None:
    words = ["backtest", "--rule", 'count("View") >= 1', "--range", "all", "--store", str(store), "--lang", "en"]
    answer = CliRunner().invoke(group, words)
    assert answer.exit_code == 0, answer.output
    assert "Messages by step" not in answer.stdout


def test_where_not_everybody_walked_it_says_of_whom_the_figures_are(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with afterclick.open(store) as shop:
        whole = shop.ask(Backtest(journey="Welcome", range="all"))
        assert (whole.figures["sent"], whole.figures["visitors"]) == (EVERYBODY, EVERYBODY)
        assert "backtest_sample" not in [note.code for note in whole.notes]
    monkeypatch.setattr(walking, "MOST", 2)
    with afterclick.open(store) as shop:
        some = shop.ask(Backtest(journey="Welcome", range="all"))
    assert (some.figures["sent"], some.figures["visitors"]) == (2, EVERYBODY)
    (note,) = [note for note in some.notes if note.code == "backtest_sample"]
    for lang, scaled in (("en", "not scaled up"), ("ko", "전체로 환산하지 않았습니다")):
        said = note.say(lang)
        assert "2" in said
        assert "5" in said
        assert scaled in said
        assert "5" in some.sentence(lang)


def test_steps_stand_in_their_order() -> None:
    places = ["10", "2.then.0", "2", "9", "2.otherwise.0", "2.then.10", "2.then.9"]
    ordered = ["2", "2.otherwise.0", "2.then.0", "2.then.9", "2.then.10", "9", "10"]
    assert sorted(places, key=journey_messages._order) == ordered
