"""The worked examples of the definitions, each by name: what a person can check by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from afterclick import Channels, Funnel, JourneyMap, Kpi
from afterclick.analyse.scope import scope_of
from afterclick.analyse.sessions import sessions_of
from support.shop import Shop

ALL = {"range": "all", "compare": "none"}


@pytest.fixture
def ask(tmp_path):
    opened = []

    def run(shop, spec, **definitions):
        workspace = shop.open(tmp_path / f"store{len(opened)}", **definitions)
        opened.append(workspace)
        return workspace.ask(spec)

    yield run
    for workspace in opened:
        workspace.close()


def log(*events, visitor="v"):
    shop = Shop()
    for when, name, *more in events:
        shop.add(visitor, when, name, **(more[0] if more else {}))
    return shop


def reached(result):
    """Steps reached by the single visitor."""
    return sum(row["n"] for row in result.frame.to_pylist())


def counts(result):
    return [row["n"] for row in result.frame.to_pylist()]


def seconds(result, step):
    return result.frame.to_pylist()[step - 1]["seconds_from_first_p50"]


ABC = ("A", "B", "C")
RE_ENTRY = [("0m", "A"), ("1h", "B"), ("20d", "A"), ("20d1h", "B"), ("20d2h", "C")]


class TestFunnel:
    def test_re_entry_best(self, ask):
        result = ask(log(*RE_ENTRY), Funnel(steps=ABC, **ALL))
        assert counts(result) == [1, 1, 1]
        assert seconds(result, 3) == 2 * 3600

    def test_re_entry_first(self, ask):
        assert reached(ask(log(*RE_ENTRY), Funnel(steps=ABC, entry="first", **ALL))) == 2

    def test_re_entry_attempts(self, ask):
        assert counts(ask(log(*RE_ENTRY), Funnel(steps=ABC, unit="attempts", **ALL))) == [2, 2, 1]

    def test_re_entry_timing(self, ask):
        events = [("0m", "A"), ("10m", "A"), ("12m", "B")]
        for entry, unit, minutes in (("best", "visitors", 2), ("first", "visitors", 12), ("best", "attempts", 12)):
            result = ask(log(*events), Funnel(steps=("A", "B"), entry=entry, unit=unit, **ALL))
            assert counts(result) == [1, 1]
            assert seconds(result, 2) == minutes * 60

    @pytest.mark.parametrize(("ties", "steps"), [("either", 3), ("strict", 1)])
    def test_ties(self, ask, ties, steps):
        shop = log(("10s", "B"), ("10s", "A"), ("10s", "C"))
        assert reached(ask(shop, Funnel(steps=ABC, ties=ties, **ALL))) == steps

    @pytest.mark.parametrize(("tolerance", "steps"), [("0ms", 2), ("1s", 3)])
    def test_ties_tolerance(self, ask, tolerance, steps):
        shop = log(("0s", "A"), ("10s", "B"), ("9500ms", "C"))
        assert reached(ask(shop, Funnel(steps=ABC, tie_tolerance=tolerance, **ALL))) == steps

    def test_ties_do_not_drift(self, ask):
        shop = log(("12s", "A"), ("10s", "B"), ("8s", "C"))
        assert reached(ask(shop, Funnel(steps=ABC, tie_tolerance="2s", **ALL))) == 2

    def test_greedy_by_event_id_can_starve(self, ask):
        shop = Shop()
        for number, name in enumerate("AXY"):
            shop.add("v", "5s", name, event_id=f"e{number}")
        steps = ("A", 'X[event == "X"]', '*[event != "A"]')
        assert reached(ask(shop, Funnel(steps=steps, **ALL))) == 3
        shop = Shop()
        for number, (name, kind) in enumerate((("A", "a"), ("M", "both"), ("M", "two"))):
            shop.add("v", "5s", name, event_id=f"e{number}", kind=kind)
        steps = ("A", "M", 'M[kind == "both"]')
        assert reached(ask(shop, Funnel(steps=steps, **ALL))) == 2

    @pytest.mark.parametrize(("when", "steps"), [("7d", 2), ("7d1us", 1)])
    def test_window_edge(self, ask, when, steps):
        shop = log(("0s", "A"), (when, "B"))
        assert reached(ask(shop, Funnel(steps=("A", "B"), within="7d", **ALL))) == steps

    @pytest.mark.parametrize(("since", "steps"), [("previous", 3), ("first", 2)])
    def test_window_from_previous(self, ask, since, steps):
        shop = log(("0s", "A"), ("6d", "B"), ("12d", "C"))
        assert reached(ask(shop, Funnel(steps=ABC, within="7d", within_from=since, **ALL))) == steps

    def test_forty_steps_one_a_minute(self, ask):
        names = [f"e{n:02d}" for n in range(1, 41)]
        result = ask(log(*((f"{n}m", name) for n, name in enumerate(names))), Funnel(steps=tuple(names), **ALL))
        assert counts(result) == [1] * 40
        assert seconds(result, 40) == 39 * 60

    def test_same_event_twice(self, ask):
        twice = {"steps": ("V", "V"), **ALL}
        assert reached(ask(log(("0s", "V")), Funnel(**twice))) == 1
        assert reached(ask(log(("0s", "V"), ("1s", "V")), Funnel(**twice))) == 2
        tied = log(("0s", "V"), ("0s", "V"))
        assert reached(ask(tied, Funnel(**twice))) == 2
        assert reached(ask(tied, Funnel(ties="strict", **twice))) == 1

    def test_same_event_twice_attempts(self, ask):
        shop = log(*((f"{n}m", "V") for n in range(5)))
        assert counts(ask(shop, Funnel(steps=("V", "V"), unit="attempts", **ALL))) == [3, 2]

    def test_attempts(self, ask):
        events = [("0m", "A"), ("1m", "B"), ("2m", "C"), ("1d", "A"), ("25h", "A"), ("26h", "B"), ("20d", "A")]
        assert counts(ask(log(*events), Funnel(steps=ABC, unit="attempts", **ALL))) == [3, 2, 1]
        assert counts(ask(log(*events), Funnel(steps=ABC, **ALL))) == [1, 1, 1]

    def test_value_per_step(self, ask):
        shop = Shop()
        shop.add("v1", "0m", "view").add("v1", "1m", "basket", revenue=30000).add("v1", "2m", "order", revenue=45000)
        shop.add("v2", "0m", "view").add("v2", "1m", "basket", revenue=50000).add("v3", "0m", "view")
        shop.add("v9", "60d", "other")
        rows = ask(shop, Funnel(steps=("view", "basket", "order"), **ALL)).frame.to_pylist()
        assert [row["n"] for row in rows] == [3, 2, 1]
        assert (rows[1]["value_sum"], rows[1]["value_mean"], rows[1]["value_median"]) == (Decimal(80000), 40000, 40000)
        assert rows[2]["value_sum"] == Decimal(45000)
        assert rows[1]["lost_value"] == Decimal(50000)

    def test_open_attempts_are_not_lost(self, ask):
        shop = log(("0m", "A"), ("2d", "x"))
        rows = ask(shop, Funnel(steps=("A", "x[revenue > 1]"), within="7d", **ALL)).frame.to_pylist()
        assert (rows[0]["n"], rows[0]["open"], rows[0]["lost"]) == (1, 1, 0)


PAGE = {"url": "https://shop.example/a"}


def page(path, query="", **more):
    return {"url": f"https://shop.example{path}{query}", **more}


class TestSessions:
    def starts(self, ask, shop, tmp_path, **options):
        workspace = shop.open(tmp_path / "sessions")
        spec = Kpi(bots="in", **options, **ALL)
        context = workspace.context()
        found = sessions_of(context, spec, scope_of(context, spec).as_of)
        workspace.close()
        return len(found)

    def test_a_gap_of_exactly_the_timeout_stays(self, ask, tmp_path):
        shop = log(("0m", "Page Viewed", PAGE), ("30m", "Page Viewed", PAGE), ("60m1s", "Page Viewed", PAGE))
        assert self.starts(ask, shop, tmp_path) == 2

    def test_another_campaign_starts_one_and_the_same_does_not(self, ask, tmp_path):
        rows = [("0m", "?utm_source=x"), ("5m", "?utm_source=x"), ("6m", "?utm_source=y")]
        shop = log(*((when, "Page Viewed", page("/", query)) for when, query in rows))
        assert self.starts(ask, shop, tmp_path) == 2

    def test_new_on_campaign_off(self, ask, tmp_path):
        rows = [("0m", "?utm_source=x"), ("6m", "?utm_source=y")]
        shop = log(*((when, "Page Viewed", page("/", query)) for when, query in rows))
        assert self.starts(ask, shop, tmp_path, new_on_campaign="off") == 1

    def test_bounce_and_exit(self, ask):
        shop = Shop()
        for visitor, paths in (("s1", ("/p1",)), ("s2", ("/p1", "/p2")), ("s3", ("/p2", "/p1", "/p1"))):
            for n, path in enumerate(paths):
                shop.add(visitor, f"{n}m", "Page Viewed", **page(path))
        result = ask(shop, Kpi(**ALL))
        assert result.figures["sessions"] == 3
        assert result.figures["bounce_rate"] == pytest.approx(1 / 3)
        points = {row["touchpoint"]: row for row in ask(shop, JourneyMap(**ALL)).parts["touchpoints"].to_pylist()}
        assert (points["/p1"]["events"], points["/p1"]["exit_rate"]) == (4, 0.5)
        assert (points["/p2"]["events"], points["/p2"]["exit_rate"]) == (2, 0.5)

    def test_a_servers_order_belongs_to_the_session_that_covers_it(self, ask):
        shop = log(("0m", "Page Viewed", PAGE), ("20m", "Order Completed", {"order_id": "o1", "revenue": 10}),
                   ("40m", "Page Viewed", PAGE))  # fmt: skip
        result = ask(shop, Kpi(**ALL))
        assert (result.figures["sessions"], result.figures["orders"]) == (2, 1)


class TestMoney:
    def test_an_order_id_counts_once(self, ask):
        shop = Shop()
        shop.add("v1", "0m", "Order Completed", order_id="o1", revenue=100)
        shop.add("v1", "5m", "Order Completed", order_id="o1", revenue=80)
        shop.add("v2", "9m", "Order Completed", order_id="o1", revenue=999)
        result = ask(shop, Kpi(**ALL))
        assert (result.figures["orders"], result.figures["revenue"]) == (1, Decimal(80))
        assert [note.code for note in result.notes] == ["order_conflicts"]

    def test_net_is_gross_less_refunds_dated_to_the_order(self, ask):
        shop = Shop()
        shop.add("v1", "0m", "Order Completed", order_id="o1", revenue=100)
        shop.add("v1", "9d", "Order Refunded", order_id="o1", revenue=30)
        result = ask(shop, Kpi(range="2026-01-01..2026-01-01", compare="none"))
        assert (result.figures["gross"], result.figures["refunds"], result.figures["revenue"]) == (100, 30, 70)

    def test_currencies_are_not_added_without_a_rate(self, ask):
        shop = Shop()
        shop.add("v1", "0m", "Order Completed", order_id="o1", revenue=100, currency="USD")
        shop.add("v2", "1m", "Order Completed", order_id="o2", revenue=1000, currency="KRW")
        refused = ask(shop, Kpi(**ALL))
        assert refused.figures["revenue"] is None
        assert "mixed_currencies" in [note.code for note in refused.notes]
        rated = ask(shop, Kpi(**ALL), currency="KRW", rates={"USD": [["2025-12-01", "1400.5"]]})
        assert rated.figures["revenue"] == Decimal(141050)

    def test_order_lines_add_up(self, ask):
        shop = Shop()
        for sku, amount in (("a", 10.005), ("b", 2), ("c", 3)):
            shop.add("v1", "0m", "Order Completed", order_id="o1", revenue=str(amount), order_line=True, sku=sku)
        result = ask(shop, Kpi(**ALL))
        assert (result.figures["orders"], result.figures["revenue"]) == (1, Decimal("15.005"))
        assert result.figures["events"] == 1


class TestChannelsAndStages:
    def test_a_visit_from_inside_goes_on_with_its_old_channel(self, ask):
        shop = Shop()
        shop.add("v", "0m", "Page Viewed", **page("/", "?utm_source=naver&utm_medium=cpc"))
        shop.add("v", "2h", "Page Viewed", **page("/cart", referrer="https://shop.example/"))
        shop.add("w", "0m", "Page Viewed", **page("/", referrer="https://shop.example/x"))
        rows = {row["channel"]: row for row in ask(shop, Channels(**ALL)).frame.to_pylist()}
        assert (rows["paid_search"]["sessions"], rows["direct"]["sessions"]) == (2, 1)

    def test_identity_is_dated_and_reversible(self, tmp_path):
        shop = Shop()
        shop.add("a1", "0m", "Page Viewed", **PAGE).add("a2", "1m", "Page Viewed", **PAGE)
        shop.add("a1", "1d", "Signed In", user="u1").add("a2", "4d", "Signed In", user="u1")
        workspace = shop.open(tmp_path / "store")
        from afterclick.core.event import Event
        from support.shop import at

        workspace.append([Event(event_id="x", event="Unlinked", type="unlink", occurred_at=at("7d"),
                                properties={"a": "a:a2", "b": "u:u1"})])  # fmt: skip
        first_day = {"range": "2026-01-01..2026-01-01", "compare": "none"}
        seen = [workspace.ask(Kpi(as_of=f"2026-01-0{day}", **first_day)).figures["visitors"] for day in (1, 3, 6, 9)]
        workspace.close()
        assert seen == [2, 2, 1, 2]

    def test_a_shared_computer_is_split_by_log_in(self, ask):
        shop = Shop()
        shop.add("pc", "0m", "Page Viewed", **PAGE).add("pc", "1m", "Signed In", user="u1")
        shop.add("pc", "1d", "Signed In", user="u2").add("pc", "1d5m", "Page Viewed", **PAGE)
        assert ask(shop, Kpi(**ALL)).figures["visitors"] == 2
        assert ask(shop, Kpi(identity="raw", **ALL)).figures["visitors"] == 1

    def test_stages_returns_and_the_loop(self, ask):
        shop = Shop()
        shop.add("v", "0m", "Page Viewed", **PAGE).add("v", "1m", "Product Added").add(
            "v", "2m", "Order Completed", revenue=5
        )
        shop.add("v", "1d", "Page Viewed", **PAGE).add("v", "2d", "Product Added").add(
            "v", "2d1h", "Order Completed", revenue=5
        )
        shop.add("w", "0m", "Page Viewed", **PAGE).add("w", "20d", "Page Viewed", **PAGE)
        result = ask(shop, JourneyMap(within="1d", **ALL))
        rows = {row["stage"]: row for row in result.frame.to_pylist()}
        attract = rows["Attract"]
        assert (attract["entered"], attract["onward"], attract["open"], attract["lost"]) == (2, 1, 0, 1)
        assert (rows["Convert"]["skipped"], rows["Convert"]["entered"]) == (1, 0)
        assert (attract["returns"], rows["Close"]["returns"]) == (1, 1)
        assert (result.figures["loop"], result.figures["loop_orders"]) == (1, 1)
        assert attract["dwell_seconds"] == 60
        assert sum(row["highest"] for row in rows.values()) + result.figures["none"] == result.figures["visitors"] == 2
        assert "stages_without_events" in [note.code for note in result.notes]

    def test_crossing_devices_on_the_way(self, ask):
        shop = Shop()
        shop.add("t", "0m", "Page Viewed", device="tablet", user="u", **PAGE)
        shop.add("p", "1h", "Order Completed", device="mobile", user="u", revenue=5, order_id="o", **PAGE)
        result = ask(shop, JourneyMap(**ALL))
        crossing = result.parts["crossings"].to_pylist()[0]
        assert (crossing["from_value"], crossing["to_value"], crossing["visitors"]) == ("tablet", "mobile", 1)
        assert len(result.people("crossing=device_type;from=Attract:tablet;to=Delight:mobile")) == 1
