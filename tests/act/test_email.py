"""E-mail against a real mail server and against bad ones: what is told of a message is what became of it. Cases 77 and 85."""

from __future__ import annotations

import email
import email.policy
import time

import pytest

from afterclick.act.channels import email_page, smtp
from afterclick.act.channels.email import BadHeader, Email, compose
from afterclick.core.errors import SpecError
from afterclick.store.automations import Delivery, Words
from support.certificates import contexts
from support.mail import Box, mail_server, scripted
from support.messages import message

DELIVERY = Delivery(sender="하늘 상점, Ltd.", from_email="shop@shop.example", reply_to="help@shop.example")
LINK = "https://go.shop.example/u/" + "Ab3-_" * 40


def channel(port, tls="none", delivery=DELIVERY, user="", password="", deadline_s=30.0):
    server = smtp.server(f"localhost:{port}", tls, user, password)
    return Email(delivery, server, deadline_s=deadline_s, trusted=contexts()[1])


def parsed(content):
    return email.message_from_bytes(content, policy=email.policy.default)


def parts(mail):
    return {part.get_content_type(): part.get_content() for part in mail.walk() if not part.is_multipart()}


def test_a_real_server_gets_the_whole_message():
    box, words = Box(), Words(
        lang="ko", title="장바구니에 담은 상품",
        body="<p>안녕하세요 <a href='https://shop.example/b'>보기</a></p>\n<p>.점으로 시작</p>",
        button="주문하기", url="https://shop.example/basket?a=1&b=2", code="AUTUMN", image="https://shop.example/i.png",
    )  # fmt: skip
    with mail_server(box) as port:
        out = channel(port)
        headers = {"unsubscribe": LINK, "lang": "ko", "footer": "(주)하늘 · 02-123-4567"}
        sent = message("email", "Min@Example.com", words, headers=headers)
        assert out.deliver(sent).state == "sent"
        out.close()
    ((sender, recipients, content, _),) = box.taken
    assert (sender, recipients) == ("shop@shop.example", ["Min@Example.com"])
    mail = parsed(content)
    assert mail["From"] == '"하늘 상점, Ltd." <shop@shop.example>'
    assert (mail["To"], mail["Subject"], mail["Reply-To"]) == ("Min@Example.com", words.title, "help@shop.example")
    assert mail["Message-ID"] == f"<{'a1' * 12}@shop.example>"
    assert mail["List-Unsubscribe"] == f"<{LINK}>"
    assert f"List-Unsubscribe: <{LINK}>\r\n".encode() in content.replace(b"\n", b"\r\n").replace(b"\r\r", b"\r")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Date"].datetime.year == 2026
    found = parts(mail)
    for text in found.values():
        for part in ("안녕하세요", "점으로 시작", "AUTUMN", "주문하기", "02-123-4567", "수신 거부", LINK):
            assert part in text
    assert "보기 (https://shop.example/b)" in found["text/plain"]
    assert 'href="https://shop.example/basket?a=1&amp;b=2"' in found["text/html"]
    assert '<html lang="ko">' in found["text/html"]
    assert "prefers-color-scheme:dark" in found["text/html"]
    assert all(len(line) <= 998 for line in content.split(b"\n"))
    assert content.isascii()


def test_one_message_is_the_same_to_the_byte_at_every_try():
    sent = message("email", "a@b.example", headers={"unsubscribe": LINK})
    assert compose(sent, DELIVERY) == compose(sent, DELIVERY)


def test_a_link_that_stands_in_the_footer_stands_there_once():
    headers = {"unsubscribe": LINK, "footer": f"상점\n수신거부: {LINK}"}
    found = parts(parsed(compose(message("email", "a@b.example", headers=headers), DELIVERY).content))
    assert found["text/plain"].count(LINK) == 1
    assert found["text/html"].count(f'href="{LINK}"') == 1


