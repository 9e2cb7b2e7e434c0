"""One import: counted once, whole or not at all, whatever fails on the way."""

import errno
import os

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from afterclick.core.errors import StoreError
from afterclick.core.event import Rejected
from afterclick.store import disk, history, log, manifest
from afterclick.store.store import Store
from support.tiny import TinyDerive, events, table

REJECT = Rejected(id="r", at=1, source="s", code="c", message="m")


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "shop", derive=TinyDerive(), write=True, create=True) as opened:
        yield opened


def files_of(store: Store) -> set[str]:
    return {str(file.relative_to(store.path)) for file in store.path.rglob("*") if file.is_file()}


def put(store: Store, rows: pa.Table) -> None:
    with store.transaction("test") as transaction:
        transaction.add(rows)
        transaction.commit()


def stored_ids(store: Store) -> list[str]:
    snapshot = store.snapshot()
    return sorted(snapshot.event_ids(np.arange(snapshot.rows)))


BATCH = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 2)), max_size=8)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(imports=st.lists(st.lists(BATCH, max_size=4), max_size=3), rows=st.integers(1, 5))
def test_seen_and_conflicts_are_what_a_dictionary_says(tmp_path_factory, monkeypatch, imports, rows) -> None:
    monkeypatch.setattr(log, "SEGMENT_ROWS", rows)
    model: dict[str, int] = {}
    with Store.open(tmp_path_factory.mktemp("s"), derive=TinyDerive(), write=True, create=True) as store:
        for batches in imports:
            with store.transaction("test") as transaction:
                for batch in batches:
                    given_rows = table([{"event_id": name, "amount": amount} for name, amount in batch])
                    seen, conflict = transaction.seen(given_rows["event_id"]), transaction.conflicts(given_rows)
                    wanted = []
                    for name, amount in batch:
                        wanted.append((name in model, name in model and model[name] != amount))
                        model.setdefault(name, amount)
                    assert list(zip(seen.to_pylist(), conflict.to_pylist(), strict=True)) == wanted
                    transaction.add(given_rows.filter(pc.invert(seen)))
                transaction.commit()
        assert stored_ids(store) == sorted(model)
        assert all(entry.rows <= rows for entry in store.manifest.segments)


CHANGES = [
    ({"event": "Other"}, True),
    ({"url": "https://x"}, True),
    ({"amount": None}, True),
    ({"p.price": 2.0}, True),
    ({"p.price": None}, True),
    ({"p.new": "x"}, True),
    ({"occurred_at": 5}, True),
    ({"source": "another"}, False),
    ({"received_at": 9, "sent_at": 8}, False),
    ({}, False),
]


@pytest.mark.parametrize(("change", "conflicting"), CHANGES)
def test_the_same_id_with_other_content_is_a_conflict(store, change, conflicting) -> None:
    row = {"event_id": "a", "amount": 5, "p.price": 1.0, "received_at": 1}
    put(store, table([row], price=pa.float64()))
    kinds = {"price": pa.float64(), **({"new": pa.string()} if "p.new" in change else {})}
    again = table([row | change], **kinds)
    with store.transaction("test") as transaction:
        assert transaction.seen(again["event_id"]).to_pylist() == [True]
        assert transaction.conflicts(again).to_pylist() == [conflicting]


def test_a_retry_whose_clock_was_corrected_anew_is_the_same_event(store) -> None:
    put(store, table([{"event_id": "a", "original_at": 7, "occurred_at": 100, "p.x": float("nan")}], x=pa.float64()))
    again = [
        {"event_id": "a", "original_at": 7, "occurred_at": 130},
        {"event_id": "a", "original_at": 8, "occurred_at": 100},
    ]
    with store.transaction("test") as transaction:
        assert transaction.conflicts(table(again)).to_pylist() == [False, True]


def test_a_number_and_its_text_are_the_same_content(store) -> None:
    put(store, table([{"event_id": "a", "p.x": 12.0}], x=pa.float64()))
    with store.transaction("test") as transaction:
        assert transaction.conflicts(table([{"event_id": "a", "p.x": "12"}], x=pa.string())).to_pylist() == [False]
        assert transaction.conflicts(table([{"event_id": "a", "p.x": "13"}], x=pa.string())).to_pylist() == [True]


def test_hashes_that_collide_decide_nothing(store, monkeypatch) -> None:
    monkeypatch.setattr(history.ids, "hash64", lambda texts: np.zeros(len(texts), np.uint64))
    put(store, events(5))
    with store.transaction("test") as transaction:
        asked = pa.array(["e000001", "e000009", "e000009", "e000004"])
        assert transaction.seen(asked).to_pylist() == [True, False, True, True]


def test_rows_are_cut_into_segments_and_none_is_lost(store, monkeypatch) -> None:
    monkeypatch.setattr(log, "SEGMENT_ROWS", 100)
    whole = events(350)
    with store.transaction("test") as transaction:
        for start in range(0, 350, 70):
            transaction.add(whole.slice(start, 70))
        assert transaction.rows == 350
        entry = transaction.commit()
    assert [segment.rows for segment in entry.segments] == [100, 100, 100, 50]
    assert stored_ids(store) == sorted(whole["event_id"].to_pylist())


def test_the_import_of_nothing_is_an_import(store) -> None:
    with store.transaction("test") as transaction:
        transaction.add(table([]))
        transaction.commit({"read": 0})
    assert store.manifest.entries[0].segments == ()
    assert store.snapshot().rows == 0


