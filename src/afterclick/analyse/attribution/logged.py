"""Rows of messages and ads, found by their names once for all that is asked about them."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from afterclick.analyse.kernels import find as kernels
from afterclick.analyse.kernels.compiled import pool
from afterclick.analyse.kernels.touch_marks import MESSAGE
from afterclick.analyse.scope import Scope
from afterclick.analyse.scratch import borrowed
from afterclick.core.arrays import frozen
from afterclick.core.names import MESSAGE_CLICKED, MESSAGE_DELIVERED, MESSAGE_OPENED, MESSAGE_SENT
from afterclick.core.spans import Period
from afterclick.store.snapshot import Chunk

SENT, VIEWED, OPENED, CLICKED = (1 << bit for bit in range(4))
"""What was done, as bits."""

ACTIONS: Final = {
    "sent": ((MESSAGE_SENT, SENT | MESSAGE), (MESSAGE_DELIVERED, SENT | MESSAGE)),
    "viewed": (("Ad Impression", VIEWED),),
    "opened": ((MESSAGE_OPENED, OPENED | MESSAGE),),
    "clicked": ((MESSAGE_CLICKED, CLICKED | MESSAGE), ("Ad Clicked", CLICKED)),
    "visited": (),
}
"""The events of each action; clicked are besides the visits that came from outside, visited all visits."""


def bits_of_names(scope: Scope, actions: tuple[str, ...]) -> np.ndarray:
    """The bits of each name code, uint16; 0 for names of no action."""
    table = np.zeros(max(len(scope.context.names()[0]), 1), np.uint16)
    for action in actions:
        for name, bits in ACTIONS[action]:
            table[scope.context.name_codes(name)] = bits
    return frozen(table)


class Logged(NamedTuple):
    """Rows of events of any action: global row int64, ascending, name and device int32, at int64 µs, flags uint16."""

    row: np.ndarray
    name: np.ndarray
    device: np.ndarray
    at: np.ndarray
    flags: np.ndarray


def logged_rows(scope: Scope, period: Period) -> Logged:
    """The rows of messages and ads of the UTC days of the period."""
    return scope.context.keep(("logged", period), lambda: _read(scope, period))


def _read(scope: Scope, period: Period) -> Logged:
    row, snapshot = _find(scope, period), scope.context.snapshot
    if not len(row):
        return Logged(row, *(frozen(np.zeros(0, kind)) for kind in (np.int32, np.int32, np.int64, np.uint16)))
    return Logged(row, *(frozen(values) for values in pool().map(lambda name: snapshot.take(name, row), Logged._fields[1:])))


def _find(scope: Scope, period: Period) -> np.ndarray:
    wanted = bits_of_names(scope, tuple(ACTIONS))
    if not wanted.any():
        return frozen(np.zeros(0, np.int64))

    def find(chunk: Chunk) -> np.ndarray:
        with borrowed(chunk.rows, np.int64) as room:
            found = kernels.find_coded(chunk.columns["name"], wanted, chunk.start, room, rows=chunk.rows)
            scope.context.snapshot.let_go(("name",), chunk.start, chunk.rows)
            rows: np.ndarray = room[:found].copy()
            return rows

    found = list(pool().map(find, scope.context.snapshot.chunks(("name",), period)))
    return frozen(np.concatenate([np.zeros(0, np.int64), *found]))
