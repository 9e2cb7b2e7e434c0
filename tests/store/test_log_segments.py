"""Segments: the order of their rows, their columns, and pages that tell when they are damaged."""

import hashlib
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterclick.core.errors import StoreError
from afterclick.core.event import LOG_COLUMNS
from afterclick.store import disk, log, segment
from support.tiny import DAY, DAY0, HOUR, events, table

ROW = st.fixed_dictionaries(
    {
        "anonymous_id": st.sampled_from([None, "a", "b", "가"]),
        "user_id": st.sampled_from([None, "a", "u"]),
        "email": st.sampled_from([None, "m@x"]),
        "occurred_at": st.sampled_from([-1, 0, DAY0, DAY0 + 1, DAY0 + DAY - 1, DAY0 + DAY, -5 * DAY]),
    }
)


def written(folder, rows: pa.Table, name: str = "s") -> log.Written:
    return log.write_segment(folder, name, rows)


@given(st.lists(ROW, min_size=1, max_size=40), st.randoms())
def test_rows_stand_by_day_id_instant_and_event_id(rows, random) -> None:
    numbered = [{**row, "event_id": f"{'same-prefix-' * (i % 2)}{i}"} for i, row in enumerate(rows)]
    wanted = sorted(
        numbered,
        key=lambda row: (
            row["occurred_at"] // DAY,
            (row["anonymous_id"] or row["user_id"] or row["email"] or "").encode(),
            row["occurred_at"],
            row["event_id"],
        ),
    )
    random.shuffle(numbered)
    found = log.arrange(log.conform(table(numbered)))
    assert found["event_id"].to_pylist() == [row["event_id"] for row in wanted]


def test_a_segment_does_not_depend_on_the_order_of_arrival(tmp_path) -> None:
    rows = events(500)
    order = np.random.default_rng(3).permutation(500)
    one, other = written(tmp_path, rows, "a").entry, written(tmp_path, rows.take(pa.array(order)), "b").entry
    assert (one.sha256, one.bytes) == (other.sha256, other.bytes)


def test_everything_written_is_read_back(tmp_path) -> None:
    rows = [
        {"event_id": "1", "occurred_at": -3, "amount": -5, "properties": '{"a":1}', "order_line": True, "p.ok": True},
        {"event_id": "2", "received_at": 7, "url": "https://한국.example/\0", "p.text": "x", "p.n": 2**60, "p.f": 0.1},
        {"event_id": "3", "currency": "KRW", "p.f": float("nan")},
    ]
    given_rows = table(rows, ok=pa.bool_(), text=pa.string(), n=pa.int64(), f=pa.float64())
    entry = written(tmp_path, given_rows).entry
    found = segment.read_segment(tmp_path / "s.parquet")
    assert found.column_names == [*LOG_COLUMNS.names, "p.f", "p.n", "p.ok", "p.text"]
    assert found.schema.field("occurred_at").type == pa.timestamp("us", tz="UTC")
    assert repr(found.to_pylist()) == repr(given_rows.select(found.column_names).to_pylist())
    assert (entry.rows, entry.first_at, entry.last_at, entry.lines) == (3, -3, DAY0, 1)
    content = (tmp_path / "s.parquet").read_bytes()
    assert (entry.bytes, entry.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert segment.is_intact(tmp_path, entry)


def test_coded_and_large_texts_are_written_like_plain_ones(tmp_path) -> None:
    rows = events(50)
    for i, name in enumerate(rows.column_names):
        if rows.schema.field(name).type == pa.string():
            column = rows[name].cast(pa.large_string()) if i % 2 else rows[name].dictionary_encode()
            rows = rows.set_column(i, name, column)
    assert written(tmp_path, rows, "a").entry.sha256 == written(tmp_path, events(50), "b").entry.sha256


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda t: t.drop_columns(["event_id"]), "'event_id' is missing"),
        (lambda t: t.append_column("price", pa.nulls(3, pa.string())), "'price' is no column of the log"),
        (lambda t: t.append_column("p.", pa.nulls(3, pa.string())), "'p.' is no column"),
        (lambda t: t.append_column("p.when", pa.nulls(3, pa.date32())), "properties are text"),
        (lambda t: t.set_column(0, "event_id", pa.array(["a", None, "b"])), "'event_id' has 1 empty rows"),
        (lambda t: t.set_column(17, "amount", pa.array(["1", "x", "2"])), "'amount'"),
        (lambda t: t.append_column("url", pa.nulls(3, pa.string())), "stands twice"),
        (lambda t: t.slice(0, 0), "0 rows"),
    ],
)
def test_what_is_no_log_row_is_refused(tmp_path, broken, message) -> None:
    with pytest.raises(ValueError, match=message):
        written(tmp_path, broken(table([{}, {"event_id": "b"}, {"event_id": "c"}])))
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_refuses_leaves_no_file(tmp_path, monkeypatch) -> None:
    def full(descriptor: int, content: bytes) -> None:
        os.write(descriptor, content[:3])
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(disk, "write_all", full)
    with pytest.raises(StoreError) as caught:
        written(tmp_path, events(20))
    assert caught.value.code == "disk_full"
    assert list(tmp_path.iterdir()) == []


