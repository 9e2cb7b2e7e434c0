"""A store as a whole: made, imported into, read while it is written to, refused when it is none."""

import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from afterclick.core.errors import SpecError, StoreError, StoreFormat, StoreLocked
from afterclick.core.event import Rejected
from afterclick.core.spans import Period
from afterclick.store import layout, lock, manifest
from afterclick.store.definitions import Definitions
from afterclick.store.store import Store
from support.tiny import DAY, DAY0, TinyDerive, events, table


@pytest.fixture
def path(tmp_path):
    return tmp_path / "shop"


def make(path, *tables: pa.Table, derive: TinyDerive | None = None) -> Store:
    store = Store.open(path, derive=derive or TinyDerive(), write=True, create=True)
    for rows in tables:
        put(store, rows)
    return store


def put(store: Store, rows: pa.Table, **more) -> None:
    with store.transaction("test") as transaction:
        transaction.add(rows)
        transaction.commit(**more)


def everything(snapshot) -> dict[str, list]:
    """What is in a snapshot, by event id, read through every door."""
    rows = np.arange(snapshot.rows)
    found = {"event_id": snapshot.event_ids(rows)}
    for name in ("at", "amount", "tie"):
        found[name] = snapshot.take(name, rows).tolist()
    found["device"] = snapshot.book("id").values(snapshot.take("device", rows)).to_pylist()
    found["name"] = snapshot.book("name").values(snapshot.take("name", rows)).to_pylist()
    return found


def by_id(snapshot) -> dict[str, tuple]:
    found = everything(snapshot)
    return {key: tuple(column[i] for column in found.values()) for i, key in enumerate(found["event_id"])}


def test_a_new_store_is_laid_out_and_can_be_opened_again(path) -> None:
    with Store.open(path, derive=TinyDerive(), create=True, definitions=Definitions(name="Shop")) as store:
        assert store.definitions.name == "Shop"
        assert (store.snapshot().rows, store.snapshot().first_at, store.snapshot().last_at) == (0, 0, 0)
        assert not store.writes
    assert {entry.name for entry in path.iterdir()} == {"afterclick.toml", "LOCK", "log", "projection"}
    assert (path / "log" / "format").read_text() == "1\n"
    with Store.open(path, derive=TinyDerive(), create=True, definitions=Definitions(name="Other")) as store:
        assert store.definitions.name == "Shop"


def test_what_is_no_store_is_refused_with_the_way_to_make_one(path) -> None:
    for folder in (path, path.parent):
        with pytest.raises(StoreFormat) as caught:
            Store.open(folder, derive=TinyDerive())
        assert "afterclick import FILE --store DIR" in caught.value.hint
    assert not path.exists()


def test_a_folder_with_something_else_is_not_made_a_store(path) -> None:
    path.mkdir()
    (path / "holiday.jpg").write_text("x")
    with pytest.raises(StoreFormat, match=r"holiday\.jpg"):
        Store.open(path, derive=TinyDerive(), create=True)
    assert [entry.name for entry in path.iterdir()] == ["holiday.jpg"]
    with pytest.raises(StoreFormat, match="a file, not a folder"):
        Store.open(path / "holiday.jpg", derive=TinyDerive(), create=True)


def test_a_crash_while_it_was_made_is_no_hindrance(path) -> None:
    make(path).close()
    (path / "log" / "format").unlink()
    with make(path, events(3)) as store:
        assert store.snapshot().rows == 3


def test_a_newer_format_is_refused_untouched(path) -> None:
    make(path, events(3)).close()
    (path / "log" / "format").write_text("2\n")
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    for write in (False, True):
        with pytest.raises(StoreFormat, match="format 2") as caught:
            Store.open(path, derive=TinyDerive(), write=write)
        assert caught.value.exit_code == 2
    assert {file: file.read_bytes() for file in path.rglob("*") if file.is_file()} == before


