"""Decisions over real sockets: what a page is offered after its own event, told once, and what acknowledging leaves."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import afterclick
from afterclick.act import page_tokens
from afterclick.act.secrets import Secrets
from afterclick.core import clock
from afterclick.decide.draws import draw
from afterclick.store.automations import LiveRule, Show, Words
from afterclick.store.live.reader import TailReader
from afterclick.surfaces.collector import decisions
from support import offers
from support.offers import Stream, added, decide, deciding, page, until
from support.served import Served

OPEN = {"action_id", "placement", "kind", "content", "ttl", "experiment", "rule"}


@pytest.fixture(scope="module", params=["direct", "asgi"])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with deciding(tmp_path_factory.mktemp("deciding") / "shop", direct=request.param == "direct") as one:
        yield one


def stored(shop: Served) -> list[dict[str, Any]]:
    reader = TailReader(shop.live.shop.store.path)
    try:
        return [json.loads(body) for call in reader.read(0, 1_000_000) for body in call.bodies]
    finally:
        reader.close()


def acked(shop: Served, **body: Any) -> dict[str, Any]:
    answer = shop.ask("POST", "/v1/ack", {"writeKey": shop.key, **body})
    return {"http": answer.status, **answer.json()}


def test_the_fourth_page_of_a_first_visit_from_a_portal_is_answered_with_the_offer(shop: Served) -> None:
    first = decide(shop, "v1", page(1, "v1", offers.PORTAL))
    assert (first["accepted"], first["decisions"]) == (1, [])
    for number in (2, 3):
        assert decide(shop, "v1", page(number, "v1"))["decisions"] == []
    answer = decide(shop, "v1", page(4, "v1"), languages=["ko-KR", "en"])
    (offer,) = answer["decisions"]
    assert set(offer) == OPEN
    assert (offer["kind"], offer["rule"], offer["ttl"], offer["experiment"]) == ("popup", "sign-up", "600s", None)
    assert offer["content"]["title"] == "회원 혜택"
    assert offer["content"]["url"] == "/join"
    # Nobody has seen it yet: it is offered again, also to one who only asks, in the language that one speaks.
    (again,) = decide(shop, "v1", languages=["en"])["decisions"]
    assert (again["action_id"], again["content"]["title"]) == (offer["action_id"], "Join in")
    # Direct visitors see four pages as well.
    for number in range(1, 6):
        assert decide(shop, "v2", page(number, "v2"))["decisions"] == []


def test_the_gap_to_free_shipping_is_what_is_missing_now(shop: Served) -> None:
    assert decide(shop, "v3", added(1, "v3", 12_000))["decisions"] == []
    (offer,) = decide(shop, "v3", added(2, "v3", 9_000))["decisions"]
    assert (offer["kind"], offer["placement"]) == ("slot", "cart")
    assert "9,000" in offer["content"]["body"]
    # A page without the slot is offered nothing, and one of our script gets nodes.
    assert decide(shop, "v3", placements=["top"])["decisions"] == []
    (nodes,) = decide(shop, "v3", form="tree")["decisions"]
    assert nodes["content"]["body"][0][0] == "p"
    assert "9,000" in nodes["content"]["body"][0][2]


def test_what_is_acknowledged_is_an_event_once_and_offered_no_more(shop: Served) -> None:
    decide(shop, "v4", added(1, "v4", 25_000))
    (offer,) = decide(shop, "v4")["decisions"]
    action = offer["action_id"]
    # The action alone suffices: who was offered what is known here.
    assert acked(shop, action_id=action, state="displayed")["accepted"] == 1
    assert decide(shop, "v4")["decisions"] == []
    assert acked(shop, action_id=action, state="displayed", anonymousId="v4", rule="free-shipping")["duplicates"] == 1
    assert acked(shop, action_id=action, state="clicked", anonymousId="v4", rule="free-shipping")["accepted"] == 1
    assert acked(shop, action_id=action, state="closed", anonymousId="v4", rule="free-shipping")["accepted"] == 1
    found = [event for event in stored(shop) if event.get("properties", {}).get("action_id") == action]
    assert [event["event"] for event in found] == ["Message Delivered", "Message Clicked", "Message Dismissed"]
    for event in found:
        assert event["anonymous_id"] == "v4"
        assert event["properties"] == {"action_id": action, "channel": "onsite", "rule": "free-shipping"}
    assert shop.live.deciding.decider.report["free-shipping"]["shown"] >= 1


def test_an_arm_that_is_displayed_is_exposed(shop: Served) -> None:
    event = {"type": "identify", "userId": "u5", "traits": {"name": "Kim"}, "messageId": "v5-i"}
    assert decide(shop, "v5", page(1, "v5"))["decisions"] == []
    (offer,) = decide(shop, "v5", event)["decisions"]
    assert offer["experiment"]["id"] == "greeting"
    # The page has shown no proof of whose it is: nothing of the person stands in the words.
    assert offer["content"]["title"].strip() in ("Hello", "Hi")
    assert acked(shop, action_id=offer["action_id"], state="displayed")["accepted"] == 2
    (viewed,) = [one for one in stored(shop) if one["event"] == "Experiment Viewed" and one["anonymous_id"] == "v5"]
    assert viewed["properties"] == {
        "experiment": "greeting", "variant": offer["experiment"]["arm"], "action_id": offer["action_id"]
    }  # fmt: skip


def test_both_arms_of_a_rules_holdout_are_told_when_it_decides(tmp_path: Path) -> None:
    rule = LiveRule(
        name="held", state="on", once="visitor", when="session.pages >= 2", holdout_rate=0.5,
        show=Show(kind="toast", words=(Words(title="Hello"),)),
    )  # fmt: skip
    people = [f"h{number}" for number in range(24)]
    arms = {one: "holdout" if draw("holdout:held", f"a:{one}") < 0.5 else "treated" for one in people}
    assert set(arms.values()) == {"holdout", "treated"}
    with deciding(tmp_path / "shop", [rule]) as shop:
        offered = set()
        for one in people:
            decide(shop, one, page(1, one))
            if decide(shop, one, page(2, one))["decisions"]:
                # Of those who are offered it some leave before it is shown: they stay in their arm.
                offered.add(one)

        def told(name: str) -> dict[str, dict[str, Any]]:
            return {one["anonymous_id"]: one["properties"] for one in stored(shop) if one["event"] == name}

        until(lambda: len(told("Experiment Viewed")) == len(people))
        assert {one: said["variant"] for one, said in told("Experiment Viewed").items()} == arms
        assert {said["rule"] for said in told("Experiment Viewed").values()} == {"held"}
        assert {said["experiment"] for said in told("Experiment Viewed").values()} == {"holdout:rule:held"}
        held = {one for one in people if arms[one] == "holdout"}
        assert set(told("Message Suppressed")) == held
        assert offered == set(people) - held
    with afterclick.open(tmp_path / "shop") as store:
        found = store.automations.outcomes().found["rule", "held"]
    assert (found.held_out, found.visitors) == (len(held), 0)


def test_a_token_of_the_shops_server_proves_the_user(shop: Served) -> None:
    key = page_tokens.key_of_store(Secrets(shop.live.shop.store.path))
    token = page_tokens.token(key, "u6", clock.now() // 1_000_000 + 3600)
    event = {"type": "identify", "userId": "u6", "traits": {"name": "Lee"}, "messageId": "v6-i", "anonymousId": "v6"}
    until(lambda: shop.live.offering.proved("u6", token))
    decide(shop, "v6", page(1, "v6"))
    (named,) = decide(shop, "", event, userId="u6", userToken=token)["decisions"]
    assert named["content"]["title"] in ("Hello Lee", "Hi Lee")
    # The user's id alone, or with a token of somebody else, is nobody.
    assert decide(shop, "", userId="u6")["decisions"] == []
    other = page_tokens.token(key, "u7", clock.now() // 1_000_000 + 3600)
    assert decide(shop, "", userId="u6", userToken=other)["decisions"] == []
    assert shop.ask("GET", f"/v1/stream?writeKey={shop.key}&userId=u6").status == 403
    stream = Stream(shop, userId="u6", userToken=token)
    name, told = stream.next()
    assert (name, told["decisions"][0]["content"]["title"]) == ("decisions", named["content"]["title"])
    stream.close()


def test_a_stream_tells_at_once_what_a_batch_has_caused(shop: Served) -> None:
    # Opened before anything is known of the visitor.
    stream = Stream(shop, anonymousId="v8", placements="cart,top", form="tree")
    assert stream.answer.status == 200
    assert stream.answer.getheader("content-type") == "text/event-stream; charset=utf-8"
    assert shop.send("/v1/track", page(1, "v8", offers.PORTAL)).status == 200
    assert shop.send("/v1/batch", {"batch": [added(1, "v8", 12_000), added(2, "v8", 9_000)]}).status == 200
    name, told = stream.next()
    assert name == "decisions"
    (offer,) = told["decisions"]
    assert offer["rule"] == "free-shipping"
    # Told once, though the stream is stirred again.
    assert shop.send("/v1/track", added(3, "v8", 1_000)).status == 200
    assert shop.send("/v1/batch", {"batch": [page(n, "v8") for n in (2, 3, 4)]}).status == 200
    _, more = stream.next()
    assert [one["rule"] for one in more["decisions"]] == ["sign-up"]
    stream.close()


def test_case_97_a_stream_that_comes_back_misses_nothing(shop: Served) -> None:
    stream = Stream(shop, anonymousId="v9", placements="cart")
    until(lambda: stream.last)
    last = stream.last
    stream.close()
    assert shop.send("/v1/track", added(1, "v9", 25_000)).status == 200
    again = Stream(shop, {"last-event-id": last}, anonymousId="v9", placements="cart")
    _, told = again.next()
    assert [one["rule"] for one in told["decisions"]] == ["free-shipping"]
    assert int(again.last) > int(last)
    again.close()


def test_two_devices_that_turn_out_to_be_one_visitor_are_told_as_one(shop: Served) -> None:
    stream = Stream(shop, anonymousId="v11", placements="cart")
    assert shop.send("/v1/track", page(1, "v11")).status == 200
    assert shop.send("/v1/track", {**added(1, "v10", 25_000), "userId": "u10"}).status == 200
    # The other device logs in as well.
    login = {"type": "identify", "anonymousId": "v11", "userId": "u10", "messageId": "i11"}
    assert shop.send("/v1/identify", login).status == 200
    _, told = stream.next()
    assert "free-shipping" in [one["rule"] for one in told["decisions"]]
    stream.close()


def test_an_event_that_cannot_be_stored_is_named_and_decides_nothing(shop: Served) -> None:
    answer = decide(shop, "v12", {"type": "track", "messageId": "v12-bad"})
    assert (answer["accepted"], answer["rejected"], answer["decisions"]) == (0, 1, [])
    assert answer["errors"][0]["index"] == 0
    for bad in (5, [], "x"):
        answer = decide(shop, "v12", bad)
        assert (answer["accepted"], answer["rejected"], answer["decisions"]) == (0, 1, []), bad


def test_the_event_goes_before_what_stands_around_it(shop: Served) -> None:
    around = {"url": "https://shop.example/around", "title": "Around"}
    decide(shop, "v13", {"event": "Looked", "messageId": "v13-1", "anonymousId": "v13b"}, page=around)
    decide(shop, "v13", {}, page=around)
    (found,) = [event for event in stored(shop) if event["event_id"] == "v13-1"]
    assert (found["anonymous_id"], found["url"]) == ("v13b", "https://shop.example/around")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/decide", b"{", 400),
        ("/v1/decide", b"[" * 5000, 400),
        ("/v1/decide", b'{"anonymousId":5}', 400),
        ("/v1/decide", b'{"placements":"cart"}', 400),
        ("/v1/decide", b'{"anonymousId":"v"}', 401),
        ("/v1/decide", b'{"writeKey":"ac_write_none","anonymousId":"v","event":{"event":"A"}}', 401),
        ("/v1/ack", b'{"state":"displayed"}', 400),
        ("/v1/ack", b'{"action_id":"a","state":"seen"}', 400),
        ("/v1/ack", b'{"action_id":"never-handed-out","state":"displayed"}', 400),
        ("/v1/ack", b'{"action_id":"a","state":"displayed","anonymousId":"v"}', 401),
    ],
)
def test_what_cannot_be_answered_says_why(shop: Served, path: str, body: bytes, status: int) -> None:
    answer = shop.ask("POST", path, body)
    assert answer.status == status
    told = answer.json()
    assert told["success"] is False
    assert told["code"]
    if path == "/v1/decide":
        assert told["decisions"] == []


def test_pages_of_other_origins_ask_without_a_preflight_and_are_answered(shop: Served) -> None:
    origin = {"origin": "https://shop.example", "content-type": "text/plain"}
    failed = {"action_id": "x", "state": "failed", "anonymousId": "v"}
    for path, body in (("/v1/decide", {"anonymousId": "v"}), ("/v1/ack", failed)):
        answer = shop.ask("POST", path, {"writeKey": shop.key, **body}, origin)
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "https://shop.example")
        asked = {**origin, "access-control-request-method": "POST", "access-control-request-headers": "content-type"}
        preflight = shop.ask("OPTIONS", path, None, asked)
        assert (preflight.status, preflight.headers["access-control-allow-headers"]) == (204, "content-type")
    stream = Stream(shop, origin, anonymousId="v")
    assert stream.answer.getheader("access-control-allow-origin") == "https://shop.example"
    stream.close()


def test_a_key_of_other_pages_is_refused(shop: Served) -> None:
    key = shop.live.access.make("write", source="bound", origins=("https://shop.example",)).secret
    body = {"writeKey": key, "anonymousId": "v"}
    until(lambda: shop.ask("POST", "/v1/decide", body).status == 200)
    foreign = {"origin": "https://other.example"}
    answer = shop.ask("POST", "/v1/decide", body, foreign)
    assert (answer.status, answer.json()["decisions"]) == (403, [])
    assert shop.ask("GET", f"/v1/stream?writeKey={key}&anonymousId=v", None, foreign).status == 403
    assert shop.ask("GET", "/v1/stream?writeKey=none&anonymousId=v").status == 401
    assert shop.ask("GET", f"/v1/stream?writeKey={shop.key}").status == 400
    assert shop.ask("POST", f"/v1/stream?writeKey={shop.key}&anonymousId=v", b"").status == 405


def test_a_page_does_not_wait_for_a_slow_disk_and_its_event_is_stored_all_the_same(
    shop: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = threading.Event()
    commit = shop.live.tail.commit

    def slowly(calls: Any) -> Any:
        assert held.wait(60)
        return commit(calls)

    monkeypatch.setattr(shop.live.tail, "commit", slowly)
    monkeypatch.setattr(decisions, "BUDGET_S", 0.05)
    assert decide(shop, "v14", added(1, "v14", 25_000)) == {"pending": True, "decisions": []}
    held.set()
    monkeypatch.undo()
    until(lambda: decide(shop, "v14")["decisions"])
    assert [event["event_id"] for event in stored(shop)].count("v14-a1") == 1
    # Sent again it is known.
    assert decide(shop, "v14", added(1, "v14", 25_000))["duplicates"] == 1


def test_questions_that_came_together_are_each_answered_in_time(shop: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    held = threading.Event()
    commit = shop.live.tail.commit

    def slowly(calls: Any) -> Any:
        assert held.wait(60)
        return commit(calls)

    def request(number: int) -> bytes:
        said = {"writeKey": shop.key, "anonymousId": "v16", "event": added(number, "v16", 100)}
        body = json.dumps(said).encode()
        return b"POST /v1/decide HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: %d\r\n\r\n" % len(body) + body

    monkeypatch.setattr(shop.live.tail, "commit", slowly)
    monkeypatch.setattr(decisions, "BUDGET_S", 0.05)
    try:
        with socket.create_connection(("127.0.0.1", shop.port), timeout=60) as page_of_it:
            # The second is read the moment the first is answered, which is when its time is over.
            page_of_it.sendall(request(1) + request(2) + request(3))
            found = b""
            while found.count(b'"pending":true') < 3:
                piece = page_of_it.recv(65_536)
                assert piece, found
                found += piece
    finally:
        held.set()
        monkeypatch.undo()
    assert found.count(b"HTTP/1.1 200") == 3
    until(lambda: [event["event_id"] for event in stored(shop)].count("v16-a3") == 1)


def test_whatever_keeps_it_from_deciding_the_event_is_stored(shop: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr(shop.live.offering, "offers", broken)
    answer = decide(shop, "v15", added(1, "v15", 25_000))
    assert (answer["accepted"], answer["decisions"]) == (1, [])
    assert decide(shop, "v15") == {"decisions": []}
    monkeypatch.undo()
    assert [one["rule"] for one in decide(shop, "v15")["decisions"]] == ["free-shipping"]
