"""The tail keeps what it acknowledged, knows every id exactly once, and counts everything."""

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.core.errors import StoreError, StoreFormat
from afterclick.core.event import Rejected
from afterclick.store.live.calls import Balance, TailCall
from afterclick.store.live.reader import TailReader
from afterclick.store.live.tail import Tail
from support.tail_writer import body, call, prepare


@pytest.fixture
def store(tmp_path):
    return prepare(tmp_path / "shop")


def letter(number: int) -> Rejected:
    return Rejected(id=f"r{number}", at=number, source="web", code="bad_json", message="no object", original="[1]")


def test_what_was_committed_is_read_by_anybody_and_after_a_restart(store) -> None:
    tail = Tail.open(store)
    reader = TailReader(store)
    assert (tail.position, tail.events, tail.oldest_at, reader.position()) == (0, 0, None, 0)
    assert tail.commit([call(1), call(2, events=5)]) == 2
    assert tail.commit([call(3, rejected=(letter(1),), duplicates=2)]) == 3
    for there in (tail, Tail.open(store)):
        assert (there.position, there.events, there.oldest_at) == (3, 11, 1001)
        assert there.balance() == Balance(received=14, stored=11, duplicates=2, rejected=1) == reader.balance()
        assert there.rejects() == [letter(1)] == reader.rejects()
        assert reader.position() == 3
        found = reader.read(0, 1_000)
        assert [one.seq for one in found] == [1, 2, 3]
        assert [one.bodies for one in found] == [call(1).bodies, call(2, events=5).bodies, call(3).bodies]
        assert [(one.received_at, one.source) for one in found] == [(1001, "web"), (1002, "web"), (1003, "web")]
        assert [(one.duplicates, one.rejected) for one in found] == [(0, 0), (0, 0), (2, 1)]
        there.close()
    assert reader.damaged() == ()


def test_reading_stops_at_the_limit_and_goes_on_behind_a_number(store) -> None:
    tail = Tail.open(store)
    tail.commit([call(number) for number in range(1, 8)])
    reader = TailReader(store)
    assert [one.seq for one in reader.read(0, 4)] == [1, 2]
    assert [one.seq for one in reader.read(2, 1)] == [3]
    assert [one.seq for one in reader.read(6, 100)] == [7]
    assert reader.read(7, 100) == []
    tail.close()


def test_a_group_of_any_size_keeps_the_order_of_its_calls(store) -> None:
    tail, number = Tail.open(store), 0
    for size in (1, 2, 3, 5, 15, 16, 17, 63, 64, 65, 90):
        tail.commit([call(number + place, events=1) for place in range(size)])
        number += size
    found = TailReader(store).read(0, 10_000)
    assert [one.bodies[0] for one in found] == [call(place, events=1).bodies[0] for place in range(number)]
    assert [one.seq for one in found] == list(range(1, number + 1))
    tail.close()


def test_calls_that_hold_nothing_but_duplicates_are_counted_and_leave_no_row(store) -> None:
    tail = Tail.open(store)
    tail.commit([call(1)])
    assert tail.commit([TailCall(5, "web", (), (), (), duplicates=7)]) == 1
    assert tail.balance() == Balance(10, 3, 7, 0)
    assert len(TailReader(store).read(0, 100)) == 1
    tail.close()


def test_case_22_one_id_is_new_once_in_a_call_in_two_and_after_a_restart(store) -> None:
    tail = Tail.open(store)
    assert [tail.claim("a", 1), tail.claim("a", 1)] == ["new", "same"]
    tail.commit([TailCall(1, "web", (body("a"),), ("a",), (1,), duplicates=1)])
    assert tail.claim("a", 1) == "same"
    tail.close()
    tail = Tail.open(store)
    assert [tail.claim("a", 1), tail.claim("b", 1)] == ["same", "new"]
    tail.release(["b"])
    assert tail.claim("b", 1) == "new"
    tail.close()


