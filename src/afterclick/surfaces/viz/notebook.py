"""The card a Result shows in a notebook: the same views, styles that stay inside it, no script, no request."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from typing import Final

from afterclick.core.result import Result, present
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.holdings import CARDS
from afterclick.surfaces.viz.journey import journey
from afterclick.surfaces.viz.markup import Html, el, join, said
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

LIMIT: Final = 60_000
"""Bytes a notebook card may have; beyond, rows are left out and the card says so."""
_ROWS: Final = 50


def stylesheet() -> str:
    """The styles of the views; every rule stands under `.ac`."""
    return (resources.files("afterclick.surfaces.viz") / "viz.css").read_text("utf-8")


def card(result: Result, lang: str = "en", prefix: str = "") -> str:
    """The Result as one self-contained element of at most `LIMIT` bytes."""
    about = result.about
    voice = Voice(
        lang=lang,
        currency=str(about.get("currency") or ""),
        zone=str(about.get("timezone") or "UTC"),
        prefix=prefix or f"ac-{result.spec.key}",
    )
    show = _VIEWS.get(result.spec.key_word, _plain)
    made = _wrapped(show(result, voice), lang)
    return made if len(made.encode()) <= LIMIT else _wrapped(_plain(result, voice), lang)


def _wrapped(body: Html, lang: str) -> str:
    # The styles are ours, not a stranger's: they go in as they are, and hold no character that ends the element.
    style = Html(f"<style>{stylesheet()}</style>")
    return el("div", {"class": "ac note", "lang": lang}, style, body)


def _holdings(result: Result, voice: Voice) -> Html:
    return join([CARDS["store"](result, voice), CARDS["checks"](result, voice), CARDS["events"](result, voice)])


def _plain(result: Result, voice: Voice) -> Html:
    """Any Result as its sentence and its table."""
    rows = result.frame.slice(0, _ROWS).to_pylist()
    columns = [
        Column(name, lambda row, name=name: said(_shown(row[name], voice)), not isinstance(rows[0][name], str))  # type: ignore[misc]
        for name in (result.frame.column_names if rows else [])
    ]
    left = result.frame.num_rows - len(rows)
    return join(
        [
            el("p", {"class": "finding"}, result.sentence(voice.lang)),
            table(columns, rows, label=result.spec.key_word) if rows else None,
            el("p", {"class": "caption"}, voice.text("data.more_rows", n=left)) if left > 0 else None,
            foot(result, voice),
        ]
    )


def _shown(value: object, voice: Voice) -> str:
    if isinstance(value, float | int) and not isinstance(value, bool):
        return voice.number(value)
    return "–" if value is None else str(value)


_VIEWS: Final[dict[str, Callable[[Result, Voice], Html]]] = {"map": journey, "data": _holdings}


def register() -> None:
    """Let every Result show itself as HTML in a notebook."""
    present("html", card)
