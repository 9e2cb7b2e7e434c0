"""A property that is a number here and a text there is one column, the same whichever came first and wherever it lies."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from afterclick.core.event import Event
from afterclick.stitch.derive import Derivation
from afterclick.store import current
from afterclick.store.live.tail import Tail
from afterclick.store.store import Store
from support.tail import EventRows, put
from support.tiny import DAY0

VALUES = {"a": 12, "b": "M", "c": 12.0, "d": 0.5, "e": None, "f": "12", "g": 3_000_000}
TEXTS = {"a": "12", "b": "M", "c": "12", "d": "0.5", "e": None, "f": "12", "g": "3000000"}


def event(name: str) -> Event:
    return Event(event_id=name, event="Product Viewed", occurred_at=DAY0, anonymous_id=name, properties={"size": VALUES[name]})


def sizes(store: Store) -> dict[str, str | None]:
    snapshot = store.snapshot()
    rows = np.arange(snapshot.rows)
    assert snapshot.column_kind("p.size") == "coded"
    texts = snapshot.book("p.size").values(snapshot.take("p.size", rows)).to_pylist()
    return dict(zip(snapshot.event_ids(rows), texts, strict=True))


@pytest.mark.parametrize("order", [*itertools.islice(itertools.permutations(VALUES), 0, 5040, 2000)])
@pytest.mark.parametrize("sealed", [False, True])
def test_the_order_of_arrival_and_where_the_events_lie_change_nothing(tmp_path, monkeypatch, order, sealed) -> None:
    monkeypatch.setattr(current, "REFRESH_S", 0.0)
    with Store.open(tmp_path / "shop", derive=Derivation(), rows=EventRows(), write=True, create=True) as store:
        tail = Tail.open(store.path)
        for number, name in enumerate(order):
            put(tail, event(name))
            store.snapshot()
            if sealed and number % 2:
                store.seal(tail)
        assert sizes(store) == TEXTS
        store.seal(tail)
        while store.compact():
            pass
        assert sizes(store) == TEXTS
        store.rebuild()
        assert sizes(store) == TEXTS
        tail.close()


def test_a_property_that_became_text_is_coded_before_its_segment_counts(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(current, "REFRESH_S", 0.0)

    class Counted(Derivation):
        def __init__(self) -> None:
            self.rows: list[int] = []

        def __call__(self, segment, books, definitions, order_lines):
            self.rows.append(segment.num_rows)
            return super().__call__(segment, books, definitions, order_lines)

    derive = Counted()
    with Store.open(tmp_path / "shop", derive=derive, rows=EventRows(), write=True, create=True) as store:
        tail = Tail.open(store.path)
        for name in "ab":
            put(tail, event(name))
            store.snapshot()
            store._current.view.freeze()
        assert len(store.snapshot().tail.batches) == 2, "apart, as when the first is being sealed"
        made = len(derive.rows)
        store.seal(tail)
        assert derive.rows[made:] == [2], "once, by the sealing itself"
        put(tail, event("c"))
        assert store.snapshot().take("p.size", np.arange(3)).tolist() != []
        assert derive.rows[made:] == [2, 1]
        store.seal(tail)
        put(tail, event("g"))
        store.seal(tail)
        made = len(derive.rows)
        assert store.compact() is not None
        assert derive.rows[made:] == [3 + 1], "once more over all rows, by the merging itself"
        names = ("a", "b", "c", "g")
        assert sizes(store) == {name: TEXTS[name] for name in names}
        tail.close()
