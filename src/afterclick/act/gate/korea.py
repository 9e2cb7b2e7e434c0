"""Help with the Korean rules for advertising messages (Network Act, article 50); help only, no legal advice.

What it does: the label (광고) before the title, the sender and how to reach them, a free way to opt out, a consent of its
own between 21:00 and 08:00 (e-mail is exempt), and no advertising on a consent older than two years that nobody renewed.
"""

from __future__ import annotations

from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from afterclick.act.gate import quiet
from afterclick.collect.privacy import consent
from afterclick.collect.privacy.consent import Standing, State
from afterclick.core import i18n, spans
from afterclick.store.automations import Delivery, Words

ZONE: Final = ZoneInfo("Asia/Seoul")
NIGHT: Final = ("21:00", "08:00")
LABEL: Final = "(광고)"
YEARS: Final = 2
MESSAGES: Final = frozenset(("email", "push", "webhook"))
"""Channels whose advertising the rules are about."""
_NIGHT_CHANNELS: Final = MESSAGES - {"email"}


def sender_missing(delivery: Delivery) -> tuple[str, ...]:
    """Fields of the delivery without which no advertising may leave: who sends it and how to reach them."""
    needed = {"sender": delivery.sender or delivery.company, "phone": delivery.phone or delivery.address}
    return tuple(name for name, value in needed.items() if not value.strip())


def night_until(now: int, zone: ZoneInfo, channel: str, agreed: bool) -> int | None:
    """When the night ends for somebody who agreed to no advertising in it, None where it may be sent now."""
    if channel not in _NIGHT_CHANNELS or agreed:
        return None
    return quiet.until(now, zone, NIGHT)


def night_agreed(state: State, by_name: State, channel: str) -> bool:
    """Was advertising at night agreed to, by a consent of its own, and not withdrawn by name?"""
    found, named = (_of_the_night(one, channel) for one in (state, by_name))
    return found is not None and found.granted and (named is None or named.granted)


def _of_the_night(state: State, channel: str) -> Standing | None:
    return consent.allows({key: one for key, one in state.items() if key[0] == consent.NIGHT}, consent.NIGHT, channel)


def is_old(standing: Standing, now: int) -> bool:
    """Was a consent given more than two years ago, by the calendar of Korea, and not renewed since?"""
    given, today = spans.local_day(standing.at, ZONE), spans.local_day(now, ZONE)
    return today >= _years_later(given)


def labelled(words: Words) -> Words:
    """The words with the label before the title, where it is not already; without a title, before the body."""
    if words.title:
        told = words.title if words.title.startswith(LABEL) else f"{LABEL} {words.title}"
        return msgspec.structs.replace(words, title=told)
    told = words.body if words.body.startswith(LABEL) else f"{LABEL} {words.body}"
    return msgspec.structs.replace(words, body=told)


def footer(delivery: Delivery, lang: str, link: str) -> str:
    """Lines under the words: sender and contact, and how to opt out for free, in Korean and for others in English too."""
    who = " · ".join(
        part for part in (delivery.company or delivery.sender, delivery.phone, delivery.address, delivery.reply_to) if part
    )
    out = [i18n.text(one, "delivery_words.opt_out" if link else "delivery_words.opt_out_push") for one in _languages(lang)]
    return "\n".join([who, *(f"{line}: {link}" if link else line for line in out)])


def _languages(lang: str) -> tuple[str, ...]:
    return ("ko",) if lang in ("", "ko") else ("ko", "en")


def _years_later(day: date) -> date:
    try:
        return day.replace(year=day.year + YEARS)
    except ValueError:
        return day.replace(year=day.year + YEARS, month=3, day=1)
