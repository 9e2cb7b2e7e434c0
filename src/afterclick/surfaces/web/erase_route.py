"""Erasing a person while this server collects: asked for by an owner's program, done beside the requests of others."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from afterclick.core.errors import SpecError
from afterclick.core.said import Said

PATH: Final = "/api/erase"
_LONGEST: Final = 4096


class Order(msgspec.Struct, forbid_unknown_fields=True):
    """Whom to erase; `kind` is user, anonymous, email, or nothing where the id is known. Without `sure` it is only told
    who that is."""

    id: str
    kind: str = ""
    sure: bool = False


class EraseRoute:
    """The one address; `keeper` is a Workspace."""

    def __init__(self, keeper: Any) -> None:
        self._keeper = keeper

    def routes(self) -> list[Route]:
        """The address, where this server may change its store."""
        return [Route(PATH, self._erase, methods=["POST"])] if hasattr(self._keeper, "erase") else []

    async def _erase(self, request: Request) -> Response:
        order = _order(await _body(request))
        if not order.sure:
            found = await run_in_threadpool(self._keeper.whose, order.id, kind=order.kind)
            return JSONResponse(found, headers={"cache-control": "no-store"})
        done = await run_in_threadpool(self._keeper.erase, order.id, kind=order.kind)
        return JSONResponse(done.to_dict(), headers={"cache-control": "no-store"})


async def _body(request: Request) -> bytes:
    whole = b""
    async for piece in request.stream():
        whole += piece
        if len(whole) > _LONGEST:
            raise SpecError(Said("refusals.request_too_long"), hint=Said("refusals.send_order"))
    return whole


def _order(body: bytes) -> Order:
    try:
        found = msgspec.json.decode(body, type=Order)
    except msgspec.MsgspecError as error:
        raise SpecError(Said("refusals.no_order", error=str(error)), hint=Said("refusals.send_order")) from None
    if not found.id.strip():
        raise SpecError(Said("refusals.whom"), hint=Said("refusals.name_id"), path="id")
    return found
