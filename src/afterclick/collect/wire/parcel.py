"""A body taken apart into its events, each for itself, so that one that cannot be read leaves its neighbours alone."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from afterclick.collect.wire import limits, reading
from afterclick.collect.wire.limits import Broken
from afterclick.collect.wire.request import WireError
from afterclick.collect.wire.shape import Shape

_OUTER: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_AROUND: Final = 2 * limits.EVENT_BYTES
_FAILED: Final = (*reading.NOT_JSON, RecursionError)


class Parcel(NamedTuple):
    """The events as bytes or as plain values, and what stands around them; a single event has nothing around it."""

    raws: list[Any]
    outer: dict[str, Any]

    def original(self, place: int) -> bytes:
        """The bytes of an event."""
        raw = self.raws[place]
        return bytes(raw) if isinstance(raw, bytes | msgspec.Raw) else reading.as_original(raw)


def opened(body: bytes, shape: Shape, name: str) -> Parcel:
    """The events of a body: the list under `name`, a list as such, or a single object. Raises WireError."""
    try:
        if body[:1] == b"[":
            return _counted(Parcel(list(_LIST.decode(body)), {}), shape)
        outer = _OUTER.decode(body)
        raws = outer.pop(name, None)
        if raws is None or raws == b"null":
            return Parcel([body], {})
        if sum(len(memoryview(raw)) for raw in outer.values()) > _AROUND:
            raise WireError(413, "too_large", f"more than {_AROUND:,} bytes stand around the events", shape)
        around = {key: msgspec.json.decode(raw) for key, raw in outer.items()}
        return _counted(Parcel(list(_LIST.decode(raws)), around), shape)
    except RecursionError:
        raise reading.too_deep(shape) from None
    except reading.NOT_JSON:
        return _counted(_patiently(body, shape, name), shape)


def _patiently(body: bytes, shape: Shape, name: str) -> Parcel:
    """A body that is no strict JSON, or holds something else where its events should be."""
    try:
        value = reading.patient(body)
    except Broken as broken:
        status = 413 if broken.code in ("too_deep", "too_large") else 400
        raise WireError(status, broken.code, broken.message, shape) from None
    if value.__class__ is list:
        return Parcel(value, {})
    if value.__class__ is not dict:
        raise WireError(400, "bad_json", "the body is no JSON object", shape)
    events = value.get(name)
    if events is None:
        return Parcel([value], {})
    if events.__class__ is not list:
        raise WireError(400, "bad_batch", f"`{name}` is no list", shape)
    return Parcel(events, {key: held for key, held in value.items() if key != name})


def _counted(parcel: Parcel, shape: Shape) -> Parcel:
    if len(parcel.raws) > limits.EVENTS:
        told = f"{len(parcel.raws):,} events; {limits.EVENTS:,} are allowed"
        raise WireError(413, "too_many_events", told, shape)
    return parcel


def sized(raw: Any) -> None:
    """Raises Broken for an event that is too large."""
    size = len(memoryview(raw)) if isinstance(raw, bytes | msgspec.Raw) else len(reading.as_original(raw))
    if size > limits.EVENT_BYTES:
        raise Broken("too_large", f"an event of {size:,} bytes; {limits.EVENT_BYTES:,} are allowed")


def plain(raw: Any) -> dict[str, Any]:
    """An event as plain values within all limits. Raises Broken."""
    value, sound = quick(raw)
    return limits.tidy(value) if sound else value


def quick(raw: Any) -> tuple[dict[str, Any], bool]:
    """An event as plain values, and whether they come of sound JSON, so that only what is kept of them needs to be looked at;
    otherwise they are within all limits. Raises Broken."""
    sized(raw)
    value, sound = raw, False
    if isinstance(raw, bytes | msgspec.Raw):
        try:
            value, sound = msgspec.json.decode(raw), True
        except _FAILED:
            value = reading.patient(bytes(raw))
    if value.__class__ is not dict:
        raise Broken("no_object", "an event is a JSON object")
    return value if sound else limits.tidy(value), sound
