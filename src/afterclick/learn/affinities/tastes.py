"""Signals added up: per visitor and value the strength, how many there were and when the last one was."""

from __future__ import annotations

from functools import cached_property
from typing import Final

import numpy as np

from afterclick.learn.affinities.signals import Signals
from afterclick.learn.affinities.strengths import ACTIONS

SHOWN: Final = 3
"""Signals from which on a visitor is said to lean anywhere."""


class Tastes:
    """One row per (visitor, value) with a signal, by visitor, then value: `owner` int64 place in `visitors`, `value` int64,
    `strength` and `signals` int64, `last_at` int64 µs, `actions` int64[rows, len(ACTIONS)].

    `visitors` int64 labels with any signal, `shown` bool those with enough of them.
    """

    def __init__(self, found: Signals, values: int) -> None:
        self.visitors, place = np.unique(found.visitor, return_inverse=True)
        key, pair = np.unique(place * max(values, 1) + found.value, return_inverse=True)
        self.owner, self.value = key // max(values, 1), key % max(values, 1)
        self.strength = np.zeros(len(key), np.int64)
        np.add.at(self.strength, pair, found.strength)
        self.signals = np.bincount(pair, minlength=len(key))
        self.last_at = np.full(len(key), np.iinfo(np.int64).min)
        np.maximum.at(self.last_at, pair, found.at)
        cells = pair * len(ACTIONS) + found.action
        self.actions = np.bincount(cells, minlength=len(key) * len(ACTIONS)).reshape(len(key), len(ACTIONS))
        self.size = values

    @cached_property
    def shown(self) -> np.ndarray:
        """Which visitors have signals enough."""
        result: np.ndarray = np.bincount(self.owner, self.signals, minlength=len(self.visitors)) >= SHOWN
        return result

    @cached_property
    def told(self) -> np.ndarray:
        """Which rows are of visitors with signals enough; bool."""
        result: np.ndarray = self.shown[self.owner]
        return result

    @cached_property
    def share(self) -> np.ndarray:
        """The value's share of its visitor's strengths, 0..1; float64."""
        whole = np.bincount(self.owner, self.strength, minlength=len(self.visitors))[self.owner]
        result: np.ndarray = np.where(whole > 0, self.strength / np.where(whole > 0, whole, 1), 0.0)
        return result

    @cached_property
    def leading(self) -> np.ndarray:
        """Which rows are what their visitor leans to most: strength, then signals, then the value that comes first; bool."""
        order = np.lexsort((self.value, -self.signals, -self.strength, self.owner))
        first = np.ones(len(order), bool)
        first[1:] = self.owner[order][1:] != self.owner[order][:-1]
        found = np.zeros(len(order), bool)
        found[order[first]] = True
        result: np.ndarray = found & self.told
        return result

    def visitors_of(self, rows: np.ndarray) -> np.ndarray:
        """The visitors of rows (mask), ascending labels."""
        result: np.ndarray = self.visitors[np.unique(self.owner[rows])]
        return result
