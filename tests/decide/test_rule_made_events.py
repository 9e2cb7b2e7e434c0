"""What a rule makes is nothing that somebody did: it changes no visit, and reports stay as they were."""

from __future__ import annotations

import msgspec

import afterclick
from afterclick import Kpi, Reconcile
from afterclick.app.rule_events import events_of
from afterclick.core.event import RULE, Event
from afterclick.decide.decision import Decision
from afterclick.store.automations import LiveRule, Show, Words

DAY = 86_400_000_000
AT = 1_760_000_000_000_000


def test_both_arms_of_a_holdout_are_told_when_a_rule_decides() -> None:
    rule = LiveRule(name="Offer", when="session.pages >= 4", show=Show(words=(Words(title="Hello"),)), holdout_rate=0.5)
    decision = Decision(action_id="a" * 24, rule="Offer", visitor="a:v1", at=AT, event_id="e", kind="show")
    about = {"action_id": "a" * 24, "rule": "Offer"}
    arm = about | {"experiment": "holdout:rule:Offer"}
    (treated,) = events_of(decision, rule)
    assert (treated.event, treated.properties) == ("Experiment Viewed", arm | {"variant": "treated"})
    viewed, suppressed = events_of(msgspec.structs.replace(decision, held_out=True), rule)
    assert (viewed.event, viewed.properties) == ("Experiment Viewed", arm | {"variant": "holdout"})
    assert suppressed.event == "Message Suppressed"
    assert suppressed.properties == about | {"reason": "holdout", "channel": "onsite"}
    assert viewed.event_id != suppressed.event_id
    assert events_of(decision, msgspec.structs.replace(rule, holdout_rate=0.0)) == []


def test_an_event_by_time_alone_opens_no_visit(tmp_path) -> None:
    rule = LiveRule(name="gone quiet", when='since("Page Viewed") >= 30d', emit="Gone Quiet", state="on")
    decision = Decision(action_id="a" * 24, rule=rule.name, visitor="a:v1", at=AT + 30 * DAY, event_id="", kind="emit")
    (made,) = events_of(decision, rule)
    assert made.type == RULE
    page = Event(event_id="p", type="page", event="Page Viewed", anonymous_id="v1", url="https://shop.example/", occurred_at=AT)
    emitted = Event(
        event_id=made.event_id, type=made.type, event=made.event, raw_event=made.raw_event, anonymous_id=made.anonymous_id,
        occurred_at=made.occurred_at, properties=made.properties,
    )  # fmt: skip
    figures: list[dict[str, object]] = []
    for number, events in enumerate(([page], [page, emitted])):
        with afterclick.open(tmp_path / str(number), write=True, create=True) as shop:
            assert shop.append(events) == len(events)
            found = shop.ask(Kpi(range="all", compare="none")).figures
            figures.append({name: found[name] for name in found if name != "events"})
            agreed = shop.ask(Reconcile(range="all")).figures
            assert agreed["ok"] == agreed["lines"] - agreed["unchecked"] > 10
    assert figures[0] == figures[1]
    assert figures[0]["sessions"] == 1
