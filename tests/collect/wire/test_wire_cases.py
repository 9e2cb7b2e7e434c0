"""The numbered cases of content and protocol, as far as they are settled before anything is stored."""

from __future__ import annotations

import ast
import base64
import gzip
import json
import random
import unicodedata
import zlib
from datetime import datetime
from pathlib import Path
from time import thread_time
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterclick.collect import wire
from afterclick.collect.rejects import REASONS
from afterclick.collect.times import EARLIEST, FUTURE
from afterclick.collect.wire import clock_skew, credentials
from afterclick.collect.wire.answers import POINT, Outcome, answer, overload, unauthorized
from afterclick.collect.wire.canonical import Canonical
from afterclick.collect.wire.decode import decode
from afterclick.collect.wire.request import WireError, WireRequest
from afterclick.collect.wire.shape import Shape
from afterclick.collect.wire.taken import Taken
from afterclick.core import clock
from afterclick.core.spans import DAY, HOUR, MINUTE, SECOND
from support.wire import NOW, Everybody, basic, codes, one, request, rows, take, track

BATCH: dict[str, Any] = {"batch": [{"type": "track", "event": "Thing Done", "messageId": "m-1", "userId": "kim-10"}]}


def iso(instant: int) -> str:
    return clock.iso(instant)


def refusal(path: str, body: Any = b"", **options: Any) -> WireError:
    with pytest.raises(WireError) as found:
        take(path, body, **options)
    return found.value


def test_case_22_a_retry_says_the_same_though_its_clocks_differ() -> None:
    stamp = iso(NOW - HOUR)
    first = track(timestamp=stamp, sentAt=iso(NOW - MINUTE))
    again = {**BATCH["batch"][0], "timestamp": stamp, "sentAt": iso(NOW + 7 * SECOND)}
    retry = take("/v1/batch", {"batch": [again]}, at=NOW + 9 * SECOND)
    assert first.events[0].content == retry.events[0].content
    assert first.events[0].canonical.sent_at != retry.events[0].canonical.sent_at


def test_case_22_a_retry_without_any_time_of_its_own_says_the_same() -> None:
    assert track().events[0].content == take("/v1/batch", BATCH, at=NOW + DAY).events[0].content


def test_case_23_another_story_under_one_id_says_something_else() -> None:
    contents = {
        track(**fields).events[0].content
        for fields in ({}, {"event": "Other"}, {"properties": {"a": 1}}, {"userId": "lee-11"}, {"timestamp": iso(NOW)})
    }
    assert len(contents) == 5


def test_case_24_one_message_at_two_sites_keeps_its_id_and_goes_by_its_key() -> None:
    takens = [take("/v1/batch", {**BATCH, "writeKey": key}) for key in ("SITE_A", "SITE_B")]
    assert [taken.key for taken in takens] == ["SITE_A", "SITE_B"]
    assert takens[0].events[0].canonical.event_id == takens[1].events[0].canonical.event_id == "m-1"


def test_case_25_an_identical_retry_without_an_id_gets_the_same_id() -> None:
    event = {"type": "track", "event": "Thing Done", "userId": "kim-10", "timestamp": iso(NOW - HOUR)}
    ids = {
        one(take("/v1/track", {**event, "sentAt": iso(at)}, at=at)).event_id for at in (NOW, NOW + 3 * SECOND, NOW + HOUR)
    }
    assert len(ids) == 1
    others = [
        one(take("/v1/track", {**event, **fields})).event_id
        for fields in ({"timestamp": iso(NOW)}, {"userId": "lee-11"}, {"properties": {"a": 1}})
    ]
    assert len({*ids, *others}) == 4


def test_case_25_without_id_and_time_the_minute_of_the_arrival_counts() -> None:
    event = {"type": "track", "event": "Thing Done", "userId": "kim-10"}
    start = NOW - NOW % MINUTE
    ids = [one(take("/v1/track", event, at=start + wait)).event_id for wait in (0, 59 * SECOND, 61 * SECOND)]
    assert ids[0] == ids[1] != ids[2]


