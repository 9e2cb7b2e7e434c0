"""Bodies that want to break a collector: each must be stored, set aside or refused, quickly and without a trace of a crash."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

VALUES: Final = (
    # Numbers and what looks like them.
    "null", "false", "7", "-0", "1e400", "-1e400", "NaN", "Infinity", "-Infinity", "9007199254740993", "9" * 30,
    "8" * 5_000, "0.1000000000000000055511151231257827", "9223372036854775808", "-9223372036854775809",
    # Texts.
    '""', '"  "', '"\\u0000\\u0000"', '"\\udc00"', '"\\ud83d"', '"\\u202emoc"', '"\\u200b\\u200b"', '"각\\u1100\\u1161\\u11a8"',
    '"undefined"', '"NULL"', '"[object Object]"', '"00000000-0000-0000-0000-000000000000"', '"1,299원"', '"@SUM(1)"',
    "\"'); delete from events; --\"", '"<svg/onload=alert(1)>"', '"</script><b>"', '"data:text/html,x"', '"${7*7}"',
    '"\\r\\nSet-Cookie: a=b"', '"\\u001b]0;x\\u0007"', '"..\\\\..\\\\x"', '"' + "k" * 40_000 + '"',
    # Structures.
    "[]", "{}", "[[[[[]]]]]", '{"__proto__":{"x":1},"constructor":2,"":3,"a.b\\"c":4,"\\n":5}', '{"a":1,"a":2}', "[1,[2,{}]]",
    # Times.
    '"2026-02-30T25:61:61Z"', '"0001-01-01T00:00:00Z"', '"9999-12-31T23:59:59.999Z"', "-99999999999", "1790000000",
    "1790000000000", "1790000000000000", '"20260921"', '"now"',
)  # fmt: skip
"""JSON texts that may stand in any field of an event."""

FIELDS: Final = ("type", "event", "userId", "anonymousId", "messageId", "timestamp", "properties", "context")


class Body(NamedTuple):
    """A body, what it is called, and the headers it comes with."""

    name: str
    body: bytes
    headers: dict[str, str]


def call(**fields: Any) -> dict[str, Any]:
    """A sound message with some fields changed."""
    return {"type": "track", "event": "Hostile", "userId": "mallory-1", "messageId": "hostile-1", **fields}


def batch(*events: Any) -> bytes:
    """A sound batch of them."""
    return json.dumps({"batch": list(events)}).encode()


def bomb(megabytes: int, wbits: int) -> bytes:
    """So many megabytes of nothing, packed as small as they get."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    return b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(megabytes)), packer.flush()])


def bodies(largest_bomb: int = 64) -> Iterator[Body]:
    """The whole corpus; `largest_bomb` in megabytes unpacked."""
    yield from _shapes()
    yield from _nested()
    yield from _packed(largest_bomb)
    for field in FIELDS:
        for number, value in enumerate(VALUES):
            plain = json.dumps({"batch": [call(**{field: "@@"})]})
            yield Body(f"{field} {number}: {value[:20]}", plain.replace('"@@"', value).encode(), {})


def _shapes() -> Iterator[Body]:
    sound = batch(call())
    plain = {
        "nothing": b"",
        "rubbish": bytes(range(256)),
        "a list of nothing": b"[]",
        "a text": b'"batch"',
        "a number": b"17",
        "half an object": sound[:-7],
        "a mark of byte order": b"\xef\xbb\xbf" + sound,
        "no UTF-8": sound.replace(b"mallory", b"\xc3\x28"),
        "UTF-16": sound.decode().encode("utf-16"),
        "no events": b'{"batch":[]}',
        "events that are none": b'{"batch":[0,"x",null,[],true,{}]}',
        "a batch that is none": b'{"batch":{"a":1}}',
        "an unknown type": batch(call(type="detonate")),
        "one id twice": batch(call(), call()),
        "one id, two stories": batch(call(), call(event="Other")),
        "ten thousand events": batch(*(call(messageId=str(i)) for i in range(10_000))),
        "a text of 3 MB": batch(call(properties={"s": "x" * 3_000_000})),
        "keys without end": batch(call(properties={f"k{i}": i for i in range(150_000)})),
        "257 keys": batch(call(properties={f"k{i}": i for i in range(257)})),
        "256 keys": batch(call(properties={f"k{i}": i for i in range(256)})),
    }
    for name, body in plain.items():
        yield Body(name, body, {})


def _nested() -> Iterator[Body]:
    frame = json.dumps({"batch": [call(properties="@@")]})
    for depth in (31, 40, 900, 5_000, 500_000):
        lists = '{"a":' + "[" * depth + "]" * depth + "}"
        objects = '{"a":' * depth + "0" + "}" * depth
        yield Body(f"lists {depth} deep", frame.replace('"@@"', lists).encode(), {})
        yield Body(f"objects {depth} deep", frame.replace('"@@"', objects).encode(), {})


def _packed(largest: int) -> Iterator[Body]:
    sound = batch(call())
    packed = gzip.compress(sound)
    declared = {"Content-Encoding": "gzip"}
    yield Body("packed, not declared", packed, {})
    yield Body("declared, not packed", sound, declared)
    yield Body("packed and cut", packed[:-8], declared)
    yield Body("packed twice", gzip.compress(packed), declared)
    yield Body("packed, with a tail", packed + b"tail", declared)
    yield Body("a packing nobody knows", sound, {"Content-Encoding": "x-own"})
    yield Body("a bomb in gzip", bomb(largest, 31), declared)
    yield Body("a bomb in deflate", bomb(largest, 15), {"Content-Encoding": "deflate"})
    yield Body("a bomb nobody declared", bomb(largest, 31), {})
