"""Whatever happens to the files: the log tells, the projection is made again, no question is answered wrongly."""

import shutil
import zlib

import numpy as np
import pytest

from afterclick.core.errors import StoreError
from afterclick.store import manifest, piece_files
from afterclick.store.store import Store
from support.tiny import TinyDerive, events


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    path = tmp_path_factory.mktemp("kept") / "shop"
    with Store.open(path, derive=TinyDerive(), write=True, create=True) as store:
        for rows in (events(120), events(40, prefix="x", visitors=90, seed=2), events(9, prefix="y", seed=3)):
            with store.transaction("test") as transaction:
                transaction.add(rows)
                transaction.commit()
    return path


@pytest.fixture
def path(kept, tmp_path):
    shutil.copytree(kept, tmp_path / "shop")
    return tmp_path / "shop"


def columns(path) -> dict[str, object]:
    """Every column of every piece, and every book, as a store opened for it gives them."""
    with Store.open(path, derive=TinyDerive()) as store:
        snapshot = store.snapshot()
        found: dict[str, object] = {}
        for chunk in snapshot.chunks(("at", "device", "name", "tie", "amount", "p.price")):
            for name, column in chunk.columns.items():
                found[f"{chunk.piece} {name}"] = (column.dtype.str, column.tobytes())
        for name in ("id", "name"):
            found[name] = snapshot.book(name).all.to_pylist()
        return found


def flip(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :]


