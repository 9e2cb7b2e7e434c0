"""A Result as a person or a program reads it: sentence, table, notes; JSON, CSV, Markdown, Python."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

import afterclick
from afterclick.core import i18n
from afterclick.core.errors import UsageError, nearest_or_known
from afterclick.core.said import Said
from afterclick.core.spec import Spec
from afterclick.surfaces.cli import addresses, cells, journey_messages, tables, views
from afterclick.surfaces.cli.screen import GAP, Screen, bar, least_widths
from afterclick.surfaces.viz.grid import Grid, grid, heading

if TYPE_CHECKING:
    import pyarrow as pa

    from afterclick.core.result import People, Result

_BAR_WIDTH, _LEAST_BAR = 16, 4
_JSON = msgspec.json.Encoder(decimal_format="number")
_PEOPLE_SHOWN = 20


def result(found: Result, screen: Screen, form: str, part: str | None = None) -> None:
    """Print an answer in one of the forms table, json, csv, md."""
    table = found.frame if part is None else _part(found, part)
    if form == "json":
        screen.write(found.to_json(screen.lang))
        return
    if form == "csv":
        screen.write(tables.csv_text(table))
        return
    view = views.view_of(found.spec, part)
    grid = grid_of(table, view, screen.lang, found)
    notes = [note.say(screen.lang) for note in found.notes]
    address = addresses.address(found.spec, screen.lang)
    if form == "md":
        blocks = [found.sentence(screen.lang), tables.markdown(*grid), caption(found, screen)]
        caveats = "\n".join(f"- {note}" for note in notes)
        screen.write("\n\n".join(block for block in (*blocks, caveats, address) if block))
        return
    screen.show(found.sentence(screen.lang), "")
    screen.table(*(_with_bar(grid, table, view, screen) if screen.watched and view.bar else grid))
    if view.also in found.parts and found.parts[view.also].num_rows:
        screen.show("", screen.text(f"also_{view.also}"), "")
        screen.table(*grid_of(found.parts[view.also], views.view_of(found.spec, view.also), screen.lang, found))
    messages = journey_messages.grid_of(found, screen.lang)
    if messages.rows and part is None:
        screen.show("", i18n.text(screen.lang, "automations.bt_steps"), "")
        screen.table(*messages)
    screen.show("", *(f"{name}  {value}" for name, value in figure_lines(found, view, screen.lang)))
    screen.show(caption(found, screen), *(f"{screen.text('note')} {note}" for note in notes), "", address)


def people(asked: Result, cell: str, screen: Screen, form: str) -> None:
    """Print the visitors behind a cell; a table shows the first, every other form all of them."""
    found = asked.people(cell)
    if form == "json":
        answer = {
            "spec": asked.spec.to_dict(),
            "cell": cell,
            "sentence": found.text.say(screen.lang),
            "count": len(found),
            "data": found.table().to_pylist(),
        }
        screen.write(_JSON.encode(answer).decode())
        return
    if form == "csv":
        screen.write(tables.csv_text(found.table()))
        return
    shown = found.table(0, _PEOPLE_SHOWN) if form == "table" else found.table()
    grid = grid_of(shown, views.View(), screen.lang, asked)
    if form == "md":
        screen.write(f"{_who(found, screen)}\n\n{tables.markdown(*grid)}")
        return
    screen.show(_who(found, screen), "")
    screen.table(*grid)
    if len(found) > shown.num_rows:
        screen.show("", screen.text("first_people", shown=shown.num_rows, all=len(found)))


def _who(found: People, screen: Screen) -> str:
    return screen.text("people", n=len(found), what=found.text.say(screen.lang))


def grid_of(table: pa.Table, view: views.View, lang: str, found: Result) -> Grid:
    """The view's columns of a table as texts; columns the table lacks are left out."""
    return grid(table, found.about, lang, view.columns)


def figure_lines(found: Result, view: views.View, lang: str) -> list[tuple[str, str]]:
    """The figures of the view that the answer has, as heading and text, headings padded to one width."""
    currency, zone = str(found.about.get("currency") or ""), str(found.about.get("timezone") or "UTC")
    lines = [
        (heading(name, lang), cells.read(name, found.figures[name], lang, currency, zone=zone))
        for name in view.figures
        if name in found.figures
    ]
    width = max((cells.width(name) for name, _ in lines), default=0)
    return [(name + " " * (width - cells.width(name)), text) for name, text in lines]


def caption(found: Result, screen: Screen) -> str:
    """Unit, range, comparison, time zone, bots, identity and as of: what every answer states."""
    about = found.about
    said = [str(about[name]) for name in ("unit", "range", "timezone") if about.get(name)]
    said += [f"{screen.text('compared')} {about['compare']}"] if about.get("compare") else []
    said += [f"{heading(name, screen.lang)} {about[name]}" for name in ("bots", "identity", "as_of") if about.get(name)]
    said += [str(text) for name in ("filters", "segments") for text in about.get(name) or ()]
    return " · ".join(said) if not screen.out.options.ascii_only else " | ".join(said)


def python_call(spec: Spec, store: Path, cell: str | None = None) -> str:
    """The same question in Python, ready to run."""
    kind = type(spec)
    given = ", ".join(f"{name}={value!r}" for name, value in spec.changed().items())
    public = kind.__qualname__ in afterclick.__all__
    lines = [
        "import afterclick",
        *([] if public else [f"from {kind.__module__} import {kind.__qualname__}"]),
        "",
        f"shop = afterclick.open({str(store)!r})",
        f"result = shop.ask({'afterclick.' if public else ''}{kind.__qualname__}({given}))",
    ]
    if cell:
        lines.append(f"people = result.people({cell!r}).table()")
    return "\n".join(lines)


def _part(found: Result, name: str) -> pa.Table:
    if name not in found.parts:
        raise UsageError(
            Said("refusals.no_part", key_word=found.spec.key_word, name=name),
            hint=nearest_or_known(name, found.parts, "refusals.known_parts"),
        )
    return found.parts[name]


def _with_bar(grid: Grid, table: pa.Table, view: views.View, screen: Screen) -> Grid:
    """The grid with a column of bars after the one they show; zero is the left end."""
    names = [name for name in view.columns if name in table.column_names]
    if view.bar not in names:
        return grid
    taken = sum(least_widths(grid.headings, grid.rows)) + GAP * (len(grid.headings) + 1)
    room = min(_BAR_WIDTH, screen.out.width - taken)
    if room < _LEAST_BAR:
        return grid
    values = [float(value or 0) for value in table.column(view.bar).to_pylist()]
    most = max(values, default=0.0)
    bars = [bar(value / most if most else 0.0, room, screen.out.options.ascii_only) for value in values]
    at = names.index(view.bar) + 1
    return Grid(
        [*grid.headings[:at], "", *grid.headings[at:]],
        [[*row[:at], drawn, *row[at:]] for row, drawn in zip(grid.rows, bars, strict=True)],
        [*grid.left[:at], True, *grid.left[at:]],
    )
