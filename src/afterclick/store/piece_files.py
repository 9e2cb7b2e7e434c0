"""Pieces on disk: written beside, synced, renamed into place; opened only if they are what the log calls for now."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from afterclick.core.errors import StoreError
from afterclick.store import checked, disk, ids
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
_VALUE: Final = pa.schema([pa.field("value", pa.large_string(), nullable=False)])


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


class _Column(msgspec.Struct, frozen=True):
    name: str
    dtype: str
    offset: int
    kind: str = ""


class _File(msgspec.Struct, frozen=True):
    """Rows, bytes, CRC-32 of it all, and of what stands before the first and behind the last column."""

    rows: int
    bytes: int
    crc: int
    low: int
    high: int
    rim: int
    columns: tuple[_Column, ...]


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
    files: dict[str, _File]
    books: tuple[str, ...]


def write(projection: Path, fit: Fit, derived: DerivedPiece, event_ids: pa.ChunkedArray) -> Piece:
    """Store a derived segment and return it as it is read back. Raises StoreError for what the disk refuses."""
    name = fit.segment.name
    with disk.explained(projection / name):
        projection.mkdir(exist_ok=True)
        beside = projection / f"{_ASIDE}{name}-{secrets.token_hex(4)}"
        beside.mkdir()
        try:
            header = _write_files(beside, fit, derived, event_ids)
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
        mapped = {file: _map(folder / file, known) for file, known in header.files.items()}
        if (before.st_ino, before.st_dev) != ((now := folder.stat()).st_ino, now.st_dev):
            return None
        return _piece(header, {file: content for file, content in mapped.items() if content is not None})
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
    damaged = []
    for file, known in header.files.items():
        try:
            with pa.memory_map(str(folder / file)) as mapped:
                content = mapped.read_buffer()
        except (OSError, pa.ArrowException):
            content = pa.py_buffer(b"")
        if content.size != known.bytes or zlib.crc32(content) != known.crc:
            damaged.append(file)
    return damaged


def clean(projection: Path, names: set[str]) -> None:
    """Remove what no segment of the log calls for; only the writer may."""
    if projection.is_dir():
        for folder in projection.iterdir():
            if folder.name not in names:
                _remove(folder)


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


def _write_files(folder: Path, fit: Fit, derived: DerivedPiece, event_ids: pa.ChunkedArray) -> _Header:
    index = ids.HashIndex.build(ids.hash64(event_ids))
    files = {
        COLUMNS: _write_columns(folder / COLUMNS, derived.columns, derived.kinds),
        INDEX: _write_columns(folder / INDEX, {"hash": index.hashes, "row": index.rows}, {}),
    }
    edges = edges_of(derived.edges)
    if len(edges.a):
        files[EDGES] = _write_columns(folder / EDGES, edges._asdict(), {})
    if derived.new:
        files[NEW] = _write_texts(folder / NEW, derived.new)
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
        chain=fit.chain(derived),
        files=files,
        books=tuple(derived.new),
    )


def _write_columns(path: Path, columns: Mapping[str, np.ndarray], kinds: Mapping[str, str]) -> _File:
    arrays = {name: pa.array(np.ascontiguousarray(column)) for name, column in columns.items()}
    batch = pa.record_batch(arrays)
    _write_batches(path, batch.schema, [batch])
    with pa.memory_map(str(path)) as file:
        content = file.read_buffer()
        stored = pa.ipc.open_file(content).get_batch(0)
        described = tuple(
            _Column(
                name=name,
                dtype=columns[name].dtype.str,
                offset=stored.column(i).buffers()[1].address - content.address if batch.num_rows else 0,
                kind=kinds.get(name, ""),
            )
            for i, name in enumerate(arrays)
        )
        low = min(column.offset for column in described)
        high = max(column.offset + batch.num_rows * np.dtype(column.dtype).itemsize for column in described)
        return _file(content, batch.num_rows, low, high, described)


def _write_texts(path: Path, new: Mapping[str, pa.Array]) -> _File:
    batches = [pa.record_batch([ids.texts(texts)], schema=_VALUE) for texts in new.values()]
    _write_batches(path, _VALUE, batches)
    with pa.memory_map(str(path)) as file:
        content = file.read_buffer()
        return _file(content, sum(len(batch) for batch in batches), content.size, content.size, ())


def _write_batches(path: Path, schema: pa.Schema, batches: list[pa.RecordBatch]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as sink, pa.ipc.new_file(sink, schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        # Without this a power cut could leave a file of the right length that holds zeros.
        disk.sync(descriptor)
    finally:
        os.close(descriptor)


def _file(content: pa.Buffer, rows: int, low: int, high: int, columns: tuple[_Column, ...]) -> _File:
    crc = zlib.crc32(content)
    return _File(rows, content.size, crc, low, high, _rim(content, low, high), columns)


def _rim(content: pa.Buffer, low: int, high: int) -> int:
    view = memoryview(content)
    return zlib.crc32(view[high:], zlib.crc32(view[:low]))


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


def _map(path: Path, known: _File) -> pa.Buffer | None:
    """The file's bytes, mapped; the map outlives the descriptor. Raises ValueError if its length or rim is another."""
    with pa.memory_map(str(path)) as file:
        content = file.read_buffer()
    if content.size != known.bytes or _rim(content, known.low, known.high) != known.rim:
        raise ValueError(f"{path.name} changed")
    return content


def _views(content: pa.Buffer, known: _File) -> dict[str, np.ndarray]:
    # From offsets of our own, so that a damaged directory of the file can mislead nobody.
    return {
        column.name: np.frombuffer(content, np.dtype(column.dtype), known.rows, column.offset)
        for column in known.columns
    }


def _piece(header: _Header, content: Mapping[str, pa.Buffer]) -> Piece:
    files = header.files
    columns = _views(content[COLUMNS], files[COLUMNS])
    index = _views(content[INDEX], files[INDEX])
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
        edges=Edges(**_views(content[EDGES], files[EDGES])) if EDGES in files else edges_of(()),
        new=new,
        chain=header.chain,
        index=ids.HashIndex(index["hash"], index["row"]),
    )
