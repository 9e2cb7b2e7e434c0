"""What people wrote down to look at again: alerts and boards. They ask questions and change no answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, NoReturn

import msgspec
from msgspec import Meta

from afterclick.core import spans
from afterclick.core.errors import PLACED, SpecError
from afterclick.core.said import Said, Spoken

NAME_LIMIT = 120
MOST_CARDS = 12
MOST = 200
"""Boards, or alerts, that a store keeps."""


class Alert(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A number of a report that somebody wants to hear of.

    `question` is a question as JSON, or as an address (`kpi?range=7d`); `figure` names the number in its answer
    (`revenue`, `data[channel=email].sessions`). kind `threshold`: beyond `above` or `below`. kind `unusual`: the last whole
    local day beside the same weekday of `weeks` weeks, with at most `false_rate` false alarms a day in a quiet series.
    Nothing is sent again within `cooldown`; `explain` are fields by which a change is told apart; `post` are addresses
    that are told of it as signed JSON.
    """

    name: str
    question: str
    figure: str
    kind: Literal["threshold", "unusual"] = "threshold"
    above: float | None = None
    below: float | None = None
    direction: Literal["both", "more", "less"] = "both"
    weeks: Annotated[int, Meta(ge=4, le=52)] = 8
    false_rate: Literal["0.05", "0.01", "0.001"] = "0.01"
    cooldown: Annotated[str, Meta(pattern=spans.DURATION_PATTERN)] = "1d"
    explain: tuple[str, ...] = ("channel", "device_type", "campaign")
    post: tuple[str, ...] = ()


class Goal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A value that a figure of a card is to reach: at least, or at most."""

    value: float
    at: Literal["least", "most"] = "least"


class BoardCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One card of a board: a question (JSON or address; empty = text alone), the figure that stands large, its goal."""

    question: str = ""
    title: str = ""
    text: str = ""
    figure: str = ""
    goal: Goal | None = None


class Board(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A saved list of cards, with text before them and the names of the alerts that belong to it."""

    name: str
    text: str = ""
    cards: tuple[BoardCard, ...] = ()
    alerts: tuple[str, ...] = ()


def check(alerts: Sequence[Alert], boards: Sequence[Board]) -> None:
    """Raise SpecError, naming the place, for what cannot be meant whatever the questions say."""
    for key, found in (("alerts", alerts), ("boards", boards)):
        names = [one.name for one in found]
        for i, name in enumerate(names):
            if not name.strip() or len(name) > NAME_LIMIT or names.index(name) < i:
                _refuse(
                    f"{key}[{i}].name",
                    Said("refusals.no_name", name=name[:40]),
                    Said("refusals.name_length", name_limit=NAME_LIMIT),
                )
        if len(found) > MOST:
            _refuse(key, Said("refusals.too_many", n=len(found)), Said("refusals.keep_at_most", most=MOST))
    for i, alert in enumerate(alerts):
        if alert.kind == "threshold" and alert.above is None and alert.below is None:
            _refuse(f"alerts[{i}]", Said("refusals.no_threshold", name=alert.name), Said("refusals.give_threshold"))
        if alert.above is not None and alert.below is not None and alert.above < alert.below:
            _refuse(f"alerts[{i}]", Said("refusals.always_ring", name=alert.name), Said("refusals.above_below"))
    for i, board in enumerate(boards):
        if len(board.cards) > MOST_CARDS:
            _refuse(
                f"boards[{i}].cards",
                Said("refusals.n_cards", n=len(board.cards)),
                Said("refusals.most_cards", most_cards=MOST_CARDS),
            )
        for k, card in enumerate(board.cards):
            if not (card.question or card.text or card.title):
                _refuse(f"boards[{i}].cards[{k}]", Said("refusals.empty_card"), Said("refusals.name_question"))


def _refuse(path: str, message: Spoken, hint: Spoken) -> NoReturn:
    raise SpecError(Said(PLACED, place=path, message=message), hint=hint, path=str(path))
