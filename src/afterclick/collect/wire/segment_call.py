"""The messages of Segment's tracking API, which RudderStack and Jitsu send as well, as typed structs."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeVar

import msgspec

from afterclick.collect.wire import coercion
from afterclick.collect.wire.limits import KEYS, Broken

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Properties = Annotated[
    dict[str, str | Int64 | float | bool | list[Any] | dict[str, Any] | None], msgspec.Meta(max_length=KEYS)
]
"""An object whose own keys and numbers are within the limits; what lies deeper is looked at when it is there."""

Clock = str | int | float | None
Id = str | int | None


class Page(msgspec.Struct):
    """Where somebody was."""

    url: str | None = None
    referrer: str | None = None


class Campaign(msgspec.Struct):
    """What brought somebody, as the SDK read it from the address."""

    source: str | None = None
    medium: str | None = None
    name: str | None = None
    term: str | None = None
    content: str | None = None
    id: str | None = None


class Device(msgspec.Struct):
    """What somebody used, as far as apps say it."""

    type: str | None = None


class Context(msgspec.Struct):
    """What surrounds a message."""

    page: Page | None = None
    campaign: Campaign | None = None
    user_agent: str | None = msgspec.field(name="userAgent", default=None)
    session_id: Id = msgspec.field(name="sessionId", default=None)
    traits: Properties | None = None
    device: Device | None = None
    consent: Any = None
    consent_management: Any = msgspec.field(name="consentManagement", default=None)
    locale: Any = None
    timezone: Any = None


class Message(msgspec.Struct, rename="camel"):
    """One message."""

    type: str | None = None
    event: str | None = None
    message_id: str | None = None
    anonymous_id: Id = None
    user_id: Id = None
    previous_id: Id = None
    group_id: Id = None
    name: str | None = None
    category: str | None = None
    timestamp: Clock = None
    original_timestamp: Clock = None
    sent_at: Clock = None
    properties: Properties | None = None
    traits: Properties | None = None
    context: Context | None = None
    write_key: str | None = None


class Call(Message, rename="camel"):
    """A body: one message, or a batch of them with defaults for all."""

    batch: list[Message] | None = None


class Raws(msgspec.Struct):
    """A batch of which only the sizes of its messages are looked at."""

    batch: list[msgspec.Raw] | None = None


RAWS: Final = msgspec.json.Decoder(Raws)
CALL: Final = msgspec.json.Decoder(Call)
MESSAGE: Final = msgspec.json.Decoder(Message)

_T = TypeVar("_T", bound=msgspec.Struct)

_TEXTS: Final = {
    "type": "type",
    "event": "event",
    "messageId": "message_id",
    "anonymousId": "anonymous_id",
    "userId": "user_id",
    "previousId": "previous_id",
    "groupId": "group_id",
    "name": "name",
    "category": "category",
    "writeKey": "write_key",
}
_INSTANTS: Final = {"timestamp": "timestamp", "originalTimestamp": "original_timestamp", "sentAt": "sent_at"}
_CONTEXT_TEXTS: Final = {"userAgent": "user_agent", "sessionId": "session_id"}


def loose(value: Any) -> Message:
    """A message from plain values of whatever types, by the coercion table. Raises Broken with the path of the field."""
    if value.__class__ is not dict:
        raise Broken("no_object", "an event is a JSON object")
    found = Message()
    for raw, name in _TEXTS.items():
        setattr(found, name, coercion.text(value.get(raw), raw))
    for raw, name in _INSTANTS.items():
        setattr(found, name, coercion.instant(value.get(raw)))
    found.properties = coercion.mapping(value.get("properties"), "properties")
    found.traits = coercion.mapping(value.get("traits"), "traits")
    found.context = loose_context(value.get("context"))
    return found


def loose_context(value: Any) -> Context | None:
    """A context from plain values. Raises Broken."""
    given = coercion.mapping(value, "context")
    if not given:
        return None
    found = Context(consent=given.get("consent"), consent_management=given.get("consentManagement"))
    for raw, name in _CONTEXT_TEXTS.items():
        setattr(found, name, coercion.text(given.get(raw), f"context.{raw}"))
    found.traits = coercion.mapping(given.get("traits"), "context.traits")
    found.page = _texts_of(Page, given, "page")
    found.campaign = _texts_of(Campaign, given, "campaign")
    found.device = _texts_of(Device, given, "device")
    return found


def _texts_of(kind: type[_T], context: dict[str, Any], name: str) -> _T | None:
    given = coercion.mapping(context.get(name), f"context.{name}")
    if not given:
        return None
    fields = kind.__struct_fields__
    return kind(**{field: coercion.text(given.get(field), f"context.{name}.{field}") for field in fields})
