"""The forms of the Boards page: boards, cards and alerts made and deleted, and the last change taken back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, Protocol

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from afterclick.core.errors import AfterclickError, SpecError
from afterclick.core.mismatch import mismatch
from afterclick.core.said import Said
from afterclick.core.spec import Spec, kinds
from afterclick.store.documents import Alert, Board, BoardCard, Goal
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web.address import Address
from afterclick.surfaces.web.labels import label
from afterclick.surfaces.web.page import Page
from afterclick.surfaces.web.shelf import form_of

NAME: Final = "boards"
PATH: Final = "/desk"


class Desk(Protocol):
    """Who keeps boards and alerts. Every method raises AfterclickError for what cannot be."""

    @property
    def boards(self) -> Mapping[str, Board]:
        """The boards by name."""
        ...

    @property
    def alerts(self) -> Mapping[str, Alert]:
        """The alerts by name."""
        ...

    @property
    def undoable(self) -> str:
        """What the last change was about; empty where there is none."""
        ...

    def put_board(self, board: Board) -> None:
        """Add or replace a board."""
        ...

    def drop_board(self, name: str) -> None:
        """Delete a board."""
        ...

    def add_card(self, name: str, card: BoardCard) -> None:
        """Put a card at the end of a board."""
        ...

    def drop_card(self, name: str, card: int) -> None:
        """Take a card off a board."""
        ...

    def put_alert(self, alert: Alert) -> None:
        """Add or replace an alert."""
        ...

    def drop_alert(self, name: str) -> None:
        """Delete an alert."""
        ...

    def watch(self, name: str, alert: str, *, shown: bool = True) -> None:
        """Show an alert on a board, or no more."""
        ...

    def undo(self) -> str:
        """Take the last change back."""
        ...


def forms(page: Page, address: Address, keeper: Any, token: str, voice: Voice) -> dict[str, Any] | None:
    """What the forms need; None on any other page, and where nobody keeps boards."""
    if page.name != NAME or not hasattr(keeper, "desk"):
        return None
    try:
        desk: Desk = keeper.desk
        here = next((value for name, value in address.pairs() if name == page.inner), "")
        board = desk.boards.get(here)
        saved = {name: f"{spec.key_word}?{spec.to_url()}" for name, spec in keeper.saved().items()}
    except AfterclickError as error:
        return {"problem": error.say(voice.lang), "can": False}
    looks = {name: value for name, value in address.looks.items() if name in ("lang", "theme")}
    return {
        "can": True,
        "problem": "",
        "csrf": token,
        "board": board.name if board else "",
        "lost": bool(here) and board is None,
        "cards": [(i, card.title or _word(card, voice)) for i, card in enumerate(board.cards, 1)] if board else [],
        "boards": list(desk.boards),
        "alerts": list(desk.alerts),
        "watched": [name for name in board.alerts if name in desk.alerts] if board else [],
        "unwatched": [name for name in desk.alerts if name not in board.alerts] if board else [],
        "undo": voice.text("boards.undo", change=_changed(desk.undoable, voice)) if desk.undoable else "",
        "questions": [*saved.items(), *((voice.known(f"question.{word}") or word, word) for word in _asked())],
        "back": Address(path=page.path, spec=page.kind(), inner=page.inner, looks=looks).href(),
        "lang": voice.lang,
    }


def _changed(change: str, voice: Voice) -> str:
    """What the last change was about: `alert Orders`, with the word for it in the page's language."""
    kind, _, name = change.partition(" ")
    return f"{voice.text(f'boards.{kind}').lower()} {name}" if kind in ("alert", "board") else change


def _asked() -> list[str]:
    """Questions that need no further field."""
    return sorted(word for word, kind in kinds().items() if word != NAME and not _needs(kind) and "." in kind.__module__)


def _needs(kind: type[Spec]) -> bool:
    return any(field.required for field in kind.fields()) or not any(field.scope for field in kind.fields())


def _word(card: BoardCard, voice: Voice) -> str:
    if not card.question:
        return voice.text("boards.text_card")
    word = str(msgspec.json.decode(card.question).get("question", "")) if card.question.startswith("{") else card.question
    return voice.known(f"question.{word}") or word


class DeskForms:
    """The handler of `POST /desk`."""

    def __init__(self, keeper: Any, token: str) -> None:
        self._keeper = keeper
        self._token = token

    async def change(self, request: Request) -> Response:
        """Do what the form says and lead back to the page. Raises UsageError for what cannot be meant."""
        given = await form_of(request, self._token)
        await run_in_threadpool(self._do, given)
        from afterclick.surfaces.web.pages import named  # noqa: PLC0415 - pages are made of cards that import this

        page = named(NAME)
        board = given.get("board", "")
        if given.get("what") == "board":
            # A board that was just made is opened, so that cards can be put on it.
            board = " ".join(given.get("name", "").split())
        if page is None or board not in self._keeper.desk.boards:
            return _back("/" + NAME, given)
        spec = page.kind.from_texts([(page.inner, board)])
        return _back(Address(path=page.path, spec=spec, inner=page.inner).href(), given)

    def _do(self, given: Mapping[str, str]) -> None:
        desk: Desk = self._keeper.desk
        what, name = given.get("what", ""), given.get("name", "")
        board = given.get("board", "")
        if what == "board":
            desk.put_board(Board(name=name, text=given.get("text", "")))
        elif what == "card":
            desk.add_card(board, _card(given))
        elif what == "alert":
            desk.put_alert(_alert(given))
        elif what == "drop_board":
            desk.drop_board(name)
        elif what == "drop_card":
            desk.drop_card(board, int(_number(given, "place") or 0))
        elif what == "drop_alert":
            desk.drop_alert(name)
        elif what in ("watch", "unwatch"):
            desk.watch(board, name, shown=what == "watch")
        elif what == "undo":
            desk.undo()
        else:
            raise SpecError(Said("refusals.form_says_nothing"), path="what")


def _back(path: str, given: Mapping[str, str]) -> Response:
    lang = given.get("lang", "")
    query = f"?lang={lang}" if lang in ("en", "ko") else ""
    return RedirectResponse(path + query, 303, headers={"cache-control": "no-store"})


def _card(given: Mapping[str, str]) -> BoardCard:
    value = _number(given, "goal")
    goal = None if value is None else Goal(value=value, at="most" if given.get("at") == "most" else "least")
    return BoardCard(
        question=given.get("question", ""), title=given.get("title", ""), text=given.get("text", ""),
        figure=given.get("figure", ""), goal=goal,
    )  # fmt: skip


def _alert(given: Mapping[str, str]) -> Alert:
    fields = {name: given[name] for name in ("name", "question", "figure", "kind", "direction", "cooldown") if given.get(name)}
    bounds = {name: value for name in ("above", "below") if (value := _number(given, name)) is not None}
    try:
        return msgspec.convert({"name": "", "question": "", "figure": "", **fields, **bounds}, Alert)
    except msgspec.ValidationError as error:
        path, said = mismatch(error)
        what = Said("refusals.in_field", name=label("boards", path), message=said)
        raise SpecError(
            what,
            hint=Said("refusals.write_cooldown") if path == "cooldown" else "",
            path="alert",
        ) from None


def _number(given: Mapping[str, str], name: str) -> float | None:
    text = given.get(name, "").replace(",", "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not math.isfinite(value):
        raise SpecError(Said("refusals.is_number", name=label("boards", name), text=text[:40]), path=name)
    return value
