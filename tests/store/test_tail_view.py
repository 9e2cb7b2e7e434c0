"""What questions see of the tail: at once, once, in any order, and the same as if it had been imported."""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec
import numpy as np
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from afterclick.core import clock
from afterclick.core.event import Event, events_table
from afterclick.store import current
from afterclick.store.live.tail import Tail
from afterclick.store.store import Store
from support.tail import BAD, EventRows, bad, call, put
from support.tiny import DAY0, HOUR, TinyDerive

COLUMNS = ("at", "device", "name", "tie", "amount")


def event(name: str, *, at: int = 0, who: str = "v1", what: str = "Page Viewed", **more) -> Event:
    return Event(event_id=name, event=what, occurred_at=DAY0 + at, anonymous_id=who, source="live", **more)


def many(count: int, prefix: str = "e", seed: int = 1) -> list[Event]:
    chance = random.Random(seed)
    return [
        event(
            f"{prefix}{number:05d}",
            at=chance.randrange(72) * HOUR,
            who=f"v{chance.randrange(9)}",
            what=f"Event {chance.randrange(4)}",
            user_id=f"u{chance.randrange(5)}" if chance.random() < 0.2 else None,
            amount=chance.randrange(1000) if chance.random() < 0.5 else None,
        )
        for number in range(count)
    ]


@pytest.fixture(autouse=True)
def at_once(monkeypatch) -> None:
    monkeypatch.setattr(current, "REFRESH_S", 0.0)


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    with Store.open(tmp_path / "shop", derive=TinyDerive(), rows=EventRows(), write=True, create=True) as opened:
        yield opened


@pytest.fixture
def tail(store) -> Iterator[Tail]:
    opened = Tail.open(store.path)
    yield opened
    opened.close()


def append(store: Store, events: list[Event]) -> None:
    with store.transaction("test") as transaction:
        table = events_table(events)
        seen = transaction.seen(table["event_id"])
        transaction.add(table.filter(pc.invert(seen)))
        transaction.commit({"read": len(events), "duplicates": pc.sum(seen).as_py() or 0})


def content(store: Store) -> list[tuple]:
    """Every row as texts and numbers, whatever its codes, in an order of its own; with what the log says of it."""
    snapshot = store.snapshot()
    rows = np.arange(snapshot.rows)
    ids = snapshot.event_ids(rows)
    device = snapshot.book("id").values(snapshot.take("device", rows)).to_pylist() if len(rows) else []
    name = snapshot.book("name").values(snapshot.take("name", rows)).to_pylist() if len(rows) else []
    numbers = [snapshot.take(column, rows).tolist() if len(rows) else [] for column in ("at", "amount")]
    log = snapshot.log_rows(rows, ("event", "anonymous_id", "source")).to_pylist()
    assert [row["event"] for row in log] == name
    assert [row["anonymous_id"] for row in log] == device
    return sorted(zip(ids, device, name, *numbers, strict=True))


def wanted(events: list[Event]) -> list[tuple]:
    none = -(2**63)
    return sorted(
        (one.event_id, one.anonymous_id, one.event, one.occurred_at, none if one.amount is None else one.amount)
        for one in events
    )


def edges(store: Store) -> set[tuple]:
    snapshot = store.snapshot()
    found, book = snapshot.edges(), snapshot.book("id").all.to_pylist()
    return {(book[a], book[b]) for a, b in zip(found.a.tolist(), found.b.tolist(), strict=True)}


def test_an_event_is_seen_as_soon_as_it_is_committed_and_beside_what_was_imported(store, tail) -> None:
    append(store, many(20, "i"))
    assert store.snapshot().rows == 20
    put(tail, event("a", amount=7, who="new"))
    assert content(store) == wanted([*many(20, "i"), event("a", amount=7, who="new")])
    put(tail, event("b", who="v1"), event("c", at=-HOUR))
    assert store.snapshot().rows == 23
    assert store.snapshot().first_at == DAY0 - HOUR


def test_without_news_it_is_the_same_snapshot_and_its_fingerprint_tells_every_change(store, tail) -> None:
    empty = store.snapshot()
    assert store.snapshot() is empty
    put(tail, event("a"))
    first = store.snapshot()
    assert store.snapshot() is first
    put(tail, event("b"))
    second = store.snapshot()
    store.seal(tail)
    sealed = store.snapshot()
    prints = [one.fingerprint for one in (empty, first, second, sealed)]
    assert len(set(prints)) == 4
    assert len({one.meaning for one in (empty, first, second, sealed)}) == 4
    assert store.snapshot() is sealed
    assert first.rows == 1, "an old snapshot stays what it was"
    assert first.event_ids(np.array([0])) == ["a"]


