"""Ten thousand rules beside one another: what an event costs is what it changes, not how many rules there are."""

from __future__ import annotations

from msgspec import structs

from afterclick.decide.rules.book import RuleBook
from afterclick.store.automations import Entry, Journey, Node, Send, Words
from support.told import SHOWN, Visitor, engine_of, live_rule

MANY = 10_000


def asked(engine) -> list[int]:
    """Notes the number of each condition that is asked from now on."""
    found: list[int] = []
    tests = engine.book.conditions.tests

    def noting(number: int, test):
        def note(values) -> bool:
            found.append(number)
            return test(values)

        return note

    tests[:] = [noting(number, test) for number, test in enumerate(tests)]
    return found


def test_case_87_of_ten_thousand_rules_on_one_event_only_those_are_asked_that_may_have_changed() -> None:
    engine = engine_of(*(live_rule(f"session.pages >= {n + 2} && !visitor.known", f"r{n}") for n in range(MANY)))
    found, visitor = asked(engine), Visitor(engine)
    fired = [[one.rule for one in visitor.views()] for _ in range(6)]
    assert fired == [[], *[[f"r{n}"] for n in range(5)]]
    assert len(found) <= 12


def test_case_87_ten_thousand_rules_that_name_one_event_are_asked_when_something_changes_for_them() -> None:
    rules = (live_rule(f"visitor.events >= {n + 3} && !visitor.known", f"r{n}", on=("Page Viewed",)) for n in range(MANY))
    engine = engine_of(*rules)
    found, visitor = asked(engine), Visitor(engine)
    fired = [[one.rule for one in visitor.views()] for _ in range(5)]
    assert fired == [[], [], ["r0"], ["r1"], ["r2"]]
    assert len(found) <= 12


def test_case_87_ten_thousand_conditions_of_one_event_are_found_by_what_they_want_of_it() -> None:
    engine = engine_of(*(live_rule(f'count("Viewed"[sku == "s{n}"], 7d) >= 2', f"r{n}") for n in range(MANY)))
    found, visitor = asked(engine), Visitor(engine)
    assert visitor.does("Viewed", sku="s77") == []
    assert [one.rule for one in visitor.does("Viewed", sku="s77")] == ["r77"]
    assert len(visitor.memory.machines) == 1
    assert len(found) <= 2


def test_rules_of_other_events_are_not_looked_at_and_take_no_room() -> None:
    texts = {f"E{n}": f'count("E{n}", 7d) >= 1 && session.pages >= 2' for n in range(500)}
    engine = engine_of(*(live_rule(text, f"r{name[1:]}", on=(name,)) for name, text in texts.items()))
    found, visitor = asked(engine), Visitor(engine)
    for _ in range(5):
        assert visitor.views() == []
    assert found == []
    assert visitor.memory.machines == {}
    assert [one.rule for one in visitor.does("E7")] == ["r7"]
    assert len(found) == 1


def test_equal_terms_and_conditions_are_there_once() -> None:
    book = RuleBook.compile([live_rule('count("A", 7d) >= 2 && visitor.known', f"r{n}") for n in range(50)])
    assert (len(book.asked), len(book.conditions.tests), len(book.running)) == (2, 1, 50)


def test_a_term_is_kept_as_far_as_any_rule_looks() -> None:
    texts = ['count("A", 7d) >= 2', 'count("A", 7d) == 6', 'count("A") > 9']
    book = RuleBook.compile([live_rule(text, f"r{n}") for n, text in enumerate(texts)])
    assert book.terms == {'count("A", 7d) #7', 'count("A")'}


def test_what_every_book_keeps_needs_no_learning() -> None:
    assert RuleBook.compile([live_rule("session.pages >= 3 && basket.value > 5 && visitor.known")]).terms == frozenset()


def test_traits_that_messages_say_are_kept_though_no_rule_asks() -> None:
    show = structs.replace(SHOWN, words=(Words(title="Hello {{ visitor.first_name }}", body="{{visitor['size of shoe']}}"),))
    send = Node(send=Send(channel="email", words=(Words(body='{{ visitor["plan"] | upcase }} {{ visitors.x }}'),)))
    journey = Journey(name="J", state="on", entry=Entry(event="A"), steps=(send,))
    rule = live_rule("visitor.pages >= 99", show=show)
    other = structs.replace(show, words=(Words(body="{{ visitor.age }}"),))
    draft = structs.replace(rule, name="draft", state="draft", show=other)
    book = RuleBook.compile([rule, draft], [journey])
    assert set(book.bounds.traits) == {"first_name", "size of shoe", "plan"}
    assert book.terms == {"trait.first_name", 'trait["size of shoe"]', "trait.plan"}
    visitor = Visitor(engine_of(rule, journeys=(journey,)))
    visitor.does("Identified", first_name="Kim", other="x")
    assert visitor.engine.unpack(visitor.memory.pack()).state.traits == {"first_name": [(visitor.at, "Kim")]}


def test_the_fingerprint_is_of_what_changes_decisions_alone() -> None:
    rule = live_rule("session.pages >= 3", holdout_rate=0.1)
    book = RuleBook.compile([rule])
    same = structs.replace(rule, show=structs.replace(SHOWN, words=(Words(title="Other"),)), tested="x", cost=3.0)
    assert RuleBook.compile([same]).fingerprint == book.fingerprint
    for other in (
        structs.replace(rule, when="session.pages >= 4"), structs.replace(rule, once="visitor"),
        structs.replace(rule, holdout_rate=0.2), structs.replace(rule, on=("A",)), structs.replace(rule, on_since=5),
    ):  # fmt: skip
        assert RuleBook.compile([other]).fingerprint != book.fingerprint
    journey = Journey(name="J", state="on", entry=Entry(event="A", when="visitor.known"))
    assert RuleBook.compile([rule], [journey]).fingerprint != book.fingerprint
    assert RuleBook.compile([rule, structs.replace(rule, name="draft", state="draft")]).fingerprint == book.fingerprint


def test_paused_journeys_are_still_asked_but_bring_nobody_in() -> None:
    journey = Journey(name="J", state="paused", entry=Entry(when='performed("A")'))
    visitor = Visitor(engine_of(journeys=(journey,)))
    assert visitor.does("A") == []
    assert visitor.engine.holds(visitor.memory, 'performed("A")', visitor.at)
    assert RuleBook.compile([], [structs.replace(journey, state="draft")]).watch == {}
