"""An alarm reaches the addresses its alert names: signed, once each, and none of them inside unless it is listed."""

from __future__ import annotations

import http.server
import json
import threading
from typing import ClassVar

import pytest
from click.testing import CliRunner

import afterclick
from afterclick.act.outbound import signing
from afterclick.act.outbound.call import Receipt
from afterclick.core import clock
from afterclick.core.errors import UsageError
from afterclick.store.documents import Alert
from afterclick.surfaces.cli.main import group
from support.shop import DAY0, Shop


class Receiver(http.server.BaseHTTPRequestHandler):
    """Keeps what it is told; answers 500 first where the path says so."""

    seen: ClassVar[list] = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        tries = sum(path == self.path for path, _, _ in self.seen)
        self.seen.append((self.path, dict(self.headers), body))
        self.send_response(500 if self.path == "/flaky" and not tries else 200)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    Receiver.seen.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def store(tmp_path):
    with Shop().add("v1", DAY0, "Page Viewed").open(tmp_path / "shop"):
        return tmp_path / "shop"


def ringing(*post):
    return Alert(name="Any visit", question="kpi?range=all", figure="sessions", above=0, post=post)


def test_an_alarm_is_posted_signed_and_once(store, receiver):
    with afterclick.open(store) as shop:
        shop.define(outbound=[receiver])
        shop.desk.put_alert(ringing(f"http://{receiver}/flaky", f"http://{receiver}/fine"))
    first = CliRunner().invoke(group, ["alerts", "check", "--store", str(store), "--format", "json"])
    assert first.exit_code == 1, first.output
    told = json.loads(first.stdout)["told"]
    assert [(one["url"].rsplit("/")[-1], one["status"], one["problem"]) for one in told] == [
        ("flaky", 200, ""), ("fine", 200, ""),
    ]  # fmt: skip
    assert [path for path, _, _ in Receiver.seen] == ["/flaky", "/flaky", "/fine"]
    keys = [headers["Idempotency-Key"] for _, headers, _ in Receiver.seen]
    assert keys[0] == keys[1] != keys[2]
    for _, headers, body in Receiver.seen:
        assert signing.verify(headers[signing.HEADER], body, [signing.secret(store)], clock.now() // 1_000_000)
        assert json.loads(body)["alert"] == "Any visit"
    again = CliRunner().invoke(group, ["alerts", "check", "--store", str(store)])
    assert again.exit_code == 0
    assert len(Receiver.seen) == 3


def test_an_inner_address_is_refused_when_written_down_and_again_when_called(store, receiver):
    url = f"http://{receiver}/fine"
    with afterclick.open(store) as shop:
        with pytest.raises(UsageError, match="is not called"):
            shop.desk.put_alert(ringing(url))
        shop.define(outbound=[receiver])
        shop.desk.put_alert(ringing(url))
        shop.define(outbound=[])
        told = shop.desk.tell(shop.desk.check().fired)
    assert [(one.status, "is not called" in one.problem) for one in told] == [(0, True)]
    assert not Receiver.seen


def test_who_cannot_be_told_keeps_nobody_else_from_hearing(store):
    called = []

    def post(url, body, headers):
        called.append(url)
        return Receipt(0, "closed") if "a.example" in url else Receipt(204)

    with afterclick.open(store) as shop:
        shop.desk.put_alert(ringing("https://a.example/", "https://b.example/"))
        told = shop.desk.tell(shop.desk.check().fired, post)
    assert [(one.url, one.problem) for one in told] == [("https://a.example/", "closed"), ("https://b.example/", "")]
    assert called == ["https://a.example/"] * 3 + ["https://b.example/"]


def test_a_dry_run_tells_nobody(store, receiver):
    with afterclick.open(store) as shop:
        shop.define(outbound=[receiver])
        shop.desk.put_alert(ringing(f"http://{receiver}/fine"))
    assert CliRunner().invoke(group, ["alerts", "check", "--dry-run", "--store", str(store)]).exit_code == 1
    assert not Receiver.seen
