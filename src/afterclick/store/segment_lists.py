"""Lists taken of segments: the ids of the visitors who were in one on a day, each a file of its own under segments/.

A list never changes: it is taken once under its name, and ids leave it when they are erased.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from afterclick.core.errors import SpecError, nearest_or_known
from afterclick.core.said import Said
from afterclick.store import disk

FOLDER: Final = "segments"
FORMAT: Final = 1
_HEAD: Final = b"afterclick"
_SCHEMA: Final = pa.schema([("visitor", pa.int32()), ("id", pa.string())])


class SegmentList(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a list: its name, the rule it was taken of, the instants it was taken at and holds for (µs)."""

    name: str
    rule: str
    taken_at: int
    as_of: int
    visitors: int
    format: int = FORMAT


def write(folder: Path, head: SegmentList, members: Sequence[Sequence[str]]) -> Path:
    """Keep a list: per visitor its ids with their namespace (`a:`, `u:`). Raises SpecError for a name that is taken."""
    path = _path(folder, head.name)
    if path.exists():
        raise SpecError(
            Said("refusals.list_taken", name=head.name),
            hint=Said("refusals.other_name_or_delete"),
            path="name",
        )
    visitor = np.repeat(np.arange(len(members), dtype=np.int32), [len(ids) for ids in members])
    table = pa.table({"visitor": pa.array(visitor), "id": pa.array([one for ids in members for one in ids], pa.string())})
    with disk.explained(path):
        path.parent.mkdir(exist_ok=True)
        disk.write_synced(path, _bytes(head, table.cast(_SCHEMA)))
    return path


def known(folder: Path) -> list[SegmentList]:
    """The lists of a store, oldest first; a file that is none is left out."""
    heads = [_head(path) for path in sorted((folder / FOLDER).glob("*.parquet"))]
    return sorted((head for head in heads if head), key=lambda head: (head.taken_at, head.name))


def ids(folder: Path, name: str) -> list[str]:
    """The ids on a list. Raises SpecError for a name that is not there."""
    return [str(one) for one in _read(folder, name)["id"].to_pylist()]


def delete(folder: Path, name: str) -> None:
    """Remove a list. Raises SpecError for a name that is not there."""
    path = _path(folder, name)
    _read(folder, name)
    with disk.explained(path):
        path.unlink()
        disk.sync_folder(path.parent)


def forget(folder: Path, erased: Collection[str]) -> int:
    """Take the visitors of these ids off every list, the file of which is written anew; returns how many entries went."""
    gone = 0
    for head in known(folder):
        table = _read(folder, head.name)
        # With an id goes whoever it stood for: a device they shared would say the same of its other users.
        named = table.filter(pc.is_in(table["id"], pa.array(sorted(erased), pa.string())))["visitor"]
        kept = table.filter(pc.invert(pc.is_in(table["visitor"], named.combine_chunks())))
        if kept.num_rows == table.num_rows:
            continue
        gone += table.num_rows - kept.num_rows
        path = _path(folder, head.name)
        with disk.explained(path):
            disk.write_synced(path, _bytes(msgspec.structs.replace(head, visitors=_visitors(kept)), kept))
    return gone


def _visitors(table: pa.Table) -> int:
    return int(pc.count_distinct(table["visitor"]).as_py())


def _bytes(head: SegmentList, table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({_HEAD: msgspec.json.encode(head)}), sink, compression="zstd")
    return sink.getvalue()


def _path(folder: Path, name: str) -> Path:
    return folder / FOLDER / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.parquet"


def _head(path: Path) -> SegmentList | None:
    try:
        found = (pq.read_schema(path).metadata or {}).get(_HEAD)
        return msgspec.json.decode(found, type=SegmentList) if found else None
    except (OSError, pa.ArrowInvalid, msgspec.MsgspecError):
        return None


def _read(folder: Path, name: str) -> pa.Table:
    path = _path(folder, name)
    if not path.exists():
        names = [head.name for head in known(folder)]
        hint = nearest_or_known(name, names, "refusals.known_lists", 12)
        raise SpecError(Said("refusals.no_list", name=name), hint=hint, path="name")
    with disk.explained(path):
        return pq.read_table(path)
