"""Looks for a person in every file of a store: in decoded values, in decompressed content, and in the bytes themselves."""

from __future__ import annotations

import mmap
import re
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, NamedTuple
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from afterclick.act import acts_file
from afterclick.app.people.forms import Needles
from afterclick.store import piece_files
from afterclick.store.live import database

_SQLITE: Final = b"SQLite format 3\0"
_DATABASES: Final = frozenset((database.FILE, acts_file.FILE))
"""Files that this very process may have open: read through SQLite alone."""
_PARQUET: Final = b"PAR1"
_ARROW: Final = b"ARROW1"
_PACKED: Final = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2"}
_ZIP: Final = b"PK\x03\x04"
_HEAD: Final = 16
_PIECE: Final = 8 << 20
_WORDS: Final = re.compile(rb"[0-9A-Za-z]")
_ID_COLUMNS: Final = frozenset(("anonymous_id", "user_id", "email", "phone", "id", "previous_id"))


class Trace(NamedTuple):
    """Where an id was found: the file, the place in it, the form it has there, and the id, masked."""

    file: str
    place: str
    form: str
    id: str


class Search:
    """One search through one folder. `aside` names files that this very process must not open beside its databases."""

    def __init__(self, folder: Path, ids: Needles, *, aside: frozenset[str] = frozenset()) -> None:
        self.files = 0
        self.bytes = 0
        self._folder = folder
        self._ids = ids
        self._aside = aside
        self._longer = False

    def run(self) -> list[Trace]:
        """Everything found, each place once. Raises OSError for a file that cannot be read: nothing is passed over."""
        paths = sorted(path for path in self._folder.rglob("*") if path.is_file() and not path.is_symlink())
        found: dict[Trace, None] = {}
        for path in paths:
            self.files += 1
            self.bytes += path.stat().st_size
            found.update(dict.fromkeys(self._in_name(path)))
            found.update(dict.fromkeys(self._decoded(path)))
        for path in paths:
            if path.name not in self._aside:
                found.update(dict.fromkeys(self._raw(path)))
        return list(found)

    def _in_name(self, path: Path) -> Iterator[Trace]:
        name = str(path.relative_to(self._folder))
        for needle in self._ids.long:
            if needle.text.lower() in name.lower():
                yield Trace(name, "the name of the file", "UTF-8", needle.name)

    def _decoded(self, path: Path) -> Iterator[Trace]:
        name = str(path.relative_to(self._folder))
        if path.name in _DATABASES or path.name in self._aside:
            yield from self._sqlite(path, name) if path.name in _DATABASES else ()
            return
        with path.open("rb") as file:
            head = file.read(_HEAD)
        if head.startswith(_SQLITE):
            yield from self._sqlite(path, name)
        elif head.startswith(_PARQUET):
            yield from self._parquet(path, name)
        elif head.startswith(_ARROW):
            yield from self._arrow(path, name)
        elif head.startswith(_ZIP):
            yield from self._zip(path, name)
        for magic, kind in _PACKED.items():
            if head.startswith(magic):
                yield from self._packed(path, name, kind)

    def _parquet(self, path: Path, name: str) -> Iterator[Trace]:
        with pq.ParquetFile(path) as file:
            for key, value in (file.schema_arrow.metadata or {}).items():
                yield from self._in_bytes(key + b" " + value, name, "metadata")
            for group in range(file.num_row_groups):
                for column in file.schema_arrow.names:
                    values = file.read_row_group(group, columns=[column])[column]
                    yield from self._column(values, name, f"column {column}, row group {group}", column)

    def _arrow(self, path: Path, name: str) -> Iterator[Trace]:
        with pa.memory_map(str(path)) as source:
            try:
                file = pa.ipc.open_file(source)
            except pa.ArrowInvalid:
                return
            for number in range(file.num_record_batches):
                batch = file.get_batch(number)
                for column in batch.schema.names:
                    values = pa.chunked_array([batch.column(column)])
                    yield from self._column(values, name, f"batch {number}, column {column}", column)

    def _column(self, values: pa.ChunkedArray, name: str, place: str, column: str) -> Iterator[Trace]:
        if pa.types.is_dictionary(values.type):
            values = pa.chunked_array([chunk.dictionary for chunk in values.chunks], values.type.value_type)
        if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
            for value in values.drop_null().to_pylist():
                yield from self._in_bytes(value, name, place)
            return
        if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
            return
        if self._ids.hints:
            hit = pc.match_substring_regex(values, self._ids.hints, ignore_case=True)
            for text in values.filter(pc.fill_null(hit, False)).to_pylist():
                found = self._in_text(text)
                if found is None:
                    self._longer = True
                else:
                    yield Trace(name, place, *found)
        # A book holds its ids with their namespace; without it a short one is any number or word.
        wanted = self._ids.ids if name.endswith(piece_files.NEW) else self._ids.whole if column in _ID_COLUMNS else ()
        if wanted:
            whole = pc.is_in(values, value_set=pa.array(sorted(wanted), values.type))
            for text in values.filter(whole).to_pylist()[:1]:
                yield Trace(name, place, "whole value", self._ids.named(text))

    def _in_text(self, text: str) -> tuple[str, str] | None:
        """The form and the id found in a text; None where only longer ids hold it as a part of theirs."""
        if self._ids.pattern is not None and (found := self._ids.pattern.search(text)):
            return "UTF-8", self._ids.named(found[0])
        raw = text.encode("utf-8", "surrogatepass")
        for form, wanted, needle in self._ids.encoded:
            if form in ("percent", "base64") and wanted in raw:
                return form, needle.name
        return None

    def _sqlite(self, path: Path, name: str) -> Iterator[Trace]:
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
        connection.text_factory = bytes
        try:
            tables = [row[0].decode() for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in tables:
                quoted = table.replace('"', '""')
                for number, row in enumerate(connection.execute(f'SELECT * FROM "{quoted}"')):  # noqa: S608 - a name of its own
                    for value in row:
                        if isinstance(value, bytes):
                            yield from self._in_bytes(value, name, f"table {table}, row {number + 1}")
        finally:
            connection.close()

    def _zip(self, path: Path, name: str) -> Iterator[Trace]:
        with zipfile.ZipFile(path) as packed:
            for member in packed.namelist():
                with packed.open(member) as stream:
                    yield from self._in_stream(stream, name, f"member {member}")

    def _packed(self, path: Path, name: str, kind: str) -> Iterator[Trace]:
        with path.open("rb") as file, pa.CompressedInputStream(pa.PythonFile(file, "r"), kind) as stream:
            yield from self._in_stream(stream, name, f"decompressed {kind}")

    def _in_stream(self, stream: IO[bytes] | Any, name: str, place: str) -> Iterator[Trace]:
        """Through a decompressed stream, unpacked to a file without a name, so that a bomb fills no memory."""
        with tempfile.TemporaryFile() as whole:
            while piece := stream.read(_PIECE):
                whole.write(piece)
            if whole.tell():
                whole.flush()
                with mmap.mmap(whole.fileno(), 0, access=mmap.ACCESS_READ) as content:
                    yield from self._in_bytes(content, name, place)

    def _raw(self, path: Path) -> Iterator[Trace]:
        name = str(path.relative_to(self._folder))
        if path.stat().st_size:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                yield from self._in_bytes(content, name, "bytes")

    def _in_bytes(self, content: bytes | mmap.mmap, name: str, place: str) -> Iterator[Trace]:
        for form, raw, needle in self._ids.encoded:
            at = content.find(raw)
            while at >= 0:
                if self._stands_alone(content, at, raw, form):
                    where = f"byte {at:,}" if place == "bytes" else place
                    yield Trace(name, where, form, needle.name)
                    break
                at = content.find(raw, at + 1)

    def _stands_alone(self, content: bytes | mmap.mmap, at: int, raw: bytes, form: str) -> bool:
        """Is it the id itself? Where longer ids hold it as a part of theirs, letters and digits beside it make it one."""
        if not self._longer or form == "base64":
            return True
        step = 2 if form == "UTF-16" else 1
        before, after = content[max(at - step, 0) : at], content[at + len(raw) : at + len(raw) + step]
        return not (_WORDS.search(before) or _WORDS.search(after))
