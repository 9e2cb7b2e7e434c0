"""The feed of the newest events: what it counts equals a count by hand, in bounded memory, from whatever thread."""

from __future__ import annotations

import random
import threading
import time
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from afterclick.collect.live import following, pulse
from afterclick.collect.live.feed import KEPT, KEPT_REFUSALS, Feed
from afterclick.collect.live.following import Follower, Stored, prime, show
from afterclick.core.event import Rejected
from afterclick.core.spans import MINUTE, SECOND
from afterclick.store.live.calls import Balance, StoredCall, TailCall
from afterclick.store.live.reader import TailReader
from afterclick.store.live.tail import Tail

NOW = 1_790_000_000 * SECOND + 17 * SECOND
"""20 September 2026, some seconds into a minute."""


class Sent(NamedTuple):
    """What a test remembers of a call, to count by hand."""

    at: int
    source: str
    events: tuple[Stored, ...]
    duplicates: int
    rejected: tuple[Rejected, ...]


def rejected(at: int, code: str = "too_deep") -> Rejected:
    return Rejected(id="r", at=at, source="web", code=code, message=f"because of {code}")


def traffic(seed: int, calls: int = 300, now: int = NOW) -> list[Sent]:
    """Calls of the last 36 minutes in any order, with visitors, pages and faults of all sorts."""
    rng = random.Random(seed)

    def event() -> Stored:
        page = rng.choice(["", "https://www.shop.example/", "https://shop.example/cart?x=1#a", "https://shop.example/p/1?utm_source=naver"])
        return Stored(
            event=rng.choice(["Page Viewed", "Product Added", "Order Completed"]),
            type=rng.choice(["page", "track", "identify"]),
            anonymous_id=rng.choice([None, "", f"a{rng.randrange(30)}"]),
            user_id=rng.choice([None, f"u{rng.randrange(5)}", f"a{rng.randrange(5)}"]),
            url=page or None,
            referrer=rng.choice([None, "https://search.example/q", "https://shop.example/"]),
            properties=rng.choice([{}, {"revenue": 12.5, "currency": "EUR"}, {"title": "Home"}]),
        )

    return [
        Sent(
            at := now - rng.randrange(36 * MINUTE),
            rng.choice(["web", "app"]),
            tuple(event() for _ in range(rng.randrange(4))),
            rng.randrange(2),
            tuple(rejected(at) for _ in range(rng.randrange(2))),
        )
        for _ in range(calls)
    ]


def filled(sent: list[Sent], began: int = NOW - 60 * MINUTE) -> Feed:
    feed = Feed(began)
    for call in sent:
        feed.take(call.events, at=call.at, source=call.source, duplicates=call.duplicates, rejected=call.rejected)
    return feed


