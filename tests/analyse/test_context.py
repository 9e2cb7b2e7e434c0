"""What is derived from a snapshot is made once, whoever asks first, and a slow question blocks no other."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from afterclick.analyse.context import KEPT, Context
from support.shop import Shop


@pytest.fixture
def context(tmp_path):
    with Shop().add("v", "0m", "Page Viewed").open(tmp_path / "store") as shop:
        yield Context(shop.store.snapshot())


def test_a_value_is_made_once_by_many_askers(context):
    made = []

    def make():
        made.append(1)
        return len(made)

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(lambda _: context.keep(("x",), make), range(64)))
    assert answers == {1}


def test_a_slow_question_blocks_no_other(context):
    started, release = threading.Event(), threading.Event()

    def slow():
        started.set()
        assert release.wait(10)
        return "slow"

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(context.keep, ("slow",), slow)
        assert started.wait(10)
        assert context.keep(("quick",), lambda: "quick") == "quick"
        release.set()
        assert waiting.result(10) == "slow"


def test_what_failed_is_tried_again_and_the_least_used_is_forgotten(context):
    with pytest.raises(ZeroDivisionError):
        context.keep(("x",), lambda: 1 // 0)
    assert context.keep(("x",), lambda: 5) == 5
    for number in range(KEPT):
        context.keep((number,), lambda number=number: number)
    assert context.keep(("x",), lambda: 6) == 6
