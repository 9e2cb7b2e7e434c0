"""What a page may be shown: HTML of which nothing runs, words with values, and messages of journeys that wait."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from afterclick.act.acts import Acts
from afterclick.act.channels import onsite
from afterclick.act.message import Message
from afterclick.act.outbox import table
from afterclick.act.outbox.intent import Intent
from afterclick.app import page_markup
from afterclick.app.offering import Offering, Who
from afterclick.collect.wire.canonical import Canonical
from afterclick.core import names
from afterclick.decide.told import Heard, Merged, Offer, Told
from afterclick.store.automations import LiveRule, Send, Show, Words
from afterclick.store.definitions import Definitions

NOW = 1_790_000_000_000_000
MEANT = Definitions(currency="KRW", timezone="Asia/Seoul")


class Decider:
    """One visitor with a basket and a name, and the offers of a test."""

    ready = True
    position = 3

    def __init__(self) -> None:
        self.open: list[Offer] = []
        self.hear: Any = None
        self.keys: dict[str, str] = {}
        self.device = "v"

    def listen(self, callback: Any, *, events: Any = None) -> None:
        self.hear = callback

    def visitor(self, anonymous_id: str = "", user_id: str = "") -> str:
        return self.keys.get(anonymous_id or user_id, f"a:{anonymous_id or self.device}")

    def is_own(self, anonymous_id: str) -> bool:
        return self.visitor(anonymous_id) == f"a:{anonymous_id}"

    def facts(self, visitor: str, at: int) -> dict[str, Any]:
        return {"visitor": {"name": "Kim"}, "basket": {"value": 21000, "count": 2, "lines": []}}

    def is_open(self, anonymous_id: str) -> bool:
        return bool(self.open)

    def offers(self, *_: Any) -> list[Offer]:
        return self.open


def made(decider: Decider, folder: Path, definitions: Definitions = MEANT) -> Offering:
    return Offering(decider, lambda: definitions, folder)


def offer(**content: str) -> Offer:
    return Offer("a1", "", "banner", content, 600, rule="r")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("<script>alert(1)</script><b>x</b>", "<b>x</b>"),
        ("<b onclick='x()'>x</b>", "<b>x</b>"),
        ("<a href='javascript:x()'>x</a>", '<a rel="noopener noreferrer">x</a>'),
        ("<a href='java\tscript:x()'>x</a>", '<a rel="noopener noreferrer">x</a>'),
        ("<a href='http://shop.example/'>x</a>", '<a rel="noopener noreferrer">x</a>'),
        ("<a href='//evil.example/'>x</a>", '<a rel="noopener noreferrer">x</a>'),
        ("<a href='/\\evil.example/'>x</a>", '<a rel="noopener noreferrer">x</a>'),
        ("<a href='data:text/html,x'>x</a>", '<a rel="noopener noreferrer">x</a>'),
        ("<a href='https://user@evil.example/'>x</a>", '<a href="https://user@evil.example/" rel="noopener noreferrer">x</a>'),
        ("<a href='/cart?a=1:2'>x</a>", '<a href="/cart?a=1:2" rel="noopener noreferrer">x</a>'),
        ("<img src='http://x.example/a.png'>", "<img>"),
        ("<img src='https://x.example/a.png' onerror=x()>", '<img src="https://x.example/a.png">'),
        ("<p style='position:fixed;color:red'>x</p>", '<p style="color:red">x</p>'),
        ("<iframe src='https://x.example'></iframe><form action='/x'><input name=a></form>", ""),
    ],
)
def test_case_89_markup_is_cleaned_to_https_and_the_shop_itself(given: str, expected: str) -> None:
    assert page_markup.clean(given) == expected


def test_case_89_the_nodes_hold_what_the_clean_markup_says_and_nothing_else() -> None:
    found = page_markup.tree("<p>a &lt;b&gt; <a href='/x' onclick='y'>c<br>d</a></p><script>x</script>e<img src=/i.png>")
    assert found == [["p", {}, "a <b> ", ["a", {"href": "/x"}, "c", ["br", {}], "d"]], "e", ["img", {"src": "/i.png"}]]


def test_case_89_values_of_a_visitor_are_text(tmp_path: Path) -> None:
    decider = Decider()
    decider.open = [offer(title="{{ visitor.name }}", body="<p>{{ visitor.name }}</p>")]
    decider.facts = lambda *_: {  # type: ignore[method-assign]
        "visitor": {"name": "<img src=x onerror=alert(1)>{{ 1 }}"}, "basket": {}
    }  # fmt: skip
    (found,) = made(decider, tmp_path).offers(Who("v", "u"), NOW)
    assert found.content["body"] == "<p>&lt;img src=x onerror=alert(1)&gt;{{ 1 }}</p>"
    assert page_markup.tree(found.content["body"]) == [["p", {}, "<img src=x onerror=alert(1)>{{ 1 }}"]]


def test_nobody_is_named_to_a_page_that_has_proved_nothing(tmp_path: Path) -> None:
    decider = Decider()
    decider.open = [offer(title="{{ visitor.name }}, {{ 30000 | minus: basket.value | money }}")]
    offering = made(decider, tmp_path)
    assert offering.offers(Who("v"), NOW)[0].content["title"] == ", ₩9,000"
    assert offering.offers(Who("v", "u"), NOW)[0].content["title"] == "Kim, ₩9,000"


@pytest.mark.parametrize("url", ["http://shop.example/x", "/x", "https://shop.example/x"])
def test_a_button_leads_to_https_or_to_the_shop(tmp_path: Path, url: str) -> None:
    decider = Decider()
    decider.open = [offer(button="Go", url=url, image=url)]
    (found,) = made(decider, tmp_path).offers(Who("v"), NOW)
    expected = "" if url.startswith("http:") else url
    assert (found.content["url"], found.content["image"]) == (expected, expected)


def test_words_that_cannot_be_put_together_are_left_out_and_noted_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    decider = Decider()
    decider.open = [offer(title="{{ 1 | nothing_such }}"), offer(title="fine")]
    offering = made(decider, tmp_path)
    for _ in range(3):
        assert [one.content["title"] for one in offering.offers(Who("v"), NOW)] == ["fine"]
    assert len(caplog.records) == 1


def test_a_message_of_a_journey_waits_for_the_page_until_it_is_seen(tmp_path: Path) -> None:
    decider = Decider()
    show = Show(kind="popup", placement="", ttl="10m")
    send = Send(channel="onsite", show=show)
    intent = Intent(action_id="j1", visitor="a:v", send=send, at=NOW, journey="welcome")
    with closing(Acts.open(tmp_path, onsite.SCHEMA, table.SCHEMA)) as acts:
        offering = made(decider, tmp_path)
        assert offering.offers(Who("v"), NOW) == []
        with acts.writing() as tx:
            table.plan(tx, intent)
        words = Words(title="Welcome", body="<p>Hi <a href='http://evil.example'>x</a></p>", url="http://evil.example")
        onsite.Onsite(acts).deliver(Message("j1", "onsite", "a:v", words, intent, {}, NOW))
        decider.hear([sent("v")])
        (found,) = offering.offers(Who("v"), NOW + 1)
        assert (found.action_id, found.kind, found.journey, found.ttl_s) == ("j1", "popup", "welcome", 599)
        assert found.content["title"] == "Welcome"
        assert found.content["url"] == ""
        assert "evil" not in found.content["body"]
        assert offering.offers(Who("w"), NOW + 1) == []
        # The visitor turns out to be another one; a server that starts anew knows who waits.
        merged: Sequence[Told] = [Merged(4, "a:w", "a:v")]
        with acts.writing() as tx:
            onsite.hear(tx, merged)
        decider.hear(merged)
        for each in (offering, made(decider, tmp_path)):
            assert [one.action_id for one in each.offers(Who("w"), NOW + 1)] == ["j1"]
            assert each.offers(Who("w"), NOW + 600_000_000) == []
            each.close()


def test_something_is_offered_where_a_rule_that_is_on_shows_or_a_journey_sends(tmp_path: Path) -> None:
    decider = Decider()
    assert not made(decider, tmp_path).anything()
    rule = LiveRule(name="r", when="session.pages > 1", show=Show(), state="on")
    assert made(decider, tmp_path, Definitions(rules=(rule,))).anything()


def sent(visitor: str) -> Heard:
    event = Canonical(
        event_id="s", type="track", event=names.MESSAGE_SENT, anonymous_id=visitor, properties={"channel": "onsite"},
        occurred_at=NOW, received_at=NOW,
    )  # fmt: skip
    return Heard(3, "s", f"a:{visitor}", NOW, True, False, event, None)  # type: ignore[arg-type]
