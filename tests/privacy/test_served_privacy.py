"""What a running server writes of people: nothing personal in any file, nothing of who refused, also after a restart."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import afterclick
from afterclick.analyse.consents import statements
from afterclick.app.people.forms import Needles
from afterclick.app.people.traces import Search
from afterclick.app.prove.sender import Sender
from afterclick.app.prove.served import Served
from afterclick.collect.privacy.consent import allows, fold
from afterclick.collect.privacy.policy import counts_of
from afterclick.core import clock
from afterclick.store.live.tail import Tail

SECRETS = ("kim.minsu@mail.example", "010-1234-5678", "4111 1111 1111 1111", "900101-1234567", "203.0.113.195")


@pytest.fixture
def served(tmp_path: Path):
    server = Served(tmp_path / "shop", tmp_path / "log.txt").prepare()
    server.start()
    yield server
    server.stop()


def _event(device: str, number: int, name: str = "Product Viewed", **more: object) -> dict[str, object]:
    told = {"type": "track", "event": name, "anonymousId": device, "messageId": f"{device}-{number}"}
    return {**told, "timestamp": clock.iso(clock.now()), **more}


def _send(server: Served, *events: dict[str, object], **headers: str) -> tuple[int, object]:
    sender = Sender(server.address, server.key)
    sender.headers |= {name.replace("_", "-"): value for name, value in headers.items()}
    answer = sender.send(events)
    sender.close()
    return answer.status, answer.body.get("accepted")


def test_case_45_and_46_no_file_holds_what_was_sent_and_who_refused_is_not_there(served):
    mail, phone, *_ = SECRETS
    page = {"url": f"https://s.example/{mail}?note={phone}&utm_source=x", "referrer": f"https://m.example/?to={mail}"}
    properties = {"note": " ".join(SECRETS[:4]), "ip": SECRETS[4]}
    dirty = _event("d1", 1, f"Called {phone}", properties=properties, context={"page": page})
    broken = {**_event("d1", 2), "event": {"not": SECRETS[0]}, "properties": {"x": SECRETS[3]}}
    assert _send(served, dirty, broken)[0] == 200
    assert _send(served, _event("gpc-device-1", 1), Sec_GPC="1") == (200, 0)
    assert _send(served, _event("denied-device", 1, context={"consent": {"analytics": False}})) == (200, 0)
    assert _send(served, _event("d2", 1, context={"consent": {"analytics": True, "marketing": True}})) == (200, 1)
    assert _send(served, _event("d2", 2, "Consent Withdrawn", properties={"secret_hint": "x"})) == (200, 1)
    assert _send(served, _event("d2", 3)) == (200, 0)
    served.stop()
    served.start()
    last = time.monotonic() + 10
    number = 3
    # Who refused before is read from the log beside the first requests.
    while _send(served, _event("d2", number := number + 1)) != (200, 0):
        assert time.monotonic() < last
        time.sleep(0.1)
    assert _send(served, _event("d3", 1)) == (200, 1)
    served.stop()
    ids = Needles([*(f"u:{secret}" for secret in SECRETS), "a:gpc-device-1", "a:denied-device"])
    assert [one for one in Search(served.store, ids).run() if not one.id.startswith("SHA")] == []
    with afterclick.open(served.store, write=True) as shop:
        snapshot = shop.store.snapshot()
        rows = snapshot.log_rows(range(snapshot.rows), ("anonymous_id", "event", "url", "properties")).to_pylist()
        mine = [number for number, row in enumerate(rows) if row["anonymous_id"] == "d2"]
        assert not allows(fold(statements(shop.context(), mine)), "marketing", "email").granted
        withdrawn = next(row for row in rows if row["event"] == "Consent Withdrawn")
        assert withdrawn["properties"] == '{"consent":{"*":false}}'
        tail = Tail.open(served.store)
        counts = counts_of(tail.get("privacy.not_stored"))
        balance = tail.balance()
        tail.close()
    assert {why for _, why in counts} == {"no_consent"}
    assert sum(counts.values()) >= 4
    assert balance.received == balance.stored + balance.duplicates + balance.rejected
