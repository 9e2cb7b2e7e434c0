"""Requests of Snowplow's trackers as canonical events."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from afterclick.collect.wire import (
    clock_skew,
    coercion,
    credentials,
    identity,
    limits,
    naming,
    parcel,
    reading,
    snowplow_words,
)
from afterclick.collect.wire.canonical import Canonical
from afterclick.collect.wire.limits import Broken
from afterclick.collect.wire.read import Read
from afterclick.collect.wire.request import WireRequest
from afterclick.collect.wire.segment_event import identity_of_message, timed
from afterclick.collect.wire.shape import Shape
from afterclick.collect.wire.snowplow_words import LINE, Said, schema_name
from afterclick.collect.wire.unpack import of_base64
from afterclick.collect.wire.user_agents import of_browser
from afterclick.core.names import ORDER_LINE

SHAPE: Final = Shape("snowplow")
POINT: Final = Shape("pixel")


def read(body: bytes, request: WireRequest) -> Read:
    """The events of a payload, or the one that stands in the address of an image. Raises WireError."""
    if request.method == "GET":
        fields: dict[str, Any] = dict(credentials.query_of(request.query))
        return _read([limits.tidy(fields)], request, parcel.Parcel([fields], {}))._replace(shape=POINT)
    found = parcel.opened(body, SHAPE, "data")
    rows: list[dict[str, Any] | Broken] = []
    for raw in found.raws:
        try:
            rows.append(parcel.plain(raw))
        except Broken as broken:
            rows.append(broken)
    return _read(rows, request, found)


def _read(rows: list[dict[str, Any] | Broken], request: WireRequest, found: parcel.Parcel) -> Read:
    plain = [row for row in rows if not isinstance(row, Broken)]
    lines = snowplow_words.lines(plain)
    events: list[Canonical | Broken] = []
    for row in rows:
        try:
            events.append(row if isinstance(row, Broken) else _event(row, request, lines))
        except Broken as broken:
            events.append(broken)
    named = next((row["aid"] for row in plain if row.get("aid").__class__ is str), "")
    return Read(credentials.key_of(request) or credentials.before_colon(named), SHAPE, events, found.original)


def _event(row: dict[str, Any], request: WireRequest, lines: dict[str, list[dict[str, Any]]]) -> Canonical:
    contexts = _contexts(row)
    inner, data = _unstructured(row)
    kind, sent, properties = snowplow_words.said(Said(row, inner, data, contexts, lines))
    name, raw = (ORDER_LINE, LINE) if sent == LINE else naming.called(sent, kind, "e")
    session = contexts.get("client_session", {})
    event = Canonical(
        event_id=identity_of_message(coercion.text(row.get("eid"), "eid")),
        type=kind,
        event=name,
        raw_event=raw,
        anonymous_id=_identity(row, "duid") or _identity(row, "nuid") or _identity(session, "userId"),
        user_id=_identity(row, "uid"),
        session_id=coercion.text(row.get("sid") or session.get("sessionId"), "sid"),
        url=coercion.text(row.get("url"), "url") or None,
        referrer=coercion.text(row.get("refr"), "refr") or None,
        user_agent=coercion.text(row.get("ua"), "ua") or of_browser(request),
        consent=contexts.get("consent_document") or contexts.get("gdpr"),
        properties=properties,
        occurred_at=request.received_at,
        received_at=request.received_at,
    )
    given = coercion.instant(row.get("dtm"))
    sent_at = clock_skew.instant(coercion.instant(row.get("stm")))
    timed(event, clock_skew.corrected(given, clock_skew.instant(given), sent_at, request.received_at))
    return event


def _identity(held: dict[str, Any], key: str) -> str | None:
    return identity.identity(coercion.text(held.get(key), key), key)


def _unstructured(row: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name of the schema and data of a self-describing event."""
    outer = _document(row, "ue_pr", "ue_px")
    inner = outer.get("data") if isinstance(outer.get("data"), dict) else outer
    data = inner.get("data") if isinstance(inner, dict) else None
    name = schema_name(inner.get("schema")) if isinstance(inner, dict) else ""
    return name, data if isinstance(data, dict) else {}


def _contexts(row: dict[str, Any]) -> dict[str, Any]:
    """What surrounds the event by the name of its schema; of several the last, of products all."""
    listed = _document(row, "co", "cx").get("data")
    found: dict[str, Any] = {}
    for entry in listed if isinstance(listed, list) else ():
        if not isinstance(entry, dict) or not isinstance(entry.get("data"), dict):
            continue
        name = schema_name(entry.get("schema"))
        if name == "product":
            found.setdefault("products", []).append(entry["data"])
        elif name:
            found[name] = entry["data"]
    return found


def _document(row: dict[str, Any], plain: str, packed: str) -> dict[str, Any]:
    """A JSON object that stands in a field as text, or in another one in base64. Raises Broken."""
    if row.get(plain):
        field, body = plain, str(row[plain]).encode("utf-8", "replace")
    elif row.get(packed):
        field, body = packed, of_base64(str(row[packed]).encode("ascii", "replace")) or b""
    else:
        return {}
    try:
        found = msgspec.json.decode(body)
    except (*reading.NOT_JSON, RecursionError):
        raise Broken("bad_json", f"{field} holds no JSON", field) from None
    if not isinstance(found, dict):
        raise Broken("bad_json", f"{field} holds no JSON object", field)
    return limits.tidy(found, field, 2)
