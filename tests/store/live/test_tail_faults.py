"""The tail under kills, power cuts, failing syncs and a full disk: what was acknowledged is there, exactly once."""

import contextlib
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from afterclick.app.prove.faults.forgetful_disk import Plan
from afterclick.app.prove.faults.memory_tree import NAMINGS, SURVIVALS
from afterclick.app.prove.faults.mounted import missing, mounted
from afterclick.core.errors import StoreError, StoreLocked
from afterclick.store.live.findings import findings
from afterclick.store.live.reader import TailReader
from afterclick.store.live.tail import Tail
from afterclick.store.store import Store
from support import tail_writer
from support.tail_writer import EVENTS, call, prepare
from support.tiny import TinyDerive


def needs_fuse(test):
    """Marks a test that mounts a file system of its own."""
    skips = pytest.mark.skipif(bool(missing()), reason="a power cut needs /dev/fuse, libfuse 3 and mfusepy")
    return pytest.mark.fuse(skips(test))


@pytest.fixture
def store(tmp_path):
    return prepare(tmp_path / "shop")


class Writer:
    """A process that writes until it is stopped; `said` are its whole lines."""

    def __init__(self, store: Path, work: Path) -> None:
        self.log = work / f"said-{random.Random().getrandbits(60)}"
        with self.log.open("wb") as log:
            command = [sys.executable, tail_writer.__file__, str(store)]
            environment = {**os.environ, "PYTHONPATH": str(Path(tail_writer.__file__).parents[1])}
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.DEVNULL, env=environment)

    @property
    def said(self) -> list[str]:
        return [line.decode() for line in self.log.read_bytes().split(b"\n")[:-1]]

    @property
    def acknowledged(self) -> int:
        return max((int(line) for line in self.said if line.isdigit()), default=0)

    @property
    def failed(self) -> list[str]:
        return [line for line in self.said if line.startswith("failed")]

    def wait_for(self, count: int) -> None:
        self.wait_until(lambda: len(self.said) >= count)

    def wait_until(self, true: Callable[[], bool]) -> None:
        until = time.monotonic() + 60
        while not true() and self.process.poll() is None:
            assert time.monotonic() < until, self.said
            time.sleep(0.005)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def check(store: Path, acknowledged: int) -> int:
    """Open as the next server would; everything up to some number is there, at least what was said. Returns it."""
    tail = Tail.open(store)
    found = TailReader(store).read(0, 1_000_000)
    last = len(found)
    assert last >= acknowledged, "an acknowledged call is lost"
    assert [one.seq for one in found] == list(range(1, last + 1))
    assert [one.bodies for one in found] == [call(number).bodies for number in range(1, last + 1)]
    assert tail.position == last
    assert tail.balance().stored == tail.events == EVENTS * last
    assert [message for damaged, _, message in findings(store) if damaged] == []
    tail.close()
    return last


def test_case_1_kills_at_random_moments_lose_nothing_and_count_nothing_twice(store, tmp_path) -> None:
    chance, there = random.Random(5), 0
    for _ in range(4):
        writer = Writer(store, tmp_path)
        writer.wait_for(chance.randrange(1, 60))
        time.sleep(chance.uniform(0, 0.02))
        writer.kill()
        last = check(store, writer.acknowledged)
        assert last >= there
        there = last
    assert there > 40


@needs_fuse
@pytest.mark.slow
@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize("survival", SURVIVALS)
def test_case_4_a_power_cut_at_any_sync_loses_nothing_acknowledged(tmp_path, survival, naming) -> None:
    seed = SURVIVALS.index(survival) * 2 + NAMINGS.index(naming)
    plan = Plan(survival=survival, naming=naming, cut_at=random.Random(seed).randrange(20, 60), seed=seed)
    with mounted(plan, tmp_path) as disk:
        writer = Writer(prepare(disk.folder / "shop"), tmp_path)
        writer.process.wait(60)
        disk.order(".CUT")
    assert writer.acknowledged > 10
    assert writer.said[-1] == "failed tail_broken"
    check(prepare(disk.left / "shop"), writer.acknowledged)


@needs_fuse
def test_case_5_one_failing_sync_is_refused_and_the_tail_goes_on(tmp_path) -> None:
    with mounted(Plan(survival="sectors", seed=3), tmp_path) as disk:
        writer = Writer(prepare(disk.folder / "shop"), tmp_path)
        for failures in range(1, 4):
            writer.wait_for(len(writer.said) + 10)
            disk.order(".EIO")
            # One commit acknowledges many calls, so more than ten lines may come before the sync that fails.
            writer.wait_until(lambda due=failures: len(writer.failed) >= due)
            writer.wait_for(len(writer.said) + 10)
            assert writer.failed == ["failed tail_failed"] * failures
        disk.order(".CUT")
        writer.process.wait(60)
    check(prepare(disk.left / "shop"), writer.acknowledged)


@needs_fuse
def test_case_5_a_disk_that_goes_on_failing_ends_the_process(tmp_path) -> None:
    with mounted(Plan(eio_at=40, eio_count=1000), tmp_path) as disk:
        writer = Writer(prepare(disk.folder / "shop"), tmp_path)
        assert writer.process.wait(60) == 1
        assert writer.said[-1] == "failed tail_broken"
        disk.order(".CUT")
    check(prepare(disk.left / "shop"), writer.acknowledged)


