"""The one language of segments and live rules: conditions over what a visitor has done so far.

count("Product Viewed"[price >= 20000], 7d) >= 3      since("Order Completed") > 30d
sequence("Product Added" then not "Order Completed" within 1d)
session.pages >= 4 && visitor.sessions == 1 && session.portal && session.paid && !visitor.known

The grammar is that of conditions, with terms where a condition has fields; see docs/segments.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from afterclick.core import condition_tree as tree
from afterclick.core import rule_parser, rule_words
from afterclick.core.condition import Condition
from afterclick.core.condition_lexer import Place
from afterclick.core.condition_mask import Column, node_mask
from afterclick.core.errors import SpecError
from afterclick.core.rule_terms import Term
from afterclick.core.said import Said

__all__ = ["Rule", "parse"]


class Rule:
    """A condition over terms; two rules are equal when they say the same in the same order.

    A term that has no value matches no comparison, `!=` included, as in every condition.
    """

    def __init__(self, root: tree.Node, terms: Mapping[str, Term]) -> None:
        self.root = root
        self.terms = dict(terms)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rule) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    @cached_property
    def text(self) -> str:
        """The canonical text; `parse(text)` gives an equal rule."""
        return tree.node_text(self.root, str)

    def words(self, lang: str = "en") -> str:
        """The rule as a person says it."""
        return rule_words.rule_words(self.root, self.terms, lang)

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether the rule holds for a visitor whose terms have these values, by the text of each term.

        Money is Decimal in major units, spans and instants are µs, None is missing.
        """
        return Condition(self.root).matches(values)

    def mask(self, columns: Mapping[str, Column], n: int) -> Any:
        """For which of n visitors the rule holds, (n,) bool: exactly `holds` of each."""
        return node_mask(self.root, columns, n)

    def __str__(self) -> str:
        return self.text


def parse(text: str, *, path: str = "rule") -> Rule:
    """Read a rule. Raises SpecError with the character, what was expected, the nearest name."""
    if not isinstance(text, str):
        raise SpecError(Said("refusals.rule_is_text", kind=type(text).__name__), path=str(path), code="bad_rule")
    return Rule(*rule_parser.read(text, Place(path, 0)))
