"""Opting out by a link: one press, on a page or in a mail program, heard as an event that gate and reports read."""

from __future__ import annotations

import re
import socket
import threading
import time

import pytest
import uvicorn
from drawn import FakeShop
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from afterclick.act.channels import email_page
from afterclick.act.secrets import FILE, Secrets
from afterclick.act.unsubscribe import Subscription, Tokens, event
from afterclick.collect.privacy.consent import Choice, said
from afterclick.collect.wire.canonical import DECODER, encode
from afterclick.core import clock
from afterclick.core.errors import StoreError
from afterclick.store.automations import Words
from afterclick.surfaces.web import create_app
from afterclick.surfaces.web.unsubscribe_route import UnsubscribeRoute

KEY = "ab" * 32
TOKENS = Tokens(KEY)


class Log(list):
    """Where events go; `full` makes it refuse."""

    full = False

    def collect(self, one):
        if self.full:
            raise StoreError("no space", code="disk_full")
        self.append(one)


def made(log, *, address="192.0.2.1"):
    app = create_app(FakeShop(), token="t0ken", opting_out=UnsubscribeRoute(TOKENS.read, log.collect, lambda: "하늘 <상점>"))
    return TestClient(app, client=(address, 1), follow_redirects=False)


@pytest.fixture
def log():
    return Log()


def path(visitor="u:42", channel="email"):
    return f"/u/{TOKENS.token(visitor, channel)}"


def test_looking_changes_nothing_and_one_press_opts_out(log):
    client = made(log)
    for _ in range(3):
        page = client.get(path(), headers={"accept-language": "ko-KR,ko;q=0.9", "host": "go.shop.example"})
        assert page.status_code == 200
    assert "광고성 이메일 수신을 거부하시겠어요?" in page.text
    assert "하늘 &lt;상점&gt;" in page.text
    assert client.head(path()).status_code == 200
    assert log == []
    done = client.post(path(), headers={"host": "go.shop.example"})
    assert done.status_code == 200
    assert "You are unsubscribed." in done.text
    (one,) = log
    assert (one.event, one.user_id, one.anonymous_id) == ("Message Unsubscribed", "42", None)
    assert one.properties["channel"] == "email"
    assert said(one.event, one.properties) == (Choice("marketing", "email", False),)
    assert DECODER.decode(encode(one)) == one


def test_a_mail_program_opts_out_as_rfc_8058_says(log):
    client = made(log)
    answer = client.post(
        path("a:x-1", "push"), content="List-Unsubscribe=One-Click",
        headers={"content-type": "application/x-www-form-urlencoded", "origin": "https://mail.example"},
    )  # fmt: skip
    assert answer.status_code == 200
    assert (log[0].anonymous_id, log[0].user_id, log[0].properties["channel"]) == ("x-1", None, "push")


def test_pressed_twice_is_said_once_and_later_again_is_said_again(log, monkeypatch):
    wall = [1000.0]
    monkeypatch.setattr(clock, "ticks", lambda: wall[0])
    client = made(log)
    assert [client.post(path()).status_code for _ in range(5)] == [200] * 5
    assert len(log) == 1
    wall[0] += 61
    assert client.post(path()).status_code == 200
    assert len({one.event_id for one in log}) == 2


def test_a_full_disk_is_told_and_can_be_tried_again(log):
    client = made(log)
    log.full = True
    failed = client.post(path())
    assert failed.status_code == 503
    assert "<button" in failed.text
    log.full = False
    assert client.post(path()).status_code == 200
    assert len(log) == 1


def test_links_nobody_made_open_nothing_and_soon_are_not_looked_at(log):
    client, known = made(log), made(log, address="192.0.2.9")
    real = TOKENS.token("u:42", "email")
    turned = real[:-2] + ("A" if real[-2] != "A" else "B") + real[-1]
    for bad in (real[:-1], turned, Tokens("cd" * 32).token("u:42", "email"), "x", "é"):
        assert client.post(f"/u/{bad}").status_code == 404
    assert client.post("/u/x").status_code == 429
    # A link that was made is known all the same: many people stand behind one address.
    assert client.post(f"/u/{real}").status_code == 200
    assert len(log) == 1
    assert known.get("/u/x").status_code == 404


