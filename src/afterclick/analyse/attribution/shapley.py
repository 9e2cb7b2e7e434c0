"""What each channel adds to any set of others, on average: over sets of paths in closed form, over their rates by sums."""

from __future__ import annotations

from math import comb
from typing import Final, NamedTuple

import numpy as np

from afterclick.analyse.attribution.paths import Paths

EXACT: Final = 15
"""Values up to which every set is looked at."""

ROUNDS: Final = 2_000
SEED: Final = 20_260_901


def shapley(paths: Paths) -> tuple[np.ndarray, np.ndarray]:
    """(conversions, value) each name is credited with, float64; they sum to all conversions and all value.

    v(S) = conversions of the paths whose values all lie in S (Shapley 1953; Zhao et al. 2018). Each path is a game of its
    own whose value stands only with all its values, so each of them gets an equal part of it: exact in linear time.
    """
    path, code = paths.once()
    parts = np.bincount(path, minlength=len(paths))[path]
    size = len(paths.names)
    return (
        np.bincount(code, paths.conversions[path] / parts, minlength=size),
        np.bincount(code, paths.value[path] / parts, minlength=size),
    )


class Rates(NamedTuple):
    """What each value adds to the conversion rate; they sum to the full rate and may be negative.

    `errors` are standard errors where sets were sampled, None where all were looked at.
    """

    effects: np.ndarray
    errors: np.ndarray | None


def shapley_rates(paths: Paths, rounds: int = ROUNDS, seed: int = SEED) -> Rates:
    """The Shapley value of v(S) = conversion rate of the paths inside S, 0 where none is.

    Exact by sums over all sets up to `EXACT` values; beyond, the mean over `rounds` random orders of joining.
    """
    size = len(paths.names)
    if size <= EXACT:
        return Rates(_exact(paths), None)
    return _sampled(paths, rounds, np.random.default_rng(seed))


def _exact(paths: Paths) -> np.ndarray:
    size = len(paths.names)
    path, code = paths.once()
    sets = np.zeros(len(paths), np.int64)
    np.bitwise_or.at(sets, path, np.int64(1) << code)
    sums = np.zeros((2, 1 << size))
    np.add.at(sums[0], sets, paths.conversions)
    np.add.at(sums[1], sets, paths.conversions + paths.nulls)
    for value in range(size):
        # The sum over all subsets, one value after another (the zeta transform).
        halves = sums.reshape(2, -1, 2, 1 << value)
        halves[:, :, 1] += halves[:, :, 0]
    rate = np.divide(sums[0], sums[1], out=np.zeros(1 << size), where=sums[1] > 0)
    members = np.zeros(1 << size, np.int64)
    for value in range(size):
        members[1 << value : 2 << value] = members[: 1 << value] + 1
    effects = np.zeros(size)
    every = np.arange(1 << size)
    for value in range(size):
        without = every[(every >> value) & 1 == 0]
        weight = np.array([1 / (size * comb(size - 1, k)) for k in range(size)])[members[without]]
        effects[value] = (weight * (rate[without | (1 << value)] - rate[without])).sum()
    return effects


def _sampled(paths: Paths, rounds: int, rng: np.random.Generator) -> Rates:
    size = len(paths.names)
    path, code = paths.once()
    begins = np.searchsorted(path, np.arange(len(paths)))
    total = paths.conversions + paths.nulls
    sums, squares = np.zeros(size), np.zeros(size)
    for _ in range(rounds):
        order = rng.permutation(size)
        place = np.empty(size, np.int64)
        place[order] = np.arange(size)
        # A path counts from the moment its last value has joined.
        complete = np.maximum.reduceat(place[code], begins)
        hits = np.cumsum(np.bincount(complete, paths.conversions, minlength=size))
        tries = np.cumsum(np.bincount(complete, total, minlength=size))
        rate = np.divide(hits, tries, out=np.zeros(size), where=tries > 0)
        gained = np.empty(size)
        gained[order] = np.diff(rate, prepend=0.0)
        sums += gained
        squares += gained * gained
    mean = sums / rounds
    spread = np.maximum(squares / rounds - mean * mean, 0.0) / (rounds - 1)
    return Rates(mean, np.sqrt(spread))
