"""All addresses of the example shop in one list, and its ways in as columns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from afterclick.app.demo.catalogue import CATEGORIES, PER_CATEGORY
from afterclick.app.demo.draws import choice_table
from afterclick.app.demo.entries import CLICK_KEYS, Entry, entries
from afterclick.app.demo.pages import LIST_0, LISTING, PRODUCT_0, kind_of, pages
from afterclick.app.demo.sources import SOURCES


@dataclass(frozen=True, kw_only=True)
class Site:
    """Every address, once, and the columns of the ways in.

    `addresses` holds pages (codes below `pages`), landing addresses and foreign pages; `titles` go with the
    pages, `payment` are the pages people pay on. One entry per way in: `url` (-1 = the page's own address),
    `page` (-1 = a product of the visitor's choice), `kind`, `category` (-1 = any), `click` (ends in a click
    id), `referrer` and `mobile_referrer` (-1 = none). `tables` picks a way by source and category of
    interest; row `WEAK_LANDING` stands behind the sources.
    """

    addresses: list[str]
    titles: list[str]
    url: NDArray[np.int32]
    page: NDArray[np.int32]
    kind: NDArray[np.int8]
    category: NDArray[np.int8]
    click: NDArray[np.bool_]
    referrer: NDArray[np.int32]
    mobile_referrer: NDArray[np.int32]
    payment: NDArray[np.int32]
    tables: NDArray[np.int16]

    @property
    def pages(self) -> int:
        """How many addresses are pages of the shop without tags."""
        return len(self.titles)


WEAK_LANDING = len(SOURCES)
PAYMENT_HOSTS = ("https://pay.toss.im/", "https://online-payment.kakaopay.com/", "https://stdpay.inicis.com/")


class _Addresses:
    """A list of distinct texts and their places."""

    def __init__(self, texts: list[str]) -> None:
        self.texts = list(texts)
        self.places = {text: place for place, text in enumerate(texts)}

    def code(self, text: str) -> int:
        if not text:
            return -1
        if text not in self.places:
            self.places[text] = len(self.texts)
            self.texts.append(text)
        return self.places[text]


def _landing(entry: Entry, own: list[str]) -> str:
    tags = "&".join(part for part in (entry.tags, CLICK_KEYS[entry.click]) if part)
    return f"{own[entry.page]}?{tags}" if tags else ""


def _category(entry: Entry) -> int:
    if entry.category >= 0:
        return entry.category
    if kind_of(entry.page) == LISTING:
        return entry.page - LIST_0
    return (entry.page - PRODUCT_0) // PER_CATEGORY if entry.page >= PRODUCT_0 else -1


def _ways_for(ways: list[Entry], category: int) -> NDArray[np.int16]:
    """The choice among the ways of a source for people interested in a category: no other ad fits."""
    weight = np.array([way.weight for way in ways])
    about = np.array([_category(way) for way in ways])
    fits = about == category
    if fits.any():
        # All advertised ways together weigh the same for everyone, so the mix of pages stays.
        weight[fits] *= weight[about >= 0].sum() / weight[fits].sum()
    weight[(about >= 0) & ~fits] = 0
    return choice_table(list(weight))


@lru_cache(maxsize=1)
def site() -> Site:
    """The shop's site; it depends on no parameter."""
    own, titles = pages()
    addresses = _Addresses(own)
    ways = entries()
    listed = [entry for key in (*(s.key for s in SOURCES), "weak_landing") for entry in ways[key]]
    tables, first = [], 0
    for key in (*(s.key for s in SOURCES), "weak_landing"):
        tables.append([_ways_for(ways[key], category) + first for category in range(len(CATEGORIES))])
        first += len(ways[key])
    referrer = [addresses.code(entry.referrer) for entry in listed]
    mobile = [addresses.code(entry.mobile_referrer) if entry.mobile_referrer else r
              for entry, r in zip(listed, referrer, strict=True)]  # fmt: skip
    url = [addresses.code(_landing(entry, own)) for entry in listed]
    payment = [addresses.code(host) for host in PAYMENT_HOSTS]
    return Site(
        addresses=addresses.texts,
        titles=titles,
        url=np.array(url, dtype=np.int32),
        page=np.array([entry.page for entry in listed], dtype=np.int32),
        kind=np.array([kind_of(entry.page) for entry in listed], dtype=np.int8),
        category=np.array([_category(entry) for entry in listed], dtype=np.int8),
        click=np.array([entry.click > 0 for entry in listed]),
        referrer=np.array(referrer, dtype=np.int32),
        mobile_referrer=np.array(mobile, dtype=np.int32),
        payment=np.array(payment, dtype=np.int32),
        tables=np.array(tables, dtype=np.int16),
    )
