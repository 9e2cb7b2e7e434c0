"""Crawlers of the example shop: long runs of pages without a single event of a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afterclick.app.demo.agents import CRAWLERS, FIRST_CRAWLER
from afterclick.app.demo.catalogue import CATEGORIES
from afterclick.app.demo.draws import quarters, uniform
from afterclick.app.demo.pages import COLOUR_0, HOME, LIST_0, PRODUCT_0
from afterclick.app.demo.plan import DAY
from afterclick.app.demo.rows import NONE, Rows
from afterclick.app.demo.shop import Shop
from afterclick.app.demo.slots import NO_EVENT, PAGE

_FIRST_KEY = np.uint64(1 << 62)
_FIRST_DEVICE = 1 << 40
_RUN = 400
_GREEDIEST_MOST, _GREEDIEST_RATE = 40_000, 0.01
_PAGE_PAUSE = 1_500_000


@dataclass(frozen=True, kw_only=True)
class Crawls:
    """Runs of at most `_RUN` pages by one crawler, by instant: `starts_at` in µs since the period's start."""

    number: NDArray[np.int64]
    crawler: NDArray[np.int64]
    pages: NDArray[np.int64]
    starts_at: NDArray[np.int64]

    def between(self, low: int, high: int) -> Crawls:
        """The runs that start in [low, high)."""
        which = slice(*np.searchsorted(self.starts_at, (low, high)))
        return Crawls(
            number=self.number[which],
            crawler=self.crawler[which],
            pages=self.pages[which],
            starts_at=self.starts_at[which],
        )


def plan_crawls(shop: Shop) -> Crawls:
    """All runs of the period: they add up to `Shop.bot_events` pages, one crawler making the most of them."""
    total = shop.bot_events
    greediest = min(_GREEDIEST_MOST, round(shop.events * _GREEDIEST_RATE), total)
    pages, crawler = _runs(greediest, _RUN), [0] * len(_runs(greediest, _RUN))
    for number, size in enumerate(_shares(shop.seed, total - greediest), start=1):
        runs = _runs(size, 120)
        pages += runs
        crawler += [number] * len(runs)
    at = np.arange(len(pages), dtype=np.uint64)
    longest = _RUN * 2 * _PAGE_PAUSE
    starts_at = (uniform(shop.seed, "crawl", at) * (shop.days * DAY - longest)).astype(np.int64)
    order = np.argsort(starts_at, kind="stable")
    return Crawls(
        number=at.astype(np.int64)[order],
        crawler=np.array(crawler, dtype=np.int64)[order],
        pages=np.array(pages, dtype=np.int64)[order],
        starts_at=starts_at[order],
    )


def _runs(pages: int, most: int) -> list[int]:
    whole, rest = divmod(pages, most)
    return [most] * whole + ([rest] if rest else [])


def _shares(seed: int, pages: int) -> list[int]:
    """How many pages each of the lesser crawlers takes: dozens to thousands."""
    sizes = []
    drawn = 0
    while pages > 0:
        u = float(uniform(seed, "crawler size", np.array([drawn], dtype=np.uint64))[0])
        size = min(pages, int(40 * 60**u))
        sizes.append(size)
        pages -= size
        drawn += 1
    return sizes


def write_crawls(shop: Shop, crawls: Crawls) -> Rows:
    """The rows of these runs, run by run."""
    run = np.repeat(np.arange(len(crawls.pages)), crawls.pages)
    step = np.arange(len(run)) - np.repeat(np.cumsum(crawls.pages) - crawls.pages, crawls.pages)
    key = _FIRST_KEY + (crawls.number[run] * (_RUN + 1) + step).astype(np.uint64)
    pause, what, which, load = quarters(shop.seed, "crawling", key)
    waited = np.cumsum(((0.5 + 1.5 * pause) * _PAGE_PAUSE).astype(np.int64))
    since = waited - waited[np.flatnonzero(step == 0)][run] if len(run) else waited
    product = (which * (COLOUR_0 - PRODUCT_0)).astype(np.int32)
    listing = (which * len(CATEGORIES)).astype(np.int32)
    page = np.where(what < 0.8, PRODUCT_0 + product, np.where(what < 0.97, LIST_0 + listing, HOME)).astype(
        np.int32
    )
    crawler, rows = crawls.crawler[run], len(run)

    def nothing(kind: type[np.generic]) -> NDArray[Any]:
        return np.full(rows, NONE).astype(kind)

    return Rows(
        at=crawls.starts_at[run] + since,
        key=key,
        visit=key,
        device=_FIRST_DEVICE + crawler,
        visitor=nothing(np.int64),
        type=np.full(rows, PAGE, dtype=np.int8),
        event=np.full(rows, NO_EVENT, dtype=np.int8),
        url=page,
        click=np.zeros(rows, dtype=bool),
        referrer=nothing(np.int32),
        title=page,
        agent=(FIRST_CRAWLER + crawler % len(CRAWLERS)).astype(np.int16),
        product=nothing(np.int16),
        category=nothing(np.int8),
        quantity=np.zeros(rows, dtype=np.uint8),
        coupon=nothing(np.int8),
        word=nothing(np.int16),
        load=(400 + 500 * load).astype(np.int32),
        revenue=nothing(np.int64),
        basket=np.zeros(rows, dtype=np.uint64),
        email=np.zeros(rows, dtype=bool),
        app=np.zeros(rows, dtype=bool),
    )
