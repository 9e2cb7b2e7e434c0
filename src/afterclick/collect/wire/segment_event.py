"""One message of Segment's tracking API as a canonical event."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from afterclick.collect.times import EARLIEST, FUTURE
from afterclick.collect.wire import campaign_tags, clock_skew, identity, limits, naming
from afterclick.collect.wire.canonical import Canonical
from afterclick.collect.wire.limits import Broken
from afterclick.collect.wire.segment_call import Campaign, Context, Message, Page

KINDS: Final = {
    name: kind
    for kind in ("track", "page", "screen", "identify", "group", "alias")
    for name in (kind, kind.upper(), kind.capitalize())
}

CLOCK: Final = "clock"
"""Property of an event whose time was put right beyond the usual: `ahead`, `before`, `unreadable`."""

_NOWHERE: Final = Context()
_NO_PAGE: Final = Page()
_DIRECT: Final = "$direct"
"""What RudderStack writes for no referrer."""
_LANGUAGES: Final = ("locale", "lang", "language")
_ZONES: Final = ("timezone", "time_zone", "tz")
_SHORT: Final = 64


class _Sent(dict[str | int | float, int | None]):
    """Instants of sending read before: all events of a batch have the same."""

    def __missing__(self, value: str | int | float) -> int | None:
        if len(self) >= _MOST:
            self.clear()
        self[value] = found = clock_skew.instant(value)
        return found


_MOST: Final = 256
_SENT: Final = _Sent()


class Sender(NamedTuple):
    """What all messages of a request have in common: the type its path names, its clocks (µs UTC), its context."""

    kind: str | None
    sent_at: int | None
    received_at: int
    context: Context | None


def event_of(message: Message, sender: Sender, odd: bool) -> Canonical:
    """The canonical event; `odd` says that its texts may hold what must be brought into one form. Raises Broken."""
    kind = KINDS.get(message.type or sender.kind or "")
    if kind is None:
        raise Broken("unknown_type", "the type is none of track, page, screen, identify, group, alias", "type")
    context = message.context or sender.context or _NOWHERE
    if sender.context is not None and context is not sender.context:
        _complete(context, sender.context)
    said = (message.properties or {}) if kind == "track" else _properties(message, kind, context)
    if said and (odd or not limits.flat(said)):
        said = limits.tidy(said, "traits" if kind == "identify" else "properties", 2)
    # What else a call is named stands in its properties.
    name, raw = naming.TRACKED[message.event or ""] if kind == "track" else naming.called(None, kind)
    page = context.page or _NO_PAGE
    event_id, sent_at = message.message_id or "", message.sent_at
    if len(event_id) > limits.ID:
        raise Broken("id_too_long", f"an id of {len(event_id):,} characters; {limits.ID} are allowed", "messageId")
    event = Canonical(
        event_id=event_id,
        type=kind,
        event=name,
        raw_event=raw,
        anonymous_id=identity.IDS[message.anonymous_id],
        user_id=identity.IDS[message.user_id],
        url=page.url or _text(said, "url"),
        referrer=page.referrer or _text(said, "referrer"),
        user_agent=context.user_agent or None,
        consent=context.consent or context.consent_management,
        properties=said,
        occurred_at=sender.received_at,
        received_at=sender.received_at,
        sent_at=sender.sent_at if sent_at is None else _SENT[sent_at] or sender.sent_at,
    )
    _clocks(event, message)
    if message.traits or context.traits or "email" in said or "phone" in said:
        _contact(event, message.traits, context.traits, said)
    _rest(event, message, context)
    return polished(event) if odd else event


def identity_of_message(given: str | None) -> str:
    """The sender's id of a message, "" for none. Raises Broken for one beyond ID characters."""
    if not given:
        return ""
    if len(given) > limits.ID:
        raise Broken("id_too_long", f"an id of {len(given):,} characters; {limits.ID} are allowed", "messageId")
    return given.strip()


def _complete(context: Context, outer: Context) -> None:
    """The context of the batch stands for what the event's own does not say."""
    for field in Context.__struct_fields__:
        if getattr(context, field) is None:
            setattr(context, field, getattr(outer, field))


