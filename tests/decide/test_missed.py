"""What happens while new rules and journeys are being learnt reaches them once they are known, and nobody twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import afterclick
from afterclick.app import missed as missed_module
from afterclick.app import tellings
from afterclick.app.live import LiveSite
from afterclick.app.missed import Missed
from afterclick.core import clock
from afterclick.decide import learning
from afterclick.decide.decision import Decision
from afterclick.decide.rules.book import RuleBook
from afterclick.decide.told import Decided, Heard, Told
from afterclick.store.automations import Branch, Entry, LiveRule, Node, Send, Show, Words
from support.deciding import serving, until
from support.journeying import START, decided, heard, journey, wait
from support.served import Served, served

OLD = LiveRule(name="old", when='visitor.pages >= 1', show=Show(words=(Words(title="Hi"),)), state="on", once="ever")
COUNTS = 'count("Tried") >= 1'


def now_ms() -> int:
    return clock.now() // 1000


@pytest.fixture
def slow(monkeypatch) -> Iterator[Any]:
    """Learning begins, and ends when it is let go."""
    real, go, begun = learning.learn, threading.Event(), threading.Event()

    def learn(*given: Any, **more: Any) -> None:
        begun.set()
        go.wait(60)
        real(*given, **more)

    @contextmanager
    def held() -> Iterator[None]:
        monkeypatch.setattr(learning, "learn", learn)
        yield
        go.set()

    yield held, begun
    go.set()


def tried(server: Served, number: int, device: str, event: str = "Tried") -> None:
    told = {"type": "track", "event": event, "anonymousId": device, "messageId": f"m{number}"}
    assert server.send("/v1/track", told).status == 200


def offered(live: LiveSite, device: str) -> set[str]:
    return {offer.rule for offer in live.deciding.decider.offers(device, "", clock.now())}


def rows(live: LiveSite, query: str) -> list[Any]:
    assert live.acting is not None
    with live.acting.acts.reading() as connection:
        return [row[0] for row in connection.execute(query)]


def test_rules_and_journeys_hear_what_came_while_they_were_being_learnt(tmp_path, slow) -> None:
    held, begun = slow
    with serving(tmp_path / "s", rules=[OLD]) as server:
        live = server.live
        tried(server, 1, "before")
        with held():
            on: dict[str, Any] = {"state": "on", "on_since": now_ms()}
            asks = (wait("1h"), Node(branch=Branch(when='count("Tried", 1d) >= 2')), Node(send=Send(channel="export", to="x")))
            show = Show(words=(Words(title="Try"),))
            live.shop.define(
                rules=[
                    OLD, LiveRule(name="shows", when=COUNTS, show=show, once="ever", **on),
                    LiveRule(name="makes", when=COUNTS, emit="Keen", once="ever", **on),
                    LiveRule(name="lets in", when=COUNTS, on=("Tried",), enter="by rule", once="ever", **on),
                ],
                journeys=[
                    journey(*asks, name="by rule", entry=Entry(), **on),
                    journey(*asks, name="by event", event="Tried", **on),
                    journey(*asks, name="by condition", entry=Entry(when=COUNTS), **on),
                ],
            )  # fmt: skip
            until(begun.is_set)
            tried(server, 2, "during")
            tried(server, 3, "during")
            assert server.send("/v1/identify", {"anonymousId": "during", "userId": "u", "messageId": "m4"}).status == 200
            server.send("/v1/page", {"anonymousId": "during", "messageId": "m5", "context": {"page": {"url": "https://x.example/"}}})
            assert offered(live, "during") == {"old"}
            assert rows(live, "SELECT count(*) FROM runs") == [0]
        until(lambda: offered(live, "during") == {"old", "shows"})
        tried(server, 6, "after")
        by = "SELECT visitor || ' ' || name FROM runs JOIN versions USING (version) JOIN journeys USING (journey)"
        names = ("by condition", "by event", "by rule")
        wanted = [f"a:{device} {name}" for device in ("after", "during") for name in names]
        until(lambda: sorted(rows(live, by)) == wanted)
        until(lambda: {event["anonymous_id"] for event in keen(live)} == {"during", "after"})
        assert not offered(live, "before") - {"old"}
        assert rows(live, "SELECT n FROM tallies WHERE what = 'entered'") == [2, 2, 2]


def test_the_first_rule_of_a_store_hears_what_came_while_it_was_being_learnt(tmp_path, slow) -> None:
    held, begun = slow
    with afterclick.open(tmp_path / "s", write=True, create=True):
        pass
    with served(tmp_path / "s") as server:
        live = server.live
        tried(server, 1, "before")
        time.sleep(0.002)
        with held():
            on: dict[str, Any] = {"state": "on", "on_since": now_ms()}
            show = Show(words=(Words(title="Try"),))
            live.shop.define(
                rules=[LiveRule(name="shows", when=COUNTS, show=show, once="ever", **on)],
                journeys=[journey(wait("1h"), name="by event", event="Tried", **on)],
            )
            until(begun.is_set)
            tried(server, 2, "during")
            assert not live.deciding.decider.ready
        until(lambda: offered(live, "during") == {"shows"})
        until(lambda: rows(live, "SELECT visitor FROM runs") == ["a:during"])
        assert offered(live, "before") == set()


def test_what_journeys_did_not_hear_before_a_crash_they_hear_after_it(tmp_path) -> None:
    flow = journey(wait("1h"), name="by event", event="Tried", goal=("Order Completed",))
    with serving(tmp_path / "s", journeys=[flow]) as server:
        live = server.live
        tried(server, 1, "stays")
        tried(server, 2, "orders")
        until(lambda: rows(live, "SELECT count(*) FROM runs") == [2])
        # From here on nothing reaches them, as if the process had ended in between.
        assert live.acting is not None
        live.deciding.decider._listeners.pop(live.acting._listen)
        live.deciding.settled = lambda _: False
        tried(server, 3, "comes")
        tried(server, 4, "orders", "Order Completed")
    with served(tmp_path / "s") as server:
        until(lambda: sorted(rows(server.live, "SELECT visitor FROM runs")) == ["a:comes", "a:stays"])


def test_who_is_erased_while_it_is_learnt_is_told_of_no_more(tmp_path, slow) -> None:
    held, begun = slow
    with serving(tmp_path / "s", rules=[OLD]) as server:
        live = server.live
        with held():
            on: dict[str, Any] = {"state": "on", "on_since": now_ms()}
            live.shop.define(rules=[OLD, LiveRule(name="makes", when=COUNTS, emit="Keen", once="ever", **on)])
            until(begun.is_set)
            for number, device in enumerate(("erased-device", "other-device")):
                tried(server, number, device)
            until(lambda: live.shop.context().snapshot.book("id").code("a:erased-device") >= 0)
            live.deciding.forget(["a:erased-device"])
        until(lambda: keen(live))
        assert [event["anonymous_id"] for event in keen(live)] == ["other-device"]


def keen(live: LiveSite) -> list[dict[str, Any]]:
    snapshot = live.shop.context().snapshot
    rows = snapshot.log_rows(np.arange(snapshot.rows), ("event", "anonymous_id")).to_pylist()
    return [one for one in rows if one["event"] == "Keen"]


def learnt(device: str, name: str, received_at: int, event_id: str = "e1") -> Heard:
    one = heard(7, f"a:{device}", name, received_at, event_id=event_id)
    one.event.received_at = received_at
    return one


def fired(rule: str, device: str, at: int, event_id: str = "e1", kind: Any = "show") -> Decided:
    return Decided(7, Decision(f"{rule}{at}", rule, f"a:{device}", at, event_id, kind))


def missed(journeys: frozenset[str] = frozenset()) -> Missed:
    new = LiveRule(name="new", when=COUNTS, show=Show(), state="on")
    book = RuleBook.compile([OLD, new], [journey(wait("1h"), name="flow", event="Clicked")])
    return Missed(book, RuleBook.compile([OLD]), journeys, START)


def told(found: Missed) -> list[tuple[int, str, str]]:
    """(number, visitor, event or rule)."""
    return [
        (one.seq, one.visitor, one.event.event) if isinstance(one, Heard)
        else (one.seq, one.decision.visitor, one.decision.rule) if isinstance(one, Decided) else (one.seq, "", "")
        for one in found.told(lambda key: key.upper())
    ]  # fmt: skip


def test_only_what_nobody_else_decides_is_told_again_with_its_event() -> None:
    found = missed()
    found.note([learnt("d", "Tried", START), fired("old", "d", START)], START)
    assert told(found) == []
    fires = fired("old", "d", START), fired("new", "d", START), fired("new", "d", START)
    found.note([learnt("d", "Tried", START), *fires], START)
    assert told(found) == [(0, "A:D", "Tried"), (0, "A:D", "new"), (0, "A:D", "new")]


def test_what_arrived_before_is_the_past() -> None:
    found = missed(frozenset(("flow",)))
    found.note([learnt("d", "Clicked", START - 1), fired("new", "d", START - 1)])
    found.note([learnt("d", "Clicked", START), fired("new", "d", START - 5, "e9")], START - 1)
    found.note([fired("new", "d", START - 1, event_id="")], START)
    assert told(found) == []
    found.note([fired("new", "d", START, event_id="")], START)
    found.note([learnt("d", "Clicked", START)])
    assert told(found) == [(0, "A:D", "new"), (0, "A:D", "Clicked")]


def test_events_are_told_again_for_journeys_that_waited_and_for_no_other() -> None:
    found = missed(frozenset(("flow",)))
    found.note([learnt("d", "Clicked", START), learnt("d", "Tried", START, "e2"), fired("new", "d", START)], START)
    first, decision = found.told(str)
    assert isinstance(first, Heard)
    assert isinstance(decision, Decided)
    assert (first.event.event, first.by) == ("Clicked", frozenset(("flow",)))
    assert tellings.wanted([first], ["Clicked"]) == [first]
    assert tellings.wanted([first._replace(by=frozenset())], ["Clicked"]) == []


def test_the_erased_are_told_of_no_more() -> None:
    found = missed()
    found.note([learnt("d", "Tried", START), fired("new", "d", START)], START)
    found.note([learnt("e", "Tried", START), fired("new", "e", START)], START)
    found.forget(["a:d"])
    assert told(found) == [(0, "A:E", "Tried"), (0, "A:E", "new")]
    found.clear()
    assert told(found) == []


def test_more_than_there_is_room_for_is_counted(monkeypatch) -> None:
    monkeypatch.setattr(missed_module, "MOST", 3)
    found = missed()
    for number in range(3):
        found.note([learnt("d", "Tried", START, f"e{number}"), fired("new", "d", START, f"e{number}")], START)
    assert (len(told(found)), found.lost) == (3, 3)


def test_a_decision_stays_with_its_event_in_portions() -> None:
    pairs: list[Told] = []
    for number in range(4):
        event_id = f"e{number}"
        pairs += [learnt("d", "Tried", START, event_id)._replace(seq=0), fired("new", "d", START, event_id)._replace(seq=0)]
    assert [len(part) for part in tellings.portions(pairs, 3)] == [4, 4]
    by_time = [decided("a:1", "r", at) for at in range(5)]
    assert [len(part) for part in tellings.portions(by_time, 2)] == [2, 2, 1]
