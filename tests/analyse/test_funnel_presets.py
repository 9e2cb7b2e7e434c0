"""The presets against hand-written logs: each case names the published behaviour of the product it is counted as.

Where a product publishes nothing on a point, the case says what our definition makes of it under the preset's fields.
"""

from __future__ import annotations

import pytest

from afterclick import Funnel
from afterclick.analyse.funnel_presets import PRESETS
from support.shop import DAY0, Shop

JANUARY = {"range": "2026-01-01..2026-01-31", "compare": "none"}
AB, ABC = ("A", "B"), ("A", "B", "C")


@pytest.fixture
def ask(tmp_path):
    opened = []

    def run(events, steps, compat, **fields):
        shop = Shop()
        for event in events:
            name, when = event.split()
            shop.add("v", when, name)
        for name in (*"ABCX", *{step.split("[")[0].rstrip("?!") for step in steps}):
            shop.add("old", DAY0 - 400 * 86_400_000_000, name)
        # The data go on long after, so that windows are over.
        shop.add("late", "90d", "X")
        workspace = shop.open(tmp_path / f"store{len(opened)}")
        opened.append(workspace)
        return workspace.ask(Funnel(steps=steps, compat=compat, **{**JANUARY, **fields}))

    yield run
    for workspace in opened:
        workspace.close()


def counts(result):
    return [row["n"] for row in result.frame.to_pylist()]


RE_ENTRY = ["A 0m", "B 1h", "A 20d", "B 20d1h", "C 20d2h"]
LATER_ENTRY = ["A 60m", "A 90m", "B 105m", "C 135m"]

