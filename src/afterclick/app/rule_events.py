"""What a decision leaves in the log: the event that a rule sends, the arm of its hold-out, that who is held out got nothing."""

from __future__ import annotations

import hashlib
from typing import Any

from afterclick.act.gate.verdict import HOLDOUT, TREATED
from afterclick.collect.wire.canonical import Canonical
from afterclick.core import names
from afterclick.core.event import RULE
from afterclick.decide.decision import Decision
from afterclick.store.automations import LiveRule


def events_of(decision: Decision, rule: LiveRule) -> list[Canonical]:
    """Events with ids that follow from the decision: deciding again after a crash brings the same ones."""
    about: dict[str, Any] = {"action_id": decision.action_id, "rule": rule.name}
    found = []
    if rule.holdout_rate:
        arm = {"experiment": f"{HOLDOUT}:rule:{rule.name}", "variant": HOLDOUT if decision.held_out else TREATED}
        found.append(_event(decision, names.EXPERIMENT_VIEWED, about | arm))
    if decision.held_out:
        found.append(_event(decision, names.MESSAGE_SUPPRESSED, about | {"reason": HOLDOUT, "channel": _channel(decision)}))
    elif decision.kind == "emit":
        found.append(_event(decision, rule.emit, about | {"generation": decision.generation}))
    return found


def _channel(decision: Decision) -> str:
    return {"show": "onsite", "call": "webhook"}.get(decision.kind, decision.kind)


def _event(decision: Decision, name: str, properties: dict[str, Any]) -> Canonical:
    space, _, known = decision.visitor.partition(":")
    told = "\x1f".join((decision.action_id, name))
    return Canonical(
        event_id=hashlib.sha256(told.encode()).hexdigest()[:32],
        type=RULE,
        event=names.canonical(name),
        raw_event=name,
        anonymous_id=known if space == "a" else None,
        user_id=known if space == "u" else None,
        properties=properties,
        original_at=decision.at,
        occurred_at=decision.at,
        received_at=decision.at,
    )
