"""The list of visitors, and the page of each."""

from __future__ import annotations

from typing import Any

from afterclick.analyse import opening
from afterclick.analyse.visitor import Visitor
from afterclick.analyse.visitors_list import Visitors
from afterclick.learn.affinities.affinities import Affinities
from afterclick.surfaces.viz import visitor, visitors
from afterclick.surfaces.viz.affinities import leanings
from afterclick.surfaces.web.page import SCOPE, Card, Page, plain, scoped


def _everyone(spec: Any) -> Visitors:
    return scoped(Visitors, spec)


def _category(spec: Any) -> Affinities:
    return Affinities.of_visitor(spec, "category")


def _price(spec: Any) -> Affinities:
    return Affinities.of_visitor(spec, "price")


PAGE = Page(
    name="visitors",
    path="/visitors",
    group="understand",
    kind=Visitors,
    controls=SCOPE - {"compare"},
    sheets=("touchpoint",),
    cards={"list": Card(plain(visitors.listed), title="visitors.list", bare=True)},
)

VISITOR = Page(
    name="visitor",
    path="/visitor",
    group="",
    under="visitors",
    kind=Visitor,
    controls=frozenset({"range", "bots", "identity"}),
    inner="id",
    start=opening.visitor(),
    sheets=("touchpoint", "lists", "wide", "personas"),
    cards={
        "summary": Card(plain(visitor.summary), bare=True),
        "timeline": Card(plain(visitor.timeline), title="visitor.timeline", bare=True),
        "category": Card(plain(leanings), ask=_category, title="affinities.one_category", half=True, bare=True),
        "price": Card(plain(leanings), ask=_price, title="affinities.one_price", half=True, bare=True),
        "ids": Card(plain(visitor.ids), table="ids", title="visitor.ids", half=True, bare=True),
        "stitches": Card(plain(visitor.stitches), table="stitches", title="visitor.stitches", half=True, bare=True),
    },
    opening={"list": Card(plain(visitors.listed), ask=_everyone, title="visitors.list", bare=True)},
)
