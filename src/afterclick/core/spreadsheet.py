"""What a spreadsheet would run as a formula is made plain text; numbers stay numbers."""

from __future__ import annotations

from typing import Final

RISKY: Final = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""Beginnings of formulas, full-width ones too: a spreadsheet of East Asia reads them alike."""


def safe(text: str) -> str:
    """A text cell, with an apostrophe before it where a spreadsheet would run it."""
    return "'" + text if text.startswith(RISKY) else text
