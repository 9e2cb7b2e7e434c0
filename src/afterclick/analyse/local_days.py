"""The site's calendar days of many instants at once."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np

from afterclick.core import spans


def local_days(at: np.ndarray, zone: ZoneInfo) -> np.ndarray:
    """The ordinal of the local day of each instant (µs UTC), int64."""
    if not len(at):
        return np.zeros(0, np.int64)
    first, last = spans.local_day(int(at.min()), zone), spans.local_day(int(at.max()), zone)
    edges = [spans.midnight(first + timedelta(days=number), zone) for number in range((last - first).days + 1)]
    found: np.ndarray = np.searchsorted(np.array(edges, np.int64), at, side="right") - 1 + first.toordinal()
    return found
