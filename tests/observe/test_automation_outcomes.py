"""What came of rules and journeys: counted by hand from the life of their messages, beside the hold-out."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

import afterclick
from afterclick.core.moments import Moments, Share
from afterclick.core.noise import apart, difference
from afterclick.observe.automations.outcomes import Outcome, outcomes_of
from support.shop import Shop


def told(shop: Shop, who: str, when: str, event: str, action: str, **more: object) -> None:
    shop.add(who, when, event, action_id=action, channel=more.pop("channel", "onsite"), **more)


def outcome(shop: afterclick.Workspace, kind: str, name: str) -> Outcome:
    return outcomes_of(shop.context()).found[kind, name]


@pytest.fixture
def made() -> Shop:
    shop = Shop()
    for i in range(12):
        shop.add(f"v{i}", "0", "Page Viewed", url="https://shop.example/")
        held = i >= 8
        if held:
            told(shop, f"v{i}", "1d", "Message Suppressed", f"a{i}", rule="Offer", reason="holdout")
        else:
            told(shop, f"v{i}", "1d", "Message Delivered", f"a{i}", rule="Offer")
    for i in (0, 1, 2, 8):
        shop.add(f"v{i}", "2d", "Order Completed", order_id=f"o{i}", revenue=100)
    shop.add("v9", "20d", "Order Completed", order_id="o9", revenue=999)
    shop.add("v3", "1d", "Order Completed", order_id="same", revenue=5)
    shop.add("v4", "8d", "Order Completed", order_id="last", revenue=7)
    shop.add("v5", "8d1s", "Order Completed", order_id="late", revenue=7)
    told(shop, "v0", "1d1h", "Message Clicked", "a0", rule="Offer")
    shop.add("v0", "30d", "Page Viewed", url="https://shop.example/")
    return shop


def test_orders_are_those_within_seven_days_of_the_first_message(made: Shop, tmp_path: Path) -> None:
    with made.open(tmp_path / "store", currency="KRW") as shop:
        found = outcome(shop, "rule", "Offer")
    # v0 v1 v2 on the next day, v4 seven days later to the second; v3's came with the message, v5's a second too late.
    assert found.converted == Share(4, 8)
    assert found.held_converted == Share(1, 4)
    assert (found.sent, found.visitors, found.clicked, found.held_out) == (8, 8, 1, 4)
    assert found.lift == difference(Share(4, 8), Share(1, 4))


def test_money_is_the_difference_of_the_means_with_its_interval(made: Shop, tmp_path: Path) -> None:
    with made.open(tmp_path / "store", currency="KRW") as shop:
        found = outcome(shop, "rule", "Offer")
    unit = 10_000
    first = [100, 100, 100, 0, 7, 0, 0, 0]
    second = [100, 0, 0, 0]
    assert found.worth == pytest.approx(unit * (sum(first) / 8 - sum(second) / 4))

    def moments(values: list[int]) -> Moments:
        return Moments(len(values), unit * sum(values), unit**2 * sum(value * value for value in values))

    one, other = moments(first), moments(second)
    assert one.interval is not None
    assert other.interval is not None
    assert one.mean is not None
    assert other.mean is not None
    assert found.gain == apart(one.mean, one.interval, other.mean, other.interval)


def test_who_was_told_lately_is_in_no_rate(made: Shop, tmp_path: Path) -> None:
    told(made, "v11", "25d", "Message Delivered", "j1", journey="Remind", channel="email")
    with made.open(tmp_path / "store") as shop:
        found = outcome(shop, "journey", "Remind")
    assert (found.sent, found.visitors, found.converted) == (1, 1, Share(0, 0))
    assert found.lift is None
    assert found.gain is None


def test_an_action_told_twice_is_one_and_reasons_are_counted_apart(made: Shop, tmp_path: Path) -> None:
    for event in ("Message Sent", "Message Delivered"):
        told(made, "v1", "3d", event, "m1", journey="Remind", channel="email")
    told(made, "v2", "3d", "Message Suppressed", "m2", journey="Remind", channel="email", reason="cap")
    told(made, "v2", "4d", "Message Suppressed", "m2", journey="Remind", channel="email", reason="cap")
    told(made, "v3", "3d", "Message Suppressed", "m3", journey="Remind", channel="email", reason="quiet_hours")
    told(made, "v4", "3d", "Message Uncertain", "m4", journey="Remind", channel="email")
    with made.open(tmp_path / "store") as shop:
        found = outcome(shop, "journey", "Remind")
    assert (found.sent, found.uncertain) == (1, 1)
    assert found.held_back == {"cap": 1, "quiet_hours": 1}


def test_a_visitor_of_both_groups_is_in_neither(made: Shop, tmp_path: Path) -> None:
    told(made, "v0", "5d", "Message Suppressed", "x", rule="Offer", reason="holdout")
    with made.open(tmp_path / "store") as shop:
        found = outcome(shop, "rule", "Offer")
    assert found.converted == Share(3, 7)
    assert found.held_converted == Share(1, 4)


def arm(shop: Shop, who: str, when: str, action: str, variant: str, source: str = "afterclick", **more: object) -> None:
    shop.add(who, when, "Experiment Viewed", action_id=action, variant=variant, **more)
    shop.events[-1] = replace(shop.events[-1], source=source)


def test_groups_are_those_told_by_the_arms_whatever_became_of_the_message(tmp_path: Path) -> None:
    shop = Shop()
    journey = {"journey": "Remind", "experiment": "holdout:Remind"}
    for i in range(8):
        who, held = f"v{i}", i >= 5
        shop.add(who, "0", "Page Viewed", url="https://shop.example/")
        arm(shop, who, "1d", f"m{i}", "holdout" if held else "treated", **journey)
    for i in (5, 6, 7):
        told(shop, f"v{i}", "1d", "Message Suppressed", f"m{i}", journey="Remind", channel="email", reason="holdout")
    # v0 bought in the night: the message was called off. v1's was sent in the morning, behind its order.
    shop.add("v0", "1d6h", "Order Completed", order_id="o0", revenue=100)
    told(shop, "v0", "1d6h", "Message Suppressed", "m0", journey="Remind", channel="email", reason="goal")
    shop.add("v1", "1d7h", "Order Completed", order_id="o1", revenue=50)
    for i in (1, 2, 3):
        told(shop, f"v{i}", "1d8h", "Message Sent", f"m{i}", journey="Remind", channel="email")
    told(shop, "v4", "1d8h", "Message Suppressed", "m4", journey="Remind", channel="email", reason="cap")
    shop.add("v5", "1d6h", "Order Completed", order_id="o5", revenue=30)
    shop.add("v2", "30d", "Page Viewed", url="https://shop.example/")
    with shop.open(tmp_path / "store", currency="KRW") as store:
        found = outcome(store, "journey", "Remind")
    assert (found.converted, found.held_converted) == (Share(2, 5), Share(1, 3))
    assert (found.sent, found.visitors, found.held_out) == (3, 3, 3)
    assert found.worth == pytest.approx(10_000 * (150 / 5 - 30 / 3))


def bought(shop: Shop, *who: str) -> None:
    for one in who:
        shop.add(one, "2d", "Order Completed", order_id=f"o{one}", revenue=100)
    shop.add("last", "30d", "Page Viewed", url="https://shop.example/")


def test_of_two_holdouts_the_journeys_own_is_compared(tmp_path: Path) -> None:
    shop = Shop()
    for i, (own, everybody) in enumerate((("treated", "treated"), ("treated", "holdout"), ("holdout", "treated"))):
        # What concerns an order heeds the journey's own alone; the advertising behind it both.
        arm(shop, f"v{i}", "1d", f"t{i}", own, journey="Remind", experiment="holdout:Remind")
        arm(shop, f"v{i}", "1d1h", f"m{i}", own, journey="Remind", experiment="holdout:Remind")
        arm(shop, f"v{i}", "1d1h", f"m{i}", everybody, journey="Remind", experiment="holdout")
    # Another experiment of theirs is none of its business.
    arm(shop, "v0", "1d2h", "m0", "holdout", journey="Remind", experiment="colours")
    bought(shop, "v1")
    with shop.open(tmp_path / "store") as store:
        found = outcome(store, "journey", "Remind")
    assert (found.converted, found.held_converted) == (Share(1, 2), Share(0, 1))


def test_without_one_of_its_own_that_of_all_is_compared(tmp_path: Path) -> None:
    shop = Shop()
    for i, variant in enumerate(("treated", "holdout", "holdout")):
        arm(shop, f"v{i}", "1d", f"m{i}", variant, journey="Remind", experiment="holdout")
    bought(shop, "v0", "v2")
    with shop.open(tmp_path / "store") as store:
        found = outcome(store, "journey", "Remind")
    assert (found.converted, found.held_converted) == (Share(1, 1), Share(1, 2))


def test_what_was_held_back_before_arms_were_told_stays_in_the_comparison(made: Shop, tmp_path: Path) -> None:
    arm(made, "v20", "10d", "a20", "treated", rule="Offer", experiment="holdout:rule:Offer")
    arm(made, "v21", "10d", "a21", "holdout", rule="Offer", experiment="holdout:rule:Offer")
    # From then on messages alone put nobody into a group.
    told(made, "v22", "11d", "Message Delivered", "a22", rule="Offer")
    with made.open(tmp_path / "store", currency="KRW") as shop:
        found = outcome(shop, "rule", "Offer")
    assert (found.converted, found.held_converted) == (Share(4, 9), Share(1, 5))


def test_what_was_sent_while_nobody_was_held_back_is_in_no_group(tmp_path: Path) -> None:
    shop = Shop()
    for i in range(5):
        told(shop, f"v{i}", "1d", "Message Sent", f"m{i}", journey="Remind", channel="email")
    arm(shop, "v8", "2d", "m8", "treated", journey="Remind", experiment="holdout:Remind")
    arm(shop, "v9", "2d", "m9", "holdout", journey="Remind", experiment="holdout:Remind")
    bought(shop, "v0", "v1")
    with shop.open(tmp_path / "store") as store:
        found = outcome(store, "journey", "Remind")
    assert (found.sent, found.converted, found.held_converted) == (5, Share(0, 1), Share(0, 1))


def test_arms_that_others_tell_of_count_for_nothing(made: Shop, tmp_path: Path) -> None:
    for i, source in enumerate(("web", "api")):
        arm(made, f"v{i}", "1d", f"x{i}", "holdout", source, rule="Offer", experiment="holdout:rule:Offer")
    told(made, "v2", "1d", "Message Clicked", "a2", rule="Offer", experiment="holdout:rule:Offer", variant="holdout")
    with made.open(tmp_path / "store", currency="KRW") as shop:
        found = outcome(shop, "rule", "Offer")
    assert (found.converted, found.held_converted) == (Share(4, 8), Share(1, 4))


def test_a_channel_fails_until_something_leaves_by_it_again(made: Shop, tmp_path: Path) -> None:
    told(made, "v0", "3d", "Message Sent", "m1", journey="Remind", channel="email")
    told(made, "v1", "4d", "Message Failed", "m2", journey="Remind", channel="email", detail="451 try later")
    told(made, "v1", "4d", "Message Failed", "m3", journey="Remind", channel="push", detail="410 Gone")
    told(made, "v2", "5d", "Message Sent", "m4", journey="Remind", channel="push")
    with made.open(tmp_path / "store") as shop:
        troubles = outcomes_of(shop.context()).troubles
    assert [(each.channel, each.answer) for each in troubles] == [("email", "451 try later")]


def test_an_empty_store_has_no_outcome(tmp_path: Path) -> None:
    with Shop().open(tmp_path / "store") as shop:
        assert outcomes_of(shop.context()) == ({}, ())
