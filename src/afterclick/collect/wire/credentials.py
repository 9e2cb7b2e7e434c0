"""The write key of a request: in a header, the address or the body, wherever its SDK puts it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl

from afterclick.collect.wire.request import WireRequest
from afterclick.collect.wire.unpack import of_base64

_IN_QUERY: Final = ("writeKey", "write_key", "api_key", "token", "idsite", "aid")
_MEASURED: Final = "/mp/collect"
_LONGEST: Final = 256


def key_of(request: WireRequest) -> str:
    """The key as far as the head of the request tells, "" where it can only stand in the body."""
    if request.key is not None:
        return request.key
    return in_basic(request.headers) or in_header(request.headers) or in_query(request) or in_bearer(request.headers)


def in_basic(headers: Mapping[str, str]) -> str:
    """The user part of HTTP Basic, with or without a colon behind it."""
    given = headers.get("authorization")
    return "" if given is None else _basic(given)


@lru_cache(maxsize=1024)
def _basic(given: str) -> str:
    scheme, _, value = given.partition(" ")
    if scheme.lower() != "basic":
        return ""
    plain = of_base64(value.encode("ascii", "replace"))
    return "" if plain is None else before_colon(plain.decode("ascii", "replace"))


def in_header(headers: Mapping[str, str]) -> str:
    """`X-Write-Key`, up to the colon before a secret."""
    return before_colon(headers.get("x-write-key", ""))


def in_bearer(headers: Mapping[str, str]) -> str:
    """A bearer token."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value.strip()[:_LONGEST] if scheme.lower() == "bearer" else ""


def in_query(request: WireRequest) -> str:
    """The key in the address."""
    if not request.query:
        return ""
    fields = query_of(request.query)
    if request.path.rstrip("/") == _MEASURED:
        return of_measurement(fields)
    for name in _IN_QUERY:
        if fields.get(name):
            return before_colon(fields[name])
    return ""


def of_measurement(fields: Mapping[str, str]) -> str:
    """The key of a GA4 sender: its measurement id, or its secret where the id is one that Google gave (`G-…`)."""
    named, secret = fields.get("measurement_id") or fields.get("firebase_app_id", ""), fields.get("api_secret", "")
    return (secret if named.startswith("G-") and secret else named or secret)[:_LONGEST]


def query_of(query: str) -> dict[str, str]:
    """The fields of a query; the last of a name counts. What is no query has none."""
    try:
        return dict(parse_qsl(query, keep_blank_values=True, max_num_fields=512))
    except ValueError:
        return {}


def before_colon(text: str) -> str:
    """The key out of `key:secret`; some senders mask the secret in the body (`key:***`)."""
    return text.partition(":")[0].strip()[:_LONGEST]
