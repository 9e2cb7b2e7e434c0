"""What is said, joined and passed on in the example shop: the same each time, apart from the export, with its truths in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import afterclick
from afterclick import Feedback, Referrals, Rewards
from afterclick.app.demo import Shop, write
from afterclick.app.demo.shop import CURRENCY, ZONE
from afterclick.app.demo.voices import write_voices

SHOP = Shop(events=150_000, seed=7)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("voices")


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[afterclick.Workspace]:
    export = write(SHOP, folder)
    feedback, programme = write_voices(SHOP, folder)
    with afterclick.open(folder / "store", write=True, create=True) as opened:
        own = {"timezone": ZONE, "currency": CURRENCY, "own_domains": ("hanbit.example",)}
        opened.store.save_definitions(msgspec.structs.replace(opened.store.definitions, **own))
        opened.import_files([export])
        opened.import_files([feedback], kind="feedback")
        opened.import_files([programme])
        yield opened


def test_it_is_the_same_each_time_and_few_beside_the_export(store, folder, tmp_path):
    again = write_voices(SHOP, tmp_path)
    for path in again:
        assert pq.read_table(path).equals(pq.read_table(folder / path.name))
    rows = sum(pq.read_table(path).num_rows for path in again)
    assert 0.002 * SHOP.events < rows < 0.012 * SHOP.events
    known = set(pq.read_table(folder / "events.parquet", columns=["anonymous_id"])["anonymous_id"].to_pylist())
    told = pq.read_table(again[0])["anonymous_id"].to_pylist() + pq.read_table(again[1])["anonymous_id"].to_pylist()
    assert set(told) <= known
    assert pc.all(pc.less_equal(pq.read_table(again[0])["score"], pq.read_table(again[0])["scale"])).as_py()


def test_those_whose_code_is_refused_score_lower_and_say_why(store):
    found = store.ask(Feedback(range="all", compare="none", barrier="error:Coupon Denied"))
    assert found.figures["difference_high"] < -0.1
    said = " ".join(row["text"] for row in found.parts["quotes"].to_pylist())
    assert any(word in said for word in ("할인코드", "쿠폰", "discount code"))


def test_members_come_back_no_more_than_visitors_alike_though_it_looks_so(store):
    row = next(
        row
        for row in store.ask(Rewards(range="all", after="14d", compare="none")).frame.to_pylist()
        if row["outcome"] == "returned_rate"
    )
    assert row["low"] <= 0 <= row["high"]
    assert row["naive_difference"] > 0.08


def test_promoters_tell_others(store):
    figures = store.ask(Referrals(range="all", compare="none")).figures
    assert figures["telling_low"] > 0
    assert figures["referred"] > 20
    assert figures["unknown_referrer"] == 0
