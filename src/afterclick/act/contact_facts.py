"""What one event says of how its visitor can be reached: addresses, consent, time zone, language, and who wants no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from afterclick.collect import status_words
from afterclick.collect.privacy.consent import ANYTHING, MARKETING, STATED_BY, TOLD_IN, Choice, said
from afterclick.collect.wire.canonical import Canonical
from afterclick.core import names

UNSUBSCRIBED: Final = "unsubscribed"
BOUNCED: Final = "bounced"
COMPLAINED: Final = "complained"
REFUSED: Final = "refused"
"""Marketing was refused in a banner; the other reason is an opt-out made by name."""
REACHED: Final = ("email", "push")
"""Channels that lead to an address of a person."""

_ZONES: Final = ("timezone", "time_zone", "tz")
_LANGUAGES: Final = ("lang", "language", "locale")
_SOFT: Final = frozenset(("soft", "transient", "temporary", "delayed", "deferred"))
_LONGEST: Final = 2048


class Facts(NamedTuple):
    """What an event says; "" and () where it says nothing. `gone` are push subscriptions that ended, `stops` pairs of
    channel and reason, `by_name` those of the choices that an event is there for and does not only repeat."""

    email: str = ""
    phone: str = ""
    push: str = ""
    gone: str = ""
    zone: str = ""
    lang: str = ""
    choices: tuple[Choice, ...] = ()
    by_name: tuple[Choice, ...] = ()
    stops: tuple[tuple[str, str], ...] = ()


NOTHING: Final = Facts()
_OPT_OUTS: Final = frozenset((names.MESSAGE_UNSUBSCRIBED, names.MESSAGE_COMPLAINED, names.CONSENT_WITHDRAWN))
_BY_NAME: Final = frozenset(
    (names.PUSH_SUBSCRIBED, names.PUSH_UNSUBSCRIBED, names.MESSAGE_UNSUBSCRIBED, names.MESSAGE_COMPLAINED,
     names.MESSAGE_BOUNCED, *STATED_BY)
)  # fmt: skip
_BY_PROPERTY: Final = frozenset((*_ZONES, *_LANGUAGES, *TOLD_IN))


def facts(event: Canonical) -> Facts:
    """Read an event."""
    properties = event.properties
    name = event.event
    if (
        event.email is None and event.phone is None and event.consent is None
        and name not in _BY_NAME and _BY_PROPERTY.isdisjoint(properties)
    ):  # fmt: skip
        # Most say nothing of it.
        return NOTHING
    choices = said(name, properties, event.consent)
    by_name = _by_name(name, choices)
    return Facts(
        email=email(event.email),
        phone=(event.phone or "").strip(),
        push=subscription(properties) if name == names.PUSH_SUBSCRIBED else "",
        gone=_endpoint(properties) if name == names.PUSH_UNSUBSCRIBED else "",
        zone=_first_zone(properties),
        lang=_first_language(properties),
        choices=choices,
        by_name=by_name,
        stops=(*_stops(name, properties), *_refusals(choices, UNSUBSCRIBED if by_name else REFUSED)),
    )


def email(value: Any) -> str:
    """An address as it is written to and compared: trimmed and lower-cased; "" for what is none, a digest included."""
    text = value.strip().lower() if isinstance(value, str) else ""
    name, at, host = text.partition("@")
    plain = len(text) <= 254 and text.isprintable() and not any(mark in text for mark in " ,;<>\"\\")
    return text if at and name and "." in host and plain and "@" not in host else ""


def subscription(properties: Mapping[str, Any]) -> str:
    """A push subscription as JSON text of endpoint and keys; "" where one of them is missing."""
    endpoint, keys = _endpoint(properties), properties.get("keys")
    if not endpoint or not isinstance(keys, Mapping):
        return ""
    found = {name: keys.get(name) for name in ("p256dh", "auth")}
    if not all(isinstance(one, str) and 0 < len(one) <= 256 for one in found.values()):
        return ""
    return msgspec.json.encode({"endpoint": endpoint, "keys": found}).decode()


def endpoint_of(address: str) -> str:
    """The endpoint of a push subscription, by which one is known though its keys change."""
    try:
        found = msgspec.json.decode(address)
    except msgspec.DecodeError:
        return ""
    return str(found.get("endpoint", "")) if isinstance(found, dict) else ""


def refused(choices: tuple[Choice, ...]) -> set[str]:
    """Channels that marketing was refused on."""
    out: set[str] = set()
    for choice in choices:
        if not choice.granted and choice.purpose in (MARKETING, ANYTHING):
            out |= set(REACHED) if not choice.channel else {choice.channel}
    return out


def _by_name(name: str, choices: tuple[Choice, ...]) -> tuple[Choice, ...]:
    """Opt-outs, and consents given, by an event of their own. A banner's answer stands in every event, a shop's own record
    in every identify: neither may undo an opt-out that came after it was first said."""
    if name in _OPT_OUTS:
        return tuple(choice for choice in choices if not choice.granted)
    return tuple(choice for choice in choices if choice.granted) if name in names.CONSENT_EVENTS else ()


def _refusals(choices: tuple[Choice, ...], reason: str) -> tuple[tuple[str, str], ...]:
    return tuple((channel, reason) for channel in sorted(refused(choices)))


def _endpoint(properties: Mapping[str, Any]) -> str:
    value = properties.get("endpoint")
    return value if isinstance(value, str) and value.startswith("https://") and len(value) <= _LONGEST else ""


def _first_zone(properties: Mapping[str, Any]) -> str:
    for name in _ZONES:
        value = properties.get(name)
        if isinstance(value, str) and "/" in value and _is_zone(value):
            return value
    return ""


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _first_language(properties: Mapping[str, Any]) -> str:
    for name in _LANGUAGES:
        value = properties.get(name)
        if isinstance(value, str):
            plain = value.strip().replace("_", "-").split("-")[0].lower()
            if plain.isascii() and plain.isalpha() and len(plain) in (2, 3):
                return plain
    return ""


def _stops(name: str, properties: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    if name == names.MESSAGE_UNSUBSCRIBED:
        reason = UNSUBSCRIBED
    elif name == names.MESSAGE_COMPLAINED:
        reason = COMPLAINED
    elif name == names.MESSAGE_BOUNCED and not _is_soft(properties):
        reason = BOUNCED
    else:
        return ()
    value = properties.get("channel")
    channel = status_words.CHANNELS.get(names.squashed(value), "") if isinstance(value, str) else ""
    # Complaints and bounces of an unnamed channel are those of e-mail, where the words come from.
    named = (channel,) if channel else REACHED if reason == UNSUBSCRIBED else ("email",)
    return tuple((one, reason) for one in named)


def _is_soft(properties: Mapping[str, Any]) -> bool:
    told = (properties.get(name) for name in ("bounce_type", "bounce", "type", "kind"))
    return any(isinstance(one, str) and names.squashed(one) in _SOFT for one in told)
