"""From the outbox to a real mailbox and a real receiver, and back: the link in a message ends the channel it came by."""

from __future__ import annotations

import email
import email.policy
import json
import re

import pytest
from starlette.testclient import TestClient

import afterclick
from afterclick.act.acts import Acts
from afterclick.act.channels import audience, onsite, roster
from afterclick.act.channels.audience import Audience
from afterclick.act.outbound import signing
from afterclick.act.secrets import Secrets
from afterclick.act.unsubscribe import Tokens
from afterclick.core import clock
from afterclick.core.event import Event
from afterclick.store.automations import Delivery, Show, Words
from afterclick.store.definitions import Definitions
from afterclick.surfaces.web import create_app
from afterclick.surfaces.web.unsubscribe_route import UnsubscribeRoute
from support.mail import Box as Mailbox
from support.mail import mail_server
from support.messages import receiver
from support.sending import NOON, SCHEMAS, Box, intent, said

SALE = Words(
    lang="ko", title="{{ visitor.name }}님, {{ basket.value | gap: 30000 | money }} 남았어요",
    body="지금 담아 보세요\n\n{{ run.note }}",
)  # fmt: skip
VALUES = {"visitor": {"name": "하늘"}, "basket": {"value": 12_000}, "currency": "KRW", "run": {"note": "<b>{{ 7 }}</b>"}}


class Real(Box):
    """The outbox of the tests with the channels of the product."""

    def __init__(self, folder, definitions):
        super().__init__(folder, definitions.delivery, links=roster.links(folder, definitions.delivery))
        self.acts.close()
        self.acts = Acts.open(folder, *SCHEMAS, onsite.SCHEMA)
        self.channels = dict(roster.channels(folder, definitions, self.acts))
        self.sender = self.another()

    def close(self):
        super().close()
        roster.close(self.channels)


