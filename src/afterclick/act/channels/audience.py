"""Audiences for ad platforms: one file each, hashed as they ask for it, every decision in it once, nobody by name."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
import sqlite3
from collections.abc import Container, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, Literal

import msgspec

from afterclick.act import acts_file, turns
from afterclick.act.contacts import Contacts
from afterclick.act.message import Message, Outcome
from afterclick.collect.privacy import consent
from afterclick.core import names
from afterclick.core.errors import StoreError
from afterclick.store import disk

FOLDER: Final = "exports"
COUNTRY_CODES: Final = {"Asia/Seoul": "82"}
"""Country codes of telephone numbers written without one, by the store's time zone."""
Platform = Literal["google", "meta"]
PLATFORMS: Final = ("google", "meta")

_MODE: Final = 0o600
_GOOGLE_MAIL: Final = ("gmail.com", "googlemail.com")
_HEADERS: Final = {"google": ("Email", "Phone"), "meta": ("email", "phone", "extern_id")}
_DIGITS: Final = (8, 15)


class Member(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of an audience: SHA-256 of everything that says who somebody is.

    `email` trimmed and lower-cased, `google` where Google's form of it differs (no dots before gmail.com), `phone` as
    `+821012345678`, `digits` the same without the plus, `visitor` the key the visitor had.
    """

    action_id: str
    at: int
    visitor: str
    email: str = ""
    google: str = ""
    phone: str = ""
    digits: str = ""


class _Reachable(msgspec.Struct):
    email: str = ""
    phone: str = ""


class Audience:
    """The channel: appends to `exports/<audience>.jsonl` of the store, `<audience>` being what the step is sent to."""

    at_least_once = True

    def __init__(self, store: Path, country_code: str = "") -> None:
        self._store = store
        self._country_code = country_code
        self._known: dict[Path, tuple[int, set[str]]] = {}

    def deliver(self, message: Message) -> Outcome:
        """Add the visitor, once per action however often it is asked."""
        try:
            given = msgspec.json.decode(message.address, type=_Reachable)
        except msgspec.MsgspecError as error:
            return Outcome("failed", f"this is no way to reach anybody: {error}")
        member = of(message.action_id, message.at, message.intent.visitor, given.email, given.phone, self._country_code)
        if not (member.email or member.phone):
            return Outcome("failed", "neither an e-mail address nor a telephone number is known")
        try:
            with turns.turn(self._store, turns.EXPORTS):
                return self._append(file_of(self._store, message.intent.send.to), member)
        except StoreError as error:
            return Outcome("retry", f"{error.code}: {error.message}")

    def _append(self, path: Path, member: Member) -> Outcome:
        with disk.explained(path):
            fresh = not path.parent.exists()
            path.parent.mkdir(mode=0o700, exist_ok=True)
            if fresh:
                disk.sync_folder(path.parent.parent)
            if member.action_id in self._actions(path):
                return Outcome("sent", "was there already")
            new = not path.exists()
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _MODE)
            try:
                size = os.fstat(descriptor).st_size
                # A crash may have torn the last line: what follows begins a line of its own.
                torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
                disk.write_all(descriptor, (b"\n" if torn else b"") + msgspec.json.encode(member) + b"\n")
                disk.sync(descriptor)
                self._known[path] = os.fstat(descriptor).st_size, self._known[path][1] | {member.action_id}
            finally:
                os.close(descriptor)
            if new:
                disk.sync_folder(path.parent)
        return Outcome("sent")

    def _actions(self, path: Path) -> set[str]:
        """Actions that are in the file, read again where somebody else changed it."""
        size = path.stat().st_size if path.exists() else 0
        known = self._known.get(path)
        if known is None or known[0] != size:
            known = size, {member.action_id for member in members(path)}
            self._known[path] = known
        return known[1]


def of(action_id: str, at: int, visitor: str, email: str, phone: str, country_code: str = "") -> Member:
    """The line of a visitor; `at` in µs UTC."""
    plain = email.strip().lower()
    local, _, host = plain.rpartition("@")
    google = f"{local.replace('.', '')}@{host}" if host in _GOOGLE_MAIL else plain
    number = dialled(phone, country_code)
    return Member(
        action_id, at, _digest(visitor), _digest(plain), _digest(google) if google != plain else "",
        _digest(f"+{number}" if number else ""), _digest(number),
    )  # fmt: skip


def dialled(phone: str, country_code: str = "") -> str:
    """The digits to dial from abroad, "" where nobody can tell: 010-1234-5678 with code 82 is 821012345678."""
    text = phone.strip()
    digits = "".join(char for char in text if char.isascii() and char.isdigit())
    if text.startswith("00"):
        digits = digits[2:]
    elif not text.startswith("+"):
        if not country_code:
            return ""
        if not digits.startswith(country_code) or digits.startswith("0"):
            digits = country_code + digits.removeprefix("0")
    elif country_code and digits.startswith(f"{country_code}0"):
        # +82 (0)10: the zero is dialled inside the country only.
        digits = country_code + digits[len(country_code) + 1 :]
    return digits if _DIGITS[0] <= len(digits) <= _DIGITS[1] else ""


def file_of(store: Path, audience: str) -> Path:
    """The file of an audience: a readable name with a digest, so that no two share one and none leaves the folder."""
    slug = re.sub(r"[^0-9a-z가-힣]+", "-", names.squashed(audience)).strip("-")[:40] or "audience"
    return store / FOLDER / f"{slug}-{hashlib.sha256(audience.encode()).hexdigest()[:8]}.jsonl"


def files(store: Path) -> list[Path]:
    """The files of all audiences."""
    return sorted((store / FOLDER).glob("*.jsonl"))


def people(path: Path, without: Container[str] = ()) -> int:
    """How many people are in a file, by their digests, but for those `without`. Raises StoreError."""
    return len({one.email or one.phone for one in members(path) if not _is_among(one, without)})


def refused(store: Path) -> frozenset[str]:
    """Digests of those who want no advertising any more: what was written of them before leaves with no file.

    Raises StoreError.
    """
    if not acts_file.exists(store):
        return frozenset()
    # No digest of suppressions is asked for, so no key is needed.
    contacts = Contacts(b"")
    with closing(acts_file.reader(store)) as reader:
        try:
            gone = contacts.refusing(reader, consent.MARKETING)
            told = [*gone, *(contacts.address(reader, visitor, "email") for visitor in gone)]
        except sqlite3.Error as error:
            raise acts_file.explained(error, store / acts_file.FILE) from error
    return frozenset(_digest(one) for one in told if one)


def members(path: Path) -> Iterator[Member]:
    """The lines of a file; one that a crash tore is no line. Raises StoreError."""
    with disk.explained(path):
        content = path.read_bytes() if path.exists() else b""
    for line in content.splitlines():
        try:
            yield msgspec.json.decode(line, type=Member)
        except msgspec.MsgspecError:
            continue


def csv_of(path: Path, platform: Platform, without: Container[str] = ()) -> str:
    """The file as a platform takes it: one line per person, headings as it names them, but for those `without` (`refused`).

    Raises StoreError.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_HEADERS[platform])
    rows = (_row(one, platform) for one in members(path) if not _is_among(one, without))
    writer.writerows(dict.fromkeys(rows))
    return out.getvalue()


