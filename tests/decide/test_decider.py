"""Decisions are a fold over the log: restarts, shards, merges, savings and re-learning change none of them."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.collect.wire.canonical import Canonical
from afterclick.core import spans
from afterclick.decide.decider import Decider
from afterclick.decide.decision import Decision
from afterclick.decide.engine import Engine
from afterclick.decide.fold import Fold
from afterclick.decide.people import People
from afterclick.decide.reading import EventReader
from afterclick.decide.rules.book import RuleBook
from afterclick.decide.states_file import StatesFile
from afterclick.decide.told import Decided, Heard, Merged, Told
from afterclick.store.automations import Arm, LiveRule, Show, Words
from afterclick.store.definitions import Definitions

MINUTE = spans.MINUTE
START = 1_789_997_600_000_000
MEANT = Definitions(own_domains=("shop.example",))
SHOW = Show(words=(Words(body="Hi"),))
Call = tuple[int, int, list[Canonical]]


def rule(name: str, when: str, **more: object) -> LiveRule:
    given = {"show": SHOW, "state": "on"} | more
    return LiveRule(name=name, when=when, **given)  # type: ignore[arg-type]


RULES = (
    rule("pages", "session.pages >= 3"),
    rule("basket", "basket.value >= 20000 && basket.value < 30000", once="session"),
    rule("often", 'count("Product Added", 10m) >= 2', once="7d", emit="Keen", show=None),
    rule("left", 'sequence("Product Added" then not "Order Completed" within 30m)', once="ever", holdout_rate=0.3),
    rule("bought", "visitor.orders >= 1", on=("Page Viewed",), once="visitor"),
    rule("known", "visitor.known && visitor.sessions >= 1", once="ever"),
    rule("quiet", "since(visitor.last_seen_at) > 2h", once="7d"),
)


def book(rules: Sequence[LiveRule] = RULES) -> RuleBook:
    return RuleBook.compile(rules, (), MEANT)


def fold(rules: Sequence[LiveRule] = RULES, hot: int = 3) -> Fold:
    return Fold(book(rules), MEANT, most_hot=hot)


def one(number: int, at: int, name: str, device: str, user: str = "", **more: object) -> Canonical:
    page = name == "Page Viewed"
    return Canonical(
        event_id=f"e{number:05d}", type="page" if page else "track", event=name, raw_event=None if page else name,
        anonymous_id=device or None, user_id=user or None, url="https://shop.example/" if page else None,
        properties=dict(more), occurred_at=at, received_at=at,
    )  # fmt: skip


def calls(seed: int, count: int = 60, devices: int = 6) -> list[Call]:
    """Calls of one to four events, some by people who log in on a second device."""
    draw, now, number, found = random.Random(seed), START, 0, []
    for seq in range(1, count + 1):
        now += draw.choice([1, 5, 20, 40, 200]) * MINUTE // 2
        events = []
        for _ in range(draw.choice([1, 1, 1, 2, 4])):
            number += 1
            device = draw.randrange(devices)
            name = draw.choice(["Page Viewed", "Page Viewed", "Product Added", "Product Removed", "Order Completed"])
            more = {"product_id": "p1", "price": draw.choice([5_000, 11_000])} if name.startswith("Product") else {}
            user = f"u{device % 3}" if draw.random() < 0.12 else ""
            behind = draw.choice([0, 0, 0, 1, 3, 9])
            event = one(number, now - behind * MINUTE, name, f"d{device}", user, **more)
            event.received_at = now
            events.append(event)
        found.append((seq, now, events))
    return found


def run(decider: Decider, given: Sequence[Call]) -> None:
    for seq, at, events in given:
        decider.take(seq, at, "web", events)


def heard(decider: Decider) -> list[Told]:
    told: list[Told] = []
    decider.listen(told.extend)
    return told


def decided(told: Sequence[Told]) -> list[Decision]:
    return sorted((t.decision for t in told if isinstance(t, Decided)), key=lambda d: (d.at, d.action_id))


def straight(given: Sequence[Call], rules: Sequence[LiveRule] = RULES) -> list[Decision]:
    decider = Decider(fold(rules, hot=1000))
    told = heard(decider)
    run(decider, given)
    decider.tick(given[-1][1])
    return decided(told)


def test_every_kind_of_rule_fires_in_what_follows() -> None:
    found = [d for seed in range(6) for d in straight(calls(seed, 120))]
    assert {d.rule for d in found} == {r.name for r in RULES}
    assert any(d.held_out for d in found)
    assert any(not d.event_id for d in found)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 59), max_size=4), st.booleans())
def test_restarts_at_any_place_change_no_decision(tmp_path_factory, seed: int, stops: list[int], lost: bool) -> None:
    given_calls = calls(seed)
    file = StatesFile(tmp_path_factory.mktemp("s"))
    decider = Decider(fold())
    told: list[Told] = []
    decider.listen(told.extend)
    saved_at = 0
    for place, call in enumerate(given_calls):
        run(decider, [call])
        if place % 7 == 0:
            decider.tick(call[1])
        if place in stops:
            if not (lost and place % 2):
                changes = decider.saving("m", 0)
                assert changes is not None
                file.save(changes, anew=not saved_at)
                saved_at = place + 1
            decider = Decider(restored(file) if saved_at else fold())
            decider.listen(told.extend)
            run(decider, given_calls[decider.position : place + 1])
    decider.tick(given_calls[-1][1])
    assert list({d.action_id: d for d in decided(told)}.values()) == straight(given_calls)


def restored(file: StatesFile) -> Fold:
    kept = file.load()
    assert kept is not None
    people = People()
    people.restore(kept.people)
    again = Fold(book(), MEANT, people=people, reader=EventReader(MEANT, kept.note.learnt), most_hot=3)
    again.load(kept.states)
    again.engine.restore(kept.note.tallies)
    again.position = kept.note.position
    return again


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 4))
def test_shards_over_components_of_visitors_decide_as_one(seed: int, shards: int) -> None:
    given_calls = calls(seed)
    found: list[Decision] = []
    for shard in range(shards):
        decider = Decider(fold())
        told = heard(decider)
        for seq, at, events in given_calls:
            # Devices of one user id are of one component; ids d and u agree modulo three.
            decider.take(seq, at, "web", [e for e in events if int(str(e.anonymous_id)[1:]) % 3 % shards == shard])
        decider.tick(given_calls[-1][1])
        found += decided(told)
    assert sorted(found, key=lambda d: (d.at, d.action_id)) == straight(given_calls)


def test_ticks_at_any_time_change_no_decision() -> None:
    given_calls = calls(3)
    decider = Decider(fold())
    told = heard(decider)
    draw = random.Random(1)
    before = START
    for seq, at, events in given_calls:
        decider.tick(draw.randint(before, at - 1) if at - 1 > before else before)
        decider.take(seq, at, "web", events)
        before = at
    decider.tick(given_calls[-1][1])
    assert decided(told) == straight(given_calls)


def test_a_call_that_was_taken_is_taken_once() -> None:
    given_calls = calls(5)
    decider = Decider(fold())
    told = heard(decider)
    for call in given_calls:
        run(decider, [call, call])
    decider.tick(given_calls[-1][1])
    assert decided(told) == straight(given_calls)
    assert len([t for t in told if isinstance(t, Heard)]) == sum(len(events) for *_, events in given_calls)


def test_case_78_a_late_event_is_folded_and_fires_nothing() -> None:
    for late, wanted in ((0, ["three"]), (6 * MINUTE, [])):
        decider = Decider(fold([rule("three", "visitor.pages >= 3")]))
        told = heard(decider)
        for number in range(3):
            event = one(number, START + number * MINUTE, "Page Viewed", "d")
            event.received_at = event.occurred_at + late
            decider.take(number + 1, event.received_at, "web", [event])
        assert [d.rule for d in decided(told)] == wanted
        assert decider.values("a:d", "visitor.pages >= 3", START + spans.HOUR) == {"visitor.pages": 3}


def test_an_offer_stands_until_it_is_acknowledged_or_its_time_is_over() -> None:
    words = (Words(lang="ko", body="안녕"), Words(lang="en", body="Hello {{ basket.value }}"))
    arms = (Arm(name="a", weight=1.0, show=Show(kind="slot", placement="top", words=words, ttl="10m")),)
    decider = Decider(fold([rule("hello", "session.pages >= 1", show=None, arms=arms)]))
    (decision,) = decider.take(1, START, "web", [one(1, START, "Page Viewed", "d")])
    assert decider.offers("d", "", START + MINUTE) == []
    (offer,) = decider.offers("d", "", START + MINUTE, ["top"], ["en-US"])
    assert (offer.action_id, offer.content["body"], offer.ttl_s) == (decision.action_id, "Hello {{ basket.value }}", 600)
    assert offer.experiment == {"id": "hello", "arm": "a"}
    assert decider.offers("d", "", START + MINUTE, ["top"], ["ko"])[0].content["body"] == "안녕"
    assert decider.offers("d", "", START + 11 * MINUTE, ["top"]) == []
    decider.take(2, START + 2, "web", [one(2, START + 2, "Message Delivered", "d", action_id=decision.action_id)])
    assert decider.offers("d", "", START + MINUTE, ["top"]) == []


def test_an_offer_survives_a_merge_and_a_restart(tmp_path) -> None:
    rules = [rule("hello", "session.pages >= 1")]
    decider = Decider(fold(rules))
    (first,) = decider.take(1, START, "web", [one(1, START, "Page Viewed", "d1")])
    told = heard(decider)
    decider.take(2, START + 1, "web", [one(2, START + 1, "Page Viewed", "d0", "u")])
    decider.take(3, START + 2, "web", [one(3, START + 2, "Thing", "d1", "u")])
    assert Merged(3, "a:d1", "a:d0") in told
    assert first.action_id in {offer.action_id for offer in decider.offers("d0", "", START + 3)}


def test_other_rules_take_effect_at_once_and_nothing_fires_for_what_is_true_already() -> None:
    first, second = rule("three", "visitor.pages >= 3"), rule("two", "visitor.pages >= 2", once="ever")
    decider = Decider(fold([first]))
    told = heard(decider)
    for number in range(2):
        decider.take(number + 1, START + number, "web", [one(number, START + number, "Page Viewed", "d")])
    assert not decided(told)
    decider.use(book([second]))
    decider.tick(START + MINUTE)
    decider.take(3, START + 2 * MINUTE, "web", [one(3, START + 2 * MINUTE, "Page Viewed", "d")])
    decider.take(4, START + 3 * MINUTE, "web", [one(4, START + 3 * MINUTE, "Page Viewed", "e"),
                                                one(5, START + 3 * MINUTE, "Page Viewed", "e")])  # fmt: skip
    assert [(d.rule, d.visitor) for d in decided(told)] == [("two", "a:e")]


def test_bots_and_events_of_nobody_have_no_state() -> None:
    decider = Decider(fold())
    robot = one(1, START, "Page Viewed", "d")
    robot.user_agent = "Googlebot/2.1"
    decider.take(1, START, "web", [robot, one(2, START, "Page Viewed", "")])
    assert decider.size["visitors"] == 0


def test_forgetting_takes_every_id_of_a_visitor(tmp_path) -> None:
    decider = Decider(fold())
    decider.take(1, START, "web", [one(1, START, "Page Viewed", "d1", "secret-user"), one(2, START, "Page Viewed", "d2")])
    changes = decider.saving("m", 0)
    assert changes is not None
    file = StatesFile(tmp_path)
    file.save(changes, anew=True)
    assert b"secret-user" in file.path.read_bytes()
    assert decider.forget(["u:secret-user"]) == ["a:d1"]
    file.forget(["a:d1"], ["a:d1", "u:secret-user"])
    assert decider.visitor("d1") == decider.visitor("", "secret-user") == ""
    assert decider.size["visitors"] == 1
    assert b"secret-user" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    kept = file.load()
    assert kept is not None
    assert list(kept.states) == ["a:d2"]


@pytest.mark.parametrize("harm", [b"", b"no database at all", None])
def test_a_damaged_file_is_as_good_as_none(tmp_path, harm: bytes | None) -> None:
    decider = Decider(fold())
    run(decider, calls(1))
    changes = decider.saving("m", 0)
    assert changes is not None
    file = StatesFile(tmp_path)
    file.save(changes, anew=True)
    assert file.load() is not None
    whole = file.path.read_bytes()
    file.path.write_bytes(whole[: len(whole) // 2] if harm is None else harm)
    assert file.load() is None
    file.save(changes)
    kept = file.load()
    assert kept is not None
    assert kept.note.position == decider.position


def test_a_saving_is_of_one_moment_while_events_go_on() -> None:
    given_calls = calls(9)
    decider = Decider(fold(hot=50))
    run(decider, given_calls[:30])
    wanted = decider.saving("m", 0)
    again = Decider(fold(hot=50))
    run(again, given_calls[:30])
    memories = again._fold.memories  # type: ignore[union-attr]
    memories.begin_picture()
    run(again, given_calls[30:])
    found = None
    while found is None:
        found = memories.picture(1)
    assert wanted is not None
    assert found == {key: packed for key, (_, packed) in wanted.states.items()}


def test_an_event_that_our_own_code_stumbles_over_keeps_no_other_from_being_decided(monkeypatch) -> None:
    decider = Decider(fold([rule("two", "visitor.pages >= 2")]))
    told = heard(decider)
    read = EventReader.happening

    def stumbling(self, event, *more):
        if event.event_id == "e00001":
            raise ValueError("unheard of")
        return read(self, event, *more)

    monkeypatch.setattr(EventReader, "happening", stumbling)
    for number in range(3):
        decider.take(number + 1, START + number, "web", [one(number, START + number, "Page Viewed", "d")])
    assert [d.rule for d in decided(told)] == ["two"]
    assert (decider.size["skipped"], decider.position) == (1, 3)


def test_a_visitor_our_own_code_stumbles_over_keeps_no_other_from_time_and_merges(monkeypatch) -> None:
    decider = Decider(fold([rule("gone", 'since("Page Viewed") > 1h')]))
    told = heard(decider)
    for number, device in enumerate(("bad", "good", "other")):
        decider.take(number + 1, START + number, "web", [one(number, START + number, "Page Viewed", device)])
    tick = Engine.tick

    def stumbling(self, memory, at):
        if memory.key == "a:bad":
            raise TypeError("unheard of")
        return tick(self, memory, at)

    monkeypatch.setattr(Engine, "tick", stumbling)
    decider.tick(START + 2 * spans.HOUR)
    assert sorted(d.visitor for d in decided(told)) == ["a:good", "a:other"]
    at = START + 3 * spans.HOUR
    decider.take(4, at, "web", [one(4, at, "Page Viewed", "good", "u1")])
    decider.take(5, at + 1, "web", [one(5, at + 1, "Page Viewed", "bad", "u1")])
    assert [(each.into, each.gone) for each in told if isinstance(each, Merged)] != []
    assert decider.visitor("bad") == decider.visitor("good")
    assert decider.size["skipped"] >= 1
