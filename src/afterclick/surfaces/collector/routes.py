"""Which addresses are the collector's; everything else belongs to the dashboard."""

from __future__ import annotations

from typing import Final

_POST: Final = frozenset({"POST"})
_GET: Final = frozenset({"GET", "HEAD"})
_BOTH: Final = _POST | _GET

_LETTERS: Final = ("t", "p", "i", "g", "a", "s")
_TYPES: Final = ("track", "page", "identify", "group", "alias", "screen")

EXACT: Final[dict[str, frozenset[str]]] = {
    **dict.fromkeys(("/v1/batch", "/v1/import", "/v1/b", "/b", "/beacon/v1/batch"), _POST),
    **dict.fromkeys((f"/v1/{name}" for name in (*_LETTERS, *_TYPES)), _POST),
    **dict.fromkeys((f"/api/s/{name}" for name in _TYPES), _POST),
    **dict.fromkeys(("/batch/", "/batch", "/i/v1/analytics/events"), _POST),
    **dict.fromkeys(("/e/", "/e", "/flags/", "/flags", "/decide/", "/decide"), _BOTH),
    **dict.fromkeys(("/mp/collect", "/com.snowplowanalytics.snowplow/tp2"), _POST),
    **dict.fromkeys(("/i", "/sourceConfig/", "/sourceConfig"), _GET),
    **dict.fromkeys(("/matomo.php", "/piwik.php"), _BOTH),
    **dict.fromkeys(("/v1/decide", "/v1/ack"), _POST),
    "/v1/stream": frozenset({"GET"}),
}
"""Addresses by path with the methods they take."""

PREFIXES: Final[dict[str, frozenset[str]]] = {
    "/v1/pixel/": _GET,
    "/v1/projects/": _GET,
    "/array/": _GET,
    "/api/s/": _POST,
}
"""Addresses that hold a name or a key."""

ALONE: Final = frozenset({"/favicon.ico", "/healthz", "/metrics"})
"""Addresses of the operator and of browsers; no other page may read them."""


def methods_of(path: str) -> frozenset[str] | None:
    """The methods of a collecting address; None for what is not the collector's."""
    found = EXACT.get(path)
    if found is not None:
        return found
    return next((methods for prefix, methods in PREFIXES.items() if path.startswith(prefix)), None)
