"""Web push against a receiver of our own: sealed so that the browser alone can open it, proved by key, told truthfully."""

from __future__ import annotations

import base64
import functools
import json

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from afterclick.act.channels import vapid
from afterclick.act.channels.push import Push
from afterclick.act.channels.vapid import Pair
from afterclick.act.outbound import call
from afterclick.act.outbound.call import Receipt
from afterclick.act.outbound.target import target
from afterclick.act.secrets import Secrets
from afterclick.core import clock
from afterclick.store.automations import Words
from support.certificates import contexts
from support.messages import message, receiver

CURVE = ec.SECP256R1()


def raw(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(content):
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _hmac(key, content):
    made = hmac.HMAC(key, hashes.SHA256())
    made.update(content)
    return made.finalize()


def opened(body, private, secret):
    """What a browser does with a push (RFC 8291 and 8188), written from the documents."""
    salt, size, sender = body[:16], int.from_bytes(body[16:20], "big"), body[21 : 21 + body[20]]
    public = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, sender))
    ikm = _hmac(_hmac(secret, shared), b"WebPush: info\x00" + public + sender + b"\x01")
    prk = _hmac(salt, ikm)
    key = _hmac(prk, b"Content-Encoding: aes128gcm\x00\x01")[:16]
    nonce = _hmac(prk, b"Content-Encoding: nonce\x00\x01")[:12]
    record = body[21 + body[20] :]
    assert len(record) <= size
    plain = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\x00")
    assert plain.endswith(b"\x02")
    return plain[:-1]


class Browser:
    """A browser that subscribed."""

    def __init__(self, endpoint):
        self.private = ec.generate_private_key(CURVE)
        self.secret = b"0123456789abcdef"
        point = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.address = json.dumps({"endpoint": endpoint, "keys": {"p256dh": encoded(point), "auth": encoded(self.secret)}})


