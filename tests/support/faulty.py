"""A proxy between an SDK and the collector that answers 500 and 429, cuts connections, and loses answers of what was stored."""

from __future__ import annotations

import http.client
import http.server
import threading
from collections import Counter
from collections.abc import Sequence

PASS = "pass"
"""Faults by name: `500` and `503` answer so and forward nothing, `429` asks to wait a second, `lost` forwards and answers 500,
`cut` forwards and closes without an answer."""
_BESIDE = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "host"}


class Faulty:
    """Listens on a free port. Of the POSTs that carry events each takes the next fault of the script, then all pass."""

    def __init__(self, port: int, script: Sequence[str] = ()) -> None:
        self.target = port
        self.script = list(script)
        self.seen: Counter[str] = Counter()
        self._mutex = threading.Lock()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(size)
                fault = proxy.next_fault() if self.command == "POST" and body else PASS
                proxy.seen[f"{self.command} {fault}"] += 1
                if fault in ("500", "503", "429"):
                    self._say(int(fault), {"Retry-After": "1"} if fault == "429" else {}, b'{"success":false}')
                    return
                status, headers, content = proxy.forward(self.command, self.path, dict(self.headers.items()), body)
                if fault == "cut":
                    self.close_connection = True
                    self.connection.close()
                elif fault == "lost":
                    self._say(500, {}, b"{}")
                else:
                    self._say(status, headers, content)

            do_GET = do_POST = do_OPTIONS = _any

            def _say(self, status: int, headers: dict[str, str], content: bytes) -> None:
                self.send_response(status)
                origin = self.headers.get("Origin")
                if origin and not any(name.lower() == "access-control-allow-origin" for name in headers):
                    headers = {**headers, "Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "Retry-After"}
                for name, value in headers.items():
                    if name.lower() not in (*_BESIDE, "content-length"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def next_fault(self) -> str:
        with self._mutex:
            return self.script.pop(0) if self.script else PASS

    def forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """To the collector; 502 where it does not answer, as a gateway would say."""
        connection = http.client.HTTPConnection("127.0.0.1", self.target, timeout=30)
        try:
            kept = {name: value for name, value in headers.items() if name.lower() not in _BESIDE}
            connection.request(method, path, body or None, kept)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        except (OSError, http.client.HTTPException):
            return 502, {}, b""
        finally:
            connection.close()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
