"""A small example shop in a store of its own, made once per test process and only read from then on."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import msgspec

import afterclick
from afterclick.app.demo import Shop, write
from afterclick.app.demo.shop import CURRENCY, HOST, ZONE

EVENTS = 10_000


@functools.cache
def _made() -> tuple[tempfile.TemporaryDirectory[str], Path]:
    kept = tempfile.TemporaryDirectory(prefix="afterclick-demo-store-")
    folder = Path(kept.name) / "store"
    place = Path(kept.name) / "export"
    place.mkdir()
    export = write(Shop(events=EVENTS), place)
    with afterclick.open(folder, write=True, create=True) as opened:
        own = {"name": "Hanbit Fashion", "timezone": ZONE, "currency": CURRENCY, "language": "en", "example": True}
        opened.store.save_definitions(
            msgspec.structs.replace(opened.store.definitions, **own, own_domains=(HOST.partition("//")[2],))
        )
        opened.import_files([export], source="example shop")
    return kept, folder


def folder() -> Path:
    """The directory of the store."""
    return _made()[1]
