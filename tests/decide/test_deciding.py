"""A server that decides: learnt from the log, taken up after a stop or a kill, unmoved by imports, erased with its people."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from test_decider import MEANT, START, Call, book, calls, rule

import afterclick
from afterclick.app.live import LiveSite
from afterclick.collect.wire.canonical import content, encode
from afterclick.core import clock
from afterclick.core.event import Event
from afterclick.decide import learning
from afterclick.decide.fold import Fold
from afterclick.decide.people import People
from afterclick.decide.states_file import FILE, StatesFile
from afterclick.decide.told import Decided, Heard, Told
from afterclick.store.live.calls import TailCall
from afterclick.store.live.tail import Tail
from support.deciding import until
from support.served import Served, basic, served
from support.serving import serving

SECOND = 1_000_000


def states(fold: Fold) -> dict[str, bytes]:
    """Every visitor's state, packed."""
    found = {}
    for key in list(fold.memories):
        memory = fold.memories.get(key)
        assert memory is not None
        found[key] = memory.pack()
    return found


def commit(tail: Tail, call: Call) -> None:
    seq, at, events = call
    bodies = [encode(event) for event in events]
    stored = TailCall(at, "web", tuple(bodies), tuple(e.event_id for e in events), tuple(map(content, bodies)))
    assert tail.commit([stored]) == seq


@pytest.mark.parametrize("seed", range(3))
def test_what_is_learnt_from_segments_is_what_was_known_live(tmp_path, seed: int) -> None:
    given = calls(seed, 40)
    live = Fold(book(), MEANT)
    told: list[Told] = []
    with afterclick.open(tmp_path, write=True, create=True) as shop:
        shop.define(own_domains=["shop.example"])
        tail = Tail.open(shop.store.path)
        try:
            for call in given:
                commit(tail, call)
                told += live.take(call[0], call[1], "web", call[2])
                if call[0] in (15, 30):
                    assert shop.store.seal(tail) is not None
            with clock.held_at(given[-1][1] + SECOND):
                snapshot = shop.store.snapshot()
            again = Fold(book(), MEANT, people=People(withdrawn=learning.withdrawn(snapshot)))
            heard: list[Told] = []
            learning.learn(again, snapshot, hear=heard.extend, give_way=lambda: None, progress=lambda *_: None)
            assert again.position == 30
            for call in given[30:]:
                heard += again.take(call[0], call[1], "web", call[2])
        finally:
            tail.close()
    assert states(again) == states(live)
    assert [one.decision for one in heard if isinstance(one, Decided)] == [
        one.decision for one in told if isinstance(one, Decided)
    ]
    assert again.due == live.due


def test_ids_that_a_person_parted_are_learnt_apart(tmp_path) -> None:
    with afterclick.open(tmp_path, write=True, create=True) as shop:
        at = 1_760_000_000 * SECOND
        events = [
            Event(event_id="p", type="page", event="Page Viewed", anonymous_id="d1", occurred_at=at),
            Event(event_id="i", type="identify", event="identify", anonymous_id="d1", user_id="u1", occurred_at=at + 1),
        ]
        assert shop.append(events) == 2

        def learnt() -> Fold:
            snapshot = shop.store.snapshot()
            people = People(withdrawn=learning.withdrawn(snapshot))
            fold = Fold(book(), MEANT, people=people)
            learning.learn(fold, snapshot, hear=lambda _: None, give_way=lambda: None, progress=lambda *_: None)
            assert fold.people is people
            return fold

        assert learnt().people.find("", "u1") == learnt().people.find("d1") == "a:d1"
        shop.unlink("a:d1", "u:u1")
        apart = learnt().people
        assert (apart.find("d1"), apart.find("", "u1")) == ("a:d1", "u:u1")


