"""The shop's own script in a real browser: what it sends, when, how often, and what it leaves alone."""

from __future__ import annotations

import base64
import gzip
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from afterclick.app.prove.served import Served
from afterclick.core import names
from afterclick.surfaces.collector.site import script
from support.browsing import VISITOR

Open = Callable[..., Any]
KEY = "wk_test"
RUDDER = "RS_ENC_v3_" + base64.b64encode(b'"rud-1"').decode()
TALL = "<div style='height:4000px'>tall</div>"


class Shop:
    """A page of a shop on one origin and a collector on another, which answers as a test wants."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.posted_at: list[float] = []
        self.attributes = ""
        self.key = KEY
        self.collector_at = ""
        self.head = ""
        self.body = "<p id='text'>words to copy</p>" + TALL
        self._lock = threading.Lock()
        self.collector = self._server(self._collect)
        self.site = self._server(self._page)

    def _server(self, handle: Callable[[BaseHTTPRequestHandler, bytes], None]) -> ThreadingHTTPServer:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                handle(self, b"")

            def do_POST(self) -> None:
                handle(self, self.rfile.read(int(self.headers.get("content-length", 0))))

            do_OPTIONS = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def _collect(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        with self._lock:
            if not request.path.startswith(("/v1/stream", "/v1/decide")):
                self.requests.append((request.command, request.path, {k.lower(): v for k, v in request.headers.items()}))
            status, headers = 200, {}
            # A stream that broke while a page left is followed by a question, which is no event.
            if request.command == "POST" and request.path != "/v1/decide":
                self.posted_at.append(time.monotonic())
                if self.answers:
                    status, headers = self.answers.pop(0)
                if status == 200:
                    self.bodies.append(json.loads(body))
        if request.path.startswith("/v1/stream"):
            # A shop without offers.
            status = 204
        content = script() if request.path == "/afterclick.js" else b'{"success":true}'
        kind = "text/javascript" if request.path == "/afterclick.js" else "application/json"
        request.send_response(status)
        for name, value in {
            "content-type": kind, "content-length": str(len(content)), "access-control-allow-origin": self.root,
            "access-control-allow-credentials": "true", "access-control-expose-headers": "Retry-After", **headers,
        }.items():  # fmt: skip
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(content)

    def _page(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        tag = f'<script async src="{self.host}/afterclick.js" data-key="{self.key}" {self.attributes}></script>'
        if request.path.startswith("/blank"):
            tag = ""
        content = (
            "<!doctype html><html><head><meta charset='utf-8'><link rel='icon' href='data:,'><title>Shoes</title>"
            f"{self.head}{tag}</head><body>{self.body}</body></html>"
        ).encode()
        request.send_response(200)
        request.send_header("content-type", "text/html")
        request.send_header("content-length", str(len(content)))
        request.send_header("content-security-policy", f"script-src {self.host} 'nonce-t'; connect-src {self.host}")
        request.end_headers()
        request.wfile.write(content)

    @property
    def host(self) -> str:
        return self.collector_at or f"http://127.0.0.1:{self.collector.server_address[1]}"

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.site.server_address[1]}"

    def sent(self) -> list[dict[str, Any]]:
        """Every event of every request, those that came again too."""
        with self._lock:
            return [event for body in self.bodies for event in body["batch"]]

    def events(self) -> list[dict[str, Any]]:
        """Events as a collector counts them: each id once. A page may leave before it reads that they were taken."""
        return list({event["messageId"]: event for event in reversed(self.sent())}.values())[::-1]

    def named(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events() if name in (event["type"], event.get("event"))]

    def posts(self) -> int:
        with self._lock:
            return sum(method == "POST" for method, _, _ in self.requests)

    def wait(self, true: Callable[[], bool], tab: Any, seconds: float = 8.0) -> None:
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, [event.get("event", event["type"]) for event in self.events()]
            tab.wait_for_timeout(20)

    def quiet(self, tab: Any) -> int:
        """How many requests there were once everything was sent that is going to be."""
        tab.evaluate("dispatchEvent(new Event('online'))")
        tab.wait_for_timeout(250)
        return self.posts()

    def hurry(self, true: Callable[[], bool], tab: Any) -> None:
        """Wait, but not for the second in which events are gathered: a connection that comes back sends at once."""
        tab.evaluate("dispatchEvent(new Event('online'))")
        self.wait(true, tab)

    def close(self) -> None:
        for server in (self.site, self.collector):
            server.shutdown()
            server.server_close()


@pytest.fixture
def here() -> Iterator[Shop]:
    made = Shop()
    yield made
    made.close()


def opened(here: Shop, page: Open, path: str = "/shoes?x=1", **options: Any) -> Any:
    tab = page(**options)
    tab.goto(here.root + path)
    return ready(tab)


def ready(tab: Any) -> Any:
    """The page once the script runs; asked past the page's policy, under which nothing may be evaluated."""
    end = time.monotonic() + 8
    while not tab.evaluate("Boolean(window.afterclick && window.afterclick.track)"):
        assert time.monotonic() < end, tab.faults
        tab.wait_for_timeout(20)
    return tab


