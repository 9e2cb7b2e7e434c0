"""The Segments page: numbers with their people, forms that save, rename, delete, keep and hand over, chips, no script."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import afterclick
from afterclick import Kpi, Segment, Segments
from afterclick.surfaces.web import create_app
from support.browsing import SIZES, violations
from support.markup import words_of
from support.shop import Shop

HOSTILE = '"><script>alert(1)</script>'
BUYERS = "visitor.orders >= 1"


def made() -> Shop:
    draw, shop = random.Random(2), Shop()
    for number in range(45):
        minute = draw.randrange(0, 20 * 24 * 60)
        for visit in range(draw.randrange(1, 4)):
            shop.add(f"v{number}", f"{minute}m", "Page Viewed", url="https://x.example/", device="mobile")
            shop.add(f"v{number}", f"{minute + 1}m", "Product Viewed", price=25000.0, product_id="p1", user=f"u{number}")
            if draw.random() < 0.4:
                more = {"revenue": 5000, "order_id": f"o{number}-{visit}", "email": f"Kim{number}@mail.example"}
                shop.add(f"v{number}", f"{minute + 3}m", "Order Completed", **more)
            minute += draw.randrange(1, 3000)
    return shop


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[afterclick.Workspace]:
    yield from opened(tmp_path_factory.mktemp("segments"))


@pytest.fixture
def own(tmp_path: Path) -> Iterator[afterclick.Workspace]:
    """A store that a test may change."""
    yield from opened(tmp_path)


def opened(folder: Path) -> Iterator[afterclick.Workspace]:
    with made().open(folder / "s", currency="KRW", timezone="Asia/Seoul") as shop:
        shop.segments.save("Buyers", BUYERS)
        shop.segments.save(HOSTILE, "visitor.sessions >= 2")
        yield shop


@pytest.fixture
def own_pages(own: afterclick.Workspace) -> Iterator[TestClient]:
    with TestClient(create_app(own, hosts=("testserver",)), follow_redirects=False) as client:
        yield client


def token_of(pages: TestClient) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', pages.get("/segments?rule=Buyers").text)
    assert found
    return found[1]


def send(pages: TestClient, **fields: str) -> Any:
    return pages.post("/segment", data={"csrf": token_of(pages), **fields}, headers={"origin": "http://testserver"})


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("view", ["chart", "table"])
def test_every_number_stands_on_the_page_without_script(pages, store, lang, view) -> None:
    markup = pages.get(f"/segments?rule=Buyers&range=all&lang={lang}&view={view}&wait=1").text
    said = words_of(markup)
    found = store.ask(Segment(rule="Buyers", range="all"))
    assert found.sentence(lang) in said
    for row in found.frame.to_pylist():
        if row["unit"] == "count":
            assert f"{row['value']:,.0f}" in said
    for row in found.parts["trend"].to_pylist():
        assert str(row["members"]) in said
    for row in store.ask(Segments(range="all")).frame.to_pylist():
        assert f"{row['members']:,}" in said
    assert HOSTILE not in markup
    assert unescape(HOSTILE) in said


def test_marks_lead_to_as_many_people_as_they_say(pages) -> None:
    markup = pages.get("/segments?rule=Buyers&range=all&wait=1").text
    marks = re.findall(r'<a class="num" href="([^"]+)"[^>]*data-people[^>]*>(.*?)</a>', markup)
    assert len(marks) > 6
    for href, label in marks:
        shown = int(words_of(label).replace(",", ""))
        drawer = words_of(pages.get(unescape(href).partition("#")[0]).text)
        assert f"{shown:,} visitor" in drawer, href


def test_an_unasked_page_offers_rules_that_can_be_opened(pages) -> None:
    markup = pages.get("/segments?wait=1").text
    ready = re.findall(r'href="(/segments\?rule=[^"]+)"', markup)
    assert len(ready) >= 6
    for href in ready:
        answer = pages.get(unescape(href) + "&wait=1")
        assert answer.status_code == 200
        assert "card-segment" in answer.text
        assert 'class="panel error' not in answer.text


def test_a_rule_that_is_wrong_says_where_and_what_to_write(pages) -> None:
    said = words_of(pages.get("/segments", params={"rule": 'cuont("Product Viewed") > 1', "wait": "1"}).text)
    assert "unknown function 'cuont' at character 1" in said
    assert "did you mean 'count'?" in said
    answer = pages.get("/segments.json", params={"rule": 'count("Product Viewd") > 1'})
    assert answer.status_code == 422
    assert "Product Viewed" in answer.json()["error"]["hint"]


def test_a_rule_is_saved_renamed_deleted_and_brought_back(own_pages, own) -> None:
    answer = send(own_pages, what="save", name="Viewers", rule='count("Product Viewed") >= 2', lang="ko")
    assert (answer.status_code, answer.headers["location"]) == (303, "/segments?rule=Viewers&lang=ko")
    assert own.segments.saved()["Viewers"] == 'count("Product Viewed") >= 2'
    assert send(own_pages, what="rename", rule="Viewers", name="Lookers").headers["location"] == "/segments?rule=Lookers"
    assert send(own_pages, what="delete", name="Lookers").headers["location"] == "/segments"
    assert "Lookers" not in own.segments.saved()
    send(own_pages, what="undo")
    assert "Lookers" in own.segments.saved()
    refused = send(own_pages, what="save", name="X", rule="visitor.orders")
    assert refused.status_code == 422
    assert "stands alone" in words_of(refused.text)
    assert own_pages.post("/segment", data={"csrf": "old", "what": "undo"}).status_code == 403


def test_members_and_the_people_of_any_cell_are_kept_as_lists(own_pages, own) -> None:
    assert "Day+one" in send(own_pages, what="take", rule="Buyers", name="Day one").headers["location"]
    count = own.ask(Segment(rule="Buyers", range="all")).figures["members"]
    assert own.ask(Segment(rule="Day one", range="all")).figures["members"] == count
    drawer = own_pages.get("/overview?range=all&people=new#drawer").text
    question = re.search(r'name="question" value="([^"]+)"', drawer)
    assert question
    answer = send(own_pages, what="people", name="New ones", question=unescape(question[1]), cell="new")
    assert answer.status_code == 303
    assert own.ask(Kpi(range="all", segment=("New ones",))).figures["visitors"] == len(
        own.ask(Kpi(range="all")).people("new")
    )
    assert send(own_pages, what="delete", name="New ones").status_code == 303
    assert [one.name for one in own.segments.lists()] == ["Day one"]


def test_the_audience_is_a_file_without_a_plain_e_mail(pages, store) -> None:
    answer = pages.get("/audience.csv", params={"segment": "Buyers"})
    lines = answer.text.strip().splitlines()
    assert len(lines) == 1 + store.ask(Segment(rule="Buyers", range="all")).figures["members"]
    assert "@" not in answer.text
    assert re.search(r"[0-9a-f]{64}", answer.text)
    with TestClient(create_app(store, hosts=("testserver",), token="s3cret")) as guarded:
        assert guarded.get("/audience.csv", params={"segment": "Buyers"}).status_code == 401


@pytest.mark.parametrize("path", ["/", "/overview", "/channels", "/visitors", "/segments?rule=visitor.sessions+%3E%3D+1"])
def test_every_page_can_be_asked_of_a_segment_and_shows_it_as_a_chip(pages, path) -> None:
    sign = "&" if "?" in path else "?"
    answer = pages.get(f"{path}{sign}segment=Buyers&range=all&wait=1")
    assert answer.status_code == 200
    chips = re.search(r'<ul class="chips".*?</ul>', answer.text, re.S)
    assert chips
    assert "Buyers" in chips[0]
    off = re.search(r'href="([^"]+)" aria-label', chips[0])
    assert off
    assert "segment=" not in unescape(off[1])
    assert "segment Buyers" in words_of(answer.text)
    menu = re.search(r'<a href="([^"]*segment=Buyers[^"]*)" aria-current="true">', answer.text)
    assert menu
    assert pages.get(unescape(menu[1])).status_code == 200


def test_a_page_without_anybody_offers_to_leave_the_segment_out(pages) -> None:
    markup = pages.get("/channels", params={"segment": 'count("Page Viewed") > 900', "range": "all", "wait": "1"}).text
    assert 'href="/channels?range=all"' in markup
    assert "Page Viewed" in words_of(markup)


def test_an_empty_store_and_a_store_without_segments(tmp_path) -> None:
    with Shop().open(tmp_path / "none") as empty, TestClient(create_app(empty, hosts=("testserver",))) as client:
        assert client.get("/segments?rule=visitor.known&wait=1").status_code == 200
    with made().open(tmp_path / "some") as shop, TestClient(create_app(shop, hosts=("testserver",))) as client:
        assert "No segment is saved yet" in words_of(client.get("/segments?wait=1").text)


@pytest.mark.browser
@pytest.mark.parametrize("size", SIZES)
def test_it_is_clean_in_a_browser(
    serve: Callable[[Any], str], page: Callable[..., Any], axe: str, store: afterclick.Workspace, size: str
) -> None:
    root = serve(store)
    asked = "/segments?rule=Buyers&range=all&"
    for path, look in (("/segments?", "lang=ko&theme=dark"), (asked, "lang=en&theme=light"), (asked, "lang=ko&theme=dark")):
        tab = page(viewport=SIZES[size], bypass_csp=True)
        tab.goto(f"{root}{path}{look}&wait=1")
        tab.get_by_role("heading", level=1).wait_for()
        assert violations(tab, axe) == []
        assert tab.faults == []
        assert all(url.startswith((root, "data:")) for url in tab.requested)
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        tab.context.close()


@pytest.mark.browser
def test_a_rule_is_written_and_saved_by_keyboard(
    serve: Callable[[Any], str], page: Callable[..., Any], own: afterclick.Workspace
) -> None:
    tab = page()
    tab.goto(serve(own) + "/segments?lang=en")
    field = tab.get_by_label("Rule")
    field.fill('count("Product Viewed") >= 2')
    field.press("Enter")
    tab.get_by_role("heading", name=re.compile("number of “Product Viewed”")).wait_for()
    name = tab.get_by_label("Save this rule as")
    name.fill("Looked twice")
    name.press("Enter")
    tab.wait_for_url("**/segments?rule=Looked+twice*")
    assert own.segments.saved()["Looked twice"] == 'count("Product Viewed") >= 2'
    assert tab.faults == []


def test_where_nothing_can_be_done_no_empty_box_stands(tmp_path) -> None:
    with made().open(tmp_path / "bare") as bare, TestClient(create_app(bare, hosts=("testserver",))) as client:
        assert 'class="panel card desk"' not in client.get("/segments?wait=1").text
        assert 'class="panel card desk"' in client.get("/segments?rule=visitor.known&wait=1").text
