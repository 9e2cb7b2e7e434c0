"""Short texts beside the calls of the tail, each with its checksum: counters of the operator, losses that were noticed."""

from __future__ import annotations

import sqlite3
import zlib
from typing import Any, Final

import msgspec

LOSSES: Final = "losses"
_MOST: Final = 1000
_SET: Final = "INSERT OR REPLACE INTO notes (name, text, crc) VALUES (?, ?, ?)"


def get(connection: sqlite3.Connection, name: str) -> str | None:
    """The text, None if there is none or it is damaged."""
    found = connection.execute("SELECT text, crc FROM notes WHERE name = ?", (name.encode(),)).fetchone()
    if found is None or not is_whole(name.encode(), *found):
        return None
    return str(found[0], "utf-8")


def is_whole(name: Any, text: Any, crc: Any) -> bool:
    """Does the checksum of a note fit what it says?"""
    return type(name) is bytes and type(text) is bytes and crc == zlib.crc32(text, zlib.crc32(name))


def setting(name: str, text: str) -> tuple[str, tuple[Any, ...]]:
    """The statement that sets it, with its values."""
    value = text.encode()
    return _SET, (name.encode(), value, zlib.crc32(value, zlib.crc32(name.encode())))


def losses(connection: sqlite3.Connection) -> list[str]:
    """What was noticed to be lost, oldest first."""
    text = get(connection, LOSSES)
    return [] if text is None else msgspec.json.decode(text, type=list[str])


def add_losses(connection: sqlite3.Connection, told: list[str]) -> None:
    """Note what is lost, so that it is told for as long as the store lives."""
    if told:
        connection.execute(*setting(LOSSES, with_losses(connection, told)))


def with_losses(connection: sqlite3.Connection, told: list[str]) -> str:
    """The text of the note of losses with these added; of very many the first ones stay."""
    return msgspec.json.encode([*losses(connection), *told][:_MOST]).decode()
