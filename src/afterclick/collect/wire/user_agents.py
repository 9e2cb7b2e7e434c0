"""The browser behind a request, where the request itself says it and no server stands in between."""

from __future__ import annotations

from typing import Final

from afterclick.collect.wire.request import WireRequest

_LONGEST: Final = 1_000


def of_browser(request: WireRequest) -> str | None:
    """The header `User-Agent` where it is that of a browser; libraries of servers name themselves, not the visitor."""
    found = request.headers.get("user-agent", "")
    return found[:_LONGEST] if found.startswith(("Mozilla/", "Opera/")) else None
