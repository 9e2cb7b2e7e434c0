"""Barriers on the journey map: cards, formula, people, what was tested besides, and without money, barriers or script."""

from __future__ import annotations

import html
import itertools
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from drawn import HOSTILE, FakeShop
from drawn_barriers import barriers_result
from starlette.testclient import TestClient
from test_viz_shapes import Tags

from afterclick.analyse.barriers import Barriers
from afterclick.core.result import Result
from afterclick.core.spec import Spec
from afterclick.surfaces.viz import barrier_cards, barriers
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web import create_app
from support.browsing import SIZES, violations

EN = Voice(lang="en", currency="KRW", people=lambda cell: f"/?people={cell}", go=lambda _: "/?why=x")
KO = Voice(lang="ko", currency="KRW")


def plain(markup: str) -> str:
    """The text a reader sees, spaces joined."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", markup))).strip()


class Slow(FakeShop):
    """Barriers wait behind a gate of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.search = threading.Event()

    def ask(self, spec: Spec) -> Result:
        if isinstance(spec, Barriers):
            self.search.wait(30)
        return super().ask(spec)


def opened(shop: FakeShop) -> TestClient:
    return TestClient(create_app(shop, hosts=("testserver",)), follow_redirects=False)


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ["▲ Critical error · observed", "● High slow page", "◐ Medium touchpoint", "○ Low landing page",
                "1. Coupon Denied", "Visitors who run into “Coupon Denied” go on", "visitors alike who do not, in 59.8%.",
                "₩46.2M at risk", "₩31.1M – ₩61.3M a month", "1,598 visitors · 1,120 no order",
                "Phone: 96.0% of those who met it, 60.0% of the others", "counted once: ₩7.8M of ₩8.8M",
                "₩70.3M a month is at risk. 77% of it sits in one stage: Close.", "₩51M – ₩89.5M a month",
                "Check the discount field", "against 1. Coupon Denied", "Named: 4 of 51 candidates."]),
        ("ko", ["▲ 매우 심각 오류 · 관찰", "“Coupon Denied” 오류를 겪은 방문은 29.9%가 주문으로 이어지고", "4,620만원 위험",
                "월 3,110만원 – 6,130만원", "방문자 1,598명 · 1,120명 주문 없음", "휴대폰: 겪은 방문의 96.0%",
                "중복 제외: 878.7만원 중 780.3만원", "매달 7,025만원의 매출이 위험합니다. 그중 77%가 구매 단계에 있습니다.",
                "할인 코드 입력란 점검", "대상: 1. Coupon Denied"]),
    ],
)  # fmt: skip
def test_the_map_names_barriers_and_their_money(client: TestClient, lang: str, words: list[str]) -> None:
    shown = plain(client.get("/", params={"lang": lang, "wait": "1"}).text)
    for each in words:
        assert each in shown, each


def test_lanes_stand_in_the_order_of_the_journey(client: TestClient) -> None:
    body = client.get("/?lang=en&wait=1").text
    text = plain(body[body.index('class="cards"') :])
    marks = ["Avg. order value", "Revenue at risk", "is at risk. 77%", "How do they find us?", "2,110 still open",
            "/cart 9,902",             "1. Coupon Denied", "Next actions", "Ways between stages"]  # fmt: skip
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)


def test_the_formula_holds_with_its_numbers() -> None:
    found = barriers_result(Barriers())
    rows = found.frame.to_pylist()
    lines = barriers.formula(rows[0], barriers.scale_of(rows, found), EN)
    assert "1,598 visits × (59.8% × ₩81,000 − 29.9% × ₩74,000) × 30 ÷ 28 days = ₩46.2M" in lines
    assert not any("later" in line for line in lines)
    slow = barriers.formula(rows[1], barriers.scale_of(rows, found), EN)
    assert any("Divided by 1 − 0.82%" in line for line in slow)
    assert "− 0.00% × –" in barriers.formula(rows[3], barriers.scale_of(rows, found), EN)[1]


def test_intervals_share_one_scale() -> None:
    found = barriers_result(Barriers())
    rows = [row for row in found.frame.to_pylist() if row["rank"]]
    scale = barriers.scale_of(rows, found)
    assert (scale.most, scale.days) == (61_300_000.0, 28.0)
    ends = [re.findall(r'd="M ([\d.]+) 6 H ([\d.]+)"', str(barriers.interval(row, scale.most, EN)))[0] for row in rows]
    for row, (low, high) in zip(rows, ends, strict=True):
        assert float(low) == pytest.approx(100 * float(row["at_risk_low"]) / scale.most, abs=0.01)
        assert float(high) == pytest.approx(100 * float(row["at_risk_high"]) / scale.most, abs=0.01)
    assert barriers.interval(rows[0], 0.0, EN) is None


