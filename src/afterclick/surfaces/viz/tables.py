"""Real tables: what a chart shows as figures, with the units in the heads and every number in full."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from afterclick.surfaces.viz.markup import Child, Html, el


class Column(NamedTuple):
    """A head and how a row fills its cell; `right` for figures."""

    head: str
    fill: Callable[[Any], Child]
    right: bool = False


def table(
    columns: Sequence[Column], rows: Iterable[Any], *, label: str, css: str = "", caption: str = "", foot: Child = None,
    stacks: bool = False,
) -> Html:
    """A table in a box that scrolls by itself; the first column names the row.

    One that `stacks` shows each row as a list of its own on a phone: its heads then stand before its cells.
    """
    head = el(
        "tr",
        None,
        [el("th", {"scope": "col", "class": _side(column)}, column.head) for column in columns],
    )
    body = [
        el(
            "tr",
            None,
            [
                el(
                    "td" if i else "th",
                    {"class": _side(column), "scope": None if i else "row", "data-head": column.head if stacks and i else None},
                    column.fill(row),
                )
                for i, column in enumerate(columns)
            ],
        )
        for row in rows
    ]
    made = el(
        "table",
        {"class": " ".join(part for part in (css, "stacks" if stacks else "") if part) or None},
        el("caption", None, caption) if caption else None,
        el("thead", None, head),
        el("tbody", None, body),
    )
    return el("div", {"class": "scroll", "tabindex": 0, "role": "region", "aria-label": label}, made, foot)


def _side(column: Column) -> str | None:
    return "r" if column.right else None
