"""Webhooks against bad receivers (case 81) and while the secret changes (case 83): the same call until somebody has it."""

from __future__ import annotations

import functools
import gzip
import json
import socket
import threading
import time

import pytest

from afterclick.act.channels import roster
from afterclick.act.channels.trial import send_test
from afterclick.act.channels.webhook import Webhook
from afterclick.act.outbound import call, signing
from afterclick.core import clock
from afterclick.core.errors import SpecError, StoreError
from afterclick.store.automations import Delivery, Words
from afterclick.store.definitions import Definitions
from support.certificates import contexts
from support.mail import scripted
from support.messages import message, receiver


def webhook(store, host, deadline_s=15.0):
    post = functools.partial(call.post, inside=[host], deadline_s=deadline_s)
    return Webhook(functools.partial(signing.secrets_of, store), post)


def test_a_receiver_gets_one_signed_call_the_same_at_every_try(tmp_path):
    with receiver() as (host, heard):
        heard.answers += [(500, {}), (503, {"Retry-After": "7"})]
        sent = message("webhook", f"http://{host}/hook", Words(title="Hi", body="Body"), values={"event": {"order_id": "o-1"}})
        outcomes = [webhook(tmp_path, host).deliver(sent) for _ in range(3)]
    assert [one.state for one in outcomes] == ["retry", "retry", "sent"]
    assert [one.retry_after_s for one in outcomes] == [None, 7, None]
    assert len({body for _, _, body in heard}) == 1
    assert {headers["Idempotency-Key"] for _, headers, _ in heard} == {"a1" * 12}
    told = json.loads(heard[0][2])
    assert told == {
        "action_id": "a1" * 12, "type": "journey", "name": "basket", "run": "r" * 24, "step": "2", "visitor": "u:42",
        "decided_at": clock.iso(sent.intent.at), "values": {"event": {"order_id": "o-1"}},
        "words": {"title": "Hi", "body": "Body"},
    }  # fmt: skip
    for _, headers, body in heard:
        assert signing.verify(headers[signing.HEADER], body, [signing.secret(tmp_path)], clock.now() // 1_000_000)


@pytest.mark.parametrize(
    ("status", "state"), [(200, "sent"), (204, "sent"), (301, "retry"), (302, "retry"), (400, "retry"), (404, "retry"),
                          (410, "gone"), (429, "retry"), (500, "retry")],
)  # fmt: skip
def test_whatever_is_no_yes_is_tried_again_but_for_who_is_gone(tmp_path, status, state):
    with receiver() as (host, heard):
        heard.answers.append((status, {"Location": f"http://{host}/other", "Retry-After": "1000000000"}))
        outcome = webhook(tmp_path, host).deliver(message("webhook", f"http://{host}/hook"))
    assert outcome.state == state
    assert outcome.retry_after_s in (None, 24 * 3600)
    assert len(heard) == 1


def headed(with_):
    """Take the request, then say what comes."""
    while with_.connection.recv(65536).find(b"}") < 0:
        pass


def hangs(with_):
    headed(with_)
    with_.hang()


def drips_head(with_):
    headed(with_)
    for byte in b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 500:
        with_.connection.sendall(bytes([byte]))
        if with_.stop.wait(0.05):
            return


def endless_head(with_):
    headed(with_)
    with_.connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        with_.connection.sendall(b"X-A: " + b"b" * 60_000 + b"\r\n")


def nonsense(with_):
    headed(with_)
    with_.connection.sendall(b"\x16\x03\x01 not http at all\r\n\r\n")


def hangs_up(with_):
    headed(with_)


def cut_in_the_head(with_):
    headed(with_)
    with_.connection.sendall(b"HTTP/1.1 20")


@pytest.mark.parametrize("talk", [hangs, drips_head, endless_head, nonsense, hangs_up, cut_in_the_head])
def test_case_81_a_receiver_that_never_says_yes_is_left_in_time(tmp_path, talk):
    began = time.monotonic()
    with scripted(talk) as port:
        host = f"localhost:{port}"
        outcome = webhook(tmp_path, host, deadline_s=0.4).deliver(message("webhook", f"http://{host}/hook"))
        took = time.monotonic() - began
    assert outcome.state == "retry"
    assert took < 30


def huge(with_):
    headed(with_)
    with_.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n")
    while True:
        with_.connection.sendall(b"x" * 65536)


BOMB = gzip.compress(b"\0" * 100_000_000, 1)


def bomb(with_):
    headed(with_)
    with_.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB))
    with_.connection.sendall(BOMB)


def drips_body(with_):
    headed(with_)
    with_.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not with_.stop.wait(0.1):
        with_.connection.sendall(b"x")


@pytest.mark.parametrize("talk", [huge, bomb, drips_body])
def test_case_81_a_yes_counts_whatever_comes_after_it_and_no_more_of_it_is_read(tmp_path, talk):
    receipts = []

    def post(*given, **named):
        deadline_s = 2.0 if talk is drips_body else 60.0
        receipts.append(call.post(*given, inside=[host], deadline_s=deadline_s, **named))
        return receipts[-1]

    with scripted(talk) as port:
        host = f"localhost:{port}"
        outcome = Webhook(functools.partial(signing.secrets_of, tmp_path), post).deliver(message("webhook", f"http://{host}/hook"))
    assert outcome.state == "sent"
    assert len(receipts[0].body) <= call.MOST_BYTES


