"""Which event ids the tail holds or is about to hold: exact, in memory, so that a repeated event is known at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from afterclick.store.live.rows import CONTENT_MASK

Claim = Literal["new", "same", "conflict"]
UNKNOWN: Final = CONTENT_MASK
"""Stands for the content of an event whose hash was lost: whatever comes with its id is taken for the same."""


class Claims:
    """Ids with a 64-bit hash of their content. Ids are claimed and released by one thread, settled by another."""

    def __init__(self) -> None:
        self._stored: dict[str, int] = {}
        self._pending: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._stored) + len(self._pending)

    def claim(self, event_id: str, content: int) -> Claim:
        """`new`: yours now, store it or release it; `same`: there already; `conflict`: there with other content."""
        # The pending ones first: what moves between the two looks is stored before it leaves the pending ones.
        known = self._pending.get(event_id)
        if known is None:
            known = self._stored.get(event_id)
        if known is None:
            self._pending[event_id] = content & CONTENT_MASK
            return "new"
        return "same" if known in (content & CONTENT_MASK, UNKNOWN) else "conflict"

    def release(self, ids: Iterable[str]) -> None:
        """Give back what was claimed and not stored."""
        for event_id in ids:
            self._pending.pop(event_id, None)

    def settle(self, ids: Iterable[str], contents: Iterable[int]) -> None:
        """They are stored."""
        for event_id, content in zip(ids, contents, strict=True):
            self._stored[event_id] = content & CONTENT_MASK
            self._pending.pop(event_id, None)

    def reload(self, parts: Iterable[Iterable[tuple[str, int]]]) -> None:
        """What was found stored, commit by commit, in place of what was known; pending claims stay."""
        stored: dict[str, int] = {}
        for part in parts:
            stored.update(part)
        self._stored = stored

    def forget(self, ids: Iterable[str]) -> None:
        """They left the tail."""
        for event_id in ids:
            self._stored.pop(event_id, None)
