"""Counter-based draws: uniform, independent, free of collisions, and the baskets packed with them."""

from __future__ import annotations

import numpy as np
import pytest

from afterclick.app.demo.catalogue import MAX_LINES, PRICES, discount, pack, subtotals, unpack
from afterclick.app.demo.draws import bell, bits, choice_table, place, quarters, uniform

COUNTER = np.arange(200_000, dtype=np.uint64)


def test_bits_never_collide_and_do_not_depend_on_their_neighbours() -> None:
    drawn = bits(7, "a purpose", COUNTER)
    assert len(np.unique(drawn)) == len(COUNTER)
    assert bits(7, "a purpose", COUNTER[123:124])[0] == drawn[123]
    assert not np.intersect1d(drawn, bits(7, "another", COUNTER)).size
    assert not np.intersect1d(drawn, bits(8, "a purpose", COUNTER)).size


def test_uniforms_are_uniform_and_independent() -> None:
    four = np.stack(quarters(7, "a purpose", COUNTER)).astype(np.float64)
    assert ((four > 0) & (four < 1)).all()
    assert four.mean(axis=1) == pytest.approx([0.5] * 4, abs=0.004)
    assert four.var(axis=1) == pytest.approx([1 / 12] * 4, abs=0.002)
    between = np.corrcoef(np.vstack([four, uniform(7, "another", COUNTER)]))
    assert np.abs(between - np.eye(5)).max() < 0.01
    steps = bell(7, "a purpose", COUNTER)
    assert (float(steps.mean()), float(steps.std())) == pytest.approx((0, 1), abs=0.01)


def test_a_choice_table_follows_its_weights() -> None:
    picked = choice_table([1, 0, 3])[place(uniform(7, "choice", COUNTER))]
    assert np.bincount(picked, minlength=3) / len(COUNTER) == pytest.approx([0.25, 0, 0.75], abs=0.005)


def test_baskets_survive_packing() -> None:
    product = np.array([[0, 319, 7, 0], [5, 0, 0, 0]])
    quantity = np.array([[1, 3, 2, 0], [1, 0, 0, 0]])
    there, pieces = unpack(pack(product, quantity))
    assert there.shape == (2, MAX_LINES)
    assert (pieces == quantity).all()
    assert (there[quantity > 0] == product[quantity > 0]).all()
    expected = PRICES[0] + 3 * PRICES[319] + 2 * PRICES[7]
    assert subtotals(pack(product, quantity)).tolist() == [expected, PRICES[5]]


@pytest.mark.parametrize(
    ("code", "subtotal", "taken"),
    [
        (None, 80_000, 0),
        ("WELCOME5000", 80_000, 5_000),
        ("KAKAO3000", 1_000, 1_000),
        ("AUTUMN10", 45_678, 4_560),
    ],
)
def test_discounts(code: str | None, subtotal: int, taken: int) -> None:
    assert discount(code, subtotal) == taken