HARM = {
    "deleted": lambda file, content: file.unlink(),
    "emptied": lambda file, content: file.write_bytes(b""),
    "zeroed": lambda file, content: file.write_bytes(bytes(len(content))),
    "cut": lambda file, content: file.write_bytes(content[: len(content) * 3 // 4]),
    "longer": lambda file, content: file.write_bytes(content + b"\0" * 64),
    "garbled": lambda file, content: file.write_bytes(
        bytes(np.random.default_rng(1).integers(0, 256, len(content), np.uint8))
    ),
    "a folder": lambda file, content: (file.unlink(), file.mkdir()),
    "the head": lambda file, content: file.write_bytes(flip(content, 9)),
    "the foot": lambda file, content: file.write_bytes(flip(content, len(content) - 9)),
}
FILES = (piece_files.HEADER, piece_files.COLUMNS, piece_files.NEW, piece_files.INDEX)


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_of_the_projection_is_derived_again(path, kept, harm, name) -> None:
    truth = columns(kept)
    pieces = sorted(entry for entry in (path / "projection").iterdir())
    file = pieces[1] / name
    HARM[harm](file, file.read_bytes())
    assert columns(path) == truth
    with Store.open(path, derive=TinyDerive()) as store:
        assert not [finding for finding in store.verify() if finding.severity == "damaged"]
    derive = TinyDerive()
    with Store.open(path, derive=derive) as store:
        assert store.snapshot().rows == 169
    assert derive.calls == []


def test_any_flipped_bit_of_a_piece_is_derived_again_or_named_by_verify(path, kept) -> None:
    truth = columns(kept)
    for piece in sorted((path / "projection").iterdir())[:2]:
        for name in FILES:
            file = piece / name
            content = file.read_bytes()
            for place in np.random.default_rng(7).integers(0, len(content), 12).tolist():
                file.write_bytes(flip(content, place))
                with Store.open(path, derive=TinyDerive()) as store:
                    named = [finding for finding in store.verify() if finding.severity == "damaged"]
                assert [finding.file for finding in named] == [f"projection/{piece.name}/{name}"]
                if name in (piece_files.HEADER, piece_files.NEW):
                    assert columns(path) == truth
                else:
                    columns(path)
                file.write_bytes(content)


def test_the_whole_projection_may_go(path, kept) -> None:
    shutil.rmtree(path / "projection")
    assert columns(path) == columns(kept)
    for entry in (path / "projection").iterdir():
        shutil.rmtree(entry)
        entry.write_text("a file where a folder was")
    assert columns(path) == columns(kept)


def test_pieces_of_another_derivation_behind_a_damaged_one_are_not_mixed(path, kept) -> None:
    """A piece that was derived behind other texts continues other codes: it must not be used."""
    with Store.open(path, derive=TinyDerive()) as store:
        names = [entry.name for entry in store.manifest.segments]
    shutil.rmtree(path / "projection" / names[0])
    other = path.with_name("other")
    with (
        Store.open(other, derive=TinyDerive(), write=True, create=True) as store,
        store.transaction("t") as transaction,
    ):
        transaction.add(events(120, prefix="z", visitors=3))
        transaction.commit()
    source = next((other / "projection").iterdir())
    shutil.copytree(source, path / "projection" / names[0])
    assert columns(path) == columns(kept)


def test_a_flipped_bit_in_a_segment_is_named_with_its_row_group(path) -> None:
    with Store.open(path, derive=TinyDerive()) as store:
        assert list(store.verify()) == []
        name = store.manifest.segments[1].name
        file = path / "log" / f"{name}.parquet"
        content = file.read_bytes()
        for place in np.random.default_rng(3).integers(4, len(content), 25).tolist():
            file.write_bytes(flip(content, place))
            found = list(store.verify())
            assert [(finding.severity, finding.file) for finding in found] == [("damaged", f"log/{name}.parquet")]
            assert "row groups 0" in found[0].message or "can still be read" in found[0].message
        file.unlink()
        assert "40 rows" in next(store.verify()).message


def test_a_damaged_segment_stops_rebuild_before_anything_is_deleted_and_questions_go_on(path, kept) -> None:
    truth = columns(kept)
    with Store.open(path, derive=TinyDerive(), write=True) as store:
        name = store.manifest.segments[1].name
        file = path / "log" / f"{name}.parquet"
        file.write_bytes(flip(file.read_bytes(), 400))
        with pytest.raises(StoreError, match="is damaged") as caught:
            store.rebuild()
        assert name in caught.value.message
    assert columns(path) == truth
    shutil.rmtree(path / "projection")
    with Store.open(path, derive=TinyDerive(), write=True) as store:
        snapshot = store.snapshot()
        assert snapshot.damaged == (name,)
        assert snapshot.rows == 129
        assert name in snapshot.fingerprint
        with pytest.raises(StoreError, match="is damaged"), store.transaction("t"):
            raise AssertionError("an import began although ids cannot be compared")


def test_a_damaged_page_is_an_error_where_the_log_itself_is_read(path) -> None:
    with Store.open(path, derive=TinyDerive()) as store:
        snapshot = store.snapshot()
        for entry in store.manifest.segments:
            file = path / "log" / f"{entry.name}.parquet"
            file.write_bytes(file.read_bytes()[:-30])
        with pytest.raises(StoreError, match="cannot be read") as caught:
            snapshot.event_ids(np.arange(3))
        assert caught.value.code == "segment_damaged"
        assert "doctor" in caught.value.hint


def test_verify_says_what_is_wrong_with_everything_else(path) -> None:
    (path / "afterclick.toml").write_text("nam = 1")
    (path / "log" / "stray.parquet").write_bytes(b"x")
    shutil.rmtree(sorted((path / "projection").iterdir())[0])
    with (path / "log" / manifest.FILE).open("ab") as file:
        file.write(b'{"crc"')
    with Store.open(path, derive=TinyDerive()) as store:
        found = [(finding.severity, finding.file) for finding in store.verify()]
    segment = sorted(path.glob("log/0*.parquet"))[0].stem
    assert found == [
        ("damaged", "afterclick.toml"),
        ("note", "log/manifest.jsonl"),
        ("note", "log/stray.parquet"),
        ("note", f"projection/{segment}"),
    ]


def test_a_damaged_manifest_is_an_error_and_a_finding(path) -> None:
    file = path / "log" / manifest.FILE
    file.write_bytes(flip(file.read_bytes(), 30))
    with Store.open(path, derive=TinyDerive()) as store:
        with pytest.raises(StoreError, match="line 1 of"):
            store.snapshot()
        assert [finding.file for finding in store.verify()] == ["log/manifest.jsonl"]
    (path / "log" / "format").write_text("7")
    assert [finding.file for finding in store.verify()] == ["log/format", "log/manifest.jsonl"]


def test_the_checksum_is_the_one_everybody_has() -> None:
    assert zlib.crc32(b"123456789") == 0xCBF43926
