"""Borrowed memory is used again, never by two at once, and not kept without bound."""

from __future__ import annotations

import numpy as np
import pytest

from afterclick.analyse import scratch
from afterclick.analyse.scratch import borrowed


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    monkeypatch.setattr(scratch, "_FREE", [])


def place(values):
    return values.__array_interface__["data"][0]


def test_memory_is_used_again_by_whoever_fits():
    with borrowed(1000, np.int64) as first:
        where = place(first)
        assert (first.dtype, len(first), first.flags.writeable) == (np.int64, 1000, True)
    with borrowed(700, np.int32) as second:
        assert place(second) == where
        assert (second.dtype, len(second)) == (np.int32, 700)
        with borrowed(700, np.int32) as third:
            assert place(third) != where


def test_two_at_once_do_not_share():
    with borrowed(10, np.int64) as one, borrowed(10, np.int64) as other:
        one[:], other[:] = 1, 2
        assert (one.sum(), other.sum()) == (10, 20)
    assert len(scratch._FREE) == 2


def test_memory_comes_back_after_an_error():
    with pytest.raises(RuntimeError), borrowed(10, np.int64):
        raise RuntimeError
    assert len(scratch._FREE) == 1


@pytest.mark.parametrize(
    ("sizes", "kept"), [((40, 50, 60), [60]), ((30, 200), [30]), ((101,), []), ((0, 100), [0, 100])]
)
def test_no_more_is_kept_than_said(monkeypatch, sizes, kept):
    monkeypatch.setattr(scratch, "KEPT_BYTES", 100)
    for size in sizes:
        scratch._give_back(np.empty(size, np.uint8))
    assert [len(memory) for memory in scratch._FREE] == kept
