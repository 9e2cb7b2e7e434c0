"""What must not happen between two steps of a funnel, in one text: `Coupon Denied[code == "X"] 2..3`."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

import msgspec

from afterclick.core.errors import SpecError
from afterclick.core.said import Said, Spoken
from afterclick.core.step import Step

_BETWEEN: Final = re.compile(r"(?P<step>.*\S)\s+(?P<after>\d{1,4})\.\.(?P<before>\d{1,4})\s*", re.DOTALL)


class Exclusion(msgspec.Struct, frozen=True, kw_only=True):
    """An event that ends an attempt after it took step `after` and before it takes step `before`, both counted from 1.

    Raises SpecError where the steps do not follow one another, or the event carries a suffix of a step.
    """

    step: Step
    after: int
    before: int

    def __post_init__(self) -> None:
        if not 1 <= self.after < self.before:
            raise _error(
                Said("refusals.exclusion_between", after=self.after, before=self.before),
                Said("refusals.rising_numbers"),
            )
        if self.step.optional or self.step.anchored:
            raise _error(Said("refusals.exclusion_suffix"), Said("refusals.write_exclusion"))

    @classmethod
    def parse(cls, text: str, *, fields: Collection[str] | None = None, path: str = "without") -> Exclusion:
        """Read an exclusion. Raises SpecError with what is wrong and how it would be written."""
        found = _BETWEEN.fullmatch(text)
        if found is None:
            raise _error(
                Said("refusals.exclusion_without_steps", text=text),
                Said("refusals.write_exclusion_steps"),
                path,
            )
        step = Step.parse(found["step"], fields=fields, path=path)
        try:
            return cls(step=step, after=int(found["after"]), before=int(found["before"]))
        except SpecError as error:
            raise _error(error.said, error.advice, path) from None

    def text(self) -> str:
        """The canonical text; `Exclusion.parse(text)` gives an equal exclusion."""
        return f"{self.step.text()} {self.after}..{self.before}"

    def __str__(self) -> str:
        return self.text()


def _error(message: Spoken, hint: Spoken, path: str = "without") -> SpecError:
    return SpecError(message, hint=hint, path=path, code="bad_exclusion")
