"""Messages for the channels, as the sender makes them."""

from __future__ import annotations

import contextlib
import http.server
import ssl
import threading
from collections.abc import Iterator
from typing import Any

from afterclick.act.message import Message
from afterclick.act.outbox.intent import Intent
from afterclick.store.automations import Send, Words

AT = 1_790_000_000_123_456


def message(channel: str, address: str, words: Words | None = None, action_id: str = "a1" * 12, **more: Any) -> Message:
    headers = more.pop("headers", {})
    at = more.pop("at", AT)
    send = more.pop("send", None) or Send(channel=channel, to=more.pop("to", ""), advertising=more.pop("advertising", True))
    given = {"visitor": "u:42", "at": AT, "journey": "basket", "run": "r" * 24, "step": "2", **more}
    intent = Intent(action_id=action_id, send=send, **given)
    shown = words or Words(title="Hello", body="<p>Hello there</p>" if channel == "email" else "Hello there")
    return Message(action_id, channel, address, shown, intent, headers, at)


class Heard(list):
    """(path, headers, body) of every request a receiver got; `answers` are what it says next, then 200."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[tuple[int, dict[str, str]]] = []


@contextlib.contextmanager
def receiver(tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, Heard]]:
    """A web server on a free port of this machine: `localhost:port`, and what it heard."""
    heard = Heard()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            heard.append((self.path, dict(self.headers), body))
            status, headers = heard.answers.pop(0) if heard.answers else (200, {})
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"localhost:{server.server_address[1]}", heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join(60)
