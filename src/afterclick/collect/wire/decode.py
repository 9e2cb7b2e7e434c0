"""The way in: a request goes to the dialect of its path, and what it brought through the policy to the tail."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

from afterclick.collect.wire import (
    canonical,
    credentials,
    ga4,
    limits,
    matomo,
    pixel,
    posthog,
    segment,
    snowplow,
    worth,
)
from afterclick.collect.wire.limits import Broken
from afterclick.collect.wire.read import Read
from afterclick.collect.wire.request import WireError, WireRequest
from afterclick.collect.wire.shape import Shape
from afterclick.collect.wire.taken import Incoming, Policy, Refusal, Taken
from afterclick.collect.wire.unpack import unpack

Reader = Callable[[bytes, WireRequest], Read]

_KEY: Final = 16
"""Characters that a key has at least; what is shorter may be any word."""

KINDS: Final = ("track", "page", "screen", "identify", "group", "alias")


class Route(NamedTuple):
    """Who reads the requests of a path, and how their senders want to be answered where nothing can be read."""

    reader: Reader
    shape: Shape


def _pixel(kind: str) -> Reader:
    return lambda body, request: pixel.read(body, request, kind)


_SEGMENT: Final = Route(segment.read, segment.SHAPE)
_MATOMO: Final = Route(matomo.read, matomo.POINT)

_POST: Final[dict[str, Route]] = {
    **dict.fromkeys(("/v1/batch", "/v1/import", "/v1/b", "/b", "/beacon/v1/batch", "/api/s/batch"), _SEGMENT),
    **{
        path: Route(partial(segment.read, kind=kind), segment.SHAPE)
        for kind in KINDS
        for path in (f"/v1/{kind}", f"/v1/{kind[0]}", f"/api/s/{kind}")
    },
    **dict.fromkeys(("/batch", "/e", "/capture", "/i/v0/e"), Route(posthog.read, posthog.SHAPE)),
    "/i/v1/analytics/events": Route(posthog.read_answered_each, posthog.EACH),
    "/mp/collect": Route(ga4.read, ga4.SHAPE),
    "/com.snowplowanalytics.snowplow/tp2": Route(snowplow.read, snowplow.SHAPE),
    "/matomo.php": _MATOMO,
    "/piwik.php": _MATOMO,
}
_GET: Final[dict[str, Route]] = {
    "/i": Route(snowplow.read, snowplow.POINT),
    "/matomo.php": _MATOMO,
    "/piwik.php": _MATOMO,
    **{f"/v1/pixel/{name}": Route(_pixel(kind), pixel.SHAPE) for kind in KINDS for name in (kind, kind[0])},
}


def collects(method: str, path: str) -> bool:
    """Whether requests of this method and path bring events."""
    return _route(method, path) is not None


def _anybody(key: str) -> None:
    """No check of the key."""


def decode(request: WireRequest, policy: Policy, check: Callable[[str], None] = _anybody) -> Taken:
    """The events of a request, ready for the tail, and those it may not store. Raises WireError.

    `check` is given the key ("" = none) before the policy sees an event; what it raises ends the request.
    """
    route = _route(request.method, request.path)
    if route is None:
        raise WireError(404, "not_found", "no SDK sends to this path")
    try:
        read = route.reader(_weighed(unpack(request)), request)
    except WireError as error:
        if not route.shape.deaf:
            raise WireError(error.status, error.code, error.message, route.shape) from None
        broken = Broken(error.code, error.message)
        # Who cannot hear of an error is answered as ever, and the request is kept as one event that nobody could read.
        read = Read(credentials.key_of(request), route.shape, [broken], lambda _: request.body or request.query.encode())
    try:
        check(read.key)
    except WireError as error:
        error.shape = read.shape
        raise
    return _taken(read, request, policy)


def _weighed(body: bytes) -> bytes:
    """The body, if it does not hold more values than anybody is kept waiting for. Raises WireError."""
    if len(body) > limits.VALUES and limits.values(body) > limits.VALUES:
        raise WireError(413, "too_large", f"a body with more than {limits.VALUES:,} values")
    return body


def _route(method: str, path: str) -> Route | None:
    table = _POST if method == "POST" else _GET if method == "GET" else {}
    found = table.get(path)
    return found if found is not None else table.get(path.rstrip("/"))


def _taken(read: Read, request: WireRequest, policy: Policy) -> Taken:
    if len(read.events) > limits.EVENTS:
        raise WireError(413, "too_many_events", f"{len(read.events):,} events; {limits.EVENTS:,} are allowed", read.shape)
    events: list[Incoming] = []
    refusals: list[Refusal] = []
    admit, encode, content = policy.admit, canonical.ENCODER.encode, canonical.content
    for place, event in enumerate(read.events):
        if isinstance(event, Broken):
            refusals.append(_refused(place, event, read, policy))
            continue
        if not event.event_id:
            event.event_id = canonical.hashed_id(event, read.salts[place] if read.salts else "")
        kept = admit(event, request)
        if kept is None:
            code = str(getattr(policy, "reason", "") or "no_consent")
            refusals.append(Refusal(place, code, "the event may not be stored"))
            continue
        wrong = worth.no_amount(kept.event, kept.properties)
        if wrong:
            broken = Broken("bad_amount", f"{wrong} is no amount, and an order must not count with a wrong one", "properties")
            refusals.append(_refused(place, broken, read, policy))
            continue
        body = encode(kept)
        events.append(Incoming(kept, content(body), body))
    return Taken(read.key, read.shape, events, refusals)


def _refused(place: int, broken: Broken, read: Read, policy: Policy) -> Refusal:
    original = read.original(place)[: limits.EVENT_BYTES]
    if len(read.key) >= _KEY:
        # Many senders repeat their key in every event, and a reject is read by people.
        original = original.replace(read.key.encode("utf-8", "replace"), b"***")
    scrub: Any = getattr(policy, "scrub_bytes", None)
    return Refusal(place, broken.code, broken.message, broken.path, original if scrub is None else scrub(original))
