"""Instants from any column: typed timestamps, epoch numbers of any unit, ISO text with or without an offset, patterns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.collect import cells
from afterclick.collect.engine import Engine
from afterclick.core import clock
from afterclick.core.spans import DAY, MINUTE

EARLIEST: Final = 631_152_000_000_000
LATEST: Final = 7_258_118_400_000_000
"""1990-01-01 and 2200-01-01: outside of them a number was read in a wrong unit, or a clock was never set."""

FUTURE: Final = 5 * MINUTE
"""Clocks may differ by this much before an instant counts as lying in the future."""

_PER_UNIT: Final = {"s": 1_000_000, "ms": 1_000, "us": 1}
_ISO: Final = (
    r"^(\d{4}-\d{1,2}-\d{1,2}(?:[T ]+\d{1,2}:\d{1,2}(?::\d{1,2}(?:[.,]\d+)?)?)?)"
    r"\s*(Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?$"
)
_NUMERIC: Final = r"^[-+]?\d+(?:\.\d*)?$"

# The text before the offset as a naive timestamp, and the offset in minutes; NULL offset = none was given.
_SPLIT: Final = """
    SELECT epoch_us(try_cast(replace(replace(g.stamp, ',', '.'), 'T', ' ') AS TIMESTAMP)) AS at,
        CASE WHEN g.zone = '' THEN NULL
             WHEN g.zone IN ('Z', 'z', 'UTC', 'GMT') THEN 0
             ELSE (CASE WHEN g.zone[1] = '-' THEN -1 ELSE 1 END)
                  * (g.zone[2:3]::INTEGER * 60 + coalesce(try_cast(replace(g.zone[4:], ':', '') AS INTEGER), 0))
        END AS minutes
    FROM (SELECT regexp_extract(replace(trim(x), '/', '-'), $iso, ['stamp', 'zone']) AS g FROM t)
"""
_PATTERN: Final = """
    SELECT epoch_us(try_strptime(replace(replace(trim(x), '오전', 'AM'), '오후', 'PM'), $pattern)) AS at FROM t
