"""Boards: saved cards asked anew, with goals; every change can be taken back; none changes an answer or its fingerprint."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

import afterclick
from afterclick import Boards, Kpi
from afterclick.core.errors import SpecError
from afterclick.store.documents import MOST_CARDS, Alert, Board, BoardCard, Goal
from afterclick.store.undo import KEPT
from afterclick.surfaces.cli.main import group
from support.shop import Shop


@pytest.fixture
def shop(tmp_path):
    made = Shop()
    for day in range(4):
        made.add(f"v{day % 2}", f"{day}d", "Page Viewed", url="https://shop.example/")
        made.add(f"v{day % 2}", f"{day}d1m", "Order Completed", order_id=f"o{day}", revenue=100)
    with made.open(tmp_path / "store", currency="KRW") as opened:
        yield opened


WEEK = Board(
    name="Week",
    text="Every Monday.",
    cards=(
        BoardCard(question="kpi?range=7d", figure="revenue", goal=Goal(value=300)),
        BoardCard(question="kpi?range=7d", figure="orders", goal=Goal(value=3, at="most"), title="Not too many"),
        BoardCard(question="channels", figure="data[channel=direct].sessions"),
        BoardCard(text="Only words."),
    ),
)


def test_a_board_says_each_finding_figure_and_goal(shop):
    shop.desk.put_board(WEEK)
    result = shop.ask(Boards(name="Week"))
    rows = result.frame.to_pylist()
    assert [(row["figure"], row["value"], row["reached"]) for row in rows[:3]] == [
        ("revenue", 400.0, True),
        ("orders", 4.0, False),
        ("data[channel=direct].sessions", 4.0, None),
    ]
    assert [row["unit"] for row in rows] == ["money", "count", "count", "count"]
    assert rows[0]["finding"] == shop.ask(Kpi(range="7d")).sentence()
    said = {(row["card"], row["lang"]): row["finding"] for row in result.parts["findings"].to_pylist()}
    assert said[1, "ko"] == shop.ask(Kpi(range="7d")).sentence("ko")
    assert result.sentence() == "1 of 2 goals reached, 4 cards"
    assert shop.ask(Boards()).frame.to_pylist()[0]["cards"] == 4


def test_a_card_is_the_answer_to_its_own_question(shop):
    shop.desk.put_board(WEEK)
    card, asked = shop.ask(Boards(name="Week", place=1)), shop.ask(Kpi(range="7d"))
    assert card.figures == asked.figures
    assert len(card.people("buyers")) == len(asked.people("buyers")) == 2
    assert card.about["board"]["goal"] == {"value": 300.0}
    assert "board" not in asked.about
    assert shop.ask(Boards(name="Week", place=9)).frame.num_rows == 0
    with pytest.raises(SpecError, match="no board 'Weak'"):
        shop.ask(Boards(name="Weak"))


def test_boards_and_alerts_change_no_answer_and_no_fingerprint(shop):
    before, mark = shop.ask(Kpi()).figures, shop.store.snapshot().fingerprint
    shop.desk.put_board(WEEK)
    shop.desk.put_alert(Alert(name="A", question="kpi", figure="orders", below=1))
    assert shop.store.snapshot().fingerprint == mark
    assert shop.ask(Kpi()).figures == before
    # The dashboard, which shows them, sees a change all the same.
    assert shop.info()["fingerprint"] != mark
    kept = shop.info()["fingerprint"]
    shop.desk.add_card("Week", BoardCard(text="more"))
    assert shop.info()["fingerprint"] != kept


def test_every_change_can_be_taken_back_one_after_the_other(shop, tmp_path):
    desk = shop.desk
    desk.put_board(WEEK)
    desk.drop_card("Week", 2)
    desk.put_alert(Alert(name="A", question="kpi", figure="orders", below=1))
    desk.drop_board("Week")
    assert desk.boards == {}
    assert desk.undo() == "board Week"
    assert len(desk.boards["Week"].cards) == 3
    assert desk.undo() == "alert A"
    assert desk.alerts == {}
    assert desk.undo() == "board Week"
    assert len(desk.boards["Week"].cards) == 4
    desk.undo()
    with pytest.raises(SpecError, match="nothing to take back"):
        desk.undo()
    for number in range(KEPT + 5):
        desk.put_board(Board(name=f"B{number}"))
    lines = (tmp_path / "store" / "documents" / "undo.jsonl").read_bytes().splitlines()
    assert len(lines) == KEPT


@pytest.mark.parametrize(
    ("board", "message"),
    [
        (Board(name=" "), "no name"),
        (Board(name="x", cards=(BoardCard(),)), "a question or text"),
        (Board(name="x", cards=(BoardCard(question="nothing"),)), "no question"),
        (Board(name="x", cards=(BoardCard(question="boards"),)), "cannot hold boards"),
        (Board(name="x", cards=(BoardCard(question="kpi", goal=Goal(value=1)),)), "needs the figure"),
        (Board(name="x", cards=(BoardCard(text="a"),) * (MOST_CARDS + 1)), "cards"),
    ],
)
def test_a_board_that_cannot_be_is_refused_and_nothing_is_written(shop, board, message):
    written = (shop.store.path / "afterclick.toml").read_text("utf-8")
    with pytest.raises(SpecError, match=message):
        shop.desk.put_board(board)
    assert (shop.store.path / "afterclick.toml").read_text("utf-8") == written


def test_a_broken_card_names_its_problem_and_spoils_no_other(shop):
    shop.desk.put_board(Board(name="B", cards=(BoardCard(question="kpi", figure="nope"), *WEEK.cards[:1])))
    rows = shop.ask(Boards(name="B")).frame.to_pylist()
    assert "nope" in rows[0]["problem"]
    assert rows[1]["reached"] is True


def test_the_command_makes_shows_and_reports_a_board(shop, tmp_path):
    shop.close()
    end = ["--store", str(tmp_path / "store"), "--lang", "en"]

    def run(*words):
        got = CliRunner().invoke(group, ["boards", *words, *end])
        return got.exit_code, got.stdout

    assert run("add", "Week", "--text", "Every Monday.")[0] == 0
    assert run("card", "Week", "--question", "kpi?range=7d", "--figure", "revenue", "--aim", "300")[0] == 0
    assert "1 card" in run("card", "Week", "--question", "no", "--figure", "x")[1] or run("show", "Weak")[0] == 2
    code, shown = run("show", "Week", "--format", "json")
    assert (code, json.loads(shown)["figures"]["reached"]) == (0, 1)
    assert "Week" in run("list")[1]
    target = tmp_path / "week.html"
    assert run("report", "Week", "-o", str(target))[0] == 0
    page = target.read_text("utf-8")
    assert "at least" in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")
    assert run("remove", "Week")[0] == 0
    assert "Taken back: board Week" in run("undo")[1]
    with afterclick.open(tmp_path / "store") as opened:
        assert list(opened.desk.boards) == ["Week"]
