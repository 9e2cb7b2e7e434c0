"""Who was erased: keyed hashes of ids, so that nothing of them comes in again and nobody can read from it who they were."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Self

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.core.errors import StoreError
from afterclick.core.event import Rejected
from afterclick.core.said import Said
from afterclick.store import disk

CODE: Final = "erased"
MESSAGE: Final = "the person was erased; nothing is kept of the row"
FILE: Final = "erased.jsonl"
KEY: Final = "privacy.key"
JOURNAL: Final = "erasing.json"
"""Whom an erasure is about that has begun; gone when it is done."""
_KEY_BYTES: Final = 32
_MODE: Final = 0o600
_REMEMBERED: Final = 65_536
_COLUMNS: Final = (("anonymous_id", "a:"), ("user_id", "u:"), ("email", "e:"), ("phone", "p:"))
_SPACES: Final = ("a:", "u:", "e:", "p:")
_WORD: Final = re.compile(r"[\w.@:+-]+")
_MOST_WORDS: Final = 1000
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class Tombstone(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An id that was erased: HMAC-SHA256 of it with the key of the store, and when (µs UTC)."""

    digest: str
    at: int


class Tombstones:
    """The erased ids of a store; empty where nobody was erased. Threads may ask together."""

    def __init__(self, key: bytes = b"", known: Iterable[Tombstone] = ()) -> None:
        self._key = key
        self._known = {one.digest for one in known}
        self._asked: dict[str, bool] = {}

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Those of a store. Raises StoreError where the file can be read and its key cannot: then nobody could be refused."""
        known = _read(folder / FILE)
        if not known:
            return cls()
        key = _key(folder)
        if not key:
            raise StoreError(
                Said("refusals.key_missing", key=KEY, file=FILE),
                hint=Said("refusals.key_restore"),
                code="no_privacy_key",
                path=str(folder / KEY),
            )
        return cls(key, known)

    def __len__(self) -> int:
        return len(self._known)

    def erased(self, space: str, value: str) -> bool:
        """Was this id erased? `space` is `a:`, `u:`, `e:` or `p:`."""
        if not self._known:
            return False
        text = space + value
        found = self._asked.get(text)
        if found is None:
            if len(self._asked) >= _REMEMBERED:
                self._asked.clear()
            found = self._asked[text] = _digest(self._key, normal(space, value)) in self._known
        return found

    def spoken_of(self, value: Any) -> bool:
        """Does a JSON value hold an erased id, whole or as a word of a text? True where there is too much to look at: then
        nobody can tell, and nothing of it is to be kept."""
        waiting, words = [value], 0
        while waiting:
            one = waiting.pop()
            if isinstance(one, dict):
                waiting.extend(one.values())
            elif isinstance(one, list):
                waiting.extend(one)
            elif isinstance(one, str | int) and not isinstance(one, bool):
                parts = {str(one), *_WORD.findall(str(one))}
                words += len(parts)
                if words > _MOST_WORDS or any(self.erased(space, part) for part in parts for space in _SPACES):
                    return True
        return False

    def rows(self, table: pa.Table) -> np.ndarray:
        """Which rows of a table of the log carry an erased id, bool (n)."""
        found = np.zeros(table.num_rows, bool)
        if self._known:
            for name, space in _COLUMNS:
                if name in table.column_names:
                    found |= self._column(table.column(name), space)
        return found

    def _column(self, column: pa.ChunkedArray, space: str) -> np.ndarray:
        found = np.zeros(len(column), bool)
        start = 0
        for chunk in column.chunks:
            coded = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
            hit = [value is not None and self.erased(space, value) for value in coded.dictionary.to_pylist()]
            codes = np.asarray(pc.fill_null(coded.indices.cast(pa.int64()), len(hit)))
            found[start : start + len(chunk)] = np.append(np.array(hit, bool), False)[codes]
            start += len(chunk)
        return found


def add(folder: Path, ids: Iterable[str], at: int) -> Sequence[str]:
    """Remember ids (each with its namespace) as erased at an instant (µs UTC); returns the digests that are new.

    An e-mail stands for its SHA-256 too, under which lists of customers bring it. Needs the store's lock.
    """
    with disk.explained(folder / FILE):
        key = _key(folder)
        if not key:
            if _read(folder / FILE):
                raise StoreError(
                    Said("refusals.key_missing_alone", key=KEY),
                    hint=Said("refusals.restore_it"),
                    code="no_privacy_key",
                )
            key = secrets.token_bytes(_KEY_BYTES)
            disk.write_synced(folder / KEY, key.hex().encode() + b"\n", mode=_MODE)
        known = _read(folder / FILE)
        before = {one.digest for one in known}
        texts = {normal(one[:2], one[2:]) for one in ids}
        texts |= {f"e:{sha256(text[2:].encode()).hexdigest()}" for text in texts if text.startswith("e:")}
        fresh = sorted({_digest(key, text) for text in texts} - before)
        lines = [*known, *(Tombstone(digest=digest, at=at) for digest in fresh)]
        content = b"".join(msgspec.json.encode(one) + b"\n" for one in lines)
        disk.write_synced(folder / FILE, content, mode=_MODE)
    return fresh


def refused(source: str, at: int, n: int) -> list[Rejected]:
    """What is kept of `n` rows of erased people: that they came, and when."""
    return [
        Rejected(id=secrets.token_hex(12), at=at, source=source, code=CODE, message=MESSAGE) for _ in range(n)
    ]


def normal(space: str, value: str) -> str:
    """The one form of an id: an e-mail in lower case wherever it stands, a telephone number by its digits, others trimmed."""
    value = value.strip()
    if space == "e:" or "@" in value:
        return "e:" + value.lower()
    if space == "p:" or value.startswith("tel:"):
        digits = re.sub(r"[^0-9]", "", value)
        return "p:" + re.sub(r"^820?(1\d{8,9})$", r"0\1", digits)
    return space + value


def _digest(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256").hex()


def _read(path: Path) -> list[Tombstone]:
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    try:
        return [msgspec.json.decode(line, type=Tombstone) for line in lines]
    except msgspec.MsgspecError as error:
        raise StoreError(
            Said("refusals.tombstones_damaged", file=FILE, error=str(error)), hint=Said("refusals.tombstones_restore"),
            code="tombstones_damaged", path=str(path),
        ) from None  # fmt: skip


def _key(folder: Path) -> bytes:
    try:
        text = (folder / KEY).read_text("ascii").strip()
    except FileNotFoundError:
        return b""
    return bytes.fromhex(text) if _DIGEST.fullmatch(text) else b""
