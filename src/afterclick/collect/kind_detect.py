"""What kind of file some columns make, told from their names and from what stands in them, with the reason in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import pyarrow.compute as pc

from afterclick.collect import cells, evidence, kind_words, status_words, synonyms
from afterclick.collect.fields import NUMBERS
from afterclick.collect.kinds import KINDS
from afterclick.collect.profile import Profile
from afterclick.core import names

_INSTANTS: Final = frozenset({"occurred_at", "until", "refunded_at", "signed_up_at"})
_AMOUNTS: Final = NUMBERS | {"revenue", "cost"}
_PHONE: Final = r"^\+?[\d][\d\-\s()]{6,17}$"
_SCORE: Final = r"^(\d+(\.\d+)?\s*(점|/\s*\d+)?|[★⭐]+[☆]*)$"
_HARD: Final = frozenset(
    {names.MESSAGE_OPENED, names.MESSAGE_CLICKED, names.MESSAGE_BOUNCED, names.MESSAGE_UNSUBSCRIBED}
)
_CARRIED: Final = frozenset(
    {
        names.MESSAGE_SENT,
        names.MESSAGE_DELIVERED,
        names.MESSAGE_BOUNCED,
        names.MESSAGE_FAILED,
        names.MESSAGE_SUPPRESSED,
    }
)
_MOST: Final = 0.6
_VAGUE: Final = frozenset({"createdat", "createdon", "등록일", "등록일시"})
"""Times that any table may have."""

Look = Callable[[str], Profile]


class Detected(NamedTuple):
    """A kind, why, and whether its columns leave no doubt."""

    kind: str
    why: str
    sure: bool


def bears_out(field: str, profile: Profile) -> bool:
    """Whether the values allow what a column's name promises; an empty column allows everything."""
    if not len(profile.filled):
        return True
    if field in _INSTANTS:
        return profile.time[1] >= 0.5
    if field == "score":
        return _share(profile, _SCORE) >= 0.5
    if field in _AMOUNTS:
        return profile.numeric >= 0.5
    if field == "email":
        return _share(profile, r"@|^[0-9a-fA-F]{32,64}$") >= 0.5
    if field == "phone":
        return _share(profile, _PHONE) >= 0.5
    if field == "product_id" and synonyms.squash(profile.name) == "id":
        return profile.distinct > 0.9
    if field == "items":
        return profile.nested or _share(profile, r"^\s*\[") >= 0.5
    return not profile.nested


def chosen(kind: str, header: Sequence[str], look: Look) -> dict[str, str]:
    """The column of each field of a kind: the most telling name whose values bear it out, no column twice."""
    found: dict[str, str] = {}
    for field, ranks in KINDS[kind].columns.items():
        name = _named(field, ranks, [name for name in header if name not in found.values()], look)
        if name is not None:
            found[field] = name
    return found


def moments(header: Sequence[str], look: Look) -> dict[str, str]:
    """The columns that say when something became of a message, by its event."""
    found: dict[str, str] = {}
    for event, ranks in kind_words.MOMENTS.items():
        free = [name for name in header if name not in found.values()]
        name = _named("occurred_at", ranks, free, look)
        if name is not None:
            found[event] = name
    return found


def _named(field: str, ranks: Mapping[str, int], header: Sequence[str], look: Look) -> str | None:
    named = [name for name in header if kind_words.base(name) in ranks]
    named.sort(key=lambda name: ranks[kind_words.base(name)])
    return next((name for name in named if bears_out(field, look(name))), None)


def detect(header: Sequence[str], look: Look) -> Detected:
    """The kind of a file; events where nothing tells of another."""
    for kind in (_messages, _events, _costs, _orders, _feedback, _catalogue, _customers):
        found = kind(header, look)
        if found is not None:
            return found
    return Detected("events", "nothing tells of another kind", sure=False)


