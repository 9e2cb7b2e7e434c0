"""What the log says that concerns messages: contacts, consent, merged visitors, calls that rules want, goals reached."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from afterclick.act.contacts import Contacts
from afterclick.act.outbox import table, telling, upkeep
from afterclick.act.outbox.intent import Intent
from afterclick.act.outbox.overtaken import Overtaken
from afterclick.decide.told import Decided, Merged, Told
from afterclick.store.automations import Journey, LiveRule, Send


class Hearing:
    """Keeps contacts and the outbox up to date with what the decider tells, within the caller's transaction."""

    def __init__(self, contacts: Contacts, rules: Sequence[LiveRule] = (), journeys: Sequence[Journey] = ()) -> None:
        self._contacts = contacts
        self._overtaken = Overtaken(())
        self.use(rules, journeys)

    def use(self, rules: Sequence[LiveRule], journeys: Sequence[Journey] = ()) -> None:
        """Rules whose `call` is made when they fire, and journeys whose goals call messages off."""
        self._calls = {rule.name: rule for rule in rules if rule.call}
        self._overtaken.use(journeys)

    def hear(self, tx: sqlite3.Connection, told: Iterable[Told]) -> None:
        """Take everything in, in its order; told twice it is taken in once."""
        for one in told:
            self._contacts.hear(tx, (one,))
            if isinstance(one, Merged):
                upkeep.merge(tx, one.into, one.gone)
            elif isinstance(one, Decided) and one.decision.kind == "call":
                self._call(tx, one)
            self._overtaken.hear(tx, (one,))

    def _call(self, tx: sqlite3.Connection, one: Decided) -> None:
        decision = one.decision
        rule = self._calls.get(decision.rule)
        if rule is None or decision.held_out:
            return
        send = Send(channel="webhook", to=rule.call, advertising=False, cost=rule.cost)
        values = {"run": {}, "rule": rule.name, "event_id": decision.event_id, "arm": decision.arm}
        intent = Intent(
            action_id=decision.action_id, visitor=decision.visitor, send=send, at=decision.at, rule=rule.name,
            arm=decision.arm, values=values,
        )  # fmt: skip
        table.plan(tx, intent)


def forget(tx: sqlite3.Connection, contacts: Contacts, visitors: Sequence[str], now: int) -> None:
    """Erase visitors from contacts, from the outbox and from what is still to be told; nothing more goes to them."""
    contacts.forget(tx, visitors)
    upkeep.forget(tx, visitors, now)
    telling.forget(tx, visitors)
