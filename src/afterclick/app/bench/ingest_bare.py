"""The least a server can do with a request: read it and say 200. The yardstick of the collector, run by uvicorn itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

_BODY: Final = b'{"status":1,"success":true,"accepted":1,"duplicates":0,"rejected":0,"errors":[]}'
_START: Final = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_BODY))],
}
_END: Final = {"type": "http.response.body", "body": _BODY}


async def app(
    scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    """Read the whole body, answer."""
    if scope["type"] != "http":
        return
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
    await send(_START)
    await send(_END)
