"""Conditions: what is read, what is refused and why, and what matches, row by row and by column."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from afterclick.core import condition, i18n, money
from afterclick.core.condition import NO_AMOUNT, Amounts, Coded, Condition, Flags, Numbers
from afterclick.core.condition_tree import quoted
from afterclick.core.errors import SpecError

PORTAL_RULE = (
    "session.pages >= 4 && visitor.sessions == 1 && session.portal && session.paid && !visitor.known"
)


def refused(text: object, **options: object) -> SpecError:
    with pytest.raises(SpecError) as found:
        condition.parse(text, **options)  # type: ignore[arg-type]
    assert found.value.path == "where"
    assert found.value.code == "bad_condition"
    return found.value


def read_or_refuse(text: str) -> Condition | SpecError:
    try:
        return condition.parse(text)
    except SpecError as error:
        return error


# -- reading and writing


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("revenue>=20000&&revenue<30000", "revenue >= 20000 && revenue < 30000"),
        ("20000 <= revenue", "revenue >= 20000"),
        ("'naver'!=source", 'source != "naver"'),
        ("a || b && c", "a || b && c"),
        ("(a || b) && c", "(a || b) && c"),
        ("((a)) && (b && (c))", "a && b && c"),
        ("!!a", "a"),
        ("!(!(a || b))", "a || b"),
        ("!(a == 1)", "!(a == 1)"),
        ("!a.contains('x')", '!a.contains("x")'),
        ("x == true", "x"),
        ("x != true", "x != true"),
        ("x == null", "!has(x)"),
        ("null != x", "has(x)"),
        ("!(x == null)", "has(x)"),
        ("x in [1, 1.0, 'a', true, 'a']", 'x in [1, "a", true]'),
        ("x == 1.50", "x == 1.5"),
        ("x == -0.0", "x == 0"),
        ("x == .5e2", "x == 50"),
        ("x == 1e30", "x == 1e+30"),
        ("true", "true"),
        ("!false", "true"),
        ('properties["coupon"]', "properties.coupon"),
        ('properties["coupon code"] == 1', 'properties["coupon code"] == 1'),
        ('properties["a.b c"].startsWith("x")', 'properties["a.b c"].startsWith("x")'),
        (r'path.matches(r"^/p/\d+$")', r'path.matches("^/p/\\d+$")'),
        ('x == "\\u00e9\\n"', 'x == "é\\n"'),
        ("x == '\u202e'", 'x == "\\u202e"'),
        ("쿠폰 == '여름'", '쿠폰 == "여름"'),
        ("properties.in && properties.true", "properties.in && properties.true"),
        ("a\n  &&\tb", "a && b"),
    ],
)
def test_canonical_text(given: str, canonical: str) -> None:
    read = condition.parse(given)
    assert read.text() == canonical
    assert str(read) == canonical
    assert condition.parse(canonical) == read


def test_equal_conditions_are_one_key_and_types_stay_apart() -> None:
    assert condition.parse("a==1 && b") == condition.parse("a == 1.0 && b")
    keys = {condition.parse(text) for text in ("x == 1", "x == true", 'x == "1"', "x == 1.0")}
    assert len(keys) == 3
    assert len({condition.parse("x in [1]"), condition.parse("x in [true]")}) == 2


def test_fields() -> None:
    assert condition.parse(PORTAL_RULE).fields == {
        "session.pages",
        "visitor.sessions",
        "session.portal",
        "session.paid",
        "visitor.known",
    }
    assert condition.parse("true").fields == frozenset()


@pytest.mark.parametrize(
    ("text", "at", "hint"),
    [
        ("", 1, "expected one such as revenue >= 20000"),
        ("   ", 4, "expected one such as"),
        ("revenue >= ]", 12, "expected a value"),
        ("revenue = 5", 9, "write =="),
        ("a == naver", 6, 'put a text in quotes: "naver"'),
        ("a and b", 3, "write &&"),
        ("a OR b", 3, "write ||"),
        ("a & b", 3, "write &&"),
        ("x not in [1]", 3, "write !"),
        ("not x", 5, "write !"),
        ("x is null", 3, "has(x)"),
        ("1 < x < 5", 7, "x > 1 && x < 5"),
        ("!x == 5", 4, "!(x == 1)"),
        ("!x in [5]", 4, "!(x == 1)"),
        ("!5 == x", 4, "!(x == 1)"),
        ('a == "x', 6, 'closing "'),
        ('a == "\\q"', 7, "expected \\\\"),
        ('a == "\\ud800"', 7, "surrogates"),
        ("a == “x”", 6, "straight quotes"),
        ('a.foo("x")', 1, "expected has(x), x.startsWith"),
        ('a.startswith("x")', 1, "did you mean 'startsWith'?"),
        ("a.contains(5)", 12, "text in quotes"),
        ('startsWith("x")', 1, 'path.startsWith("...")'),
        ('a.contains("x"', 15, "expected )"),
        ("x in 5", 6, "expected a list"),
        ("x in []", 7, "expected a value"),
        ("x in [1 2]", 9, "expected , or ]"),
        ("x in [null]", 7, "!has(x)"),
        ('"a" in x', 1, "expected a field"),
        ("x < null", 3, "has(x)"),
        ("x < true", 3, "== or !="),
        ("has x", 5, "has(field)"),
        ("has(x", 6, "expected )"),
        ("(a", 3, "expected )"),
        ("a)", 2, "&&, || or the end"),
        ("a == b.c", 6, "in quotes"),
        ("5", 2, "comparison with a field"),
        ("x == 20,000", 8, "without separators"),
        ("x == 1e999", 6, "40 digits"),
        ("x == " + "9" * 41, 6, "put an id in quotes"),
        ("x == 1e310", 6, "40 digits"),
        ("a.", 3, "name after the dot"),
        ("properties[coupon]", 12, "in quotes"),
        ("properties['']", 12, "in quotes"),
        ("null", 5, "comparison with a field"),
        ('x.matches("(")', 11, "RE2"),
        (r'x.matches("(a)\\1")', 11, "RE2"),
        ('x.matches("(?=a)")', 11, "RE2"),
        ('x.matches("((a{500}){500}){500}")', 11, "RE2"),
        (f'x.matches("{"a" * 201}")', 11, "at most 200"),
    ],
)
def test_refusal_names_character_and_expectation(text: str, at: int, hint: str) -> None:
    error = refused(text)
    assert error.message.endswith(f"at character {at}")
    assert hint in error.hint


def test_refusal_offset_and_path() -> None:
    with pytest.raises(SpecError, match="at character 14") as found:
        condition.parse("a ==", path="steps", offset=9)
    assert found.value.path == "steps"


def test_unknown_field_names_the_nearest() -> None:
    known = {"revenue", "channel", "properties.*"}
    assert refused("revenu > 1", fields=known).hint == "did you mean 'revenue'?"
    assert "expected one of channel, properties.*, revenue" in refused("zzz", fields=known).hint
    assert refused('has(chanel) && a.contains("x")', fields=known).message.endswith("at character 5")
    assert condition.parse("properties.anything && revenue > 1", fields=known).fields == {
        "properties.anything",
        "revenue",
    }
    assert refused("properties", fields=known).message.startswith("unknown field 'properties'")


def test_limits() -> None:
    longest = "x.contains('" + "a" * (2000 - 14) + "')"
    assert len(longest) == 2000
    assert condition.parse(longest).fields == {"x"}
    assert "2,001 characters" in refused(longest + " ").message
    dense = "&&".join(["a<1"] * 390)  # 1,948 characters as typed, more than 2,000 as written back
    assert "too long to be written back" in refused(dense).message
    condition.parse("(" * 20 + "x" + ")" * 20)
    assert "at most 20" in refused("(" * 21 + "x" + ")" * 21).hint
    assert "at most 20" in refused("!" * 21 + "x").hint
    assert "at most 20" in refused("(" * 20 + "x == null" + ")" * 20).hint


def test_list_limit() -> None:
    assert condition.parse("x in [" + ",".join(["1"] * 900) + "]").text() == "x in [1]"
    assert len(condition.parse(f"x in [{', '.join(map(str, range(400)))}]").fields) == 1
    listed = f"x in [{','.join(map(str, range(501)))}]"
    assert len(listed) < 2000
    assert "at most 500 values" in refused(listed).hint


@pytest.mark.parametrize("value", [None, 5, b"x", ["a"], object()])
def test_no_text(value: object) -> None:
    assert "a condition is text" in refused(value).message


@given(st.text(max_size=60) | st.text("()[]!&|<>=.,'\"\\ axin01rtue-", max_size=60))
@settings(max_examples=400, deadline=None)
def test_hostile_text_raises_nothing_else(text: str) -> None:
    read = read_or_refuse(text)
    if isinstance(read, SpecError):
        assert read.hint
        return
    assert condition.parse(read.text()) == read
    assert read.matches({}) in (True, False)
    assert all(read.words(lang) for lang in i18n.languages())


# -- matching one row


@pytest.mark.parametrize(
    ("text", "record", "expected"),
    [
        ("x == 1", {"x": 1}, True),
        ("x == 1", {"x": 1.0}, True),
        ("x == 1", {"x": "1.00"}, True),
        ("x == 1", {"x": Decimal("1.0")}, True),
        ("x == 0.1", {"x": 0.1}, True),
        ("x == 0.1", {"x": Decimal("0.1")}, True),
        ("x == 9007199254740993", {"x": 9007199254740993}, True),
        ("x == 9007199254740993", {"x": 9007199254740992}, False),
        ("x < 10", {"x": "9"}, True),
        ('x < "10"', {"x": "9"}, False),
        ('x == "42"', {"x": 42.0}, True),
        ('x == "abc"', {"x": 42.0}, False),
        ('x != "abc"', {"x": 42.0}, True),
        ("x == 1", {"x": "abc"}, False),
        ("x != 1", {"x": "abc"}, True),
        ("x < 1", {"x": "abc"}, False),
        ("x != 1", {}, False),
        ("x != 1", {"x": None}, False),
        ("x != 1", {"x": math.nan}, False),
        ("!(x == 1)", {}, True),
        ("!(x != 1)", {}, True),
        ("x in [1, 2]", {"x": "2"}, True),
        ("x in [1, 2]", {}, False),
        ("!(x in [1, 2])", {}, True),
        ("has(x)", {"x": ""}, True),
        ("has(x)", {"x": None}, False),
        ("x == null", {}, True),
        ("x != null", {"x": 0}, True),
        ("x", {"x": True}, True),
        ("x", {"x": "TRUE"}, True),
        ("x", {"x": 1}, True),
        ("x", {"x": "1"}, True),
        ("x", {"x": 2}, False),
        ("x", {}, False),
        ("!x", {}, True),
        ("x == false", {}, False),
        ("x == false", {"x": "false"}, True),
        ('x == "true"', {"x": True}, True),
        ("x == 1", {"x": True}, True),
        ('x.startsWith("/p")', {"x": "/p/1"}, True),
        ('x.startsWith("/P")', {"x": "/p/1"}, False),
        ('x.endsWith("1")', {"x": "/p/1"}, True),
        ('x.contains("")', {"x": ""}, True),
        ('x.contains("")', {}, False),
        ('x.contains("2")', {"x": 42.0}, True),
        ('x.endsWith(".0")', {"x": 42.0}, False),
        ('x.matches("^[a-c]+$")', {"x": "abc"}, True),
        ('x.matches("b")', {"x": "abc"}, True),
        ('x.matches("(?i)NAVER")', {"x": "www.naver.com"}, True),
        (r'x.matches("^\\p{Hangul}+$")', {"x": "여름"}, True),
        ('x.matches("a")', {"x": "\ud800a"}, True),
        ('x.contains("a")', {"x": ["a"]}, False),
        ("x == 1", {"x": [1]}, False),
        ("x != 1", {"x": [1]}, True),
        ("has(x)", {"x": []}, True),
        ("x == 1", {"x": np.int64(1)}, True),
        ("x", {"x": np.bool_(True)}, True),
        ("x == 5", {"x": np.float32(5)}, True),
        ("x > 5", {"x": math.inf}, True),
        ('x == "１"', {"x": 1}, False),
        ("x == 1", {"x": "1_0"}, False),
        ("x == 1", {"x": "nan"}, False),
        ("properties.coupon", {"properties": {"coupon": True}}, True),
        ("properties.coupon", {"properties.coupon": True}, True),
        ("properties.a.b == 1", {"properties": {"a.b": 1}}, True),
        ("properties.a.b == 1", {"properties": {"a": {"b": 1}}}, True),
        ("properties.a.b == 1", {"properties": {"a": 5}}, False),
        ('properties["coupon code"] == "x"', {"properties": {"coupon code": "x"}}, True),
        ("true", {}, True),
        ("false || x", {}, False),
    ],
)
def test_matches(text: str, record: dict[str, object], expected: bool) -> None:
    assert condition.parse(text).matches(record) is expected


def test_source_rules() -> None:
    portal = condition.parse(PORTAL_RULE)
    row = {
        "session": {"pages": 4, "portal": True, "paid": True},
        "visitor": {"sessions": 1, "known": False},
    }
    assert portal.matches(row)
    assert not portal.matches({**row, "visitor": {"sessions": 2, "known": False}})
    assert not portal.matches({**row, "visitor": {"sessions": 1, "known": True}})
    assert not portal.matches({**row, "session": {"pages": 3, "portal": True, "paid": True}})
    assert not portal.matches({**row, "session": {"pages": 4, "portal": True, "paid": False}})
    basket = condition.parse("basket.value >= 20000 && basket.value < 30000")
    values = [Decimal(12000), Decimal(21000), Decimal(36000), Decimal(21000), Decimal("29999.9999")]
    assert [basket.matches({"basket.value": value}) for value in values] == [False, True, False, True, True]


def test_pattern_cannot_hang() -> None:
    hostile = condition.parse(f'x.matches("{"a?" * 60}{"a" * 60}b")')
    assert hostile.matches({"x": "a" * 60}) is False
    assert condition.parse('x.matches("(a|a)*b|(.*)*c")').matches({"x": "a" * 5000}) is False


# -- matching columns

TEXTS = ["", "a", "ab", "5", "5.0", "-3", "1e2", "true", "False", "naver", "여름", "0.1", "\ud800"]
NUMBERS = [0.0, -0.0, 1.0, 5.0, 0.1, 0.30000000000000004, -3.0, 100.0, 1e300, math.inf, -math.inf, 2.5]
MINORS = [0, 1, 10_000, 50_000, 1_000, -30_000, 1_000_000, 12_345, 2**63 - 1, -(2**63) + 1]
FIELDS = ("text", "number", "amount", "flag", "nowhere")


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[dict[str, object]], dict[str, condition.Column], int]:
    """Rows, and the same as columns."""
    n = draw(st.integers(0, 12))
    book = draw(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=20, unique=True))
    codes = draw(st.lists(st.integers(-1, len(book) - 1), min_size=n, max_size=n))
    some = st.sampled_from([*NUMBERS, None]) | st.floats(allow_nan=False)
    numbers = draw(st.lists(some, min_size=n, max_size=n))
    minor = st.sampled_from([*MINORS, NO_AMOUNT]) | st.integers(-(10**14), 10**14)
    amounts = draw(st.lists(minor, min_size=n, max_size=n))
    flags = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    rows: list[dict[str, object]] = [
        {
            "text": book[codes[i]] if codes[i] >= 0 else None,
            "number": numbers[i],
            "amount": None if amounts[i] == NO_AMOUNT else money.to_decimal(amounts[i]),
            "flag": flags[i],
        }
        for i in range(n)
    ]
    columns: dict[str, condition.Column] = {
        "text": Coded(np.array(codes, dtype=np.int32), book),
        "number": Numbers(np.array([math.nan if x is None else x for x in numbers], dtype=np.float64)),
        "amount": Amounts(np.array(amounts, dtype=np.int64)),
        "flag": Flags(np.array(flags, dtype=np.bool_)),
    }
    return rows, columns, n


def _literal() -> st.SearchStrategy[str]:
    numbers = st.sampled_from(
        ["0", "5", "-3", "1e2", "0.1", "1.23451", "922337203685477.5807", "1e18", "-1e18"]
    )
    numbers |= st.integers(-(10**15), 10**15).map(str)
    texts = st.sampled_from([repr(text) for text in TEXTS if text.isprintable()]) | st.just('"100"')
    return numbers | texts | st.decimals(-99999, 99999, places=5).map(str)


def _leaf() -> st.SearchStrategy[str]:
    field = st.sampled_from(FIELDS)
    op = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    search = st.sampled_from(['startsWith("a")', 'endsWith("0")', 'contains(".")', 'matches("^[0-9.]+$")'])
    return st.one_of(
        st.builds("{} {} {}".format, field, op, _literal()),
        st.builds("{1} {2} {0}".format, field, _literal(), op),
        st.builds(
            "{} {} {}".format,
            field,
            st.sampled_from(["==", "!="]),
            st.sampled_from(["true", "false", "null"]),
        ),
        st.builds("{} in [{}]".format, field, st.lists(_literal(), min_size=1, max_size=4).map(", ".join)),
        st.builds("{} in [true, {}]".format, field, _literal()),
        st.builds("{}.{}".format, field, search),
        st.builds("has({})".format, field),
        field,
        st.sampled_from(["true", "false"]),
    )


def _tree(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({})".format, inner),
        st.builds("!({})".format, inner),
        st.lists(inner, min_size=2, max_size=3).map(" && ".join),
        st.lists(inner, min_size=2, max_size=3).map("||".join),
    )


conditions = st.recursive(_leaf(), _tree, max_leaves=6)


@given(conditions, tables())
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_mask_is_the_rows_that_match(
    text: str, table: tuple[list[dict[str, object]], dict[str, condition.Column], int]
) -> None:
    rows, columns, n = table
    read = condition.parse(text)
    mask = read.mask(columns, n)
    assert mask.dtype == np.bool_
    assert mask.tolist() == [read.matches(row) for row in rows]


@given(conditions)
@settings(max_examples=300, deadline=None)
def test_round_trip(text: str) -> None:
    read = condition.parse(text)
    again = condition.parse(read.text())
    assert again == read
    assert hash(again) == hash(read)
    assert again.text() == read.text()
    for lang in i18n.languages():
        assert read.words(lang)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
@settings(deadline=None)
def test_any_text_can_be_a_literal_and_a_property(text: str) -> None:
    same = condition.parse(f"x == {quoted(text)}")
    assert same.matches({"x": text})
    assert condition.parse(same.text()) == same
    if text:
        field = condition.parse(f"properties[{quoted(text)}] == 1")
        assert field.fields == {f"properties.{text}"}
        assert condition.parse(field.text()) == field
        assert field.matches({"properties": {text: 1}})


def test_money_is_compared_exactly() -> None:
    amounts = np.array([199_999_999, 200_000_000, 200_000_001, NO_AMOUNT], dtype=np.int64)
    columns = {"revenue": Amounts(amounts)}

    def hits(text: str) -> list[bool]:
        return condition.parse(text).mask(columns, 4).tolist()

    assert hits("revenue >= 20000") == [False, True, True, False]
    assert hits("revenue > 20000") == [False, False, True, False]
    assert hits("revenue == 20000") == [False, True, False, False]
    assert hits("revenue != 20000") == [True, False, True, False]
    assert hits("revenue < 20000.00005") == [True, True, False, False]
    assert hits("revenue <= 20000.00005") == [True, True, False, False]
    assert hits("revenue == 20000.00005") == [False, False, False, False]
    assert hits("revenue != 20000.00005") == [True, True, True, False]
    assert hits("revenue < 1e300") == [True, True, True, False]
    assert hits("revenue > 1e300") == [False, False, False, False]
    assert hits("revenue >= -1e300") == [True, True, True, False]
    assert hits("revenue in [20000, 19999.9999]") == [True, True, False, False]


def test_only_used_codes_are_looked_at() -> None:
    class Book(list[str]):
        asked = 0

        def __getitem__(self, index: object) -> str:  # type: ignore[override]
            Book.asked += 1
            return list.__getitem__(self, index)  # type: ignore[index]

    book = Book(str(i) for i in range(1000))
    column = Coded(np.array([7, -1, 7, 9], dtype=np.int32), book)
    assert condition.parse("x < 8").mask({"x": column}, 4).tolist() == [True, False, True, False]
    assert Book.asked == 2


def test_mask_without_rows() -> None:
    columns = {
        "a": Coded(np.array([], dtype=np.int32), []),
        "b": Numbers(np.array([])),
        "c": Amounts(np.array([], dtype=np.int64)),
        "d": Flags(np.array([], dtype=np.bool_)),
    }
    for text in ('a == "x"', 'b.contains("1")', 'c.matches("1")', "d", "!e", "c in [1]"):
        assert condition.parse(text).mask(columns, 0).tolist() == []


# -- words


@pytest.mark.parametrize(
    ("text", "en", "ko"),
    [
        ('source in ["naver", "google"]', "source is naver or google", "소스가 naver 또는 google"),
        ("revenue >= 20000", "revenue is at least 20,000", "매출이 20,000 이상"),
        ("revenue < 0.005", "revenue is under 0.005", "매출이 0.005 미만"),
        ('channel == "paid_search"', "channel is paid search", "채널이 검색 광고"),
        ('channel != "email"', "channel is not email", "채널이 이메일 외"),
        ("session.paid", "paid visit: yes", "유료 유입: 예"),
        ("session.paid != true", "paid visit: no", "유료 유입: 아니요"),
        ("has(properties.coupon)", "coupon is known", "coupon 있음"),
        ("x == null", "x is missing", "x 없음"),
        ('path.startsWith("/p q")', "page starts with “/p q”", "페이지가 “/p q”(으)로 시작"),
        ("!(os in [1, true])", "not (operating system is 1 or true)", "다음은 제외: (운영체제가 1 또는 참)"),
        ("a && (b || c)", "a: yes and (b: yes or c: yes)", "a: 예 그리고 (b: 예 또는 c: 예)"),
        ("true", "everything", "전체"),
        (
            "x in [1,2,3,4,5,6,7]",
            "x is one of 1, 2, 3, 4, 5 and 2 more",
            "x이(가) 1, 2, 3, 4, 5 외 2개 중 하나",
        ),
    ],
)
def test_words(text: str, en: str, ko: str) -> None:
    read = condition.parse(text)
    assert read.words() == en
    assert read.words("ko") == ko
