"""The conditions of a book over numbered terms: which of them hold, kept up to date from what has changed alone."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from afterclick.analyse.segments.state_machines import Setting, VisitorState
from afterclick.core import condition_tree as tree
from afterclick.core.rule import Rule, parse
from afterclick.decide.rules.asked import Asked
from afterclick.decide.rules.flips import Flips
from afterclick.decide.rules.leaves import Test, joined, leaf_test

_MOST_WRITTEN: Final = 20_000
_NOT_THERE: Final = object()


class Values(dict[int, Any]):
    """The values of terms by number; those of a visitor who has done nothing stand in for what is not there."""

    __slots__ = ("blank",)

    def __init__(self, blank: Sequence[Any]) -> None:
        super().__init__()
        self.blank = blank

    def __missing__(self, number: int) -> Any:
        return self.blank[number]


class Conditions:
    """Every distinct condition once, by its text in `numbers`. A set of numbers says which of those followed hold."""

    def __init__(self, asked: Sequence[Asked], rules: Iterable[Rule], followed: frozenset[str]) -> None:
        """`followed` are the texts of the conditions that `update` keeps up to date; others are asked when needed."""
        self.numbers: dict[str, int] = {}
        self._terms: list[tuple[int, ...]] = []
        self._written: dict[str, int | None] = {}
        self.tests: list[Test] = []
        self._places = {one.text: one.number for one in asked}
        self._leaves: dict[str, tuple[int, tree.Leaf]] = {}
        self._when_true: list[list[int]] = []
        self._when_false: list[list[int]] = []
        for rule in rules:
            if rule.text not in self.numbers:
                self.numbers[rule.text] = len(self.tests)
                self.tests.append(joined(rule.root, self._leaf))
                self._terms.append(tuple(self._places[text] for text in rule.terms))
                if rule.text in followed:
                    self._note(rule.root, len(self.tests) - 1, positive=True)
        self.flips = self._flips(len(asked))
        nobody = VisitorState(Setting())
        self.blank = [one.blank(nobody) for one in asked]
        nothing = Values(self.blank)
        self.followed = frozenset(number for text, number in self.numbers.items() if text in followed)
        self.at_first = frozenset(number for number in self.followed if self.tests[number](nothing))
        """Those followed that hold for a visitor who has done nothing."""
        self.moved = frozenset(self._places[leaf.field] for _, leaf in self._leaves.values())
        """The terms that conditions which are followed ask for."""

    def number_of(self, text: str) -> int | None:
        """The condition somebody wrote so, however it is spaced; None if there is none. Raises SpecError."""
        if text in self.numbers:
            return self.numbers[text]
        if text not in self._written:
            if len(self._written) >= _MOST_WRITTEN:
                self._written.clear()
            self._written[text] = self.numbers.get(parse(text, path="when").text)
        return self._written[text]

    def terms_of(self, number: int, asked: Sequence[Asked]) -> list[Asked]:
        """The terms of a condition, in the order of its text."""
        return [asked[place] for place in self._terms[number]]

    def _leaf(self, leaf: tree.Leaf) -> Test:
        place, test = self._places[leaf.field], leaf_test(leaf)
        return lambda values: test(values[place])

    def _note(self, node: tree.Node, condition: int, *, positive: bool) -> None:
        """Which conditions may come true when a leaf does, and which when it does not any more."""
        match node:
            case tree.AllOf(parts) | tree.AnyOf(parts):
                for part in parts:
                    self._note(part, condition, positive=positive)
            case tree.Not(part):
                self._note(part, condition, positive=not positive)
            case tree.Always():
                return
            case _:
                number, _ = self._leaves.setdefault(tree.node_text(node, str), (len(self._leaves), node))
                if number == len(self._when_true):
                    self._when_true.append([])
                    self._when_false.append([])
                (self._when_true if positive else self._when_false)[number].append(condition)

    def _flips(self, terms: int) -> list[Flips]:
        by_term: list[list[tuple[int, tree.Leaf]]] = [[] for _ in range(terms)]
        for number, leaf in self._leaves.values():
            by_term[self._places[leaf.field]].append((number, leaf))
        return [Flips(leaves) for leaves in by_term]

    def update(self, holding: set[int], values: Values, changed: Mapping[int, Any]) -> list[int]:
        """Set the values that changed; `holding` is kept up to date. Returns the conditions that came true, ascending."""
        rising: set[int] = set()
        falling: set[int] = set()
        blank, flips = self.blank, self.flips
        for term, new in changed.items():
            old = values.get(term, _NOT_THERE)
            if old is _NOT_THERE:
                old = blank[term]
            if new is old or (new == old and type(new) is type(old)):
                continue
            values[term] = new
            literals = flips[term].literals
            if literals and new.__class__ is int and old.__class__ is int:
                place = bisect_left(literals, old if old < new else new)
                if place == len(literals) or literals[place] > (new if old < new else old):
                    continue
            for leaf, now in flips[term].between(old, new):
                rising.update((self._when_true if now else self._when_false)[leaf])
                falling.update((self._when_false if now else self._when_true)[leaf])
        if not rising and not falling:
            return []
        tests = self.tests
        for number in falling & holding:
            if not tests[number](values):
                holding.discard(number)
                rising.discard(number)
        risen = [number for number in rising - holding if tests[number](values)]
        holding.update(risen)
        return sorted(risen)

    def wakes(self, asked: Sequence[Asked], edges: Mapping[int, Any]) -> frozenset[int]:
        """The terms through which time alone may make a condition true that somebody waits for."""
        found: set[int] = set()
        for number, leaf in self._leaves.values():
            term = asked[self._places[leaf.field]]
            turns = _turns(term, leaf)
            if ((True in turns) and any(one in edges for one in self._when_true[number])) or (
                (False in turns) and any(one in edges for one in self._when_false[number])
            ):
                found.add(term.number)
        return frozenset(found)


def _turns(term: Asked, leaf: tree.Leaf) -> set[bool]:
    """What a leaf may become by time alone."""
    if term.direction == "no":
        return set()
    match leaf:
        case tree.Compare(op=">" | ">=") if term.direction != "turns":
            return {term.direction == "rises"}
        case tree.Compare(op="<" | "<=") if term.direction != "turns":
            return {term.direction == "falls"}
        case tree.Compare(op="==", value=tree.Flag(flag)) if term.direction != "turns":
            return {flag is (term.direction == "rises")}
        case _:
            return {True, False}
