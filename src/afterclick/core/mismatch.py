"""What msgspec says about a value of the wrong kind, as a place and a sentence of the catalogue."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import msgspec

from afterclick.core.said import Said, Spoken

_BOUNDS: Final = {">=": "at_least", "<=": "at_most", ">": "above", "<": "below"}
_KINDS: Final = {
    "int": "whole", "float": "number", "decimal": "number", "str": "text", "bool": "flag", "array": "list",
    "object": "table", "null": "nothing",
}  # fmt: skip
"""How msgspec names what may stand somewhere, and the id of the word for it."""
_FORMS: Final = {"ms|s|m|h|d|w": "refusals.write_duration", ":[0-5]": "mismatch.clock"}
"""Part of a pattern, and the sentence that says how such a text is written."""
_SHAPES: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"Expected `([^`]+)`, got `([^`]+)`"), "kind"),
    (re.compile(r"Expected `(?:int|float|decimal)` (>=|<=|>|<) (\S+)"), "bound"),
    (re.compile(r"Expected `(str|array|object)` of length (>=|<=) (\d+)"), "length"),
    (re.compile(r"Expected `str` matching regex '(.*)'", re.DOTALL), "pattern"),
    (re.compile(r"Invalid enum value '?(.*?)'?", re.DOTALL), "choice"),
    (re.compile(r"Object contains unknown field `(.*)`", re.DOTALL), "unknown"),
    (re.compile(r"Object missing required field `(.*)`", re.DOTALL), "missing"),
)


class Mismatch(NamedTuple):
    """Where the value stands (`caps[0].most`, empty for the whole), and what is wrong with it."""

    path: str
    said: Spoken


def mismatch(error: msgspec.ValidationError) -> Mismatch:
    """The place and the sentence of an error; one whose shape is not known keeps msgspec's own words."""
    message, _, place = str(error).partition(" - at `$")
    return Mismatch(place.rstrip("`").lstrip("."), _sentence(message))


def _sentence(message: str) -> Spoken:
    for shape, name in _SHAPES:
        if found := shape.fullmatch(message):
            return _said(name, *found.groups())
    return message


def _said(name: str, first: str, second: str = "", third: str = "") -> Said:
    match name:
        case "kind":
            return Said("mismatch.kind", wanted=_words(first), given=_words(second))
        case "pattern":
            return Said(next((text_id for part, text_id in _FORMS.items() if part in first), "mismatch.pattern"))
        case "bound":
            return Said(f"mismatch.{_BOUNDS[first]}", bound=second.removesuffix(".0"))
        case "length":
            return Said(f"mismatch.{first}_{'longer' if second == '>=' else 'shorter'}", n=int(third))
        case _:
            return Said(f"mismatch.{name}", given=first)


def _words(kinds: str) -> list[Spoken]:
    """`int | null` as words of the catalogue."""
    return [Said(f"mismatch.a_{_KINDS[one]}") if one in _KINDS else one for one in kinds.split(" | ")]