def kept(tab: Any) -> dict[str, str]:
    """What of the script lies in the browser."""
    stored = tab.evaluate("Object.fromEntries(Object.entries(localStorage).filter(([name]) => name.startsWith('afterclick')))")
    return {**stored, **({"cookie": tab.evaluate("document.cookie")} if tab.evaluate("document.cookie") else {})}


def test_it_is_small_and_asks_nothing_of_the_pages_policy() -> None:
    source = script().decode()
    assert len(gzip.compress(source.encode(), 9)) <= 4_000
    assert not re.search(r"\beval\b|new Function|innerHTML|\.style\b|document\.write|createElement", source)
    for name in ("Scrolled", "Idle", "Page Left", "Exit Intent", "Copied", "Consent Updated"):
        assert f'"{name}"' in source
        assert names.canonical(name, "track") == name


@pytest.mark.browser
def test_a_view_is_sent_once_without_a_preflight(here: Shop, page: Open) -> None:
    tab = opened(here, page)
    here.hurry(lambda: bool(here.named("page")), tab)
    (view,) = here.named("page")
    assert view["context"]["page"] == {"url": here.root + "/shoes?x=1", "referrer": "", "title": "Shoes"}
    # Without it the store knows neither device nor crawler.
    assert view["context"]["userAgent"] == VISITOR
    assert view["anonymousId"] == json.loads(kept(tab)["afterclick.id"])
    assert "userId" not in view
    body = here.bodies[0]
    assert body["writeKey"] == KEY
    assert body["sentAt"] >= view["timestamp"]
    assert [method for method, path, _ in here.requests if path == "/v1/batch"] == ["POST"]
    (headers,) = [headers for method, _, headers in here.requests if method == "POST"]
    assert headers["content-type"].startswith("text/plain")
    assert "cookie" not in headers
    assert tab.faults == []
    # The next page knows the same visitor.
    tab.evaluate("location.assign('/socks')")
    here.wait(lambda: len(here.named("page")) == 2, tab)
    assert {event["anonymousId"] for event in here.events()} == {view["anonymousId"]}
    assert here.named("page")[1]["context"]["page"]["referrer"] == here.root + "/shoes?x=1"
    assert len(here.sent()) == len(here.events())


@pytest.mark.browser
def test_calls_made_before_it_was_there_and_after(here: Shop, page: Open) -> None:
    calls = '["track", "Early", {n: 1}], ["identify", "u-7", {plan: "b"}]'
    here.head = f'<script nonce="t">window.afterclick = [{calls}]</script>'
    tab = opened(here, page)
    tab.evaluate("afterclick.push(['track', 'Pushed'])")
    tab.evaluate("afterclick.track('Coupon Applied', {coupon: 'A'})")
    here.hurry(lambda: len(here.events()) == 5, tab)
    assert [event.get("event") for event in here.events() if event["type"] == "track"] == ["Early", "Pushed", "Coupon Applied"]
    assert here.named("Early")[0]["properties"] == {"n": 1}
    locale, zone = tab.evaluate("[navigator.language, Intl.DateTimeFormat().resolvedOptions().timeZone]")
    assert here.named("identify")[0]["traits"] == {"locale": locale, "timezone": zone, "plan": "b"}
    assert [event.get("userId") for event in here.events()] == [None, None, "u-7", "u-7", "u-7"]
    first = here.events()[0]["anonymousId"]
    tab.reload()
    here.hurry(lambda: len(here.named("page")) == 2, tab)
    assert here.named("page")[1]["userId"] == "u-7"
    tab.evaluate("afterclick.reset(); afterclick.track('Later')")
    here.hurry(lambda: bool(here.named("Later")), tab)
    assert "userId" not in here.named("Later")[0]
    assert here.named("Later")[0]["anonymousId"] != first


