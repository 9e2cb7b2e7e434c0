"""The lists of the Overview under their tabs: the largest as bars, everything in the table under them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from afterclick.core.condition_tree import quoted
from afterclick.core.result import Result
from afterclick.surfaces.viz.barlist import Line, barlist, tabs
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.markup import Child, Html, el
from afterclick.surfaces.viz.metrics import named, shown, title
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

SHORT: Final = 10
"""Rows shown as bars."""
MOST: Final = 200
"""Rows of the table."""
PARTS: Final = {"landing": "landings", "exit": "exits", "terms": "words"}
"""Tabs that show a part of the answer about touchpoints."""
_NOWHERE: Final = ("", "(none)")
_UNITS: Final = {
    "sessions": "count", "landings": "count", "exits": "count", "views": "count", "orders": "count", "ordered": "count",
    "conversion_rate": "rate", "ordered_rate": "rate", "bounce_rate": "rate", "exit_rate": "rate", "units": "count",
    "revenue": "money", "previous_visitors": "count", "previous_revenue": "money",
}  # fmt: skip
"""Figures of the table in order; those a list does not have are left out."""


def lists(result: Result, voice: Voice, chosen: str, names: Sequence[str]) -> Html:
    """The card of the lists with its tabs around the chosen one."""
    of, rows = _rows(result, chosen)
    figure = "visitors"
    names_of = Counter(str(row.get("name") or "") for row in rows)
    lines = [_line(of, row, names_of[str(row.get("name") or "")] > 1, voice) for row in rows[:SHORT]]
    base = getattr(result.spec, "where", ())
    links = []
    if voice.go is not None:
        for name in names:
            href = voice.go({"tab": name}) + "#card-lists"
            links.append((voice.text(f"overview.tab_{name}"), href, name == chosen))
    head = voice.text("overview.lists")
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, head),
        tabs(links, head) if links else el("h3", {"class": "sub"}, voice.text(f"overview.tab_{chosen}")),
        barlist(lines, head=_head(of, voice), figure=title(figure, voice), voice=voice, base=base) if rows else None,
        _details(of, rows[:MOST], voice) if rows else el("p", {"class": "caption"}, voice.text("overview.list_empty")),
        foot(result, voice),
    )


def _rows(result: Result, chosen: str) -> tuple[str, list[Row]]:
    """What a row is, and the rows, the most visited first."""
    if chosen in PARTS:
        part = PARTS[chosen]
        rows = result.parts[part].to_pylist() if part in result.parts else []
        return part, sorted(rows, key=lambda row: -int(row["visitors"]))
    return str(result.about.get("of") or ""), result.frame.to_pylist()


def _head(of: str, voice: Voice) -> str:
    return voice.text(f"overview.head_{of}")


def _value(of: str, row: Row) -> str:
    return str(row["word"] if of == "words" else row["touchpoint"] if of in ("landings", "exits") else row["value"])


def _cell(of: str, row: Row) -> str:
    if of == "words":
        return f"word={row['where']}:{row['word']}"
    return f"{of.removesuffix('s') if of in ('landings', 'exits') else of}={_value(of, row)}"


def _name(of: str, row: Row, voice: Voice) -> str:
    if row.get("name"):
        return str(row["name"])
    return named("landing" if of in ("landings", "exits") else of, _value(of, row), voice)


def _where(of: str, row: Row) -> str:
    """The condition that a click on the name adds; nothing for what no event says by itself."""
    if of == "words":
        return f"term == {quoted(_value(of, row))}" if row["where"] == "outside" else ""
    return str(row.get("where") or "")


def _line(of: str, row: Row, shared: bool, voice: Voice) -> Line:
    """A row of the bars; a name that several values have is followed by the value."""
    name = _name(of, row, voice)
    page = of in ("landings", "exits") and _value(of, row) not in _NOWHERE
    href = voice.to("touchpoint", {"name": _value(of, row)}) if page and voice.to else ""
    share = row.get("share_rate")
    return Line(
        name=f"{name} ({_value(of, row)})" if shared and row.get("name") else name,
        value=float(row["visitors"]),
        shown=voice.number(row["visitors"]),
        cell=_cell(of, row) if row["visitors"] else None,
        where=_where(of, row),
        note=None if share is None else voice.rate(share, whole=True),
        href=href,
    )


def _details(of: str, rows: Sequence[Row], voice: Voice) -> Html:
    def name(row: Row) -> Child:
        under = _value(of, row) if row.get("name") else ""
        if of == "words":
            under = voice.text(f"overview.where_{row['where']}")
        return [
            el("bdi", None, _name(of, row, voice)[:200]),
            el("small", None, el("bdi", None, under[:80])) if under else None,
        ]

    def figure(column: str, unit: str) -> Column:
        return Column(title(column, voice), lambda row: shown(row[column], unit, voice, full=True), True)

    def visitors(row: Row) -> Child:
        return voice.mark(voice.number(row["visitors"]), _cell(of, row) if row["visitors"] else None)

    columns = [Column(_head(of, voice), name), Column(title("visitors", voice), visitors, True)]
    columns += [figure(each, unit) for each, unit in _UNITS.items() if any(row.get(each) is not None for row in rows)]
    head = voice.text("overview.details", n=len(rows))
    return el("details", {"class": "more"}, el("summary", None, head), table(columns, rows, label=head))
