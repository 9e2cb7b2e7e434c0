"""Which comparisons with a term turn when its value does: found by bisection among all literals, not one by one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from afterclick.core import condition_tree as tree
from afterclick.core.condition_values import is_missing
from afterclick.decide.rules.leaves import Test, exact, leaf_test

_FEW: Final = 4
"""Leaves that are asked one by one faster than they are looked up."""

Flip = tuple[int, bool]
"""The number of a leaf, and what it is from now on."""


class Flips:
    """The leaves over one term; its values may be of any kind, those that compare as they stand are found faster."""

    def __init__(self, leaves: Sequence[tuple[int, tree.Leaf]]) -> None:
        """`leaves` with their numbers."""
        over: list[tuple[tuple[Any, int], int]] = []
        under: list[tuple[tuple[Any, int], int]] = []
        self._texts: dict[str, list[int]] = {}
        self._equal: dict[Any, list[int]] = {}
        self._by_number: list[tuple[int, Test]] = []
        self._by_text: list[tuple[int, Test]] = []
        self._others: list[tuple[int, Test]] = []
        for number, leaf in leaves:
            kind = self._others
            match leaf:
                case tree.Compare(op=">=" | ">" as op, value=tree.Number(literal)):
                    over.append(((exact(literal), int(op == ">")), number))
                    kind = self._by_number
                case tree.Compare(op="<=" | "<" as op, value=tree.Number(literal)):
                    under.append(((exact(literal), int(op == "<=")), number))
                    kind = self._by_number
                case tree.Compare(op="==", value=tree.Number(literal)):
                    self._equal.setdefault(exact(literal), []).append(number)
                    kind = self._by_number
                case tree.Compare(op="==", value=tree.Text(text)):
                    self._texts.setdefault(text, []).append(number)
                    kind = self._by_text
            kind.append((number, leaf_test(leaf)))
        self._over, self._over_leaves = _sorted(over)
        self._under, self._under_leaves = _sorted(under)
        every = [*self._others, *self._by_number, *self._by_text]
        self._few = every if len(every) <= _FEW else []
        literals = {literal for literal, _ in self._over + self._under} | set(self._equal)
        self.literals: list[Any] = sorted(literals) if len(self._by_number) == len(every) else []
        """Whole numbers with none of these from one to the other turn nothing; empty where there is more to it."""

    def between(self, old: Any, new: Any) -> list[Flip]:
        """What turns when the value goes from `old` to `new`."""
        if self._few:
            return _turned(self._few, old, new)
        found = _turned(self._others, old, new) if self._others else []
        if self._by_number:
            found += self._compared(old, new) if _is_number(old) and _is_number(new) else _turned(self._by_number, old, new)
        if self._by_text:
            if _is_text(old) and _is_text(new):
                found += [(number, False) for number in self._texts.get(old, ())]
                found += [(number, True) for number in self._texts.get(new, ())]
            else:
                found += _turned(self._by_text, old, new)
        return found

    def _compared(self, old: Any, new: Any) -> list[Flip]:
        found: list[Flip] = []
        if self._over:
            before = 0 if old is None else bisect_right(self._over, (old, 0))
            after = 0 if new is None else bisect_right(self._over, (new, 0))
            found += [(number, True) for number in self._over_leaves[before:after]]
            found += [(number, False) for number in self._over_leaves[after:before]]
        if self._under:
            most = len(self._under)
            before = most if old is None else bisect_right(self._under, (old, 0))
            after = most if new is None else bisect_right(self._under, (new, 0))
            found += [(number, True) for number in self._under_leaves[after:before]]
            found += [(number, False) for number in self._under_leaves[before:after]]
        if self._equal and old != new:
            found += [(number, False) for number in self._equal.get(old, ())]
            found += [(number, True) for number in self._equal.get(new, ())]
        return found


def _sorted(found: list[tuple[tuple[Any, int], int]]) -> tuple[list[tuple[Any, int]], list[int]]:
    found.sort()
    return [key for key, _ in found], [number for _, number in found]


def _turned(leaves: Sequence[tuple[int, Test]], old: Any, new: Any) -> list[Flip]:
    found = []
    for number, test in leaves:
        now = test(new)
        if now is not test(old):
            found.append((number, now))
    return found


def _is_number(value: Any) -> bool:
    """Whether a value compares with numbers as it stands, or is none; a text is read first, a float rounds the literal."""
    kind = type(value)
    return value is None or kind is int or (kind is Decimal and not is_missing(value))


def _is_text(value: Any) -> bool:
    return value is None or type(value) is str
