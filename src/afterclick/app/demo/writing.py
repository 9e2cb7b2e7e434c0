"""Decided visits are written out as rows: when each thing happened, on which page, with what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afterclick.app.demo import slots
from afterclick.app.demo.agents import agent_of
from afterclick.app.demo.catalogue import PER_CATEGORY, unpack
from afterclick.app.demo.draws import Counters, bell, quarters
from afterclick.app.demo.outline import Outline
from afterclick.app.demo.pages import LIST_0, LISTING, MESSAGE_TITLES, PRODUCT_0
from afterclick.app.demo.plan import DAY
from afterclick.app.demo.rows import NONE, Rows
from afterclick.app.demo.shop import SLOW_LOAD_FACTOR, Shop
from afterclick.app.demo.site import site
from afterclick.app.demo.slots import AT, CELL_OF, EVENT, EVENT_OF, IS_PAGE, LATER, PAGE_OF, TYPE
from afterclick.app.demo.sources import DEVICES, EMAIL, OWN_APP

_TIE_RATE = 0.003
_LONGEST_PAUSE = np.float32(17 * 60e6)
_LOAD_PHONE, _LOAD_DESKTOP, _LOAD_SPREAD = 1500.0, 850.0, 0.14


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where each row stands: `v` its visit, `s` its slot, `cell` (NONE outside browsing), `key` its counter.

    `opens` is the place in the list of page rows of the page a row happens on, NONE before the first page.
    """

    v: NDArray[np.int64]
    s: NDArray[np.int64]
    cell: NDArray[np.int64]
    key: Counters
    is_page: NDArray[np.bool_]
    opens: NDArray[np.int64]
    first: NDArray[np.int64]


def _places(plan: Outline) -> _Place:
    flat = np.flatnonzero(plan.filled)
    v, s = np.divmod(flat, slots.COUNT)
    is_page = IS_PAGE[s]
    starts = np.ones(len(v), dtype=bool)
    starts[1:] = v[1:] != v[:-1]
    opens = np.cumsum(is_page) - 1
    before_landing = s < slots.LANDING
    return _Place(
        v=v,
        s=s,
        cell=CELL_OF[s].astype(np.int64),
        key=plan.visits.counter[v] + s.astype(np.uint64),
        is_page=is_page,
        opens=np.where(before_landing | LATER[s], NONE, opens),
        first=np.maximum.accumulate(np.where(starts, np.arange(len(v)), 0)),
    )


def _loads(shop: Shop, plan: Outline, at: _Place) -> NDArray[np.int32]:
    """Milliseconds each page took to load, NONE where the row is no page of the web."""
    usual = np.where(plan.seen.on_phone, np.float32(_LOAD_PHONE), np.float32(_LOAD_DESKTOP))[at.v]
    slow = (at.cell >= 0) & plan.seen.slow[at.v, at.cell]
    wobble = bell(shop.seed, "load", at.key) * np.float32(_LOAD_SPREAD)
    load = usual * np.where(slow, np.float32(SLOW_LOAD_FACTOR), np.float32(1)) * np.exp(wobble)
    on_web = at.is_page & (plan.visits.device != OWN_APP)[at.v]
    return np.where(on_web, load, NONE).astype(np.int32)


def _instants(shop: Shop, plan: Outline, at: _Place, load: NDArray[np.int32]) -> NDArray[np.int64]:
    """When each row happened, in µs since the period's start."""
    tie, _, _, _ = quarters(shop.seed, "tie", at.key)
    pause = np.exp(slots.PAUSE[at.s] + slots.SPREAD[at.s] * bell(shop.seed, "pause", at.key))
    pause = np.minimum(pause, _LONGEST_PAUSE).astype(np.int64)
    # The event of a page is sent when the page has loaded; its row follows the page's.
    loaded = np.flatnonzero(slots.IS_CELL_TRACK[at.s])
    pause[loaded] += np.maximum(load[loaded - 1], 0).astype(np.int64) * 1000
    pause[LATER[at.s] | ((tie < _TIE_RATE) & ~at.is_page)] = 0
    waited = np.cumsum(pause)
    since: NDArray[np.int64] = waited - waited[at.first]
    # A visit that would run past the end of the period started a little earlier instead.
    last = np.flatnonzero(np.diff(at.v, append=-1) != 0)
    starts_at = plan.visits.starts_at.copy()
    visit = at.v[last]
    starts_at[visit] = np.minimum(starts_at[visit], shop.days * DAY - 1 - since[last])
    happened: NDArray[np.int64] = starts_at[at.v] + since
    return happened


