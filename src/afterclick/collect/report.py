"""What an import did, in numbers that add up: read = stored + duplicates + rejected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from afterclick.collect.columnmap import ColumnMap
from afterclick.collect.guess import Finding
from afterclick.collect.rejects import REASONS
from afterclick.core.event import Rejected


class FileReport(msgspec.Struct, frozen=True, kw_only=True):
    """One file: its rows and what became of them; `again` names the import that had brought the very same file."""

    name: str
    rows: int = 0
    stored: int = 0
    duplicates: int = 0
    rejected: int = 0
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    again: str = ""


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why rows were rejected: the code, what it means, how many, and the first three in words."""

    code: str
    meaning: str
    rows: int
    examples: tuple[str, ...]


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did. `read` = `stored` + `duplicates` + `rejected`, always.

    `nobody` and `future` are among the stored rows: without any id; later than 5 minutes after the import.
    `placeholders` counts ids that stand for nobody and were taken as absent, as `field: text`; `odd` values that a
    property of numbers could not hold and that are kept in `properties`. `rows_per_second` is read ÷ seconds.
    """

    source: str
    map: ColumnMap
    findings: tuple[Finding, ...]
    files: tuple[FileReport, ...]
    read: int
    stored: int
    duplicates: int
    rejected: int
    nobody: int
    future: int
    reasons: tuple[Reason, ...] = ()
    renamed: tuple[str, ...] = ()
    missing: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    currencies: dict[str, int] = msgspec.field(default_factory=dict)
    placeholders: dict[str, int] = msgspec.field(default_factory=dict)
    odd: dict[str, int] = msgspec.field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    rows_per_second: int = 0
    dry_run: bool = False
    import_id: str = ""

    def __post_init__(self) -> None:
        if self.read != self.stored + self.duplicates + self.rejected:
            raise AssertionError(
                f"{self.read} read, but {self.stored} + {self.duplicates} + {self.rejected} accounted for"
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, the map as its file has it."""
        values: dict[str, Any] = msgspec.to_builtins(self)
        return {**values, "map": self.map.to_dict()}


class Tally:
    """Reasons of rejects as they come, with the first examples of each."""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}

    def add(self, rejected: Sequence[Rejected]) -> None:
        """Count some."""
        for one in rejected:
            self.rows[one.code] += 1
            examples = self._examples.setdefault(one.code, [])
            if len(examples) < 3:
                examples.append(f"{one.file}, row {one.row}: {one.message}")

    def reasons(self) -> tuple[Reason, ...]:
        """The reasons, most frequent first."""
        return tuple(
            Reason(code=code, meaning=REASONS[code], rows=rows, examples=tuple(self._examples[code]))
            for code, rows in self.rows.most_common()
        )
