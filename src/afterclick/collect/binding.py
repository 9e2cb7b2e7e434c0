"""A column map laid over the columns of one file: which cell feeds which field, what stays flat, what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from afterclick.collect import fields, json_cells
from afterclick.collect.columnmap import ColumnMap
from afterclick.collect.kinds import EVENT_COLUMN, KINDS, TIME_COLUMN
from afterclick.core.errors import InputError, nearest, nearest_or_known
from afterclick.core.event import PROPERTY_PREFIX
from afterclick.core.said import Said, Spoken


class Cell(NamedTuple):
    """Where a value stands: a column, and the keys to follow inside it when it holds JSON."""

    column: str
    keys: tuple[str, ...] = ()

    @property
    def pointer(self) -> str:
        """The keys as a JSON pointer (RFC 6901)."""
        return "".join(json_cells.pointer(key) for key in self.keys)

    def __str__(self) -> str:
        return ".".join((self.column, *self.keys))


class Binding(NamedTuple):
    """The map over one file: cells per field in order of preference, property column per flat raw column, what is absent."""

    cells: dict[str, tuple[Cell, ...]]
    flat: dict[str, str]
    missing: tuple[str, ...]

    def whole(self, field: str) -> str | None:
        """The raw column that as a whole is this field, if there is one."""
        cells = self.cells.get(field, ())
        return cells[0].column if cells and not cells[0].keys else None


def cell(spec: str, names: Iterable[str]) -> Cell | None:
    """The cell a map's text points at among these columns: a column of that very name, else a path into a JSON column."""
    present = set(names)
    if spec in present:
        return Cell(spec)
    parts = spec.split(".")
    for split in range(len(parts) - 1, 0, -1):
        column = ".".join(parts[:split])
        if column in present:
            return Cell(column, tuple(parts[split:]))
    return None


def bind(given: ColumnMap, names: Sequence[str]) -> Binding:
    """Lay the map over the columns of a file."""
    cells: dict[str, tuple[Cell, ...]] = {}
    missing: list[str] = []
    for field, specs in given.columns.items():
        found = [hit for hit in (cell(spec, names) for spec in specs) if hit is not None]
        if not found:
            missing.append(field)
        elif field == "properties":
            cells[field] = tuple(found)
        elif not found[0].keys:
            cells[field] = (found[0],)
        else:
            # Keys inside JSON come and go by row, so all paths are tried in turn.
            cells[field] = tuple(hit for hit in found if hit.keys)
    used = {hit.column for hits in cells.values() for hit in hits if not hit.keys}
    made = (EVENT_COLUMN, TIME_COLUMN)
    kept = [name for name in names if name not in used and name not in given.drop and name not in made]
    taken = {fields.property_name(field) for field in cells}
    return Binding(cells, _flat(kept, {name for name in taken if name}), tuple(missing))


def _flat(kept: Sequence[str], taken: set[str]) -> dict[str, str]:
    # Engines that read the log fold the case of column names, so two names must differ by more than that.
    folded = {name.casefold() for name in taken}
    flat: dict[str, str] = {}
    for raw in kept:
        name = base = PROPERTY_PREFIX + (raw.strip() or "column")
        number = 2
        while name.casefold() in folded:
            name, number = f"{base}_{number}", number + 1
        folded.add(name.casefold())
        flat[raw] = name
    return flat


def check(given: ColumnMap, files: Mapping[str, Sequence[str]]) -> None:
    """Refuse a map that names columns no file has, or that leaves a file without a time or an event name.

    `files` gives the columns per file name. Raises InputError with the nearest column and the field as path.
    """
    every = list(dict.fromkeys(name for names in files.values() for name in names))
    for field, specs in given.columns.items():
        if all(cell(spec, every) is None for spec in specs):
            raise InputError(
                Said("refusals.no_column", names=" or ".join(map(repr, specs)), field=field),
                hint=nearest_or_known(specs[0], every, "refusals.known_columns", 20),
                path=f"columns.{field}",
            )
    for event, name in given.moments.items():
        if name not in every:
            raise InputError(
                Said("refusals.no_moment_column", name=name, event=event),
                hint=nearest_or_known(name, every, "refusals.known_columns", 20),
                path=f"moments.{event}",
            )
    for name in given.drop:
        if name not in every:
            raise InputError(Said("refusals.no_drop_column", name=name), hint=nearest(name, every), path="drop")
    for file, names in files.items():
        _needed(given, bind(given, names), file, names)


def _needed(given: ColumnMap, bound: Binding, file: str, names: Sequence[str]) -> None:
    columns = Said("refusals.known_columns", names=names[:20])
    if KINDS[given.kind].needs and given.grain == "events":
        _needs(given, bound, file, columns)
        return
    if not {"occurred_at", "original_at"} & bound.cells.keys():
        raise InputError(
            Said("refusals.no_time_column", file=file),
            hint=Said("refusals.map_time", columns=columns),
            path="columns.occurred_at",
        )
    if given.grain == "order_line":
        if "order_id" not in bound.cells:
            raise InputError(
                Said("refusals.lines_need_order", file=file),
                hint=Said("refusals.map_order", columns=columns),
                path="columns.order_id",
            )
        if "revenue" not in bound.cells and not {"price", "quantity"} <= bound.cells.keys():
            raise InputError(
                Said("refusals.lines_need_price", file=file),
                hint=Said("refusals.map_price", columns=columns),
                path="columns.price",
            )
    elif not {"event", "type"} & (bound.cells.keys() | given.constants.keys()):
        raise InputError(
            Said("refusals.no_event_column", file=file),
            hint=Said("refusals.map_event", columns=columns),
            path="columns.event",
        )


def _needs(given: ColumnMap, bound: Binding, file: str, columns: Spoken) -> None:
    there = {*bound.cells, *given.constants}
    if given.moments:
        there |= {"event", "occurred_at"}
    if given.kind == "orders":
        there |= {"event"}
    for choice in KINDS[given.kind].needs:
        if there.isdisjoint(choice):
            field = choice[0]
            raise InputError(
                Said("refusals.kind_needs", file=file, kind=given.kind, names=" or ".join(choice)),
                hint=Said("refusals.map_field", field=field, columns=columns),
                path=f"columns.{field}",
            )
