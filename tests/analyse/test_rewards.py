"""Reward programmes: planted effects come back within their interval, self-selection does not, poor overlap is refused."""

from __future__ import annotations

import numpy as np
import pytest

from afterclick import Rewards
from afterclick.analyse.rewards.contrast import LEVELS, match
from afterclick.analyse.rewards.panel import NEVER_DAY, Panel
from afterclick.core.errors import SpecError
from support.programme import Programme
from support.shop import DAY0, Shop

WHOLE = {"range": "all", "compare": "none"}


@pytest.mark.parametrize("lift", [1.0, 1.6])
def test_the_planted_effect_is_recovered_where_the_naive_difference_is_biased(lift):
    """Who buys often joins: over 10 seeds the truth lies in the 95 % interval nearly always, the naive difference far off."""
    covered, errors, naive = 0, [], []
    for seed in range(10):
        programme = Programme(seed=seed, lift=lift)
        matched = match(programme.panel())
        assert matched.reason == ""
        truth = programme.truth(matched)
        found = matched.effect(matched.panel.later_orders.astype(np.float64))
        covered += found.interval.low <= truth <= found.interval.high
        errors.append(found.difference - truth)
        naive.append(found.naive - truth)
    assert covered >= 9
    assert abs(np.mean(naive)) > 0.1
    assert abs(np.mean(errors)) < abs(np.mean(naive)) / 5
    if lift == 1.0:
        assert abs(np.mean(errors)) < 0.03


def test_a_difference_is_seen_where_there_is_one():
    matched = match(Programme(seed=3, lift=2.0).panel())
    found = matched.effect(matched.panel.later_orders.astype(np.float64))
    assert found.interval.low > 0
    # What members had in common before is balanced, and it was not before.
    assert max(abs(one.before) for one in matched.balance if one.before is not None) > 0.25
    assert matched.worst < 0.25


def made(joined: int, others: int, **columns: int) -> Panel:
    size = joined + others
    values = {name: np.full(size, columns.get(name, 0)) for name in Panel.__dataclass_fields__}
    values["visitor"] = np.arange(size)
    values["joined"] = np.arange(size) < joined
    for name in ("today", "returned", "bought"):
        values[name] = values[name].astype(bool)
    values["recency"] = np.full(size, NEVER_DAY)
    return Panel(**values)


def test_poor_overlap_is_refused():
    panel = made(50, 500)
    # Members ordered on the day, no other did.
    panel.today[:50] = True
    matched = match(panel)
    assert (matched.reason, matched.unmatched_rate) == ("overlap", 1.0)
    panel = made(50, 500)
    panel.today[:15] = True
    matched = match(panel)
    assert matched.reason == "overlap"
    assert matched.unmatched_rate == pytest.approx(0.3)


def test_few_members_are_refused_and_none_is_said():
    assert match(made(10, 500)).reason == "few"
    assert match(made(0, 500)).reason == "nobody"
    assert match(made(0, 0)).reason == "nobody"


def test_what_matching_cannot_balance_is_refused():
    panel = made(40, 400)
    rng = np.random.default_rng(1)
    # One band of visits, members at its upper end.
    panel.visits[:] = np.where(panel.joined, 200, rng.integers(31, 60, 440))
    assert match(panel).reason == "balance"


def test_each_member_is_beside_the_finest_level_that_holds_ten():
    panel = made(40, 100)
    panel.device[:] = np.where(np.arange(140) % 2, 1, 2)
    panel.later_orders[:] = np.where(np.arange(140) % 2, 3, 1)
    matched = match(panel)
    assert set(matched.level[:40].tolist()) == {0}
    found = matched.effect(panel.later_orders.astype(np.float64))
    # Like devices, like orders: no difference, and none of either side varies.
    assert (found.difference, found.interval, found.naive) == (0.0, None, 0.0)
    few = made(40, 100)
    few.device[:] = np.where(np.arange(140) < 60, 1, 2)
    few.device[45:60] = 2
    assert LEVELS[int(match(few).level[0])] == ("today", "recency", "orders", "money", "visits", "channel")


