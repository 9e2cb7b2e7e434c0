"""Rows of the tail as bytes that carry their own checksum, because SQLite itself does not notice a flipped bit."""

from __future__ import annotations

import struct
import zlib
from array import array
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from afterclick.core.event import Rejected
from afterclick.store.live.calls import Balance, StoredCall, TailCall

CALL_COLUMNS: Final = "seq, received_at, source, events, duplicates, rejected, bodies, rejects, crc"
GROUP_COLUMNS: Final = (
    "id, first_seq, last_seq, sealed_seq, received, stored, duplicates, rejected, ids, contents, crc"
)
CALL_WIDTH: Final = 9
CONTENT_MASK: Final = (1 << 64) - 1
_CALL_HEAD: Final = struct.Struct("<qqiiiIII")
_GROUP_HEAD: Final = struct.Struct("<8qII")
_CALL_TYPES: Final = (int, int, bytes, int, int, int, bytes, bytes, int)
_REJECTS: Final = msgspec.json.Encoder()
_BODIES: Final = msgspec.json.Decoder(list[msgspec.Raw])
_REJECTED: Final = msgspec.json.Decoder(list[Rejected])
_IDS: Final = msgspec.json.Decoder(list[str])


class Group(NamedTuple):
    """What one commit says beside its calls: their numbers, the balance after it, and its events' ids and contents.

    The newest group of a tail is its state. `first_seq > last_seq`: it has no calls.
    """

    id: int
    first_seq: int
    last_seq: int
    sealed_seq: int
    balance: Balance
    ids: bytes = b"[]"
    contents: bytes = b""

    def row(self) -> tuple[Any, ...]:
        """Values of GROUP_COLUMNS."""
        return (*self[:4], *self.balance, self.ids, self.contents, self._crc())

    def known(self) -> Iterable[tuple[str, int]]:
        """Event ids with the hashes of their contents."""
        return zip(_IDS.decode(self.ids), array("Q", self.contents), strict=True)

    @property
    def events(self) -> int:
        """How many events it brought."""
        return len(self.contents) // 8

    def _crc(self) -> int:
        head = _GROUP_HEAD.pack(*self[:4], *self.balance, len(self.ids), len(self.contents))
        return zlib.crc32(self.contents, zlib.crc32(self.ids, zlib.crc32(head)))


def group_of(row: Sequence[Any]) -> Group | None:
    """The group a row of GROUP_COLUMNS holds, None if it is damaged."""
    *numbers, ids, contents, crc = row
    if not all(type(number) is int for number in (*numbers, crc)) or type(ids) is not bytes or type(contents) is not bytes:
        return None
    group = Group(numbers[0], numbers[1], numbers[2], numbers[3], Balance(*numbers[4:]), ids, contents)
    return group if group._crc() == crc else None


def ids_and_contents(calls: Sequence[TailCall]) -> tuple[bytes, bytes]:
    """The event ids of calls as a JSON list, and the hashes of their contents, eight bytes each."""
    ids = [event_id for call in calls for event_id in call.ids]
    contents = array("Q", [content & CONTENT_MASK for call in calls for content in call.contents])
    if len(ids) != len(contents):
        raise ValueError(f"{len(ids)} ids stand beside {len(contents)} contents")
    return msgspec.json.encode(ids), contents.tobytes()


def call_row(seq: int, call: TailCall) -> tuple[Any, ...]:
    """Values of CALL_COLUMNS for one call."""
    at, name, each, ids, _, letters, duplicates = call
    events = len(each)
    if events != len(ids):
        raise ValueError(f"{events} events stand beside {len(ids)} ids")
    source = name.encode()
    bodies = b"[%b]" % (each[0] if events == 1 else b",".join(each))
    rejects = _REJECTS.encode(letters) if letters else b""
    rejected = len(letters)
    crc = _call_crc(seq, at, source, events, duplicates, rejected, bodies, rejects)
    return seq, at, source, events, duplicates, rejected, bodies, rejects, crc


def _call_crc(
    seq: int, received_at: int, source: bytes, events: int, duplicates: int, rejected: int, bodies: bytes, rejects: bytes
) -> int:
    head = _CALL_HEAD.pack(seq, received_at, events, duplicates, rejected, len(source), len(bodies), len(rejects))
    crc = zlib.crc32(bodies, zlib.crc32(head + source))
    return zlib.crc32(rejects, crc) if rejects else crc


def is_whole(row: Sequence[Any]) -> bool:
    """Does the checksum of a row of CALL_COLUMNS fit what it holds?"""
    if tuple(map(type, row)) != _CALL_TYPES:
        return False
    try:
        return bool(_call_crc(*row[:-1]) == row[-1])
    except struct.error:
        return False


def size_of(row: Sequence[Any]) -> int:
    """Bytes of the events and dead letters of a whole row of CALL_COLUMNS."""
    return len(row[6]) + len(row[7])


def stored_call(row: Sequence[Any]) -> StoredCall:
    """The call a whole row of CALL_COLUMNS holds."""
    seq, received_at, source, _, duplicates, rejected, bodies, _, _ = row
    return StoredCall(
        seq, received_at, source.decode(), tuple(map(bytes, _BODIES.decode(bodies))), duplicates, rejected
    )


def rejected_of(row: Sequence[Any]) -> list[Rejected]:
    """The dead letters a whole row of CALL_COLUMNS holds."""
    return _REJECTED.decode(row[7]) if row[7] else []
