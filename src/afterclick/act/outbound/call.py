"""One call to the outside: resolved once, checked where the socket opens, bounded in time and size, never redirected."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from afterclick.act.outbound import networks, patience
from afterclick.act.outbound.patience import Deadline
from afterclick.act.outbound.target import Target, target
from afterclick.core.errors import UsageError
from afterclick.core.said import Said

DEADLINE_S: Final = 15.0
MOST_BYTES: Final = 64 * 1024
_MOST_HEAD: Final = 64 * 1024
_LONGEST_WAIT_S: Final = 24 * 3600

Resolve = Callable[[str, int], list[str]]
"""`resolve(host, port)`: the addresses of a host, in the order they are to be tried."""


class Receipt(NamedTuple):
    """What came of a call: `status` 0 = no answer (`problem` says why); `retry_after_s` where the receiver asked for it.

    `reached` is False where no connection came about, so that the receiver cannot have heard of it.
    """

    status: int
    problem: str = ""
    retry_after_s: int | None = None
    body: bytes = b""
    reached: bool = True

    @property
    def delivered(self) -> bool:
        """Did the receiver say that it has it? A redirect is no yes."""
        return 200 <= self.status < 300


def addresses(host: str, port: int) -> list[str]:
    """What the system's resolver says."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    inside: Collection[str] = (),
    resolve: Resolve = addresses,
    deadline_s: float = DEADLINE_S,
    trusted: ssl.SSLContext | None = None,
) -> Receipt:
    """POST `body`; never raises for what the other side does. Raises UsageError for an address that must not be called.

    The name is resolved once and the socket opened to that very address, so that a name that changes its mind between
    check and call leads nowhere. `trusted` are certificates believed instead of the system's.
    """
    where = target(url, inside)
    deadline = Deadline(deadline_s)
    try:
        found = _allowed(where, resolve)
    except OSError as error:
        return Receipt(0, f"{where.host} cannot be found: {error}", reached=False)
    connection = _Connection(where, found, deadline, trusted or ssl.create_default_context())
    try:
        connection.request("POST", where.path, body, {"Connection": "close", **headers})
        answer = connection.getresponse()
        content = _read(answer, deadline)
        return Receipt(answer.status, "", _retry_after(answer.getheader("Retry-After")), content)
    except TimeoutError:
        return Receipt(0, f"no answer within {deadline_s:g} s", reached=connection.reached)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Receipt(0, f"{type(error).__name__}: {error}"[:200], reached=connection.reached)
    finally:
        connection.close()


def _allowed(where: Target, resolve: Resolve) -> list[str]:
    found = resolve(where.host, where.port)
    if not found:
        raise OSError("the name has no address")
    # One inner address among outer ones is enough to refuse: which of them is called is the resolver's choice, not ours.
    for address in () if where.listed else found:
        if reason := networks.refusal(address):
            raise UsageError(
                Said("refusals.host_not_called", host=where.host, reason=reason),
                hint=Said("refusals.list_host"),
                path="url",
                code="refused_address",
            )
    return found


class _Connection(http.client.HTTPConnection):
    """A connection to addresses that were checked, whatever the name says by now."""

    def __init__(self, where: Target, found: list[str], deadline: Deadline, trusted: ssl.SSLContext) -> None:
        super().__init__(where.authority)
        self._where = where
        self._found = found
        self._deadline = deadline
        self._trusted = trusted
        self.reached = False
        self.response_class = partial(_Answer, deadline)  # type: ignore[assignment]

    def connect(self) -> None:
        """Open the socket to the first address that answers; by TLS under the name that was asked for."""
        problem: OSError = OSError("the name has no address")
        for address in self._found:
            try:
                opened = socket.create_connection((address, self._where.port), timeout=self._deadline.left())
                break
            except OSError as error:
                problem = error
        else:
            raise problem
        self.sock = opened
        if self._where.scheme == "https":
            self.sock = self._trusted.wrap_socket(opened, server_hostname=self._where.host)
        self.sock.settimeout(self._deadline.left())
        self.reached = True


class _Answer(http.client.HTTPResponse):
    """An answer whose status, headers and body all have to come before one deadline."""

    def __init__(self, deadline: Deadline, sock: socket.socket, *given: Any, **named: Any) -> None:
        super().__init__(sock, *given, **named)
        self.fp.close()
        self.fp = patience.reader(sock, deadline.left, _MOST_HEAD + MOST_BYTES)


def _read(answer: http.client.HTTPResponse, deadline: Deadline) -> bytes:
    """The answer's body, at most MOST_BYTES of it, and no longer than until the deadline however slowly it drips.

    What breaks off changes nothing of what the status said.
    """
    parts: list[bytes] = []
    size = 0
    while size < MOST_BYTES and not deadline.over:
        try:
            part = answer.read1(min(4096, MOST_BYTES - size))
        except (OSError, http.client.HTTPException, ValueError):
            break
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _retry_after(given: str | None) -> int | None:
    """Seconds that the receiver asks to wait, at most a day; a date or nonsense is no number."""
    if given is None or not given.strip().isdigit():
        return None
    return min(int(given.strip()[:9]), _LONGEST_WAIT_S)
