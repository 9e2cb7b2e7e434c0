"""From a request to the disk and back, over real sockets: keys, answers, CORS, balance, dead letters."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

import pytest

from afterclick.store.live.reader import TailReader
from support.served import Served, basic, served


@pytest.fixture(scope="module", params=["direct", "asgi"])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Both ways a request may take are to behave alike."""
    with served(tmp_path_factory.mktemp("collecting") / "shop", direct=request.param == "direct") as one:
        yield one


def stored(shop: Served) -> list[dict[str, object]]:
    reader = TailReader(shop.live.shop.store.path)
    try:
        return [json.loads(body) for call in reader.read(0, 1_000_000) for body in call.bodies]
    finally:
        reader.close()


def test_an_event_is_on_disk_when_its_answer_comes(shop: Served) -> None:
    answer = shop.track("first-1")
    assert answer.status == 200
    assert answer.json() == {
        "status": 1, "success": True, "accepted": 1, "duplicates": 0, "rejected": 0, "errors": [],
    }  # fmt: skip
    assert [event["event_id"] for event in stored(shop)].count("first-1") == 1


def test_case_22_the_same_id_twice_in_a_batch_and_in_two_batches_counts_once(shop: Served) -> None:
    event = {"type": "track", "event": "Twice", "userId": "u1", "messageId": "twice-1", "timestamp": "2026-09-01T00:00:00Z"}
    first = shop.send("/v1/batch", {"batch": [event, event]}).json()
    assert (first["accepted"], first["duplicates"]) == (1, 1)
    again = shop.send("/v1/batch", {"batch": [event], "sentAt": "2026-09-01T00:00:07Z"}).json()
    assert (again["accepted"], again["duplicates"]) == (0, 1)
    assert [event["event_id"] for event in stored(shop)].count("twice-1") == 1


def test_case_23_other_content_under_the_same_id_is_a_dead_letter_that_names_its_place(shop: Served) -> None:
    bad = {"type": "track", "event": 5, "userId": {"a": []}, "messageId": "ok-0", "timestamp": []}
    events = [{"type": "track", "event": name, "userId": "u1", "messageId": "clash-1"} for name in ("One", "Other")]
    answer = shop.send("/v1/batch", {"batch": [bad, *events]}).json()
    assert [(error["index"], error["code"]) for error in answer["errors"]][-1] == (2, "id_conflict")
    letters = [one for one in shop.live.tail.rejects() if one.code == "id_conflict"]
    assert len(letters) == 1
    assert "Other" in letters[0].original
    assert [event["event"] for event in stored(shop) if event["event_id"] == "clash-1"] == ["One"]


def test_case_40_one_bad_of_a_hundred_and_the_retry_adds_none(shop: Served) -> None:
    batch: list[object] = [
        {"type": "track", "event": "Hundred", "userId": "u1", "messageId": f"h{i}", "timestamp": "2026-09-01T00:00:00Z"}
        for i in range(99)
    ]
    batch.insert(50, {"type": "track", "event": "x" * 40_000, "userId": "u1", "messageId": "large"})
    first = shop.send("/v1/batch", {"batch": batch}).json()
    assert (first["accepted"], first["rejected"]) == (99, 1)
    assert first["errors"][0]["index"] == 50
    again = shop.send("/v1/batch", {"batch": batch}).json()
    assert (again["accepted"], again["duplicates"], again["rejected"]) == (0, 99, 1)


def test_case_41_the_documented_answers_to_odd_requests(shop: Served) -> None:
    empty = shop.send("/v1/batch", {"batch": []})
    assert (empty.status, empty.json()["accepted"]) == (200, 0)
    broken = shop.send("/v1/batch", b"{")
    assert broken.status == 400
    assert {"success", "code", "message"} <= broken.json().keys()
    form = shop.ask("POST", f"/v1/track?writeKey={shop.key}", b'{"type":"track","event":"B","userId":"u","messageId":"bn"}',
                    {"content-type": "text/plain"})  # fmt: skip
    assert form.json()["accepted"] == 1
    packed = gzip.compress(json.dumps({"batch": [{"type": "page", "userId": "u", "messageId": "gz"}]}).encode())
    assert shop.send("/v1/batch", packed).json()["accepted"] == 1
    assert shop.ask("GET", "/v1/batch").status == 405
    assert shop.ask("GET", "/favicon.ico").status == 204


KEYLESS = '{"type":"track","event":"No","userId":"u1"}'


@pytest.mark.parametrize("shown", ["none", "wrong", "revoked", "owner", "digest", "url", "body"])
def test_case_42_no_key_a_wrong_one_a_revoked_one_and_a_token_are_the_same_401(shop: Served, shown: str) -> None:
    access = shop.live.access
    path, headers, body = "/v1/track", {}, KEYLESS
    if shown == "wrong":
        headers = {"authorization": basic("ac_write_nobody")}
    elif shown == "revoked":
        made = access.make("write", source="gone", rate=0)
        assert shop.send("/v1/track", KEYLESS, made.secret).status == 200
        access.revoke(made.grant.id)
        headers = {"authorization": basic(made.secret)}
    elif shown == "owner":
        headers = {"authorization": f"Bearer {shop.owner}"}
    elif shown == "digest":
        headers = {"authorization": basic(access.grants[0].digest)}
    elif shown == "url":
        path = "/v1/track?writeKey=nobody-in-the-url"
    elif shown == "body":
        body = '{"type":"track","event":"No","userId":"u1","writeKey":"nobody"}'
    before = shop.live.tail.balance()
    answer = shop.ask("POST", path, body, headers)
    assert (answer.status, answer.json()["code"]) == (401, "unauthorized")
    assert {"success", "message"} <= answer.json().keys()
    assert shop.live.tail.balance() == before
    told = shop.log.getvalue()
    for secret in (shop.key, shop.owner, "nobody-in-the-url", "ac_write_nobody"):
        assert secret not in told, "a key is never logged"


