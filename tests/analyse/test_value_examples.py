"""The worked examples of SEMANTICS 10, by name."""

from __future__ import annotations

import numpy as np
import pytest

from afterclick import Repeat, Rfm, Value
from afterclick.analyse import rfm_scores
from afterclick.core.errors import SpecError
from afterclick.learn.value.outlook import Terms
from support.shop import Shop


class TestClv:
    def test_ten_a_month_for_twelve_months_are_worth_114(self):
        assert 10 * Terms(12, 0.1, 1.0).worth.sum() == pytest.approx(114.0049, abs=5e-5)

    def test_ten_percent_a_year_are_point_797414_percent_a_month(self):
        assert (1 / Terms(1, 0.1, 1.0).worth[0] - 1) * 100 == pytest.approx(0.797414, abs=5e-7)

    def test_defaults(self):
        asked = Value()
        assert (asked.months, asked.discount_rate, asked.margin, asked.model) == (12, 0.1, 1.0, "mbg")

    @pytest.mark.parametrize(
        ("fields", "path"),
        [
            ({"horizon": "0mo"}, "horizon"), ({"horizon": "61mo"}, "horizon"), ({"horizon": "ever"}, "horizon"),
            ({"horizon": "ever", "model": "pareto", "discount_rate": 0.0}, "discount_rate"), ({"horizon": "12"}, "horizon"),
            ({"holdout": "0d"}, "holdout"), ({"discount_rate": -0.1}, "discount_rate"), ({"margin": 0.0}, "margin"),
            ({"model": "lifetimes"}, "model"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_meant_is_refused(self, fields, path):
        with pytest.raises(SpecError) as refused:
            Value(**fields)
        assert refused.value.path == path
        assert refused.value.hint


class TestRfm:
    def test_frequencies_1_1_1_2_5(self):
        assert rfm_scores.scores(np.array([1, 1, 1, 2, 5])).tolist() == [1, 1, 1, 4, 5]

    def test_ten_distinct_values(self):
        assert rfm_scores.scores(np.arange(10)).tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]

    def test_all_equal(self):
        assert rfm_scores.scores(np.full(7, 3)).tolist() == [1] * 7

    def test_every_cell_has_exactly_one_name(self, tmp_path):
        with Shop().add("v", "0", "Order Completed", order_id="1", revenue=5).open(tmp_path / "s") as shop:
            cells = {(row["recency"], row["frequency"]): row["rfm_name"] for row in shop.ask(Rfm()).frame.to_pylist()}
        names = {
            "champions": {(5, 4), (5, 5)}, "loyal": {(3, 4), (3, 5), (4, 4), (4, 5)},
            "promising": {(5, 2), (5, 3), (4, 2), (4, 3)}, "new": {(4, 1), (5, 1)}, "needs_attention": {(3, 2), (3, 3)},
            "about_to_sleep": {(3, 1)}, "at_risk": {(1, 3), (1, 4), (2, 3), (2, 4)}, "cannot_lose": {(1, 5), (2, 5)},
            "hibernating": {(2, 1), (2, 2), (1, 2)}, "lost": {(1, 1)},
        }  # fmt: skip
        assert cells == {cell: name for name, owned in names.items() for cell in owned}

    def test_recency_is_in_whole_days_of_the_site(self, tmp_path):
        """23:30 and 00:30 are an hour apart and two days: in Seoul both lie on one day."""
        made = Shop()
        for number, when in enumerate(("0d23h", "1d1h")):
            made.add(f"v{number}", when, "Order Completed", order_id=str(number), revenue=10 + number)
        bands = {}
        for zone in ("UTC", "Asia/Seoul"):
            with made.open(tmp_path / zone.replace("/", ""), timezone=zone) as shop:
                rows = shop.ask(Rfm()).parts["bands"].to_pylist()
                bands[zone] = sorted(row["lowest"] for row in rows if row["of"] == "recency" and row["customers"])
        assert bands == {"UTC": [0, 1], "Asia/Seoul": [0]}

    def test_money_is_net_of_refunds(self, tmp_path):
        made = Shop()
        made.add("v", "0", "Order Completed", order_id="a", revenue=100)
        made.add("v", "3d", "Order Refunded", order_id="a", revenue=40)
        made.add("w", "1d", "Order Completed", order_id="b", revenue=50)
        with made.open(tmp_path / "s") as shop:
            result = shop.ask(Rfm())
            assert result.figures["revenue"] == 110
            money = {row["score"]: row["lowest"] for row in result.parts["bands"].to_pylist() if row["of"] == "money"}
            assert (money[1], money[3]) == (50, 60)


class TestRepeat:
    def test_five_buyers_of_whom_two_are_still_watched(self, tmp_path):
        """Waits 1, 2+, 3, 3, 5+ days: S is .8 after 1 and .26667 after 3 (MODELS 7)."""
        made = Shop()
        for who, (begun, wait) in enumerate(((0, 1), (3, None), (1, 3), (2, 3), (0, None))):
            made.add(f"v{who}", f"{begun}d", "Order Completed", order_id=f"{who}a", revenue=10)
            if wait:
                made.add(f"v{who}", f"{begun + wait}d", "Order Completed", order_id=f"{who}b", revenue=10)
        with made.open(tmp_path / "s") as shop:
            second = shop.ask(Repeat(within="3d", most=2)).frame.to_pylist()[1]
            assert (second["customers"], second["of_all_rate"]) == (3, 0.6)
            assert second["within_rate"] == pytest.approx(1 - 0.8 / 3)
            assert second["days_p50"] == 3
            assert shop.ask(Repeat(within="1d", most=2)).frame.to_pylist()[1]["within_rate"] == pytest.approx(0.2)
            late = shop.ask(Repeat(within="90d", most=2)).frame.to_pylist()[1]
            assert (late["within_rate"], late["reason"]) == (None, "not_over")
