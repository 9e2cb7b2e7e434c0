"""Messages opened and clicked by programs are flagged: by what their sender says, else by what the program calls itself."""

from __future__ import annotations

import pytest

from afterclick import Attribution
from afterclick.core.event import Event
from afterclick.stitch.user_agent import is_machine
from afterclick.store.columns import Flag
from support.shop import DAY0, UA, Shop

APPLE = "Mozilla/5.0"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
SCANNER = "BarracudaCentral/1.0 (link check)"


@pytest.mark.parametrize(
    ("user_agent", "machine"),
    [
        (APPLE, True), (SCANNER, True), ("Mozilla/5.0 (compatible; Proofpoint URL Defense)", True), (GMAIL, False),
        ("Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0)", False), (UA["mobile"], False), ("", False),
        (None, False),
    ],
)  # fmt: skip
def test_programs_by_what_they_call_themselves(user_agent, machine):
    assert is_machine(user_agent) is machine


@pytest.mark.parametrize(
    ("event", "user_agent", "said", "flagged"),
    [
        ("Message Opened", APPLE, {}, True), ("Message Clicked", SCANNER, {}, True), ("Message Opened", GMAIL, {}, False),
        ("Message Opened", None, {"machine": "yes"}, True), ("Message Opened", None, {"machine": True}, True),
        ("Message Opened", APPLE, {"machine": "no"}, False), ("Message Opened", APPLE, {"machine": False}, False),
        ("Page Viewed", APPLE, {"machine": "yes"}, False),
    ],
)  # fmt: skip
def test_only_messages_are_flagged_and_the_sender_knows_best(tmp_path, event, user_agent, said, flagged):
    shop = Shop()
    shop.events.append(
        Event(event=event, raw_event=event, occurred_at=DAY0, event_id="m", anonymous_id="v", user_agent=user_agent,
              properties=said)
    )  # fmt: skip
    with shop.open(tmp_path / "store") as opened:
        flags = opened.context().column("flags")
        assert bool(flags[0] & int(Flag.BOT)) is flagged


def test_a_store_with_both_kinds_of_saying_it_counts_people_only(tmp_path):
    shop = Shop().add("v", "0d", "Page Viewed", url="https://shop.example/")
    for number, said in enumerate(({"machine": True}, {"machine": "yes"}, {"machine": "no"}, {})):
        shop.add("v", f"1d{number}h", "Message Opened", channel="email", message_id=f"m{number}", **said)
    shop.add("v", "2d", "Order Completed", order_id="o", revenue=10)
    with shop.open(tmp_path / "store") as opened:
        answer = opened.ask(Attribution(action=("opened",), range="all", compare="none"))
    assert (answer.figures["human_opens"], answer.figures["machine_opens"]) == (2, 2)
    assert answer.frame.to_pylist()[0]["touches"] == 2
