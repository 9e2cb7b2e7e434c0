"""`afterclick serve` as a process of its own, for what only a process can show: signals, limits, a second one beside it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.served import basic


class Serving:
    """A running `afterclick serve`: what it prints, where it answers, its first key."""

    def __init__(self, process: subprocess.Popen[bytes], said: Path) -> None:
        self.process = process
        self._said = said
        self.port = 0
        self.key = ""

    @property
    def out(self) -> str:
        return self._said.with_suffix(".out").read_text()

    @property
    def log(self) -> list[dict[str, Any]]:
        """What it wrote to stderr for programs."""
        lines = self._said.with_suffix(".err").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def wait(self) -> None:
        """Until it answers."""
        deadline = time.monotonic() + 60
        while not self.port:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(self._said.with_suffix(".err").read_text())
            time.sleep(0.02)
            # The last line but those of the keys; all are printed in one breath.
            if found := re.search(r"http://127\.0\.0\.1:(\d+)/\n", self.out):
                self.port = int(found[1])
        assert self.ask("GET", "/healthz")[0] in (200, 401, 503)
        self.key = next(iter(re.findall(r"ac_write_[\w-]+", self.out)), "")

    def end(self, sig: int = signal.SIGTERM) -> int:
        """Tell it to end; its exit code."""
        self.process.send_signal(sig)
        return self.process.wait(60)

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def post_form(self, path: str, form: str, headers: Mapping[str, str]) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", path, form, dict(headers))
            return connection.getresponse().status
        finally:
            connection.close()

    def track(self, name: str, key: str = "") -> int:
        event = {"type": "track", "event": "Tracked", "userId": "u1", "messageId": name}
        return self.ask("POST", "/v1/track", event, {"authorization": basic(key or self.key)})[0]


def command(store: Path, *more: str) -> list[str]:
    return [sys.executable, "-P", "-m", "afterclick", "serve", "--store", str(store), "--port", "0", "--lang", "en", *more]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "AFTERCLICK_TOKEN"}


@contextmanager
def serving(store: Path, *more: str, ahead: Sequence[str] = ()) -> Iterator[Serving]:
    """Serve a store, a new one where there is none, until the block ends; `ahead` are the first words of the command, such
    as those of prlimit.
    """
    said = Path(tempfile.mkdtemp(dir=store.parent)) / "said"
    with said.with_suffix(".out").open("wb") as out, said.with_suffix(".err").open("wb") as err:
        process = subprocess.Popen([*ahead, *command(store, *more)], stdout=out, stderr=err, env=environment())
    try:
        one = Serving(process, said)
        one.wait()
        yield one
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
