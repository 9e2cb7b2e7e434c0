"""The application: routes, templates and files of the dashboard put together."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib import metadata, resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from afterclick.core.errors import AfterclickError
from afterclick.surfaces.viz import notebook
from afterclick.surfaces.web.asker import Asker
from afterclick.surfaces.web.data import DataRoutes
from afterclick.surfaces.web.guard import LOCAL_HOSTS, Guard
from afterclick.surfaces.web.html import PageRoutes
from afterclick.surfaces.web.pages import PAGES
from afterclick.surfaces.web.work import Work


def create_app(ask: Asker, *, token: str | None = None, hosts: Sequence[str] | None = None) -> Starlette:
    """The dashboard over a store.

    `hosts` are the names it answers to; by default this machine's, or any where a `token` guards every address.
    """
    work = Work(ask)
    files = {"app.css": _styles(), "app.js": _file("app.js")}
    version = _version(files)
    html = PageRoutes(ask, work, _templates(), version)
    data = DataRoutes(ask, work, version)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        work.close()

    async def static(request: Request) -> Response:
        content = files.get(request.path_params["name"])
        if content is None:
            raise HTTPException(404)
        kind = "text/css" if request.path_params["name"].endswith(".css") else "text/javascript"
        return Response(content, media_type=kind, headers={"cache-control": "public, max-age=31536000, immutable"})

    routes = [Route("/static/{name}", static), Route("/map", _home)]
    for page in PAGES:
        routes += [
            Route(page.path, html.page(page)),
            Route(f"/{page.name}.part", html.part(page)),
            Route(f"/{page.name}.json", data.page_json(page)),
            Route(f"/{page.name}.csv", data.page_csv(page)),
        ]
    routes += data.routes()
    notebook.register()
    allowed = tuple(hosts) if hosts is not None else None if token else LOCAL_HOSTS
    return Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[
            Middleware(Guard, hosts=allowed, token=token),
            Middleware(GZipMiddleware, minimum_size=500, compresslevel=6),
        ],
        exception_handlers={AfterclickError: data.refused, HTTPException: html.missing, 500: html.broken},
    )


async def _home(request: Request) -> Response:
    query = request.url.query
    return RedirectResponse("/" + (f"?{query}" if query else ""), 308)


def _file(name: str) -> str:
    return (resources.files("afterclick.surfaces.web") / "static" / name).read_text("utf-8")


def _styles() -> str:
    return notebook.stylesheet() + _file("app.css")


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
