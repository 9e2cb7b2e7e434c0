"""The rule language: what is read is written back alike, what is wrong is pointed at, and every rule can be said."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterclick.core import rule as rules
from afterclick.core import rule_terms as terms
from afterclick.core.errors import SpecError

GOOD = {
    'count("Product Viewed"[price >= 20000], 7d) >= 3': 'count("Product Viewed"[price >= 20000], 7d) >= 3',
    "count(Product Viewed) > 2 && !performed(Order Completed, 30d)": (
        'count("Product Viewed") > 2 && !(count("Order Completed", 30d) >= 1)'
    ),
    'since("Order Completed") > 720h': 'since("Order Completed") > 30d',
    "since(basket.abandoned_at) < 3d": "since(basket.abandoned_at) < 3d",
    'sequence(A then B within 7d same basket_id, 4w)': 'sequence("A" then "B" within 7d same basket_id, 28d)',
    'sequence("A" then not "B" within 7d)': 'sequence("A" then not "B" within 7d)',
    'reached("A" then "B" then "C" within 14d) >= 2': 'reached("A" then "B" then "C" within 14d) >= 2',
    'was(trait.plan == "gold", 30d) && trait["my plan"] in ["a", "b"]': (
        'was(trait.plan == "gold", 30d) && trait["my plan"] in ["a", "b"]'
    ),
    'last("Identified", plan).startsWith("g")': 'last("Identified", plan).startsWith("g")',
    'sum("Order Completed", revenue, 90d) >= 1e5': 'sum("Order Completed", revenue, 90d) >= 100000',
    "(session.paid || session.portal) && !(visitor.sessions != 1)": (
        "(session.paid || session.portal) && !(visitor.sessions != 1)"
    ),
    "basket.abandoned_at == null": "!has(basket.abandoned_at)",
    'count("X" same properties["basket id"]) >= 2': 'count("X" same properties["basket id"]) >= 2',
    '3 <= count("A")': 'count("A") >= 3',
    'member("VIPs 2026-09-30") && rfm.name in ["champions", "loyal"]': (
        'member("VIPs 2026-09-30") && rfm.name in ["champions", "loyal"]'
    ),
    'count("then"[path.contains("within 7d")]) == 1': 'count("then"[path.contains("within 7d")]) == 1',
}  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_what_is_read_is_written_back(text: str) -> None:
    rule = rules.parse(text)
    assert rule.text == GOOD[text]
    again = rules.parse(rule.text)
    assert again == rule
    assert hash(again) == hash(rule)
    assert again.terms == rule.terms


@pytest.mark.parametrize("text", GOOD)
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_every_rule_can_be_said(text: str, lang: str) -> None:
    said = rules.parse(text).words(lang)
    assert said
    assert "{" not in said
    assert "rule." not in said


@pytest.mark.parametrize(
    ("text", "en", "ko"),
    [
        ("!visitor.known", "no known visitor", "회원 아님"),
        ("session.portal == false", "no portal visit", "포털 방문 아님"),
        ('!performed("Order Completed")', "did not do “Order Completed”", "“Order Completed” 없음"),
        ('!(count("A") >= 2)', "not (number of “A” is at least 2)", "다음은 제외: (“A” 횟수가 2 이상)"),
        ("!(visitor.known && session.paid)", "not (known visitor and paid visit)", "다음은 제외: (회원 그리고 유료 방문)"),
    ],
)
def test_what_is_not_so_is_said_as_people_say_it(text: str, en: str, ko: str) -> None:
    assert [rules.parse(text).words(lang) for lang in ("en", "ko")] == [en, ko]


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_every_field_of_the_state_has_words_or_is_a_touch_field(lang: str) -> None:
    for field, kind in terms.STATE.items():
        if kind == "instant":
            assert rules.parse(f"since({field}) > 1d").words(lang)
        else:
            value = {"text": '"x"', "flag": "true", "span": "1h"}.get(kind, "1")
            assert rules.parse(f"{field} == {value}").words(lang)


WRONG = {
    "": ("character 1", ""),
    'count("A")': ("stands alone at character 1", ">= 3"),
    'count("A") >= 3d': ("a number, at character 12", "count"),
    'since("A") > 3': ("a span, at character 12", "30d"),
    "visitor.sesions > 2": ("character 1", "visitor.sessions"),
    'session.pages >= 1 && channel == "x"': ("character 23", "session.channel"),
    "properties.price > 3": ("character 1", "count("),
    "revenue > 3": ("character 1", "visitor.revenue"),
    "score.buy > 0.5": ("not available yet", "until then"),
    'arm.price == "b"': ("not available yet", "until then"),
    'sequence("A")': ("character 13", "then"),
    'sequence("A" then not "B")': ("without a span", "within"),
    'sequence("A" then "B" then not "C" within 1d)': ("more than one", "&&"),
    'sequence("A" then not "B" then "C" within 1d)': ("must not follow", "last"),
    'cuont("A") > 1': ("character 1", "count"),
    "session.paid > 3": ("true or false, at character 14", "session.paid"),
    'basket.value == "x"': ("an amount", "20000"),
    'sum("A") > 3': ("character 8", "revenue"),
    'count("A"[x == ]) > 1': ("character 16", "value"),
    'count("A", 7) > 1': ("character 12", "unit"),
    'count("A", 1.5d) > 1': ("whole", "36h"),
    'count("A", 0d) > 1': ("whole", "7d"),
    'count("A"[x == 1) > 2': ("character 17", "]"),
    'visitor.stage > "Close"': ("a text", "=="),
    "session.pages in [1, true]": ("a number", ">= 3"),
    'session.pages.contains("1")': ("no text", ">="),
    "was(visitor.known, 3d)": ("no condition of a trait", "trait.plan"),
    'was(trait.plan == "gold")': ("without a span", "30d"),
    "basket.abandoned_at > 3": ("an instant", "since(basket.abandoned_at)"),
    "since(visitor.sessions) > 3d": ("no instant", "_at"),
    "member(3) && true": ("character 8", "quotes"),
    'count("A") > 2 and count("B") > 1': ("character 16", "&&"),
    'count() > 1': ("character 7", "quotes"),
    "x" * 3000: ("ends too late", ""),
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_pointed_at(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        rules.parse(text)
    message, hint = WRONG[text]
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.path == "rule"


_STEPS = st.sampled_from(['"A"', '"B"[x >= 2]', '"Order Completed"[revenue > 10 && channel == "email"]'])
_SPANS = st.sampled_from(["30m", "12h", "7d", "2w"])
_LEAVES = st.one_of(
    st.builds('count({}, {}) >= {}'.format, _STEPS, _SPANS, st.integers(0, 9)),
    st.builds('since({}) <= {}'.format, _STEPS, _SPANS),
    st.builds('sequence({} then {} within {})'.format, _STEPS, _STEPS, _SPANS),
    st.builds('sequence({} then not {} within {}, 30d)'.format, _STEPS, _STEPS, _SPANS),
    st.builds('max({}, x, {}) < {}'.format, _STEPS, _SPANS, st.integers(-5, 5)),
    st.builds('was(trait.plan != "{}", {})'.format, st.sampled_from(["a", "한글"]), _SPANS),
    st.sampled_from(["session.portal", "visitor.known", "basket.value >= 20000", "has(basket.abandoned_at)", "true"]),
)  # fmt: skip
_RULES = st.recursive(
    _LEAVES,
    lambda part: st.one_of(
        st.builds("({}) && ({})".format, part, part),
        st.builds("({}) || ({})".format, part, part),
        st.builds("!({})".format, part),
    ),
    max_leaves=6,
)


@given(_RULES)
def test_any_rule_is_written_back_alike(text: str) -> None:
    rule = rules.parse(text)
    again = rules.parse(rule.text)
    assert (again.text, again.root, again.terms) == (rule.text, rule.root, rule.terms)


@given(st.text(max_size=60))
def test_any_text_is_a_rule_or_a_complaint(text: str) -> None:
    with contextlib.suppress(SpecError):
        rule = rules.parse(text)
        assert rules.parse(rule.text) == rule
