"""Cards about groups of visitors that were found: personas, what visitors lean to, stages proposed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from afterclick.core.spec import Spec
from afterclick.learn.affinities.affinities import Affinities
from afterclick.learn.personas.personas import Personas
from afterclick.learn.stages.discovery import StageDiscovery
from afterclick.surfaces.viz.affinities import LEANS, affinities
from afterclick.surfaces.viz.discovery import discovery
from afterclick.surfaces.viz.personas import personas
from afterclick.surfaces.web.page import Card, scoped

LOOKS: Final = {"lean": LEANS}
"""What the card of affinities is about."""
SHEETS: Final = ("lists", "wide", "personas")


def _personas(spec: Spec) -> Spec:
    return spec if isinstance(spec, Personas) else scoped(Personas, spec)


def _leaning(spec: Spec, looks: Mapping[str, str]) -> Spec:
    return scoped(Affinities, spec, of=looks["lean"])


def _discovery(spec: Spec) -> Spec:
    return scoped(StageDiscovery, spec)


PERSONAS: Final = Card(personas, ask=_personas, title="personas.cards")
AFFINITIES: Final = Card(affinities, choose=_leaning, title="affinities.title")
STAGES: Final = Card(discovery, ask=_discovery, title="discover.title")
