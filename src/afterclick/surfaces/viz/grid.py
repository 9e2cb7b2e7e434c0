"""A table of a Result as texts in one language: headings and words from the catalogue, figures by their unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from afterclick.core import i18n
from afterclick.surfaces.viz import cells

if TYPE_CHECKING:
    import pyarrow as pa


class Grid(NamedTuple):
    """A table ready to be laid out: headings, rows of texts, which columns stand left."""

    headings: list[str]
    rows: list[list[str]]
    left: list[bool]


def grid(table: pa.Table, about: Mapping[str, Any], lang: str, columns: Iterable[str] = ()) -> Grid:
    """The named columns of a table as texts, all of them where none is named; columns it lacks are left out.

    `about` gives currency and time zone, as every Result states them.
    """
    names = [name for name in columns if name in table.column_names] or list(table.column_names)
    values = {name: table.column(name).to_pylist() for name in names}
    units = table.column("unit").to_pylist() if "unit" in table.column_names else [""] * table.num_rows
    texts = [_texts(name, found, units, lang, about) for name, found in values.items()]
    if "text_id" in names:
        texts[names.index("text_id")] = _sentences(table, lang)
    rows = [list(row) for row in zip(*texts, strict=True)]
    # A figure that differs in unit from row to row still is a figure.
    left = [cells.stands_left(found) for found in values.values()]
    return Grid([heading(name, lang) for name in names], rows, left)


_PER_ROW: Final = frozenset(
    {
        "value", "previous", "low", "high", "left", "right", "difference", "left_there", "right_there",
        "tolerance", "other", "other_low", "other_high", "difference_low", "difference_high", "members", "alike",
        "naive_others", "naive_difference", "usual", "goal",
    }
)  # fmt: skip
"""Columns whose unit stands in the row's own `unit`."""
_APART: Final = frozenset({"difference", "difference_low", "difference_high"})
"""Columns in which rates are told apart by points."""


def _texts(name: str, values: Sequence[Any], units: Sequence[str], lang: str, about: Mapping[str, Any]) -> list[str]:
    currency, zone = str(about.get("currency") or ""), str(about.get("timezone") or "UTC")
    if name == "change" and any(units):
        return [cells.change(unit, value, lang) for value, unit in zip(values, units, strict=True)]
    own = name in _PER_ROW and any(units)
    texts = [
        cells.change(unit, value, lang)
        if own and name in _APART and unit == "rate" and value is not None
        else cells.read(name, value, lang, currency, unit if own else "", zone)
        for value, unit in zip(values, units, strict=True)
    ]
    return [worded(name, text, lang) for text in texts] if name in _WORDS else texts


def _sentences(table: pa.Table, lang: str) -> list[str]:
    """Texts of the catalogue that a table names by their ids, with the figures beside them."""
    params = table.column("params").to_pylist() if "params" in table.column_names else ["{}"] * table.num_rows
    ids = table.column("text_id").to_pylist()
    return [i18n.text(lang, key, **msgspec.json.decode(given)) for key, given in zip(ids, params, strict=True)]


def heading(name: str, lang: str) -> str:
    """The heading of a column: from the catalogue, else its name in words."""
    return i18n.find(lang, f"column.{name}") or name.replace("_", " ")


_WORDS: Final = {
    "metric": "column.{}",
    "severity": "data.severity_{}",
    "channel": "channel.{}",
    "media": "media.{}",
    "stage": "stage.{}",
    "from_stage": "stage.{}",
    "to_stage": "stage.{}",
    "device_type": "map.device.{}",
    "factor": "change.{}",
    "aim": "aims.{}",
    "aim_kpi": "column.{}",
    "dimension": "column.{}",
    "reason": "reason.{}",
    "direction": "drivers.direction_{}",
    "type": "drivers.type_{}",
    "kind": "barrier_kind.{}",
    "recipe": "recipe.{}",
    "status": "reconcile.status_{}",
    "evidence": "evidence.{}",
    "rfm_name": "rfm_name.{}",
    "foreseen_by": "foreseen_by.{}",
    "outcome": "rewards.outcome_{}",
    "covariate": "rewards.covariate_{}",
}
"""Columns that hold ids of the catalogue; what the catalogue does not have, such as an own stage, stands as it is."""


def worded(name: str, text: str, lang: str) -> str:
    """A known value of a column in words, any other as it is."""
    form = _WORDS.get(name)
    return (i18n.find(lang, form.format(text.lower())) if form else None) or text
