"""Instants no calendar holds, and zones nobody knows, told as what they are: Python can neither write nor compare them.

Databases export `infinity` as the largest number their timestamps hold, and zones by names of their own.
"""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.collect import cells

_PER_DAY: Final = {"days": 1, "s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_CALENDAR: Final = (-719_161, 2_932_895)
"""Days from 1970 to the second day of the year 1 and the last but one of 9999: a day to spare for any zone."""
_LONGEST: Final = 999_999_998
"""Days of the longest duration that Python tells, less one."""


def sayable(array: pa.Array) -> pa.Array:
    """The array with instants that can be told: those beyond the calendar as number and unit, in a column of text.

    A zone that is not known becomes UTC, which the instants are in anyway. Lists and objects that hold instants beyond
    the calendar hold their numbers instead.
    """
    kind = array.type
    if pa.types.is_nested(kind):
        known = _retyped(kind, numbers=False)
        array = array if known == kind else array.cast(known)
        return array if _within(array) else array.cast(_retyped(kind, numbers=True))
    if not _timed(kind):
        return array
    array = array.cast(_retyped(kind, numbers=False))
    numbers, good = _numbers(array)
    if good.all():
        return array
    readable = cells.as_text(pc.if_else(pa.array(good), array, pa.scalar(None, array.type)))
    # With its unit: a bare number would be read as an instant of whatever unit makes it one.
    told = pc.binary_join_element_wise(numbers.cast(pa.string()), _unit(kind), " ")
    return pc.if_else(pa.array(good), readable, told)


def _timed(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind) or pa.types.is_duration(kind))


def _unit(kind: pa.DataType) -> str:
    return "days" if pa.types.is_date32(kind) else "ms" if pa.types.is_date64(kind) else str(kind.unit)


def _numbers(array: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """The numbers behind instants, and which of them a calendar holds; what is empty counts as held."""
    kind = array.type
    numbers = array.cast(pa.int32() if pa.types.is_date32(kind) else pa.int64())
    first, last = (-_LONGEST, _LONGEST) if pa.types.is_duration(kind) else _CALENDAR
    days = np.asarray(pc.fill_null(numbers, 0), np.int64) // _PER_DAY[_unit(kind)]
    return numbers, (days >= first) & (days <= last)


def _within(array: pa.Array) -> bool:
    """Whether a calendar holds every instant in an array, however deep it lies."""
    kind = array.type
    if pa.types.is_struct(kind):
        return all(_within(array.field(place)) for place in range(kind.num_fields))
    if pa.types.is_map(kind):
        return _within(array.keys) and _within(array.items)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _within(array.flatten())
    return not _timed(kind) or bool(_numbers(array)[1].all())


def _retyped(kind: pa.DataType, *, numbers: bool) -> pa.DataType:
    """A type in which zones are known; with `numbers`, in which instants are numbers."""
    if pa.types.is_struct(kind):
        return pa.struct([one.with_type(_retyped(one.type, numbers=numbers)) for one in kind])
    if pa.types.is_map(kind):
        return pa.map_(_retyped(kind.key_type, numbers=numbers), _retyped(kind.item_type, numbers=numbers))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        made = pa.list_ if pa.types.is_list(kind) else pa.large_list
        return made(kind.value_field.with_type(_retyped(kind.value_type, numbers=numbers)))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_retyped(kind.value_type, numbers=numbers), kind.list_size)
    if numbers and _timed(kind):
        return pa.int32() if pa.types.is_date32(kind) else pa.int64()
    if pa.types.is_timestamp(kind) and kind.tz and not _known(kind.tz):
        return pa.timestamp(kind.unit, tz="UTC")
    return kind


def _known(zone: str) -> bool:
    if zone[0] in "+-":
        return True
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
