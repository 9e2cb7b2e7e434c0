"""Mail servers for tests: a real one that keeps what it takes, and one that follows a script to the letter."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult


class Box:
    """What a real server took; `refuse` says (code, text) for a recipient, None to take it."""

    def __init__(self, refuse: Callable[[str], str | None] = lambda _: None) -> None:
        self.taken: list[Any] = []
        self.connections = 0
        self.refuse = refuse

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server, session, envelope, address, options):
        if (said := self.refuse(address)) is not None:
            return said
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.taken.append((envelope.mail_from, list(envelope.rcpt_tos), envelope.content, session.ssl is not None))
        return "250 taken"


@contextlib.contextmanager
def mail_server(box: Box, *, tls: Any = None, login: tuple[str, str] | None = None) -> Iterator[int]:
    """A real mail server on a free port of this machine; with `tls` it demands STARTTLS, with `login` a name and a password."""
    loop, started, port = asyncio.new_event_loop(), threading.Event(), []

    def authenticate(server, session, envelope, mechanism, data):
        fits = login is not None and (data.login.decode(), data.password.decode()) == login
        return AuthResult(success=fits, handled=False)

    def made() -> SMTP:
        return SMTP(
            box, hostname="mx.test", tls_context=tls, require_starttls=tls is not None, auth_required=login is not None,
            auth_require_tls=True, authenticator=authenticate if login else None, enable_SMTPUTF8=True, loop=loop,
        )  # fmt: skip

    async def begin() -> None:
        server = await loop.create_server(made, "127.0.0.1", 0)
        port.append((server.sockets[0].getsockname()[1], server))
        started.set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.create_task(begin())
        loop.run_forever()
        for task in asyncio.all_tasks(loop):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                loop.run_until_complete(task)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(60)
    try:
        yield port[0][0]
    finally:
        loop.call_soon_threadsafe(port[0][1].close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)


@contextlib.contextmanager
def scripted(talk: Callable[[Conversation], None]) -> Iterator[int]:
    """A server that has `talk` with every connection, and then hangs up."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(0.05)
    stop = threading.Event()
    open_ones: list[threading.Thread] = []

    def one(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(60)
            talk(Conversation(connection, stop))

    def run() -> None:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = listening.accept()
                thread = threading.Thread(target=one, args=(connection,), daemon=True)
                thread.start()
                open_ones.append(thread)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        stop.set()
        thread.join(60)
        for each in open_ones:
            each.join(60)
        listening.close()


class Conversation:
    """One connection of a scripted server."""

    def __init__(self, connection: socket.socket, stop: threading.Event) -> None:
        self.connection = connection
        self.stop = stop
        self._file = connection.makefile("rb")

    def say(self, *lines: str) -> None:
        self.connection.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def hear(self) -> str:
        line = self._file.readline().decode("utf-8", "replace").strip()
        if not line:
            raise ConnectionError("the other side hung up")
        return line

    def usual(self, until: str) -> None:
        """Greet and answer yes to everything until a command begins with `until`, which is heard and not answered."""
        self.say("220 mx.test")
        self.more(until)

    def more(self, until: str) -> None:
        while not (line := self.hear().upper()).startswith(until):
            self.say("354 go on" if line.startswith("DATA") else "221 bye" if line.startswith("QUIT") else "250 ok")
            if line.startswith("DATA"):
                self.message()
                self.say("250 taken")

    def message(self) -> list[str]:
        lines = []
        while (line := self._file.readline().decode("utf-8", "replace").rstrip("\r\n")) != ".":
            lines.append(line)
        return lines

    def hang(self) -> None:
        """Say nothing more while anybody still listens."""
        self.stop.wait(60)