def test_a_programme_end_to_end(tmp_path):
    programme = Programme(seed=5, lift=1.5, visitors=900)
    with programme.shop().open(tmp_path / "store") as workspace:
        found = workspace.ask(Rewards(**WHOLE, after="14d"))
        lists = {cell: len(found.people(cell)) for cell in found.cells()}
    matched = match(programme.panel(after=14))
    expected = matched.effect(matched.panel.later_orders.astype(np.float64))
    rows = {row["outcome"]: row for row in found.frame.to_pylist()}
    assert found.figures["members"] == len(matched.members) == lists["members"]
    assert found.figures["alike"] == lists["alike"]
    assert rows["orders"]["difference"] == pytest.approx(expected.difference)
    assert (rows["orders"]["low"], rows["orders"]["high"]) == pytest.approx(expected.interval)
    assert rows["orders"]["naive_difference"] == pytest.approx(expected.naive)
    assert all(row["visitors"] == lists[f"outcome={name}"] for name, row in rows.items())
    levels = found.parts["overlap"].to_pylist()
    assert sum(row["visitors"] for row in levels) == lists["members"]
    assert all(row["visitors"] == lists[f"level={row['level']}"] for row in levels)
    assert "observed" in found.sentence("en") or "within chance" in found.sentence("en")
    for word in ("caused", "because", "thanks to"):
        assert word not in found.sentence("en")


def test_a_trait_makes_a_member_too(tmp_path):
    shop = Shop()
    shop.add("a", "0", "Page Viewed", url="https://shop.example/")
    shop.add("a", "1d", "Page Viewed", url="https://shop.example/")
    shop.add("a", "1d1m", "Identified", type="identify", user="u1", tier="gold")
    shop.add("b", "1d", "Page Viewed", url="https://shop.example/")
    shop.add("b", "9d", "Identified", type="identify", user="u2", tier="silver")
    shop.add("b", "20d", "Page Viewed", url="https://shop.example/")
    with shop.open(tmp_path / "store") as workspace:
        found = workspace.ask(Rewards(**WHOLE, join='Identified[tier == "gold"]', after="7d"))
        assert (found.figures["joined"], found.figures["members"]) == (1, 1)
        assert found.figures["reason"] == "few"
        with pytest.raises(SpecError, match="no event"):
            workspace.ask(Rewards(**WHOLE, join="Rewards Joind"))
        empty = workspace.ask(Rewards(**WHOLE))
    assert "No event Rewards Joined" in empty.sentence("en")
    assert empty.figures["members"] == 0


@pytest.mark.parametrize("wrong", [{"join": "A?"}, {"join": ""}, {"after": "5h"}, {"before": "1m"}, {"join": "A[b ="}])
def test_what_cannot_be_asked_is_refused(wrong):
    with pytest.raises(SpecError):
        Rewards(**wrong)


def test_degenerate_stores(tmp_path):
    shop = Shop()
    for number in range(40):
        shop.add(f"v{number}", "0", "Page Viewed", url="https://shop.example/")
        shop.add(f"v{number}", "0", "Rewards Joined")
        currency = "USD" if number % 2 else "KRW"
        shop.add(f"v{number}", "0", "Order Completed", order_id=f"o{number}", revenue=1, currency=currency)
    with shop.open(tmp_path / "store") as workspace:
        at_once = workspace.ask(Rewards(**WHOLE))
        workspace.append(Shop().add("late", "60d", "Page Viewed", url="https://shop.example/", event_id="late").events)
        later = workspace.ask(Rewards(**WHOLE))
    assert at_once.figures["members"] == 0
    assert later.figures["members"] == 40
    # Everyone joined: nobody is left to be compared with.
    assert later.figures["reason"] == "overlap"
    rows = {row["outcome"]: row for row in later.frame.to_pylist()}
    assert rows["revenue"]["reason"] == "mixed"
    assert rows["orders"]["difference"] is rows["orders"]["naive_difference"] is None
    assert later.sentence("ko")


def test_days_are_those_of_the_site_also_where_clocks_change(tmp_path):
    """New York, 8 March 2026 has 23 hours: an order at 23:30 of the day of joining is no later order, one at 00:30 is."""
    joined, hour = DAY0 + 66 * 86_400_000_000 + 17 * 3_600_000_000, 3_600_000_000  # 2026-03-08 13:00 in New York
    shop = Shop().add("first", DAY0, "Page Viewed", url="https://shop.example/")
    for number, later in enumerate((10.5, 11.5)):
        visitor = f"m{number}"
        shop.add(visitor, joined, "Page Viewed", url="https://shop.example/").add(visitor, joined + 1, "Rewards Joined")
        shop.add(visitor, joined + int(later * hour), "Order Completed", order_id=visitor, revenue=5)
    shop.add("last", joined + 90 * 24 * hour, "Page Viewed", url="https://shop.example/")
    with shop.open(tmp_path / "store", timezone="America/New_York") as workspace:
        found = workspace.ask(Rewards(**WHOLE, after="1d"))
        rows = {row["outcome"]: row["visitors"] for row in found.frame.to_pylist()}
    assert (found.figures["members"], rows["orders"]) == (2, 1)
