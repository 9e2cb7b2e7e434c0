"""Imported files: as they are unless the store wants them masked too; bots are flagged and can be counted again."""

from __future__ import annotations

import pytest

import afterclick
from afterclick.analyse.kpi import Kpi
from afterclick.app.people.forms import Needles
from afterclick.app.people.traces import Search
from afterclick.collect.privacy.scrub import hashed
from support.shop import Shop

ROWS = """time,event,user_id,email,url,note,phone_typed,size
2026-01-01 10:00,Page Viewed,u1,kim@mail.example,https://s.example/?utm_source=a&to=k@m.example,call 010-1234-5678,01012345678,3
2026-01-01 10:01,Page Viewed,u2,,https://s.example/,fine,,4
bad,Page Viewed,u1,kim@mail.example,https://s.example/,900101-1234567,,5
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "rows.csv").write_text(ROWS)
    return tmp_path


def everything(folder) -> bytes:
    return b"".join(path.read_bytes() for path in sorted((folder / "s").rglob("*")) if path.is_file())


def test_by_itself_an_import_keeps_what_the_file_says(folder):
    with afterclick.open(folder / "s", write=True, create=True) as shop:
        shop.import_files(folder / "rows.csv")
    assert b"010-1234-5678" in everything(folder)


def test_case_45_masked_imports_hold_nothing_personal_in_any_file(folder):
    with afterclick.open(folder / "s", write=True, create=True) as shop:
        shop.define(privacy={"scrub_imports": True, "email": "hash"})
        report = shop.import_files(folder / "rows.csv")
        assert (report.stored, report.rejected) == (2, 1)
        assert shop.import_files(folder / "rows.csv").stored == 0
        snapshot = shop.store.snapshot()
        rows = snapshot.log_rows(range(2), ("email", "url", "p.note", "p.size")).to_pylist()
    assert rows[0]["email"] == hashed("email", "kim@mail.example")
    assert rows[0]["url"] == "https://s.example/?utm_source=a"
    assert rows[0]["p.note"] == "call [phone]"
    assert [row["p.size"] for row in rows] == [3, 4]
    content = everything(folder)
    ids = Needles(("u:010-1234-5678", "u:900101-1234567", "u:k@m.example", "u:kim@mail.example"))
    kept = {trace.form for trace in Search(folder / "s", ids).run() if not trace.id.startswith("SHA-256")}
    assert kept == set()
    assert b"01012345678" not in content


def test_case_47_bots_are_flagged_left_out_and_counted_again_when_asked_for(tmp_path):
    made = Shop()
    made.add("a", "0", "Page Viewed", url="https://s.example/", device="bot")
    made.add("b", "1m", "Page Viewed", url="https://s.example/", device="desktop")
    with made.open(tmp_path / "s") as shop:
        assert shop.ask(Kpi(range="all", compare="none")).figures["visitors"] == 1
        assert shop.ask(Kpi(range="all", compare="none", bots="in")).figures["visitors"] == 2
        shop.define(bots=["nothing"])
        assert shop.ask(Kpi(range="all", compare="none")).figures["visitors"] == 2