def test_under_load_the_tail_is_looked_at_once_a_second(store, tail, monkeypatch) -> None:
    monkeypatch.setattr(current, "REFRESH_S", 1.0)
    ticks = [100.0]
    monkeypatch.setattr(clock, "ticks", lambda: ticks[0])
    put(tail, event("a"))
    first = store.snapshot()
    put(tail, event("b"))
    ticks[0] += 0.9
    assert store.snapshot() is first
    ticks[0] += 0.11
    assert store.snapshot().rows == 2
    put(tail, event("c"))
    append(store, [event("d")])
    assert store.snapshot().rows == 4, "a new line of the manifest does not wait"


def test_only_what_is_new_is_turned_into_rows_and_pieces_stay_few(tmp_path) -> None:
    rows, derive = EventRows(), TinyDerive()
    with Store.open(tmp_path / "shop", derive=derive, rows=rows, write=True, create=True) as store:
        tail = Tail.open(store.path)
        events = many(6000)
        pieces, derived = [], 0
        for start in range(0, 6000, 50):
            put(tail, *events[start : start + 50])
            pieces.append(len(store.snapshot().pieces))
        derived = sum(derive.calls)
        tail.close()
        assert sum(rows.given) == 6000
        assert derived == 6000, "batches are joined by their codes, not derived again"
        assert max(pieces) <= 6
        assert content(store) == wanted(events)


def test_case_22_the_same_id_counts_once_in_a_batch_in_two_in_the_log_and_after_a_restart(store, tail) -> None:
    append(store, [event("old", amount=1)])
    tail.commit([call([event("a"), event("a")], at=1), call([event("a")], at=2), call([event("old", amount=1)], at=3)])
    assert content(store) == wanted([event("old", amount=1), event("a")])
    assert sum(batch.duplicates for batch in store.snapshot().tail.batches) == 3
    append(store, [event("a"), event("n")])
    assert store.manifest.entries[-1].counts["duplicates"] == 1, "an import finds what is in the tail"
    assert content(store) == wanted([event("old", amount=1), event("a"), event("n")])
    entry = store.seal(tail)
    assert entry is not None
    assert (entry.counts["read"], entry.counts["stored"], entry.counts["duplicates"]) == (4, 1, 3)
    put(tail, event("a"), event("old", amount=1))
    assert store.snapshot().rows == 3
    with Store.open(store.path, derive=TinyDerive(), rows=EventRows()) as again:
        assert content(again) == wanted([event("old", amount=1), event("a"), event("n")])


def test_case_23_another_body_under_a_sealed_id_is_rejected_once_and_the_first_stays(store, tail) -> None:
    put(tail, event("a", amount=1))
    store.seal(tail)
    put(tail, event("a", amount=2), event("b"))
    assert content(store) == wanted([event("a", amount=1), event("b")])
    shown = [(one.code, one.path, msgspec.json.decode(one.original)["amount"]) for one in store.snapshot().rejects()]
    assert shown == [("id_conflict", "event_id", 2)]
    entry = store.seal(tail)
    assert entry is not None
    assert (entry.counts["stored"], entry.counts["rejected"], entry.counts["letters"]) == (1, 1, 0)
    assert [one.code for one in store.snapshot().rejects()] == ["id_conflict"]
    assert [one.code for one in store.rejects()] == ["id_conflict"]
    assert content(store) == wanted([event("a", amount=1), event("b")])
    assert tail.balance() == (3, 2, 0, 1)


def test_dead_letters_and_bodies_that_are_no_event_are_kept_and_counted_once(store, tail) -> None:
    tail.commit([call([event("a")], [bad("x")], at=1), call([], [bad("y")], at=2), call([event("b")], at=3, bodies=[BAD])])
    assert store.snapshot().rows == 2
    assert sorted(one.code for one in store.snapshot().rejects()) == ["bad_json"] * 3
    assert [one.id for one in store.rejects(code="bad_json")] == ["x", "y", "3-1"]
    assert list(store.rejects(code="another")) == list(store.rejects(imported="000001-00000000")) == []
    entry = store.seal(tail)
    assert entry is not None
    assert entry.counts == {"read": 5, "duplicates": 0, "letters": 2, "stored": 2, "rejected": 3}
    assert [one.id for one in store.rejects()] == ["x", "y", "3-1"]
    assert tail.rejects() == []
    assert [one.id for one in store.snapshot().rejects()] == ["x", "y", "3-1"]
    assert tail.balance() == (5, 2, 0, 3)
    assert store.seal(tail) is None


