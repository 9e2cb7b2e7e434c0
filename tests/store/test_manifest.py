"""The manifest: a line is a change, a torn line is none, a damaged one in the middle is named."""

import errno
import os

import msgspec
import pytest

from afterclick.core.errors import StoreError, StoreFormat
from afterclick.store import checked, disk, manifest
from afterclick.store.manifest import FileEntry, ImportEntry, Manifest, RejectsEntry, SegmentEntry


def entry(seq: int, **more) -> ImportEntry:
    segment = SegmentEntry(name=f"s{seq}", rows=3, sha256="ab", bytes=9, first_at=1, last_at=2)
    return ImportEntry(seq=seq, id=f"{seq:06d}-x", at=5, source="a\nb", segments=(segment,), **more)


def filled(log, count: int) -> Manifest:
    state = manifest.read(log)
    for seq in range(1, count + 1):
        state = manifest.append(log, state, entry(seq))
    return state


def test_what_is_appended_is_read_back(tmp_path) -> None:
    files = (FileEntry(name="a.csv", sha256="00", rows=4, bytes=5),)
    rejects = RejectsEntry(file="x.jsonl", rows=1, sha256="11")
    first = entry(1, files=files, rejects=rejects, counts={"read": 4}, map={"a": ["b", {"c": None}]})
    state = manifest.append(tmp_path, Manifest(), first)
    second = msgspec.structs.replace(entry(2), kind="replay", reject_ids=("r1", "r2"), stale=("s1",))
    state = manifest.append(tmp_path, state, second)
    assert manifest.read(tmp_path) == state
    assert state.entries == (first, second)
    assert (state.position, state.torn, state.replayed) == (2, 0, {"r1", "r2"})
    assert state.stale_since() == {"s1": 2}
    assert [segment.name for segment in state.segments] == ["s1", "s2"]
    assert b"\n" not in (tmp_path / manifest.FILE).read_bytes()[:-1].split(b"\n")[0]


def test_an_empty_log_is_position_nought(tmp_path) -> None:
    assert manifest.read(tmp_path) == Manifest()
    assert Manifest().position == 0


def test_ids_sort_in_the_order_of_imports_and_are_never_equal(tmp_path) -> None:
    state = filled(tmp_path, 2)
    found = {state.next_id() for _ in range(50)}
    assert len(found) == 50
    assert all(one.startswith("000003-") for one in found)
    assert min(found) > "000002-ffffffff"


def test_a_tail_torn_at_any_byte_is_no_line_and_is_set_aside_by_the_next_writer(tmp_path) -> None:
    state = filled(tmp_path, 3)
    whole = (tmp_path / manifest.FILE).read_bytes()
    two = len(b"\n".join(whole.split(b"\n")[:2])) + 1
    for cut in range(two, len(whole)):
        (tmp_path / manifest.FILE).write_bytes(whole[:cut])
        found = manifest.read(tmp_path)
        assert (found.position, found.size, found.torn) == (2, two, cut - two)
        if cut % 37 == 0 and cut > two:
            number = len(list(tmp_path.glob("manifest.torn-*"))) + 1
            after = manifest.append(tmp_path, found, entry(3))
            assert after.entries == state.entries
            assert (tmp_path / f"manifest.torn-{number}").read_bytes() == whole[two:cut]
            assert (tmp_path / manifest.FILE).read_bytes() == whole


@pytest.mark.parametrize(
    "tail", [b"\0" * 40, b"\0" * 40 + b"\n", b"\n", b"\n\n{}\n", b'{"crc":"00000000","seq":4}\n', b"\xff\n"]
)
def test_rubbish_behind_the_last_line_is_no_line(tmp_path, tail) -> None:
    state = filled(tmp_path, 2)
    with (tmp_path / manifest.FILE).open("ab") as file:
        file.write(tail)
    found = manifest.read(tmp_path)
    assert (found.entries, found.torn) == (state.entries, len(tail))
    assert manifest.append(tmp_path, found, entry(3)).position == 3


def test_a_flipped_bit_in_the_middle_is_an_error_that_names_the_line(tmp_path) -> None:
    filled(tmp_path, 3)
    whole = bytearray((tmp_path / manifest.FILE).read_bytes())
    first = whole.index(b"\n")
    for place in (0, 12, first + 5, first + 60):
        flipped = bytearray(whole)
        flipped[place] ^= 4
        (tmp_path / manifest.FILE).write_bytes(flipped)
        with pytest.raises(StoreError) as caught:
            manifest.read(tmp_path)
        assert f"line {1 if place < first else 2} " in caught.value.message
        assert "doctor" in caught.value.hint


def test_any_flipped_bit_of_the_last_line_makes_it_no_line(tmp_path) -> None:
    filled(tmp_path, 2)
    whole = (tmp_path / manifest.FILE).read_bytes()
    begin = whole.index(b"\n") + 1
    for place in range(begin, len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << (place % 8)
        (tmp_path / manifest.FILE).write_bytes(flipped)
        assert manifest.read(tmp_path).position == 1


def test_a_line_that_is_missing_or_stands_twice_is_an_error(tmp_path) -> None:
    filled(tmp_path, 3)
    lines = (tmp_path / manifest.FILE).read_bytes().splitlines(keepends=True)
    for wrong in ([lines[0], lines[2]], [lines[0], lines[0]], [lines[1]]):
        (tmp_path / manifest.FILE).write_bytes(b"".join(wrong))
        with pytest.raises(StoreError, match="missing or stand twice"):
            manifest.read(tmp_path)


def test_a_kind_of_a_newer_version_is_refused(tmp_path) -> None:
    line = checked.seal(b'{"seq":1,"kind":"thin","id":"x","at":1,"source":""}')
    (tmp_path / manifest.FILE).write_bytes(line + b"\n")
    with pytest.raises(StoreFormat, match="thin"):
        manifest.read(tmp_path)


def test_a_disk_that_does_not_confirm_is_no_acknowledgement(tmp_path, monkeypatch) -> None:
    state = filled(tmp_path, 1)

    def refuse(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(disk, "sync", refuse)
    with pytest.raises(StoreError) as caught:
        manifest.append(tmp_path, state, entry(2))
    assert caught.value.code == "unconfirmed"
    monkeypatch.undo()
    assert manifest.read(tmp_path) == state


def test_a_file_that_changed_under_the_writer_is_not_written_to(tmp_path) -> None:
    state = filled(tmp_path, 1)
    manifest.append(tmp_path, state, entry(2))
    with pytest.raises(StoreError, match="changed under the writer"):
        manifest.append(tmp_path, state, entry(2))
    assert manifest.read(tmp_path).position == 2


def test_numbers_follow_each_other(tmp_path) -> None:
    with pytest.raises(ValueError, match="cannot follow"):
        manifest.append(tmp_path, Manifest(), entry(2))


def test_the_digest_tells_manifests_apart(tmp_path) -> None:
    one = filled(tmp_path, 2)
    (tmp_path / "other").mkdir()
    other = manifest.append(tmp_path / "other", Manifest(), entry(1, counts={"read": 1}))
    other = manifest.append(tmp_path / "other", other, entry(2))
    assert one.digest != other.digest
    assert one.position == other.position
