"""The API about itself: its description for programs at /openapi.json, and for people at /api."""

from __future__ import annotations

from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from afterclick.app import questions
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web import answers, openapi
from afterclick.surfaces.web.address import LOOKS, Address
from afterclick.surfaces.web.api_page import drawn
from afterclick.surfaces.web.frame import navigation
from afterclick.surfaces.web.taste import Taste

_KEPT = {"cache-control": "private, no-cache"}


class ApiRoutes:
    """The handlers of the two addresses; both are equal for every store, so they are kept while the release is."""

    def __init__(self, templates: Environment, version: str) -> None:
        self._templates = templates
        self._version = version

    def routes(self) -> list[Route]:
        """The addresses."""
        return [Route("/openapi.json", self._openapi), Route("/api", self._page)]

    async def _openapi(self, request: Request) -> Response:
        headers = {**_KEPT, "etag": answers.etag("openapi", self._version)}
        if headers["etag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(openapi.encoded(), media_type="application/json", headers=headers)

    async def _page(self, request: Request) -> Response:
        given = {name: value for name, value in request.query_params.items() if value in LOOKS.get(name, ())}
        address = Address(path="/api", spec=questions.ALL[0](), looks=given)
        taste = Taste.of(request, address)
        base = str(request.base_url).rstrip("/")
        tag = answers.etag("api", self._version, taste.lang, taste.theme, base)
        headers = {**_KEPT, "vary": "Cookie, Accept-Language", "etag": tag}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        voice = Voice(lang=taste.lang)
        shown = self._templates.get_template("plain.html").render(
            t=voice.text,
            lang=taste.lang,
            theme=taste.theme,
            version=self._version,
            title=voice.text("api.title"),
            nav=navigation(None, address, voice),
            body=drawn(voice, base),
        )
        answer = HTMLResponse(shown, headers=headers)
        taste.keep(answer, address)
        return answer
