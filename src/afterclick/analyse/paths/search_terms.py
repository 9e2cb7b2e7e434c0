"""Search terms: what was searched for on the site and outside it, what found nothing, and what led to orders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final, Literal

import numpy as np
import pyarrow as pa
from msgspec import Meta

from afterclick.analyse.context import Context
from afterclick.analyse.describe import people_of
from afterclick.analyse.distinct import expanded
from afterclick.analyse.measures import Measures, measures
from afterclick.analyse.money_notes import money_notes
from afterclick.analyse.orders import total
from afterclick.analyse.paths import searches as found_searches
from afterclick.analyse.paths.searches import EMPTY, LEFT, REFINED, WENT_ON, Searches, outside_terms, searches_of
from afterclick.analyse.question import SessionQuestion
from afterclick.analyse.scope import Scope, scope_of
from afterclick.analyse.words import OUTSIDE, TYPED
from afterclick.core.moments import Share
from afterclick.core.money import to_decimal
from afterclick.core.result import Note, People, Result, Text

_FEW: Final = 30
_SOME: Final = 10
_MONEY = pa.decimal128(28, 4)
_COUNTS = ("searches", "sessions", "visitors", "empty", "refined", "exits", "went_on", "nothing")
_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("where", "source", "word")), *((name, pa.int64()) for name in _COUNTS),
        *((name, pa.float64()) for name in ("nothing_rate", "nothing_low", "nothing_high", "exit_rate")),
        ("ordered", pa.int64()), *((name, pa.float64()) for name in ("ordered_rate", "ordered_low", "ordered_high")),
        ("orders", pa.int64()), ("revenue", _MONEY),
    ]
)  # fmt: skip


class SearchTerms(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Search terms: what was searched for, what found nothing, and what led to orders."""

    key_word = "searches"

    searched: Annotated[
        Literal["both", "site", "outside"],
        Meta(description="words typed into the site's own search, terms of portals and ads that led here, or both"),
    ] = "both"
    worst: Annotated[
        Literal["searches", "nothing", "left", "revenue"],
        Meta(description="what comes first: most searched, most found nothing, most left, or most revenue"),
    ] = "searches"
    top: Annotated[int, Meta(description="rows of the list", ge=1, le=1000)] = 200

    def answer(self, context: Context) -> Result:
        """One row per word; words are told apart without spaces around them, composed (NFC), in lower case.

        A search on the site found nothing where its result count is 0, other words came next, or nothing did; of a term
        outside, a session that did one thing and left counts so. Orders are those of the same session, behind the first
        search for the word; one order counts for every word searched before it.
        """
        scope = scope_of(context, self)
        m = measures(scope, scope.period)
        searches = searches_of(m)
        terms = [
            *(_site(searches) if self.searched != "outside" else []), *(_outside(m) if self.searched != "site" else []),
        ]  # fmt: skip
        money = _Orders(m)
        made = [(term, money.of(term)) for term in terms]
        order = {"searches": "searches", "nothing": "nothing", "left": "exits", "revenue": "revenue"}[self.worst]
        rows = sorted(
            (_row(m, term, sold) for term, sold in made),
            key=lambda row: (-(row[order] or 0), -row["searches"], row["where"], row["word"], row["source"]),
        )
        figures = _figures(searches, rows, m)
        return Result(
            self, pa.Table.from_pylist(rows[: self.top], schema=_SCHEMA), sentence=_sentence(rows, figures),
            figures=figures, notes=(*_notes(searches, rows, figures, self.top), *money_notes(m)),
            about=scope.about("searches", events=m.events, visitors=len(m.visitors), compare=None),
            people=_people(scope, m, made, searches),
        )  # fmt: skip


@dataclass(frozen=True)
class Term:
    """A word: `hits` one row per search (or session from outside) with its session, the instant behind which orders count,
    and its outcome; sessions ascend."""

    where: str
    source: str
    word: str
    session: np.ndarray
    at: np.ndarray
    outcome: np.ndarray
    known: np.ndarray

    def first(self) -> tuple[np.ndarray, np.ndarray]:
        """Distinct sessions with the instant of the first search in each."""
        session, place = np.unique(self.session, return_index=True)
        return session, self.at[place]


