"""What stands before every answer: known hosts, who may do what at which address, forms from this server only, headers."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from http.cookies import CookieError, SimpleCookie
from typing import Final, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.routing import Route, compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from afterclick.core import clock
from afterclick.core.said import Said
from afterclick.store.access import Access, Role
from afterclick.surfaces.peer import client_of, is_this_machine
from afterclick.surfaces.web.guesses import Guesses
from afterclick.surfaces.web.pages import PAGES
from afterclick.surfaces.web.taste import Taste

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
LOCAL_HOSTS: Final = ("127.0.0.1", "localhost", "[::1]")

Least = Role | Literal["machine", "public"]
"""The least role that may use an address: an owner may do what an analyst may, and both what programs of this very
machine may do without a token. A public address asks nothing of anybody: what it is given says all."""

Policy = Mapping[str, Least]
"""By method, who may use an address with it."""

READ: Final[Policy] = {"GET": "analyst", "HEAD": "analyst"}
CHANGE: Final[Policy] = {"POST": "owner"}
OPERATE: Final[Policy] = {"GET": "machine", "HEAD": "machine"}
PUBLIC: Final[Policy] = {"GET": "public", "HEAD": "public", "POST": "public"}

_ADDRESSES: Final[Mapping[str, Policy]] = {
    "/static/{name}": READ,
    "/map": READ,
    "/api": READ,
    "/openapi.json": READ,
    "/schema.json": READ,
    "/api/{question}.json": READ,
    "/api/{question}.csv": READ,
    "/people.json": READ,
    "/people.csv": READ,
    "/audience.csv": READ,
    "/report.html": READ,
    "/healthz": OPERATE,
    "/metrics": OPERATE,
    "/live": READ,
    "/live.part": READ,
    "/live.json": READ,
    "/live/events": READ,
    "/automations": READ,
    "/automations.json": READ,
    "/automations/rule/{inner:path}": READ,
    "/automations/journey/{inner:path}": READ,
    "/automation": CHANGE,
    "/u/{token}": PUBLIC,
    "/saved": CHANGE,
    "/api/erase": CHANGE,
    "/desk": CHANGE,
    "/segment": CHANGE,
}
"""Addresses of no page. One that stands neither here nor in `PAGES` is served to nobody."""

_PAGE: Final = ("{path}", "{path}/{{inner:path}}", "/{name}.part", "/{name}.json", "/{name}.csv")

POLICIES: Final[Mapping[str, Policy]] = {**_ADDRESSES} | {
    form.format(path=page.path, name=page.name): READ
    for page in PAGES
    for form in _PAGE
    if page.inner or "inner" not in form
}
"""What each address wants of who asks."""

_WITH_NAMES: Final = [(compile_path(path)[0], policy) for path, policy in POLICIES.items() if "{" in path]
_KEPT: Final = 256


def policy_of(path: str) -> Policy | None:
    """The policy of the address a path belongs to."""
    found = POLICIES.get(path)
    return found or next((policy for pattern, policy in _WITH_NAMES if pattern.match(path)), None)


def check(routes: Iterable[Route]) -> None:
    """Refuse to start with a route that no policy names, or that takes a method its policy does not."""
    for route in routes:
        policy = POLICIES.get(route.path)
        if policy is None or not (route.methods or set()) <= policy.keys():
            raise LookupError(f"guard.py has no policy for {sorted(route.methods or ())} {route.path}")


class Guard:
    """Refuses foreign hosts (421), methods an address does not take (405), and where tokens are wanted anybody without
    one (401), with one that may not do this (403), or with too many wrong ones (429).

    A POST is let through only from a page of the same origin, or from a program that shows its token itself (403).
    Public addresses are open to all of this.
    """

    def __init__(
        self, app: ASGIApp, *, hosts: Sequence[str] | None, token: str | None, access: Access | None = None
    ) -> None:
        """Tokens are wanted where `token` (an owner's) or `access` is given; else who reaches the server is its owner."""
        self._app = app
        self._hosts = None if hosts is None else frozenset(host.lower() for host in hosts)
        self._token = token
        self._access = access
        self._guesses = Guesses()
        self._welcomed: OrderedDict[tuple[str, str], None] = OrderedDict()

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
        # An address that is not there is answered so by the application, but to those alone who may read.
        policy = policy_of(scope["path"]) or READ
        least = policy.get(scope["method"])
        if least == "public":
            # Mail programs post from nowhere, to whatever name the links in messages carry.
            return None
        if self._hosts is not None and _host(headers.get("host", "")) not in self._hosts:
            return _plain(scope, "host", 421)
        if least is None:
            if policy_of(scope["path"]) is None:
                return _plain(scope, "address", 404)
            allowed = ", ".join(sorted(policy))
            return _plain(scope, "method", 405, {"allow": allowed}, allowed=allowed)
        # No page of another place can add this header without asking first, and is never allowed to.
        if scope["method"] == "POST" and not _bearer(headers) and not _same_origin(headers):
            return _plain(scope, "elsewhere", 403)
        if self._token is None and self._access is None:
            return None
        if least == "machine" and is_this_machine(scope.get("client"), headers):
            return None
        return self._without_right(scope, headers, least)

    def _without_right(self, scope: Scope, headers: Headers, least: Least) -> ASGIApp | None:
        """The refusal of who shows no token that is enough, or the way on for one in the address."""
        pairs = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        asked = [value for name, value in pairs if name == "token"]
        shown = [each for each in (*asked, _bearer(headers), _cookie(headers)) if each]
        address, at = client_of(scope.get("client"), headers), clock.ticks()
        if (wait := self._guesses.wait(address, at)) and not any((address, each) in self._welcomed for each in shown):
            return _plain(scope, "guesses", 429, {"retry-after": str(wait)})
        for each in shown:
            role = self._role(each)
            if role is None:
                continue
            self._remember(address, each)
            if each in asked:
                return _welcome(scope, [pair for pair in pairs if pair[0] != "token"], each)
            return None if role == "owner" or least != "owner" else _plain(scope, "look", 403)
        if shown:
            self._guesses.wrong(address, at)
        return _plain(scope, "token", 401, {"www-authenticate": "Bearer", "cache-control": "no-store"})

    def _role(self, given: str) -> Role | None:
        if self._token is not None and hmac.compare_digest(given.encode(), self._token.encode()):
            return "owner"
        grant = self._access.reader(given) if self._access is not None else None
        return grant.role if grant is not None else None

    def _remember(self, address: str, token: str) -> None:
        """Somebody else's guesses behind the same address must not shut out who was in before."""
        self._welcomed[address, token] = None
        self._welcomed.move_to_end((address, token))
        while len(self._welcomed) > _KEPT:
            self._welcomed.popitem(last=False)


def _plain(scope: Scope, why: str, status: int, more: Mapping[str, str] | None = None, **params: str) -> ASGIApp:
    """A refusal in one line, in the language of who asks."""
    said = Said(f"guard.{why}", **params).say(Taste.of(Request(scope)).lang)
    return PlainTextResponse(said + "\n", status, {"vary": "Cookie, Accept-Language", **(more or {})})


def _welcome(scope: Scope, pairs: list[tuple[str, str]], token: str) -> ASGIApp:
    """The token moves from the address into a cookie, so that it is in no history and no referrer."""
    # One leading slash only: `//host` would lead elsewhere.
    path = "/" + scope["path"].lstrip("/\\")
    query = urlencode(pairs)
    answer = RedirectResponse(path + (f"?{query}" if query else ""), 303, {"cache-control": "no-store"})
    answer.set_cookie(COOKIE, token, httponly=True, samesite="lax", path="/")
    return answer


def _same_origin(headers: Headers) -> bool:
    """Whether the browser says that the form stood on a page of this very server; silence is not enough."""
    origin = headers.get("origin")
    if origin is not None:
        try:
            return urlsplit(origin).netloc.lower() == headers.get("host", "").lower() != ""
        except ValueError:
            return False
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
