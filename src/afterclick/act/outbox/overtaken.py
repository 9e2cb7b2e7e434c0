"""Messages that still wait when their journey's goal is reached, or the visitor leaves it: they are not sent any more."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from afterclick.act.channels import onsite
from afterclick.act.outbox import table, telling
from afterclick.act.outbox.intent import UNPACK, Intent
from afterclick.core import clock
from afterclick.core.errors import SpecError
from afterclick.core.step import ANY_EVENT, Step
from afterclick.decide.told import Heard, Told
from afterclick.store.automations import Journey

_ENTERED: Final = (
    "SELECT max(e.entered) FROM entries e JOIN journeys j ON j.journey = e.journey"
    " WHERE e.visitor = ? AND j.name = ? AND e.entered <= ?"
)
_ONSITE: Final = (
    "SELECT s.intent FROM onsite o JOIN sends s ON s.action_id = o.action_id AND s.channel = 'onsite'"
    " WHERE o.visitor = ? AND NOT o.ended"
)


class Overtaken:
    """Hears what the decider tells, within the caller's transaction: a message held over night, or until its journey goes
    on, must not ask for what was bought meanwhile. What waits for the next page counts as sent; it is not shown any more.
    """

    def __init__(self, journeys: Iterable[Journey], now: Callable[[], int] = clock.now, *, rehearsed: bool = False) -> None:
        """`rehearsed`: there is no page and nobody to tell, only the count of messages."""
        self._now = now
        self._rehearsed = rehearsed
        self.use(journeys)

    def use(self, journeys: Iterable[Journey]) -> None:
        """The journeys as they are from now on."""
        self._ends: dict[str, list[tuple[str, str, Step]]] = {}
        for journey in journeys:
            for reason, texts in (("goal", journey.goal), ("leave", journey.leave)):
                for step in _steps(texts):
                    self._ends.setdefault(step.event, []).append((journey.name, reason, step))

    def hear(self, tx: sqlite3.Connection, told: Iterable[Told]) -> None:
        """Take everything in, in its order; told twice it is taken in once."""
        for one in told:
            if isinstance(one, Heard) and (reached := self._reached(one)):
                self._call_off(tx, one, reached)

    def _reached(self, one: Heard) -> dict[str, str]:
        """The journeys that an event ends, with the reason."""
        ends = self._ends
        named = [end for name in (*one.happening.names, ANY_EVENT) for end in ends.get(name, ())]
        # What is a goal as well as a reason to leave is a goal, as for the runs.
        return {name: reason for name, reason, step in reversed(named) if one.happening.serves(step)} if named else {}

    def _call_off(self, tx: sqlite3.Connection, one: Heard, reached: dict[str, str]) -> None:
        for message in table.waiting(tx, one.visitor):
            reason = reached.get(message.intent.journey)
            if reason and self._is_behind(tx, one, message.intent):
                now = self._now()
                table.stop(tx, message, "suppressed", now, reason)
                if not self._rehearsed:
                    telling.end(tx, message.intent, "suppressed", now, reason, "", message.attempt)
        if self._rehearsed:
            return
        for (body,) in tx.execute(_ONSITE, (one.visitor,)).fetchall():
            intent = UNPACK.decode(body)
            if intent.journey in reached and self._is_behind(tx, one, intent):
                onsite.end(tx, intent.action_id)

    def _is_behind(self, tx: sqlite3.Connection, one: Heard, intent: Intent) -> bool:
        """Whether the event happened after the visitor came into the journey, as far as that is known."""
        entered = tx.execute(_ENTERED, (one.visitor, intent.journey, intent.at)).fetchone()[0]
        return one.at > (intent.at if entered is None else int(entered))


def _steps(texts: Sequence[str]) -> Iterator[Step]:
    for text in texts:
        try:
            yield Step.parse(text, path="goal")
        except SpecError:
            # The journey cannot be read, which is told where journeys are.
            continue
