"""Answers leave after the commit, in order; a failed commit takes back all that rested on it."""

import threading

import pytest

from afterclick.core.errors import StoreError
from afterclick.store.live.calls import TailCall
from afterclick.store.live.group_commit import GroupCommit
from afterclick.store.live.reader import TailReader
from afterclick.store.live.tail import Tail
from support.tail_writer import body, call, prepare


class Loop:
    """Stands for an event loop: what is posted runs when the test says so."""

    def __init__(self) -> None:
        self.posted: list = []
        self.arrived = threading.Condition()

    def post(self, work) -> None:
        with self.arrived:
            self.posted.append(work)
            self.arrived.notify_all()

    def run(self, least: int = 1) -> int:
        """Wait until so many were posted, run all that were."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.posted) >= least, timeout=10)
            work, self.posted = self.posted, []
        for one in work:
            one()
        return len(work)


class Gate:
    """A tail whose next commits wait, and fail if told so."""

    def __init__(self, tail: Tail) -> None:
        self.tail = tail
        self.entered = threading.Semaphore(0)
        self.let = threading.Semaphore(0)
        self.fail: StoreError | None = None
        self.groups: list[int] = []
        self._commit = tail.commit
        tail.commit = self.commit

    def commit(self, calls) -> int:
        self.groups.append(len(calls))
        self.entered.release()
        assert self.let.acquire(timeout=10)
        if self.fail is not None:
            error, self.fail = self.fail, None
            raise error
        return self._commit(calls)


@pytest.fixture
def store(tmp_path):
    return prepare(tmp_path / "shop")


def test_every_call_is_answered_once_after_it_can_be_read(store) -> None:
    tail = Tail.open(store)
    commit = GroupCommit(tail)
    seen: list[tuple[int, int]] = []
    done = threading.Semaphore(0)
    reader = TailReader(store)

    def answer(number: int, error: StoreError | None) -> None:
        assert error is None
        seen.append((number, reader.position()))
        done.release()

    for number in range(1, 301):
        commit.submit(call(number, events=1), lambda error, number=number: answer(number, error))
    for _ in range(300):
        assert done.acquire(timeout=10)
    assert [number for number, _ in seen] == list(range(1, 301))
    assert all(position >= number for number, position in seen)
    assert commit.close(5)
    assert tail.position == 300
    tail.close()


def test_what_arrives_while_a_commit_runs_is_one_group_and_one_wake_up(store) -> None:
    tail, loop = Tail.open(store), Loop()
    gate, commit, answered = Gate(tail), GroupCommit(tail, loop.post), []
    commit.submit(call(1), answered.append)
    assert gate.entered.acquire(timeout=10)
    for number in range(2, 12):
        commit.submit(call(number), answered.append)
    gate.let.release(2)
    loop.run(2)
    assert gate.groups == [1, 10]
    assert answered == [None] * 11
    commit.close(5)
    tail.close()


def test_one_answer_that_fails_keeps_back_no_other_of_its_group(store) -> None:
    tail, loop = Tail.open(store), Loop()
    gate, commit, answered = Gate(tail), GroupCommit(tail, loop.post), []
    commit.submit(call(1), answered.append)
    assert gate.entered.acquire(timeout=10)
    commit.submit(call(2), lambda _: 1 / 0)
    commit.submit(call(3), answered.append)
    gate.let.release(2)
    loop.run()
    with pytest.raises(ZeroDivisionError):
        loop.run()
    assert answered == [None, None]
    assert commit.close(5)
    tail.close()


def test_a_group_holds_a_megabyte_at_most(store) -> None:
    tail, loop = Tail.open(store), Loop()
    gate, commit, answered = Gate(tail), GroupCommit(tail, loop.post), []
    big = "x" * 400_000
    for number in range(6):
        one = TailCall(1, "web", (body(str(number), big),), (str(number),), (number,))
        commit.submit(one, answered.append)
        if not number:
            assert gate.entered.acquire(timeout=10)
    assert commit.waiting_bytes > 2_000_000
    gate.let.release(10)
    while len(answered) < 6:
        loop.run()
    assert max(gate.groups) <= 2
    assert commit.waiting_bytes == 0
    commit.close(5)
    tail.close()


def test_case_5_when_a_commit_fails_all_that_rested_on_its_claims_fails_with_it(store) -> None:
    tail, loop = Tail.open(store), Loop()
    gate, commit = Gate(tail), GroupCommit(tail, loop.post)
    answers: dict[str, StoreError | None] = {}

    def submit(name: str, **more) -> str:
        claimed = tail.claim("a", 1)
        bodies = (body("a"),) if claimed == "new" else ()
        commit.submit(
            TailCall(1, "web", bodies, ("a",) * len(bodies), (1,) * len(bodies), duplicates=int(not bodies)),
            lambda error: answers.setdefault(name, error),
        )
        return claimed

    assert submit("first") == "new"
    assert gate.entered.acquire(timeout=10)
    assert submit("while it runs") == "same"
    gate.fail = StoreError("the disk failed", code="tail_failed")
    gate.let.release()
    with loop.arrived:
        assert loop.arrived.wait_for(lambda: loop.posted, timeout=10)
    assert submit("after it failed, before the claim is back") == "same"
    loop.run()
    assert [error and error.code for error in answers.values()] == ["tail_failed"] * 3
    assert len(answers) == 3
    gate.let.release()
    assert submit("sent again") == "new"
    loop.run()
    assert answers["sent again"] is None
    assert [one.bodies for one in TailReader(store).read(0, 9)] == [(body("a"),)]
    commit.close(5)
    tail.close()


def test_a_disk_that_failed_twice_running_ends_it_and_says_so(store) -> None:
    tail, loop = Tail.open(store), Loop()
    gate, commit, answers = Gate(tail), GroupCommit(tail, loop.post), []
    gate.fail = StoreError("gone", code="tail_broken")
    gate.let.release()
    commit.submit(call(1), answers.append)
    loop.run()
    assert commit.broken is not None
    commit.submit(call(2), answers.append)
    assert [error.code for error in answers] == ["tail_broken"] * 2
    assert commit.close(5)
    tail.close()


def test_closing_commits_what_waits_and_takes_no_more(store) -> None:
    tail = Tail.open(store)
    gate, commit, answers = Gate(tail), GroupCommit(tail), []
    for number in range(1, 30):
        commit.submit(call(number), answers.append)
    assert not commit.close(0.05)
    commit.submit(call(99), answers.append)
    assert answers[0].code == "closing"
    gate.let.release(30)
    assert commit.close(5)
    assert answers[1:] == [None] * 29
    assert tail.position == 29
    tail.close()


def test_an_event_loop_that_has_ended_does_not_stop_the_commit(store) -> None:
    tail, answers = Tail.open(store), []

    def closed(_) -> None:
        raise RuntimeError("Event loop is closed")

    commit = GroupCommit(tail, closed)
    commit.submit(call(1), answers.append)
    assert commit.close(5)
    assert answers == [None]
    assert tail.position == 1
    tail.close()


def test_a_call_that_cannot_be_written_is_refused_and_the_thread_lives(store) -> None:
    tail, loop, answers = Tail.open(store), Loop(), []
    commit = GroupCommit(tail, loop.post)
    commit.submit(TailCall(1, "web", (b"{}",), (), ()), answers.append)
    loop.run()
    commit.submit(call(1), answers.append)
    loop.run()
    assert [answers[0].code, answers[1]] == ["tail_failed", None]
    commit.close(5)
    tail.close()


def test_many_threads_submit_at_once_and_nothing_is_lost(store) -> None:
    tail = Tail.open(store)
    commit, answers, lock = GroupCommit(tail), [], threading.Lock()

    def send(start: int) -> None:
        for number in range(start, start + 100):
            commit.submit(call(number, events=1), answers.append)

    threads = [threading.Thread(target=send, args=(start,)) for start in (0, 1000, 2000, 3000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert commit.close(10)
    with lock:
        assert answers == [None] * 400
    found = {one.bodies[0] for one in TailReader(store).read(0, 10_000)}
    assert found == {call(start + n, events=1).bodies[0] for start in (0, 1000, 2000, 3000) for n in range(100)}
    tail.close()


def test_of_a_crowd_one_half_is_committed_while_the_other_waits(store) -> None:
    tail, loop = Tail.open(store), Loop()
    gate, commit, answered = Gate(tail), GroupCommit(tail, loop.post), []
    commit.submit(call(1), answered.append)
    assert gate.entered.acquire(timeout=10)
    commit.submit_all([(call(number), answered.append) for number in range(2, 122)])
    gate.let.release(10)
    while len(answered) < 121:
        loop.run()
    assert gate.groups == [1, 60, 32, 28]
    assert answered == [None] * 121
    assert commit.waiting_bytes == 0
    assert commit.close(5)
    assert tail.position == 121
    tail.close()


def test_calls_that_are_refused_together_give_all_their_claims_back(store) -> None:
    tail, answered = Tail.open(store), []
    commit = GroupCommit(tail)
    assert commit.close(5)
    calls = [call(number) for number in (1, 2)]
    for one in calls:
        for name, content in zip(one.ids, one.contents, strict=True):
            assert tail.claim(name, content) == "new"
    commit.submit_all([(one, answered.append) for one in calls])
    assert [error.code for error in answered] == ["closing", "closing"]
    assert [tail.claim(one.ids[0], one.contents[0]) for one in calls] == ["new", "new"]
    tail.close()
