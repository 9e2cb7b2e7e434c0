"""The events of a request as its dialect reads them, before anybody decided whether they may be kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from afterclick.collect.wire.canonical import Canonical
from afterclick.collect.wire.limits import Broken
from afterclick.collect.wire.shape import Shape


class Read(NamedTuple):
    """Key, shape and events of a request in order, a broken one in its place; `original` gives the bytes of one by its place,
    `salts` what tells events without an id apart (empty = nothing)."""

    key: str
    shape: Shape
    events: list[Canonical | Broken]
    original: Callable[[int], bytes]
    salts: Sequence[str] = ()
