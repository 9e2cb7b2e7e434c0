"""Whole paths, counted exactly whatever their length, and how many of each ended in an order."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np

from afterclick.analyse.kernels import paths as kernels
from afterclick.analyse.paths.walks import Walks
from afterclick.core.moments import Share

BUCKETS: Final = 1 << 20
SHOWN: Final = 20
"""Steps of a whole path that are named; further ones are counted."""
ARROW: Final = " › "


class Whole(NamedTuple):
    """A whole path: its nodes as it was walked (at most SHOWN of them), how many steps it has, and its units."""

    nodes: tuple[int, ...]
    steps: int
    units: np.ndarray


class Commonest:
    """The commonest whole paths of a set of walks; equal counts in the order of their names."""

    def __init__(self, walks: Walks, most: int) -> None:
        self.walks, self.most = walks, most

    @cached_property
    def found(self) -> list[Whole]:
        """The commonest of them, those without any step left out."""
        digest = self.walks.digest
        where = self._likely()
        if not len(where):
            return []
        where = where[np.argsort(digest[where], kind="stable")]
        begins = np.flatnonzero(np.append(True, digest[where][1:] != digest[where][:-1]))
        counts = np.diff(np.append(begins, len(where)))
        least = np.sort(counts)[-self.most] if len(counts) > self.most else 1
        likely = self._first(where[begins], counts, int(least))
        paths = [
            Whole(self._nodes(int(where[begins[place]])), int(self.walks.steps[where[begins[place]]]),
                  where[begins[place] : begins[place] + counts[place]])
            for place in likely
        ]  # fmt: skip
        return sorted(paths, key=lambda path: (-len(path.units), path.nodes, path.steps))[: self.most]

    def _likely(self) -> np.ndarray:
        """Units that can be of a path among the commonest.

        Digests are counted by bucket first: a path cannot be commoner than its bucket is full, so only those buckets
        that hold as many as the last of the commonest found so far are looked into.
        """
        walked = np.flatnonzero(self.walks.steps > 0)
        if len(walked) < BUCKETS >> 3:
            return walked
        bucket = (self.walks.digest >> 20) & (BUCKETS - 1)
        if len(walked) < len(bucket):
            bucket = bucket[walked]
        full = np.bincount(bucket, minlength=BUCKETS)
        # From the fullness of the buckets to how many are so full: selecting among a million takes longer.
        fuller = np.cumsum(np.bincount(np.minimum(full, BUCKETS))[::-1])[::-1]
        first = max(1, int(np.count_nonzero(fuller >= 8 * self.most)) - 1)
        sure = walked[full[bucket] >= first]
        counts = np.sort(np.unique(self.walks.digest[sure], return_counts=True)[1])
        least = int(counts[-self.most]) if len(counts) >= self.most else 1
        result: np.ndarray = sure if least >= first else walked[full[bucket] >= least]
        return result

    def _first(self, unit: np.ndarray, counts: np.ndarray, least: int) -> list[int]:
        """Which distinct paths may be among the commonest: all above the last count, and of those equal to it the first
        by their shown columns."""
        above = np.flatnonzero(counts > least)
        equal = np.flatnonzero(counts == least)
        room = self.most - len(above)
        if len(equal) > 50 * self.most:
            steps = self.walks.columns[unit[equal], self.walks.lead :]
            order = np.lexsort(steps.T[::-1])
            last = steps[order[room - 1]]
            tied = int(np.count_nonzero((steps[order[room - 1 :]] == last).all(axis=1)))
            equal = equal[order[: room - 1 + tied]]
        return [*above.tolist(), *equal.tolist()]

    def _nodes(self, unit: int) -> tuple[int, ...]:
        """The first steps of a unit's path, walked again where the columns do not hold them all."""
        walks = self.walks
        if walks.steps[unit] <= walks.way.depth:
            shown = walks.columns[unit, walks.lead :]
            return tuple(shown[shown >= 0].tolist())
        return walks.first_steps(unit, SHOWN)

    def rows(self) -> list[dict[str, Any]]:
        """One row per whole path: how many walked it, and of them who ordered from its first step on."""
        every, names = len(self.walks), self.walks.nodes.names
        out = []
        for rank, path in enumerate(self.found, start=1):
            share = Share(len(path.units), every)
            bought = Share(int(self.walks.ordered[path.units].sum()), len(path.units))
            interval = bought.interval
            out.append(
                {
                    "rank": rank, "path": said(self._told(path), path.steps, names, backward=self._backward),
                    "steps": path.steps, "paths": share.hits, "visitors": len(self.walks.visitors_of(np.sort(path.units))),
                    "share_rate": share.rate,
                    "ordered": bought.hits, "conversion_rate": bought.rate,
                    "low": interval.low if interval else None, "high": interval.high if interval else None,
                }
            )  # fmt: skip
        return out

    def steps(self) -> list[dict[str, Any]]:
        """The named steps of each whole path, one row each."""
        nodes = self.walks.nodes
        return [
            {"rank": rank, "position": position, "node": nodes.names[code], "type": nodes.types[code]}
            for rank, path in enumerate(self.found, start=1)
            for position, code in enumerate(self._told(path), start=1 + (path.steps - len(path.nodes)) * self._backward)
        ]

    @property
    def _backward(self) -> bool:
        return self.walks.way.mode == kernels.TO_END

    def _told(self, path: Whole) -> tuple[int, ...]:
        """The nodes in the order of time."""
        return path.nodes[::-1] if self._backward else path.nodes


def said(nodes: tuple[int, ...], steps: int, names: list[str], *, backward: bool = False) -> str:
    """The path in one line; names are shortened, and steps that are not named stand as their number."""
    parts = [names[code] if len(names[code]) <= 60 else names[code][:59] + "…" for code in nodes]
    rest = [f"… +{steps - len(nodes)}"] if steps > len(nodes) else []
    return ARROW.join([*rest, *parts] if backward else [*parts, *rest])
