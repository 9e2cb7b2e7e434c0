"""Feedback, programmes and referrals equal their naive oracles, in any order of arrival and in any partition of visitors."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick import Feedback, Referrals
from afterclick.analyse.feedback.terms import terms_of
from afterclick.analyse.rewards.contrast import LEVELS, _bands, match
from afterclick.analyse.rewards.panel import NEVER_DAY, Days, panel
from support import naive_feedback as naive
from support.shop import DAY0, Shop

WHOLE = {"range": "all", "compare": "none"}
MINUTE = 60_000_000
SURVEYS = ("NPS", "CSAT", "Rating")
WORDS = ("slow", "nice", "broken coupon", "배송이 늦어요", "")

answer = st.tuples(
    st.sampled_from(["a", "b", "c", "d", None]), st.integers(0, 4000), st.sampled_from(SURVEYS), st.integers(0, 10),
    st.sampled_from(WORDS),
)  # fmt: skip


def store(answers, order, folder):
    shop = Shop()
    events = [
        (visitor, DAY0 + minute * MINUTE, number, survey, score, text)
        for number, (visitor, minute, survey, score, text) in enumerate(answers)
    ]
    for place in order:
        visitor, at, number, survey, score, text = events[place]
        more = {"comment": text} if text else {}
        scale = 10 if survey == "NPS" else 100 if survey == "Rating" else 20
        shop.add(visitor, at, "Survey Answered", score=score, scale=scale, survey=survey, event_id=f"{number:04d}", **more)
    shop.add("z", DAY0, "Page Viewed", event_id="z")
    with shop.open(folder) as workspace:
        return workspace.ask(Feedback(**WHOLE, top=200))


@settings(max_examples=15)
@given(st.lists(answer, max_size=25), st.randoms(use_true_random=False))
def test_scores_equal_the_oracle_in_any_order_of_arrival(answers, random):
    order = list(range(len(answers)))
    random.shuffle(order)
    with tempfile.TemporaryDirectory() as folder:
        found = store(answers, order, Path(folder) / "store")
        rows = {row["value"]: row for row in found.frame.to_pylist()}
    scales = {"NPS": 10, "Rating": 100, "CSAT": 20}
    dated = sorted((minute, number, one) for number, one in enumerate(answers) for minute in [one[1]])
    given_ = [(one[0], minute, one[3], scales[one[2]], one[2] == "NPS", one[2]) for minute, _, one in dated]
    groups = {"": given_} | {survey: [one for one in given_ if one[5] == survey] for survey in SURVEYS}
    for survey, some in groups.items():
        expected = naive.scores(some)
        row = found.figures if not survey else rows.get(survey)
        if row is None:
            assert not some
            continue
        for name in ("answers", "visitors", "low", "high", "promoters", "passives", "detractors"):
            assert row[name] == expected[name], (survey, name)
        assert row["nps"] == (None if expected["nps"] is None else pytest.approx(expected["nps"]))
        assert row["score_rate"] == (None if expected["score_rate"] is None else pytest.approx(expected["score_rate"]))
        low, high = expected["nps_around"] or (None, None)
        if low is None:
            assert row["nps_low"] is row["nps_high"] is None
        else:
            assert (row["nps_low"], row["nps_high"]) == pytest.approx((max(-100, 100 * low), min(100, 100 * high)))
    # Answers of all surveys are those of the whole; every word is counted once an answer.
    counted = Counter(term for _, _, _, _, text in answers for term in terms_of(text))
    table = {row["wording"]: row["answers"] for row in found.parts["words"].to_pylist()}
    assert all(counted[term] == n for term, n in table.items())
    assert len(found.parts["quotes"]) <= 6


sale = st.tuples(st.integers(0, 5), st.integers(0, 29), st.integers(1, 9), st.booleans())


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 29)), max_size=40),
    st.lists(sale, max_size=25),
    st.dictionaries(st.integers(0, 5), st.integers(0, 29)),
    st.integers(1, 12),
    st.integers(1, 12),
)
def test_the_panel_of_a_programme_equals_the_oracle(visits, sales, joined, before, after):
    count = 30
    sales = [(who, day, worth if sold else -worth, sold) for who, day, worth, sold in sales]
    sales.sort(key=lambda one: (one[0], one[1]))
    visit = np.sort(np.array([who * count + day for who, day in visits], np.int64))
    days = Days(
        count, visit, np.array([who * count + day for who, day, _, _ in sales], np.int64),
        np.array([worth for _, _, worth, _ in sales], np.int64), np.array([sold for *_, sold in sales], bool),
        np.array([joined.get(who, NEVER_DAY) for who in range(6)], np.int64),
    )  # fmt: skip
    first = np.flatnonzero(np.diff(visit, prepend=-1))
    ways = np.ones(len(first), np.int32)
    found = panel(days, first, 3, 25, before, after, ways, ways)
    expected = naive.panel(visits, sales, joined, 3, 25, before, after, count)
    assert len(found) == len(expected)
    for name in ("visitor", "day", "joined", "orders", "money", "visits", "today", "later_orders", "later_money", "returned"):
        assert getattr(found, name).tolist() == [row[name] for row in expected], name
    assert found.exposed.tolist() == pytest.approx([row["exposed"] for row in expected])
    recency = [None if one == NEVER_DAY else one for one in found.recency.tolist()]
    assert recency == [row["recency"] for row in expected]


@pytest.mark.parametrize("seed", range(6))
def test_the_difference_equals_the_oracle(seed):
    rng = np.random.default_rng(seed)
    size = 400
    names = ("visits", "orders", "today", "device", "channel", "money", "later_orders", "later_money")
    columns = {name: rng.integers(0, 3, size) for name in names}
    zeros = dict.fromkeys(("returned", "bought"), np.zeros(size, bool)) | {"exposed": np.zeros(size)}
    made = SimpleNamespace(
        visitor=np.arange(size), day=rng.integers(0, 20, size), joined=rng.random(size) < 0.2,
        recency=rng.choice([2, 20, NEVER_DAY], size), **columns, **zeros,
    )  # fmt: skip
    fields = panel.__globals__["Panel"](**vars(made))
    matched = match(fields)
    bands = _bands(fields)
    rows = [
        {"joined": bool(fields.joined[i]), "y": float(fields.later_orders[i]), **{k: int(v[i]) for k, v in bands.items()}}
        for i in range(size)
    ]
    levels = [lambda row, names=names: tuple(row[name] for name in names) for names in LEVELS]
    own, like, everyone = naive.effect(rows, levels, lambda row: row["y"])
    found = matched.effect(fields.later_orders.astype(np.float64))
    assert (found.members, found.others, found.naive) == pytest.approx((own, like, everyone))
    assert found.interval.low < found.difference < found.interval.high
    assert matched.share.sum() == pytest.approx(1)


act = st.tuples(st.integers(0, 6), st.sampled_from(["invite", "use", "by"]), st.integers(0, 6))


@settings(max_examples=15)
@given(st.lists(act, max_size=20), st.randoms(use_true_random=False))
def test_referrals_equal_the_oracle_in_any_order_of_arrival(acts, random):
    events = [
        (f"v{who}", DAY0 + number * MINUTE, kind, f"v{whom}" if kind == "by" else f"code{whom % 4}")
        for number, (who, kind, whom) in enumerate(acts)
    ]
    shuffled = list(enumerate(events))
    random.shuffle(shuffled)
    shop = Shop()
    for number, (visitor, at, kind, code) in shuffled:
        called = "Invite Sent" if kind == "invite" else "Signed Up"
        name = "referred_by" if kind == "by" else "referral_code"
        shop.add(visitor, at, called, event_id=f"{number:04d}", **{name: code})
    shop.add("z", DAY0, "Page Viewed", event_id="z")
    with tempfile.TemporaryDirectory() as folder, shop.open(Path(folder) / "store") as workspace:
        found = workspace.ask(Referrals(**WHOLE, top=200))
    expected, invites = naive.referrals(events)
    pairs = {(row["referred"], row["visitor"] or None) for row in found.parts["pairs"].to_pylist()}
    assert pairs == {(f"a:{who}", None if by is None else f"a:{by}") for who, (_, by) in expected.items()}
    rows = {row["visitor"]: (row["referred"], row["invites"]) for row in found.frame.to_pylist()}
    brought = Counter(by for _, by in expected.values() if by is not None)
    assert rows == {f"a:{who}": (brought[who], invites[who]) for who in {*brought, *invites}}
    assert found.figures["referred"] == len(expected) == len(found.people("referred"))