"""


class Instants(NamedTuple):
    """µs UTC (int64), and where a readable instant stands; both (n)."""

    at: np.ndarray
    good: np.ndarray


def read(engine: Engine, array: pa.Array, unit: str, zone: ZoneInfo) -> Instants:
    """The instants of a column. `unit` is auto, s, ms, us, ns, iso or a strptime pattern; naive times are of `zone`.

    A local time that a clock change skips or repeats is taken with the offset before the change.
    """
    kind = array.type
    if pa.types.is_timestamp(kind):
        at, good = _typed(array)
        return _believed(at if kind.tz else to_utc(at, zone), good)
    if pa.types.is_date(kind):
        at, good = _typed(array.cast(pa.timestamp("us")))
        return _believed(to_utc(at, zone), good)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        if "%" in unit:
            return _text(engine, cells.as_text(array), unit, zone)
        return _numbers(array, unit)
    if cells.is_text(kind):
        return _text(engine, cells.trimmed(array), unit, zone)
    return Instants(np.zeros(len(array), np.int64), np.zeros(len(array), bool))


def _believed(at: np.ndarray, good: np.ndarray) -> Instants:
    good = good & (at >= EARLIEST) & (at < LATEST)
    return Instants(np.where(good, at, 0), good)


def _typed(array: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    good = cells.present(array)
    unit = array.type.unit
    raw = np.asarray(pc.fill_null(array.cast(pa.int64()), 0))
    if unit == "ns":
        return raw // 1000, good
    per = _PER_UNIT[unit]
    good = good & (np.abs(raw) < 2**62 // per)
    return np.where(good, raw, 0) * per, good


def _numbers(array: pa.Array, unit: str) -> Instants:
    good = cells.present(array)
    if pa.types.is_integer(array.type):
        fits = cells.flags(pc.less_equal(array, pa.scalar(2**62, pa.uint64()))) if array.type == pa.uint64() else good
        raw = np.asarray(pc.fill_null(pc.if_else(pa.array(fits), array, pa.scalar(0, array.type)), 0).cast(pa.int64()))
        good = good & fits
        return _believed(*_scaled_integers(raw, good, unit))
    value = np.asarray(pc.fill_null(array.cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False))
    good = good & np.isfinite(value)
    value = np.where(good, value, 0.0)
    factor = _factors(np.abs(value), unit)
    at = np.where(np.abs(value * factor) < 2.0**62, value * factor, 0.0)
    return _believed(np.rint(at).astype(np.int64), good)


def _factors(size: np.ndarray, unit: str) -> np.ndarray:
    """µs per unit; for auto by magnitude: below 1e11 seconds, below 1e14 ms, below 1e17 µs, else ns."""
    if unit in _PER_UNIT:
        return np.full(len(size), float(_PER_UNIT[unit]))
    if unit == "ns":
        return np.full(len(size), 1e-3)
    return np.select([size < 1e11, size < 1e14, size < 1e17], [1e6, 1e3, 1.0], 1e-3)


def _scaled_integers(raw: np.ndarray, good: np.ndarray, unit: str) -> tuple[np.ndarray, np.ndarray]:
    factor = _factors(np.abs(raw).astype(np.float64), unit)
    nanos = factor < 1
    whole = np.where(nanos, 1, factor).astype(np.int64)
    good = good & (np.abs(raw) <= 2**62 // whole)
    return np.where(nanos, raw // 1000, np.where(good, raw, 0) * whole), good


def _text(engine: Engine, array: pa.Array, unit: str, zone: ZoneInfo) -> Instants:
    if "%" in unit:
        found = engine.column(_PATTERN, {"x": array}, {"pattern": unit})
        at = np.asarray(pc.fill_null(found, 0))
        return _believed(to_utc(at, zone) if "%z" not in unit else at, cells.present(found))
    if unit in ("auto", "iso"):
        quick = _plain_iso(array, zone)
        if quick is not None:
            return quick
    numeric = cells.flags(pc.match_substring_regex(array, _NUMERIC)) if unit != "iso" else np.zeros(len(array), bool)
    at, good = _any_iso(engine, array, zone)
    if numeric.any():
        by_number = _numeric_text(array, numeric, unit)
        at, good = np.where(numeric, by_number.at, at), np.where(numeric, by_number.good, good)
    return Instants(at, good)


def _numeric_text(array: pa.Array, numeric: np.ndarray, unit: str) -> Instants:
    text = pc.if_else(pa.array(numeric), array, pa.scalar(None, pa.string()))
    try:
        return _numbers(text.cast(pa.int64()), unit)
    except pa.ArrowInvalid:
        # Fractions of seconds; a double holds a recent instant to less than a microsecond.
        return _numbers(text.cast(pa.float64()), unit)


def _plain_iso(array: pa.Array, zone: ZoneInfo) -> Instants | None:
    """All rows in the one form Arrow reads by itself, or None."""
    view = cells.spans(array)
    filled = cells.present(array)
    signs = np.isin(view.at(-6), (ord("+"), ord("-"))) & (view.length > 19) & (view.at(-3) == ord(":"))
    zoned = (view.at(-1) == ord("Z")) | signs
    if not filled.any() or (zoned[filled].any() and not zoned[filled].all()):
        return None
    try:
        if zoned.any():
            at, good = _typed(array.cast(pa.timestamp("us", "UTC")))
            return _believed(at, good)
        at, good = _typed(array.cast(pa.timestamp("us")))
        return _believed(to_utc(at, zone), good)
    except pa.ArrowInvalid:
        return None


def _any_iso(engine: Engine, array: pa.Array, zone: ZoneInfo) -> Instants:
    found = engine.query(_SPLIT, {"x": array}, {"iso": _ISO})
    stamp, minutes = cells.whole(found.column("at")), cells.whole(found.column("minutes"))
    at = np.asarray(pc.fill_null(stamp, 0))
    zoned = cells.present(minutes)
    offset = np.asarray(pc.fill_null(minutes, 0).cast(pa.int64())) * 60_000_000
    return _believed(np.where(zoned, at - offset, to_utc(at, zone)), cells.present(stamp))


def corrected(original: Instants, sent: Instants | None, received: Instants | None) -> Instants:
    """received − (sent − original) where all three are known, never later than received + 5 min (SEMANTICS §0)."""
    if received is None:
        return original
    at = original.at
    if sent is not None:
        at = np.where(sent.good & received.good, received.at - (sent.at - original.at), at)
    at = np.where(received.good, np.minimum(at, received.at + FUTURE), at)
    return Instants(at, original.good)


def to_utc(local: np.ndarray, zone: ZoneInfo) -> np.ndarray:
    """Local wall times (µs as if UTC, int64) of a zone as instants (µs UTC)."""
    inside = local[(local >= EARLIEST - DAY) & (local < LATEST + DAY)]
    if not len(inside):
        return local
    first, last = clock.to_datetime(int(inside.min())).year, clock.to_datetime(int(inside.max())).year
    edges, offsets = _offsets(zone, first, last)
    return np.asarray(local - offsets[np.searchsorted(edges, local, side="right")])


@lru_cache(maxsize=64)
def _offsets(zone: ZoneInfo, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
    """Local times from which an offset holds, and the offsets (µs), one more than edges."""
    start = datetime(first, 1, 1, tzinfo=zone) - timedelta(days=2)
    offsets = [_offset(start)]
    edges: list[int] = []
    for at, before, after in _changes(zone, clock.from_datetime(start), last):
        # Skipped and repeated local times keep the offset before the change (as `fold=0` does).
        edges.append(at + max(before, after))
        offsets.append(after)
    return np.array(edges, np.int64), np.array(offsets, np.int64)


def _changes(zone: ZoneInfo, start: int, last: int) -> Iterator[tuple[int, int, int]]:
    """The instants at which the zone's offset changes, with the offsets before and after (µs), by daily steps."""
    end = clock.from_datetime(datetime(last + 1, 1, 3, tzinfo=zone))
    at, before = start, _offset(clock.to_datetime(start).astimezone(zone))
    while at < end:
        after = _offset(clock.to_datetime(at + DAY).astimezone(zone))
        if after != before:
            low, high = at, at + DAY
            while high - low > 1_000_000:
                middle = (low + high) // 2_000_000 * 1_000_000
                if _offset(clock.to_datetime(middle).astimezone(zone)) == before:
                    low = middle
                else:
                    high = middle
            yield high, before, after
            before = after
        at += DAY


def _offset(moment: datetime) -> int:
    return (moment.utcoffset() or timedelta()) // timedelta(microseconds=1)
