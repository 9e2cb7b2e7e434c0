"""Requests of Segment, RudderStack and Jitsu, single or in batches, as canonical events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from afterclick.collect.wire import clock_skew, coercion, credentials, limits, parcel, reading
from afterclick.collect.wire.canonical import Canonical
from afterclick.collect.wire.limits import Broken
from afterclick.collect.wire.read import Read
from afterclick.collect.wire.request import WireRequest
from afterclick.collect.wire.segment_call import CALL, MESSAGE, RAWS, Call, Context, Message, loose, loose_context
from afterclick.collect.wire.segment_event import Sender, event_of
from afterclick.collect.wire.shape import Shape

SHAPE: Final = Shape("segment")


def read(body: bytes, request: WireRequest, kind: str | None = None, shape: Shape = SHAPE) -> Read:
    """The events of a body; `kind` is the type that the path names for messages without one. Raises WireError."""
    if body[:1] == b"[":
        body = b'{"batch":' + body + b"}"
    call = _typed(body)
    if call is None:
        return _one_by_one(body, request, kind, shape)
    messages: Sequence[Message] = (call,) if call.batch is None else call.batch
    sender = _sender(request, kind, call.sent_at, call.context if call.batch is not None else None)
    odd = _is_odd(body)
    events: list[Canonical | Broken] = []
    for message in messages:
        try:
            events.append(event_of(message, sender, odd))
        except Broken as broken:
            events.append(broken)
    key = _key(request, call.write_key, messages)
    return Read(key, shape, events, _originals(body, call))


def _is_odd(body: bytes) -> bool:
    """May its texts hold what must be brought into one form?"""
    # One sign is searched ten times as fast as two, and most bodies do not hold it.
    return not body.isascii() or (b"\\" in body and b"\\u" in body)


def _typed(body: bytes) -> Call | None:
    """A body that is as it should be and holds no event that is too large, else None."""
    try:
        if len(body) > limits.EVENT_BYTES:
            raws = RAWS.decode(body).batch
            if not raws or len(raws) > limits.EVENTS or max(map(_size, raws)) > limits.EVENT_BYTES:
                return None
        call = CALL.decode(body)
        return call if call.batch is None or len(call.batch) <= limits.EVENTS else None
    except (*reading.NOT_JSON, RecursionError):
        return None


def _size(raw: msgspec.Raw) -> int:
    return len(memoryview(raw))


def _originals(body: bytes, call: Call) -> Callable[[int], bytes]:
    if call.batch is None:
        return lambda _: body
    return lambda place: parcel.opened(body, SHAPE, "batch").original(place)


def _sender(request: WireRequest, kind: str | None, sent: Any, context: Context | None) -> Sender:
    sent_at = None if sent is None else clock_skew.instant(sent)
    if sent_at is None and "sentat" in request.headers:
        sent_at = clock_skew.instant(request.headers["sentat"])
    return Sender(kind, sent_at, request.received_at, context)


def _key(request: WireRequest, of_body: str | None, messages: Sequence[Message]) -> str:
    """Basic, body, event, header, bearer, address, in this order."""
    headers = request.headers
    if request.key and of_body is None and not (messages and messages[0].write_key):
        return request.key
    return (
        credentials.in_basic(headers)
        or credentials.before_colon(of_body or "")
        or credentials.before_colon(messages[0].write_key or "" if messages else "")
        or credentials.in_header(headers)
        or credentials.in_bearer(headers)
        or credentials.in_query(request)
    )


def _one_by_one(body: bytes, request: WireRequest, kind: str | None, shape: Shape) -> Read:
    """Each event by itself, so that one that cannot be read does not take its neighbours with it."""
    found = parcel.opened(body, shape, "batch")
    try:
        context = loose_context(found.outer.get("context"))
    except Broken:
        # The events of a batch do not suffer from what stands around them.
        context = None
    sender = _sender(request, kind, coercion.instant(found.outer.get("sentAt")), context)
    odd = _is_odd(body)
    events: list[Canonical | Broken] = []
    first: list[Message] = []
    for raw in found.raws:
        try:
            message, patiently = _message(raw)
            first = first or [message]
            events.append(event_of(message, sender, odd or patiently))
        except Broken as broken:
            events.append(broken)
    of_body = found.outer.get("writeKey")
    key = _key(request, of_body if of_body.__class__ is str else None, first)
    return Read(key, shape, events, found.original)


def _message(raw: Any) -> tuple[Message, bool]:
    """One message from its bytes or from plain values, and whether it was read with patience. Raises Broken."""
    if isinstance(raw, bytes | msgspec.Raw):
        parcel.sized(raw)
        try:
            return MESSAGE.decode(raw), False
        except (*reading.NOT_JSON, RecursionError):
            return loose(parcel.plain(raw)), True
    return loose(parcel.plain(raw)), True
