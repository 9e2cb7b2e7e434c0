"""How much less often paths would convert without a channel: absorbing chains, by exact algebra and without simulation."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from afterclick.analyse.attribution.paths import Paths

LARGEST: Final = 2_000
"""Values of the largest chain that is solved: its matrix of order 1 is dense."""


class Effects(NamedTuple):
    """P(convert) from the start, and per value how much of it is lost without the value (0..1).

    `total` is all conversions; credit is total · effect ÷ Σ effects.
    """

    rate: float
    effects: np.ndarray
    total: float

    @property
    def shares(self) -> np.ndarray | None:
        """The part of all conversions each value is credited with; None where no value has an effect."""
        whole = self.effects.sum()
        return self.effects / whole if whole > 0 else None

    @property
    def conversions(self) -> np.ndarray | None:
        """The conversions each value is credited with."""
        return None if self.shares is None else self.shares * self.total


def counted(paths: Paths, nulls: bool = True) -> np.ndarray:
    """Moves between states, float64[values + 1, values + 2]: row 0 is the start, row i + 1 value i; the last two columns
    are the conversion and the null."""
    size = len(paths.names)
    moves = np.zeros((size + 1, size + 2))
    if not len(paths):
        return moves
    lost = paths.nulls if nulls else np.zeros(len(paths))
    often = paths.conversions + lost
    end = paths.codes[paths.offsets[1:] - 1]
    # What each touch follows: the touch before it, or the start.
    before = np.zeros(len(paths.codes), np.int64)
    before[1:] = paths.codes[:-1] + 1
    before[paths.offsets[:-1]] = 0
    cell = before * (size + 2) + paths.codes
    moves += np.bincount(cell, np.repeat(often, np.diff(paths.offsets)), minlength=moves.size).reshape(moves.shape)
    moves[1:, size] = np.bincount(end, paths.conversions, minlength=size)
    moves[1:, size + 1] = np.bincount(end, lost, minlength=size)
    return moves


def transitions(moves: np.ndarray) -> np.ndarray:
    """Moves as the probability of each next state, rows of states never left 0; leading axes are kept."""
    left = moves.sum(axis=-1, keepdims=True)
    chance: np.ndarray = np.divide(moves, left, out=np.zeros_like(moves), where=left > 0)
    return chance


def removal(moves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(P(convert), removal effects) of chains of order 1; leading axes are kept.

    From one inverse (Kemeny & Snell, Finite Markov Chains (1960), ch. 3): with N = (I − Q)⁻¹ and h = N r, the loss
    without i is (N[s,i] ÷ N[i,i]) · h[i] ÷ h[s]. Removal effects: Anderl et al., IJRM 33 (2016) 457.
    """
    chance = transitions(moves)
    size = moves.shape[-1] - 2
    begin, inside, convert = chance[..., :1, :size], chance[..., 1:, :size], chance[..., 1:, size : size + 1]
    visits = np.linalg.inv(np.eye(size) - inside)
    onward = (visits @ convert)[..., 0]
    met = (begin @ visits)[..., 0, :] / np.diagonal(visits, axis1=-2, axis2=-1)
    rate = (begin[..., 0, :] * onward).sum(axis=-1) + chance[..., 0, size]
    lost = np.divide(met * onward, rate[..., None], out=np.zeros_like(met), where=rate[..., None] > 0)
    return rate, lost


def markov(paths: Paths, order: int = 1, nulls: bool = True) -> Effects:
    """Removal effects of a chain that remembers `order` touches; a value never met on the way to one has none."""
    total = float(paths.conversions.sum())
    if not len(paths.names):
        return Effects(0.0, np.zeros(0), total)
    if order == 1:
        rate, lost = removal(counted(paths, nulls))
        return Effects(float(rate), np.maximum(lost, 0.0), total)
    return _remembering(paths, order, nulls, total)


class _States(NamedTuple):
    """The last touches of each place of each path as a state: state int64[touches], grams int64[states, order] (-1 none)."""

    state: np.ndarray
    grams: np.ndarray


def _states(paths: Paths, order: int) -> _States:
    place = np.arange(len(paths.codes)) - np.repeat(paths.offsets[:-1], np.diff(paths.offsets))
    back = [np.where(place >= k, np.roll(paths.codes, k), -1).astype(np.int64) for k in range(order)]
    state = back[0]
    for column in back[1:]:
        # Numbered anew after each column, so that long memories of many values fit into an integer.
        state = np.unique(state * (len(paths.names) + 1) + column + 1, return_inverse=True)[1]
    _, first, state = np.unique(state, return_index=True, return_inverse=True)
    return _States(state, np.stack(back, axis=1)[first])


def _remembering(paths: Paths, order: int, nulls: bool, total: float) -> Effects:
    state, grams = _states(paths, order)
    size = len(grams)
    lost = paths.nulls if nulls else np.zeros(len(paths))
    often = (paths.conversions + lost)[paths.owners]
    inner = np.ones(len(state), bool)
    inner[paths.offsets[:-1]] = False
    later = np.flatnonzero(inner)
    left = np.bincount(state, often, minlength=size)
    begin = np.bincount(state[paths.offsets[:-1]], often[paths.offsets[:-1]], minlength=size)
    convert = np.bincount(state[paths.offsets[1:] - 1], paths.conversions, minlength=size)
    moved = sparse.csr_matrix((often[later], (state[later - 1], state[later])), shape=(size, size))
    per = np.divide(1.0, left, out=np.zeros(size), where=left > 0)
    inside, convert = sparse.diags(per) @ moved, convert * per
    begin = begin / begin.sum() if begin.sum() else begin
    rate = _reached(begin, inside, convert, np.ones(size, bool))
    effects = np.zeros(len(paths.names))
    for value in range(len(paths.names)) if rate > 0 else ():
        effects[value] = 1 - _reached(begin, inside, convert, ~(grams == value).any(axis=1)) / rate
    return Effects(rate, np.maximum(effects, 0.0), total)


def _reached(begin: np.ndarray, inside: sparse.csr_matrix, convert: np.ndarray, kept: np.ndarray) -> float:
    """P(convert) where only these states are left; every other one is a loss."""
    rows = np.flatnonzero(kept)
    if not len(rows):
        return 0.0
    matrix = sparse.identity(len(rows), format="csc") - inside[rows][:, rows].tocsc()
    return float(begin[rows] @ splu(matrix.tocsc()).solve(convert[rows]))
