"""Searches on the site and terms outside as relations: what was looked for, what came of it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

import numpy as np

from afterclick.analyse.context import Context
from afterclick.analyse.fields import touch_field
from afterclick.analyse.measures import Measures
from afterclick.analyse.points import Points, points_of
from afterclick.analyse.words import typed_words
from afterclick.core.arrays import frozen
from afterclick.store.columns import Flag

RESULT_COUNTS: Final = ("results", "result_count", "results_count", "num_results", "number_of_results", "total_results", "hits")
"""Properties of a search that say how much it found; the first that is there counts."""
EMPTY, REFINED, LEFT, WENT_ON = 0, 1, 2, 3
"""What came of a search: it found nothing; other words came next; nothing came next; something else did."""
_ABOUT: Final = re.compile(r"search|검색|query", re.I)
_ACT: Final = int(Flag.PAGE | Flag.QUALIFYING | Flag.ORDER)
_PAGE: Final = int(Flag.PAGE)


def normalised(text: str) -> str:
    """Words as they are told apart: composed (NFC), without spaces at the ends or several in a row, in lower case."""
    return unicodedata.normalize("NFC", " ".join(unicodedata.normalize("NFC", text).split()).lower())


def typed_codes(context: Context) -> tuple[np.ndarray, list[str]]:
    """Per global row the code of the normalised words searched for in it (int32, -1 none), with the words, ascending."""

    def make() -> tuple[np.ndarray, list[str]]:
        codes, texts = typed_words(context)
        lookup, words = coded([normalised(text) for text in texts])
        return frozen(np.where(codes >= 0, lookup[np.maximum(codes, 0)], -1).astype(np.int32)) if texts else codes, words

    return context.keep(("typed codes",), make)


def coded(texts: list[str]) -> tuple[np.ndarray, list[str]]:
    """The code of each text among the distinct ones that are not empty (-1 for an empty one), and those, ascending."""
    words = sorted({text for text in texts if text})
    place = {word: number for number, word in enumerate(words)}
    return np.array([place.get(text, -1) for text in texts] or [-1], np.int32), words


def found_counts(context: Context, rows: np.ndarray) -> np.ndarray:
    """How much the searches in these global rows found, float64, NaN where they do not say."""
    found = np.full(len(rows), np.nan)
    for name in RESULT_COUNTS:
        column = f"p.{name}"
        kind = context.snapshot.column_kind(column)
        if kind == "number":
            said = context.column(column)[rows]
        elif kind == "coded":
            numbers = np.array([_number(text) for text in context.texts(column)] or [np.nan])
            codes = context.column(column)[rows]
            said = np.where(codes >= 0, numbers[np.maximum(codes, 0)], np.nan)
        else:
            continue
        found = np.where(np.isnan(found), said, found)
    return found


def _number(text: str) -> float:
    digits = text.strip().replace(",", "")
    return float(digits) if re.fullmatch(r"\d{1,15}(\.\d+)?", digits) else float("nan")


@dataclass(frozen=True)
class Searches:
    """Searches of the sessions of a period, one row each, in order: gathered row `place`, `session` (a number of the
    sessions relation), `word` (code), `outcome`, and `known` whether it said how much it found."""

    m: Measures
    words: list[str]
    place: np.ndarray
    session: np.ndarray
    word: np.ndarray
    outcome: np.ndarray
    known: np.ndarray


def searches_of(m: Measures) -> Searches:
    """The searches of the sessions of these measures.

    Of what follows a search, its page of results does not count: a view of the page it was made on, or of one whose
    name speaks of searching. The same words again are no refinement: that search is one more look at the results.
    """
    context, rows, found = m.scope.context, m.sessions.rows, m.sessions
    codes, words = typed_codes(context)
    global_rows = rows.rows
    places = np.flatnonzero(codes[global_rows] >= 0) if words else np.zeros(0, np.int64)
    session = found.of_row(places) if len(places) else places
    kept = np.isin(session, m.session_ids)
    if m.met is not None:
        kept &= m.met[places]
    places, session = places[kept], session[kept]
    word = codes[global_rows[places]]
    count = found_counts(context, global_rows[places])
    outcome = _outcomes(m, points_of(m.scope), codes, places, session, word)
    outcome = np.where(count == 0, EMPTY, outcome)
    return Searches(m, words, places, session, word, outcome.astype(np.int8), ~np.isnan(count))


def _outcomes(
    m: Measures, points: Points, codes: np.ndarray, places: np.ndarray, session: np.ndarray, word: np.ndarray
) -> np.ndarray:
    """By the next act behind each search that is not its page of results: REFINED, LEFT or WENT_ON."""
    rows = m.sessions.rows
    out = np.full(len(places), LEFT, np.int8)
    if not len(places):
        return out
    end = np.append(m.sessions.first, len(rows.at))[session + 1]
    about = np.array([bool(_ABOUT.search(name)) for name in points.groups] or [False], bool)
    group, path = m.scope.context.column("page_group"), m.scope.context.column("path")
    here = path[rows.rows_at(places)]
    after, open_ = places + 1, np.ones(len(places), bool)
    while True:
        open_ &= after < end
        if not open_.any():
            return out
        at = np.minimum(after, len(rows.at) - 1)
        row, key = rows.rows_at(at), rows.key[at]
        page = np.where((key & _PAGE) != 0, group[row], -1)
        results = (page >= 0) & ((path[row] == here) | about[np.maximum(page, 0)])
        again = codes[row]
        same, other = (again == word) & (again >= 0), (again >= 0) & (again != word)
        passive = (key & _ACT) == 0
        out[open_ & other] = REFINED
        on = open_ & ~other & ~same & ~results & ~passive
        out[on] = WENT_ON
        open_ &= ~other & ~on
        after = after + 1


def outside_terms(m: Measures) -> tuple[np.ndarray, np.ndarray, list[str], list[str]]:
    """Per session of the period the code of its normalised term and of its source (-1 none), with both lists."""
    context = m.scope.context
    touch = m.sessions.touch[m.session_ids]

    def of(field: str, *, plain: bool) -> tuple[np.ndarray, list[str]]:
        lookup, texts = touch_field(context, field)
        recoded, words = coded([text if plain else normalised(text) for text in texts])
        if not len(lookup) or not texts:
            return np.full(len(touch), -1), []
        found = np.where(touch >= 0, lookup[np.maximum(touch, 0)], -1)
        return np.where(found >= 0, recoded[np.maximum(found, 0)], -1), words

    term, terms = of("term", plain=False)
    source, sources = of("source", plain=True)
    return term, source, terms, sources
