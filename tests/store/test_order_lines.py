"""Orders that come as lines: one total, in one row, however many files the lines are spread over."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from afterclick.store import lines, log
from afterclick.store.columns import NO_AMOUNT
from afterclick.store.store import Store
from support.tiny import DAY0, TinyDerive, events, table


def line(event_id: str, order: str | None, amount: int | None, *, at: int = 0, **more) -> dict:
    return {
        "event_id": event_id, "order_id": order, "amount": amount, "occurred_at": DAY0 + at, "event": "Order Completed",
        "order_line": True, "anonymous_id": "v", **more,
    }  # fmt: skip


def put(store: Store, rows: pa.Table) -> None:
    with store.transaction("test") as transaction:
        transaction.add(rows)
        transaction.commit()


def amounts(store: Store) -> dict[str, int]:
    snapshot = store.snapshot()
    rows = np.arange(snapshot.rows)
    found = zip(snapshot.event_ids(rows), snapshot.take("amount", rows).tolist(), strict=True)
    return {event_id: amount for event_id, amount in found if amount != NO_AMOUNT}


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "shop", derive=TinyDerive(), write=True, create=True) as opened:
        yield opened


def test_lines_of_one_order_add_up_in_its_earliest_line(store) -> None:
    put(store, table([line("b", "1", 5), line("a", "1", 7), line("c", "1", 1, at=-1), line("d", "2", 9)]))
    assert amounts(store) == {"c": 13, "d": 9}


def test_a_later_import_of_more_lines_derives_the_piece_of_the_earlier_ones_again(store) -> None:
    derive = store._current.projection._derive
    put(store, table([line("b", "1", 5), line("c", "2", 2)]))
    put(store, table([line("d", "3", 4)]))
    put(store, events(3, prefix="x"))
    assert derive.calls == [2, 1, 3]
    put(store, table([line("e", "1", 10), line("a", "9", 1)]))
    entry = store.manifest.entries[-1]
    assert entry.stale == (store.manifest.segments[0].name,)
    found = amounts(store)
    assert {key: found[key] for key in "abcd"} == {"a": 1, "b": 15, "c": 2, "d": 4}
    assert derive.calls == [2, 1, 3, 2, 2], "the pieces between lend their texts to nobody, so they stay"
    put(store, table([line("0", "1", 100, at=-5)]))
    found = amounts(store)
    assert (found["0"], "b" in found) == (115, False)
    with Store.open(store.path, derive=TinyDerive()) as reader:
        assert amounts(reader) == found
    assert amounts_after_rebuild(store) == found


def amounts_after_rebuild(store: Store) -> dict[str, int]:
    store.rebuild()
    return amounts(store)


def test_a_crash_before_the_pieces_were_derived_leaves_no_old_total(store, monkeypatch) -> None:
    put(store, table([line("b", "1", 5)]))
    monkeypatch.setattr(Store, "_derive_new", lambda *_: None)
    put(store, table([line("e", "1", 10)]))
    store.close()
    monkeypatch.undo()
    with Store.open(store.path, derive=TinyDerive()) as reader:
        assert amounts(reader) == {"b": 15}


CURRENCY = st.sampled_from([None, "KRW", "USD"])
LINE = st.tuples(st.sampled_from(["1", "2", None]), st.none() | st.integers(0, 50), st.integers(0, 2), CURRENCY)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(LINE, min_size=1, max_size=5), max_size=3))
def test_the_sums_are_those_of_a_plain_loop(tmp_path_factory, files) -> None:
    folder = tmp_path_factory.mktemp("log")
    rows, entries = [], []
    for number, file in enumerate(files):
        part = [
            line(
                f"{number}-{i}",
                order,
                amount,
                at=at,
                currency=currency,
                event="Order Completed" if at else "Order Refunded",
            )
            for i, (order, amount, at, currency) in enumerate(file)
        ]
        entries.append(log.write_segment(folder, f"s{number}", table(part)).entry)
        rows += part
    wanted = {}
    for row in sorted(rows, key=lambda row: (row["occurred_at"], row["event_id"])):
        if row["order_id"] is None:
            continue
        first = wanted.setdefault(
            (row["order_id"], row["event"]), {"first": row, "amounts": [], "lines": 0, "other": 0}
        )
        first["lines"] += 1
        if row["currency"] != first["first"]["currency"]:
            first["other"] += 1
        elif row["amount"] is not None:
            first["amounts"].append(row["amount"])
    found = lines.order_lines(folder, entries)
    assert found.schema == lines.ORDER_LINES
    assert {(row["order_id"], row["event"]): row for row in found.to_pylist()} == {
        (order, event): {
            "order_id": order, "event": event, "first": w["first"]["event_id"], "first_at": w["first"]["occurred_at"],
            "amount": sum(w["amounts"]) if w["amounts"] else None, "currency": w["first"]["currency"],
            "lines": w["lines"], "other_currency": w["other"],
        }
        for (order, event), w in wanted.items()
    }  # fmt: skip


def test_a_store_without_lines_computes_nothing(store) -> None:
    put(store, events(3))
    assert store.manifest.entries[0].stale == ()
    assert store.manifest.segments[0].lines == 0
    assert lines.order_lines(store.path / "log", store.manifest.segments).num_rows == 0
