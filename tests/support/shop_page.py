"""A shop's own pages on another origin than the collector's, under a policy as strict as one can be."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class ShopPage:
    """Any path is a page with the script; `body`, `head`, `lang`, `dir` and `attributes` of the script are a test's."""

    def __init__(self, host: str, key: str) -> None:
        self.host = host
        self.key = key
        self.lang = "en"
        self.dir = "ltr"
        self.head = ""
        self.attributes = ""
        self.body = "<main><h1>Shop</h1><p>Shoes</p></main>"
        self.style = ".slot { min-height: 96px }"
        self.policy = (
            f"default-src 'none'; script-src {host} 'nonce-t'; connect-src {host}; style-src 'self'; img-src 'self' https:;"
            " base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
        )
        page = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                page.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        if request.path == "/shop.css":
            self._send(request, "text/css", self.style)
            return
        tag = f'<script async src="{self.host}/afterclick.js" data-key="{self.key}" {self.attributes}></script>'
        self._send(
            request, "text/html; charset=utf-8",
            f"<!doctype html><html lang='{self.lang}' dir='{self.dir}'><head><meta charset='utf-8'><title>Shop</title>"
            f"<meta name='viewport' content='width=device-width'><link rel='icon' href='data:,'>"
            f"<link rel='stylesheet' href='/shop.css'>{self.head}{tag}</head><body>{self.body}</body></html>",
        )  # fmt: skip

    def _send(self, request: BaseHTTPRequestHandler, kind: str, text: str) -> None:
        content = text.encode()
        request.send_response(200)
        request.send_header("content-type", kind)
        request.send_header("content-length", str(len(content)))
        request.send_header("content-security-policy", self.policy.replace("img-src", "img-src data:"))
        request.end_headers()
        request.wfile.write(content)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def shop_page(host: str, key: str) -> Iterator[ShopPage]:
    made = ShopPage(host, key)
    try:
        yield made
    finally:
        made.close()
