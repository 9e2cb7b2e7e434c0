"""The token bucket of a key, by hand and over a restart."""

from __future__ import annotations

import pytest

from afterclick.collect.live.rates import BURST, Bucket, Rates


def test_a_bucket_lets_its_burst_through_and_then_its_rate() -> None:
    bucket = Bucket(10, 100.0)
    sent = 0
    while not bucket.wait(100.0):
        bucket.charge(1)
        sent += 1
    assert sent == 10 * BURST
    assert bucket.wait(100.0) == 1
    assert bucket.wait(100.05) == 0, "half an event has flowed in"
    bucket.charge(1)
    assert bucket.wait(100.05) == 1


def test_a_batch_larger_than_the_bucket_passes_and_is_waited_for() -> None:
    bucket = Bucket(10, 0.0)
    assert bucket.wait(0.0) == 0
    bucket.charge(250)
    assert bucket.wait(0.0) == 21
    assert bucket.wait(19.9) == 1
    assert bucket.wait(20.1) == 0


def test_case_28_a_clock_that_goes_back_neither_fills_nor_starves() -> None:
    bucket = Bucket(10, 1000.0)
    bucket.charge(60)
    assert bucket.wait(10.0) == 2
    assert bucket.wait(1001.5) == 0


def test_case_43_the_counter_survives_a_restart_within_one_window() -> None:
    first = Rates("", 50.0, 1_000_000_000)
    bucket = first.of("write1", 10, 50.0)
    assert bucket is not None
    bucket.charge(10 * BURST + 30)
    state = first.state(50.0, 1_000_000_000)
    # The monotonic clock begins anew with the process; wall time carries over.
    second = Rates(state, 7.0, 1_001_000_000)
    again = second.of("write1", 10, 7.5)
    assert again is not None
    assert again.level(7.5) == pytest.approx(-15.0)
    assert again.wait(7.5) == 2
    other = second.of("write2", 10, 7.5)
    assert other is not None
    assert other.wait(7.5) == 0, "others are unaffected"


@pytest.mark.parametrize("kept", ["", "{", "[1]", '[99999999999999999,{"write1":-5}]', '["x",{}]'])
def test_state_that_cannot_be_read_counts_as_none(kept: str) -> None:
    bucket = Rates(kept, 0.0, 1_000).of("write1", 10, 0.0)
    assert bucket is not None
    assert bucket.wait(0.0) == 0


def test_a_full_bucket_leaves_nothing_to_be_written() -> None:
    rates = Rates("", 0.0, 0)
    bucket = rates.of("write1", 10, 0.0)
    assert bucket is not None
    assert rates.state(0.0, 0) == ""
    bucket.charge(1)
    assert rates.state(0.0, 0) != ""
    assert rates.state(1.0, 0) == ""
    assert rates.of("write1", 0, 1.0) is None
    rates.forget({})
    assert rates.state(0.0, 0) == ""