def test_an_older_format_is_upgraded_step_by_step(path, monkeypatch) -> None:
    make(path, events(3)).close()
    (path / "log" / "format").write_text("0\n")
    with pytest.raises(StoreFormat, match="never released"):
        Store.open(path, derive=TinyDerive())
    seen = []
    monkeypatch.setattr(layout, "UPGRADES", {0: seen.append})
    with Store.open(path, derive=TinyDerive()) as store:
        assert store.snapshot().rows == 3
    assert seen == [path]
    assert layout.format_of(path) == layout.FORMAT
    (path / "log" / "format").write_text("\0\0")
    with pytest.raises(StoreFormat, match="cannot be read"):
        Store.open(path, derive=TinyDerive())


def test_imports_add_up_and_rows_keep_their_numbers(path) -> None:
    parts = [events(200), events(30, prefix="x", seed=2), events(5, prefix="y", seed=3)]
    store = make(path, parts[0])
    first = store.snapshot()
    before = everything(first)
    for part in parts[1:]:
        put(store, part)
    after = store.snapshot()
    assert first.rows == 200
    assert everything(first) == before
    assert {name: column[:200] for name, column in everything(after).items()} == before
    wanted = pa.concat_tables(parts)
    found = by_id(after)
    assert len(found) == after.rows == 235
    for row in wanted.to_pylist():
        instant = int(row["occurred_at"].timestamp() * 1_000_000)
        assert found[row["event_id"]][1] == instant
        assert found[row["event_id"]][4:] == (row["anonymous_id"], row["event"])
    assert after.property_names == ("price",)
    assert (after.column_kind("p.price"), after.column_kind("name"), after.column_kind("no")) == ("number", "coded", "")
    instants = [value.timestamp() for value in wanted["occurred_at"].to_pylist()]
    assert (after.first_at, after.last_at) == (round(min(instants) * 1e6), round(max(instants) * 1e6))


def test_a_snapshot_is_the_same_object_until_something_changes(path) -> None:
    store = make(path, events(10))
    one = store.snapshot()
    assert store.snapshot() is one
    put(store, events(1, prefix="x"))
    two = store.snapshot()
    assert two is not one
    assert two.fingerprint != one.fingerprint
    store.save_definitions(Definitions(name="Renamed"))
    three = store.snapshot()
    assert three.fingerprint != two.fingerprint
    assert (three.definitions.name, three.rows) == ("Renamed", 11)
    assert [entry.counts for entry in three.imports] == [{"stored": 10, "rejected": 0}, {"stored": 1, "rejected": 0}]


def test_pieces_are_derived_once_and_again_only_for_definitions_they_read(path) -> None:
    derive = TinyDerive()
    store = make(path, events(10), events(4, prefix="x"), derive=derive)
    assert derive.calls == [10, 4]
    store.save_definitions(Definitions(name="x", timezone="Asia/Seoul"))
    assert store.snapshot().rows == 14
    assert derive.calls == [10, 4]
    store.save_definitions(Definitions(bots=("robot",)))
    assert store.snapshot().rows == 14
    assert derive.calls == [10, 4, 10, 4]
    store.close()
    other = TinyDerive(version="2")
    with Store.open(path, derive=other) as reopened:
        assert reopened.snapshot().rows == 14
    assert other.calls == [10, 4]
    with Store.open(path, derive=TinyDerive(version="2")) as again:
        assert again.snapshot().rows == 14


def test_definitions_that_are_wrong_are_named_and_nothing_else_happens(path) -> None:
    store = make(path, events(3))
    (path / "afterclick.toml").write_text("timezone = 'Nowhere'")
    with pytest.raises(SpecError, match="timezone"):
        store.snapshot()
    (path / "afterclick.toml").unlink()
    assert store.snapshot().definitions == Definitions()


