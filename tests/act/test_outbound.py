"""Case 81 to 83: a call goes to public addresses alone, whatever name, disguise or redirect leads to it, and ends in time."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from typing import ClassVar

import pytest

from afterclick.act.outbound import call, networks, signing
from afterclick.act.outbound.target import target
from afterclick.core.errors import StoreError, UsageError

PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001:800::200e"]
INNER = [
    "127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.169.254", "100.64.0.1",
    "100.100.100.200", "192.0.0.192", "192.88.99.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::",
    "::1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fec0::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe", "2002:a9fe:a9fe::", "2001:0:a9fe:a9fe::1", "2001:db8::1", "::7f00:1",
    "ff02::1", "not an address", "",
]  # fmt: skip
DISGUISED = [
    "https://127.1/", "https://2130706433/", "https://0x7f.1/", "https://0177.0.0.1/", "https://127.0.0.1./",
    "https://[::]/", "https://[::ffff:169.254.169.254]/", "https://[64:ff9b::a9fe:a9fe]/", "https://localhost/",
    "https://ⓛocalhost/", "https://127。0。0。1/", "https://good.example@127.0.0.1/", "https://good.example:6379/",
    "https://good.example:25/", "file:///etc/passwd", "gopher://good.example/", "//good.example/", "http://good.example/",
    "https://good.example/\r\nHost: evil.example", "https://good.example\\@127.0.0.1/", "https://intranet/",
    "https://db.internal/", "https://169.254.169.254/latest/meta-data/", "https:///x", "https://a b.example/", "",
    "https://-x.example/", "https://good.example:99999/",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_called(address):
    assert networks.refusal(address) == ""


@pytest.mark.parametrize("address", INNER)
def test_case_82_inner_addresses_are_refused_by_number(address):
    assert networks.refusal(address)


@pytest.mark.parametrize("url", DISGUISED)
def test_case_82_disguises_are_refused_before_anything_is_resolved(url):
    def resolve(host, port):
        raise AssertionError(f"{host} was looked up")

    with pytest.raises(UsageError) as raised:
        call.post(url, b"", {}, resolve=resolve)
    assert raised.value.code == "refused_address"


@pytest.mark.parametrize("address", INNER[:-2])
def test_case_82_a_good_name_that_leads_inside_is_refused(address):
    with pytest.raises(UsageError, match="is not called"):
        call.post("https://good.example/", b"", {}, resolve=lambda *_: ["1.1.1.1", address])


def test_case_82_the_name_is_asked_once_and_the_socket_opens_to_that_answer(monkeypatch):
    asked, opened = [], []

    def resolve(host, port):
        asked.append((host, port))
        return ["1.1.1.1"] if len(asked) == 1 else ["127.0.0.1"]

    def create(address, timeout):
        opened.append(address)
        raise ConnectionRefusedError("closed")

    monkeypatch.setattr(socket, "create_connection", create)
    receipt = call.post("https://rebinding.example/hook", b"{}", {}, resolve=resolve)
    assert asked == [("rebinding.example", 443)]
    assert opened == [("1.1.1.1", 443)]
    assert (receipt.status, receipt.delivered) == (0, False)
    assert "closed" in receipt.problem


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: ClassVar[list] = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        type(self).seen.append((self.path, dict(self.headers), body))
        try:
            getattr(self, "_" + self.path.partition("?")[0].strip("/"))()
        except OSError:
            return

    def _say(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _fine(self):
        self._say(200, b"thanks")

    def _redirect(self):
        self._say(302, Location="http://169.254.169.254/latest/meta-data/")

    def _busy(self):
        self._say(429, Retry_After="1000000000000")

    def _huge(self):
        self._say(200, b"x" * 5_000_000)

    def _hang(self):
        time.sleep(1.5)

    def _drip(self):
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        for _ in range(30):
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(0.1)

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    Receiver.seen = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"localhost:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_listed_host_of_the_own_network_is_called_and_others_are_not(receiver):
    url = f"http://{receiver}/fine"
    with pytest.raises(UsageError, match="is not called"):
        call.post(url, b"{}", {})
    with pytest.raises(UsageError, match="is not called"):
        call.post(url, b"{}", {}, inside=["localhost"])
    receipt = call.post(url, b'{"a":1}', {"Idempotency-Key": "k1"}, inside=[receiver])
    assert (receipt.status, receipt.body, receipt.delivered) == (200, b"thanks", True)
    path, headers, body = Receiver.seen[0]
    assert (path, headers["Idempotency-Key"], headers["Host"], body) == ("/fine", "k1", receiver, b'{"a":1}')


def test_case_81_a_redirect_is_not_followed(receiver):
    receipt = call.post(f"http://{receiver}/redirect", b"", {}, inside=[receiver])
    assert (receipt.status, receipt.delivered) == (302, False)
    assert len(Receiver.seen) == 1


def test_case_81_how_long_to_wait_is_bounded(receiver):
    assert call.post(f"http://{receiver}/busy", b"", {}, inside=[receiver]).retry_after_s == 24 * 3600


def test_case_81_a_huge_answer_is_cut(receiver):
    assert len(call.post(f"http://{receiver}/huge", b"", {}, inside=[receiver]).body) == call.MOST_BYTES


@pytest.mark.parametrize("path", ["hang", "drip"])
def test_case_81_who_answers_slowly_is_left_at_the_deadline(receiver, path):
    began = time.monotonic()
    receipt = call.post(f"http://{receiver}/{path}", b"", {}, inside=[receiver], deadline_s=0.5)
    assert time.monotonic() - began < 4
    assert receipt.status == 0 or len(receipt.body) < 20


def test_targets_keep_path_and_query_and_name_their_host_in_one_form():
    found = target("https://Hooks.Example:8443/a/b?c=d#e")
    assert (found.host, found.port, found.path, found.authority) == (
        "hooks.example", 8443, "/a/b?c=d", "hooks.example:8443",
    )  # fmt: skip
    assert target("https://예시.한국/").host.startswith("xn--")


def test_an_address_written_in_korean_is_called_as_browsers_would(receiver):
    assert target("https://hooks.example/a%20b?x=%2F&y=1+2").path == "/a%20b?x=%2F&y=1+2"
    path = "/%EC%A3%BC%EB%AC%B8?%EC%9D%B4%EB%A6%84=%EA%B9%80"
    assert target("https://hooks.example/주문?이름=김").path == path
    receipt = call.post(f"http://{receiver}/fine?이름=김", b"", {}, inside=[receiver])
    assert receipt.reached
    assert [seen[0] for seen in Receiver.seen] == [f"/fine{path[path.index('?'):]}"]


def test_case_83_signatures_are_fresh_and_either_secret_fits_while_one_replaces_the_other():
    value = signing.sign(b"body", "old", 1_000_000)
    assert signing.verify(value, b"body", ["new", "old"], 1_000_300)
    assert not signing.verify(value, b"body", ["new", "old"], 1_000_301)
    assert not signing.verify(value, b"body", ["new"], 1_000_000)
    assert not signing.verify(value, b"other", ["old"], 1_000_000)
    assert not signing.verify("t=1,t=2,v1=x", b"body", ["old"], 1)
    assert not signing.verify("", b"body", ["old"], 1)


def test_the_secret_is_made_once_and_refused_where_others_can_read_it(tmp_path):
    first = signing.secret(tmp_path)
    assert len(first) == 64
    assert signing.secret(tmp_path) == first
    (tmp_path / signing.FILE).chmod(0o644)
    with pytest.raises(StoreError, match="others can read"):
        signing.secret(tmp_path)
