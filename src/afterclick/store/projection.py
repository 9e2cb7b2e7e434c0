"""Keeps a piece for every segment: opens those that fit, derives the others, in the order in which codes are given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, Protocol

import pyarrow as pa

from afterclick.core.errors import StoreError
from afterclick.store import disk, lines, log, piece_files, pieces, segment
from afterclick.store.books import Book, Books
from afterclick.store.definitions import Definitions
from afterclick.store.lock import Lock
from afterclick.store.manifest import Manifest, SegmentEntry
from afterclick.store.piece_files import Fit
from afterclick.store.pieces import DerivedPiece, Piece

Progress = Callable[[str, int, int], None]
"""`progress(what, done, of)`: called from the working thread before each step and at the end."""


class Derive(Protocol):
    """Turns the rows of a segment into a piece; the same input must always give the same piece.

    `version` changes whenever the outcome does; `reads` names the fields of Definitions that the outcome depends on.
    """

    @property
    def version(self) -> str: ...

    @property
    def reads(self) -> tuple[str, ...]: ...

    def __call__(
        self, segment: pa.Table, books: Books, definitions: Definitions, order_lines: pa.Table
    ) -> DerivedPiece:
        """`segment` is sorted, its repeated texts are dictionaries; `order_lines` (lines.ORDER_LINES) is over the log."""
        ...


class Opened(NamedTuple):
    """Pieces in the order of their segments; `damaged` segments have none. `segments` are those of the pieces.

    `chain` is that of the last piece: a digest of every code given.
    """

    pieces: tuple[Piece, ...]
    segments: tuple[SegmentEntry, ...]
    books: dict[str, Book]
    damaged: tuple[str, ...]
    chain: str = ""


def silent(what: str, done: int, of: int) -> None:
    """A progress that nobody watches."""


class Projection:
    """The folder `projection/` of a store. Not thread-safe: the store calls it one at a time."""

    def __init__(self, store: Path, derive: Derive) -> None:
        self.folder = store / "projection"
        self._log = store / "log"
        self._derive = derive
        self._known: dict[str, tuple[Fit, Piece]] = {}
        self._books: tuple[str, Books] | None = None
        self._lines: tuple[tuple[str, ...], pa.Table] = ((), lines.ORDER_LINES.empty_table())

    def open(self, manifest: Manifest, definitions: Definitions, lock: Lock, progress: Progress = silent) -> Opened:
        """Every piece. What does not fit is derived: onto the disk if `lock` is held or free, else in memory."""
        run = _Run(self, manifest, definitions, lock, progress)
        with run.stack:
            for entry in manifest.segments:
                run.take(entry)
        progress("derive", len(manifest.segments), len(manifest.segments))
        self._known = {piece.segment: known for piece in run.pieces if (known := self._known.get(piece.segment))}
        return Opened(tuple(run.pieces), tuple(run.segments), run.books(), tuple(run.damaged), run.after)

    def behind(self, opened: Opened) -> Books:
        """The books behind these pieces, to be copied: what is given codes next continues them."""
        if self._books is None or self._books[0] != opened.chain:
            self._books = (opened.chain, Books(books_of(opened.pieces)))
        return self._books[1]

    def made(self, table: pa.Table, books: Books, definitions: Definitions) -> DerivedPiece:
        """What the rows of a segment without lines of orders become behind these books, which grow; nothing is stored.

        Unlike everything else here it may run beside questions: the books are the caller's own.
        """
        books.mark()
        derived = self._derive(table, books, definitions, lines.ORDER_LINES.empty_table())
        pieces.check(derived, table.num_rows, {name: books.book(name).size for name in books.names})
        return DerivedPiece(derived.columns, derived.kinds, books.added(), derived.edges)

    def keep(self, fit: Fit, derived: DerivedPiece, event_ids: pa.ChunkedArray, chain: str = "") -> str:
        """Store the piece of a segment whose line is not written yet; returns its chain.

        `chain` names that of the pieces it takes the place of, if it gives exactly their codes: then what stands behind
        them stays as it is. A disk that has no room is no error: the piece is derived at the next question.
        """
        chain = chain or fit.chain(derived)
        try:
            piece_files.write(self.folder, fit, derived, event_ids, chain)
        except StoreError as error:
            if error.code not in ("disk_full", "no_access"):
                raise
        return chain

    def anew(self) -> Projection:
        """The same projection with nothing opened."""
        return Projection(self.folder.parent, self._derive)

    def known(self, fit: Fit) -> Piece | None:
        """The piece if it was opened before or lies on disk, and fits."""
        before = self._known.get(fit.segment.name)
        if before is not None and before[0] == fit:
            return before[1]
        piece = piece_files.read(self.folder, fit)
        if piece is not None:
            self._known[fit.segment.name] = (fit, piece)
        return piece

    def derive(self, run: _Run, fit: Fit, *, write: bool) -> Piece:
        """Derive one segment behind the pieces of `run`, whose texts its codes continue."""
        books = self._books_behind(run)
        self._books = None
        table = segment.read_whole(self._log / (fit.segment.name + log.SUFFIX))
        sums = self._order_lines(run.manifest) if fit.segment.lines else lines.ORDER_LINES.empty_table()
        books.mark()
        derived = self._derive(table, books, run.definitions, sums)
        added = books.added()
        if {name: len(texts) for name, texts in derived.new.items()} != {name: len(t) for name, t in added.items()}:
            raise ValueError("a derived piece must name the texts it gave codes to: new=books.added()")
        derived = DerivedPiece(derived.columns, derived.kinds, added, derived.edges)
        pieces.check(derived, fit.segment.rows, {name: books.book(name).size for name in books.names})
        piece = self._keep(fit, derived, table["event_id"], write=write)
        self._known[fit.segment.name] = (fit, piece)
        self._books = (piece.chain, books)
        return piece

    def _keep(self, fit: Fit, derived: DerivedPiece, event_ids: pa.ChunkedArray, *, write: bool) -> Piece:
        if write:
            try:
                return piece_files.write(self.folder, fit, derived, event_ids)
            except StoreError as error:
                # Questions go on being answered when the disk is full or read-only: the log holds the rows.
                if error.code not in ("disk_full", "no_access"):
                    raise
        return pieces.in_memory(fit.segment.name, derived, fit.chain(derived))

    def _books_behind(self, run: _Run) -> Books:
        if self._books is not None and self._books[0] == run.after:
            return self._books[1]
        return Books(run.books())

    def _order_lines(self, manifest: Manifest) -> pa.Table:
        entries = [entry for entry in manifest.segments if entry.lines and segment.is_intact(self._log, entry)]
        names = tuple(entry.name for entry in entries)
        if names != self._lines[0]:
            self._lines = (names, lines.order_lines(self._log, entries))
        return self._lines[1]

    def derivation(self, definitions: Definitions, stale: int) -> str:
        """What a piece is made by: the derivation, the definitions it reads, the change that last called for it."""
        return f"{self._derive.version}/{definitions.fingerprint(self._derive.reads)}/{stale}"

    def is_intact(self, entry: SegmentEntry) -> bool:
        """Are the bytes of the segment those that were acknowledged? Asked before anything is derived from them."""
        return segment.is_intact(self._log, entry)


class _Run:
    """One pass over the segments: the pieces so far, and whether what is derived may be written."""

    def __init__(
        self, projection: Projection, manifest: Manifest, definitions: Definitions, lock: Lock, progress: Progress
    ) -> None:
        self.projection = projection
        self.manifest = manifest
        self.definitions = definitions
        self.progress = progress
        self.stack = ExitStack()
        self.pieces: list[Piece] = []
        self.segments: list[SegmentEntry] = []
        self.damaged: list[str] = []
        self.after = ""
        self._lock = lock
        self._asked = False
        self._stale = manifest.stale_since()

    def take(self, entry: SegmentEntry) -> None:
        """Open or derive the piece of the next segment."""
        derivation = self.projection.derivation(self.definitions, self._stale.get(entry.name, 0))
        fit = Fit(entry, self.after, derivation)
        piece = self.projection.known(fit)
        if piece is None and self._may_write():
            # Another process may have derived it before the lock was ours.
            piece = self.projection.known(fit)
        if piece is None:
            if not self.projection.is_intact(entry):
                self.damaged.append(entry.name)
                return
            self.progress("derive", len(self.pieces), len(self.manifest.segments))
            piece = self.projection.derive(self, fit, write=self._lock.held)
        self.pieces.append(piece)
        self.segments.append(entry)
        self.after = piece.chain

    def books(self) -> dict[str, Book]:
        """The books of the pieces so far."""
        return books_of(self.pieces)

    def _may_write(self) -> bool:
        if not self._asked and not self._lock.held:
            self._asked = True
            try:
                if self._lock.try_acquire():
                    self.stack.callback(self._lock.release)
            except StoreError:
                # No right to write here: answer from memory.
                return False
        return self._lock.held


def books_of(parts: Iterable[Piece]) -> dict[str, Book]:
    """The books that the texts of these pieces, in their order, make up."""
    texts: dict[str, list[pa.Array]] = {}
    for piece in parts:
        for name, new in piece.new.items():
            texts.setdefault(name, []).append(new)
    return {name: Book(name, arrays) for name, arrays in texts.items()}


def clean(projection: Path, manifest: Manifest, *, damaged: bool = False) -> None:
    """Remove pieces of no segment and what a crash left, `damaged` ones too; only the writer may."""
    with disk.explained(projection):
        projection.mkdir(exist_ok=True)
        piece_files.clean(projection, {entry.name for entry in manifest.segments})
        if damaged:
            piece_files.clean_damaged(projection)
