"""What people look at in a visit, how long they stay, and what they put into the basket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afterclick.app.demo.catalogue import (
    COLOURS,
    MAX_LINES,
    PER_CATEGORY,
    SLOW_CATEGORY,
    WORDS_PER_CATEGORY,
)
from afterclick.app.demo.draws import Uniforms, chance, place, quarters
from afterclick.app.demo.pages import (
    COLOUR_0,
    LIST_0,
    LISTING,
    PRODUCT,
    PRODUCT_0,
    SEARCH_0,
    SEARCHING,
)
from afterclick.app.demo.plan import Visits
from afterclick.app.demo.shop import LANDING_ADD_FACTOR, LANDING_STAY_FACTOR, SLOW_ADD_FACTOR, Shop
from afterclick.app.demo.site import WEAK_LANDING, site
from afterclick.app.demo.slots import CELL_NUMBERS, CELLS
from afterclick.app.demo.sources import AUTUMN_ADS, CATEGORY_TABLES, INTENT, OWN_APP, SECOND, STAY
from afterclick.app.demo.visitors import Traits

_STAY_BASE, _STAY_INTENT = 0.35, 0.55
_GO_ON_BASE, _GO_ON_INTENT = 1.20, 0.30
_ADD_BASE, _ADD_INTENT = -3.95, 0.75
_WISH_RATE = 0.025
_FAITHFUL_RATE = 0.85


@dataclass(frozen=True, kw_only=True)
class Browsing:
    """The pages of each visit, (visits, `CELLS`), and what drives the rest of it.

    `seen` says which cells exist; `page` is the page without query, `url` the address shown; `slow` marks
    product pages on the web that load slowly; `keen` (visits) is the log-odds that intent adds to every step.
    """

    seen: NDArray[np.bool_]
    kind: NDArray[np.int8]
    page: NDArray[np.int32]
    url: NDArray[np.int32]
    product: NDArray[np.int16]
    word: NDArray[np.int16]
    quantity: NDArray[np.uint8]
    slow: NDArray[np.bool_]
    added: NDArray[np.bool_]
    wished: NDArray[np.bool_]
    entry: NDArray[np.int64]
    on_phone: NDArray[np.bool_]
    keen: Uniforms


def on_phone(visits: Visits, who: Traits) -> NDArray[np.bool_]:
    """Whether a visit is made on a phone, app included; the second device is the other kind."""
    phone: NDArray[np.bool_] = np.where(
        visits.device == SECOND, who.desktop, (visits.device > SECOND) | ~who.desktop
    )
    return phone


def _keen(visits: Visits, who: Traits, phone: NDArray[np.bool_]) -> Uniforms:
    keen: Uniforms = (
        np.float32(0.55) * who.intent
        + INTENT[visits.source]
        + np.float32(0.40) * (visits.ordinal > 0)
        + np.float32(1.10) * who.loyal
        + np.float32(0.30) * ~phone
        + np.float32(0.45) * (visits.device == OWN_APP)
    )
    return keen


@dataclass(frozen=True, kw_only=True)
class _Choices:
    """What stands in the cells seen, one entry per cell."""

    kind: NDArray[np.int8]
    page: NDArray[np.int64]
    url: NDArray[np.int64]
    product: NDArray[np.int64]
    word: NDArray[np.int64]
    quantity: NDArray[np.uint8]
    slow: NDArray[np.bool_]


def _enter(
    shop: Shop, visits: Visits, who: Traits, phone: NDArray[np.bool_], interest: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The way in of each visit. Phones and the less keen are sent to the weak landing pages more often."""
    way, _, _, _ = quarters(shop.seed, "way in", visits.counter)
    # An ad set is shown to the same people each time: coming often shall not mean meeting it more often.
    to_weak = (visits.source == AUTUMN_ADS) & (who.ad_set < 0.40 + 0.16 * phone - 0.04 * who.intent)
    row = np.where(to_weak, WEAK_LANDING, visits.source)
    return site().tables[row, interest, place(way)].astype(np.int64)