def test_days_are_slices_and_missing_columns_are_constants(path) -> None:
    rows = [
        {"event_id": f"{d}-{i}", "occurred_at": DAY0 + d * DAY + i, "anonymous_id": f"v{i % 3}"}
        for d in range(-2, 5)
        for i in range(10)
    ]
    extra = table(
        [{"event_id": "z", "occurred_at": DAY0, "p.color": "red", "p.size": 1.5}], color=pa.string(), size=pa.float64()
    )
    snapshot = make(path, table(rows), extra).snapshot()
    for start, end in [
        (0, 1),
        (0, DAY),
        (0, DAY + 1),
        (-DAY, 0),
        (-9 * DAY, 9 * DAY),
        (2 * DAY - 1, 2 * DAY),
        (9 * DAY, 10 * DAY),
        (DAY, DAY),
    ]:
        chunks = snapshot.chunks(("at", "p.color", "p.size"), Period(DAY0 + start, DAY0 + end))
        wanted = [
            row
            for row in [*rows, {"event_id": "z", "occurred_at": DAY0}]
            if start // DAY <= (row["occurred_at"] - DAY0) // DAY < -(-end // DAY)
        ]
        found = [i for chunk in chunks for i in snapshot.event_ids(np.arange(chunk.start, chunk.start + chunk.rows))]
        assert sorted(found) == sorted(row["event_id"] for row in wanted)
        for chunk in chunks:
            assert all(len(column) == chunk.rows for column in chunk.columns.values())
            assert not any(column.flags.writeable for column in chunk.columns.values())
            assert all(column.flags.c_contiguous for column in chunk.columns.values())
            held = chunk.piece == 1
            assert chunk.columns["p.color"].tolist() == ([0] if held else [-1] * chunk.rows)
            assert np.isnan(chunk.columns["p.size"]).all() != held
    assert [chunk.rows for chunk in snapshot.chunks(("at",))] == [70, 1]
    assert snapshot.chunks(("at",))[0].columns["at"].base is not None
    assert snapshot.take("p.color", np.array([70, 0])).tolist() == [0, -1]
    with pytest.raises(KeyError, match="nothing"):
        snapshot.chunks(("nothing",))
    with pytest.raises(IndexError, match="0 to 70"):
        snapshot.take("at", np.array([71]))


def test_log_rows_come_in_the_order_asked_with_what_every_segment_has(path) -> None:
    one = table([{"event_id": "a", "p.x": 1.0, "url": "u"}, {"event_id": "b", "p.x": None}], x=pa.float64())
    other = table([{"event_id": "c", "p.x": "text", "p.y": True}], x=pa.string(), y=pa.bool_())
    snapshot = make(path, one, other).snapshot()
    found = snapshot.log_rows(np.array([2, 0, 1, 2]), ("event_id", "p.x", "p.y", "url", "p.none"))
    assert found.to_pydict() == {
        "event_id": ["c", "a", "b", "c"],
        "p.x": ["text", "1", None, "text"],
        "p.y": [True, None, None, True],
        "url": [None, "u", None, None],
        "p.none": [None] * 4,
    }
    assert snapshot.log_rows(np.zeros(0, np.int64), ("event_id",)).num_rows == 0
    assert snapshot.log_rows(np.array([1])).column_names[0] == "event_id"


def test_a_property_that_is_number_here_and_text_there_is_text_everywhere(path) -> None:
    one = table([{"event_id": "a", "p.x": 12.0}, {"event_id": "b", "p.x": 0.5}, {"event_id": "c"}], x=pa.float64())
    other = table([{"event_id": "d", "p.x": "12"}, {"event_id": "e", "p.x": "red"}], x=pa.string())
    for order in ((one, other), (other, one)):
        snapshot = make(path, *order).snapshot()
        assert snapshot.column_kind("p.x") == "coded"
        rows = np.arange(5)
        texts = snapshot.book("p.x").values(snapshot.take("p.x", rows)).to_pylist()
        assert dict(zip(snapshot.event_ids(rows), texts, strict=True)) == {
            "a": "12",
            "b": "0.5",
            "c": None,
            "d": "12",
            "e": "red",
        }
        chunked = np.concatenate([chunk.columns["p.x"] for chunk in snapshot.chunks(("p.x",))])
        assert chunked.tolist() == snapshot.take("p.x", rows).tolist()
        path = path.with_name("other")


def test_edges_are_those_of_all_pieces(path) -> None:
    one = table([{"event_id": "a", "anonymous_id": "v", "user_id": "u"}, {"event_id": "b", "anonymous_id": "w"}])
    other = table([{"event_id": "c", "anonymous_id": "w", "user_id": "u", "occurred_at": DAY0 + 7}])
    snapshot = make(path, one, other).snapshot()
    edges = snapshot.edges()
    names = snapshot.book("id").values
    assert names(edges.a).to_pylist() == ["v", "w"]
    assert names(edges.b).to_pylist() == ["u", "u"]
    assert edges.at.tolist() == [DAY0, DAY0 + 7]
    assert edges.what.tolist() == [0, 0]