def test_case_78_history_that_is_imported_is_learnt_and_fires_nothing(tmp_path) -> None:
    with afterclick.open(tmp_path, write=True, create=True) as shop:
        shop.define(own_domains=["shop.example"])
        events = [
            Event(event_id=e.event_id, type=e.type, event=e.event, raw_event=e.raw_event, anonymous_id=e.anonymous_id,
                  user_id=e.user_id, url=e.url, occurred_at=e.occurred_at, received_at=e.received_at, properties=e.properties)
            for _, _, listed in calls(4, 60) for e in listed
        ]  # fmt: skip
        assert shop.append(events) == len(events)
        # The same once more is nothing new.
        assert shop.append(events) == 0
        snapshot = shop.store.snapshot()
    fold = Fold(book(), MEANT)
    told: list[Told] = []
    learning.learn(fold, snapshot, hear=told.extend, give_way=lambda: None, progress=lambda *_: None)
    heard = [one for one in told if isinstance(one, Heard)]
    assert len(heard) == len(events)
    assert not any(one.live for one in heard)
    assert not [one for one in told if isinstance(one, Decided)]
    assert fold.tick(START + 10**15) == []
    assert sum(fold.memories.get(key).state.visits.pages for key in list(fold.memories)) == sum(  # type: ignore[union-attr]
        event.event == "Page Viewed" for event in events
    )


def view(server: Served, number: int, device: str, **more: Any) -> None:
    page = {"type": "page", "anonymousId": device, "messageId": f"m{number}", "context": {"page": {"url": "https://x.example/"}}}
    assert server.send("/v1/page", page | more).status == 200


def opened(folder: Path, **defined: Any) -> Path:
    with afterclick.open(folder, write=True, create=True) as shop:
        shop.define(**defined)
    return folder


RULE = rule("three", "visitor.pages >= 3", once="ever")


def ready(server: Served) -> LiveSite:
    until(lambda: server.live.deciding.decider.ready)
    return server.live


def offered(live: LiveSite, device: str) -> list[str]:
    return [offer.action_id for offer in live.deciding.decider.offers(device, "", clock.now())]


def test_an_offer_stands_before_the_sender_is_answered_and_after_a_restart(tmp_path) -> None:
    opened(tmp_path / "s", rules=[RULE, rule("keen", "session.pages >= 2", show=None, emit="Keen")])
    with served(tmp_path / "s") as server:
        live = ready(server)
        view(server, 1, "d")
        view(server, 2, "d")
        assert offered(live, "d") == []
        view(server, 3, "d")
        (first,) = offered(live, "d")
        # Three pages and the event that the second rule sends.
        until(lambda: live.tail.events == 4)
        position = live.tail.position
        until(lambda: live.deciding.decider.position == position)
        assert live.health()[1]["deciding"]["ready"]
    with served(tmp_path / "s") as server:
        live = ready(server)
        assert offered(live, "d") == [first]
        assert '"learnt":false' in server.log.getvalue().replace(" ", "")
        assert live.deciding.decider.position == position
        server.send("/v1/track", {"type": "track", "event": "Message Dismissed", "anonymousId": "d", "messageId": "ack",
                                  "properties": {"action_id": first}})  # fmt: skip
        assert offered(live, "d") == []
    (tmp_path / "s" / FILE).unlink()
    with served(tmp_path / "s") as server:
        live = ready(server)
        assert '"learnt":true' in server.log.getvalue().replace(" ", "")
        assert offered(live, "d") == []
        assert live.tail.balance().stored == 5


def test_rules_switched_on_while_the_server_runs_are_learnt_from_the_log(tmp_path) -> None:
    opened(tmp_path / "s", rules=[RULE])
    with served(tmp_path / "s") as server:
        live = ready(server)
        for number in range(2):
            server.send("/v1/track", {"type": "track", "event": "Tried", "anonymousId": "d", "messageId": f"t{number}"})
        new = rule("tried", 'count("Tried") >= 3', once="ever")
        live.shop.define(rules=[new])
        until(lambda: live.deciding.decider.terms == book([new]).terms and not live.deciding.busy)
        server.send("/v1/track", {"type": "track", "event": "Tried", "anonymousId": "d", "messageId": "t3"})
        assert len(offered(live, "d")) == 1
        live.shop.define(rules=[])
        until(lambda: offered(live, "d") == [])