def test_case_25_matomos_random_number_tells_equal_page_views_apart() -> None:
    path = "/matomo.php?idsite=WK&rec=1&action_name=Home&_id=0123456789abcdef&rand="
    ids = [one(take(path + rand, method="GET")).event_id for rand in ("1", "1", "2")]
    assert ids[0] == ids[1] != ids[2]


# What was sent as the time, what the event's time becomes relative to its arrival (None = 1990), and what is said of it.
TIMES = [
    (iso(NOW - 400 * DAY), -400 * DAY, None),
    ((NOW - 400 * DAY) // 1_000_000, -400 * DAY, None),
    ((NOW - 400 * DAY) // 1_000, -400 * DAY, None),
    (NOW - 400 * DAY, -400 * DAY, None),
    (str((NOW - HOUR) // 1_000), -HOUR, None),
    (iso(NOW + 3650 * DAY), FUTURE, "ahead"),
    (iso(NOW + 4 * MINUTE), 4 * MINUTE, None),
    ("0001-01-01T00:00:00Z", 0, "unreadable"),
    ("9999-12-31T23:59:59Z", 0, "unreadable"),
    (-62_135_596_800, 0, "unreadable"),
    (-1, 0, "unreadable"),
    (10**25, 0, "unreadable"),
    ("next tuesday", 0, "unreadable"),
    ("", 0, None),
    (None, 0, None),
    (True, 0, "unreadable"),
    ({"at": 1}, 0, "unreadable"),
]


@pytest.mark.parametrize(("sent", "offset", "odd"), TIMES)
def test_case_27_times_far_off_are_put_right_or_clamped_and_flagged(sent: object, offset: int, odd: str | None) -> None:
    event = one(track(timestamp=sent))
    assert event.occurred_at == NOW + offset
    assert event.properties.get("clock") == odd
    row = rows([track(timestamp=sent)]).table.to_pylist()[0]
    assert clock.from_datetime(row["occurred_at"]) == event.occurred_at


def test_case_27_a_clock_that_leads_before_1990_is_clamped_there() -> None:
    event = one(track(timestamp="1990-01-02T00:00:00Z", sentAt="2150-01-01T00:00:00Z"))
    assert (event.occurred_at, event.properties) == (EARLIEST, {"clock": "before"})


@pytest.mark.parametrize("sent", [None, "", "garbage", [], 12, "0001-01-01T00:00:00Z"])
def test_case_29_a_missing_or_garbled_time_of_sending_is_not_used(sent: object) -> None:
    event = one(track(timestamp=iso(NOW - HOUR), sentAt=sent))
    assert (event.occurred_at, event.sent_at) == (NOW - HOUR, None)


@pytest.mark.parametrize("ahead", [-3 * DAY, -HOUR, 0, HOUR, 3650 * DAY])
def test_case_29_a_clock_that_is_ahead_or_behind_is_put_right(ahead: int) -> None:
    event = one(track(timestamp=iso(NOW + ahead - 90 * SECOND), sentAt=iso(NOW + ahead)))
    assert event.occurred_at == NOW - 90 * SECOND
    assert event.original_at == NOW + ahead - 90 * SECOND


@given(
    at=st.integers(EARLIEST, EARLIEST + 150 * 365 * DAY),
    form=st.sampled_from(["iso", "offset", "us", "ms text", "space"]),
)
def test_an_instant_is_read_in_any_form(at: int, form: str) -> None:
    moment = clock.to_datetime(at)
    texts: dict[str, str | int] = {
        "iso": moment.isoformat().replace("+00:00", "Z"),
        "offset": moment.isoformat(),
        "us": at,
        "ms text": str(at // 1_000),
        "space": moment.isoformat(" "),
    }
    exact = at // 1_000 * 1_000 if form == "ms text" else at
    # Numbers of less than 1e14 µs would be milliseconds; 1990 has more.
    assert clock_skew.instant(texts[form]) == exact


def test_naive_times_are_utc() -> None:
    moment = datetime(2026, 9, 21, 13, 33, 20)  # noqa: DTZ001  that is what is tested
    assert clock_skew.instant(moment.isoformat()) == NOW


BOMB = b"".join([(packer := zlib.compressobj(9, zlib.DEFLATED, 31)).compress(bytes(64 << 20)), packer.flush()])


@pytest.mark.parametrize(
    ("body", "headers", "code", "status"),
    [
        (BOMB, {"content-encoding": "gzip"}, "too_large", 413),
        (BOMB, {}, "too_large", 413),
        (zlib.compress(bytes(64 << 20), 9), {"content-encoding": "deflate"}, "too_large", 413),
        (gzip.compress(gzip.compress(b"{}")), {"content-encoding": "gzip"}, "bad_encoding", 400),
        (gzip.compress(b'{"batch":[]}')[:-6], {"content-encoding": "gzip"}, "bad_encoding", 400),
        (gzip.compress(b'{"batch":[]}') + b"x", {}, "bad_encoding", 400),
        (b'{"batch":[]}', {"content-encoding": "gzip"}, "bad_encoding", 400),
        (b'{"batch":[]}', {"content-encoding": "zstd"}, "bad_encoding", 400),
        (b"PK\x03\x04" + bytes(40), {}, "bad_json", 400),
        (b"\x00", {"content-encoding": "compress"}, "bad_encoding", 400),
    ],
    ids=lambda value: str(value)[:24] if isinstance(value, str | int) else type(value).__name__,
)
def test_case_30_bombs_and_damaged_packing_are_refused(
    body: bytes, headers: dict[str, str], code: str, status: int
) -> None:
    began = thread_time()
    error = refusal("/batch/", body, headers=headers)
    assert (error.code, error.status) == (code, status)
    assert thread_time() - began < 0.5
    # SDKs of Segment's kind know no 413.
    assert answer(Shape("segment"), error).status == 400


@pytest.mark.parametrize("codec", ["zstd", "brotli"])
def test_case_30_other_packings_are_read_and_capped(codec: str) -> None:
    sound, name = json.dumps(BATCH).encode(), {"zstd": "zstd", "brotli": "br"}[codec]
    packed = pa.Codec(codec).compress(sound, asbytes=True)
    assert one(take("/v1/batch", packed, headers={"Content-Encoding": name})).event_id == "m-1"
    bomb = pa.Codec(codec).compress(bytes(64 << 20), asbytes=True)
    assert refusal("/batch/", bomb, headers={"Content-Encoding": name}).code == "too_large"
    assert refusal("/batch/", packed[:-9], headers={"Content-Encoding": name}).code == "bad_encoding"


@pytest.mark.parametrize("form", ["gzip", "gzip, unsaid", "zlib", "deflate", "raw", "form", "form base64", "base64"])
def test_a_body_is_told_by_its_first_bytes(form: str) -> None:
    sound = json.dumps({"api_key": "phc", "batch": [{"event": "E", "uuid": "u-1", "distinct_id": "kim-10"}]}).encode()
    raw = zlib.compressobj(6, zlib.DEFLATED, -15)
    bodies: dict[str, tuple[bytes, dict[str, str]]] = {
        "gzip": (gzip.compress(sound), {"content-encoding": "gzip"}),
        "gzip, unsaid": (gzip.compress(sound), {"content-type": "text/plain"}),
        "zlib": (zlib.compress(sound), {}),
        "deflate": (zlib.compress(sound), {"content-encoding": "deflate"}),
        "raw": (raw.compress(sound) + raw.flush(), {"content-encoding": "deflate"}),
        "form": (b"data=" + sound.replace(b"+", b"%2B"), {"content-type": "application/x-www-form-urlencoded"}),
        "form base64": (b"data=" + base64.urlsafe_b64encode(sound), {}),
        "base64": (base64.b64encode(sound), {}),
    }
    body, headers = bodies[form]
    path = "/e/?compression=base64" if form == "base64" else "/e/"
    assert one(take(path, body, headers=headers)).event_id == "u-1"


@pytest.mark.parametrize("depth", [10_000, 1_000_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_case_32_bottomless_bodies_are_refused_at_once(depth: int, opening: str, closing: str) -> None:
    deep = opening * depth + "1" + closing * depth
    body = ('{"batch":[{"type":"track","event":"E","properties":{"a":' + deep + "}}]}").encode()
    took = []
    for _ in range(3):
        began = thread_time()
        assert refusal("/v1/batch", body).code in ("too_deep", "too_large")
        took.append(thread_time() - began)
    assert min(took) < 0.01


def test_case_32_the_depth_is_counted_from_the_event() -> None:
    def nested(depth: int) -> Any:
        value: Any = 1
        for _ in range(depth):
            value = {"a": value}
        return value

    # The event is the first level, its properties the second.
    assert one(track(properties=nested(31))).properties == nested(31)
    assert codes(track(properties=nested(32)))[0][1] == "too_deep"


def test_case_33_an_object_of_many_keys_is_set_aside_and_properties_stay_one_column() -> None:
    million = b'{"type":"track","event":"E","properties":{' + b",".join(b'"k%d":1' % i for i in range(300_000)) + b"}}"
    assert codes(take("/v1/track", million))[0][1] == "too_large"
    assert codes(track(properties={f"k{i}": 1 for i in range(257)})) == [(0, "too_many_keys", "properties")]
    assert codes(track(properties={"a": {f"k{i}": 1 for i in range(257)}})) == [(0, "too_many_keys", "properties.a")]
    many = [track(messageId=f"m{i}", properties={f"key-{i}-{j}": j for j in range(200)}) for i in range(20)]
    names = rows(many).table.column_names
    assert [name for name in names if name.startswith("p.")] == ["p.price", "p.quantity"]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e400", "-1e999"])
@pytest.mark.parametrize("around", [('{"batch":[', "]}"), ("[", "]")])
def test_case_35_what_is_no_number_is_refused_and_its_neighbour_stored(value: str, around: tuple[str, str]) -> None:
    bad = '{"type":"track","event":"E","userId":"kim-10","properties":{"a":[{"b":' + value + "}]}}"
    good = '{"type":"track","event":"E","userId":"kim-10","messageId":"good"}'
    taken = take("/v1/batch", f"{around[0]}{bad},{good}{around[1]}".encode())
    assert codes(taken) == [(0, "not_finite", "properties.a[0].b")]
    assert [incoming.canonical.event_id for incoming in taken.events] == ["good"]


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        ("9007199254740993", 9007199254740993),
        ("9223372036854775807", 9223372036854775807),
        ("-9223372036854775808", -9223372036854775808),
        ("9223372036854775808", "9223372036854775808"),
        ("-9223372036854775809", "-9223372036854775809"),
        ("1" * 25, "1" * 25),
        ("7" * 5_000, "7" * 5_000),
    ],
)
@pytest.mark.parametrize("inside", [False, True])
def test_case_36_long_whole_numbers_are_exact_or_text(number: str, kept: object, inside: bool) -> None:
    value = f'[{{"n":{number}}}]' if inside else number
    event = one(take("/v1/track", f'{{"event":"E","userId":"kim-10","properties":{{"n":{value}}}}}'.encode()))
    assert event.properties["n"] == ([{"n": kept}] if inside else kept)
    assert f'"{kept}"' in rows([take("/v1/track", f'{{"event":"E","properties":{{"n":{number}}}}}'.encode())]).table[
        "properties"
    ][0].as_py() or kept == int(number)


def test_case_37_odd_text_is_refused_stripped_or_brought_into_one_form() -> None:
    decomposed = unicodedata.normalize("NFD", "장바구니 담기 클릭")
    event = one(track(event=decomposed, properties={decomposed: decomposed, "nul\0key": "a\0b", "rtl": "\u202eabc", "e": "🧣"}))
    assert event.event == "장바구니 담기 클릭"
    assert event.properties == {"장바구니 담기 클릭": "장바구니 담기 클릭", "nulkey": "ab", "rtl": "\u202eabc", "e": "🧣"}
    composed = one(track(event="장바구니 담기 클릭", properties={}))
    assert composed.event == event.event
    for broken in (b'"\\ud800"', b'"\\udc00x"', b'{"deep":["\\ud83d"]}'):
        body = b'{"batch":[{"type":"track","event":"E","properties":{"a":' + broken + b'}},{"type":"track","event":"F"}]}'
        taken = take("/v1/batch", body)
        assert [code for _, code, _ in codes(taken)] == ["bad_text"]
        assert [incoming.canonical.event for incoming in taken.events] == ["F"]
    invalid = b'{"batch":[{"type":"track","event":"E","userId":"\xff\xfe"},{"type":"track","event":"F"}]}'
    assert codes(take("/v1/batch", invalid)) == [(0, "bad_encoding", "")]
    assert one(take("/v1/batch", b"\xef\xbb\xbf" + json.dumps(BATCH).encode())).event_id == "m-1"
    assert codes(track(properties={"s": "x" * 10_000_00})) == [(0, "too_large", "")]
    assert one(track(event="\u200bThing")).event == "\u200bThing"


def test_case_37_an_id_or_a_name_of_nothing_but_nul_is_none() -> None:
    assert one(track(userId="\0\0")).user_id is None
    assert codes(track(event="\0")) == [(0, "no_event", "event")]


def test_case_38_keys_of_any_kind_are_text_and_the_last_of_two_wins() -> None:
    body = b'{"event":"E","userId":"kim-10","properties":{"a":1,"a":2,"":3,"a.b":4,"q\\"":5,"n\\n":6,"__proto__":{"x":7}}}'
    event = one(take("/v1/track", body))
    assert event.properties == {"a": 2, "": 3, "a.b": 4, 'q"': 5, "n\n": 6, "__proto__": {"x": 7}}
    kept = json.loads(rows([take("/v1/track", body)]).table["properties"][0].as_py())
    assert kept == event.properties


WRONG = [True, 7, 7.0, 7.5, "x", "", [], {}, [1], {"a": 1}, None]
FIELDS = ["type", "event", "messageId", "anonymousId", "userId", "previousId", "timestamp", "originalTimestamp", "sentAt",
          "properties", "traits", "context", "name", "category", "groupId", "integrations"]  # fmt: skip
INNER = ["page", "campaign", "traits", "device", "userAgent", "sessionId", "consent"]


@pytest.mark.parametrize("field", [*FIELDS, *(f"context.{name}" for name in INNER), "context.page.url"])
def test_case_39_every_field_of_every_wrong_type_is_coerced_or_set_aside_with_its_path(field: str) -> None:
    for value in WRONG:
        event: dict[str, Any] = {"type": "track", "event": "E", "userId": "kim-10", "messageId": "m"}
        holder = event
        for part in field.split(".")[:-1]:
            holder = holder.setdefault(part, {})
        holder[field.rpartition(".")[2]] = value
        taken = take("/v1/batch", {"batch": [event, {"type": "track", "event": "Sound", "messageId": "s"}]})
        assert taken.events[-1].canonical.event_id == "s", (field, value)
        if taken.refusals:
            index, code, path = codes(taken)[0]
            assert (index, path) == (0, field), (field, value, code)
            assert code in ("wrong_type", "unknown_type", "no_event")
            assert json.loads(taken.refusals[0].original) == event
        else:
            assert rows([taken]).rejected == []


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"userId": 123456}, {"user_id": "123456"}),
        ({"userId": 123456.0}, {"user_id": "123456"}),
        ({"event": 404}, {"event": "404"}),
        ({"properties": '{"a": 1}'}, {"properties": {"a": 1}}),
        ({"properties": []}, {"properties": {}}),
        ({"properties": ""}, {"properties": {}}),
        ({"messageId": 77}, {"event_id": "77"}),
        ({"context": {"page": {"url": "https://x.example/"}, "campaign": []}}, {"url": "https://x.example/"}),
    ],
)
def test_case_39_the_table_of_coercions(fields: dict[str, Any], kept: dict[str, Any]) -> None:
    event = one(track(**fields))
    assert {name: getattr(event, name) for name in kept} == kept


def test_case_40_one_bad_event_of_a_hundred_leaves_the_others_alone() -> None:
    events = [{"type": "track", "event": "E", "messageId": f"m{i}", "userId": "kim-10"} for i in range(100)]
    events[37] = {"type": "track", "messageId": "m37", "userId": "kim-10"}
    taken = take("/v1/batch", {"batch": events})
    assert len(taken.events) == 99
    assert codes(taken) == [(37, "no_event", "event")]
    told = json.loads(answer(taken.shape, Outcome(99, 0, taken.refusals)).body)
    assert (told["accepted"], told["rejected"], told["errors"][0]["index"]) == (99, 1, 37)
    again = take("/v1/batch", {"batch": events}, at=NOW + MINUTE)
    assert [(i.canonical.event_id, i.content) for i in again.events] == [
        (i.canonical.event_id, i.content) for i in taken.events
    ]


@pytest.mark.parametrize("damage", ["NaN", '"\\ud800"', "[" * 200 + "]" * 200, "9" * 30])
def test_case_40_an_event_that_is_no_json_leaves_the_others_alone(damage: str) -> None:
    good = json.dumps({"type": "track", "event": "E", "userId": "kim-10"})
    bad = '{"type":"track","event":{"a":' + damage + "}}"
    taken = take("/v1/batch", ('{"batch":[' + ",".join([good] * 49 + [bad] + [good] * 50) + "]}").encode())
    assert len(taken.events) == 99
    assert [index for index, _, _ in codes(taken)] == [49]


def test_case_40_events_of_large_bodies_are_taken_one_by_one() -> None:
    events = [{"type": "track", "event": "E", "messageId": f"m{i}", "properties": {"t": "x" * 1_000}} for i in range(60)]
    events[3] = {"type": "track", "event": "E", "properties": {"t": "x" * 33_000}}
    taken = take("/v1/batch", {"batch": events, "sentAt": iso(NOW - SECOND), "writeKey": "WK"})
    assert (taken.key, len(taken.events), codes(taken)) == ("WK", 59, [(3, "too_large", "")])
    assert len(taken.refusals[0].original) == 32 << 10
    assert taken.events[0].canonical.sent_at == NOW - SECOND


ANSWERED = [
    ("POST", "/v1/batch", b'{"batch":[{"type":"explode","messageId":"m"}]}', 200, b'"rejected":1'),
    ("POST", "/v1/batch", b'{"batch":[]}', 200, b'"accepted":0'),
    ("POST", "/v1/batch", b"[]", 200, b'"accepted":0'),
    ("POST", "/v1/batch", b"", 400, b'"success":false'),
    ("POST", "/v1/t", b"no json", 400, b'"code":"bad_json"'),
    ("POST", "/e/", b"no json", 400, b'"code":"bad_json"'),
    ("POST", "/mp/collect?measurement_id=WK", b"no json", 204, b""),
    ("POST", "/mp/collect?measurement_id=WK", b'{"client_id":"1.2","events":[{}]}', 204, b""),
    ("GET", "/v1/pixel/track?data=!!!", b"", 200, POINT),
    ("GET", "/v1/pixel/t?writeKey=WK", b"", 200, POINT),
    ("GET", "/matomo.php", b"", 200, POINT),
    ("GET", "/matomo.php?idsite=1&rec=1&send_image=0", b"", 204, b""),
    ("POST", "/matomo.php", b'{"requests":["?idsite=1&rec=1"],"token_auth":"x"}', 200, b'"tracked":1'),
    ("GET", "/i?e=pv&aid=WK", b"", 200, POINT),
    ("POST", "/com.snowplowanalytics.snowplow/tp2", b'{"schema":"s","data":[]}', 200, b"ok"),
    ("POST", "/e/", b'{"api_key":"k","batch":[]}', 200, b'{"status":1}'),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "said"), ANSWERED)
