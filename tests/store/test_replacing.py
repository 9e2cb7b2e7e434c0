"""Segments and rejects rewritten in place: what is erased is gone at once, what is left counts as before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from afterclick.analyse.kpi import Kpi
from afterclick.app.workspace import Workspace
from afterclick.core.errors import StoreError
from afterclick.core.event import Rejected
from afterclick.stitch.derive import Derivation
from afterclick.store import current, manifest, merging, standing
from afterclick.store.live.tail import Tail
from afterclick.store.store import Store
from support.sealing import event
from support.tail import EventRows, put
from support.tiny import DAY0, HOUR, TinyDerive, table

SECRET = "visitor-7f3a"


def rejected(name: str) -> Rejected:
    return Rejected(id=name, at=1, source="test", code="c", message="m", original=name)


def rows(prefix: str, who: list[str], **more: object) -> list[dict]:
    return [
        {"event_id": f"{prefix}{number}", "anonymous_id": one, "occurred_at": DAY0 + number * HOUR, **more}
        for number, one in enumerate(who)
    ]


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "shop", derive=TinyDerive(), rows=EventRows(), write=True, create=True) as opened:
        for prefix, who in (("a", ["v1", SECRET, "v2"]), ("b", ["v2", "v3"]), ("c", [SECRET, SECRET])):
            with opened.transaction("test") as transaction:
                transaction.add(table(rows(prefix, who)))
                transaction.reject([rejected(f"{prefix}-ok"), rejected(f"{prefix}-{SECRET}")])
                transaction.commit({"read": len(who) + 2})
        yield opened


def without(store: Store) -> None:
    with store.replacing("erase", source="test") as change:
        for entry in change.manifest.segments:
            found = change.read(entry)
            kept = found.filter(pc.not_equal(found["anonymous_id"].cast("string"), SECRET))
            if kept.num_rows < found.num_rows:
                change.replace([entry], kept if kept.num_rows else None)
        for entry in change.manifest.entries:
            change.replace_rejects(entry, [one for one in store.rejects(imported=entry.id) if SECRET not in one.id])
        change.commit({"erased": 3})


def ids(store: Store) -> list[str]:
    snapshot = store.snapshot()
    return snapshot.event_ids(np.arange(snapshot.rows))


def holding(folder: Path, text: bytes) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file() and text in file.read_bytes())


def test_what_is_erased_is_gone_from_log_rejects_and_books_at_once_and_the_rest_keeps_its_place(store) -> None:
    store.snapshot()
    assert holding(store.path / "projection", SECRET.encode())
    names = [entry.name for entry in store.manifest.segments]
    without(store)
    assert ids(store) == ["a0", "a2", "b0", "b1"]
    assert store.snapshot().book("id").all.to_pylist() == ["v1", "v2", "v3"]
    assert [one.id for one in store.rejects()] == ["a-ok", "b-ok", "c-ok"]
    assert holding(store.path, SECRET.encode()) == []
    assert list(store.verify()) == []
    segments = store.manifest.segments
    assert [entry.rows for entry in segments] == [2, 2]
    assert segments[1].name == names[1], "a segment that holds nothing of it stays"
    assert store.manifest.standing(store.manifest.entries[0]) == segments[:1]
    assert store.manifest.standing(store.manifest.entries[2]) == ()
    with Store.open(store.path, derive=TinyDerive()) as reader:
        assert ids(reader) == ["a0", "a2", "b0", "b1"]


def test_a_second_rewrite_replaces_what_the_first_put_there(store) -> None:
    without(store)
    with store.replacing("erase") as change:
        first = change.manifest.segments[0]
        change.replace([first], change.read(first).slice(0, 1))
        change.replace_rejects(change.manifest.entries[0], [])
        change.commit()
    assert ids(store) == ["a0", "b0", "b1"]
    assert [one.id for one in store.rejects()] == ["b-ok", "c-ok"]
    assert len(store.manifest.standing(store.manifest.entries[0])) == 1
    held = standing.held(store.manifest.entries, {entry.name: entry.rows for entry in store.manifest.segments})
    assert [held[entry.id] for entry in store.manifest.entries[:3]] == [3, 2, 2], "erased rows are accounted for"


def test_rows_that_are_missing_beyond_what_was_erased_are_charged_to_an_import(store) -> None:
    without(store)
    there = {entry.name: entry.rows for entry in store.manifest.segments}
    there[store.manifest.segments[0].name] -= 1
    held = standing.held(store.manifest.entries, there)
    assert [held[entry.id] for entry in store.manifest.entries[:3]] == [2, 2, 2]


def test_what_is_not_committed_leaves_nothing_and_the_store_as_it_was(store) -> None:
    before = {file: file.read_bytes() for file in store.path.rglob("*") if file.is_file()}
    with store.replacing("erase") as change:
        entry = change.manifest.segments[0]
        change.replace([entry], change.read(entry).slice(0, 1))
        change.replace_rejects(change.manifest.entries[0], [rejected("x")])
    assert {file: file.read_bytes() for file in store.path.rglob("*") if file.is_file()} == before
    assert len(ids(store)) == 7


def test_a_damaged_segment_is_not_rewritten(store) -> None:
    file = store.path / "log" / f"{store.manifest.segments[0].name}.parquet"
    content = bytearray(file.read_bytes())
    content[40] ^= 1
    file.write_bytes(content)
    with pytest.raises(StoreError) as caught:
        without(store)
    assert caught.value.code == "segment_damaged"
    assert store.manifest.position == 3


def test_a_file_that_cannot_be_removed_is_said_and_the_next_writer_removes_it(store, monkeypatch) -> None:
    def refuse(self: merging.Leaving, file: Path) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(merging.Leaving, "_remove", refuse)
        with pytest.raises(StoreError, match="cannot be written"):
            without(store)
    assert ids(store) == ["a0", "a2", "b0", "b1"]
    store.close()
    assert holding(store.path / "log", SECRET.encode())
    with Store.open(store.path, derive=TinyDerive(), write=True) as again:
        assert holding(again.path, SECRET.encode()) == []


def test_an_order_whose_lines_went_in_part_has_its_total_made_anew(tmp_path) -> None:
    line = {"event": "Order Completed", "order_id": "o1", "order_line": True}
    with Store.open(tmp_path / "shop", derive=TinyDerive(), write=True, create=True) as store:
        for number, amount in enumerate((100, 20, 3)):
            with store.transaction("test") as transaction:
                transaction.add(table([{"event_id": f"l{number}", "amount": amount, "occurred_at": DAY0 + number, **line}]))
                transaction.commit({"read": 1})
        amounts = store.snapshot().take("amount", np.arange(3)).tolist()
        assert amounts[0] == 123
        with store.replacing("erase") as change:
            change.replace([change.manifest.segments[1]], None)
            change.commit({"erased": 1})
        assert store.snapshot().take("amount", np.arange(2)).tolist()[0] == 103


def test_a_manifest_whose_replacement_names_what_is_not_there_is_an_error() -> None:
    segment = manifest.SegmentEntry(name="s", rows=1, sha256="", bytes=1, first_at=0, last_at=0)
    first = manifest.ImportEntry(seq=1, id="i", at=1, source="", segments=(segment,))
    wrong = manifest.ImportEntry(
        seq=2, kind="compact", id="c", at=1, source="", replaces=(manifest.Replaced(old=("x",), new=()),)
    )
    assert manifest.Manifest((first,)).segments == (segment,)
    with pytest.raises(KeyError):
        _ = manifest.Manifest((first, wrong)).segments


def test_a_question_whose_files_were_merged_meanwhile_is_answered_from_the_newer_ones(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(current, "REFRESH_S", 0.0)
    monkeypatch.setattr(merging, "GRACE_S", 0.0)
    path = tmp_path / "shop"
    with Workspace(Store.open(path, derive=Derivation(), rows=EventRows(), write=True, create=True)) as shop:
        tail = Tail.open(path)
        for start in (0, 20, 40):
            put(tail, *map(event, range(start, start + 20)))
            shop.store.seal(tail)
        wanted = shop.ask(Kpi(range="all")).figures
        asked = []
        real = Kpi.answer

        def answer(self, context):
            asked.append(context.snapshot.fingerprint)
            if len(asked) == 1:
                shop.store.compact()
                shop.store.compact()
            context.snapshot.event_ids(np.arange(context.snapshot.rows))
            return real(self, context)

        monkeypatch.setattr(Kpi, "answer", answer)
        assert shop.ask(Kpi(range="all", compare="none")).figures["visitors"] == wanted["visitors"]
        assert len(asked) == len(set(asked)) == 2
        tail.close()
