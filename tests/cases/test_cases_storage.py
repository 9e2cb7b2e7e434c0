"""Cases of section A that need a disk and a server that goes on: short writes, damage under it, copies, changed clocks."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import afterclick
from afterclick.app.prove import stored, traffic
from afterclick.core import clock
from afterclick.core.errors import StoreError, UsageError
from afterclick.store import backup, disk
from afterclick.store.live import copying
from afterclick.store.live.tail import Tail
from afterclick.store.store import Store
from afterclick.surfaces.cli.main import group
from support.sealing import event
from support.served import Served, served
from support.tail import EventRows, put
from support.tiny import TinyDerive

BEGIN = 1_780_000_000_000_000


def writer(path: Path, **more: bool) -> Store:
    return Store.open(path, derive=TinyDerive(), rows=EventRows(), write=True, **more)


def ids(store: Store) -> list[str]:
    snapshot = store.snapshot()
    return sorted(snapshot.event_ids(np.arange(snapshot.rows)))


def damage(path: Path) -> list[str]:
    with afterclick.open(path) as shop:
        return [f"{one.file}: {one.message}" for one in shop.store.verify() if one.severity == "damaged"]


@pytest.mark.parametrize("fails", [False, True])
def test_case_7_short_writes_are_finished_and_a_half_written_segment_is_sealed_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    path, every = tmp_path / "shop", [event(number) for number in range(200)]
    chance, real, calls = random.Random(7), os.write, []

    def short(descriptor: int, content: memoryview) -> int:
        calls.append(len(content))
        if fails and len(calls) == 20:
            raise OSError(errno.EIO, "input/output error")
        return real(descriptor, content[: chance.randint(1, max(1, min(len(content), 999)))])

    with writer(path, create=True) as store:
        tail = Tail.open(path)
        put(tail, *every)
        with monkeypatch.context() as patch:
            patch.setattr(disk.os, "write", short)
            if fails:
                with pytest.raises(StoreError):
                    store.seal(tail)
            else:
                store.seal(tail)
        assert len(calls) >= 20, "nothing was written in pieces"
        tail.close()
    # What a dead process would have left behind.
    (path / "log" / "000009-deadbeef-000.parquet.tmp").write_bytes(b"PAR1 and no more")
    with writer(path) as store:
        assert not list((path / "log").glob("*.tmp"))
        tail = Tail.open(path)
        store.seal(tail)
        assert (tail.events, ids(store)) == (0, sorted(one.event_id for one in every))
        tail.close()
        assert [one for one in store.verify() if one.severity == "damaged"] == []


def send(shop: Served, events: list[dict[str, object]]) -> list[dict[str, int]]:
    return [shop.send("/v1/batch", {"batch": events[at : at + 50]}).json() for at in range(0, len(events), 50)]


def test_case_11_a_projection_damaged_by_a_crash_is_derived_again_and_the_server_says_all_is_well(tmp_path: Path) -> None:
    path = tmp_path / "shop"
    with served(path) as shop:
        send(shop, traffic.events(11, 300, begin=BEGIN))
    stored.seal(path)
    wanted = stored.numbers(path)
    pieces = [file for file in sorted((path / "projection").rglob("*")) if file.is_file()]
    assert len(pieces) > 3
    for file in pieces:
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 4
        file.write_bytes(content)
    # A process that was killed leaves its name behind.
    (path / "LOCK").write_text("pid 1 (afterclick serve)\n")
    with served(path) as shop:
        health = shop.ask("GET", "/healthz")
        assert (health.status, health.json()["damaged"]) == (200, [])
        assert stored.numbers(path) == wanted
    assert damage(path) == [], "the damaged pieces were removed and made again"


def back_up(store: Path, target: Path) -> None:
    """As an operator would, in a process of its own."""
    command = [sys.executable, "-m", "afterclick", "backup", str(target), "--store", str(store), "--lang", "en"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert str(target) in done.stdout


def test_case_19_a_backup_taken_while_events_come_in_and_are_sealed_is_a_whole_prefix(tmp_path: Path) -> None:
    path, acknowledged, tried, over = tmp_path / "shop", set(), set(), threading.Event()
    with served(path) as shop:
        (path / "documents").mkdir(exist_ok=True)
        (path / "documents" / "undo.jsonl").write_text("{}\n")
        (path / "projection" / "left").mkdir(parents=True)

        def keep_sending() -> None:
            for turn in range(1_000_000):
                if over.is_set():
                    break
                name = [f"b{turn}-{i}" for i in range(20)]
                tried.update(name)
                events = [{"type": "track", "event": "Counted", "userId": "u1", "messageId": one} for one in name]
                assert shop.send("/v1/batch", {"batch": events}).json()["accepted"] == 20
                acknowledged.update(name)
                if turn % 9 == 8:
                    shop.live.shop.store.seal(shop.live.tail)

        thread = threading.Thread(target=keep_sending)
        thread.start()
        try:
            for number in range(2):
                before, copy = set(acknowledged), tmp_path / f"copy{number}"
                back_up(path, copy)
                assert stored.lost_or_twice(copy, before, set(tried)) == []
                assert damage(copy) == []
        finally:
            over.set()
            thread.join()
        assert len(shop.live.shop.store.manifest.entries) > 2, "nothing was sealed meanwhile"
    restored = tmp_path / "copy1"
    assert (restored / "access.json").stat().st_mode & 0o077 == 0
    assert (restored / "documents" / "undo.jsonl").read_text() == "{}\n"
    assert not (restored / "projection" / "left").exists()
    with served(restored) as other:
        assert other.track("after-1", key=shop.key).status == 200, "the keys came along"
        found = stored.ids(restored)
        assert found["after-1"] == 1
        assert other.live.tail.balance().stored == sum(found.values())


def test_case_19_sealing_merging_and_erasing_between_two_looks_begin_the_copy_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "shop"
    real, turns = copying.copy, []
    with writer(path, create=True) as store:
        tail = Tail.open(path)
        put(tail, *(event(number) for number in range(40)))

        def meanwhile(source: Path, target: Path) -> object:
            turns.append(target)
            if len(turns) == 1:
                store.seal(tail)
            state = real(source, target)
            if len(turns) == 2:
                put(tail, *(event(number) for number in range(40, 60)))
                store.seal(tail)
                with store.replacing("erase") as change:
                    for entry in change.manifest.segments:
                        change.replace([entry], change.read(entry))
                    change.commit()
            return state

        monkeypatch.setattr(copying, "copy", meanwhile)
        copied = backup.back_up(path, tmp_path / "copy")
        assert len(turns) == 3, "a call sealed after the manifest was read, and a segment gone, must be noticed"
        assert (copied.rows, copied.damaged) == (60, ())
        with writer(tmp_path / "copy") as other:
            assert ids(other) == ids(store)
        tail.close()
    assert not list(tmp_path.glob("*.tmp"))


def test_case_19_a_backup_is_refused_where_it_would_overwrite_and_names_what_was_damaged_before(tmp_path: Path) -> None:
    path = tmp_path / "shop"
    with writer(path, create=True) as store:
        tail = Tail.open(path)
        put(tail, *(event(number) for number in range(40)))
        store.seal(tail)
        tail.close()
        (name,) = (f"log/{one.name}.parquet" for one in store.manifest.segments)
    for target in (path / "inside", path, tmp_path):
        with pytest.raises(UsageError):
            backup.back_up(path, target)
    content = bytearray((path / name).read_bytes())
    content[len(content) // 2] ^= 1
    (path / name).write_bytes(content)
    assert backup.back_up(path, tmp_path / "one").damaged == (name,)
    assert (tmp_path / "one" / name).read_bytes() == content
    (path / name).unlink()
    done = CliRunner().invoke(group, ["backup", str(tmp_path / "two"), "--store", str(path), "--lang", "en"])
    assert (done.exit_code, name in done.output) == (1, True)
    shutil.rmtree(path)
    assert any("is missing" in said for said in damage(tmp_path / "two"))


def test_case_28_a_server_clock_that_jumps_changes_neither_order_nor_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour, day, real = 3_600_000_000, 86_400_000_000, clock.now
    happened, told = clock.iso(BEGIN - 30 * day), []
    with served(tmp_path / "shop", rate=1_000) as shop:
        for number, shift in enumerate((BEGIN, BEGIN - hour, BEGIN + 400 * day, BEGIN + hour)):
            ahead = shift - real()
            monkeypatch.setattr(clock, "now", lambda ahead=ahead: real() + ahead)
            events = [
                {"type": "track", "event": "Ticked", "userId": "u1", "messageId": f"j{number}-{i}", "timestamp": happened}
                for i in range(5)
            ]
            answers = [*send(shop, events), *send(shop, events[:1])]
            assert [(one["accepted"], one["duplicates"]) for one in answers] == [(5, 0), (0, 1)]
            told += [one["messageId"] for one in events]
            shop.live._seal()
            shop.live._keep_rates()
            assert shop.ask("GET", "/healthz").status == 200
        log = [json.loads(line) for line in shop.log.getvalue().splitlines()]
        assert not [line for line in log if "fail" in line["what"]]
        calls = shop.live.reader.read(0, 10**6)
        assert [call.seq for call in calls] == sorted(call.seq for call in calls)
        assert tuple(shop.live.tail.balance()) == (24, 20, 4, 0)
    with afterclick.open(tmp_path / "shop") as shop:
        snapshot = shop.store.snapshot()
        rows = snapshot.log_rows(np.arange(snapshot.rows), ["event_id", "occurred_at"]).to_pylist()
    assert sorted(row["event_id"] for row in rows) == sorted(told)
    assert {clock.from_datetime(row["occurred_at"]) for row in rows} == {BEGIN - 30 * day}, "the sender's own time stands"