def test_case_41_each_sender_hears_what_it_understands(method: str, path: str, body: bytes, status: int, said: bytes) -> None:
    try:
        taken = take(path, body, method=method)
        told = answer(taken.shape, Outcome(len(taken.events), 0, taken.refusals))
    except WireError as error:
        told = answer(error.shape, error)
    assert told.status == status
    assert said in told.body


def test_case_41_a_body_nobody_can_read_is_kept_where_the_sender_hears_of_no_error() -> None:
    taken = take("/mp/collect?measurement_id=WK", b"no json")
    assert (taken.key, codes(taken), taken.refusals[0].original) == ("WK", [(0, "bad_json", "")], b"no json")


def test_case_41_posthogs_newer_endpoint_answers_for_each_event() -> None:
    events = [{"event": "A", "uuid": "u-1", "distinct_id": "kim-10"}, {"uuid": "u-2", "distinct_id": "kim-10"}]
    taken = take("/i/v1/analytics/events", {"batch": events}, headers={"authorization": "Bearer phc"})
    told = json.loads(answer(taken.shape, Outcome(1, 0, taken.refusals)).body)
    assert taken.key == "phc"
    assert told["results"]["u-1"] == {"result": "ok"}
    assert told["results"]["u-2"]["result"] == "drop"


@pytest.mark.parametrize("status", [429, 503])
def test_overload_says_when_to_come_back_in_whole_seconds(status: int) -> None:
    told = overload(Shape("segment"), 0, status)
    assert told.status == status
    assert (b"retry-after", b"1") in told.headers
    raised = WireError(429, "too_many", "later", Shape("posthog"), retry_after=7)
    assert (b"retry-after", b"7") in answer(raised.shape, raised).headers


