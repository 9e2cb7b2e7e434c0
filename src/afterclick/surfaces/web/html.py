"""Pages and their fragments as HTML."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from jinja2 import Environment
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from afterclick.core.errors import AfterclickError
from afterclick.surfaces.viz.drawer import Keeping
from afterclick.surfaces.viz.markup import Html
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web import address as addresses
from afterclick.surfaces.web import answers, automation_forms, segment_forms
from afterclick.surfaces.web.address import Address
from afterclick.surfaces.web.asker import Asker
from afterclick.surfaces.web.behind import Behind, behind, drawn
from afterclick.surfaces.web.desk_forms import forms
from afterclick.surfaces.web.frame import frame, navigation
from afterclick.surfaces.web.page import Page
from afterclick.surfaces.web.shelf import shelf
from afterclick.surfaces.web.taste import Taste
from afterclick.surfaces.web.work import Work

Handler = Callable[[Request], Awaitable[Response]]

_LOG = logging.getLogger("afterclick.web")
_KEPT = {"cache-control": "private, no-cache", "vary": "Cookie, Accept-Language"}
_FLEETING = {"cache-control": "no-store", "vary": "Cookie, Accept-Language"}


class PageRoutes:
    """The handlers of HTML addresses."""

    def __init__(self, asker: Asker, work: Work, templates: Environment, version: str, token: str) -> None:
        self._asker = asker
        self._work = work
        self._templates = templates
        self._version = version
        self._token = token
        self._automate = automation_forms.drafting(asker, token)

    def page(self, page: Page) -> Handler:
        """The whole page."""

        async def handle(request: Request) -> Response:
            pairs = request.query_params.multi_items()
            from_form = addresses.from_form(pairs)
            if from_form is not None:
                return RedirectResponse(_with_bad_values(page, from_form), 303)
            address = _address(page, request)
            taste = Taste.of(request, address)
            info = await run_in_threadpool(self._asker.info)
            voice = answers.voice_of(page, address, taste, info)
            kept = await run_in_threadpool(shelf, page, address, self._asker, self._token, voice)
            desk = await run_in_threadpool(forms, page, address, self._asker, self._token, voice)
            if desk is None:
                desk = await run_in_threadpool(segment_forms.forms, page, address, self._asker, self._token, voice)
            tag = self._tag(page, address, taste, info, "page", self._token, kept["state"], desk)
            if tag in request.headers.get("if-none-match", ""):
                return Response(status_code=304, headers={**_KEPT, "etag": tag})
            asked = answers.plan(page, address)
            mark = str(info.get("fingerprint", ""))
            found = await behind(self._work, address, asked, mark)
            patience = answers.LIMIT if address.wait else answers.PATIENCE
            outcomes = await answers.ask_all(self._work, asked, mark, patience)
            shown = await run_in_threadpool(self._whole, page, address, taste, info, asked, outcomes, found, kept, desk)
            whole = all(outcome.whole for outcome in outcomes.values()) and (found is None or found.people is not None)
            answer = HTMLResponse(shown, headers={**_KEPT, "etag": tag} if whole else _FLEETING)
            taste.keep(answer, address)
            return answer

        return handle

    def part(self, page: Page) -> Handler:
        """The cards alone, or one of them, for the script to put in place of a skeleton."""

        async def handle(request: Request) -> Response:
            address = _address(page, request)
            taste = Taste.of(request, address)
            info = await run_in_threadpool(self._asker.info)
            tag = self._tag(page, address, taste, info, "part", self._token)
            if tag in request.headers.get("if-none-match", ""):
                return Response(status_code=304, headers={**_KEPT, "etag": tag})
            asked = answers.plan(page, address)
            outcomes = await answers.ask_all(self._work, asked, str(info.get("fingerprint", "")), answers.LIMIT)
            if any(outcome == answers.Outcome() for outcome in outcomes.values()):
                shown: Html = answers.late(address, answers.voice_of(page, address, taste, info))
                return HTMLResponse(shown, headers=_FLEETING)
            make = answers.card if address.card else answers.cards
            shown = await run_in_threadpool(make, page, address, asked, outcomes, info, taste, self._automate)
            whole = all(outcome.whole for outcome in outcomes.values())
            return HTMLResponse(shown, headers={**_KEPT, "etag": tag} if whole else _FLEETING)

        return handle

    async def refused(self, request: Request, problem: AfterclickError) -> Response:
        """A form that could not be done: a page that says why, or for the script the reason alone, with its own status."""
        taste = Taste.of(request)
        said = problem.say_plainly(taste.lang), problem.advise(taste.lang)
        return self._told(request, taste, *said, problem.status, problem.path)

    async def missing(self, request: Request, problem: Exception) -> Response:
        """An address that leads nowhere: a page with the navigation, or JSON beside data."""
        status = problem.status_code if isinstance(problem, HTTPException) else 404
        taste = Taste.of(request)
        voice = Voice(lang=taste.lang)
        if request.url.path.rpartition(".")[2] in ("json", "csv", "part"):
            body = {"error": {"code": "not_found", "message": voice.text("frame.not_found")}}
            return JSONResponse(body, status, headers=_FLEETING)
        said = voice.text("frame.not_found"), voice.text("frame.not_found_hint")
        return HTMLResponse(self._bare(taste, *said), status, headers=_FLEETING)

    async def broken(self, request: Request, problem: Exception) -> Response:
        """A fault of ours: logged in full, told without its text."""
        _LOG.error("%s failed", request.url.path, exc_info=problem)
        taste = Taste.of(request)
        voice = Voice(lang=taste.lang)
        return self._told(request, taste, voice.text("errors.ours"), voice.text("errors.ours_hint"), 500)

    def _told(self, request: Request, taste: Taste, title: str, hint: str, status: int, path: str = "") -> Response:
        if takes_json(request):
            said = {"message": title, "hint": hint, "path": path}
            return JSONResponse({"error": {name: text for name, text in said.items() if text}}, status, headers=_FLEETING)
        return HTMLResponse(self._bare(taste, title, hint), status, headers=_FLEETING)

    def _tag(self, page: Page, address: Address, taste: Taste, info: Mapping[str, Any], *more: object) -> str:
        return answers.etag(
            *more, page.name, address.pairs(), address.people, address.page, address.card, address.notices,
            taste.lang, taste.theme, info.get("fingerprint"), info.get("name"), self._version,
        )  # fmt: skip

    def _whole(
        self,
        page: Page,
        address: Address,
        taste: Taste,
        info: Mapping[str, Any],
        asked: Sequence[answers.Asked],
        outcomes: Mapping[str, answers.Outcome],
        found: Behind | None,
        kept: Mapping[str, Any],
        desk: Mapping[str, Any] | None,
    ) -> str:
        voice = answers.voice_of(page, address, taste, info)
        return self._templates.get_template("page.html").render(
            t=voice.text,
            lang=taste.lang,
            theme=taste.theme,
            version=self._version,
            f=frame(page, address, taste, info, voice, asked, self._asker.events() if page.asks else ()),
            shelf=kept,
            desk=desk,
            cards=answers.cards(page, address, asked, outcomes, info, taste, self._automate),
            drawer=drawn(found, page, address, voice, self._keeping(found, address)),
        )

    def _keeping(self, found: Behind | None, address: Address) -> Keeping | None:
        if found is None or found.people is None:
            return None
        return segment_forms.keeping(found.spec, address.people, self._asker, self._token)

    def _bare(self, taste: Taste, title: str, hint: str) -> str:
        voice = Voice(lang=taste.lang)
        return self._templates.get_template("bare.html").render(
            t=voice.text,
            lang=taste.lang,
            theme=taste.theme,
            version=self._version,
            title=title,
            hint=hint,
            nav=navigation(None, None, voice),
        )


def takes_json(request: Request) -> bool:
    """Whether this was sent by the script of the forms, not by a browser that shows the answer."""
    return request.headers.get("accept", "") == "application/json"


def _address(page: Page, request: Request) -> Address:
    """The address of a request to a page; the field that stands in the path comes last and so holds."""
    pairs = request.query_params.multi_items()
    inner = request.path_params.get("inner", "")
    return _read(page, [*pairs, (page.inner, inner)] if inner else pairs)


def _read(page: Page, pairs: addresses.Pairs) -> Address:
    return addresses.read(page.path, page.kind, pairs, start=page.start, inner=page.inner, own=page.looks)


def _with_bad_values(page: Page, pairs: addresses.Pairs) -> str:
    """The canonical address of what a form sent; what could not be read goes along, so that the page can name it."""
    address = _read(page, pairs)
    bad = {notice.name for notice in address.notices}
    kept: dict[str, str | tuple[str, ...] | None] = {}
    for name in bad:
        kept[name] = tuple(value for given, value in pairs if given == name)
    return address.href(kept)
