"""A chain of hidden states that emits what is seen, fitted by expectation and maximisation over all visitors at once.

Rabiner (1989), Proceedings of the IEEE 77, eq. 19-20 (forward), 24-25 (backward), 37-40 (re-estimation), each step scaled to
1 and the logarithms of the scales added up (eq. 91-103): so the likelihood of no sequence gets too small to be told.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

_TINY: Final = 1e-300
SHORT, LONG = 15, 100
"""Rounds of each restart, and of the best of them in the end."""
_ENOUGH: Final = 1e-6
"""The gain of a round, relative to the log likelihood, below which the search ends."""


class Chain(NamedTuple):
    """start float64[k], move float64[k, k] and emit float64[k, symbols]; each row adds up to 1."""

    start: np.ndarray
    move: np.ndarray
    emit: np.ndarray

    @property
    def parameters(self) -> int:
        """Free probabilities."""
        k, symbols = self.emit.shape
        return int((k - 1) + k * (k - 1) + k * (symbols - 1))


class Fit(NamedTuple):
    """A chain, the log likelihood of the sequences under it, and that of every round before."""

    chain: Chain
    log_likelihood: float
    history: tuple[float, ...]


class Expected(NamedTuple):
    """What the sequences say under a chain: log likelihood, expected starts, moves and emissions, and per symbol seen
    (time-major, see `Sequences`) how likely each state is, float64[seen, k]."""

    log_likelihood: float
    starts: np.ndarray
    moves: np.ndarray
    emissions: np.ndarray
    states: np.ndarray


class Sequences:
    """Sequences of symbols with how many visitors have each, laid out by time so that one step is one slice.

    `symbols` int64 the first symbols of all sequences, then the second ones of those that have any, …; step t stands at
    ends[t] to ends[t + 1]; `weight` float64 and `length` int64 per sequence, the longest first.
    """

    def __init__(self, padded: np.ndarray, weights: np.ndarray, symbols: int) -> None:
        """`padded` int[n, steps] with -1 after the end; every sequence has a symbol."""
        length = (padded >= 0).sum(axis=1)
        order = np.argsort(-length, kind="stable")
        padded, self.weight, self.length = padded[order], weights[order].astype(np.float64), length[order]
        self.size = symbols
        self.active = [int((self.length > step).sum()) for step in range(int(self.length.max(initial=0)))]
        self.ends = np.concatenate([[0], np.cumsum(self.active)]).astype(np.int64).tolist()
        self.symbols = np.concatenate(
            [padded[:here, step] for step, here in enumerate(self.active)] or [np.zeros(0, np.int64)]
        ).astype(np.int64)
        self.owner = np.concatenate([np.arange(here) for here in self.active] or [np.zeros(0, np.int64)])
        self.step = np.repeat(np.arange(len(self.active)), self.active)

    @property
    def seen(self) -> float:
        """Symbols seen by all visitors together."""
        return float((self.weight * self.length).sum())


def expected(data: Sequences, chain: Chain) -> Expected:
    """Forward and backward over all sequences at once."""
    k = len(chain.start)
    emitted = np.ascontiguousarray(chain.emit.T)[data.symbols]
    ahead, behind = np.empty((len(data.symbols), k)), np.ones((len(data.symbols), k))
    scale = np.empty((len(data.symbols), 1))
    steps = [slice(low, high) for low, high in zip(data.ends[:-1], data.ends[1:], strict=True)]
    reached = np.broadcast_to(chain.start, (data.active[0], k))
    for now, after, here in zip(steps, [*steps[1:], None], [*data.active[1:], 0], strict=True):
        found = reached * emitted[now]
        scale[now] = np.maximum(found.sum(axis=1, keepdims=True), _TINY)
        ahead[now] = found / scale[now]
        if after is not None:
            reached = ahead[now][:here] @ chain.move
    # From here on an emission stands for itself and all that follows it, over the scale.
    moves = np.zeros((k, k))
    for now, after, here in zip(steps[-2::-1], steps[:0:-1], data.active[:0:-1], strict=True):
        coming = emitted[after] * behind[after] / scale[after]
        behind[now][:here] = coming @ chain.move.T
        moves += ahead[now][:here].T @ (coming * data.weight[:here, None])
    states = ahead * behind
    weighted = states * data.weight[data.owner, None]
    emissions = np.stack([np.bincount(data.symbols, weighted[:, state], minlength=data.size) for state in range(k)])
    likelihood = float((np.log(scale[:, 0]) * data.weight[data.owner]).sum())
    return Expected(likelihood, weighted[steps[0]].sum(axis=0), moves * chain.move, emissions, states)


def improved(found: Expected) -> Chain:
    """The chain that makes the expected counts most likely; the log likelihood under it is never less."""
    return Chain(*(_shares(counts) for counts in (found.starts, found.moves, found.emissions)))


def fitted(data: Sequences, k: int, seed: tuple[int, ...], restarts: int) -> Fit:
    """The best of several searches: the first begins with states in the order of time, the others at random."""
    best: Fit | None = None
    for restart in range(restarts):
        begun = by_time(data, k) if not restart else _at_random(data, k, np.random.default_rng((*seed, k, restart)))
        run = climb(data, begun, SHORT)
        if best is None or run.log_likelihood > best.log_likelihood:
            best = run
    assert best is not None
    last = climb(data, best.chain, LONG)
    return last._replace(history=(*best.history[:-1], *last.history))


def climb(data: Sequences, chain: Chain, rounds: int) -> Fit:
    """Rounds of expectation and maximisation from a chain on, until they gain nothing."""
    history: list[float] = []
    for _ in range(rounds):
        found = expected(data, chain)
        history.append(found.log_likelihood)
        if len(history) > 1 and history[-1] - history[-2] <= _ENOUGH * abs(history[-1]):
            break
        chain = improved(found)
    else:
        history.append(expected(data, chain).log_likelihood)
    return Fit(chain, history[-1], tuple(history))


def by_time(data: Sequences, k: int) -> Chain:
    """Each sequence cut into k parts of equal length, one state each."""
    state = data.step * k // np.maximum(data.length[data.owner], 1)
    emissions = np.stack(
        [np.bincount(data.symbols, (state == one) * data.weight[data.owner], minlength=data.size) for one in range(k)]
    )
    near = np.full((k, k), 0.1) + 0.6 * np.eye(k) + 0.3 * np.eye(k, k=1)
    start = np.full(k, 0.1) + np.eye(k)[0]
    usual = _shares(np.bincount(data.symbols, data.weight[data.owner], minlength=data.size))
    return Chain(_shares(start), _shares(near), _shares(0.9 * _shares(emissions) + 0.1 * usual))


def _at_random(data: Sequences, k: int, rng: np.random.Generator) -> Chain:
    usual = _shares(np.bincount(data.symbols, data.weight[data.owner], minlength=data.size))
    emit = _shares(usual * rng.gamma(1.0, size=(k, data.size)) + 1e-6)
    return Chain(rng.dirichlet(np.ones(k)), _shares(rng.gamma(1.0, size=(k, k)) + np.eye(k)), emit)


def _shares(counts: np.ndarray) -> np.ndarray:
    """Rows made to add up to 1; a row of nothing is even."""
    whole = counts.sum(axis=-1, keepdims=True)
    even = np.full(counts.shape, 1 / counts.shape[-1])
    return np.where(whole > 0, counts / np.where(whole > 0, whole, 1), even)
