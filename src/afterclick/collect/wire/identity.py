"""Ids as they come in requests: text without blanks, and nothing where an id stands for nobody."""

from __future__ import annotations

from typing import Final

from afterclick.collect.ids import stands_for_nobody
from afterclick.collect.wire.limits import ID, Broken

_LONGEST_PLACEHOLDER: Final = 15
"""Placeholders that are longer begin with one character twice, or are an address of `test@`."""
_REMEMBERED: Final = 64
_MOST: Final = 1 << 15


class _Ids(dict[str | int | None, str | None]):
    """Ids read before, as they are kept: a browser sends its own with every event. Bounded, and never a long one."""

    def __missing__(self, value: str | int | None) -> str | None:
        found = _read(value)
        if value.__class__ is not str or len(value) <= _REMEMBERED:
            if len(self) >= _MOST:
                self.clear()
            self[value] = found
        return found


def _read(value: str | int | None) -> str | None:
    if not value:
        return None
    found = value.strip() if isinstance(value, str) else str(value)
    if _LONGEST_PLACEHOLDER < len(found) <= ID and found[0] != found[1] and found[4] != "@":
        return found
    if len(found) > ID:
        raise Broken("id_too_long", f"an id of {len(found):,} characters; {ID} are allowed", "id")
    return None if not found or stands_for_nobody(found) else _whole(found)


IDS: Final = _Ids()
"""Per id as it came the id as it is kept: None where it is empty or stands for nobody (SEMANTICS 16).

Raises Broken for one beyond ID characters."""


def identity(value: str | int | None, field: str) -> str | None:
    """The same for one id, with the field's name in the error."""
    try:
        return IDS[value]
    except Broken as broken:
        broken.path = field
        raise


def _whole(text: str) -> str:
    # Sheets and data frames print whole numbers as `17850.0`.
    return text[:-2] if text.endswith(".0") and text[:-2].lstrip("-").isdecimal() else text


def address(value: object) -> str | None:
    """An e-mail address, trimmed and lower-cased, nothing else; None for what is none at all."""
    return identity(value.lower(), "email") if value.__class__ is str and value else None


def number(value: object) -> str | None:
    """A telephone number as text."""
    return identity(value, "phone") if value.__class__ is str or value.__class__ is int else None
