"""Samples of visitors that are the same whatever order their rows came in."""

from __future__ import annotations

from typing import Final

import numpy as np

_MIX: Final = np.uint64(0x9E3779B97F4A7C15)


def distinct_rows(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The distinct rows of uint16[n, d]: one row number of each, which of them every row is, how many have it.

    They come in the order of a hash of 64 bits, which looks random and is the same whatever order rows came in.
    """
    mark = np.zeros(len(counts), np.uint64)
    odd = np.random.default_rng(0).integers(1 << 63, size=(counts.shape[1],), dtype=np.uint64)
    for number, factor in enumerate(odd.tolist()):
        mark += counts[:, number].astype(np.uint64) * np.uint64(factor | 1)
    mark = (mark ^ (mark >> np.uint64(29))) * _MIX
    _, first, inverse, weight = np.unique(mark, return_index=True, return_inverse=True, return_counts=True)
    return first, inverse, weight


def thinned(weights: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """A systematic sample of `most` rows from distinct points: which points, and how many of the sample each stands for."""
    total = int(weights.sum())
    if total <= most:
        return np.arange(len(weights)), weights.astype(np.float64)
    ends = np.cumsum(weights)
    drawn = np.searchsorted(ends, (2 * np.arange(most, dtype=np.int64) + 1) * total // (2 * most), side="right")
    place, count = np.unique(drawn, return_counts=True)
    return place, count.astype(np.float64)
