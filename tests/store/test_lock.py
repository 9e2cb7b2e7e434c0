"""One writer: the second is refused at once and told by whom, and nothing that is left over keeps anybody out."""

import os
import signal
import subprocess
import sys
import time

import pytest

from afterclick.core.errors import StoreError, StoreLocked
from afterclick.store import disk
from afterclick.store.lock import Lock

HOLDER = """
import sys, time
from pathlib import Path
from afterclick.store.lock import Lock
with Lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_process_is_refused_at_once_naming_the_first(tmp_path, holder) -> None:
    begun = time.monotonic()
    with pytest.raises(StoreLocked) as caught:
        Lock(tmp_path).acquire()
    assert time.monotonic() - begun < 10
    assert f"pid {holder.pid}" in caught.value.message
    assert caught.value.exit_code == 2
    assert Lock(tmp_path).try_acquire() is False


def test_it_is_free_after_kill_9(tmp_path, holder) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert f"pid {holder.pid}" in (tmp_path / "LOCK").read_text()
    with Lock(tmp_path) as lock:
        assert lock.held
        assert f"pid {os.getpid()}" in (tmp_path / "LOCK").read_text()
    assert (tmp_path / "LOCK").read_text() == ""


@pytest.mark.parametrize("left", ["pid {pid} (this very process)\n", "pid 1 (init)\n", "", "rubbish", "pid x"])
def test_a_left_over_file_keeps_nobody_out_whatever_it_says(tmp_path, left) -> None:
    (tmp_path / "LOCK").write_text(left.format(pid=os.getpid()))
    with Lock(tmp_path) as lock:
        assert lock.held


def test_a_second_lock_of_the_same_process_is_refused_too(tmp_path) -> None:
    with Lock(tmp_path) as lock:
        assert lock.try_acquire() is False
        with pytest.raises(StoreLocked, match=f"pid {os.getpid()}"):
            Lock(tmp_path).acquire()
    with Lock(tmp_path):
        pass


def test_opening_and_closing_the_file_elsewhere_does_not_drop_it(tmp_path, monkeypatch) -> None:
    with Lock(tmp_path):
        (tmp_path / "LOCK").read_bytes()
        with (tmp_path / "LOCK").open("r+b"):
            pass
        assert Lock(tmp_path).try_acquire() is False


def test_windows_is_told_about_wsl(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(StoreError) as caught:
        Lock(tmp_path).acquire()
    assert "WSL" in caught.value.hint


def test_a_folder_that_cannot_be_written_gives_one_clear_line(tmp_path) -> None:
    error = disk.explain(PermissionError(13, "Permission denied"), tmp_path / "LOCK")
    assert (error.code, error.exit_code) == ("no_access", 2)
    with pytest.raises(StoreError):
        Lock(tmp_path / "missing").acquire()
