"""Which small segments of live traffic are merged, so that a year of hourly sealing stays a few pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from afterclick.store.manifest import Manifest, SegmentEntry

FAN_IN: Final = 3
"""So many neighbours are merged at least."""
MERGED_ROWS: Final = 1_000_000
MERGED_BYTES: Final = 256 << 20
"""A merged segment holds at most so many rows and bytes: it is sorted in memory."""


def mergeable(manifest: Manifest) -> frozenset[str]:
    """Names of the segments that hold live traffic alone. An import's own segments say what it brought, and stay."""
    found: set[str] = set()
    for entry in manifest.entries:
        if entry.kind == "live":
            found.update(segment.name for segment in entry.segments)
        for one in entry.replaces:
            if found.issuperset(one.old):
                found.update(one.new)
    return frozenset(found)


def choose(segments: Sequence[SegmentEntry], live: frozenset[str]) -> tuple[int, int] | None:
    """The neighbours [first, end) to be merged next, None if there is nothing to do.

    Tiered: only a run in which no segment holds more than two thirds of the rows is merged, so that what a row lies in
    grows by half each time it is written again: n rows are O(n log n) written rows. The smallest run is merged first.
    """
    best: tuple[int, int, int] | None = None
    for first in range(len(segments)):
        rows = size = largest = 0
        for end in range(first, len(segments)):
            entry = segments[end]
            rows, size, largest = rows + entry.rows, size + entry.bytes, max(largest, entry.rows)
            if entry.name not in live or rows > MERGED_ROWS or size > MERGED_BYTES:
                break
            fits = end - first + 1 >= FAN_IN and 3 * largest <= 2 * rows
            if fits and (best is None or rows < best[0]):
                best = (rows, first, end + 1)
    return None if best is None else best[1:]
