"""Where a path begins or ends: a touchpoint by its name, or an event that meets a condition."""

from __future__ import annotations

from typing import Final

import numpy as np

from afterclick.analyse.fields import check_fields, columns
from afterclick.analyse.paths.nodes import Nodes
from afterclick.core.arrays import frozen
from afterclick.core.errors import SpecError
from afterclick.core.said import Said
from afterclick.core.step import Step

START, END, OUT = 1, 2, 4
_NOTHING: Final = frozen(np.zeros(1, np.uint8))


class Anchors:
    """Bits START and END by own code (`table` uint8), and by gathered row where a condition decides (`marks` uint8).

    `marks` also holds OUT for rows that do not count; it is of one row where all are alike, and `each` is then 0.
    """

    def __init__(self, nodes: Nodes, start: str, end: str, out: np.ndarray | None) -> None:
        table = np.zeros(len(nodes.lookup), np.uint8)
        marks = np.where(out, OUT, 0).astype(np.uint8) if out is not None else None
        for text, field, bit in ((start, "start", START), (end, "end", END)):
            if not text:
                continue
            node = _named(nodes, text)
            if node >= 0:
                table[nodes.lookup == node] |= bit
                continue
            rows = _rows(nodes, text, field)
            marks = np.zeros(len(nodes.rows.at), np.uint8) if marks is None else marks
            marks[rows] |= bit
        self.table = frozen(table)
        self.marks = _NOTHING if marks is None else frozen(marks)
        self.each = 0 if marks is None else 1


def _named(nodes: Nodes, text: str) -> int:
    """The node a text names, -1 where it is a step with a condition or names something that is no node."""
    found = nodes.find(text)
    if found >= 0:
        return found
    step = Step.parse(text)
    return -1 if step.condition else nodes.find(step.event)


def _rows(nodes: Nodes, text: str, field: str) -> np.ndarray:
    """Gathered rows of the event of a step that meet its condition. Raises SpecError where no event has that name."""
    step, scope = Step.parse(text, path=field), nodes.scope
    codes = scope.context.name_codes(step.event)
    if not len(codes):
        raise SpecError(Said("refusals.no_touchpoint_text", text=text), hint=nodes.near(step.event), path=field)
    rows = nodes.rows.rows
    places = np.flatnonzero(np.isin(scope.context.column("name")[rows], codes))
    if step.condition is None:
        return places
    check_fields(scope.context, step.condition, field)
    taken = columns(scope.context, step.condition.fields, scope.taker(0, rows[places]))
    result: np.ndarray = places[step.condition.mask(taken, len(places))]
    return result
