"""Feedback on stores small enough to count by hand."""

from __future__ import annotations

import pytest

from afterclick import Feedback
from afterclick.analyse.feedback.terms import terms_of
from afterclick.core.errors import SpecError
from support.shop import Shop

WHOLE = {"range": "all", "compare": "none"}
PAGE = "https://shop.example/cart"


def nps(shop: Shop, visitor: str | None, when: str, score: float, **more) -> Shop:
    return shop.add(visitor, when, "Survey Answered", score=score, scale=10, survey="NPS", **more)


def test_net_promoter_score_with_its_interval(tmp_path):
    """5 promoters, 3 passives, 2 detractors: NPS 30, ± t(9) · s / √10 with s² = (7 - 10 · .3²) / 9."""
    shop = Shop()
    for number, score in enumerate([9, 10, 9, 10, 9, 7, 8, 7, 6, 0]):
        nps(shop, f"v{number}", f"{number}m", score)
    with shop.open(tmp_path / "store") as workspace:
        found = workspace.ask(Feedback(**WHOLE))
    half = 2.2621571628 * ((7 - 10 * 0.09) / 9 / 10) ** 0.5
    assert found.figures["nps"] == 30
    assert [found.figures[f"nps_{end}"] for end in ("low", "high")] == pytest.approx(
        [100 * (0.3 - half), 100 * (0.3 + half)], rel=1e-9
    )
    assert [len(found.people(cell)) for cell in ("promoters", "passives", "detractors", "low", "high")] == [5, 3, 2, 2, 5]
    assert found.sentence("en").startswith("NPS 30 (95% interval")
    assert "추천 고객 5명" in found.sentence("ko")


def test_the_latest_answer_of_a_visitor_counts_and_those_of_nobody_all_do(tmp_path):
    shop = Shop()
    nps(shop, "v", "0", 2)
    nps(shop, "v", "1d", 10)
    nps(shop, None, "2m", 9)
    nps(shop, None, "3m", 1)
    with shop.open(tmp_path / "store") as workspace:
        found = workspace.ask(Feedback(**WHOLE))
        first = workspace.ask(Feedback(range="2026-01-01..2026-01-01", compare="none"))
    assert (found.figures["answers"], found.figures["given"], found.figures["visitors"]) == (3, 4, 1)
    assert found.figures["nps"] == pytest.approx(100 / 3)
    assert first.figures["nps"] == pytest.approx(-100 / 3)
    assert {note.code for note in found.notes} == {"feedback_latest", "feedback_of_nobody"}


def test_scales_are_as_sent_or_the_smallest_usual_one(tmp_path):
    shop = Shop()
    for number, score in enumerate([4, 5, 3]):
        shop.add(f"r{number}", f"{number}m", "Product Reviewed", rating=score, product_id="p1")
    shop.add("r0", "9m", "Product Reviewed", rating=1, product_id="p2")
    for number, score in enumerate([6, 7]):
        shop.add(f"s{number}", f"{number}h", "Feedback Submitted", score=score, survey="CSAT")
    nps(shop, "n", "5h", 8)
    shop.add("x", "6h", "Survey Answered", score=11, scale=10, survey="NPS")
    shop.add("y", "7h", "Survey Answered", survey="NPS")
    with shop.open(tmp_path / "store") as workspace:
        by_survey = {row["value"]: row for row in workspace.ask(Feedback(**WHOLE)).frame.to_pylist()}
        by_item = workspace.ask(Feedback(**WHOLE, by="item"))
    assert {name: (row["answers"], row["score"], row["scale"]) for name, row in by_survey.items()} == {
        "review": (3, pytest.approx(3.0), 5.0),
        "CSAT": (2, 6.5, 7.0),
        "NPS": (1, 8.0, 10.0),
    }
    assert by_survey["CSAT"]["nps"] is None
    assert by_survey["review"]["score_rate"] == pytest.approx((1 + 5 + 3) / 15)
    items = {row["value"]: row for row in by_item.frame.to_pylist()}
    assert (items["p1"]["score"], items["p2"]["score"], items["(none)"]["answers"]) == (4.0, 1.0, 3)
    assert len(by_item.people("item=p1")) == 3
    assert len(by_item.people("item=p2;part=low")) == 1


