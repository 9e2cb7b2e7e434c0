"""Who opts out by a link is heard like everybody else, but for whoever was erased: they come in no more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from afterclick.collect.wire.canonical import Canonical
from afterclick.store.tombstones import Tombstones


def collector(store: Path, emit: Callable[[Sequence[Canonical]], object]) -> Callable[[Canonical], None]:
    """`collect(event)` for the page of the link; `emit` stores events and returns when they are on disk.

    The policy of what pages send is not asked: a refusal of advertising is kept whatever else somebody refused, and the ids
    of a link are those that are stored already.
    """

    def collect(event: Canonical) -> None:
        gone = Tombstones.load(store).erased
        ids = (("a:", event.anonymous_id), ("u:", event.user_id), ("e:", event.email))
        if not any(given is not None and gone(space, given) for space, given in ids):
            emit([event])

    return collect
