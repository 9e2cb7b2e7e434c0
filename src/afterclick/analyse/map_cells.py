"""Names of the map's cells: `stage=Close;part=lost`, `flow=Attract>Close`, `visitors`."""

from __future__ import annotations

from collections.abc import Sequence

from afterclick.core.errors import SpecError
from afterclick.core.said import Said

FIELDS = ("stage", "part", "channel", "device_type", "touchpoint", "flow", "crossing", "from", "to", "changed", "several")


def cell_fields(cell: str) -> dict[str, str]:
    """The fields of a cell's name; a value may hold `;` and `=` as long as no field's name follows a `;` in it."""
    fields: dict[str, str] = {}
    last = ""
    for piece in cell.split(";"):
        name, equals, value = piece.partition("=")
        if equals and name in FIELDS and name not in fields:
            fields[name], last = value, name
        elif last:
            fields[last] += ";" + piece
        else:
            fields[piece], last = "", piece
    return fields


def no_cell(cell: str, stages: Sequence[str]) -> SpecError:
    """The error for a cell that the map does not have."""
    return SpecError(
        Said("refusals.map_no_cell", cell=cell),
        hint=Said("refusals.map_cells", stages=stages[0], stages2=stages[-1]),
        path="people",
    )
