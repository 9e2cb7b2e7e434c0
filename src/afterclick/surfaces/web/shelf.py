"""Saved questions on the pages: the list of a page's kind, and the two forms that change it."""

from __future__ import annotations

import hmac
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from afterclick.core.errors import AfterclickError, SpecError, UsageError
from afterclick.core.said import Said
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web import address as addresses
from afterclick.surfaces.web.address import Address
from afterclick.surfaces.web.asker import Asker
from afterclick.surfaces.web.page import Page
from afterclick.surfaces.web.pages import named

LARGEST: Final = 32_000
"""Bytes a form may have."""


class Refused(UsageError):
    """A form that did not come from a page of this server."""

    code = "refused"
    status = 403


def shelf(page: Page, address: Address, asker: Asker, token: str, voice: Voice) -> dict[str, Any]:
    """The saved questions of the page's kind, and what the forms send along."""
    problem, items = "", []
    try:
        saved = asker.saved()
    except AfterclickError as error:
        problem, saved = error.say(voice.lang), {}
    looks = {name: value for name, value in address.looks.items() if name in ("lang", "theme")}
    for name, spec in saved.items():
        if isinstance(spec, page.kind):
            kept = Address(path=page.path, spec=spec, inner=page.inner, looks=looks)
            here = spec == address.spec and not address.missing
            items.append(
                {
                    "name": name,
                    "href": kept.href(),
                    "here": here,
                    "label": voice.text("frame.saved_delete", name=name),
                    "sure": voice.text("frame.saved_sure", name=name),
                }
            )
    return {
        "items": items,
        "problem": problem,
        "can": not address.missing,
        "csrf": token,
        "page": page.name,
        "query": urlencode(address.pairs()),
        "state": [(item["name"], item["href"]) for item in items],
    }


class Shelf:
    """The handler of `POST /saved`: saves the question of a page under a name, or deletes one."""

    def __init__(self, asker: Asker, token: str) -> None:
        self._asker = asker
        self._token = token

    async def change(self, request: Request) -> Response:
        """Do what the form says and lead back to the page. Raises UsageError for what cannot be meant."""
        form = await form_of(request, self._token)
        page = named(form.get("page", ""))
        if page is None:
            raise SpecError(Said("refusals.no_such_page"), path="page")
        pairs = parse_qsl(form.get("query", ""), keep_blank_values=True)
        address = addresses.read(page.path, page.kind, pairs, start=page.start, inner=page.inner, own=page.looks)
        if form.get("what") == "delete":
            await run_in_threadpool(self._asker.unsave, form.get("name", ""))
        elif address.missing:
            raise SpecError(Said("refusals.nothing_to_save"), path="query")
        else:
            await run_in_threadpool(self._asker.save, form.get("name", ""), address.spec)
        return RedirectResponse(address.href(), 303, headers={"cache-control": "no-store"})


async def form_of(request: Request, token: str) -> dict[str, str]:
    """The fields of a form; in what language it was filled in stays with the request.

    Raises UsageError for one that is too large, Refused for one without the `token` that pages of this server carry.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise UsageError(Said("refusals.form_too_large"))
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    # Browsers end lines with two characters, the script of the forms with one.
    found = {name: value.replace("\r\n", "\n") for name, value in pairs}
    request.state.lang = found.get("lang") or dict(parse_qsl(found.get("query", ""))).get("lang", "")
    if not hmac.compare_digest(found.get("csrf", "").encode(), token.encode()):
        raise Refused(Said("refusals.form_too_old"), hint=Said("refusals.load_and_repeat"))
    return found
