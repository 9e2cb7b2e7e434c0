"""Condition text cut into tokens with their positions, so that every complaint can point at a character."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from afterclick.core.condition_tree import NAME
from afterclick.core.errors import SpecError
from afterclick.core.said import Said, Spoken

TokenKind = Literal["name", "number", "text", "sign", "end"]

_SPACE: Final = re.compile(r"\s+")
_NUMBER: Final = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SIGN: Final = re.compile(r"==|!=|<=|>=|&&|\|\||[<>!()\[\],.\-]")
_ESCAPE: Final = re.compile(
    r"\\(?:([\\\"'?`/])|([nrtabfv])|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2}))"
)
_CONTROLS: Final = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_INSTEAD: Final = {
    "=": Said("refusals.compare_with_equals"),
    "&": Said("refusals.and_is"),
    "|": Said("refusals.or_is"),
    "“": Said("refusals.straight_double"),
    "”": Said("refusals.straight_double"),
    "‘": Said("refusals.straight_single"),
    "’": Said("refusals.straight_single"),
}


class Token(NamedTuple):
    """One word of a condition; `text` is the value of a text literal, else the characters themselves."""

    kind: TokenKind
    text: str
    at: int


class Place(NamedTuple):
    """Where a condition stands: the field of the question, and how many characters precede it there."""

    path: str
    offset: int

    def error(self, message: Spoken, at: int, expected: Spoken) -> SpecError:
        """The SpecError naming the character, counted from 1."""
        return SpecError(
            Said("refusals.at_character", message=message, n=self.offset + at + 1),
            hint=expected,
            path=self.path,
            code="bad_condition",
        )


def tokens(text: str, place: Place) -> Iterator[Token]:
    """The tokens of a condition, closed by one of kind `end`. Raises SpecError."""
    at = 0
    while at < len(text):
        if found := _SPACE.match(text, at):
            at = found.end()
            continue
        if quote := _opening_quote(text, at):
            value, end = _read_text(text, at, quote, place)
            yield Token("text", value, at)
            at = end
            continue
        kind, found = _word(text, at)
        if found is None:
            raise place.error(
                Said("refusals.unexpected", text=text[at]),
                at,
                _INSTEAD.get(text[at], Said("refusals.want_field_first")),
            )
        yield Token(kind, found[0], at)
        at = found.end()
    yield Token("end", "", len(text))


def _word(text: str, at: int) -> tuple[TokenKind, re.Match[str] | None]:
    if found := _NUMBER.match(text, at):
        return "number", found
    if found := NAME.match(text, at):
        return "name", found
    return "sign", _SIGN.match(text, at)


def _opening_quote(text: str, at: int) -> str:
    """The quote that opens here: `"` or `'`, with an `r` before it if raw (backslashes stay), or nothing."""
    if text[at] in "\"'":
        return text[at]
    return text[at : at + 2] if text[at] in "rR" and text[at + 1 : at + 2] in ('"', "'") else ""


def _read_text(text: str, at: int, quote: str, place: Place) -> tuple[str, int]:
    raw, mark = len(quote) == 2, quote[-1]
    parts: list[str] = []
    i = at + len(quote)
    while i < len(text):
        char = text[i]
        if char == mark:
            return "".join(parts), i + 1
        if char == "\\" and not raw:
            part, i = _read_escape(text, i, place)
            parts.append(part)
            continue
        if "\ud800" <= char <= "\udfff":
            raise place.error(Said("refusals.half_character"), i, Said("refusals.want_whole_characters"))
        parts.append(char)
        i += 1
    raise place.error(Said("refusals.open_text"), at, Said("refusals.want_closing", mark=mark))


def _read_escape(text: str, at: int, place: Place) -> tuple[str, int]:
    found = _ESCAPE.match(text, at)
    if found is None:
        raise place.error(
            Said("refusals.unknown_escape"), at, Said("refusals.want_escape")
        )
    plain, control, *codes = found.groups()
    if plain:
        return plain, found.end()
    if control:
        return _CONTROLS[control], found.end()
    code = int(next(digits for digits in codes if digits), 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise place.error(
            Said("refusals.escape_no_character"), at, Said("refusals.want_code")
        )
    return chr(code), found.end()


class Cursor:
    """The tokens of a condition and the place among them."""

    def __init__(self, text: str, place: Place) -> None:
        self._place = place
        self._tokens = list(tokens(text, place))
        self._next = 0

    def peek(self) -> Token:
        """The next token; the last, of kind `end`, stays."""
        return self._tokens[min(self._next, len(self._tokens) - 1)]

    def peek_after(self) -> Token:
        """The token behind the next one."""
        return self._tokens[min(self._next + 1, len(self._tokens) - 1)]

    @property
    def path(self) -> str:
        """The field of the question the text stands in."""
        return self._place.path

    def before(self) -> Token:
        """The token taken last."""
        return self._tokens[max(self._next - 1, 0)]

    def take(self) -> Token:
        """The next token, which is then behind."""
        token = self.peek()
        self._next += 1
        return token

    def took(self, sign: str) -> bool:
        """Take the next token if it is this sign or name."""
        token = self.peek()
        found = token.kind in ("sign", "name") and token.text == sign
        self._next += found
        return found

    def need(self, sign: str, expected: Spoken) -> None:
        """Take this sign. Raises SpecError if another token comes next."""
        if not self.took(sign):
            raise self.unexpected(self.peek(), expected)

    def error(self, message: Spoken, token: Token, expected: Spoken) -> SpecError:
        """The complaint about a token."""
        return self._place.error(message, token.at, expected)

    def unexpected(self, token: Token, expected: Spoken) -> SpecError:
        """The complaint that a token stands where it cannot."""
        what = {"end": Said("refusals.condition_ends_early"), "text": Said("refusals.unexpected_text")}.get(token.kind)
        return self.error(what or Said("refusals.unexpected", text=token.text[:40]), token, expected)
