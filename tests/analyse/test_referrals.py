"""Referrals on stores small enough to count by hand."""

from __future__ import annotations

import pytest

from afterclick import Referrals
from support.shop import Shop

WHOLE = {"range": "all", "compare": "none"}
HOME = "https://shop.example/"


def promoters_shop() -> Shop:
    """a invites by code and by address, b is known by an id; c comes by a's link, d says a code, e was invited by mail."""
    shop = Shop()
    for number, name in enumerate("ab"):
        shop.add(name, f"{number}m", "Page Viewed", url=HOME)
    shop.add("b", "2m", "Signed Up", user="u-b")
    shop.add("a", "10m", "Invite Sent", referral_code="A1")
    shop.add("a", "11m", "Invite Sent", invitee_email="E@mail.example")
    shop.add("c", "20m", "Page Viewed", url=HOME + "?utm_medium=invite&utm_source=friends&utm_content=A1")
    shop.add("c", "21m", "Order Completed", order_id="1", revenue=30)
    shop.add("d", "30m", "Page Viewed", url=HOME)
    shop.add("d", "31m", "Signed Up", referral_code="A1")
    shop.add("e", "40m", "Page Viewed", url=HOME, email="e@mail.example", user="u-e")
    shop.add("f", "50m", "Signed Up", referred_by="u-b")
    shop.add("f", "51m", "Order Completed", order_id="2", revenue=20)
    shop.add("g", "60m", "Signed Up", referral_code="nobody-knows")
    return shop


def test_who_brought_whom(tmp_path):
    with promoters_shop().open(tmp_path / "store") as workspace:
        found = workspace.ask(Referrals(**WHOLE))
        behind = {cell: len(found.people(cell)) for cell in found.cells()}
    rows = {row["visitor"]: row for row in found.frame.to_pylist()}
    assert {name: (row["invites"], row["referred"], row["buyers"], float(row["revenue"])) for name, row in rows.items()} == {
        "a:a": (2, 3, 1, 30.0),
        "a:b": (0, 1, 1, 20.0),
    }
    assert {(row["visitor"], row["referred"]) for row in found.parts["pairs"].to_pylist()} == {
        ("a:a", "a:c"), ("a:a", "a:d"), ("a:a", "a:e"), ("a:b", "a:f"), ("", "a:g"),
    }  # fmt: skip
    figures = found.figures
    assert (figures["referred"], figures["new"], figures["unknown_referrer"]) == (5, 5, 1)
    assert (figures["invites"], figures["inviters"], figures["new_buyers"], float(figures["revenue"])) == (2, 1, 2, 50.0)
    assert (behind["referred"], behind["new_buyers"], behind["inviters"]) == (5, 2, 1)
    assert (behind["visitor=a:a"], behind["visitor=a:a;part=buyers"]) == (3, 1)
    assert {note.code for note in found.notes} == {"referrals_unknown"}


def test_k_factor_is_new_visitors_per_visitor_with_its_interval(tmp_path):
    """Seven visitors bring 3, 1, 0, 0, 0, 0, 0 known new ones: 4/7 ± t(6) · s / √7, s² = (10 - 16/7) / 6."""
    with promoters_shop().open(tmp_path / "store") as workspace:
        figures = workspace.ask(Referrals(**WHOLE)).figures
    half = 2.4469118511 * ((10 - 16 / 7) / 6 / 7) ** 0.5
    assert figures["k_factor"] == pytest.approx(4 / 7)
    assert (figures["k_low"], figures["k_high"]) == pytest.approx((max(0.0, 4 / 7 - half), 4 / 7 + half), rel=1e-9)


def test_nobody_refers_themselves_and_old_visitors_are_not_new(tmp_path):
    shop = Shop()
    shop.add("a", "0", "Page Viewed", url=HOME)
    shop.add("a", "1m", "Invite Sent", invite_code="A")
    shop.add("a", "2m", "Page Viewed", url=HOME + "?utm_campaign=refer-a-friend&utm_content=A")
    shop.add("b", "0", "Page Viewed", url=HOME)
    shop.add("b", "9d", "Page Viewed", url=HOME + "?utm_campaign=refer-a-friend&utm_content=A")
    shop.add("c", "0", "Page Viewed", url=HOME + "?utm_medium=referral&utm_source=blog.example")
    with shop.open(tmp_path / "store") as workspace:
        found = workspace.ask(Referrals(**WHOLE))
        early = workspace.ask(Referrals(range="2026-01-01..2026-01-02", compare="none"))
    # A link from another site is no referral by a visitor.
    assert (found.figures["referred"], found.figures["new"]) == (1, 0)
    assert found.figures["k_factor"] == 0
    assert (early.figures["referred"], early.figures["invites"]) == (0, 1)
    assert "nobody came" in early.sentence("en")
    assert {note.code for note in found.notes} == {"referrals_known_before"}


def test_promoters_who_tell_others(tmp_path):
    shop = promoters_shop()
    for name, score in (("a", 10), ("b", 9), ("c", 9), ("d", 3), ("e", 8)):
        shop.add(name, "2h", "Survey Answered", score=score, scale=10, survey="NPS")
    with shop.open(tmp_path / "store") as workspace:
        found = workspace.ask(Referrals(**WHOLE))
        behind = len(found.people("promoters_telling"))
    figures = found.figures
    assert (figures["promoters"], figures["promoters_telling"], behind) == (3, 2, 2)
    assert (figures["other_answerers"], figures["others_telling"]) == (2, 0)
    assert figures["promoters_telling_rate"] == pytest.approx(2 / 3)
    assert figures["telling_low"] < 2 / 3 < figures["telling_high"]
    assert {row["visitor"]: row["promoter"] for row in found.frame.to_pylist()} == {"a:a": True, "a:b": True}


def test_degenerate_stores(tmp_path):
    shop = Shop().add("v", "0", "Page Viewed", url=HOME)
    with shop.open(tmp_path / "one") as workspace:
        found = workspace.ask(Referrals(**WHOLE))
    assert found.figures["conversion_rate"] is None
    assert (found.figures["k_factor"], found.figures["k_low"], found.figures["k_reason"]) == (0.0, None, "single")
    assert found.figures["promoters_telling_rate"] is None
    assert found.sentence("ko")
    shop.add("w", "0", "Signed Up", referred_by="w").add("x", "0", "Signed Up", referred_by="v")
    shop.add("x", "0", "Order Completed", order_id="1", revenue=1, currency="KRW")
    shop.add("x", "0", "Order Completed", order_id="2", revenue=1, currency="USD")
    with shop.open(tmp_path / "more") as workspace:
        mixed = workspace.ask(Referrals(**WHOLE))
    assert (mixed.figures["referred"], mixed.figures["revenue"]) == (1, None)
    assert "rewards_mixed" in {note.code for note in mixed.notes}
