"""The worker for web push that docs/connect.md hands to shops shows what a message says, in a real browser."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from afterclick.act.channels.push import _content
from afterclick.store.automations import Words
from support.messages import message

pytestmark = pytest.mark.browser

DOCUMENT = Path(__file__).parents[2] / "docs" / "connect.md"


@pytest.fixture
def root() -> Iterator[str]:
    found = re.search(r"    // push\.js\n((?:    .*\n)+)", DOCUMENT.read_text(encoding="utf-8"))
    assert found
    worker = "\n".join(line[4:] for line in found[1].splitlines())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_worker = self.path == "/push.js"
            body = (worker if is_worker else "<!doctype html><title>Shop</title>").encode()
            self.send_response(200)
            self.send_header("content-type", "text/javascript" if is_worker else "text/html")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_the_worker_of_the_documents_shows_title_text_and_footer(browser: Any, root: str) -> None:
    sent = message("push", "", Words(title="장바구니", body="그대로 있습니다", url="https://shop.example/cart"),
                   headers={"lang": "ko", "footer": "(광고) 한빛"})  # fmt: skip
    context = browser.new_context()
    try:
        context.set_default_timeout(60_000)
        context.grant_permissions(["notifications"], origin=root)
        tab = context.new_page()
        tab.goto(root)
        tab.evaluate(
            "async () => { await navigator.serviceWorker.register('/push.js');"
            " const { active } = await navigator.serviceWorker.ready;"
            " while (active.state !== 'activated') await new Promise((done) => setTimeout(done, 10)); }"
        )
        assert tab.evaluate("Notification.permission") == "granted"
        known: list[str] = []
        session = context.new_cdp_session(tab)
        session.on(
            "ServiceWorker.workerRegistrationUpdated",
            lambda event: known.extend(one["registrationId"] for one in event["registrations"]),
        )
        session.send("ServiceWorker.enable")
        shown = (
            "async () => JSON.stringify((await (await navigator.serviceWorker.ready).getNotifications())"
            ".map((one) => [one.title, one.body, one.lang, one.data.url]))"
        )
        while not known:
            tab.wait_for_timeout(20)
        found: list[list[str]] = []
        for turn in range(3000):
            # A busy browser may drop one for a worker that is just starting or stopping.
            if turn % 100 == 0:
                told = {"origin": root, "registrationId": known[-1], "data": _content(sent).decode()}
                session.send("ServiceWorker.deliverPushMessage", told)
            if found := json.loads(tab.evaluate(shown)):
                break
            tab.wait_for_timeout(20)
        assert found
        assert {tuple(one) for one in found} == {("장바구니", "그대로 있습니다\n(광고) 한빛", "ko", "https://shop.example/cart")}
    finally:
        context.close()
