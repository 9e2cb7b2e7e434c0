"""Requests of PostHog's SDKs as canonical events."""

from __future__ import annotations

import re
from typing import Any, Final

from afterclick.collect.wire import clock_skew, coercion, credentials, identity, limits, naming, parcel
from afterclick.collect.wire.canonical import Canonical
from afterclick.collect.wire.limits import Broken
from afterclick.collect.wire.read import Read
from afterclick.collect.wire.request import WireRequest
from afterclick.collect.wire.segment_event import Sender, identity_of_message, polished, timed
from afterclick.collect.wire.shape import Shape

SHAPE: Final = Shape("posthog")
EACH: Final = Shape("posthog_results")

_KINDS: Final = {
    "$pageview": "page",
    "$screen": "screen",
    "$identify": "identify",
    "$set": "identify",
    "$create_alias": "alias",
    "$groupidentify": "group",
}
_KEPT: Final = {
    "$screen_name": "name",
    "$feature_flag": "feature_flag",
    "$feature_flag_response": "feature_flag_response",
    "$group_type": "group_type",
    "$group_key": "group_id",
    "$group_set": "traits",
    "$el_text": "el_text",
    "$event_type": "event_type",
    "$browser_type": "browser_type",
}
"""System keys that say something of the event and nothing of its surroundings, and what they are called here."""

_MADE: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
"""Ids of version 7, which the SDKs give to devices [C posthog-js]."""

_DROPPED: Final = frozenset({"token", "distinct_id", "alias"})
_BROWSERS: Final = frozenset({"web", "posthog-ios", "posthog-android", "posthog-react-native", "posthog-flutter"})
_KEYS: Final = ("api_key", "token")


def read(body: bytes, request: WireRequest) -> Read:
    """The events of a body. Raises WireError."""
    return _read(body, request, SHAPE)


def read_answered_each(body: bytes, request: WireRequest) -> Read:
    """The events of a body whose sender wants to hear of each. Raises WireError."""
    return _read(body, request, EACH)


def _read(body: bytes, request: WireRequest, shape: Shape) -> Read:
    found = parcel.opened(body, shape, "batch")
    outer = found.outer
    sent = outer.get("sent_at") or outer.get("created_at") or request.headers.get("posthog-request-timestamp")
    sent_at = clock_skew.instant(coercion.instant(sent))
    sender = Sender(None, sent_at, request.received_at, None)
    odd = not body.isascii() or b"\\u" in body
    events: list[Canonical | Broken] = []
    keys, ids = outer, [""] * len(found.raws)
    for place, raw in enumerate(found.raws):
        try:
            value, sound = parcel.quick(raw)
            keys = keys or value
            ids[place] = _text(value, "uuid") or ""
            event = _event(value, sender)
            events.append(polished(event) if odd and sound else event)
        except Broken as broken:
            events.append(broken)
    if shape is EACH:
        shape = Shape(EACH.dialect, tuple(ids))
    return Read(_key(request, keys), shape, events, found.original)


def _key(request: WireRequest, body: dict[str, Any]) -> str:
    properties = body.get("properties")
    inside = properties if properties.__class__ is dict else {}
    given = next((held[name] for held in (body, inside) for name in _KEYS if held.get(name).__class__ is str), "")
    return credentials.in_basic(request.headers) or given[:256] or credentials.key_of(request)


def _event(value: dict[str, Any], sender: Sender) -> Canonical:
    given = coercion.mapping(value.get("properties"), "properties") or {}
    if len(given) > limits.KEYS:
        raise Broken("too_many_keys", f"an object with {len(given):,} keys; {limits.KEYS} are allowed", "properties")
    sent = coercion.text(value.get("event"), "event")
    kind = _KINDS.get(sent or "", "track")
    name, raw = naming.called(sent, kind)
    anonymous, user, previous = _people(value, given, kind)
    traits = {**_traits(value, given, "$set_once"), **_traits(value, given, "$set")}
    properties = _own(given)
    if kind == "identify":
        properties = traits | properties
    elif traits:
        properties.setdefault("traits", traits)
    properties = limits.tidy(properties, "properties", 2)
    event = Canonical(
        event_id=_id(value, given),
        type=kind,
        event=name,
        raw_event=raw,
        anonymous_id=anonymous,
        user_id=user,
        previous_id=previous,
        email=identity.address(traits.get("email")),
        phone=identity.number(traits.get("phone")),
        session_id=_text(given, "$session_id"),
        url=_text(given, "$current_url"),
        referrer=_referrer(given),
        user_agent=_text(given, "$raw_user_agent") or _text(given, "$user_agent"),
        consent=given.get("$consent"),
        properties=properties,
        occurred_at=sender.received_at,
        received_at=sender.received_at,
    )
    _clocks(event, value, sender)
    return event