def _pages(plan: Outline, at: _Place) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Address, bare page and referrer of each row."""
    in_cell = at.cell >= 0
    page = np.where(in_cell, plan.seen.page[at.v, at.cell], PAGE_OF[at.s])
    url = np.where(in_cell, plan.seen.url[at.v, at.cell], page)
    landing = (at.s == AT["clicked"]) | ((at.s == AT["identify"]) & (plan.visits.source == EMAIL)[at.v])
    url = np.where(landing, plan.seen.url[at.v, 0], url)
    title = np.where(landing, plan.seen.page[at.v, 0], page)

    ways = site()
    opened = np.flatnonzero(at.is_page)
    came_from = np.empty(len(opened), dtype=np.int32)
    came_from[1:] = page[opened[:-1]]
    entry = plan.seen.entry[at.v[opened]]
    outside = np.where(plan.seen.on_phone[at.v[opened]], ways.mobile_referrer[entry], ways.referrer[entry])
    came_from = np.where(at.s[opened] == slots.LANDING, outside, came_from)
    paid_at = plan.visits.visitor[at.v[opened]] % 9
    back = (at.s[opened] == AT["complete_page"]) & (paid_at < len(ways.payment))
    came_from = np.where(back, ways.payment[np.minimum(paid_at, len(ways.payment) - 1)], came_from)
    known = (at.opens >= 0) & (plan.visits.device != OWN_APP)[at.v]
    referrer = np.where(known, came_from[np.maximum(at.opens, 0)] if len(opened) else NONE, NONE)
    return url.astype(np.int32), title.astype(np.int32), referrer.astype(np.int32)


def _orders(plan: Outline, at: _Place, rows: dict[str, NDArray[Any]]) -> None:
    """Fills in what the basket and checkout slots carry."""
    bought = plan.bought
    place = np.full(len(plan.visits), NONE, dtype=np.int64)
    place[bought.visit] = np.arange(len(bought.visit))
    late = np.flatnonzero(at.s >= AT["cart_page"])
    s, b = at.s[late], place[at.v[late]]

    def put(slot: str, column: str, values: NDArray[Any]) -> None:
        here = s == AT[slot]
        rows[column][late[here]] = values[b[here]]

    denied = np.where(bought.denied, EVENT["Coupon Denied"], EVENT["Coupon Applied"])
    denied_again = np.where(bought.denied_again, EVENT["Coupon Denied"], EVENT["Coupon Applied"])
    put("coupon_result", "event", denied)
    put("coupon_again_result", "event", denied_again)
    for slot in ("coupon", "coupon_result", "coupon_again", "coupon_again_result"):
        put(slot, "coupon", bought.coupon)
    product, _ = unpack(bought.basket)
    put("order", "coupon", np.where(bought.applied, bought.coupon, NONE))
    put("order", "revenue", bought.revenue)
    put("order", "basket", bought.basket)
    put("refund", "revenue", bought.refunded)
    put("refund", "basket", bought.refund)
    put("removed", "product", bought.removed)
    put("removed", "quantity", bought.removed_quantity)
    put("review", "product", product[:, 0])
    put("review", "url", PRODUCT_0 + product[:, 0])
    put("review", "title", PRODUCT_0 + product[:, 0])
    for slot, after in (("review", bought.review_after), ("refund", bought.refund_after)):
        put(slot, "at", plan.visits.starts_at[bought.visit] + after)


def write_rows(shop: Shop, plan: Outline) -> Rows:
    """The rows of these visits, visit by visit, in the order they happened."""
    at, visits, seen = _places(plan), plan.visits, plan.seen
    load = _loads(shop, plan, at)
    url, title, referrer = _pages(plan, at)
    app = (visits.device == OWN_APP)[at.v]
    tracked = (at.cell >= 0) & ~at.is_page
    product = np.where(tracked, seen.product[at.v, at.cell], NONE)
    kind = seen.kind[at.v, at.cell]
    event = np.where(slots.IS_CELL_TRACK[at.s], slots.TRACK_OF_KIND[kind], EVENT_OF[at.s])
    message = (at.s == AT["opened"]) | (at.s == AT["clicked"])
    mailed = message & (visits.source == EMAIL)[at.v]
    signed_in = visits.known[at.v] | mailed | (visits.login[at.v] & (at.s >= AT["signed_up"]))
    opened = np.where(message, len(site().titles) + seen.entry[at.v] % MESSAGE_TITLES, title)
    columns: dict[str, NDArray[Any]] = {
        "at": _instants(shop, plan, at, load),
        "key": at.key,
        "visit": visits.counter[at.v],
        "device": np.where(
            mailed, NONE, visits.visitor.astype(np.int64)[at.v] * DEVICES + visits.device[at.v]
        ),
        "visitor": np.where(signed_in, visits.visitor.astype(np.int64)[at.v], NONE),
        "type": np.where(at.is_page & app, slots.SCREEN, TYPE[at.s]),
        "event": event.astype(np.int8),
        "url": url,
        "click": (at.cell == 0) & site().click[seen.entry][at.v],
        "referrer": referrer,
        "title": opened.astype(np.int32),
        "agent": np.where(
            mailed | (at.s == AT["refund"]), NONE, agent_of(visits, plan.who, seen.on_phone)[at.v]
        ),
        "product": product.astype(np.int16),
        "quantity": np.where(slots.IS_CELL_ADD[at.s], seen.quantity[at.v, at.cell], 0).astype(np.uint8),
        "coupon": np.full(len(at.v), NONE, dtype=np.int8),
        "word": np.where(slots.IS_CELL_TRACK[at.s], seen.word[at.v, at.cell], NONE).astype(np.int16),
        "load": load,
        "revenue": np.full(len(at.v), NONE, dtype=np.int64),
        "basket": np.zeros(len(at.v), dtype=np.uint64),
        "email": (at.s == AT["identify"]) | (at.s == AT["signed_up"]),
        "app": app,
    }
    _orders(plan, at, columns)
    listed = slots.IS_CELL_TRACK[at.s] & (kind == LISTING)
    of_product = np.where(columns["product"] >= 0, columns["product"] // PER_CATEGORY, NONE)
    columns["category"] = np.where(listed, seen.page[at.v, at.cell] - LIST_0, of_product).astype(np.int8)
    return Rows(**columns)
