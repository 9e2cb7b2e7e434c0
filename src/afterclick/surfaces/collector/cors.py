"""What browsers of other sites may do at collecting addresses: everything, since no cookie counts there."""

from __future__ import annotations

import re
from typing import Final

Headers = list[tuple[bytes, bytes]]

_LONGEST: Final = 1024
_NAMES: Final = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~\-, \t]*")
_ANSWER: Final = (
    (b"vary", b"Origin"),
    (b"access-control-allow-credentials", b"true"),
    (b"access-control-expose-headers", b"Retry-After"),
)
_PREFLIGHT: Final = (
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    # Two hours is as long as Chromium keeps it.
    (b"access-control-max-age", b"7200"),
    (b"content-length", b"0"),
)


def answer(origin: bytes) -> Headers:
    """Headers of an answer to a page of `origin`; Retry-After must be exposed, else SDKs wait as they like."""
    return [(b"access-control-allow-origin", origin), *_ANSWER]


def preflight(headers: Headers) -> Headers:
    """Headers of the answer to OPTIONS: whatever is asked for is allowed."""
    given = dict(headers)
    origin = given.get(b"origin")
    if origin is None:
        return [(b"allow", b"GET, POST, OPTIONS"), (b"content-length", b"0")]
    asked = given.get(b"access-control-request-headers", b"")
    allowed = [(b"access-control-allow-headers", asked)] if asked and len(asked) <= _LONGEST and _NAMES.fullmatch(asked) else []
    return [*answer(origin), *allowed, *_PREFLIGHT]
