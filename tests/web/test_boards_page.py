"""The Boards page: made, changed and undone by plain forms, goals as lines, alerts with their causes; clean in a browser."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import afterclick
from afterclick.store.documents import Alert, Board, BoardCard, Goal
from support.browsing import SIZES, violations
from support.shop import Shop

SITE = {"origin": "http://testserver"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[afterclick.Workspace]:
    made = Shop()
    for day in range(40):
        made.add(f"v{day % 7}", f"{day}d", "Page Viewed", url="https://shop.example/?utm_source=naver&utm_medium=cpc")
        made.add(f"v{day % 7}", f"{day}d1m", "Order Completed", order_id=f"o{day}", revenue=100)
    with made.open(tmp_path / "store", currency="KRW", name="Test shop") as opened:
        yield opened


def body(pages: TestClient, path: str, **params: str) -> str:
    answer = pages.get(path, params={"wait": "1", **params})
    assert answer.status_code == 200
    return answer.text


def post(pages: TestClient, path: str, **fields: str) -> Any:
    token = re.search(r'name="csrf" value="([^"]+)"', body(pages, path))
    assert token
    return pages.post("/desk", data={"csrf": token[1], **fields}, headers=SITE)


def filled(store: afterclick.Workspace) -> None:
    cards = (
        BoardCard(question="kpi?range=28d", figure="revenue", goal=Goal(value=5600), title="Revenue"),
        BoardCard(question="kpi?range=28d", figure="bounce_rate", goal=Goal(value=0.4, at="most")),
        BoardCard(question="channels?range=7d", text="<script>alert(1)</script> watch this"),
        BoardCard(title="Note", text="Only words."),
    )
    store.desk.put_board(Board(name="Mon/day", text="Every Monday.", cards=cards))
    store.desk.put_alert(Alert(name="Orders", question="kpi?range=1d", figure="orders", below=5))
    store.desk.put_alert(Alert(name="Odd", question="kpi", figure="visitors", kind="unusual", weeks=4))


def test_an_empty_page_says_what_a_board_and_an_alert_are(pages: TestClient) -> None:
    for lang, said in (("en", "A board is a list of questions"), ("ko", "보드는 설명과 목표가 붙은")):
        found = body(pages, "/boards", lang=lang)
        assert said in found
        assert "afterclick alerts check" in found
        assert 'action="/desk"' in found


def test_boards_cards_and_alerts_are_made_and_taken_back_by_forms(pages: TestClient, store: afterclick.Workspace) -> None:
    made = post(pages, "/boards", what="board", name="Week", text="Mondays")
    assert made.status_code == 303
    at = "/boards/Week"
    added = post(
        pages, at, what="card", board="Week", question="kpi?range=7d", figure="revenue", goal="1,000", at="least", lang="ko"
    )
    assert (added.status_code, added.headers["location"]) == (303, "/boards/Week?lang=ko")
    assert store.desk.boards["Week"].cards[0].goal == Goal(value=1000.0)
    shown = body(pages, at)
    assert "at least ₩1,000" in shown
    assert "Take back: board Week" in shown
    assert post(pages, at, what="drop_card", board="Week", place="1").headers["location"] == "/boards/Week"
    assert store.desk.boards["Week"].cards == ()
    post(pages, at, what="undo", board="Week")
    assert len(store.desk.boards["Week"].cards) == 1
    alert = post(
        pages, "/boards", what="alert", name="Few", question="kpi?range=1d", figure="orders", below="5", cooldown="2d"
    )
    assert alert.headers["location"] == "/boards"
    assert store.desk.alerts["Few"] == Alert(
        name="Few", question=store.desk.alerts["Few"].question, figure="orders", below=5.0, cooldown="2d"
    )
    assert "rings" in body(pages, "/boards")
    assert post(pages, at, what="watch", board="Week", name="Few").headers["location"] == at
    assert "▲ rings" in body(pages, at)
    post(pages, at, what="unwatch", board="Week", name="Few")
    assert "▲ rings" not in body(pages, at)
    post(pages, "/boards", what="drop_alert", name="Few")
    post(pages, "/boards", what="drop_board", name="Week")
    assert (store.desk.alerts, store.desk.boards) == ({}, {})


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"what": "card", "board": "Nope", "question": "kpi"}, 422),
        ({"what": "alert", "name": "A", "question": "kpi", "figure": "orders", "below": "much"}, 422),
        ({"what": "alert", "name": "A", "question": "kpi", "figure": "orders", "cooldown": "soon"}, 422),
        ({"what": "alert", "name": "A", "question": "kpi", "figure": "orders"}, 422),
        ({"what": "nonsense"}, 422),
        ({"what": "undo"}, 422),
        ({"what": "board", "name": "x", "csrf": "old"}, 403),
    ],
)
def test_a_form_that_cannot_be_is_refused_with_a_reason(pages: TestClient, fields: dict[str, str], status: int) -> None:
    answer = post(pages, "/boards", **fields)
    assert answer.status_code == status
    assert "<h1>" in answer.text


def test_a_form_of_another_place_is_refused(pages: TestClient) -> None:
    assert pages.post("/desk", data={"what": "undo"}, headers={"origin": "http://evil.example"}).status_code == 403


def test_a_board_shows_goals_as_lines_and_its_cards_open_their_people(
    pages: TestClient, store: afterclick.Workspace
) -> None:
    filled(store)
    store.desk.watch("Mon/day", "Orders")
    shown = body(pages, "/boards/Mon%2Fday")
    assert shown.count('class="goal"') == 2
    assert "Goal: ₩200" in shown  # 5,600 over 28 days
    assert "&lt;script&gt;alert(1)" in shown
    assert "Only words." in shown
    data = pages.get("/boards.json", params={"name": "Mon/day", "card": "c1"}).json()
    assert data["figures"]["orders"] == 28
    drawer = body(pages, "/boards/Mon%2Fday", people="buyers", card="c2")
    assert 'id="drawer"' in drawer
    assert "7 " in drawer
    assert pages.get("/boards.json", params={"name": "Mon/day"}).json()["figures"]["goals"] == 2
    report = pages.get("/report.html", params={"pages": "boards", "name": "Mon/day"})
    assert report.status_code == 200
    assert "Every Monday." in report.text


def test_a_change_makes_the_page_new_and_the_same_page_is_304(pages: TestClient, store: afterclick.Workspace) -> None:
    filled(store)
    tag = pages.get("/boards", params={"wait": "1"}).headers["etag"]
    assert pages.get("/boards", params={"wait": "1"}, headers={"if-none-match": tag}).status_code == 304
    store.desk.drop_alert("Odd")
    assert pages.get("/boards", params={"wait": "1"}, headers={"if-none-match": tag}).status_code == 200
    assert "Odd" not in pages.get("/boards", params={"wait": "1"}).text.split("desk")[0]


@pytest.mark.browser
@pytest.mark.parametrize("size", SIZES)
def test_the_page_is_clean(
    serve: Callable[[Any], str], page: Callable[..., Any], axe: str, store: afterclick.Workspace, size: str
) -> None:
    filled(store)
    root = serve(store)
    for path, (lang, theme) in itertools.product(
        ("/boards", "/boards/Mon%2Fday"), (("en", "light"), ("ko", "dark"), ("en", "dark"), ("ko", "light"))
    ):
        tab = page(viewport=SIZES[size], bypass_csp=True)
        tab.goto(f"{root}{path}?wait=1&lang={lang}&theme={theme}")
        tab.get_by_role("heading", level=1).wait_for()
        for details in tab.locator(".desk details.more > summary").all():
            details.click()
        assert violations(tab, axe) == []
        assert tab.faults == []
        assert all(url.startswith((root, "data:")) for url in tab.requested)
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        tab.context.close()


@pytest.mark.browser
def test_a_board_is_made_without_a_script(
    serve: Callable[[Any], str], page: Callable[..., Any], store: afterclick.Workspace
) -> None:
    tab = page(java_script_enabled=False)
    tab.goto(serve(store) + "/boards?wait=1")
    desk = tab.locator(".desk")
    desk.get_by_label("Name").first.fill("Week")
    desk.get_by_role("button", name="New board").click()
    desk.get_by_text("Add a card").first.click()
    desk.get_by_label("Question").fill("kpi?range=7d")
    desk.get_by_label("Figure").fill("revenue")
    desk.get_by_role("button", name="Add a card").click()
    tab.goto(tab.url + "?wait=1")
    assert "Revenue" in tab.locator("main").inner_text()
    assert "₩700" in tab.locator("main").inner_text()