@pytest.mark.browser
def test_a_new_address_without_a_new_page_is_a_view(here: Shop, page: Open) -> None:
    tab = opened(here, page)
    tab.wait_for_timeout(300)
    tab.evaluate("history.pushState({}, '', '/boots'); history.pushState({}, '', '/boots#size')")
    tab.evaluate("history.pushState({}, '', '/boots')")
    here.wait(lambda: len(here.named("page")) == 2, tab)
    tab.go_back()
    tab.go_back()
    tab.go_back()
    here.wait(lambda: len(here.named("page")) == 3, tab)
    here.quiet(tab)
    assert [event["context"]["page"]["url"].removeprefix(here.root) for event in here.named("page")] == [
        "/shoes?x=1", "/boots", "/shoes?x=1",
    ]  # fmt: skip
    assert [event["context"]["page"]["referrer"].removeprefix(here.root) for event in here.named("page")][1:] == [
        "/shoes?x=1", "/boots",
    ]  # fmt: skip
    first, second = here.named("Page Left")
    assert first["properties"]["page"] == here.root + "/shoes?x=1"
    assert 0.2 <= first["properties"]["seconds"] < 5
    assert second["properties"]["page"] == here.root + "/boots"


@pytest.mark.browser
def test_signals_that_only_the_page_knows(here: Shop, page: Open) -> None:
    here.attributes = 'data-idle="1.2"'
    tab = opened(here, page)
    for top in (900, 1000, 5000, 0, 5000):
        tab.evaluate(f"scrollTo(0, {top})")
        tab.wait_for_timeout(60)
    here.hurry(lambda: len(here.named("Scrolled")) == 4, tab)
    assert [event["properties"]["depth"] for event in here.named("Scrolled")] == [25, 50, 75, 100]
    tab.evaluate("getSelection().selectAllChildren(document.querySelector('#text')); document.execCommand('copy')")
    leaves = "document.documentElement.dispatchEvent(new MouseEvent('mouseleave', {clientY: %d}))"
    tab.evaluate(leaves % 300)
    tab.evaluate(leaves % -1)
    tab.evaluate(leaves % -1)
    here.wait(lambda: bool(here.named("Copied") and here.named("Exit Intent") and here.named("Idle")), tab)
    assert here.named("Copied")[0]["properties"] == {"length": 13}
    assert len(here.named("Exit Intent")) == 1
    assert len(here.named("Idle")) == 1
    assert here.named("Idle")[0]["properties"] == {"seconds": 1.2}
    tab.mouse.move(5, 5)
    here.wait(lambda: len(here.named("Idle")) == 2, tab)
    assert "words" not in json.dumps(here.bodies)
    assert tab.faults == []


@pytest.mark.browser
def test_what_is_left_goes_by_beacon_when_the_page_goes(here: Shop, page: Open) -> None:
    tab = opened(here, page)
    tab.evaluate("scrollTo(0, 1500)")
    tab.wait_for_timeout(400)
    tab.evaluate("afterclick.track('Last Word')")
    tab.goto("about:blank")
    here.wait(lambda: bool(here.named("Page Left")), tab)
    (left,) = here.named("Page Left")
    assert left["properties"]["depth"] == pytest.approx(55, abs=8)
    assert 0.3 <= left["properties"]["seconds"] < 6
    assert len(here.named("Last Word")) == 1
    # The next page sends none of it again.
    tab.goto(here.root + "/next")
    here.hurry(lambda: len(here.named("page")) == 2, tab)
    assert len(here.sent()) == len(here.events())


@pytest.mark.browser
def test_a_page_that_was_never_seen_has_no_seconds(here: Shop, page: Open) -> None:
    tab = page()
    tab.add_init_script("Object.defineProperty(document, 'hidden', {get: () => true})")
    tab.goto(here.root + "/hidden")
    ready(tab)
    tab.wait_for_timeout(400)
    tab.goto("about:blank")
    here.wait(lambda: bool(here.named("Page Left")), tab)
    assert here.named("Page Left")[0]["properties"]["seconds"] == 0


