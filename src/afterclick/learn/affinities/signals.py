"""Signals of what visitors lean to: views, wish lists, search words, baskets and orders, each with its strength."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import numpy as np

from afterclick.analyse.measures import Measures
from afterclick.analyse.product_lines import Lines, lines_of, product_codes
from afterclick.analyse.words import SEARCH_EVENT, typed_words
from afterclick.core.money import SCALE
from afterclick.learn.affinities.products import PRICE, Attribute
from afterclick.learn.affinities.strengths import BASKET, ORDER, SEARCH, VIEW, WISH, Weights, strengths

EVENTS: Final = {"Product Viewed": VIEW, "Product Added to Wishlist": WISH, "Product Added": BASKET}
_LISTS: Final = ("Product List Viewed", SEARCH_EVENT)
_LIST_PAGE: Final = re.compile(r"/(search|category|categories|collections?|c)(/|$)", re.IGNORECASE)
_MAIN: Final = "/"
NONE, LED, HOME = range(3)


class Signals(NamedTuple):
    """One row per signal of a known visitor: visitor int64 (label), value int64, action int8 (see ACTIONS), at int64 µs,
    strength int64 in parts of UNIT."""

    visitor: np.ndarray
    value: np.ndarray
    action: np.ndarray
    at: np.ndarray
    strength: np.ndarray


def signals_of(m: Measures, of: Attribute, name: str, weights: Weights, end: int) -> Signals:
    """Every signal of the range about one attribute; ages are counted from `end` (µs).

    A view counts more where the last list, search or main page before it in the same visit was a list or a search. An
    order counts once for each product in it.
    """
    visitor, value, action, at, found = _events(m, of)
    order = _orders(m, of, name)
    words = _searches(m, of)
    visitor, value, at = (np.concatenate([a, b, c]) for a, b, c in zip((visitor, value, at), order, words, strict=True))
    action = np.concatenate([action, np.full(len(order[0]), ORDER, np.int8), np.full(len(words[0]), SEARCH, np.int8)])
    found = np.concatenate([found, np.zeros(len(order[0]) + len(words[0]), bool)])
    strength = strengths(weights, action, found, np.maximum(end - at, 0))
    return Signals(visitor.astype(np.int64), value.astype(np.int64), action, at, strength)


_Columns = tuple[np.ndarray, np.ndarray, np.ndarray]
"""visitor, value, at."""


def _events(m: Measures, of: Attribute) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    context, rows = m.scope.context, m.sessions.rows
    canonical = context.names()[0]
    kind = np.array([EVENTS.get(name, -1) for name in canonical] or [-1], np.int8)
    places = np.flatnonzero(m.row_mask)
    number = rows.rows_at(places)
    action = kind[context.column("name")[number]]
    kept = np.flatnonzero((action >= 0) & (of.of_row[number] >= 0))
    places, number, action = places[kept], number[kept], action[kept]
    found = led(m)[places] & (action == VIEW)
    return rows.owners()[places], of.of_row[number], action, rows.at[places], found


def led(m: Measures) -> np.ndarray:
    """Per gathered row whether the last list, search or main page up to it in its visit was a list or a search; bool."""
    context, rows = m.scope.context, m.sessions.rows
    leads = np.zeros(max(len(context.names()[0]), 1), np.uint8)
    for event in _LISTS:
        leads[context.name_codes(event)] = LED
    pages = np.array(
        [LED if _LIST_PAGE.match(path) else HOME if path == _MAIN else NONE for path in context.texts("path")] or [NONE],
        np.uint8,
    )
    number = rows.rows
    path = context.column("path")[number]
    mark = leads[context.column("name")[number]]
    mark = np.where((mark == NONE) & (path >= 0), pages[np.maximum(path, 0)], mark)
    last = np.maximum.accumulate(np.where(mark != NONE, np.arange(len(mark)), -1))
    begins = np.zeros(len(mark), np.int64)
    begins[m.sessions.first] = m.sessions.first
    begins = np.maximum.accumulate(begins)
    result: np.ndarray = (last >= begins) & (mark[np.maximum(last, 0)] == LED) if len(mark) else np.zeros(0, bool)
    return result


def _orders(m: Measures, of: Attribute, name: str) -> _Columns:
    """Orders of known visitors by the values of the products in them, each value of an order once."""
    orders = m.orders
    sold = np.flatnonzero(m.order_mask & ~orders.refund & (orders.visitor >= 0))
    lines = lines_of(m.scope.context, orders, sold)
    value = _of_lines(m, of, name, lines)
    pairs = np.unique(np.stack([lines.place[value >= 0], value[value >= 0]]), axis=1) if len(value) else np.zeros((2, 0), int)
    place = pairs[0].astype(np.int64)
    return orders.visitor[place].astype(np.int64), pairs[1].astype(np.int64), orders.at[place]


def _of_lines(m: Measures, of: Attribute, name: str, lines: Lines) -> np.ndarray:
    _, ids = product_codes(m.scope.context)
    known = {text: code for code, text in enumerate(ids)}
    table: np.ndarray = np.array([of.of_product[known[text]] if text in known else -1 for text in lines.ids] or [-1], np.int64)
    value = table[lines.product]
    if name == PRICE:
        paid = of.level(lines.amount / np.maximum(lines.units, 1) / SCALE)
        value = np.where(value >= 0, value, paid)
    result: np.ndarray = value
    return result


def _searches(m: Measures, of: Attribute) -> _Columns:
    """Searches whose words name a value, whole or as one of their words."""
    codes, words = typed_words(m.scope.context)
    rows = m.sessions.rows
    values = {text.casefold(): number for number, text in enumerate(of.values)}
    named = np.array([_named(word, values) for word in words] or [-1], np.int64)
    places = np.flatnonzero(m.row_mask)
    said = codes[rows.rows_at(places)]
    value = np.where(said >= 0, named[np.maximum(said, 0)], -1)
    kept = np.flatnonzero(value >= 0)
    return rows.owners()[places[kept]].astype(np.int64), value[kept], rows.at[places[kept]]


def _named(words: str, values: dict[str, int]) -> int:
    text = words.casefold()
    if text in values:
        return values[text]
    return next((values[word] for word in text.split() if word in values), -1)
