"""Planted barriers are found by their events alone, and none where none is planted (`afterclick prove barriers` tries 40)."""

from __future__ import annotations

import pytest

from afterclick.app.demo import ALL_BARRIERS, Shop
from afterclick.app.demo.money import Sales, costs, sales
from afterclick.app.prove.barriers import Hanbit, Trial, Verdict, summary, try_one
from afterclick.app.prove.other_shop import BARRIERS, OtherShop


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["example", "other"])
def test_planted_barriers_are_named_with_their_money(kind, tmp_path):
    shop = Hanbit(1, barriers=True) if kind == "example" else OtherShop(1, barriers=True)
    trial = try_one(kind, shop, tmp_path / "trial")
    assert {one.barrier for one in trial.verdicts} == set(ALL_BARRIERS if kind == "example" else BARRIERS)
    assert all(one.named for one in trial.verdicts), trial
    # One interval of twenty misses the truth; all four of one fixed seed are far from that.
    assert sum(one.covered for one in trial.verdicts) >= 3, trial
    assert trial.others == ()
    assert not (tmp_path / "trial").exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["example", "other"])
def test_no_barrier_is_named_without_any(kind, tmp_path):
    shop = Hanbit(2, barriers=False, events=1_000_000) if kind == "example" else OtherShop(2, barriers=False)
    assert try_one(kind, shop, tmp_path / "trial") == Trial((), ())


def test_what_a_barrier_costs_is_the_same_people_with_and_without_it():
    shop = Shop(events=100_000, seed=3)
    found = costs(shop)
    assert set(found) == set(ALL_BARRIERS)
    with_all, without = sales(shop), sales(shop.without("shipping_fee_shock"))
    assert found["shipping_fee_shock"] == Sales(without.orders - with_all.orders, without.revenue - with_all.revenue)
    assert all(lost.orders > 0 and lost.revenue > 0 for lost in found.values())
    assert costs(Shop(events=100_000, seed=3, barriers=frozenset())) == {}


def test_the_other_shop_is_paired_and_differs_by_seed(tmp_path):
    on, off = OtherShop(5, barriers=True, visits=4000), OtherShop(5, barriers=False, visits=4000)
    assert on.parameters == off.parameters != OtherShop(6, barriers=True).parameters
    assert (on.visits.starts_at == off.visits.starts_at).all()
    assert off.losses == {}
    assert set(on.losses) == set(BARRIERS)
    files = [shop.write(tmp_path / name) for shop, name in ((on, "a"), (OtherShop(5, barriers=True, visits=4000), "b"))]
    assert len({(folder / "events.parquet").read_bytes() for folder in files}) == 1


def test_the_tally_counts_what_was_named_and_covered():
    verdicts = [
        Verdict("a", "fee", 100.0, True, "Close", 110.0, 90.0, 130.0),
        Verdict("b", "fee", 100.0, True, "Close", 150.0, 120.0, 180.0),
        Verdict("c", "fee", 100.0, False),
    ]
    (tally,) = summary([Trial((one,), ()) for one in verdicts])
    assert (tally.named, tally.covered, tally.shops) == (2, 1, 3)
    assert tally.error_rate == pytest.approx(0.3)
