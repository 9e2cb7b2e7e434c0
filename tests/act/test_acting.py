"""The thread that hears and the states that are kept: mistakes, erasures and stops at the worst moment lose nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

import afterclick
from afterclick.act import acts_file
from afterclick.act.acts import Acts
from afterclick.act.contacts import Contacts
from afterclick.app import kept_acts, preparing, tellings
from afterclick.app.live import LiveSite
from afterclick.collect.wire.canonical import Canonical
from afterclick.core.errors import StoreError
from afterclick.decide.told import Heard, Told
from afterclick.store import sealing
from afterclick.store.automations import Entry, LiveRule
from support.deciding import serving, until
from support.journeying import START, decided, heard, journey, merged, send, wait
from support.served import Served, served

ENTERED = journey(wait("1h"), send(), name="basket")
MAKES = LiveRule(name="keen", when="session.pages >= 2", emit="Keen", state="on", once="ever")


def contact(seq: int, device: str) -> Heard:
    """Somebody says who they are."""
    one = heard(seq, f"a:{device}", "Identified", START)
    one.event.email = f"{device}@example.com"
    return one


def tell(live: LiveSite, *calls: list[Told]) -> None:
    assert live.acting is not None
    for call in calls:
        live.acting._told.put(call)


def rows(live: LiveSite, table: str) -> list[str]:
    assert live.acting is not None
    with live.acting.acts.reading() as reader:
        return sorted(row[0] for row in reader.execute(f"SELECT visitor FROM {table}"))


def view(server: Served, number: int) -> None:
    page = {"type": "page", "anonymousId": "d", "messageId": f"m{number}", "context": {"page": {"url": "https://x.example/"}}}
    assert server.send("/v1/page", page).status == 200


def test_a_call_that_our_code_stumbles_over_is_left_out_and_counted(tmp_path, monkeypatch) -> None:
    with serving(tmp_path / "s", journeys=[ENTERED]) as server:
        acting = server.live.acting
        assert acting is not None
        hear = acting._runner.hear

        def stumbles(told: list[Told]) -> None:
            if any(isinstance(one, Heard) and one.visitor == "a:poison" for one in told):
                raise ValueError("a mistake")
            hear(told)

        monkeypatch.setattr(acting._runner, "hear", stumbles)
        tell(server.live, [contact(101, "x"), contact(101, "poison")], [contact(102, "y")], [contact(103, "z")])
        assert until(lambda: acting._settled(0))
        assert rows(server.live, "contacts") == ["a:y", "a:z"]
        assert (acting.health()["skipped"], acting.health()["running"]) == (1, True)
        assert '"code":"ValueError"' in server.log.getvalue().replace(" ", "")


def test_a_mistake_at_a_timer_ends_no_thread(tmp_path, monkeypatch) -> None:
    with serving(tmp_path / "s", journeys=[ENTERED]) as server:
        acting = server.live.acting
        assert acting is not None
        fire = acting._runner.fire
        failed = threading.Event()

        def stumbles(now: int) -> int:
            failed.set()
            raise KeyError("a mistake")

        monkeypatch.setattr(acting._runner, "fire", stumbles)
        assert failed.wait(60)
        tell(server.live, [contact(101, "x")])
        until(lambda: rows(server.live, "contacts") == ["a:x"])
        assert not acting.health()["running"]
        monkeypatch.setattr(acting._runner, "fire", fire)
        until(lambda: acting.health()["running"])


def test_what_is_told_of_the_erased_afterwards_is_not_heard(tmp_path) -> None:
    with serving(tmp_path / "s", journeys=[ENTERED]) as server:
        acting = server.live.acting
        assert acting is not None
        entering = heard(103, "a:gone", "Product Added", START)
        with acting.acts.reading():
            # Nobody hears anything meanwhile: it lies in the queue.
            tell(server.live, [contact(0, "gone"), contact(101, "stays")], [entering], [merged(104, "a:stays", "a:gone")])
            tell(server.live, [decided("a:gone", "journey:basket", START, seq=105)])
            server.live.forget(["a:gone", "e:gone@example.com"])
        assert until(lambda: acting._settled(0))
        assert rows(server.live, "contacts") == ["a:stays"]
        assert rows(server.live, "runs") == rows(server.live, "entries") == []


def test_nobody_is_sent_on_by_a_condition_before_the_visitors_are_known(tmp_path, monkeypatch) -> None:
    with serving(tmp_path / "s", journeys=[ENTERED]) as server:
        acting = server.live.acting
        assert acting is not None
        fold, acting._deciding.decider._fold = acting._deciding.decider._fold, None
        tell(server.live, [contact(0, "old")], [heard(101, "a:new", "Product Added", START)])
        until(lambda: rows(server.live, "contacts") == ["a:old"])
        assert acting.acts.position == 0
        acting._deciding.decider._fold = fold
        until(lambda: acting.acts.position == 101)


def test_whoever_enters_by_a_rule_keeps_what_the_event_said() -> None:
    cause, other = heard(1, "a:1", "Rated", START, event_id="e1"), heard(1, "a:1", "Seen", START, event_id="e2")
    entered = decided("a:1", "portal", START, seq=1, event_id="e1")
    assert tellings.wanted([cause, entered, other], frozenset()) == [cause, entered]
    assert tellings.wanted([cause, other], frozenset({"*"})) == [cause, other]


def test_portions_part_no_call() -> None:
    told = [contact(seq, "x") for seq in (0, 0, 1, 1, 1, 2)]
    assert [[one.seq for one in part] for part in tellings.portions(told, 1)] == [[0], [0], [1, 1, 1], [2]]
    assert [[one.seq for one in part] for part in tellings.portions(told, 4)] == [[0, 0, 1, 1, 1], [2]]


def test_states_wait_for_the_events_that_rules_made(tmp_path) -> None:
    with serving(tmp_path / "s", rules=[MAKES]) as server:
        live = server.live
        deciding, asked = live.deciding, []
        emitter = deciding._emitter

        class Refusing:
            def send(self, events: list[Canonical], done: Callable[[StoreError | None], None]) -> None:
                asked.append(events)
                done(StoreError("full", code="disk_full"))

        deciding._emitter = Refusing()  # type: ignore[assignment]
        view(server, 1)
        view(server, 2)
        until(lambda: asked)
        assert deciding.save() is False
        assert not (tmp_path / "s" / "states.db").exists() or deciding._file.load() is None
        deciding._emitter = emitter
        until(lambda: live.tail.events == 3)
        until(deciding.save)
        kept = deciding._file.load()
        assert kept is not None
        assert kept.note.position >= 2


def test_what_is_not_acted_on_yet_stays_in_the_tail(tmp_path, monkeypatch) -> None:
    with serving(tmp_path / "s", journeys=[ENTERED]) as server:
        live = server.live
        view(server, 1)
        settled, live.deciding.settled = live.deciding.settled, lambda _: False
        monkeypatch.setattr(sealing, "due", lambda *_: True)
        live._seal()
        assert (live.tail.sealed, live.tail.events) == (0, 1)
        live.deciding.settled = settled
        until(lambda: (live._seal(), live.tail.events)[1] == 0)


def test_a_mistake_while_learning_is_told_and_tried_again(tmp_path, monkeypatch) -> None:
    def stumbles(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    learn = preparing.learning.learn
    monkeypatch.setattr(preparing.learning, "learn", stumbles)
    with afterclick.open(tmp_path / "s", write=True, create=True) as shop:
        shop.define(rules=[MAKES])
    with served(tmp_path / "s") as server:
        until(lambda: '"code":"ZeroDivisionError"' in server.log.getvalue().replace(" ", ""))
        monkeypatch.setattr(preparing.learning, "learn", learn)
        server.live.deciding._again_at = 0.0
        until(lambda: server.live.deciding.decider.ready)


def test_whoever_learns_waits_while_too_much_is_still_to_be_heard(tmp_path) -> None:
    with serving(tmp_path / "s", journeys=[journey(send(), name="w", entry=Entry(event="A"))]) as server:
        acting = server.live.acting
        assert acting is not None
        with acting.acts.reading():
            tell(server.live, *([contact(0, f"v{n}")] for n in range(4_000)))
            assert server.live.deciding._preparing._crowded()
        until(lambda: not server.live.deciding._preparing._crowded())


def test_an_erasure_says_so_where_a_reader_keeps_the_old_pages(tmp_path) -> None:
    acts = Acts.open(tmp_path, *kept_acts.SCHEMAS)
    with acts.writing() as tx:
        tx.execute("INSERT INTO contacts VALUES ('a:1', 'email', 'erased@example.com', 1)")
    reader = acts_file.reader(tmp_path)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM contacts").fetchone() == (1,)
    with acts.writing() as tx:
        kept_acts.forget(tx, Contacts.of_store(tmp_path), ["a:1"])
    with pytest.raises(StoreError) as refused:
        kept_acts.empty_wal(acts)
    assert refused.value.code == "acts_in_use"
    reader.close()
    kept_acts.empty_wal(acts)
    assert not any(b"erased@example.com" in path.read_bytes() for path in tmp_path.glob("acts.db*"))
    acts.close()