def _site(found: Searches) -> list[Term]:
    order = np.argsort(found.word, kind="stable")
    at = found.m.sessions.rows.at[found.place]
    columns = [column[order] for column in (found.session, at, found.outcome, found.known)]
    return [
        Term(TYPED, "", found.words[code], *(column[low:high] for column in columns))
        for code, low, high in _runs(found.word[order])
    ]


def _outside(m: Measures) -> list[Term]:
    term, source, terms, sources = outside_terms(m)
    here = np.flatnonzero(term >= 0)
    if not len(here):
        return []
    code = term[here].astype(np.int64) * (len(sources) + 1) + source[here] + 1
    order = np.argsort(code, kind="stable")
    here, code = here[order], code[order]
    session = m.session_ids[here]
    at = m.sessions.start_at[session]
    outcome = np.where(m.is_bounced[here], LEFT, WENT_ON).astype(np.int8)
    known = np.zeros(len(here), bool)
    out = []
    for both, low, high in _runs(code):
        number, place = divmod(both, len(sources) + 1)
        named = sources[place - 1] if place else ""
        out.append(Term(OUTSIDE, named, terms[number], *(c[low:high] for c in (session, at, outcome, known))))
    return out


def _runs(codes: np.ndarray) -> list[tuple[int, int, int]]:
    """(code, first, end) of each run of equal codes."""
    if not len(codes):
        return []
    cuts = np.flatnonzero(np.append(True, codes[1:] != codes[:-1]))
    ends = np.append(cuts[1:], len(codes))
    return list(zip(codes[cuts].tolist(), cuts.tolist(), ends.tolist(), strict=True))


@dataclass(frozen=True)
class Sold:
    """What followed a word in its sessions: the sessions with an order, the orders, minor units net of refunds."""

    sessions: np.ndarray
    orders: int
    amount: int


class _Orders:
    """The orders of the sessions of the period, by session."""

    def __init__(self, m: Measures) -> None:
        row = np.flatnonzero(m.order_mask & (m.order_sessions >= 0))
        order = np.argsort(m.order_sessions[row], kind="stable")
        self.row = row[order]
        self.session = m.order_sessions[self.row]
        self.m = m

    def of(self, term: Term) -> Sold:
        """The orders behind the first search for a word in each session."""
        session, since = term.first()
        low, high = np.searchsorted(self.session, session), np.searchsorted(self.session, session, side="right")
        place = expanded(low, high - low)
        behind = self.m.orders.at[self.row[place]] >= np.repeat(since, high - low)
        row = self.row[place[behind]]
        sold = row[~self.m.orders.refund[row]]
        return Sold(np.unique(self.m.order_sessions[sold]), len(sold), total(self.m.orders.amount[row]))


def _row(m: Measures, term: Term, sold: Sold) -> dict[str, Any]:
    sessions, outcomes = term.first()[0], np.bincount(term.outcome, minlength=4)
    every, site = len(term.session), term.where == TYPED
    failed = Share(int(outcomes[EMPTY] + outcomes[REFINED] + outcomes[LEFT]), every)
    ordered = Share(len(sold.sessions), len(sessions))
    return {
        "where": term.where, "source": term.source, "word": term.word, "searches": every, "sessions": len(sessions),
        "visitors": len(m.visitors_of(sessions)),
        "empty": int(outcomes[EMPTY]) if site and term.known.any() else None,
        "refined": int(outcomes[REFINED]) if site else None, "exits": int(outcomes[LEFT]), "went_on": int(outcomes[WENT_ON]),
        "nothing": failed.hits, "nothing_rate": failed.rate, "nothing_low": failed.interval and failed.interval.low,
        "nothing_high": failed.interval and failed.interval.high, "exit_rate": Share(int(outcomes[LEFT]), every).rate,
        "ordered": ordered.hits, "ordered_rate": ordered.rate, "ordered_low": ordered.interval and ordered.interval.low,
        "ordered_high": ordered.interval and ordered.interval.high, "orders": sold.orders,
        "revenue": None if m.orders.mixed else to_decimal(sold.amount),
    }  # fmt: skip


