"""A column map laid over the columns of one file: which cell feeds which field, what stays flat, what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from afterclick.collect import fields, json_cells
from afterclick.collect.columnmap import ColumnMap
from afterclick.collect.kinds import EVENT_COLUMN, KINDS, TIME_COLUMN
from afterclick.core.errors import InputError, nearest
from afterclick.core.event import PROPERTY_PREFIX


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
                f"no file has a column {' or '.join(map(repr, specs))} for {field}",
                hint=nearest(specs[0], every) or "columns: " + ", ".join(every[:20]),
                path=f"columns.{field}",
            )
    for event, name in given.moments.items():
        if name not in every:
            raise InputError(
                f"no file has a column {name!r} for the time of {event}",
                hint=nearest(name, every) or "columns: " + ", ".join(every[:20]),
                path=f"moments.{event}",
            )
    for name in given.drop:
        if name not in every:
            raise InputError(f"no file has a column {name!r} to drop", hint=nearest(name, every), path="drop")
    for file, names in files.items():
        _needed(given, bind(given, names), file, names)


def _needed(given: ColumnMap, bound: Binding, file: str, names: Sequence[str]) -> None:
    columns = "columns: " + ", ".join(names[:20])
    if KINDS[given.kind].needs and given.grain == "events":
        _needs(given, bound, file, columns)
        return
    if not {"occurred_at", "original_at"} & bound.cells.keys():
        raise InputError(
            f"{file}: no column is mapped to the time",
            hint=f'write under [columns] occurred_at = "…"; {columns}',
            path="columns.occurred_at",
        )
    if given.grain == "order_line":
        if "order_id" not in bound.cells:
            raise InputError(
                f"{file}: order lines need an order id",
                hint=f'write under [columns] order_id = "…"; {columns}',
                path="columns.order_id",
            )
        if "revenue" not in bound.cells and not {"price", "quantity"} <= bound.cells.keys():
            raise InputError(
                f"{file}: order lines need price and quantity, or revenue",
                hint=f'write under [columns] price = "…" and quantity = "…"; {columns}',
                path="columns.price",
            )
    elif not {"event", "type"} & (bound.cells.keys() | given.constants.keys()):
        raise InputError(
            f"{file}: no column is mapped to the event name",
            hint='write under [columns] event = "…", or under [constants] event = "Product Viewed"; '
            f"orders, catalogue, customers, messages, costs and feedback need none: --kind …; {columns}",
            path="columns.event",
        )


def _needs(given: ColumnMap, bound: Binding, file: str, columns: str) -> None:
    there = {*bound.cells, *given.constants}
    if given.moments:
        there |= {"event", "occurred_at"}
    if given.kind == "orders":
        there |= {"event"}
    for choice in KINDS[given.kind].needs:
        if there.isdisjoint(choice):
            field = choice[0]
            raise InputError(
                f"{file}: {given.kind} need {' or '.join(choice)}, and no column is mapped to it",
                hint=f'write under [columns] {field} = "…", or --set {field}=… where all rows have one; {columns}',
                path=f"columns.{field}",
            )