def test_case_23_the_same_id_with_other_content_is_a_conflict(store) -> None:
    tail = Tail.open(store)
    assert [tail.claim("a", -7), tail.claim("a", 2)] == ["new", "conflict"]
    tail.commit([TailCall(1, "web", (body("a"),), ("a",), (-7,))])
    assert [tail.claim("a", 2), tail.claim("a", -7)] == ["conflict", "same"]
    tail.close()


def test_case_3_a_client_that_got_no_answer_and_sends_again_is_a_duplicate(store) -> None:
    tail = Tail.open(store)
    sent = call(1)
    tail.commit([sent])
    # The process ends here without a word: no close, no answer.
    again = Tail.open(store)
    assert {again.claim(event_id, content) for event_id, content in zip(sent.ids, sent.contents, strict=True)} == {"same"}
    assert again.balance().stored == 3
    again.close()


def test_a_release_does_not_take_back_what_is_stored(store) -> None:
    tail = Tail.open(store)
    tail.claim("a", 1)
    tail.commit([TailCall(1, "web", (body("a"),), ("a",), (1,))])
    tail.release(["a"])
    assert tail.claim("a", 1) == "same"
    tail.close()


def test_forgetting_deletes_every_byte_and_corrects_the_balance_once(store) -> None:
    tail = Tail.open(store)
    for number in range(1, 31):
        tail.commit([call(number), call(100 + number, rejected=(letter(number),))])
    tail.forget(41, duplicates=4, rejected=2)
    tail.forget(41, duplicates=4, rejected=2)
    tail.forget(7, duplicates=1)
    assert (tail.position, tail.sealed, tail.events) == (60, 41, 57)
    assert tail.balance() == Balance(received=210, stored=174, duplicates=4, rejected=32)
    assert [one.id for one in tail.rejects()] == [f"r{number}" for number in range(21, 31)]
    assert tail.claim("00000001-0", 5) == "new", "sealed ids are known to the segments"
    tail.release(["00000001-0"])
    reader = TailReader(store)
    assert [one.seq for one in reader.read(0, 9_999)] == list(range(42, 61))
    tail.close()
    raw = b"".join(path.read_bytes() for path in store.glob("live.db*"))
    assert b"00000001-0" not in raw
    assert b"00000030-0" in raw
    again = Tail.open(store)
    assert (again.position, again.sealed, again.events) == (60, 41, 57)
    assert again.claim(*known(call(30))) == "same"
    again.commit([call(900)])
    assert again.position == 61
    again.forget(61)
    assert (again.events, again.oldest_at) == (0, None)
    again.commit([call(901)])
    assert again.position == 62, "a number is never used twice"
    again.close()


def known(one: TailCall) -> tuple[str, int]:
    return one.ids[0], one.contents[0]


def test_deletion_that_a_crash_interrupted_goes_on_at_the_next_forgetting(store) -> None:
    tail = Tail.open(store)
    tail.commit([call(number) for number in range(1, 11)])
    group = tail._state._replace(id=tail._state.id + 1, first_seq=11, sealed_seq=6, ids=b"[]", contents=b"")
    tail._file.transact([("INSERT INTO groups VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", group.row())])
    again = Tail.open(store)
    assert (again.sealed, again.events) == (6, 12)
    again.forget(6, duplicates=1)
    assert again.events == 12
    assert again.balance().duplicates == 0
    assert [one.seq for one in TailReader(store).read(0, 99)] == [7, 8, 9, 10]
    again.close()


def test_notes_last(store) -> None:
    tail = Tail.open(store)
    assert tail.get("rates") is None
    tail.put("rates", "{}")
    tail.put("rates", '{"a":"é"}')
    tail.close()
    tail = Tail.open(store)
    assert tail.get("rates") == '{"a":"é"}'
    tail.close()


def test_a_store_without_a_tail_reads_as_empty_and_none_is_made(store) -> None:
    reader = TailReader(store)
    assert (reader.position(), reader.read(0, 10), reader.balance(), reader.damaged()) == (0, [], Balance(), ())
    assert not list(store.glob("live*"))


