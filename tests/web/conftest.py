"""The web face under test: an application over hand-made Results, a server for the browser, Debian's chromium, axe."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parent))

from drawn import FakeShop

import afterclick
from afterclick.surfaces.web import create_app
from support.browsing import VISITOR, browser, lacking

__all__ = ["browser"]


@pytest.fixture
def shop() -> FakeShop:
    return FakeShop()


@pytest.fixture
def client(shop: FakeShop) -> Iterator[TestClient]:
    with TestClient(create_app(shop, hosts=("testserver",)), follow_redirects=False) as made:
        yield made


@pytest.fixture
def pages(store: afterclick.Workspace) -> Iterator[TestClient]:
    """The pages of the store that a test module makes."""
    with TestClient(create_app(store, hosts=("testserver",)), follow_redirects=False) as made:
        yield made


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core: from AFTERCLICK_AXE (a file), else from npm into a folder of this run."""
    given = os.environ.get("AFTERCLICK_AXE", "")
    if given:
        return Path(given).read_text("utf-8")
    if not shutil.which("npm"):
        lacking("axe-core is needed: install npm, or set AFTERCLICK_AXE to a copy of axe.min.js")
    folder = tmp_path_factory.mktemp("axe")
    command = ["npm", "install", "--no-save", "--silent", "axe-core@4", "--prefix", str(folder)]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    file = folder / "node_modules" / "axe-core" / "axe.min.js"
    if not file.exists():
        lacking(
            f"npm could not fetch axe-core ({done.stderr.decode()[:200]}); set AFTERCLICK_AXE to a copy of axe.min.js"
        )
    return file.read_text("utf-8")


@pytest.fixture
def serve() -> Iterator[Callable[[FakeShop], str]]:
    """Serves shops on free ports until the test ends; gives their addresses."""
    running = []

    def start(shop: FakeShop) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(create_app(shop), log_level="error"))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        until = time.monotonic() + 10
        while not server.started and time.monotonic() < until:
            time.sleep(0.01)
        running.append((server, thread, listener))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for server, thread, listener in running:
        server.should_exit = True
        thread.join(10)
        listener.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens pages that record console errors, page errors and requests to other places."""
    contexts = []

    def open_page(**options: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, "user_agent": VISITOR, **options})
        contexts.append(context)
        made = context.new_page()
        made.set_default_timeout(8000)
        made.faults = []
        made.requested = []
        made.on(
            "console",
            lambda message: made.faults.append(message.text) if message.type in ("error", "warning") else None,
        )
        made.on("pageerror", lambda error: made.faults.append(str(error)))
        made.on("request", lambda request: made.requested.append(request.url))
        return made

    yield open_page
    for context in contexts:
        context.close()
