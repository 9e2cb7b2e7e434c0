"""The most memory that a process needs for a question on the whole store, mapped files and the interpreter included."""

from __future__ import annotations

from pathlib import Path

from afterclick.app.bench import side
from afterclick.app.bench.row import Row

ASKED = ("funnel", "map")


def memory_rows(store: Path, repeats: int) -> list[Row]:
    """A row per question, asked once in a process that has just opened the store; the peak is in its note."""
    rows = []
    for work in ASKED:
        done = [side.run(work, store, store) for _ in range(repeats)]
        peak = max(each.peak_bytes for each in done) / 1e9
        rows.append(
            Row(
                what=f"{work} of {done[0].rows:,} events in a process that just opened the store",
                taken=tuple(each.seconds for each in done), note=f"peak memory {peak:.2f} GB",
            )
        )  # fmt: skip
    return rows
