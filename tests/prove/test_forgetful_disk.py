"""The disk that forgets keeps exactly what was synced, and a writer that does not sync is caught by it."""

import contextlib
import errno
import os
import random
import time

import pytest

from afterclick.app.prove.faults.forgetful_disk import Disk, Plan
from afterclick.app.prove.faults.memory_tree import NAMINGS, SURVIVALS, Content, Tree
from afterclick.app.prove.faults.mounted import missing, mounted


def needs_fuse(test):
    """Marks a test that mounts a file system of its own."""
    return pytest.mark.fuse(pytest.mark.skipif(bool(missing()), reason="needs /dev/fuse, libfuse 3 and mfusepy")(test))


def written(old: bytes, new: bytes) -> Content:
    content = Content()
    content.write(old, 0)
    content.sync()
    content.write(new, len(old))
    return content


def test_every_kind_of_survival_keeps_what_was_synced() -> None:
    old, new = b"o" * 1500, b"n" * 3000
    chance = random.Random(1)
    for survival in SURVIVALS:
        left = [written(old, new).survivor(survival, chance) for _ in range(40)]
        assert all(one[:1500] == old for one in left)
    assert written(old, new).survivor("drop", chance) == old
    assert written(old, new).survivor("zeros", chance) == old + bytes(3000)
    prefixes = {written(old, new).survivor("prefix", chance) for _ in range(40)}
    assert len(prefixes) > 5
    assert all((old + new).startswith(one) for one in prefixes)
    mixed = {written(old, new).survivor("sectors", chance) for _ in range(40)}
    assert len(mixed) > 5
    assert all(set(one[1536:]) <= {0, ord("n")} for one in mixed)


def test_pages_of_a_failed_sync_are_gone_until_they_are_written_again() -> None:
    content = written(b"a" * 4096, b"b" * 4096)
    content.fail_sync()
    content.sync()
    assert content.synced == b"a" * 4096 + bytes(4096)
    content.write(b"c", 4096)
    content.sync()
    assert content.synced == b"a" * 4096 + b"c" + b"b" * 4095


@pytest.mark.parametrize("naming", NAMINGS)
def test_names_last_by_a_sync_of_their_folder_or_of_anything(tmp_path, naming) -> None:
    tree = Tree("drop", naming, random.Random(1))
    tree.names["/a"] = Content()
    tree.write("/a", b"x", 0)
    tree.sync("/a")
    tree.cut(tmp_path / "before")
    assert (tmp_path / "before" / "a").exists() is (naming == "journal")
    tree.sync("/")
    tree.rename("/a", "/b")
    tree.cut(tmp_path / "after")
    assert sorted(path.name for path in (tmp_path / "after").iterdir()) == ["a"]


def test_a_folder_that_did_not_last_takes_what_lies_in_it_along(tmp_path) -> None:
    tree = Tree("drop", "posix", random.Random(1))
    tree.names |= {"/f": None, "/f/a": Content()}
    tree.sync("/f/a")
    tree.sync("/f")
    tree.cut(tmp_path / "left")
    assert list((tmp_path / "left").iterdir()) == []


def test_orders_are_heard_and_other_names_are_files(tmp_path) -> None:
    disk = Disk(Plan(), tmp_path / "left")
    disk.tree.names["/a"] = Content()
    assert not disk.told("/.CUTS")
    assert not disk.told("/a/.CUT")
    assert disk.told("/.EIO-2")
    disk.sync("/a")
    with pytest.raises(OSError, match="fails"):
        disk.sync("/a")
    disk.sync("/a")
    disk.tree.write("/a", b"xyz", 0)
    assert disk.told("/.FULL")
    with pytest.raises(OSError) as full:
        disk.tree.write("/a", b"more", 3)
    assert full.value.errno == errno.ENOSPC
    disk.told("/.ROOM")
    disk.tree.write("/a", b"more", 3)
    disk.told("/.CUT-2")
    disk.sync("/a")
    with pytest.raises(OSError, match="cut"):
        disk.sync("/a")
    assert (tmp_path / "left" / "a").read_bytes() == b"xyzmore"
    with pytest.raises(OSError, match="cut"):
        disk.do(lambda tree: tree.find("/a"))


@needs_fuse
def test_a_mounted_disk_is_a_file_system_like_any_other_until_the_cut(tmp_path) -> None:
    with mounted(Plan(survival="drop", naming="posix"), tmp_path) as disk:
        place = disk.folder / "d"
        place.mkdir()
        (place / "a").write_bytes(b"hello" * 1000)
        os.chmod(place / "a", 0o600)
        os.rename(place / "a", place / "b")
        assert (place / "b").read_bytes() == b"hello" * 1000
        assert (place / "b").stat().st_mode & 0o777 == 0o600
        with (place / "b").open("r+b") as file:
            os.fsync(file.fileno())
            file.truncate(7)
            file.write(b"J")
        (place / "c").write_bytes(b"never synced")
        for folder in (place, disk.folder):
            descriptor = os.open(folder, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
        (place / "c").unlink()
        disk.order(".CUT")
        with pytest.raises(OSError):
            (place / "b").read_bytes()
    left = disk.left / "d"
    assert (left / "b").read_bytes() == b"hello" * 1000
    assert (left / "b").stat().st_mode & 0o777 == 0o600
    assert (left / "c").read_bytes() == b""


@needs_fuse
def test_a_disk_that_hangs_on_is_let_go(tmp_path) -> None:
    with mounted(Plan(), tmp_path) as disk:
        held = os.open(disk.folder / "a", os.O_WRONLY | os.O_CREAT)
        begun = time.monotonic()
    assert time.monotonic() - begun < 30
    assert not disk.folder.is_mount()
    with pytest.raises(OSError):
        os.write(held, b"x")
    with contextlib.suppress(OSError):
        os.close(held)
