"""A collector with a fault-injecting proxy before it, and the JavaScript SDKs, installed once outside the checkout."""

from __future__ import annotations

import fcntl
import hashlib
import http.server
import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

import afterclick
from afterclick.app.prove.served import Served
from afterclick.core.settings import cache_folder
from support.browsing import browser
from support.faulty import Faulty

__all__ = ["browser"]

PACKAGE = Path(__file__).with_name("package.json")


class Shop:
    """A served store behind a proxy with faults."""

    def __init__(self, folder: Path) -> None:
        self.served = Served(folder / "shop", folder / "server.log").prepare()
        self.served.start()
        self._proxies: list[Faulty] = []

    @property
    def key(self) -> str:
        return self.served.key

    def faulty(self, script: Sequence[str] = ()) -> Faulty:
        self._proxies.append(Faulty(self.served.port, script))
        return self._proxies[-1]

    def restart(self) -> None:
        """kill -9, and started again at the same port."""
        self.served.kill()
        self.served.start()

    def numbered(self, prefix: str) -> Counter[str]:
        """How often each event that carries a text property `n` of this prefix is in the store, sealed or not."""
        with afterclick.open(self.served.store) as shop:
            snapshot = shop.store.snapshot()
            found = snapshot.log_rows(np.arange(snapshot.rows), ("event_id", "event", "raw_event", "properties", "p.n"))
        texts = [str(row["p.n"] or row["properties"] or "") + "|" + str(row["event"]) for row in found.to_pylist()]
        return Counter(part for text in texts for part in _parts(text, prefix))

    def close(self) -> None:
        for proxy in self._proxies:
            proxy.close()
        self.served.kill()


def _parts(text: str, prefix: str) -> Iterator[str]:
    start = text.find(prefix)
    if start >= 0:
        end = start + len(prefix)
        while end < len(text) and text[end].isdigit():
            end += 1
        yield text[start:end]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    found = Shop(tmp_path)
    yield found
    found.close()


@pytest.fixture(scope="session")
def sdks() -> Path:
    """The folder with node_modules of package.json."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("needs Node.js and npm: apt install nodejs npm")
    digest = hashlib.sha256(PACKAGE.read_bytes()).hexdigest()[:12]
    folder = cache_folder() / "sdk-tests" / digest
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            shutil.copy(PACKAGE, folder / "package.json")
            words = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"]
            done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"npm install failed: {done.stderr[-300:]}")
            (folder / "installed").touch()
    return folder


@pytest.fixture
def node(sdks: Path) -> Callable[..., str]:
    """Run a module of this folder with Node, its words behind it; what it said."""

    def run(script: str, *words: str, timeout: float = 60) -> str:
        place = sdks / script
        shutil.copy(Path(__file__).with_name(script), place)
        done = subprocess.run(["node", str(place), *words], capture_output=True, text=True, timeout=timeout, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def site(sdks: Path, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Serves a page of another origin than the collector's, with the SDK's files beside it; gives its address."""
    umd = sdks / "node_modules/@segment/analytics-next/dist/umd"
    pages = tmp_path / "pages"
    shutil.copytree(umd, pages / "sdk", ignore=shutil.ignore_patterns("*.gz", "*.map"))

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *given: object) -> None:
            super().__init__(*given, directory=str(pages))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def page(script: str) -> str:
        (pages / "index.html").write_text(f"<!doctype html><title>Shop</title><body>{script}</body>", "utf-8")
        return f"http://localhost:{server.server_address[1]}/index.html"

    yield page
    server.shutdown()
    server.server_close()
