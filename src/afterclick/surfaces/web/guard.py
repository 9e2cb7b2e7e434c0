"""What stands before every answer: known hosts, the token, forms from this server only, the headers of the policy."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY: Final = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
COOKIE: Final = "afterclick_token"
FORMS: Final = frozenset({"/desk", "/saved", "/segment"})
"""Addresses that take a POST."""
LOCAL_HOSTS: Final = ("127.0.0.1", "localhost", "[::1]")


class Guard:
    """Refuses foreign hosts (421), any address without the token (401), other methods than GET and HEAD (405).

    A POST is let through to the few addresses that take forms, and only from a page of the same origin (403).
    """

    def __init__(self, app: ASGIApp, *, hosts: Sequence[str] | None, token: str | None) -> None:
        self._app = app
        self._hosts = None if hosts is None else frozenset(host.lower() for host in hosts)
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The guarded application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        if self._hosts is not None and _host(headers.get("host", "")) not in self._hosts:
            return PlainTextResponse("this host is not served here\n", 421)
        if scope["method"] == "POST" and scope["path"] in FORMS:
            if not _same_origin(headers):
                return PlainTextResponse("a form of another place\n", 403)
        elif scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("only GET and HEAD\n", 405, {"allow": "GET, HEAD"})
        if self._token is None:
            return None
        pairs = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        if any(name == "token" and self._fits(value) for name, value in pairs):
            return self._welcome(scope, [pair for pair in pairs if pair[0] != "token"])
        if self._fits(_bearer(headers)) or self._fits(_cookie(headers)):
            return None
        return PlainTextResponse(
            "a token is needed\n", 401, {"www-authenticate": "Bearer", "cache-control": "no-store"}
        )

    def _fits(self, given: str) -> bool:
        return self._token is not None and hmac.compare_digest(given.encode(), self._token.encode())

    def _welcome(self, scope: Scope, pairs: list[tuple[str, str]]) -> ASGIApp:
        """The token moves from the address into a cookie, so that it is in no history and no referrer."""
        # One leading slash only: `//host` would lead elsewhere.
        path = "/" + scope["path"].lstrip("/\\")
        query = urlencode(pairs)
        answer = RedirectResponse(path + (f"?{query}" if query else ""), 303, {"cache-control": "no-store"})
        answer.set_cookie(COOKIE, self._token or "", httponly=True, samesite="lax", path="/")
        return answer


def _same_origin(headers: Headers) -> bool:
    """Whether the browser says that the form stood on a page of this very server; silence is not enough."""
    origin = headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc.lower() == headers.get("host", "").lower() != ""
    return headers.get("sec-fetch-site") == "same-origin"


def _host(given: str) -> str:
    host = given.lower()
    return host[: host.index("]") + 1] if host.startswith("[") and "]" in host else host.partition(":")[0]


def _bearer(headers: Headers) -> str:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""
