"""A form that is refused keeps what was typed: the script shows the reason beside it, without one a page says it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from starlette.testclient import TestClient

import afterclick
from afterclick.app.automation_print import fingerprint
from afterclick.store.automations import LiveRule, Show, Words
from afterclick.surfaces.web import create_app
from support.shop import Shop

Open = Callable[..., Any]
SITE = {"origin": "http://testserver", "accept": "application/json"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[afterclick.Workspace]:
    made = Shop().add("v1", "0", "Page Viewed", url="https://shop.example/")
    with made.open(tmp_path / "store", currency="KRW") as opened:
        yield opened


def token(pages: TestClient) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', pages.get("/automations").text)
    assert found
    return found[1]


def test_the_script_is_told_where_to_go_or_why_not(pages: TestClient, store: afterclick.Workspace) -> None:
    given = {"csrf": token(pages), "what": "delivery", "lang": "en", "per_second": "5"}
    done = pages.post("/automation", data={**given, "smtp": "mail.example:25"}, headers=SITE)
    assert (done.status_code, done.json()) == (200, {"to": "/automations?lang=en#delivery"})
    assert store.automations.delivery.smtp == "mail.example:25"
    refused = pages.post("/automation", data={**given, "smtp": "mail server"}, headers=SITE)
    assert refused.status_code == 422
    assert refused.json() == {
        "error": {"message": "'mail server' is no mail server", "hint": "write it as smtp.example.com:587",
                  "path": "delivery.smtp"}
    }  # fmt: skip
    korean = pages.post("/automation", data={**given, "lang": "ko", "smtp": "mail server"}, headers=SITE).json()
    assert korean["error"]["hint"] == "smtp.example.com:587처럼 쓰세요"
    # A browser without the script is led to a page, whatever else it would take.
    plain = {"origin": "http://testserver", "accept": "text/html,application/json;q=0.9"}
    assert pages.post("/automation", data={**given, "smtp": "m.example:25"}, headers=plain).status_code == 303
    assert "<h1>" in pages.post("/automation", data={**given, "smtp": "m m"}, headers=plain).text


def test_a_fault_of_ours_is_told_without_its_text(store: afterclick.Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    with TestClient(create_app(store, hosts=("testserver",)), raise_server_exceptions=False) as pages:
        given = {"csrf": token(pages), "what": "undo", "lang": "en"}

        def broken(_: object) -> Any:
            raise ZeroDivisionError("secret")

        monkeypatch.setattr(type(store.automations), "undo", broken)
        answer = pages.post("/automation", data=given, headers=SITE)
    assert answer.status_code == 500
    assert set(answer.json()["error"]) == {"message", "hint"}
    assert "secret" not in answer.text


@pytest.mark.browser
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_what_was_typed_stays_and_the_reason_stands_beside_its_field(
    lang: str, store: afterclick.Workspace, page: Open, serve: Callable[[Any], str]
) -> None:
    tab, root = page(), serve(store)
    tab.goto(f"{root}/automations?lang={lang}")
    tab.locator("#delivery summary").click()
    form = tab.locator("form:has(input[name=smtp])")
    with tab.expect_response("**/static/forms.js*"):
        form.locator("[name=sender]").fill("Hanbit")
    form.locator("[name=smtp]").fill("mail server")
    form.locator("button.go").click()
    said = form.get_by_role("alert")
    said.wait_for()
    assert "587" in said.inner_text()
    assert tab.url == f"{root}/automations?lang={lang}"
    assert form.locator("[name=sender]").input_value() == "Hanbit"
    assert form.locator("[name=smtp][aria-invalid=true]:focus").count() == 1
    assert store.automations.delivery.sender == ""
    # Mended, it is taken, and the page that shows it is loaded.
    form.locator("[name=smtp]").fill("mail.example:25")
    with tab.expect_navigation():
        form.locator("button.go").click()
    assert tab.get_by_role("alert").count() == 0
    assert tab.url == f"{root}/automations?lang={lang}#delivery"
    assert (store.automations.delivery.sender, store.automations.delivery.smtp) == ("Hanbit", "mail.example:25")
    assert tab.locator("[name=sender]").input_value() == "Hanbit"


@pytest.mark.browser
@pytest.mark.parametrize("how", ["broken off", "a proxy's page", "no data"])
def test_without_an_answer_nothing_is_sent_again(
    how: str, store: afterclick.Workspace, page: Open, serve: Callable[[Any], str]
) -> None:
    tab, asked = page(), []

    def answered(route: Any) -> None:
        asked.append(route.request.post_data)
        if how == "broken off":
            return route.abort()
        return route.fulfill(status=502 if "proxy" in how else 200, content_type="text/html", body="<h1>Bad gateway</h1>")

    tab.goto(f"{serve(store)}/automations?lang=en")
    tab.route("**/automation", answered)
    tab.locator("#delivery summary").click()
    with tab.expect_response("**/static/forms.js*"):
        tab.locator("[name=smtp]").fill("mail.example:25")
    form = tab.locator("form:has(input[name=smtp])")
    form.locator("button.go").click()
    form.get_by_role("alert").wait_for()
    assert "It may have been done" in form.get_by_role("alert").inner_text()
    assert form.locator("[name=smtp]").input_value() == "mail.example:25"
    assert len(asked) == 1
    # Whoever presses it again means it.
    tab.unroute("**/automation")
    with tab.expect_navigation():
        form.locator("button.go").click()
    assert store.automations.delivery.smtp == "mail.example:25"


@pytest.mark.browser
def test_who_may_not_is_shown_the_page_that_says_so(
    store: afterclick.Workspace, page: Open, serve: Callable[[Any], str]
) -> None:
    tab = page()
    tab.goto(f"{serve(store)}/automations?lang=en")
    tab.route("**/automation", lambda route: route.fulfill(status=401, content_type="text/plain", body="A token is needed"))
    tab.locator("#delivery summary").click()
    with tab.expect_response("**/static/forms.js*"):
        tab.locator("[name=smtp]").fill("mail.example:25")
    tab.locator("form:has(input[name=smtp]) button.go").click()
    tab.get_by_text("A token is needed").wait_for()


@pytest.mark.browser
def test_a_reason_in_a_folded_part_is_seen(store: afterclick.Workspace, page: Open, serve: Callable[[Any], str]) -> None:
    store.automations.put(LiveRule(name="Offer", when="session.pages >= 4", show=Show(words=(Words(title="Hello"),))))
    tab = page()
    tab.goto(f"{serve(store)}/automations/rule/Offer?lang=en")
    form = tab.locator("form:has([name=holdout])")
    parts = form.locator("details:has([name=holdout])")
    parts.last.evaluate("each => (each.open = true)")
    with tab.expect_response("**/static/forms.js*"):
        form.locator("[name=holdout]").fill("abc")
    parts.last.evaluate("each => (each.open = false)")
    form.locator("button.go").last.evaluate("each => each.click()")
    said = form.get_by_role("alert")
    said.wait_for()
    assert form.locator("[name=holdout]:focus").count() == 1
    assert said.evaluate("each => each.getBoundingClientRect().bottom <= innerHeight")


@pytest.mark.browser
def test_a_reason_without_a_field_is_seen_though_its_button_is_folded(
    store: afterclick.Workspace, page: Open, serve: Callable[[Any], str]
) -> None:
    store.automations.put(LiveRule(name="Offer", when="session.pages >= 4", show=Show(words=(Words(title="Hello"),))))
    tab = page()
    tab.goto(f"{serve(store)}/automations/rule/Offer?lang=en")
    tab.route("**/automation", lambda route: route.abort())
    form = tab.locator("form:has([name=holdout])")
    own = "each.querySelector('[name=holdout]')"
    form.locator("details").evaluate_all(f"all => all.forEach(each => (each.open = Boolean({own})))")
    with tab.expect_response("**/static/forms.js*"):
        form.locator("[name=holdout]").fill("5")
    assert not form.locator("button.go").first.is_visible()
    form.locator("[name=holdout]").press("Enter")
    said = form.get_by_role("alert")
    said.wait_for()
    assert "No answer came" in said.inner_text()


@pytest.mark.browser
def test_lines_end_alike_with_and_without_the_script(
    store: afterclick.Workspace, page: Open, serve: Callable[[Any], str]
) -> None:
    root, told = serve(store), "session.pages >= 4\n&& visitor.sessions == 1"
    store.automations.put(LiveRule(name="Offer", when=told, show=Show(words=(Words(title="Hello"),))))
    before = fingerprint(store.automations.rules["Offer"])
    assert fingerprint(replace(store.automations.rules["Offer"], when=told.replace("\n", "\r\n"))) == before
    for script in (True, False):
        tab = page(java_script_enabled=script)
        tab.goto(f"{root}/automations/rule/Offer?lang=en")
        folded = tab.locator("form:has([name=when]) details:not([open]) > summary:visible")
        while folded.count():
            folded.first.click()
        tab.locator("[name=holdout]").fill("5" if script else "6")
        with tab.expect_navigation():
            tab.locator("form:has([name=when]) button.go").last.click()
        assert store.automations.rules["Offer"].when == told
        assert store.automations.rules["Offer"].holdout_rate == pytest.approx(0.05 if script else 0.06)


@pytest.mark.browser
def test_a_button_says_which_one_was_pressed_and_gone_back_to_it_can_be_pressed_again(
    store: afterclick.Workspace, page: Open, serve: Callable[[Any], str]
) -> None:
    tab, root = page(), serve(store)
    tab.goto(f"{root}/automations?lang=en")
    draft = tab.locator("form:has(input[name=recipe])").first.locator("button").last
    with tab.expect_response("**/static/forms.js*"):
        draft.focus()
    draft.click()
    tab.wait_for_url(re.compile("/automations/(rule|journey)/"))
    assert len(store.automations.rules) + len(store.automations.journeys) == 1
    tab.go_back()
    tab.wait_for_url(f"{root}/automations?lang=en")
    tab.locator("form:has(input[name=recipe])").first.locator("button").last.click()
    tab.wait_for_url(re.compile("/automations/(rule|journey)/"))
    assert len(store.automations.rules) + len(store.automations.journeys) == 2
