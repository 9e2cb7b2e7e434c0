"""The rows of sessions told from rows as they lie, brought together by visitor: most answers need none of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from afterclick.analyse.gathered import Gathered
from afterclick.analyse.kernels import spell_order
from afterclick.analyse.kernels.compiled import pool
from afterclick.analyse.kernels.gather import HAS_CAMPAIGN
from afterclick.analyse.scratch import borrowed
from afterclick.analyse.strips import Flagged, Strip
from afterclick.core.arrays import frozen
from afterclick.store.snapshot import Snapshot

CAMPAIGN: Final = "campaign"
COLUMNS: Final = ("device", "at", "flags", "touch")
PART: Final = 1 << 18
"""Rows that one thread works on in one go: what it writes about them stays near the processor."""


class Unlaid(NamedTuple):
    """Strips of PART rows, where the spells of each begin (see the kernel), and the places of these spells, -1 for none.

    `offsets` are of visitors; the rows `again` are those of visitors whose spells have no place, and stand at `there`.
    Rows after `until` count for nothing.
    """

    parts: Sequence[Strip]
    begins: Sequence[np.ndarray]
    places: Sequence[np.ndarray]
    until: int
    offsets: np.ndarray
    there: np.ndarray
    again: Gathered


def parts_of(strips: Sequence[Strip]) -> list[Strip]:
    """The strips in parts, in order."""
    return [strip.cut(low, low + PART) for strip in strips for low in range(0, len(strip.device), PART)]


def laid(snapshot: Snapshot, spells: Unlaid) -> Gathered:
    """All rows brought together."""
    at, key = np.empty(int(spells.offsets[-1]), np.int64), np.empty(int(spells.offsets[-1]), np.int64)

    def lay(part: Strip, campaign: np.ndarray, begins: np.ndarray, place: np.ndarray) -> None:
        assert isinstance(part.symbol, Flagged)
        flags, _, touch, _, system, _, out = part.symbol
        columns = part.device, part.at, flags, campaign, touch
        with borrowed(len(part.at), np.uint16) as symbol:
            spell_order.lay_spells.fast()(begins, place, *columns, part.start, spells.until, system | out, symbol, at, key)
        snapshot.let_go((*COLUMNS, CAMPAIGN), part.start, len(part.at))

    # Sessions that a campaign does not cut need no campaign; the symbols of rows tell whether they have one.
    runs = [chunk.columns[CAMPAIGN] for chunk in snapshot.chunks((CAMPAIGN,))]
    campaigns = [run[low : low + PART] for run in runs for low in range(0, len(run), PART)]
    list(pool().map(lay, spells.parts, campaigns, spells.begins, spells.places))
    told = np.where(snapshot.take(CAMPAIGN, spells.again.rows) != 0, HAS_CAMPAIGN, 0)
    at[spells.there], key[spells.there] = spells.again.at, spells.again.key | told
    return Gathered(frozen(spells.offsets), frozen(at), frozen(key))
