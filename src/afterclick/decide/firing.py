"""From conditions that have come true to decisions: once, group, cooldown, hold-out, arm, and the bounds of emitting."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from afterclick.core import spans
from afterclick.decide.decision import Decision
from afterclick.decide.memory import Memory, Open
from afterclick.decide.rules.book import RuleBook
from afterclick.decide.rules.running import Running

MOST_GENERATIONS: Final = 3
"""Rules that may stand behind one another's events."""

MOST_EMITTED: Final = 1_000
"""Events that one rule makes in an hour."""


_micros: Final = lru_cache(1 << 10)(spans.micros)


class Cause(NamedTuple):
    """Why rules are looked at: the event, or "" for time alone, and how many rules stand behind it."""

    at: int
    event_id: str
    generation: int


class Firing:
    """Decides for one book. `report` counts per rule what became of it, `emitted` the events of the running hour."""

    def __init__(self, book: RuleBook) -> None:
        self.book = book
        self.report: dict[str, dict[str, int]] = {}
        self.emitted: dict[str, tuple[int, int]] = {}

    def count(self, rule: str, what: str) -> None:
        """One more."""
        counts = self.report.setdefault(rule, {})
        counts[what] = counts.get(what, 0) + 1

    def fire(self, memory: Memory, found: Iterable[Running], cause: Cause) -> list[Decision]:
        """What those rules call for, whose conditions have come true: the most urgent first, of each group one at most."""
        decisions: list[Decision] = []
        taken: set[str] = set()
        for one in sorted(found, key=lambda rule: rule.order):
            if not one.may(memory.guards.get(one.key), cause.at, memory.session):
                continue
            refusal = self._refusal(memory, one, cause, taken)
            if refusal:
                self.count(one.name, f"suppressed.{refusal}")
                continue
            if one.rule.group:
                taken.add(one.rule.group)
            decisions.append(self._decide(memory, one, cause))
        return decisions

    def _refusal(self, memory: Memory, one: Running, cause: Cause, taken: set[str]) -> str:
        if cause.at < one.since:
            return "not_on_yet"
        if one.rule.group in taken:
            return "group"
        if one.cooldown and self._last(memory, one) > cause.at - one.cooldown:
            return "cooldown"
        if one.kind != "emit":
            return ""
        if cause.generation >= MOST_GENERATIONS:
            return "generation"
        hour, emitted = self.emitted.get(one.name, (0, 0))
        return "hourly" if cause.at // spans.HOUR <= hour and emitted >= MOST_EMITTED else ""

    def _last(self, memory: Memory, one: Running) -> int:
        """When the rule, or any of its group, fired last."""
        keys = self.book.groups.get(one.rule.group)
        if keys is None:
            guard = memory.guards.get(one.key)
            return -(2**62) if guard is None else guard[0]
        return max((at for key, (at, _) in memory.guards.items() if key in keys), default=-(2**62))

    def _decide(self, memory: Memory, one: Running, cause: Cause) -> Decision:
        if not one.always:
            memory.guards[one.key] = (cause.at, memory.session)
        held_out = one.held_out(memory.key)
        arm, show = one.arm(memory.key)
        shown = one.kind == "show" and not held_out and show is not None
        expires_at = cause.at + _micros(show.ttl) if shown and show is not None else 0
        decision = Decision(
            action_id=action_id(one, memory.key, cause), rule=one.name, visitor=memory.key, at=cause.at,
            event_id=cause.event_id, kind=one.kind, arm=arm, held_out=held_out, expires_at=expires_at,
            generation=cause.generation + 1 if one.kind == "emit" else cause.generation,
        )  # fmt: skip
        if shown:
            memory.offer(
                Open(decision.action_id, one.key, cause.at, expires_at, arm, decision.generation)
            )
        if one.kind == "emit":
            self._emitted(one.name, cause.at // spans.HOUR)
        if one.kind != "watch":
            self.count(one.name, "held_out" if held_out else "fired")
        return decision

    def _emitted(self, rule: str, hour: int) -> None:
        known, emitted = self.emitted.get(rule, (hour, 0))
        self.emitted[rule] = (known, emitted + 1) if hour <= known else (hour, 1)

    def restore(self, emitted: Mapping[str, tuple[int, int]]) -> None:
        """Go on counting where another engine stopped."""
        self.emitted = {rule: (hour, number) for rule, (hour, number) in emitted.items()}


def action_id(one: Running, visitor: str, cause: Cause) -> str:
    """24 hex digits that are the same whenever this is decided again."""
    why = cause.event_id or str(cause.at)
    text = "\0".join((one.kind, one.name, visitor, why))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]