def test_erasing_a_visitor_takes_the_state_too(tmp_path) -> None:
    opened(tmp_path / "s", rules=[RULE])
    with served(tmp_path / "s") as server:
        live = ready(server)
        for number in range(3):
            view(server, number, "device-of-a-person")
            view(server, 10 + number, "somebody-else")
        live.deciding.save()
        assert b"device-of-a-person" in (tmp_path / "s" / FILE).read_bytes()
        done = live.shop.erase("device-of-a-person", kind="anonymous")
        assert [trace.file for trace in done.left] == []
        assert offered(live, "device-of-a-person") == []
        assert len(offered(live, "somebody-else")) == 1
        live.deciding.save()
    assert not any(b"device-of-a-person" in path.read_bytes() for path in (tmp_path / "s").glob("states.db*"))


def test_a_kill_loses_no_decision(tmp_path) -> None:
    opened(tmp_path / "s", rules=[RULE])
    with serving(tmp_path / "s") as server:
        until(lambda: any(line.get("what") == "deciding" for line in server.log))
        for number in range(4):
            assert server.track(f"m{number}") == 200
            page = {"type": "page", "userId": "u2", "messageId": f"p{number}"}
            headers = {"authorization": basic(server.key)}
            assert server.ask("POST", "/v1/page", page, headers)[0] == 200
        server.end(signal.SIGKILL)
    with served(tmp_path / "s") as again:
        live = ready(again)
        assert len(live.deciding.decider.offers("", "u2", clock.now())) == 1
        assert live.deciding.decider.position == live.tail.position == 8


def test_states_are_not_saved_further_than_what_others_have_stored(tmp_path) -> None:
    opened(tmp_path / "s", rules=[RULE])
    with served(tmp_path / "s") as server:
        live = ready(server)
        asked: list[int] = []
        live.deciding.settled = lambda position: asked.append(position) or position < 2  # type: ignore[func-returns-value]
        view(server, 1, "d")
        live.deciding.save()
        view(server, 2, "d")
        live.deciding.save()
        kept = StatesFile(tmp_path / "s").load()
        assert kept is not None
        assert kept.note.position == 1
        live.deciding.settled = lambda _: True
        live.deciding.save()
        kept = StatesFile(tmp_path / "s").load()
        assert kept is not None
        assert (kept.note.position, asked) == (2, [1, 2])


def test_a_rule_that_cannot_be_read_keeps_no_other_from_deciding(tmp_path) -> None:
    opened(tmp_path / "s", rules=[rule("broken", "visitor.pages >=", once="ever"), RULE])
    with served(tmp_path / "s") as server:
        live = ready(server)
        for number in range(3):
            view(server, number, "d")
        assert len(offered(live, "d")) == 1
        assert '"what":"rule_refused"' in server.log.getvalue().replace(" ", "")


def test_calls_that_were_not_heard_are_found_in_the_tail(tmp_path) -> None:
    opened(tmp_path / "s", rules=[RULE])
    with served(tmp_path / "s") as server:
        live = ready(server)
        listening, live.collector.heard = live.collector.heard, None
        for number in range(3):
            view(server, number, "d")
        assert offered(live, "d") == []
        live.collector.heard = listening
        until(lambda: offered(live, "d"))
        view(server, 4, "e")
        assert live.deciding.decider.position == live.tail.position == 4


def test_an_import_while_the_server_runs_is_learnt_and_fires_nothing(tmp_path) -> None:
    opened(tmp_path / "s", rules=[RULE])
    with served(tmp_path / "s") as server:
        live = ready(server)
        view(server, 1, "d")
        now = clock.now()
        live.shop.append([
            Event(event_id=f"h{n}", event="Page Viewed", type="page", anonymous_id=device, occurred_at=now - 10**9 + n)
            for device in ("d", "e") for n in range(100 * (device == "e"), 100 * (device == "e") + 5)
        ])  # fmt: skip
        pages = "visitor.pages >= 3"
        until(lambda: live.deciding.decider.values("a:e", pages, clock.now()) == {"visitor.pages": 5})
        assert live.deciding.decider.values("a:d", pages, clock.now()) == {"visitor.pages": 6}
        view(server, 2, "d")
        view(server, 3, "e")
        assert offered(live, "d") == offered(live, "e") == []