KEYS = [
    ("/v1/batch", {"authorization": basic("WK")}, {}, "WK"),
    ("/v1/batch", {"authorization": "Basic " + base64.b64encode(b"WK").decode()}, {}, "WK"),
    ("/v1/batch", {"authorization": "basic " + base64.b64encode(b"WK:secret").decode().rstrip("=")}, {}, "WK"),
    ("/v1/batch", {"authorization": "Basic !!!"}, {}, ""),
    ("/v1/batch", {}, {"writeKey": "WK"}, "WK"),
    ("/v1/batch", {}, {"writeKey": 7}, ""),
    ("/v1/batch", {"x-write-key": "WK:secret"}, {}, "WK"),
    ("/v1/batch", {"authorization": "Bearer WK"}, {}, "WK"),
    ("/v1/batch", {"authorization": "Bearer token"}, {"writeKey": "WK"}, "WK"),
    ("/v1/batch?writeKey=WK", {}, {}, "WK"),
    ("/batch/", {}, {"api_key": "WK"}, "WK"),
    ("/batch/", {}, {"token": "WK"}, "WK"),
    ("/batch/?token=WK", {}, {}, "WK"),
    ("/mp/collect?measurement_id=WK&api_secret=x", {}, {"events": [{"name": "e"}]}, "WK"),
    ("/mp/collect?measurement_id=G-ABC123&api_secret=WK", {}, {"events": [{"name": "e"}]}, "WK"),
    ("/com.snowplowanalytics.snowplow/tp2", {}, {"data": [{"e": "pv", "aid": "WK"}]}, "WK"),
    ("/matomo.php", {}, {"requests": ["?idsite=WK&rec=1"]}, "WK"),
    ("/matomo.php", {}, {"requests": ["?idsite=3&rec=1"], "token_auth": "WK"}, "WK"),
    ("/v1/batch", {}, {}, ""),
]


