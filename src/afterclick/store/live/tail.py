"""The end of the log that is no segment yet: one file, one connection that writes, one transaction per group of calls."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Final, Self

from afterclick.core import clock
from afterclick.core.errors import StoreError
from afterclick.core.event import Rejected
from afterclick.store.live import database, loading, mark, notes, reading, rows
from afterclick.store.live.calls import Balance, TailCall
from afterclick.store.live.claims import Claim, Claims
from afterclick.store.live.rows import Group
from afterclick.store.live.tail_file import Statement, TailFile

_VALUES: Final = "(" + ", ".join("?" * rows.CALL_WIDTH) + ")"
_INSERTS: Final = tuple(
    (size, f"INSERT INTO calls ({rows.CALL_COLUMNS}) VALUES " + ", ".join([_VALUES] * size))  # noqa: S608 - ours
    for size in (64, 16, 4, 1)
)
_SLICE: Final = 512 << 10
_CHECKPOINT_PAGES: Final = 128
_CHECKPOINT_LATEST: Final = 4


class Tail:
    """The tail as its one writer holds it. One thread claims; commits, deletions and notes may come from any.

    Needs the store's lock for as long as it is open.
    """

    def __init__(self, store: Path) -> None:
        self.path = store
        self._mutex = threading.RLock()
        self._file = TailFile(store, self._load)
        self._claims = Claims()
        self._state = loading.EMPTY
        self._events = 0
        self._marked = mark.read(store)
        self._unmoved = 0

    @classmethod
    def open(cls, store_path: Path) -> Self:
        """Open the tail of a store, or make an empty one; what a crash left is taken up.

        Where no space is left it opens all the same, and refuses commits until there is some. Raises StoreFormat for a
        database of somebody else or of a newer afterclick, StoreError for what the disk refuses.
        """
        tail = cls(store_path)
        try:
            tail._file.open()
        except StoreError as error:
            if error.code != "disk_full":
                raise
        return tail

    def close(self) -> None:
        """Write the high-water mark, move all into the database and close. Needed for nothing but a quick start."""
        with self._mutex:
            self.mark()
            self._file.close()

    @property
    def position(self) -> int:
        """Number of the last call that is stored, 0 for none."""
        return self._state.last_seq

    @property
    def sealed(self) -> int:
        """Number of the last call that was forgotten because it lies in a segment."""
        return self._state.sealed_seq

    @property
    def events(self) -> int:
        """Events that lie in no segment yet."""
        return self._events

    @property
    def oldest_at(self) -> int | None:
        """When the oldest call that lies in no segment was received (us, UTC), None if there is none."""
        with self._mutex, self._explained():
            return loading.oldest_at(self._file.connection, self.sealed) if self._file.is_open else None

    def balance(self) -> Balance:
        """Of all live traffic, sealed as well."""
        return self._state.balance

    def claim(self, event_id: str, content: int) -> Claim:
        """`new`: yours, commit it or `release` it; `same`: stored or about to be; `conflict`: so, with other content.

        What rests on `same` or `conflict` may be answered only after a commit that was submitted later. One thread only.
        """
        return self._claims.claim(event_id, content)

    def release(self, ids: Iterable[str]) -> None:
        """Give claims back that were not committed. The thread that claims only."""
        self._claims.release(ids)

    def commit(self, calls: Sequence[TailCall]) -> int:
        """Store calls in one transaction; returns the last number once the disk has confirmed it.

        Raises StoreError and stores none: `disk_full` until there is space, `tail_failed` when the disk failed and the
        file was opened anew, `tail_broken` when it failed twice running: then the process must end.
        """
        with self._mutex:
            group, statements = self._prepared(calls)
            self._file.transact(statements)
            self._state = group
            for call in calls:
                self._claims.settle(call.ids, call.contents)
            self._events += group.events
            if self._unmoved >= _CHECKPOINT_LATEST * _CHECKPOINT_PAGES:
                self.tidy()
            return group.last_seq

    def tidy(self) -> None:
        """Move what the WAL holds into the database if it is much; for a moment when nobody waits."""
        if self._unmoved >= _CHECKPOINT_PAGES:
            self.checkpoint()

    def checkpoint(self, *, truncate: bool = False) -> bool:
        """Move what the WAL holds into the database; `truncate` leaves no byte of it. False if a reader was in the way.

        Raises StoreError like `commit`.
        """
        with self._mutex, self._explained():
            how = "TRUNCATE" if truncate else "PASSIVE"
            busy, there, moved = self._file.connection.execute(f"PRAGMA wal_checkpoint({how})").fetchone()
            self._unmoved = 0
            return not busy and there == moved

    def forget(self, upto_seq: int, *, duplicates: int = 0, rejected: int = 0) -> None:
        """Calls up to this number lie in segments: delete them, and count what sealing found to be no new events.

        Safe to repeat: of numbers that were forgotten already the balance is not corrected again.
        """
        with self._mutex:
            if upto_seq > self.sealed:
                group = self._state._replace(
                    id=self._state.id + 1, first_seq=self.position + 1, last_seq=max(self.position, upto_seq),
                    sealed_seq=upto_seq, balance=self.balance().corrected(duplicates, rejected), ids=b"[]", contents=b"",
                )  # fmt: skip
                self._file.transact([(loading.SET_GROUP, group.row())])
                self._state = group
                with self._explained():
                    self._events = loading.events_after(self._file.connection, upto_seq, self.position)
        self._delete_sealed()
        self.checkpoint(truncate=True)

    def rejects(self, upto_seq: int | None = None) -> list[Rejected]:
        """Dead letters of calls that lie in no segment yet, in order."""
        with self._mutex, self._explained():
            last = self.position if upto_seq is None else upto_seq
            found = reading.rejecting_calls(self._file.connection, self.sealed)
            return [one for row in found if row[0] <= last for one in rows.rejected_of(row)]

    def get(self, name: str) -> str | None:
        """A note kept by `put`, None if there is none or it is damaged."""
        with self._mutex, self._explained():
            return notes.get(self._file.connection, name)

    def put(self, name: str, text: str) -> None:
        """Keep a short text of the operator in the same file. Raises StoreError like `commit`."""
        with self._mutex:
            self._file.transact([notes.setting(name, text)])

    def mark(self) -> None:
        """Write the high-water mark if it moved: about once a second. Without it a loss is only less surely noticed."""
        position = self.position
        if position > self._marked and self._file.is_open:
            try:
                mark.write(self.path, position)
            except StoreError:
                return
            self._marked = position

    def _load(self, connection: sqlite3.Connection) -> None:
        found = loading.load(connection, self.path, max(self._marked, self.position))
        if found.state.id != self._state.id or not len(self._claims):
            self._claims.reload(found.known())
        self._state, self._events, self._unmoved = found.state, found.events, 0

    def _prepared(self, calls: Sequence[TailCall]) -> tuple[Group, Iterator[Statement]]:
        before = self._state
        kept: list[TailCall] = []
        stored = rejected = duplicates = 0
        for call in calls:
            stored += len(call.bodies)
            rejected += len(call.rejected)
            duplicates += call.duplicates
            if call.bodies or call.rejected:
                kept.append(call)
        first = before.last_seq + 1
        group = Group(
            before.id + 1, first, before.last_seq + len(kept), before.sealed_seq,
            before.balance.after(stored, duplicates, rejected),
            *rows.ids_and_contents(calls),
        )  # fmt: skip
        values = [rows.call_row(seq, call) for seq, call in enumerate(kept, first)]
        self._unmoved += 3 + sum(rows.size_of(row) for row in values) // database.PAGE
        return group, _statements(values, group)

    def _delete_sealed(self) -> None:
        """Delete in slices and give way between them: every deleted byte is overwritten, which takes its time."""
        while True:
            begun = clock.ticks()
            with self._mutex, self._explained():
                gone = loading.sealed_slice(self._file.connection, self._state, _SLICE)
                if not gone.statements:
                    return
                self._file.transact(gone.statements)
                self._claims.forget(gone.ids)
                self._unmoved += gone.pages
                self.tidy()
            time.sleep(min(0.05, clock.ticks() - begun))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._file.failed(error) from error


def _statements(values: list[tuple[object, ...]], group: Group) -> Iterator[Statement]:
    # Many rows by one statement: each gives the interpreter away once, and on a busy server waits to get it back.
    done = 0
    for size, sql in _INSERTS:
        while len(values) - done >= size:
            yield sql, [*chain.from_iterable(values[done : done + size])]
            done += size
    yield loading.SET_GROUP, group.row()
