"""What each rule gives each touch of a path, and how an amount is split by that without losing a cent."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

RULES: Final = (
    "first", "last", "last_non_direct", "prioritise", "linear", "time_decay", "position", "j", "inverse_j", "custom",
    "any",
)  # fmt: skip
"""Every model that looks at one path alone (SEMANTICS 8); `any` is not additive."""

Shape = tuple[float, float, float]
"""What the first touch, all in the middle together, and the last one get."""

SHAPES: Final[dict[str, Shape]] = {
    "first": (1.0, 0.0, 0.0), "last": (0.0, 0.0, 1.0), "position": (0.4, 0.2, 0.4), "j": (0.2, 0.2, 0.6),
    "inverse_j": (0.6, 0.2, 0.2),
}  # fmt: skip

WHOLE: Final = 10**11
"""Parts of one conversion: credit is counted in integers, so that no order of adding changes a sum."""

_STEPS: Final = 1e6
"""Remainders closer than this part of a unit are one: floats tell them apart where the arithmetic does not."""


class Trails(NamedTuple):
    """Paths one after another; path p owns touches offsets[p] to offsets[p + 1], in time order, and none is empty.

    offsets int64[paths + 1]; per touch age int64 (µs before the conversion), direct and prior (paid, or of a campaign)
    bool.
    """

    offsets: np.ndarray
    age: np.ndarray
    direct: np.ndarray
    prior: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Touches of each path, int64."""
        return np.diff(self.offsets)

    @property
    def owners(self) -> np.ndarray:
        """The path of each touch, int64."""
        return np.repeat(np.arange(len(self.offsets) - 1), self.lengths)


def trails(offsets: np.ndarray) -> Trails:
    """Paths of which only the order of the touches is known; no touch is direct, paid or of a campaign."""
    none = np.zeros(int(offsets[-1]), bool)
    return Trails(offsets, np.zeros(len(none), np.int64), none, none)


def weights(rule: str, paths: Trails, half_life: float = 0.0, custom: Shape | None = None) -> np.ndarray:
    """The part of its conversion that each touch gets, float64; they sum to 1 in every path.

    `half_life` (µs) is asked for by time_decay, `custom` by custom. `any` gives what last gives: which touches of a path
    have a value in common is not known here.
    """
    if not len(paths.age):
        return np.zeros(0)
    if rule == "linear":
        return np.repeat(1 / paths.lengths, paths.lengths)
    if rule == "time_decay":
        return _decayed(paths, half_life)
    if rule in ("last_non_direct", "prioritise"):
        return _picked(paths, rule == "prioritise")
    if rule == "custom":
        if custom is None:
            raise ValueError("custom needs the three parts of its shape")
        return _shaped(paths, custom)
    return _shaped(paths, SHAPES["last" if rule == "any" else rule])


def _shaped(paths: Trails, shape: Shape) -> np.ndarray:
    first, middle, last = (part / sum(shape) for part in shape)
    length = np.repeat(paths.lengths, paths.lengths)
    place = np.arange(len(length)) - np.repeat(paths.offsets[:-1], paths.lengths)
    ends = first + last
    of_two = first / ends if ends else 0.5
    found = np.where(place == 0, first, np.where(place == length - 1, last, middle / np.maximum(length - 2, 1)))
    found = np.where(length == 2, np.where(place == 0, of_two, 1 - of_two), found)
    return np.where(length == 1, 1.0, found)


def _decayed(paths: Trails, half_life: float) -> np.ndarray:
    """2^(−age / half life) ÷ Σ; ages are counted from the youngest touch, so that old paths do not underflow."""
    youngest = np.minimum.reduceat(paths.age, paths.offsets[:-1])
    made = np.exp2(-(paths.age - np.repeat(youngest, paths.lengths)) / half_life)
    result: np.ndarray = made / np.repeat(np.add.reduceat(made, paths.offsets[:-1]), paths.lengths)
    return result


def _picked(paths: Trails, prioritise: bool) -> np.ndarray:
    last = paths.offsets[1:] - 1
    pick = _last_of(paths, ~paths.direct)
    pick = np.where(pick >= 0, pick, last)
    if prioritise:
        prior = _last_of(paths, paths.prior)
        pick = np.where(prior >= 0, prior, pick)
    found = np.zeros(len(paths.age))
    found[pick] = 1.0
    return found


def _last_of(paths: Trails, which: np.ndarray) -> np.ndarray:
    """Per path the last touch that is one of these, -1 where none is."""
    result: np.ndarray = np.maximum.reduceat(np.where(which, np.arange(len(which)), -1), paths.offsets[:-1])
    return result


def apportioned(offsets: np.ndarray, weight: np.ndarray, amount: np.ndarray, unit: np.ndarray | int) -> np.ndarray:
    """Each path's amount (int64) over its touches in whole units, int64; every path adds up to its amount exactly.

    Largest remainder, ties to the earlier touch. `amount` is a multiple of `unit`; a negative one is split like its size.
    """
    lengths = np.diff(offsets)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    size = np.abs(amount) // unit
    exact = weight * size[owner]
    down = np.floor(exact).astype(np.int64)
    rest = np.floor((exact - down) * _STEPS + 0.5)
    short = size - _summed(offsets, down)
    order = np.lexsort((-rest, owner))
    rank = np.arange(len(order)) - offsets[:-1][owner]
    more = (rank < short[owner]).astype(np.int64) - (rank >= (lengths + short)[owner])
    down[order] += more
    result: np.ndarray = down * (np.sign(amount) * unit)[owner]
    return result


def parted(offsets: np.ndarray, weight: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Each path's `whole` (int64 parts) over its touches, rounded; the last that gets any makes it add up exactly."""
    if not len(weight):
        return np.zeros(0, np.int64)
    found: np.ndarray = np.floor(weight * np.repeat(whole, np.diff(offsets)) + 0.5).astype(np.int64)
    last = np.maximum.reduceat(np.where(weight > 0, np.arange(len(weight)), 0), offsets[:-1])
    found[last] += whole - _summed(offsets, found)
    return found


def _summed(offsets: np.ndarray, values: np.ndarray) -> np.ndarray:
    running = np.append(0, np.cumsum(values))
    result: np.ndarray = running[offsets[1:]] - running[offsets[:-1]]
    return result