CASES = {
    # Re-entry. PostHog: the furthest of a person's sequences counts (our reading; its documents do not define it).
    "posthog re-entry": ("posthog", RE_ENTRY, ABC, {}, [1, 1, 1]),
    # Mixpanel, "Conversion criteria": unique counting takes a single entry, the first step 1 in the range.
    "mixpanel re-entry": ("mixpanel", RE_ENTRY, ABC, {}, [1, 1, 0]),
    # Mixpanel, "Conversion criteria": totals let a user enter again after the window ran out, a conversion or an exclusion.
    "mixpanel totals re-enter after the window": ("mixpanel", RE_ENTRY, ABC, {"unit": "attempts"}, [2, 2, 1]),
    "mixpanel totals re-enter after a conversion": (
        "mixpanel", ["A 0m", "B 1m", "A 2m", "B 3m"], AB, {"unit": "attempts"}, [2, 2],
    ),
    "mixpanel totals re-enter after an exclusion": (
        "mixpanel", ["A 0m", "X 1m", "A 2m", "B 3m"], AB, {"unit": "attempts", "without": ("X 1..2",)}, [2, 1],
    ),
    # Mixpanel, "Conversion criteria": its own example; A 1:00, A 1:30, B 1:45, C 2:15 within one hour is no conversion,
    # since a later A does not restart the window.
    "mixpanel a later step 1 does not restart the window": ("mixpanel", LATER_ENTRY, ABC, {"within": "1h"}, [1, 1, 0]),
    "mixpanel totals ignore a step 1 while an entry is open": (
        "mixpanel", LATER_ENTRY, ABC, {"within": "1h", "unit": "attempts"}, [1, 1, 0],
    ),
    # Amplitude, "How Amplitude computes funnels": search four times, then add to cart: one conversion; the path that
    # gets furthest counts ("earliest longest").
    "amplitude re-entry": ("amplitude", ["A 0m", "A 1m", "A 2m", "A 3m", "B 4m"], AB, {"within": "1d"}, [1, 1]),
    "amplitude longest path": ("amplitude", RE_ENTRY, ABC, {"within": "14d"}, [1, 1, 1]),
    # Ties. Mixpanel, "Funnels FAQ": a built-in grace of two seconds, within which consecutive steps are interchangeable.
    "mixpanel two seconds": ("mixpanel", ["B 10s", "A 12s"], AB, {}, [1, 1]),
    "mixpanel more than two seconds": ("mixpanel", ["B 10s", "A 13s"], AB, {}, [1, 0]),
    # Amplitude, "Simultaneous events": within one second either order is right.
    "amplitude one second": ("amplitude", ["B 10s", "A 11s"], AB, {"within": "1d"}, [1, 1]),
    "amplitude more than one second": ("amplitude", ["B 10s", "A 12s"], AB, {"within": "1d"}, [1, 0]),
    # Amplitude, "Simultaneous events": in an exact-order funnel an event that is no step, fired in the same second,
    # breaks nothing; a later one does.
    "amplitude exact order, same second": (
        "amplitude", ["A 10s", "X 10.5s", "B 11s"], AB, {"within": "1d", "order": "strict"}, [1, 1],
    ),
    "amplitude exact order, between": (
        "amplitude", ["A 10s", "X 20s", "B 30s"], AB, {"within": "1d", "order": "strict"}, [1, 0],
    ),
    # PostHog publishes no grace: our reading is that one instant counts in either order and nothing beyond it.
    "posthog one instant": ("posthog", ["B 10s", "A 10s"], AB, {}, [1, 1]),
    "posthog a second apart": ("posthog", ["B 10s", "A 11s"], AB, {}, [1, 0]),
    # Exclusion. PostHog issue 5553: whoever did the excluded event between the steps is removed from the whole funnel.
    "posthog exclusion": ("posthog", ["A 0m", "X 1m", "B 2m"], AB, {"without": ("X 1..2",)}, [0, 0]),
    "posthog exclusion, another sequence is clean": (
        "posthog", ["A 0m", "X 1m", "B 2m", "A 1d", "B 25h"], AB, {"without": ("X 1..2",)}, [0, 0],
    ),
    # PostHog issue 5074: with the first step as the exclusion, A A B is disqualified and A B A is not.
    "posthog excludes its own step, A A B": ("posthog", ["A 0m", "A 1m", "B 2m"], AB, {"without": ("A 1..2",)}, [0, 0]),
    "posthog excludes its own step, A B A": ("posthog", ["A 0m", "B 1m", "A 2m"], AB, {"without": ("A 1..2",)}, [1, 1]),
    # PostHog issue 5074: an exclusion counts inside the conversion window only.
    "posthog exclusion behind the window": (
        "posthog", ["A 0m", "X 15d"], AB, {"without": ("X 1..2",)}, [1, 0],
    ),
    # Mixpanel: an exclusion ends the entry, so a user counts up to the step before it.
    "mixpanel exclusion": ("mixpanel", ["A 0m", "B 1m", "X 2m", "C 3m"], ABC, {"without": ("X 2..3",)}, [1, 1, 0]),
    # Window edge. Mixpanel: 7 days by default; PostHog: 14 days by default. The edge itself counts (our reading of both).
    "mixpanel window edge": ("mixpanel", ["A 0m", "B 7d"], AB, {}, [1, 1]),
    "mixpanel behind the window": ("mixpanel", ["A 0m", "B 7d1us"], AB, {}, [1, 0]),
    "posthog window edge": ("posthog", ["A 0m", "B 14d"], AB, {}, [1, 1]),
    "posthog behind the window": ("posthog", ["A 0m", "B 14d1us"], AB, {}, [1, 0]),
    # PostHog, funnel docs: the time range is the one in which the steps happen, so a conversion after it does not count.
    "posthog range": ("posthog", ["A 30d", "B 32d"], AB, {}, [1, 0]),
    # Mixpanel, "Conversion criteria", and Amplitude, funnel FAQ: the range is that of step 1; the window does the rest.
    "mixpanel range": ("mixpanel", ["A 30d", "B 32d"], AB, {}, [1, 1]),
    "amplitude range": ("amplitude", ["A 30d", "B 32d"], AB, {"within": "7d"}, [1, 1]),
    # Two-touch (one event as two steps). PostHog issue 4813: the second step needs another event than the first.
    "posthog two-touch once": ("posthog", ["A 0m"], ("A", "A"), {}, [1, 0]),
    "posthog two-touch twice": ("posthog", ["A 0m", "A 1m"], ("A", "A"), {}, [1, 1]),
    # PostHog issue 25048: onboarding, page, page at the same instant, page later: all three steps are reached.
    "posthog two-touch with a duplicate": ("posthog", ["A 1m", "B 10m", "B 10m", "B 11m"], ("A", "B", "B"), {}, [1, 1, 1]),
    # Amplitude, "How Amplitude computes funnels": A, A, B converts whoever fired A at least twice and B later.
    "amplitude two-touch": ("amplitude", ["A 0m", "A 1m", "B 2m"], ("A", "A", "B"), {"within": "1d"}, [1, 1, 1]),
    "amplitude two-touch once": ("amplitude", ["A 0m", "B 2m"], ("A", "A", "B"), {"within": "1d"}, [1, 0, 0]),
    # Amplitude counts two events of one type within one second once; our definition counts every stored event, and the
    # preset fills no field that says otherwise: a stated difference.
    "amplitude two-touch in one second differs": ("amplitude", ["A 0m", "A 0m"], ("A", "A"), {"within": "1d"}, [1, 1]),
    # Mixpanel publishes nothing on one event in two steps: an event serves at most one step.
    "mixpanel two-touch": ("mixpanel", ["A 0m", "A 1m"], ("A", "A"), {}, [1, 1]),
    # Any order. Mixpanel, "Conversion criteria": steps may be anchored among steps that are free.
    "mixpanel anchor": ("mixpanel", ["C 0m", "B 1m", "A 2m"], ("A", "B", "C!"), {"order": "any"}, [1, 1, 0]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_published_behaviour(ask, case):
    compat, events, steps, fields, n = CASES[case]
    assert counts(ask(events, steps, compat, **fields)) == n


@pytest.mark.parametrize("compat", sorted(PRESETS))
def test_forty_steps(ask, compat):
    # More than 32 steps: PostHog keeps its steps in a mask of 32 bits (issue 81596); here there is no such wall.
    steps = tuple(f"s{number:02d}" for number in range(40))
    result = ask([f"{name} {number}m" for number, name in enumerate(steps)], steps, compat, within="1d")
    assert counts(result) == [1] * 40


@pytest.mark.parametrize("compat", sorted(PRESETS))
def test_a_preset_fills_only_what_was_left_and_says_what(ask, compat):
    result = ask(["A 0m", "B 1h"], AB, compat)
    note = next(note for note in result.notes if note.code == "funnel_compat")
    assert note.params["filled"] == ", ".join(f"{name}={value}" for name, value in PRESETS[compat].items())
    plain = Funnel(steps=AB, **{**JANUARY, **PRESETS[compat]})
    assert Funnel(steps=AB, compat=compat, **JANUARY).chain() == plain.chain()
    own = Funnel(steps=AB, compat=compat, within="3h", ties="strict", **JANUARY)
    assert own.chain()[1:5] == (3 * 3_600_000_000, False, True, 0)
    assert not {"within", "ties"} & set(own.filled()[1])
    assert result.spec.compat == compat


def test_amplitude_asks_for_a_window(ask):
    result = ask(["A 0m", "B 1h"], AB, "amplitude")
    assert [note.params for note in result.notes if note.code == "funnel_compat_within"] == [
        {"preset": "amplitude", "within": 14 * 86_400_000_000}
    ]
    assert not [note for note in ask(["A 0m"], AB, "mixpanel").notes if note.code == "funnel_compat_within"]
