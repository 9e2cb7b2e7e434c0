"""A group that stumbles at one step: its rates are those of the next step, its orders only those that would have followed."""

from __future__ import annotations

import numpy as np
import pytest

import afterclick
from afterclick import Barriers
from afterclick.core import spans
from afterclick.core.event import Event

START = 1_767_225_600_000_000
WAY = ("Product Viewed", "Cart Viewed", "Checkout Started", "Payment Info Entered", "Order Completed")
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 Version/18.3 Mobile/15E148 Safari/604.1"
DESK = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/133.0.0.0 Safari/537.36"


def visit(number, rng, stumbles):
    """One visit of one visitor: a page, and then, of a quarter of them, the way to an order."""
    phone = rng.random() < 0.5
    at = START + number * spans.MINUTE
    base = {"anonymous_id": f"v{number}", "user_agent": PHONE if phone else DESK}
    yield Event(event_id=f"p{number}", event="Page Viewed", type="page", occurred_at=at, url="https://shop.example/", **base)
    if rng.random() > 0.25:
        return
    for place, name in enumerate(WAY):
        sold = {"order_id": f"o{number}", "amount": 1_000_000} if name == "Order Completed" else {}
        when = at + (place + 1) * spans.SECOND * 20
        yield Event(event_id=f"{name}{number}", event=name, type="track", occurred_at=when, **base, **sold)
        if rng.random() > (0.3 if phone and stumbles and name == "Checkout Started" else 0.7):
            return


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    rng = np.random.default_rng(5)
    events = [event for number in range(24_000) for event in visit(number, rng, stumbles=True)]
    with afterclick.open(tmp_path_factory.mktemp("stumble") / "shop", write=True, create=True) as shop:
        shop.append(events)
        yield shop.ask(Barriers(range="all", compare="none")), events


def segment(result):
    return next(row for row in result.frame.to_pylist() if row["kind"] == "segment" and row["rank"])


def test_the_group_is_named_at_its_step(found):
    row = segment(found[0])
    assert "Checkout Started" in row["name"]
    assert row["met_rate"] == pytest.approx(0.3, abs=0.05)
    assert row["expected_rate"] == pytest.approx(0.7, abs=0.05)


def test_who_went_on_took_the_next_step(found):
    result, events = found
    row = segment(result)
    phones = {event.anonymous_id for event in events if event.user_agent == PHONE}
    here = {event.anonymous_id for event in events if event.event == "Checkout Started"} & phones
    after = {event.anonymous_id for event in events if event.event == "Payment Info Entered"} & phones
    assert (row["visitors"], row["went_on"], row["lost"]) == (len(here), len(after), len(here) - len(after))
    for part, count in (("met", len(here)), ("went_on", len(after)), ("lost", len(here) - len(after))):
        assert len(result.people(f"barrier={row['key']};part={part}")) == count


def test_lost_orders_are_those_that_would_have_followed(found):
    """Of those who take the next step .7 order, so that not every missing step is a missing order."""
    result, events = found
    row = segment(result)
    days = {event.occurred_at // spans.DAY for event in events}
    steps = row["visits"] * row["difference_rate"]
    assert row["lost_orders"] == pytest.approx(steps * 0.7 * 30 / len(days), rel=0.1)
