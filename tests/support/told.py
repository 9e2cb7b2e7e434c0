"""Events of one visitor told to an engine, minute by minute."""

from __future__ import annotations

from typing import Any

from afterclick.analyse.segments.happening import Happening
from afterclick.analyse.segments.state_machines import Setting
from afterclick.core import spans
from afterclick.decide.engine import Decision, Engine
from afterclick.decide.rules.book import RuleBook
from afterclick.store.automations import Journey, LiveRule, Show, Words
from afterclick.store.columns import Flag

START = 1_790_000_000_000_000
MINUTE = spans.MINUTE
SHOWN = Show(words=(Words(title="Hello"),))
DIRECT = {"channel": "direct", "source": None, "paid": False, "portal": False}
NAVER_AD = {"channel": "paid_search", "source": "naver", "medium": "cpc", "paid": True, "portal": True}
NAVER = {"channel": "organic_search", "source": "naver", "medium": "organic", "paid": False, "portal": True}


def live_rule(when: str, name: str = "r", **more: Any) -> LiveRule:
    """A rule that is on and shows something, unless it does something else."""
    does = {} if {"show", "enter", "emit", "call", "arms"} & more.keys() else {"show": SHOWN}
    return LiveRule(name=name, when=when, state="on", **(does | more))


def engine_of(*documents: LiveRule, journeys: tuple[Journey, ...] = (), **setting: Any) -> Engine:
    """An engine over these rules."""
    return Engine(RuleBook.compile(documents, journeys), Setting(direct=DIRECT, **setting))


class Visitor:
    """One visitor of an engine, whose events come a minute after one another unless `after` says otherwise."""

    def __init__(self, engine: Engine, key: str = "a:v") -> None:
        self.engine = engine
        self.memory = engine.fresh(key)
        self.at = START - MINUTE
        self.number = 0

    def does(self, name: str, after: int = MINUTE, *, live: bool = True, late: bool = False, **more: Any) -> list[Decision]:
        """One event; keyword arguments are properties, but for those of a happening."""
        self.at += after
        self.number += 1
        flags, touch, campaign = int(more.pop("flags", 0)), more.pop("touch", None), more.pop("campaign", 0)
        amount, order, stages = more.pop("amount", None), more.pop("order", ""), more.pop("stages", ())
        fields = {"event": name} | more | {f"properties.{key}": value for key, value in more.items()}
        one = Happening(self.at, frozenset({name}), fields, flags, touch, campaign, amount, order, stages)
        return self.engine.add(self.memory, one, f"e{self.number}", live=live, late=late)

    def views(self, after: int = MINUTE, **more: Any) -> list[Decision]:
        """A page view, from inside unless a touch is given."""
        more.setdefault("touch", {})
        flags = int(Flag.PAGE | Flag.CONTEXT | Flag.QUALIFYING) | int(more.pop("flags", 0))
        return self.does("Page Viewed", after, flags=flags, **more)

    def waits(self, span: int) -> list[Decision]:
        """Nothing happens for a while."""
        self.at += span
        return self.engine.tick(self.memory, self.at)
