"""Instants no calendar holds and zones nobody knows: rejected or kept as text, never a crash, never another time."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import afterclick
from afterclick.collect.sayable import sayable

INFINITY = 2**63 - 1
GOOD = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z in µs."""


def imported(tmp_path, **columns):
    base = {
        "event": pa.array(["Page Viewed"] * 2),
        "anonymous_id": pa.array(["a", "b"]),
        "occurred_at": pa.array(["2026-01-01T00:00:00Z"] * 2),
    }
    pq.write_table(pa.table(base | columns), tmp_path / "events.parquet")
    with afterclick.open(tmp_path / "shop", write=True, create=True) as shop:
        report = shop.import_files(tmp_path / "events.parquet")
        return report, [(one.code, one.message) for one in shop.rejects()], shop.info()["last_at"]


def test_infinity_of_a_database_is_a_bad_time_of_its_row_alone(tmp_path):
    report, rejects, last = imported(tmp_path, occurred_at=pa.array([GOOD, INFINITY], pa.timestamp("us", "UTC")))
    assert report.stored == 1
    assert last == "2026-01-01T00:00:00Z"
    assert [code for code, _ in rejects] == ["bad_time"]
    assert f"{INFINITY} us" in rejects[0][1]


def test_a_zone_nobody_knows_changes_no_instant(tmp_path):
    report, rejects, last = imported(tmp_path, occurred_at=pa.array([GOOD, GOOD + 1_000_000], pa.timestamp("us", "Our/Zone")))
    assert (report.stored, rejects) == (2, [])
    assert last == "2026-01-01T00:00:01Z"


@pytest.mark.parametrize(
    "column",
    [
        pa.array([GOOD, INFINITY], pa.timestamp("us")),
        pa.array([GOOD, GOOD], pa.timestamp("us", "Our/Zone")),
        pa.array([0, 2**31 - 1], pa.date32()),
        pa.array([0, 2**62], pa.date64()),
        pa.array([0, 2**62], pa.duration("us")),
        pa.array([[INFINITY], None], pa.list_(pa.timestamp("us"))),
        pa.array([{"a": {"b": INFINITY}}, None], pa.struct([("a", pa.struct([("b", pa.timestamp("us"))]))])),
        pa.array([[("a", INFINITY)], None], pa.map_(pa.string(), pa.timestamp("us", "Our/Zone"))),
    ],
    ids=lambda column: str(column.type),
)
def test_any_column_that_holds_such_is_imported(tmp_path, column):
    report, rejects, _ = imported(tmp_path, extra=column)
    assert (report.stored, rejects) == (2, [])
    assert len(sayable(column).to_pylist()) == 2


def test_seconds_beyond_the_calendar_are_no_other_time():
    # In µs 2^60 seconds overflow to 1970, and as a bare number they would be nanoseconds of 2006.
    assert sayable(pa.array([2**60, 0, None], pa.timestamp("s"))).to_pylist() == [f"{2**60} s", "1970-01-01T00:00:00", None]


def test_what_can_be_told_stays_what_it_is():
    for array in (
        pa.array([GOOD, None], pa.timestamp("us", "Asia/Seoul")),
        pa.array([GOOD, None], pa.timestamp("us", "+09:00")),
        pa.array([[GOOD]], pa.list_(pa.timestamp("us"))),
        pa.array(["text"]),
    ):
        assert sayable(array).equals(array)
        assert sayable(array).type == array.type
