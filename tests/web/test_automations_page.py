"""The Automations page: recipes, editor, delivery by plain forms, gates in words, inert names, clean in a browser."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from drawn import FakeShop
from msgspec.structs import replace
from starlette.testclient import TestClient

import afterclick
from afterclick.act.message import Outcome
from afterclick.app import automation_recipes
from afterclick.app.automation_print import fingerprint
from afterclick.app.automations import Automations
from afterclick.store.automations import Cap, Entry, Journey, LiveRule, Node, Send, Show, Wait, Words
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web import create_app
from afterclick.surfaces.web.automation_forms import drafting, page_of
from support.browsing import SIZES, violations
from support.sending import Box, intent
from support.shop import Shop

SITE = {"origin": "http://testserver"}
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


@pytest.fixture
def store(tmp_path: Path) -> Iterator[afterclick.Workspace]:
    made = Shop()
    for i in range(60):
        made.add(f"v{i}", f"{i % 20}d", "Page Viewed", url="https://shop.example/?utm_source=naver&utm_medium=cpc")
        held = i % 5 == 0
        event = "Message Suppressed" if held else "Message Delivered"
        more = {"reason": "holdout"} if held else {}
        made.add(f"v{i}", f"{i % 20}d1m", event, rule="Sign-up offer", action_id=f"a{i}", channel="onsite", **more)
        if i % 3 == 0:
            made.add(f"v{i}", f"{i % 20}d1h", "Order Completed", order_id=f"o{i}", revenue=20000 + 100 * i)
    made.add("v1", "21d", "Message Failed", journey="Remind", action_id="f", channel="push", detail="410 <b>Gone</b>")
    made.add("v1", "40d", "Product Added", product_id="p", price=9000, quantity=2)
    with made.open(tmp_path / "store", currency="KRW", name="Test shop", own_domains=["shop.example"]) as opened:
        yield opened


@pytest.fixture
def desk(store: afterclick.Workspace) -> Automations:
    return store.automations


def body(pages: TestClient, path: str, **params: str) -> str:
    answer = pages.get(path, params=params)
    assert answer.status_code == 200, answer.text[:500]
    return answer.text


def forms_of(text: str, **wanted: str) -> list[dict[str, str]]:
    """What each form to /automation sends as it stands, of those with these values: as a browser without script would."""
    found = []
    for form in re.findall(r'<form method="post" action="/automation".*?</form>', text, re.S):
        values: dict[str, str] = {}
        for tag in re.findall(r"<input[^>]*>", form):
            name, value = (re.search(rf'\b{key}="([^"]*)"', tag) for key in ("name", "value"))
            if name:
                values[name[1]] = html.unescape(value[1]) if value else ""
        for name, inner in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>(.*?)</textarea>', form, re.S):
            values[name] = html.unescape(inner)
        for name, inner in re.findall(r'<select name="([^"]+)">(.*?)</select>', form, re.S):
            chosen = re.search(r'<option value="([^"]*)" selected>', inner) or re.search(r'<option value="([^"]*)"', inner)
            assert chosen
            values[name] = html.unescape(chosen[1])
        if all(values.get(key) == value for key, value in wanted.items()):
            found.append(values)
    return found


def send(pages: TestClient, path: str, changes: Mapping[str, str] | None = None, **wanted: str) -> Any:
    """Fill the first such form of a page and send it."""
    forms = forms_of(body(pages, path, lang="en"), **wanted)
    assert forms, f"{path} has no form {wanted}"
    return pages.post("/automation", data={**forms[0], **(changes or {})}, headers=SITE)


def drafted(desk: Automations, name: str) -> Any:
    return desk.put(automation_recipes.draft(name, {}, lang="en", languages=("en", "ko"), currency="KRW"))


def test_an_empty_page_offers_the_ready_made_ones(pages: TestClient) -> None:
    for lang, said in (("en", "No automation is on yet"), ("ko", "아직 켜 둔 자동화가 없습니다")):
        found = body(pages, "/automations", lang=lang)
        assert said in found
        assert len(forms_of(found, what="recipe")) == len(automation_recipes.RECIPES)
        assert 'aria-current="page"' in found


@pytest.mark.parametrize("name", automation_recipes.RECIPES)
def test_a_recipe_becomes_a_draft_and_opens_its_editor(pages: TestClient, desk: Automations, name: str) -> None:
    answer = send(pages, "/automations", what="recipe", recipe=name)
    assert answer.status_code == 303
    (kind, made), *_ = [("rule", each) for each in desk.rules.values()] + [("journey", each) for each in desk.journeys.values()]
    assert answer.headers["location"] == f"{page_of(kind, made.name)}?lang=en"
    assert made.state == "draft"
    for lang in ("en", "ko"):
        assert f"<bdi>{made.name}</bdi>" in body(pages, page_of(kind, made.name), lang=lang)
    send(pages, "/automations", what="recipe", recipe=name)
    assert made.name + " 2" in {**desk.rules, **desk.journeys}


def test_a_recipe_takes_the_values_of_the_shop(pages: TestClient, desk: Automations) -> None:
    send(pages, "/automations", {"v_least": "45,000", "v_free": "50000"}, what="recipe", recipe="shipping")
    assert desk.rules["Free-shipping gap"].when == "basket.value >= 45000 && basket.value < 50000"
    refused = send(pages, "/automations", {"v_free": "lots"}, what="recipe", recipe="shipping")
    assert refused.status_code == 422
    assert "cannot be meant" in refused.text


def test_saving_an_editor_unchanged_changes_nothing(pages: TestClient, desk: Automations) -> None:
    for name in automation_recipes.RECIPES:
        made = drafted(desk, name)
        kind = "rule" if isinstance(made, LiveRule) else "journey"
        before = desk.get(kind, made.name)
        assert send(pages, page_of(kind, made.name), what="save").status_code == 303
        assert desk.get(kind, made.name) == before
        if isinstance(made, Journey):
            for form in forms_of(body(pages, page_of(kind, made.name)), what="step", do="save"):
                assert pages.post("/automation", data=form, headers=SITE).status_code == 303
            assert desk.get(kind, made.name) == before


def test_a_rule_is_changed_by_one_form(pages: TestClient, desk: Automations) -> None:
    drafted(desk, "sign_up")
    at = page_of("rule", "Sign-up offer")
    changes = {
        "when": "session.pages >= 2", "on": "Page Viewed\nSearched", "once": "7d", "holdout": "12.5", "priority": "3",
        "group": "offers", "cooldown": "1h", "show_kind": "toast", "placement": "top", "w2_lang": "", "w2_title": "Hello",
        "w1_title": "", "w1_body": "", "w1_button": "", "w1_code": "", "name": "Welcome",
    }  # fmt: skip
    answer = send(pages, at, changes, what="save")
    assert answer.headers["location"].startswith(page_of("rule", "Welcome"))
    rule = desk.rules["Welcome"]
    assert (rule.when, rule.on) == ("session.pages >= 2", ("Page Viewed", "Searched"))
    assert (rule.once, rule.holdout_rate) == ("7d", 0.125)
    assert (rule.priority, rule.group, rule.cooldown) == (3, "offers", "1h")
    assert rule.show is not None
    assert (rule.show.kind, rule.show.placement) == ("toast", "top")
    assert [(each.lang, each.title[:5]) for each in rule.show.words] == [("en", "Welco"), ("", "Hello")]
    assert "did" not in desk.rules
    send(pages, page_of("rule", "Welcome"), {"does": "emit", "emit": "Offer Wanted"}, what="save")
    assert desk.rules["Welcome"].emit == "Offer Wanted"
    assert desk.rules["Welcome"].show is None


def test_versions_are_compared_and_dropped_again(pages: TestClient, desk: Automations) -> None:
    drafted(desk, "shipping")
    at = page_of("rule", "Free-shipping gap")
    send(pages, at, what="arms", do="add")
    send(pages, at, {"a1_w0_title": "Other", "a0_weight": "30", "a1_weight": "70"}, what="save")
    arms = desk.rules["Free-shipping gap"].arms
    assert [(arm.name, arm.weight) for arm in arms] == [("a", 0.3), ("b", 0.7)]
    assert arms[1].show is not None
    assert arms[1].show.words[0].title == "Other"
    assert send(pages, at, {"a0_weight": "50"}, what="save").status_code == 422
    send(pages, at, what="arms", do="drop")
    assert desk.rules["Free-shipping gap"].arms == ()
    assert desk.rules["Free-shipping gap"].show == arms[0].show


def test_steps_are_added_changed_moved_and_dropped(pages: TestClient, desk: Automations) -> None:
    send(pages, "/automations", {"name": "Flow", "kind": "journey"}, what="new")
    at = page_of("journey", "Flow")
    for kind in ("branch", "wait"):
        answer = send(pages, at, {"step": kind}, what="step", do="add", place="")
        assert answer.status_code == 303
    assert answer.headers["location"] == f"{at}?lang=en&open=1#step-1"
    send(pages, at, {"step": "email"}, what="step", do="add", place="0.then")
    send(pages, at, {"step": "split"}, what="step", do="add", place="0.otherwise")
    send(pages, at, {"when": "visitor.orders == 0"}, what="step", do="save", place="0")
    send(pages, at, {"ways": "x = 0.25\nb = 0.75"}, what="step", do="save", place="0.otherwise.0")
    mail = {"w0_title": "Hi", "advertising": "no", "tags": "a b", "w0_lang": "ko"}
    send(pages, at, mail, what="step", do="save", place="0.then.0")
    send(pages, at, {"span": "2d"}, what="step", do="save", place="1")
    send(pages, at, what="step", do="up", place="1")
    first, second = desk.journeys["Flow"].steps
    assert first.wait == Wait(span="2d")
    assert second.branch is not None
    assert second.branch.when == "visitor.orders == 0"
    assert [(way.name, way.share) for way in second.branch.otherwise[0].split] == [("x", 0.25), ("b", 0.75)]
    sent = second.branch.then[0].send
    assert sent == Send(channel="email", words=(Words(lang="ko", title="Hi"),), advertising=False, tags=("a", "b"))
    send(pages, at, what="step", do="drop", place="0")
    assert len(desk.journeys["Flow"].steps) == 1
    assert desk.journeys["Flow"].version == 1
    gone = pages.post(
        "/automation", headers=SITE,
        data={**forms_of(body(pages, at), what="step", do="drop")[0], "place": "7.then.0"},
    )  # fmt: skip
    assert gone.status_code == 422
    assert "no step" in gone.text


@pytest.mark.parametrize(
    ("kind", "changes", "kept"),
    [
        ("until", {"until": "09:30", "weekdays": "1 2, 5"}, Wait(until="09:30", weekdays=(1, 2, 5))),
        ("event", {"event": "A[revenue > 0]", "timeout": "2d"}, Wait(event="A[revenue > 0]", timeout="2d")),
        ("condition", {"condition": "visitor.known", "timeout": "2d"}, Wait(condition="visitor.known", timeout="2d")),
    ],
)
def test_every_kind_of_waiting_has_its_fields(
    pages: TestClient, desk: Automations, kind: str, changes: dict[str, str], kept: Wait
) -> None:
    desk.put(Journey(name="Flow", entry=Entry(event="A")))
    at = page_of("journey", "Flow")
    send(pages, at, {"step": kind}, what="step", do="add", place="")
    send(pages, at, changes, what="step", do="save", place="0")
    assert desk.journeys["Flow"].steps == (Node(wait=kept),)
    refused = send(pages, at, {"timeout": "", "until": "25:00"}, what="step", do="save", place="0")
    assert refused.status_code == 422


def test_entry_goal_and_ends_are_changed(pages: TestClient, desk: Automations) -> None:
    desk.put(Journey(name="Flow", entry=Entry(event="A")))
    changes = {
        "entry_event": "Product Added[price >= 10000]", "entry_when": "!visitor.known", "again": "30d", "holdout": "10",
        "goal": "Order Completed\nSigned Up", "leave": "Product Removed", "grace": "2h",
    }  # fmt: skip
    send(pages, page_of("journey", "Flow"), changes, what="save")
    flow = desk.journeys["Flow"]
    assert flow.entry == Entry(event="Product Added[price >= 10000]", when="!visitor.known")
    assert (flow.again, flow.grace, flow.holdout_rate) == ("30d", "2h", 0.1)
    assert (flow.goal, flow.leave) == (("Order Completed", "Signed Up"), ("Product Removed",))


def test_a_condition_is_read_out_and_what_is_wrong_stands_beside_it(pages: TestClient, desk: Automations) -> None:
    drafted(desk, "sign_up")
    at = page_of("rule", "Sign-up offer")
    assert "pages in the session is at least 4" in body(pages, at, lang="en")
    assert "세션의 페이지 수가 4 이상" in body(pages, at, lang="ko")
    send(pages, at, {"when": "session.pagez >= 4"}, what="save")
    for lang in ("en", "ko"):
        found = body(pages, at, lang=lang)
        box = re.search(r'<textarea[^>]*name="when"[^>]*>', found)
        assert box
        assert 'aria-invalid="true"' in box[0]
        described = re.search(r'aria-describedby="([^"]+)"', box[0])
        assert described
        told = re.search(rf'id="{described[1]}">([^<]+)<', found)
        assert told
        assert "session.pages" in told[1]
        assert forms_of(found, what="on") == []


def test_it_is_switched_on_only_after_a_run_over_history(pages: TestClient, desk: Automations) -> None:
    drafted(desk, "sign_up")
    at = page_of("rule", "Sign-up offer")
    found = body(pages, at, lang="en")
    assert "Run it over history first" in found
    assert forms_of(found, what="on") == []
    token = forms_of(found)[0]["csrf"]
    by_hand = {"csrf": token, "what": "on", "kind": "rule", "name": "Sign-up offer"}
    refused = pages.post("/automation", data=by_hand, headers=SITE)
    assert refused.status_code == 422
    assert "backtest is required before On" in refused.text
    desk.note_tested("rule", "Sign-up offer", fingerprint(desk.rules["Sign-up offer"]))
    assert send(pages, at, what="on").status_code == 303
    assert desk.rules["Sign-up offer"].state == "on"
    shown = body(pages, at, lang="en")
    assert forms_of(shown, what="remove") == []
    send(pages, at, what="pause")
    assert desk.rules["Sign-up offer"].state == "paused"
    send(pages, at, what="undo")
    assert desk.rules["Sign-up offer"].state == "on"
    send(pages, at, what="pause")
    assert send(pages, at, what="remove").headers["location"] == "/automations?lang=en"
    assert "Sign-up offer" not in desk.rules
    assert "Bring Sign-up offer back" in body(pages, "/automations", lang="en")


def test_the_list_says_what_came_of_each_beside_the_hold_out(pages: TestClient, desk: Automations) -> None:
    drafted(desk, "sign_up")
    found = body(pages, "/automations", lang="en")
    assert "to 48 visitors" in found
    assert "16 of 48" in found
    assert "4 of 12" in found
    assert "in the hold-out, for comparison 12" in found
    assert "The last message by web push failed" in found
    assert "410 &lt;b&gt;Gone&lt;/b&gt;" in found
    data = pages.get("/automations.json").json()
    (rule,) = data["automations"]
    assert (rule["kind"], rule["outcome"]["sent"], rule["outcome"]["held_back"]) == ("rule", 48, {"holdout": 12})
    assert data["troubles"][0]["channel"] == "push"


def test_delivery_is_changed_and_said_in_one_line(pages: TestClient, desk: Automations) -> None:
    changes = {
        "quiet_from": "20:00", "caps": "3 day\n1 7d push #basket", "holdout_all": "5", "preset": "kr", "sender": "한빛",
        "smtp": "mail.example:587", "smtp_tls": "tls", "per_second": "10", "quiet_mode": "drop",
    }  # fmt: skip
    answer = send(pages, "/automations", changes, what="delivery")
    assert answer.headers["location"] == "/automations?lang=en#delivery"
    delivery = desk.delivery
    assert (delivery.quiet, delivery.quiet_mode) == (("20:00", "08:00"), "drop")
    assert delivery.caps == (Cap(most=3), Cap(most=1, per="7d", channel="push", tag="basket"))
    assert (delivery.holdout_rate, delivery.preset, delivery.sender, delivery.per_second) == (0.05, "kr", "한빛", 10)
    assert "발송 금지 20:00–08:00 · 하루 최대 3회" in body(pages, "/automations", lang="ko")
    assert send(pages, "/automations", {"caps": "often"}, what="delivery").status_code == 422
    assert send(pages, "/automations", {"quiet_from": "8pm"}, what="delivery").status_code == 422


def test_a_message_is_read_with_a_real_visitors_values(pages: TestClient, desk: Automations) -> None:
    desk.put(
        Journey(
            name="Remind", entry=Entry(event="Product Added"),
            steps=(Node(send=Send(channel="email", words=(Words(title="{{ basket.value | money }}", body="<p>Hi</p>"),))),),
        )
    )  # fmt: skip
    at = page_of("journey", "Remind")
    assert "₩18,000" in body(pages, at, lang="en", visitor="v1")
    assert "₩18,000" not in body(pages, at, lang="en")
    assert "no visitor has the id" in body(pages, at, lang="en", visitor="<nobody>")


def test_a_message_is_tried_at_ones_own_address(pages: TestClient, desk: Automations) -> None:
    words = (Words(lang="en", title="Hi {{ visitor.name }}"),)
    desk.put(Journey(name="Flow", entry=Entry(event="A"), steps=(Node(send=Send(channel="email", words=words)),)))
    at = page_of("journey", "Flow")
    answer = send(pages, at, {"address": "me@mail.example"}, what="trial")
    assert answer.headers["location"] == f"{at}?lang=en#preview"
    shown = body(pages, at, lang="en")
    assert "It did not leave. e-mail is not set up" in shown
    assert "발송하지 못했습니다." in body(pages, at, lang="ko")
    assert send(pages, at, {"address": " "}, what="trial").status_code == 422
    assert send(pages, at, {"address": "a@b.example", "place": "9"}, what="trial").status_code == 422


def test_foreign_forms_and_old_ones_are_refused(pages: TestClient, desk: Automations) -> None:
    fields = {"csrf": "guessed", "what": "recipe", "recipe": "basket"}
    assert pages.post("/automation", data=fields, headers=SITE).status_code == 403
    form = forms_of(body(pages, "/automations"), what="recipe", recipe="basket")[0]
    assert pages.post("/automation", data=form, headers={"origin": "http://evil.example"}).status_code == 403
    assert pages.post("/automation", data=form).status_code == 403
    assert pages.get("/automation").status_code == 405
    assert pages.post("/automation", data={**form, "what": "nothing"}, headers=SITE).status_code == 422
    assert desk.journeys == {}


def test_what_is_not_there_is_said_so(pages: TestClient) -> None:
    for path in ("/automations/rule/none", "/automations/thing/x", "/automations/rule/"):
        assert pages.get(path).status_code == 404


def test_case_88_names_of_strangers_are_inert(pages: TestClient, store: afterclick.Workspace, desk: Automations) -> None:
    show = Show(words=(Words(title=EVIL, body=EVIL, button=EVIL),))
    desk.put(LiveRule(name=EVIL[:100], when='performed("<i>x</i>")', show=show))
    desk.put(Journey(name="a/b ? # " + EVIL[:60], entry=Entry(event="<u>A</u>"), goal=("<u>B</u>",),
                     steps=(Node(set={"<k>": EVIL}), Node(send=Send(channel="webhook", to="https://x/" + EVIL)))))  # fmt: skip
    store.segments.save("<s>seg</s>", "visitor.orders >= 1")
    addresses = [page_of("rule", name) for name in desk.rules] + [page_of("journey", name) for name in desk.journeys]
    for lang in ("en", "ko"):
        for path in ("/automations", *addresses):
            found = body(pages, path, lang=lang)
            for dangerous in ("<script>alert", "<img src=x", "<i>x", "<u>", "<k>", "<s>seg", "onerror=alert(2)>"):
                assert dangerous not in found, (path, dangerous)


def test_a_barrier_offers_its_recipe_with_one_click(
    pages: TestClient, store: afterclick.Workspace, desk: Automations
) -> None:
    token = forms_of(body(pages, "/automations"))[0]["csrf"]
    button = drafting(store, token)
    assert button is not None
    voice = Voice(lang="ko")
    assert button(voice, "speed_up_page") is None
    made = button(voice, "show_shipping_early")
    assert made is not None
    assert "자동화: 무료 배송까지 남은 금액" in made
    (form,) = forms_of(made)
    answer = pages.post("/automation", data=form, headers=SITE)
    assert answer.status_code == 303
    assert list(desk.rules) == ["무료 배송까지 남은 금액"]
    assert drafting(object(), token) is None


Open = Callable[..., Any]


@pytest.fixture
def served(store: afterclick.Workspace, serve: Any) -> str:
    desk = store.automations
    for name in ("sign_up", "basket", "win_back"):
        drafted(desk, name)
    journey = desk.journeys["Basket left behind"]
    desk.put(replace(journey, steps=(*journey.steps, Node(wait=Wait(condition="nonsense >=", timeout="1d")))))
    desk.note_tested("rule", "Sign-up offer", fingerprint(desk.rules["Sign-up offer"]))
    desk.switch_on("rule", "Sign-up offer")
    address: str = serve(store)
    return address


@pytest.mark.browser
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("where", ["", "/rule/Sign-up%20offer", "/journey/Basket%20left%20behind"])
def test_pages_are_clean_in_a_browser(served: str, page: Open, axe: str, size: str, where: str) -> None:
    for lang, theme in (("en", "light"), ("ko", "dark")):
        tab = page(viewport=SIZES[size], bypass_csp=True)
        tab.goto(f"{served}/automations{where}?lang={lang}&theme={theme}")
        tab.evaluate("document.querySelectorAll('main details:not(.menu)').forEach((each) => (each.open = true))")
        assert violations(tab, axe) == []
        assert tab.faults == []
        assert all(url.startswith((served, "data:")) for url in tab.requested)
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        tab.context.close()


@pytest.mark.browser
def test_a_journey_is_built_by_keyboard_and_without_script(served: str, page: Open, store: afterclick.Workspace) -> None:
    tab = page(java_script_enabled=False)
    tab.goto(f"{served}/automations?lang=en")
    make = tab.get_by_role("button", name="Make a draft: Renewal")
    make.focus()
    tab.keyboard.press("Enter")
    tab.get_by_role("heading", level=1, name="Renewal").wait_for()
    add = tab.get_by_role("button", name="Add").last
    add.focus()
    tab.keyboard.press("Enter")
    tab.wait_for_url("**open=2*")
    up = tab.get_by_role("button", name=re.compile("^Move up: Wait 1 d"))
    up.focus()
    tab.keyboard.press("Space")
    tab.wait_for_url(re.compile(r"Renewal\?lang=en$"))
    kinds = [node.send is not None for node in store.automations.journeys["Renewal"].steps]
    assert kinds == [False, False, True]


class Keeping(FakeShop):
    """The shop of hand-made answers, that keeps automations besides."""

    automations = object()


def test_the_map_offers_an_automation_for_what_keeps_visitors_from_buying() -> None:
    for keeper, offered in ((FakeShop(), False), (Keeping(), True)):
        with TestClient(create_app(keeper, hosts=("testserver",)), follow_redirects=False) as pages:
            found = pages.get("/", params={"lang": "en", "wait": "1"}).text
            part = pages.get("/map.part", params={"lang": "en"}).text
        for shown in (found, part):
            forms = forms_of(shown, what="recipe")
            assert bool(forms) is offered
            recipes = {form["recipe"] for form in forms}
            assert recipes <= set(automation_recipes.RECIPES)
            assert all(form["csrf"] for form in forms)
        assert ("Automate: " in found) is offered


def test_everything_that_was_to_be_sent_adds_up_on_the_page(pages: TestClient, store: afterclick.Workspace) -> None:
    assert "What was to be sent" not in body(pages, "/automations", lang="en")
    box = Box(store.store.path)
    box.email._answer = lambda message: Outcome("uncertain", EVIL) if message.address.startswith("b") else Outcome("sent")
    for name in "abc":
        box.person(f"a:{name}")
        box.plan(intent(f"m{name}", f"a:{name}"))
    box.drain()
    box.plan(intent("late", "a:a"))
    box.close()
    for lang, said in (("en", "It adds up"), ("ko", "합이 맞습니다")):
        shown = body(pages, "/automations", lang=lang)
        card = shown[shown.index("What was to be sent" if lang == "en" else "보내기로 한 메시지") :]
        assert re.findall(r"<dd>(\d+)</dd>", card)[:6] == ["4", "2", "0", "0", "1", "1"]
        assert said in card
        assert "<script>alert" not in shown


def test_the_dry_run_is_shown_and_opens_the_way_to_on(pages: TestClient, desk: Automations) -> None:
    drafted(desk, "sign_up")
    at = page_of("rule", "Sign-up offer")
    assert "It was not run over history as it stands now" in body(pages, at, lang="en")
    answer = send(pages, at, {"range": "all"}, what="test")
    assert answer.headers["location"] == f"{at}?lang=en#backtest"
    assert desk.rules["Sign-up offer"].tested == fingerprint(desk.rules["Sign-up offer"])
    shown = body(pages, at, lang="en")
    assert "“Sign-up offer” would have reached nobody in this range" in shown
    assert "<dt>Firings</dt><dd>0</dd>" in shown
    assert len(forms_of(shown, what="on")) == 1
    send(pages, at, {"once": "ever"}, what="save")
    changed = body(pages, at, lang="ko")
    assert "지금 내용으로 모의 실행을 하지 않았습니다" in changed
    assert forms_of(changed, what="on") == []


def test_the_address_of_a_dry_run_leads_to_its_document(pages: TestClient, desk: Automations) -> None:
    desk.put(LiveRule(name="Say hello", when="session.pages >= 2", emit="Hello"))
    answer = pages.get("/automations?rule=Say+hello", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (302, "/automations/rule/Say%20hello")
    assert pages.get("/automations?rule=Nobody", follow_redirects=False).status_code == 200
