"""Groups of points by k-means, seeded and free of the order of rows: the same data give the same groups, always."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

_ROUNDS: Final = 100


class Cloud(NamedTuple):
    """Distinct points with how many rows have each: values float64[n, d], weights float64[n] (whole numbers)."""

    values: np.ndarray
    weights: np.ndarray


class Clusters(NamedTuple):
    """centres float64[k, d] and the weighted sum of squared distances to them."""

    centres: np.ndarray
    inertia: float


def fitted(cloud: Cloud, k: int, seed: tuple[int, ...], restarts: int) -> Clusters:
    """The best of several runs of Lloyd's algorithm, each begun by k-means++ (Arthur & Vassilvitskii 2007).

    `cloud` holds at least k distinct points. The larger cluster comes first, of equal ones that with the smaller centre.
    """
    best: Clusters | None = None
    for restart in range(restarts):
        run = _lloyd(cloud, _spread(cloud, k, np.random.default_rng((*seed, k, restart))))
        if best is None or run.inertia < best.inertia:
            best = run
    assert best is not None
    sizes = np.bincount(nearest(cloud.values, best.centres), cloud.weights, minlength=k)
    order = sorted(range(k), key=lambda one: (-sizes[one], best.centres[one].tolist()))
    return Clusters(best.centres[order], best.inertia)


def nearest(values: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The nearest centre of each point, the first of equally near ones; int64[n]."""
    result: np.ndarray = np.argmin(squared(values, centres), axis=1)
    return result


def squared(values: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Squared distances, float64[n, k], never below zero."""
    found = (values**2).sum(axis=1)[:, None] - 2 * values @ centres.T + (centres**2).sum(axis=1)[None, :]
    result: np.ndarray = np.maximum(found, 0.0)
    return result


def _spread(cloud: Cloud, k: int, rng: np.random.Generator) -> np.ndarray:
    """k points of the cloud, each the best of a few drawn by their squared distance from those before (greedy k-means++)."""
    near = np.full(len(cloud.values), np.inf)
    chosen: list[int] = []
    free = np.ones(len(cloud.values), bool)
    for step in range(k):
        # What stands on a chosen point is not drawn again, though its distance may miss zero by a hair.
        chance = cloud.weights * free * (near if step else 1.0)
        total = np.cumsum(chance if chance.any() else cloud.weights * free)
        tries = 1 if not step else 2 + k
        drawn = np.searchsorted(total, rng.random(tries) * total[-1], side="right")
        drawn = np.unique(np.minimum(drawn, len(total) - 1))
        left = np.minimum(near[:, None], squared(cloud.values, cloud.values[drawn]))
        best = int(np.argmin(cloud.weights @ left))
        near = left[:, best]
        chosen.append(int(drawn[best]))
        free[chosen[-1]] = False
    return cloud.values[chosen]


def _lloyd(cloud: Cloud, centres: np.ndarray) -> Clusters:
    own = np.full(len(cloud.values), -1)
    for _ in range(_ROUNDS):
        # A point's own length is the same to every centre: it is left out where only the nearest one is asked for.
        far = (centres**2).sum(axis=1) - 2 * (cloud.values @ centres.T)
        new = np.argmin(far, axis=1)
        if (new == own).all():
            break
        own = new
        member = (own == np.arange(len(centres))[:, None]) * cloud.weights
        size = member.sum(axis=1)
        filled = size > 0
        centres = centres.copy()
        centres[filled] = (member @ cloud.values)[filled] / size[filled, None]
        for empty in np.flatnonzero(~filled):
            # A cluster that lost its last point begins anew at the point farthest from its centre.
            left = squared(cloud.values, centres)[np.arange(len(own)), own] * cloud.weights
            lone = int(np.argmax(left))
            centres[empty], own[lone] = cloud.values[lone], empty
    near = squared(cloud.values, centres)
    return Clusters(centres, float((near.min(axis=1) * cloud.weights).sum()))


def silhouette(cloud: Cloud, centres: np.ndarray) -> float:
    """Mean of (b - a) / max(a, b), a the distance to the own centre and b to the next one, in -1..1.

    The simplified silhouette (Hruschka, de Castro & Campello 2004, p. 3) of Rousseeuw's (1987): centres for members.
    """
    far = np.sqrt(np.sort(squared(cloud.values, centres), axis=1)[:, :2])
    most = far[:, 1]
    own = np.where(most > 0, (most - far[:, 0]) / np.where(most > 0, most, 1), 0.0)
    return float((own * cloud.weights).sum() / cloud.weights.sum())


def adjusted_rand(one: np.ndarray, other: np.ndarray, weights: np.ndarray) -> float:
    """How far two partitions agree beyond chance: 1 the same, about 0 by chance (Hubert & Arabie 1985, eq. 5).

    `one` and `other` int64[n] the groups of n points, `weights` how many rows each point stands for.
    """
    size = int(other.max()) + 1 if len(other) else 1
    both = np.bincount(one * size + other, weights)
    pairs = _pairs(both).sum()
    rows, columns = _pairs(np.bincount(one, weights)).sum(), _pairs(np.bincount(other, weights)).sum()
    chance = rows * columns / max(float(_pairs(weights.sum())), 1.0)
    most = (rows + columns) / 2
    return 1.0 if most == chance else float((pairs - chance) / (most - chance))


def _pairs(counts: np.ndarray) -> np.ndarray:
    result: np.ndarray = counts * (counts - 1) / 2
    return result
