"""Runs the dashboard in the foreground; the socket is bound first, so a taken port is one clear sentence."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from afterclick.core.errors import AfterclickError, UsageError
from afterclick.surfaces.cli.options import LOOPBACK

_SHORTEST_TOKEN = 16


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_reach(host: str, token: str | None) -> None:
    """Refuse to be reached by others without a token, or with one that can be guessed."""
    make = "python3 -c 'import secrets; print(secrets.token_urlsafe(24))'"
    if token is not None and len(token) < _SHORTEST_TOKEN:
        raise UsageError(f"the token is shorter than {_SHORTEST_TOKEN} characters", hint=f"make one: {make}")
    if not is_loopback(host) and token is None:
        raise UsageError(
            f"{host} can be reached from other machines, and the dashboard would be open to all of them",
            hint=f"give a token (--token, or AFTERCLICK_TOKEN; {make}), or keep --host {LOOPBACK}",
        )


def bound(host: str, port: int) -> socket.socket:
    """A socket bound to the address; port 0 takes a free one. Raises AfterclickError with the next step."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise UsageError(
            f"{host!r} is no address of this machine: {error.strerror}", hint=f"use --host {LOOPBACK}"
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
            f"port {port} is taken by another program",
            hint=f"stop that program, or take another port: --port {port + 1 if port < 65535 else port - 1}",
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return AfterclickError(f"port {port} needs rights you do not have", hint="take a port above 1023: --port 8420")
    if error.errno == errno.EADDRNOTAVAIL:
        return UsageError(f"{host} is no address of this machine", hint=f"use --host {LOOPBACK}")
    return AfterclickError(
        f"cannot listen on {host}:{port}: {error.strerror}", hint=f"try --host {LOOPBACK} --port 8420"
    )


def address_of(listener: socket.socket, host: str) -> str:
    """The address a browser opens, `http://127.0.0.1:8420`, without a slash at its end."""
    port = listener.getsockname()[1]
    everywhere = host in ("0.0.0.0", "::")  # noqa: S104 - read, not bound
    name = LOOPBACK if everywhere else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}"


class _Announced(uvicorn.Server):
    """A server that says when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def run(app: ASGIApp, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until ctrl-C or SIGTERM, ending requests under way first; `ready` is called once it answers."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        lifespan="auto",
    )
    server = _Announced(config, ready)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        # uvicorn raises the signal again once it has closed down; at a terminal that is a normal end.
        return
    finally:
        listener.close()
