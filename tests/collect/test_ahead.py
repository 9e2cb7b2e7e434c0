"""A producer in a thread of its own: order kept, errors handed over, nothing left running."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from afterclick.collect.ahead import ahead
from afterclick.core import clock


def running() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "afterclick-ahead"]


def test_items_come_in_order_and_the_thread_ends() -> None:
    assert list(ahead(lambda: iter(range(100)), 3)) == list(range(100))
    assert running() == []


def test_an_error_is_raised_where_the_items_are_wanted() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    found = ahead(broken)
    assert next(found) == 1
    with pytest.raises(ValueError, match="broken"):
        next(found)
    assert running() == []


def test_a_consumer_that_stops_early_ends_and_closes_the_producer() -> None:
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            number = 0
            while True:
                yield number
                number += 1
        finally:
            closed.set()

    with closing(ahead(endless)) as found:
        assert [next(found), next(found)] == [0, 1]
    assert closed.is_set()
    assert running() == []


def test_the_held_clock_is_held_there_too() -> None:
    with clock.held_at(42):
        assert list(ahead(lambda: iter([clock.now()]))) == [42]
