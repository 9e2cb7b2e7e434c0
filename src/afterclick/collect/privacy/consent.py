"""What a person allows, by purpose and channel: read from every form it comes in, and folded by its dates alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from afterclick.collect import status_words
from afterclick.core import names

ANALYTICS: Final = "analytics"
MARKETING: Final = "marketing"
PERSONALIZATION: Final = "personalization"
NIGHT: Final = "night"
"""Advertising between 21:00 and 08:00, for which Korea wants a consent of its own."""
ANYTHING: Final = "*"
"""A statement about everything: `opt out` without more."""
CHANNELS: Final = ("email", "sms", "push", "messenger")
PROPERTY: Final = "consent"
"""The property under which the log keeps a statement: {"analytics": true, "marketing.email": false}."""

_MOST: Final = 32
_LONGEST: Final = 64
_PURPOSES: Final = {
    word: purpose
    for purpose, words in {
        ANALYTICS: "analytics statistics statistic analyticsstorage measurement performance c0002 통계 분석 통계분석",
        MARKETING: (
            "marketing advertising advertisement ads ad adstorage aduserdata targeting targetedadvertising saleofdata c0004"
            " c0005 social 마케팅 광고 광고성정보"
        ),
        PERSONALIZATION: (
            "personalization personalisation adpersonalization personalizationstorage functional functionalitystorage"
            " preferences preference c0003 개인화 맞춤"
        ),
        NIGHT: "night nighttime nightmarketing marketingnight nightadvertising 야간 야간광고 야간수신 야간광고성정보",
        ANYTHING: "* all any everything 전체",
    }.items()
    for word in words.split()
}
"""Purposes by what consent tools call them, squashed: Segment's and Google's names, OneTrust's groups."""
_FIELDS: Final = {
    "email_consent": (MARKETING, "email"),
    "sms_consent": (MARKETING, "sms"),
    "push_consent": (MARKETING, "push"),
    "marketing_consent": (MARKETING, ""),
}
"""Fields of customers' profiles (see collect.fields)."""
_STOPS: Final = frozenset((names.MESSAGE_UNSUBSCRIBED, names.MESSAGE_COMPLAINED))
STATED_BY: Final = names.CONSENT_EVENTS | _STOPS
"""Events that say something of consent by their name."""

TOLD_IN: Final = frozenset((PROPERTY, *_FIELDS))
"""Properties that say something of it, whatever the event."""


class Choice(NamedTuple):
    """Is a purpose allowed? `channel` is "" for all of them."""

    purpose: str
    channel: str
    granted: bool

    @property
    def key(self) -> str:
        """`marketing.email`, or the purpose alone."""
        return f"{self.purpose}.{self.channel}" if self.channel else self.purpose


class Statement(NamedTuple):
    """What was said at an instant (µs UTC), and by which event."""

    at: int
    choice: Choice
    why: str = ""


class Standing(NamedTuple):
    """What holds, since when, and by which event."""

    granted: bool
    at: int
    why: str = ""


State = Mapping[tuple[str, str], Standing]
"""By (purpose, channel) the last that was said."""


def fold(statements: Iterable[Statement]) -> dict[tuple[str, str], Standing]:
    """What holds after all these statements: the latest of each purpose and channel, of equal instants the refusal.

    The order in which they come does not matter, nor how often each comes.
    """
    state: dict[tuple[str, str], Standing] = {}
    for at, choice, why in statements:
        before = state.get((choice.purpose, choice.channel))
        fresh = Standing(choice.granted, at, why)
        if before is None or _rank(fresh) > _rank(before):
            state[choice.purpose, choice.channel] = fresh
    return state


def allows(state: State, purpose: str, channel: str = "") -> Standing | None:
    """What holds for a purpose on a channel: the latest of what was said of exactly this, of the purpose, of the channel, and
    of everything; None where nothing was said. Of equal instants the refusal counts."""
    keys = {(p, c) for p in (purpose, ANYTHING) for c in (channel, "")}
    return max((state[key] for key in keys if key in state), key=_rank, default=None)


def _rank(one: Standing) -> tuple[int, bool, str]:
    return one.at, not one.granted, one.why


