"""Boards and alerts of a store: written down, changed, taken back; and alerts looked at for real."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from afterclick.act.outbound.target import target
from afterclick.core import clock
from afterclick.core.errors import SpecError, nearest_or_known
from afterclick.core.result import Result
from afterclick.core.said import Said
from afterclick.observe.alerts.asking import figure_of, question_of
from afterclick.observe.alerts.history import Fired, History
from afterclick.observe.alerts.question import Alerts, fired_of
from afterclick.observe.alerts.telling import Post, Told, poster, tell
from afterclick.observe.boards.question import Boards
from afterclick.observe.boards.undo import State, undo_of
from afterclick.store.documents import Alert, Board, BoardCard

if TYPE_CHECKING:
    from afterclick.app.workspace import Workspace


class Checked(NamedTuple):
    """What a check found: the answer, and the alarms that are to be sent now (those cooling down are not)."""

    result: Result
    fired: list[Fired]


class Desk:
    """The documents of an open store. Every change is written to afterclick.toml at once, and can be undone."""

    def __init__(self, shop: Workspace) -> None:
        self._shop = shop

    @property
    def alerts(self) -> dict[str, Alert]:
        """The alerts by name, in the order they were made."""
        return {alert.name: alert for alert in self._shop.store.definitions.alerts}

    @property
    def boards(self) -> dict[str, Board]:
        """The boards by name, in the order they were made."""
        return {board.name: board for board in self._shop.store.definitions.boards}

    def state(self) -> str:
        """A digest of the documents and of what rang: equal as long as pages that show them stay as they are."""
        definitions = self._shop.store.definitions
        history = History(self._shop.store.path).path
        size = history.stat().st_size if history.exists() else 0
        content = msgspec.json.encode([definitions.alerts, definitions.boards, size])
        return hashlib.sha256(content).hexdigest()[:8] if definitions.alerts or definitions.boards else ""

    def put_alert(self, alert: Alert) -> None:
        """Add an alert, or take the place of the one of its name. Raises SpecError for a question that is none."""
        spec, _ = question_of(alert.question), figure_of(alert.figure)
        if isinstance(spec, Alerts | Boards):
            raise SpecError(Said("refusals.alert_needs_report"), hint=Said("refusals.name_question"), path="question")
        for url in alert.post:
            target(url, self._shop.store.definitions.outbound)
        kept = msgspec.structs.replace(alert, name=_name(alert.name), question=spec.to_json())
        self._change(f"alert {kept.name}", alerts={**self.alerts, kept.name: kept})

    def drop_alert(self, name: str) -> None:
        """Delete an alert. Raises SpecError for a name that is not there."""
        _known(name, self.alerts, "alert")
        self._change(f"alert {name}", alerts={each: kept for each, kept in self.alerts.items() if each != name})

    def put_board(self, board: Board) -> None:
        """Add a board, or take the place of the one of its name. Raises SpecError for a card that cannot be asked."""
        cards = tuple(_checked(card) for card in board.cards)
        kept = msgspec.structs.replace(board, name=_name(board.name), cards=cards)
        self._change(f"board {kept.name}", boards={**self.boards, kept.name: kept})

    def drop_board(self, name: str) -> None:
        """Delete a board; the questions of its cards stay where else they are saved."""
        _known(name, self.boards, "board")
        self._change(f"board {name}", boards={each: kept for each, kept in self.boards.items() if each != name})

    def add_card(self, name: str, card: BoardCard) -> None:
        """Put a card at the end of a board."""
        board = self.boards[_known(name, self.boards, "board")]
        self.put_board(msgspec.structs.replace(board, cards=(*board.cards, card)))

    def drop_card(self, name: str, card: int) -> None:
        """Take a card (counted from 1) off a board."""
        board = self.boards[_known(name, self.boards, "board")]
        if not 1 <= card <= len(board.cards):
            raise SpecError(
                Said("refusals.board_no_card", name=name, card=card),
                hint=Said("refusals.its_cards", n=len(board.cards)),
                path="card",
            )
        cards = (*board.cards[: card - 1], *board.cards[card:])
        self.put_board(msgspec.structs.replace(board, cards=cards))

    def watch(self, name: str, alert: str, *, shown: bool = True) -> None:
        """Show an alert on a board, or show it there no more."""
        board = self.boards[_known(name, self.boards, "board")]
        _known(alert, self.alerts, "alert")
        others = tuple(each for each in board.alerts if each != alert)
        self.put_board(msgspec.structs.replace(board, alerts=(*others, alert) if shown else others))

    def undo(self) -> str:
        """Take the last change back; returns what it was about. Raises SpecError where nothing was changed."""
        with self._shop.store.defining():
            state = undo_of(self._shop.store.path).pop()
            if state is None:
                raise SpecError(Said("refusals.nothing_to_undo"), path="undo")
            self._shop.define(boards=msgspec.to_builtins(state.boards), alerts=msgspec.to_builtins(state.alerts))
        return state.change

    @property
    def undoable(self) -> str:
        """What the last change was about; empty where there is none."""
        states = undo_of(self._shop.store.path).states()
        return states[-1].change if states else ""

    def check(self, names: tuple[str, ...] = (), *, remember: bool = True) -> Checked:
        """Look at the alerts now. What rings outside its cool-down is remembered on disk before it is returned."""
        result = self._shop.ask(Alerts(name=names))
        alarms, cooldown = fired_of(result, clock.now())
        history = History(self._shop.store.path)
        if remember:
            return Checked(result, history.record(alarms, cooldown))
        last = history.last()
        return Checked(
            result, [one for one in alarms if one.at - last.get(one.alert, -(2**62)) >= cooldown[one.alert]]
        )

    def tell(self, fired: list[Fired], post: Post | None = None) -> list[Told]:
        """Tell of alarms at the addresses their alerts name, by signed POST; nothing raises, each answer is in the list."""
        inside = self._shop.store.definitions.outbound
        return tell(self._shop.store.path, fired, self.alerts, post or poster(inside))

    def _change(
        self, change: str, *, alerts: dict[str, Alert] | None = None, boards: dict[str, Board] | None = None
    ) -> None:
        with self._shop.store.defining():
            now_alerts, now_boards = self.alerts, self.boards
            alerts, boards = now_alerts if alerts is None else alerts, now_boards if boards is None else boards
            kept_boards, kept_alerts = tuple(now_boards.values()), tuple(now_alerts.values())
            before = State(at=clock.now(), change=change, boards=kept_boards, alerts=kept_alerts)
            self._shop.define(
                alerts=msgspec.to_builtins(list(alerts.values())), boards=msgspec.to_builtins(list(boards.values()))
            )
            undo_of(self._shop.store.path).push(before)


def _checked(card: BoardCard) -> BoardCard:
    if not card.question:
        return card
    spec = question_of(card.question)
    if isinstance(spec, Boards):
        raise SpecError(Said("refusals.board_in_board"), hint=Said("refusals.name_question"), path="question")
    if card.figure:
        figure_of(card.figure)
    elif card.goal is not None:
        raise SpecError(Said("refusals.goal_needs_figure"), hint=Said("refusals.name_figure"), path="figure")
    return msgspec.structs.replace(card, question=spec.to_json())


def _name(text: str) -> str:
    return " ".join(text.split())


def _known(name: str, known: dict[str, Alert] | dict[str, Board], what: str) -> str:
    if name not in known:
        hint = nearest_or_known(name, known, f"refusals.known_{what}s")
        raise SpecError(Said(f"refusals.no_{what}", name=name), hint=hint, path="name")
    return name

