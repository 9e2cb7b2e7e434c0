"""Live events as rows of the log, by a reader that is loaded only where there are any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from afterclick.store.definitions import Definitions
from afterclick.store.live.calls import StoredCall
from afterclick.store.tail_rows import TailTable

if TYPE_CHECKING:
    from afterclick.collect.wire.rows import LiveRows


class TailReading:
    """What the store calls for the calls of its tail."""

    def __init__(self) -> None:
        self._rows: LiveRows | None = None

    @property
    def reads(self) -> tuple[str, ...]:
        """Fields of the definitions that the rows depend on."""
        return self._loaded().reads

    def __call__(self, calls: Sequence[StoredCall], definitions: Definitions) -> TailTable:
        """Rows and rejects of the calls."""
        return self._loaded()(calls, definitions)

    def close(self) -> None:
        """Give back what was opened."""
        if self._rows is not None:
            self._rows.close()

    def _loaded(self) -> LiveRows:
        if self._rows is None:
            from afterclick.collect.wire.rows import LiveRows  # noqa: PLC0415 - readers are heavy and seldom needed

            self._rows = LiveRows()
        return self._rows
