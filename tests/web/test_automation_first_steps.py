"""What whoever makes an automation for the first time is told: what is missing, what a dry run showed, what waits."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from starlette.testclient import TestClient

import afterclick
from afterclick.app import automation_recipes
from afterclick.app.automation_checks import say
from afterclick.app.automation_preview import try_send
from afterclick.app.automations import Automations
from afterclick.core.errors import SpecError
from afterclick.store.automations import Branch, Delivery, Entry, Journey, LiveRule, Node, Send, Show, Wait, Words
from afterclick.surfaces.viz import automation_words
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web.app import create_app
from afterclick.surfaces.web.automation_forms import page_of
from support.mail import Box as MailBox
from support.mail import mail_server
from support.sending import Box, intent
from support.shop import Shop

SITE = {"origin": "http://testserver"}
READY = Delivery(smtp="mail.example:25", from_email="shop@mail.example", base_url="https://go.example", smtp_tls="none")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Shop()
    for i in range(12):
        made.add(f"v{i}", f"{i}d", "Product Added", product_id="p", price=21000, quantity=1)
        if i < 4:
            made.add(f"v{i}", f"{i}d1m", "Identified", type="identify", email=f"v{i}@mail.example")
            made.add(f"v{i}", f"{i}d2m", "Consent Updated", consent={"marketing": True})
        if i < 2:
            made.add(f"v{i}", f"{i}d1h", "Order Completed", order_id=f"o{i}", revenue=21000)
    made.add("v0", "20d", "Page Viewed", url="https://shop.example/")
    path: Path = tmp_path_factory.mktemp("first") / "store"
    with made.open(path, currency="KRW", own_domains=["shop.example"]):
        pass
    return path


@pytest.fixture
def store(folder: Path) -> Iterator[afterclick.Workspace]:
    with afterclick.open(folder) as opened:
        yield opened
        for kind in ("rule", "journey"):
            for name in list(getattr(opened.automations, f"{kind}s")):
                if opened.automations.get(kind, name).state == "on":
                    opened.automations.pause(kind, name)
                opened.automations.remove(kind, name)
        opened.automations.put_delivery(Delivery())


@pytest.fixture
def desk(store: afterclick.Workspace) -> Automations:
    return store.automations


@pytest.fixture
def pages(store: afterclick.Workspace) -> Iterator[TestClient]:
    with TestClient(create_app(store, hosts=("testserver",)), follow_redirects=True) as made:
        yield made


def shown(pages: TestClient, path: str, lang: str = "en") -> str:
    answer = pages.get(path, params={"lang": lang})
    assert answer.status_code == 200
    return answer.text


def press(pages: TestClient, path: str, what: str, **changes: str) -> Any:
    """Send the first form of a page that does this."""
    forms = re.findall(r'<form method="post".*?</form>', shown(pages, path), re.S)
    found = next(one for one in forms if f'value="{what}"' in one)
    values = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', found))
    return pages.post("/automation", data={**values, **changes}, headers=SITE)


def drafted(desk: Automations, name: str, **values: str) -> Any:
    made = automation_recipes.draft(name, values, lang="en", languages=("en", "ko"), currency="KRW", home=desk.home)
    return desk.put(made)


def reminder(**send: Any) -> Journey:
    words = send.pop("words", (Words(title="Still there", body="Hello"),))
    left = Branch(when="basket.lines >= 1", then=(Node(send=Send(channel="email", words=words, **send)),))
    return Journey(
        name="Remind", entry=Entry(event="Product Added"), goal=("Order Completed",),
        steps=(Node(wait=Wait(span="3h")), Node(branch=left)),
    )  # fmt: skip


def test_a_journey_says_before_it_is_on_what_its_channel_lacks(pages: TestClient, desk: Automations) -> None:
    desk.put(reminder())
    at = page_of("journey", "Remind")
    assert "there is no SMTP server under Delivery" in shown(pages, at)
    assert "발송 설정에 SMTP 서버를 적으세요" in shown(pages, at, "ko")
    assert "cannot send yet, missing: SMTP server" in shown(pages, "/automations")
    desk.put_delivery(READY)
    assert desk.problems() == {}
    assert "e-mail: ready to send" in shown(pages, "/automations")
    # Under the Korean rules nothing leaves without who it is from.
    desk.put_delivery(replace(READY, preset="kr"))
    found = desk.problems()["journey", "Remind"]
    assert {one.message_id for one in found} == {"channel_lacks.sender_said", "channel_lacks.phone_said"}
    assert all(one.level == "warning" for one in found)
    desk.put(replace(reminder(advertising=False), name="Remind"), was="Remind")
    assert desk.problems() == {}


def test_an_address_that_leads_nowhere_is_an_error_beside_its_step(pages: TestClient, desk: Automations) -> None:
    desk.put_delivery(READY)
    desk.put(reminder(words=(Words(title="Still there", button="To the basket", url="/cart"),)))
    (found,) = desk.problems()["journey", "Remind"]
    assert (found.level, found.path) == ("error", "steps.1.then.0[0].url")
    assert say(found, "en") == "“/cart” is no address of a page: begin with https://."
    page = shown(pages, page_of("journey", "Remind"))
    assert re.search(r'id="step-1-then-0".*?class="wrong">“/cart” is no address', page, re.S)
    # On one's own site a path is enough, and what a template makes is not known yet.
    desk.put(LiveRule(name="Near", when="session.pages >= 2", show=Show(words=(Words(title="Hi", button="Go", url="/cart"),))))
    desk.put(reminder(words=(Words(title="Still there", url="{{ event.url }}"),)), was="Remind")
    assert desk.problems() == {}


def test_what_is_shown_in_a_place_alone_and_a_button_without_an_address_deserve_a_look(desk: Automations) -> None:
    words = (Words(title="Hello", button="Join"),)
    desk.put(LiveRule(name="Top", when="session.pages >= 2", show=Show(kind="banner", placement="top", words=words)))
    found = desk.problems()["rule", "Top"]
    assert [(one.level, one.message_id) for one in found] == [
        ("warning", "show_problems.placed"), ("warning", "show_problems.leads_nowhere"),
    ]  # fmt: skip
    assert "data-afterclick-slot" in say(found[0], "ko")
    slot = Show(kind="slot", placement="top", words=(Words(title="Hello", button="Join", url="/join"),))
    desk.put(LiveRule(name="Top", when="session.pages >= 2", show=slot), was="Top")
    assert desk.problems() == {}


def test_recipes_ask_for_channel_and_address(pages: TestClient, desk: Automations) -> None:
    assert drafted(desk, "sign_up", url="/join").show.words[0].url == "https://shop.example/join"
    assert drafted(desk, "basket", channel="email").steps[1].branch.then[0].send.channel == "email"
    with pytest.raises(SpecError, match="carrier pigeon"):
        drafted(desk, "basket", channel="carrier pigeon")
    press(pages, "/automations", "recipe", recipe="price", v_channel="email")
    assert desk.journeys["Price drop"].steps[0].send is not None
    assert desk.journeys["Price drop"].steps[0].send.channel == "email"
    assert re.search(r'<select name="v_channel"><option value="push" selected>', shown(pages, "/automations"))


def test_a_dry_run_is_one_press_away_and_tells_what_would_have_left(pages: TestClient, desk: Automations) -> None:
    desk.put_delivery(READY)
    desk.put(reminder())
    at = page_of("journey", "Remind")
    assert shown(pages, at).index('value="test"') < shown(pages, at).index('id="step-0"')
    after = press(pages, at, "test").text
    assert "“Remind”: 12 visitors would have entered 12 times; 2 messages would have left and 8 would" in after
    assert re.search(r"<dt>Messages sent</dt><dd>2</dd>", after)
    assert "has not agreed to advertising 8" in after
    assert "광고 수신에 동의하지 않음 8" in shown(pages, at, "ko")
    assert 'value="on"' in after


def test_a_message_tried_looks_as_it_will_arrive(store: afterclick.Workspace, desk: Automations) -> None:
    box = MailBox()
    with mail_server(box) as port:
        law = {"preset": "kr", "sender": "한빛", "phone": "02-123-4567"}
        desk.put_delivery(replace(READY, smtp=f"127.0.0.1:{port}", **law))
        desk.put(reminder(words=(Words(title="{{ visitor.name }}님", body="{{ basket.value | money }}"),)))
        assert try_send(store, "Remind", "me@mail.example", "ko").outcome.state == "sent"
        desk.put(reminder(advertising=False), was="Remind")
        assert try_send(store, "Remind", "me@mail.example", "ko").outcome.state == "sent"
    first, second = (email.message_from_bytes(taken[2], policy=email.policy.default) for taken in box.taken)
    text = first.get_body(("plain",)).get_content()
    assert first["Subject"] == "(광고) Kim님"
    assert "21,000원" in text
    assert "한빛 · 02-123-4567" in text
    assert "무료 수신거부: https://go.example/u/test" in text
    # What concerns an order is no advertising.
    assert second["Subject"] == "Still there"
    assert "go.example/u/" not in second.get_body(("plain",)).get_content()


def test_who_else_is_on_is_named_beside_a_dry_run(pages: TestClient, desk: Automations) -> None:
    desk.put(LiveRule(name="Other", when="basket.value >= 20000", emit="Large"))
    desk.backtest("rule", "Other")
    desk.switch_on("rule", "Other")
    desk.put(LiveRule(name="Mine", when="basket.lines >= 1", emit="Filled", once="visitor"))
    after = press(pages, page_of("rule", "Mine"), "test", range="all").text
    assert "“Other” is on as well and would have reached 12 of the same visitors" in after


def test_sentences_show_no_templates(desk: Automations) -> None:
    voice = Voice(lang="en")
    made = drafted(desk, "shipping")
    assert automation_words.does(made, voice) == "show the banner “… to free shipping”"
    basket = drafted(desk, "basket", channel="email")
    assert automation_words.summary(basket, voice) == (
        "on “Product Added” → Wait 3 h → Send the e-mail “Your basket is waiting”"
    )
    nothing = Node(send=Send(channel="push", words=(Words(title="{% if x %}{% endif %}"),)))
    assert automation_words.step(nothing, Voice(lang="ko")) == "“문구 없음” 푸시 보내기"
    many = Journey(name="Many", entry=Entry(event="A"), steps=tuple(Node(wait=Wait(span=f"{i}d")) for i in range(1, 7)))
    assert automation_words.summary(many, voice) == "on “A” → Wait 1 d → Wait 2 d → Wait 3 d → Wait 4 d → …"


def test_a_rule_is_three_sentences_and_only_what_is_wrong_stands_open(pages: TestClient, desk: Automations) -> None:
    desk.put(LiveRule(name="Odd", when="session.pages >=", emit="Thing", cooldown="1h", group="offers"))
    found = shown(pages, page_of("rule", "Odd"))
    parts = re.findall(r'<li class="step step-(\w+)">.*?<details class="more"( open)?', found, re.S)
    assert parts == [("when", " open"), ("how_often", ""), ("then", "")]
    assert "once per session · at least 1 h between two · one of the group “offers” · no hold-out" in found


def test_the_button_that_takes_back_stands_only_where_the_change_was(pages: TestClient, desk: Automations) -> None:
    for name in ("One", "Two"):
        desk.put(LiveRule(name=name, when="session.pages >= 2", emit="Thing"))
    assert "Take back: Two made" in shown(pages, page_of("rule", "Two"))
    assert "Take back" not in shown(pages, page_of("rule", "One"))
    assert "Take back: Two made" in shown(pages, "/automations")


def test_what_waits_says_until_when_and_why(pages: TestClient, store: afterclick.Workspace) -> None:
    box = Box(store.store.path, Delivery(quiet=("00:00", "23:59")))
    try:
        box.person("a:n")
        box.plan(intent("night", "a:n"))
        box.drain()
    finally:
        box.close()
    assert re.search(r"1 waits until \d+ \w+ \d{4}, \d\d:\d\d: quiet hours", shown(pages, "/automations"))
    assert re.search(r"1건은 .*까지 대기: 야간 발송 제한 시간", shown(pages, "/automations", "ko"))
