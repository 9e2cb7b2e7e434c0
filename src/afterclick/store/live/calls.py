"""What one request leaves behind, on its way into the tail and out of it, and the balance over all of them."""

from __future__ import annotations

from typing import NamedTuple

from afterclick.core.event import Rejected


class TailCall(NamedTuple):
    """What one request leaves behind.

    `bodies` are its new events as canonical JSON, `ids` and `contents` their event ids and 64-bit hashes of what they
    say without clocks, in the same order. `duplicates` counts events that were there already. `received_at`: us, UTC.
    """

    received_at: int
    source: str
    bodies: tuple[bytes, ...]
    ids: tuple[str, ...]
    contents: tuple[int, ...]
    rejected: tuple[Rejected, ...] = ()
    duplicates: int = 0


class StoredCall(NamedTuple):
    """One request as the tail holds it. Numbers grow by one from call to call and are never used twice.

    `duplicates` and `rejected` are counts. Requests that brought nothing but duplicates are in the balance alone.
    """

    seq: int
    received_at: int
    source: str
    bodies: tuple[bytes, ...]
    duplicates: int = 0
    rejected: int = 0


class Balance(NamedTuple):
    """Events of all live traffic since the store began, sealed ones as well: received = stored + duplicates + rejected."""

    received: int = 0
    stored: int = 0
    duplicates: int = 0
    rejected: int = 0

    def after(self, calls: int, duplicates: int, rejected: int) -> Balance:
        """The balance with so many more events stored, known already, and rejected."""
        return Balance(
            self.received + calls + duplicates + rejected,
            self.stored + calls,
            self.duplicates + duplicates,
            self.rejected + rejected,
        )

    def corrected(self, duplicates: int, rejected: int) -> Balance:
        """The balance when so many stored events turned out to be duplicates, or could not be kept."""
        return Balance(
            self.received,
            self.stored - duplicates - rejected,
            self.duplicates + duplicates,
            self.rejected + rejected,
        )