def test_answers_stand_where_and_at_which_stage_they_were_given(tmp_path):
    shop = Shop()
    shop.add("a", "0", "Page Viewed", url=PAGE, device="mobile")
    nps(shop, "a", "23h59m", 3)
    shop.add("b", "0", "Page Viewed", url="https://shop.example/?utm_source=news&utm_medium=email")
    shop.add("b", "1m", "Order Completed", order_id="o", revenue=5)
    nps(shop, "b", "25h", 10)
    shop.add("b", "26h", "Survey Answered", score=9, scale=10, survey="NPS", url="https://shop.example/thanks")
    with shop.open(tmp_path / "store") as workspace:
        stage, place, channel = (
            {row["value"]: (row["answers"], row["nps"]) for row in workspace.ask(Feedback(**WHOLE, by=by)).frame.to_pylist()}
            for by in ("stage", "touchpoint", "channel")
        )
        people = workspace.ask(Feedback(**WHOLE, by="stage")).people("stage=Delight;part=promoters")
    assert stage == {"Attract": (1, -100.0), "Delight": (1, 100.0)}
    # The first answer of b came more than a day after the page was seen.
    assert place == {"/cart": (1, -100.0), "/thanks": (1, 100.0), "(none)": (1, 100.0)}
    # The last answer of b came with a page, and so with a visit of its own.
    assert channel == {"direct": (2, 0.0), "email": (1, 100.0)}
    assert len(people) == 1


def test_words_are_counted_once_an_answer_and_particles_are_taken_off():
    assert terms_of("배송이 늦어요. 배송은 정말 늦어요!") == {"배송", "늦어요", "배송 늦어요"}
    assert terms_of("The checkout didn't work, NOT work at all") == {
        "checkout", "didn't", "work", "not", "all", "checkout didn't", "didn't work", "not work",
    }  # fmt: skip
    assert terms_of("") == terms_of("12 34 !!") == frozenset()


def test_words_that_low_scores_go_with(tmp_path):
    """Of 60 texts, 30 low: 20 of these say "broken", 2 of the others do; "shipping" stands in both alike."""
    shop = Shop()
    for number in range(60):
        low = number < 30
        broken = number < 20 or number in (30, 31)
        words = ("coupon broken" if broken else "nice") + (" shipping" if number % 2 else "")
        nps(shop, f"v{number}", f"{number}m", 2 if low else 9, comment=words)
    with shop.open(tmp_path / "store") as workspace:
        found = workspace.ask(Feedback(**WHOLE))
        people = len(found.people("word=coupon broken"))
    rows = {row["wording"]: row for row in found.parts["words"].to_pylist()}
    row = rows["coupon broken"]
    assert (row["low"], row["rest"], row["visitors"], people) == (20, 2, 22, 22)
    # 1 is added to each cell: (21 · 29) / (11 · 3).
    assert row["odds_ratio"] == pytest.approx(21 * 29 / (11 * 3))
    assert (row["significant"], row["direction"]) == (True, "low")
    assert rows["nice"]["direction"] == "rest"
    assert not rows["shipping"]["significant"]
    # A word that always stands in the same phrase is told once.
    assert "broken" not in rows
    quotes = found.parts["quotes"].to_pylist()
    assert {one["side"] for one in quotes} == {"low", "high"}
    assert ["broken" in one["text"] for one in quotes if one["side"] == "low"] == [True, True, False]


def test_quotes_are_few_and_masked(tmp_path):
    shop = Shop()
    for number in range(9):
        nps(shop, f"v{number}", f"{number}m", 1, comment=f"call me: 010-1234-567{number}, reason {number}")
    with shop.open(tmp_path / "store") as workspace:
        found = workspace.ask(Feedback(**WHOLE))
        who = [len(found.people(f"quote=low:{number}")) for number in range(3)]
    texts = [one["text"] for one in found.parts["quotes"].to_pylist()]
    assert texts == [f"call me: [phone], reason {number}" for number in (8, 7, 6)]
    assert who == [1, 1, 1]
    assert not any("010" in row["wording"] or "1234" in row["wording"] for row in found.parts["words"].to_pylist())


def test_figures_over_time(tmp_path):
    shop = Shop()
    nps(shop, "a", "1h", 10)
    nps(shop, "b", "1d1h", 0)
    nps(shop, "c", "1d2h", 10)
    with shop.open(tmp_path / "store") as workspace:
        found = workspace.ask(Feedback(range="all", compare="none", interval="day"))
        count = len(found.people("interval=1"))
        later = workspace.ask(Feedback(range="2026-01-02..2026-01-02", compare="prev"))
    rows = found.parts["series"].to_pylist()
    assert [(row["answers"], row["nps"]) for row in rows] == [(1, 100.0), (2, 0.0)]
    assert count == 2
    assert later.figures["previous_nps"] == 100.0


