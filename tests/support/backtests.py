"""Rules run over small stores, and what they fired in words."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from afterclick.analyse.context import Context
from afterclick.collect.wire.canonical import Canonical
from afterclick.core import clock
from afterclick.core.event import Event
from afterclick.core.spans import Period
from afterclick.decide.backtest.arriving import Arriving
from afterclick.decide.backtest.running import Firings, book_of, run
from afterclick.store.automations import LiveRule
from support.histories import D, history, store_of

Found = set[tuple[str, str, int]]


@contextmanager
def opened(told: list[Event], live: float = 0.0, seed: int = 0, **defined: object) -> Iterator[tuple[Context, int]]:
    """A store of these events as it stands three days behind the last one, and that instant."""
    until = max(one.occurred_at for one in told) + 3 * D
    with (
        tempfile.TemporaryDirectory() as folder,
        store_of(Path(folder) / "s", told, live, seed, **defined) as shop,
        clock.held_at(until),
    ):
        yield shop.context(), until


def flat(seed: int, **more: int) -> list[Event]:
    """The histories of all visitors one after the other."""
    return [one for told in history(seed, **more) for one in told]


def rows(found: Firings) -> list[tuple[int, ...]]:
    """Each firing with all that is told of it."""
    columns = (found.visitor, found.rule, found.at, found.row, found.timed)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def named(context: Context, found: Firings) -> Found:
    """(Id of the visitor, rule, instant) of each firing."""
    ids = context.texts("id")
    return {
        (ids[visitor], found.rules[rule].name, at)
        for visitor, rule, at in zip(found.visitor.tolist(), found.rule.tolist(), found.at.tolist(), strict=True)
    }


def fired(context: Context, rules: list[LiveRule], since: int, until: int, **more: str) -> Firings:
    """The rules as if on from `since`."""
    return run(context, book_of(context, rules, since), Period(since, until + 1), until, **more)  # type: ignore[arg-type]


def calls(context: Context) -> list[list[Canonical]]:
    """The calls of the tail as they came: the events of one instant of arrival."""
    found: dict[int, list[Canonical]] = {}
    for _, one in Arriving(context, np.arange(context.snapshot.rows)).told():
        found.setdefault(one.arrival, []).append(one.event)
    return [found[arrival] for arrival in sorted(found)]