@pytest.mark.parametrize("fail", [False, True])
def test_what_is_not_committed_leaves_nothing(store, monkeypatch, fail) -> None:
    monkeypatch.setattr(log, "SEGMENT_ROWS", 10)
    put(store, events(15))
    before = files_of(store)

    def half() -> None:
        with store.transaction("test") as transaction:
            transaction.add(events(25, prefix="x"))
            transaction.reject([REJECT])
            assert len(files_of(store)) >= len(before) + 2  # a segment and the rejects; the second may still be written
            if fail:
                raise KeyboardInterrupt

    if fail:
        with pytest.raises(KeyboardInterrupt):
            half()
    else:
        half()
    assert files_of(store) == before
    assert store.snapshot().rows == 15


def test_a_closed_import_takes_nothing_more(store) -> None:
    with store.transaction("test") as transaction:
        transaction.commit()
        with pytest.raises(ValueError, match="is closed"):
            transaction.add(events(1))
        with pytest.raises(ValueError, match="is closed"):
            transaction.commit()


def test_files_are_synced_before_they_are_named_and_all_before_the_line(store, monkeypatch) -> None:
    said: list[str] = []
    real = {name: getattr(disk, name) for name in ("sync", "settle", "sync_folder")}

    def sync(descriptor: int) -> None:
        inode = os.fstat(descriptor).st_ino
        name = next(file.name for file in store.path.rglob("*") if file.stat().st_ino == inode)
        said.append(
            f"sync {name.split('-')[0] if name.startswith('0') else name} {name.rsplit('.', 1)[1] if '.' in name else ''}"
        )
        real["sync"](descriptor)

    monkeypatch.setattr(disk, "sync", sync)
    monkeypatch.setattr(disk, "settle", lambda a, b: (said.append("name"), real["settle"](a, b)))
    with store.transaction("test") as transaction:
        transaction.reject([REJECT])
        transaction.add(events(3))
        transaction.commit()
    until = said.index("sync manifest.jsonl jsonl")
    assert said[:until] == [
        "sync 000001 tmp",
        "name",
        "sync log ",
        "sync 000001 tmp",
        "name",
        "sync rejects ",
        "sync log ",
    ]
    assert said[until + 1] == "sync log "


STEPS = ("write_all", "sync", "settle", "sync_folder")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_disk_that_refuses_any_single_step_acknowledges_nothing_it_does_not_hold(tmp_path, step, number) -> None:
    refusals = 0
    for turn in range(40):
        path = tmp_path / str(turn)
        with Store.open(path, derive=TinyDerive(), write=True, create=True) as store:
            put(store, events(5))
            acknowledged, refused = _import_failing_at(store, step, turn, number)
        with Store.open(path, derive=TinyDerive(), write=True) as store:
            found = stored_ids(store)
            old, new = [f"e{i:06d}" for i in range(5)], [f"x{i:06d}" for i in range(4)]
            assert found == old + new if acknowledged else found in (old, old + new)
            assert len(list(store.rejects())) == (1 if len(found) > 5 else 0)
            assert not [finding for finding in store.verify() if finding.severity == "damaged"]
            names = {entry.name + ".parquet" for entry in store.manifest.segments}
            assert {file.name for file in (path / "log").glob("*.parquet*")} == names
        refusals += refused
        if not refused:
            break
    assert refusals == turn > 0


def _import_failing_at(store: Store, step: str, turn: int, number: int) -> tuple[bool, bool]:
    """Import with the given call of one step refused: was it acknowledged, and was anything refused?"""
    calls = [0]
    real = getattr(disk, step)

    def refuse(*arguments: object) -> object:
        calls[0] += 1
        if calls[0] == turn + 1:
            raise OSError(number, os.strerror(number))
        return real(*arguments)

    entry = code = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk, step, refuse)
        try:
            with store.transaction("test") as transaction:
                transaction.reject([REJECT])
                transaction.add(events(4, prefix="x"))
                entry = transaction.commit()
        except StoreError as error:
            code = error.code
    assert code in (None, "disk", "disk_full", "unconfirmed")
    return entry is not None or transaction.entry is not None, calls[0] > turn


def test_a_torn_tail_is_set_aside_with_the_files_it_names(store) -> None:
    put(store, events(5))
    put(store, events(4, prefix="x"))
    store.close()
    file = store.path / "log" / manifest.FILE
    whole = file.read_bytes()
    file.write_bytes(whole[:-3])
    stray = store.path / "log" / "000009-0011aabb-000.parquet"
    stray.write_bytes(b"never finished")
    foreign = store.path / "log" / "mine.parquet"
    foreign.write_bytes(b"somebody put it there")
    with Store.open(store.path, derive=TinyDerive(), write=True) as reopened:
        assert stored_ids(reopened) == [f"e{i:06d}" for i in range(5)]
        names = sorted(entry.name for entry in (store.path / "log").iterdir())
        segment = manifest.parse(whole).segments[1].name + ".parquet"
        assert [name for name in names if "torn" in name] == ["manifest.torn-1", "manifest.torn-1.files"]
        assert [entry.name for entry in (store.path / "log" / "manifest.torn-1.files").iterdir()] == [segment]
        assert (stray.exists(), foreign.exists()) == (False, True)
        assert {finding.severity for finding in reopened.verify()} == {"note"}
        put(reopened, events(4, prefix="x"))
        assert reopened.snapshot().rows == 9
