"""Equal instants of one visitor stand in the order of their event ids, asked for only where they may not yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from afterclick.analyse.kernels import gather as kernels
from afterclick.analyse.strips import Strip

TieBreak = Callable[[np.ndarray], tuple[np.ndarray, Callable[[np.ndarray], Sequence[str]]]]
"""The tie values of global rows, and a function to their event ids."""


def order_ties(
    strips: Sequence[Strip], offsets: np.ndarray, at: np.ndarray, key: np.ndarray, tied: np.ndarray, ties: TieBreak
) -> None:
    """Equal instants of different devices or pieces stand in event-id order; rows of one of each do so already."""
    places, begins = _slices(offsets, np.flatnonzero(tied))
    follows = np.zeros(len(places), bool)
    follows[1:] = at[places[1:]] == at[places[:-1]]
    follows[begins] = False
    rows = key[places] >> kernels.SYMBOL_BITS
    second = np.flatnonzero(follows)
    mixed = _home(strips, rows[second]) != _home(strips, rows[second - 1])
    if not mixed.any():
        return
    group = np.cumsum(~follows)
    member = np.flatnonzero(np.isin(group, group[second[mixed]]))
    rows, group = rows[member], group[member]
    tie, event_ids = ties(rows)
    order = np.lexsort((rows, tie, group))
    same = (tie[order][1:] == tie[order][:-1]) & (group[order][1:] == group[order][:-1])
    if same.any():
        names = np.array(event_ids(rows), dtype=object)
        order = np.array(sorted(range(len(member)), key=lambda i: (group[i], tie[i], names[i])))
    key[places[member]] = key[places[member[order]]]


def _slices(offsets: np.ndarray, visitors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The places of these visitors' rows one after another, and where in them each visitor begins."""
    lengths = offsets[visitors + 1] - offsets[visitors]
    begins = np.cumsum(lengths) - lengths
    return np.repeat(offsets[visitors] - begins, lengths) + np.arange(lengths.sum()), begins


def _home(strips: Sequence[Strip], rows: np.ndarray) -> np.ndarray:
    """One number per row for (piece, device)."""
    starts = np.array([strip.start for strip in strips])
    which = np.searchsorted(starts, rows, side="right") - 1
    device = np.empty(len(rows), np.int64)
    for number, strip in enumerate(strips):
        here = which == number
        device[here] = strip.device[rows[here] - strip.start] + (np.int64(strip.piece) << 32)
    return device
