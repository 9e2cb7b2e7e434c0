"""Sessions of one visitor as they are cut while they happen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from afterclick.analyse.segments.happening import Happening
from afterclick.core import spans
from afterclick.store.columns import Flag

_CONTEXT: Final = int(Flag.CONTEXT)
_PAGE: Final = int(Flag.PAGE)
_ORDER: Final = int(Flag.ORDER)


class Setting(NamedTuple):
    """What a visitor's state depends on beside the events: options of sessions, names of stages, the direct touch."""

    timeout: int = 30 * spans.MINUTE
    max_length: int = 0
    on_campaign: bool = True
    on_referrer: bool = False
    stages: tuple[str, ...] = ("Attract", "Convert", "Close", "Delight")
    direct: Mapping[str, Any] = {"channel": "direct"}


class VisitState:
    """Sessions with the same options and to the same effect as in `kernels.sessions`."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.sessions = self.events = self.pages = 0
        self.first_at = self.last_at = 0
        self.session: dict[str, Any] = {}
        self.first_touch: Mapping[str, Any] | None = None
        self.last_touch: Mapping[str, Any] | None = None
        self.carried: Mapping[str, Any] | None = None
        """The touch of the last session that had one of its own."""
        self.seen = self.began = self.campaign = 0
        self.origin: Any = None

    def add(self, one: Happening) -> None:
        """Count it in its session, a new one if it begins one."""
        if one.system:
            return
        if not self.sessions:
            self.first_at = one.at
        self.last_at = one.at
        sale = one.server_sale
        gap = one.at - self.seen > self.setting.timeout
        begins = not self.sessions or (gap if sale else self._cuts(one, gap=gap))
        if begins:
            self._begin(one)
        if begins or not sale:
            self.campaign = one.campaign or self.campaign
            if one.touch and one.flags & _CONTEXT and one.touch is not self.setting.direct:
                self.origin = one.touch.get("source")
            self.seen = one.at
        self._count(one, sale=sale)

    def _cuts(self, one: Happening, *, gap: bool) -> bool:
        if gap:
            return True
        setting = self.setting
        outside = setting.on_referrer and one.touch and one.flags & _CONTEXT and one.touch is not setting.direct
        return (
            bool(setting.max_length and one.at - self.began >= setting.max_length)
            or bool(setting.on_campaign and one.campaign and one.campaign != self.campaign)
            or bool(outside and one.touch and one.touch.get("source") != self.origin)
        )

    def _begin(self, one: Happening) -> None:
        if self.session.get("touch_own", True):
            self.carried = self.session.get("touch")
        self.sessions += 1
        self.began, self.campaign, self.origin = one.at, 0, None
        self.session = {"start": one.at, "end": one.at, "events": 0, "pages": 0, "orders": 0, "touch": None}

    def _count(self, one: Happening, *, sale: bool) -> None:
        session = self.session
        self.events += 1
        session["events"] += 1
        if one.flags & _PAGE:
            self.pages += 1
            session["pages"] += 1
        if one.flags & _ORDER:
            session["orders"] += 1
        if not sale:
            session["end"] = one.at
        if session["touch"] is None and one.flags & _CONTEXT and one.touch is not None:
            # An empty touch came from inside: the visit goes on with the visitor's last channel, else direct.
            session["touch_own"] = bool(one.touch)
            session["touch"] = one.touch or self.carried or self.setting.direct
            self.last_touch = session["touch"]
            self.first_touch = self.first_touch or self.last_touch

    def touch(self, root: str) -> Mapping[str, Any]:
        """The touch of the session, the first or the last one; empty where there is none."""
        found = {"session": self.session.get("touch"), "first_touch": self.first_touch, "last_touch": self.last_touch}
        return found[root] or {}

    def join(self, other: VisitState) -> None:
        """Numbers added; the session that was seen later goes on, the first touch is that of who came first."""
        if not other.sessions:
            return
        first, later = (self, other) if _before(self, other) else (other, self)
        mine, last = (self, other) if order_of(self) < order_of(other) else (other, self)
        touch, carried = first.first_touch or later.first_touch, last.carried or mine.last_touch
        self.first_at, self.first_touch = first.first_at, touch
        self.last_touch = last.last_touch or mine.last_touch
        self.session, self.carried = dict(last.session), carried
        self.seen, self.began, self.campaign, self.origin = last.seen, last.began, last.campaign, last.origin
        self.last_at = max(self.last_at, other.last_at)
        self.sessions, self.events, self.pages = (
            self.sessions + other.sessions, self.events + other.events, self.pages + other.pages,
        )  # fmt: skip


def _before(one: VisitState, other: VisitState) -> bool:
    """Whether the first was there first; equal ones are told apart by what else is known, so that order decides nothing."""
    if not one.sessions:
        return False
    return (one.first_at, repr(one.first_touch)) <= (other.first_at, repr(other.first_touch))


def order_of(one: VisitState) -> tuple[int, int, int, str]:
    """Of two visitors that become one the session with the greater of these goes on."""
    rest = one.session, one.campaign, one.origin, one.carried, one.last_touch
    return one.seen if one.sessions else -1, one.began, one.events, repr(rest)