def test_a_visitor_gets_one_message_presses_the_link_in_it_and_gets_no_more(tmp_path):
    mailbox = Mailbox(lambda address: "550 5.1.1 nobody" if address.startswith("gone") else None)
    with mail_server(mailbox) as port, receiver() as (host, heard):
        delivery = Delivery(
            sender="하늘 상점", company="(주)하늘", phone="02-123-4567", from_email="shop@shop.example", preset="kr",
            smtp=f"localhost:{port}", smtp_tls="none", base_url="https://go.shop.example", caps=(), quiet=(),
        )  # fmt: skip
        box = Real(tmp_path, Definitions(delivery=delivery, timezone="Asia/Seoul", outbound=(host,)))
        for name in ("a:1", "a:gone", "a:3"):
            box.person(name)
        box.plan(*(intent(f"m{name[2:]}", name, words=(SALE,), values=VALUES) for name in ("a:1", "a:gone", "a:3")))
        box.plan(intent("hook", "a:1", "webhook", to=f"http://{host}/x", advertising=False, words=(SALE,), values=VALUES))
        box.drain()
        assert box.states() == {"m1": "sent", "mgone": "failed", "m3": "sent", "hook": "sent"}
        mails = [email.message_from_bytes(content, policy=email.policy.default) for _, _, content, _ in mailbox.taken]
        assert sorted(mail["To"] for mail in mails) == ["1@example.com", "3@example.com"]
        mail = next(mail for mail in mails if mail["To"].startswith("1@"))
        assert mail["Subject"] == "(광고) 하늘님, 18,000원 남았어요"
        text = mail.get_body(("plain",)).get_content()
        assert "<b>{{ 7 }}</b>" in text
        assert "(주)하늘 · 02-123-4567" in text
        assert "&lt;b&gt;{{ 7 }}&lt;/b&gt;" in mail.get_body(("html",)).get_content()
        ((_, headers, body),) = heard
        assert json.loads(body)["words"]["title"] == "하늘님, 18,000원 남았어요"
        assert signing.verify(headers[signing.HEADER], body, [signing.secret(tmp_path)], clock.now() // 1_000_000)

        link = re.fullmatch(r"<https://go\.shop\.example(/u/[\w-]+)>", mail["List-Unsubscribe"]).group(1)
        assert text.count(link) == 1
        route = UnsubscribeRoute(Tokens.reader(Secrets(tmp_path)), lambda event: box.hear("a:1", event))
        pressed = TestClient(create_app(None, token="t", opting_out=route)).post(link, content="List-Unsubscribe=One-Click")
        assert pressed.status_code == 200

        box.now = clock.now() + 60_000_000
        box.plan(*(intent(f"n{name[2:]}", name, words=(SALE,), at=box.now) for name in ("a:1", "a:gone", "a:3")))
        box.plan(intent("order", "a:1", words=(SALE,), advertising=False, at=box.now))
        box.drain()
        box.close()
    states = box_states(tmp_path)
    assert (states["n1"], states["ngone"], states["n3"], states["order"]) == ("suppressed", "suppressed", "sent", "sent")
    assert len(mailbox.taken) == 4


def box_states(folder):
    again = Box(folder)
    try:
        return again.states()
    finally:
        again.close()


def test_messages_of_ones_own_site_and_audiences_need_nobody_outside(tmp_path):
    box = Real(tmp_path, Definitions(timezone="Asia/Seoul", delivery=Delivery(caps=(), quiet=())))
    box.person("a:1", phone="010-1234-5678")
    shown = intent("s", "a:1", "onsite", advertising=False, words=(SALE,), values=VALUES)
    box.plan(shown, intent("x", "a:1", "export", to="Spenders", words=()), intent("e", "a:1", "email", words=(SALE,)))
    box.drain()
    assert box.states() == {"s": "sent", "x": "sent", "e": "failed"}
    with box.acts.reading() as reader:
        (waiting,) = onsite.pending(reader, "a:1", NOON)
    assert onsite.words_of(waiting).body == "<p>지금 담아 보세요</p>\n<p>&lt;b&gt;{{ 7 }}&lt;/b&gt;</p>"
    assert waiting.show.kind == Show().kind
    (member,) = audience.members(audience.file_of(tmp_path, "Spenders"))
    assert (member.action_id, len(member.email)) == ("x", 64)
    box.close()


def test_who_refuses_after_an_audience_was_written_leaves_with_no_file(tmp_path):
    box = Real(tmp_path, Definitions(timezone="Asia/Seoul", delivery=Delivery(caps=(), quiet=())))
    for number in (1, 2):
        box.person(f"a:{number}", phone=f"010-1234-567{number}")
    box.plan(*(intent(f"x{number}", f"a:{number}", "export", to="Spenders", words=()) for number in (1, 2)))
    box.drain()
    file = audience.file_of(tmp_path, "Spenders")
    assert (audience.people(file), audience.refused(tmp_path)) == (2, frozenset())
    box.hear("a:1", said("Consent Withdrawn", "a:1", NOON + 5, properties={"purpose": "marketing"}))
    gone = audience.refused(tmp_path)
    assert (audience.people(file), audience.people(file, gone)) == (2, 1)
    whole, left = (audience.csv_of(file, "meta", without).splitlines() for without in ((), gone))
    assert len(whole) == 3
    assert len(left) == 2
    assert set(left) < set(whole)
    # Agreed to anew, they are in it again.
    box.hear("a:1", said("Consent Given", "a:1", NOON + 9, properties={"purpose": "marketing"}))
    assert audience.refused(tmp_path) == frozenset()
    box.close()


@pytest.mark.parametrize("given", ["u:42", "a:phone"])
def test_erasing_a_person_takes_them_out_of_audiences_too(tmp_path, given):
    seen = Event(event_id="e1", occurred_at=1_788_000_000_000_000, event="Page Viewed", anonymous_id="phone", user_id="42")
    with afterclick.open(tmp_path / "shop", write=True, create=True) as shop:
        shop.append([seen])
        channel = Audience(tmp_path / "shop")
        for name in ("a:phone", "u:7"):
            member = audience.of(name, 1, name, f"{name[2:]}@b.example", "")
            assert channel._append(audience.file_of(tmp_path / "shop", "All"), member).state == "sent"
        done = shop.erase(given[2:], kind={"u": "user", "a": "anonymous"}[given[0]])
        assert done.left == []
        left = [one.action_id for one in audience.members(audience.file_of(tmp_path / "shop", "All"))]
    assert left == ["u:7"]
