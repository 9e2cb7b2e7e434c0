"""Hostile bodies at every path: nothing but refusals and refused requests, and never for long."""

from __future__ import annotations

import functools
import gzip
import tracemalloc
from collections import Counter
from time import thread_time

import pytest

from afterclick.collect.wire.answers import Outcome, answer
from afterclick.collect.wire.decode import decode
from afterclick.collect.wire.request import WireError
from support import hostile
from support.wire import Everybody, request, rows

PATHS = (
    "/v1/batch",
    "/v1/track",
    "/batch/",
    "/i/v1/analytics/events",
    "/mp/collect",
    "/com.snowplowanalytics.snowplow/tp2",
    "/matomo.php",
    "/v1/pixel/track",
)
DEAF = ("/mp/collect", "/matomo.php", "/v1/pixel/track")
LONGEST = 0.05


@functools.cache
def corpus() -> tuple[hostile.Body, ...]:
    return tuple(hostile.bodies())


@pytest.mark.parametrize("path", PATHS)
def test_hostile_bodies_are_stored_set_aside_or_refused(path: str) -> None:
    seen: Counter[str] = Counter()
    for name, body, headers in corpus():
        method = "GET" if "pixel" in path else "POST"
        sent = request(path, body, headers=headers, method=method)
        for _ in range(3):
            began = thread_time()
            try:
                taken = decode(sent, Everybody())
                told = answer(taken.shape, Outcome(len(taken.events), 0, taken.refusals))
                seen["stored"] += bool(taken.events)
                seen["set aside"] += bool(taken.refusals)
            except WireError as error:
                told = answer(error.shape, error)
                seen[f"refused {error.code}"] += 1
            # A machine that does other things as well may be late once, not three times.
            if thread_time() - began < LONGEST:
                break
        else:
            pytest.fail(f"{name} takes longer than {LONGEST} s")
        assert told.status in (200, 204, 400, 413), (name, told)
    assert len(corpus()) >= 426
    assert path not in DEAF or not any(code.startswith("refused") for code in seen), seen
    assert seen["set aside"] > 10
    if path.startswith("/v1/b"):
        assert {"refused bad_json", "refused bad_encoding", "refused too_large", "refused too_deep"} <= set(seen)


HEAVY = {
    "numbers": b"[" + b"1," * 2_000_000 + b"1]",
    "empty events": b'{"batch":[' + b"{}," * 1_300_000 + b"{}]}",
    "NaN": b'{"a":[' + b"NaN," * 1_000_000 + b'1],"batch":[{}]}',
    "NaN below the limit of values": b'{"a":[' + b"NaN," * 240_000 + b'1],"batch":[{}]}',
    "around the events": b'{"x":[' + b"[]," * 1_300_000 + b'[]],"batch":[{}]}',
    "around the events, below the limit of values": b'{"x":[' + b"[]," * 120_000 + b'[]],"batch":[{}]}',
    "keys": b"{" + b",".join(b'"k%d":1' % i for i in range(420_000)) + b"}",
}


@pytest.mark.parametrize("name", HEAVY)
@pytest.mark.parametrize("path", ["/v1/batch", "/batch/"])
def test_millions_of_values_in_a_few_packed_bytes_keep_nobody_waiting(path: str, name: str) -> None:
    packed = gzip.compress(HEAVY[name], 1)
    sent, spent = request(path, packed, headers={"content-encoding": "gzip"}), []
    for _ in range(3):
        began = thread_time()
        with pytest.raises(WireError) as refused:
            decode(sent, Everybody())
        spent.append(thread_time() - began)
        assert refused.value.status == 413
        assert refused.value.shape.dialect != "nothing"
    assert min(spent) < 0.3


@pytest.mark.parametrize("held", ["[]", "{}", "[[1]]", "1", "null", "true"])
def test_a_system_key_of_posthog_that_is_no_text_fails_nothing(held: str) -> None:
    body = b'{"event":"E","distinct_id":"d","properties":{"$lib":%s}}' % held.encode()
    taken = decode(request("/e/", body), Everybody())
    assert len(taken.events) == 1


def test_a_large_batch_with_one_number_that_is_none_is_read_with_patience() -> None:
    event = b'{"type":"track","event":"E","userId":"u","properties":{"a":1,"b":"text","c":[1,2,3]}},'
    odd = b'{"type":"track","event":"E","userId":"u","properties":{"a":NaN}}'
    body = b'{"batch":[' + event * 1999 + odd + b"]}"
    taken = decode(request("/v1/batch", body), Everybody())
    assert len(taken.events) == 1999
    assert [refusal.code for refusal in taken.refusals] == ["not_finite"]


def test_what_hostile_bodies_leave_in_the_tail_becomes_rows_or_rejects() -> None:
    takens = []
    for _, body, headers in corpus():
        try:
            takens.append(decode(request("/v1/batch", body, headers=headers), Everybody()))
        except WireError:
            continue
    events = sum(len(taken.events) for taken in takens)
    found = rows(takens)
    assert found.table.num_rows + len(found.rejected) == events
    assert events > 100


def test_a_flood_of_new_names_leaves_no_more_in_memory_than_a_few_megabytes() -> None:
    """Case 34: names, keys and ids that never come again."""

    def flood(start: int) -> None:
        for number in range(start, start + 4_000, 20):
            events = [
                hostile.call(event=f"Event {i} {'n' * 150}", userId=f"u-{i:012d}", messageId=f"m{i}", properties={f"k{i}": 1})
                for i in range(number, number + 20)
            ]
            decode(request("/v1/batch", hostile.batch(*events)), Everybody())

    flood(0)
    tracemalloc.start()
    try:
        flood(10_000)
        once = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    # 4,000 short ids are remembered; 4,000 names of 160 characters are not.
    assert once < 2_000_000
