"""Runs the server in the foreground; the socket is bound first, so a taken port is one clear sentence."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import ipaddress
import logging
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

import uvicorn

from afterclick.collect.live.journal import Journal, JournalHandler
from afterclick.core.errors import AfterclickError, UsageError
from afterclick.core.said import Said
from afterclick.surfaces.cli.options import LOOPBACK
from afterclick.surfaces.collector.direct_cycle import Direct
from afterclick.surfaces.collector.protocol import guarded
from afterclick.surfaces.collector.watch import IDLE_S, Watch

_SHORTEST_TOKEN = 16

GRACE_S: Final = 5
"""Seconds that requests under way have to end after the server was told to."""

_GIVE_WAY_S: Final = 0.0005
_GARBAGE: Final = 20_000
"""New objects between two looks for garbage."""

_FILES: Final = 65536
_OWN_FILES: Final = 48
"""Files that the store, the log and the loop need for themselves."""
_LEAST_CONNECTIONS: Final = 8
_MOST_CONNECTIONS: Final = 16384


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_reach(host: str, token: str | None, guarded: bool = False) -> None:
    """Refuse to be reached by others without a token, or with one that can be guessed; `guarded`: the store has tokens of
    its own.
    """
    make = "python3 -c 'import secrets; print(secrets.token_urlsafe(24))'"
    if token is not None and len(token) < _SHORTEST_TOKEN:
        raise UsageError(
            Said("refusals.short_token", shortest_token=_SHORTEST_TOKEN), hint=Said("refusals.make_token", make=make)
        )
    if not is_loopback(host) and token is None and not guarded:
        raise UsageError(
            Said("refusals.open_to_all", host=host),
            hint=Said("refusals.give_token", make=make, loopback=LOOPBACK),
        )


def bound(host: str, port: int) -> socket.socket:
    """A socket bound to the address; port 0 takes a free one. Raises AfterclickError with the next step."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise UsageError(
            Said("refusals.no_address_here", host=host, strerror=error.strerror),
            hint=Said("refusals.use_host", loopback=LOOPBACK),
        ) from None
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        raise _refused(error, host, port) from None
    return listener


def _refused(error: OSError, host: str, port: int) -> AfterclickError:
    if error.errno == errno.EADDRINUSE:
        return AfterclickError(
            Said("refusals.port_taken", port=port),
            hint=Said("refusals.other_port", value=port + 1 if port < 65535 else port - 1),
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return AfterclickError(Said("refusals.port_rights", port=port), hint=Said("refusals.port_above"))
    if error.errno == errno.EADDRNOTAVAIL:
        return UsageError(Said("refusals.host_not_here", host=host), hint=Said("refusals.use_host", loopback=LOOPBACK))
    return AfterclickError(
        Said("refusals.cannot_listen", host=host, port=port, strerror=error.strerror),
        hint=Said("refusals.try_loopback", loopback=LOOPBACK),
    )


def address_of(listener: socket.socket, host: str) -> str:
    """The address a browser opens, `http://127.0.0.1:8420`, without a slash at its end."""
    port = listener.getsockname()[1]
    everywhere = host in ("0.0.0.0", "::")  # noqa: S104 - read, not bound
    name = LOOPBACK if everywhere else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}"


class Server(uvicorn.Server):
    """A server that says when it answers, ends with 0 when it is told to, and at once when it is told again."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], leaving: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready
        self._leaving = leaving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal drains, the second does not wait: what was acknowledged is on disk already."""
        if self.should_exit:
            os._exit(128 + sig)
        super().handle_exit(sig, frame)
        self._leaving()

    def end(self) -> None:
        """End as if told to; from any thread."""
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn does, but the signal is not raised again: an end that was asked for is no failure."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {sig: signal.signal(sig, self.handle_exit) for sig in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for sig, handler in before.items():
                signal.signal(sig, handler)


def nothing() -> None:
    """What is done on leaving unless there is more to do."""


def run(
    app: Any,
    listener: socket.socket,
    ready: Callable[[], None],
    *,
    leaving: Callable[[], None] = nothing,
    made: Callable[[Server], None] | None = None,
    journal: Journal | None = None,
    direct: Direct | None = None,
) -> None:
    """Serve until ctrl-C or SIGTERM, ending requests under way first; `ready` is called once it answers, `leaving` when it
    has been told to end, `made` with the server before it runs; what goes wrong is written to the `journal`, else to stderr.
    `direct` takes its requests from the parser, all others go to `app`.
    """
    watch = Watch(most_connections())

    def answers() -> None:
        watch.start(asyncio.get_running_loop())
        _settle_memory()
        ready()

    logger = logging.getLogger("uvicorn")
    logger.propagate = False
    logger.handlers = [JournalHandler(journal or Journal(sys.stderr))]
    server = Server(_config(app, watch, direct), answers, leaving)
    if made is not None:
        made(server)
    try:
        server.run(sockets=[listener])
    finally:
        gc.unfreeze()
        watch.stop()
        listener.close()


def _config(app: Any, watch: Watch, direct: Direct | None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        http=guarded(watch, direct),
        timeout_keep_alive=int(IDLE_S),
        timeout_graceful_shutdown=GRACE_S,
        lifespan="auto",
    )


def _settle_memory() -> None:
    """What is loaded by now stays for good: looking for garbage in it would cost every thousandth request a pause."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE, 20, 50)
    # Requests come before what other threads compute (sealing, questions): those give way ten times as often as usual.
    sys.setswitchinterval(_GIVE_WAY_S)


def most_connections() -> int:
    """As many connections as the files this process may open leave room for; the limit is raised as far as it may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    room = _FILES if soft == resource.RLIM_INFINITY else soft
    return max(_LEAST_CONNECTIONS, min(_MOST_CONNECTIONS, room - _OWN_FILES))


def leave_within(seconds: float) -> None:
    """End the process with 0 so soon, though a question may still be computing: nothing is left to be stored."""

    def leave() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)

    timer = threading.Timer(seconds, leave)
    timer.daemon = True
    timer.start()
