"""A dashboard started for the bench: a fresh process, nothing compiled, visited over the loopback."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from afterclick.app.bench import Visit
from afterclick.core import clock
from afterclick.core.errors import AfterclickError
from afterclick.core.settings import PREFIX
from afterclick.surfaces.cli.options import LOOPBACK

_PAGE = "/?wait=1"
"""The page with its figures in it, however long they take; without `wait` it may come first and they after it."""
_OTHER_RANGE = "/?wait=1&range=all"
_MAP = b'id="card-map"'
_CARDS = b'class="cards"'
_CACHED = {"overview": "/overview", "channels": "/channels", "visitors": "/visitors"}
"""Pages of several cards that answer without being told what about."""


def visit(store: Path) -> Visit:
    """Serve `store` in a fresh process whose kernel cache is empty, and open its first page three times."""
    with tempfile.TemporaryDirectory(prefix="afterclick-bench-cache-") as cache:
        command = [sys.executable, "-P", "-m", "afterclick", "serve", "--read-only", "--store", str(store), "--port", "0"]
        process = subprocess.Popen(  # noqa: S603 - this very Python
            command, env=os.environ | {PREFIX + "CACHE": cache}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True,
        )  # fmt: skip
        try:
            port = _port(process)
            first, other_range, again = (_seconds(port, address, _MAP) for address in (_PAGE, _OTHER_RANGE, _PAGE))
            return Visit(first, other_range, again, {name: _again(port, f"{path}?wait=1") for name, path in _CACHED.items()})
        finally:
            process.terminate()
            process.communicate()


def _port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    found = re.search(r"http://[^/\s]+:(\d+)", process.stdout.readline())
    if found is None:
        raise AfterclickError("the dashboard did not start", hint="try afterclick serve by itself")
    return int(found[1])


def _again(port: int, address: str) -> float:
    """Seconds of a page that was asked for before."""
    _seconds(port, address, _CARDS)
    return _seconds(port, address, _CARDS)


def _seconds(port: int, address: str, whole: bytes) -> float:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=60)
    begun = clock.ticks()
    connection.request("GET", address)
    answer = connection.getresponse()
    page = answer.read()
    seconds = clock.ticks() - begun
    connection.close()
    if answer.status != http.client.OK or whole not in page:
        raise AfterclickError(
            f"the dashboard answered {address} with {answer.status} and not what was asked", hint="try it in a browser"
        )
    return seconds