def _figures(searches: Searches, rows: list[dict[str, Any]], m: Measures) -> dict[str, Any]:
    outcomes = np.bincount(searches.outcome, minlength=4)
    failed = Share(int(outcomes[:WENT_ON].sum()), len(searches.place))
    interval = failed.interval
    return {
        "searches": failed.n, "words": len(rows), "nothing": failed.hits, "nothing_rate": failed.rate,
        "nothing_low": interval.low if interval else None, "nothing_high": interval.high if interval else None,
        "empty": int(outcomes[EMPTY]) if searches.known.any() else None, "refined": int(outcomes[REFINED]),
        "exits": int(outcomes[LEFT]), "went_on": int(outcomes[WENT_ON]),
        "searchers": len(m.visitors_of(np.unique(searches.session))),
    }  # fmt: skip


def _sentence(rows: list[dict[str, Any]], figures: dict[str, Any]) -> Text:
    site = [row for row in rows if row["where"] == TYPED]
    if not rows:
        return Text("sentence.searches_empty")
    if not site:
        first = max(rows, key=lambda row: row["searches"])
        return Text("sentence.searches_outside", {"word": first["word"], "sessions": first["sessions"]})
    most = max(row["searches"] for row in site)
    params = {
        "searches": figures["searches"], "nothing_rate": figures["nothing_rate"],
        "word": min(row["word"] for row in site if row["searches"] == most), "most": most,
    }  # fmt: skip
    enough = [row for row in site if row["searches"] >= _SOME and row["nothing"]]
    if not enough:
        return Text("sentence.searches", params)
    worst = max(enough, key=lambda row: (row["nothing_low"] or 0.0, row["searches"]))
    return Text("sentence.searches_worst", params | {"worst": worst["word"], "worst_rate": worst["nothing_rate"]})


def _notes(searches: Searches, rows: list[dict[str, Any]], figures: dict[str, Any], top: int) -> tuple[Note, ...]:
    notes = []
    if rows:
        notes.append(Note("searches_orders"))
    if len(searches.place) and not searches.known.any():
        notes.append(Note("searches_uncounted", {"names": ", ".join(found_searches.RESULT_COUNTS[:3])}))
    if 0 < figures["searches"] < _FEW:
        notes.append(Note("searches_few", {"count": figures["searches"]}))
    if len(rows) > top:
        notes.append(Note("searches_more", {"shown": top, "count": len(rows)}))
    return tuple(notes)


def _people(
    scope: Scope, m: Measures, made: list[tuple[Term, Sold]], searches: Searches
) -> dict[str, Callable[[], People]]:
    """`word=typed:knit`, `word=outside:knit;source=naver`, with `;part=nothing`, `;part=left` and `;part=ordered`."""

    def cell(sessions: np.ndarray, text: Text) -> People:
        return people_of(scope, m.visitors_of(np.unique(sessions)), text)

    cells: dict[str, Callable[[], People]] = {
        "searchers": partial(cell, searches.session, Text("people.searches_all")),
        "part=nothing": partial(cell, searches.session[searches.outcome != WENT_ON], Text("people.searches_nothing_all")),
    }
    for term, sold in made:
        name = f"word={term.where}:{term.word}" + (f";source={term.source}" if term.where == OUTSIDE else "")
        params = {"value": term.word}
        cells[name] = partial(cell, term.session, Text(f"people.word_{term.where}", params))
        failed, gone = term.session[term.outcome != WENT_ON], term.session[term.outcome == LEFT]
        cells[f"{name};part=nothing"] = partial(cell, failed, Text("people.searches_nothing", params))
        cells[f"{name};part=left"] = partial(cell, gone, Text("people.searches_left", params))
        cells[f"{name};part=ordered"] = partial(cell, sold.sessions, Text("people.searches_ordered", params))
    return cells