def _properties(message: Message, kind: str, context: Context) -> dict[str, Any]:
    if kind == "track":
        return message.properties or {}
    if kind == "identify":
        return _at_home(message.traits or dict(context.traits or {}) or message.properties or {}, context)
    if kind == "group":
        found = message.traits or {}
        if message.group_id:
            found["group_id"] = str(message.group_id)
        return found
    found = message.properties or {}
    if message.name and kind != "alias":
        found.setdefault("name", message.name)
    if message.category and kind != "alias":
        found.setdefault("category", message.category)
    return found


def _at_home(said: dict[str, Any], context: Context) -> dict[str, Any]:
    """Traits with the language and the time zone that SDKs tell of the device, where the person has named none: messages
    are written, and quiet hours kept, by them."""
    for names, value in ((_LANGUAGES, context.locale), (_ZONES, context.timezone)):
        if isinstance(value, str) and 0 < len(value) <= _SHORT and not any(name in said for name in names):
            said[names[0]] = value
    return said


def _text(said: dict[str, Any], key: str) -> str | None:
    value = said.get(key)
    return value if value.__class__ is str and value else None


def _contact(event: Canonical, *sources: dict[str, Any] | None) -> None:
    """E-mail and telephone of the first that has one."""
    for source in sources:
        if not source:
            continue
        if event.email is None and "email" in source:
            event.email = identity.address(source["email"])
        if event.phone is None and "phone" in source:
            event.phone = identity.number(source["phone"])


def _tagged(url: str | None, campaign: Campaign) -> str | None:
    if not (campaign.source or campaign.medium or campaign.name) or campaign_tags.has_own(url):
        return url
    return campaign_tags.tagged(
        url,
        (
            ("utm_source", campaign.source),
            ("utm_medium", campaign.medium),
            ("utm_campaign", campaign.name),
            ("utm_term", campaign.term),
            ("utm_content", campaign.content),
            ("utm_id", campaign.id),
        ),
    )


def _rest(event: Canonical, message: Message, context: Context) -> None:
    """What only some messages have."""
    if context.session_id:
        event.session_id = str(context.session_id)
    if context.campaign is not None:
        event.url = _tagged(event.url, context.campaign)
    if event.referrer == _DIRECT:
        event.referrer = None
    if message.previous_id is not None:
        event.previous_id = identity.identity(message.previous_id, "previousId")
    if context.device is not None and context.device.type:
        event.properties.setdefault("platform", context.device.type)


def _clocks(event: Canonical, message: Message) -> None:
    """WIRE 5 for the usual case; everything unusual is left to `clock_skew`."""
    given = message.original_timestamp or message.timestamp
    original = clock_skew.instant(given)
    if original is not None:
        at = original if event.sent_at is None else event.received_at - (event.sent_at - original)
        if EARLIEST <= at <= event.received_at + FUTURE:
            event.original_at, event.occurred_at = original, at
            return
    if original is None and message.timestamp is not given:
        original = clock_skew.instant(message.timestamp)
    timed(event, clock_skew.corrected(given, original, event.sent_at, event.received_at))


def timed(event: Canonical, clocks: clock_skew.Instants) -> None:
    """Set the clocks of an event, with a word in its properties where they were odd."""
    event.original_at, event.occurred_at, event.sent_at, odd = clocks
    if odd:
        event.properties[CLOCK] = odd


def polished(event: Canonical) -> Canonical:
    """The event with all texts beside its properties in one form. Raises Broken."""
    for field in _TEXTS:
        value = getattr(event, field)
        if value:
            setattr(event, field, limits.text(value, field) or None)
    event.event_id = limits.text(event.event_id, "event_id")
    if not event.event:
        raise Broken("no_event", "the event has no name", "event")
    return event


_TEXTS: Final = (
    "event",
    "raw_event",
    "anonymous_id",
    "user_id",
    "previous_id",
    "email",
    "phone",
    "session_id",
    "url",
    "referrer",
    "user_agent",
)
