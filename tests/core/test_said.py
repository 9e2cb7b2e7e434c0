"""Sentences by their id: said in every language, inside one another, in errors, and for what msgspec and RE2 refuse."""

from __future__ import annotations

import pickle
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from afterclick.core import condition, spans
from afterclick.core.condition_values import find_pattern
from afterclick.core.errors import PLACED, SpecError, nearest, nearest_or_known
from afterclick.core.mismatch import mismatch
from afterclick.core.pattern_faults import pattern_fault
from afterclick.core.said import Said, say


def test_a_sentence_is_said_in_each_language_with_what_stands_in_it() -> None:
    one = Said("refusals.no_board", name="주간\n")
    assert one.say() == str(one) == "there is no board '주간\\n'"
    assert one.say("ko") == "'주간\\n' 보드를 찾을 수 없습니다"
    assert (say(one, "ko"), say("as it is", "ko"), say("", "ko")) == (one.say("ko"), "as it is", "")
    assert one.say("xx") == one.say("en")
    with pytest.raises(KeyError):
        Said("refusals.nothing_of_this_name").say()


def test_sentences_stand_in_sentences_and_lists() -> None:
    inner = Said("refusals.no_condition")
    outer = Said("refusals.at_character", message=inner, n=3)
    assert outer.say() == "no condition at character 3"
    assert outer.say("ko") == "조건이 비어 있습니다 (3번째 글자)"
    listed = Said("refusals.known_boards", names=["Week", Said("refusals.none_yet")])
    assert (listed.say(), listed.say("ko")) == ("boards: Week, none yet", "사용할 수 있는 보드: Week, 아직 없음")


def test_equal_sentences_are_equal() -> None:
    one, same, other = (Said("refusals.no_board", name=name) for name in ("A", "A", "B"))
    assert (one == same, one == other, one == "x", len({one, same, other})) == (True, False, False, 2)
    assert repr(one) == "Said('refusals.no_board', name='A')"


def test_an_error_says_the_same_in_every_language() -> None:
    error = SpecError(Said("refusals.no_board", name="A"), hint=Said("refusals.name_board"), path="name")
    assert (error.message, str(error), error.hint) == ("there is no board 'A'", "there is no board 'A'", "name the board")
    assert (error.say("ko"), error.advise("ko")) == ("'A' 보드를 찾을 수 없습니다", "보드를 고르세요")
    assert error.to_dict("ko") == {
        "code": "bad_field", "message": "'A' 보드를 찾을 수 없습니다", "hint": "보드를 고르세요", "path": "name",
    }  # fmt: skip
    again = pickle.loads(pickle.dumps(error))
    assert (again.message, again.advise("ko"), again.path) == (error.message, error.advise("ko"), "name")
    plain = SpecError("only in English", hint="so is this")
    assert (plain.say("ko"), plain.advise("ko"), plain.to_dict()["message"]) == ("only in English", "so is this", plain.message)


def test_a_place_stands_before_it_but_for_who_fills_in_a_form() -> None:
    error = SpecError(Said(PLACED, place="rules[3].once", message=Said("refusals.no_once", once="x")), path="rules[3].once")
    assert error.message == "rules[3].once: 'x' is no scope"
    assert (error.say_plainly("en"), error.say_plainly("ko")) == ("'x' is no scope", "'x' 값은 실행 횟수의 기준이 아닙니다")
    assert SpecError("as it is").say_plainly("ko") == "as it is"


def test_the_nearest_name_or_all_there_are() -> None:
    assert nearest("reveneu", ["revenue", "orders"]) == Said("refusals.nearest", name="revenue")
    assert nearest("xyz", ["revenue"]) == ""
    assert say(nearest_or_known("reveneu", ["revenue"], "refusals.fields_here"), "ko") == "'revenue'인가요?"
    assert say(nearest_or_known("xyz", ["b", "a", "c"], "refusals.fields_here", 2)) == "fields: b, a"
    assert say(nearest_or_known("xyz", [], "refusals.fields_here")) == "fields: none yet"


