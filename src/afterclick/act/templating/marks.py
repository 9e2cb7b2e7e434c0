"""A first look at a template's marks, in one pass: the library's own search goes on for ever where many are never closed."""

from __future__ import annotations

import re
from typing import Final

from liquid.exceptions import LiquidSyntaxError
from liquid.token import TOKEN_EOF, Token

TAGS: Final = ("if", "unless", "case", "for", "break", "continue", "assign", "capture", "comment", "raw")
"""Tags that a template may use."""

_WITHIN: Final = frozenset(
    (*TAGS, "else", "elsif", "when", *(f"end{name}" for name in TAGS if name not in ("break", "continue", "assign")))
)
_LONGEST: Final = 1000
_OPENING: Final = re.compile(r"\{[{%]")
_NAME: Final = re.compile(r"\{%-?\s{0,100}(#|\w{1,40}|)")
_END_OF_RAW: Final = re.compile(r"\{%-?\s{0,100}endraw\s{0,100}-?%\}")


class UnknownTag(LiquidSyntaxError):
    """A tag that messages do not have; its name is the message."""


class NeverClosed(LiquidSyntaxError):
    """A mark that opens and does not close, or only after more than it may hold."""


def check(source: str) -> int:
    """How many marks a template has. Raises NeverClosed, UnknownTag."""
    count = place = 0
    while (found := _OPENING.search(source, place)) is not None:
        count += 1
        start, opening = found.start(), found.group()
        close = source.find("}}" if opening == "{{" else "%}", start + 2, start + _LONGEST)
        if close < 0 or _OPENING.search(source, start + 2, close) is not None:
            raise NeverClosed(opening, token=_token(source, start))
        place = close + 2
        if opening == "{%":
            place = _after(source, start, place)
    return count


def _after(source: str, start: int, place: int) -> int:
    """Where to go on behind a tag: what is raw holds no marks. Raises UnknownTag, NeverClosed."""
    named = _NAME.match(source, start)
    name = named.group(1) if named else ""
    if name not in _WITHIN:
        raise UnknownTag(name, token=_token(source, start))
    if name != "raw":
        return place
    end = _END_OF_RAW.search(source, place)
    if end is None:
        raise NeverClosed("raw", token=_token(source, start))
    return end.end()


def _token(source: str, start: int) -> Token:
    return Token(TOKEN_EOF, value=source[start : start + 2], start_index=start, source=source)
