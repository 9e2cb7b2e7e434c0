"""A rule said in words, from the same tree its text comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from afterclick.core import condition_words, i18n
from afterclick.core.condition_tree import AllOf, AnyOf, Compare, Flag, Has, Leaf, Node, Not, Number
from afterclick.core.rule_terms import (
    Count,
    Figure,
    Member,
    Reached,
    Sequence,
    Since,
    SinceInstant,
    State,
    Term,
    Trait,
    Was,
)
from afterclick.core.step import ANY_EVENT, Step

_LENGTHS: Final = {"==": "is", "!=": "is_not", "<": "under", "<=": "at_most", ">": "over", ">=": "at_least"}


def rule_words(root: Node, terms: Mapping[str, Term], lang: str) -> str:
    """The rule as a sentence part of a language."""
    return condition_words.node_words(_said_plainly(root, terms), lang, lambda leaf: _leaf(leaf, terms[leaf.field], lang))


def _said_plainly(node: Node, terms: Mapping[str, Term]) -> Node:
    """`!visitor.known` as `visitor.known != true`, which is the same of what is always known, and has words of its own; so
    for what was not done even once."""
    match node:
        case AllOf(parts):
            return AllOf(tuple(_said_plainly(part, terms) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(_said_plainly(part, terms) for part in parts))
        case Not(Compare(field=field, op="==", value=Flag() as flag)) if terms[field].kind == "flag":
            return Compare(field, "!=", flag)
        case Not(Compare(field=field, op=">=", value=Number() as least)) if _is_once(terms[field], least):
            return Compare(field, "<", least)
        case _:
            return node


def _is_once(term: Term, least: Number) -> bool:
    return isinstance(term, Count) and not term.same and least.text() == "1"


def step_words(step: Step, lang: str) -> str:
    """An event and what it must be like: “Product Viewed” (price is at least 20,000)."""
    if step.event == ANY_EVENT:
        name = i18n.text(lang, "rule.any_event")
    else:
        name = i18n.text(lang, "condition.quoted", text=step.event)
    return f"{name} ({step.condition.words(lang)})" if step.condition else name


def _leaf(leaf: Leaf, term: Term, lang: str) -> str:
    said = term_words(term, lang)
    if isinstance(leaf, Compare) and isinstance(leaf.value, Flag) and term.kind == "flag":
        holds = leaf.value.value == (leaf.op == "==")
        return said if holds else i18n.text(lang, "condition.not_flag", what=said)
    if isinstance(leaf, Compare) and isinstance(term, Count) and isinstance(leaf.value, Number):
        done = f"{leaf.op} {leaf.value.text()}"
        if not term.same and done in (">= 1", "> 0", "== 0", "< 1", "<= 0"):
            kind = "did" if done in (">= 1", "> 0") else "did_not"
            return i18n.text(lang, f"rule.{kind}", what=_within(step_words(term.step, lang), term.within, lang))
    if isinstance(leaf, Compare) and isinstance(leaf.value, Number) and term.kind == "span":
        value = span_words(int(leaf.value.value), lang)
        return i18n.text(lang, f"condition.{_LENGTHS[leaf.op]}", field=said, value=value)
    if isinstance(leaf, Has):
        return i18n.text(lang, "condition.has", field=said)
    return condition_words.leaf_words(leaf, said, lang)


def term_words(term: Term, lang: str) -> str:
    """A term as a person says it."""
    match term:
        case Count(step, within, same):
            kind = "count_same" if same else "count"
            said = i18n.text(lang, f"rule.{kind}", what=step_words(step, lang), field=same)
            return _within(said, within, lang)
        case Figure(which, step, field, within):
            said = i18n.text(lang, f"rule.{which}", what=step_words(step, lang), field=_field(field, lang))
            return _within(said, within, lang)
        case Since(step):
            return i18n.text(lang, "rule.since", what=step_words(step, lang))
        case SinceInstant(field):
            return i18n.text(lang, "rule.since", what=_field(field, lang))
        case Sequence():
            return _within(_sequence(term, lang), term.recent, lang)
        case Reached(steps, within, _):
            said = i18n.text(lang, "rule.reached", what=_arrows(steps, lang))
            return _within(said, within, lang)
        case Was(_, leaf, within):
            said = condition_words.leaf_words(leaf, _field(leaf.field, lang), lang)
            return i18n.text(lang, "rule.was", what=said, span=span_words(within, lang))
        case Member(name):
            return i18n.text(lang, "rule.member", name=name)
        case State(field):
            return _field(field, lang)
        case Trait(name):
            return i18n.text(lang, "rule.trait", name=name)


def span_words(span: int, lang: str) -> str:
    """`30d` as a person says it."""
    return i18n.duration(span, lang)


def _sequence(term: Sequence, lang: str) -> str:
    if term.absent:
        first, last = (step_words(step, lang) for step in term.steps)
        return i18n.text(lang, "rule.then_not", first=first, last=last, span=span_words(term.within, lang))
    return _within(_arrows(term.steps, lang), term.within, lang)


def _arrows(steps: tuple[Step, ...], lang: str) -> str:
    first, *rest = (step_words(step, lang) for step in steps)
    for last in rest:
        first = i18n.text(lang, "rule.then", first=first, last=last)
    return first


def _within(said: str, span: int, lang: str) -> str:
    return i18n.text(lang, "rule.within", what=said, span=span_words(span, lang)) if span else said


def _field(field: str, lang: str) -> str:
    known = i18n.find(lang, f"rule.{field.replace('.', '_')}") or i18n.find(lang, f"field.{field}")
    return known or field.removeprefix("properties.").removeprefix("trait.")