@pytest.mark.parametrize(("path", "headers", "body", "key"), KEYS)
def test_case_42_the_key_is_found_wherever_it_stands(
    path: str, headers: dict[str, str], body: dict[str, Any], key: str
) -> None:
    batch = {} if {"data", "requests", "events"} & body.keys() else {"batch": [{"type": "track", "event": "E"}]}
    assert take(path, {**batch, **body}, headers=headers).key == key
    early = credentials.key_of(request(path, b"", headers=headers))
    assert early in (key, "") or "Bearer token" in headers.values()


def test_case_42_the_key_is_checked_before_the_policy_sees_an_event() -> None:
    seen: list[str] = []

    class Noting(Everybody):
        def admit(self, event: Canonical, request: WireRequest) -> Canonical | None:
            seen.append(event.event_id)
            return event

    def check(key: str) -> None:
        raise WireError(401, "unauthorized", key)

    with pytest.raises(WireError) as found:
        decode(request("/batch/", {"api_key": "no", "batch": [{"event": "E", "uuid": "u"}]}), Noting(), check)
    assert (found.value.status, found.value.message, found.value.shape.dialect, seen) == (401, "no", "posthog", [])
    assert b"no" not in unauthorized(Shape()).body.replace(b"unknown", b"")


def test_case_42_a_key_does_not_stay_in_what_is_set_aside() -> None:
    key = "wk_0123456789abcdefghijkl"
    event = {"type": "explode", "writeKey": key, "userId": "kim-10"}
    for taken in (
        take("/v1/batch", {"batch": [event], "writeKey": key}),
        take("/v1/track", event, headers={"authorization": basic(key)}),
        take(f"/v1/pixel/track?writeKey={key}&data=none", method="GET"),
    ):
        assert taken.key == key
        assert [key.encode() in refusal.original for refusal in taken.refusals] == [False]


