"""What was read of a very large store may leave the memory, and reads the same again; nothing without a file does."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

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
        gone, let_go = [], arrow_files.let_go
        monkeypatch.setattr(arrow_files, "let_go", lambda column: gone.append(len(column)) or let_go(column))
        before = {name: values(whole, name) for name in ("at", "amount")}
        rows = np.arange(whole.rows)[::-1]
        assert whole.take("amount", rows).tolist() == before["amount"][::-1]
        gone.clear()
        whole.let_go(("at", "amount", "no such column"))
        whole.let_go(("at",), start=3_990, rows=20)
        assert gone == [4_000, 4_000, 4_000, 4_000, 10, 10]
        assert {name: values(whole, name) for name in before} == before


def test_parts_of_pages_are_left_alone(tmp_path):
    values = np.arange(2_000, dtype=np.int64)
    known = arrow_files.write_columns(tmp_path / "one.arrow", {"a": values}, {})
    found = arrow_files.views(arrow_files.map_file(tmp_path / "one.arrow", known), known)["a"]
    for low, high in ((0, 2_000), (5, 6), (7, 7), (1, 1_999)):
        arrow_files.let_go(found[low:high])
    assert found.tolist() == values.tolist()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is told so only there")
def test_a_file_that_was_read_to_be_checked_stays_out_of_memory(tmp_path):
    path = tmp_path / "one.arrow"
    known = arrow_files.write_columns(path, {"a": np.arange(2_000_000, dtype=np.int64)}, {})
    found = arrow_files.views(arrow_files.map_file(path, known), known)["a"]
    mapped = re.search(rf"{re.escape(str(path))}$.*?^Rss: +(\d+) kB", Path("/proc/self/smaps").read_text(), re.M | re.S)
    assert int(mapped[1]) < 1_000
    assert found[[0, -1]].tolist() == [0, 1_999_999]


def test_memory_without_a_file_is_not_touched(monkeypatch, tmp_path):
    monkeypatch.setattr(snapshot, "LARGE", 1)
    gone = []
    monkeypatch.setattr(arrow_files, "let_go", gone.append)
    with afterclick.open(tmp_path / "shop", write=True, create=True) as shop:
        shop.append([Event(event_id="e", event="Page Viewed", occurred_at=START, anonymous_id="v")])
        found = shop.store.snapshot()
        assert all(piece.mapped for piece in found.pieces)
        found.let_go(("at",))
        assert len(gone) == 1
        gone.clear()
        found.pieces = tuple(type(piece)(**{**vars(piece), "mapped": False}) for piece in found.pieces)
        found.let_go(("at",))
    assert not gone
