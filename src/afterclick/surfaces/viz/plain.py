"""A Result as plain text: the finding, the table in columns, the caveats; for consoles and text-only notebooks."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from afterclick.core.result import Result
from afterclick.surfaces.viz.foot import said
from afterclick.surfaces.viz.grid import grid
from afterclick.surfaces.viz.voice import Voice

ROWS: Final = 20
_WIDEST: Final = 40
_GAP: Final = "  "


def text(result: Result, voice: Voice, columns: Iterable[str] = ()) -> str:
    """The sentence, the first `ROWS` rows of the table, what the answer states of itself, and its notes."""
    made = grid(result.frame.slice(0, ROWS), result.about, voice.lang, columns)
    lines = [result.sentence(voice.lang)]
    if made.rows:
        lines += ["", *_table(made.headings, made.rows, made.left)]
    left = result.frame.num_rows - len(made.rows)
    if left > 0:
        lines.append(voice.text("card.more_rows", n=left))
    lines += ["", " · ".join(said(result, voice))]
    lines += [f"◦ {note.say(voice.lang)}" for note in result.notes]
    return "\n".join(lines)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[bool]) -> list[str]:
    shown = [[_short(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(width(row[i]) for row in shown) for i in range(len(headings))]
    return [
        _GAP.join(_padded(cell, wide, side) for cell, wide, side in zip(row, widths, left, strict=True)).rstrip()
        for row in shown
    ]


def _padded(cell: str, wide: int, left: bool) -> str:
    space = " " * (wide - width(cell))
    return cell + space if left else space + cell


def _short(cell: str) -> str:
    """One line of at most `_WIDEST` columns; characters that steer a terminal are dropped."""
    # Marks take no column, so more than four signs a column is no name that anyone reads.
    line = "".join(
        sign
        for sign in " ".join(cell[: 8 * _WIDEST].split())[: 4 * _WIDEST]
        if unicodedata.category(sign) not in ("Cc", "Cf", "Cs")
    )
    if width(line) <= _WIDEST and len(cell) <= 4 * _WIDEST:
        return line
    while width(line) >= _WIDEST:
        line = line[:-1]
    return line + "…"


def width(text: str) -> int:
    """Columns of a text: wide characters take two, combining marks none (Unicode UAX #11)."""
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text
    )