def said(event: str, properties: Mapping[str, Any], stated: Any = None) -> tuple[Choice, ...]:
    """Everything an event says of consent: by its name, its properties, and `stated`, what its context says."""
    found = [*choices(stated), *choices(properties.get(PROPERTY))]
    if event in STATED_BY:
        found += _named(event, properties, spoken=bool(found))
    for field, (purpose, channel) in _FIELDS.items():
        granted = _granted(properties.get(field))
        if granted is not None:
            found.append(Choice(purpose, channel, granted))
    return tuple(dict.fromkeys(found))[:_MOST]


def choices(stated: Any) -> tuple[Choice, ...]:
    """A consent statement in any of the forms tools send it; () for what is none.

    Read are Segment's `categoryPreferences`, RudderStack's lists of allowed and denied ids, Google's GRANTED and DENIED,
    objects by purpose with channels below, or with `purpose.channel` names, and a bare yes or no.
    """
    if stated is None or stated == {}:
        return ()
    whole = _granted(stated)
    if whole is not None:
        return (Choice(ANYTHING, "", whole),)
    return tuple(dict.fromkeys(_of_object(stated)))[:_MOST] if isinstance(stated, Mapping) else ()


def kept(found: Iterable[Choice]) -> dict[str, bool]:
    """Choices as the log keeps them; of two of one key the refusal."""
    out: dict[str, bool] = {}
    for choice in found:
        out[choice.key] = out.get(choice.key, True) and choice.granted
    return out


def refused(found: Iterable[Choice], purpose: str = ANALYTICS) -> bool | None:
    """Do choices refuse a purpose? None where they say nothing of it."""
    told = [choice.granted for choice in found if choice.purpose in (purpose, ANYTHING) and not choice.channel]
    return None if not told else not all(told)


def _of_object(stated: Mapping[Any, Any]) -> Iterator[Choice]:
    inner = stated.get("categoryPreferences")
    if isinstance(inner, Mapping):
        yield from _of_object(inner)
        return
    for name, granted in (("allowedConsentIds", True), ("deniedConsentIds", False)):
        listed = stated.get(name)
        for one in listed[:_MOST] if isinstance(listed, list) else ():
            yield Choice(_purpose(str(one)), "", granted)
    for name, value in list(stated.items())[:_MOST]:
        yield from _of_pair(str(name), value)


def _of_pair(name: str, value: Any) -> Iterator[Choice]:
    before, _, last = name.rpartition(".")
    if isinstance(value, Mapping):
        for below, deep in list(value.items())[:_MOST]:
            granted = _granted(deep)
            if granted is not None and _channel(str(below)):
                yield Choice(_purpose(name), _channel(str(below)), granted)
        return
    granted = _granted(value)
    if granted is None:
        return
    if _channel(last):
        # A channel without a purpose is one that messages are sent on.
        yield Choice(_purpose(before) if before else MARKETING, _channel(last), granted)
    else:
        yield Choice(_purpose(name), "", granted)


def _named(event: str, properties: Mapping[str, Any], *, spoken: bool) -> Iterator[Choice]:
    channels = [_channel(one) for one in _listed(properties, "channel", "channels")]
    if event in _STOPS:
        yield from (Choice(MARKETING, channel, False) for channel in channels or [""])
        return
    if event == names.CONSENT_UPDATED:
        told = (_granted(properties.get(name)) for name in ("granted", "status", "value", "consented"))
        granted = next((one for one in told if one is not None), None)
    else:
        granted = event == names.CONSENT_GIVEN
    purposes = [_purpose(one) for one in _listed(properties, "purpose", "purposes")]
    if granted is None or (spoken and not purposes and not channels):
        return
    for purpose in purposes or ([MARKETING] if channels else [ANYTHING]):
        yield from (Choice(purpose, channel, granted) for channel in channels or [""])


def _listed(properties: Mapping[str, Any], *keys: str) -> list[str]:
    found: list[str] = []
    for key in keys:
        value = properties.get(key)
        if isinstance(value, str):
            found += [one.strip() for one in re.split("[,;]", value) if one.strip()]
        elif isinstance(value, list):
            found += [one.strip() for one in value[:_MOST] if isinstance(one, str) and one.strip()]
    return found


def _purpose(text: str) -> str:
    return _PURPOSES.get(names.squashed(text).replace("_", ""), text.strip().lower()[:_LONGEST])


def _channel(text: str) -> str:
    return status_words.CHANNELS.get(names.squashed(text), "")


def _granted(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    if not isinstance(value, str):
        return None
    plain = names.squashed(value)
    return True if plain in status_words.YES else False if plain in status_words.NO else None
