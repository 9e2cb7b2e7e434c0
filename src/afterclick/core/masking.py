"""Personal data in free text hidden: what people write into a comment field must not carry addresses and numbers along."""

from __future__ import annotations

import re
from typing import Final

EMAIL: Final = "[email]"
PHONE: Final = "[phone]"
CARD: Final = "[card]"
RESIDENT: Final = "[id number]"

_EMAIL: Final = re.compile(r"[\w.+%-]{1,64}(?:@|%40)[\w-]+(?:\.[\w-]+)+")
"""The part before the sign is at most 64 characters (RFC 5321), which also bounds the search; in addresses it is %40."""
_RESIDENT: Final = re.compile(r"(?<!\d)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[ -]?[1-8]\d{6}(?!\d)")
"""Korean resident and foreigner registration numbers: a date of birth, then seven digits of which the first is 1 to 8."""
_RUN: Final = re.compile(r"\d(?:[ -]?\d){12,}")
_GROUP: Final = re.compile(r"\d+")
_LONGEST_CARD: Final = 19
_ISSUED: Final = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|35\d{14}|6\d{15,18}|9\d{15}"
)
"""Beginnings and lengths that card networks give out (ISO/IEC 7812; those of Korea begin with 9): one in ten numbers of
orders or instants passes the check digit, and few of them begin so."""
_PHONES: Final = (
    re.compile(r"(?<!\d)(?:\+?82[ .-]?\(?0?\)?|\(?0)(?:1[016789]|2|[3-6][1-5]|50\d|70)\)?[ .-]?\d{3,4}[ .-]?\d{4}(?!\d)"),
    re.compile(r"(?<![\d+])\+\d{1,3}(?:[ .()-]{0,2}\d){7,13}(?!\d)"),
    re.compile(r"(?<!\d)\(?[2-9]\d{2}\)?[ .-]\d{3}[ .-]\d{4}(?!\d)"),
)
"""Korean numbers, international ones with their plus, and those of North America with separators."""


def masked(text: str) -> str:
    """The text with e-mail addresses, telephone, card and resident numbers replaced by what they were.

    A card number is 13 to 19 digits as a card network gives them out, whose check digit is right (Luhn, ISO/IEC 7812-1);
    other long numbers, such as those of orders, stay. Masking twice changes nothing.
    """
    text = _RESIDENT.sub(RESIDENT, _EMAIL.sub(EMAIL, text))
    text = _RUN.sub(_cards, text)
    for pattern in _PHONES:
        text = pattern.sub(PHONE, text)
    return text


def without_emails(text: str) -> str:
    """The text with e-mail addresses replaced, numbers as they are."""
    return _EMAIL.sub(EMAIL, text) if "@" in text or "%40" in text else text


def _cards(found: re.Match[str]) -> str:
    """A run of digits with the cards in it replaced: other numbers may stand right beside one."""
    text, out, done = found[0], "", 0
    groups = [(group.start(), group.end()) for group in _GROUP.finditer(text)]
    for number, (start, _) in enumerate(groups):
        end = 0 if start < done else _card_end(text, groups[number : number + _LONGEST_CARD])
        if end:
            out += text[done:start] + CARD
            done = end
    return out + text[done:]


def _card_end(text: str, groups: list[tuple[int, int]]) -> int:
    """Where a card that begins with the first of these groups of digits ends, 0 where none does."""
    digits = ""
    for start, end in groups:
        digits += "".join(str(int(sign)) for sign in text[start:end])
        if len(digits) > _LONGEST_CARD:
            break
        if _ISSUED.fullmatch(digits) and _checks(digits):
            return end
    return 0


def _checks(digits: str) -> bool:
    doubled = [int(sign) * (1 + place % 2) for place, sign in enumerate(reversed(digits))]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0