def by_hand(sent: list[Sent], now: int = NOW) -> dict[str, Any]:
    """The figures of the page, in the naive way."""
    first = now // MINUTE * MINUTE - 29 * MINUTE
    recent = [call for call in sent if first <= call.at <= now]
    views = [
        event for call in recent for event in call.events if event.type in ("page", "screen") or event.event == "Page Viewed"
    ]
    ids = {
        ("a", event.anonymous_id) if event.anonymous_id else ("u", event.user_id)
        for call in sent
        if now - 5 * MINUTE < call.at
        for event in call.events
        if event.anonymous_id or event.user_id
    }
    paths = Counter(
        event.url.partition("?")[0].partition("shop.example")[2] if event.url else event.properties.get("title", "")
        for event in views
    )
    return {
        "active": len(ids),
        "minutes": [
            (
                first + i * MINUTE,
                sum(len(call.events) for call in recent if call.at // MINUTE == first // MINUTE + i),
                sum(call.duplicates for call in recent if call.at // MINUTE == first // MINUTE + i),
                sum(len(call.rejected) for call in recent if call.at // MINUTE == first // MINUTE + i),
            )
            for i in range(30)
        ],
        "pages": dict(paths),
        "senders": {
            name: sum(len(call.events) for call in recent if call.source == name)
            for name in ("app", "web")
        },
    }


@pytest.mark.parametrize("seed", range(8))
def test_every_figure_equals_a_count_by_hand(seed: int) -> None:
    sent = traffic(seed)
    now, truth = filled(sent).now(NOW), by_hand(sent)
    assert now.active == truth["active"] > 0
    assert not now.active_more
    assert [minute[:4] for minute in now.minutes] == truth["minutes"]
    assert now.events == sum(minute[1] for minute in truth["minutes"])
    assert dict(now.pages.names) == truth["pages"]
    assert dict(now.senders.names) == {name: n for name, n in truth["senders"].items() if n}
    assert all(minute.whole for minute in now.minutes)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_arrival_changes_no_figure(seed: int) -> None:
    sent = traffic(seed)
    shuffled = random.Random(seed).sample(sent, len(sent))
    one, other = filled(sent).now(NOW), filled(shuffled).now(NOW)
    assert one._replace(refusals=()) == other._replace(refusals=())


def test_many_threads_lose_nothing() -> None:
    sent = traffic(1, 800)
    feed = Feed(NOW - 60 * MINUTE)

    def work(part: list[Sent]) -> None:
        for call in part:
            feed.take(call.events, at=call.at, source=call.source, duplicates=call.duplicates, rejected=call.rejected)

    threads = [threading.Thread(target=work, args=(sent[i::4],)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    truth = by_hand(sent)
    now = feed.now(NOW)
    assert [minute[:4] for minute in now.minutes] == truth["minutes"]
    assert now.active == truth["active"]
    assert feed.position == sum(len(call.events) for call in sent)


def test_time_goes_by() -> None:
    feed = Feed(NOW)
    feed.take([Stored(event="A", anonymous_id="a")], at=NOW, source="web")
    assert feed.now(NOW + 5 * MINUTE - 1).active == 1
    assert feed.now(NOW + 5 * MINUTE).active == 0
    assert sum(minute.events for minute in feed.now(NOW + 29 * MINUTE).minutes) == 1
    assert sum(minute.events for minute in feed.now(NOW + 30 * MINUTE).minutes) == 0
    assert feed.now(NOW).minutes[-1].whole is False
    assert feed.now(NOW + MINUTE).minutes[-1].whole is True


def test_rows_are_the_newest_first_with_what_a_reader_sees() -> None:
    feed = Feed(0)
    feed.take(
        [
            Stored(
                event="Order Completed",
                anonymous_id="a1",
                user_id="u1",
                url="https://shop.example/checkout?step=3",
                properties={"revenue": "19900", "value": 3, "currency": "KRW"},
            ),
            Stored(event="E" * 300, type="screen", user_id="u2", properties={"name": "Home of kim@shop.example"}),
            Stored(event="Long", anonymous_id="x" * 4000, properties={"revenue": True, "currency": "KRW"}),
        ],
        at=NOW,
        source="app",
    )
    long, screen, order = feed.recent()
    assert (order.number, order.who, order.page, order.amount, order.currency) == (1, "a:a1", "/checkout", "19900", "KRW")
    assert (screen.who, screen.page, len(screen.event)) == ("u:u2", "Home of [email]", 200)
    assert (long.who, long.amount, long.currency) == ("", "", "")
    assert feed.now(NOW).active == 3
    assert feed.recent(after=2) == [long]
    assert feed.recent(text="ORDER c") == [order]
    assert feed.recent(minute=NOW - NOW % MINUTE - MINUTE) == []
    assert feed.recent(most=1) == [long]


def test_who_was_erased_is_shown_no_more() -> None:
    """Case 48, as far as what is shown: the events of all ids of a person go, the counts stay."""
    feed = Feed(0)
    ids: list[dict[str, Any]] = [{"anonymous_id": "a1"}, {"user_id": "a1"}, {"anonymous_id": "a2"}, {}]
    feed.take([Stored(event="A", **given) for given in ids], at=NOW, source="web")
    feed.forget(lambda space, value: (space, value) == ("a:", "a1"))
    assert [row.who for row in feed.recent()] == ["", "a:a2", "u:a1"]
    assert feed.now(NOW).active == 2
    assert feed.now(NOW).minutes[-1].events == 4


@pytest.mark.parametrize(
    ("url", "referrer", "path", "origin"),
    [
        ("https://shop.example", "", "/", ""),
        ("https://shop.example?a=/b", "https://other.example/x", "/", "other.example"),
        ("https://www.shop.example/a/b?x#y", "https://shop.example/", "/a/b", ""),
        ("https://shop.example:8443/a", "https://user@m.naver.com:1/", "/a", "m.naver.com"),
        ("/only/a/path?utm_source=kakao%20talk&x=1", "", "/only/a/path", "kakao talk"),
        ("https://shop.example/?not_utm_source=x", "android-app://com.kakao.talk/", "/", "com.kakao.talk"),
        ("app://home", "no url at all", "/", ""),
        ("https://shop.example/#utm_source=x", "", "/", ""),
    ],
)
def test_pages_and_origins(url: str, referrer: str, path: str, origin: str) -> None:
    assert pulse.path(url) == path
    assert pulse.origin(url, referrer) == origin


def test_memory_is_bounded_whatever_comes() -> None:
    """Case 96, as far as the feed: new ids, pages and reasons without end."""
    feed = Feed(0)
    tracemalloc.start()

    def flood(start: int) -> int:
        for i in range(start, start + 120):
            feed.take(
                [
                    Stored(
                        event=f"{i}-{k}" * 50,
                        type="page",
                        anonymous_id=f"{i}-{k}" * 200,
                        url=f"https://s.example/{i}/{k}/" + "x" * 3000,
                        referrer=f"https://{i}-{k}.example/",
                        properties={"revenue": "9" * 5000},
                    )
                    for k in range(100)
                ],
                at=NOW + i * 20 * SECOND,
                source="web",
                rejected=[rejected(NOW + i)] * 20,
            )
        return tracemalloc.get_traced_memory()[0]

    try:
        flood(0)
        before = flood(120)
        # What is kept without end would show every time; other threads of this process only now and then.
        after = min(flood(start) for start in (240, 360, 480))
    finally:
        tracemalloc.stop()
    assert after < before * 1.15 + 100_000
    assert after < 60_000_000
    assert len(feed.recent()) == KEPT
    assert len(feed.now(NOW).refusals) == KEPT_REFUSALS
    now = feed.now(NOW + 479 * 20 * SECOND)
    assert now.pages.others + sum(n for _, n in now.pages.names) == now.events


def test_more_visitors_than_can_be_told_apart_are_said_to_be_more() -> None:
    active = pulse.Active(most=10)
    for i in range(25):
        active.saw(f"a:{i}", NOW + i)
    assert counted(active, NOW + 25) == (10, True)
    assert counted(active, NOW + 24 + 5 * MINUTE) == (0, False)
    active.saw("a:late", NOW + 20 * MINUTE)
    assert counted(active, NOW + 20 * MINUTE) == (1, False)


def test_a_clock_that_jumps_leaves_no_minutes_behind() -> None:
    """Case 28: 400 days ahead and back again."""
    feed = Feed(0)
    for at in (NOW, NOW + 400 * 1440 * MINUTE, NOW + 1, NOW - 60 * MINUTE, NOW + 2):
        feed.take([Stored(event="A", anonymous_id="a")], at=at, source="web")
    assert feed.now(NOW + 3).minutes[-1].events == 3
    for i in range(200):
        feed.take([Stored(event="A")], at=NOW + i * MINUTE, source="web")
    assert [minute.events for minute in feed.now(NOW + 199 * MINUTE).minutes] == [1] * 30


class FakeTail:
    """Calls in memory, read as the tail's reader reads them."""

    def __init__(self, calls: list[StoredCall], last: int | None = None) -> None:
        self.calls = calls
        self.last = last if last is not None else calls[-1].seq if calls else 0
        self.letters: list[tuple[int, Rejected]] = []
        self.whole = Balance()
        self.reads = 0

    def position(self) -> int:
        return self.last

    def read(self, after_seq: int, limit_events: int) -> list[StoredCall]:
        self.reads += 1
        found: list[StoredCall] = []
        for call in self.calls:
            if call.seq > after_seq:
                found.append(call)
                if sum(len(each.bodies) for each in found) >= limit_events:
                    break
        return found

    def rejects(self, after_seq: int = 0) -> list[Rejected]:
        return [letter for seq, letter in self.letters if seq > after_seq]

    def balance(self) -> Balance:
        return self.whole


def stored(seq: int, at: int, n: int = 1) -> StoredCall:
    return StoredCall(seq, at, "web", tuple(msgspec.json.encode(Stored(event="A", anonymous_id=f"a{seq}")) for _ in range(n)))


def test_a_new_feed_holds_the_last_half_hour_of_the_tail() -> None:
    tail = FakeTail([stored(seq, NOW - (2000 - seq) * 2 * SECOND) for seq in range(1, 2001)])
    feed = Feed(NOW)
    assert prime(feed, tail, NOW) == 2000
    minutes = feed.now(NOW).minutes
    assert sum(minute.events for minute in minutes) == sum(
        1 for call in tail.calls if call.received_at >= NOW // MINUTE * MINUTE - 29 * MINUTE
    )
    assert all(minute.whole for minute in minutes)
    assert feed.now(NOW).active == 150
    assert tail.reads < 30


@pytest.mark.parametrize(
    ("calls", "last", "whole"),
    [
        ([], 0, 30),  # nothing ever came
        ([], 7, 0),  # all of it was sealed, nobody knows when
        ([stored(1, NOW - 90 * MINUTE)], 1, 30),  # all of it is older
        ([stored(8, NOW - 10 * MINUTE)], 8, 10),  # what came before was sealed
        ([stored(8, NOW - 90 * MINUTE), stored(9, NOW - 10 * MINUTE)], 9, 30),
        ([stored(1, NOW - 90 * MINUTE), stored(5, NOW - 10 * MINUTE)], 5, 10),  # damaged between
    ],
)
def test_what_was_sealed_is_not_passed_off_as_nothing(calls: list[StoredCall], last: int, whole: int) -> None:
    feed = Feed(NOW)
    prime(feed, FakeTail(calls, last), NOW)
    assert sum(minute.whole for minute in feed.now(NOW).minutes) == whole


def test_only_so_much_is_read_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "MOST", 100)
    monkeypatch.setattr(following, "_AT_ONCE", 30)
    tail = FakeTail([stored(seq, NOW - (400 - seq) * SECOND) for seq in range(1, 401)])
    feed = Feed(NOW)
    prime(feed, tail, NOW)
    assert feed.position == 100
    assert feed.now(NOW).since == tail.calls[300].received_at


def test_a_body_that_cannot_be_read_stops_nobody() -> None:
    feed = Feed(NOW)
    show(feed, StoredCall(1, NOW, "web", (b'{"event":"A"}', b"\xff", b'{"event":', b'{"event":3}', b'{"event":"B"}')))
    assert [row.event for row in feed.recent()] == ["B", "A"]


def test_a_reader_follows_the_tail_that_another_process_writes(tmp_path: Path) -> None:
    reader = TailReader(tmp_path)
    follower = Follower(reader, NOW)
    assert follower.catch_up(NOW).position == 0
    tail = Tail.open(tmp_path)
    try:
        number = iter(range(1000))

        def call(at: int, n: int, duplicates: int = 0, letters: int = 0) -> TailCall:
            ids = tuple(f"e{next(number)}" for _ in range(n))
            bodies = tuple(msgspec.json.encode(Stored(event="A", anonymous_id=each)) for each in ids)
            return TailCall(at, "web", bodies, ids, tuple(range(n)), tuple(rejected(at) for _ in range(letters)), duplicates)

        tail.commit([call(NOW + SECOND, 3, 2, 1), call(NOW + SECOND, 1)])
        assert follower.catch_up(NOW + SECOND // 2).position == 0
        feed = follower.catch_up(NOW + 2 * SECOND)
        assert feed.position == 4
        tail.commit([call(NOW + 3 * SECOND, 2, 1), call(NOW + 3 * SECOND, 0, 0, 2)])
        follower.catch_up(NOW + 4 * SECOND)
        now = feed.now(NOW + 4 * SECOND)
        minute = now.minutes[-1]
        assert (minute.events, minute.duplicates, minute.rejected) == (6, 3, 3)
        balance = reader.balance()
        assert (balance.stored, balance.duplicates, balance.rejected) == (6, 3, 3)
        assert now.active == 6
        assert {each.code for each in now.refusals} == {"too_deep"}
        # A server that starts now knows the same, but for duplicates, of which the tail keeps only the sum.
        fresh = Feed(NOW + 5 * SECOND)
        prime(fresh, reader, NOW + 5 * SECOND)
        minute = fresh.now(NOW + 5 * SECOND).minutes[-1]
        assert (minute.events, minute.rejected) == (6, 3)
    finally:
        tail.close()
        reader.close()


def counted(kept: pulse.Active, now: int) -> tuple[int, bool]:
    """Different ids of the last 5 minutes, and whether there may have been more."""
    seen, more = kept.seen(now)
    return pulse.active(seen, now), more


def test_a_flood_of_new_ids_costs_no_more_each_than_the_first_of_them() -> None:
    most, spent = 20_000, []
    kept = pulse.Active(most)
    for part in range(4):
        began = time.thread_time()
        for i in range(most):
            kept.saw(f"a:{part}-{i}", NOW + part)
        spent.append(time.thread_time() - began)
    assert counted(kept, NOW + 4) == (most, True)
    assert min(spent[2:]) < 8 * spent[0] + 0.01


def test_what_was_asked_for_is_not_changed_by_what_comes_meanwhile() -> None:
    feed = Feed(NOW)
    feed.take([Stored(type="page", url="https://s.example/a")], at=NOW, source="web")
    before = feed.now(NOW)
    feed.take([Stored(type="page", url="https://s.example/b")], at=NOW, source="web")
    assert before.pages.names == (("/a", 1),)
    assert feed.now(NOW).pages.names == (("/a", 1), ("/b", 1))
