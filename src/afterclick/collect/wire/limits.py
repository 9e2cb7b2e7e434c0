"""What one event may hold: depth, keys, sizes and numbers, all looked at without recursion."""

from __future__ import annotations

import math
import unicodedata
from typing import Any, Final

EVENT_BYTES: Final = 32 << 10
BODY_BYTES: Final = 4 << 20
EVENTS: Final = 2_000
VALUES: Final = 400_000
"""Values of a whole body: 4 MB of events hold half as many, and five times as many can be packed into a few kB."""
DEPTH: Final = 32
KEYS: Final = 256
NAME: Final = 1_000
"""Characters of an event's name."""
ID: Final = 512
"""Characters of any id."""

_WHOLE: Final = 1 << 63
_PATH: Final = 200
_LEAVES: Final = frozenset({bool, type(None)})
_NESTED: Final = frozenset({dict, list})


def values(body: bytes) -> int:
    """About how many values a body of JSON holds, at a glance: more only where signs stand inside of texts."""
    return body.count(b",") + body.count(b"[") + body.count(b"{")


class NotFinite:
    """Stands for NaN and Infinity, which are no JSON, until the event that holds one is refused."""


class Broken(Exception):
    """An event that cannot be stored: code, sentence and the field at fault."""

    def __init__(self, code: str, message: str, path: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.path = path if len(path) <= _PATH else path[:_PATH] + "…"


def tidy(given: dict[str, Any], path: str = "", depth: int = 1) -> dict[str, Any]:
    """A copy of an object with all text in normal form C and without NUL, whole numbers beyond 63 bits as text.

    Raises Broken for what goes beyond the limits, for NaN and infinity, and for halves of surrogate pairs. `depth` is how
    deep the object itself lies in its event.
    """
    result: dict[str, Any] = {}
    waiting: list[tuple[Any, Any, str, int]] = [(given, result, path, depth)]
    while waiting:
        source, target, where, level = waiting.pop()
        if level > DEPTH:
            raise Broken("too_deep", f"objects and lists more than {DEPTH} deep", where)
        if source.__class__ is dict:
            if len(source) > KEYS:
                raise Broken("too_many_keys", f"an object with {len(source):,} keys; {KEYS} are allowed", where)
            for key, value in source.items():
                name = key if key.isascii() and "\0" not in key else text(key, where)
                if value.__class__ is str and value.isascii() and "\0" not in value:
                    target[name] = value
                    continue
                kept, more = _leaf(value, where, name)
                target[name] = kept
                if more:
                    waiting.append((value, kept, f"{where}.{name}" if where else name, level + 1))
        else:
            for place, value in enumerate(source):
                kept, more = _leaf(value, where, place)
                target.append(kept)
                if more:
                    waiting.append((value, kept, f"{where}[{place}]", level + 1))
    return result


def _leaf(value: Any, where: str, key: str | int) -> tuple[Any, bool]:
    """A value as it is kept, and whether it holds more to look at."""
    kind = value.__class__
    if kind is str:
        if value.isascii():
            return (value.replace("\0", ""), False) if "\0" in value else (value, False)
        return text(value, where), False
    if kind is int:
        return (value, False) if -_WHOLE <= value < _WHOLE else (str(value), False)
    if kind in _LEAVES:
        return value, False
    if kind is float:
        if math.isfinite(value):
            return value, False
    elif kind is dict:
        return {}, True
    elif kind is list:
        return [], True
    path = f"{where}[{key}]" if kind is int else f"{where}.{key}" if where else str(key)
    raise Broken("not_finite", "NaN, infinity, or a number that no number can hold", path)


def text(value: str, where: str) -> str:
    """Text in normal form C without NUL; Raises Broken for half of a surrogate pair."""
    if "\0" in value:
        value = value.replace("\0", "")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Broken("bad_text", "half of a surrogate pair, which is no character", where) from None
    return value if unicodedata.is_normalized("NFC", value) else unicodedata.normalize("NFC", value)


def flat(properties: dict[str, Any]) -> bool:
    """Whether an object holds neither objects nor lists; its keys and numbers were looked at when it was decoded."""
    return _NESTED.isdisjoint(map(type, properties.values()))
