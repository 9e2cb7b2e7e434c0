"""One rule as it runs: when it may fire again, what it does, and under which short name visitors remember it."""

from __future__ import annotations

from typing import Final

from afterclick.core import spans
from afterclick.decide.decision import Decision, Kind
from afterclick.decide.draws import draw, pick
from afterclick.decide.rules.asked import short
from afterclick.store.automations import LiveRule, Show

EVERY_EDGE: Final = "always"
"""`once` of the rules that journeys bring: their own rules of coming back decide."""


class Running:
    """A compiled rule. `number` is its place in the book, `condition` that of what it waits for.

    `every` > 0 is the span of `once`; with 0 it fires once per session, or once at all.
    """

    def __init__(self, number: int, rule: LiveRule, condition: int, kind: Kind) -> None:
        self.number = number
        self.rule = rule
        self.name = rule.name
        self.condition = condition
        self.kind = kind
        self.key = short(rule.name)
        self.always = rule.once == EVERY_EDGE
        named = rule.once in ("session", "visitor", "ever", EVERY_EDGE)
        self.every = 0 if named else spans.micros(rule.once)
        self.session = rule.once == "session"
        self.cooldown = spans.micros(rule.cooldown) if rule.cooldown else 0
        self.since = rule.on_since * 1000
        self.order = (-rule.priority, number)
        self._shares = [arm.weight for arm in rule.arms]

    def may(self, guard: tuple[int, int] | None, at: int, session: int) -> bool:
        """Whether `once` lets it fire at an instant in a session, by when and in which session it fired last."""
        if guard is None or self.always:
            return True
        if self.every:
            return at - guard[0] >= self.every
        return self.session and session != guard[1]

    def held_out(self, visitor: str) -> bool:
        """Whether this visitor gets nothing, for the comparison."""
        rate = self.rule.holdout_rate
        return rate > 0 and draw(f"holdout:{self.name}", visitor) < rate

    def arm(self, visitor: str) -> tuple[str, Show | None]:
        """The version a visitor gets, always the same, and what it shows; nothing in an arm without a show."""
        if not self.rule.arms:
            return "", self.rule.show
        arm = self.rule.arms[pick(self._shares, draw(f"arms:{self.name}", visitor))]
        return arm.name, arm.show

    def shown(self, decision: Decision) -> Show | None:
        """What a decision of this rule shows."""
        if not self.rule.arms:
            return self.rule.show
        return next((arm.show for arm in self.rule.arms if arm.name == decision.arm), None)
