"""Opting out by a link: anybody who holds it may, without signing in, and a program that only follows it changes nothing."""

from __future__ import annotations

import base64
import hashlib
import html
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from afterclick.act import unsubscribe
from afterclick.act.unsubscribe import PATH, Subscription
from afterclick.collect.wire.canonical import Canonical
from afterclick.core import clock, i18n
from afterclick.core.errors import AfterclickError
from afterclick.surfaces.peer import client_of
from afterclick.surfaces.web.guesses import Guesses
from afterclick.surfaces.web.taste import accepted

ADDRESS: Final = f"{PATH}{{token}}"
Read = Callable[[str], Subscription | None]
"""Whom a token is about, None for one that nobody made."""
Collect = Callable[[Canonical], object]
"""Store one event, as those that pages send; returns when it is on disk. Raises StoreError."""

_AGAIN_S: Final = 60.0
_REMEMBERED: Final = 4096
_CHANNELS: Final = ("email", "push", "sms", "messenger")
_STYLE: Final = (
    ":root{color-scheme:light dark;--ink:light-dark(#14171f,#e9edf3);--quiet:light-dark(#5b6472,#98a2b1);"
    "--bg:light-dark(#fff,#12151b);--line:light-dark(#c9ced6,#3a424e);--button:light-dark(#1f4e79,#9cc4ec);"
    "--on:light-dark(#fff,#0b1220)}"
    "body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--bg);color:var(--ink);"
    "font:16px/1.6 -apple-system,BlinkMacSystemFont,'Apple SD Gothic Neo','Malgun Gothic','Segoe UI',sans-serif}"
    "main{box-sizing:border-box;width:min(100%,460px);padding:32px 24px;word-break:keep-all;overflow-wrap:anywhere}"
    "h1{margin:0 0 12px;font-size:24px;line-height:1.35}p{margin:0 0 20px}.quiet{color:var(--quiet);font-size:14px}"
    "button{font:inherit;font-weight:600;padding:12px 22px;border:0;border-radius:6px;background:var(--button);"
    "color:var(--on);cursor:pointer}button:focus-visible{outline:3px solid var(--ink);outline-offset:2px}"
)
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS: Final = {
    "cache-control": "no-store",
    "vary": "Accept-Language",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex",
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
}


class UnsubscribeRoute:
    """The one address: GET shows a button, POST opts out, whether the button or a mail program (RFC 8058) sends it."""

    def __init__(self, read: Read, collect: Collect, sender: Callable[[], str] = str) -> None:
        """`read` says whom a token is about, `sender` who the messages are from, as the page names it."""
        self._read = read
        self._collect = collect
        self._sender = sender
        self._guesses = Guesses()
        self._done: OrderedDict[str, float] = OrderedDict()

    def routes(self) -> list[Route]:
        """The address."""
        return [Route(ADDRESS, self._ask), Route(ADDRESS, self._end, methods=["POST"])]

    async def _ask(self, request: Request) -> Response:
        found = self._found(request)
        return found if isinstance(found, Response) else _page(request, "ask", found.channel, self._sender())

    async def _end(self, request: Request) -> Response:
        found = self._found(request)
        if isinstance(found, Response):
            return found
        token, at = request.path_params["token"], clock.ticks()
        if found.visitor and at - self._done.get(token, at - _AGAIN_S) >= _AGAIN_S:
            try:
                await run_in_threadpool(self._collect, unsubscribe.event(found, clock.now()))
            except AfterclickError:
                return _page(request, "failed", found.channel, self._sender(), 503)
            self._remember(token, at)
        return _page(request, "done", found.channel, self._sender())

    def _found(self, request: Request) -> Subscription | Response:
        """Whom the link is about, or the answer to who makes one up."""
        found = self._read(request.path_params["token"])
        if found is not None:
            return found
        # Only links that nobody made are counted: mail services opt out for thousands from one address.
        address, at = client_of(request.scope.get("client"), request.headers), clock.ticks()
        if wait := self._guesses.wait(address, at):
            return _page(request, "unknown", "", self._sender(), 429, {"retry-after": str(wait)})
        self._guesses.wrong(address, at)
        return _page(request, "unknown", "", self._sender(), 404)

    def _remember(self, token: str, at: float) -> None:
        """Pressed twice is said once."""
        self._done[token] = at
        self._done.move_to_end(token)
        while len(self._done) > _REMEMBERED:
            self._done.popitem(last=False)


def _page(
    request: Request, what: str, channel: str, sender: str, status: int = 200, more: dict[str, str] | None = None
) -> HTMLResponse:
    lang = accepted(request.headers.get("accept-language", "")) or i18n.languages()[0]
    way = i18n.text(lang, f"unsubscribe.channel_{channel if channel in _CHANNELS else 'any'}")
    title, told = (html.escape(i18n.text(lang, f"unsubscribe.{what}_{part}", channel=way)) for part in ("title", "text"))
    button = html.escape(i18n.text(lang, "unsubscribe.button"))
    form = f'<form method="post"><button type="submit">{button}</button></form>' if what in ("ask", "failed") else ""
    from_ = f'<p class="quiet">{html.escape(sender)}</p>' if sender else ""
    body = (
        f'<!doctype html>\n<html lang="{lang}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{title}</title><style>{_STYLE}</style></head>"
        f"<body><main>{from_}<h1>{title}</h1><p>{told}</p>{form}</main></body></html>\n"
    )
    return HTMLResponse(body, status, {**HEADERS, **(more or {})})
