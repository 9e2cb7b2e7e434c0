"""The stages of a journey: an ordered list of names with the events that enter them."""

from __future__ import annotations

from typing import Final, NamedTuple

from afterclick.core.errors import SpecError
from afterclick.core.said import Said
from afterclick.core.step import Step
from afterclick.store.definitions import Definitions


class Stage(NamedTuple):
    """A stage is entered by the first event that meets one of the steps; `question_id` is its text in the catalogue."""

    name: str
    question: str
    question_id: str
    enter: tuple[Step, ...]


DEFAULT: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("Attract", ("Page Viewed", "Screen Viewed", "Ad Clicked", "Message Clicked")),
    (
        "Convert",
        (
            "Signed Up", "Lead Submitted", "Newsletter Subscribed", "Identified[contact]",
        ),
    ),
    ("Close", ("Product Added", "Cart Viewed", "Checkout Started")),
    ("Delight", ("Order Completed",)),
)  # fmt: skip


def stages_of(definitions: Definitions) -> tuple[Stage, ...]:
    """The store's own stages, or the default four. Raises SpecError naming the stage whose rule cannot be read."""
    if not definitions.stages:
        return tuple(
            Stage(name, "", f"stage.{name.lower()}.question", tuple(Step.parse(text) for text in enter))
            for name, enter in DEFAULT
        )
    found = []
    for stage in definitions.stages:
        try:
            steps = tuple(Step.parse(text) for text in stage.enter)
        except SpecError as error:
            raise SpecError(
                Said("refusals.stage_wrong", name=stage.name, message=error.said),
                hint=error.advice,
                path=f"stages.{stage.name}",
            ) from None
        found.append(Stage(stage.name, stage.question, "", steps))
    return tuple(found)
