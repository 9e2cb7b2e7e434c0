"""Search words: those that brought a visit here from outside, and those typed into the site's own search."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from afterclick.analyse.context import Context
from afterclick.analyse.fields import touch_field
from afterclick.analyse.measures import Measures
from afterclick.core.arrays import frozen

SEARCH_PROPERTIES: Final = ("query", "search_term", "search_query", "keyword", "search_string", "q")
"""Properties that hold what was typed into a search, of an event about searching; the first that is there counts."""
SEARCH_EVENT: Final = "Products Searched"
_ABOUT: Final = "search"

OUTSIDE, SEARCHED, TYPED = "outside", "searched", "typed"


class Words(NamedTuple):
    """Visits (session numbers, ascending, distinct per word) by word; `where` is outside, searched or typed."""

    where: str
    word: str
    sessions: np.ndarray


def typed_words(context: Context) -> tuple[np.ndarray, list[str]]:
    """Per global row the code of the word searched for in it (int32, -1 none), with the words, trimmed, case kept."""

    def make() -> tuple[np.ndarray, list[str]]:
        canonical, raw = context.names()
        about = [
            one == SEARCH_EVENT or _ABOUT in one.casefold() or _ABOUT in other.casefold() or "검색" in other
            for one, other in zip(canonical, raw, strict=True)
        ]
        searches = np.array(about, bool)
        codes = np.full(context.snapshot.rows, -1, np.int32)
        words: dict[str, int] = {}
        if not searches.any():
            return frozen(codes), []
        rows = np.flatnonzero(searches[context.column("name")])
        for name in SEARCH_PROPERTIES:
            column = f"p.{name}"
            if context.snapshot.column_kind(column) != "coded":
                continue
            texts = [text.strip() for text in context.texts(column)]
            lookup = np.array([words.setdefault(text, len(words)) if text else -1 for text in texts] or [-1], np.int32)
            said = context.column(column)[rows]
            free = (codes[rows] < 0) & (said >= 0)
            codes[rows[free]] = lookup[said[free]]
        return frozen(codes), list(words)

    return context.keep(("typed words",), make)


def outside_words(m: Measures, sessions: np.ndarray) -> list[Words]:
    """The terms under which these sessions came from outside: of a search, or as the campaign parameters name them."""
    lookup, terms = touch_field(m.scope.context, "term")
    touch = m.sessions.touch[sessions]
    code = np.where(touch >= 0, lookup[np.maximum(touch, 0)], -1) if len(lookup) else np.full(len(touch), -1)
    return _grouped(OUTSIDE, code, sessions, terms)


def words_in(m: Measures, where: str, places: np.ndarray, sessions: np.ndarray) -> list[Words]:
    """The words searched for in these gathered rows, which lie in these sessions."""
    codes, words = typed_words(m.scope.context)
    return _grouped(where, codes[m.sessions.rows.rows_at(places)], sessions, words)


def _grouped(where: str, code: np.ndarray, sessions: np.ndarray, texts: list[str]) -> list[Words]:
    said = code >= 0
    pairs = np.unique(np.stack([code[said].astype(np.int64), sessions[said]]), axis=1)
    cuts = np.flatnonzero(np.diff(pairs[0], prepend=-1)) if pairs.shape[1] else np.zeros(0, np.int64)
    parts = np.split(pairs[1], cuts[1:]) if len(cuts) else []
    found = [Words(where, texts[int(pairs[0][cut])], part) for cut, part in zip(cuts, parts, strict=True)]
    return sorted(found, key=lambda one: (-len(one.sessions), one.word))
