"""Answers in the words of each SDK, and what stands in them of events that were refused."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from afterclick.collect.wire.request import WireError
from afterclick.collect.wire.shape import Shape
from afterclick.collect.wire.taken import Refusal

Headers = tuple[tuple[bytes, bytes], ...]

_JSON: Final[Headers] = ((b"content-type", b"application/json"),)
_IMAGE: Final[Headers] = ((b"content-type", b"image/gif"), (b"cache-control", b"no-store"))
_TEXT: Final[Headers] = ((b"content-type", b"text/plain"),)
POINT: Final = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""A GIF of one transparent point."""

_ERRORS_TOLD: Final = 100
"""Refused events that an answer names; the others are in the count."""
class Answer(NamedTuple):
    """An HTTP answer: header names in lower case, neither length nor anything of CORS among them."""

    status: int
    headers: Headers
    body: bytes


# What nearly every request hears is made once.
_COUNTED: Final = [
    Answer(200, _JSON, b'{"status":1,"success":true,"accepted":%d,"duplicates":0,"rejected":0,"errors":[]}' % accepted)
    for accepted in range(101)
]
_POINT: Final = Answer(200, _IMAGE, POINT)
_NOTHING: Final = Answer(204, (), b"")
_POSTHOG: Final = Answer(200, _JSON, b'{"status":1}')
_OK: Final = Answer(200, _TEXT, b"ok")


class Outcome(NamedTuple):
    """What became of the events of a request that was stored."""

    accepted: int
    duplicates: int = 0
    rejected: Sequence[Refusal] = ()


def answer(shape: Shape, outcome: Outcome | WireError) -> Answer:
    """The answer after the commit, or to a request that was refused as a whole."""
    if isinstance(outcome, WireError):
        return refused(shape, outcome.status, outcome.code, outcome.message, outcome.retry_after)
    match shape.dialect:
        case "segment":
            return _counted(outcome)
        case "pixel":
            return _POINT
        case "nothing":
            return _NOTHING
        case "posthog":
            return _POSTHOG
        case "posthog_results":
            return Answer(200, _JSON, _results(shape, outcome))
        case "matomo_bulk":
            body = {"status": "success", "tracked": outcome.accepted + outcome.duplicates, "invalid": len(outcome.rejected)}
            return Answer(200, _JSON, msgspec.json.encode(body))
        case "snowplow":
            return _OK


def refused(shape: Shape, status: int, code: str, message: str, retry_after_s: int = 0) -> Answer:
    """An error as the sender reads it: `code` and `message` for those that look at them, 400 where 413 means nothing."""
    if status == 413 and shape.dialect == "segment":
        # Their SDKs know 400 for "do not send this again".
        status = 400
    headers = (*_JSON, (b"retry-after", b"%d" % retry_after_s)) if retry_after_s > 0 else _JSON
    return Answer(status, headers, msgspec.json.encode({"success": False, "code": code, "message": message}))


def unauthorized(shape: Shape) -> Answer:
    """The answer to a key that is missing, unknown or revoked, which are told apart by nobody outside."""
    return refused(shape, 401, "unauthorized", "the write key is missing or unknown")


def overload(shape: Shape, retry_after_s: int, status: int = 429, code: str = "", message: str = "") -> Answer:
    """429 where a key sends too fast, 503 where nothing can be stored; with a whole `Retry-After` in seconds."""
    busy = status == 429
    return refused(
        shape,
        status,
        code or ("too_many" if busy else "unavailable"),
        message or ("too many events at once" if busy else "nothing can be stored just now"),
        max(1, retry_after_s),
    )


def _counted(outcome: Outcome) -> Answer:
    if not outcome.rejected and not outcome.duplicates and outcome.accepted < len(_COUNTED):
        return _COUNTED[outcome.accepted]
    body: dict[str, Any] = {
        "status": 1,
        "success": True,
        "accepted": outcome.accepted,
        "duplicates": outcome.duplicates,
        "rejected": len(outcome.rejected),
        "errors": [_told(refusal) for refusal in outcome.rejected[:_ERRORS_TOLD]],
    }
    return Answer(200, _JSON, msgspec.json.encode(body))


def _told(refusal: Refusal) -> dict[str, Any]:
    told = {"index": refusal.index, "code": refusal.code, "message": refusal.message}
    return {**told, "path": refusal.path} if refusal.path else told


def _results(shape: Shape, outcome: Outcome) -> bytes:
    """Per event of PostHog's newer endpoint: `ok`, or `drop` for what is not to be sent again."""
    dropped = {refusal.index: refusal.message for refusal in outcome.rejected}
    results = {
        name: {"result": "drop", "details": dropped[place]} if place in dropped else {"result": "ok"}
        for place, name in enumerate(shape.ids)
        if name
    }
    return msgspec.json.encode({"results": results})