def _messages(header: Sequence[str], look: Look) -> Detected | None:
    wide = moments(header, look)
    fields = chosen("messages", header, look)
    person = fields.keys() & {"user_id", "anonymous_id", "email", "phone"}
    if not person or "url" in header:
        return None
    if len(wide) >= 2 and _HARD & wide.keys():
        return Detected("messages", f"{', '.join(wide.values())} say what became of each message", sure=True)
    status = fields.get("event")
    if status is None or _has_order(header, look):
        return None
    words = [synonyms.squash(value) for value in look(status).values]
    known = [word for word in words if word in status_words.MESSAGE_STATUS]
    plain = [word for word in known if names.canonical(word) not in names.MESSAGE_EVENTS]
    # That something was opened or viewed may be said of pages too; that it was delivered or bounced is not.
    carried = any(status_words.MESSAGE_STATUS[word] in _CARRIED for word in known)
    clues = fields.keys() & {"message_id", "campaign", "channel", "phone"}
    if plain and carried and clues and len(known) >= _MOST * len(words):
        return Detected("messages", f"{status} says what became of messages", sure=True)
    return None


def _events(header: Sequence[str], look: Look) -> Detected | None:
    ranks = synonyms.COLUMNS["event"]
    for name in header:
        if synonyms.squash(name) not in ranks:
            continue
        telling = not synonyms.is_weak(name) and evidence.bears_out("event", look(name))
        if telling or look(name).known_events > 0.3:
            return Detected("events", f"{name} names events", sure=True)
    return None


def _costs(header: Sequence[str], look: Look) -> Detected | None:
    fields = chosen("costs", header, look)
    people = chosen("customers", header, look).keys() & {"email", "phone"}
    told = fields.keys() & {"impressions", "clicks", "utm_campaign", "utm_source"}
    if not {"cost", "occurred_at"} <= fields.keys() or not told or people or _has_order(header, look):
        return None
    return Detected("costs", f"{fields['cost']} beside {', '.join(fields[field] for field in sorted(told))}", sure=True)


def _has_order(header: Sequence[str], look: Look) -> bool:
    return _named("order_id", kind_words.ORDERS["order_id"], header, look) is not None


def _orders(header: Sequence[str], look: Look) -> Detected | None:
    fields = chosen("orders", header, look)
    money = fields.keys() & {"revenue", "price"}
    if (
        "order_id" not in fields
        or "occurred_at" not in fields
        or not money
        or "score" in chosen("feedback", header, look)
    ):
        return None
    return Detected(
        "orders", f"{fields['order_id']} beside {', '.join(fields[field] for field in sorted(money))}", sure=True
    )


def _feedback(header: Sequence[str], look: Look) -> Detected | None:
    fields = chosen("feedback", header, look)
    said = fields.keys() & {"comment", "survey"}
    person = fields.keys() & {"user_id", "anonymous_id", "email", "phone"}
    if "score" not in fields or "occurred_at" not in fields or not (said or person):
        return None
    return Detected("feedback", f"{fields['score']} holds scores", sure=True)


def _catalogue(header: Sequence[str], look: Look) -> Detected | None:
    fields = chosen("catalogue", header, look)
    people = chosen("customers", header, look).keys() & {"email", "phone"}
    user = _named("user_id", synonyms.COLUMNS["user_id"], header, look)
    told = fields.keys() & {"category", "brand", "price", "availability", "image_url", "product_url"}
    named = "product_name" in fields or len(told) >= 2
    if (
        "product_id" not in fields
        or not named
        or not told
        or people
        or user
        or look(fields["product_id"]).distinct < 0.95
    ):
        return None
    beside = ", ".join(fields[field] for field in sorted(told))
    return Detected(
        "catalogue",
        f"{fields['product_id']} stands once, beside {beside}",
        sure=True,
    )


def _customers(header: Sequence[str], look: Look) -> Detected | None:
    fields = chosen("customers", header, look)
    key = next((fields[field] for field in ("user_id", "email", "phone") if field in fields), None)
    if key is None or look(key).distinct < 0.95 or _has_order(header, look):
        return None
    told = [fields[field] for field in sorted(fields.keys() - {"user_id", "email", "phone", "occurred_at"})]
    told = [name for name in told if kind_words.base(name) not in _VAGUE]
    told += [name for name in header if kind_words.base(name) in kind_words.TRAITS]
    visits = [name for name in header if synonyms.squash(name) in synonyms.COLUMNS["url"].keys() | {"sessionid"}]
    if visits or not told:
        return None
    return Detected("customers", f"{key} stands once, beside {', '.join(told[:4])}", sure=True)


def _share(profile: Profile, pattern: str) -> float:
    found = cells.flags(pc.match_substring_regex(profile.filled, pattern))
    return float(found.mean()) if len(found) else 0.0
