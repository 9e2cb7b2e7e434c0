"""How much each key may send: a token bucket per key, whose state outlives a restart, so that a restart frees no flood."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

BURST: Final = 5
"""Seconds of its rate that a key may send at once."""

_LONGEST: Final = 60


class Bucket:
    """Tokens of one key: `rate` a second flow in, at most `BURST` seconds' worth stay; one event takes one.

    What is asked for is let through while anything is left and charged afterwards, so that a batch larger than the
    bucket is possible; the debt it leaves is waited for by the next.
    """

    __slots__ = ("_at", "_most", "_rate", "_tokens")

    def __init__(self, rate: int, at: float, tokens: float | None = None) -> None:
        """`at` in seconds of the monotonic clock; `tokens` none = full."""
        self._rate = float(rate)
        self._most = self._rate * BURST
        self._tokens = self._most if tokens is None else min(tokens, self._most)
        self._at = at

    @property
    def rate(self) -> float:
        """Events a second."""
        return self._rate

    def wait(self, at: float) -> int:
        """Whole seconds until something is let through; 0 = now."""
        if self._flow(at) > 0:
            return 0
        return min(int(-self._tokens / self._rate) + 1, _LONGEST)

    def charge(self, events: int) -> None:
        """Take what was let through."""
        self._tokens -= events

    def level(self, at: float) -> float:
        """Tokens left; negative = debt. Changes nothing, so that another thread may ask."""
        return min(self._tokens + max(at - self._at, 0.0) * self._rate, self._most)

    def _flow(self, at: float) -> float:
        if at > self._at:
            self._tokens = min(self._tokens + (at - self._at) * self._rate, self._most)
            self._at = at
        return self._tokens


class Rates:
    """The buckets of all keys that have a rate, by the key's id."""

    def __init__(self, kept: str, at: float, now: int) -> None:
        """`kept` is what `state` gave in an earlier run; `at` monotonic seconds, `now` microseconds UTC.

        State that cannot be read, or lies in the future after a clock was set back, counts as none.
        """
        self._buckets: dict[str, Bucket] = {}
        self._earlier: dict[str, float] = {}
        self._since = 0.0
        self._at = at
        try:
            before, levels = msgspec.json.decode(kept, type=tuple[int, dict[str, float]]) if kept else (now, {})
        except msgspec.DecodeError:
            return
        if before <= now:
            self._earlier, self._since = levels, (now - before) / 1e6

    def of(self, key: str, rate: int, at: float) -> Bucket | None:
        """The key's bucket; None where it has no rate."""
        if rate <= 0:
            return None
        found = self._buckets.get(key)
        if found is None or found.rate != rate:
            level = self._earlier.pop(key, None)
            tokens = None if level is None else level + (self._since + at - self._at) * rate
            found = self._buckets[key] = Bucket(rate, at, tokens)
        return found

    def forget(self, kept: Mapping[str, int]) -> None:
        """Drop the buckets of keys that are no more."""
        for key in self._buckets.keys() - kept.keys():
            del self._buckets[key]

    def state(self, at: float, now: int) -> str:
        """The levels as text; full buckets are left out, so an idle server writes nothing new."""
        levels = {key: round(bucket.level(at), 1) for key, bucket in list(self._buckets.items())}
        low = {key: level for key, level in levels.items() if level < self._full(key)}
        return msgspec.json.encode((now, low)).decode() if low else ""

    def _full(self, key: str) -> float:
        found = self._buckets.get(key)
        return 0.0 if found is None else found.rate * BURST
