"""Pieces on disk: written beside, synced, renamed into place; opened only if they are what the log calls for now."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from afterclick.core.errors import StoreError
from afterclick.store import arrow_files, checked, disk, ids
from afterclick.store.manifest import SegmentEntry
from afterclick.store.pieces import DerivedPiece, Edges, Piece, day_offsets, edges_of

HEADER: Final = "piece.json"
COLUMNS: Final = "columns.arrow"
EDGES: Final = "edges.arrow"
INDEX: Final = "ids.arrow"
NEW: Final = "new.arrow"
FORMAT: Final = 1
_ASIDE: Final = "."
"""Folders that begin with this are on their way in or out."""


class Fit(NamedTuple):
    """What a piece must have been made from: its segment, the digest of the pieces before it, and the derivation."""

    segment: SegmentEntry
    after: str
    derivation: str

    def chain(self, derived: DerivedPiece) -> str:
        """Digest of what the next pieces depend on: the texts that have codes by now, and the kinds of columns.

        A piece that is derived again and gives codes to the same texts leaves the pieces behind it valid.
        """
        digest = hashlib.sha256(f"{FORMAT}|{self.after}".encode())
        for name, kind in sorted(derived.kinds.items()):
            digest.update(f"|{name}={kind}".encode())
        for book, texts in derived.new.items():
            digest.update(f"|{book}+{len(texts)}|".encode() + ids.hash64(texts).tobytes())
        return digest.hexdigest()[:16]


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    segment: str
    sha256: str
    rows: int
    first_at: int
    last_at: int
    days: tuple[int, ...]
    offsets: tuple[int, ...]
    after: str
    derivation: str
    chain: str
    files: dict[str, arrow_files.File]
    books: tuple[str, ...]


def write(
    projection: Path, fit: Fit, derived: DerivedPiece, event_ids: pa.ChunkedArray, chain: str = ""
) -> Piece:
    """Store a derived segment and return it as it is read back. Raises StoreError for what the disk refuses.

    `chain` is that of `fit` unless the piece stands for others with the very same codes, whose chain it then keeps.
    """
    name = fit.segment.name
    with disk.explained(projection / name):
        projection.mkdir(exist_ok=True)
        beside = projection / f"{_ASIDE}{name}-{secrets.token_hex(4)}"
        beside.mkdir()
        try:
            header = _write_files(beside, fit, derived, event_ids, chain or fit.chain(derived))
            disk.write_synced(beside / HEADER, checked.seal(msgspec.json.encode(header)))
            _put_in_place(projection, beside, name)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
    piece = read(projection, fit)
    if piece is None:
        raise StoreError(f"{projection / name} cannot be read back", hint="run afterclick doctor", code="disk")
    return piece


def read(projection: Path, fit: Fit) -> Piece | None:
    """The stored piece if it is whole and made from what `fit` says, else None, whatever is wrong with it."""
    folder = projection / fit.segment.name
    try:
        before = folder.stat()
        header = _header(folder)
        if header is None or not _fits(header, fit):
            return None
        mapped = {file: arrow_files.map_file(folder / file, known) for file, known in header.files.items()}
        if (before.st_ino, before.st_dev) != ((now := folder.stat()).st_ino, now.st_dev):
            return None
        return _piece(header, mapped)
    except (OSError, KeyError, IndexError, ValueError, pa.ArrowException):
        # All of these mean one thing: what lies there is no piece that fits.
        return None


def damaged_files(projection: Path, name: str) -> list[str]:
    """Files of a piece whose bytes are no longer those that were written; its header if that cannot be read."""
    folder = projection / name
    try:
        header = _header(folder)
    except OSError:
        header = None
    if header is None:
        return [HEADER]
    return [file for file, known in header.files.items() if not arrow_files.is_intact(folder / file, known)]


def clean(projection: Path, names: set[str]) -> None:
    """Remove what no segment of the log calls for; only the writer may."""
    if projection.is_dir():
        for folder in projection.iterdir():
            if folder.name not in names:
                _remove(folder)


def clean_damaged(projection: Path) -> list[str]:
    """Remove pieces whose bytes are no longer those that were written; their names. Only the writer may."""
    found = sorted(folder.name for folder in projection.iterdir() if folder.is_dir()) if projection.is_dir() else []
    damaged = [name for name in found if damaged_files(projection, name)]
    for name in damaged:
        _remove(projection / name)
    return damaged


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _put_in_place(projection: Path, beside: Path, name: str) -> None:
    place = projection / name
    if place.exists() or place.is_symlink():
        old = projection / f"{_ASIDE}{name}-{secrets.token_hex(4)}"
        place.rename(old)
        beside.rename(place)
        _remove(old)
    else:
        beside.rename(place)


def _write_files(
    folder: Path, fit: Fit, derived: DerivedPiece, event_ids: pa.ChunkedArray, chain: str
) -> _Header:
    index = ids.HashIndex.build(ids.hash64(event_ids))
    files = {
        COLUMNS: arrow_files.write_columns(folder / COLUMNS, derived.columns, derived.kinds),
        INDEX: arrow_files.write_columns(folder / INDEX, {"hash": index.hashes, "row": index.rows}, {}),
    }
    edges = edges_of(derived.edges)
    if len(edges.a):
        files[EDGES] = arrow_files.write_columns(folder / EDGES, edges._asdict(), {})
    if derived.new:
        files[NEW] = arrow_files.write_texts(folder / NEW, derived.new)
    at = derived.columns["at"]
    days, offsets = day_offsets(at)
    return _Header(
        format=FORMAT,
        segment=fit.segment.name,
        sha256=fit.segment.sha256,
        rows=len(at),
        first_at=int(at.min()),
        last_at=int(at.max()),
        days=tuple(days.tolist()),
        offsets=tuple(offsets.tolist()),
        after=fit.after,
        derivation=fit.derivation,
        chain=chain,
        files=files,
        books=tuple(derived.new),
    )


def _header(folder: Path) -> _Header | None:
    body = checked.unseal((folder / HEADER).read_bytes())
    if body is None:
        return None
    try:
        return msgspec.json.decode(body, type=_Header)
    except msgspec.MsgspecError:
        return None


def _fits(header: _Header, fit: Fit) -> bool:
    entry = fit.segment
    return (
        (header.format, header.segment, header.sha256, header.rows) == (FORMAT, entry.name, entry.sha256, entry.rows)
        and (header.after, header.derivation) == (fit.after, fit.derivation)
        and header.files[COLUMNS].rows == header.files[INDEX].rows == entry.rows
    )


def _piece(header: _Header, content: Mapping[str, pa.Buffer]) -> Piece:
    files = header.files
    columns = arrow_files.views(content[COLUMNS], files[COLUMNS])
    index = arrow_files.views(content[INDEX], files[INDEX])
    new: dict[str, pa.Array] = {}
    if NEW in files:
        stored = pa.ipc.open_file(content[NEW])
        new = {book: stored.get_batch(i).column(0) for i, book in enumerate(header.books)}
    return Piece(
        segment=header.segment,
        rows=header.rows,
        first_at=header.first_at,
        last_at=header.last_at,
        days=np.array(header.days, np.int64),
        offsets=np.array(header.offsets, np.int64),
        columns=columns,
        kinds={column.name: column.kind for column in files[COLUMNS].columns},
        edges=Edges(**arrow_files.views(content[EDGES], files[EDGES])) if EDGES in files else edges_of(()),
        new=new,
        chain=header.chain,
        index=ids.HashIndex(index["hash"], index["row"]),
        mapped=True,
    )
