"""A condition over columns at once: each leaf once per distinct value, then taken by code."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from afterclick.core import money
from afterclick.core.condition_tree import (
    EXACT,
    AllOf,
    Always,
    AnyOf,
    Compare,
    Has,
    In,
    Leaf,
    Node,
    Not,
    Number,
    Op,
)
from afterclick.core.condition_values import COMPARE, leaf_matches, texts_match

NO_AMOUNT: Final = -(2**63)
"""The minor units of a row without an amount."""

Bools = npt.NDArray[np.bool_]


class Coded(NamedTuple):
    """A column of codes into `values`; -1 = none."""

    codes: npt.NDArray[np.int32]
    values: Sequence[str]


class Numbers(NamedTuple):
    """A column of float64; NaN = none."""

    values: npt.NDArray[np.float64]


class Amounts(NamedTuple):
    """A column of int64 minor units; `NO_AMOUNT` = none. Literals beside it are in major units."""

    values: npt.NDArray[np.int64]


class Flags(NamedTuple):
    """A column of bool; none is missing."""

    values: Bools


Column = Coded | Numbers | Amounts | Flags


def node_mask(node: Node, columns: Mapping[str, Column], n: int) -> Bools:
    """The rows a node matches, (n,) bool; a field without a column is missing in every row."""
    match node:
        case AllOf(parts):
            result = node_mask(parts[0], columns, n)
            for part in parts[1:]:
                result &= node_mask(part, columns, n)
            return result
        case AnyOf(parts):
            result = node_mask(parts[0], columns, n)
            for part in parts[1:]:
                result |= node_mask(part, columns, n)
            return result
        case Not(part):
            return ~node_mask(part, columns, n)
        case Always(value):
            return np.full(n, value, dtype=np.bool_)
        case _:
            column = columns.get(node.field)
            return np.zeros(n, dtype=np.bool_) if column is None else _leaf_mask(node, column)


def _leaf_mask(leaf: Leaf, column: Column) -> Bools:
    match column:
        case Coded(codes, values):
            return _coded(leaf, codes, values)
        case Numbers(numbers):
            return _numbers(leaf, numbers)
        case Amounts(amounts):
            return _amounts(leaf, amounts)
        case Flags(flags):
            return np.where(flags, leaf_matches(leaf, True), leaf_matches(leaf, False))


def _coded(leaf: Leaf, codes: npt.NDArray[np.int32], values: Sequence[str]) -> Bools:
    if isinstance(leaf, Has):
        return codes >= 0
    # A book may hold far more values than these rows use; then only the used ones are looked at.
    used = np.unique(codes[codes >= 0]) if len(values) > len(codes) else np.arange(len(values))
    answers = np.zeros(len(values) + 1, dtype=np.bool_)  # the last cell is where code -1 looks
    texts = [values[code] for code in used.tolist()]
    answers[used] = texts_match(leaf, texts)
    return np.asarray(answers[codes])


def _numbers(leaf: Leaf, values: npt.NDArray[np.float64]) -> Bools:
    present: Bools = ~np.isnan(values)
    match leaf:
        case Has():
            return present
        case Compare(op=op, value=Number(number)):
            return np.asarray(COMPARE[op](values, float(number)), dtype=np.bool_) & present
        case In(values=literals) if all(isinstance(literal, Number) for literal in literals):
            wanted = [float(literal.value) for literal in literals if isinstance(literal, Number)]
            return np.asarray(np.isin(values, wanted), dtype=np.bool_)
        case _:
            return _by_distinct(leaf, values, present, float)


def _amounts(leaf: Leaf, values: npt.NDArray[np.int64]) -> Bools:
    present: Bools = values != NO_AMOUNT
    match leaf:
        case Has():
            return present
        case Compare(op=op, value=Number(number)):
            return _amounts_compared(values, op, number) & present
        case _:
            return _by_distinct(leaf, values, present, money.to_decimal)


def _by_distinct(
    leaf: Leaf,
    values: npt.NDArray[np.float64] | npt.NDArray[np.int64],
    present: Bools,
    read: Callable[[int], object] | Callable[[float], object],
) -> Bools:
    distinct, codes = np.unique(values[present], return_inverse=True)
    answers = np.array([leaf_matches(leaf, read(value)) for value in distinct.tolist()], dtype=np.bool_)
    result = np.zeros(len(values), dtype=np.bool_)
    result[present] = answers[codes]
    return result


def _amounts_compared(values: npt.NDArray[np.int64], op: Op, number: Decimal) -> Bools:
    # The literal as a fraction of minor units is rarely a float without loss, so it is rounded to the whole
    # minor unit on the side that keeps the comparison exact.
    minor = EXACT.multiply(number, Decimal(money.SCALE))
    if op in ("==", "!="):
        whole = minor == minor.to_integral_value() and abs(minor) < 2**63
        equal = values == int(minor) if whole else np.zeros(len(values), dtype=np.bool_)
        return np.asarray(equal if op == "==" else ~equal, dtype=np.bool_)
    edge = math.ceil(minor) if op in ("<", ">=") else math.floor(minor)
    if abs(edge) >= 2**63:
        return np.full(len(values), (edge > 0) == (op in ("<", "<=")), dtype=np.bool_)
    return np.asarray(COMPARE[op](values, edge), dtype=np.bool_)
