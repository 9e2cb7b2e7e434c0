"""A hand-made answer to Feedback of a shop in which nobody was asked."""

from __future__ import annotations

import pyarrow as pa

from afterclick.analyse.feedback.feedback import Feedback
from afterclick.analyse.feedback.scores import SCHEMA
from afterclick.core.errors import SpecError
from afterclick.core.result import Result, Text


def no_feedback(spec: Feedback) -> Result:
    """No answer at all: the map then has no lane of feedback."""

    def nobody(cell: str) -> None:
        raise SpecError(f"feedback has no cell {cell!r}", path="people")

    return Result(
        spec, pa.Table.from_pylist([], schema=SCHEMA), sentence=Text("sentence.feedback_empty"), figures={"given": 0},
        about={"visitors": 0, "by": spec.by}, people=nobody,
    )  # fmt: skip
