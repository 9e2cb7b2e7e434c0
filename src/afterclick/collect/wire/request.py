"""One request as the server read it, and the error that refuses all of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from afterclick.collect.wire.shape import Shape
from afterclick.core.errors import UsageError


class WireRequest(NamedTuple):
    """A request of an SDK: header names in lower case, `query` as it came behind the question mark, `body` as it came on
    the wire (its size limited by the server), `received_at` µs UTC, `address` the client's IP, `key` the write key as far
    as the head tells, None where nobody has looked for it yet."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    received_at: int
    address: str = ""
    key: str | None = None


class WireError(UsageError):
    """A request that is refused as a whole: HTTP status, code, a sentence, how its sender wants to hear it, and after how
    many seconds to try again (0 = it is not to be tried again, or nobody knows)."""

    def __init__(
        self, status: int, code: str, message: str, shape: Shape | None = None, retry_after: int = 0
    ) -> None:
        super().__init__(message, code=code)
        self.status = status
        self.shape = shape or Shape()
        self.retry_after = retry_after
