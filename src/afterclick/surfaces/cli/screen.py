"""Where the command line writes: results to stdout, progress to stderr, plain where no person watches."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Any, Literal

import click
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from afterclick.core import i18n

_WIDE = 400
"""Columns of an output that is no terminal: nothing is cut there, since a program or a file reads it."""

_EIGHTHS = "▏▎▍▌▋▊▉█"


@dataclass(frozen=True)
class Screen:
    """Both streams of one command, with its language."""

    lang: str
    out: Console
    err: Console

    @classmethod
    def of(cls, lang: str, plain: bool) -> Screen:
        """The screen of the running process."""
        return cls(lang, _console(sys.stdout, plain), _console(sys.stderr, plain))

    @property
    def watched(self) -> bool:
        """Whether stdout is a terminal: only then there are colours and bars."""
        return self.out.is_terminal

    def text(self, key: str, **params: Any) -> str:
        """A text of the command line's own section of the catalogue."""
        return i18n.text(self.lang, f"cli.{key}", **params)

    def show(self, *lines: str) -> None:
        """Lines of the result, to stdout, never wrapped in the middle of an address or a command."""
        for line in lines:
            self.out.print(Text(line), soft_wrap=True)

    def tell(self, *lines: str) -> None:
        """Lines of progress, to stderr."""
        for line in lines:
            self.err.print(Text(line), soft_wrap=True)

    def write(self, text: str) -> None:
        """Text for programs to stdout: UTF-8 whatever the terminal's encoding, one newline at its end."""
        click.echo((text if text.endswith("\n") else text + "\n").encode(), nl=False)

    def table(
        self, headings: Sequence[str], rows: Iterable[Sequence[str]], left: Sequence[bool], *, aside: bool = False
    ) -> None:
        """A table to stdout, or `aside` to stderr; `left` says which columns stand left. Wide characters count two.

        Where the terminal is narrow, headings wrap and cells stay whole; columns that then do not fit are named below.
        """
        console = self.err if aside else self.out
        kept = [list(row) for row in rows]
        widths = fitted(headings, kept, console.width)
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 0, 0, 1))
        for heading, stands_left, width in zip(headings, left, widths, strict=False):
            side: Literal["left", "right"] = "left" if stands_left else "right"
            table.add_column(Text(heading), justify=side, overflow="fold", width=width)
        for row in kept:
            table.add_row(*(Text(cell) for cell in row[: len(widths)]))
        console.print(table)
        if len(widths) < len(headings):
            console.print(Text(self.text("columns_cut", names=", ".join(headings[len(widths) :]))), soft_wrap=True)


def _console(stream: IO[str], plain: bool) -> Console:
    if isinstance(stream, io.TextIOWrapper) and not (stream.encoding or "").lower().startswith("utf"):
        # A letter the terminal cannot show becomes a question mark; it must not end the answer.
        stream.reconfigure(errors="replace")
    colourless = plain or bool(os.environ.get("NO_COLOR"))
    console = Console(file=stream, no_color=colourless, highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console.width = _WIDE
    return console


_SENTENCE = 24
"""A cell longer than this is no figure or name: it may wrap."""

GAP = 2
"""Columns of a terminal between one column of a table and the next."""


def fitted(headings: Sequence[str], rows: Sequence[Sequence[str]], room: int) -> list[int]:
    """Widths of the columns that fit into `room`: headings wrap first, then columns fall away from the right."""
    least = least_widths(headings, rows)
    while len(least) > 1 and sum(least) + GAP * len(least) > room:
        least.pop()
    natural = _cell_widths(headings, rows)
    widths = [max(cell_len(heading), cell) for heading, cell, _ in zip(headings, natural, least, strict=False)]
    while (over := sum(widths) + GAP * len(widths) - room) > 0:
        slack = [width - floor for width, floor in zip(widths, least, strict=True)]
        at = slack.index(max(slack))
        if not slack[at]:
            break
        widths[at] -= min(over, slack[at])
    return widths


def least_widths(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """The columns' widths with headings wrapped between words and whole cells, but for sentences."""
    words = [max((cell_len(word) for word in heading.split()), default=0) for heading in headings]
    cells = _cell_widths(headings, rows)
    return [max(word, min(cell, _SENTENCE)) for word, cell in zip(words, cells, strict=True)]


def _cell_widths(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [max((cell_len(row[at]) for row in rows), default=0) for at in range(len(headings))]


def bar(share: float, width: int, ascii_only: bool) -> str:
    """A bar of `share` (0..1) of `width` columns, in eighths of a column where the encoding has them."""
    share = min(max(share, 0.0), 1.0)
    if ascii_only:
        return "#" * round(share * width)
    eighths = round(share * width * 8)
    return "█" * (eighths // 8) + (_EIGHTHS[eighths % 8 - 1] if eighths % 8 else "")
