"""What will be imported and how, settled before anything is stored: the files, their kind, the map, what is unfolded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from afterclick.collect import binding, columnmap, renames
from afterclick.collect.chunks import Reader
from afterclick.collect.columnmap import ColumnMap
from afterclick.collect.guess import Finding, completed, guess, looks_like, shown
from afterclick.collect.readers import open_source
from afterclick.collect.unfold import Unfolded, unfolds
from afterclick.core.errors import InputError
from afterclick.core.said import Said


class Plan(NamedTuple):
    """What will be imported and how: readers, the map, why it is so, what was left aside, what to look at."""

    readers: tuple[Reader, ...]
    map: ColumnMap
    findings: tuple[Finding, ...]
    skipped: tuple[str, ...]
    warnings: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]


def plan(
    paths: Any,
    *,
    map: ColumnMap | None = None,  # noqa: A002  the word of the command line and the docs
    source: str = "",
    grain: str = "",
    kind: str = "",
    constants: Mapping[str, str] | None = None,
) -> Plan:
    """Open a source and settle its map, guessed or given, without storing anything. Raises InputError."""
    readers, skipped = open_source(paths, map.encoding if map is not None else "")
    if map is None:
        found = guess(readers, "" if kind == "auto" else kind)
        given, findings, warnings = found.map, found.findings, found.warnings
    else:
        given, findings, warnings = map, (), ()
    given = msgspec.structs.replace(given, source=source or given.source or _name(paths, readers))
    given, findings = _with_constants(given, findings, constants or {})
    if grain or (map is not None and kind not in ("", "auto")):
        changes = {"grain": grain or given.grain, "kind": given.kind if kind in ("", "auto") else kind}
        given = columnmap.from_dict({**given.to_dict(), **changes})
    _check_kind(given, readers, guessed=map is None)
    if map is not None:
        given = completed(given, readers)
        findings = shown(given, readers)
    renamed = renames.followed(given.columns, [reader.columns for reader in readers])
    unfolded = [Unfolded(reader, given) if unfolds(given) else reader for reader in readers]
    return Plan(tuple(unfolded), given, findings, tuple(skipped), warnings, tuple(renamed))


def _with_constants(
    given: ColumnMap, findings: tuple[Finding, ...], constants: Mapping[str, str]
) -> tuple[ColumnMap, tuple[Finding, ...]]:
    """The map with what a person says of all rows; a column that says it row by row is not overruled."""
    for field in constants:
        if field in given.columns:
            raise InputError(
                Said("refusals.constant_taken", field=field, columns=given.columns[field][0]),
                hint=Said("refusals.leave_or_take_out"),
                path=f"constants.{field}",
            )
    if not constants:
        return given, findings
    given = columnmap.from_dict({**given.to_dict(), "constants": {**given.constants, **constants}})
    told = [one for one in findings if one.field not in constants]
    return given, (*told, *(Finding(field, "", value, "as was said") for field, value in constants.items()))


def _check_kind(given: ColumnMap, readers: Sequence[Reader], *, guessed: bool) -> None:
    try:
        _check(given, readers)
    except InputError as error:
        likely = looks_like(readers) if guessed else ""
        if not likely or likely == given.kind:
            raise
        raise InputError(
            error.said, hint=Said("refusals.looks_like", likely=likely, hint=error.advice), path=error.path
        ) from None


def _check(given: ColumnMap, readers: Sequence[Reader]) -> None:
    try:
        binding.check(given, {reader.name: reader.columns for reader in readers})
    except InputError:
        # Keys of JSON objects may first appear far down a file; only the whole file tells.
        every = {reader.name: reader.every_column() for reader in readers}
        if every == {reader.name: reader.columns for reader in readers}:
            raise
        binding.check(given, every)


def _name(paths: Any, readers: Sequence[Reader]) -> str:
    if isinstance(paths, (str, Path)):
        path = Path(paths)
        return (path.resolve().name or "files") if path.is_dir() else path.name.split(".")[0] or path.name
    return "files" if len(readers) > 1 else readers[0].name.split(".")[0]
