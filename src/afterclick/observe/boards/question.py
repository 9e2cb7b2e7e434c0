"""The boards of a store, one board with its cards and goals, or one of its cards as the question behind it."""

from __future__ import annotations

from copy import copy
from typing import Annotated, Any, ClassVar

import msgspec
import pyarrow as pa
from msgspec import Meta

from afterclick.analyse.context import Context
from afterclick.analyse.question import Question
from afterclick.core import clock, i18n
from afterclick.core.errors import AfterclickError, SpecError, nearest_or_known
from afterclick.core.result import Result, Text
from afterclick.core.said import Said
from afterclick.core.spec import Spec
from afterclick.observe.alerts.asking import figure_of, question_of
from afterclick.observe.alerts.question import Alerts
from afterclick.store.documents import MOST_CARDS, Board, BoardCard

_BOARDS = pa.schema(
    [("board", pa.string()), ("text", pa.string()), ("cards", pa.int64()), ("goals", pa.int64()), ("alerts", pa.int64())]
)
_CARDS = pa.schema(
    [
        ("card", pa.int64()), ("title", pa.string()), ("text", pa.string()), ("question", pa.string()),
        ("finding", pa.string()), ("figure", pa.string()), ("value", pa.float64()), ("goal", pa.float64()),
        ("goal_at", pa.string()), ("reached", pa.bool_()), ("reason", pa.string()), ("problem", pa.string()),
        ("unit", pa.string()), ("address", pa.string()),
    ]
)  # fmt: skip
_FINDINGS = pa.schema([("card", pa.int64()), ("lang", pa.string()), ("finding", pa.string())])
EDITED = "board"
"""Where `about` of a card's answer holds what the board says of it."""


