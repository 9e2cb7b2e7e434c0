"""The card a Result shows in a notebook: the same views, styles that stay inside it, no script, no request."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from afterclick.core.result import Result
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.grid import grid
from afterclick.surfaces.viz.markup import Html, el, join, said
from afterclick.surfaces.viz.styles import stylesheet, used
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Draw = Callable[[Result, Voice, str], Html | None]

LIMIT: Final = 60_000
"""Bytes a notebook card may have; beyond, it becomes tables, then fewer rows, and says so."""
_ROWS: Final = (50, 20, 5)


def voice_of(result: Result, lang: str, prefix: str = "") -> Voice:
    """A voice without links: a card that stands alone leads nowhere."""
    about = result.about
    return Voice(
        lang=lang,
        currency=str(about.get("currency") or ""),
        zone=str(about.get("timezone") or "UTC"),
        prefix=prefix or f"ac-{result.spec.key}",
    )


def card(result: Result, voice: Voice, draws: Sequence[Draw] = (), columns: Iterable[str] = ()) -> str:
    """The Result as one self-contained element of at most `LIMIT` bytes.

    `draws` are the cards that the dashboard draws of such a Result, in order; without any, and where even as tables
    they are too large, the card is the finding and the main table (`columns` of it, else all).
    """
    for view in ("chart", "table"):
        parts = [part for draw in draws if (part := draw(result, voice, view))]
        if parts:
            made = _wrapped(join(parts), voice)
            if len(made.encode()) <= LIMIT:
                return made
    shown = list(columns)
    for rows in _ROWS:
        made = _wrapped(bare(result, voice, shown, rows), voice)
        if len(made.encode()) <= LIMIT:
            break
    return made


def _wrapped(body: Html, voice: Voice) -> str:
    # The styles are ours, not a stranger's: they go in as they are, and hold no character that ends the element.
    style = el("style", None, Html(used(stylesheet(), f'{body} class="note"')))
    return el("div", {"class": "ac note", "lang": voice.lang}, style, body)


def bare(result: Result, voice: Voice, columns: Iterable[str] = (), rows: int = _ROWS[0]) -> Html:
    """Any Result as its finding, its table and its foot."""
    made = grid(result.frame.slice(0, rows), result.about, voice.lang, columns)
    left = result.frame.num_rows - len(made.rows)
    return join(
        [
            el("p", {"class": "finding"}, result.sentence(voice.lang)),
            figures_table(made.headings, made.rows, made.left, result.spec.title()) if made.rows else None,
            el("p", {"class": "caption"}, voice.text("card.more_rows", n=left)) if left > 0 else None,
            foot(result, voice),
        ]
    )


def figures_table(headings: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[bool], label: str) -> Html:
    """Texts that were laid out as a grid, as a table; figures stand right."""

    def fill(at: int) -> Callable[[Sequence[str]], Html]:
        return lambda row: said(row[at])

    columns = [Column(name, fill(i), not words) for i, (name, words) in enumerate(zip(headings, left, strict=True))]
    return table(columns, rows, label=label)


def document(card: str, title: str, lang: str) -> str:
    """A card as a file of its own: no script, no request, its styles allowed by their hashes and nothing else."""
    page = "html{min-height:100%}body{margin:0}.ac.note{min-height:100vh;border-radius:0;padding:24px}"
    styles = [page, *(part.partition("</style>")[0] for part in card.split("<style>")[1:])]
    head = [
        el("meta", {"charset": "utf-8"}),
        el("meta", {"http-equiv": "Content-Security-Policy", "content": policy(styles)}),
        el("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        el("meta", {"name": "color-scheme", "content": "light dark"}),
        el("title", None, title),
        el("style", None, Html(page)),
    ]
    return "<!doctype html>\n" + el(
        "html", {"lang": lang}, el("head", None, head), el("body", None, el("main", None, Html(card)))
    )


def policy(styles: Iterable[str]) -> str:
    """The content security policy of a file with these styles and no script at all."""
    allowed = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in styles
    )
    return f"default-src 'none'; style-src {allowed}; img-src data:; base-uri 'none'; form-action 'none'"
