"""What was read of a very large store may leave the memory, and reads the same again; nothing without a file does."""

from __future__ import annotations

import numpy as np

import afterclick
from afterclick.core.event import Event
from afterclick.store import arrow_files, snapshot

START = 1_767_225_600_000_000


def values(whole, name):
    return np.concatenate([chunk.columns[name] for chunk in whole.chunks((name,))]).tolist()


def test_columns_read_the_same_after_they_were_let_go(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot, "LARGE", 1)
    monkeypatch.setattr(snapshot, "_MANY", 1)
    with afterclick.open(tmp_path / "shop", write=True, create=True) as shop:
        for part in range(2):
            sold = {"event": "Order Completed", "anonymous_id": "v"}
            shop.append([Event(event_id=f"{part}-{i}", occurred_at=START + i, amount=i, **sold) for i in range(4_000)])
        whole = shop.store.snapshot()
        before = {name: values(whole, name) for name in ("at", "amount")}
        rows = np.arange(whole.rows)[::-1]
        assert whole.take("amount", rows).tolist() == before["amount"][::-1]
        whole.let_go(("at", "amount", "no such column"))
        whole.let_go(("at",), start=3_990, rows=20)
        assert {name: values(whole, name) for name in before} == before


def test_parts_of_pages_are_left_alone(tmp_path):
    values = np.arange(2_000, dtype=np.int64)
    known = arrow_files.write_columns(tmp_path / "one.arrow", {"a": values}, {})
    found = arrow_files.views(arrow_files.map_file(tmp_path / "one.arrow", known), known)["a"]
    for low, high in ((0, 2_000), (5, 6), (7, 7), (1, 1_999)):
        arrow_files.let_go(found[low:high])
    assert found.tolist() == values.tolist()


def test_memory_without_a_file_is_not_touched(monkeypatch, tmp_path):
    monkeypatch.setattr(snapshot, "LARGE", 1)
    gone = []
    monkeypatch.setattr(arrow_files, "let_go", gone.append)
    with afterclick.open(tmp_path / "shop", write=True, create=True) as shop:
        shop.append([Event(event_id="e", event="Page Viewed", occurred_at=START, anonymous_id="v")])
        found = shop.store.snapshot()
        assert all(piece.mapped for piece in found.pieces)
        found.pieces = tuple(type(piece)(**{**vars(piece), "mapped": False}) for piece in found.pieces)
        found.let_go(("at",))
    assert not gone
