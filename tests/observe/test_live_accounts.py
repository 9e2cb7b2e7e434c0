"""Live traffic is accounted for: received = stored + duplicates + rejected, wherever it lies."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from afterclick.analyse.catalogue import Data
from afterclick.analyse.checks import Doctor
from afterclick.app.workspace import Workspace
from afterclick.observe.reconcile.question import Reconcile
from afterclick.stitch.derive import Derivation
from afterclick.store import current, traffic
from afterclick.store.live import mark
from afterclick.store.live.tail import Tail
from afterclick.store.store import Store
from support.sealing import event
from support.tail import BAD, EventRows, bad, call, put


@pytest.fixture(autouse=True)
def at_once(monkeypatch) -> None:
    monkeypatch.setattr(current, "REFRESH_S", 0.0)


@pytest.fixture
def shop(tmp_path):
    store = Store.open(tmp_path / "shop", derive=Derivation(), rows=EventRows(), write=True, create=True)
    with Workspace(store) as opened:
        yield opened


@pytest.fixture
def tail(shop):
    opened = Tail.open(shop.store.path)
    yield opened
    opened.close()


def fill(shop: Workspace, tail: Tail) -> None:
    """12 events received: 8 stored, 2 known already (one by the import), 2 refused."""
    shop.append([event(0), event(1)])
    put(tail, *map(event, range(2, 6)), event(1))
    tail.commit([call([event(6), event(7)], [bad("x")], at=2, bodies=[BAD])])
    tail.commit([call([event(8), event(9)], at=3)._replace(duplicates=1)])


def checks(shop: Workspace) -> dict[str, tuple[str, int]]:
    return {row["check"]: (row["severity"], row["count"]) for row in shop.doctor().frame.to_pylist()}


def received(shop: Workspace) -> dict[str, object]:
    rows = shop.ask(Reconcile(range="all", compare="none")).frame.to_pylist()
    return next(row for row in rows if row["line"] == "received")


def test_the_equation_holds_before_and_after_sealing_and_names_the_numbers(shop, tail) -> None:
    fill(shop, tail)
    for step in ("tail", "sealed", "sealed again", "merged"):
        snapshot = shop.store.snapshot()
        assert traffic.balance(snapshot) == (12, 8, 2, 2), step
        assert traffic.unaccounted(snapshot) == 0, step
        found = checks(shop)
        assert {found[name] for name in ("balance", "tail", "live_balance", "segments")} == {("ok", 0)}, step
        assert found["rejected"] == ("notice", 2)
        assert received(shop)["status"] == "ok", step
        figures = shop.ask(Data()).figures
        assert (figures["events"], figures["imports"], figures["duplicates"], figures["rejected"]) == (10, 1, 2, 2), step
        live = [row for row in shop.ask(Data()).parts["imports"].to_pylist() if row["source"] == "live"]
        assert [(row["read"], row["stored"], row["duplicates"], row["rejected"]) for row in live] == [(12, 8, 2, 2)]
        if step == "merged":
            while shop.store.compact():
                pass
        else:
            shop.store.seal(tail)


def test_case_9_a_damaged_row_of_the_tail_is_named_and_missed_by_the_balance(shop, tail) -> None:
    fill(shop, tail)
    tail.close()
    with contextlib.closing(sqlite3.connect(shop.store.path / "live.db")) as connection:
        connection.execute("UPDATE calls SET bodies = replace(bodies, 'e0003', 'e0093') WHERE seq = 1")
        connection.commit()
    found = checks(shop)
    assert found["tail"][0] == "warning"
    assert found["live_balance"] == ("warning", 5)
    assert shop.store.snapshot().rows == 6, "the rest is served"
    assert received(shop)["status"] == "failed"
    assert {one.file for one in shop.store.verify() if one.severity == "damaged"} == {"live.db"}


def test_a_tail_that_ends_below_its_mark_is_said(shop, tail) -> None:
    fill(shop, tail)
    tail.close()
    assert checks(shop)["tail"] == ("ok", 0)
    mark.write(shop.store.path, 9)
    assert any("9" in one.message for one in shop.store.verify() if one.severity == "damaged")
    (shop.store.path / "live.db").unlink()
    assert checks(shop)["tail"][0] == "warning"


def test_without_live_traffic_nothing_is_said_of_it(shop) -> None:
    shop.append([event(0)])
    assert [row["source"] for row in shop.ask(Data()).parts["imports"].to_pylist()] == ["api"]
    assert received(shop)["status"] == "ok"
    assert shop.ask(Doctor(range="all", compare="none")).figures["wrong"] == 0
