"""What a journey meant to send waits while it is paused, and is called off when it is taken away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from afterclick.act.journeys.runner import JourneyRunner
from afterclick.act.outbox import parking, table, upkeep
from afterclick.act.outbox.hearing import forget
from afterclick.store.automations import Delivery, Journey
from support.journeying import heard, journey, wait
from support.journeying import send as node
from support.sending import DAY, FREE, HOUR, NOON, Box, intent, local

STEPS = (wait("1m"), node())


class Flows:
    """Journeys over the acts of a box."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.runner = JourneyRunner(
            box.acts, now=lambda: box.now, zone_of=lambda _: ZoneInfo("UTC"), holds=lambda *_: True, plan=table.plan
        )

    def use(self, *journeys: Journey) -> None:
        self.runner.use(journeys)

    def stands(self, **states: Any) -> None:
        self.use(*(journey(*STEPS, name=name, state=state) for name, state in states.items()))


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path)
    made.person("a:1")
    yield made
    made.close()


def parked(box: Box) -> int:
    with box.acts.reading() as reader:
        return int(reader.execute("SELECT count(*) FROM parked").fetchone()[0])


def test_what_a_paused_journey_meant_to_send_waits_and_leaves_when_it_goes_on(box: Box) -> None:
    flows = Flows(box)
    flows.stands(welcome="paused", other="on")
    box.plan(intent("w"), intent("o", journey="other"), intent("r", journey="", rule="a rule"))
    box.drain()
    assert box.states() == {"w": "held", "o": "sent", "r": "sent"}
    assert box.reasons()["w"] == "paused"
    assert box.balance() == table.Balance(3, 2, 0, 0, 0, 1)
    box.now += DAY
    box.drain()
    assert box.states()["w"] == "held"
    assert box.sender.pause_until(HOUR) == HOUR, "nobody looks at it again and again"
    flows.stands(welcome="on", other="on")
    box.drain()
    assert box.states()["w"] == "sent"
    assert parked(box) == 0


def test_a_pause_survives_a_restart_and_is_no_outage(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.person("a:1")
    Flows(box).stands(welcome="paused")
    box.plan(intent("asked", grace=HOUR), intent("later", grace=HOUR, at=NOON + HOUR))
    box.sender.run_once()
    box.close()
    again = Box(tmp_path, now=NOON + 30 * DAY)
    again.drain()
    assert again.states() == {"asked": "held", "later": "held"}
    Flows(again).stands(welcome="on")
    again.drain()
    assert again.states() == {"asked": "sent", "later": "sent"}
    again.close()


@pytest.mark.parametrize("how", ["draft", "removed"])
@pytest.mark.parametrize("before", ["on", "paused"])
def test_what_a_journey_meant_to_send_that_is_taken_away_is_called_off_and_told(box: Box, how: str, before: str) -> None:
    flows = Flows(box)
    flows.stands(welcome=before)
    box.plan(intent("w"), intent("night", at=NOON + 10 * HOUR))
    if before == "paused":
        box.drain()
    box.now += 1
    flows.stands(**({"welcome": "draft"} if how == "draft" else {}))
    box.drain()
    assert box.states()["w"] == "suppressed"
    told = next(event for event in box.events("Message Suppressed"))
    assert (told["action_id"], told["reason"], told["journey"]) == ("w", "stopped", "welcome")
    assert parked(box) == 0
    assert box.balance().holds
    # Another of this name, switched on later, sends its own and nothing of the one before.
    box.now += HOUR
    flows.stands(welcome="on")
    box.plan(intent("fresh", at=box.now))
    box.drain()
    assert (box.states()["w"], box.states()["fresh"]) == ("suppressed", "sent")


def test_a_message_that_the_night_holds_is_called_off_too(tmp_path: Path) -> None:
    box = Box(tmp_path, Delivery(caps=(), quiet=("21:00", "08:00")), now=local("2026-01-05", "22:00"))
    box.person("a:1")
    flows = Flows(box)
    flows.stands(welcome="on")
    box.plan(intent("w", at=box.now))
    box.drain()
    assert box.reasons()["w"] == "quiet_hours"
    flows.use()
    flows.stands(welcome="on")
    box.now += 12 * HOUR
    box.drain()
    assert (box.states()["w"], box.reasons()["w"]) == ("suppressed", "stopped")
    box.close()


@pytest.mark.parametrize(("state", "wanted"), [("paused", "held"), ("draft", "suppressed")])
def test_a_journey_paused_between_the_claim_and_the_call_counts(tmp_path: Path, state: str, wanted: str) -> None:
    found: list[Flows] = []

    def step(name: str) -> None:
        if name == "claimed":
            found[0].stands(welcome=state)

    box = Box(tmp_path, FREE, step=step)
    box.person("a:1")
    found.append(Flows(box))
    found[0].stands(welcome="on")
    box.plan(intent("w"))
    box.sender.run_once()
    assert box.email.got == []
    assert box.states() == {"w": wanted}
    box.close()


def test_a_run_that_came_to_its_message_before_the_pause_waits_with_the_others(box: Box) -> None:
    flows = Flows(box)
    flow = journey(*STEPS, name="welcome", goal=("Order Completed",))
    flows.use(flow)
    flows.runner.hear([heard(1, "a:1", "Product Added", box.now)])
    box.now += 60_000_000
    flows.runner.fire(box.now)
    flows.use(journey(*STEPS, name="welcome", goal=("Order Completed",), state="paused"))
    box.drain()
    assert list(box.states().values()) == ["held"]
    flows.use(flow)
    box.drain()
    assert list(box.states().values()) == ["sent"]


def test_erased_and_merged_visitors_keep_what_waits_for_a_pause_in_order(box: Box) -> None:
    box.person("a:2")
    flows = Flows(box)
    flows.stands(welcome="paused")
    box.plan(intent("gone"), intent("merged", "a:2"))
    box.drain()
    with box.acts.writing() as tx:
        upkeep.merge(tx, "a:3", "a:2")
        forget(tx, box.contacts, ["a:1"], box.now)
    box.person("a:3")
    flows.stands(welcome="on")
    box.drain()
    assert box.states() == {"gone": "suppressed", "merged": "sent"}
    assert [message.intent.visitor for message in box.email.got] == ["a:3"]
    assert box.balance().holds


def test_nothing_is_freed_that_a_later_pause_keeps(box: Box) -> None:
    flows = Flows(box)
    flows.stands(welcome="draft")
    box.now += HOUR
    flows.stands(welcome="paused")
    box.plan(intent("late", at=box.now))
    box.drain()
    with box.acts.reading() as reader:
        assert parking.freed(reader) == []
    assert box.states() == {"late": "held"}
