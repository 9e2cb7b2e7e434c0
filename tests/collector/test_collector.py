"""The collector by itself, with a disk that is told what to do: waiting, failing, refusing, counting."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from afterclick.collect.live.collector import Collector
from afterclick.collect.live.counts import OTHER, REASONS, Counts
from afterclick.collect.live.feed import Feed
from afterclick.collect.live.waiting import Limits
from afterclick.collect.privacy.policy import Policy
from afterclick.collect.rejects import KEPT
from afterclick.collect.wire.answers import Answer
from afterclick.collect.wire.request import WireRequest
from afterclick.core import clock
from afterclick.core.errors import StoreError
from afterclick.store.access import Access
from afterclick.store.live.calls import TailCall
from afterclick.store.live.claims import Claims
from afterclick.store.privacy import Privacy
from afterclick.surfaces.peer import client_of

Done = Callable[[StoreError | None], None]


class Disk:
    """A group commit that answers when it is told to."""

    def __init__(self) -> None:
        self.calls: list[tuple[TailCall, Done]] = []
        self.groups: list[int] = []

    def submit_all(self, calls: Sequence[tuple[TailCall, Done]]) -> None:
        self.calls += calls
        self.groups.append(len(calls))

    def finish(self, error: StoreError | None = None) -> None:
        calls, self.calls = self.calls, []
        for _, done in calls:
            done(error)


class Bench:
    """A collector with its disk, its keys and what was answered."""

    def __init__(self, folder: Path, rate: int = 0, **limits: Any) -> None:
        self.access = Access(folder)
        self.key = self.access.make("write", source="bench", rate=rate).secret
        self.disk = Disk()
        self.claims = Claims()
        self.feed = Feed()
        self.collector = Collector(
            self.claims, self.disk, self.access, Policy.of_store(folder, Privacy()), self.feed, limits=Limits(**limits)
        )
        self.answers: list[Answer] = []

    def send(self, *names: str, key: str | None = None, **headers: str) -> None:
        events = [{"type": "track", "event": "Sent", "userId": "u1", "messageId": name} for name in names]
        shown = base64.b64encode(f"{self.key if key is None else key}:".encode()).decode()
        told = {"authorization": f"Basic {shown}", **headers}
        body = json.dumps({"batch": events}).encode()
        self.collector.offer(WireRequest("POST", "/v1/batch", "", told, body, clock.now(), "192.0.2.1"), self.answers.append)

    @property
    def statuses(self) -> list[int]:
        return [answer.status for answer in self.answers]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_nobody_is_answered_before_the_disk_has_confirmed(bench: Bench) -> None:
    bench.send("a")
    bench.send("b", "c")
    assert bench.answers == []
    assert bench.collector.waiting[0] == 2
    assert bench.feed.position == 0, "nor shown"
    bench.disk.finish()
    assert [json.loads(answer.body)["accepted"] for answer in bench.answers] == [1, 2]
    assert bench.collector.waiting == (0, 0)
    assert bench.feed.position == 3
    assert [row.source for row in bench.feed.recent(1)] == ["bench"]


def test_what_is_offered_together_goes_to_the_disk_together(bench: Bench) -> None:
    with bench.collector.together():
        bench.send("a")
        bench.send("b", key="unknown")
        bench.send("a", "c")
        assert bench.disk.groups == []
    assert bench.disk.groups == [2]
    bench.send("d")
    assert bench.disk.groups == [2, 1]
    bench.disk.finish()
    assert bench.statuses == [401, 200, 200, 200]
    assert [json.loads(answer.body)["duplicates"] for answer in bench.answers[1:]] == [0, 1, 0]


def test_a_mistake_among_what_is_offered_together_keeps_no_other_from_the_disk(bench: Bench) -> None:
    def mistaken() -> None:
        with bench.collector.together():
            bench.send("a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        mistaken()
    assert bench.disk.groups == [1]


def test_a_revoked_key_that_has_sent_sends_no_more(bench: Bench) -> None:
    bench.send("a")
    bench.disk.finish()
    bench.access.revoke(next(grant.id for grant in bench.access.grants))
    bench.send("b")
    assert bench.statuses == [200, 401]


def test_a_duplicate_waits_for_the_disk_as_well(bench: Bench) -> None:
    bench.send("a")
    bench.send("a")
    assert bench.answers == [], "the event it repeats is not stored yet"
    assert [call.duplicates for call, _ in bench.disk.calls] == [0, 1]
    bench.disk.finish()
    assert [json.loads(answer.body)["duplicates"] for answer in bench.answers] == [0, 1]


def test_a_failing_disk_is_503_with_the_time_to_come_again(bench: Bench) -> None:
    bench.send("a")
    bench.disk.finish(StoreError("no space", code="disk_full"))
    answer = bench.answers[0]
    assert answer.status == 503
    assert json.loads(answer.body)["code"] == "disk_full"
    assert dict(answer.headers)[b"retry-after"] == b"5"
    assert bench.feed.position == 0
    assert (bench.collector.counts.stored, bench.collector.counts.failed_commits) == (0, 1)
    assert bench.collector.counts.refused == {"disk_full": 1}


def test_who_waits_too_long_is_told_so_and_not_twice(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    at = 100.0
    monkeypatch.setattr(clock, "ticks", lambda: at)
    bench.send("a")
    at = 115.0
    bench.send("b")
    bench.collector.overdue(119.0)
    assert bench.answers == []
    bench.collector.overdue(121.0)
    assert bench.statuses == [503]
    assert json.loads(bench.answers[0].body)["code"] == "slow_disk"
    bench.disk.finish()
    assert bench.statuses == [503, 200]
    assert bench.collector.counts.stored == 2, "it was stored all the same"


def test_who_sends_on_when_told_that_the_disk_is_slow_keeps_nobody_else_waiting(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "ticks", lambda: 100.0)
    answered: list[Answer] = []

    def send_on(answer: Answer) -> None:
        # The next request of the same connection, which had to wait for its turn.
        answered.append(answer)
        bench.send("next")

    body = json.dumps({"type": "track", "event": "Sent", "userId": "u1", "messageId": "first"}).encode()
    shown = base64.b64encode(f"{bench.key}:".encode()).decode()
    headers = {"authorization": f"Basic {shown}"}
    bench.collector.offer(WireRequest("POST", "/v1/track", "", headers, body, clock.now(), ""), send_on)
    bench.send("second")
    bench.collector.overdue(130.0)
    assert [answer.status for answer in answered] == [503]
    assert bench.statuses == [503]
    bench.disk.finish()
    assert bench.statuses == [503, 200]
    assert bench.collector.waiting == (0, 0)


def test_a_mistake_in_the_counts_keeps_no_answer_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.send("a")
    monkeypatch.setattr(bench.feed, "take", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bench.disk.finish()
    assert bench.statuses == [200]
    assert bench.collector.waiting == (0, 0)


def test_a_whole_batch_of_conflicts_costs_no_more_than_its_events(bench: Bench) -> None:
    shown = base64.b64encode(f"{bench.key}:".encode()).decode()
    headers = {"authorization": f"Basic {shown}"}
    event = {"type": "track", "event": "Sent", "userId": "u", "messageId": "one"}
    events = [{**event, "properties": {"n": i}} for i in range(2000)]
    spent: dict[int, list[float]] = {200: [], 2000: []}
    for size in (200, 2000) * 4:
        body = json.dumps({"batch": events[:size]}).encode()
        begun = time.thread_time()
        bench.collector.offer(WireRequest("POST", "/v1/batch", "", headers, body, clock.now(), ""), bench.answers.append)
        spent[size].append(time.thread_time() - begun)
        bench.disk.finish()
    assert json.loads(bench.answers[-1].body)["rejected"] == 1999
    assert min(spent[2000]) < 25 * min(spent[200]), "in step with the number of events, not with its square"


@pytest.mark.parametrize("limit", [{"calls": 2}, {"size": 200}])
def test_too_much_waiting_is_429_before_anything_is_read(tmp_path: Path, limit: dict[str, int]) -> None:
    bench = Bench(tmp_path, **limit)
    bench.send("a")
    bench.send("b")
    bench.send("c")
    assert bench.statuses[-1] == 429
    assert dict(bench.answers[-1].headers)[b"retry-after"] == b"2"
    assert all("c" not in call.ids for call, _ in bench.disk.calls)
    bench.disk.finish()
    bench.send("c")
    bench.disk.finish()
    assert bench.statuses[-1] == 200


def test_case_43_the_rate_of_one_key_is_not_that_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "ticks", lambda: 50.0)
    bench = Bench(tmp_path, rate=1)
    other = bench.access.make("write", source="other", rate=1).secret
    bench.send(*(f"a{i}" for i in range(20)))
    bench.send("b")
    assert bench.statuses == [429]
    assert int(dict(bench.answers[0].headers)[b"retry-after"]) == 16
    bench.send("c", key=other)
    bench.disk.finish()
    assert bench.statuses == [429, 200, 200]


def test_nobody_without_a_key_changes_what_is_known_of_consent(bench: Bench) -> None:
    withdrawn = {"type": "track", "event": "Consent Withdrawn", "userId": "u1", "messageId": "w"}
    body = json.dumps({"batch": [withdrawn], "writeKey": "nobody"}).encode()
    bench.collector.offer(WireRequest("POST", "/v1/batch", "", {}, body, clock.now(), ""), bench.answers.append)
    assert bench.statuses == [401]
    bench.send("a")
    bench.disk.finish()
    assert json.loads(bench.answers[-1].body)["accepted"] == 1


def test_a_server_that_stops_says_so(bench: Bench) -> None:
    bench.send("a")
    bench.collector.stop()
    bench.send("b")
    bench.disk.finish()
    assert bench.statuses == [503, 200]


def test_the_address_behind_a_proxy_of_this_machine_is_the_last_it_names() -> None:
    forged = {"x-forwarded-for": "203.0.113.9, 198.51.100.7"}
    assert client_of(("127.0.0.1", 1), forged) == "198.51.100.7"
    assert client_of(("192.0.2.1", 1), forged) == "192.0.2.1", "others may name whom they like"
    assert client_of(None, {}) == ""


def test_case_99_reasons_are_bounded() -> None:
    counts = Counts()
    for i in range(1000):
        counts.reject(f"reason {i}")
    assert len(counts.reasons) <= REASONS + 1
    assert counts.reasons[OTHER] == 1000 - REASONS
    counts.answered(0.0005)
    counts.answered(100.0)
    assert counts.histogram()[0] == ("0.001", 1)
    assert counts.histogram()[-1] == ("+Inf", 2)


def test_a_conflict_is_named_by_its_place_in_the_request(bench: Bench) -> None:
    bench.send("x")
    bench.disk.finish()
    events: list[Any] = [5, {"type": "track", "event": "A", "userId": "u", "messageId": "y"}]
    events.append({"type": "track", "event": "Other", "userId": "u1", "messageId": "x"})
    shown = base64.b64encode(f"{bench.key}:".encode()).decode()
    request = WireRequest(
        "POST", "/v1/batch", "", {"authorization": f"Basic {shown}"}, json.dumps({"batch": events}).encode(), clock.now(), ""
    )
    bench.collector.offer(request, bench.answers.append)
    bench.disk.finish()
    told = json.loads(bench.answers[-1].body)
    assert [(error["index"], error["code"]) for error in told["errors"]][-1] == (2, "id_conflict")
    assert told["accepted"] == 1


def test_a_mistake_between_claim_and_disk_gives_the_claim_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.send("x")
    bench.disk.finish()
    events = [{"type": "track", "event": "Sent", "userId": "u1", "messageId": "kept"}]
    events.append({"type": "track", "event": "Other", "userId": "u1", "messageId": "x"})
    shown = base64.b64encode(f"{bench.key}:".encode()).decode()
    request = WireRequest(
        "POST", "/v1/batch", "", {"authorization": f"Basic {shown}"}, json.dumps({"batch": events}).encode(), clock.now(), ""
    )
    with monkeypatch.context() as patch:
        patch.setattr(bench.collector, "_scrub", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            bench.collector.offer(request, bench.answers.append)
    bench.collector.offer(request, bench.answers.append)
    bench.disk.finish()
    told = json.loads(bench.answers[-1].body)
    assert (told["accepted"], told["duplicates"], told["rejected"]) == (1, 0, 1)


def test_a_dead_letter_is_cut_to_what_is_kept(bench: Bench) -> None:
    large = {"type": "track", "event": "x" * 50_000, "userId": "u1", "messageId": "large"}
    shown = base64.b64encode(f"{bench.key}:".encode()).decode()
    request = WireRequest(
        "POST", "/v1/track", "", {"authorization": f"Basic {shown}"}, json.dumps(large).encode(), clock.now(), ""
    )
    bench.collector.offer(request, bench.answers.append)
    (letter,) = bench.disk.calls[0][0].rejected
    assert letter.cut
    assert 0 < len(letter.original) <= KEPT
    assert bench.collector.waiting[1] == len(letter.original)
