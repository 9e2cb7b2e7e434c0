"""Debian's Chromium for every test that looks at a page, and what a test does where it is not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = "/usr/bin/chromium"
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
SIZES = {"wide": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
"""The window of a desk and that of a telephone."""
VISITOR = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
"""What a visitor's browser calls itself; a headless one says so, and is a crawler to every store."""
IN_CI = os.environ.get("CI", "").lower() in ("true", "1")


def lacking(message: str) -> None:
    """Something the browser tests need is not here: a failure in CI, else a skip that says how to get it."""
    if IN_CI:
        pytest.fail(message)
    pytest.skip(message)


class _Shared:
    """The one Chromium of this process; it goes when the last who asked for it is done."""

    def __init__(self) -> None:
        self.users = 0
        self.driver: Any = None
        self.browser: Any = None

    def take(self) -> Any:
        if not self.users:
            from playwright.sync_api import sync_playwright

            self.driver = sync_playwright().start()
            self.browser = self.driver.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        self.users += 1
        return self.browser

    def leave(self) -> None:
        self.users -= 1
        if not self.users:
            self.browser.close()
            self.driver.stop()


_SHARED = _Shared()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium. Several conftests bring this fixture in; a second driver in one process would be refused."""
    if not Path(CHROMIUM).exists():
        lacking("chromium is needed: apt-get install chromium fonts-noto-cjk")
    yield _SHARED.take()
    _SHARED.leave()


def violations(page: Any, axe: str) -> list[str]:
    """What axe-core, whose source is given, finds wrong with a page as it stands."""
    page.evaluate(axe)
    found = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
    return [
        f"{each['id']}: {node['html'][:160]} {node['failureSummary'][:200]}" for each in found for node in each["nodes"]
    ]
