"""Paths to conversion as codes and counts: what the models that need no clock are computed from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from afterclick.analyse.attribution.rules import Shape, trails, weights
from afterclick.analyse.attribution.transforms import transformed
from afterclick.core.errors import SpecError
from afterclick.core.said import Said

Row = tuple[Sequence[str], float, float, float]
"""The values of the touches in time order, conversions, their value, and how often the path ended without one."""


@dataclass(frozen=True)
class Paths:
    """Distinct paths: path p is codes[offsets[p]:offsets[p + 1]], at least one touch each; names[code] is a value.

    offsets int64[paths + 1], codes int32, conversions, value and nulls float64[paths].
    """

    names: tuple[str, ...]
    offsets: np.ndarray
    codes: np.ndarray
    conversions: np.ndarray
    value: np.ndarray
    nulls: np.ndarray

    def __len__(self) -> int:
        return len(self.conversions)

    @property
    def owners(self) -> np.ndarray:
        """The path of each touch, int64."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Paths:
        """Paths of named touches; equal ones are added up, those without a touch are left out.

        Raises SpecError for a count below zero; a value may be negative.
        """
        found: dict[tuple[str, ...], list[float]] = {}
        for touches, conversions, value, nulls in rows:
            if not touches:
                continue
            if conversions < 0 or nulls < 0:
                raise SpecError(
                    Said("refusals.path_converts", names=" > ".join(touches), conversions=conversions, nulls=nulls),
                    path="paths",
                )
            sums = found.setdefault(tuple(touches), [0.0, 0.0, 0.0])
            for place, number in enumerate((conversions, value, nulls)):
                sums[place] += number
        names = sorted({name for path in found for name in path})
        code = {name: number for number, name in enumerate(names)}
        counts = np.array(list(found.values()), np.float64).reshape(-1, 3)
        return cls(
            names=tuple(names),
            offsets=np.cumsum([0, *(len(path) for path in found)], dtype=np.int64),
            codes=np.array([code[name] for path in found for name in path], np.int32),
            conversions=counts[:, 0],
            value=counts[:, 1],
            nulls=counts[:, 2],
        )

    def transformed(self, texts: Sequence[str]) -> Paths:
        """The paths after these transforms; some of them may be equal then, which no model minds."""
        done = transformed(texts, self.offsets, self.codes, self.names)
        return Paths(done.names, done.offsets, done.codes, self.conversions, self.value, self.nulls)

    def once(self) -> tuple[np.ndarray, np.ndarray]:
        """(path, code) of each distinct value of each path, by path and code; int64."""
        size = max(len(self.names), 1)
        both = np.unique(self.owners * size + self.codes)
        return both // size, both % size

    def shared(self, per_touch: np.ndarray, per_path: np.ndarray) -> np.ndarray:
        """What each value gets of `per_path` by the weights of the touches, float64[names]."""
        return np.bincount(self.codes, per_touch * per_path[self.owners], minlength=len(self.names))


def credited(paths: Paths, rule: str, custom: Shape | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(conversions, value) that a rule gives each name, float64; `any` gives every distinct one of a path all of it.

    Raises SpecError for a rule that needs instants or channels (time_decay, last_non_direct, prioritise).
    """
    if rule == "any":
        path, code = paths.once()
        size = len(paths.names)
        return (
            np.bincount(code, paths.conversions[path], minlength=size),
            np.bincount(code, paths.value[path], minlength=size),
        )
    if rule not in ("first", "last", "linear", "position", "j", "inverse_j", "custom"):
        raise SpecError(Said("refusals.needs_more_than_order", rule=rule), path="touch")
    if rule in ("first", "last") and len(paths):
        code, size = paths.codes[paths.offsets[:-1] if rule == "first" else paths.offsets[1:] - 1], len(paths.names)
        return np.bincount(code, paths.conversions, minlength=size), np.bincount(code, paths.value, minlength=size)
    weight = weights(rule, trails(paths.offsets), custom=custom)
    return paths.shared(weight, paths.conversions), paths.shared(weight, paths.value)
