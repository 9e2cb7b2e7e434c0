"""What the terms of a rule were when it fired, as a person reads it: the same from the tape and from the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from afterclick.analyse.kernels.tape_terms import MISSING, NOBODY
from afterclick.core import money
from afterclick.core.rule_terms import Sequence as Chain
from afterclick.decide.backtest.tapes import field_of_state, is_money
from afterclick.decide.rules.asked import Asked
from afterclick.decide.rules.book import RuleBook


def sayer(book: RuleBook, touches: Mapping[str, Sequence[Any]]) -> Callable[[int, Sequence[int]], str]:
    """How the values of all terms, as the tape has them, are said of a rule (its number)."""
    terms = {one.number: book.conditions.terms_of(one.condition, book.asked) for one in book.running}

    def say(rule: int, values: Sequence[int]) -> str:
        return said({one.text: _plain(one, values[one.number], touches) for one in terms[rule]})

    return say


def said(values: Mapping[str, Any]) -> str:
    """Values of terms by their texts, as one line."""
    return ", ".join(f"{text} = {_word(value)}" for text, value in values.items())


def _word(value: Any) -> str:
    return "-" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _plain(one: Asked, value: int, touches: Mapping[str, Sequence[Any]]) -> Any:
    """The value of a term as the engine tells it."""
    if one.family == "touch":
        return None if value == NOBODY else touches[field_of_state(one.term).partition(".")[2]][value]
    if value == MISSING:
        return None
    if isinstance(one.term, Chain) or field_of_state(one.term) == "visitor.known":
        return bool(value)
    return money.to_decimal(value) if is_money(one.term) else value
