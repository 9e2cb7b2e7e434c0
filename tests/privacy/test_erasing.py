"""Erasing a person: every id of theirs, every row, every file; nobody else's numbers change; a crash is finished."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

import afterclick
from afterclick.analyse.kpi import Kpi
from afterclick.analyse.visitor import Visitor
from afterclick.app.people import erasing, journal
from afterclick.app.people.forms import Needles, forms
from afterclick.app.people.traces import Search
from afterclick.app.prove import erasure, planted
from afterclick.core.errors import SpecError, StoreError
from afterclick.core.event import Event, Rejected
from afterclick.observe.reconcile.question import Reconcile
from afterclick.store import disk, manifest, tombstones
from afterclick.store.documents import Board
from afterclick.store.live import database
from afterclick.store.live.calls import TailCall
from afterclick.store.live.tail import Tail
from support.shop import Shop, at

KIM = ("u:kim-0001", "a:device-a", "a:device-b", "e:kim@mail.example")


def shop_of(folder: Path) -> afterclick.Workspace:
    """Kim with three linked ids, Lee on a device of her own, Park who shares one with Kim, and Choi who speaks of Kim."""
    made = Shop()
    home = "https://s.example/"
    made.add("device-a", "0", "Page Viewed", url=home)
    made.add("device-a", "1m", "Signed Up", user="kim-0001", email="kim@mail.example")
    made.add("device-b", "2m", "Page Viewed", user="kim-0001", url=home)
    made.add("device-a", "3m", "Order Completed", order_id="o1", revenue=10, currency="KRW")
    made.add(None, "4m", "Order Refunded", order_id="o1", revenue=10, currency="KRW")
    made.add("lee", "5m", "Order Completed", order_id="o2", revenue=7, currency="KRW", url=home)
    made.add("tablet", "6m", "Page Viewed", user="kim-0001", url=home)
    made.add("tablet", "7m", "Page Viewed", user="park-0001", url=home)
    made.add("tablet", "8m", "Product Viewed")
    made.add("choi", "9m", "Invite Opened", referred_by="kim-0001", note="from kim@mail.example", url="https://s.example/u/kim-0001?x=1")
    made.add("choi", "10m", "Page Viewed", url="https://s.example/u/kim-00012")
    made.add(None, "11m", "Message Sent", email="kim@mail.example", channel="email")
    return made.open(folder / "shop")


def traces(folder: Path, ids=KIM) -> list:
    return Search(folder / "shop", Needles(ids)).run()


def figures(shop: afterclick.Workspace) -> tuple:
    found = shop.ask(Kpi(range="all", compare="none")).figures
    return found["orders"], found["revenue"]


def test_case_48_every_id_and_row_is_gone_and_others_stay(tmp_path):
    with shop_of(tmp_path) as shop:
        assert shop.whose("kim@mail.example") == {"ids": 4, "shared": 1, "events": 6}
        done = shop.erase("kim-0001")
        assert (done.ids, done.events, done.changed, done.files, done.left) == (4, 7, 1, [], [])
        assert figures(shop) == (1, 7)
        snapshot = shop.store.snapshot()
        rows = snapshot.log_rows(range(snapshot.rows), ("anonymous_id", "user_id", "url", "properties")).to_pylist()
        assert sorted(row["anonymous_id"] for row in rows) == ["choi", "choi", "lee", "tablet", "tablet"]
        told = next(row for row in rows if row["properties"] and "referred_by" in row["properties"])
        assert told["url"] == "https://s.example/u/[erased]?x=1"
        assert msgspec.json.decode(told["properties"]) == {"referred_by": "[erased]", "note": "from [erased]"}
        assert any(row["url"] == "https://s.example/u/kim-00012" for row in rows), "a longer id is somebody else's"
        with pytest.raises(SpecError, match="no event carries"):
            shop.ask(Visitor(id="u:kim-0001"))
    assert traces(tmp_path) == []
    with afterclick.open(tmp_path / "shop") as again:
        assert figures(again) == (1, 7)
        assert [one for one in again.store.verify() if one.severity == "damaged"] == []
        answer = again.ask(Reconcile(range="all"))
        assert [row["line"] for row in answer.frame.to_pylist() if row["status"] == "failed"] == []


def test_case_48_who_was_erased_is_refused_and_the_refusal_says_nothing(tmp_path):
    with shop_of(tmp_path) as shop:
        shop.erase("kim-0001")
        before = shop.store.snapshot().rows
        again = [
            Event(event_id="x1", event="Page Viewed", occurred_at=at("1d"), user_id="kim-0001"),
            Event(event_id="x2", event="Page Viewed", occurred_at=at("1d"), anonymous_id="new", email="KIM@mail.example"),
            Event(event_id="x3", event="Page Viewed", occurred_at=at("1d"), anonymous_id="lee"),
        ]
        assert shop.append(again) == 1
        file = tmp_path / "rows.csv"
        lines = ("2026-01-02,Page Viewed,kim-0001,", "2026-01-02,Page Viewed,lee-2,", "x,Page Viewed,kim-0001,")
        file.write_text("\n".join(("time,event,user_id,email", *lines, "")))
        report = shop.import_files(file)
        assert (report.stored, report.rejected) == (1, 2)
        assert shop.import_files(file).rejected == 0, "the same file again brings no second refusal"
        uncut = tmp_path / "uncut.csv"
        uncut.write_text("time,event,user_id\n2026-01-02,Page Viewed,lee-3\n2026-01-02,Page Viewed,kim-0001,one,too,many\n")
        assert shop.import_files(uncut).rejected == 1
        assert shop.store.snapshot().rows == before + 3
        kept = [one for one in shop.rejects() if one.code == "erased"]
        assert len(kept) == 5
        assert all(not one.original and not one.original_base64 for one in kept)
    assert traces(tmp_path) == []


def test_a_device_that_others_used_keeps_its_id_and_their_rows(tmp_path):
    with shop_of(tmp_path) as shop:
        with pytest.raises(SpecError, match="2 people"):
            shop.erase("tablet")
        shop.erase("kim-0001")
        assert shop.append([Event(event_id="t", event="Page Viewed", occurred_at=at("1d"), anonymous_id="tablet")]) == 1


def test_papers_beside_the_log_are_cleaned(tmp_path):
    with shop_of(tmp_path) as shop:
        shop.save("Kim", Visitor(id="u:kim-0001"))
        shop.save("Others", Kpi(range="7d"))
        shop.segments.save("Buyers", "visitor.orders >= 1")
        shop.segments.take("Buyers", "Then")
        shop.desk.put_board(Board(name="Calls", text="call kim@mail.example back"))
        shop.desk.put_board(Board(name="Other"))
        (shop.store.path / "models").mkdir(exist_ok=True)
        (shop.store.path / "models" / "x.json").write_text("{}")
        with shop.store.transaction("t") as transaction:
            transaction.reject([_reject("r1", {"user": "kim-0001"}), _reject("r2", {"user": "lee"})])
            transaction.commit({"read": 2})
        done = shop.erase("kim@mail.example", kind="email")
        assert done.rejects == 1
        assert done.left == []
        assert set(done.files) == {"models", "segments", "documents/undo.jsonl", "afterclick.toml"}
        assert [one.id for one in shop.rejects()] == ["r2"]
        assert shop.desk.boards["Calls"].text == "call [erased] back"
        assert shop.saved()["Others"] == Kpi(range="7d")
        assert len(shop.segments.lists()) == 1
        assert shop.segments.lists()[0].visitors == 1
    assert traces(tmp_path) == []


def _reject(number: str, row: dict[str, str]) -> Rejected:
    text = msgspec.json.encode(row).decode()
    return Rejected(id=number, at=at("0"), source="t", code="bad_time", message="no time", original=text)


def test_an_unknown_id_needs_its_kind_and_is_then_kept_out(tmp_path):
    with shop_of(tmp_path) as shop:
        with pytest.raises(SpecError, match="no event carries"):
            shop.erase("nobody-77")
        done = shop.erase("nobody-77", kind="user")
        assert (done.ids, done.events) == (1, 0)
        assert shop.append([Event(event_id="n", event="Page Viewed", occurred_at=at("1d"), user_id="nobody-77")]) == 0


def test_a_short_id_takes_its_own_rows_and_no_figure_of_others(tmp_path):
    made = Shop()
    made.add("d-42", "0", "Page Viewed", user="42")
    made.add("lee", "1m", "Page Viewed", size="42", quantity=42, referred_by="42")
    with made.open(tmp_path / "shop") as shop:
        done = shop.erase("42", kind="user")
        assert done.left == []
        snapshot = shop.store.snapshot()
        rows = snapshot.log_rows(range(snapshot.rows), ("anonymous_id", "properties")).to_pylist()
        assert [row["anonymous_id"] for row in rows] == ["lee"]
        assert msgspec.json.decode(rows[0]["properties"]) == {"size": "42", "quantity": 42, "referred_by": "[erased]"}


def test_links_by_hand_go_with_their_ids(tmp_path):
    with shop_of(tmp_path) as shop:
        shop.link("a:device-a", "a:lee")
        assert shop.whose("lee")["ids"] == 5
        shop.unlink("a:device-a", "a:lee")
        done = shop.erase("kim-0001")
        assert done.left == []
        assert figures(shop) == (1, 7)
    assert traces(tmp_path) == []


def test_case_48_restored_backup_is_erased_again_by_its_tombstones(tmp_path):
    with shop_of(tmp_path) as shop:
        shutil.copytree(shop.store.path, tmp_path / "backup" / "shop")
        shop.erase("kim-0001")
    backup = tmp_path / "backup"
    assert {trace.file.partition("/")[0] for trace in traces(backup)} >= {"log", "projection"}
    for name in (tombstones.FILE, tombstones.KEY):
        shutil.copy2(tmp_path / "shop" / name, backup / "shop" / name)
    with afterclick.open(backup / "shop", write=True) as shop:
        assert len(erasing.again(shop)) == 1
        assert erasing.again(shop) == []
        assert figures(shop) == (1, 7)
    assert traces(backup) == []


class _Crash(Exception):
    pass


def test_a_journal_that_cannot_be_read_is_named_and_stops_no_store(tmp_path):
    with shop_of(tmp_path) as shop:
        (shop.store.path / "erasing.json").write_bytes(b'{"ids": [1')
    with afterclick.open(tmp_path / "shop", write=True) as again:
        with pytest.raises(StoreError) as caught:
            again.erase("kim-0001")
        assert caught.value.code == "journal_damaged"
        assert figures(again)[1] > 0
        assert [one.file for one in again.store.verify() if "interrupted" in one.message] == ["erasing.json"]


@pytest.mark.parametrize("step", ["known", "sealed", "rewritten", "cleaned"])
def test_a_crash_at_any_step_is_finished_by_the_next_call(tmp_path, step):
    def stop(reached: str) -> None:
        if reached == step:
            raise _Crash

    with shop_of(tmp_path) as shop:
        shop.save("Kim", Visitor(id="u:kim-0001"))
        with pytest.raises(_Crash):
            shop.erase("kim-0001", progress=stop)
        assert set(journal.ids(shop.store.path)) == set(KIM)
    with afterclick.open(tmp_path / "shop") as reader:
        assert [one.file for one in reader.store.verify() if "interrupted" in one.message] == ["erasing.json"]
    with afterclick.open(tmp_path / "shop", write=True) as again:
        assert journal.ids(again.store.path) == ()
        assert erasing.finish(again) is None
        assert figures(again) == (1, 7)
        assert again.append([Event(event_id="z", event="Page Viewed", occurred_at=at("1d"), user_id="kim-0001")]) == 0
    assert traces(tmp_path) == []


@pytest.mark.parametrize("number", [0, 4, 9, 14])
def test_case_4_a_disk_that_fails_in_the_middle_leaves_all_or_nothing_of_the_log(tmp_path, monkeypatch, number):
    real, calls = disk.sync, []

    def failing(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) > number:
            raise OSError(5, "Input/output error")
        real(descriptor)

    with shop_of(tmp_path) as shop:
        monkeypatch.setattr(disk, "sync", failing)
        try:
            shop.erase("kim-0001")
        except StoreError:
            assert len(calls) > number
        monkeypatch.setattr(disk, "sync", real)
    with afterclick.open(tmp_path / "shop", write=True) as again:
        assert figures(again) in ((2, 7), (1, 7))
        if tombstones.Tombstones.load(again.store.path) or journal.ids(again.store.path):
            erasing.again(again)
            again.erase("kim-0001", kind="user")
            assert figures(again) == (1, 7)
            assert traces(tmp_path) == []


def test_the_projection_and_every_answer_are_as_if_they_had_never_been_there(tmp_path):
    with shop_of(tmp_path) as shop:
        shop.erase("kim-0001")
        erased = shop.ask(Kpi(range="all", compare="none")).frame.to_pylist()
        shop.rebuild()
        assert shop.ask(Kpi(range="all", compare="none")).frame.to_pylist() == erased
    assert traces(tmp_path) == []
    lines = (tmp_path / "shop" / "log" / manifest.FILE).read_text()
    assert "kim" not in lines


def test_live_rows_are_erased_with_the_tail(tmp_path):
    with shop_of(tmp_path) as shop, closing(Tail.open(shop.store.path)) as tail:
        taker = erasure.Taker(shop.store.path, tail)
        trial = erasure._Trial(1, tmp_path)
        taker.take([trial.live("device-a", user_id="kim-0001"), trial.live("lee")])
    assert any(trace.file.startswith("live.db") for trace in traces(tmp_path))
    with afterclick.open(tmp_path / "shop", write=True) as again:
        assert again.whose("kim-0001")["events"] == 7
        again.erase("kim-0001")
        assert again.store.snapshot().rows == 6
    assert traces(tmp_path) == []
    for name in ("live.db", "live.db-wal"):
        path = tmp_path / "shop" / name
        assert not path.exists() or b"kim-0001" not in path.read_bytes()


def test_the_search_finds_every_form_in_every_kind_of_file(tmp_path):
    assert planted.missed(tmp_path, ("u:kim-0001", "e:김민수@mail.example", 'u:a"b\\c~d e', "a:42")) == []
    assert planted.places(("u:kim-0001",)) == 15


def test_the_search_tells_longer_ids_from_the_one_wanted(tmp_path):
    made = Shop()
    made.add("x", "0", "Page Viewed", user="member-1")
    made.add("y", "1m", "Page Viewed", user="member-11")
    with made.open(tmp_path / "shop") as shop:
        shop.erase("member-1")
        assert shop.store.snapshot().rows == 1
    assert traces(tmp_path, ("u:member-1",)) == []
    assert {trace.form for trace in traces(tmp_path, ("u:member-11",))} >= {"UTF-8"}


def test_forms_of_an_id_are_what_programs_write():
    raws = {raw for _, raw in forms("kim@mail.example")}
    assert {b"kim@mail.example", b"KIM@MAIL.EXAMPLE", b"kim%40mail.example"} <= raws
    assert {"kim@mail.example".encode("utf-16-le"), b"a2ltQG1haWwuZXhhbXBsZ"} <= raws
    assert all(len(raw) >= 6 for raw in raws)


def test_the_trial_holds(tmp_path):
    proof = erasure.prove(3, tmp_path, lambda _: None)
    assert proof.held, [one for one in proof.checks if not one.held]
    assert len(proof.checks) == 6


def test_the_search_holds_for_ids_too_short_to_be_looked_for_inside_others(tmp_path):
    with shop_of(tmp_path) as shop:
        proof = erasure.look(shop, ("kim-1",), "", tmp_path, lambda _: None)
    planted, searched = proof.checks[:2]
    assert planted.held, planted.broken
    assert planted.figures["n"] > 0
    assert searched.held
    assert proof.left_out == ("erasure_short",)


def test_a_look_at_a_store_says_found_and_not_found(tmp_path):
    with shop_of(tmp_path) as shop:
        before = erasure.look(shop, ("kim-0001",), "", tmp_path, lambda _: None)
        assert not before.held
        assert any("new.arrow" in line for line in before.checks[1].broken)
        assert "kim-0001" not in str(before.checks), "the report itself names nobody"
        shop.erase("kim-0001")
        after = erasure.look(shop, ("kim-0001", "device-a"), "", tmp_path, lambda _: None)
        assert after.held, after


def test_an_erasure_does_not_end_while_old_pages_of_the_tail_cannot_be_emptied(tmp_path, monkeypatch):
    monkeypatch.setattr("afterclick.store.live.database.PATIENCE_MS", 1)
    folder = tmp_path / "shop"
    with shop_of(tmp_path) as shop:
        with closing(Tail.open(folder)) as tail:
            tail.commit([TailCall(1, "web", (b'{"event_id":"t","event":"kim@mail.example"}',), ("t",), (1,))])
        with closing(database.reader(folder / database.FILE)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM calls").fetchone()
            with pytest.raises(StoreError) as refused:
                shop.erase("kim-0001")
            assert refused.value.code == "tail_in_use"
            assert journal.ids(shop.store.path)
        assert erasing.finish(shop) is not None
        assert journal.ids(shop.store.path) == ()
    assert traces(tmp_path) == []