READER = """
import sys
sys.path.insert(0, sys.argv[2])
from support.tiny import TinyDerive
from afterclick.store.store import Store
with Store.open(sys.argv[1], derive=TinyDerive()) as store:
    snapshot = store.snapshot()
    print(snapshot.rows, snapshot.book("id").size, len(snapshot.event_ids(__import__("numpy").arange(snapshot.rows))))
"""


def ask_elsewhere(path) -> list[int]:
    command = [sys.executable, "-c", READER, str(path), str(Path(__file__).parents[1])]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return [int(word) for word in ran.stdout.split()]


def test_another_process_is_answered_while_this_one_imports(path) -> None:
    store = make(path, events(40))
    with store.transaction("test") as transaction:
        transaction.add(events(10, prefix="x"))
        assert ask_elsewhere(path) == [40, 7, 40]
        (path / "projection" / store.manifest.segments[0].name / "columns.arrow").unlink()
        assert ask_elsewhere(path) == [40, 7, 40]
        transaction.commit()
    assert ask_elsewhere(path) == [50, 7, 50]


def test_a_second_writer_is_refused_and_a_reader_is_not(path) -> None:
    store = make(path, events(4))
    with pytest.raises(StoreLocked, match="pid"):
        Store.open(path, derive=TinyDerive(), write=True)
    reader = Store.open(path, derive=TinyDerive())
    assert reader.snapshot().rows == 4
    with pytest.raises(StoreLocked), reader.transaction("x"):
        raise AssertionError("the lock was given twice")
    with pytest.raises(StoreLocked):
        reader.rebuild()
    store.close()
    put(reader, events(2, prefix="x"))
    assert reader.snapshot().rows == 6
    assert not reader.writes


def test_a_reader_stores_what_it_derived_when_nobody_writes(path) -> None:
    make(path, events(30), events(4, prefix="x")).close()
    for file in sorted((path / "projection").rglob("*")):
        if file.is_file():
            file.write_bytes(b"")
    first = TinyDerive()
    with Store.open(path, derive=first) as store:
        assert store.snapshot().rows == 34
    second = TinyDerive()
    with Store.open(path, derive=second) as store:
        assert store.snapshot().rows == 34
    assert (first.calls, second.calls) == ([30, 4], [])


def test_a_reader_that_may_not_write_answers_from_memory(path, monkeypatch) -> None:
    make(path, events(30)).close()
    truth = by_id(make_reader(path).snapshot())
    for file in (path / "projection").rglob("*.json"):
        file.unlink()

    def refuse(self: lock.Lock) -> bool:
        raise StoreError("read-only", code="no_access")

    monkeypatch.setattr(lock.Lock, "try_acquire", refuse)
    assert by_id(make_reader(path).snapshot()) == truth
    assert not list((path / "projection").rglob("*.json"))


def make_reader(path) -> Store:
    return Store.open(path, derive=TinyDerive())


def test_a_full_disk_stops_no_question(path, monkeypatch) -> None:
    store = make(path, events(10))
    before = by_id(store.snapshot())

    def full(*_: object) -> None:
        raise StoreError("no space", code="disk_full")

    monkeypatch.setattr("afterclick.store.piece_files.write", full)
    put(store, events(5, prefix="x"))
    snapshot = store.snapshot()
    assert by_id(snapshot).items() >= before.items()
    assert snapshot.rows == 15
    with store.transaction("test") as transaction:
        assert pc.sum(transaction.seen(pa.array(["x000001", "e000001", "new"]))).as_py() == 2
    monkeypatch.undo()
    assert by_id(make_reader(path).snapshot()) == by_id(snapshot)


def test_rebuild_gives_the_same_store_again(path) -> None:
    store = make(path, events(50), events(20, prefix="x", seed=9))
    truth, said = everything(store.snapshot()), []
    files = {file.relative_to(path): file.read_bytes() for file in sorted((path / "projection").rglob("*.arrow"))}
    rebuilt = store.rebuild(lambda *step: said.append(step))
    assert everything(rebuilt) == truth
    assert {
        file.relative_to(path): file.read_bytes() for file in sorted((path / "projection").rglob("*.arrow"))
    } == files
    assert said == [("verify", 0, 2), ("verify", 1, 2), ("derive", 0, 2), ("derive", 1, 2), ("derive", 2, 2)]


