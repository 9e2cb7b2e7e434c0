"""Steps: their one-line text, both ways, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.core import condition
from afterclick.core.errors import SpecError
from afterclick.core.step import ANY_EVENT, Step

CONDITIONS = ["revenue >= 20000", 'x in ["a]", "[b"] || y', 'properties["a]?"] == "!"', "has(x)"]


@pytest.mark.parametrize(
    ("text", "event", "inner", "optional", "anchored"),
    [
        ("Signed Up", "Signed Up", None, False, False),
        ("  Signed Up  ", "Signed Up", None, False, False),
        ("Cart Viewed?", "Cart Viewed", None, True, False),
        ("Order Completed !", "Order Completed", None, False, True),
        ("Order Completed[revenue >= 20000]", "Order Completed", "revenue >= 20000", False, False),
        ("Order Completed [ revenue>=20000 ] ?", "Order Completed", "revenue >= 20000", True, False),
        ('Page Viewed[path in ["/a]?", "/b["]]!', "Page Viewed", 'path in ["/a]?", "/b["]', False, True),
        ('V[properties["a b"]]', "V", 'properties["a b"]', False, False),
        ("*", ANY_EVENT, None, False, False),
        ("*[paid]", ANY_EVENT, "paid", False, False),
        (r"Really\?", "Really?", None, False, False),
        (r"Really\??", "Really?", None, True, False),
        (r"a\[0\] \\ b\!", r"a[0] \ b!", None, False, False),
        ("장바구니 담기[금액 > 1]", "장바구니 담기", "금액 > 1", False, False),
        ("com.shop.view", "com.shop.view", None, False, False),
        ("\\ padded\\ ", " padded ", None, False, False),
    ],
)
def test_parse(text: str, event: str, inner: str | None, optional: bool, anchored: bool) -> None:
    step = Step.parse(text)
    assert step.event == event
    assert (step.condition.text() if step.condition else None) == inner
    assert (step.optional, step.anchored) == (optional, anchored)
    assert Step.parse(step.text()) == step
    assert Step.parse(str(step)).text() == step.text()
    assert hash(Step.parse(step.text())) == hash(step)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "a step needs an event name", "Order Completed"),
        ("  ", "a step needs an event name", "Order Completed"),
        ("?", "a step needs an event name", "Order Completed"),
        ("[revenue > 1]", "a step needs an event name", "*"),
        ("A[revenue > 1", "is not closed", "end it with ]"),
        ("A[", "is not closed", "end it with ]"),
        ("A[x] B", "is not closed", "end it with ]"),
        ("A[]", "no condition at character 3", "expected one such as"),
        ("A]", "a ] without its [ at character 2", r"\]"),
        ("A?B", "a ? inside the step at character 2", r"\?"),
        ("A![x]", "a ! inside the step at character 2", r"\!"),
        ("A?!", "a ? inside the step", "at the end"),
        ("A[x]?!", "two suffixes", "keep one"),
        ("A\\", "a lone backslash", r"\\"),
        ("A\\b", "a lone backslash", r"\\"),
        ("A[revenue = 1]", "unexpected '=' at character 11", "write =="),
        ("  A [ revenue = 1]", "unexpected '=' at character 15", "write =="),
        ("x" * 1001, "an event name of 1,001 characters", "at most 1,000"),
        ("a\ud800", "half a character", "whole"),
    ],
)
def test_refused(text: str, message: str, hint: str) -> None:
    with pytest.raises(SpecError) as found:
        Step.parse(text)
    assert message in found.value.message
    assert hint in found.value.hint
    assert found.value.path == "steps"
    assert found.value.code in ("bad_step", "bad_condition")


def test_refused_types_and_fields() -> None:
    with pytest.raises(SpecError, match="a step is text, not NoneType") as found:
        Step.parse(None, path="start")  # type: ignore[arg-type]
    assert found.value.path == "start"
    with pytest.raises(SpecError) as found:
        Step.parse("A[revenu > 1]", fields={"revenue"})
    assert found.value.hint == "did you mean 'revenue'?"
    with pytest.raises(SpecError, match="optional and anchored"):
        Step(event="A", optional=True, anchored=True)
    with pytest.raises(SpecError, match="event name"):
        Step(event=" ")


def test_fields() -> None:
    assert Step.parse("A[revenue > 1 && has(b)]").fields == {"revenue", "b"}
    assert Step.parse("A").fields == frozenset()


def read_or_refuse(text: str) -> Step | SpecError:
    try:
        return Step.parse(text)
    except SpecError as error:
        return error


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40) | st.text(
    "[]?!\\* a", min_size=1, max_size=12
)


@given(names.filter(lambda name: not name.isspace()), st.sampled_from([None, *CONDITIONS]), st.integers(0, 2))
@settings(max_examples=300, deadline=None)
def test_round_trip(name: str, inner: str | None, mark: int) -> None:
    step = Step(
        event=name,
        condition=condition.parse(inner) if inner else None,
        optional=mark == 1,
        anchored=mark == 2,
    )
    assert Step.parse(step.text()) == step
    assert Step.parse(step.text()).text() == step.text()


@given(st.text(max_size=40) | st.text("ab[]?!\\ ='\"", max_size=20))
@settings(max_examples=400, deadline=None)
def test_hostile_text_raises_nothing_else(text: str) -> None:
    step = read_or_refuse(text)
    if isinstance(step, SpecError):
        assert step.hint
        return
    assert Step.parse(step.text()) == step
