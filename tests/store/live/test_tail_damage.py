"""Whatever happens to the bytes of the tail: it opens by itself, says what is gone, and serves the rest."""

import json
import random
import shutil
import sqlite3

import pytest

from afterclick.core.errors import AfterclickError
from afterclick.store import verify
from afterclick.store.live import mark, salvage
from afterclick.store.live.database import PAGE
from afterclick.store.live.findings import findings
from afterclick.store.live.reader import TailReader
from afterclick.store.live.tail import Tail
from afterclick.store.store import Store
from support.tail_writer import call, prepare
from support.tiny import TinyDerive

CALLS = 24


@pytest.fixture
def store(tmp_path):
    return prepare(tmp_path / "shop")


def filled(store, *, marked: bool = True):
    """A tail of CALLS calls, as a killed process leaves it: the WAL not moved."""
    tail = Tail.open(store)
    for number in range(1, CALLS + 1, 2):
        tail.commit([call(number), call(number + 1)])
    if marked:
        tail.mark()
    return tail


def copied(store, target):
    """The files as they lie there, without what only a running process needs."""
    target.mkdir()
    shutil.copytree(store / "log", target / "log")
    for path in store.glob("live*"):
        if not path.name.endswith("-shm"):
            shutil.copy(path, target / path.name)
    return target


def events_of(reader: TailReader) -> dict[int, tuple[bytes, ...]]:
    return {one.seq: one.bodies for one in reader.read(0, 10_000)}


TRUTH = {number: call(number).bodies for number in range(1, CALLS + 1)}


def said(store) -> list[str]:
    return [message for damaged, _, message in findings(store) if damaged]


