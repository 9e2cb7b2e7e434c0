"""`afterclick serve` over a store, in a process of its own that a trial may stop, kill or starve."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from afterclick.app.workspace import open as open_store
from afterclick.core import clock
from afterclick.core.errors import AfterclickError
from afterclick.store.access import Access

PATIENCE_S: Final = 120.0
_HOST: Final = "127.0.0.1"


class Served:
    """A server and what is known of it: `address`, `key` (may write), `log` (its stderr and stdout), `environ`.

    `wrap` are words before the command (strace, prlimit), `words` behind it, `environ` what is added to the environment.
    """

    def __init__(
        self,
        store: Path,
        log: Path,
        *,
        wrap: Sequence[str] = (),
        words: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.store = store
        self.log = log
        self.key = ""
        self.port = 0
        self._wrap = tuple(wrap)
        self._words = tuple(words)
        self.environ = {**os.environ, **(environ or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://{_HOST}:{self.port}"

    @property
    def running(self) -> bool:
        """Has it been started and not ended?"""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id, 0 when it does not run."""
        return self._process.pid if self._process is not None and self.running else 0

    def prepare(self) -> Self:
        """Make the store where there is none, and a write key of its own."""
        with open_store(self.store, create=True):
            pass
        self.key = Access(self.store).make("write", source="prove", rate=0).secret
        return self

    def launch(self) -> None:
        """Start it without waiting for an answer."""
        self.port = self.port or free_port()
        command = [*self._wrap, sys.executable, "-m", "afterclick", "serve", "--store", str(self.store)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [*command, "--port", str(self.port), "--lang", "en", *self._words],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environ, start_new_session=True,
            )  # fmt: skip

    def start(self, patience_s: float = PATIENCE_S) -> float:
        """Start it and wait until it answers; seconds that took. Raises AfterclickError with the log where it ends instead."""
        began = clock.ticks()
        self.launch()
        while clock.ticks() - began < patience_s:
            if not self.running:
                break
            if self.healthy() is not None:
                return clock.ticks() - began
            time.sleep(0.02)
        said = self.log.read_text("utf-8", "replace")[-2000:] if self.log.exists() else ""
        raise AfterclickError(f"the server did not start: {said}", code="no_start")

    def healthy(self) -> bool | None:
        """What /healthz says: fine, in trouble, or None where nobody answers."""
        connection = http.client.HTTPConnection(_HOST, self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def stop(self, patience_s: float = 20.0) -> int:
        """End it as an operator would; its exit code. One that does not end is killed, with code -9."""
        return self._end(signal.SIGTERM, patience_s)

    def kill(self) -> int:
        """kill -9."""
        return self._end(signal.SIGKILL, 10.0)

    def signal(self, number: int) -> None:
        """Send it a signal."""
        if self.pid:
            os.killpg(self.pid, number)

    def ended(self, patience_s: float) -> int | None:
        """Its exit code if it ends by itself within this time."""
        if self._process is None:
            return None
        try:
            return self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            return None

    def _end(self, number: int, patience_s: float) -> int:
        if self._process is None:
            return 0
        self.signal(number)
        code = self.ended(patience_s)
        if code is None:
            self.signal(signal.SIGKILL)
            self._process.wait()
            code = -int(signal.SIGKILL)
        self._process = None
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


def memory(pid: int) -> int:
    """Bytes of memory a process holds now; 0 where the system does not say."""
    try:
        text = Path(f"/proc/{pid}/statm").read_text("ascii")
    except OSError:
        return 0
    return int(text.split()[1]) * 4096


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])
