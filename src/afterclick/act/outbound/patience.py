"""Reading from somebody else's socket until a deadline and up to a size, however slowly and however much it sends."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable
from typing import Final

from afterclick.core import clock

_BUFFER: Final = 8192


class _Drops(io.RawIOBase):
    """The bytes of a socket. Raises TimeoutError after the deadline, and OSError for more than `most` of them."""

    def __init__(self, source: socket.socket, left: Callable[[], float], most: int) -> None:
        # The file object keeps the socket open where its owner lets go of it first.
        self._file = source.makefile("rb", buffering=0)
        self._source = source
        self._left = left
        self._most = most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        # Anew before every read: a timeout of the whole would start again with every byte that drips in.
        self._source.settimeout(self._left())
        read = self._file.readinto(buffer)
        self._most -= read or 0
        if self._most < 0:
            raise OSError("the answer is too long")
        return int(read) if read is not None else None

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def reader(source: socket.socket, left: Callable[[], float], most: int) -> io.BufferedReader:
    """A file over a socket. `left` gives the seconds until the deadline and raises TimeoutError once it is over."""
    return io.BufferedReader(_Drops(source, left, most), _BUFFER)


class Deadline:
    """An instant of the steady clock up to which something may take."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends_at = clock.ticks() + seconds

    @property
    def over(self) -> bool:
        """Is it over?"""
        return clock.ticks() >= self._ends_at

    def left(self) -> float:
        """Seconds until then. Raises TimeoutError once it is over."""
        seconds = self._ends_at - clock.ticks()
        if seconds <= 0:
            raise TimeoutError
        return seconds