def test_case_44_an_id_with_a_forged_line_is_kept_as_it_came() -> None:
    forged = "kim\n2026-01-01 ERROR root: gone \x1b[31m"
    event = one(track(userId=forged))
    assert event.user_id == forged
    assert rows([track(userId=forged)]).table["user_id"].to_pylist() == [forged]
    # What stands in an answer or a reason never quotes it.
    taken = track(userId=[forged])
    assert forged not in taken.refusals[0].message
    assert "\n" not in taken.refusals[0].message


PLACEHOLDERS = ["null", "undefined", "None", "nil", "anonymous", "GUEST", "unknown", "n/a", "0", "-1", "true",
                "[object Object]", "00000000-0000-0000-0000-000000000000", "test@shop.example", "xxxxxxxxxxxx",
                "  ", ""]  # fmt: skip


@pytest.mark.parametrize("nobody", PLACEHOLDERS)
def test_case_53_ids_that_stand_for_nobody_never_link(nobody: str) -> None:
    event = one(track(userId=nobody, anonymousId="device-00000000-aa", context={"traits": {"email": nobody}}))
    assert (event.user_id, event.email, event.anonymous_id) == (None, None, "device-00000000-aa")
    alias = one(take("/v1/alias", {"userId": "kim-10", "previousId": nobody, "messageId": "m"}))
    assert alias.previous_id is None
    posthog = take("/batch/", {"api_key": "k", "batch": [{"event": "E", "uuid": "u", "distinct_id": nobody}]})
    assert (one(posthog).anonymous_id, one(posthog).user_id) == (None, None)