def _people(value: dict[str, Any], given: dict[str, Any], kind: str) -> tuple[str | None, str | None, str | None]:
    """Anonymous, known and, for an alias, previous id.

    PostHog has one kind of id. With a device beside it, `distinct_id` is the known id where it differs. Alone it is a
    device where the SDK says so or has made it, and where a browser sends it; a server names its customers.
    """
    distinct = _identity(value, "distinct_id") or _identity(given, "distinct_id")
    device = _identity(given, "$device_id") or _identity(given, "$anon_distinct_id")
    known = _identity(given, "$user_id")
    if kind == "alias":
        return _aliased(distinct, _identity(given, "alias"), given)
    if kind == "group" and device is None:
        # Says what a group is; its id is one of nobody, made up for the call [C posthog-python].
        return None, None, None
    if device is not None:
        return device, known or (distinct if distinct != device else None), None
    if distinct is None or known is not None:
        return (distinct if distinct != known else None), known, None
    return (distinct, None, None) if _of_a_device(distinct, given) else (None, distinct, None)


def _aliased(distinct: str | None, alias: str | None, given: dict[str, Any]) -> tuple[str | None, str | None, str | None]:
    """The two ids of an alias, which has no direction: Python and Node fill them the other way round [C]."""
    known, before = (distinct, alias) if given.get("$lib") == "posthog-node" else (alias, distinct)
    if known is not None and before is not None and _of_a_device(known, given) and not _of_a_device(before, given):
        known, before = before, known
    return None, known, before


def _of_a_device(distinct: str, given: dict[str, Any]) -> bool:
    if given.get("$is_identified") is False or given.get("$process_person_profile") is False:
        return True
    if given.get("$is_identified") is True:
        return False
    return _MADE.fullmatch(distinct) is not None or _text(given, "$lib") in _BROWSERS


def _identity(held: dict[str, Any], key: str) -> str | None:
    return identity.identity(coercion.text(held.get(key), key), key)


def _id(value: dict[str, Any], given: dict[str, Any]) -> str:
    return identity_of_message(coercion.text(value.get("uuid") or given.get("$insert_id"), "uuid"))


def _own(given: dict[str, Any]) -> dict[str, Any]:
    """The sender's own properties: without system keys, and without the campaign fields that are there to be null."""
    found = {
        key: value
        for key, value in given.items()
        if value is not None and not key.startswith("$") and key not in _DROPPED
    }
    for key, name in _KEPT.items():
        if given.get(key) is not None:
            found.setdefault(name, given[key])
    return found


def _traits(value: dict[str, Any], given: dict[str, Any], key: str) -> dict[str, Any]:
    found = coercion.mapping(given.get(key) or value.get(key), key) or {}
    return {name: held for name, held in found.items() if name[:1] != "$" and held is not None}


def _text(held: dict[str, Any], key: str) -> str | None:
    value = held.get(key)
    return value if value.__class__ is str and value else None


def _referrer(given: dict[str, Any]) -> str | None:
    found = _text(given, "$referrer")
    return None if found == "$direct" else found


def _clocks(event: Canonical, value: dict[str, Any], sender: Sender) -> None:
    given = coercion.instant(value.get("timestamp"))
    original = clock_skew.instant(given)
    sent = sender.sent_at if sender.sent_at is not None else clock_skew.instant(coercion.instant(value.get("sent_at")))
    timed(event, clock_skew.corrected(given, original, sent, sender.received_at))
