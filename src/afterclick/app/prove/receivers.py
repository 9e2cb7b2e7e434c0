"""A webhook receiver and a mail server on the loopback, small and honest: they note what arrived whole, and what they answered.

Told to, they end the sender in the middle of what it sends.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import threading
from types import TracebackType
from typing import Final, NamedTuple, Self

from afterclick.core import clock

HOST: Final = "127.0.0.1"
PLACES: Final = ("call_half", "call_whole", "mail_half", "mail_whole")
"""Where a receiver may end the sender: within what it sends, and when all of it came but nothing was answered."""
_LONGEST: Final = 1 << 20
_START_S: Final = 60.0
_KEY: Final = re.compile(rb"^idempotency-key:\s*([^\r\n]+)", re.IGNORECASE | re.MULTILINE)
_LENGTH: Final = re.compile(rb"^content-length:\s*(\d+)", re.IGNORECASE | re.MULTILINE)
_MESSAGE_ID: Final = re.compile(rb"^message-id:\s*<([^@>]+)", re.IGNORECASE | re.MULTILINE)
_EXPECTED: Final = (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)


class Arrived(NamedTuple):
    """Something that arrived whole: by which action, what it said, when (s of `clock.ticks`)."""

    key: str
    body: bytes
    at: float


class Receivers:
    """Both servers, in a thread of their own. `calls` and `mails` are what arrived whole, in order."""

    def __init__(self) -> None:
        self.calls: list[Arrived] = []
        self.mails: list[Arrived] = []
        self.http_port = 0
        self.smtp_port = 0
        self.fatal = ("", 0)
        self.victim = 0
        self._met = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="afterclick-receivers", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(_START_S):
            raise TimeoutError("the receivers did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_S)

    def kill_at(self, place: str, number: int) -> None:
        """End the sender when it comes to this place for the n-th time from now on; "" never."""
        self.fatal = (place, number)
        self._met = 0

    def _serve(self) -> None:
        loop = self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        http = loop.run_until_complete(asyncio.start_server(self._called, HOST, 0, limit=_LONGEST))
        smtp = loop.run_until_complete(asyncio.start_server(self._mailed, HOST, 0, limit=_LONGEST))
        self.http_port = http.sockets[0].getsockname()[1]
        self.smtp_port = smtp.sockets[0].getsockname()[1]
        self._ready.set()
        try:
            loop.run_forever()
        finally:
            for server in (http, smtp):
                server.close()
            open_ones = asyncio.all_tasks(loop)
            for task in open_ones:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*open_ones, return_exceptions=True))
            loop.close()

    def _at(self, place: str) -> None:
        wanted, number = self.fatal
        if place != wanted:
            return
        self._met += 1
        if self._met == number and self.victim:
            os.kill(self.victim, signal.SIGKILL)

    async def _called(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            key, length = _KEY.search(head), _LENGTH.search(head)
            self._at("call_half")
            body = await reader.readexactly(min(int(length.group(1)) if length else 0, _LONGEST))
            self.calls.append(Arrived(key.group(1).strip().decode("latin-1") if key else "", body, clock.ticks()))
            self._at("call_whole")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            await writer.drain()
        except _EXPECTED:
            return
        finally:
            writer.close()

    async def _mailed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """As much of RFC 5321 as a sender needs that does nothing unusual."""
        try:
            await _answer(writer, "220 sink")
            while line := await reader.readline():
                word = line[:4].upper()
                if word == b"DATA":
                    await self._take(reader, writer)
                elif word == b"QUIT":
                    await _answer(writer, "221 bye")
                    return
                else:
                    await _answer(writer, "250 fine")
        except _EXPECTED:
            return
        finally:
            writer.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _answer(writer, "354 go on")
        first = await reader.readuntil(b"\r\n")
        self._at("mail_half")
        content = first + await reader.readuntil(b"\r\n.\r\n")
        found = _MESSAGE_ID.search(content)
        self.mails.append(Arrived(found.group(1).decode("latin-1") if found else "", content, clock.ticks()))
        self._at("mail_whole")
        await _answer(writer, "250 taken")


async def _answer(writer: asyncio.StreamWriter, line: str) -> None:
    writer.write(line.encode() + b"\r\n")
    await writer.drain()
