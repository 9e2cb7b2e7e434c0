"""Pages and their fragments as HTML."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from jinja2 import Environment
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from afterclick.core.errors import AfterclickError
from afterclick.surfaces.viz.markup import Html
from afterclick.surfaces.viz.states import error
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web import address as addresses
from afterclick.surfaces.web import answers
from afterclick.surfaces.web.address import Address
from afterclick.surfaces.web.asker import Asker
from afterclick.surfaces.web.frame import frame, navigation
from afterclick.surfaces.web.pages import Page
from afterclick.surfaces.web.taste import Taste
from afterclick.surfaces.web.work import Work

Handler = Callable[[Request], Awaitable[Response]]

_LOG = logging.getLogger("afterclick.web")
_KEPT = {"cache-control": "private, no-cache", "vary": "Cookie, Accept-Language"}
_FLEETING = {"cache-control": "no-store", "vary": "Cookie, Accept-Language"}


class PageRoutes:
    """The handlers of HTML addresses."""

    def __init__(self, asker: Asker, work: Work, templates: Environment, version: str) -> None:
        self._asker = asker
        self._work = work
        self._templates = templates
        self._version = version

    def page(self, page: Page) -> Handler:
        """The whole page."""

        async def handle(request: Request) -> Response:
            pairs = request.query_params.multi_items()
            from_form = addresses.from_form(pairs)
            if from_form is not None:
                return RedirectResponse(_with_bad_values(page, from_form), 303)
            address = addresses.read(page.path, page.kind, pairs)
            taste = Taste.of(request, address)
            info = await run_in_threadpool(self._asker.info)
            tag = self._tag(page, address, taste, info)
            if tag in request.headers.get("if-none-match", ""):
                return Response(status_code=304, headers={**_KEPT, "etag": tag})
            patient = address.wait or bool(address.people)
            outcome = await self._outcome(address, info, answers.LIMIT if patient else answers.PATIENCE)
            voice = answers.voice_of(address, taste, info)
            shown = await run_in_threadpool(self._whole, page, address, taste, info, outcome, voice)
            answer = HTMLResponse(shown, headers={**_KEPT, "etag": tag} if outcome.whole else _FLEETING)
            taste.keep(answer, address)
            return answer

        return handle

    def part(self, page: Page) -> Handler:
        """The cards alone, for the script to put in place of a skeleton."""

        async def handle(request: Request) -> Response:
            address = addresses.read(page.path, page.kind, request.query_params.multi_items())
            taste = Taste.of(request, address)
            info = await run_in_threadpool(self._asker.info)
            tag = self._tag(page, address, taste, info, "part")
            if tag in request.headers.get("if-none-match", ""):
                return Response(status_code=304, headers={**_KEPT, "etag": tag})
            voice = answers.voice_of(address, taste, info)
            outcome = await self._outcome(address, info, answers.LIMIT)
            if not (outcome.whole or outcome.problem or outcome.fault):
                late = AfterclickError(
                    voice.text("errors.too_long", s=int(answers.LIMIT)), hint=voice.text("errors.too_long_hint")
                )
                shown: Html = error(late, voice, request="", retry=address.href())
            else:
                shown = await run_in_threadpool(answers.cards, page, address, outcome, info, voice)
            return HTMLResponse(shown, headers={**_KEPT, "etag": tag} if outcome.whole else _FLEETING)

        return handle

    async def missing(self, request: Request, problem: Exception) -> Response:
        """An address that leads nowhere: a page with the navigation, or JSON beside data."""
        status = problem.status_code if isinstance(problem, HTTPException) else 404
        taste = Taste.of(request)
        voice = Voice(lang=taste.lang)
        if request.url.path.rpartition(".")[2] in ("json", "csv", "part"):
            body = {"error": {"code": "not_found", "message": voice.text("frame.not_found")}}
            return JSONResponse(body, status, headers=_FLEETING)
        return HTMLResponse(self._bare(taste, "frame.not_found", "frame.not_found_hint"), status, headers=_FLEETING)

    async def broken(self, request: Request, problem: Exception) -> Response:
        """A fault of ours: logged in full, told without its text."""
        _LOG.error("%s failed", request.url.path, exc_info=problem)
        return HTMLResponse(self._bare(Taste.of(request), "errors.ours", "errors.ours_hint"), 500, headers=_FLEETING)

    def _tag(self, page: Page, address: Address, taste: Taste, info: Mapping[str, Any], form: str = "page") -> str:
        return answers.etag(
            form, page.name, address.pairs(), address.people, address.page, address.card, address.notices,
            taste.lang, taste.theme, info.get("fingerprint"), info.get("name"), self._version,
        )  # fmt: skip

    async def _outcome(self, address: Address, info: Mapping[str, Any], seconds: float) -> answers.Outcome:
        return await answers.ask(self._work, address.spec, str(info.get("fingerprint", "")), seconds)

    def _whole(
        self,
        page: Page,
        address: Address,
        taste: Taste,
        info: Mapping[str, Any],
        outcome: answers.Outcome,
        voice: Voice,
    ) -> str:
        return self._templates.get_template("page.html").render(
            t=voice.text,
            lang=taste.lang,
            theme=taste.theme,
            version=self._version,
            f=frame(page, address, taste, info, voice),
            cards=answers.cards(page, address, outcome, info, voice),
            drawer=answers.people(address, outcome, voice),
        )

    def _bare(self, taste: Taste, title: str, hint: str) -> str:
        voice = Voice(lang=taste.lang)
        return self._templates.get_template("bare.html").render(
            t=voice.text,
            lang=taste.lang,
            theme=taste.theme,
            version=self._version,
            title=voice.text(title),
            hint=voice.text(hint),
            nav=navigation(None, None, voice),
        )


def _with_bad_values(page: Page, pairs: addresses.Pairs) -> str:
    """The canonical address of what a form sent; what could not be read goes along, so that the page can name it."""
    address = addresses.read(page.path, page.kind, pairs)
    bad = {notice.name for notice in address.notices}
    kept: dict[str, str | tuple[str, ...] | None] = {}
    for name in bad:
        kept[name] = tuple(value for given, value in pairs if given == name)
    return address.href(kept)
