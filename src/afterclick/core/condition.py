"""The one language of conditions, for filters, funnel steps, segments and live rules: a closed subset of CEL.

channel == "paid_search"                       revenue >= 20000 && revenue < 30000
device_type in ["mobile", "tablet"]            !(source == "naver") || has(properties.coupon)
path.startsWith("/products/")                  properties["coupon code"].matches("(?i)^summer")
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec
import numpy as np
import numpy.typing as npt

from afterclick.core import condition_parser, condition_words
from afterclick.core.condition_lexer import Place
from afterclick.core.condition_mask import NO_AMOUNT, Amounts, Coded, Column, Flags, Numbers, node_mask
from afterclick.core.condition_tree import AllOf, Always, AnyOf, Node, Not, leaves, node_text
from afterclick.core.condition_values import leaf_matches
from afterclick.core.errors import SpecError
from afterclick.core.said import Said

__all__ = ["NO_AMOUNT", "Amounts", "Coded", "Column", "Condition", "Flags", "Numbers", "parse"]


class Condition(msgspec.Struct, frozen=True):
    """What a row must be like; two conditions are equal when they say the same in the same order.

    A row that lacks a field matches no comparison with it, `!=` included; `!(x == 1)` does match a missing x,
    and `has(x)`, `x == null`, `x != null` ask whether it is there. A bare `x` is short for `x == true`.
    """

    root: Node

    @property
    def fields(self) -> frozenset[str]:
        """The fields it asks for, such as `properties.coupon`."""
        return frozenset(leaf.field for leaf in leaves(self.root))

    def text(self) -> str:
        """The canonical text; `parse(text)` gives an equal condition."""
        return node_text(self.root)

    def words(self, lang: str = "en") -> str:
        """The condition as a person says it, for a chip: `channel is email or sms`."""
        return condition_words.node_words(self.root, lang)

    def matches(self, record: Mapping[str, object]) -> bool:
        """Whether one row matches; money as Decimal (or int) in major units, None for what is missing.

        A field is looked up by its whole name first, then through nested mappings.
        """
        return _row_matches(self.root, record)

    def mask(self, columns: Mapping[str, Column], n: int) -> npt.NDArray[np.bool_]:
        """Which of n rows match, (n,) bool: exactly `[matches(row) for row in rows]`."""
        return node_mask(self.root, columns, n)

    def __str__(self) -> str:
        return self.text()


def parse(
    text: str, *, fields: Collection[str] | None = None, path: str = "where", offset: int = 0
) -> Condition:
    """Read a condition. Raises SpecError with the character, what was expected, the nearest known field.

    `fields` are the names that are known (`properties.*` allows any property); `path` is the field of the
    question the text stands in, `offset` the number of characters before it there.
    """
    if not isinstance(text, str):
        raise SpecError(
            Said("refusals.condition_is_text", kind=type(text).__name__),
            path=str(path),
            code="bad_condition",
        )
    return Condition(condition_parser.read(text, Place(path, offset), fields))


def _row_matches(node: Node, record: Mapping[str, object]) -> bool:
    match node:
        case AllOf(parts):
            return all(_row_matches(part, record) for part in parts)
        case AnyOf(parts):
            return any(_row_matches(part, record) for part in parts)
        case Not(part):
            return not _row_matches(part, record)
        case Always(value):
            return value
        case _:
            return leaf_matches(node, _look_up(record, node.field))


def _look_up(record: Mapping[str, object], field: str) -> object:
    if field in record:
        return record[field]
    root, _, rest = field.partition(".")
    inner = record.get(root) if rest else None
    return _look_up(inner, rest) if isinstance(inner, Mapping) else None
