"""Leaves of conditions as closures: `core.condition_values.leaf_matches`, with the literal's side worked out beforehand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from afterclick.core import condition_tree as tree
from afterclick.core.condition_values import COMPARE, as_text, find_pattern, is_missing, leaf_matches

Test = Callable[[Any], bool]
"""Whether a value, or a record, matches."""

_ABSENT: Final = object()


def leaf_test(leaf: tree.Leaf) -> Test:
    """What `leaf_matches(leaf, value)` says of a value; never raises."""
    match leaf:
        case tree.Has():
            return lambda value: not is_missing(value)
        case tree.Compare(op=op, value=tree.Number(number)):
            return _number_test(leaf, op, number)
        case tree.Compare(op=op, value=tree.Text(text)):
            return _text_test(leaf, op, text)
        case tree.Compare(op=op, value=tree.Flag(flag)):
            wanted = flag is (op == "==")
            return lambda value: value is wanted if type(value) is bool else leaf_matches(leaf, value)
        case tree.In(values=values) if all(isinstance(one, tree.Text) for one in values):
            texts = frozenset(str(one.value) for one in values)
            return lambda value: value in texts if type(value) is str else leaf_matches(leaf, value)
        case tree.Search(method=method, text=text):
            return _search_test(method, text)
        case _:
            return lambda value: leaf_matches(leaf, value)


def exact(number: Decimal) -> int | Decimal:
    """The same number, whole ones as int, which compares faster."""
    return int(number) if number == number.to_integral_value() and abs(number) < 2**63 else number


def _number_test(leaf: tree.Leaf, op: str, number: Decimal) -> Test:
    compare, wanted, rounded = COMPARE[op], exact(number), float(number)

    def test(value: Any) -> bool:
        kind = type(value)
        if kind is int:
            return bool(compare(value, wanted))
        if kind is float:
            return value == value and bool(compare(value, rounded))  # noqa: PLR0124 - NaN is missing
        if kind is Decimal and not value.is_nan():
            return bool(compare(value, wanted))
        return leaf_matches(leaf, value)

    return test


def _text_test(leaf: tree.Leaf, op: str, text: str) -> Test:
    if op == "==":
        return lambda value: value == text if type(value) is str else leaf_matches(leaf, value)
    compare = COMPARE[op]
    return lambda value: bool(compare(value, text)) if type(value) is str else leaf_matches(leaf, value)


def _search_test(method: tree.Method, wanted: str) -> Test:
    def read(value: Any) -> str | None:
        return value if type(value) is str else None if is_missing(value) else as_text(value)

    if method == "matches":
        found = lru_cache(maxsize=4096)(lambda text: bool(find_pattern(wanted, [text])[0]))
        return lambda value: (text := read(value)) is not None and found(text)
    if method == "contains":
        return lambda value: (text := read(value)) is not None and wanted in text
    if method == "startsWith":
        return lambda value: (text := read(value)) is not None and text.startswith(wanted)
    return lambda value: (text := read(value)) is not None and text.endswith(wanted)


def joined(node: tree.Node, leaf: Callable[[tree.Leaf], Test]) -> Test:
    """A whole condition as one closure, made of those of its leaves."""
    match node:
        case tree.AllOf(parts):
            return _all([joined(part, leaf) for part in parts])
        case tree.AnyOf(parts):
            return _any([joined(part, leaf) for part in parts])
        case tree.Not(part):
            inner = joined(part, leaf)
            return lambda values: not inner(values)
        case tree.Always(value):
            return lambda _values: value
        case _:
            return leaf(node)


def _all(tests: list[Test]) -> Test:
    if len(tests) == 2:
        one, other = tests
        return lambda values: one(values) and other(values)

    def every(values: Any) -> bool:
        for test in tests:  # noqa: SIM110 - a generator costs more than the tests
            if not test(values):
                return False
        return True

    return every


def _any(tests: list[Test]) -> Test:
    def some(values: Any) -> bool:
        for test in tests:  # noqa: SIM110
            if test(values):
                return True
        return False

    return some


def record_test(node: tree.Node) -> Test:
    """What `Condition(node).matches(record)` says of a record."""

    def of_field(leaf: tree.Leaf) -> Test:
        field, test = leaf.field, leaf_test(leaf)
        nested = "." in field

        def read(record: Mapping[str, Any]) -> bool:
            value = record.get(field, _ABSENT)
            if value is _ABSENT:
                value = _look_up(record, field) if nested else None
            return test(value)

        return read

    return joined(node, of_field)


def _look_up(record: Mapping[str, Any], field: str) -> Any:
    if field in record:
        return record[field]
    root, _, rest = field.partition(".")
    inner = record.get(root) if rest else None
    return _look_up(inner, rest) if isinstance(inner, Mapping) else None
