"""Requests of the GA4 Measurement Protocol as canonical events."""

from __future__ import annotations

from typing import Any, Final

from afterclick.collect.wire import clock_skew, coercion, commerce_words, credentials, identity, naming, parcel, reading
from afterclick.collect.wire.canonical import Canonical
from afterclick.collect.wire.limits import Broken
from afterclick.collect.wire.read import Read
from afterclick.collect.wire.request import WireRequest
from afterclick.collect.wire.segment_event import timed
from afterclick.collect.wire.shape import Shape
from afterclick.collect.wire.user_agents import of_browser

SHAPE: Final = Shape("nothing")
"""Google's server answers 2xx whatever comes, and so the senders look at nothing."""

_KINDS: Final = {"page_view": "page", "screen_view": "screen"}
_ELSEWHERE: Final = frozenset({"page_location", "page_referrer", "session_id", "ga_session_id", "user_agent"})


def read(body: bytes, request: WireRequest) -> Read:
    """The events of a body. Raises WireError."""
    found = parcel.opened(body, SHAPE, "events")
    try:
        whole = parcel.plain(reading.as_original(found.outer)) if found.outer else {}
    except Broken as broken:
        return Read(credentials.key_of(request), SHAPE, [broken], lambda _: body)
    events: list[Canonical | Broken] = []
    for raw in found.raws:
        try:
            events.append(_event(parcel.plain(raw), whole, request))
        except Broken as broken:
            events.append(broken)
    return Read(credentials.key_of(request), SHAPE, events, found.original)


def _event(value: dict[str, Any], whole: dict[str, Any], request: WireRequest) -> Canonical:
    sent = coercion.text(value.get("name"), "name")
    params = coercion.mapping(value.get("params"), "params") or {}
    kind = _KINDS.get(sent or "", "track")
    name, raw = naming.called(sent, kind, "name")
    properties = {key: held for key, held in commerce_words.worded(params).items() if key not in _ELSEWHERE}
    if "page_title" in properties:
        properties.setdefault("title", properties.pop("page_title"))
    traits = _traits(whole)
    if traits:
        properties.setdefault("traits", traits)
    event = Canonical(
        event_id="",
        type=kind,
        event=name,
        raw_event=raw,
        anonymous_id=_identity(whole, "client_id") or _identity(whole, "app_instance_id"),
        user_id=_identity(whole, "user_id"),
        session_id=coercion.text(params.get("session_id") or params.get("ga_session_id"), "params.session_id"),
        url=coercion.text(params.get("page_location"), "params.page_location"),
        referrer=coercion.text(params.get("page_referrer"), "params.page_referrer"),
        user_agent=coercion.text(whole.get("user_agent") or params.get("user_agent"), "user_agent") or of_browser(request),
        consent=whole.get("consent"),
        properties=properties,
        occurred_at=request.received_at,
        received_at=request.received_at,
    )
    given = coercion.instant(value.get("timestamp_micros") or whole.get("timestamp_micros"))
    timed(event, clock_skew.corrected(given, clock_skew.instant(given), None, request.received_at))
    return event


def _identity(held: dict[str, Any], key: str) -> str | None:
    return identity.identity(coercion.text(held.get(key), key), key)


def _traits(whole: dict[str, Any]) -> dict[str, Any]:
    """User properties: `{"plan": {"value": "pro"}}` is `{"plan": "pro"}`."""
    given = coercion.mapping(whole.get("user_properties"), "user_properties") or {}
    return {key: held["value"] for key, held in given.items() if isinstance(held, dict) and "value" in held}