def test_only_the_rows_and_columns_asked_for_are_read(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(log, "ROW_GROUP", 16)
    written(tmp_path, events(100))
    path = tmp_path / "s.parquet"
    assert pq.ParquetFile(path).metadata.num_row_groups == 7
    whole = segment.read_segment(path)
    for first, last in [(0, 100), (0, 1), (15, 17), (16, 32), (99, 100), (40, 40), (90, 200)]:
        part = segment.read_segment(path, ["amount", "event_id", "p.nothing"], (first, last))
        assert part.column_names == ["amount", "event_id"]
        assert part.to_pylist() == whole.slice(first, last - first).select(["amount", "event_id"]).to_pylist()
    coded = segment.read_whole(path)
    assert pa.types.is_dictionary(coded.schema.field("event").type)
    assert coded["event"].num_chunks == 1
    assert coded["event"].to_pylist() == whole["event"].to_pylist()


def test_single_rows_come_in_the_order_asked(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(log, "ROW_GROUP", 16)
    monkeypatch.setattr(segment, "_KEPT_BYTES", 2000)
    written(tmp_path, events(100))
    path = tmp_path / "s.parquet"
    whole = segment.read_segment(path)
    reader = segment.SegmentReader()
    for seed in range(5):
        rows = np.random.default_rng(seed).integers(0, 100, 30)
        for name in ("event_id", "amount", "email"):
            assert reader.take(path, name, rows).to_pylist() == whole[name].take(pa.array(rows)).to_pylist()
    assert reader.take(path, "event_id", np.zeros(0, np.int64)).to_pylist() == []
    assert reader.names(path) == set(whole.column_names)


def test_every_flipped_bit_of_a_segment_is_noticed(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(log, "ROW_GROUP", 64)
    entry = written(tmp_path, events(200)).entry
    path = tmp_path / "s.parquet"
    truth, content = segment.read_segment(path), path.read_bytes()
    random = np.random.default_rng(5)
    silent, said = 0, []
    for place in random.integers(0, len(content), 60).tolist():
        flipped = bytearray(content)
        flipped[place] ^= 1 << random.integers(8)
        path.write_bytes(flipped)
        assert not segment.is_intact(tmp_path, entry)
        try:
            silent += not segment.read_segment(path).equals(truth)
        except StoreError as error:
            said.append(("s.parquet" in error.message, bool(segment.damaged_groups(tmp_path, entry))))
    assert silent == 0
    assert set(said) == {(True, True)}
    path.write_bytes(content[: len(content) // 2])
    assert segment.damaged_groups(tmp_path, entry) == [0, 1, 2, 3]
    path.unlink()
    assert not segment.is_intact(tmp_path, entry)


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        (pa.scalar(1.0), pa.scalar(2.0), [1.0, None, 2.0]),
        (pa.scalar(1), pa.scalar(2.5), [1.0, None, 2.5]),
        (pa.scalar("a"), pa.scalar(2.0), ["a", None, "2"]),
        (pa.scalar(1.5), pa.scalar("b"), ["1.5", None, "b"]),
        (pa.scalar(True), pa.scalar("b"), ["true", None, "b"]),
        (pa.scalar(-0.1), pa.scalar(True), ["-0.1", None, "true"]),
    ],
)
def test_tables_with_other_properties_are_united(first, second, wanted) -> None:
    one = log.conform(table([{"p.x": first.as_py(), "event_id": "1"}, {"event_id": "2"}], x=first.type))
    other = log.conform(table([{"p.x": second.as_py(), "event_id": "3"}], x=second.type))
    found = log.unite([one, log.conform(table([])), other])
    assert found["p.x"].to_pylist() == wanted
    assert found["event_id"].to_pylist() == ["1", "2", "3"]


def test_numbers_beyond_a_float_become_text_rather_than_wrong() -> None:
    one, other = pa.table({"p.x": pa.array([2**53 + 1])}), pa.table({"p.x": pa.array([0.5])})
    assert log.unite([one, other])["p.x"].to_pylist() == [str(2**53 + 1), "0.5"]


def test_a_row_group_of_very_wide_rows_is_small(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(log, "_ROW_GROUP_BYTES", 200_000)
    rows = table([{"event_id": f"{i:04d}", "properties": "x" * 200} for i in range(4000)])
    written(tmp_path, rows)
    assert pq.ParquetFile(tmp_path / "s.parquet").metadata.num_row_groups == 4
    assert (
        segment.read_segment(tmp_path / "s.parquet", ["event_id"])["event_id"].to_pylist()
        == rows["event_id"].to_pylist()
    )


def test_an_hour_of_one_visitor_lies_together() -> None:
    rows = table([{"event_id": str(i), "occurred_at": DAY0 + i * HOUR, "anonymous_id": "ab"[i % 2]} for i in range(6)])
    assert log.arrange(log.conform(rows))["event_id"].to_pylist() == ["0", "2", "4", "1", "3", "5"]
