"""What still waits when a journey's goal is reached is not sent any more: bought in the night means no reminder at eight."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs

import afterclick
from afterclick.act.channels import onsite
from afterclick.act.journeys.runner import JourneyRunner
from afterclick.act.message import Message
from afterclick.act.outbox import table, telling
from afterclick.act.outbox.overtaken import Overtaken
from afterclick.core import clock
from afterclick.store.automations import Delivery, Send, Show, Words
from support.deciding import serving, until
from support.journeying import heard, journey, wait
from support.journeying import send as node
from support.sending import HOUR, NOON, Box, intent, local
from support.shop import Shop

EVENING = local("2026-01-05", "20:30")
BASKET = journey(wait("1h"), node(), goal=("Order Completed",), leave=("Basket Emptied",), again="after_exit")
NIGHT = Delivery(caps=(), quiet=("21:00", "08:00"))


class Night:
    """A visitor who puts something into the basket at half past eight; an hour later a mail waits for the morning."""

    def __init__(self, folder: Path) -> None:
        self.box = Box(folder, NIGHT, now=EVENING)
        with self.box.acts.writing() as tx:
            for statement in onsite.SCHEMA:
                tx.execute(statement)
        self.overtaken = Overtaken([BASKET], lambda: self.box.now)
        self.runner = JourneyRunner(
            self.box.acts, now=lambda: self.box.now, zone_of=lambda _: ZoneInfo("Asia/Seoul"), holds=lambda *_: True,
            plan=table.plan, heed=(self.overtaken.hear,),
        )  # fmt: skip
        self.runner.use([BASKET])
        self.seq = 0

    def happens(self, name: str, at: int, visitor: str = "a:1", **more: Any) -> None:
        self.seq += 1
        self.runner.hear([heard(self.seq, visitor, name, at, **more)])

    def goes_on(self, at: int) -> None:
        self.box.now = at
        self.runner.fire(at)
        self.box.drain()

    def fill(self, visitor: str = "a:1") -> None:
        self.box.person(visitor, at=EVENING - HOUR)
        self.happens("Product Added", EVENING, visitor)

    @property
    def states(self) -> list[tuple[str, str, str]]:
        with self.box.acts.reading() as reader:
            return sorted(reader.execute("SELECT visitor, state, reason FROM sends").fetchall())


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    made = Night(tmp_path)
    made.fill()
    made.goes_on(EVENING + HOUR)
    assert made.states == [("a:1", "held", "quiet_hours")]
    yield made
    made.box.close()


@pytest.mark.parametrize(("name", "reason"), [("Order Completed", "goal"), ("Basket Emptied", "leave")])
def test_bought_in_the_night_means_no_reminder_in_the_morning(night: Night, name: str, reason: str) -> None:
    night.box.now = EVENING + 3 * HOUR
    night.happens(name, night.box.now)
    assert night.states == [("a:1", "suppressed", reason)]
    assert night.box.balance() == table.Balance(1, 0, 1, 0, 0, 0)
    night.goes_on(EVENING + 14 * HOUR)
    assert night.box.email.got == []
    telling.flush(night.box.acts, night.box._emit)
    (told,) = night.box.events("Message Suppressed")
    assert (told["reason"], told["journey"]) == (reason, "basket")


def test_what_else_happens_in_the_night_keeps_no_reminder_back(night: Night) -> None:
    night.fill("a:2")
    night.goes_on(EVENING + HOUR)
    night.box.now = EVENING + 3 * HOUR
    night.happens("Product Viewed", night.box.now)
    night.happens("Order Completed", night.box.now, "a:2")
    night.box.plan(intent("rule", journey="", rule="some rule", at=night.box.now), intent("other", journey="welcome", at=NOON))
    night.happens("Order Completed", EVENING - 1)
    night.happens("Order Completed", EVENING)
    assert [each for each in night.states if each[1] == "suppressed"] == [("a:2", "suppressed", "goal")]
    night.goes_on(EVENING + 14 * HOUR)
    assert sorted(one.intent.visitor for one in night.box.email.got) == ["a:1", "a:1", "a:1"]


def test_an_order_that_is_told_of_late_counts_from_when_the_visitor_came_in(night: Night) -> None:
    night.happens("Order Completed", EVENING + HOUR // 2, live=False)
    assert night.states == [("a:1", "suppressed", "goal")]


def test_what_waits_for_a_paused_journey_is_called_off_by_its_goal(tmp_path: Path) -> None:
    night = Night(tmp_path)
    night.fill()
    paused = journey(wait("1h"), node(), goal=BASKET.goal, state="paused", again="after_exit")
    night.runner.fire(EVENING + HOUR)
    night.runner.use([paused])
    night.goes_on(EVENING + 14 * HOUR)
    assert night.states == [("a:1", "held", "paused")]
    night.happens("Order Completed", EVENING + 15 * HOUR)
    night.runner.use([BASKET])
    night.goes_on(EVENING + 16 * HOUR)
    assert (night.states, night.box.email.got) == ([("a:1", "suppressed", "goal")], [])
    assert night.box.balance().holds
    night.box.close()


def test_what_a_sender_holds_is_its_own_until_it_gives_it_back(night: Night) -> None:
    with night.box.acts.writing() as tx:
        (one,) = table.waiting(tx, "a:1")
        table.claim(tx, one, table.token(tx), EVENING, EVENING + 100 * HOUR)
    night.happens("Order Completed", EVENING + 3 * HOUR)
    assert night.states == [("a:1", "claimed", "")]


def test_what_waits_for_the_next_page_is_not_shown_any_more(night: Night) -> None:
    channel, at = onsite.Onsite(night.box.acts), EVENING + HOUR
    show = Show(kind="popup", placement="", ttl="1d")
    for name, of in (("mine", "basket"), ("other", "welcome")):
        asked = structs.replace(intent(name, channel="onsite", at=at, journey=of), send=Send(channel="onsite", show=show))
        night.box.plan(asked)
        night.goes_on(at)
        channel.deliver(Message(name, "onsite", "a:1", Words(title="Your basket"), asked, {}, at))
    night.happens("Order Completed", at + 1)
    with night.box.acts.reading() as reader:
        assert [one.action_id for one in onsite.pending(reader, "a:1", at + 2)] == ["other"]


def test_a_dry_run_keeps_back_what_the_server_would(tmp_path: Path) -> None:
    # The first day begins at nine in Seoul: in at 20:31, due at 21:31, bought at 23:00.
    made = Shop()
    for who, bought in (("v1", True), ("v2", False)):
        made.add(who, "690m", "Identified", type="identify", email=f"{who}@shop.example", consent=True)
        made.add(who, "691m", "Product Added", product_id="p", price=9)
        if bought:
            made.add(who, "14h", "Order Completed", order_id="o", revenue=9)
    made.add("v3", "2d", "Page Viewed")
    with made.open(tmp_path / "s", timezone="Asia/Seoul", currency="KRW") as shop:
        shop.define(journeys=[BASKET], delivery=NIGHT)
        steps = shop.ask(afterclick.Backtest(journey="basket", range="all")).parts["steps"].to_pylist()
    assert {(row["outcome"], row["reason"]): row["messages"] for row in steps} == {("suppressed", "goal"): 1, ("sent", ""): 1}


def test_a_server_calls_off_what_it_holds_for_the_night(tmp_path: Path) -> None:
    local_now = datetime.now(ZoneInfo("UTC"))
    quiet = tuple((local_now + timedelta(hours=hours)).strftime("%H:%M") for hours in (-2, 2))
    flow = journey(node(), name="basket", goal=("Order Completed",))
    delivery = Delivery(caps=(), quiet=quiet, from_email="shop@shop.example", smtp="127.0.0.1:9")
    with serving(tmp_path / "s", journeys=[flow], delivery=delivery, timezone="UTC") as server:

        def tell(number: int, kind: str = "track", **more: Any) -> None:
            body = {"type": kind, "anonymousId": "d", "messageId": f"m{number}", **more}
            assert server.send(f"/v1/{kind}", body).status == 200

        def states() -> list[tuple[str, str]]:
            with server.live.acting.acts.reading() as reader:
                return reader.execute("SELECT state, reason FROM sends").fetchall()

        tell(1, "identify", traits={"email": "d@shop.example"}, context={"consent": {"marketing": True}})
        tell(2, event="Product Added", properties={"product_id": "p", "price": 9, "consent": {"marketing": True}})
        until(lambda: states() == [("held", "quiet_hours")])
        tell(3, event="Order Completed", properties={"order_id": "o", "revenue": 9}, timestamp=clock.iso(clock.now()))
        until(lambda: states() == [("suppressed", "goal")])
