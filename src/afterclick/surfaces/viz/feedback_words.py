"""What was written, as cards: the words that low scores go with, quotes, and what those who met a barrier say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from afterclick.core.result import Result
from afterclick.surfaces.viz.bars import bar
from afterclick.surfaces.viz.markup import Child, Html, el, join, said
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

_WORDS: Final = 8
"""Words of a side that stand open; all of them are in the view as a table."""


def words(result: Result, voice: Voice, view: str) -> Html | None:
    """Words and phrases: those that low scores go with, those that others go with, the commonest of the rest."""
    rows = result.parts["words"].to_pylist()
    if not rows:
        return None
    title = voice.text("feedback.words")
    groups = [(side, [row for row in rows if row["direction"] == side]) for side in ("low", "rest", "none")]
    shown = [
        (voice.text(f"feedback.words_{side}"), found if view == "table" else found[:_WORDS])
        for side, found in groups
        if found
    ]
    tables = [el("div", None, el("h3", None, head), _terms(found, head, "low", voice)) for head, found in shown]
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, title),
        el("p", {"class": "caption"}, voice.text("feedback.words_caption")),
        el("div", {"class": "sayings"}, tables),
    )


def _terms(rows: Sequence[Row], label: str, side: str, voice: Voice) -> Html:
    most = max((max(row[f"{side}_share_rate"] or 0.0, row["rest_share_rate"] or 0.0) for row in rows), default=0.0)

    def share(name: str) -> Any:
        def fill(row: Row) -> Child:
            rate = row[f"{name}_share_rate"]
            return "–" if rate is None else el("span", {"class": "share"}, bar(rate, most or 1.0), voice.rate(rate))

        return fill

    def wording(row: Row) -> Child:
        cell = f"word={row['wording']}" if row["visitors"] else None
        who = voice.mark(voice.text("feedback.n_visitors", n=row["visitors"]), cell)
        return join([said(row["wording"]), el("small", None, who)])

    columns = [
        Column(voice.text("feedback.wording"), wording),
        Column(voice.text(f"feedback.share_{side}"), share(side), True),
        Column(voice.text("feedback.share_rest"), share("rest"), True),
    ]
    return table(columns, rows, label=label)


def quotes(result: Result, voice: Voice) -> Html | None:
    """A few answers in their own words, low scores and high ones side by side."""
    rows = result.parts["quotes"].to_pylist()
    if not rows:
        return None
    sides = [
        el("div", None, el("h3", None, voice.text(f"feedback.quotes_{side}")), _quotes(found, voice))
        for side in ("low", "high")
        if (found := [row for row in rows if row["side"] == side])
    ]
    if not sides:
        return None
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, voice.text("feedback.quotes")),
        el("p", {"class": "caption"}, voice.text("feedback.quotes_caption")),
        el("div", {"class": "sayings"}, sides),
    )


def _quotes(rows: Sequence[Row], voice: Voice) -> Html:
    return el("ul", {"class": "quotes"}, [el("li", None, el("q", None, said(row["text"])), _from(row, voice)) for row in rows])


def _from(row: Row, voice: Voice) -> Html:
    """The score, the survey and the day of a quote; a link to whoever wrote it."""
    parts = [said(row["survey"]), " · ", voice.instant(row["at"])]
    if row["score"] is not None and row["scale"] is not None:
        parts = [voice.text("feedback.of", score=row["score"], scale=row["scale"]), " · ", *parts]
    cell = f"quote={row['side']}:{row['number']}" if row["visitors"] else None
    return el("small", None, parts, " · ", voice.mark(voice.text("feedback.who"), cell) if cell else None)


def beside(result: Result, voice: Voice, _view: str = "chart") -> Html | None:
    """What those who met one barrier say, beside visitors alike who did not meet it."""
    found = result.parts.get("beside")
    if found is None or not result.figures["given"]:
        return None
    rows = found.to_pylist()

    def score(row: Row) -> Child:
        if row["score_rate"] is None:
            return "–"
        around = row["score_low_rate"], row["score_high_rate"]
        small = None if around[0] is None else voice.text("feedback.score_interval", low=around[0], high=around[1])
        return join([voice.rate(row["score_rate"]), el("small", None, small) if small else None])

    columns = [
        Column(voice.text("feedback.side"), lambda row: voice.text(f"feedback.side_{row['side']}")),
        Column(
            voice.text("feedback.visitors"),
            lambda row: voice.mark(voice.number(row["visitors"]), f"beside={row['side']}" if row["visitors"] else None),
            True,
        ),
        Column(voice.text("feedback.score_rate"), score, True),
        Column(voice.text("feedback.low"), lambda row: voice.number(row["low"]), True),
    ]
    title = voice.text("feedback.beside_title")
    said_by = [row for row in result.parts["quotes"].to_pylist() if row["side"] == "met"]
    terms = [row for row in result.parts["beside_words"].to_pylist() if row["direction"] == "met"][:_WORDS]
    notes = [el("li", None, note.say(voice.lang)) for note in result.notes if note.code == "feedback_observed"]
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, title),
        el("p", {"class": "lead"}, result.sentence(voice.lang)),
        table(columns, rows, label=title),
        _terms(terms, voice.text("feedback.words"), "met", voice) if terms else None,
        _quotes(said_by, voice) if said_by else None,
        el("ul", {"class": "notes foot"}, notes),
    )
