"""What a channel is for, and the figure by which it is judged first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from afterclick.analyse.formulas import FORMULAS

AWARENESS, ACQUISITION, LOYALTY = "awareness", "acquisition", "loyalty"

_AIMS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("display", "paid_video", "organic_video", "paid_social", "organic_social", "offline"), AWARENESS),
    **dict.fromkeys(("email", "push", "sms", "messenger"), LOYALTY),
}
"""Where the store says nothing; every other channel is there to win buyers."""

_FIRST: Final[Mapping[str, tuple[str, ...]]] = {
    AWARENESS: ("cpm", "new_visitor_rate"),
    ACQUISITION: ("cac", "buyer_rate"),
    LOYALTY: ("repeat_order_rate", "arpv"),
}
"""The first of these that can be computed: cost figures where a cost is known, behaviour otherwise."""


def aim_of(channel: str, aims: Mapping[str, str]) -> str:
    """awareness, acquisition or loyalty: what the store says of the channel, else what such a channel is mostly for."""
    return aims.get(channel) or _AIMS.get(channel, ACQUISITION)


def aim_kpi(aim: str, figures: Mapping[str, Any]) -> tuple[str, Any, str]:
    """(name, value, unit) of the figure shown first; the last candidate where none can be computed."""
    candidates = _FIRST[aim]
    name = next((one for one in candidates if figures.get(one) is not None), candidates[-1])
    return name, figures.get(name), FORMULAS[name].unit
