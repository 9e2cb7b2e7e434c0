"""Times of any form as instants, against Python's own calendar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterclick.collect import times
from afterclick.collect.engine import Engine
from afterclick.core import clock

SEOUL, BERLIN, UTC_ZONE = ZoneInfo("Asia/Seoul"), ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
ZONES = [
    SEOUL,
    BERLIN,
    UTC_ZONE,
    ZoneInfo("America/Sao_Paulo"),
    ZoneInfo("Australia/Lord_Howe"),
    ZoneInfo("Asia/Kolkata"),
]


def naive(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC).replace(tzinfo=None)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine() as opened:
        yield opened


def read(
    engine: Engine, values: list[object], unit: str = "auto", zone: ZoneInfo = SEOUL, kind: pa.DataType | None = None
):
    found = times.read(engine, pa.array(values, kind), unit, zone)
    return [clock.iso(int(at)) if good else None for at, good in zip(found.at, found.good, strict=True)]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2025-01-01T10:00:00Z", "2025-01-01T10:00:00Z"),
        ("2025-01-01T10:00:00.123456Z", "2025-01-01T10:00:00.123456Z"),
        ("2025-01-01T10:00:00.123456789Z", "2025-01-01T10:00:00.123456Z"),
        ("2025-01-01T10:00:00,5Z", "2025-01-01T10:00:00.500000Z"),
        ("2025-01-01T10:00:00+09:00", "2025-01-01T01:00:00Z"),
        ("2025-01-01T10:00:00-0330", "2025-01-01T13:30:00Z"),
        ("2025-01-01 10:00:00+09", "2025-01-01T01:00:00Z"),
        ("2025-01-01 10:00:00 UTC", "2025-01-01T10:00:00Z"),
        ("2025-01-01 10:00:00", "2025-01-01T01:00:00Z"),
        ("2025-01-01 10:00", "2025-01-01T01:00:00Z"),
        (" 2025-01-01T10:00:00Z ", "2025-01-01T10:00:00Z"),
        ("2025-01-01", "2024-12-31T15:00:00Z"),
        ("2025/01/02 3:04", "2025-01-01T18:04:00Z"),
        ("1735689600", "2025-01-01T00:00:00Z"),
        ("1735689600.25", "2025-01-01T00:00:00.250000Z"),
        ("1735689600123", "2025-01-01T00:00:00.123000Z"),
        ("1735689600123456", "2025-01-01T00:00:00.123456Z"),
        ("1735689600123456789", "2025-01-01T00:00:00.123456Z"),
    ],
)
def test_text_is_read_alone_and_among_others(engine: Engine, text: str, instant: str) -> None:
    assert read(engine, [text]) == [instant]
    assert read(engine, ["rubbish", text, None, "2020-02-02T02:02:02Z"]) == [
        None,
        instant,
        None,
        "2020-02-02T02:02:02Z",
    ]


@pytest.mark.parametrize(
    "text",
    ["", "x", "2025-02-30", "2025-13-01T00:00:00Z", "infinity", "epoch", "1", "-5", "99999999999999999999", "nan",
     "1989-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "2025-01-01T25:00:00Z", "10:00", "{value}"],
)  # fmt: skip
def test_what_is_no_time_between_1990_and_2199(engine: Engine, text: str) -> None:
    assert read(engine, [text, "2025-01-01T00:00:00Z"]) == [None, "2025-01-01T00:00:00Z"]
    assert read(engine, [text], zone=UTC_ZONE) == [None]


@pytest.mark.parametrize(
    ("unit", "text", "instant"),
    [
        ("%m/%d/%Y %H:%M", "12/1/2010 8:26", "2010-11-30T23:26:00Z"),
        ("%d.%m.%Y", "23.02.2025", "2025-02-22T15:00:00Z"),
        ("%Y%m%d", "20250223", "2025-02-22T15:00:00Z"),
        ("%Y-%m-%d %p %I:%M:%S", "2025-02-23 오후 1:02:03", "2025-02-23T04:02:03Z"),
        ("s", "1735689600", "2025-01-01T00:00:00Z"),
        ("ms", "1735689600123", "2025-01-01T00:00:00.123000Z"),
    ],
)
def test_units_and_patterns(engine: Engine, unit: str, text: str, instant: str) -> None:
    assert read(engine, [text, None], unit) == [instant, None]
    assert read(engine, ["rubbish"], unit) == [None]


def test_whole_numbers_can_be_dates(engine: Engine) -> None:
    assert read(engine, [20250223, None], "%Y%m%d") == ["2025-02-22T15:00:00Z", None]


def test_typed_columns_keep_their_exact_instants(engine: Engine) -> None:
    local = [naive(2025, 1, 1, 10, 0, 0, 7), None]
    assert read(engine, local, kind=pa.timestamp("us")) == ["2025-01-01T01:00:00.000007Z", None]
    assert read(engine, local, kind=pa.timestamp("ns")) == ["2025-01-01T01:00:00.000007Z", None]
    aware = [datetime(2025, 1, 1, 10, tzinfo=UTC), None]
    assert read(engine, aware, kind=pa.timestamp("ms", "UTC")) == ["2025-01-01T10:00:00Z", None]
    assert read(engine, aware, kind=pa.timestamp("s", "Asia/Seoul")) == ["2025-01-01T10:00:00Z", None]
    assert read(engine, [date(2025, 1, 1), None], kind=pa.date32()) == ["2024-12-31T15:00:00Z", None]
    assert read(engine, [1735689600123, None], kind=pa.int64()) == ["2025-01-01T00:00:00.123000Z", None]
    assert read(engine, [2**63], kind=pa.uint64()) == [None]
    assert (
        read(engine, [1735689600.5, float("nan"), float("inf"), 1e300, None])
        == ["2025-01-01T00:00:00.500000Z"] + [None] * 4
    )
    assert read(engine, [None], kind=pa.null()) == [None]
    assert read(engine, [True]) == [None]


@given(
    st.sampled_from(ZONES),
    st.lists(st.datetimes(naive(1990, 1, 3), naive(2199, 12, 28)), min_size=1, max_size=20),
)
def test_local_times_are_those_of_the_zone_with_the_offset_before_a_change(
    zone: ZoneInfo, moments: list[datetime]
) -> None:
    local = np.array([clock.from_datetime(moment.replace(tzinfo=UTC)) for moment in moments])
    expected = [clock.from_datetime(moment.replace(tzinfo=zone, fold=0)) for moment in moments]
    assert times.to_utc(local, zone).tolist() == expected


@pytest.mark.parametrize("zone", ZONES)
def test_every_minute_around_every_change_of_a_year(zone: ZoneInfo) -> None:
    moments = [naive(2024, 1, 1) + timedelta(minutes=15 * step) for step in range(366 * 96)]
    local = np.array([clock.from_datetime(moment.replace(tzinfo=UTC)) for moment in moments])
    expected = [clock.from_datetime(moment.replace(tzinfo=zone)) for moment in moments]
    assert times.to_utc(local, zone).tolist() == expected


@given(
    st.lists(
        st.datetimes(
            naive(1990, 1, 3),
            naive(2199, 12, 28),
            timezones=st.integers(-840, 840).map(lambda m: timezone(timedelta(minutes=m))),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_iso_text_with_any_offset(engine: Engine, moments: list[datetime]) -> None:
    found = times.read(engine, pa.array([moment.isoformat() for moment in moments]), "auto", SEOUL)
    assert found.good.all()
    assert found.at.tolist() == [clock.from_datetime(moment) for moment in moments]