def test_our_reading_of_the_documents_opens_their_own_example():
    """RFC 8291, section 5."""
    private = ec.derive_private_key(int.from_bytes(raw("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"), "big"), CURVE)
    body = raw(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"
        "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    assert opened(body, private, raw("BTBZMqHH6r4Tts7J_aSIgg")) == b"When I grow up, I want to be a watermelon"


@pytest.fixture
def service(tmp_path):
    server, client = contexts()
    with receiver(server) as (host, heard):
        post = functools.partial(call.post, inside=[host], trusted=client)
        pair = Pair.of_store(Secrets(tmp_path))
        yield host, heard, Push(lambda: pair, post, contact="ops@shop.example", inside=[host]), pair


def test_a_push_reaches_the_browser_and_nobody_between_reads_it(service):
    host, heard, push, pair = service
    browser = Browser(f"https://{host}/push/abc")
    words = Words(lang="ko", title="재입고", body="담아 두신 상품이 다시 들어왔어요", url="https://shop.example/p/1")
    outcome = push.deliver(message("push", browser.address, words, headers={"ttl_s": "3600", "lang": "ko"}))
    assert outcome.state == "sent"
    ((path, headers, body),) = heard
    assert path == "/push/abc"
    assert json.loads(opened(body, browser.private, browser.secret)) == {
        "action_id": "a1" * 12, "title": words.title, "body": words.body, "url": words.url, "lang": "ko",
    }  # fmt: skip
    assert (headers["TTL"], headers["Content-Encoding"], headers["Urgency"]) == ("3600", "aes128gcm", "normal")
    assert len(headers["Topic"]) <= 32
    assert words.title.encode() not in body
    token, _, key = headers["Authorization"].removeprefix("vapid t=").partition(", k=")
    assert key == pair.public
    head, claims, signature = token.split(".")
    public = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, raw(key))
    r, s = (int.from_bytes(part, "big") for part in (raw(signature)[:32], raw(signature)[32:]))
    public.verify(encode_dss_signature(r, s), f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
    told = json.loads(raw(claims))
    assert told["aud"] == f"https://{host}"
    assert told["sub"] == "mailto:ops@shop.example"
    assert 0 < told["exp"] - clock.now() / 1e6 <= 24 * 3600


def test_messages_of_one_journey_replace_each_other_and_of_two_do_not(service):
    host, heard, push, _ = service
    browser = Browser(f"https://{host}/p")
    for name, action in (("basket", "a"), ("basket", "b"), ("win back", "c")):
        push.deliver(message("push", browser.address, journey=name, action_id=action))
    topics = [headers["Topic"] for _, headers, _ in heard]
    assert topics[0] == topics[1] != topics[2]


@pytest.mark.parametrize(
    ("status", "state"),
    [(201, "sent"), (202, "sent"), (404, "gone"), (410, "gone"), (429, "retry"), (503, "retry"), (500, "uncertain"),
     (502, "uncertain"), (400, "failed"), (413, "failed"), (302, "failed")],
)  # fmt: skip
def test_answers_of_a_push_service_mean_what_they_say(service, status, state):
    host, heard, push, _ = service
    heard.answers.append((status, {"Retry-After": "120", "Location": "http://169.254.169.254/"}))
    outcome = push.deliver(message("push", Browser(f"https://{host}/p").address))
    assert outcome.state == state
    assert outcome.retry_after_s == (120 if state == "retry" else None)
    assert len(heard) == 1


@pytest.mark.parametrize(("reached", "state"), [(False, "retry"), (True, "uncertain")])
def test_without_an_answer_it_is_sent_again_only_if_nobody_was_reached(service, reached, state):
    *_, pair = service
    push = Push(lambda: pair, lambda *_: Receipt(0, "cut", reached=reached))
    assert push.deliver(message("push", Browser("https://push.example/p").address)).state == state


def test_a_service_that_is_not_there_was_not_reached(service):
    *_, pair = service
    with receiver() as (closed, _):
        pass
    push = Push(lambda: pair, functools.partial(call.post, inside=[closed]), inside=[closed])
    assert push.deliver(message("push", Browser(f"http://{closed}/p").address)).state == "retry"


@pytest.mark.parametrize(
    "endpoint", ["https://169.254.169.254/", "http://push.example/p", "https://localhost/p", "file:///etc/passwd"]
)
def test_case_82_a_subscription_does_not_lead_into_the_own_network(service, endpoint):
    *_, pair = service
    push = Push(lambda: pair, call.post)
    outcome = push.deliver(message("push", Browser(endpoint).address))
    assert outcome.state == "failed"
    assert "is not called" in outcome.detail


@pytest.mark.parametrize("change", [
    lambda given: {**given, "keys": {**given["keys"], "p256dh": encoded(b"\x04" + b"\x01" * 64)}},
    lambda given: {**given, "keys": {**given["keys"], "auth": "AAAA"}},
    lambda given: {**given, "keys": {**given["keys"], "auth": "ä!"}},
    lambda given: {"endpoint": given["endpoint"]},
    lambda given: [],
])  # fmt: skip
def test_a_broken_subscription_is_gone_and_calls_nobody(service, change):
    host, heard, push, _ = service
    address = json.dumps(change(json.loads(Browser(f"https://{host}/p").address)))
    assert push.deliver(message("push", address)).state == "gone"
    assert heard == []


@pytest.mark.parametrize("text", ["가" * 5000, '"\n' * 5000, "x" * 3950])
def test_a_long_text_is_cut_and_a_long_title_refused(service, text):
    host, heard, push, _ = service
    browser = Browser(f"https://{host}/p")
    assert push.deliver(message("push", browser.address, Words(title="t", body=text))).state == "sent"
    shown = json.loads(opened(heard[0][2], browser.private, browser.secret))
    assert shown["title"] == "t"
    assert shown["body"] == text or (shown["body"].endswith("…") and text.startswith(shown["body"][:-1]))
    assert len(shown["body"]) > 500
    assert len(heard[0][2]) <= 4096
    assert push.deliver(message("push", browser.address, Words(title=text * 2, body="b"))).state == "failed"


def test_the_pair_is_made_once_and_kept(tmp_path):
    first = Pair.of_store(Secrets(tmp_path))
    assert Pair.of_store(Secrets(tmp_path)).public == first.public
    assert len(raw(first.public)) == 65
    assert first.proof(target("https://push.example/x"), "", 1).startswith("vapid t=")
    assert vapid.MOST_BYTES + 103 == 4096
