"""A version that cannot be read any more is set aside: its runs are held, the server starts and everybody else goes on."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

import afterclick
from afterclick.act.journeys.program import body
from afterclick.act.journeys.standing import of_visitor, standing
from afterclick.store.automations import Node, Wait
from afterclick.surfaces.viz import automation_standing
from afterclick.surfaces.viz.voice import Voice
from support.journeying import DAY, HOUR, START, Course, decided, journey, merged, send, wait
from support.served import served

OLD = journey(wait("3h"), send(), goal=("Order Completed",), name="old")
NEW = journey(wait("5h"), send("push"), goal=("Order Completed",), name="old")
OTHER = journey(wait("3h"), send(), name="other")
UNREADABLE = {
    "not JSON": b"{",
    "an unknown kind of step": b'{"name":"old","steps":[{"send":{"channel":"pigeon"}}]}',
    "a condition of another version": body(
        journey(Node(wait=Wait(condition="weather.sunny >= 1", timeout="1d")), send(), name="old")
    ),
    "a span of another version": body(journey(wait("3h"), send(), name="old", grace="1fortnight")),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    return tmp_path / "store"


def spoil(course: Course, stored: bytes, name: str = "old") -> None:
    """The version that runs are on, as another afterclick might have written it."""
    with course.acts.writing() as tx:
        query = "SELECT min(version) FROM versions JOIN journeys USING (journey) WHERE name = ?"
        tx.execute(f"UPDATE versions SET body = ? WHERE version = ({query})", (stored, name))


@pytest.mark.parametrize("stored", UNREADABLE.values(), ids=UNREADABLE)
def test_the_runs_of_a_version_that_cannot_be_read_are_held_and_all_others_go_on(folder: Path, stored: bytes) -> None:
    course = Course(folder, [OLD, OTHER])
    course.happens("a:1", "Product Added")
    course.use(NEW, OTHER)
    course.happens("a:2", "Product Added")
    spoil(course, stored)
    course.cut_power()
    (aside,) = course.runner.aside.values()
    assert aside.name == "old"
    assert aside.why
    assert [one.name for one in course.runner.in_use()] == ["other", "old"]
    # Nothing that happens to whoever is held stumbles over it.
    course.happens("a:1", "Order Completed", START + HOUR)
    course.tell(decided("a:1", "weather.sunny >= 1", START + HOUR, "watch"), merged(0, "a:0", "a:1"))
    for hours in (3, 5):
        course.fire(START + hours * HOUR)
    merged_run, other = ("a:0", "1", START + 3 * HOUR), ("a:2", "1", START + 3 * HOUR)
    assert course.sent == [merged_run, other, ("a:2", "1", START + 5 * HOUR)]
    found = standing(course.folder)["old"]
    assert found.held == {aside.why: 1}
    assert sum(found.waiting.values()) == 0
    assert [one.place for one in of_visitor(course.folder, "a:0") if one.ended_at is None] == [""]
    for lang in ("en", "ko"):
        said = automation_standing.lines(NEW, found, Voice(lang=lang, currency="KRW", zone="UTC"))
        assert any(aside.why in line for line in said)


def test_they_go_on_once_it_can_be_read_again(folder: Path) -> None:
    course = Course(folder, [OLD])
    course.happens("a:1", "Product Added")
    course.use(NEW)
    spoil(course, b"{")
    course.cut_power()
    course.use(journey(*NEW.steps, goal=NEW.goal, name="old", state="paused"))
    course.now = START + DAY
    course.use(NEW)
    assert course.fire() == 0, "going on with the journey does not bring them back"
    spoil(course, body(OLD))
    course.cut_power()
    course.now = START + DAY
    course.use(NEW)
    assert course.runner.aside == {}
    assert course.fire(START + DAY + 1) == 1
    assert course.sent == [("a:1", "1", START + DAY + 1)]
    assert course.count("set_aside") == 0


def test_a_pause_holds_them_also_when_they_can_be_read_again(folder: Path) -> None:
    course = Course(folder, [OLD])
    course.happens("a:1", "Product Added")
    paused = journey(*NEW.steps, goal=NEW.goal, name="old", state="paused")
    course.use(paused)
    spoil(course, b"{")
    course.cut_power()
    spoil(course, body(OLD))
    course.use(paused)
    assert course.fire(START + DAY) == 0
    course.use(NEW)
    assert course.fire() == 1


def test_a_document_that_says_the_same_mends_it(folder: Path) -> None:
    course = Course(folder, [OLD])
    course.happens("a:1", "Product Added")
    spoil(course, b"{")
    course.cut_power()
    assert course.runner.aside == {}
    course.fire(START + 3 * HOUR)
    assert course.sent == [("a:1", "1", START + 3 * HOUR)]


def test_deleting_the_journey_ends_them(folder: Path) -> None:
    course = Course(folder, [OLD])
    course.happens("a:1", "Product Added")
    course.use(NEW)
    spoil(course, b"{")
    course.cut_power()
    course.use()
    assert course.runner.aside == {}
    assert course.count("runs") == course.count("timers") == course.count("versions") == 0
    assert course.tallies["ended:removed"] == 1


def test_a_draft_is_asked_nothing_and_a_version_that_runs_are_on_brings_nobody_in(folder: Path) -> None:
    course = Course(folder, [journey(wait("3h"), send(), name="draft", state="draft"), OLD])
    course.happens("a:1", "Product Added")
    course.use(journey(wait("3h"), send(), name="draft", state="draft"), NEW)
    assert [(one.name, one.state) for one in course.runner.in_use()] == [("old", "paused")] * 2


def test_the_server_starts_says_what_is_wrong_and_decides_for_all_others(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with afterclick.open(store, write=True, create=True) as shop:
        shop.define(journeys=[OLD, OTHER])
    course = Course(store, [OLD, OTHER])
    course.happens("a:1", "Product Added")
    course.use(NEW, OTHER)
    spoil(course, b"{")
    course.acts.close()
    with afterclick.open(store, write=True) as shop:
        shop.define(journeys=[NEW, OTHER])
    with served(store) as server:
        answer = server.ask("GET", "/healthz")
        assert (answer.status, answer.json()["status"]) == (200, "degraded")
        assert answer.json()["degraded"] == ["acting.held"]
        assert answer.json()["acting"]["held"] == ["old"]
        lines = [msgspec.json.decode(line) for line in server.log.getvalue().splitlines()]
        (said,) = [line for line in lines if line["what"] == "journey_set_aside"]
        assert said["journey"] == "old"
        standing_of = server.live.shop.automations.standing("old")
        assert standing_of is not None
        assert sum(standing_of.held.values()) == 1