def test_other_definitions_are_other_rows(store, tail) -> None:
    put(tail, event("a"))
    rows = store._current.view._rows
    assert store.snapshot().rows == 1
    store.save_definitions(msgspec.structs.replace(store.definitions, timezone="Asia/Seoul"))
    assert store.snapshot().definitions.timezone == "Asia/Seoul"
    assert store.snapshot().rows == 1
    assert rows.given == [1, 1]
    store.save_definitions(msgspec.structs.replace(store.definitions, name="Another"))
    assert store.snapshot().rows == 1
    assert rows.given == [1, 1], "the name of the shop changes no row"


def test_a_reader_beside_the_server_sees_sealed_and_unsealed_and_writes_nothing(store, tail) -> None:
    append(store, many(30, "i"))
    put(tail, *many(50, "a"))
    with Store.open(store.path, derive=TinyDerive(), rows=EventRows()) as reader:
        before = {file: file.read_bytes() for file in (store.path / "projection").rglob("*") if file.is_file()}
        assert content(reader) == content(store) == wanted([*many(30, "i"), *many(50, "a")])
        store.seal(tail)
        put(tail, *many(20, "b"))
        assert content(reader) == wanted([*many(30, "i"), *many(50, "a"), *many(20, "b")])
        assert not reader.writes
        kept = {file: file.read_bytes() for file in before}
    assert kept == before


def test_a_reader_whose_batch_was_sealed_in_part_reads_anew(store, tail) -> None:
    with Store.open(store.path, derive=TinyDerive(), rows=EventRows()) as reader:
        put(tail, event("a"))
        store.snapshot()
        store._current.view.freeze()
        put(tail, event("b"))
        assert [batch.rows for batch in reader.snapshot().tail.batches] == [2]
        monkey = store._current.view
        monkey.look(0)
        # Sealed by a writer that saw the first call only.
        real = monkey._tail.state
        monkey._tail.state = lambda: real()._replace(last_seq=1)
        store.seal(tail)
        monkey._tail.state = real
        assert store.manifest.live_seq == 1
        assert content(reader) == wanted([event("a"), event("b")])
        assert [batch.first_seq for batch in reader.snapshot().tail.batches] == [2]
    assert content(store) == wanted([event("a"), event("b")])


def test_a_line_of_an_order_cannot_come_live(store, tail) -> None:
    put(tail, event("a", order_id="o1", order_line=True))
    with pytest.raises(ValueError, match="line of an order"):
        store.snapshot()


def test_a_store_opened_without_a_reader_of_calls_sees_segments_and_seals_nothing(store, tail) -> None:
    put(tail, event("a"))
    with Store.open(store.path, derive=TinyDerive()) as plain:
        assert plain.snapshot().rows == 0
        with pytest.raises(ValueError, match="without `rows`"):
            plain.seal(tail)


STEPS = st.lists(st.sampled_from(["call", "call", "call", "look", "seal", "compact", "import", "reopen"]), max_size=18)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, seed=st.integers(0, 1000))
def test_case_26_any_order_any_cut_any_moment_of_sealing_gives_what_one_import_gives(
    tmp_path_factory, steps, seed
) -> None:
    events = many(60, seed=3)
    random.Random(seed).shuffle(events)
    path, left, chance = tmp_path_factory.mktemp("s") / "shop", list(events), random.Random(seed)
    store = Store.open(path, derive=TinyDerive(), rows=EventRows(), write=True, create=True)
    tail = Tail.open(path)
    try:
        for step in (*steps, "last"):
            size = len(left) if step == "last" else chance.randrange(9)
            some, left = left[:size], left[size:]
            again = chance.sample(events[: len(events) - len(left)], min(2, len(events) - len(left)))
            if step == "import":
                append(store, [*some, *again])
            else:
                put(tail, *some, *again)
            if step == "look":
                store.snapshot()
            elif step == "seal":
                store.seal(tail)
            elif step == "compact":
                store.seal(tail)
                store.compact()
            elif step == "reopen":
                tail.close()
                store.close()
                store = Store.open(path, derive=TinyDerive(), rows=EventRows(), write=True)
                tail = Tail.open(path)
        assert content(store) == wanted(events)
        found = edges(store)
        assert found == {(one.anonymous_id, one.user_id) for one in events if one.user_id}
        store.seal(tail)
        while store.compact():
            pass
        store.rebuild()
        assert content(store) == wanted(events)
        assert edges(store) == found
    finally:
        tail.close()
        store.close()