@pytest.mark.browser
@pytest.mark.parametrize(
    ("answers", "least", "most"),
    [
        ([(500, {}), (503, {})], 2.9, 6.0),  # a second, then two
        ([(429, {"Retry-After": "2"})], 1.9, 4.5),
        ([(429, {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"})], 0.9, 3.5),
    ],
)
def test_a_server_that_cannot_take_it_is_asked_again(
    here: Shop, page: Open, answers: list[tuple[int, dict[str, str]]], least: float, most: float
) -> None:
    here.answers = list(answers)
    tab = opened(here, page)
    tab.evaluate("Math.random = () => 0")
    here.hurry(lambda: here.posts() == 1, tab)
    tab.evaluate("afterclick.track('Meanwhile')")
    here.wait(lambda: len(here.events()) == 2, tab, most + 2)
    assert least <= here.posted_at[len(answers)] - here.posted_at[0] <= most
    assert [event.get("event") for event in here.events()] == [None, "Meanwhile"]
    assert here.posts() == len(answers) + len(here.bodies)
    assert here.bodies[-1]["sentAt"] > here.events()[0]["timestamp"]


@pytest.mark.browser
@pytest.mark.parametrize("status", [400, 401, 413])
def test_what_is_refused_for_good_is_not_sent_again(here: Shop, page: Open, status: int) -> None:
    here.answers = [(status, {})]
    tab = opened(here, page)
    here.hurry(lambda: here.posts() == 1, tab)
    tab.evaluate("afterclick.track('Second')")
    here.hurry(lambda: bool(here.named("Second")), tab)
    assert [event.get("event") for event in here.events()] == ["Second"]
    here.wait(lambda: not any("queue" in name for name in kept(tab)), tab, seconds=60)


@pytest.mark.browser
def test_events_without_a_network_are_sent_by_a_later_page(here: Shop, page: Open) -> None:
    tab = opened(here, page)
    here.hurry(lambda: bool(here.named("page")), tab)
    here.answers = [(503, {})] * 50
    tab.evaluate("afterclick.track('Kept', {n: 1}); afterclick.track('Kept', {n: 2})")
    posts = here.posts()
    here.wait(lambda: here.posts() > posts, tab)
    tab.goto(here.root + "/second")
    tab.wait_for_timeout(300)
    assert here.named("Kept") == []
    here.answers = []
    tab.goto(here.root + "/third")
    here.wait(lambda: len(here.named("page")) == 3, tab)
    assert [event["properties"]["n"] for event in here.named("Kept")] == [1, 2]
    assert len(here.sent()) == len(here.events())
    assert {event["anonymousId"] for event in here.events()} == {here.events()[0]["anonymousId"]}
    here.wait(lambda: not any("queue" in name for name in kept(tab)), tab)


@pytest.mark.browser
def test_a_connection_that_comes_back_is_used_at_once(here: Shop, page: Open) -> None:
    tab = opened(here, page)
    here.hurry(lambda: bool(here.named("page")), tab)
    tab.context.set_offline(True)
    tab.evaluate("for (let i = 0; i < 300; i++) afterclick.track('Offline', {i})")
    tab.wait_for_timeout(800)
    tab.context.set_offline(False)
    here.wait(lambda: len(here.named("Offline")) == 200, tab)
    assert [event["properties"]["i"] for event in here.named("Offline")] == list(range(200))
    assert all(len(body["batch"]) <= 50 for body in here.bodies)
    assert len(here.sent()) == 201


@pytest.mark.browser
def test_large_events_are_split_over_requests(here: Shop, page: Open) -> None:
    tab = opened(here, page)
    tab.evaluate("for (let i = 0; i < 5; i++) afterclick.track('Large', {i, text: '가'.repeat(6000)})")
    tab.evaluate("afterclick.track('Too Large', {text: 'x'.repeat(40000)})")
    here.hurry(lambda: len(here.named("Large")) == 5, tab)
    sizes = [int(headers["content-length"]) for method, _, headers in here.requests if method == "POST"]
    assert max(sizes) < 64_000
    assert here.named("Too Large") == []


@pytest.mark.browser
def test_nothing_is_stored_or_sent_without_consent(here: Shop, page: Open) -> None:
    here.attributes = 'data-consent="required"'
    tab = opened(here, page)
    tab.evaluate("afterclick.track('Waiting'); afterclick.identify('u1')")
    assert (here.quiet(tab), kept(tab)) == (0, {})
    tab.evaluate("afterclick.consent({analytics: true, marketing: false})")
    here.hurry(lambda: bool(here.named("Consent Updated")), tab)
    told = [event.get("event") or event["type"] for event in here.events()]
    assert told == ["page", "Waiting", "identify", "Consent Updated"]
    assert all(event["context"]["consent"] == {"analytics": True, "marketing": False} for event in here.events())
    # The next page knows the answer; a later no clears everything but the answer.
    tab.reload()
    here.wait(lambda: len(here.named("page")) == 2, tab)
    posts = here.posts()
    tab.evaluate("afterclick.track('In The Queue'); afterclick.consent('denied')")
    tab.evaluate("afterclick.track('After'); afterclick.identify('u2')")
    assert here.quiet(tab) == posts
    assert kept(tab) == {"afterclick.consent": "false"}
    tab.goto(here.root + "/more")
    ready(tab)
    assert (here.quiet(tab), here.named("After"), here.named("In The Queue")) == (posts, [], [])
    assert kept(tab) == {"afterclick.consent": "false"}


@pytest.mark.browser
@pytest.mark.parametrize("signal", ["'globalPrivacyControl', {get: () => true}", "'doNotTrack', {get: () => '1'}"])
def test_a_browser_that_says_no_is_heard(here: Shop, page: Open, signal: str) -> None:
    for attributes, heard in (("", True), ('data-gpc="ignore"', False)):
        here.attributes = attributes
        tab = page()
        tab.add_init_script(f"Object.defineProperty(Navigator.prototype, {signal})")
        tab.goto(here.root)
        ready(tab)
        assert (here.quiet(tab) == 0) is heard
        assert (kept(tab) == {}) is heard


IDS = [
    ("localStorage.setItem('ajs_anonymous_id', JSON.stringify('seg-1'))", "seg-1"),
    ("document.cookie = 'ajs_anonymous_id=' + encodeURIComponent('\"seg-2\"')", "seg-2"),
    ("document.cookie = 'ajs_anonymous_id=11111111-2222-4333-8444-555555555555'", "11111111-2222-4333-8444-555555555555"),
    (f"localStorage.setItem('rl_anonymous_id', JSON.stringify('{RUDDER}'))", "rud-1"),
    (f"document.cookie = 'rl_anonymous_id={quote(RUDDER)}'", "rud-1"),
    ("localStorage.setItem('ph_phc_abc_posthog', JSON.stringify({distinct_id: 'u1', $device_id: 'dev-1'}))", "dev-1"),
    ("localStorage.setItem('ph_phc_abc_posthog', JSON.stringify({distinct_id: 'dist-1'}))", "dist-1"),
]


@pytest.mark.browser
def test_the_id_of_another_tool_is_taken(here: Shop, page: Open) -> None:
    tab = page()
    for i, (setting, expected) in enumerate(IDS):
        tab.goto(f"{here.root}/page-{i}")
        ready(tab)
        # The other tool comes later than we do, within the second in which events are gathered.
        tab.evaluate(setting)
        assert len(here.named("page")) == i
        here.hurry(lambda i=i: len(here.named("page")) > i, tab)
        assert here.named("page")[-1]["anonymousId"] == expected
        assert "afterclick.id" not in kept(tab)
        tab.goto(here.root + "/blank")
        tab.context.clear_cookies()
        tab.evaluate("localStorage.clear()")


@pytest.mark.browser
@pytest.mark.parametrize(
    "hostile",
    [
        "for (const name of ['getItem', 'setItem', 'removeItem']) Storage.prototype[name] = () => { throw new Error('no') }",
        "Object.defineProperty(window, 'localStorage', {get() { throw new Error('no') }})",
    ],
)
def test_without_storage_a_cookie_keeps_the_id(here: Shop, page: Open, hostile: str) -> None:
    tab = page()
    tab.add_init_script(hostile)
    for path in ("/one", "/two"):
        tab.goto(here.root + path)
        ready(tab)
        here.wait(lambda path=path: any(event["context"]["page"]["url"].endswith(path) for event in here.named("page")), tab)
    assert len({event["anonymousId"] for event in here.events()}) == 1
    assert "afterclick.id=" in tab.evaluate("document.cookie")
    tab.evaluate("afterclick.consent(false)")
    assert tab.evaluate("document.cookie") == "afterclick.consent=false"
    assert tab.faults == []


@pytest.mark.browser
def test_it_never_throws_into_the_page(here: Shop, page: Open) -> None:
    here.head = """<script nonce="t">
      window.afterclick = [null, 7, ["nothing"], ["track"], ["track", {toString() { throw 1 }}]];
      window.errors = [];
      addEventListener("error", (event) => errors.push(event.message));
      addEventListener("unhandledrejection", (event) => errors.push(String(event.reason)));
      navigator.sendBeacon = () => { throw new Error("no beacon") };
      window.fetch = () => { throw new Error("no fetch") };
      localStorage.setItem("afterclick.queue.x", "}{");
      localStorage.setItem("afterclick.queue.y", "7");
      localStorage.setItem("rl_anonymous_id", "RS_ENC_v3_%%%");
      localStorage.setItem("ph_x_posthog", "nonsense");
    </script>"""
    tab = opened(here, page)
    calls = [
        "track()", "track(null, null)", "track('A', (() => { const a = {}; a.a = a; return a })())", "track('B', {n: 10n})",
        "page(null, 7)", "identify()", "identify(Symbol())", "identify({}, 3)", "consent()",
        "consent(null)", "push()", "push({})",
    ]  # fmt: skip
    for call in calls:
        tab.evaluate(f"void afterclick.{call}")
    tab.evaluate("dispatchEvent(new Event('pagehide')); dispatchEvent(new Event('scroll')); dispatchEvent(new Event('online'))")
    tab.wait_for_timeout(400)
    assert tab.evaluate("errors") == []
    assert tab.faults == []


@pytest.mark.browser
def test_it_is_loaded_once_however_often_it_stands_there(here: Shop, page: Open) -> None:
    here.body += f'<script src="{here.host}/afterclick.js" data-key="other"></script>'
    tab = opened(here, page)
    here.quiet(tab)
    assert len(here.named("page")) == 1


@pytest.mark.browser
def test_pages_are_counted_by_hand_where_that_is_wanted(here: Shop, page: Open) -> None:
    here.attributes = 'data-page="off"'
    tab = opened(here, page)
    tab.evaluate("history.pushState({}, '', '/boots')")
    tab.evaluate("afterclick.page('Boots', {sku: 3})")
    here.hurry(lambda: bool(here.events()), tab)
    (view,) = here.named("page")
    assert view["name"] == "Boots"
    assert view["properties"] == {"title": "Shoes", "sku": 3}
    assert here.named("Page Left") == []


@pytest.mark.browser
def test_the_real_collector_counts_every_event_once_over_a_restart(page: Open, tmp_path: Path) -> None:
    """From the page of a shop to the answers: the Live page, its JSON and a question say the same."""
    with Served(tmp_path / "store", tmp_path / "log").prepare() as server:
        server.start()
        shop = Shop()
        try:
            shop.collector_at = server.address
            shop.key = server.key
            live = page()
            live.goto(server.address + "/live?lang=en")
            live.get_by_role("heading", name="Connect your site").wait_for()
            tab = opened(shop, page, "/shoes?utm_source=naver")
            tab.evaluate("for (let i = 0; i < 12; i++) afterclick.track('Product Added', {i})")
            live.locator("#feed li", has_text="Product Added").first.wait_for()
            server.stop()
            tab.evaluate("for (let i = 12; i < 20; i++) afterclick.track('Product Added', {i})")
            tab.evaluate("Math.random = () => 0; dispatchEvent(new Event('online'))")
            tab.wait_for_timeout(500)
            server.start()
            tab.evaluate("dispatchEvent(new Event('online'))")

            def told() -> dict[str, Any]:
                with urlopen(server.address + "/live.json") as answer:
                    return dict(json.load(answer))

            shop.wait(lambda: told()["events"] == 21, tab, 20)
            tab.wait_for_timeout(500)
            now = told()
            assert (now["events"], now["active"]) == (21, 1)
            assert now["pages"]["names"] == [["/shoes", 1]]
            assert now["origins"]["names"] == [["naver", 1]]
            assert now["balance"]["stored"] == 21
            assert now["balance"]["received"] == sum(now["balance"][name] for name in ("stored", "duplicates", "rejected"))
            live.get_by_text("21 events in the last 30 minutes").wait_for()
            assert live.locator("#feed li").count() == 21

            def asked() -> tuple[int, int]:
                with urlopen(server.address + "/api/data.json") as answer:
                    figures = json.load(answer)["figures"]
                return figures["events"], figures["visitors"]

            shop.wait(lambda: asked() == (now["events"], now["active"]), tab)
        finally:
            shop.close()
