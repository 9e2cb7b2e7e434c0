"""Conditions as tapes: leaves over places of the state, and jumps that leave out what cannot change the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final

from afterclick.analyse.kernels import tape_rules
from afterclick.core import condition_tree as tree
from afterclick.core import money
from afterclick.core import rule as rules_of_text
from afterclick.core.rule_terms import Figure, SinceInstant, State, Term
from afterclick.decide.rules.book import RuleBook
from afterclick.decide.rules.leaves import leaf_test

FAR: Final = 2**61
_MONEY: Final = frozenset({"visitor.revenue", "basket.value"})


class NotHere(Exception):
    """The kernel has no form of a term, or not so many of it: the engine itself must run it."""


def field_of_state(term: Term) -> str:
    """The field of the state a term reads, "" for other terms."""
    return term.field if isinstance(term, State | SinceInstant) else ""


def is_money(term: Term) -> bool:
    """Whether the value of a term is kept in minor units."""
    return isinstance(term, Figure) or (isinstance(term, State) and term.field in _MONEY)


def tapes_of(
    book: RuleBook, slots: Sequence[int], touches: Mapping[str, Sequence[Any]]
) -> tuple[list[int], list[int]]:
    """The tapes of all conditions, and where each begins; `slots` is where the value of each term stands.

    Raises NotHere for a leaf that no whole numbers decide.
    """
    return _Writing(book, slots, touches).tape()


class _Writing:
    def __init__(self, book: RuleBook, slots: Sequence[int], touches: Mapping[str, Sequence[Any]]) -> None:
        self.book = book
        self.slots = slots
        self.touches = touches
        self.by_text = {one.text: one for one in book.asked}
        self.tables: list[tuple[int, list[int]]] = []

    def tape(self) -> tuple[list[int], list[int]]:
        out: list[int] = []
        begins = [0]
        for text in self.book.conditions.numbers:
            self._write(rules_of_text.parse(text).root, out)
            begins.append(len(out))
        for place, table in self.tables:
            out[place] = len(out)
            out += table
        return out, begins

    def _write(self, node: tree.Node, out: list[int]) -> None:
        match node:
            case tree.AllOf(parts) | tree.AnyOf(parts):
                self._joined(parts, tape_rules.ELSE_TO if isinstance(node, tree.AllOf) else tape_rules.THEN_TO, out)
            case tree.Not(part):
                self._write(part, out)
                out += tape_rules.NOT, 0, 0, 0
            case tree.Always(value):
                out += tape_rules.TRUE if value else tape_rules.FALSE, 0, 0, 0
            case tree.In(field, values) if not self._is_touch(field):
                self._joined([tree.Compare(field, "==", literal) for literal in values], tape_rules.THEN_TO, out)
            case _:
                self._leaf(node, out)

    def _joined(self, parts: Sequence[tree.Node], jump: int, out: list[int]) -> None:
        jumps = []
        for place, part in enumerate(parts):
            if place:
                jumps.append(len(out) + 1)
                out += jump, 0, 0, 0
            self._write(part, out)
        for place in jumps:
            out[place] = len(out)

    def _is_touch(self, text: str) -> bool:
        return self.by_text[text].family == "touch"

    def _leaf(self, leaf: tree.Leaf, out: list[int]) -> None:
        one = self.by_text[leaf.field]
        slot = self.slots[one.number]
        if self._is_touch(leaf.field):
            values = self.touches[field_of_state(one.term).partition(".")[2]]
            test = leaf_test(leaf)
            self.tables.append((len(out) + 2, [int(test(value)) for value in (None, *values)]))
            out += tape_rules.LISTED, slot, 0, 0
        else:
            low, high, outside = _between(leaf, one.term)
            out += tape_rules.OUTSIDE if outside else tape_rules.BETWEEN, slot, low, high


def _between(leaf: tree.Leaf, term: Term) -> tuple[int, int, int]:
    """The whole numbers between which a leaf holds, and whether it holds outside of them instead."""
    match leaf:
        case tree.Has():
            return -FAR, FAR, 0
        case tree.Compare(op=op, value=tree.Flag(flag)):
            return int(flag), int(flag), int(op == "!=")
        case tree.Compare(op=op, value=tree.Number(number)):
            return _range(op, number * money.SCALE if is_money(term) else number)
        case _:
            raise NotHere(leaf.field)


def _range(op: str, number: Decimal) -> tuple[int, int, int]:
    number = max(min(number, Decimal(FAR)), Decimal(-FAR))
    least, most = int(number.to_integral_value(ROUND_CEILING)), int(number.to_integral_value(ROUND_FLOOR))
    match op:
        case ">=":
            return least, FAR, 0
        case ">":
            return most + 1, FAR, 0
        case "<=":
            return -FAR, most, 0
        case "<":
            return -FAR, least - 1, 0
        case _:
            # A number that is no whole one equals none: `least` lies above `most`.
            return least, most, int(op == "!=")
