"""What is said of a rule before it is on: in words, beside its field, in both languages."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from afterclick.core import i18n
from afterclick.core.condition_values import find_pattern
from afterclick.core.errors import SpecError
from afterclick.decide.rules.book import RuleBook
from afterclick.decide.rules.checking import check_rules
from afterclick.store.automations import Entry, Journey, LiveRule, Show, Words
from afterclick.store.definitions import Definitions

SHOWN = Show(words=(Words(title="Hello"),))
DEFINITIONS = Definitions()


def found(*rules: LiveRule, journeys: tuple[Journey, ...] = (), **known: object) -> list[tuple[str, str, str]]:
    """(level, path, text id) of each problem; each is said in both languages on the way."""
    problems = check_rules(rules, journeys, DEFINITIONS, **known)  # type: ignore[arg-type]
    for problem in problems:
        for lang in ("en", "ko"):
            assert i18n.text(lang, problem.message_id, **problem.params)
    return [(problem.level, problem.path, problem.message_id.removeprefix("rule_problems.")) for problem in problems]


def rule(when: str, name: str = "r", **more: object) -> LiveRule:
    return LiveRule(name=name, when=when, **({"show": SHOWN} | more))  # type: ignore[arg-type]


def test_a_fine_rule_has_no_problems() -> None:
    fine = rule('count("Product Viewed"[price >= 20000], 7d) >= 3 && session.paid')
    assert found(fine, known_fields=["price"], known_events=["Product Viewed"]) == []


@pytest.mark.parametrize(
    ("when", "what"),
    [
        ("session.page >= 4", "did you mean 'session.pages'?"),
        ('member("VIPs") && visitor.known', "compares with other visitors"),
        ("rfm.recency >= 4", "compares with other visitors"),
        ('count("A", 1d) >= 5000', "at most 1,000 events in a span"),
        (r'last("A", path).matches("(a)\\1")', "RE2"),
        ("score.churn > 0.5", "not available yet"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_the_place_and_what_to_do(when: str, what: str) -> None:
    problems = check_rules([rule(when)], [], DEFINITIONS)
    assert [(problem.level, problem.path) for problem in problems] == [("error", "when")]
    assert what in i18n.text("en", problems[0].message_id, **problems[0].params)


def test_case_86_patterns_are_re2_so_that_none_can_hang_the_server() -> None:
    """`(a+)+$` is read in a time linear in the text; what RE2 cannot do is refused."""
    assert found(rule('last("A", path).matches("(a+)+$")')) == []
    assert find_pattern("(a+)+$", ["a" * 50_000 + "!"]).tolist() == [False]
    assert found(rule('last("A", path).matches("(?=a)b")')) == [("error", "when", "cannot_read")]


@pytest.mark.parametrize(
    "when", ["!" * 10_000 + "visitor.known", *("(" * n + "visitor.known" + ")" * n for n in (10_000, 900, 33))]
)
def test_case_87_a_rule_of_depth_10000_is_refused_and_nothing_recurses(when: str) -> None:
    assert found(rule(when)) == [("error", "when", "cannot_read")]


def test_case_87_a_rule_of_too_many_parts_is_refused() -> None:
    assert found(rule(" && ".join(f"visitor.pages != {n}" for n in range(70)))) == [("error", "when", "too_many_parts")]
    inside = " || ".join(f"x == {n}" for n in range(70))
    assert found(rule(f'count("A"[{inside}]) > 1')) == [("error", "when", "too_many_parts")]


@pytest.mark.parametrize(
    "when",
    ["false", "visitor.known && false", "visitor.pages > 5 && visitor.pages < 3", "visitor.pages >= 3 && visitor.pages < 3",
     'count("A") < 0', 'trait.plan == "a" && trait.plan == "b"', "visitor.known && visitor.known == false", "!true",
     "session.pages == 2 && session.pages != 2", "false || basket.value < 0"],
)  # fmt: skip
def test_a_condition_nobody_can_meet_is_refused(when: str) -> None:
    assert found(rule(when)) == [("error", "when", "never")]


@pytest.mark.parametrize("when", ["visitor.pages > 5 || visitor.pages == 3", "visitor.revenue < 0", "session.pages == 2"])
def test_a_condition_somebody_can_meet_is_not(when: str) -> None:
    assert found(rule(when)) == []


@pytest.mark.parametrize("when", ["true", "!visitor.known", "session.pages >= 1", 'session.channel != "email"'])
def test_a_rule_that_holds_for_everybody_at_once_is_warned_of(when: str) -> None:
    assert found(rule(when)) == [("warning", "when", "everybody")]


@pytest.mark.parametrize("when", ['session.channel == "direct"', "session.pages >= 2", 'performed("A")'])
def test_a_rule_that_narrows_is_not(when: str) -> None:
    assert found(rule(when)) == []


def test_everybody_is_asked_at_the_events_of_the_rule() -> None:
    assert found(rule('performed("Exit Intent")', on=("Exit Intent",))) == [("warning", "when", "everybody")]


def test_events_and_fields_nobody_has_sent_are_warned_of_with_the_nearest() -> None:
    problems = check_rules(
        [rule('performed("Product Veiwed"[properties.prize > 3])', on=("Page Viewed", "Exit Intend"))], [], DEFINITIONS,
        ["price", "event"], {"Product Viewed"},
    )  # fmt: skip
    said = [i18n.text("en", problem.message_id, **problem.params) for problem in problems]
    assert [(problem.level, problem.path) for problem in problems] == [
        ("warning", "when"), ("warning", "when"), ("warning", "on"),
    ]  # fmt: skip
    assert "did you mean 'Product Viewed'?" in said[0]
    assert "did you mean 'price'?" in said[1]
    assert "did you mean 'Exit Intent'?" in said[2]


def test_stages_that_are_not_there_are_warned_of() -> None:
    assert found(rule('visitor.stage == "Closing"')) == [("warning", "when", "unknown_stage")]
    assert found(rule('visitor.stage in ["Close", "Delight"]')) == []


def test_what_a_rule_does_must_be_there() -> None:
    when = 'performed("A")'
    assert found(rule(when, show=None, enter="Welcome")) == [("error", "enter", "no_journey")]
    journey = Journey(name="Welcome", entry=Entry(event="A"))
    assert found(rule(when, show=None, enter="Welcome"), journeys=(journey,)) == [("warning", "enter", "journey_not_on")]
    assert found(rule(when, show=None, emit="order completed")) == [("error", "emit", "counted_event")]
    assert found(rule(when, show=None, emit="Message Sent")) == [("error", "emit", "counted_event")]
    assert found(rule(when, show=None, call="ftp://x")) == [("error", "call", "no_address")]
    assert found(rule(when, show=Show())) == [("error", "show", "no_words")]


def emits(name: str, when: str, event: str, **more: object) -> LiveRule:
    return rule(when, name, show=None, emit=event, **more)


def test_rules_that_make_one_anothers_events_are_refused() -> None:
    first = emits("first", 'count("Y") >= 1', "X")
    second = emits("second", "visitor.pages >= 2", "Y", on=("X",))
    assert found(first, second) == [("error", "emit", "circle")] * 2
    assert found(first) == []
    assert found(emits("self", 'since("X") <= 1h', "X")) == [("error", "emit", "circle")]
    assert found(emits("any", "visitor.pages >= 2", "X", on=("*",))) == [("error", "emit", "circle")]


def test_a_rule_that_hears_what_its_own_holdout_tells_is_refused() -> None:
    for name in ("Message Suppressed", "Experiment Viewed"):
        hears = rule("visitor.pages >= 2", on=(name,), once="1h")
        assert found(hears) == []
        assert found(replace(hears, holdout_rate=0.1)) == [("error", "on", "circle_held")]
    assert found(replace(rule("visitor.pages >= 2", on=("*",), once="1h"), holdout_rate=0.1)) == []


def test_a_circle_that_fires_once_per_visitor_is_only_warned_of() -> None:
    first = emits("first", 'count("Y") >= 1', "X", once="ever")
    second = emits("second", "visitor.pages >= 2", "Y", on=("X",))
    assert found(first, second) == [("warning", "emit", "circle_ends")] * 2


def test_ten_thousand_rules_in_one_long_chain_are_looked_at_without_recursion() -> None:
    chain = [emits(f"r{n}", f'performed("E{n}")', f"E{n + 1}", on=(f"E{n}",)) for n in range(2_000)]
    assert {what for _, _, what in found(*chain)} == {"everybody"}
    closed = [*chain, emits("last", 'performed("E2000")', "E0", on=("E2000",))]
    assert sum(what == "circle" for _, _, what in found(*closed)) == 2_001


def test_a_book_refuses_what_the_check_refuses_and_names_the_rule() -> None:
    with pytest.raises(SpecError, match="unknown field") as refused:
        RuleBook.compile([rule("true", state="on"), rule("session.page > 3", "b", state="on")])
    assert refused.value.path == "rules[1].when"
    assert RuleBook.compile([rule("session.page > 3")]).rules == ()