def test_case_42_the_forms_a_key_may_come_in(shop: Served) -> None:
    event = {"type": "track", "event": "Key", "userId": "u1"}
    for place, headers in enumerate(
        ({"authorization": basic(shop.key)}, {"authorization": f"Bearer {shop.key}"}, {"x-write-key": f"{shop.key}:***"})
    ):
        answer = shop.ask("POST", "/v1/track", {**event, "messageId": f"key-{place}"}, headers)
        assert (answer.status, answer.json()["accepted"]) == (200, 1), headers
    assert shop.ask("POST", "/v1/track", {**event, "messageId": "key-b", "writeKey": shop.key}).json()["accepted"] == 1


def test_a_key_for_some_origins_takes_nothing_from_pages_of_others(shop: Served) -> None:
    made = shop.live.access.make("write", source="pages", origins=("https://shop.example",), rate=0)
    event = {"type": "track", "event": "Origin", "userId": "u1"}
    other = shop.send("/v1/track", event, made.secret, origin="https://evil.example")
    assert other.status == 403
    assert other.headers["access-control-allow-origin"] == "https://evil.example", "the page must be able to read why"
    assert shop.send("/v1/track", event, made.secret, origin="https://shop.example").status == 200
    assert shop.send("/v1/track", event, made.secret).status == 200, "servers name no origin"


def test_cors_as_captured_on_collecting_addresses(shop: Served) -> None:
    asked = "authorization,content-type,x-retry-count,rsa-since-last-attempt"
    answer = shop.ask(
        "OPTIONS",
        "/v1/t",
        headers={
            "origin": "https://shop.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": asked,
        },
    )
    assert answer.status == 204
    assert {name: value for name, value in answer.headers.items() if name.startswith("access-control") or name == "vary"} == {
        "access-control-allow-origin": "https://shop.example",
        "access-control-allow-credentials": "true",
        "access-control-allow-headers": asked,
        "access-control-allow-methods": "GET, POST, OPTIONS",
        "access-control-max-age": "7200",
        "access-control-expose-headers": "Retry-After",
        "vary": "Origin",
    }
    stored = shop.send("/v1/t", {"event": "Cors", "userId": "u1"}, origin="null")
    assert stored.status == 200
    assert stored.headers["access-control-allow-origin"] == "null"
    assert stored.headers["access-control-expose-headers"] == "Retry-After"


def test_case_91_no_other_address_sends_a_cors_header_or_answers_a_preflight(shop: Served) -> None:
    for path in ("/", "/healthz", "/metrics", "/data", "/openapi.json", "/favicon.ico", "/nowhere"):
        for method in ("GET", "OPTIONS"):
            answer = shop.ask(method, path, headers={"origin": "https://evil.example"})
            assert not [name for name in answer.headers if name.startswith("access-control")], (method, path)
            assert method == "GET" or answer.status == (404 if path == "/nowhere" else 405)


def test_received_is_stored_and_duplicates_and_rejected(shop: Served) -> None:
    for number in (1, 2, 2):
        assert shop.track(f"balanced{number}").status == 200
    balance = shop.live.tail.balance()
    assert balance.received == balance.stored + balance.duplicates + balance.rejected > 0
    assert balance.stored == len(stored(shop))
    state = shop.ask("GET", "/healthz")
    assert state.status == 200
    assert state.json()["balance"]["received"] == balance.received


def test_settings_that_stock_snippets_ask_for(shop: Served) -> None:
    settings = shop.ask("GET", f"/v1/projects/{shop.key}/settings", headers={"origin": "https://shop.example"})
    assert settings.status == 200
    assert settings.json()["integrations"]["Segment.io"]["apiHost"] == f"127.0.0.1:{shop.port}/v1"
    assert settings.headers["access-control-allow-origin"] == "https://shop.example"
    assert shop.ask("GET", "/v1/projects/nobody/settings").status == 401
    assert shop.ask("POST", "/flags/?v=2", {"api_key": shop.key}).json()["featureFlags"] == {}


def test_case_44_names_of_senders_forge_no_log_line(shop: Served) -> None:
    before = len(shop.log.getvalue().splitlines())
    answer = shop.track("forged", event="a\nERROR: b\x1b[31m", userId="u\n{\"what\":\"stopped\"}\x9b2J")
    assert answer.status == 200
    shop.live._summary()
    lines = shop.log.getvalue().splitlines()
    assert len(lines) > before
    for line in lines:
        told = json.loads(line)
        assert {"at", "what"} <= told.keys()
        assert not {"forged", "ERROR", "u1"} & set(map(str, told.values()))
        assert "\x1b" not in line


def test_case_99_labels_of_metrics_are_bounded_whatever_senders_make_up(shop: Served) -> None:
    for i in range(80):
        shop.live.collector.counts.reject(f"made_up_{i}")
        shop.track(f"label-{i}", event=f'Name {i}"}} 1\n')
    text = shop.ask("GET", "/metrics").body.decode()
    assert text.count("afterclick_rejected_total{") <= 65
    assert 'reason="other"' in text
    assert "Name 1" not in text
    for line in text.splitlines():
        if not line.startswith(("# HELP afterclick_", "# TYPE afterclick_")):
            assert float(line.rpartition(" ")[2]) >= 0
