"""The head of the request before: who keeps a connection sends the same one again, and it need not be read twice."""

from __future__ import annotations

import re
from typing import Any, Final

_LONGEST: Final = 2048
_DIGITS: Final = 6
_LENGTH: Final = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: ([0-9]{1,%d})\r\n" % _DIGITS)
_UNFIT: Final = frozenset({b"transfer-encoding", b"expect", b"connection", b"upgrade", b"trailer"})


class KnownHead:
    """The bytes of a head around the digits of its length, and what was made of it when the parser had read it."""

    __slots__ = ("_at", "_rest", "_start", "asked")

    def __init__(self, start: bytes, rest: bytes, asked: Any) -> None:
        self._start = start
        self._at = len(start)
        self._rest = rest
        self.asked = asked

    def body_of(self, data: bytes) -> bytes | None:
        """The body of a whole request that differs from the one before in nothing of its head but the length; None for
        anything else, which is the parser's.
        """
        if not data.startswith(self._start):
            return None
        at = self._at
        end = data.find(b"\r", at, at + _DIGITS + 1)
        if end < 0 or not data.startswith(self._rest, end):
            return None
        digits, begin = data[at:end], end + len(self._rest)
        # Signs, blanks and underscores are no digits here, though `int` takes them.
        return data[begin:] if digits.isdigit() and len(data) - begin == int(digits) else None


def known_head(data: bytes, headers: list[tuple[bytes, bytes]], asked: Any) -> KnownHead | None:
    """The head that `data` begins with, which the parser has read as a POST of HTTP/1.1 with these headers (names in lower
    case); None where the next one must be parsed whatever it looks like.
    """
    end = data.find(b"\r\n\r\n", 0, _LONGEST)
    if end < 0 or not data.startswith(b"POST "):
        return None
    head = data[: end + 4]
    # One line for each header and no other: what the parser took for the end of the head is what stands here as its end.
    if head.count(b"\n") != len(headers) + 2 or head.count(b"\r\n") != len(headers) + 2:
        return None
    names = [name for name, _ in headers]
    found = _LENGTH.search(head)
    if found is None or names.count(b"content-length") != 1 or not _UNFIT.isdisjoint(names):
        return None
    return KnownHead(head[: found.start(1)], head[found.end(1) :], asked)
