"""One name per kind of event: what shops, pixels and tools call a purchase is an `Order Completed` here.

Names are those of Segment's e-commerce specification (version 2) where it has one; leads, messages and ads
follow its pattern of object and past participle. The raw name is always kept beside the canonical one.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from afterclick.core.name_aliases import ALIASES

PAGE_VIEWED: Final = "Page Viewed"
SCREEN_VIEWED: Final = "Screen Viewed"
ORDER_COMPLETED: Final = "Order Completed"
ORDER_REFUNDED: Final = "Order Refunded"
ORDER_LINE: Final = "Order Line"
"""A further line of an order whose total stands in its first line; no behaviour of its own."""
ORDER_UPDATED: Final = "Order Updated"
ORDER_CANCELLED: Final = "Order Cancelled"
AD_COST_REPORTED: Final = "Ad Cost Reported"
"""What an ad cost on a day: `amount` is the cost, the properties `impressions` and `clicks` what it brought; of nobody.

Its key is (local date, source, medium, campaign, content, term); of equal keys the one latest in the log counts."""
PRODUCT_UPDATED: Final = "Product Updated"
"""What the catalogue says of a product (property `product_id`); of nobody; the one latest in the log counts."""
PRODUCT_REVIEWED: Final = "Product Reviewed"
FEEDBACK_SUBMITTED: Final = "Feedback Submitted"
SURVEY_ANSWERED: Final = "Survey Answered"
FEEDBACK_EVENTS: Final = frozenset({PRODUCT_REVIEWED, FEEDBACK_SUBMITTED, SURVEY_ANSWERED})
"""What somebody said directly: answers to surveys and reviews; properties `score`, `scale`, `comment`, `survey`."""
INVITE_SENT: Final = "Invite Sent"
REWARDS_JOINED: Final = "Rewards Joined"
MESSAGE_SENT: Final = "Message Sent"
MESSAGE_DELIVERED: Final = "Message Delivered"
MESSAGE_OPENED: Final = "Message Opened"
MESSAGE_CLICKED: Final = "Message Clicked"
MESSAGE_DISMISSED: Final = "Message Dismissed"
"""A message of a page was closed without a click."""
MESSAGE_SUPPRESSED: Final = "Message Suppressed"
MESSAGE_FAILED: Final = "Message Failed"
MESSAGE_UNCERTAIN: Final = "Message Uncertain"
"""Nobody knows whether it arrived, and it is not sent again by itself."""
MESSAGE_BOUNCED: Final = "Message Bounced"
MESSAGE_COMPLAINED: Final = "Message Complained"
MESSAGE_UNSUBSCRIBED: Final = "Message Unsubscribed"
PUSH_SUBSCRIBED: Final = "Push Subscribed"
"""A browser takes push messages; properties `endpoint` and `keys` (p256dh, auth)."""
PUSH_UNSUBSCRIBED: Final = "Push Unsubscribed"
CONSENT_UPDATED: Final = "Consent Updated"
CONSENT_GIVEN: Final = "Consent Given"
CONSENT_WITHDRAWN: Final = "Consent Withdrawn"
CONSENT_EVENTS: Final = frozenset({CONSENT_UPDATED, CONSENT_GIVEN, CONSENT_WITHDRAWN})
"""What a person allows; property `consent` says what for, else `purpose` and `channel`, else everything is meant."""

EXPERIMENT_VIEWED: Final = "Experiment Viewed"
"""In which arm (property `variant`) of an experiment (`experiment`) a visitor is, at the moment that makes a difference."""

MACHINE: Final = "machine"
"""Property of a message that is `yes` where a program and no person opened or clicked it."""

MESSAGE_EVENTS: Final = frozenset(
    {
        MESSAGE_SENT,
        MESSAGE_DELIVERED,
        MESSAGE_OPENED,
        MESSAGE_CLICKED,
        MESSAGE_DISMISSED,
        MESSAGE_SUPPRESSED,
        MESSAGE_FAILED,
        MESSAGE_UNCERTAIN,
        MESSAGE_BOUNCED,
        MESSAGE_COMPLAINED,
        MESSAGE_UNSUBSCRIBED,
    }
)
"""The life of a message."""

OF_NOBODY: Final = frozenset({AD_COST_REPORTED, PRODUCT_UPDATED})
"""What concerns no single person: such events carry no id, and lack none."""

PAGE_EVENTS: Final = frozenset({PAGE_VIEWED, SCREEN_VIEWED})
"""Views of a page or a screen."""

IDENTITY_CALLS: Final = {
    "identify": "Identified",
    "group": "Grouped",
    "alias": "Aliased",
    "link": "Linked",
    "unlink": "Unlinked",
}
"""Call types that carry no event of their own, with the name such a row gets."""

SYSTEM_EVENTS: Final = frozenset(
    {
        *IDENTITY_CALLS.values(),
        *CONSENT_EVENTS,
        EXPERIMENT_VIEWED,
        "Decision Made",
        "Segment Entered",
        "Segment Left",
        AD_COST_REPORTED,
        PRODUCT_UPDATED,
        *MESSAGE_EVENTS,
        PUSH_SUBSCRIBED,
        PUSH_UNSUBSCRIBED,
    }
)
"""No behaviour: they neither start nor extend a session."""

PASSIVE_EVENTS: Final = frozenset(
    {
        "Scrolled",
        "Idle",
        "Ad Impression",
        "Promotion Viewed",
        "Offer Shown",
        "Product List Impression",
        "User Engagement",
        "Session Started",
        "Session Ended",
        "First Visit",
        "Page Left",
        "Application Backgrounded",
        "Web Vitals",
        "Heartbeat",
    }
)
"""Happen without a decision of the visitor: they do not count against a bounce."""

_SEPARATORS: Final = re.compile(r"[\s_\-.:/]+")


def squashed(name: str) -> str:
    """A name without case, spaces and separators: `Order_Completed` and `order completed` are one."""
    return _SEPARATORS.sub("", unicodedata.normalize("NFC", name)).casefold()


def _table() -> dict[str, str]:
    table = {squashed(name): name for name in [*ALIASES, *SYSTEM_EVENTS, *PASSIVE_EVENTS]}
    for name, aliases in ALIASES.items():
        for alias in aliases.split():
            table.setdefault(squashed(alias), name)
    return table


_CANONICAL: Final = _table()

CANONICAL_NAMES: Final = frozenset(_CANONICAL.values())
"""Every name a raw name may be turned into."""


@lru_cache(maxsize=65536)
def canonical(raw: str, type: str = "track") -> str:  # noqa: A002  the wire calls it type
    """The canonical name of an event; page calls are Page Viewed, screen calls Screen Viewed.

    A name nobody knows stays as it is, case kept.
    """
    if type == "page":
        return PAGE_VIEWED
    if type == "screen":
        return SCREEN_VIEWED
    if type in IDENTITY_CALLS:
        return IDENTITY_CALLS[type]
    return _CANONICAL.get(squashed(raw), raw)
