"""The hidden chain: likelihood as the naive forward algorithm's, never falling, and a planted chain comes back."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.learn.stages.hidden import Chain, Sequences, climb, expected, fitted
from support.naive_learning import forward, probability

LONG = 6


def data_of(sequences: list[list[int]], symbols: int, weights: list[float] | None = None) -> Sequences:
    padded = np.full((len(sequences), max(map(len, sequences))), -1)
    for row, sequence in enumerate(sequences):
        padded[row, : len(sequence)] = sequence
    return Sequences(padded, np.array(weights or [1.0] * len(sequences)), symbols)


def random_chain(rng: np.random.Generator, k: int, symbols: int) -> Chain:
    return Chain(rng.dirichlet(np.ones(k)), rng.dirichlet(np.ones(k), size=k), rng.dirichlet(np.ones(symbols), size=k))


sequences = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=LONG), min_size=1, max_size=8)


@settings(max_examples=40, deadline=None)
@given(sequences, st.integers(1, 3), st.integers(0, 1000))
def test_likelihood_equals_the_naive_forward_algorithm(rows: list[list[int]], k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    chain, weights = random_chain(rng, k, 4), rng.integers(1, 5, len(rows)).astype(float).tolist()
    start, move, emit = (part.tolist() for part in chain)
    naive = sum(weight * forward(row, start, move, emit) for row, weight in zip(rows, weights, strict=True))
    found = expected(data_of(rows, 4, weights), chain)
    assert found.log_likelihood == pytest.approx(naive, rel=1e-9)
    assert np.exp(forward(rows[0], start, move, emit)) == pytest.approx(probability(rows[0], start, move, emit))
    seen = sum(weight * len(row) for row, weight in zip(rows, weights, strict=True))
    assert found.emissions.sum() == pytest.approx(seen)
    assert found.moves.sum() == pytest.approx(seen - sum(weights))
    assert found.starts.sum() == pytest.approx(sum(weights))


@settings(max_examples=25, deadline=None)
@given(sequences, st.integers(2, 4), st.integers(0, 1000))
def test_the_likelihood_never_falls(rows: list[list[int]], k: int, seed: int) -> None:
    run = climb(data_of(rows, 4), random_chain(np.random.default_rng(seed), k, 4), 25)
    assert all(later >= before - 1e-8 * (1 + abs(before)) for before, later in zip(run.history, run.history[1:], strict=False))
    assert all(np.allclose(part.sum(axis=-1), 1) for part in run.chain)


def test_the_order_of_sequences_changes_nothing() -> None:
    rng = np.random.default_rng(1)
    rows = [rng.integers(4, size=rng.integers(1, 6)).tolist() for _ in range(20)]
    chain = random_chain(rng, 3, 4)
    one, other = (expected(data_of(part, 4), chain).log_likelihood for part in (rows, rows[::-1]))
    assert one == pytest.approx(other, rel=1e-12)


def planted(visitors: int) -> tuple[Chain, list[list[int]]]:
    """A chain of four states that mostly lead on, and what visitors show of it."""
    chain = Chain(
        np.array([0.85, 0.15, 0.0, 0.0]),
        np.array([[0.5, 0.4, 0.1, 0.0], [0.1, 0.5, 0.35, 0.05], [0.0, 0.15, 0.5, 0.35], [0.0, 0.05, 0.15, 0.8]]),
        np.array([[0.7, 0.2, 0.1, 0, 0, 0, 0, 0], [0, 0, 0.2, 0.6, 0.2, 0, 0, 0],
                  [0, 0, 0, 0, 0.3, 0.7, 0, 0], [0, 0, 0, 0, 0, 0, 0.6, 0.4]]),
    )  # fmt: skip
    rng = np.random.default_rng(11)
    rows = []
    for _ in range(visitors):
        state = rng.choice(4, p=chain.start)
        row = []
        for _ in range(int(rng.integers(4, 16))):
            row.append(int(rng.choice(8, p=chain.emit[state])))
            state = rng.choice(4, p=chain.move[state])
        rows.append(row)
    return chain, rows


def test_a_planted_chain_of_four_states_is_recovered() -> None:
    truth, rows = planted(500)
    data = data_of(rows, 8)
    fits = {k: fitted(data, k, (1,), 3) for k in (3, 4, 5)}
    bic = {k: fit.chain.parameters * np.log(data.seen) - 2 * fit.log_likelihood for k, fit in fits.items()}
    assert min(bic, key=bic.__getitem__) == 4
    found = fits[4].chain
    order = min(permutations(range(4)), key=lambda way: float(np.abs(found.emit[list(way)] - truth.emit).sum()))
    assert np.abs(found.emit[list(order)] - truth.emit).max() < 0.06
    assert np.abs(found.move[np.ix_(order, order)] - truth.move).max() < 0.08
    assert np.abs(found.start[list(order)] - truth.start).max() < 0.08


def test_free_probabilities_are_counted() -> None:
    assert random_chain(np.random.default_rng(0), 3, 5).parameters == 2 + 6 + 12