def _is_among(one: Member, digests: Container[str]) -> bool:
    return one.visitor in digests or (bool(one.email) and one.email in digests)


def _row(one: Member, platform: Platform) -> tuple[str, ...]:
    return (one.google or one.email, one.phone) if platform == "google" else (one.email, one.digits, one.visitor)


def forget(store: Path, ids: Iterable[str]) -> list[str]:
    """Take a person out of every audience: `ids` with their namespace, as erasing knows them; the files that changed.

    Raises StoreError.
    """
    folder = store / FOLDER
    if not folder.is_dir():
        return []
    theirs = {_digest(one) for one in ids} | {_digest(one[2:]) for one in ids}
    changed = []
    with turns.turn(store, turns.EXPORTS), disk.explained(folder):
        for path in files(store):
            every = list(members(path))
            kept = [one for one in every if not theirs & {one.visitor, one.email}]
            if len(kept) < len(every):
                disk.write_synced(path, b"".join(msgspec.json.encode(one) + b"\n" for one in kept), _MODE)
                changed.append(str(path.relative_to(store)))
    return changed


def _digest(text: str) -> str:
    """SHA-256 in hexadecimal digits, as ad platforms ask for it; nothing of nothing."""
    return hashlib.sha256(text.encode()).hexdigest() if text else ""