@pytest.mark.parametrize("real", ["11", "2222", "tester@shop.example", "nullius", "01234567-89ab-cdef-0123-456789abcdef"])
def test_case_53_ids_that_only_look_so_are_kept(real: str) -> None:
    assert one(track(userId=real)).user_id == real


@given(st.lists(st.integers(0, 30), min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_any_regrouping_of_messages_gives_the_same_events(numbers: list[int], order: random.Random) -> None:
    """Case 26, as far as the wire goes: batches are cut anew, shuffled and repeated by retries."""
    events = [
        {"type": "track", "event": f"E{n % 3}", "messageId": f"m{n}", "userId": f"u-{n % 5}", "timestamp": iso(NOW - n * HOUR)}
        for n in numbers
    ]

    def of(batches: list[list[dict[str, str]]]) -> dict[str, int]:
        takens: list[Taken] = [take("/v1/batch", {"batch": batch}) for batch in batches]
        return {i.canonical.event_id: i.content for taken in takens for i in taken.events}

    shuffled = [*events, *events[::2]]
    order.shuffle(shuffled)
    cut = order.randrange(len(shuffled) + 1)
    assert of([shuffled[:cut], shuffled[cut:]]) == of([events])


def test_a_policy_that_turns_an_event_away_leaves_nothing_of_it() -> None:
    class Shy(Everybody):
        reason = "erased"

        def admit(self, event: Canonical, request: WireRequest) -> Canonical | None:
            return None if event.user_id == "kim-10" else event

        def scrub_bytes(self, original: bytes) -> bytes:
            return original.replace(b"secret", b"***")

    events = [{"type": "track", "event": "E", "userId": "kim-10"}, {"type": "secret"}, {"type": "track", "event": "F"}]
    taken = take("/v1/batch", {"batch": events}, Shy())
    assert codes(taken) == [(0, "erased", ""), (1, "unknown_type", "type")]
    assert [refusal.original for refusal in taken.refusals] == [b"", b'{"type":"***"}']
    assert len(taken.events) == 1


def test_every_reason_of_the_wire_has_a_meaning() -> None:
    folder = Path(wire.__file__).parent
    calls = [
        node
        for file in sorted(folder.glob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Broken" and len(node.args) > 1
    ]
    told = {node.args[0].value for node in calls if isinstance(node.args[0], ast.Constant)}
    assert len(told) > 8
    assert told <= REASONS.keys()
