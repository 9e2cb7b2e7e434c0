"""acts.db: one writer, whole transactions, formats of other times, disks that refuse."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from afterclick.act import acts, acts_file
from afterclick.act.acts import Acts
from afterclick.core.errors import StoreError, StoreFormat

TABLE = ("CREATE TABLE IF NOT EXISTS things (name TEXT PRIMARY KEY)",)


def things(kept: Acts) -> list[str]:
    with kept.reading() as connection:
        return [name for (name,) in connection.execute("SELECT name FROM things ORDER BY name")]


def put(kept: Acts, name: str) -> None:
    with kept.writing() as tx:
        tx.execute("INSERT INTO things VALUES (?)", (name,))


def test_what_was_written_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    kept = Acts.open(tmp_path, TABLE)
    put(kept, "a")
    with kept.writing() as tx:
        acts.put(tx, "greeting", b"hello")
        acts.put_position(tx, 41)
    assert (kept.note("greeting"), kept.note("other"), kept.position) == (b"hello", None, 41)
    kept.close()
    again = Acts.open(tmp_path, TABLE)
    assert (things(again), again.note("greeting"), again.position) == (["a"], b"hello", 41)
    again.close()


def test_it_is_written_as_it_promises(tmp_path: Path) -> None:
    kept = Acts.open(tmp_path)
    with kept.reading() as connection:
        settings = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "secure_delete", "application_id", "user_version")
        }
    assert settings == {
        "journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "application_id": acts_file.APPLICATION,
        "user_version": acts_file.VERSION,
    }  # fmt: skip
    assert kept.position == 0
    kept.close()


def _fail(tx: sqlite3.Connection, error: type[BaseException]) -> None:
    tx.execute("INSERT INTO things VALUES ('a')")
    raise error


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    kept = Acts.open(tmp_path, TABLE)
    for broken in (KeyError, KeyboardInterrupt):
        with pytest.raises(broken), kept.writing() as tx:
            _fail(tx, broken)
    with pytest.raises(sqlite3.IntegrityError), kept.writing() as tx:
        tx.executemany("INSERT INTO things VALUES (?)", [("a",), ("a",)])
    with pytest.raises(sqlite3.OperationalError, match="no such table"), kept.writing() as tx:
        tx.execute("INSERT INTO nowhere VALUES ('a')")
    with kept.writing(), pytest.raises(RuntimeError, match="inside"), kept.writing():
        raise AssertionError("it let two in")
    assert things(kept) == []
    put(kept, "b")
    assert things(kept) == ["b"]
    kept.close()


def test_threads_write_one_after_the_other(tmp_path: Path) -> None:
    kept = Acts.open(tmp_path, TABLE)

    def write() -> None:
        for _ in range(20):
            with kept.writing() as tx:
                (before,) = tx.execute("SELECT count(*) FROM things").fetchone()
                tx.execute("INSERT INTO things VALUES (?)", (f"{before:04d}",))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert things(kept) == [f"{n:04d}" for n in range(80)]
    kept.close()


def test_others_read_and_never_write(tmp_path: Path) -> None:
    assert not acts_file.exists(tmp_path)
    with pytest.raises(StoreError) as missing:
        acts_file.reader(tmp_path)
    assert missing.value.code == "no_acts"
    kept = Acts.open(tmp_path, TABLE)
    with closing(acts_file.reader(tmp_path)) as reader:
        put(kept, "a")
        assert reader.execute("SELECT name FROM things").fetchall() == [("a",)]
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.execute("DELETE FROM things")
    kept.close()


def test_a_newer_or_foreign_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    Acts.open(tmp_path).close()
    path = tmp_path / acts_file.FILE
    for statement, told in (("user_version = 99", "format 99"), ("application_id = 7", "none of afterclick's")):
        with closing(sqlite3.connect(path)) as other:
            other.execute(f"PRAGMA {statement}")
        before = path.read_bytes()
        for opening in (Acts.open, acts_file.reader):
            with pytest.raises(StoreFormat, match=told):
                opening(tmp_path)
        assert path.read_bytes() == before


def test_an_older_file_is_brought_up_to_date_or_left_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Acts.open(tmp_path, TABLE)
    put(kept, "a")
    kept.close()
    monkeypatch.setattr(acts_file, "VERSION", acts_file.VERSION + 1)
    steps = ["ALTER TABLE things ADD COLUMN size INTEGER NOT NULL DEFAULT 3", "UPDATE nowhere SET x = 1"]
    monkeypatch.setattr(acts_file, "UPGRADES", {acts_file.VERSION - 1: steps})
    with pytest.raises(StoreError):
        Acts.open(tmp_path, TABLE)
    monkeypatch.setattr(acts_file, "UPGRADES", {acts_file.VERSION - 1: steps[:1]})
    later = Acts.open(tmp_path, TABLE)
    with later.reading() as connection:
        assert connection.execute("SELECT name, size FROM things").fetchall() == [("a", 3)]
        assert connection.execute("PRAGMA user_version").fetchone() == (acts_file.VERSION,)
    later.close()


def test_an_unfinished_new_file_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "acts.db.new").write_bytes(b"half a file")
    kept = Acts.open(tmp_path, TABLE)
    put(kept, "a")
    assert things(kept) == ["a"]
    kept.close()
    assert not (tmp_path / "acts.db.new").exists()


def test_a_damaged_file_is_refused_and_kept(tmp_path: Path) -> None:
    kept = Acts.open(tmp_path, TABLE)
    for n in range(2000):
        if n % 500 == 0:
            put(kept, f"{n}-" + "x" * 3000)
    kept.close()
    path = tmp_path / acts_file.FILE
    content = bytearray(path.read_bytes())
    content[100:4096] = b"\xff" * 3996
    path.write_bytes(content)
    with pytest.raises(StoreError) as refused:
        Acts.open(tmp_path, TABLE)
    assert refused.value.code == "acts_damaged"
    assert path.read_bytes() == bytes(content)


class Failing:
    """A connection whose disk fails at a statement, as often as told."""

    def __init__(self, inner: sqlite3.Connection, at: str) -> None:
        self.inner, self.at = inner, at

    def execute(self, sql: str, *values: Any) -> Any:
        if sql.startswith(self.at):
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise error
        return self.inner.execute(sql, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def test_after_a_failed_sync_the_file_is_opened_anew(tmp_path: Path) -> None:
    kept = Acts.open(tmp_path, TABLE)
    put(kept, "a")
    assert kept._connection is not None
    kept._connection = Failing(kept._connection, "COMMIT")  # type: ignore[assignment]
    with pytest.raises(StoreError) as failed:
        put(kept, "b")
    assert failed.value.code == "acts_failed"
    put(kept, "b")
    assert things(kept) == ["a", "b"]
    kept.close()


def test_a_disk_that_fails_twice_running_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Acts.open(tmp_path, TABLE)
    opened = acts_file.writer
    monkeypatch.setattr(acts_file, "writer", lambda *given, **how: Failing(opened(*given, **how), "COMMIT"))
    kept._connection = Failing(kept._connection, "COMMIT")  # type: ignore[assignment,arg-type]
    codes = []
    for _ in range(3):
        with pytest.raises(StoreError) as failed:
            put(kept, "a")
        codes.append(failed.value.code)
    assert codes == ["acts_failed", "acts_broken", "acts_broken"]
    kept.close()


def test_a_full_disk_undoes_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    kept = Acts.open(tmp_path, TABLE)
    with kept.reading() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError) as full:
        put(kept, "x" * 50_000)
    assert full.value.code == "disk_full"
    with kept.reading() as connection:
        connection.execute("PRAGMA max_page_count = 100000")
    put(kept, "a")
    assert things(kept) == ["a"]
    kept.close()


def test_what_is_closed_is_refused(tmp_path: Path) -> None:
    kept = Acts.open(tmp_path, TABLE)
    kept.close()
    with pytest.raises(StoreError) as closed:
        put(kept, "a")
    assert closed.value.code == "closed"


def test_the_wal_is_taken_in_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    for commits in (5, 1000):
        monkeypatch.setattr(acts, "_CHECKPOINT_COMMITS", commits)
        folder = tmp_path / str(commits)
        folder.mkdir()
        kept = Acts.open(folder, TABLE)
        for n in range(40):
            put(kept, f"{n}-" + "x" * 5000)
        sizes.append((folder / "acts.db-wal").stat().st_size)
        assert len(things(kept)) == 40
        kept.close()
    assert sizes[0] * 3 < sizes[1]
