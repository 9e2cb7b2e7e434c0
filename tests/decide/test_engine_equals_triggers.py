"""One engine over many rules fires what one trigger per rule does: event by event, by time alone, packed or not."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.analyse.segments.happening import Happening
from afterclick.analyse.segments.state_machines import Setting
from afterclick.analyse.segments.stream import Stream
from afterclick.core import rule as rules
from afterclick.decide.engine import Engine
from afterclick.decide.memory import Memory
from afterclick.decide.rules.book import RuleBook
from afterclick.store.automations import LiveRule, Show
from support.triggers import Trigger
from support.visitor_events import DIRECT, D, H, events
from support.visitor_events import rules as some_rules

SETTING = Setting(direct=DIRECT)
ONCE = ["session", "visitor", "ever", "1h", "2d"]


def engine_of(*documents: LiveRule) -> Engine:
    return Engine(RuleBook.compile(documents), SETTING)


def rule_of(text: str, number: int = 0, once: str = "visitor", **more: object) -> LiveRule:
    return LiveRule(name=f"rule {number}", when=text, once=once, state="on", show=Show(), **more)  # type: ignore[arg-type]


def expected(text: str, once: str, told: list[Happening], until: int) -> list[int]:
    """The instants at which a trigger of its own fires, asked at every event and at every turn of time."""
    trigger = Trigger(Stream(rules.parse(text), SETTING), once)
    found: list[int] = []
    moment = told[0].at
    for one in [*told, None]:
        end = one.at if one else until
        while (turn := trigger.stream.turn(moment)) <= end:
            moment = turn
            fired = trigger.tick(moment)
            found += [fired.at] if fired else []
        if one:
            moment = one.at
            fired = trigger.add(one)
            found += [fired.at] if fired else []
    return found


def fired(engine: Engine, told: list[Happening], until: int, packed: frozenset[int] = frozenset()) -> dict[str, list[int]]:
    memory: Memory = engine.fresh("a:v")
    found: dict[str, list[int]] = {}
    for number, one in enumerate(told):
        if number in packed:
            memory = engine.unpack(memory.pack())
        for decision in engine.add(memory, one, f"e{number}", live=True, late=False):
            found.setdefault(decision.rule, []).append(decision.at)
    for decision in engine.tick(memory, until):
        found.setdefault(decision.rule, []).append(decision.at)
    return found


@settings(max_examples=150, deadline=None)
@given(events(), st.lists(st.tuples(some_rules, st.sampled_from(ONCE)), min_size=1, max_size=6), st.sets(st.integers(0, 24)))
def test_an_engine_fires_what_one_trigger_per_rule_fires(told, texts, packed) -> None:
    documents = [rule_of(text, number, once) for number, (text, once) in enumerate(texts)]
    engine, until = engine_of(*documents), told[-1].at + 3 * D
    found = fired(engine, told, until, frozenset(packed))
    for number, (text, once) in enumerate(texts):
        assert found.get(f"rule {number}", []) == expected(text, once, told, until), (text, once)


def asked_at(text: str, once: str, name: str, told: list[Happening]) -> list[int]:
    """The numbers of the events of this name at which a rule that is `on` it fires."""
    stream, found = Stream(rules.parse(text), SETTING), []
    every = 0 if once in ("session", "visitor", "ever") else {"1h": H, "2d": 2 * D}[once]
    last: tuple[int, int] | None = None
    for number, one in enumerate(told):
        stream.add(one)
        sessions = stream.state.visits.sessions
        if name not in one.names or not stream.holds(one.at):
            continue
        if last is None or (one.at - last[0] >= every if every else once == "session" and sessions != last[1]):
            last = one.at, sessions
            found.append(number)
    return found


NAMES = ["Page Viewed", "A", "Order Completed", "Identified"]


@settings(max_examples=100, deadline=None)
@given(
    events(), st.lists(st.tuples(some_rules, st.sampled_from(ONCE), st.sampled_from(NAMES)), min_size=1, max_size=5),
    st.booleans(),
)  # fmt: skip
def test_rules_that_name_events_fire_at_these_while_they_hold_however_many_there_are(told, texts, crowded) -> None:
    documents = [rule_of(text, n, once, on=(name,)) for n, (text, once, name) in enumerate(texts)]
    if crowded:
        documents += [rule_of(f"visitor.events > {1_000 + n}", 100 + n, on=tuple(NAMES)) for n in range(50)]
    engine, found = engine_of(*documents), {}
    memory = engine.fresh("a:v")
    for number, one in enumerate(told):
        for decision in engine.add(memory, one, f"e{number}", live=True, late=False):
            found.setdefault(decision.rule, []).append(number)
    for n, (text, once, name) in enumerate(texts):
        assert found.get(f"rule {n}", []) == asked_at(text, once, name, told), (text, once, name)
