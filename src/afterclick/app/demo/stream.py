"""The example shop as a stream of tables in the order of time, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from afterclick.app.demo.crawlers import plan_crawls, write_crawls
from afterclick.app.demo.outline import outline
from afterclick.app.demo.plan import DAY
from afterclick.app.demo.population import plan_population
from afterclick.app.demo.rows import Rows
from afterclick.app.demo.shop import Shop
from afterclick.app.demo.tables import to_table
from afterclick.app.demo.writing import write_rows

MOST_ROWS = 131_072
"""Rows of one table at most."""
_VISITS_AT_A_TIME = 12_000


def ordered_rows(shop: Shop) -> Iterator[Rows]:
    """All rows by instant, in blocks of at most `MOST_ROWS`.

    Visits are written as their start comes; what reaches past the start of the next ones waits for its turn.
    """
    visits, crawls = plan_population(shop), plan_crawls(shop)
    waiting: list[Rows] = []
    since = 0
    for start in range(0, len(visits), _VISITS_AT_A_TIME):
        stop = start + _VISITS_AT_A_TIME
        until = int(visits.starts_at[stop]) if stop < len(visits) else shop.days * DAY + 1
        written = write_rows(shop, outline(shop, visits.take(slice(start, stop))))
        rows = Rows.join([*waiting, written, write_crawls(shop, crawls.between(since, until))])
        ready = rows.at < until
        waiting, since = [rows.take(~ready)], until
        rows = rows.take(np.flatnonzero(ready)[np.argsort(rows.at[ready], kind="stable")])
        for first in range(0, len(rows), MOST_ROWS):
            yield rows.take(slice(first, first + MOST_ROWS))


def generate(shop: Shop) -> Iterator[pa.Table]:
    """The export of `shop` as tables of `tables.SCHEMA`, each of at most `MOST_ROWS` rows, in the order of
    time.

    Equal shops give equal rows. Switching a barrier changes nothing in the rows of visitors who never meet
    it.
    """
    for rows in ordered_rows(shop):
        yield to_table(shop, rows)
