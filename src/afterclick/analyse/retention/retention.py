"""Retention: how many of those who began come back, and when."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, structs

from afterclick.analyse.context import Context
from afterclick.analyse.question import Question
from afterclick.analyse.retention.periods import HEADLINES, INTERVAL_PATTERN, MOST, columns_of
from afterclick.analyse.retention.reading import read
from afterclick.analyse.retention.rules import rule
from afterclick.analyse.scope import scope_of
from afterclick.core.errors import SpecError
from afterclick.core.result import Result
from afterclick.core.said import Said
from afterclick.core.step import Step


class Retention(Question, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many of those who began come back, period by period."""

    key_word = "retention"

    start: Annotated[
        str,
        Meta(
            description="what puts a visitor into a cohort: Event or Event[condition]; * = anything they do",
            examples=["*", "Order Completed", "Order Completed[revenue >= 20000]"],
        ),
    ] = "*"
    back: Annotated[
        str,
        Meta(
            description="what counts as coming back; empty = the same as start",
            examples=["", "Order Completed", "Page Viewed"],
        ),
    ] = ""
    cohort: Annotated[
        Literal["first", "recurring"],
        Meta(
            description="a visitor stands in one cohort, that of the first start ever, over all history; "
            "or in the cohort of every interval with a start"
        ),
    ] = "first"
    interval: Annotated[
        str,
        Meta(
            description="day, week or month of the site's zone; 24h = blocks from the very start; or brackets of days",
            pattern=INTERVAL_PATTERN,
            examples=["day", "week", "month", "24h", "0,1-3,4-7", "0,1,7±1,30±3"],
        ),
    ] = "day"
    count: Annotated[
        Literal["on", "on_or_after", "rolling"],
        Meta(
            description="came back in that very period, in it or any later one, or at least once in period 1 up to it"
        ),
    ] = "on"
    base: Annotated[
        Literal["start", "previous"],
        Meta(description="of the cohort, or of those who came back in the period before: how many came again"),
    ] = "start"
    mean: Annotated[
        Literal["weighted", "simple"],
        Meta(description="over cohorts whose period is over: all returned ÷ all who began, or the mean of their rates"),
    ] = "weighted"
    measure: Annotated[
        Literal["visitors", "revenue"],
        Meta(description="visitors who came back, or what they spend beside what they spent in the first period"),
    ] = "visitors"
    periods: Annotated[
        int,
        Meta(
            description="the last period shown; 0 = as many as there can be, up to 31 days, 12 weeks or 12 months",
            ge=0,
            le=MOST,
        ),
    ] = 0
    by: Annotated[
        str,
        Meta(
            description="break down by this field of the start, at most 10 groups", examples=["channel", "device_type"]
        ),
    ] = ""

    def check(self) -> None:
        """Rules and brackets must be readable, and the options fit each other."""
        super().check()
        self.starting, self.returning  # noqa: B018 - reading them is the check
        if self.interval not in HEADLINES:
            columns_of(self.interval)
            if self.periods:
                raise SpecError(
                    Said("refusals.brackets_reach"),
                    hint=Said("refusals.leave_out_periods"),
                    path="periods",
                )
        if self.count == "rolling" and self.base == "previous":
            raise SpecError(
                Said("refusals.rolling_base"),
                hint=Said("refusals.leave_out_base"), path="base",
            )  # fmt: skip
        if self.measure == "revenue" and self.back:
            raise SpecError(Said("refusals.revenue_back"), hint=Said("refusals.leave_out_back"), path="back")

    @property
    def starting(self) -> Step:
        """The rule that puts a visitor into a cohort."""
        return rule(self.start, "start")

    @property
    def returning(self) -> Step | None:
        """The rule of coming back, None where it is the same."""
        return rule(self.back, "back") if self.back else None

    def spent(self) -> Retention | None:
        """What the same cohorts spend; None where this question asks for that already."""
        return None if self.measure == "revenue" else structs.replace(self, measure="revenue", back="")

    def answer(self, context: Context) -> Result:
        """Find the cohorts and who came back."""
        return read(scope_of(context, self), self)
