"""Files with an id in every form and kind of place, to try whether a search finds what is there."""

from __future__ import annotations

import base64
import gzip
import json
import sqlite3
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from afterclick.app.people.forms import Needle, Needles
from afterclick.app.people.traces import Search

_FILLING: Final = [f"nobody-{number}" for number in range(200)]
_NAME: Final = "new.arrow"
"""A book of the projection: whole values of short ids are looked for there."""


def missed(folder: Path, ids: tuple[str, ...]) -> list[str]:
    """Plant each id (with its namespace) in each place, in files under `folder`, and search; the places it was not found in.

    Ids that are too short to be looked for inside others are planted as whole values alone.
    """
    broken = []
    for known in ids:
        needles = Needles((known,))
        place = folder / "planted"
        place.mkdir()
        try:
            kinds = _kinds(known)
            for name, plant in kinds.items():
                plant(place / name, known)
            found = {trace.file for trace in Search(place, needles).run()}
            broken += [name for name in kinds if name not in found]
        finally:
            for path in place.iterdir():
                path.unlink()
            place.rmdir()
    return broken


def places(ids: tuple[str, ...]) -> int:
    """In how many places the ids are planted."""
    return sum(len(_kinds(one)) for one in ids)


def _kinds(known: str) -> Mapping[str, Callable[[Path, str], None]]:
    # Digests of a short id are long, but it is the id that is planted.
    return _WHOLE if Needle(known[2:], "").short else _PLACES


def _parquet(path: Path, known: str) -> None:
    table = pa.table({"user_id": [*_FILLING, known[2:]]})
    pq.write_table(table, path, compression="zstd", use_dictionary=True)


def _parquet_inside(path: Path, known: str) -> None:
    text = json.dumps({"note": f"for {known[2:]}, please"})
    pq.write_table(pa.table({"properties": [*_FILLING, text]}), path, compression="zstd", use_dictionary=False)


def _arrow(path: Path, known: str) -> None:
    table = pa.table({"id": pa.array([*_FILLING, known], pa.large_string())})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def _sqlite(path: Path, known: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("CREATE TABLE calls (bodies BLOB)")
        connection.execute("INSERT INTO calls VALUES (?)", (json.dumps({"user_id": known[2:]}).encode(),))
    connection.close()


def _sqlite_free(path: Path, known: str) -> None:
    """A row that was deleted, whose bytes stay in the file where nobody overwrites them."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA secure_delete = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    with connection:
        connection.execute("CREATE TABLE calls (bodies BLOB)")
        connection.executemany("INSERT INTO calls VALUES (?)", [(one.encode(),) for one in (*_FILLING, known[2:])])
    with connection:
        connection.execute("DELETE FROM calls")
    connection.close()


def _zip(path: Path, known: str) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("events.csv", "id\n" + "\n".join([*_FILLING, known[2:]]))


def _text(how: Callable[[str], bytes]) -> Callable[[Path, str], None]:
    def plant(path: Path, known: str) -> None:
        path.write_bytes(how(known[2:]))

    return plant


_PLACES: Final[Mapping[str, Callable[[Path, str], None]]] = {
    "plain.txt": _text(lambda text: f"before {text} behind".encode()),
    "utf16.txt": _text(lambda text: f"before {text} behind".encode("utf-16")),
    "base64_0.txt": _text(lambda text: base64.b64encode(f"xyz {text} behind".encode())),
    "base64_1.txt": _text(lambda text: base64.b64encode(f"xyz_ {text} behind".encode())),
    "base64_2.txt": _text(lambda text: base64.b64encode(f"xyz__ {text} behind".encode())),
    "percent.txt": _text(lambda text: f"https://x.example/?u={quote(text, safe='')}&v=1".encode()),
    "escaped.json": _text(lambda text: json.dumps({"text": f"of {text}."}).encode()),
    "gzip.gz": _text(lambda text: gzip.compress("\n".join([*_FILLING, text]).encode())),
    "zstd.zst": _text(lambda text: pa.compress("\n".join([*_FILLING, text]).encode(), "zstd", asbytes=True)),
    "zip.zip": _zip,
    "segment.parquet": _parquet,
    "properties.parquet": _parquet_inside,
    _NAME: _arrow,
    "rows.db": _sqlite,
    "free.db": _sqlite_free,
}
_WHOLE: Final[Mapping[str, Callable[[Path, str], None]]] = {"segment.parquet": _parquet, _NAME: _arrow}
