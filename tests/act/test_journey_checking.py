"""Journeys looked at before they are on."""

from __future__ import annotations

from typing import Any

import pytest

from afterclick.act.journeys.checking import check_journey
from afterclick.core import i18n
from afterclick.store.automations import Branch, Entry, Journey, Node, Send, Way, Words
from afterclick.store.definitions import Definitions
from support.journeying import journey, wait

MAIL = Node(send=Send(channel="email", words=(Words(title="Your basket", body="..."),)))
GOOD = journey(wait("3h"), MAIL, goal=("Order Completed",))
NEEDED = {"segments": {"VIPs": "visitor.orders >= 3"}}


def problems(flow: Journey, **known: Any) -> list[tuple[str, str, str]]:
    found = check_journey(flow, Definitions(**NEEDED), **known)
    for problem in found:
        assert problem.rule == flow.name
        for lang in i18n.languages():
            assert i18n.text(lang, problem.message_id, **problem.params)
    return [(problem.level, problem.path, problem.message_id.partition(".")[2]) for problem in found]


def test_a_good_journey_has_no_problems() -> None:
    assert problems(GOOD) == []
    known = {"known_fields": ["revenue"], "known_events": ["Product Added", "Order Completed"]}
    assert problems(GOOD, **known) == []


@pytest.mark.parametrize(
    ("steps", "other", "expected"),
    [
        ((Node(),), {}, ("error", "steps.0", "cannot_read")),
        ((MAIL,), {"event": "Order ["}, ("error", "entry.event", "cannot_read")),
        ((MAIL,), {"goal": ("Order Completed[revenue >]",)}, ("error", "goal", "cannot_read")),
        ((wait(event="X]", timeout="1d"), MAIL), {}, ("error", "steps.0", "cannot_read")),
        ((wait(condition="nonsense(1)", timeout="1d"), MAIL), {}, ("error", "steps.0", "cannot_read")),
        ((Node(branch=Branch(when="session.pages >", then=(MAIL,))),), {}, ("error", "steps.0", "cannot_read")),
        ((Node(branch=Branch(when="session.pages > 3 && session.pages < 2", then=(MAIL,))),), {},
         ("error", "steps.0", "never")),
        ((MAIL,), {"again": "sometimes"}, ("error", "again", "cannot_read")),
        ((), {}, ("error", "steps", "no_steps")),
        ((wait("1h"),), {}, ("warning", "steps", "nothing_sent")),
        ((wait("1h"), MAIL), {"goal": ()}, ("warning", "goal", "no_goal")),
        ((MAIL,), {"entry": Entry()}, ("warning", "entry", "no_entry")),
        ((MAIL,), {"entry": Entry(segment="VIPs")}, ("error", "entry", "segment_and_time")),
        ((MAIL,), {"entry": Entry(segment="VIP", daily="10:00")}, ("error", "entry.segment", "no_segment")),
        ((MAIL,), {"entry": Entry(segment="VIPs", daily="10:00"), "again": "key:order"},
         ("error", "again", "key_without_event")),
        ((MAIL,), {"event": "*"}, ("warning", "entry.event", "everybody")),
        ((MAIL,), {"entry": Entry(when="session.pages >= 1")}, ("warning", "entry.when", "everybody")),
        ((wait("0s"), MAIL), {}, ("warning", "steps.0", "waits_for_nothing")),
        ((wait(event="X", timeout="0h"), MAIL), {}, ("warning", "steps.0", "waits_for_nothing")),
        ((Node(exit=True), MAIL), {}, ("warning", "steps.1", "unreachable")),
        ((Node(split=(Way(name="a", share=1, steps=(MAIL, Node(exit=True))), Way(name="b", share=0))), MAIL), {},
         ("warning", "steps.1", "unreachable")),
        ((Node(branch=Branch(when="session.pages > 3", then=(MAIL, Node(exit=True), MAIL))),), {},
         ("warning", "steps.0.then.2", "unreachable")),
        ((Node(send=Send(channel="email")),), {}, ("error", "steps.0", "no_words")),
        ((Node(send=Send(channel="email", words=(Words(body="x"),))),), {}, ("error", "steps.0", "no_subject")),
        ((Node(send=Send(channel="webhook", to="ftp://x")),), {}, ("error", "steps.0", "no_address")),
        ((Node(send=Send(channel="export")),), {}, ("error", "steps.0", "no_audience")),
    ],
)  # fmt: skip
def test_each_problem_is_named_with_its_place(
    steps: tuple[Node, ...], other: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    assert problems(journey(*steps, **{"goal": ("Order Completed",), **other})) == [expected]


def test_events_and_fields_that_the_store_has_not_seen_are_warned_of() -> None:
    flow = journey(
        wait(event="Emial Opened[campain == 'x']", timeout="1d"), MAIL, event="Product Aded", goal=("Order Completed",)
    )
    known = {"known_fields": ["campaign"], "known_events": ["Product Added", "Order Completed", "Email Opened"]}
    assert problems(flow, **known) == [
        ("warning", "entry.event", "unknown_event"), ("warning", "steps.0", "unknown_event"),
        ("warning", "steps.0", "unknown_field"),
    ]  # fmt: skip


def test_an_exit_on_one_way_only_leaves_the_rest_reachable() -> None:
    branch = Branch(when="session.pages > 3", then=(Node(exit=True),))
    assert problems(journey(Node(branch=branch), MAIL)) == []


def test_an_event_entry_may_ask_what_holds_for_everybody() -> None:
    flow = journey(MAIL, entry=Entry(event="Signed Up", when="session.pages >= 1"))
    assert problems(flow) == []
