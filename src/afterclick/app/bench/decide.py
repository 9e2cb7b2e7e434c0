"""Decisions: how long a page waits for one at a steady rate, what a request of it costs, and event to offer in a browser."""

from __future__ import annotations

import importlib
import importlib.util
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

import msgspec

from afterclick.app.bench.ingest import processor_s, send, serving
from afterclick.app.bench.ingest_client import Order
from afterclick.app.bench.row import Row
from afterclick.app.prove.served import Served
from afterclick.app.workspace import open as open_store
from afterclick.core import clock
from afterclick.core.errors import AfterclickError
from afterclick.store.automations import LiveRule, Show, Words

RATE: Final = 2_000
VISITORS: Final = 5_000
RULES: Final = 1_000
RELEVANT: Final = 30
MEDIAN_BOUND: Final = 0.002
LATENCY_BOUND: Final = 0.010
OFFER_BOUND: Final = 0.100
RATIO_BOUND: Final = 1.3
_EVENT: Final = "Bench"
_PATIENCE_S: Final = 120.0
_ROUNDS: Final = 5
_VISITOR: Final = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
"""A headless browser calls itself one, and is offered nothing."""
_SHOW: Final = Show(kind="toast", words=(Words(title="Offer", body="One more thing."),))


def rules(count: int = RULES, relevant: int = RELEVANT) -> list[LiveRule]:
    """So many rules that are on; `relevant` of them ask about the event that is sent, by ten windows and three numbers."""
    found = [
        LiveRule(
            name=f"relevant {number}", state="on", once="ever", show=_SHOW,
            when=f'count("Product Viewed", {1 + number % 10}h) >= {50 * (1 + number // 10)} && session.pages >= 0',
        )
        for number in range(min(count, relevant))
    ]  # fmt: skip
    found += [
        LiveRule(name=f"other {number}", state="on", show=_SHOW, when=f'count("Step {number}", 7d) >= 3')
        for number in range(count - len(found))
    ]
    return found


def measure_decide(
    folder: Path, *, rate: int = RATE, seconds: float = 10.0, visitors: int = VISITORS, count: int = RULES
) -> dict[str, float]:
    """Latency from when a request was due to its answer (its event synced to disk) and processor time of a request, at a
    rate a second: decisions under `count` rules beside the collector alone on a store without any, turn by turn.

    `*_ms` milliseconds, `*_us` microseconds of the server's processor a request, `ratio` that of decisions to that of the
    collector, `refused` requests not answered with 200.
    """
    with _ready(folder / "alone", ()) as without, _ready(folder / "decided", rules(count)) as deciding:
        alone, decided = _Turns(without, rate, visitors, decide=False), _Turns(deciding, rate, visitors, decide=True)
        for _ in range(_ROUNDS):
            # What else the machine does meets both alike.
            alone.take(seconds / _ROUNDS)
            decided.take(seconds / _ROUNDS)
    return {
        "rate": float(rate), "rules": float(count), "requests": float(decided.sent),
        "p50_ms": 1e3 * decided.latency(0.5), "p99_ms": 1e3 * decided.latency(0.99),
        "alone_p50_ms": 1e3 * alone.latency(0.5), "alone_p99_ms": 1e3 * alone.latency(0.99),
        "request_us": 1e6 * decided.each_s, "alone_request_us": 1e6 * alone.each_s, "ratio": decided.each_s / alone.each_s,
        "refused": float(decided.refused + alone.refused),
    }  # fmt: skip


def measure_offer(browser: Any, folder: Path, repeats: int = 30) -> list[float]:
    """Milliseconds from `afterclick.track` to the offer in the page, each time; `browser` is one of Playwright's."""
    rule = LiveRule(name="bench", state="on", once="1ms", on=(_EVENT,), when="session.pages >= 0", show=_SHOW)
    with serving(_prepared(folder / "offer", [rule]), rest=False) as served:
        _await_ready(served)
        with _shop(served) as address:
            page = browser.new_page(user_agent=_VISITOR)
            try:
                page.goto(address)
                page.wait_for_function("window.hears")
                page.evaluate(_ONE, [_EVENT])
                return [float(page.evaluate(_ONE, [_EVENT])) for _ in range(repeats)]
            finally:
                page.close()


def decide_sizes(events: int) -> dict[str, Any]:
    """The usual sizes, smaller where the whole bench is made for few events."""
    return {} if events >= 100_000 else {"seconds": 1.0, "visitors": 200, "rate": 200}


