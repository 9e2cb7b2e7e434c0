"""JSON lines, and arrays of objects, as chunks of text cells: one column per key of the objects."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import BinaryIO, Final

import msgspec
import numpy as np
import pyarrow as pa

from afterclick.collect import cells, json_cells
from afterclick.collect.chunks import (
    CHUNK_ROWS,
    COLUMNS_LIMIT,
    SAMPLE_ROWS,
    BadRow,
    Chunk,
    distinct_names,
    gathered,
)
from afterclick.collect.csv_reader import TEXT_KEPT
from afterclick.collect.decoding import BAD_PATTERN, Utf8Stream, open_text, original_bytes
from afterclick.collect.engine import Engine
from afterclick.collect.sources import SourceFile
from afterclick.core.errors import InputError
from afterclick.core.said import Said

LINE_LIMIT: Final = 64 << 20
ARRAY_LIMIT: Final = 1 << 30
_BLOCK: Final = 32 << 20


class JsonReader:
    """A file of JSON objects, one per line or in one array. Nested values stay JSON text, numbers their digits."""

    fixed = False

    def __init__(self, file: SourceFile, encoding: str = "") -> None:
        self._file = file
        self._encoding = encoding
        self.name = file.name
        self._found = ""
        self._array = self._first_byte() == b"["
        self.columns = tuple(self.sample().column_names)
        self.notes = ("a JSON array" if self._array else "JSON lines",)
        if not self.columns:
            raise InputError(
                Said("refusals.no_json_object", name=self.name),
                hint=Said("refusals.json_lines"),
                path=self.name,
            )

    @property
    def size(self) -> int:
        return self._file.size

    @property
    def encoding(self) -> str:
        """The encoding as far as the file has been read."""
        return self._found or "utf-8"

    def every_column(self) -> tuple[str, ...]:
        """The keys of all objects, as far down the file as they may first appear."""
        found = dict.fromkeys(self.columns)
        for chunk in self.chunks():
            found.update(dict.fromkeys(chunk.table.column_names))
        return tuple(found)

    def sha256(self) -> str:
        return self._file.sha256()

    def sample(self) -> pa.Table:
        """The first rows, SAMPLE_ROWS at most."""
        for chunk in self.chunks(SAMPLE_ROWS):
            return chunk.table
        return pa.table({})

    def chunks(self, rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
        """The objects of the file in order. Raises InputError for an array that is none, or a line beyond LINE_LIMIT."""
        with open_text(self._file, self._encoding) as stream, Engine() as engine:
            source = io.BufferedReader(stream, 1 << 20)
            lines = self._elements(source) if self._array else self._lines(source, min(_BLOCK, rows * 2048))
            reading = _Objects(engine, stream, self.name)
            for chunk in gathered((reading.chunk(texts, numbers) for texts, numbers in lines), rows):
                self._found = stream.encoding or self._found
                yield chunk

    def _first_byte(self) -> bytes:
        with open_text(self._file, self._encoding) as stream:
            return io.BufferedReader(stream, 1 << 16).read(1 << 16).lstrip()[:1]

    def _lines(self, source: BinaryIO, size: int) -> Iterator[tuple[pa.Array, np.ndarray]]:
        number, rest = 1, b""
        while True:
            block = source.read(size)
            if not block:
                break
            block = rest + block
            cut = block.rfind(b"\n") + 1
            rest = block[cut:]
            if len(rest) > LINE_LIMIT:
                raise InputError(
                    Said("refusals.line_too_long", name=self.name, number=number, n=LINE_LIMIT >> 20),
                    hint=Said("refusals.object_per_line"),
                    path=self.name,
                )
            if cut:
                texts = _split(block[:cut])
                yield texts, np.arange(number, number + len(texts), dtype=np.int64)
                number += len(texts)
        if rest.strip():
            yield pa.array([rest], pa.binary()).cast(pa.string()), np.array([number], np.int64)

    def _elements(self, source: BinaryIO) -> Iterator[tuple[pa.Array, np.ndarray]]:
        whole = source.read(ARRAY_LIMIT + 1)
        if len(whole) > ARRAY_LIMIT:
            raise InputError(
                Said("refusals.array_too_large", name=self.name),
                hint=Said("refusals.write_json_lines"),
                path=self.name,
            )
        try:
            parts = msgspec.json.decode(whole, type=list[msgspec.Raw])
        except (msgspec.DecodeError, RecursionError) as error:
            raise InputError(
                Said("refusals.no_json_array", name=self.name, error=str(error)),
                hint=Said("refusals.export_again_unstored"),
                path=self.name,
            ) from None
        step = 1 << 17
        for start in range(0, len(parts), step):
            texts = pa.array([bytes(part) for part in parts[start : start + step]], pa.binary()).cast(pa.string())
            yield texts, np.arange(start + 1, start + 1 + len(texts), dtype=np.int64)


def _split(block: bytes) -> pa.Array:
    """Lines as a text column over the very bytes; each keeps its line end, which is white space to JSON."""
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == 10) + 1
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    return pa.StringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(block))


class _Objects:
    """Texts of JSON objects into columns, the keys met so far in order of appearance."""

    def __init__(self, engine: Engine, stream: Utf8Stream, name: str) -> None:
        self._engine = engine
        self._stream = stream
        self._name = name
        self._keys: dict[str, None] = {}

    def chunk(self, texts: pa.Array, numbers: np.ndarray) -> Chunk:
        texts = cells.trimmed(texts)
        filled = cells.present(texts)
        if not filled.all():
            texts, numbers = texts.filter(pa.array(filled)), numbers[filled]
        good = json_cells.objects(self._engine, texts)
        bad = [self._bad(texts[int(row)].as_py(), int(numbers[row])) for row in np.flatnonzero(~good)]
        if bad:
            texts, numbers = texts.filter(pa.array(good)), numbers[good]
        for key in json_cells.keys(self._engine, texts) if len(texts) else ():
            self._keys.setdefault(key)
        if len(self._keys) > COLUMNS_LIMIT:
            raise InputError(
                Said("refusals.too_many_keys", name=self._name, columns_limit=COLUMNS_LIMIT),
                hint=Said("refusals.keys_hold_ids"),
                path=self._name,
            )
        names = distinct_names(list(self._keys))
        pointers = [json_cells.pointer(key) for key in self._keys]
        columns = json_cells.at(self._engine, texts, pointers) if pointers else []
        return Chunk(pa.table(dict(zip(names, columns, strict=True))), numbers, bad, self._stream.bad)

    def _bad(self, text: str, number: int) -> BadRow:
        kept = text[:TEXT_KEPT]
        raw = original_bytes(kept, self._stream.encoding or "utf-8") if BAD_PATTERN.search(kept) else b""
        return BadRow(
            number,
            "bad_json",
            "the line is no JSON object",
            kept,
            base64.b64encode(raw).decode(),
            len(kept) < len(text),
        )