class Every(msgspec.Struct, forbid_unknown_fields=True):
    whole: Annotated[int, Meta(ge=1, le=5)] = 1
    share: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    text: Annotated[str, Meta(min_length=1, max_length=3)] = "a"
    span: Annotated[str, Meta(pattern=spans.DURATION_PATTERN)] = "1d"
    clock: Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "10:00"
    form: Annotated[str, Meta(pattern="^x")] = "x"
    choice: Literal["a", "b"] = "a"
    many: Annotated[tuple[int, ...], Meta(min_length=1, max_length=2)] = (1,)
    named: Annotated[dict[str, int], Meta(max_length=1)] = {}
    maybe: int | None = None


@pytest.mark.parametrize(
    ("given", "path", "english", "korean"),
    [
        ({"whole": "x"}, "whole", "expected a whole number, not a text", "정수 값이 필요한데 텍스트 값이 왔습니다"),
        ({"maybe": True}, "maybe", "expected a whole number or nothing, not true or false", "정수 또는 빈 값 값이"),
        ({"whole": 0}, "whole", "expected 1 or more", "1 이상이어야 합니다"),
        ({"whole": 9}, "whole", "expected 5 or less", "5 이하여야 합니다"),
        ({"share": 0}, "share", "expected more than 0", "0보다 커야 합니다"),
        ({"share": 1}, "share", "expected less than 1", "1보다 작아야 합니다"),
        ({"text": ""}, "text", "expected 1 character or more", "1자 이상이어야 합니다"),
        ({"text": "abcd"}, "text", "expected at most 3 characters", "최대 3자까지 쓸 수 있습니다"),
        ({"span": "soon"}, "span", "write a number with a unit: 30m, 12h, 7d, 2w", "숫자 뒤에 단위를 붙이세요"),
        ({"clock": "noon"}, "clock", "write a time such as 10:00", "10:00처럼 시각을 쓰세요"),
        ({"form": "y"}, "form", "it is written in another way", "형식이 맞지 않습니다"),
        ({"choice": "c"}, "choice", "'c' is none of the choices", "'c' 값은 고를 수 없습니다"),
        ({"many": []}, "many", "expected 1 entry or more", "1개 이상이어야 합니다"),
        ({"many": [1, 2, 3]}, "many", "expected at most 2 entries", "최대 2개까지 쓸 수 있습니다"),
        ({"many": [1, "x"]}, "many[1]", "expected a whole number, not a text", "정수 값이 필요한데"),
        ({"named": {"a": 1, "b": 2}}, "named", "expected at most 1 entry", "최대 1개까지"),
        ({"other": 1}, "", "there is no field 'other'", "'other' 항목은 없습니다"),
    ],
)
def test_what_msgspec_refuses_is_said_in_both_languages(given: Any, path: str, english: str, korean: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(given, Every)
    found = mismatch(refused.value)
    assert (found.path, say(found.said)) == (path, english)
    assert say(found.said, "ko").startswith(korean)


def test_a_field_that_is_missing_and_words_nobody_knows() -> None:
    class Needs(msgspec.Struct):
        name: str

    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert({}, Needs)
    assert say(mismatch(refused.value).said, "ko") == "'name' 항목이 없습니다"
    assert mismatch(msgspec.ValidationError("Something new - at `$.a.b`")) == ("a.b", "Something new")


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("[a", "square"), ("(a", "open"), ("a)", "close"), ("a**", "repeats_twice"), ("*", "repeats_nothing"),
        ("a\\", "backslash"), ("(?<n", "group"), ("a{9999}", "repeats_too_often"), ("[z-a]", "range"), (r"\8", "escape"),
        ("(?=a)", "operator"), (r"\8missing ]", "escape"), (r"\pX", "range"),
    ],
)  # fmt: skip
def test_what_re2_refuses_is_said_in_both_languages(pattern: str, fault: str) -> None:
    with pytest.raises(ValueError) as refused:
        find_pattern(pattern, [""])
    assert pattern_fault(refused.value) == Said(f"pattern_faults.{fault}")


def test_a_pattern_in_a_condition_is_refused_in_korean() -> None:
    with pytest.raises(SpecError) as refused:
        condition.parse('path.matches("(a")')
    assert refused.value.say("ko") == "패턴을 읽을 수 없습니다 (14번째 글자)"
    assert refused.value.advise("ko") == "RE2 문법으로 쓰세요: )가 없습니다"
    assert pattern_fault(ValueError("something else")) == Said("pattern_faults.other")
