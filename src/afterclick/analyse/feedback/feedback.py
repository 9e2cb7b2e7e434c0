"""What visitors say: net promoter score, scores by stage, place, item and time, and the words that low scores go with."""

from __future__ import annotations

from typing import Annotated, Literal, Self

import pyarrow as pa
from msgspec import Meta

from afterclick.analyse.context import Context
from afterclick.analyse.feedback.cells import Cells
from afterclick.analyse.feedback.reading import Reading, scope_fields
from afterclick.analyse.feedback.scores import SCHEMA
from afterclick.analyse.question import SessionQuestion
from afterclick.analyse.scope import scope_of
from afterclick.core.result import Result


class Feedback(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Feedback: what visitors answer and write, how they score it, and which words low scores go with."""

    key_word = "feedback"

    by: Annotated[
        Literal["survey", "stage", "touchpoint", "item", "channel"],
        Meta(description="what a row is: a survey, the stage or page it was given at, an item, a channel"),
    ] = "survey"
    interval: Annotated[
        Literal["auto", "hour", "day", "week", "month"], Meta(description="what a point of a curve is")
    ] = "auto"
    top: Annotated[int, Meta(description="rows and words shown", ge=1, le=200)] = 20
    barrier: Annotated[
        str,
        Meta(
            description="a barrier's key: adds what those who met it say, beside visitors alike who did not",
            examples=["error:Coupon Denied"],
        ),
    ] = ""

    @classmethod
    def lane(cls, spec: SessionQuestion) -> Self:
        """The question of the map's lane: by stage, in the scope of another question."""
        return cls(**scope_fields(spec), by="stage")

    @classmethod
    def about(cls, spec: SessionQuestion) -> Self | None:
        """What was said by those who met the barrier that another question asks `why` of; None where it asks of none."""
        key = str(getattr(spec, "why", ""))
        return cls(**scope_fields(spec), barrier=key) if key else None

    def answer(self, context: Context) -> Result:
        """Scores by the values asked for, over time, words, and quotes; see the parts for all but the first."""
        scope = scope_of(context, self)
        found = Reading(scope, self)
        figures = found.figures()
        return Result(
            self, pa.Table.from_pylist(found.rows(), schema=SCHEMA), sentence=found.sentence(figures), figures=figures,
            parts=found.parts(), notes=found.notes(figures), people=Cells(found).of,
            about=scope.about("answers", visitors=figures["visitors"], by=self.by),
        )  # fmt: skip
