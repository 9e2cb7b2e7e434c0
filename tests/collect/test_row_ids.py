"""Ids made from content: the same for the same rows, whatever the chunks, and real repeats survive."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterclick.collect import columnmap, row_ids
from afterclick.collect.chunks import Chunk
from afterclick.collect.engine import Engine
from afterclick.collect.normalise import Normaliser

MAP = columnmap.from_dict({"columns": {"occurred_at": "ts", "event": "e", "user_id": "u", "properties": "data"}})
OTHER = columnmap.from_dict(
    {"columns": {"occurred_at": "when", "event": "what", "user_id": "who", "properties": "data"}}
)
TS = "2025-01-01T10:00:00Z"


@pytest.fixture(scope="module", autouse=True)
def engine() -> Iterator[None]:
    with Engine() as opened:
        HELD.append(opened)
        yield
        HELD.clear()


HELD: list[Engine] = []


def ids_of(rows: list[dict[str, str | None]], sizes: list[int], made: columnmap.ColumnMap = MAP) -> list[str]:
    """The event ids of rows that come in chunks of these sizes, over and over."""
    found: list[str] = []
    work = Normaliser(made, engine=HELD[0], zone=ZoneInfo("UTC"), source="x", now=0)
    start = turn = 0
    names = list(rows[0])
    while start < len(rows):
        part = rows[start : start + sizes[turn % len(sizes)]]
        table = pa.table({name: pa.array([row[name] for row in part], pa.string()) for name in names})
        done = work.run(Chunk(table, np.arange(start + 1, start + 1 + len(part)), damaged=False))
        found += done.table.column("event_id").to_pylist()
        start, turn = start + len(part), turn + 1
    return found


cells = st.sampled_from([None, "a", "b", "ab", "ÄÖ", "가"])
rows_of = st.lists(
    st.fixed_dictionaries(
        {"ts": st.just(TS), "e": st.sampled_from("xy"), "u": cells, "data": st.none(), "p1": cells, "p2": cells}
    ),
    min_size=1,
    max_size=40,
)


@given(rows_of, st.lists(st.integers(1, 9), min_size=1, max_size=4))
def test_chunks_do_not_matter(rows: list[dict[str, str | None]], sizes: list[int]) -> None:
    whole = ids_of(rows, [len(rows)])
    assert ids_of(rows, sizes) == whole
    assert len(set(whole)) == len(rows)


@given(rows_of, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_columns_does_not_matter(rows: list[dict[str, str | None]], chance: object) -> None:
    shuffled = rows.copy()
    chance.shuffle(shuffled)
    names = list(rows[0])
    chance.shuffle(names)
    assert Counter(ids_of([{name: row[name] for name in names} for row in shuffled], [7])) == Counter(ids_of(rows, [5]))


@given(rows_of)
def test_raw_names_of_mapped_columns_and_blank_columns_do_not_matter(rows: list[dict[str, str | None]]) -> None:
    renamed = [
        {
            "new": None,
            "who": row["u"],
            "what": row["e"],
            "when": row["ts"],
            "data": None,
            "p1": row["p1"],
            "p2": row["p2"],
        }
        for row in rows
    ]
    assert ids_of(renamed, [3], OTHER) == ids_of(rows, [4])


def test_a_value_in_another_column_is_another_row() -> None:
    one = [{"ts": TS, "e": "x", "u": None, "data": None, "p1": "ab", "p2": None}]
    two = [{"ts": TS, "e": "x", "u": None, "data": None, "p1": None, "p2": "ab"}]
    three = [{"ts": TS, "e": "x", "u": None, "data": None, "p1": "a", "p2": "b"}]
    assert len({ids_of(rows, [1])[0] for rows in (one, two, three)}) == 3


def test_the_id_is_the_hash_of_the_fields_by_name_and_repeats_are_numbered() -> None:
    rows: list[dict[str, str | None]] = [{"ts": TS, "e": "x", "u": "u1", "data": None, "p1": None, "p2": "z"}] * 3
    text = "".join(
        f"\x1e{name}\x1f{value}"
        for name, value in [("event", "x"), ("occurred_at", TS), ("p.p2", "z"), ("user_id", "u1")]
    )
    digest = hashlib.md5(text.encode()).hexdigest()
    assert ids_of(rows, [2]) == [digest, f"{digest}-1", f"{digest}-2"]


def test_a_changed_reading_of_the_time_does_not_change_ids() -> None:
    rows: list[dict[str, str | None]] = [{"ts": "2025-01-01 10:00", "e": "x", "u": "u1", "data": None}]
    elsewhere = columnmap.from_dict({**MAP.to_dict(), "time_unit": "%Y-%m-%d %H:%M"})
    assert ids_of(rows, [1], elsewhere) == ids_of(rows, [1])


@given(st.lists(st.lists(st.integers(0, 12), max_size=30), max_size=12))
def test_ordinals_count_equal_rows_over_all_chunks(chunks: list[list[int]]) -> None:
    ordinals, seen = row_ids.Ordinals(), Counter[int]()
    for chunk in chunks:
        hashes = pa.array([hashlib.md5(str(value).encode()).hexdigest() for value in chunk], pa.string())
        expected = []
        for value in chunk:
            expected.append(seen[value])
            seen[value] += 1
        assert ordinals.of(hashes).tolist() == expected