class Boards(Question, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Boards: saved lists of cards with text and goals; all of them, one, or a single card."""

    key_word = "boards"
    kept: ClassVar[bool] = False

    name: Annotated[str, Meta(description="the board; empty = all of them", max_length=120, examples=["Monday"])] = ""
    place: Annotated[int, Meta(description="one card of the board, from 1 on; 0 = the list of them", ge=0, le=MOST_CARDS)] = 0

    def check(self) -> None:
        """A card is one of a board."""
        super().check()
        if self.place and not self.name:
            raise SpecError(Said("refusals.card_of_board"), hint=Said("refusals.name_board"), path="name")

    def answer(self, context: Context) -> Result:
        """All boards; or the cards of one, each with its finding, its figure and how far its goal is.

        With `place` the answer to that card's own question, whose `about["board"]` holds title, text, figure and goal; one
        without cards where the board has no such card.
        """
        if not self.name:
            return self._all(context)
        board = self._board(context)
        if not self.place:
            return self._one(board, context)
        if self.place > len(board.cards):
            return self._result(context, _CARDS.empty_table(), Text("sentence.board_no_card"), {})
        return self._card(board.cards[self.place - 1], context)

    def every(self) -> Boards | None:
        """The list of all boards; None where one is asked for."""
        return None if self.name else self

    def one(self) -> Boards | None:
        """The list of a board's cards; None where all boards are asked for."""
        return msgspec.structs.replace(self, place=0) if self.name else None

    def placed(self, place: int) -> Boards | None:
        """The question behind one card; None where all boards are asked for."""
        return msgspec.structs.replace(self, place=place) if self.name else None

    def _board(self, context: Context) -> Board:
        boards = {board.name: board for board in context.snapshot.definitions.boards}
        if self.name not in boards:
            hint = nearest_or_known(self.name, boards, "refusals.known_boards")
            raise SpecError(Said("refusals.no_board", name=self.name), hint=hint, path="name")
        return boards[self.name]

    def _all(self, context: Context) -> Result:
        boards = context.snapshot.definitions.boards
        rows = [
            {
                "board": board.name, "text": board.text, "cards": len(board.cards),
                "goals": sum(card.goal is not None for card in board.cards), "alerts": len(board.alerts),
            }
            for board in boards
        ]  # fmt: skip
        sentence = Text("sentence.boards", {"count": len(rows)}) if rows else Text("sentence.boards_none")
        return self._result(context, pa.Table.from_pylist(rows, schema=_BOARDS), sentence, {"boards": len(rows)})

    def _one(self, board: Board, context: Context) -> Result:
        found = [_row(number, card, context) for number, card in enumerate(board.cards, 1)]
        rows = [row for row, _ in found]
        said = [
            {"card": row["card"], "lang": lang, "finding": _finding(one, lang)}
            for row, one in found
            if one is not None
            for lang in i18n.languages()
        ]
        goals = [row for row in rows if row["goal"] is not None]
        figures = {
            "cards": len(rows), "goals": len(goals), "reached": sum(row["reached"] is True for row in goals),
            "text": board.text, "name": board.name, "alerts": list(board.alerts),
        }  # fmt: skip
        sentence = Text("sentence.board_goals", figures) if goals else Text("sentence.board", figures)
        made = self._result(context, pa.Table.from_pylist(rows, schema=_CARDS), sentence, figures)
        made.parts["findings"] = pa.Table.from_pylist(said, schema=_FINDINGS)
        known = {alert.name for alert in context.snapshot.definitions.alerts}
        wanted = tuple(name for name in board.alerts if name in known)
        if wanted:
            watched = Alerts(name=wanted).answer(context)
            made.parts["alerts"] = watched.frame
            made.parts |= {name: part for name, part in watched.parts.items() if name in ("causes", "problems")}
        return made

    def _card(self, card: BoardCard, context: Context) -> Result:
        said = {"title": card.title, "text": card.text, "figure": card.figure, "goal": msgspec.to_builtins(card.goal)}
        if not card.question:
            found = self._result(context, _CARDS.empty_table(), Text("sentence.board_text"), {})
        else:
            spec = question_of(card.question)
            result = context.keep(("result", spec.key), lambda: _answer(spec, context)) if spec.kept else _answer(spec, context)
            # What was kept is everybody's: only the copy says where it stands.
            found = copy(result)
            if card.figure:
                value, reason = figure_of(card.figure).read(result)
                unit = figure_of(card.figure).unit(result)
                said |= {"value": value, "unit": unit, "reason": "" if value is not None else reason}
        found.about = {**found.about, EDITED: said}
        return found

    def _result(self, context: Context, frame: pa.Table, sentence: Text, figures: dict[str, Any]) -> Result:
        definitions, snapshot = context.snapshot.definitions, context.snapshot
        about: dict[str, Any] = {
            "unit": "cards", "range": None, "compare": None, "timezone": definitions.timezone,
            "currency": definitions.currency, "as_of": clock.iso(context.as_of("")) if snapshot.rows else None,
            "filters": [], "fingerprint": snapshot.fingerprint, "store": definitions.name,
            "example": definitions.example,
        }  # fmt: skip
        return Result(self, frame, sentence=sentence, figures=figures, about=about)


def _answer(spec: Spec, context: Context) -> Result:
    if isinstance(spec, Boards):
        raise SpecError(Said("refusals.board_in_board"), hint=Said("refusals.name_question"), path="question")
    found: Result = spec.answer(context)  # type: ignore[attr-defined]
    return found


def _finding(one: Result | AfterclickError, lang: str) -> str:
    """What a card says: its answer in a sentence, or why there is none."""
    return one.say(lang) if isinstance(one, AfterclickError) else one.sentence(lang)


def _row(number: int, card: BoardCard, context: Context) -> tuple[dict[str, Any], Result | AfterclickError | None]:
    """The line of a card, and where it asks a question the answer, or why there is none."""
    row: dict[str, Any] = {
        "card": number, "title": card.title, "text": card.text, "question": "", "finding": "", "figure": card.figure,
        "value": None, "goal": card.goal.value if card.goal else None, "goal_at": card.goal.at if card.goal else None,
        "reached": None, "reason": "", "problem": "", "unit": "count", "address": card.question,
    }  # fmt: skip
    result, wrong = None, None
    if not card.question:
        return row, None
    try:
        spec = question_of(card.question)
        row |= {"question": spec.key_word, "address": f"{spec.key_word}?{spec.to_url()}".rstrip("?")}
        result = _answer(spec, context)
        row["finding"] = result.sentence(context.snapshot.definitions.language)
        if card.figure:
            figure = figure_of(card.figure)
            row["value"], row["reason"] = figure.read(result)
            row["unit"] = figure.unit(result)
    except AfterclickError as error:
        row["problem"], wrong = error.message, error
    if row["value"] is not None:
        row["reason"] = ""
        if card.goal:
            row["reached"] = reached(row["value"], card.goal.value, card.goal.at)
    return row, wrong or result


def reached(value: float, goal: float, at: str) -> bool:
    """Is a goal reached?"""
    return value >= goal if at == "least" else value <= goal
