"""Requests of Matomo's trackers as canonical events."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from afterclick.collect.wire import clock_skew, credentials, identity, limits, matomo_words, naming, parcel, reading
from afterclick.collect.wire.canonical import Canonical
from afterclick.collect.wire.credentials import query_of
from afterclick.collect.wire.limits import Broken
from afterclick.collect.wire.read import Read
from afterclick.collect.wire.request import WireError, WireRequest
from afterclick.collect.wire.segment_event import timed
from afterclick.collect.wire.shape import Shape
from afterclick.collect.wire.user_agents import of_browser

BULK: Final = Shape("matomo_bulk")
POINT: Final = Shape("pixel")
NOTHING: Final = Shape("nothing")

_STAMP: Final = len("2026-11-21 18:05:12")


def read(body: bytes, request: WireRequest) -> Read:
    """The events of a request: one in the address or a form, or many in a list. Raises WireError."""
    if body[:1] in (b"{", b"["):
        return _bulk(body, request)
    text = "&".join(part for part in (request.query, _text(body)) if part)
    fields = query_of(text)
    shape = NOTHING if fields.get("send_image") == "0" else POINT
    return _read([text], request, shape, fields)


def _bulk(body: bytes, request: WireRequest) -> Read:
    found = parcel.opened(body, BULK, "requests")
    texts: list[str | Broken] = []
    for raw in found.raws:
        try:
            texts.append(_line(raw))
        except Broken as broken:
            texts.append(broken)
    token = found.outer.get("token_auth")
    first = next((query_of(text.lstrip("?")) for text in texts if not isinstance(text, Broken)), {})
    return _read(texts, request, BULK, {**first, **({"token_auth": token} if isinstance(token, str) else {})})


def _line(raw: Any) -> str:
    """One request of a list: a query as text, or an object of its fields."""
    value = raw
    if isinstance(raw, bytes | msgspec.Raw):
        parcel.sized(raw)
        try:
            value = msgspec.json.decode(raw)
        except (*reading.NOT_JSON, RecursionError):
            value = reading.patient(bytes(raw))
    if isinstance(value, dict):
        return "&".join(f"{key}={held}" for key, held in value.items())
    if not isinstance(value, str):
        raise Broken("no_object", "a request of a list is its query as text")
    return value


def _read(texts: list[Any], request: WireRequest, shape: Shape, fields: dict[str, str]) -> Read:
    events: list[Canonical | Broken] = []
    salts: list[str] = []
    for text in texts:
        row = {} if isinstance(text, Broken) else query_of(text.lstrip("?"))
        salts.append("\x1f".join((row.get("rand", ""), row.get("pv_id", ""))))
        try:
            events.append(text if isinstance(text, Broken) else _event(limits.tidy(dict(row)), text, request))
        except Broken as broken:
            events.append(broken)
    key = _key(request, fields)
    return Read(key, shape, events, lambda place: str(texts[place]).encode("utf-8", "replace"), salts)


def _key(request: WireRequest, fields: dict[str, str]) -> str:
    """`idsite`, or the token where the site is a number, which is no key of ours but may be the only way to count sites."""
    site, token = fields.get("idsite", ""), fields.get("token_auth", "")
    given = token if token and site.isdecimal() else site
    return credentials.in_basic(request.headers) or given[:256] or credentials.key_of(request)


def _event(row: dict[str, Any], text: str, request: WireRequest) -> Canonical:
    if len(text) > limits.EVENT_BYTES:
        raise Broken("too_large", f"an event of {len(text):,} bytes; {limits.EVENT_BYTES:,} are allowed")
    if not row.get("idsite") and not row.get("rec"):
        raise Broken("no_event", "the request names no site, as every request of a tracker does", "idsite")
    kind, sent, properties = matomo_words.said(row)
    name, raw = naming.called(sent, kind, "action_name")
    event = Canonical(
        event_id="",
        type=kind,
        event=name,
        raw_event=raw,
        anonymous_id=identity.identity(row.get("_id") or row.get("cid"), "_id"),
        user_id=identity.identity(row.get("uid"), "uid"),
        url=row.get("url") or None,
        referrer=row.get("urlref") or None,
        user_agent=row.get("ua") or of_browser(request),
        properties=limits.tidy(properties, "", 1),
        occurred_at=request.received_at,
        received_at=request.received_at,
    )
    given = row.get("cdt")
    if isinstance(given, str) and len(given) == _STAMP:
        given = given.replace(" ", "T")
    timed(event, clock_skew.corrected(given, clock_skew.instant(given), None, request.received_at))
    return event


def _text(body: bytes) -> str:
    if not body:
        return ""
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise WireError(400, "bad_encoding", "the form is no UTF-8", POINT) from None
