"""How many personas there are, by a stated rule, and whether they last when visitors or seeds change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from afterclick.learn.personas.clusters import Cloud, adjusted_rand, fitted, nearest, silhouette

STABLE: Final = 0.8
"""The adjusted Rand index that repeated groups must reach on average, over resamples and over seeds."""
MOST: Final = 8
SMALLEST: Final = 0.02
"""The share of visitors that the smallest persona must hold."""
LARGEST: Final = 0.85
"""A persona that holds more visitors than this says nothing of them; groups without one come first."""
CLEARER: Final = 0.05
"""What the silhouette must gain over behaviours that nothing joins."""
REPEATS: Final = 8
_RESTARTS, _AGAIN, _SHUFFLES = 8, 4, 4


class Candidate(NamedTuple):
    """k groups: their centres, silhouette, mean agreement over seeds, shares of the smallest and largest group; then, where
    those do not rule it out already, mean agreement over resamples, and the mean silhouette of as many groups where each
    behaviour is dealt out anew by itself."""

    k: int
    centres: np.ndarray
    silhouette: float
    reseeded: float
    smallest: float
    largest: float
    resampled: float | None = None
    reference: float | None = None

    @property
    def gain(self) -> float:
        """How much clearer the groups are than those of the same behaviours without anything that joins them."""
        return -1.0 if self.reference is None else self.silhouette - self.reference

    @property
    def even(self) -> bool:
        """Do the same groups come back whatever the seed, and does each hold enough visitors?"""
        return self.reseeded >= STABLE and self.smallest >= SMALLEST

    @property
    def stable(self) -> bool:
        """Do they come back whatever the sample too, and clearer than chance makes them?"""
        return self.even and (self.resampled or 0.0) >= STABLE and self.gain > CLEARER


def candidates(cloud: Cloud, ks: tuple[int, ...], seed: int) -> list[Candidate]:
    """Every k that the cloud has enough distinct points for, tried."""
    return [_tried(cloud, k, seed) for k in ks if k <= len(cloud.values)]


def chosen(tried: list[Candidate]) -> Candidate | None:
    """The stable candidate that gains most over chance, of equal ones the smaller; None where none is stable.

    Those in which one group holds nearly everybody count only where all do so.
    """
    stable = [one for one in tried if one.stable]
    return max(stable, key=lambda one: (one.largest <= LARGEST, one.gain, -one.k), default=None)


def _tried(cloud: Cloud, k: int, seed: int) -> Candidate:
    base = fitted(cloud, k, (seed, 0), _RESTARTS)
    own = nearest(cloud.values, base.centres)

    def agreed(other: Callable[[int], Cloud], salt: int) -> float:
        runs = (fitted(other(repeat), k, (seed, salt, repeat), _AGAIN).centres for repeat in range(REPEATS))
        return float(np.mean([adjusted_rand(own, nearest(cloud.values, run), cloud.weights) for run in runs]))

    shares = np.bincount(own, cloud.weights, minlength=k) / cloud.weights.sum()
    fit = silhouette(cloud, base.centres), agreed(lambda _: cloud, 1), float(shares.min()), float(shares.max())
    found = Candidate(k, base.centres, *fit)
    if not found.even:
        return found
    resampled = agreed(lambda repeat: _resampled(cloud, seed, k, repeat), 2)
    return found._replace(resampled=resampled, reference=_by_chance(cloud, k, seed))


def _by_chance(cloud: Cloud, k: int, seed: int) -> float:
    """The mean silhouette where each column is shuffled by itself (the reference of Tibshirani, Walther & Hastie 2001)."""
    rows = np.repeat(cloud.values, cloud.weights.astype(np.int64), axis=0)
    found = []
    for shuffle in range(_SHUFFLES):
        loose = Cloud(np.random.default_rng((seed, 4, k, shuffle)).permuted(rows, axis=0), np.ones(len(rows)))
        found.append(silhouette(loose, fitted(loose, k, (seed, 5, shuffle), _AGAIN).centres))
    return float(np.mean(found))


def _resampled(cloud: Cloud, seed: int, k: int, repeat: int) -> Cloud:
    """As many rows drawn with replacement; a draw of fewer than k distinct points keeps the cloud as it is."""
    rng = np.random.default_rng((seed, 3, k, repeat))
    drawn = rng.multinomial(int(cloud.weights.sum()), cloud.weights / cloud.weights.sum())
    there = np.flatnonzero(drawn)
    return Cloud(cloud.values[there], drawn[there].astype(np.float64)) if len(there) >= k else cloud
