"""RFM, repeat purchase and value of a store equal brute force over lists, whatever the order of arrival."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import afterclick
from afterclick import Repeat, Rfm, Value
from afterclick.analyse.scope import scope_of
from afterclick.core import spans
from afterclick.core.event import Event
from afterclick.learn.value.purchases import purchases_of
from support import naive_value

SETTINGS = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
START = 1_767_225_600_000_000
UNIT = 6 * spans.HOUR

# visitor, quarter days after the start, amount in whole units, refunded by (0 = no refund)
row = st.tuples(st.sampled_from("uvwxyz"), st.integers(0, 200), st.integers(0, 50), st.sampled_from([0, 0, 0, 5, 60]))
rows = st.lists(row, min_size=1, max_size=25)


def events_of(lines: list[Any]) -> list[Event]:
    found = []
    for number, (visitor, quarter, amount, refund) in enumerate(lines):
        at = START + quarter * UNIT
        made = {"anonymous_id": visitor, "order_id": f"o{number}"}
        found.append(
            Event(event="Order Completed", raw_event="Order Completed", event_id=f"e{number:03}", occurred_at=at,
                  amount=amount * 10_000, **made)
        )  # fmt: skip
        if refund:
            found.append(
                Event(event="Order Refunded", raw_event="Order Refunded", event_id=f"r{number:03}",
                      occurred_at=at + spans.HOUR, amount=refund * 10_000, **made)
            )  # fmt: skip
    return found


def store(lines: list[Any], mixed: int = 0) -> Any:
    events = events_of(lines)
    order = np.random.default_rng(mixed).permutation(len(events)) if mixed else range(len(events))
    folder = tempfile.TemporaryDirectory()
    shop = afterclick.open(Path(folder.name) / "s", write=True, create=True)
    shop.append([events[place] for place in order])
    return folder, shop


def days(quarter: int) -> int:
    return quarter // 4


@SETTINGS
@given(rows, st.integers(1, 5))
def test_rfm(lines, mixed):
    folder, shop = store(lines, mixed)
    with folder, shop:
        result = shop.ask(Rfm())
        last, count, money = {}, defaultdict(int), defaultdict(int)
        known = max(quarter * 6 + (1 if refund else 0) for _, quarter, _, refund in lines) // 24
        for visitor, quarter, amount, refund in lines:
            last[visitor] = max(last.get(visitor, 0), days(quarter))
            count[visitor] += 1
            money[visitor] += amount - refund
        who = sorted(last)
        scores = [
            naive_value.rfm_score([known - last[v] for v in who], lambda other, own: other > own),
            naive_value.rfm_score([count[v] for v in who], lambda other, own: other < own),
            naive_value.rfm_score([money[v] for v in who], lambda other, own: other < own),
        ]
        frame = result.frame.to_pylist()
        for cell in frame:
            mine = [v for v, r, f, _ in zip(who, *scores, strict=True) if (r, f) == (cell["recency"], cell["frequency"])]
            assert cell["customers"] == len(mine) == len(result.people(f"R{cell['recency']}F{cell['frequency']}"))
            assert cell["orders"] == sum(count[v] for v in mine)
            assert cell["revenue"] == sum(money[v] for v in mine)
        # RFM cells = visitors with an order, the sum of M = their revenue (SEMANTICS 18, line 7).
        assert sum(cell["customers"] for cell in frame) == len(who) == result.figures["customers"]
        assert sum(cell["revenue"] for cell in frame) == sum(money.values())
        assert sum(row["customers"] for row in result.parts["names"].to_pylist()) == len(who)
        bands = {(row["of"], row["score"]): row["customers"] for row in result.parts["bands"].to_pylist()}
        for of, found in zip(("recency", "frequency", "money"), scores, strict=True):
            assert [bands[of, band] for band in range(1, 6)] == [found.count(band) for band in range(1, 6)]
            assert len(result.people(f"{of}=5")) == found.count(5)


@SETTINGS
@given(rows, st.integers(1, 5), st.sampled_from(["1d", "10d", "40d"]))
def test_repeat(lines, mixed, within):
    folder, shop = store(lines, mixed)
    with folder, shop:
        result = shop.ask(Repeat(within=within, most=4))
        placed = defaultdict(list)
        for visitor, quarter, _, _ in lines:
            placed[visitor].append(START + quarter * UNIT)
        end = max(START + quarter * UNIT + (spans.HOUR if refund else 0) for _, quarter, _, refund in lines)
        for found in result.frame.to_pylist():
            order = found["order"]
            having = [sorted(at) for at in placed.values() if len(at) >= order]
            assert found["customers"] == len(having) == len(result.people(f"order={order}"))
            assert found["open"] == sum(len(at) == order for at in having) == len(result.people(f"order={order};part=open"))
            if order == 1:
                continue
            before = [sorted(at) for at in placed.values() if len(at) >= order - 1]
            waits = [
                (at[order - 1] - at[order - 2], True) if len(at) >= order else (end - at[order - 2], False) for at in before
            ]
            truth = naive_value.kaplan_meier(waits)
            span = spans.micros(within)
            reached = [still for length, still in truth.items() if length <= span]
            if found["within_rate"] is not None:
                assert found["within_rate"] == pytest.approx(1 - (reached[-1] if reached else 1.0))
            else:
                assert not waits or max(length for length, _ in waits) < span
            seen = sorted(length for length, over in waits if over)
            if seen:
                assert found["days_seen_p50"] == pytest.approx(np.median(seen) / spans.DAY)


@SETTINGS
@given(rows, st.integers(1, 5), st.integers(10, 50))
def test_histories(lines, mixed, split):
    """Purchase days of each buyer, and what was known of them at an earlier day; nothing later leaks into it."""
    folder, shop = store(lines, mixed)
    with folder, shop:
        purchases = purchases_of(scope_of(shop.context(), Value()))
        spent: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for visitor, quarter, amount, refund in lines:
            spent[visitor][days(quarter)] += amount - refund
        for until in (purchases.until, int(purchases.first.min()) + split):
            known = purchases.up_to(until)
            begin = START // spans.DAY + 719_163
            seen = {v: {d: m for d, m in by.items() if begin + d <= until} for v, by in spent.items()}
            truth = sorted(
                (len(by) - 1, max(by) - min(by), until - begin - min(by),
                 sum(m for d, m in by.items() if d > min(by)) / max(len(by) - 1, 1))
                for by in seen.values() if by
            )  # fmt: skip
            counted = known.counted("day")
            h = counted.histories
            found = sorted(
                zip(
                    counted.repeats.tolist(), np.rint(h.last[h.of] * 7).astype(int).tolist(),
                    np.rint(h.age[h.of] * 7).astype(int).tolist(), counted.mean.tolist(), strict=True,
                )
            )  # fmt: skip
            assert [one[:3] for one in found] == [one[:3] for one in truth]
            assert sorted(one[3] for one in found) == pytest.approx(sorted(one[3] for one in truth))
            assert h.customers == len(truth)
            weeks = known.counted("week")
            for place, label in enumerate(known.buyers.tolist()):
                mine = known.day[known.buyer == place]
                full = (until - int(mine[0])) // 7
                week = {-(-(int(day) - int(mine[0])) // 7) for day in mine[1:]}
                assert weeks.repeats[place] == len({one for one in week if one <= full}), label