def decide_rows(
    folder: Path, tell: Callable[[str], None], *, seconds: float = 10.0, visitors: int = VISITORS, rate: int = RATE
) -> list[Row]:
    """Decisions as rows of the bench; event to offer where there are Playwright and Chromium."""
    tell("decisions")
    found = measure_decide(folder, rate=rate, seconds=seconds, visitors=visitors)
    note = f"{found['rate']:,.0f} requests a second, {found['rules']:,.0f} rules, {found['refused']:.0f} refused"
    rows = [
        Row(what="decision, event synced, median", taken=(found["p50_ms"] / 1e3,), bound=MEDIAN_BOUND,
            note=f"{note}; {found['alone_p50_ms']:.2f} ms where nothing decides, {found['p50_ms']:.2f} here"),
        Row(what="decision, event synced, 99th percentile", taken=(found["p99_ms"] / 1e3,), bound=LATENCY_BOUND,
            note=f"{note}; {found['alone_p99_ms']:.2f} ms where nothing decides, {found['p99_ms']:.2f} here"),
        Row(what="1,000 decisions, processor of the server", taken=(found["request_us"] / 1e3,),
            against="the collector alone, without a rule", against_taken=(found["alone_request_us"] / 1e3,),
            bound=RATIO_BOUND, note=note),
    ]  # fmt: skip
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None or importlib.util.find_spec("playwright") is None:
        return rows
    tell("event to offer in a browser")
    # In a thread of its own: whoever asks may have a loop that runs, which Playwright does not like.
    with ThreadPoolExecutor(1) as thread:
        taken = thread.submit(_offered, chromium, folder).result()
    return [*rows, Row(what="event to offer in Chromium", taken=tuple(one / 1e3 for one in taken), bound=OFFER_BOUND)]


def _offered(chromium: str, folder: Path) -> list[float]:
    driver = importlib.import_module("playwright.sync_api").sync_playwright
    with driver() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        try:
            return measure_offer(browser, folder)
        finally:
            browser.close()


_ONE: Final = """([event]) => new Promise((resolve) => {
  const begun = performance.now();
  const watch = new MutationObserver(() => {
    const shown = document.querySelector("[data-afterclick]");
    if (!shown) return;
    watch.disconnect();
    const taken = performance.now() - begun;
    const close = () => {
      const cross = shown.shadowRoot.querySelector(".x");
      if (!cross) return setTimeout(close, 10);
      cross.click();
      setTimeout(() => resolve(taken), 50);
    };
    close();
  });
  watch.observe(document.body, { childList: true });
  afterclick.track(event);
})"""
"""One offer after the other: asked for, seen, closed."""


@contextmanager
def _ready(store: Path, listed: Sequence[LiveRule]) -> Iterator[Served]:
    with serving(_prepared(store, listed), rest=True) as served:
        _await_ready(served)
        yield served


class _Turns:
    """What a server is sent, a part at a time, and what all parts took together."""

    def __init__(self, served: Served, rate: int, visitors: int, *, decide: bool) -> None:
        self._pid = served.pid
        self._order = Order(port=served.port, key=served.key, requests=0, rate=rate, visitors=visitors, decide=decide)
        self._latencies: list[float] = []
        self._taken_s = 0.0
        self.sent = self.refused = 0
        # What is first met of every visitor is no part of what every day looks like.
        send(msgspec.structs.replace(self._order, requests=2 * visitors, first=10**9))

    def take(self, seconds: float) -> None:
        """Send it the next part."""
        requests = max(1, int(self._order.rate * seconds))
        before = processor_s(self._pid)
        part = send(msgspec.structs.replace(self._order, requests=requests, first=self.sent))
        self._taken_s += processor_s(self._pid) - before
        self._latencies += part.latencies
        self.sent += requests
        self.refused += part.refused

    @property
    def each_s(self) -> float:
        """Seconds of the server's processor that a request took."""
        return self._taken_s / self.sent

    def latency(self, share: float) -> float:
        """The latency below which this share of the requests stayed, in seconds."""
        found = sorted(self._latencies)
        return found[min(len(found) - 1, int(share * len(found)))]


def _prepared(store: Path, listed: Sequence[LiveRule]) -> Path:
    with open_store(store, write=True, create=True) as shop:
        shop.define(rules=[msgspec.to_builtins(rule) for rule in listed])
    return store


def _await_ready(served: Served) -> None:
    """Until it decides. Raises AfterclickError."""
    until = clock.ticks() + _PATIENCE_S
    while clock.ticks() < until:
        with urlopen(f"{served.address}/healthz") as answer:  # noqa: S310 - our own server
            if json.load(answer)["deciding"]["ready"]:
                return
        time.sleep(0.05)
    raise AfterclickError("the server of the bench does not decide", hint=str(served.log))


@contextmanager
def _shop(served: Served) -> Iterator[str]:
    """A page of another origin with the script, which says when it hears."""
    hears = (
        "const own = fetch; window.fetch = (...given) => own(...given).then((answer) => {"
        " if (String(given[0]).includes('/v1/stream')) window.hears = true; return answer; });"
    )
    content = (
        f"<!doctype html><html lang=en><title>Shop</title><link rel=icon href=data:,><script>{hears}</script><body>"
        f'<h1>Shop</h1><script async src="{served.address}/afterclick.js" data-key="{served.key}"></script>'
    ).encode()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _page(content))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


def _page(content: bytes) -> Callable[..., BaseHTTPRequestHandler]:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Nothing is said."""

    return Page