def test_the_link_of_a_test_send_changes_nothing(log):
    assert made(log).post(path("")).status_code == 200
    assert log == []


def test_nothing_else_is_open_and_the_page_runs_and_loads_nothing(log):
    client = made(log)
    assert client.get("/").status_code == 401
    assert client.get("/u/").status_code in (401, 404)
    assert client.put(path()).status_code == 405
    answer = client.get(path())
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "<script" not in answer.text
    assert (answer.headers["referrer-policy"], answer.headers["cache-control"]) == ("no-referrer", "no-store")
    assert "set-cookie" not in answer.headers


def test_a_server_without_messages_has_no_such_address():
    assert TestClient(create_app(FakeShop(), token="t")).get(path()).status_code == 404


@given(st.text(max_size=80), st.sampled_from(["email", "push", "webhook"]))
def test_a_token_says_whom_it_is_about_to_us_alone(visitor, channel):
    token = TOKENS.token(visitor, channel)
    assert TOKENS.read(token) == Subscription(visitor, channel)
    assert token == TOKENS.token(visitor, channel)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", token)
    assert Tokens("cd" * 32).read(token) is None


@given(st.text(max_size=60) | st.from_regex(r"[A-Za-z0-9_-]{16,90}", fullmatch=True))
def test_whatever_stands_in_a_link_is_read_without_failing(token):
    assert TOKENS.read(token) is None


def test_the_secret_is_the_stores_own(tmp_path):
    read = Tokens.reader(Secrets(tmp_path))
    assert read(TOKENS.token("u:1", "email")) is None
    assert not (tmp_path / FILE).exists()
    token = Tokens.of_store(Secrets(tmp_path)).token("u:1", "email")
    assert read(token) == Subscription("u:1", "email")
    assert Tokens.of_store(Secrets(tmp_path)).read(token) == Subscription("u:1", "email")
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    assert event(Subscription("u:1", "email"), 5).event_id == event(Subscription("u:1", "email"), 5).event_id
    assert Tokens(KEY).link("https://go.example/", "u:1", "email").startswith("https://go.example/u/")


@pytest.fixture
def address(log):
    """A server with the page, for the browser."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_app(FakeShop(), token="t0ken", opting_out=UnsubscribeRoute(TOKENS.read, log.collect, lambda: "하늘 상점"))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(60)
    listener.close()


@pytest.mark.browser
@pytest.mark.parametrize(("lang", "scheme"), [("en-US", "light"), ("ko-KR", "dark")])
def test_the_page_is_pressed_without_script_and_reads_well(address, log, page, axe, lang, scheme):
    seen = page(locale=lang, color_scheme=scheme, viewport={"width": 390, "height": 700}, bypass_csp=True)
    seen.goto(address + path())
    found = seen.evaluate(axe + "; axe.run(document)")
    assert [one["id"] for one in found["violations"]] == []
    assert seen.evaluate("document.documentElement.scrollWidth <= innerWidth")
    plain = page(locale=lang, java_script_enabled=False)
    plain.goto(address + path())
    plain.locator("button").click()
    plain.locator("h1").wait_for()
    assert plain.locator("button").count() == 0
    assert plain.faults == []
    assert len(log) == 1


@pytest.mark.browser
@pytest.mark.parametrize(("lang", "scheme"), [("en", "light"), ("ko", "dark")])
def test_the_page_of_an_email_reads_well_by_day_and_by_night(page, axe, lang, scheme):
    words = Words(
        lang=lang, title="18,000 to free shipping", code="AUTUMN-10", button="To my basket", url="https://shop.example/b",
        body='<p>Your mug waits. <a href="https://shop.example/m">Look at it</a></p>',
    )  # fmt: skip
    seen = page(color_scheme=scheme, viewport={"width": 390, "height": 800})
    told = {"sender": "Sky", "footer": "Sky Ltd. · 02-123-4567", "unsubscribe": "https://x.example/u/t"}
    seen.set_content(email_page.page(words, lang=lang, **told))
    found = seen.evaluate(axe + "; axe.run(document)")
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]] == []
    assert seen.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert seen.faults == []
