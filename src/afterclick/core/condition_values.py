"""What one leaf of a condition means for one value; rows and columns both ask here and cannot disagree.

A value that is not there (None, NaN) never matches. A literal decides how the value is read: beside a number
a text is read as a number, beside `true` the texts true and false (and 1 and 0) are read as flags. A value
that cannot be read that way is unequal: it matches `!=` and nothing else.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from afterclick.core.condition_tree import (
    Compare,
    Flag,
    Has,
    In,
    Leaf,
    Number,
    Search,
    Text,
    Value,
    number_text,
)

_NUMERIC: Final = re.compile(r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{1,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?")
COMPARE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_WHOLE_FLOAT: Final = 1e15
_WHOLE_INT: Final = 10**40


def is_missing(value: object) -> bool:
    """Whether a row lacks the value: None, or a number that is none."""
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or (isinstance(value, Decimal) and value.is_nan())


def leaf_matches(leaf: Leaf, value: object) -> bool:
    """Whether the leaf matches a value of any type; never raises."""
    if isinstance(value, np.generic):
        value = value.item()
    if is_missing(value):
        return False
    match leaf:
        case Has():
            return True
        case Compare(op=op, value=literal):
            return _compare(value, op, literal)
        case In(values=literals):
            return any(_compare(value, "==", literal) for literal in literals)
        case Search():
            text = as_text(value)
            return text is not None and bool(search(leaf, [text])[0])


def _compare(value: object, op: str, literal: Value) -> bool:
    left, right = _sides(value, literal)
    if left is None or right is None:
        return op == "!="
    return bool(COMPARE[op](left, right))


def _sides(value: object, literal: Value) -> tuple[Any, Any]:
    if isinstance(literal, Flag):
        return as_flag(value), literal.value
    if isinstance(literal, Number):
        number = as_number(value)
        return number, float(literal.value) if isinstance(number, float) else literal.value
    if isinstance(value, bool):
        return value, as_flag(literal.value)
    number = None if isinstance(value, str) else as_number(value)
    if number is None:
        return (value if isinstance(value, str) else None), literal.value
    other = as_number(literal.value)
    return number, float(other) if isinstance(number, float) and other is not None else other


def as_number(value: object) -> Decimal | float | int | None:
    """The value as a number: a flag is 1 or 0, a text is read if it is nothing but a number."""
    if isinstance(value, str):
        return Decimal(value.strip()) if _NUMERIC.fullmatch(value.strip()) else None
    if isinstance(value, bool):
        return int(value)
    return value if isinstance(value, int | float | Decimal) else None


def as_flag(value: object) -> bool | None:
    """The value as a flag: true and false in any case, 1 and 0; None for everything else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    number = as_number(value)
    return bool(number) if number is not None and number in (0, 1) else None


def as_text(value: object) -> str | None:
    """The value as the text one would type for it: 42.0 is `42`."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return Flag(value).text()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _WHOLE_FLOAT else repr(value)
    if isinstance(value, int):
        return str(value) if abs(value) < _WHOLE_INT else None
    if isinstance(value, Decimal):
        return number_text(value) if value.is_finite() else str(value)
    return None


def texts_match(leaf: Leaf, texts: Sequence[str]) -> npt.NDArray[np.bool_]:
    """`leaf_matches` of many texts at once, (len(texts),) bool; text beside text is compared directly."""
    match leaf:
        case Search():
            return search(leaf, texts)
        case Compare(op=op, value=Text(wanted)):
            compare = COMPARE[op]
            found = [compare(text, wanted) for text in texts]
        case In(values=literals) if all(isinstance(literal, Text) for literal in literals):
            listed = {literal.value for literal in literals}
            found = [text in listed for text in texts]
        case _:
            found = [leaf_matches(leaf, text) for text in texts]
    return np.array(found, dtype=np.bool_)


def search(leaf: Search, texts: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which of the texts the search finds; (len(texts),) bool."""
    wanted = leaf.text
    match leaf.method:
        case "startsWith":
            found = [text.startswith(wanted) for text in texts]
        case "endsWith":
            found = [text.endswith(wanted) for text in texts]
        case "contains":
            found = [wanted in text for text in texts]
        case "matches":
            return find_pattern(wanted, texts)
    return np.array(found, dtype=np.bool_)


def find_pattern(pattern: str, texts: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which texts hold a match of an RE2 pattern. Raises ValueError for a pattern RE2 refuses.

    RE2 and not `re`: its time is linear in the text, and no pattern a stranger writes can hang it.
    """
    import pyarrow as pa  # noqa: PLC0415 - costs 0.2 s, and few conditions hold a pattern
    import pyarrow.compute as pc  # noqa: PLC0415

    try:
        array = pa.array(texts, pa.string())
    except UnicodeEncodeError:
        array = pa.array([text.encode("utf-8", "replace").decode() for text in texts], pa.string())
    found = pc.match_substring_regex(array, pattern=pattern)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.bool_)
