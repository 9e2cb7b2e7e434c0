"""A journey laid out flat: its steps by number, each knowing the one behind it, so that a run is one number."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from afterclick.core import rule, spans
from afterclick.core.step import Step
from afterclick.store.automations import Journey, Node, Wait, nodes

END: Final = -1
"""The number behind the last step."""
_PACK: Final = msgspec.json.Encoder(order="sorted")


class Place(NamedTuple):
    """A step, its place as `store.automations.nodes` writes it, the number of the one behind it, and of the first ones
    inside it by `then`, `otherwise` or the name of a way."""

    place: str
    node: Node
    following: int
    inner: Mapping[str, int]

    @property
    def wait(self) -> Wait | None:
        """What it waits for."""
        return self.node.wait


class Program:
    """One version of a journey, ready to be walked. Raises SpecError for steps that cannot be read."""

    def __init__(self, journey: Journey) -> None:
        self.journey = journey
        self.places = [Place(place, node, END, {}) for place, node in nodes(journey.steps)]
        self._numbers = {place.place: number for number, place in enumerate(self.places)}
        self.first = 0 if self.places else END
        self._link(journey.steps, "", END)
        self.grace = spans.micros(journey.grace)
        self.goal = tuple(Step.parse(text, path="goal") for text in journey.goal)
        self.leave = tuple(Step.parse(text, path="leave") for text in journey.leave)
        self.awaited = tuple(
            (number, Step.parse(place.node.wait.event, path=f"steps.{place.place}"))
            for number, place in enumerate(self.places)
            if place.node.wait is not None and place.node.wait.event
        )
        self.asked = {
            number: frozenset((place.node.wait.condition, rule.parse(place.node.wait.condition, path=place.place).text))
            for number, place in enumerate(self.places)
            if place.node.wait is not None and place.node.wait.condition
        }
        self.entry = Step.parse(journey.entry.event, path="entry.event") if journey.entry.event else None

    @property
    def names(self) -> frozenset[str]:
        """The events that may move or end a run; `*` stands for every one."""
        steps = (*self.goal, *self.leave, *(step for _, step in self.awaited))
        return frozenset(step.event for step in steps)

    def _link(self, steps: Sequence[Node], prefix: str, behind: int) -> None:
        """Tell each step of a list what comes behind it; `behind` the last one it is what stands behind the list."""
        for i, node in enumerate(steps):
            here = f"{prefix}{i}"
            following = self._numbers[f"{prefix}{i + 1}"] if i + 1 < len(steps) else behind
            inside = _inside(node)
            inner = {name: self._numbers.get(f"{here}.{name}.0", following) for name in inside}
            self.places[self._numbers[here]] = Place(here, node, following, inner)
            for name, its in inside.items():
                self._link(its, f"{here}.{name}.", following)


def _inside(node: Node) -> dict[str, Sequence[Node]]:
    """The lists of steps inside a step, by name."""
    if node.branch is not None:
        return {"then": node.branch.then, "otherwise": node.branch.otherwise}
    return {way.name: way.steps for way in node.split}


def digest(journey: Journey) -> str:
    """What a version says, as 32 hex: two documents that do the same have one, whatever their state."""
    plain = msgspec.structs.replace(journey, state="draft", on_since=0, tested="")
    return hashlib.sha256(_PACK.encode(plain)).hexdigest()[:32]


def body(journey: Journey) -> bytes:
    """A version as it is kept."""
    return _PACK.encode(journey)


def from_body(stored: bytes) -> Journey:
    """A version that was kept."""
    return msgspec.json.decode(stored, type=Journey)