def test_case_81_tls_that_is_cut_or_not_believed_is_no_yes(tmp_path):
    def cut(with_):
        with_.connection.recv(100)

    with scripted(cut) as port:
        host = f"localhost:{port}"
        assert webhook(tmp_path, host).deliver(message("webhook", f"https://{host}/")).state == "retry"
    with receiver(contexts()[0]) as (host, heard):
        outcome = webhook(tmp_path, host).deliver(message("webhook", f"https://{host}/"))
    assert outcome.state == "retry"
    assert "CERTIFICATE" in outcome.detail.upper()
    assert heard == []


def test_case_81_one_bad_receiver_keeps_nobody_else_waiting(tmp_path):
    """Each call stands alone: another is answered while one hangs."""
    free, outcomes = threading.Event(), []

    def held(with_):
        headed(with_)
        free.wait(60)

    with scripted(held) as port, receiver() as (host, _):
        slow = f"localhost:{port}"
        out, sent = webhook(tmp_path, slow, 60.0), message("webhook", f"http://{slow}/")
        thread = threading.Thread(target=lambda: outcomes.append(out.deliver(sent)))
        thread.start()
        assert webhook(tmp_path, host).deliver(message("webhook", f"http://{host}/")).state == "sent"
        assert outcomes == []
        free.set()
        thread.join(60)
    assert [one.state for one in outcomes] == ["retry"]


@pytest.mark.parametrize(
    "url", ["https://169.254.169.254/latest", "https://127.1/", "http://good.example/", "https://good.example:6379/", "x"]
)
def test_case_82_a_webhook_does_not_lead_into_the_own_network(tmp_path, monkeypatch, url):
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("a socket was opened"))
    outcome = webhook(tmp_path, "other.example").deliver(message("webhook", url))
    assert outcome.state == "failed"
    assert "is not called" in outcome.detail


def test_a_call_that_would_be_too_long_is_not_made(tmp_path):
    outcome = webhook(tmp_path, "x").deliver(message("webhook", "https://x.example/", values={"event": {"a": "x" * 70_000}}))
    assert outcome.state == "failed"


def test_case_83_both_secrets_sign_while_one_replaces_the_other_and_the_old_one_ends(tmp_path):
    now = 1_790_000_000
    old = signing.secret(tmp_path)
    assert signing.secrets_of(tmp_path, now) == (old,)
    fresh = signing.rotate(tmp_path, now)
    assert fresh != old
    assert signing.secret(tmp_path) == fresh
    assert signing.secrets_of(tmp_path, now) == (fresh, old)
    value = signing.sign(b"body", signing.secrets_of(tmp_path, now), now)
    for keys in ([old], [fresh], [fresh, old]):
        assert signing.verify(value, b"body", keys, now)
    later = now + signing.KEPT_DAYS * 86_400
    assert signing.secrets_of(tmp_path, later - 1) == (fresh, old)
    assert signing.secrets_of(tmp_path, later) == (fresh,)
    assert not signing.verify(signing.sign(b"body", signing.secrets_of(tmp_path, later), later), b"body", [old], later)
    third = signing.rotate(tmp_path, now + 10)
    assert signing.secrets_of(tmp_path, now + 10) == (third, fresh)
    assert (tmp_path / signing.FILE).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("age", "fits"), [(0, True), (300, True), (301, False), (-300, True), (-301, False)])
def test_case_83_a_signature_is_good_for_five_minutes(age, fits):
    now = 1_790_000_000
    assert signing.verify(signing.sign(b"body", "key", now - age), b"body", ["key"], now) is fits
    assert not signing.verify(signing.sign(b"body", "other", now), b"body", ["key"], now)
    assert not signing.verify(signing.sign(b"body", "key", now), b"body2", ["key"], now)


def test_a_signing_secret_that_others_can_read_is_refused(tmp_path):
    signing.rotate(tmp_path, 1)
    (tmp_path / signing.FILE).chmod(0o640)
    with pytest.raises(StoreError, match="others can read"):
        signing.secrets_of(tmp_path, 1)


def test_a_test_send_says_what_a_visitor_would_see_and_what_came_of_it(tmp_path):
    with receiver() as (host, heard):
        channels = roster.channels(tmp_path, Definitions(outbound=(host,)))
        words = Words(title="{{ visitor.name }}", body="{{ basket.value | money }}")
        values = {"visitor": {"name": "Bob"}, "basket": {"value": 5}, "currency": "USD"}
        done = send_test(channels, "webhook", words, f"http://{host}/", values)
        assert (done.outcome.state, done.words, done.problems) == ("sent", Words(title="Bob", body="$5.00"), ())
        assert json.loads(heard[0][2])["words"] == {"title": "Bob", "body": "$5.00"}
        bad = send_test(channels, "webhook", Words(body="{{"), f"http://{host}/", values)
        assert (bad.words, bad.outcome.state, len(heard)) == (None, "failed", 1)
        unset = send_test(channels, "email", words, "a@b.example", values)
        assert "not set up" in unset.outcome.detail
        with pytest.raises(SpecError, match="nothing can be tried"):
            send_test(channels, "export", words, "", values)


def test_links_to_opt_out_need_an_address_of_this_server(tmp_path):
    assert roster.links(tmp_path, Delivery())("u:1", "email") == ""
    assert not (tmp_path / "secrets.toml").exists()
    link = roster.links(tmp_path, Delivery(base_url="https://go.shop.example/"))("u:1", "email")
    assert link.startswith("https://go.shop.example/u/")
