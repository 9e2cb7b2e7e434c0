"""Equal instants stand in event-id order whatever piece or device they came from; order ids count once."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import afterclick
from afterclick import Kpi
from afterclick.analyse.orders import orders_of
from afterclick.analyse.question import SessionQuestion
from afterclick.analyse.scope import scope_of
from afterclick.analyse.sessions import behaviour
from afterclick.core.event import Event
from support import naive

START = 1_767_225_600_000_000
ALL = {"range": "all", "compare": "none", "bots": "in"}

tied = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["d1", "d2"]), st.integers(0, 2)), min_size=2, max_size=14
)  # instant, device, import


@pytest.mark.parametrize("prefix", ["", "a-common-beginning-longer-than-eight-bytes-"])
@pytest.mark.parametrize("fast", [False, True], ids=["plain", "compiled"])
@given(rows=tied)
@settings(max_examples=25, deadline=None)
def test_equal_instants_stand_in_event_id_order(prefix, fast, rows):
    from afterclick.analyse.kernels import gather

    events = [
        (cut, Event(event_id=f"{prefix}{n * 7919 % 1000:03d}", event="X", occurred_at=START + at, anonymous_id=d, user_id="u"))
        for n, (at, d, cut) in enumerate(rows)
    ]  # fmt: skip
    ready = gather.scatter_rows.ready, gather.settle.ready
    with tempfile.TemporaryDirectory() as folder, afterclick.open(Path(folder) / "s", write=True, create=True) as shop:
        for cut in range(3):
            shop.append([event for place, event in events if place == cut])
        try:
            gather.scatter_rows.ready = gather.settle.ready = fast
            context = shop.context()
            found = behaviour(context, "stitched", "in", context.as_of(""))
        finally:
            gather.scatter_rows.ready, gather.settle.ready = ready
        got = context.event_ids(found.rows)
    assert got == [event.event_id for _, event in sorted(events, key=lambda e: (e[1].occurred_at, e[1].event_id))]
    assert len(np.unique(found.owners())) == 1


sale = st.tuples(
    st.integers(0, 20), st.sampled_from(["v1", "v2"]), st.sampled_from([None, "o1", "o2", "o3"]), st.integers(0, 500)
)


@given(st.lists(sale, max_size=12), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_orders_equal_their_oracle(rows, seed):
    events = [
        Event(
            event_id=f"{n:03d}", event="Order Completed", occurred_at=START + at, anonymous_id=visitor, order_id=order,
            amount=amount,
        )
        for n, (at, visitor, order, amount) in enumerate(rows)
    ]  # fmt: skip
    counted, replaced, conflicts = naive.orders(
        [(e.occurred_at, e.event_id, e.anonymous_id, e.order_id, e.amount) for e in events]
    )
    with tempfile.TemporaryDirectory() as folder, afterclick.open(Path(folder) / "s", write=True, create=True) as shop:
        shop.append(events[seed:] + events[:seed])
        if not events:
            return
        scope = scope_of(shop.context(), SessionQuestion(**ALL))
        found = orders_of(scope)
        ids = shop.context().event_ids
        assert sorted(ids(found.row)) == sorted(row[1] for row in counted)
        assert sorted(ids(found.replaced)) == sorted(row[1] for row in replaced)
        pairs = [tuple(ids(np.array(pair))) for pair in found.conflicts]
        assert sorted(pairs) == sorted((one[1], other[1]) for one, other in conflicts)
        figures = shop.ask(Kpi(**ALL)).figures
    assert figures["orders"] == len(counted)
    assert figures["revenue"] * 10_000 == sum(row[4] for row in counted)


def test_a_refund_beyond_its_order_is_flagged_and_counted(tmp_path):
    rows = [("1", "Order Completed", 0, 100), ("2", "Order Refunded", 5, 80), ("3", "Order Refunded", 9, 40)]
    with afterclick.open(tmp_path / "s", write=True, create=True) as shop:
        shop.append(
            Event(
                event_id=n, event=name, occurred_at=START + at, anonymous_id="v", order_id="o", amount=amount * 10_000
            )
            for n, name, at, amount in rows
        )
        result = shop.ask(Kpi(**ALL))
    assert result.figures["revenue"] == Decimal(-20)
    assert "refund_over_order" in [note.code for note in result.notes]
