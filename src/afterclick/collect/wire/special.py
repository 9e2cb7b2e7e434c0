"""What SDKs ask for before they send: their settings, which turn everything off that nobody here answers."""

from __future__ import annotations

import re
from typing import Any, Final, Protocol

import msgspec

from afterclick.collect.wire.answers import Answer, unauthorized
from afterclick.collect.wire.credentials import before_colon, key_of
from afterclick.collect.wire.request import WireRequest
from afterclick.collect.wire.shape import Shape

_JSON: Final = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))
_SETTINGS: Final = re.compile(r"/v1/projects/([^/]{1,256})/settings/?")
_CONFIG: Final = re.compile(r"/array/([^/]{1,256})/config(?:\.js)?/?")
_HOST: Final = re.compile(r"[A-Za-z0-9.\-]{1,253}(?::\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::\d{1,5})?")
_FLAGS: Final = frozenset({"/flags", "/decide"})
_SOURCE: Final = frozenset({"/sourceConfig", "/sourceconfig"})
_FAVICON: Final = "/favicon.ico"

_POSTHOG_CONFIG: Final = {
    "supportedCompression": ["gzip", "gzip-js"],
    "hasFeatureFlags": False,
    "autocapture_opt_out": False,
}
_NO_FLAGS: Final = {"flags": {}, "featureFlags": {}, "errorsWhileComputingFlags": False}


class Sites(Protocol):
    """Which write keys there are."""

    def knows(self, key: str) -> bool:
        """Whether events with this key are taken."""
        ...


def is_special(path: str) -> bool:
    """Whether `special` answers this path."""
    trimmed = path.rstrip("/")
    return (
        trimmed in _FLAGS
        or trimmed in _SOURCE
        or path == _FAVICON
        or _SETTINGS.fullmatch(path) is not None
        or _CONFIG.fullmatch(path) is not None
    )


def special(request: WireRequest, sites: Sites) -> Answer | None:
    """The settings an SDK asks for, None where the path is not one of them. No event comes about."""
    path = request.path
    if path == _FAVICON:
        return Answer(204, (), b"")
    trimmed = path.rstrip("/")
    if trimmed in _FLAGS:
        # Senders of flags put their key into the body; there is nothing in the answer that a key would protect.
        return _answer(_NO_FLAGS)
    if trimmed in _SOURCE:
        key = key_of(request)
        return _answer(_source_config(key)) if sites.knows(key) else unauthorized(Shape())
    if found := _SETTINGS.fullmatch(path):
        key = before_colon(found[1])
        return _answer(_settings(key, request)) if sites.knows(key) else unauthorized(Shape())
    if found := _CONFIG.fullmatch(path):
        return _answer(_POSTHOG_CONFIG) if sites.knows(before_colon(found[1])) else unauthorized(Shape("posthog"))
    return None


def _answer(body: dict[str, Any]) -> Answer:
    return Answer(200, _JSON, msgspec.json.encode(body))


def _settings(key: str, request: WireRequest) -> dict[str, Any]:
    """Batches of ten halve the requests and preflights of analytics-next."""
    host = request.headers.get("host", "")
    secure = request.headers.get("x-forwarded-proto", "").split(",")[0].strip().lower() == "https"
    told: dict[str, Any] = {
        "apiKey": key,
        "protocol": "https" if secure else "http",
        "deliveryStrategy": {"strategy": "batching", "config": {"size": 10, "timeout": 1000}},
    }
    # A name that no host has is not handed on into a page.
    if _HOST.fullmatch(host):
        told["apiHost"] = f"{host}/v1"
    return {"integrations": {"Segment.io": told}}


def _source_config(key: str) -> dict[str, Any]:
    off = {"enabled": False}
    return {
        "source": {
            "id": "afterclick",
            "name": "afterclick",
            "writeKey": key,
            "enabled": True,
            "config": {"statsCollection": {"errors": off, "metrics": off}},
            "destinations": [],
            "dataplanes": {},
            "connections": [],
            "workspaceId": "afterclick",
        },
        "updatedAt": "2026-01-01T00:00:00Z",
    }
