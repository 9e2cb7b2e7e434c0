"""The log rewritten without a person: its segments, and the rows that could not become events."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from afterclick.app.people.redaction import Redaction
from afterclick.app.people.whose import Person
from afterclick.store import rejects
from afterclick.store.replacing import Replacing
from afterclick.store.snapshot import Snapshot


def segments(replacing: Replacing, snapshot: Snapshot, person: Person, redaction: Redaction) -> tuple[int, int]:
    """Rewrite the segments that hold anything of a person; how many rows went, how many were changed."""
    first = {piece.segment: int(start) for piece, start in zip(snapshot.pieces, snapshot.starts, strict=False)}
    theirs: dict[str, np.ndarray] = {}
    for entry in replacing.manifest.segments:
        table = replacing.read(entry)
        numbered = np.zeros(table.num_rows, bool)
        if entry.name in first:
            rows = person.rows - first[entry.name]
            numbered[rows[(rows >= 0) & (rows < table.num_rows)]] = True
        theirs[entry.name] = redaction.theirs(table, numbered)
        redaction.note_orders(table, theirs[entry.name])
    events = changed = 0
    for entry in replacing.manifest.segments:
        found = redaction.apply(replacing.read(entry), theirs.pop(entry.name))
        if found.table is not None:
            replacing.replace([entry], found.table if found.table.num_rows else None)
            events += found.erased
            changed += found.changed
    return events, changed


def rejected(replacing: Replacing, log: Path, redaction: Redaction) -> int:
    """Rewrite the rejects that speak of a person; how many went."""
    gone = 0
    for entry in replacing.manifest.entries:
        file = replacing.manifest.rejects_of(entry)
        if file is None:
            continue
        every = list(rejects.iterate(log, file))
        kept = [one for one in every if not redaction.mentions(one)]
        if len(kept) < len(every):
            replacing.replace_rejects(entry, kept)
            gone += len(every) - len(kept)
    return gone
