"""What the values of a column look like, judged from a sample: numbers, times and their unit, addresses, JSON, ids."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.collect import amounts, cells, flat, times
from afterclick.collect.engine import Engine
from afterclick.core import names

_UTC: Final = ZoneInfo("UTC")
_PATTERNS: Final = (
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y",
    "%Y.%m.%d %H:%M",
    "%Y.%m.%d %H:%M:%S",
    "%Y.%m.%d",
    "%Y.%m.%d.",
    "%Y%m%d",
    "%Y%m%d%H%M%S",
    "%Y%m%d %H:%M:%S",
    "%Y-%m-%d %p %I:%M:%S",
    "%Y-%m-%d %p %I:%M",
    "%Y. %m. %d. %p %I:%M:%S",
    "%Y. %m. %d. %p %I:%M",
    "%Y. %m. %d.",
    "%Y년 %m월 %d일 %H시 %M분 %S초",
    "%Y년 %m월 %d일 %H시 %M분",
    "%Y년 %m월 %d일 %H:%M",
    "%Y년 %m월 %d일",
    "%d %b %Y %H:%M:%S",
    "%b %d, %Y %I:%M:%S %p",
    "%b %d, %Y",
)


class Profile:
    """A sample of one column: `name`, `raw` as it came, `text` as text; shares are of the rows that hold something."""

    def __init__(self, engine: Engine, name: str, raw: pa.Array) -> None:
        self._engine = engine
        self.name = name
        self.raw = raw
        self.nested = cells.nested(raw.type)
        self.text = _nested_text(raw) if self.nested else cells.trimmed(cells.as_text(raw))
        self.filled = self.text.drop_null()

    @property
    def example(self) -> str:
        """The first value, shortened."""
        value = str(self.filled[0].as_py()) if len(self.filled) else ""
        return value if len(value) <= 60 else value[:59] + "…"

    @cached_property
    def values(self) -> list[str]:
        """The distinct values."""
        return [str(value) for value in pc.unique(self.filled).to_pylist()]

    @cached_property
    def distinct(self) -> float:
        """Distinct values per row."""
        return len(self.values) / len(self.filled) if len(self.filled) else 0.0

    @cached_property
    def numeric(self) -> float:
        """Share of numbers."""
        if not len(self.filled) or self.nested:
            return 0.0
        if flat.is_number(self.raw.type):
            return 0.0 if pa.types.is_boolean(self.raw.type) else 1.0
        return self._share(cells.present(amounts.numbers(self.filled).field("number")))

    @cached_property
    def integers(self) -> bool:
        """Whether all values are whole numbers without leading zeros."""
        return self._matches(r"^(0|[1-9]\d{0,14})$") == 1.0

    @cached_property
    def leading_zeros(self) -> bool:
        """Whether digits are labels: 007, or longer than a number can be exactly."""
        return self._matches(r"^-?(0\d+|\d{16,})$") > 0

    @cached_property
    def urls(self) -> float:
        """Share of addresses and paths."""
        return self._matches(r"^(https?:/|/|[a-z0-9-]+(\.[a-z0-9-]+)+/)")

    @cached_property
    def agents(self) -> float:
        """Share of browsers' descriptions of themselves."""
        return self._matches(r"^(Mozilla/|Opera/|Dalvik/|[A-Za-z]+/\d+\.)")

    @cached_property
    def known_events(self) -> float:
        """Share of distinct values that are names of events everybody knows."""
        if not self.values or len(self.values) > 2000:
            return 0.0
        known = sum(names.canonical(value) in names.CANONICAL_NAMES for value in self.values)
        return known / len(self.values)

    @cached_property
    def objects(self) -> list[dict[str, Any]]:
        """The JSON objects, where at least nine in ten values are one; else nothing."""
        texts = self.filled.to_pylist()
        found: list[dict[str, Any]] = []
        for text in texts:
            value = _unfolded(_decoded(text))
            if isinstance(value, dict):
                found.append(value)
        return found if texts and len(found) >= 0.9 * len(texts) else []

    @cached_property
    def time(self) -> tuple[str, float, str]:
        """How the values are best read as time: unit or pattern, the share that is read so, and a word of doubt if any."""
        if not len(self.filled):
            return "auto", 0.0, ""
        kind = self.raw.type
        if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
            return "auto", self._readable(self.raw.drop_null(), "auto"), ""
        if self.numeric > 0.5:
            return self._numeric_time()
        iso = self._readable(self.filled, "iso")
        if iso >= 0.5:
            return "iso", iso, ""
        tried = {pattern: self._readable(self.filled, pattern) for pattern in _PATTERNS}
        best = max(tried, key=lambda pattern: tried[pattern])
        other = best.replace("%m/%d", "%d/%m")
        doubt = ""
        if other != best and tried.get(other) == tried[best] > 0:
            doubt = (
                f"day and month cannot be told apart in {self.name}: read as {best}; write time_unit = {other!r} if not"
            )
        return best, tried[best], doubt

    def _numeric_time(self) -> tuple[str, float, str]:
        for pattern, digits in (("%Y%m%d", 8), ("%Y%m%d%H%M%S", 14), ("%Y%m%d%H%M", 12)):
            if self._matches(rf"^(19|20|21)\d{{{digits - 2}}}$") > 0.9:
                share = self._readable(self.filled, pattern)
                if share > 0.9:
                    return pattern, share, ""
        shares = {unit: self._readable(self.filled, unit) for unit in ("s", "ms", "us", "ns")}
        best = max(shares, key=lambda unit: shares[unit])
        return best, shares[best], ""

    def _readable(self, array: pa.Array, unit: str) -> float:
        return self._share(times.read(self._engine, array, unit, _UTC).good)

    def _matches(self, pattern: str) -> float:
        return self._share(cells.flags(pc.match_substring_regex(self.filled, pattern)))

    def _share(self, mask: np.ndarray) -> float:
        return float(mask.mean()) if len(mask) else 0.0


def _nested_text(raw: pa.Array) -> pa.Array:
    texts = [None if value is None else msgspec.json.encode(value, enc_hook=str).decode() for value in raw.to_pylist()]
    return pa.array(texts, pa.string())


def _unfolded(value: Any) -> Any:
    """A list of keys and typed values as the object it stands for."""
    if not (isinstance(value, list) and value and all(isinstance(item, dict) and "key" in item for item in value)):
        return value
    typed = {item["key"]: item.get("value") for item in value}
    return {
        str(key): next((inner for inner in held.values() if inner is not None), None)
        for key, held in typed.items()
        if isinstance(held, dict)
    }


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
