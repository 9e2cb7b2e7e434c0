"""What an operator's programs ask: does the server do what it is for, and in figures how."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from typing import Any, Final, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from afterclick.core import clock
from afterclick.core.errors import AfterclickError
from afterclick.surfaces.web.asker import Asker

_FRESH: Final = {"cache-control": "no-store"}


class Collecting(Protocol):
    """A collector that runs in this process."""

    def health(self) -> tuple[bool, Mapping[str, Any]]:
        """Whether all is well, and the state of its parts."""
        ...

    def metrics(self) -> str:
        """Its sums in the text form of Prometheus."""
        ...


class StateRoutes:
    """The handlers of /healthz and /metrics."""

    def __init__(self, asker: Asker, collecting: Collecting | None) -> None:
        self._asker = asker
        self._collecting = collecting

    def routes(self) -> list[Route]:
        """The addresses; without a collector there is nothing to measure."""
        metrics = [Route("/metrics", self._metrics)] if self._collecting is not None else []
        return [Route("/healthz", self._health), *metrics]

    async def _health(self, _: Request) -> Response:
        """200 as long as events are taken and questions answered, 503 where not; which part it is is said.

        What does not get on beside that (deciding, sending) makes it `degraded` and no 503: whoever sends traffic by this
        answer would lose events over a mail server that is down.
        """
        well, state = await run_in_threadpool(self._state)
        return JSONResponse(state, 200 if well else 503, headers=_FRESH)

    async def _metrics(self, _: Request) -> Response:
        assert self._collecting is not None
        text = await run_in_threadpool(self._collecting.metrics)
        return Response(text, media_type="text/plain; version=0.0.4", headers=_FRESH)

    def _state(self) -> tuple[bool, dict[str, Any]]:
        well, parts = self._collecting.health() if self._collecting is not None else (True, {})
        begun = clock.ticks()
        projection: dict[str, Any] = {"readable": True, "code": ""}
        last_at = None
        try:
            last_at = self._asker.info().get("last_at")
        except AfterclickError as error:
            well, projection = False, {"readable": False, "code": error.code}
        projection["seconds"] = round(clock.ticks() - begun, 3)
        status = "failing" if not well else "degraded" if parts.get("degraded") else "ok"
        state = {"status": status, "version": metadata.version("afterclick"), "last_at": last_at}
        return well, {**state, **parts, **({"projection": projection} if parts or not well else {})}
