"""Sealing and merging: nothing is lost and nothing counted twice, whenever the process dies and whatever the disk refuses."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from afterclick.core import clock
from afterclick.core.errors import StoreError, StoreFormat, StoreLocked
from afterclick.core.spans import HOUR
from afterclick.store import checked, compaction, current, disk, manifest, merging, sealing, traffic
from afterclick.store.live.tail import Tail
from afterclick.store.manifest import SegmentEntry
from afterclick.store.store import Store
from support import sealing as processes
from support.sealing import GONE, event, fill
from support.tail import EventRows, copy_store, put
from support.tiny import TinyDerive, events

EVERY = [event(number).event_id for number in range(80)]


@pytest.fixture(autouse=True)
def at_once(monkeypatch) -> None:
    monkeypatch.setattr(current, "REFRESH_S", 0.0)


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("base") / "shop"
    fill(path)
    return path


@pytest.fixture
def path(base, tmp_path) -> Path:
    return copy_store(base, tmp_path / "shop")


def writer(path: Path) -> Store:
    return Store.open(path, derive=TinyDerive(), rows=EventRows(), write=True)


def found(store: Store) -> list[str]:
    snapshot = store.snapshot()
    rows = np.arange(snapshot.rows)
    names = snapshot.book("id").values(snapshot.take("device", rows)).to_pylist()
    ids = snapshot.event_ids(rows)
    assert names == [f"v{int(one[1:]) % 7}" for one in ids], "codes and rows of the log are not of the same events"
    return sorted(ids)


def damage(store: Store) -> list[str]:
    return [f"{one.file}: {one.message}" for one in store.verify() if one.severity == "damaged"]


def check(path: Path, wanted: list[str]) -> int:
    """Open as a server would after a crash, seal what is left, and hold all against what was acknowledged."""
    with writer(path) as store:
        assert found(store) == wanted
        tail = Tail.open(path)
        store.seal(tail)
        assert found(store) == wanted
        assert tail.events == 0
        assert tail.balance() == (81, 80, 1, 0), "received = stored + duplicates + rejected"
        assert traffic.unaccounted(store.snapshot()) == 0
        assert damage(store) == []
        tail.close()
        named = {entry.name + ".parquet" for entry in store.manifest.segments}
        assert {file.name for file in (path / "log").glob("*.parquet*")} == named
        return len(store.manifest.segments)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["seal", "compact", "erase"])
def test_cases_2_3_7_a_kill_at_every_step(base, tmp_path, what) -> None:
    command = [sys.executable, processes.__file__, what, str(base), str(tmp_path)]
    subprocess.run(command, check=True, timeout=100)
    steps = sorted(int(folder.name) for folder in tmp_path.iterdir() if folder.name.isdigit())
    ended = [step for step in steps if (tmp_path / f"{step}.ended").exists()]
    assert ended == steps[-1:], "only the process that no step killed can have ended"
    assert len(steps) > 10
    without = [name for name in EVERY if f"v{int(name[1:]) % 7}" != GONE or int(name[1:]) >= 60]
    happened = []
    for step in steps:
        with Store.open(tmp_path / str(step), derive=TinyDerive()) as store:
            last = store.manifest.entries[-1]
        done = last.kind == {"seal": "live"}.get(what, what) and (what != "seal" or last.live_seq == 4)
        happened.append(done)
        if what == "erase" and done:
            with writer(tmp_path / str(step)) as store:
                assert found(store) == without
                assert damage(store) == []
                texts = store.snapshot().book("id").all.slice(0, 7).to_pylist()
                assert texts.index(GONE) == 6, "the erased id has the code of its first event that is left"
        else:
            check(tmp_path / str(step), EVERY)
    assert happened == sorted(happened), "once the line is there it holds at every later step"
    assert set(happened) == {True, False}


STEPS = ("write_all", "sync", "settle", "sync_folder")


@pytest.mark.parametrize("step", STEPS)
def test_case_6_a_disk_that_refuses_any_single_step_of_sealing_or_merging_loses_nothing(base, tmp_path, step) -> None:
    refusals = 0
    for turn in range(60):
        path = copy_store(base, tmp_path / str(turn))
        with writer(path) as store:
            tail = Tail.open(path)
            refused = _refused(step, turn, partial(_seal_and_merge, store, tail))
            assert found(store) == EVERY
            tail.close()
        check(path, EVERY)
        shutil.rmtree(path)
        refusals += refused
        if not refused:
            break
    assert 0 < refusals == turn


def _seal_and_merge(store: Store, tail: Tail) -> None:
    store.seal(tail)
    store.compact()


def _refused(step: str, turn: int, run) -> bool:
    calls = [0]
    real = getattr(disk, step)

    def refuse(*arguments):
        calls[0] += 1
        if calls[0] == turn + 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk, step, refuse)
        try:
            run()
        except (OSError, StoreError):
            return True
    return calls[0] > turn


def test_sealing_makes_no_piece_anew_and_leaves_what_came_meanwhile_as_it_is(path) -> None:
    with writer(path) as store:
        derive = store._current.projection._derive
        tail = Tail.open(path)
        store.snapshot()
        before = len(derive.calls)
        store.seal(tail)
        put(tail, *map(event, range(80, 90)))
        store.snapshot()
        assert derive.calls[before:] == [10], "only the news was derived"
        assert len(list((path / "projection").iterdir())) == len(store.manifest.segments) == 4
        tail.close()
    with Store.open(path, derive=derive, rows=EventRows()) as again:
        again.snapshot()
        assert derive.calls[before:] == [10, 10], "of the tail alone; the sealed piece fits"


def test_questions_go_on_while_a_segment_is_written(path, monkeypatch) -> None:
    with writer(path) as store:
        tail = Tail.open(path)
        seen: list[list[str]] = []
        real = sealing.Transaction.commit

        def slow(*arguments, **more):
            put(tail, *map(event, range(80, 85)))
            seen.append(found(store))
            asked = threading.Thread(target=lambda: seen.append(found(store)))
            asked.start()
            asked.join(10)
            return real(*arguments, **more)

        monkeypatch.setattr(sealing.Transaction, "commit", slow)
        entry = store.seal(tail)
        assert seen == [sorted([*EVERY, *(event(number).event_id for number in range(80, 85))])] * 2
        assert entry is not None
        assert entry.counts["stored"] == 20
        assert found(store) == seen[0]
        assert tail.events == 5
        tail.close()


def test_a_snapshot_from_before_a_merge_can_still_read_its_rows(path, monkeypatch) -> None:
    ticks = [0.0]
    monkeypatch.setattr(clock, "ticks", lambda: ticks[0])
    with writer(path) as store:
        old = store.snapshot()
        store.compact()
        assert len(store.manifest.segments) == 1
        assert sorted(old.event_ids(np.arange(old.rows))) == EVERY
        assert [one.severity for one in store.verify()] == ["note"] * 3
        ticks[0] += merging.GRACE_S + 1
        store.compact()
        assert list(store.verify()) == []
        assert found(store) == EVERY


def test_merging_leaves_pieces_behind_it_and_the_tail_as_they_are(path) -> None:
    with writer(path) as store:
        with store.transaction("test") as transaction:
            transaction.add(events(10, prefix="i").drop_columns(["p.price"]))
            transaction.commit({"read": 10})
        derive = store._current.projection._derive
        before, rows = len(derive.calls), store.snapshot().rows
        entry = store.compact()
        assert entry is not None
        assert entry.counts["merged"] == 60
        snapshot = store.snapshot()
        assert (len(snapshot.sealed.pieces), snapshot.rows) == (2, rows)
        assert derive.calls[before:] == []
        kinds = [change.kind for change in store.manifest.entries]
        assert kinds == ["live", "live", "live", "import", "compact"]
        assert store.manifest.standing(store.manifest.entries[1]) == store.manifest.segments[:1]
        live = found_live(store)
    with writer(path) as again:
        again.rebuild()
        assert found_live(again) == live


def found_live(store: Store) -> list[tuple[str, str]]:
    snapshot = store.snapshot()
    rows = np.arange(snapshot.rows)
    names = snapshot.book("id").values(snapshot.take("device", rows)).to_pylist()
    return sorted(zip(snapshot.event_ids(rows), names, strict=True))


def test_case_9_a_damaged_segment_stops_sealing_and_merging_and_the_rest_is_served(path) -> None:
    with Store.open(path, derive=TinyDerive()) as store:
        victim = store.manifest.segments[1]
    file = path / "log" / f"{victim.name}.parquet"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    shutil.rmtree(path / "projection")
    with writer(path) as store:
        tail = Tail.open(path)
        assert store.snapshot().damaged == (victim.name,)
        assert found(store) == [name for name in EVERY if not 20 <= int(name[1:]) < 40]
        with pytest.raises(StoreError, match=victim.name):
            store.seal(tail)
        assert store.compact() is None
        assert tail.events == 21
        assert any(victim.name in said for said in damage(store))
        tail.close()


def test_case_10_a_projection_that_is_gone_is_derived_again_with_the_tail_behind_it(path) -> None:
    with writer(path) as store:
        wanted = found_live(store)
    shutil.rmtree(path / "projection")
    with writer(path) as store:
        assert found_live(store) == wanted


def test_case_12_a_second_server_is_refused_and_may_read(path) -> None:
    with writer(path) as store:
        tail = Tail.open(path)
        with Store.open(path, derive=TinyDerive(), rows=EventRows()) as other:
            assert found(other) == EVERY
            with pytest.raises(StoreLocked):
                _seal_in_another_process(path)
        store.seal(tail)
        tail.close()


def _seal_in_another_process(path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path\nfrom afterclick.core.errors import StoreLocked\n"
        "from afterclick.store.store import Store\nfrom support.tail import EventRows\n"
        "from support.tiny import TinyDerive\n"
        "try:\n    Store.open(Path(sys.argv[1]), derive=TinyDerive(), rows=EventRows()).seal(None)\n"
        "except StoreLocked:\n    sys.exit(3)\n"
    )
    tests = str(Path(processes.__file__).parents[1])
    if subprocess.run([sys.executable, "-c", code, str(path), tests], check=False).returncode == 3:
        raise StoreLocked("refused")


def test_case_18_a_store_from_before_live_traffic_opens_and_a_newer_change_is_refused_untouched(tmp_path) -> None:
    path = tmp_path / "shop"
    with Store.open(path, derive=TinyDerive(), write=True, create=True) as store:
        with store.transaction("test") as transaction:
            transaction.add(events(5))
            transaction.commit({"read": 5})
        line = (path / "log" / manifest.FILE).read_bytes()
    body = checked.unseal(line.rstrip(b"\n"))
    assert body is not None
    old = body.replace(b',"live_seq":0,"replaces":[],"rejects_for":{}', b"")
    assert len(old) < len(body)
    (path / "log" / manifest.FILE).write_bytes(checked.seal(old) + b"\n")
    with writer(path) as store:
        assert store.snapshot().rows == 5
        tail = Tail.open(path)
        put(tail, event(1))
        assert store.seal(tail) is not None
        assert store.snapshot().rows == 6
        tail.close()
    newer = checked.seal(b'{"seq":3,"kind":"thin","id":"x","at":1,"source":""}') + b"\n"
    with (path / "log" / manifest.FILE).open("ab") as file:
        file.write(newer)
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    with pytest.raises(StoreFormat, match="thin"):
        writer(path)
    after = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    assert {file for file in before if before[file] != after.get(file)} <= {path / "LOCK"}


def test_case_19_a_copy_taken_while_events_come_in_is_a_whole_prefix(path, tmp_path) -> None:
    with writer(path) as store:
        tail = Tail.open(path)
        for number in range(80, 100):
            put(tail, event(number))
            if number == 90:
                # As a backup tool would: the log last, so that it names no segment that is not there.
                copied = copy_store(path, tmp_path / "backup")
                store.seal(tail)
        tail.close()
    with writer(copied) as store:
        assert found(store) == sorted([*EVERY, *(event(number).event_id for number in range(80, 91))])
        assert damage(store) == []


def test_case_20_file_times_mean_nothing(path) -> None:
    with writer(path) as store:
        wanted = found_live(store)
    for number, file in enumerate(sorted(path.rglob("*"))):
        os.utime(file, (number % 3 * 10**9, number % 2 * 10**9))
    with writer(path) as store:
        tail = Tail.open(path)
        assert found_live(store) == wanted
        store.seal(tail)
        store.compact()
        assert found_live(store) == wanted
        tail.close()


def test_a_crash_between_the_line_and_the_tail_is_mended_at_the_next_sealing(path, monkeypatch) -> None:
    with writer(path) as store:
        tail = Tail.open(path)
        with monkeypatch.context() as patch:
            patch.setattr(Tail, "forget", _die)
            with pytest.raises(KeyboardInterrupt):
                store.seal(tail)
        assert found(store) == EVERY
        assert traffic.unaccounted(store.snapshot()) == 0
        assert traffic.balance(store.snapshot()) == (81, 80, 1, 0)
        assert tail.sealed < store.manifest.live_seq
        assert store.seal(tail) is None
        assert tail.sealed == store.manifest.live_seq
        assert tail.balance() == (81, 80, 1, 0)
        assert store.seal(tail) is None
        assert tail.balance() == (81, 80, 1, 0)
        tail.close()


def _die(*arguments: object, **more: object) -> None:
    raise KeyboardInterrupt


def test_sealing_is_due_by_number_or_by_age(path, monkeypatch) -> None:
    tail = Tail.open(path)
    oldest = tail.oldest_at
    assert oldest is not None
    assert not sealing.due(tail, oldest + HOUR - 1)
    assert sealing.due(tail, oldest + HOUR)
    monkeypatch.setattr(sealing, "SEAL_EVENTS", 21)
    assert sealing.due(tail, oldest)
    tail.close()


def test_a_long_tail_is_sealed_in_parts(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sealing, "SEAL_EVENTS", 25)
    path = tmp_path / "shop"
    with Store.open(path, derive=TinyDerive(), rows=EventRows(), write=True, create=True) as store:
        tail = Tail.open(path)
        for start in range(0, 80, 10):
            put(tail, *map(event, range(start, start + 10)))
        sizes = []
        while (entry := store.seal(tail)) is not None:
            sizes.append(entry.counts["stored"])
        assert sizes == [30, 30, 20]
        assert found(store) == EVERY
        tail.close()


def test_an_import_that_is_open_is_waited_for_by_nobody(path) -> None:
    with writer(path) as store:
        tail = Tail.open(path)
        with store.transaction("test") as transaction:
            with pytest.raises(StoreLocked):
                store.seal(tail)
            with pytest.raises(StoreLocked):
                store.compact()
            transaction.commit()
        assert store.seal(tail) is not None
        tail.close()


def segment(name: str, rows: int) -> SegmentEntry:
    return SegmentEntry(name=name, rows=rows, sha256="", bytes=rows * 60, first_at=0, last_at=0)


HOURS = {
    "equal": lambda chance, hour: 100,
    "day and night": lambda chance, hour: 10 + (hour % 24) ** 2 // 4,
    "wild": lambda chance, hour: int(chance.lognormal(4, 2)) + 1,
    "bursts": lambda chance, hour: 5000 if hour % 50 == 0 else 1,
}


@pytest.mark.parametrize("kind", HOURS)
def test_a_year_of_hourly_sealing_stays_under_thirty_segments_and_writes_n_log_n(kind) -> None:
    chance, segments, total, written, most, number = np.random.default_rng(1), [], 0, 0, 0, 0
    for hour in range(24 * 365):
        rows = HOURS[kind](chance, hour)
        total += rows
        segments.append(segment(f"s{hour}", rows))
        while (run := compaction.choose(segments, frozenset(one.name for one in segments))) is not None:
            first, end = run
            merged = sum(one.rows for one in segments[first:end])
            written += merged
            number += 1
            segments[first:end] = [segment(f"m{number}", merged)]
        most = max(most, len(segments))
    assert most < 30
    assert sum(one.rows for one in segments) == total
    assert written <= total * np.log2(24 * 365)


def test_segments_of_imports_are_never_merged_and_large_ones_stay() -> None:
    small = [segment(f"s{number}", 10) for number in range(6)]
    assert compaction.choose(small, frozenset()) is None
    assert compaction.choose(small, frozenset({"s0", "s1", "s3", "s4"})) is None
    assert compaction.choose(small, frozenset({"s1", "s2", "s3"})) == (1, 4)
    large = [segment(f"s{number}", compaction.MERGED_ROWS // 2) for number in range(6)]
    assert compaction.choose(large, frozenset(one.name for one in large)) is None


def test_questions_beside_commits_sealing_and_merging_see_a_whole_prefix_that_only_grows(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(merging, "GRACE_S", 5.0)
    path = tmp_path / "shop"
    with Store.open(path, derive=TinyDerive(), rows=EventRows(), write=True, create=True) as store:
        tail = Tail.open(path)
        put(tail, event(0))
        ended = threading.Event()
        wrong: list[object] = []
        asked = [0, 0, 0]

        def ask(number: int) -> None:
            own = Store.open(path, derive=TinyDerive(), rows=EventRows()) if number == 2 else store
            before = 0
            try:
                while not ended.is_set() or not asked[number]:
                    rows = len(found(own))
                    if rows < before or found(own)[:rows] != [event(i).event_id for i in range(rows)]:
                        wrong.append((number, before, rows))
                    before, asked[number] = rows, asked[number] + 1
            except Exception as error:
                wrong.append(error)
                raise

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for number in range(1, 120):
            put(tail, event(number))
            if number % 10 == 9:
                store.seal(tail)
            if number % 20 == 19:
                store.compact()
        ended.set()
        for thread in threads:
            thread.join(20)
        assert wrong == []
        assert min(asked) > 0
        assert found(store) == [event(i).event_id for i in range(120)]
        tail.close()
