"""Rejects tried again with a mended map: what works now is stored, what fails again stays, nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from afterclick.collect import columnmap
from afterclick.collect.importer import import_files, replay_rejects
from afterclick.core.errors import InputError
from afterclick.store.store import Store

Write = Callable[..., Path]
COLUMNS = {"event": "event", "occurred_at": "timestamp", "user_id": "user_id"}
GERMAN = columnmap.from_dict({"columns": COLUMNS, "time_unit": "%d.%m.%Y %H:%M"})
MIXED = (
    "event,timestamp,user_id,plan\n"
    "a,2025-01-01T10:00:00Z,u,x\n"
    "b,23.02.2025 10:11,u,y\n"
    "b,23.02.2025 10:11,u,y\n"
    "c,never,u,z\n"
    "d,2025-01-01,u\n"
) + "".join(f"e,2025-01-0{day},u,x\n" for day in range(1, 7))


def fates(shop: Store) -> dict[str, list[int]]:
    return {
        name: sorted(one.row for one in shop.rejects(replayed=state))
        for name, state in (("waiting", False), ("replayed", True))
    }


def test_a_mended_map_takes_up_what_it_can(shop: Store, log: Callable[[], pa.Table], write: Write) -> None:
    first = import_files(shop, write("a.csv", MIXED), source="s")
    assert (first.stored, first.rejected) == (7, 4)
    report = replay_rejects(shop, map=GERMAN)
    assert (report.read, report.stored, report.duplicates, report.rejected) == (4, 2, 0, 2)
    assert fates(shop) == {"waiting": [4, 5], "replayed": [2, 3]}
    rows = [row for row in log().to_pylist() if row["event"] == "b"]
    assert [row["p.plan"] for row in rows] == ["y", "y"]
    assert {row["occurred_at"].isoformat() for row in rows} == {"2025-02-23T10:11:00+00:00"}
    entry = shop.manifest.entries[-1]
    assert (entry.kind, entry.counts["read"], entry.counts["stored"], entry.counts["rejected"]) == ("replay", 2, 2, 0)


def test_replaying_again_finds_only_what_is_left(shop: Store, write: Write) -> None:
    import_files(shop, write("a.csv", MIXED))
    replay_rejects(shop, map=GERMAN)
    before = shop.manifest.position
    report = replay_rejects(shop, map=GERMAN)
    assert (report.read, report.stored, report.rejected) == (2, 0, 2)
    assert shop.manifest.position == before


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_mended_file_imported_afterwards_adds_nothing(shop: Store, write: Write, kind: str) -> None:
    table = pa.table(
        {
            "event": ["a", "b", "b", "c"],
            "timestamp": ["2025-01-01T10:00:00Z", "23.02.2025 10:11", "23.02.2025 10:11", "2025-01-01"],
            "user_id": pa.array([1.0, 2.0, 2.0, None]),
            "seen": pa.array([1_735_689_600_000_000] * 4, pa.timestamp("us")),
            "price": [1.5, 2.5, 2.5, None],
        }
    )
    path = write(f"a.{kind}", b"")
    if kind == "csv":
        path.write_text(table.to_pandas().to_csv(index=False))
    else:
        pq.write_table(table, path)
    columns = columnmap.from_dict({"columns": COLUMNS})
    assert import_files(shop, path, map=columns).rejected == 2
    assert replay_rejects(shop, map=GERMAN).stored == 2
    report = import_files(shop, path, map=GERMAN)
    assert (report.stored, report.duplicates, report.rejected) == (0, 2, 2)


def test_a_row_that_fails_for_another_reason_is_a_new_reject(shop: Store, write: Write) -> None:
    import_files(shop, write("a.csv", "event,timestamp,user_id,price\n,23.02.2025 10:11,u,1\nx,2025-01-01,u,1\n"))
    report = replay_rejects(shop, map=GERMAN)
    assert (report.read, report.stored, report.rejected) == (1, 0, 1)
    assert [reason.code for reason in report.reasons] == ["no_event"]
    assert [one.code for one in shop.rejects(replayed=False)] == ["no_event"]


def test_codes_and_ids_choose(shop: Store, write: Write) -> None:
    import_files(shop, write("a.csv", MIXED), source="s")
    chosen = next(shop.rejects(code="bad_time")).id
    assert replay_rejects(shop, map=GERMAN, ids=[chosen]).stored == 1
    assert replay_rejects(shop, map=GERMAN, codes=["ragged_line"]).stored == 0
    with pytest.raises(InputError, match="nothing to replay"):
        replay_rejects(shop, map=GERMAN, codes=["bad_json"])
    with pytest.raises(InputError, match="nothing to replay"):
        replay_rejects(shop, map=GERMAN, source="elsewhere")
    assert replay_rejects(shop, map=GERMAN, source="s").stored == 1


def test_without_a_map_the_one_of_the_import_is_used(shop: Store, write: Write) -> None:
    path = write("a.csv", "event,timestamp,user_id\na,2025-01-01,u\nb,never,u\n")
    import_files(shop, path)
    report = replay_rejects(shop)
    assert (report.read, report.rejected) == (1, 1)
    assert report.map.columns["event"] == ("event",)


def test_bytes_that_were_no_text_are_read_with_a_stated_encoding(
    shop: Store, log: Callable[[], pa.Table], write: Write
) -> None:
    content = "event,timestamp,user_id\n" + "구매완료,2025-01-01,u\n" * 9
    import_files(shop, write("a.csv", content.encode() + "Kauf in Köln,2025-01-01,u\n".encode("cp1252")))
    assert [one.code for one in shop.rejects()] == ["bad_encoding"]
    mended = columnmap.from_dict({"columns": COLUMNS, "encoding": "cp1252"})
    assert replay_rejects(shop, map=mended).stored == 1
    assert "Kauf in Köln" in log().column("event").to_pylist()


def test_rows_that_are_not_all_there_stay(shop: Store, write: Write) -> None:
    text = "event,timestamp,user_id\na,2025-01-01,u\n" + "x" * 300_000 + ",2025-01-01,u\n"
    import_files(shop, write("a.csv", text))
    report = replay_rejects(shop)
    assert (report.read, report.stored, report.rejected) == (1, 0, 1)
