"""What a row of the projection carries, declared once: flags and the kinds of columns."""

from __future__ import annotations

from enum import IntFlag
from typing import Final

NO_AMOUNT: Final = -(2**63)
"""The `amount` of a row that has none."""

TOUCH_DIRECT: Final = 0
TOUCH_INTERNAL: Final = 1
NONE: Final = -1


MOST_PROPERTIES: Final = 200
"""Properties out of JSON that get a column in one piece: the commonest, whatever senders make up. All stay in the log."""


class Flag(IntFlag):
    """Bits of the column `flags`."""

    BOT = 1
    SYSTEM = 2  # no behaviour: identify, group, alias, consent, exposure, message lifecycle, further lines of an order
    PAGE = 4  # a page or screen view
    QUALIFYING = 8  # counts against a bounce: page, screen, or a track event that is not passive
    CONTACT = 16  # carries an e-mail or a phone
    FUTURE = 32  # occurred_at lay after the import
    LINE = 64  # a further line of an order whose total stands in its first line
    KNOWN = 128  # carries a user id
    ORDER = 256  # Order Completed
    REFUND = 512  # Order Refunded
    CONTEXT = 1024  # has page context: a url, a referrer or an in-app user agent


CODED: Final = ("path", "page_group", "host", "device_type", "browser", "os", "currency", "order", "session")
"""Columns of int32 codes, each with a book of its own name."""

