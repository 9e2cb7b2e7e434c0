"""The application: routes, templates and files of the dashboard put together."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib import metadata, resources
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from afterclick.collect.live.feed import Feed
from afterclick.collect.live.following import Tail
from afterclick.core.errors import AfterclickError
from afterclick.store.access import Access
from afterclick.surfaces.viz import styles
from afterclick.surfaces.viz.live_rules import Counts
from afterclick.surfaces.web import slim
from afterclick.surfaces.web.api import ApiRoutes
from afterclick.surfaces.web.asker import Asker
from afterclick.surfaces.web.automation_forms import FORM, AutomationForms
from afterclick.surfaces.web.data import DataRoutes
from afterclick.surfaces.web.desk_forms import PATH, DeskForms
from afterclick.surfaces.web.erase_route import EraseRoute
from afterclick.surfaces.web.guard import LOCAL_HOSTS, Guard, check
from afterclick.surfaces.web.html import PageRoutes, takes_json
from afterclick.surfaces.web.page_automations import AutomationRoutes
from afterclick.surfaces.web.page_live import LiveRoutes
from afterclick.surfaces.web.pages import PAGES
from afterclick.surfaces.web.report_route import ReportRoute
from afterclick.surfaces.web.segment_forms import AUDIENCE, SegmentForms
from afterclick.surfaces.web.segment_forms import PATH as SEGMENT
from afterclick.surfaces.web.shelf import Shelf
from afterclick.surfaces.web.state_routes import Collecting, StateRoutes
from afterclick.surfaces.web.unsubscribe_route import UnsubscribeRoute
from afterclick.surfaces.web.work import Work

MOST_SHEETS: Final = 6
Handler = Callable[[Request], Awaitable[Response]]


def create_app(
    ask: Asker,
    *,
    token: str | None = None,
    hosts: Sequence[str] | None = None,
    access: Access | None = None,
    feed: Feed | None = None,
    tail: Tail | None = None,
    collecting: Collecting | None = None,
    opting_out: UnsubscribeRoute | None = None,
    firing: Callable[[], Counts] | None = None,
) -> Starlette:
    """The dashboard over a store.

    `token` is an owner's, `access` holds those of the store; with neither, who reaches the server is its owner. `hosts`
    are the names it answers to; by default this machine's, or any where tokens guard every address. `feed` is what this
    process collects, `tail` what lies in the store's tail, `collecting` the collector that runs beside, `opting_out` the
    links in messages, `firing` what rules that run here have done; call `app.state.live.close()` before open streams are
    waited for.
    """
    work, templates, form_token = Work(ask), _templates(), secrets.token_urlsafe(16)
    files = {**_styles(), **{name: slim.javascript(_file(name)) for name in ("app.js", "forms.js", "live.js")}}
    version = _version(files)
    html = PageRoutes(ask, work, templates, version, form_token)
    data = DataRoutes(ask, work, version)
    live = LiveRoutes(ask, feed, tail, templates, version, firing)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        live.stream.close()
        work.close()

    routes = [Route("/static/{name}", _static(files)), Route("/map", _home)]
    routes += [*_page_routes(html, data), *data.routes()]
    routes += _form_routes(ask, html, templates, version, form_token)
    routes += [*ReportRoute(ask, work).routes(), *ApiRoutes(templates, version).routes()]
    routes += [*live.routes(), *StateRoutes(ask, collecting).routes(), *EraseRoute(ask).routes()]
    routes += opting_out.routes() if opting_out is not None else []
    check(routes)
    allowed = tuple(hosts) if hosts is not None else None if token or access else LOCAL_HOSTS
    around = [
        Middleware(Guard, hosts=allowed, token=token, access=access),
        Middleware(GZipMiddleware, minimum_size=500, compresslevel=6),
    ]
    refusals = {AfterclickError: data.refused, HTTPException: html.missing, 500: html.broken}
    app = Starlette(routes=routes, lifespan=lifespan, middleware=around, exception_handlers=refusals)
    app.state.live = live.stream
    return app


def _page_routes(html: PageRoutes, data: DataRoutes) -> list[Route]:
    """Each page, its cards alone, its numbers."""
    routes = []
    for page in PAGES:
        if page.inner:
            routes.append(Route(f"{page.path}/{{inner:path}}", html.page(page)))
        routes += [
            Route(page.path, html.page(page)),
            Route(f"/{page.name}.part", html.part(page)),
            Route(f"/{page.name}.json", data.page_json(page)),
            Route(f"/{page.name}.csv", data.page_csv(page)),
        ]
    return routes


def _form_routes(ask: Asker, html: PageRoutes, templates: Environment, version: str, form_token: str) -> list[Route]:
    """What the forms of the pages are sent to; a refusal is shown as a page."""
    saved, desk, segments = Shelf(ask, form_token), DeskForms(ask, form_token), SegmentForms(ask, form_token)
    automations = AutomationForms(ask, form_token)
    changed = {PATH: desk.change, SEGMENT: segments.change, FORM: automations.change, "/saved": saved.change}

    return [
        *(Route(path, _refusing(html, change), methods=["POST"]) for path, change in changed.items()),
        Route(AUDIENCE, segments.audience),
        *AutomationRoutes(ask, templates, version, form_token, automations).routes(),
    ]


def _refusing(html: PageRoutes, change: Handler) -> Handler:
    """A form sent by the script is told where to go, instead of being led there."""

    async def answered(request: Request) -> Response:
        try:
            done = await change(request)
        except AfterclickError as error:
            return await html.refused(request, error)
        if isinstance(done, RedirectResponse) and takes_json(request):
            return JSONResponse({"to": done.headers["location"]}, headers={"cache-control": "no-store"})
        return done

    return answered


def _static(files: Mapping[str, str]) -> Handler:
    """Styles and scripts; their address changes with them, so that they may be kept for ever."""

    async def static(request: Request) -> Response:
        content = _found(files, request.path_params["name"])
        if content is None:
            raise HTTPException(404)
        kind = "text/css" if request.path_params["name"].endswith(".css") else "text/javascript"
        return Response(content, media_type=kind, headers={"cache-control": "public, max-age=31536000, immutable"})

    return static


def _found(files: Mapping[str, str], name: str) -> str | None:
    """A file, or several sheets in one: `chart+figures.css`."""
    stem, dot, kind = name.rpartition(".")
    parts = [files.get(f"{one}{dot}{kind}") for one in stem.split("+")]
    known = [part for part in parts if part is not None]
    return "".join(known) if known and len(known) == len(parts) <= MOST_SHEETS else None


async def _home(request: Request) -> Response:
    query = request.url.query
    return RedirectResponse("/" + (f"?{query}" if query else ""), 308)


def _file(name: str) -> str:
    return (resources.files("afterclick.surfaces.web") / "static" / name).read_text("utf-8")


def _styles() -> dict[str, str]:
    """The styles of every page, and one file for each further section of viz.css."""
    core, further = styles.sections()
    files = {"app.css": slim.css(core + _file("app.css"))}
    return files | {f"{name}.css": slim.css(text) for name, text in further.items()}


def _version(files: dict[str, str]) -> str:
    """The release and a digest of what pages are made with: either change makes every page new."""
    digest = hashlib.sha256("".join(files.values()).encode()).hexdigest()[:10]
    return f"{metadata.version('afterclick')}-{digest}"


def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("afterclick.surfaces.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
