"""What RE2 says about a pattern it cannot read, as a sentence of the catalogue."""

from __future__ import annotations

from typing import Final

from afterclick.core.said import Said

_FAULTS: Final = {
    "invalid escape sequence": "escape", "invalid character class range": "range", "invalid character class": "class",
    "missing ]": "square", "missing )": "open", "unexpected )": "close", "trailing \\": "backslash",
    "no argument for repetition operator": "repeats_nothing", "invalid repetition size": "repeats_too_often",
    "bad repetition operator": "repeats_twice", "invalid perl operator": "operator",
    "invalid named capture group": "group",
}  # fmt: skip
"""RE2's own words (re2/parse.cc) and the id of the sentence for them; a longer text stands before its beginning."""


def pattern_fault(error: ValueError) -> Said:
    """Why a pattern cannot be read, for the error that `find_pattern` raises."""
    said = str(error).removeprefix("Invalid regular expression: ")
    fault = next((name for words, name in _FAULTS.items() if said.startswith(words)), "other")
    return Said(f"pattern_faults.{fault}")
