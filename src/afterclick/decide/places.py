"""What an address, a referrer and a user agent say of an event, learnt once and kept for the next of the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, NamedTuple, TypeVar

from afterclick.analyse.context import TOUCH_FIELDS
from afterclick.stitch.address import halves, read_head
from afterclick.stitch.channel_table import InApp
from afterclick.stitch.derive import table_of
from afterclick.stitch.page import PageGroups, clean_path
from afterclick.stitch.touch import campaign_key, classify, key_hash
from afterclick.stitch.user_agent import BotPatterns, browser, device_type, is_machine, os
from afterclick.store.columns import Flag
from afterclick.store.definitions import Definitions

_K = TypeVar("_K")
_V = TypeVar("_V")

MOST: Final = 1 << 14
"""Half of what each memory holds at most."""


class Recent(dict[_K, _V], Generic[_K, _V]):
    """What `read` gave for a key; when full, those not asked for lately go."""

    def __init__(self, read: Callable[[_K], _V], most: int = MOST) -> None:
        super().__init__()
        self._read = read
        self._most = most
        self._old: dict[_K, _V] = {}

    def __missing__(self, key: _K) -> _V:
        if len(self) >= self._most:
            self._old = dict(self)
            self.clear()
        value = self._old[key] if key in self._old else self._read(key)
        self[key] = value
        return value


class Place(NamedTuple):
    """`fields` are those that are known of where an event was; `touch` None without page context, empty from inside."""

    fields: dict[str, Any]
    touch: Mapping[str, Any] | None
    campaign: int
    flags: int


class Agent(NamedTuple):
    """What a user agent says: `app` is the app it names, `machine` whether a program calls itself one."""

    fields: dict[str, Any]
    flags: int
    machine: bool
    app: InApp | None


class Places:
    """Reads places under the definitions of a store. One thread at a time."""

    def __init__(self, definitions: Definitions) -> None:
        self._table = table_of(definitions)
        self._bots = BotPatterns(texts=definitions.bots)
        self._pages = PageGroups(patterns=definitions.pages)
        self.direct: Mapping[str, Any] = _columns("direct")
        self._touches: Recent[tuple[Any, ...], Mapping[str, Any]] = Recent(_as_touch)
        self._touches[tuple(self.direct.values())] = self.direct
        self._agents = Recent(self._agent)
        self._known = Recent(self._place)
        self._samples: dict[InApp | None, str | None] = {}

    def place(self, url: str | None, referrer: str | None, user_agent: str | None) -> tuple[Place, Agent]:
        """What these say; of the user agent only the app changes what the others mean."""
        agent = self._agents[user_agent]
        return self._known[url, referrer, agent.app], agent

    def _place(self, key: tuple[str | None, str | None, InApp | None]) -> Place:
        url, referrer, app = key
        head = read_head(halves(url)[0])
        path = clean_path(head)
        named = {"path": path, "page_group": self._pages.group(path), "host": head.host}
        touch = classify(url, referrer, self._samples[app], self._table)
        told = None if touch is None else tuple(getattr(touch, name) for name in TOUCH_FIELDS)
        came: Mapping[str, Any] = {} if told is None else self._shared(told)
        # A user agent alone is context only where it names an app: it then says where from.
        context = bool(url or referrer) or (bool(came) and came is not self.direct)
        return Place(
            {name: text for name, text in named.items() if text},
            came if context else None,
            key_hash(campaign_key(url, self._table)),
            int(Flag.CONTEXT) if context else 0,
        )

    def _shared(self, told: tuple[Any, ...]) -> Mapping[str, Any]:
        return self.direct if told == tuple(self.direct.values()) else self._touches[told]

    def _agent(self, text: str | None) -> Agent:
        named = {"device_type": device_type(text), "browser": browser(text), "os": os(text)}
        app = self._table.app_of(text)
        self._samples.setdefault(app, text)
        fields = {name: said for name, said in named.items() if said}
        return Agent(fields, int(Flag.BOT) if self._bots.matches(text) else 0, is_machine(text), app)


def _columns(channel: str) -> dict[str, Any]:
    return dict(zip(TOUCH_FIELDS, (channel, *[""] * 6, False, False), strict=True))


def _as_touch(told: tuple[Any, ...]) -> Mapping[str, Any]:
    return dict(zip(TOUCH_FIELDS, told, strict=True))
