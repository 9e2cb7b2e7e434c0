"""Paths: the way visitors go step by step, whole paths, moves and ways back, how far the order is, and searches."""

from __future__ import annotations

from afterclick.analyse.paths.paths import Paths
from afterclick.analyse.paths.search_terms import SearchTerms
from afterclick.analyse.paths.transitions import Transitions
from afterclick.surfaces.viz import paths
from afterclick.surfaces.web.page import SCOPE, Card, Page, scoped

PAGE = Page(
    name="paths",
    path="/paths",
    group="understand",
    kind=Paths,
    # The other side of a comparison is a field of the question: the period before, or a condition.
    controls=SCOPE - {"compare"},
    asks=True,
    cards={
        "columns": Card(paths.columns, title="paths.columns"),
        "whole": Card(paths.whole, table="paths", title="paths.wholes"),
        "moves": Card(paths.moves, ask=Transitions.beside, title="paths.moves"),
        "loops": Card(paths.loops, ask=Transitions.beside, table="loops", title="paths.loops", half=True),
        "nodes": Card(paths.nodes, ask=Transitions.beside, table="nodes", title="paths.nodes", half=True),
        "searches": Card(paths.searches, ask=lambda spec: scoped(SearchTerms, spec), title="paths.searches"),
    },
    exports={"links": "paths.links"},
    marks=("start", "end", "exclude", "group"),
    sheets=("paths",),
)
