"""The picture in the README is the example shop as the browser shows it; `make pictures` takes it again."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

import afterclick
from afterclick.app.demo import Shop, write

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PICTURE = Path(__file__).parents[2] / "docs" / "pictures" / "map.png"
SIZE = (1440, 1180)


def test_the_readme_shows_the_example_shop(tmp_path, serve, page):
    source = write(Shop(events=100_000), tmp_path / "files")
    with afterclick.open(tmp_path / "store", write=True, create=True) as shop:
        shop.define(name="Hanbit Fashion", timezone="Asia/Seoul", currency="KRW", example=True)
        shop.import_files(source)
        made = page(viewport={"width": SIZE[0], "height": SIZE[1]})
        made.goto(serve(shop) + "/?wait=1")
        made.get_by_role("heading", name="Journey map").wait_for()
        taken = made.screenshot()
        assert made.faults == []
    if os.environ.get("AFTERCLICK_PICTURES"):
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        PICTURE.write_bytes(taken)
    shown = PICTURE.read_bytes()
    # Fonts differ between machines, so the committed picture is held to its size and to being a picture at all.
    assert struct.unpack(">II", shown[16:24]) == SIZE == struct.unpack(">II", taken[16:24])
    assert len(shown) > 50_000
