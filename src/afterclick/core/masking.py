"""Personal data in free text hidden: what people write into a comment field must not carry addresses and numbers along."""

from __future__ import annotations

import re
from typing import Final

EMAIL: Final = "[email]"
PHONE: Final = "[phone]"
CARD: Final = "[card]"
RESIDENT: Final = "[id number]"

_EMAIL: Final = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_RESIDENT: Final = re.compile(r"(?<!\d)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[ -]?[1-8]\d{6}(?!\d)")
"""Korean resident and foreigner registration numbers: a date of birth, then seven digits of which the first is 1 to 8."""
_CARD: Final = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
_PHONES: Final = (
    re.compile(r"(?<!\d)(?:\+?82[ .-]?\(?0?\)?|\(?0)(?:1[016789]|2|[3-6][1-5]|50\d|70)\)?[ .-]?\d{3,4}[ .-]?\d{4}(?!\d)"),
    re.compile(r"(?<![\d+])\+\d{1,3}(?:[ .()-]{0,2}\d){7,13}(?!\d)"),
    re.compile(r"(?<!\d)\(?[2-9]\d{2}\)?[ .-]\d{3}[ .-]\d{4}(?!\d)"),
)
"""Korean numbers, international ones with their plus, and those of North America with separators."""


def masked(text: str) -> str:
    """The text with e-mail addresses, telephone, card and resident numbers replaced by what they were.

    A card number is 13 to 19 digits whose check digit is right (Luhn, ISO/IEC 7812-1); other long numbers, such as those
    of orders, stay. Masking twice changes nothing.
    """
    text = _RESIDENT.sub(RESIDENT, _EMAIL.sub(EMAIL, text))
    text = _CARD.sub(_card, text)
    for pattern in _PHONES:
        text = pattern.sub(PHONE, text)
    return text


def _card(found: re.Match[str]) -> str:
    digits = [int(sign) for sign in found[0] if sign.isdigit()]
    doubled = [digit if place % 2 == 0 else digit * 2 for place, digit in enumerate(reversed(digits))]
    return found[0] if sum(value - 9 * (value > 9) for value in doubled) % 10 else CARD
