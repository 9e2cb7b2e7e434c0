"""Arrow files that are read in place: where each column lies is kept outside, with checksums of the whole and of the rim."""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa

from afterclick.store import disk, ids

SMALL: Final = 32 << 20
"""Bytes up to which every one of them is looked at before a file is read; it takes milliseconds."""
_VALUE: Final = pa.schema([pa.field("value", pa.large_string(), nullable=False)])


class Column(msgspec.Struct, frozen=True):
    """A column of numbers: its type and where in the file it begins."""

    name: str
    dtype: str
    offset: int
    kind: str = ""


class File(msgspec.Struct, frozen=True):
    """Rows, bytes, CRC-32 of it all, and of what stands before the first and behind the last column."""

    rows: int
    bytes: int
    crc: int
    low: int
    high: int
    rim: int
    columns: tuple[Column, ...]


def write_columns(path: Path, columns: Mapping[str, np.ndarray], kinds: Mapping[str, str]) -> File:
    """Write and sync numbers of equal length without nulls, uncompressed, as one record batch."""
    arrays = {name: pa.array(np.ascontiguousarray(column)) for name, column in columns.items()}
    batch = pa.record_batch(arrays)
    _write_batches(path, batch.schema, [batch])
    with pa.memory_map(str(path)) as file:
        content = file.read_buffer()
        stored = pa.ipc.open_file(content).get_batch(0)
        described = tuple(
            Column(
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


def write_texts(path: Path, new: Mapping[str, pa.Array]) -> File:
    """Write and sync arrays of texts, one record batch each; the whole file counts as rim."""
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


def _file(content: pa.Buffer, rows: int, low: int, high: int, columns: tuple[Column, ...]) -> File:
    crc = zlib.crc32(content)
    return File(rows, content.size, crc, low, high, _rim(content, low, high), columns)


def _rim(content: pa.Buffer, low: int, high: int) -> int:
    view = memoryview(content)
    return zlib.crc32(view[high:], zlib.crc32(view[:low]))


def map_file(path: Path, known: File) -> pa.Buffer:
    """The file's bytes, mapped; the map outlives the descriptor. Raises ValueError if its length or rim is another.

    Of a file of more than SMALL bytes only the rim is looked at: the whole is checked after a crash, and by `verify`.
    """
    with pa.memory_map(str(path)) as file:
        content = file.read_buffer()
    changed = content.size != known.bytes or _rim(content, known.low, known.high) != known.rim
    if changed or (content.size <= SMALL and zlib.crc32(content) != known.crc):
        raise ValueError(f"{path.name} changed")
    # What was read only to be checked stands in the memory of this process otherwise, of every piece of a large store.
    _let_go(content.address, content.size)
    return content


def is_intact(path: Path, known: File) -> bool:
    """Does the file hold the bytes that were written, every one of them?"""
    try:
        with pa.memory_map(str(path)) as file:
            content = file.read_buffer()
    except (OSError, pa.ArrowException):
        return False
    return content.size == known.bytes and zlib.crc32(content) == known.crc


def views(content: pa.Buffer, known: File) -> dict[str, np.ndarray]:
    """The columns in place, read-only, for as long as any of them is used."""
    # From offsets of our own, so that a damaged directory of the file can mislead nobody.
    return {
        column.name: np.frombuffer(content, np.dtype(column.dtype), known.rows, column.offset)
        for column in known.columns
    }


def let_go(values: np.ndarray) -> None:
    """Tell the system that this part of a mapped column is not needed now; what is read again comes from the file.

    Only for arrays of `views`: memory without a file behind it would be lost. Does nothing but on Linux.
    """
    _let_go(values.ctypes.data, values.nbytes)


def let_go_texts(texts: pa.Array) -> None:
    """The same of mapped texts."""
    for buffer in texts.buffers():
        if buffer is not None:
            _let_go(buffer.address, buffer.size)


def _let_go(address: int, length: int) -> None:
    begin = -(-address // mmap.PAGESIZE) * mmap.PAGESIZE
    size = (address + length - begin) // mmap.PAGESIZE * mmap.PAGESIZE
    if size > 0 and sys.platform.startswith("linux"):
        ctypes.CDLL(None).madvise(ctypes.c_void_p(begin), ctypes.c_size_t(size), mmap.MADV_DONTNEED)
