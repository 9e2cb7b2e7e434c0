"""Who is at the other end of a connection, also where a proxy of this machine stands between."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_THIS_MACHINE: Final = ("127.0.0.1", "::1")
_LONGEST: Final = 64


def client_of(client: Any, headers: Mapping[str, str]) -> str:
    """The sender's address: the last one a proxy on this machine has named, else the other end of the connection.

    What stands before it in the header is the sender's own word.
    """
    address: str = client[0] if client else ""
    if address in _THIS_MACHINE and "x-forwarded-for" in headers:
        return headers["x-forwarded-for"].rpartition(",")[2].strip()[:_LONGEST]
    return address


def is_this_machine(client: Any, headers: Mapping[str, str]) -> bool:
    """Whether a program of this very machine asks, and no proxy for somebody else."""
    address = client[0] if client else ""
    return address in _THIS_MACHINE and "x-forwarded-for" not in headers and "forwarded" not in headers