def test_what_was_tested_besides_says_why_it_is_not_named(client: TestClient) -> None:
    body = client.get("/?lang=en&wait=1").text
    fold = re.search(r'<details class="more"><summary>(Also tested.*?)</details>', body, re.S)
    assert fold is not None
    rows = plain(fold[1])
    assert rows.startswith("Also tested, not named: 4")
    assert re.search(r"Coupon Entered touchpoint · Close 43.9% 61.3% 728 too small to be sure \(×1.27; ×1.3", rows)
    assert re.search(r"Product List Viewed repeated attempt · Attract 4.03% 4.31% 6,110 within chance", rows)
    assert re.search(r"/cart ↔ /checkout going back and forth .* 155 explained by Coupon Denied", rows)


def test_the_table_holds_the_same_figures() -> None:
    found = barriers_result(Barriers())
    shown = plain(str(barrier_cards.barrier_lanes(found, EN, "table")))
    assert "<table" in str(barrier_cards.barrier_lanes(found, EN, "table"))
    for each in ("1. Coupon Denied", "▲ Critical", "29.9%", "59.8%", "₩46,200,000", "₩31,100,000", "₩61,300,000",
                 "1,598", "478", "1,120", "₩7,803,106", "observed", "Check the discount field", "Coupon Entered"):  # fmt: skip
        assert each in shown, each


def test_without_amounts_it_counts_orders() -> None:
    found = barriers_result(Barriers(), money=False)
    text = plain(str(barrier_cards.barrier_lanes(found, EN)))
    assert "154 orders fewer a month" in text.replace("155", "154")
    assert "₩" not in text
    assert "743" in plain(str(barrier_cards.risk(found, EN)))
    assert "about 743 orders a month" in plain(str(barrier_cards.headline(found, EN)))
    rows = found.frame.to_pylist()
    line = barriers.formula(rows[0], barriers.scale_of(rows, found), EN)[1]
    assert line == "1,598 visits × (59.8% − 29.9%) × 30 ÷ 28 days = 154.5 orders"


def test_without_barriers_it_says_among_how_many() -> None:
    found = barriers_result(Barriers(), found=False)
    text = plain(str(barrier_cards.barrier_lanes(found, EN)))
    assert text.startswith("Barriers No barrier found: of 51 candidates none surely keeps visitors from buying")
    assert "Also tested, not named: 4" in text
    assert barrier_cards.headline(found, EN) is None
    assert "none found" in plain(str(barrier_cards.risk(found, EN)))
    found.figures["candidates"] = 0
    assert "import orders" in plain(str(barrier_cards.barrier_lanes(found, EN)))
    assert "주문이 있어야" in plain(str(barrier_cards.barrier_lanes(found, KO)))


def test_the_map_does_not_wait_for_the_search() -> None:
    shop = Slow()
    with opened(shop) as client:
        body = client.get("/?lang=en").text
        assert "₩442.4M" in body
        assert "135,016 leave" in body
        assert "Ways between stages" in body
        assert "Coupon Denied</bdi></a></h4>" not in body
        waiting = set(re.findall(r'data-src="/map\.part\?lang=en&amp;card=(\w+)"', body))
        assert waiting == {"risk", "headline", "barriers"}
        shop.search.set()
        for name, words in (("risk", "₩70.3M"), ("headline", "77% of it"), ("barriers", "1. Coupon Denied")):
            assert words in plain(client.get(f"/map.part?lang=en&card={name}").text)


def test_a_map_without_barriers_has_no_card_for_them(client: TestClient, shop: FakeShop) -> None:
    shown = client.get("/?lang=en&barriers=off&wait=1").text
    assert "Revenue at risk" not in shown
    assert {spec.key_word for spec in shop.asked} == {"map", "feedback"}


