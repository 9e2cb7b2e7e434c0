"""The forms an id can hide in: as text, in two-byte units, percent-encoded, escaped, in base64, as its digest."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Final, NamedTuple
from urllib.parse import quote

from afterclick.analyse.handles import handle, mask

SHORT: Final = 6
"""Ids with fewer characters stand by chance in any file; they are looked for as whole values where ids stand."""
_SPECIAL: Final = re.compile(r"[\\.+*?()|\[\]{}^$]")
_WORD: Final = "0-9A-Za-z"
_DIGITS: Final = 9
"""As many figures without any letter tell nobody apart from an amount or an instant."""


class Needle(NamedTuple):
    """A text to look for, and how it may be named where people read: masked, `as user id`."""

    text: str
    name: str

    @property
    def short(self) -> bool:
        """Is it too common a text to be looked for inside others?"""
        return len(self.text) < SHORT or (self.text.isdigit() and len(self.text) < _DIGITS)


class Needles:
    """The ids of a person (each with its namespace) as what a search looks for."""

    def __init__(self, ids: Iterable[str]) -> None:
        self.ids = tuple(dict.fromkeys(ids))
        self.all = tuple(_needles(self.ids))
        self.long = tuple(one for one in self.all if not one.short)
        self.short = tuple(one for one in self.all if one.short)
        self.whole = frozenset(self.ids) | {one.text for one in self.short}

    @cached_property
    def encoded(self) -> tuple[tuple[str, bytes, Needle], ...]:
        """(name of the form, bytes, needle) for every form of every long text."""
        found: dict[bytes, tuple[str, bytes, Needle]] = {}
        for needle in self.long:
            for form, raw in forms(needle.text):
                found.setdefault(raw, (form, raw, needle))
        return tuple(found.values())

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """Matches a long text, as it is, escaped or percent-encoded, where it is no part of a longer word; any case."""
        texts = {text for needle in self.long for text in written(needle.text)}
        if not texts:
            return None
        joined = "|".join(map(re.escape, sorted(texts, key=lambda text: (-len(text), text))))
        return re.compile(f"(?<![{_WORD}])(?:{joined})(?![{_WORD}])", re.IGNORECASE)

    @cached_property
    def hints(self) -> str:
        """An expression in RE2's syntax that matches wherever a long text may stand in any form; "" for none."""
        texts = {raw.decode().lower() for form, raw, _ in self.encoded if form != "UTF-16"}
        return "|".join(_SPECIAL.sub(r"\\\g<0>", text) for text in sorted(texts))

    def inside(self, text: str) -> bool:
        """Does a text hold one of them?"""
        return text in self.whole or (self.pattern is not None and self.pattern.search(text) is not None)

    def named(self, found: str) -> str:
        """How what was found is named, masked."""
        return next((one.name for one in self.all if one.text.lower() in found.lower()), mask(found))

    def without(self, text: str, instead: str) -> str:
        """The text with every one of them replaced."""
        if text in self.whole:
            return instead
        return text if self.pattern is None else self.pattern.sub(instead, text)


def _needles(ids: tuple[str, ...]) -> Iterator[Needle]:
    seen = set()
    for known in ids:
        value = known[2:]
        shown = mask(value)
        texts = {value: shown, value.lower(): shown} if "@" in value else {value: shown}
        if "@" in value:
            texts[hashlib.sha256(value.lower().encode()).hexdigest()] = f"SHA-256 of {shown}"
        if handle(known) != known:
            texts[handle(known)] = f"handle of {shown}"
        for text, name in texts.items():
            if text and text not in seen:
                seen.add(text)
                yield Needle(text, name)


def written(text: str) -> set[str]:
    """A text as it can stand inside other texts: itself, percent-encoded in part or whole, escaped as in JSON."""
    return {
        text, quote(text, safe=""), quote(text), quote(text, safe="@"), json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
    }  # fmt: skip


def forms(text: str) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of every form."""
    plain = text.encode()
    yield "UTF-8", plain
    if text.lower() != text:
        yield "UTF-8", text.lower().encode()
    if text.upper() != text:
        yield "UTF-8", text.upper().encode()
    yield "UTF-16", text.encode("utf-16-le")
    yield "UTF-16", text.encode("utf-16-be")
    for one in sorted(written(text) - {text}):
        yield "escaped", one.encode()
        yield "escaped", _lower_escapes(one).encode()
    yield "percent", "".join(f"%{byte:02X}" for byte in plain).encode()
    yield "percent", "".join(f"%{byte:02x}" for byte in plain).encode()
    for shift in range(3):
        for altchars in (None, b"-_"):
            # The edges share bits with what stands beside; what is between is the same wherever it stands.
            raw = base64.b64encode(b"\0" * shift + plain, altchars)
            first = -(-shift * 8 // 6) if shift else 0
            last = (shift + len(plain)) * 8 // 6
            if last - first >= SHORT:
                yield "base64", raw[first:last]


def _lower_escapes(text: str) -> str:
    return re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), text)
