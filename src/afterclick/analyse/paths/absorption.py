"""Where a memoryless walk over counted moves ends: the share that reaches the order, and how many steps it takes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from afterclick.core.moments import Z95


class Absorbed(NamedTuple):
    """Per transient state, float64: `rate` of walks that end in the first absorbing state with its 95 % interval (`low`,
    `high`), `steps` to any end, and `steps_to` the first of those that reach it; NaN where nothing left a state.

    `fundamental` is N = (I − Q)⁻¹: how often a walk from i stands at j.
    """

    rate: np.ndarray
    low: np.ndarray
    high: np.ndarray
    steps: np.ndarray
    steps_to: np.ndarray
    fundamental: np.ndarray


def absorbed(counts: np.ndarray) -> Absorbed:
    """The absorption of a chain from its counted moves, int64[n, n + 2]: from each transient state to each, and to the
    two absorbing ones. Every state must lead to an end.

    N = (I − Q)⁻¹, B = N R, t = N 1 (Grinstead & Snell, Introduction to Probability, 2nd ed. 1997, theorems 11.4-11.6,
    pp. 418-420). Steps of those that reach the first end: Doob's transform, Σ_j N_ij b_j / b_i. The interval is the delta
    method over the multinomial rows: Var b_i = Σ_k N_ik² (Σ_j p_kj v_j² − (Σ_j p_kj v_j)²) / n_k, v = (b, 1, 0).
    """
    states = len(counts)
    out = counts.sum(axis=1)
    used = out > 0
    rates = np.divide(counts, out[:, None], out=np.zeros(counts.shape), where=used[:, None])
    moves = rates[:, :states]
    fundamental = np.linalg.inv(np.eye(states) - moves) if states else np.zeros((0, 0))
    reached = np.clip(fundamental @ rates[:, states], 0.0, 1.0)
    steps = fundamental.sum(axis=1)
    to_first = np.divide(fundamental @ reached, reached, out=np.full(states, np.nan), where=reached > 0)
    value = np.concatenate([reached, [1.0, 0.0]])
    spread = np.maximum(rates @ value**2 - (rates @ value) ** 2, 0.0)
    variance = (fundamental**2) @ np.divide(spread, out, out=np.zeros(states), where=used)
    half = Z95 * np.sqrt(variance)
    blank = np.where(used, 0.0, np.nan)
    return Absorbed(
        reached + blank, np.clip(reached - half, 0, 1) + blank, np.clip(reached + half, 0, 1) + blank, steps + blank,
        to_first + blank, fundamental,
    )  # fmt: skip
