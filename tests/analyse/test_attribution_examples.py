"""The worked examples of SEMANTICS 8 and 9, each by name."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from afterclick import Attribution
from afterclick.analyse.attribution.markov import markov
from afterclick.analyse.attribution.paths import Paths
from afterclick.analyse.attribution.shapley import shapley
from afterclick.analyse.attribution.transforms import transformed
from afterclick.core.errors import SpecError
from support.shop import Shop

ALL = {"range": "all", "compare": "none"}
RULES = (
    "first", "last", "last_non_direct", "prioritise", "linear", "time_decay", "position", "j", "inverse_j", "any",
)  # fmt: skip
LINES = '[{"product_id": "shoes", "price": 70000}, {"product_id": "socks", "price": 30000}]'
BOTH = ("viewed", "clicked")


def worked():
    """Order 100,000 on day 30, 12:00; T1 display viewed day 5, T2 paid click day 20, T3 e-mail click day 28, all 12:00."""
    shop = Shop()
    shop.add("v", "5d12h", "Ad Impression", channel="display")
    shop.add("v", "20d12h", "Ad Clicked", channel="paid_search", source="naver")
    shop.add("v", "28d12h", "Message Clicked", channel="email", product_id="shoes", message_id="m1")
    shop.add("v", "30d12h", "Order Completed", order_id="o1", revenue=100_000, currency="KRW", items=LINES)
    return shop


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with worked().open(tmp_path_factory.mktemp("worked") / "store", currency="KRW") as opened:
        yield opened


def credited(store, **fields):
    """{model: {channel: whole units}} of an answer, the unattributed row as None."""
    rows = store.ask(Attribution(**ALL, **fields)).frame.to_pylist()
    models = [name.removesuffix("_revenue") for name in rows[0] if f"{name.removesuffix('_revenue')}_conversions" in rows[0]]
    models = [model for model in models if model not in ("", "previous")]
    return {
        model: {
            None if row["channel"] == "(unattributed)" else row["channel"]: int(row[f"{model}_revenue"])
            for row in rows
            if row[f"{model}_revenue"]
        }
        for model in models
    }


def test_one_touch_every_rule_model_gives_all_of_it(tmp_path):
    shop = Shop()
    shop.add("v", "28d12h", "Message Clicked", channel="email", product_id="shoes")
    shop.add("v", "30d12h", "Order Completed", order_id="o1", revenue=100_000, items=LINES)
    with shop.open(tmp_path / "store", currency="KRW") as store:
        found, items = credited(store, custom="30/40/30"), credited(store, custom="30/40/30", scope="item")
    assert set(found) == {*RULES, "custom", "markov", "shapley"}
    assert all(by == {"email": 100_000} for by in found.values())
    assert set(items) == {*RULES, "custom"}
    assert all(by == {"email": 70_000, None: 30_000} for by in items.values())


def test_two_touches_clicked(store):
    found = credited(store)
    assert found["first"] == {"paid_search": 100_000}
    assert found["last"] == {"email": 100_000}
    assert found["linear"] == found["position"] == {"paid_search": 50_000, "email": 50_000}
    assert found["j"] == {"paid_search": 25_000, "email": 75_000}
    assert found["inverse_j"] == {"paid_search": 75_000, "email": 25_000}
    assert found["time_decay"] == {"paid_search": 31_170, "email": 68_830}
    assert found["any"] == {"paid_search": 100_000, "email": 100_000}
    assert credited(store, compat="posthog")["time_decay"] == {"paid_search": 32_314, "email": 67_686}
    decayed = store.ask(Attribution(touch="time_decay", **ALL)).frame.to_pylist()
    weights = {row["channel"]: row["conversions"] for row in decayed}
    assert weights["paid_search"] == pytest.approx(0.311703, abs=5e-7)
    assert weights["email"] == pytest.approx(0.688297, abs=5e-7)
    assert all(by == {"email": 70_000, None: 30_000} for by in credited(store, scope="item").values())


def test_three_touches_viewed_or_clicked(store):
    found = credited(store, action=BOTH)
    names = ("display", "paid_search", "email")
    wanted = {
        "linear": (33_334, 33_333, 33_333), "position": (40_000, 20_000, 40_000), "j": (20_000, 20_000, 60_000),
        "inverse_j": (60_000, 20_000, 20_000), "time_decay": (6_593, 29_115, 64_292),
    }  # fmt: skip
    for model, amounts in wanted.items():
        assert found[model] == dict(zip(names, amounts, strict=True))
    shares = {row["channel"]: row["conversions"] for row in
              store.ask(Attribution(touch="time_decay", action=BOTH, **ALL)).frame.to_pylist()}  # fmt: skip
    assert [shares[name] for name in names] == pytest.approx([0.065926, 0.291154, 0.642920], abs=5e-7)


def test_within_seven_days_the_edge_is_inclusive(tmp_path, store):
    assert all(by == {"email": 100_000} for by in credited(store, within="7d", action=BOTH).values())
    shop = Shop().add("v", "23d12h", "Ad Clicked", channel="display")
    shop.add("w", "1d", "Ad Clicked", channel="display")
    shop.add("v", "30d12h", "Order Completed", order_id="o1", revenue=10)
    shop.add("w", "8d", "Order Completed", order_id="o2", revenue=10)
    shop.events[3] = type(shop.events[3])(**{
        **{name: getattr(shop.events[3], name) for name in shop.events[3].__struct_fields__},
        "occurred_at": shop.events[3].occurred_at + 1,
    })  # fmt: skip
    with shop.open(tmp_path / "store") as edge:
        assert credited(edge, within="7d")["linear"] == {"display": 10, None: 10}


def test_a_touch_after_the_order_is_ignored_everywhere(tmp_path, store):
    shop = worked().add("v", "31d12h", "Message Clicked", channel="sms", message_id="m4")
    with shop.open(tmp_path / "store", currency="KRW") as later:
        for fields in ({}, {"action": BOTH}, {"scope": "item"}, {"within": "any"}):
            found, before = credited(later, **fields), credited(store, **fields)
            assert {model: by for model, by in found.items() if model != "markov"} == {
                model: by for model, by in before.items() if model != "markov"
            }


def test_same_time_counts_only_if_asked(tmp_path):
    shop = Shop().add("v", "1d", "Ad Clicked", channel="display")
    shop.add("v", "1d", "Order Completed", order_id="o1", revenue=10)
    with shop.open(tmp_path / "store") as store:
        assert credited(store)["last"] == {None: 10}
        assert credited(store, same_time="counts")["last"] == {"display": 10}


def test_markov_and_shapley_of_the_three_paths():
    paths = Paths.of([(("A", "B"), 1, 0, 0), (("A",), 0, 0, 1), (("B",), 1, 0, 0)])
    found = markov(paths)
    assert found.rate == pytest.approx(2 / 3)
    assert found.effects == pytest.approx([1 / 2, 1])
    assert found.conversions == pytest.approx([0.6667, 1.3333], abs=5e-5)
    assert shapley(paths)[0] == pytest.approx([0.5, 1.5])


def test_markov_and_shapley_of_the_same_paths_in_a_store(tmp_path):
    shop = Shop()
    shop.add("one", "1d", "Ad Clicked", channel="a").add("one", "2d", "Ad Clicked", channel="b")
    shop.add("one", "3d", "Order Completed", order_id="o1", revenue=300)
    shop.add("two", "1d", "Ad Clicked", channel="a")
    shop.add("three", "2d", "Ad Clicked", channel="b").add("three", "3d", "Order Completed", order_id="o3", revenue=600)
    with shop.open(tmp_path / "store", currency="KRW") as store:
        found = credited(store)
        rows = store.ask(Attribution(touch="markov", **ALL)).frame.to_pylist()
        kept = store.ask(Attribution(touch="markov", nulls="out", **ALL)).frame.to_pylist()
    assert found["markov"] == {"a": 300, "b": 600}
    assert found["shapley"] == {"a": 150, "b": 750}
    assert {row["channel"]: row["conversions"] for row in rows[:-1]} == pytest.approx({"a": 2 / 3, "b": 4 / 3})
    assert {row["channel"]: row["conversions"] for row in kept[:-1]} == pytest.approx({"a": 2 / 3, "b": 4 / 3})


@pytest.mark.parametrize(
    ("transform", "wanted"),
    [
        ("collapse", "Direct Email Direct"), ("first", "Direct Email"), ("frequency", "Direct(3) Email(1)"),
        ("drop_last:Direct", "Direct Direct Email"), ("drop:Direct", "Email"),
    ],
)  # fmt: skip
def test_path_transforms_of_direct_direct_email_direct(transform, wanted):
    names = ("Direct", "Email")
    done = transformed((transform,), np.array([0, 4]), np.array([0, 0, 1, 0], np.int32), names)
    assert " ".join(done.names[code] for code in done.codes) == wanted
    alone = transformed((transform,), np.array([0, 2]), np.array([0, 0], np.int32), names)
    assert len(alone.codes) == (2 if transform.startswith("drop") else 1)


def test_transforms_are_applied_before_crediting(tmp_path):
    shop = Shop()
    for day, channel in enumerate(("direct", "direct", "email", "direct")):
        shop.add("v", f"{day}d", "Ad Clicked", channel=channel)
    shop.add("v", "5d", "Order Completed", order_id="o1", revenue=120)
    with shop.open(tmp_path / "store", currency="KRW") as store:
        assert credited(store)["linear"] == {"direct": 90, "email": 30}
        assert credited(store, transforms=("collapse",))["linear"] == {"direct": 80, "email": 40}
        assert credited(store, transforms=("first",))["linear"] == {"direct": 60, "email": 60}
        assert credited(store, transforms=("frequency",))["linear"] == {"direct(3)": 60, "email(1)": 60}
        assert credited(store, transforms=("drop_last:direct",))["linear"] == {"direct": 80, "email": 40}
        assert credited(store, transforms=("drop:direct",))["linear"] == {"email": 120}
        assert credited(store, transforms=("drop_last:direct", "collapse"))["last"] == {"email": 120}


def test_touches_before_an_earlier_order_count_unless_reset(tmp_path):
    shop = Shop().add("v", "1d", "Ad Clicked", channel="display")
    shop.add("v", "2d", "Order Completed", order_id="o1", revenue=10)
    shop.add("v", "3d", "Order Completed", order_id="o2", revenue=5)
    with shop.open(tmp_path / "store", currency="KRW") as store:
        assert credited(store)["last"] == {"display": 15}
        assert credited(store, reset="order")["last"] == {"display": 10, None: 5}
        assert credited(store, conversions="first")["last"] == {"display": 10}
        assert credited(store)["markov"] == {"display": 10, None: 5}


def test_one_touch_per_message_and_action_its_first_human_open(tmp_path):
    shop = Shop().add("v", "0d", "Page Viewed", url="https://shop.example/")
    for day, said in ((1, {"machine": "yes"}), (2, {}), (3, {})):
        shop.add("v", f"{day}d", "Message Opened", channel="email", message_id="m1", **said)
    shop.add("v", "4d", "Ad Clicked", channel="display")
    shop.add("v", "5d", "Message Clicked", channel="email", message_id="m1")
    shop.add("v", "6d", "Message Clicked", channel="email", message_id="m1")
    shop.add("v", "7d", "Order Completed", order_id="o1", revenue=120)
    with shop.open(tmp_path / "store", currency="KRW") as store:
        both = {"action": ("opened", "clicked")}
        assert credited(store, **both)["linear"] == {"email": 90, "display": 30}
        assert credited(store, action=("opened",))["first"] == {"email": 120}
        assert credited(store, touch_unit="message", **both)["linear"] == {"email": 60, "display": 60}
        answer = store.ask(Attribution(action=("opened",), by="message", **ALL))
        [opened] = [row for row in answer.parts["messages"].to_pylist() if row["action"] == "opened"]
        assert (opened["human"], opened["machine"]) == (2, 1)
        assert (answer.figures["human_opens"], answer.figures["machine_opens"]) == (2, 1)
        assert [note.code for note in answer.notes].count("attribution_machines") == 1
        assert len(answer.people("messages=opened;part=machine")) == opened["machine_visitors"] == 1
        [touched] = [row for row in answer.frame.to_pylist() if row["message"] == "m1"]
        assert touched["touches"] == 1
    only = Shop().add("v", "1d", "Message Opened", channel="email", message_id="m1", machine="yes")
    only.add("v", "2d", "Order Completed", order_id="o1", revenue=10)
    with only.open(tmp_path / "only", currency="KRW") as store:
        assert credited(store, action=("opened",))["last"] == {None: 10}
        assert credited(store, action=("opened",), machines="in")["last"] == {"email": 10}


def test_a_visit_that_a_logged_click_brought_is_no_second_touch(tmp_path):
    shop = Shop().add("v", "1d", "Message Clicked", channel="email", message_id="m1")
    shop.add("v", "1d1m", "Page Viewed", url="https://shop.example/?utm_source=crm&utm_medium=email")
    shop.add("v", "2d", "Page Viewed", url="https://shop.example/?utm_source=crm&utm_medium=email")
    shop.add("v", "3d", "Page Viewed", url="https://shop.example/")
    shop.add("v", "3d1m", "Order Completed", order_id="o1", revenue=120, url="https://shop.example/done")
    with shop.open(tmp_path / "store", currency="KRW") as store:
        rows = {row["channel"]: row for row in store.ask(Attribution(**ALL)).frame.to_pylist()}
        assert rows["email"]["touches"] == 2
        visits = {row["channel"]: row for row in store.ask(Attribution(action=("visited",), **ALL)).frame.to_pylist()}
        assert (visits["email"]["touches"], visits["direct"]["touches"]) == (2, 1)
        assert credited(store, action=("visited",))["last"] == {"direct": 120}
        assert credited(store, action=("visited",))["last_non_direct"] == {"email": 120}


def test_refunds_are_dated_to_their_order_and_lower_its_credit(tmp_path):
    shop = Shop().add("v", "1d", "Ad Clicked", channel="a").add("v", "2d", "Ad Clicked", channel="b")
    shop.add("v", "3d", "Order Completed", order_id="o1", revenue=100, items='[{"product_id": "p", "price": 80}]')
    shop.add("v", "9d", "Order Refunded", order_id="o1", revenue=30)
    shop.add("w", "9d", "Order Refunded", order_id="unknown", revenue=7)
    with shop.open(tmp_path / "store", currency="KRW") as store:
        found = credited(store)
        assert found["linear"] == {"a": 35, "b": 35, None: -7}
        assert found["last"] == {"b": 70, None: -7}
        assert found["markov"] == {"a": 35, "b": 35, None: -7}


def test_more_is_paid_back_than_was_ordered(tmp_path):
    shop = Shop().add("v", "1d", "Ad Clicked", channel="a").add("v", "2d", "Ad Clicked", channel="b")
    shop.add("v", "3d", "Order Completed", order_id="o1", revenue=100)
    shop.add("v", "4d", "Order Refunded", order_id="o1", revenue=133)
    with shop.open(tmp_path / "store", currency="KRW") as store:
        assert credited(store)["linear"] == {"a": -17, "b": -16}
        assert credited(store)["shapley"] == {"a": -17, "b": -16}


def test_roas_is_attributed_revenue_over_cost_and_cac_cost_per_new_buyer(tmp_path):
    shop = Shop()
    for visitor, revenue in (("one", 60_000), ("two", 30_000)):
        shop.add(visitor, "1d", "Page Viewed", url="https://shop.example/?utm_source=naver&utm_medium=cpc&utm_campaign=sale")
        shop.add(visitor, "2d", "Page Viewed", url="https://shop.example/?utm_source=crm&utm_medium=email")
        shop.add(visitor, "3d", "Order Completed", order_id=visitor, revenue=revenue)
    shop.add(None, "1d12h", "Ad Cost Reported", revenue=30_000, impressions=1000, clicks=50,
             url="https://shop.example/?utm_source=naver&utm_medium=cpc&utm_campaign=sale")  # fmt: skip
    with shop.open(tmp_path / "store", currency="KRW") as store:
        first = store.ask(Attribution(touch="first", **ALL))
        half = store.ask(Attribution(touch="linear", **ALL))
        last = store.ask(Attribution(touch="last", by="campaign", **ALL))
    [paid] = [row for row in first.frame.to_pylist() if row["channel"] == "paid_search"]
    assert (paid["cost"], paid["roas"], paid["cac"]) == (Decimal(30_000), 3.0, Decimal(15_000))
    assert (first.figures["cost"], first.figures["roas"], first.figures["cac"]) == (30_000, 3.0, 15_000)
    [paid] = [row for row in half.frame.to_pylist() if row["channel"] == "paid_search"]
    assert (paid["roas"], paid["cac"]) == (1.5, Decimal(30_000))
    [sale] = [row for row in last.frame.to_pylist() if row["campaign"] == "sale"]
    assert (sale["cost"], sale["roas"], sale["cac"]) == (Decimal(30_000), 0.0, None)
    assert {row["metric"]: row["reason"] for row in last.parts["reasons"].to_pylist() if row["value"] == "sale"} == {
        "cac": "no_attributed_new_buyers"
    }


def test_currencies_are_never_added_and_each_is_credited_exactly(tmp_path):
    shop = Shop().add("v", "1d", "Ad Clicked", channel="a").add("v", "2d", "Ad Clicked", channel="b")
    shop.add("v", "3d", "Order Completed", order_id="o1", revenue=101, currency="KRW")
    shop.add("v", "4d", "Order Completed", order_id="o2", revenue="0.05", currency="USD")
    with shop.open(tmp_path / "store", currency="KRW") as store:
        answer = store.ask(Attribution(touch="linear", **ALL))
    assert all(row["revenue"] is None for row in answer.frame.to_pylist())
    assert "mixed_currencies" in [note.code for note in answer.notes]
    rows = answer.parts["currencies"].to_pylist()
    linear = {(row["currency"], row["value"]): row["revenue"] for row in rows if row["model"] == "linear"}
    assert linear == {
        ("KRW", "a"): Decimal(51), ("KRW", "b"): Decimal(50),
        ("USD", "a"): Decimal("0.03"), ("USD", "b"): Decimal("0.02"),
    }  # fmt: skip


def test_other_goals_are_credited_like_orders(tmp_path):
    shop = Shop().add("v", "1d", "Ad Clicked", channel="a")
    shop.add("v", "2d", "Signed Up", plan="gold").add("w", "2d", "Signed Up", plan="basic")
    with shop.open(tmp_path / "store", currency="KRW") as store:
        answer = store.ask(Attribution(goal="Signed Up", **ALL))
        assert answer.figures["conversions"] == 2
        assert [(row["channel"], row["conversions"]) for row in answer.frame.to_pylist()] == [
            ("a", 1.0), ("(unattributed)", 1.0),
        ]  # fmt: skip
        gold = store.ask(Attribution(goal='Signed Up[plan == "gold"]', **ALL))
        assert gold.figures["conversions"] == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"touch": "custom"}, {"custom": "0/0/0"}, {"touch": "markov", "scope": "item"}, {"action": ()},
        {"touch": "shapley", "data_driven": "off"}, {"within": "30"}, {"transforms": ("drop",)}, {"markov_order": 9},
        {"scope": "item", "goal": "Signed Up"}, {"goal": "Signed Up?"}, {"action": ("clicked", "clicked")},
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(fields):
    with pytest.raises(SpecError):
        Attribution(**fields)


def test_nothing_to_credit_is_said_and_nothing_invented(tmp_path):
    shop = Shop().add("v", "1d", "Page Viewed", url="https://shop.example/")
    with shop.open(tmp_path / "one") as store:
        for fields in ({}, {"touch": "markov"}, {"touch": "shapley"}, {"scope": "item"}, {"action": ("visited",)}):
            answer = store.ask(Attribution(**ALL, **fields))
            [rest] = [row for row in answer.frame.to_pylist() if row["channel"] == "(unattributed)"]
            assert rest["share_rate"] is None
            assert answer.figures["attributed_rate"] is None
            assert "nan" not in answer.to_json().lower()
            assert "inf" not in answer.to_json().lower().replace("info", "")
    same = Shop().add("v", "1d", "Ad Clicked", channel="a").add("v", "1d", "Order Completed", order_id="o", revenue=0)
    with same.open(tmp_path / "same") as store:
        for touch in ("last", "markov", "shapley", "time_decay"):
            answer = store.ask(Attribution(touch=touch, same_time="counts", **ALL))
            assert answer.figures["conversions"] == 1
            assert "nan" not in answer.to_json().lower()
