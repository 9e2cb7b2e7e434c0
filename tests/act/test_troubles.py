"""What goes wrong with one listener, one journey or one part of the server is said, and stops nothing else."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

import afterclick
from afterclick.app.automation_checks import say
from afterclick.core import clock
from afterclick.core.errors import SpecError, StoreError
from afterclick.decide.decider import Decider
from afterclick.decide.told import Told
from afterclick.store.automations import Entry, LiveRule, Show, Words
from support.deciding import until
from support.journeying import DAY, HOUR, MINUTE, START, Course, decided, journey, send, wait
from support.served import Served, served

SHOWN = LiveRule(name="shown", when="visitor.pages >= 1", show=Show(words=(Words(title="Hi"),)), state="on", once="ever")
UTC = ZoneInfo("UTC")


def made(folder: Path, **defined: Any) -> Path:
    with afterclick.open(folder, write=True, create=True) as shop:
        shop.define(**defined)
    return folder


def lines(server: Served, what: str) -> list[dict[str, Any]]:
    found = [msgspec.json.decode(line) for line in server.log.getvalue().splitlines()]
    return [line for line in found if line["what"] == what]


def view(server: Served, number: int) -> None:
    page = {"type": "page", "anonymousId": "d", "messageId": f"m{number}", "context": {"page": {"url": "https://x.example/"}}}
    assert server.send("/v1/page", page).status == 200


@pytest.mark.parametrize("mistake", [ValueError("ours"), StoreError("full", code="disk_full")])
def test_each_listener_hears_whatever_another_stumbles_over(mistake: Exception) -> None:
    decider, heard, said = Decider(), [], []

    def stumbles(_told: object) -> None:
        raise mistake

    decider.on_unheard = said.append
    decider.listen(stumbles)
    decider.listen(heard.append)
    told: list[Told] = [decided("a:1", "r", START)]
    decider.tell(told)
    decider.tell(told)
    decider.tell([])
    assert heard == [told, told]
    assert decider.unheard == 2
    assert said == [getattr(mistake, "code", "ValueError")] * 2


def test_a_listener_that_stumbles_costs_no_event_and_no_offer_and_is_told(tmp_path: Path) -> None:
    with served(made(tmp_path / "s", rules=[SHOWN])) as server:
        decider = server.live.deciding.decider
        until(lambda: decider.ready)

        def stumbles(_told: object) -> None:
            raise KeyError("ours")

        decider.listen(stumbles)
        view(server, 1)
        assert [offer.rule for offer in decider.offers("d", "", clock.now())] == ["shown"]
        assert server.live.tail.balance().stored == 1
        state = server.ask("GET", "/healthz")
        assert (state.status, state.json()["status"], state.json()["degraded"]) == (200, "degraded", ["deciding.unheard"])
        assert state.json()["deciding"]["unheard"] >= 1
        assert next((line["task"], line["code"]) for line in lines(server, "task_failed")) == ("telling", "KeyError")


def test_a_daily_entry_whose_segment_is_gone_holds_up_no_other(tmp_path: Path) -> None:
    gone = journey(wait("1d"), name="gone", entry=Entry(segment="VIPs", daily="10:00"))
    there = journey(wait("1d"), name="there", entry=Entry(segment="all", daily="10:00"))
    course = Course(tmp_path, [gone, there], at=START + 10 * HOUR)
    segments = {"all": ["a:1", "a:2"]}

    def members(segment: str) -> list[str]:
        if segment not in segments:
            raise SpecError(f"there is no segment {segment!r}")
        return segments[segment]

    assert course.runner.daily(course.now, UTC, members) == 2
    assert {name: error.message for name, error in course.runner.crowdless.items()} == {"gone": "there is no segment 'VIPs'"}
    assert course.runner.daily(course.now + MINUTE, UTC, members) == 0
    segments["VIPs"] = ["a:3"]
    assert course.runner.daily(course.now + 2 * MINUTE, UTC, members) == 1
    assert course.runner.crowdless == {}
    assert course.runner.daily(course.now + 3 * MINUTE, UTC, members) == 0
    del segments["VIPs"]
    assert course.runner.daily(course.now + DAY, UTC, members) == 0
    # Longer ago than its grace: the day is over, and it is still said.
    course.runner.daily(course.now + DAY + 2 * HOUR, UTC, members)
    assert course.tallies["day:missed"] == 1
    assert list(course.runner.crowdless) == ["gone"]
    course.use(there)
    assert course.runner.crowdless == {}


def test_a_segment_that_is_gone_is_said_in_words_once_and_health_stands_still(tmp_path: Path) -> None:
    daily = journey(wait("1d"), send("onsite"), name="daily", entry=Entry(segment="VIPs", daily="00:00"), grace="1d")
    path = made(tmp_path / "s", segments={"VIPs": "visitor.orders >= 1"})
    with served(path) as server:
        view(server, 1)
        server.live.shop.define(journeys=[daily])
        assert server.ask("GET", "/healthz").json()["status"] == "ok"
        assert lines(server, "nobody_taken_in") == []
    with afterclick.open(path, write=True) as shop:
        shop.segments.delete("VIPs")
    with served(path) as server:
        (said,) = until(lambda: lines(server, "nobody_taken_in"))
        assert (said["journey"], "VIPs" in said["message"]) == ("daily", True)
        acting = server.live.acting
        assert acting is not None
        acting._looked_at = 0
        until(lambda: acting._looked_at)
        state = server.ask("GET", "/healthz").json()
        assert (state["acting"]["running"], state["acting"]["without_segment"]) == (True, ["daily"])
        assert (state["status"], state["degraded"]) == ("degraded", ["acting.without_segment"])
        assert lines(server, "task_failed") == []
        assert len(lines(server, "nobody_taken_in")) == 1
        problems = server.live.shop.automations.problems()["journey", "daily"]
        (problem,) = [one for one in problems if one.path == "entry.segment"]
        assert all("VIPs" in say(problem, lang) for lang in ("en", "ko"))
        page = server.ask("GET", "/automations/journey/daily")
        assert html.escape(say(problem, "en")) in page.body.decode()


@pytest.mark.parametrize(("task", "status"), [("rules", 200), ("time", 200), ("states", 200), ("access", 503), ("mark", 503)])
def test_what_keeps_no_event_out_makes_the_server_degraded_and_not_unready(tmp_path: Path, task: str, status: int) -> None:
    with served(made(tmp_path / "s", rules=[])) as server:
        follower = server.live.follower

        def fails() -> None:
            raise StoreError("no space", code="disk_full")

        follower._due[task] = 10**9
        assert server.ask("GET", "/healthz").json()["status"] == "ok"
        follower._attempt(task, fails)
        state = server.ask("GET", "/healthz")
        assert state.status == status
        assert state.json()["status"] == ("degraded" if status == 200 else "failing")
        assert state.json()["degraded"] == ([f"deciding.{task}"] if status == 200 else [])
        assert state.json()["follower"]["failing"] == [task]
        follower._attempt(task, lambda: None)
        assert server.ask("GET", "/healthz").json()["status"] == "ok"


def test_where_nothing_can_be_sent_events_are_taken_and_it_is_said(tmp_path: Path) -> None:
    path = made(tmp_path / "s", rules=[SHOWN])
    (path / "acts.db").write_bytes(b"SQLite format 3\x00 and then nothing of ours")
    with served(path) as server:
        view(server, 1)
        state = server.ask("GET", "/healthz")
        assert (state.status, state.json()["status"], state.json()["acting"]) == (200, "degraded", {"running": False})
        assert state.json()["degraded"] == ["acting.running"]
        assert b"\nafterclick_degraded 1\n" in server.ask("GET", "/metrics").body
