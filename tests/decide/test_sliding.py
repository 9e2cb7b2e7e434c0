"""The machine of most live windows tells what the general one tells, wherever a rule can see a difference."""

from __future__ import annotations

from bisect import bisect_right

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterclick.analyse.segments.happening import Happening
from afterclick.analyse.segments.sliding import Sliding
from afterclick.analyse.segments.tallies import Counting
from afterclick.core.rule_terms import Count
from afterclick.core.step import Step

SPAN = 50
TERM = Count(Step.parse("A", path="when"), SPAN, "")
gaps = st.lists(st.integers(0, 30), max_size=40)


def pair(drops: tuple[int, ...]) -> tuple[Sliding, Counting]:
    return Sliding(TERM, drops, drops[-1]), Counting(TERM, drops, drops[-1])


def fed(machines: tuple[Sliding, Counting], told: list[int], at: int = 0) -> int:
    for gap in told:
        at += gap
        for one in machines:
            one.take(Happening(at, frozenset("A"), {}), (0,))
    return at


@given(gaps, gaps, st.sets(st.integers(1, 6), min_size=1), st.integers(0, 120))
def test_values_turns_and_joins_are_those_of_counting(ours, theirs, drops, later) -> None:
    steps = tuple(sorted(drops))
    first, second = pair(steps), pair(steps)
    at = max(fed(first, ours), fed(second, theirs))
    for joined in (False, True):
        if joined:
            first[0].join(second[0])
            first[1].join(second[1])
        again = pair(steps)
        for one, known in zip(again, first, strict=True):
            one.restore(known.packed())
        for moment in (at, at + later):
            for sliding, counting in (first, again):
                assert sliding.value(moment) == counting.value(moment)
                assert sliding.turn(moment) == counting.turn(moment)


@pytest.mark.parametrize("drops", [(3,), (2, 5)])
@given(told=gaps)
def test_a_step_that_cannot_matter_leaves_every_rule_as_it_was(told, drops) -> None:
    sliding, at, before = Sliding(TERM, drops, drops[-1]), 0, 0
    for gap in told:
        at += gap
        mattered = sliding.step(at)
        seen = bisect_right(drops, sliding.value(at))
        assert mattered or seen == before == 0
        before = bisect_right(drops, sliding.value(at))
