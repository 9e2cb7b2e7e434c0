"""What afterclick itself tells of people: nothing of who was erased meanwhile, no address that a mail server repeats."""

from __future__ import annotations

import json
from pathlib import Path

from afterclick.collect.wire.canonical import Canonical
from afterclick.core import clock
from support.served import served


def told(event_id: str, user: str, **more: str) -> Canonical:
    at = clock.now()
    return Canonical(
        event_id=event_id, type="track", event="Message Sent", user_id=user, properties={"channel": "email", **more},
        original_at=at, occurred_at=at, received_at=at,
    )  # fmt: skip


def test_a_message_that_was_sent_while_its_receiver_was_erased_is_not_told(tmp_path: Path) -> None:
    with served(tmp_path / "shop") as server:
        for user in ("kim", "lee"):
            sent = {"type": "track", "event": "Signed Up", "userId": user, "messageId": user}
            assert server.send("/v1/track", sent).status == 200
        shop = server.live.shop
        before = server.live.tail.events
        server.live.emitter.emit([told("sent-1", "kim"), told("sent-2", "lee")])
        assert server.live.tail.events == before + 2
        shop.erase("kim", kind="user")
        stands = server.live.tail.events
        server.live.emitter.emit([told("sent-3", "kim"), told("sent-4", "lee")])
        assert server.live.tail.events == stands + 1
        ids = shop.context().snapshot.book("id").all.to_pylist()
        assert "u:lee" in ids
        assert "u:kim" not in ids
        assert shop.erase("lee", kind="user").left == []


def test_what_a_mail_server_said_is_kept_without_the_address(tmp_path: Path) -> None:
    said = "550 5.1.1 <kim@example.com>: Recipient address rejected"
    with served(tmp_path / "shop") as server:
        server.live.emitter.emit([told("sent-1", "kim", detail=said, action_id="0123456789" * 2 + "4111")])
        server.live.shop.store.seal(server.live.tail)
        (row,) = server.live.shop.context().snapshot.log_rows([0], ("properties",)).to_pylist()
    properties = json.loads(row["properties"])
    assert properties["detail"].startswith("550 5.1.1 ")
    assert "kim@example.com" not in properties["detail"]
    assert properties["action_id"] == "0123456789" * 2 + "4111"