@pytest.mark.parametrize("events", ["none", "one", "texts", "alike"])
def test_degenerate_stores_answer_with_nulls_and_notes(tmp_path, events):
    shop = Shop().add("v", "0", "Page Viewed", url=PAGE)
    if events == "one":
        nps(shop, "v", "0", 7)
    if events == "texts":
        shop.add("v", "0", "Feedback Submitted", comment="fine")
    if events == "alike":
        for number in range(5):
            nps(shop, f"v{number}", "0", 9)
    with shop.open(tmp_path / "store") as workspace:
        for by in ("survey", "stage", "touchpoint", "item", "channel"):
            found = workspace.ask(Feedback(**WHOLE, by=by))
    figures = found.figures
    expected = {
        "none": (0, None, None, None), "one": (1, 0.7, 0.0, None), "texts": (1, None, None, None),
        "alike": (5, 0.9, 100.0, None),
    }[events]  # fmt: skip
    assert (figures["answers"], figures["score_rate"], figures["nps"], figures["nps_low"]) == pytest.approx(
        expected, nan_ok=False
    )
    assert figures["score_low_rate"] is None
    assert figures["score_reason"] in ("empty", "single", "constant")
    assert found.sentence("en")
    assert found.sentence("ko")


def test_a_cell_that_is_not_there_is_refused(tmp_path):
    with nps(Shop(), "v", "0", 7).open(tmp_path / "store") as workspace:
        found = workspace.ask(Feedback(**WHOLE))
        for cell in ("passengers", "survey=x", "word=x", "interval=99", "quote=low:7", "beside=met"):
            with pytest.raises(SpecError):
                found.people(cell)


def coupon_shop(lower: float) -> Shop:
    """80 visitors who add to the basket and check out on phones; half meet a coupon error and score lower by `lower`."""
    shop = Shop()
    for number in range(160):
        visitor, hit, buys = f"v{number}", number % 2, number % 4 < 2 if not number % 2 else number % 16 == 1
        start = number * 10
        shop.add(visitor, f"{start}m", "Page Viewed", url="https://shop.example/p", device="mobile")
        shop.add(visitor, f"{start + 1}m", "Checkout Started")
        shop.add(visitor, f"{start + 2}m", "Coupon Denied" if hit else "Coupon Applied")
        if buys:
            shop.add(visitor, f"{start + 3}m", "Order Completed", order_id=f"o{number}", revenue=100)
        score = (8 if number // 2 % 2 else 6) - (lower if hit else 0)
        words = "the coupon does not work" if hit and number % 3 == 0 else "fine"
        nps(shop, visitor, f"{start + 5}m", score, comment=words)
    shop.add("late", "5d", "Page Viewed", url="https://shop.example/p")
    return shop


def test_what_those_who_met_a_barrier_say_beside_visitors_alike(tmp_path):
    with coupon_shop(3).open(tmp_path / "store") as workspace:
        found = workspace.ask(Feedback(**WHOLE, barrier="error:Coupon Denied"))
        sides = {row["side"]: row for row in found.parts["beside"].to_pylist()}
        people = {side: len(found.people(f"beside={side}")) for side in sides}
        with pytest.raises(SpecError, match="no barrier"):
            workspace.ask(Feedback(**WHOLE, barrier="error:None Such"))
    assert sides["met"]["visitors"] == people["met"] == 80
    assert sides["others"]["visitors"] == people["others"] == 80
    # All are alike in device, channel and visits, so the others count equally: means 4 and 7 of ten.
    assert sides["met"]["score_rate"] == pytest.approx(0.4)
    assert sides["others"]["score_rate"] == pytest.approx(0.7)
    assert found.figures["score_difference"] == pytest.approx(-0.3)
    assert found.figures["difference_low"] < -0.3 < found.figures["difference_high"] < 0
    quotes = found.parts["quotes"].to_pylist()
    assert quotes[0]["side"] == "met"
    assert "coupon" in quotes[0]["text"]
    assert "lower than visitors alike" in found.sentence("en")
    assert "caus" not in found.sentence("en")
    assert "feedback_observed" in {note.code for note in found.notes}


def test_no_difference_is_said_to_be_none(tmp_path):
    with coupon_shop(0).open(tmp_path / "store") as workspace:
        found = workspace.ask(Feedback(**WHOLE, barrier="error:Coupon Denied"))
    assert found.figures["difference_low"] <= 0 <= found.figures["difference_high"]
    assert "within chance" in found.sentence("en")
