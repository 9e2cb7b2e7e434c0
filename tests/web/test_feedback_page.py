"""The feedback page: what it shows is in the answers, every number opens its people, what strangers write stays text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any
from urllib.parse import unquote

import pytest

import afterclick
from afterclick import Feedback, Referrals, Rewards
from afterclick.surfaces.viz import feedback, feedback_lane, feedback_words, referrals, rewards
from afterclick.surfaces.viz.voice import Voice
from support.browsing import SIZES, violations
from support.markup import words_of
from support.programme import Programme
from support.shop import DAY0, Shop
from support.visited import HOSTILE

EN = Voice(currency="KRW", zone="Asia/Seoul")
ALL = {"range": "all", "compare": "none"}
DAY = 86_400_000_000


def talking_shop() -> Shop:
    """A programme of 1,100 people; a third answer, half of them are refused a coupon and score lower; some invite others."""
    shop = Programme(seed=2, lift=1.2, visitors=1100, days=70).shop()
    for number in range(240):
        at, visitor, refused = DAY0 + (5 + number % 50) * DAY + number * 1_000_000, f"t{number}", number % 2
        shop.add(visitor, at, "Page Viewed", url="https://shop.example/p", device="mobile")
        shop.add(visitor, at + 60_000_000, "Checkout Started")
        shop.add(visitor, at + 90_000_000, "Coupon Denied" if refused else "Coupon Applied")
        if number % (8 if refused else 2) == (1 if refused else 0):
            shop.add(visitor, at + 120_000_000, "Order Completed", order_id=f"t{number}", revenue=20_000)
        score = (4 if refused else 9) + number // 2 % 2
        words = "쿠폰이 안 돼요 call 010-1234-5678" if refused and number % 3 else "배송이 빨라요"
        words = HOSTILE if number == 239 else words
        shop.add(visitor, at + 300_000_000, "Survey Answered", score=score, scale=10, survey="NPS", comment=words)
    shop.add("t0", DAY0 + 58 * DAY, "Invite Sent", referral_code="T0")
    shop.add("t1", DAY0 + 58 * DAY, "Product Reviewed", rating=3, product_id=HOSTILE[:40], comment="ok")
    link = "https://shop.example/?utm_medium=invite&utm_content=T0"
    shop.add("friend", DAY0 + 58 * DAY + 5_000_000, "Page Viewed", url=link)
    shop.add("friend", DAY0 + 58 * DAY + 6_000_000, "Order Completed", order_id="f", revenue=7_000)
    return shop


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[afterclick.Workspace]:
    folder = tmp_path_factory.mktemp("talking") / "s"
    with talking_shop().open(folder, timezone="Asia/Seoul", currency="KRW", name="S") as opened:
        yield opened


def test_the_page_shows_what_the_answers_say_in_both_languages(pages, store):
    found = store.ask(Feedback(**ALL))
    programme = store.ask(Rewards(**ALL))
    told = store.ask(Referrals(**ALL))
    assert programme.figures["reason"] == ""
    for lang in ("en", "ko"):
        shown = words_of(pages.get("/feedback", params={**ALL, "wait": "1", "lang": lang}).text)
        for result in (found, programme, told):
            assert " ".join(result.sentence(lang).split()) in shown
    assert f"Promoters {found.figures['promoters']}" in words_of(
        pages.get("/feedback", params={**ALL, "wait": "1", "lang": "en"}).text
    )
    words = {row["wording"] for row in found.parts["words"].to_pylist() if row["direction"] == "low"}
    assert words
    assert all(word in shown for word in words)


def test_what_people_wrote_is_masked_and_text(pages):
    page = pages.get("/feedback", params={**ALL, "wait": "1", "lang": "en"}).text
    assert "1234-5678" not in page
    assert "[phone]" in page
    assert "<script>alert" not in page


@pytest.mark.parametrize("by", ["stage", "item"])
def test_every_mark_opens_as_many_visitors_as_it_says(pages, by):
    page = pages.get("/feedback", params={**ALL, "by": by, "wait": "1", "lang": "en"}).text
    mark = r'<a class="[^"]*" href="([^"]*people=[^"]*)"[^>]*data-people[^>]*>(?:<span[^>]*>[^<]*</span>)?([^<]*)<'
    marks = re.findall(mark, page)
    assert len(marks) > 15
    for href, label in dict(marks).items():
        count = re.match(r"[\d,]+", label)
        if not count:
            continue
        opened = pages.get(unescape(href), headers={"accept": "text/html"})
        assert opened.status_code == 200, unquote(href)
        assert int(count[0].replace(",", "")) == int(
            re.search(r"([\d,]+) visitors?\b", words_of(opened.text.partition('class="drawer"')[2]))[1].replace(",", "")
        ), unquote(href)


def test_the_map_has_a_lane_and_shows_what_those_who_met_a_barrier_say(pages, store):
    shown = words_of(pages.get("/", params={**ALL, "why": "error:Coupon Denied", "wait": "1", "lang": "en"}).text)
    lane = store.ask(Feedback(**ALL, by="stage"))
    close = next(row for row in lane.frame.to_pylist() if row["value"] == "Close")
    assert f"NPS {round(close['nps'])}".replace("-", "−") in shown
    found = store.ask(Feedback(**ALL, barrier="error:Coupon Denied"))
    assert found.sentence("en") in shown
    assert "lower than visitors alike" in shown
    given = pages.get("/map.json", params={**ALL, "why": "error:Coupon Denied"}).json()
    assert given["cards"]["said"]["parts"]["beside"] == found.to_dict()["parts"]["beside"]


def test_the_csv_of_a_card_is_its_table(pages, store):
    text = pages.get("/feedback.csv", params={**ALL, "card": "words"}).text.removeprefix("\ufeff")
    assert text.splitlines()[0].split(",") == store.ask(Feedback(**ALL)).parts["words"].column_names


def test_nothing_said_is_said_with_what_to_bring(tmp_path):
    with Shop().add("v", "0", "Page Viewed", url="https://shop.example/").open(tmp_path / "s") as quiet:
        found = [quiet.ask(kind(**ALL)) for kind in (Feedback, Rewards, Referrals)]
    assert "afterclick import --kind feedback" in feedback.summary(found[0], EN)
    assert "Rewards Joined" in rewards.rewards(found[1], EN)
    assert "Invite Sent" in referrals.referrals(found[2], EN)
    for draw in (feedback.groups, feedback_words.quotes, feedback_words.beside, feedback_lane.lane):
        assert draw(found[0], EN) is None
    assert feedback.trend(found[0], EN, "chart") is None
    assert feedback_words.words(found[0], EN, "chart") is None


def test_the_card_of_another_page_is_the_same_answer(pages, store):
    whole = pages.get("/feedback.json", params={**ALL}).json()
    assert whole["cards"]["rewards"]["figures"]["members"] == store.ask(Rewards(**ALL)).figures["members"]
    assert whole["cards"]["rewards"]["spec"]["range"] == "all"


@pytest.mark.browser
@pytest.mark.parametrize("path", ["/feedback?range=all&", "/?range=all&why=error%3ACoupon+Denied&"])
@pytest.mark.parametrize("size", SIZES)
def test_the_page_is_clean_in_a_browser(
    serve: Callable[[Any], str], page: Callable[..., Any], axe: str, store: Any, path: str, size: str
) -> None:
    root = serve(store)
    for lang, theme in (("en", "light"), ("ko", "dark")):
        tab = page(viewport=SIZES[size], bypass_csp=True)
        tab.goto(f"{root}{path}lang={lang}&theme={theme}&wait=1")
        tab.get_by_role("heading", level=1).wait_for()
        assert violations(tab, axe) == []
        assert tab.faults == []
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        tab.context.close()