@needs_fuse
def test_case_6_a_full_disk_refuses_and_recovers_alone(tmp_path) -> None:
    with mounted(Plan(survival="prefix"), tmp_path) as disk:
        store = prepare(disk.folder / "shop")
        tail = Tail.open(store)
        tail.commit([call(1)])
        disk.order(".FULL")
        codes = set()
        for _ in range(30):
            with pytest.raises(StoreError) as refused:
                tail.commit([call(2)])
            codes.add(refused.value.code)
        assert codes == {"disk_full"}
        assert [one.seq for one in TailReader(store).read(0, 99)] == [1], "questions are answered meanwhile"
        assert tail.balance().stored == 3
        disk.order(".ROOM")
        assert tail.commit([call(2)]) == 2
        disk.order(".CUT")
        tail.close()
    check(prepare(disk.left / "shop"), 2)


@needs_fuse
def test_case_6_a_start_on_a_full_disk_is_no_crash_loop(tmp_path) -> None:
    with mounted(Plan(), tmp_path) as disk:
        store = prepare(disk.folder / "shop")
        writer = Writer(store, tmp_path)
        writer.wait_for(10)
        writer.kill()
        disk.order(".FULL")
        tail = Tail.open(store)
        # The kill may have left room: what was half written then is written over now.
        with contextlib.suppress(StoreError):
            for number in range(800, 820):
                tail.commit([call(number)])
        for _ in range(3):
            with pytest.raises(StoreError) as refused:
                tail.commit([call(900)])
            assert refused.value.code == "disk_full"
        disk.order(".ROOM")
        if not tail._file.is_open:
            with pytest.raises(StoreError) as refused:
                tail.commit([call(900)])
            assert refused.value.code == "tail_failed", "claims made meanwhile are not to be trusted"
        position = tail.position
        assert position >= writer.acknowledged
        assert tail.claim(call(1).ids[0], call(1).contents[0]) == "same"
        assert tail.commit([call(900)]) == position + 1
        tail.close()


def test_case_12_and_13_two_processes_and_a_lock_that_a_kill_left(tmp_path) -> None:
    path = tmp_path / "shop"
    script = (
        "import sys, time; from afterclick.store.store import Store; from afterclick.store.live.tail import Tail\n"
        "from pathlib import Path; from support.tiny import TinyDerive; from support.tail_writer import call\n"
        "held = Store.open(Path(sys.argv[1]), derive=TinyDerive(), write=True, create=True)\n"
        "Tail.open(held.path).commit([call(1)]); print('ready', flush=True); time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(tail_writer.__file__).parents[1])}
    first = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, env=environment)
    assert first.stdout is not None
    assert first.stdout.readline() == b"ready\n"
    begun = time.monotonic()
    with pytest.raises(StoreLocked, match=str(first.pid)):
        Store.open(path, derive=TinyDerive(), write=True)
    assert time.monotonic() - begun < 10, "it does not wait for the other, which would take a minute"
    assert TailReader(path).position() == 1
    first.kill()
    first.communicate()
    (path / "LOCK").write_text(f"pid {os.getpid()} (python)\n")
    with Store.open(path, derive=TinyDerive(), write=True) as held:
        tail = Tail.open(held.path)
        assert tail.commit([call(2)]) == 2
        tail.close()


@pytest.fixture
def open_folder():
    """A folder somebody without rights can walk into."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield prepare(Path(folder) / "shop")


def test_case_17_without_the_right_to_write_it_is_one_error_and_reading_works(open_folder) -> None:
    tail = Tail.open(open_folder)
    tail.commit([call(1)])
    tail.close()
    me = os.geteuid()
    open_folder.chmod(0o555)
    (open_folder / "live.db").chmod(0o444)
    if me == 0:
        os.seteuid(65534)
    try:
        with pytest.raises(StoreError) as refused:
            Tail.open(open_folder)
        assert (refused.value.code, refused.value.exit_code) == ("no_access", 2)
        assert TailReader(open_folder).position() == 1
        assert [one.bodies for one in TailReader(open_folder).read(0, 9)] == [call(1).bodies]
    finally:
        os.seteuid(me)
        open_folder.chmod(0o755)
        (open_folder / "live.db").chmod(0o644)
    assert sorted(path.name for path in open_folder.glob("live*")) == ["live.db", "live.mark"]


def test_case_21_without_file_descriptors_it_is_refused_and_nothing_is_broken(store) -> None:
    tail = Tail.open(store)
    tail.commit([call(1)])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened: list[int] = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(64, len(os.listdir("/proc/self/fd")) + 8), hard))
        with pytest.raises(OSError):  # noqa: PT012 - until none is left
            while True:
                opened.append(os.open(os.devnull, os.O_RDONLY))
        with pytest.raises(StoreError):
            TailReader(store).position()
        assert tail.commit([call(2)]) == 2, "what is open goes on"
    finally:
        for descriptor in opened:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    tail.commit([call(3)])
    tail.close()
    check(store, 3)


def test_a_file_that_may_not_grow_is_an_error_and_no_loss(store, tmp_path) -> None:
    command = (
        f"import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000));"
        f"sys.argv = ['w', {str(store)!r}]; runpy.run_path({tail_writer.__file__!r}, run_name='__main__')"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(tail_writer.__file__).parents[1])}
    words = [sys.executable, "-c", command]
    done = subprocess.run(words, check=False, capture_output=True, text=True, env=environment, timeout=30)
    said = done.stdout.splitlines()
    assert done.returncode == 1
    assert said[-1] == "failed tail_broken"
    check(store, max(int(line) for line in said if line.isdigit()))
