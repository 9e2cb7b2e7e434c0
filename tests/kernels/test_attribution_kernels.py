"""The kernels of attribution: compiled, plain and numpy forms give the same, whatever the spans."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.analyse.attribution.rules import RULES, WHOLE
from afterclick.analyse.kernels import attribution as kernels
from afterclick.analyse.kernels import touch_marks
from afterclick.core.arrays import frozen

SETTINGS = settings(max_examples=40, deadline=None)
DAY = 86_400 * 10**6


def drawn_log(seed, visitors=6, touches=40, orders=12, values=4):
    rng = np.random.default_rng(seed)
    owner = np.sort(rng.integers(visitors, size=touches))
    at = rng.integers(30, size=touches) * DAY
    order = np.lexsort((at, owner))
    offsets = np.searchsorted(owner, np.arange(visitors + 1))
    who = np.sort(rng.integers(visitors, size=orders)).astype(np.int32)
    when = rng.integers(35, size=orders) * DAY
    by = np.lexsort((when, who))
    unit = rng.choice([1, 100, 10_000], size=orders)
    return {
        "offsets": frozen(offsets), "at": frozen(at[order]), "visitor": frozen(who[by]), "when": frozen(when[by]),
        "value": frozen(rng.integers(values, size=touches).astype(np.int32)),
        "marks": frozen(rng.integers(4, size=touches).astype(np.uint8)), "unit": frozen(unit),
        "amount": frozen(rng.integers(-50, 900, size=orders) * unit),
        "parts": frozen(np.full(orders, WHOLE)), "fresh": frozen(rng.integers(2, size=orders).astype(np.uint8)),
        "values": values,
    }  # fmt: skip


def windows(form, log, within, through, cuts):
    count = len(log["visitor"])
    low, high = np.zeros(count, np.int64), np.zeros(count, np.int64)
    edges = [0, *cuts, count]
    for first, last in pairwise(edges):
        form(log["offsets"], log["at"], log["visitor"], log["when"], first, last, within, through, low, high)
    return low, high


@SETTINGS
@given(st.integers(0, 10_000), st.sampled_from([-1, 0, 5 * DAY, 12 * DAY]), st.booleans(), st.integers(0, 12))
def test_windows_are_alike_in_every_form(seed, within, through, cut):
    log = drawn_log(seed)
    wanted = []
    for who, when in zip(log["visitor"].tolist(), log["when"].tolist(), strict=True):
        begin, end = log["offsets"][who], log["offsets"][who + 1]
        mine = [i for i in range(begin, end) if (log["at"][i] < when or (through and log["at"][i] == when))]
        mine = [i for i in mine if within < 0 or when - log["at"][i] <= within]
        wanted.append(mine)
    for form, cuts in ((kernels.find_windows.plain, [cut]), (kernels.find_windows.vector, [])):
        low, high = windows(form, log, within, through, cuts)
        assert [list(range(a, b)) for a, b in zip(low, high, strict=True)] == wanted


def credited(form, log, low, high, custom, cuts=()):
    out = np.zeros((5, len(RULES) * log["values"]), np.int64)
    edges = [0, *cuts, len(log["visitor"])]
    for first, last in pairwise(edges):
        part = np.zeros_like(out)
        form(
            frozen(low), frozen(high), log["at"], log["value"], log["marks"], log["visitor"], log["amount"], log["unit"],
            log["parts"], log["fresh"], first, last, float(7 * DAY), kernels.shapes_of(custom), part,
        )  # fmt: skip
        out += part
    return out


@SETTINGS
@given(st.integers(0, 10_000), st.sampled_from([None, (1.0, 0.0, 1.0), (0.0, 1.0, 0.0), (3.0, 4.0, 3.0)]))
def test_credit_is_alike_in_plain_and_in_numpy_and_over_any_spans(seed, custom):
    log = drawn_log(seed)
    low, high = windows(kernels.find_windows.plain, log, 12 * DAY, False, [])
    whole = credited(kernels.credit_rules.plain, log, low, high, custom)
    assert credited(kernels.credit_rules.vector, log, low, high, custom).tolist() == whole.tolist()
    new = np.flatnonzero(np.diff(log["visitor"], prepend=-1))[1:]
    assert credited(kernels.credit_rules.plain, log, low, high, custom, new.tolist()).tolist() == whole.tolist()
    parts = whole[kernels.PARTS].reshape(len(RULES), -1).sum(axis=1)
    reached = int((high > low).sum())
    for number, rule in enumerate(RULES):
        if rule != "any":
            assert parts[number] == (0 if rule == "custom" and custom is None else reached * WHOLE)


def test_the_compiled_form_gives_what_the_plain_one_does_also_on_long_paths():
    log = drawn_log(7, visitors=3, touches=400, orders=30, values=9)
    low, high = windows(kernels.find_windows.plain, log, -1, True, [])
    fast = windows(kernels.find_windows.fast(), log, -1, True, [])
    assert (fast[0].tolist(), fast[1].tolist()) == (low.tolist(), high.tolist())
    assert (high - low).max() > 2 * kernels._FEW
    plain = credited(kernels.credit_rules.plain, log, low, high, (1.0, 2.0, 1.0))
    assert credited(kernels.credit_rules.fast(), log, low, high, (1.0, 2.0, 1.0)).tolist() == plain.tolist()
    assert credited(kernels.credit_rules.vector, log, low, high, (1.0, 2.0, 1.0)).tolist() == plain.tolist()


@pytest.mark.parametrize("amount", [10**17, -(10**17)])
def test_sums_beyond_an_integer_of_64_bits_are_exact(amount):
    log = drawn_log(3, orders=400)
    log |= {"amount": frozen(np.full(400, amount)), "unit": frozen(np.ones(400, np.int64))}
    low, high = windows(kernels.find_windows.plain, log, -1, True, [])
    out = credited(kernels.credit_rules.plain, log, low, high, None)
    sums = (out[kernels.MONEY_HIGH].astype(object) * 2**32 + out[kernels.MONEY_LOW]).reshape(len(RULES), -1).sum(axis=1)
    assert abs(sums[RULES.index("last")]) > 2**63
    for rule in ("first", "last", "linear", "j", "time_decay"):
        assert sums[RULES.index(rule)] == int((high > low).sum()) * amount


def test_marks_are_alike_in_every_form():
    rng = np.random.default_rng(1)
    flags, touch = rng.integers(2048, size=400).astype(np.uint16), rng.integers(-1, 5, size=400).astype(np.int32)
    name, table = frozen(rng.integers(4, size=400).astype(np.int32)), frozen(np.array([0, 8, 8 | 64, 2], np.uint16))
    for out in (0, 1):
        for machines in (False, True):
            for arrival in (0, 32):
                wanted = []
                for n, f, t in zip(name.tolist(), flags.tolist(), touch.tolist(), strict=True):
                    bits = int(table[n])
                    program = f & 1 and (not machines if bits & 64 else out)
                    arrives = f & 1024 and not f & (2 | out) and t > 1
                    wanted.append((0 if program else bits) | (arrival if arrives else 0))
                for form in (touch_marks.mark_touches.plain, touch_marks.mark_touches.vector):
                    symbol = np.zeros(400, np.uint16)
                    form(name, frozen(flags), frozen(touch), table, out, machines, arrival, symbol)
                    assert symbol.tolist() == wanted
