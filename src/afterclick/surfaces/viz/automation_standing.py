"""How a journey stands right now: who is on the way and at which step, who came, and how it ended for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from afterclick.store.automations import Journey, nodes
from afterclick.surfaces.viz import automation_words as words
from afterclick.surfaces.viz.markup import Html, el
from afterclick.surfaces.viz.voice import Voice

if TYPE_CHECKING:
    from afterclick.act.journeys.standing import Standing


def standing(journey: Journey, found: Standing, voice: Voice) -> Html:
    """A card with the figures of `lines`."""
    items = [el("li", None, text) for text in lines(journey, found, voice)]
    return el(
        "section",
        {"class": "panel card", "id": "standing"},
        el("h2", None, voice.text("automations.standing")),
        el("ul", {"class": "notes"}, items),
    )


def lines(journey: Journey, found: Standing, voice: Voice) -> list[str]:
    """Sentences: who came, who waits where (steps of older versions by their place), how runs ended, who was not let in."""
    steps = dict(nodes(journey.steps))
    told = [voice.text("automations.standing_entered", n=voice.number(found.entered))]
    for place, n in sorted(found.waiting.items()):
        at = words.step(steps[place], voice) if place in steps else place
        told.append(voice.text("automations.standing_waiting", n=voice.number(n), step=at))
    for why, n in sorted(found.held.items()):
        told.append(voice.text("automations.standing_held", n=voice.number(n), why=why))
    if found.next_at is not None:
        told.append(voice.text("automations.standing_next", at=voice.instant(found.next_at)))
    for key, counts in (("ended", found.ended), ("refused", found.refused)):
        if counts:
            told.append(voice.text(f"automations.standing_{key}", what=_counted(key, counts, voice)))
    return told


def _counted(key: str, counts: Mapping[str, int], voice: Voice) -> str:
    parts = [
        f"{voice.known(f'automations.{key}_{reason}') or reason} {voice.number(n)}" for reason, n in sorted(counts.items())
    ]
    return ", ".join(parts)
