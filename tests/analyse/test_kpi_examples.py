"""The worked examples of SEMANTICS 9, by name, and what costs do at their edges."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

import afterclick
from afterclick import Channels, Kpi, RevenueChange
from afterclick.analyse.formulas import ratio
from afterclick.analyse.payback import payback_month
from afterclick.analyse.shapley import Factors, alike, shapley, whole
from afterclick.core.errors import SpecError
from support.shop import Shop

ALL = {"range": "all", "compare": "none"}
CPC = "https://shop.example/?utm_source=naver&utm_medium=cpc&utm_campaign={}"


def cost(shop: Shop, when: str, campaign: str, amount: float, medium: str = "cpc", source: str = "naver", **more) -> Shop:
    url = f"https://ads.example/?utm_source={source}&utm_medium={medium}" + (f"&utm_campaign={campaign}" if campaign else "")
    return shop.add(None, when, "Ad Cost Reported", url=url, revenue=amount, **more)


def visit(shop: Shop, who: str, when: str, campaign: str = "brand", **more) -> Shop:
    return shop.add(who, when, "Page Viewed", url=CPC.format(campaign), **more)


def order(shop: Shop, who: str | None, when: str, amount: float, **more) -> Shop:
    return shop.add(who, when, "Order Completed", order_id=more.pop("id", f"{who}{when}"), revenue=amount, **more)


@pytest.fixture
def opened(tmp_path):
    """A function from a Shop (and definitions) to its open store."""
    held = []

    def open_(shop: Shop, **definitions):
        held.append(shop.open(tmp_path / f"store{len(held)}", **definitions))
        return held[-1]

    yield open_
    for one in held:
        one.close()


def rows(result, by="channel"):
    return {row[by]: row for row in result.frame.to_pylist()}


class TestWorkedExamples:
    def test_revenue_change_of_ten_thousand_visitors(self):
        before = [Fraction(10_000), Fraction(8, 1000), Fraction(50_000 * 10_000)]
        after = [Fraction(12_000), Fraction(10, 1000), Fraction(48_000 * 10_000)]
        effects = whole(dict(zip(("visitors", "cvr", "aov"), shapley(before, after), strict=True)))
        money = {name: Decimal(effect) / 10_000 for name, effect in effects.items()}
        assert [round(value, 2) for value in money.values()] == [
            Decimal("881333.33"), Decimal("1077333.33"), Decimal("-198666.67"),
        ]  # fmt: skip
        assert sum(money.values()) == 1_760_000

    def test_payback_in_month_four(self):
        margins = [12_000, 8_000, 6_000, 5_000]
        assert payback_month(30_000, margins) == 4
        assert payback_month(31_000, margins) == 4
        assert payback_month(31_001, margins) is None
        assert payback_month(12_000, margins) == 1

    def test_formulas_of_the_table(self):
        bag = {
            "impressions": 2000, "clicks": 40, "cost": Decimal(20_000), "attributed_orders": 4, "orders": 5,
            "attributed_revenue": Decimal(90_000), "attributed_new_buyers": 2, "new_buyers": 4, "visitors": 4,
            "revenue": Decimal(100_000), "buyers": 3,
        }  # fmt: skip
        expected = {
            "click_rate": 0.02, "cpc": 500, "cpm": 10_000, "cpa": 5_000, "conversion_rate": 1.25, "buyer_rate": 0.75,
            "aov": 20_000, "arpv": 25_000, "roas": 4.5, "cac": 10_000, "blended_cac": 5_000,
        }  # fmt: skip
        assert {name: ratio(name, bag, {}).value for name in expected} == expected
        assert ratio("conversion_rate", bag, {}).interval is None
        low, high = ratio("buyer_rate", bag, {}).interval
        assert (round(low, 4), round(high, 4)) == (0.3006, 0.9544)

    def test_a_denominator_of_zero_gives_no_figure_but_its_reason(self):
        nothing = dict.fromkeys(
            ("impressions", "clicks", "attributed_orders", "attributed_new_buyers", "new_buyers", "visitors", "orders"), 0
        )
        bag = nothing | {"cost": Decimal(0), "revenue": Decimal(0), "attributed_revenue": Decimal(0), "buyers": 0}
        for name, reason in {
            "click_rate": "no_impressions", "cpc": "no_clicks", "cpa": "no_attributed_orders", "roas": "no_cost",
            "cac": "no_attributed_new_buyers", "blended_cac": "no_new_buyers", "aov": "no_orders", "arpv": "no_visitors",
        }.items():  # fmt: skip
            made = ratio(name, bag, {})
            assert (made.value, made.interval, made.reason) == (None, None, reason)


class TestCosts:
    def shop(self) -> Shop:
        shop = Shop()
        visit(shop, "a", "1h")
        order(shop, "a", "1h5m", 50_000)
        visit(shop, "b", "1d1h")
        order(shop, "b", "1d1h5m", 30_000)
        shop.add("c", "1d2h", "Page Viewed", url="https://shop.example/")
        order(shop, "c", "1d2h1m", 20_000)
        cost(shop, "12h", "brand", 10_000, impressions=1000, clicks=20)
        cost(shop, "1d12h", "brand", 10_000, impressions=1000, clicks=20)
        return shop

    def test_every_kpi_of_a_small_shop(self, opened):
        figures = opened(self.shop()).ask(Kpi(**ALL)).figures
        assert figures["cost"] == 20_000
        assert (figures["impressions"], figures["clicks"], figures["click_rate"]) == (2000, 40, 0.02)
        assert (figures["cpc"], figures["cpm"]) == (500, 10_000)
        assert (figures["attributed_orders"], figures["attributed_revenue"]) == (2, 80_000)
        assert (figures["cpa"], figures["roas"], figures["cac"]) == (10_000, 4.0, 10_000)
        assert round(figures["blended_cac"], 2) == Decimal("6666.67")
        assert figures["payback_months"] == 1
        assert figures["reasons"] == {}

    def test_without_costs_each_cost_figure_says_why_it_is_missing(self, opened):
        shop = Shop()
        visit(shop, "a", "1h")
        figures = opened(shop).ask(Kpi(**ALL)).figures
        for name in ("cost", "cpc", "cpm", "cpa", "roas", "cac", "blended_cac", "impressions", "click_rate"):
            assert figures[name] is None
            assert figures["reasons"][name] == "no_costs"

    def test_a_row_reported_again_replaces_the_earlier_one(self, opened):
        shop = self.shop()
        cost(shop, "1d12h", "brand", 25_000, impressions=900, clicks=10, event_id="zz")
        figures = opened(shop).ask(Kpi(**ALL)).figures
        assert (figures["cost"], figures["impressions"], figures["clicks"]) == (35_000, 1900, 30)

    def test_the_latest_import_counts_whatever_its_ids(self, opened):
        workspace = opened(self.shop())
        later = cost(Shop(), "1d12h", "brand", 1_000, event_id="!")
        workspace.append(later.events)
        assert workspace.ask(Kpi(**ALL)).figures["cost"] == 11_000

    def test_another_ad_of_the_day_adds_up(self, opened):
        shop = self.shop()
        cost(shop, "1d12h", "brand&utm_content=b", 500)
        assert opened(shop).ask(Kpi(**ALL)).figures["cost"] == 20_500

    def test_days_are_those_of_the_site(self, opened):
        shop = Shop()
        visit(shop, "a", "0h")
        visit(shop, "a", "2d")
        # Noon in Seoul is 03:00 UTC.
        cost(shop, "3h", "brand", 100)
        cost(shop, "1d3h", "brand", 10)
        workspace = opened(shop, timezone="Asia/Seoul")
        by_day = [
            workspace.ask(Kpi(range=f"2026-01-0{day}..2026-01-0{day}", compare="none")).figures["cost"] for day in (1, 2, 3)
        ]
        assert by_day == [100, 10, 0]
        assert workspace.ask(Kpi(range="2026-01-01..2026-01-02", compare="none")).figures["cost"] == 110

    def test_a_rename_joins_what_differs(self, opened):
        shop = self.shop()
        cost(shop, "12h", "Brand KR 2026", 5_000)
        plain = opened(shop).ask(Channels(**ALL))
        assert [row["cost"] for row in plain.parts["unmatched_costs"].to_pylist()] == [5_000]
        assert "costs_unmatched" in {note.code for note in plain.notes}
        rename = {"source": "Naver", "campaign": "brand kr 2026", "to_campaign": "Brand"}
        joined = opened(shop, costs={"rename": [rename]}).ask(Channels(by="campaign", **ALL))
        assert joined.parts["unmatched_costs"].num_rows == 0
        assert rows(joined, "campaign")["brand"]["cost"] == 25_000
        assert sum(row["cost"] for row in joined.frame.to_pylist()) == 25_000

    def test_a_rename_that_says_nothing_is_refused(self, opened):
        with pytest.raises(SpecError) as caught:
            opened(Shop(), costs={"rename": [{"campaign": "a"}]})
        assert caught.value.path == "costs.rename[0]"

    def test_paid_visits_without_costs_are_listed(self, opened):
        shop = self.shop()
        visit(shop, "d", "1d4h", "summer")
        order(shop, "d", "1d4h1m", 700)
        found = opened(shop).ask(Channels(**ALL)).parts["unmatched_traffic"].to_pylist()
        assert found == [
            {
                "source": "naver", "campaign": "summer", "channel": "paid_search", "sessions": 1, "visitors": 1,
                "orders": 1, "revenue": Decimal(700),
            }
        ]  # fmt: skip

    def test_a_cost_stands_in_the_channel_of_its_visits(self, opened):
        shop = Shop()
        visit(shop, "a", "1h", "brand")
        # The report names no medium: by itself naver would be organic search.
        shop.add(None, "12h", "Ad Cost Reported", url="https://x.example/?utm_source=naver&utm_campaign=brand", revenue=900)
        found = rows(opened(shop).ask(Channels(**ALL)))
        assert found["paid_search"]["cost"] == 900
        assert set(found) == {"paid_search"}

    def test_a_cost_without_campaign_has_the_paid_visits_of_its_source(self, opened):
        shop = Shop()
        visit(shop, "a", "1h", "brand")
        order(shop, "a", "1h1m", 3_000)
        shop.add("b", "2h", "Page Viewed", url="https://shop.example/", referrer="https://search.naver.com/?query=x")
        order(shop, "b", "2h1m", 5_000)
        cost(shop, "12h", "", 1_000)
        figures = opened(shop).ask(Kpi(**ALL)).figures
        assert (figures["attributed_revenue"], figures["roas"]) == (3_000, 3.0)

    def test_costs_in_two_currencies_have_no_sum_until_there_is_a_rate(self, opened):
        shop = self.shop()
        cost(shop, "12h", "usd", 10, currency="USD")
        cost(shop, "12h", "krw", 10, currency="KRW")
        mixed = opened(shop).ask(Kpi(**ALL))
        assert mixed.figures["cost"] is None
        assert mixed.figures["reasons"]["roas"] == "mixed_currencies"
        assert "costs_mixed" in {note.code for note in mixed.notes}
        assert mixed.figures["revenue"] == 100_000
        rated = opened(shop, currency="KRW", rates={"USD": [["2025-01-01", "1400"]]}).ask(Kpi(**ALL))
        assert rated.figures["cost"] == 20_000 + 14_000 + 10

    def test_costs_in_another_currency_than_orders_give_no_roas(self, opened):
        shop = Shop()
        visit(shop, "a", "1h")
        order(shop, "a", "1h1m", 50_000, currency="KRW")
        cost(shop, "12h", "brand", 10, currency="USD")
        result = opened(shop).ask(Kpi(**ALL))
        assert (result.figures["cost"], result.figures["roas"]) == (10, None)
        assert result.figures["reasons"]["roas"] == "mixed_currencies"
        assert result.figures["reasons"]["payback_months"] == "mixed_currencies"
        rates = {"USD": [["2025-01-01", "1000"]]}
        assert opened(shop, currency="KRW", rates=rates).ask(Kpi(**ALL)).figures["roas"] == 5.0

    def test_conditions_narrow_costs_where_they_can(self, opened):
        shop = self.shop()
        visit(shop, "d", "1d4h", "summer", device="mobile")
        cost(shop, "12h", "summer", 300)
        workspace = opened(shop)
        assert workspace.ask(Kpi(where=('campaign == "summer"',), **ALL)).figures["cost"] == 300
        assert workspace.ask(Kpi(where=('channel == "direct"',), **ALL)).figures["cost"] == 0
        device = workspace.ask(Kpi(where=('device_type == "mobile"',), **ALL))
        assert device.figures["cost"] is None
        assert device.figures["reasons"]["cac"] == "not_narrowed"

    def test_costs_alone_are_figures_without_visits(self, opened):
        workspace = opened(cost(Shop(), "12h", "brand", 10))
        result = workspace.ask(Channels(**ALL))
        assert result.sentence() == "No visit is in this range"
        assert rows(result)["paid_search"]["cost"] == 10
        assert workspace.ask(Kpi(**ALL)).figures["reasons"]["cac"] == "no_attributed_new_buyers"

    def test_costs_are_no_behaviour(self, opened):
        figures = opened(self.shop()).ask(Kpi(**ALL)).figures
        assert (figures["visitors"], figures["sessions"], figures["events"]) == (3, 3, 6)


class TestChannels:
    def test_the_first_column_is_named_by_what_a_row_is(self, opened):
        workspace = opened(TestCosts().shop())
        for by in ("channel", "source", "medium", "campaign", "term", "content", "media"):
            result = workspace.ask(Channels(by=by, **ALL))
            assert result.frame.column_names[0] == by
            assert result.about["by"] == by
            assert sum(row["sessions"] for row in result.frame.to_pylist()) == 3

    def test_each_channel_is_judged_by_its_own_aim(self, opened):
        shop = TestCosts().shop()
        found = rows(opened(shop).ask(Channels(**ALL)))
        paid = found["paid_search"]
        assert (paid["aim"], paid["aim_kpi"], paid["aim_value"]) == ("acquisition", "cac", 10_000)
        assert (found["direct"]["aim_kpi"], found["direct"]["aim_value"]) == ("buyer_rate", 1.0)
        other = rows(opened(shop, aims={"paid_search": "awareness", "direct": "loyalty"}).ask(Channels(**ALL)))
        assert (other["paid_search"]["aim_kpi"], other["paid_search"]["aim_value"]) == ("cpm", 10_000)
        assert (other["direct"]["aim"], other["direct"]["aim_kpi"]) == ("loyalty", "repeat_order_rate")
        strip = ("aim", "aim_kpi", "aim_value", "aim_unit")
        for name, row in found.items():
            assert {k: v for k, v in row.items() if k not in strip} == {
                k: v for k, v in other[name].items() if k not in strip
            }

    def test_an_unknown_aim_is_refused(self, opened):
        with pytest.raises(SpecError):
            opened(Shop(), aims={"email": "fame"})

    def test_an_order_after_midnight_belongs_to_the_visit_it_was_placed_in(self, opened):
        shop = Shop()
        visit(shop, "a", "23h50m")
        order(shop, "a", "1d5m", 800)
        cost(shop, "12h", "brand", 100)
        found = rows(opened(shop).ask(Channels(range="2026-01-02..2026-01-02", compare="none")))
        assert found["paid_search"]["revenue"] == 800
        assert found["paid_search"]["sessions"] == 0
        assert found["paid_search"]["conversion_rate"] is None

    def test_a_missing_figure_has_its_reason(self, opened):
        result = opened(TestCosts().shop()).ask(Channels(**ALL))
        why = {(row["value"], row["metric"]): row["reason"] for row in result.parts["reasons"].to_pylist()}
        assert why["direct", "roas"] == "no_cost"
        assert why["direct", "cpc"] == "no_clicks"
        for row in result.frame.to_pylist():
            for metric in ("roas", "cac", "cpa", "cpc", "cpm", "click_rate", "bounce_rate", "aov", "arpv"):
                assert (row[metric] is None) == ((row["channel"], metric) in why)

    def test_attribution_is_printed_with_its_rule(self, opened):
        about = opened(TestCosts().shop()).ask(Channels(**ALL)).about
        assert [about[f"attribution_{part}"] for part in ("action", "within", "scope", "touch")] == [
            "visited", "visit", "basket", "last",
        ]  # fmt: skip


class TestNewBuyers:
    def test_the_first_order_ever_makes_a_new_buyer_once(self, opened):
        shop = Shop()
        visit(shop, "a", "1h")
        order(shop, "a", "1h1m", 10)
        order(shop, "a", "1d", 20)
        order(shop, "b", "1d1h", 30)
        order(shop, "b", "1d2h", 30)
        workspace = opened(shop)
        first, second = (
            workspace.ask(Kpi(range=f"2026-01-0{day}..2026-01-0{day}", compare="none")) for day in (1, 2)
        )
        assert [(one.figures["new_buyers"], one.figures["buyers"]) for one in (first, second)] == [(1, 1), (1, 2)]
        assert (second.figures["repeat_orders"], second.figures["orders"]) == (2, 3)
        assert len(second.people("new_buyers")) == 1
        assert len(second.people("repeat_buyers")) == 2


class TestPayback:
    def shop(self) -> Shop:
        shop = Shop()
        visit(shop, "a", "1h")
        order(shop, "a", "1h1m", 12_000)
        order(shop, "a", "31d1h1m", 8_000)
        order(shop, "a", "61d1h1m", 6_000)
        order(shop, "a", "91d1h1m", 5_000)
        cost(shop, "12h", "brand", 30_000)
        visit(shop, "z", "130d")
        return shop

    def test_months_are_counted_from_the_first_order(self, opened):
        result = opened(self.shop()).ask(Kpi(range="2026-01-01..2026-01-01", compare="none"))
        assert (result.figures["cac"], result.figures["payback_months"]) == (30_000, 4)
        table = result.parts["payback"].to_pylist()
        assert [row["margin"] for row in table] == [12_000, 8_000, 6_000, 5_000]
        assert [row["cumulated"] for row in table] == [12_000, 20_000, 26_000, 31_000]
        assert [row["reached"] for row in table] == [False, False, False, True]
        assert "no_margin" in {note.code for note in result.notes}

    def test_a_margin_puts_it_off(self, opened):
        result = opened(self.shop()).ask(Kpi(range="2026-01-01..2026-01-01", compare="none", margin=0.5))
        assert result.figures["payback_months"] is None
        assert result.figures["reasons"]["payback_months"] == "not_reached"
        assert "no_margin" not in {note.code for note in result.notes}

    def test_what_could_not_be_watched_is_said(self, opened):
        shop = self.shop()
        visit(shop, "late", "23h", "brand")
        shop.add("late", "23h1m", "Order Completed", order_id="l", revenue=40_000)
        asked = Kpi(range="2026-01-01..2026-01-01", compare="none", as_of="2026-02-15")
        result = opened(shop).ask(asked)
        assert result.figures["cac"] == 15_000
        assert result.figures["payback_months"] == 1
        poor = opened(self.shop()).ask(Kpi(range="2026-01-01..2026-01-01", compare="none", as_of="2026-02-15"))
        assert poor.figures["payback_months"] is None
        assert [row["complete"] for row in poor.parts["payback"].to_pylist()] == [True, False]


class TestRevenueChange:
    def test_a_range_without_an_earlier_one_says_so(self, opened):
        shop = Shop()
        order(visit(shop, "a", "1h"), "a", "1h1m", 10)
        result = opened(shop).ask(RevenueChange(range="all"))
        assert result.figures["change"] is None
        assert "no_earlier_period" in {note.code for note in result.notes}
        with pytest.raises(SpecError):
            RevenueChange(compare="none")

    def test_a_channel_that_vanished_is_mix_and_not_conversion(self, opened):
        shop = Shop()
        for number in range(4):
            order(visit(shop, f"p{number}", "1h"), f"p{number}", "1h1m", 100)
        for number in range(4):
            shop.add(f"d{number}", "1d1h", "Page Viewed", url="https://shop.example/")
        order(shop, "d0", "1d1h1m", 100)
        result = opened(shop).ask(RevenueChange(range="2026-01-02..2026-01-02"))
        effects = {row["factor"]: row["effect"] for row in result.frame.to_pylist()}
        assert effects == {"visitors": 0, "mix": -300, "conversion_rate": 0, "aov": 0}
        total = {row["factor"]: row["effect"] for row in result.parts["total"].to_pylist()}
        assert total == {"visitors": 0, "conversion_rate": -300, "aov": 0}
        assert len(result.people("channel=direct")) == 1
        assert len(result.people("channel=paid_search;part=before")) == 4

    def test_refunds_without_an_order_are_the_rest(self):
        one = Factors.of(5, 0, -700)
        assert (one.rate, one.value, one.rest) == (0, None, -700)
        assert alike(None, Fraction(3)) == (3, 3)
        assert alike(None, None) == (0, 0)


class TestSeriesAndContributors:
    def test_intervals_add_up_and_open_their_people(self, opened):
        result = opened(TestCosts().shop()).ask(Kpi(range="2026-01-01..2026-01-02", interval="day", compare="none"))
        course: dict[str, list] = {}
        for row in result.parts["series"].to_pylist():
            course.setdefault(row["metric"], []).append(row["value"])
        assert course["visitors"] == [1, 2]
        assert course["orders"] == [1, 2]
        assert course["revenue"] == [50_000, 50_000]
        assert course["cost"] == [10_000, 10_000]
        assert course["roas"] == [5.0, 3.0]
        assert len(result.people("interval=1")) == 2
        assert len(result.people("interval=1;part=buyers")) == 2

    def test_the_running_interval_is_marked(self, opened):
        result = opened(TestCosts().shop()).ask(Kpi(range="2026-01-01..2026-01-02", interval="day", compare="none"))
        marks = [row["incomplete"] for row in result.parts["series"].to_pylist() if row["metric"] == "orders"]
        assert marks == [False, True]

    def test_weeks_begin_on_monday_and_cut_ones_are_marked(self, opened):
        shop = Shop()
        for day in range(14):
            visit(shop, "a", f"{day}d1h")
        asked = Kpi(range="2026-01-01..2026-01-13", interval="week", compare="none")
        found = [row for row in opened(shop).ask(asked).parts["series"].to_pylist() if row["metric"] == "sessions"]
        assert [row["value"] for row in found] == [4, 7, 2]
        assert [row["incomplete"] for row in found] == [True, False, True]

    def test_contributors_of_every_dimension_add_up_to_the_change(self, opened):
        shop = TestCosts().shop()
        result = opened(shop).ask(Kpi(range="2026-01-02..2026-01-02"))
        change = result.figures["revenue"] - result.figures["previous"]["revenue"]
        by: dict[str, Decimal] = {}
        for row in result.parts["contributors"].to_pylist():
            by[row["dimension"]] = by.get(row["dimension"], Decimal(0)) + row["effect"]
            assert len(result.people(row["cell"])) == row["buyers"]
        assert set(by.values()) == {change}
        assert set(by) == {"channel", "source", "campaign", "device_type", "landing"}

    def test_a_contributor_can_be_filtered_by(self, opened):
        workspace = opened(TestCosts().shop())
        asked = Kpi(range="2026-01-02..2026-01-02")
        for row in workspace.ask(asked).parts["contributors"].to_pylist():
            if row["where"] and row["dimension"] != "device_type":
                narrowed = workspace.ask(Kpi(range=asked.range, where=(row["where"],)))
                assert narrowed.figures["revenue"] == row["revenue"]


def test_the_names_are_public():
    assert afterclick.RevenueChange is RevenueChange
