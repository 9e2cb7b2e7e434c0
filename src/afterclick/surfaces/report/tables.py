"""The tables behind a card: those of its own table view, else the frame and the parts of its answer, 20 rows of each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec
import pyarrow as pa

from afterclick.core.result import Result
from afterclick.surfaces import presenting
from afterclick.surfaces.report.outline import Piece
from afterclick.surfaces.viz.grid import grid, heading
from afterclick.surfaces.viz.markup import Html, el, join
from afterclick.surfaces.viz.notebook import figures_table
from afterclick.surfaces.viz.voice import Voice

ROWS: Final = 20
"""Rows of a table or list in a report."""

# Our builder writes `>` as an entity inside attributes and texts, so a tag ends at the first one.
_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^>]*>")
_BODY: Final = re.compile(r"(<tbody>)(.*?)(</tbody>)", re.S)
_VOID: Final = frozenset({"br", "hr", "img", "input", "link", "meta", "wbr"})
_DULL: Final = frozenset({"question", "question_id", "params", "position", "unit", "reasons"})
"""Columns and parts that say nothing to a reader, or what stands on the card already."""


def tables(piece: Piece, result: Result, voice: Voice, title: str, told: set[str]) -> list[Html]:
    """What a report prints behind a card; nothing where the card is its tables already.

    `told` holds the keys of the answers whose frame and parts stand in the report, or the tables of a card of theirs.
    """
    voice = msgspec.structs.replace(voice, looks=piece.looks)
    own = of_its_own(piece, result, voice)
    if own:
        return [cut(each, voice) for each in own]
    chart = join(draw(result, voice, "chart") for draw in piece.draws)
    if "<table" in chart or piece.spec.key in told:
        return []
    told.add(piece.spec.key)
    frame = [(voice.text("report.main_table"), result.frame, presenting.columns(piece.spec)[0])] if piece.draws else []
    parts = [(heading(name, voice.lang), part, ()) for name, part in result.parts.items() if name not in _DULL]
    return [
        _table(name, part, columns, result, voice, title) for name, part, columns in [*frame, *parts] if part.num_rows
    ]


def of_its_own(piece: Piece, result: Result, voice: Voice) -> list[Html]:
    """The tables that a card shows in place of its drawing; none where it looks the same in both views."""
    voice = msgspec.structs.replace(voice, looks=piece.looks)
    chart, table = (join(draw(result, voice, view) for draw in piece.draws) for view in ("chart", "table"))
    return [each for each in elements(table) if "<table" in each] if table != chart else []


def _table(name: str, table: pa.Table, columns: Sequence[str], result: Result, voice: Voice, title: str) -> Html:
    names = tuple(columns) or tuple(name for name in table.column_names if _tells(table, name))
    made = grid(table.slice(0, ROWS), result.about, voice.lang, names)
    shown = voice.text("report.rows_of", shown=ROWS, n=table.num_rows)
    return el(
        "section",
        {"class": "panel card" if len(made.headings) > 5 else "panel card slim"},
        el("h3", None, name[:1].upper() + name[1:]),
        el("p", {"class": "caption"}, shown) if table.num_rows > ROWS else None,
        figures_table(made.headings, made.rows, made.left, f"{title}: {name}"),
    )


def _tells(table: pa.Table, name: str) -> bool:
    kind = table.schema.field(name).type
    return not (name in _DULL or pa.types.is_nested(kind) or pa.types.is_null(kind))


def elements(markup: str) -> list[Html]:
    """The outermost elements of markup that our builder wrote, text between them left out."""
    found: list[Html] = []
    depth = start = 0
    for tag in _TAG.finditer(markup):
        if tag[2] in _VOID:
            continue
        if not tag[1]:
            start = tag.start() if not depth else start
            depth += 1
            continue
        depth -= 1
        if not depth:
            found.append(Html(markup[start : tag.end()]))
    return found


def cut(markup: str, voice: Voice) -> Html:
    """The same with at most `ROWS` rows in each table, and a line that says how many there are."""

    def shorter(body: re.Match[str]) -> str:
        rows = elements(body[2])
        if len(rows) <= ROWS:
            return body[0]
        said = voice.text("report.rows_of", shown=ROWS, n=len(rows))
        line = el("tfoot", None, el("tr", None, el("td", {"class": "caption", "colspan": 99}, said)))
        return f"{body[1]}{''.join(rows[:ROWS])}{body[3]}{line}"

    return Html(_BODY.sub(shorter, markup))
