"""Where only rules are asked, only touches of buyers are sorted: the answer is that of all touches, to the last figure."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import afterclick
from afterclick import Attribution
from afterclick.analyse.attribution import attributed
from afterclick.analyse.kernels import arrivals, find, gather
from afterclick.core import spans
from afterclick.core.event import Event

SETTINGS = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
START = 1_767_225_600_000_000
SHOP = "https://shop.example/"
KINDS = ("Page Viewed", "Page Viewed", "Page Viewed", "Ad Clicked", "Message Clicked", "Message Opened", "Order Completed")

KERNELS = (find.find_coded, arrivals.reach_arrivals, arrivals.unite_seen, arrivals.count_seen, gather.settle)

# device, user, half hours after the start, kind, source of a visit or a message, message
line = st.tuples(
    st.sampled_from("abcdef"), st.sampled_from(["", "", "", "x", "y"]), st.integers(0, 150), st.sampled_from(KINDS),
    st.sampled_from(["", "s", "t", "(none)"]), st.sampled_from(["", "m1", "m2"]), st.booleans(),
)  # fmt: skip
lines = st.lists(line, min_size=1, max_size=40)


def event_of(number, drawn):
    device, user, half_hours, kind, source, message, robot = drawn
    page, order = kind == "Page Viewed", kind == "Order Completed"
    more = {"channel": "email", **({"source": source} if source else {}), **({"message_id": message} if message else {})}
    return Event(
        event_id=f"e{number:04d}", event=kind, raw_event=kind, occurred_at=START + half_hours * spans.HOUR // 2,
        anonymous_id=device, user_id=user or None, user_agent="Googlebot/2.1" if robot and not order else None,
        url=f"{SHOP}?utm_source={source}" if page and source else SHOP if page else None,
        order_id=f"o{number % 9}" if order else None, amount=10_000 * (number * 37 % 101 + 1) if order else None,
        properties={} if page or order else more,
    )  # fmt: skip


def asked_both(log, folder, cuts, ready, **more):
    """The answer with only some touches sorted, and with all of them; each in a context of its own."""
    size = -(-len(log) // cuts)
    with afterclick.open(Path(folder) / "store", write=True, create=True) as shop:
        shop.define(currency="KRW", id_cap=2)
        for low in range(0, len(log), size):
            shop.append(log[low : low + size])
        asked = Attribution(touch_unit="event", data_driven="off", **more)
        with pytest.MonkeyPatch.context() as patched:
            used = []
            some = attributed.touches_of_some
            patched.setattr(attributed, "touches_of_some", lambda *given: used.append(some(*given)) or used[-1])
            patched.setattr("afterclick.analyse.attribution.reached._MANY", 0)
            for one in KERNELS if ready else ():
                patched.setattr(one, "ready", True)
            ours = told(shop.ask(asked))
            assert all(one is not None for one in used)
        shop.context().forget()
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(attributed, "touches_of_some", lambda *given: None)
            every = told(shop.ask(asked))
    return ours, every


def told(answer):
    said = answer.to_dict()
    del said["about"]["elapsed_ms"]
    return said, {cell: answer.people(cell).labels.tolist() for cell in answer.cells()}


@SETTINGS
@given(
    lines, st.sampled_from([("clicked",), ("opened", "clicked"), ("opened",), ("viewed", "clicked")]),
    st.sampled_from(["channel", "source"]), st.sampled_from(["all", "2026-01-02..2026-01-03"]),
    st.sampled_from(["12h", "any"]), st.integers(1, 3), st.sampled_from(["in", "out"]), st.sampled_from(["in", "out"]),
    st.booleans(),
)  # fmt: skip
def test_some_touches_answer_as_all_do(drawn, action, by, days, within, cuts, machines, bots, ready):
    log = [event_of(number, one) for number, one in enumerate(drawn)]
    asked = {"action": action, "by": by, "range": days, "within": within, "machines": machines, "bots": bots}
    with tempfile.TemporaryDirectory() as folder:
        ours, every = asked_both(log, folder, cuts, ready, **asked)
        assert ours[0] == every[0]
        # A value that was only met before the range has no row; nobody is behind it.
        assert every[1] == {cell: ours[1].get(cell, []) for cell in every[1]}
        assert ours[1].keys() <= every[1].keys()