def test_starttls_and_login_are_used_and_demanded():
    box = Box()
    with mail_server(box, tls=contexts()[0], login=("shop", "s3cret")) as port:
        right = channel(port, "starttls", user="shop", password="s3cret")
        assert right.deliver(message("email", "a@b.example")).state == "sent"
        right.close()
        wrong = channel(port, "starttls", user="shop", password="other").deliver(message("email", "a@b.example"))
        assert wrong.state == "retry"
        assert "535" in wrong.detail
        assert "other" not in wrong.detail
    assert [ssl for *_, ssl in box.taken] == [True]


def test_a_server_without_tls_gets_nothing_where_tls_is_wanted():
    box = Box()
    with mail_server(box) as port:
        outcome = channel(port, "starttls").deliver(message("email", "a@b.example"))
    assert outcome.state == "retry"
    assert "STARTTLS" in outcome.detail
    assert box.taken == []


def test_a_password_is_not_sent_in_the_clear():
    said = []

    def talk(with_):
        with_.say("220 mx")
        said.append(with_.hear())
        with_.say("250-mx", "250 AUTH PLAIN LOGIN")
        said.append(with_.hear())

    # A name that is not this machine's, which leads to it all the same.
    with scripted(talk) as port:
        out = Email(DELIVERY, smtp.server(f"127.0.0.2:{port}", "none", "shop", "s3cret"))
        outcome = out.deliver(message("email", "a@b.example"))
    assert outcome.state == "retry"
    assert not any("AUTH" in line for line in said)


def test_case_77_one_bad_recipient_of_many_touches_nobody_else():
    def refuse(address):
        bad = {"gone": "550 5.1.1 no such user", "full": "452 4.2.2 full", "blocked": "550 5.7.1 blocked"}
        return bad.get(address.partition("@")[0])

    box = Box(refuse)
    names = [f"v{i}@x.example" for i in range(60)]
    for place, bad in ((7, "gone"), (20, "full"), (33, "blocked")):
        names[place] = f"{bad}@x.example"
    with mail_server(box) as port:
        out = channel(port)
        states = [out.deliver(message("email", name, action_id=f"{i:024x}")).state for i, name in enumerate(names)]
        out.close()
    assert [states[7], states[20], states[33]] == ["gone", "retry", "failed"]
    assert states.count("sent") == 57
    assert [to for _, (to,), *_ in box.taken] == [name for name in names if name.startswith("v")]
    assert box.connections == 1


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ("550 no such user", "gone"), ("550 relay not permitted", "failed"), ("553 sender rejected", "failed"),
        ("551 moved", "gone"), ("553 bad name", "gone"), ("550 5.1.1 unknown", "gone"),
        ("550 5.2.1 disabled", "gone"), ("550 5.7.1 rejected as spam", "failed"), ("550 5.1.8 bad sender", "failed"),
        ("552 5.2.2 full", "failed"), ("554 no", "failed"), ("450 greylisted", "retry"), ("421 4.7.0 busy", "retry"),
    ],
)  # fmt: skip
def test_answers_to_a_recipient_mean_what_they_say(answer, state):
    def talk(with_):
        with_.usual("RCPT")
        with_.say(answer)
        if not answer.startswith("421"):
            with_.more("QUIT")
            with_.say("221 bye")

    with scripted(talk) as port:
        out = channel(port)
        outcome = out.deliver(message("email", "a@b.example"))
        out.close()
    assert outcome.state == state
    assert outcome.detail.startswith(answer[:3])


@pytest.mark.parametrize(("answer", "state"), [("250 ok", "sent"), ("451 later", "retry"), ("554 spam", "failed")])
def test_the_answer_to_the_whole_message_decides(answer, state):
    heard = []

    def talk(with_):
        with_.usual("DATA")
        with_.say("354 go on")
        heard.extend(with_.message())
        with_.say(answer)
        with_.more("QUIT")
        with_.say("221 bye")

    with scripted(talk) as port:
        out = channel(port)
        assert out.deliver(message("email", "a@b.example")).state == state
        out.close()
    assert any(line.startswith("Message-ID:") for line in heard)