def test_case_8_a_wal_cut_anywhere_opens_with_an_exact_prefix_and_the_loss_is_told(store, tmp_path) -> None:
    tail = filled(store)
    size = (store / "live.db-wal").stat().st_size
    frame = 24 + PAGE
    # Every byte of one frame and its edges, and every frame of the file.
    cuts = {32 + frame * place + extra for place in range(size // frame + 1) for extra in (-1, 0, 1)}
    cuts |= {32 + frame * (size // frame // 2) + extra for extra in range(0, frame, 331)} | {0, 1, 31}
    prefixes = set()
    for number, cut in enumerate(sorted(cut for cut in cuts if 0 <= cut < size)):
        there = copied(store, tmp_path / str(number))
        with (there / "live.db-wal").open("r+b") as file:
            file.truncate(cut)
        again = Tail.open(there)
        found = events_of(TailReader(there))
        last = max(found, default=0)
        assert found == {number: TRUTH[number] for number in range(1, last + 1)}
        assert again.events == 3 * last
        prefixes.add(last)
        if last < CALLS:
            assert any(f"calls {last + 1} to {CALLS} were committed" in one for one in said(there))
            assert any("were committed" in one for one in TailReader(there).damaged())
            assert again.commit([call(900)]) == CALLS + 1, "the numbers of what is lost are not used again"
        again.close()
        shutil.rmtree(there)
    assert prefixes >= set(range(0, CALLS, 2))
    assert said(store) == []
    tail.close()


def test_case_8_a_loss_is_told_for_as_long_as_the_store_lives(store) -> None:
    filled(store).close()
    mark.write(store, CALLS + 5)
    Tail.open(store).close()
    tail = Tail.open(store)
    tail.commit([call(900)])
    assert tail.position == CALLS + 6
    assert said(store) == [f"calls {CALLS + 1} to {CALLS + 5} were committed and are not there: the tail lost its end"]
    tail.close()


def test_a_missing_file_is_told_by_the_mark(store) -> None:
    filled(store).close()
    (store / "live.db").unlink()
    assert said(store) == [f"the file is missing; calls up to {CALLS} were committed to it"]
    tail = Tail.open(store)
    assert (tail.position, tail.events) == (CALLS, 0)
    tail.close()


@pytest.mark.parametrize("seed", range(3))
def test_case_9_a_flipped_bit_is_named_and_the_rest_is_served(store, tmp_path, seed) -> None:
    filled(store).close()
    clean = (store / "live.db").read_bytes()
    chance = random.Random(seed)
    unnoticed = 0
    for number in range(40):
        there = copied(store, tmp_path / str(number))
        place, bit = chance.randrange(len(clean)), chance.randrange(8)
        flipped = bytearray(clean)
        flipped[place] ^= 1 << bit
        (there / "live.db").write_bytes(flipped)
        told = said(there)
        tail = Tail.open(there)
        reader = TailReader(there)
        found = events_of(reader)
        assert all(TRUTH[seq] == bodies for seq, bodies in found.items()), "a wrong row was served"
        if found != TRUTH:
            assert told, f"bit {bit} of byte {place} took {TRUTH.keys() - found.keys()} and nobody said so"
        unnoticed += not told
        assert tail.claim("00000009-0", 1) in ("conflict", "same") or 9 not in found
        before = tail.position
        assert before >= CALLS
        tail.commit([call(900)])
        assert events_of(TailReader(there))[before + 1] == call(900).bodies
        tail.close()
        shutil.rmtree(there)
    # Bytes that hold nothing: free space in pages, counters of SQLite itself.
    assert unnoticed < 30


def test_case_9_a_row_whose_checksum_does_not_fit_is_named_by_its_number(store) -> None:
    filled(store).close()
    raw = sqlite3.connect(store / "live.db")
    changed = call(7).bodies[0].replace(b"00000007-0", b"00000007-9")
    raw.execute("UPDATE calls SET bodies = ? WHERE seq = 7", (b"[" + changed + b"]",))
    raw.commit()
    raw.close()
    reader = TailReader(store)
    assert events_of(reader) == {seq: bodies for seq, bodies in TRUTH.items() if seq != 7}
    assert reader.damaged() == ("call 7 does not fit its checksum",)
    assert any("call 7 " in one for one in said(store))
    tail = Tail.open(store)
    tail.forget(10)
    assert any("call 7 was damaged when it was to be sealed" in one for one in said(store))
    tail.close()


def test_case_9_ids_that_were_lost_are_made_again_from_the_calls(store) -> None:
    filled(store).close()
    raw = sqlite3.connect(store / "live.db")
    raw.execute("UPDATE groups SET ids = ? WHERE id IN (4, 12)", (b'["nonsense"]',))
    raw.commit()
    raw.close()
    tail = Tail.open(store)
    assert (tail.position, tail.events, tail.balance().stored) == (CALLS, 3 * CALLS, 3 * CALLS)
    for number in range(1, CALLS + 1):
        assert {tail.claim(one, content) for one, content in zip(*call(number)[3:5], strict=True)} == {"same"}
    assert tail.claim("nonsense", 1) == "new"
    tail.close()
    assert any("the ids of commit 4" in one for one in said(store))
    assert len(said(store)) == 2
    Tail.open(store).close()
    assert len(said(store)) == 2, "told once"


HARM = {
    "zeroed": lambda content: bytes(len(content)),
    "its head zeroed": lambda content: bytes(100) + content[100:],
    "garbled": lambda content: random.Random(1).randbytes(len(content)),
    "emptied": lambda content: b"",
    "cut to a page": lambda content: content[:PAGE],
    "cut in half": lambda content: content[: len(content) // 2],
    "a page in its middle zeroed": lambda content: content[: 2 * PAGE] + bytes(PAGE) + content[3 * PAGE :],
    "text": lambda content: b"hello\n",
}


@pytest.mark.parametrize("harm", HARM)
def test_a_file_sqlite_refuses_is_set_aside_and_the_store_goes_on_by_itself(store, harm) -> None:
    filled(store).close()
    content = HARM[harm]((store / "live.db").read_bytes())
    (store / "live.db").write_bytes(content)
    tail = Tail.open(store)
    assert tail.position == CALLS
    found = events_of(TailReader(store))
    assert all(TRUTH[seq] == bodies for seq, bodies in found.items())
    assert tail.commit([call(900)]) == CALLS + 1
    assert said(store), "nobody was told of the loss"
    tail.close()
    again = Tail.open(store)
    assert events_of(TailReader(store)) == {**found, CALLS + 1: call(900).bodies}
    again.close()


def test_half_of_a_broken_file_is_taken_over_from_both_ends(store) -> None:
    tail = Tail.open(store)
    for number in range(1, 201):
        tail.commit([call(number)])
    tail.close()
    content = bytearray((store / "live.db").read_bytes())
    page = content.index(b'"event_id":"00000100-0"') // PAGE
    content[page * PAGE : page * PAGE + 8] = b"\xff" * 8
    (store / "live.db").write_bytes(content)
    found = TailReader(store)
    there = events_of(found)
    assert {1, 50, 150, 200} <= set(there)
    assert len(there) > 190
    assert any("broken" in one for one in found.damaged())
    assert any("broken" in one for one in said(store))


def test_salvage_goes_on_where_a_crash_stopped_it(store, monkeypatch) -> None:
    filled(store).close()
    path = store / "live.db"
    path.write_bytes(path.read_bytes()[: 5 * PAGE // 2])
    (store / "live.db-wal").write_bytes(b"left over")

    class Killed(Exception):
        pass

    real = salvage.disk.sync_folder

    def killed(folder) -> None:
        raise Killed

    switch = salvage._switch
    for stop in ("before", "middle"):
        if stop == "before":
            monkeypatch.setattr(salvage, "_switch", killed)
        else:
            monkeypatch.setattr(salvage, "_switch", switch)
            monkeypatch.setattr(salvage.disk, "sync_folder", killed)
        with pytest.raises(Killed):
            Tail.open(store)
    assert (store / "live.db.new").exists()
    assert not path.exists()
    monkeypatch.setattr(salvage.disk, "sync_folder", real)
    tail = Tail.open(store)
    assert tail.position == CALLS
    assert not (store / "live.db.new").exists()
    assert [one.name for one in store.glob("live.damaged-*.db")] == ["live.damaged-1.db"]
    tail.close()


def test_case_14_reading_and_copying_the_file_in_the_process_drops_no_lock(store) -> None:
    with Store.open(store.parent / "real", derive=TinyDerive(), write=True, create=True) as held:
        tail = Tail.open(held.path)
        tail.commit([call(1)])
        for _ in range(3):
            reader = TailReader(held.path)
            reader.read(0, 10)
            reader.close()
        backup = sqlite3.connect(":memory:")
        source = sqlite3.connect(f"file:{held.path / 'live.db'}?mode=ro", uri=True)
        source.backup(backup)
        source.close()
        backup.close()
        with pytest.raises(AfterclickError, match="another process writes"):
            Store.open(held.path, derive=TinyDerive(), write=True)
        intruder = sqlite3.connect(held.path / "live.db", timeout=0, isolation_level=None)
        tail._file.connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            intruder.execute("BEGIN IMMEDIATE")
        tail._file.connection.execute("ROLLBACK")
        intruder.close()
        tail.commit([call(2)])
        assert set(events_of(TailReader(held.path))) == {1, 2}
        tail.close()


def test_verify_of_a_store_speaks_of_its_tail(store) -> None:
    with Store.open(store.parent / "real", derive=TinyDerive(), write=True, create=True) as held:
        filled(held.path).close()
        assert list(held.verify()) == []
        raw = sqlite3.connect(held.path / "live.db")
        raw.execute("UPDATE calls SET received_at = received_at + 1 WHERE seq = 3")
        raw.commit()
        raw.close()
        found = [one for one in held.verify() if one.severity == "damaged"]
    assert {one.file for one in found} == {"live.db"}
    assert any("call 3 does not fit its checksum" in one.message for one in found)
    assert isinstance(found[0], verify.Finding)


def test_a_damaged_note_is_no_note(store) -> None:
    tail = filled(store)
    tail.put("rates", "{}")
    tail.close()
    raw = sqlite3.connect(store / "live.db")
    raw.execute("UPDATE notes SET text = ?", (b"[]",))
    raw.commit()
    raw.close()
    tail = Tail.open(store)
    assert tail.get("rates") is None
    assert any("note" in one for one in said(store))
    tail.close()


def test_a_torn_mark_is_no_mark(store) -> None:
    filled(store).close()
    assert json.loads((store / "live.mark").read_bytes())["seq"] == CALLS
    for content in (b"", b'{"crc":"', b"\0" * 30, (store / "live.mark").read_bytes().replace(b"24", b"99")):
        (store / "live.mark").write_bytes(content)
        assert mark.read(store) == 0
        tail = Tail.open(store)
        assert tail.position == CALLS
        tail.close()


@pytest.mark.parametrize("word", [b"rejected INTEGER", b"CREATE TABLE groups", b"seq INTEGER PRIMARY KEY"])
def test_damaged_words_of_the_schema_are_set_right_and_nothing_is_lost(store, word) -> None:
    filled(store).close()
    content = (store / "live.db").read_bytes()
    assert content.count(word) >= 1
    (store / "live.db").write_bytes(content.replace(word, word[:3] + b"~" + word[4:], 1))
    tail = Tail.open(store)
    assert events_of(TailReader(store)) == TRUTH
    assert tail.events == 3 * CALLS
    assert not list(store.glob("live.damaged-*"))
    assert any("schema" in one for one in said(store))
    tail.close()


@pytest.mark.parametrize("name", ["a 100%25 shop", "shop?", "shop#1"])
def test_what_can_be_read_is_taken_over_whatever_the_folder_is_called(tmp_path, name) -> None:
    store = prepare(tmp_path / name)
    filled(store).close()
    aside, told = salvage.salvage(store, "a page is broken")
    assert aside.exists()
    assert f"{CALLS} calls could be taken over" in told
    tail = Tail.open(store)
    assert events_of(TailReader(store)) == TRUTH
    assert tail.balance().stored == tail.events == 3 * CALLS
    tail.close()


def test_where_the_new_file_cannot_be_written_the_damaged_one_stays(store, monkeypatch) -> None:
    filled(store).close()
    before = (store / "live.db").read_bytes()
    with monkeypatch.context() as patch:
        # Whatever refuses a row: to go on would put an empty file into the place of acknowledged events.
        patch.setattr(salvage, "_INSERT_CALL", "INSERT INTO nowhere VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
        with pytest.raises(sqlite3.Error):
            salvage.salvage(store, "a page is broken")
    assert (store / "live.db").read_bytes() == before
    assert not list(store.glob("live.damaged-*"))
    salvage.salvage(store, "a page is broken")
    Tail.open(store).close()
    assert events_of(TailReader(store)) == TRUTH