def _seen(visits: Visits, keen: Uniforms, go: Uniforms, weak: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which cells are seen: each leads on to the next with a chance that the landing page and intent set."""
    stay = np.empty((len(visits), CELLS), dtype=np.float32)
    factor = np.where(weak, np.float32(LANDING_STAY_FACTOR), np.float32(1))
    stay[:, 0] = chance(_STAY_BASE + _STAY_INTENT * keen + STAY[visits.source]) * factor
    stay[:, 1:] = chance(_GO_ON_BASE + _GO_ON_INTENT * keen)[:, None]
    goes_on = go < stay
    goes_on[:, 0] |= visits.login
    seen = np.ones((len(visits), CELLS), dtype=bool)
    seen[:, 1:] = np.logical_and.accumulate(goes_on[:, :-1], axis=1)
    seen &= ~visits.opens_only[:, None]
    return seen


def _choose(
    shop: Shop,
    visits: Visits,
    *,
    interest: NDArray[np.int64],
    entry: NDArray[np.int64],
    kinds: Uniforms,
    visit: NDArray[np.int64],
    cell: NDArray[np.int64],
) -> _Choices:
    ways = site()
    own, other, item, pieces = quarters(shop.seed, "choice", visits.counter[visit] + cell.astype(np.uint64))
    category = CATEGORY_TABLES[visits.source[visit], place(other)]
    # Nobody strays into the slow category: seeing many pages shall not mean meeting it more often.
    strays = (own > _FAITHFUL_RATE) & (category != SLOW_CATEGORY)
    category = np.where(strays, category, interest[visit]).astype(np.int64)
    kind = np.where(kinds < 0.56, PRODUCT, np.where(kinds < 0.85, LISTING, SEARCHING)).astype(np.int8)
    # The first cell is the landing page, which the way in may fix.
    first = np.flatnonzero(cell == 0)
    way = entry[visit[first]]
    landing = ways.page[way]
    category[first] = interest[visit[first]]
    kind[first] = ways.kind[way]
    product = category * PER_CATEGORY + (item * item * PER_CATEGORY).astype(np.int64)
    product[first] = np.where(landing >= PRODUCT_0, landing - PRODUCT_0, product[first])
    word = category * WORDS_PER_CATEGORY + (item * WORDS_PER_CATEGORY).astype(np.int64)
    is_product = kind == PRODUCT
    page = np.where(kind == LISTING, LIST_0 + category, SEARCH_0 + word)
    page[is_product] = PRODUCT_0 + product[is_product]
    page[first] = np.where(landing >= 0, landing, page[first])
    colour = COLOUR_0 + product * len(COLOURS) + (pieces * 9999).astype(np.int64) % len(COLOURS)
    url = np.where(is_product, colour, page)
    tagged = ways.url[way]
    url[first] = np.where(tagged >= 0, tagged, np.where(landing >= 0, landing, url[first]))
    slow = is_product & (category == SLOW_CATEGORY) & (visits.device[visit] != OWN_APP)
    return _Choices(
        kind=kind,
        page=page,
        url=url,
        product=np.where(is_product, product, -1),
        word=np.where(kind == SEARCHING, word, -1),
        quantity=(1.0 + (pieces > 0.88) + (pieces > 0.975)).astype(np.uint8),
        slow=slow & ("slow_product_page" in shop.barriers),
    )


def browse(shop: Shop, visits: Visits, who: Traits) -> Browsing:
    """The browsing part of these visits.

    Each decision has a uniform of its own, fixed by visitor, visit and cell; a barrier only moves the
    threshold it is compared with, so that whoever does not meet it does exactly the same with and without it.
    """
    phone = on_phone(visits, who)
    keen = _keen(visits, who, phone)
    go, kinds, add, wish = quarters(shop.seed, "browse", visits.counter[:, None] + CELL_NUMBERS)
    interest = CATEGORY_TABLES[visits.source, place(who.focus)].astype(np.int64)
    entry = _enter(shop, visits, who, phone, interest)
    weak = (entry >= site().tables[WEAK_LANDING, 0, 0]) & ("weak_landing_page" in shop.barriers)
    seen = _seen(visits, keen, go, weak)
    visit, cell = np.nonzero(seen)
    chosen = _choose(shop, visits, interest=interest, entry=entry, kinds=kinds[seen], visit=visit, cell=cell)

    likely = chance(_ADD_BASE + _ADD_INTENT * keen)
    likely *= np.where(weak, np.float32(LANDING_ADD_FACTOR), np.float32(1))
    added = add[seen] < likely[visit] * np.where(chosen.slow, np.float32(SLOW_ADD_FACTOR), np.float32(1))

    def spread(values: NDArray[Any], kind: type[np.generic], fill: int = 0) -> NDArray[Any]:
        cells = np.full((len(visits), CELLS), fill, dtype=kind)
        cells[visit, cell] = values
        return cells

    basket = spread(added & (chosen.product >= 0), np.bool_)
    basket &= np.cumsum(basket, axis=1, dtype=np.int8) <= MAX_LINES
    return Browsing(
        seen=seen,
        kind=spread(chosen.kind, np.int8),
        page=spread(chosen.page, np.int32),
        url=spread(chosen.url, np.int32),
        product=spread(chosen.product, np.int16, -1),
        word=spread(chosen.word, np.int16, -1),
        quantity=spread(chosen.quantity, np.uint8),
        slow=spread(chosen.slow, np.bool_),
        added=basket,
        wished=spread((wish[seen] < _WISH_RATE) & (chosen.product >= 0), np.bool_),
        entry=entry,
        on_phone=phone,
        keen=keen,
    )
