"""The balance of live traffic as a snapshot sees it: what the collector counted, and what counting once has found since."""

from __future__ import annotations

from afterclick.store.live.calls import Balance
from afterclick.store.snapshot import Snapshot


def balance(snapshot: Snapshot) -> Balance:
    """Received = stored + duplicates + rejected; stored are the events that questions count."""
    tail = snapshot.tail
    found = tail.balance
    # What sealing turned away is taken off in the tail when it forgets the calls, which a crash may have prevented.
    for entry in snapshot.live:
        if entry.live_seq > tail.sealed:
            counts = entry.counts
            found = found.corrected(counts["duplicates"], counts["rejected"] - counts["letters"])
    for batch in tail.batches:
        found = found.corrected(batch.duplicates, len(batch.rejected))
    return found


def unaccounted(snapshot: Snapshot) -> int:
    """By how many events the equation fails, or what was counted as stored differs from what lies in log and tail."""
    counted = balance(snapshot)
    there = sum(entry.counts["stored"] for entry in snapshot.live) + sum(batch.rows for batch in snapshot.tail.batches)
    received = counted.stored + counted.duplicates + counted.rejected
    return abs(counted.received - received) + abs(counted.stored - there)
