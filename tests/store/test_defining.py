"""What is written down can be changed beside a process that writes events; two changes at once do not lose one."""

from __future__ import annotations

import threading

import pytest

import afterclick
from afterclick import Kpi
from afterclick.core.errors import StoreLocked
from afterclick.store import defining
from afterclick.store.lock import DEFINITIONS, Lock
from support.shop import DAY0, Shop


@pytest.fixture
def store(tmp_path):
    with Shop().add("v1", DAY0, "Page Viewed").open(tmp_path / "shop"):
        return tmp_path / "shop"


def test_questions_are_saved_while_another_process_writes_events(store):
    lock = Lock(store)
    lock.acquire()
    with afterclick.open(store) as shop:
        shop.save("Mine", Kpi())
        shop.define(timezone="Asia/Seoul")
        assert list(shop.saved()) == ["Mine"]
        with pytest.raises(StoreLocked):
            shop.append([])
    lock.release()


def test_changes_of_several_at_once_are_all_kept(store):
    def save(number):
        with afterclick.open(store) as shop:
            for one in range(5):
                shop.save(f"{number}-{one}", Kpi())

    threads = [threading.Thread(target=save, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with afterclick.open(store) as shop:
        assert len(shop.saved()) == 20


def test_who_takes_too_long_is_named(store, monkeypatch):
    monkeypatch.setattr(defining, "_PATIENCE_S", 0.1)
    held = Lock(store, DEFINITIONS)
    held.acquire()
    with afterclick.open(store) as shop, pytest.raises(StoreLocked, match="pid"):
        shop.save("Mine", Kpi())
    held.release()
