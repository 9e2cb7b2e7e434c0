"""What the collector did since it started: plain sums with a bounded set of names, for metrics and the log."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import Final

REASONS: Final = 64
"""Different reasons that are counted apart; all others together are `other`, whatever names senders make up."""
OTHER: Final = "other"

_SPANS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Counts:
    """Sums since the start. Written by the event loop's thread alone; read by any."""

    def __init__(self) -> None:
        self.requests = 0
        self.stored = 0
        self.duplicates = 0
        self.rejected = 0
        self.failed_commits = 0
        self.refused: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.spans = [0] * (len(_SPANS) + 1)
        self.seconds = 0.0

    def refuse(self, code: str) -> None:
        """A whole request was refused."""
        _count(self.refused, code)

    def reject(self, code: str) -> None:
        """An event was not stored."""
        self.rejected += 1
        _count(self.reasons, code)

    def answered(self, seconds: float) -> None:
        """A request was answered so long after its head."""
        self.seconds += seconds
        self.spans[bisect_left(_SPANS, seconds)] += 1

    def histogram(self) -> list[tuple[str, int]]:
        """(upper edge in seconds, answers up to it), as Prometheus counts them."""
        found, total = [], 0
        for edge, number in zip((*_SPANS, None), self.spans, strict=True):
            total += number
            found.append(("+Inf" if edge is None else f"{edge:g}", total))
        return found


def _count(counter: Counter[str], code: str) -> None:
    counter[code if code in counter or len(counter) < REASONS else OTHER] += 1
