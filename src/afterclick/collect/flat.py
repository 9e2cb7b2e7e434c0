"""Flat columns as properties of their own: numbers as float64, everything else as text, nothing lost in between."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.collect import amounts, cells

_EXACT = 2**53
"""Whole numbers up to here are exact in float64."""
_TRUTH = {"true": 1.0, "True": 1.0, "TRUE": 1.0, "false": 0.0, "False": 0.0, "FALSE": 0.0}


class Column(NamedTuple):
    """A property column (float64 or text), and as text what a column of numbers could not hold."""

    values: pa.Array
    odd: pa.Array | None


def is_number(kind: pa.DataType) -> bool:
    """Whether values of this type are numbers to ask questions of."""
    return bool(
        pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
    )


def column(array: pa.Array, number: bool | None) -> Column:
    """A raw column as a property; `number` None means that the type decides."""
    typed = is_number(array.type)
    if not (typed if number is None else number):
        return Column(cells.as_text(array), None)
    if cells.is_text(array.type):
        return _read(array)
    if not typed:
        return Column(cells.as_text(array), None)
    if pa.types.is_boolean(array.type):
        return Column(array.cast(pa.uint8()).cast(pa.float64()), None)
    values = _doubles(array)
    if not pa.types.is_integer(array.type):
        finite = pc.is_finite(values)
        odd = pc.and_(pc.invert(finite), pc.invert(pc.is_nan(values)))
        return _without(values, cells.flags(odd) | cells.flags(pc.is_nan(values)), array, cells.flags(odd))
    huge = cells.flags(pc.greater(pc.abs(values), float(_EXACT)))
    return _without(values, huge, array, huge)


def _doubles(array: pa.Array) -> pa.Array:
    return pc.cast(array, pa.float64(), safe=False)


def _without(values: pa.Array, absent: np.ndarray, raw: pa.Array, odd: np.ndarray) -> Column:
    if not absent.any():
        return Column(values, None)
    kept = pc.if_else(pa.array(absent), pa.scalar(None, pa.float64()), values)
    if not odd.any():
        return Column(kept, None)
    return Column(kept, pc.if_else(pa.array(odd), raw.cast(pa.string()), pa.scalar(None, pa.string())))


def _read(array: pa.Array) -> Column:
    parsed = amounts.numbers(cells.trimmed(array))
    values, wrong = parsed.field("number"), cells.present(parsed.field("bad"))
    wrong |= cells.flags(pc.invert(pc.is_finite(values)))
    wrong |= cells.flags(pc.greater(pc.abs(values), float(_EXACT)))
    if not wrong.any():
        return Column(values, None)
    texts = pc.if_else(pa.array(wrong), array, pa.scalar(None, pa.string()))
    coded = texts.dictionary_encode()
    truth = pa.array([_TRUTH.get(text.strip()) for text in coded.dictionary.to_pylist()], pa.float64())
    known = truth.take(coded.indices) if len(coded.dictionary) else pa.nulls(len(array), pa.float64())
    values = pc.if_else(pa.array(wrong), known, values)
    odd = wrong & ~cells.present(known)
    return Column(values, pc.if_else(pa.array(odd), array, pa.scalar(None, pa.string())) if odd.any() else None)
