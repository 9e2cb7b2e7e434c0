"""A question as people write it down: JSON, or an address such as `kpi?range=7d`; and the number they mean in its answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

import pyarrow as pa

from afterclick.core import spec as specs
from afterclick.core.errors import SpecError, nearest_or_known
from afterclick.core.result import Result
from afterclick.core.said import Said
from afterclick.core.spec import Spec

Ask = Callable[[Spec], Result]
"""Whoever answers questions."""

_PATH: Final = re.compile(r"(?:(?P<table>[a-z_]+)\[(?P<row>[^\]]*)\]\.)?(?P<name>[a-z_][a-z0-9_]*)")
_MAIN: Final = "data"


def question_of(text: str, path: str = "question") -> Spec:
    """The question. Raises SpecError for what is none."""
    try:
        if text.lstrip().startswith("{"):
            return specs.from_json(text)
        word, _, query = text.strip().removeprefix("/").partition("?")
        return specs.kind(word).from_texts(parse_qsl(query, keep_blank_values=True))
    except SpecError as error:
        raise SpecError(error.said, hint=error.advice, path=path) from None


class Figure(NamedTuple):
    """A number in an answer: one of its figures (`table` empty), or a column of the one row that `row` picks."""

    name: str
    table: str = ""
    row: tuple[tuple[str, str], ...] = ()

    def read(self, result: Result) -> tuple[float | None, str]:
        """The number, or None with the code of the reason.

        Raises SpecError for a name that the answer does not have, or that is no number.
        """
        if not self.table:
            reasons = result.figures.get("reasons") or {}
            return _number(_of(result.figures, self.name), self.name), str(reasons.get(self.name) or "empty")
        table = result.frame if self.table == _MAIN else _of(result.parts, self.table)
        names = table.column_names
        for name in (self.name, *(key for key, _ in self.row)):
            _of(dict.fromkeys(names), name)
        rows = [row for row in table.to_pylist() if all(_said(row[key]) == value for key, value in self.row)]
        if len(rows) > 1:
            raise SpecError(
                Said("refusals.rows_fit", n=len(rows), table=self.table, text=self.text()),
                hint=Said("refusals.more_columns"),
                path="figure",
            )
        # A group that is not there was met by nobody: counts and sums of it are 0, anything else is unknown.
        if not rows:
            counted = str(table.schema.field(self.name).type).startswith(("int", "decimal"))
            return (0.0, "") if counted else (None, "empty")
        return _number(rows[0][self.name], self.name), "empty"

    def unit(self, result: Result) -> str:
        """rate, money or count, by the house rules of names and types."""
        if self.name == "rate" or self.name.endswith("_rate"):
            return "rate"
        if not self.table:
            return "money" if isinstance(result.figures.get(self.name), Decimal) else "count"
        table = result.frame if self.table == _MAIN else result.parts[self.table]
        return "money" if pa.types.is_decimal(table.schema.field(self.name).type) else "count"

    def text(self) -> str:
        """The path as it is written."""
        picked = ";".join(f"{key}={value}" for key, value in self.row)
        return f"{self.table}[{picked}].{self.name}" if self.table else self.name


def figure_of(text: str, path: str = "figure") -> Figure:
    """The path of a number: `revenue`, `data[channel=email].sessions`, `series[metric=orders;interval=3].value`."""
    found = _PATH.fullmatch(text.strip())
    if found is None:
        raise SpecError(
            Said("refusals.names_no_number", text=text[:80]), hint=Said("refusals.write_figure"), path=path
        )
    pairs = [part.partition("=") for part in (found["row"] or "").split(";") if part]
    if any(not key or not sign for key, sign, _ in pairs):
        raise SpecError(
            Said("refusals.row_by_column", text=text[:80]),
            hint="data[channel=email].sessions",
            path=str(path),
        )
    return Figure(found["name"], found["table"] or "", tuple((key, value) for key, _, value in pairs))


def _of(known: Mapping[str, Any], name: str) -> Any:
    if name not in known:
        hint = nearest_or_known(name, known, "refusals.there_are")
        raise SpecError(Said("refusals.answer_has_no", name=name), hint=hint, path="figure")
    return known[name]


def _number(value: Any, name: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise SpecError(Said("refusals.no_number", name=name), hint=Said("refusals.name_figure"), path="figure")
    return float(value)


def _said(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def numbers_of(result: Result) -> Sequence[str]:
    """The figures of an answer that are numbers."""
    return [
        name
        for name, value in result.figures.items()
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    ]
