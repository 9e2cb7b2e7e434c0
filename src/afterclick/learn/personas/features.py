"""What personas are found by: standardised log counts of behaviours that tell visitors apart."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from afterclick.learn.behaviours import Behaviours
from afterclick.learn.personas.clusters import Cloud
from afterclick.learn.samples import distinct_rows, thinned

VISITS: Final = "(came back)"
"""The name of the column that counts visits: two or more of them."""
MOST: Final = 16
FEWEST: Final = 0.02
"""The share of visitors who must have met a behaviour, and who must not have met it as often as all others."""
TWINS: Final = 0.95
"""Of two behaviours whose log counts correlate so only the more frequent one counts."""
FAR: Final = 3.0
"""Standard deviations from the mean beyond which a count is taken for that far: rare behaviours do not outweigh the rest."""
FIT: Final = 4_000
"""Rows the groups are found in; every visitor is then given the nearest group."""


class Features(NamedTuple):
    """`names` of the behaviours in order (VISITS first), `codes` their places in `Behaviours` (-1 for visits), and the
    counts uint16[n, d] they were made from; `cloud` the points to find groups in, `points` float64[m, d] every distinct
    row of counts as a point, `inverse` int64[n] which of them each visitor is."""

    names: list[str]
    codes: list[int]
    counts: np.ndarray
    cloud: Cloud
    points: np.ndarray
    inverse: np.ndarray


def features_of(found: Behaviours) -> Features:
    """The features of every visitor of a range; no name where nothing tells visitors apart."""
    visitors = len(found.visitors)
    counts = np.column_stack([found.visits, found.counts]) if visitors else np.zeros((0, 1), np.uint16)
    names, codes = [VISITS, *found.names], [-1, *range(len(found.names))]
    first, inverse, weight = distinct_rows(counts)
    place, drawn = thinned(weight, FIT)
    sample = np.log1p(counts[first[place]].astype(np.float64))
    kept = _telling(counts, sample, drawn)
    if not kept:
        empty = np.zeros((len(first), 0))
        return Features([], [], counts[:, :0], Cloud(empty[place], drawn), empty, inverse)
    # Fewer columns make more rows equal: what is left is told apart anew, so that each point stands once.
    counts = counts[:, kept]
    first, inverse, weight = distinct_rows(counts)
    logs = np.log1p(counts[first].astype(np.float64))
    mean = (logs * weight[:, None]).sum(axis=0) / visitors
    spread = np.sqrt((((logs - mean) ** 2) * weight[:, None]).sum(axis=0) / visitors)
    points = np.clip((logs - mean) / spread, -FAR, FAR)
    place, drawn = thinned(weight, FIT)
    return Features([names[i] for i in kept], [codes[i] for i in kept], counts, Cloud(points[place], drawn), points, inverse)


def _telling(counts: np.ndarray, sample: np.ndarray, weights: np.ndarray) -> list[int]:
    """Columns that enough visitors met and that say something the ones before do not, in their order."""
    visitors = len(counts)
    least = max(FEWEST * visitors, 1.0)
    reached = np.count_nonzero(counts, axis=0)
    chosen: list[int] = []
    for number in sorted(range(counts.shape[1]), key=lambda one: (-int(reached[one]), one)):
        if reached[number] < least or not _varies(counts[:, number], least):
            continue
        if all(abs(_correlation(sample[:, number], sample[:, other], weights)) < TWINS for other in chosen):
            chosen.append(number)
        if len(chosen) == MOST:
            break
    return sorted(chosen)


def _varies(column: np.ndarray, least: float) -> bool:
    """Whether enough visitors differ from the most usual count."""
    return len(column) - int(np.bincount(column).max()) >= least


def _correlation(one: np.ndarray, other: np.ndarray, weights: np.ndarray) -> float:
    total = weights.sum()
    a, b = one - (one * weights).sum() / total, other - (other * weights).sum() / total
    most = np.sqrt((a * a * weights).sum() * (b * b * weights).sum())
    return float((a * b * weights).sum() / most) if most > 0 else 0.0