def test_why_stands_in_a_card_of_its_own(client: TestClient) -> None:
    shown = client.get("/", params={"lang": "en", "wait": "1", "why": "error:Coupon Denied"}).text
    card = plain(shown[shown.index('id="card-why"') : shown.index('id="card-below"')])
    assert "Why? After “Coupon Denied”" in card
    assert "Compared: 478 who went on, 1,120 who did not." in card
    assert "only a test can show" in card
    assert "caused" not in card
    assert re.search(r"Goes with going on .* /search 32.8% 79 / 241 23.8% 44 / 185 ×1.6", card)
    assert re.search(r"Goes with not going on .* /login", card)
    assert 'href="/?lang=en">Close</a>' in shown
    wrong = client.get("/", params={"lang": "en", "wait": "1", "why": "error:Gone"}).text
    assert "there is no barrier" in plain(wrong)
    assert "₩70.3M" in wrong


def test_people_of_a_barrier_are_those_of_its_card(client: TestClient) -> None:
    body = client.get("/?lang=en&wait=1").text
    link = html.unescape(re.search(r'href="([^"]*barrier%3Derror%3ACoupon\+Denied%3Bpart%3Dmet[^"]*)"', body)[1])  # type: ignore[index]
    assert "card=barriers" in link
    assert "1,598 visitors" in plain(client.get(link.partition("#")[0]).text)
    whole = html.unescape(re.search(r'href="([^"]*people=part%3Dmet[^"]*card=risk[^"]*)"', body)[1])  # type: ignore[index]
    assert "46,966 visitors" in plain(client.get(whole.partition("#")[0]).text)


@pytest.mark.parametrize("view", ["chart", "table"])
def test_names_of_strangers_stay_text(view: str) -> None:
    shop = FakeShop(hostile=True)
    with opened(shop) as client:
        body = client.get("/", params={"wait": "1", "view": view, "lang": "en"}).text
        assert "<script>alert" not in body
        assert "&lt;script&gt;alert(1)" in body
        assert not any(name == "style" or name.startswith("on") for name in Tags(body).attributes)
    why = barriers_result(Barriers(), strangers=HOSTILE)
    assert "<script>alert" not in str(barrier_cards.barrier_lanes(why, EN, view))


@pytest.mark.parametrize("count", [1, 3, 4, 5, 7])
def test_any_number_of_stages(count: int) -> None:
    names = tuple("ABCDEFG"[:count])
    found = barriers_result(Barriers(), stages=names)
    made = str(barrier_cards.barrier_lanes(found, EN))
    assert made.count('class="barrier ') == 4
    assert ("map-scroll" in made) == (count > 4)


@pytest.fixture
def drawn_shop() -> FakeShop:
    return FakeShop()


@pytest.mark.browser
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("query", ["why=error%3ACoupon+Denied", "view=table"])
def test_everything_open_is_clean(
    serve: Callable[[FakeShop], str], page: Callable[..., Any], axe: str, drawn_shop: FakeShop, size: str, query: str
) -> None:
    root = serve(drawn_shop)
    for lang, theme in itertools.product(("en", "ko"), ("light", "dark")):
        tab = page(viewport=SIZES[size], bypass_csp=True)
        tab.goto(f"{root}/?{query}&lang={lang}&theme={theme}&wait=1")
        for fold in tab.locator("#answer details.more").all():
            fold.evaluate("each => { each.open = true }")
        assert violations(tab, axe) == []
        assert tab.faults == []
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        tab.context.close()


@pytest.mark.browser
def test_why_is_opened_and_closed_by_hand(
    serve: Callable[[FakeShop], str], page: Callable[..., Any], drawn_shop: FakeShop
) -> None:
    tab = page()
    tab.goto(serve(drawn_shop) + "/?lang=en")
    tab.get_by_role("link", name="Why? Coupon Denied").click()
    title = tab.get_by_role("heading", name="Why? After “Coupon Denied”")
    title.wait_for()
    tab.wait_for_function("scrollY > 0")
    assert title.bounding_box()["y"] < 900
    tab.locator("#card-why").get_by_role("link", name="Close").click()
    title.wait_for(state="detached")
    assert tab.url.endswith("/?lang=en")
    assert tab.faults == []


@pytest.mark.browser
def test_the_first_barrier_stands_above_the_fold(
    serve: Callable[[FakeShop], str], page: Callable[..., Any], drawn_shop: FakeShop
) -> None:
    tab = page(viewport={"width": 1440, "height": 900})
    tab.goto(serve(drawn_shop) + "/?lang=en&wait=1")
    assert tab.get_by_text("Visitors who run into").bounding_box()["y"] < 860
    close = tab.locator(".chevron", has_text="Close").bounding_box()
    card = tab.locator("article.critical").bounding_box()
    assert close["x"] - 2 <= card["x"] <= close["x"] + close["width"]
