"""Runs that take turns: noise of a machine lasts longer than one run, so it must not meet one side only."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from afterclick.core import clock

Run = Callable[[], float | None]
"""Does the work; returns its seconds where it knows them better than a clock around it."""


def alternated(runs: Mapping[str, Run], repeats: int) -> dict[str, tuple[float, ...]]:
    """Seconds of each run, every one once per round; a round before them warms up and is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(repeats + 1):
        for name, run in runs.items():
            seconds = timed(run)
            if turn:
                taken[name].append(seconds)
    return {name: tuple(seconds) for name, seconds in taken.items()}


def timed(run: Run) -> float:
    """Seconds of one run."""
    begun = clock.ticks()
    own = run()
    return clock.ticks() - begun if own is None else own