def test_rejects_are_kept_filtered_and_replayed(path) -> None:
    store = make(path)
    bad = [
        Rejected(
            id=f"r{i}",
            at=i,
            source="s",
            code="bad_time" if i else "no_name",
            message="m",
            file="f.csv",
            original='{"a":"\\u0000"}',
        )
        for i in range(3)
    ]
    with store.transaction("s") as transaction:
        transaction.reject(bad[:2])
        transaction.reject(bad[2:])
        entry = transaction.commit({"read": 3, "stored": 99})
    assert (entry.counts, entry.rejects.rows) == ({"read": 3, "stored": 0, "rejected": 3}, 3)
    assert list(store.rejects()) == bad
    assert list(store.snapshot().rejects()) == bad
    assert [one.id for one in store.rejects(code="bad_time")] == ["r1", "r2"]
    assert [one.id for one in store.rejects(ids=frozenset(["r0", "r9"]), source="s", file="f.csv")] == ["r0"]
    assert list(store.rejects(imported="nothing")) == []
    with store.transaction("s", kind="replay") as transaction:
        transaction.add(events(1))
        replay = transaction.commit(reject_ids=["r1"])
    assert (replay.kind, replay.reject_ids, replay.rejects) == ("replay", ("r1",), None)
    assert [one.id for one in store.rejects(replayed=True)] == ["r1"]
    assert [one.id for one in store.rejects(replayed=False)] == ["r0", "r2"]
    assert store.snapshot().replayed == {"r1"}
    assert list(store.rejects(imported=entry.id)) == bad


def test_a_damaged_line_of_rejects_is_named(path) -> None:
    store = make(path)
    with store.transaction("s") as transaction:
        transaction.reject([Rejected(id="r", at=1, source="s", code="c", message="m")])
        entry = transaction.commit()
    file = path / "log" / "rejects" / entry.rejects.file
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(StoreError, match="line 1 of"):
        list(store.rejects())
    assert [finding.file for finding in store.verify()] == [f"log/rejects/{file.name}"]


def test_the_entry_of_an_import_says_all_about_it(path) -> None:
    store = make(path)
    files = (manifest.FileEntry(name="a.csv", sha256="00", rows=4, bytes=5),)
    with store.transaction("google") as transaction:
        transaction.add(events(4))
        entry = transaction.commit({"read": 5, "duplicates": 1}, files, {"event": "name"})
    assert (entry.source, entry.files, entry.map, entry.id) == ("google", files, {"event": "name"}, transaction.id)
    assert entry.counts == {"read": 5, "duplicates": 1, "stored": 4, "rejected": 0}
    assert store.manifest.entries == (entry,)
    assert [segment.name for segment in entry.segments] == [f"{entry.id}-000"]
    assert msgspec.json.decode(msgspec.json.encode(entry), type=manifest.ImportEntry) == entry


def test_one_import_at_a_time_in_one_process_too(path) -> None:
    store = make(path)
    with store.transaction("a") as outer:
        with pytest.raises(StoreLocked, match="open already"), store.transaction("b"):
            raise AssertionError("two imports were open")
        outer.add(events(2))
        outer.commit()
    put(store, events(1, prefix="x"))
    assert store.snapshot().rows == 3


def test_threads_ask_and_write_side_by_side(path) -> None:
    make(path, events(30)).close()
    store = make_reader(path)
    wrong: list[BaseException] = []

    def ask() -> None:
        try:
            for _ in range(30):
                for file in (path / "projection").glob("*/piece.json"):
                    file.unlink(missing_ok=True)
                snapshot = store.snapshot()
                assert len(snapshot.event_ids(np.arange(snapshot.rows))) == snapshot.rows
        except BaseException as error:  # noqa: BLE001 - carried to the main thread
            wrong.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(10):
        put(store, events(3, prefix=f"t{number}-"))
    for thread in threads:
        thread.join()
    assert wrong == []
    assert store.snapshot().rows == 60
    assert not store.writes
