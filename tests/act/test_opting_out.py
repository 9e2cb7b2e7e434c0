"""A link pressed at a running server: stored like any event, by anybody, of nobody who was erased."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import pytest

import afterclick
from afterclick.act.secrets import Secrets
from afterclick.act.unsubscribe import Subscription, Tokens, event
from afterclick.app.opting_out import collector
from afterclick.app.prove.served import Served
from afterclick.core import clock
from afterclick.core.errors import StoreError
from afterclick.store import tombstones


def press(address, path, method="POST"):
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    try:
        # As a mail service does: to the name in the link, from nowhere, without a token.
        headers = {"Host": "go.shop.example", "Origin": "https://mail.example"}
        connection.request(method, path, b"List-Unsubscribe=One-Click", headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_a_running_server_hears_a_link_and_serves_nothing_else_to_strangers(tmp_path):
    served = Served(tmp_path / "shop", tmp_path / "log").prepare()
    with served:
        served.start()
        assert press(served.address, f"/u/{'A' * 60}")[0] == 404
        path = f"/u/{Tokens.of_store(Secrets(served.store)).token('u:42', 'email')}"
        status, page = press(served.address, path, "GET")
        assert (status, "<button" in page) == (200, True)
        assert press(served.address, path)[0] == 200
        assert press(served.address, "/", "GET")[0] == 421
        served.stop()
    with afterclick.open(tmp_path / "shop") as shop:
        told = shop.person("42", kind="user")
    (consent,), (one,) = told["consent"], told["events"]
    assert (consent["purpose"], consent["channel"], consent["granted"]) == ("marketing", "email", False)
    assert (one["event"], one["source"], one["properties"]["channel"]) == ("Message Unsubscribed", "afterclick", "email")
    assert "u:42" not in (tmp_path / "log").read_text()


@pytest.mark.parametrize("visitor", ["u:42", "a:x", "e:min@b.example"])
def test_who_was_erased_comes_in_by_no_link(tmp_path, visitor):
    told = []
    collect = collector(tmp_path, told.extend)
    pressed = event(Subscription(visitor, "email"), clock.now())
    collect(pressed)
    assert told == [pressed]
    tombstones.add(tmp_path, (visitor,), clock.now())
    collect(pressed)
    assert len(told) == 1


def test_a_disk_that_refuses_is_told_to_who_pressed(tmp_path):
    def emit(_):
        raise StoreError("full")

    with pytest.raises(StoreError):
        collector(tmp_path, emit)(event(Subscription("u:1", "email"), 1))
