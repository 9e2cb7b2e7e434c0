"""Conditions that nobody can ever meet, found in their text alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from afterclick.core import condition_tree as tree
from afterclick.core.rule import Rule
from afterclick.core.rule_terms import Count, Reached, Since, SinceInstant, State, Term

_INFINITE: Final = Decimal("Infinity")
_SIGNED: Final = frozenset({"visitor.revenue"})


def never(rule: Rule) -> bool:
    """Whether no values of its terms can make it true: `false`, `x > 5 && x < 3`, a count under nothing.

    What it does not see through is taken to be possible.
    """
    return _never(rule.root, rule.terms)


def _never(node: tree.Node, terms: Mapping[str, Term]) -> bool:
    match node:
        case tree.Always(value):
            return not value
        case tree.AnyOf(parts):
            return all(_never(part, terms) for part in parts)
        case tree.AllOf(parts):
            return any(_never(part, terms) for part in parts) or _against_each_other(parts, terms)
        case tree.Not(part):
            return _always(part)
        case _:
            return _against_each_other([node], terms)


def _always(node: tree.Node) -> bool:
    match node:
        case tree.Always(value):
            return value
        case tree.AnyOf(parts):
            return any(_always(part) for part in parts)
        case tree.AllOf(parts):
            return all(_always(part) for part in parts)
        case _:
            return False


def _against_each_other(parts: Sequence[tree.Node], terms: Mapping[str, Term]) -> bool:
    """Whether comparisons of one term, all of which must hold, leave no value."""
    by_term: dict[str, list[tree.Compare]] = {}
    for part in parts:
        if isinstance(part, tree.Compare):
            by_term.setdefault(part.field, []).append(part)
    return any(_empty(terms[field], found) for field, found in by_term.items())


def _empty(term: Term, found: Sequence[tree.Compare]) -> bool:
    literals = [leaf.value for leaf in found]
    if all(isinstance(literal, tree.Number) for literal in literals):
        return _no_number(term, found)
    wanted = {leaf.value for leaf in found if leaf.op == "=="}
    refused = {leaf.value for leaf in found if leaf.op == "!="}
    same_kind = len({type(literal) for literal in literals}) == 1
    return same_kind and (len(wanted) > 1 or bool(wanted & refused))


def _no_number(term: Term, found: Sequence[tree.Compare]) -> bool:
    least, most = (Decimal(0) if _counts(term) else -_INFINITE), _INFINITE
    open_least = open_most = False
    for leaf in found:
        assert isinstance(leaf.value, tree.Number)
        value = leaf.value.value
        if leaf.op in (">", ">=", "==") and (value, leaf.op == ">") > (least, open_least):
            least, open_least = value, leaf.op == ">"
        if leaf.op in ("<", "<=", "==") and (-value, leaf.op == "<") > (-most, open_most):
            most, open_most = value, leaf.op == "<"
    refused = any(leaf.op == "!=" and least == most == leaf.value.value for leaf in found)
    return least > most or (least == most and (open_least or open_most or refused))


def _counts(term: Term) -> bool:
    """Whether a term is never under nothing."""
    if isinstance(term, State):
        return term.kind in ("number", "span") or (term.kind == "money" and term.field not in _SIGNED)
    return isinstance(term, Count | Reached | Since | SinceInstant)