def lost_after_data(with_):
    with_.usual("DATA")
    with_.say("354 go on")
    with_.message()


def silent_after_data(with_):
    lost_after_data(with_)
    with_.hang()


def lost_in_the_middle(with_):
    with_.usual("DATA")
    with_.say("354 go on")
    with_.hear()


@pytest.mark.parametrize("talk", [lost_after_data, silent_after_data, lost_in_the_middle])
def test_what_may_have_been_taken_is_uncertain_and_never_sent_twice(talk):
    calls = []

    def counted(with_):
        calls.append(1)
        talk(with_)

    with scripted(counted) as port:
        out = channel(port, deadline_s=2.0 if talk is silent_after_data else 60.0)
        outcome = out.deliver(message("email", "a@b.example"))
        out.close()
    assert outcome.state == "uncertain"
    assert len(calls) == 1


def drips(with_):
    with_.connection.sendall(b"2")
    while not with_.stop.wait(0.1):
        with_.connection.sendall(b"2")


def endless(with_):
    with_.say("220 mx")
    with_.hear()
    while True:
        with_.connection.sendall(b"250-and another line\r\n" * 1000)


def hangs(with_):
    with_.hang()


def refuses(with_):
    with_.say("554 go away")


@pytest.mark.parametrize("talk", [hangs, drips, endless, lambda _: None, refuses])
def test_a_server_that_never_takes_anything_is_left_by_the_deadline(talk):
    began = time.monotonic()
    with scripted(talk) as port:
        outcome = channel(port, deadline_s=0.4).deliver(message("email", "a@b.example"))
        took = time.monotonic() - began
    assert outcome.state == "retry"
    assert took < 30


def test_nobody_listens_and_nothing_is_uncertain():
    with scripted(lambda _: None) as port:
        pass
    assert channel(port).deliver(message("email", "a@b.example")).state == "retry"


def test_a_connection_that_ended_while_it_waited_is_opened_anew():
    calls = []

    def talk(with_):
        calls.append(1)
        with_.say("220 mx")
        while not with_.hear().startswith("DATA"):
            with_.say("250 ok")
        with_.say("354 go on")
        with_.message()
        with_.say("250 taken")

    with scripted(talk) as port:
        out = channel(port)
        states = [out.deliver(message("email", "a@b.example", action_id=f"{i:024x}")).state for i in range(3)]
        out.close()
    assert states == ["sent"] * 3
    assert len(calls) == 3


CRLF = ["\r\nBcc: all@evil.example", "\nBcc: all@evil.example", "\r", "\x00", "\u2028Bcc: x", "\x0bx", "\x85x"]


@pytest.mark.parametrize("bad", CRLF)
@pytest.mark.parametrize(
    "place", ["title", "address", "from_name", "unsubscribe", "sender", "from_email", "reply_to", "action_id"]
)
def test_case_85_a_line_break_in_a_header_is_refused(bad, place):
    delivery, words, headers, address, action_id = DELIVERY, Words(title="Hi", body="<p>x</p>"), {}, "a@b.example", "a1"
    if place == "title":
        words = Words(title=f"Hi Bob{bad}", body="<p>x</p>")
    elif place == "address":
        address += bad
    elif place == "action_id":
        action_id += bad
    elif place in ("from_name", "unsubscribe"):
        headers = {place: f"https://x.example/{bad}"}
    else:
        delivery = Delivery(**{"sender": "Shop", "from_email": "shop@shop.example", place: f"shop@shop.example{bad}"})
    sent = message("email", address, words, action_id=action_id, headers=headers)
    if place in ("address", "from_email", "reply_to") and bad in ("\r", "\x0bx", "\x85x") and not bad.strip():
        # White space around an address is no header of its own.
        assert bad.strip() == ""
        assert bad not in compose(sent, delivery).recipient
        return
    with pytest.raises(BadHeader):
        compose(sent, delivery)
    with scripted(lambda _: pytest.fail("somebody was called")) as port:
        assert channel(port, delivery=delivery).deliver(sent).state == "failed"


