"""What a guess found: the map, and for each of its lines the reason in words."""

from __future__ import annotations

import msgspec

from afterclick.collect.columnmap import ColumnMap


class Finding(msgspec.Struct, frozen=True):
    """One line of a shown map: the canonical field, the raw columns, a sample value, why."""

    field: str
    raw: str
    sample: str
    why: str


class Guess(msgspec.Struct, frozen=True):
    """A map with the reason for each of its lines, and what a person should look at."""

    map: ColumnMap
    findings: tuple[Finding, ...]
    warnings: tuple[str, ...] = ()
