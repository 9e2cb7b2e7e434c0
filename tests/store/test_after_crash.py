"""After a writer that never gave its lock back, every byte of the projection is looked at: damage is made good, not served."""

from __future__ import annotations

import numpy as np
import pytest

import afterclick
from afterclick import Kpi
from afterclick.store import arrow_files, piece_files
from afterclick.store.lock import NAME
from support.shop import DAY0, Shop


@pytest.fixture
def store(tmp_path):
    shop = Shop()
    for number in range(200):
        shop.add(f"v{number % 17}", DAY0 + number * 1_000_000, "Page Viewed")
    with shop.open(tmp_path / "shop") as opened:
        expected = opened.ask(Kpi(range="all")).figures
    return tmp_path / "shop", expected


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def columns(store):
    return next((store / "projection").glob(f"*/{piece_files.COLUMNS}"))


def test_a_flipped_bit_of_a_small_piece_is_seen_when_it_is_opened(store):
    path, expected = store
    for place in np.linspace(0, columns(path).stat().st_size - 1, 25).astype(int):
        flip(columns(path), place)
        with afterclick.open(path) as shop:
            assert shop.ask(Kpi(range="all")).figures == expected, place


@pytest.mark.parametrize("crashed", [True, False])
def test_a_flipped_bit_of_a_large_piece_is_seen_by_the_next_writer_after_a_crash(store, monkeypatch, crashed):
    path, expected = store
    monkeypatch.setattr(arrow_files, "SMALL", 0)
    place = columns(path).stat().st_size // 2
    flip(columns(path), place)
    before = columns(path).read_bytes()
    if crashed:
        (path / NAME).write_text("pid 1 (afterclick serve)\n")
    with afterclick.open(path, write=True) as shop:
        found = shop.ask(Kpi(range="all")).figures
    assert (columns(path).read_bytes() != before) == crashed
    assert found == expected or not crashed


def test_who_gives_the_lock_back_leaves_no_sign_of_a_crash(store):
    path, _ = store
    for _ in range(2):
        with afterclick.open(path, write=True) as shop:
            assert not shop.store._lock.after_crash
    (path / NAME).write_text("pid 1 (afterclick serve)\n")
    with afterclick.open(path, write=True) as shop:
        assert shop.store._lock.after_crash
