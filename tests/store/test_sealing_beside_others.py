"""A server seals beside imports and erasures of its own process: whose turn it is not comes later, and nothing is wrong."""

from __future__ import annotations

import json

from support.served import served


def test_sealing_waits_for_an_import_and_the_server_stays_well(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("afterclick.store.sealing.due", lambda *_: True)
    with served(tmp_path / "shop") as shop:
        assert shop.send("/v1/track", {"event": "A", "userId": "u1", "messageId": "m1"}).status == 200
        with shop.live.shop.store.transaction("shop"):
            shop.live._seal()
            assert shop.live.tail.sealed == 0
            assert shop.ask("GET", "/healthz").status == 200
        shop.live._seal()
        assert shop.live.tail.sealed == shop.live.tail.position > 0
        assert not [line for line in map(json.loads, shop.log.getvalue().splitlines()) if "fail" in line["what"]]