def test_case_18_a_newer_or_a_foreign_database_is_refused_untouched(store) -> None:
    with sqlite3.connect(store / "live.db") as other:
        other.execute("CREATE TABLE things (a)")
    other.close()
    before = (store / "live.db").read_bytes()
    with pytest.raises(StoreFormat, match="none of afterclick's"):
        Tail.open(store)
    with pytest.raises(StoreFormat):
        TailReader(store).position()
    assert (store / "live.db").read_bytes() == before
    (store / "live.db").unlink()
    Tail.open(store).close()
    newer = sqlite3.connect(store / "live.db")
    newer.execute("PRAGMA user_version = 9")
    newer.execute("CREATE TABLE more (a)")
    newer.close()
    with pytest.raises(StoreFormat, match="format 9"):
        Tail.open(store)


def test_a_call_that_does_not_fit_itself_stores_nothing(store) -> None:
    tail = Tail.open(store)
    with pytest.raises(ValueError, match="beside"):
        tail.commit([call(1), TailCall(1, "web", (b"{}",), (), ())])
    assert (tail.position, tail.balance()) == (0, Balance())
    tail.commit([call(1)])
    tail.close()


def test_the_writer_is_as_durable_as_it_says_and_only_it_makes_checkpoints(store) -> None:
    tail = Tail.open(store)
    values = {name: tail._file.connection.execute(f"PRAGMA {name}").fetchone()[0] for name in
              ("journal_mode", "synchronous", "secure_delete", "wal_autocheckpoint")}
    assert values == {"journal_mode": b"wal", "synchronous": 2, "secure_delete": 1, "wal_autocheckpoint": 0}
    reader = TailReader(store)
    reader.position()
    assert reader._connection is not None
    with pytest.raises(sqlite3.OperationalError):
        reader._connection.execute("DELETE FROM calls")
    tail.close()


def test_the_wal_stays_small_under_load(store) -> None:
    tail = Tail.open(store)
    for number in range(120):
        tail.commit([call(number * 40 + place) for place in range(40)])
        tail.tidy()
    assert (store / "live.db-wal").stat().st_size < 12 << 20
    tail.close()
    assert not (store / "live.db-wal").exists()


@settings(max_examples=40)
@given(st.lists(st.one_of(
    st.tuples(st.just("commit"), st.lists(st.integers(0, 3), min_size=1, max_size=4)),
    st.tuples(st.just("forget"), st.integers(0, 40)),
    st.tuples(st.just("reopen"), st.booleans()),
), max_size=12))
def test_any_history_of_commits_sealing_and_restarts_keeps_balance_and_rows(tmp_path_factory, history) -> None:
    store = prepare(tmp_path_factory.mktemp("any") / "shop")
    tail, number, expected, sealed = Tail.open(store), 0, {}, 0
    received = duplicates = 0
    for what, how in history:
        if what == "commit":
            group = []
            for events in how:
                number += 1
                group.append(call(number, events=events, duplicates=1))
                received, duplicates = received + events + 1, duplicates + 1
            first = tail.position + 1
            kept = [one for one in group if one.bodies]
            assert tail.commit(group) == tail.position == first + len(kept) - 1
            expected |= {first + place: one.bodies for place, one in enumerate(kept)}
        elif what == "forget":
            upto = min(how, tail.position)
            tail.forget(upto)
            sealed = max(sealed, upto)
        else:
            if how:
                tail.close()
            tail = Tail.open(store)
        assert {one.seq: one.bodies for one in TailReader(store).read(sealed, 9_999)} == {
            seq: bodies for seq, bodies in expected.items() if seq > sealed
        }
        assert tail.events == sum(len(bodies) for seq, bodies in expected.items() if seq > sealed)
        assert tail.balance() == Balance(received, received - duplicates, duplicates, 0)
    tail.close()


def test_reading_a_file_the_disk_refuses_is_one_clear_error(store) -> None:
    (store / "live.db").mkdir()
    with pytest.raises(StoreError):
        TailReader(store).position()
    with pytest.raises(StoreError):
        Tail.open(store)