@pytest.mark.parametrize(
    "address", ["", "a", "a@", "@b.example", "a@b@c.example", "a b@c.example", "a@b.example, c@d.example", "<a@b.example>",
                "a@b..example", ".a@b.example", '"a b"@c.example', "a@b.example\\", "x" * 65 + "@b.example"],
)  # fmt: skip
def test_what_is_no_single_mailbox_is_refused(address):
    with pytest.raises(BadHeader):
        compose(message("email", address), DELIVERY)


def test_addresses_beyond_ascii():
    parcel = compose(message("email", "a@예시.한국"), DELIVERY)
    assert parcel.recipient.startswith("a@xn--")
    box = Box()
    with mail_server(box) as port:
        out = channel(port)
        assert out.deliver(message("email", "하늘@b.example")).state == "sent"
        out.close()
    assert box.taken[0][1] == ["하늘@b.example"]


@pytest.mark.parametrize(
    ("address", "tls", "wanted"),
    [("mx.example", "starttls", 587), ("mx.example", "tls", 465), ("[::1]:2525", "none", 2525)],
)
def test_servers_have_their_usual_ports(address, tls, wanted):
    assert smtp.server(address, tls).port == wanted


@pytest.mark.parametrize("address", ["", "mx example", "mx:0", "mx:99999", "http://mx", "mx:25:25", "mx\r\n"])
def test_what_is_no_server_is_refused(address):
    if address.strip() == "mx":
        assert smtp.server(address, "tls").host == "mx"
        return
    with pytest.raises(SpecError, match="no mail server"):
        smtp.server(address, "starttls")


@pytest.mark.parametrize("end", ["\r\n.\r\n", "\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n", "\r.\r\n"])
def test_no_words_of_a_message_end_it_and_begin_another(end):
    smuggled = f"Hello{end}MAIL FROM:<evil@x.example>{end}RCPT TO:<all@x.example>{end}DATA{end}Subject: you won{end}"
    words = Words(title="Hi", body=f"<p>{smuggled}</p><pre>{smuggled}</pre>", code=smuggled, button=smuggled)
    sent = message("email", "a@b.example", words, headers={"footer": smuggled})
    content = compose(sent, DELIVERY).content
    assert b"\r" not in content.replace(b"\r\n", b"")
    assert b"\n" not in content.replace(b"\r\n", b"")
    box = Box()
    with mail_server(box) as port:
        out = channel(port)
        assert out.deliver(sent).state == "sent"
        out.close()
    assert [(sender, to) for sender, to, *_ in box.taken] == [("shop@shop.example", ["a@b.example"])]
    assert "you won" in parts(parsed(box.taken[0][2]))["text/plain"]


def test_nothing_around_the_words_becomes_html():
    bad = "\"'><script>alert(1)</script>"
    words = Words(title=bad, body="<p>x</p>", button=bad, code=bad, url="https://x.example/?a=%22")
    link = f"https://x.example/{bad}"
    page = email_page.page(words, lang="en", sender=bad, footer=f"{bad}\n{link}", unsubscribe=f"{link}u")
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 6
    assert '"\'>' not in page


def test_a_sender_whom_the_footer_begins_with_stands_there_once() -> None:
    words = Words(title="Hello", body="<p>Text</p>")
    own = {"lang": "ko", "sender": "한빛패션"}
    for footer, times in (("한빛패션 · 02-123-4567", 1), ("한빛 주식회사 · 02-123-4567", 1), ("", 1)):
        assert email_page.plain(words, "Text", footer=footer, **own).count("한빛패션") == times
        assert email_page.page(words, footer=footer, **own).count("한빛패션") == times
