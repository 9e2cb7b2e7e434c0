"""The kinds of files, declared once: what a row of each becomes, what it needs, and how it is told from others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from afterclick.collect import kind_words, status_words
from afterclick.core import names

EVENT_COLUMN: Final = "(what)"
TIME_COLUMN: Final = "(when)"
"""Columns of unfolded tables: what became of a message or an order, and when; no file calls a column so."""


class Kind(NamedTuple):
    """What a row of such a file becomes.

    `event` is its name where all rows have one, `type` the kind of call. `nobody`: no id is read. `state`: rows tell how
    something stands, so the latest row of a key counts and equal ones are repetitions. `undated`: a row without a time is
    of the import. `stand_in`: a row known by e-mail or telephone alone is of that address. `amount` is the field of
    its money, `numbers` fields that must be numbers, `words` statuses and what they mean, `otherwise` what no status
    means. Of each of `needs` one field must be mapped; `columns` are the names of its fields' columns, in the order in
    which they choose.
    """

    name: str
    columns: Mapping[str, Mapping[str, int]]
    event: str = ""
    type: str = ""
    nobody: bool = False
    state: bool = False
    undated: bool = False
    stand_in: bool = False
    amount: str = ""
    numbers: tuple[str, ...] = ()
    words: Mapping[str, str] = {}
    otherwise: str = ""
    needs: tuple[tuple[str, ...], ...] = ()


_TIME: Final = ("occurred_at", "original_at")
_PERSON: Final = ("user_id", "anonymous_id", "email", "phone")

_DECLARED: Final = (
    Kind("events", {}),
    Kind(
        "orders",
        kind_words.ORDERS,
        words=status_words.ORDER_STATUS,
        otherwise=names.ORDER_COMPLETED,
        stand_in=True,
        numbers=("refund_amount",),
        needs=(_TIME, ("order_id",), ("revenue", "price", "items", "properties")),
    ),
    Kind(
        "catalogue",
        kind_words.CATALOGUE,
        event=names.PRODUCT_UPDATED,
        type="track",
        nobody=True,
        state=True,
        undated=True,
        amount="price",
        numbers=("sale_price",),
        needs=(("product_id",),),
    ),
    Kind(
        "customers",
        kind_words.CUSTOMERS,
        event=names.IDENTITY_CALLS["identify"],
        type="identify",
        state=True,
        undated=True,
        stand_in=True,
        needs=(_PERSON,),
    ),
    Kind(
        "messages",
        kind_words.MESSAGES,
        words=status_words.MESSAGE_STATUS,
        stand_in=True,
        needs=(_TIME, ("event", "type"), _PERSON),
    ),
    Kind(
        "costs",
        kind_words.COSTS,
        event=names.AD_COST_REPORTED,
        type="track",
        nobody=True,
        state=True,
        amount="cost",
        numbers=("impressions", "clicks"),
        needs=(("occurred_at",), ("cost",), ("utm_source", "channel")),
    ),
    Kind(
        "feedback",
        kind_words.FEEDBACK,
        event=names.FEEDBACK_SUBMITTED,
        type="track",
        stand_in=True,
        needs=(_TIME, ("score", "comment")),
    ),
)

KINDS: Final[dict[str, Kind]] = {kind.name: kind for kind in _DECLARED}
"""Every kind by its name."""

KEYS: Final[Mapping[str, tuple[str, ...]]] = {"catalogue": ("product_id",), "customers": ("user_id", "email", "phone")}
"""Fields of which the first that a row has says whose state it tells."""

STATES: Final[Mapping[str, frozenset[str]]] = {kind.name: frozenset({kind.event}) for kind in _DECLARED if kind.state}
"""Kinds whose latest row counts, with the events they make."""
