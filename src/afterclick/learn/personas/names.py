"""Neutral names of personas, made of the behaviours that set them apart."""

from __future__ import annotations

from afterclick.core.result import Term
from afterclick.learn.personas.features import VISITS
from afterclick.learn.personas.portraits import TOLD, Trait


def label(one: Trait) -> str:
    """A behaviour in any language: its name, and how often where that is more than once."""
    return one.name if one.least == 1 or one.name == VISITS else f"{one.name} ≥{one.least}"


def term(one: Trait) -> Term | str:
    """A behaviour inside a sentence."""
    return Term("personas.came_back", label(one)) if one.name == VISITS else label(one)


def telling(found: list[Trait]) -> list[Trait]:
    """The three behaviours that set a persona apart: those it does more, the most telling first, then those it does less."""
    return sorted((one for one in found if one.sure), key=lambda one: one.lift <= 1)[:TOLD]


def naming(found: list[Trait]) -> list[Trait]:
    """The behaviours that name a persona: of those that set it apart the ones it does more, all where there is none."""
    told = telling(found)
    return [one for one in told if one.lift > 1] or told


def said_name(found: list[Trait]) -> list[Term | str]:
    """The name of a persona inside a sentence, as its behaviours."""
    return [term(one) for one in naming(found)]
