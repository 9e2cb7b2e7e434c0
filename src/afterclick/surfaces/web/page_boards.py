"""Boards: all of them with the alerts, or one with its cards, each a question asked anew."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec

from afterclick.core.result import Result
from afterclick.core.spec import Spec
from afterclick.observe.alerts.question import Alerts
from afterclick.observe.boards.question import EDITED, Boards
from afterclick.store.documents import MOST_CARDS
from afterclick.surfaces import presenting
from afterclick.surfaces.viz import boards
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.markup import Html, el, said
from afterclick.surfaces.viz.notebook import bare
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web.page import Card, Page, plain

_ROWS = 10


def _card(result: Result, voice: Voice, view: str) -> Html | None:
    """One card: its title and text, the figure with its goal, then its curve, or what its own page draws of it."""
    edited: Mapping[str, Any] = result.about.get(EDITED, {})
    if not edited:
        return None
    own = type(result.spec) is Boards
    name = edited["title"] or ("" if own else voice.known(f"question.{result.spec.key_word}") or type(result.spec).title())
    return el(
        "section",
        {"class": "panel card boarded"},
        el("h2", None, said(name)) if name else None,
        el("p", None, said(edited["text"])) if edited["text"] else None,
        None if own else _answer(result, voice, edited, view),
    )


def _answer(result: Result, voice: Voice, edited: Mapping[str, Any], view: str) -> list[Html | None]:
    curve = boards.course(result, voice, edited) if view == "chart" else None
    figure = boards.figure(result, voice, edited)
    if curve is not None:
        return [el("p", {"class": "finding"}, result.sentence(voice.lang)), figure, curve, foot(result, voice)]
    # Controls of another page lead nowhere here.
    still = msgspec.structs.replace(voice, go=None)
    return [figure, bare(result, still, presenting.columns(result.spec)[0], _ROWS)]


def _alerts(spec: Any) -> Spec | None:
    return Alerts() if spec.every() else None


def _slot(place: int) -> Card:
    return Card(_card, ask=partial(_placed, place))


def _placed(place: int, spec: Any) -> Spec | None:
    found: Spec | None = spec.placed(place)
    return found


PAGE = Page(
    name="boards",
    path="/boards",
    group="manage",
    kind=Boards,
    controls=frozenset(),
    inner="name",
    sheets=("chart", "figures", "lists", "boards"),
    cards={
        "boards": Card(plain(boards.every), ask=lambda spec: spec.every(), title="boards.title", bare=True),
        "alerts": Card(plain(boards.alerts), ask=_alerts, title="boards.alerts", bare=True),
        "board": Card(plain(boards.head), ask=lambda spec: spec.one(), title="boards.cards", bare=True),
        **{f"c{place}": _slot(place) for place in range(1, MOST_CARDS + 1)},
    },
)
