"""How other products count a funnel, as values of our own fields: a preset fills what the asker left at its default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PRESETS: Final[Mapping[str, Mapping[str, str]]] = {
    "posthog": {
        "within": "14d", "within_from": "first", "entry": "best", "without_ends": "visitor", "ties": "either",
        "tie_tolerance": "0ms", "clip": "range", "by_value": "first",
    },
    "mixpanel": {"within": "7d", "entry": "first", "without_ends": "attempt", "ties": "either", "tie_tolerance": "2s"},
    "amplitude": {"ties": "either", "tie_tolerance": "1s"},
}  # fmt: skip
"""Read in the public documentation of each (September 2026); no preset says anything of a field it does not list."""

STATES_WITHIN: Final = frozenset({"amplitude"})
"""Presets of products whose window is always the asker's own."""


def filling(preset: str, given: Mapping[str, object]) -> dict[str, str]:
    """The fields a preset fills, with their values: those it lists that are not among the `given` (changed) ones."""
    return {name: value for name, value in PRESETS.get(preset, {}).items() if name not in given}
