"""What buyers will still bring, who of them is still there, and whether it pays to win more of them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from afterclick.analyse.context import Context
from afterclick.analyse.question import SessionQuestion
from afterclick.core import spans
from afterclick.core.errors import SpecError
from afterclick.core.result import Result
from afterclick.core.said import Said

MOST_MONTHS = 60
_ENDLESS = ("pareto", "bgbb")


class Value(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lifetime value: what buyers will still bring, how many of them are still customers, and what winning one costs."""

    key_word = "value"

    model: Annotated[
        Literal["mbg", "pareto", "bg", "bgbb"],
        Meta(description="model of the orders to come: MBG/NBD, Pareto/NBD, BG/NBD, or BG/BB by weeks"),
    ] = "mbg"
    horizon: Annotated[
        str,
        Meta(
            description="how far ahead orders count, in months; ever (pareto and bgbb only) = without end",
            pattern=r"^(\d{1,2}mo|ever)$",
            examples=["12mo", "36mo", "ever"],
        ),
    ] = "12mo"
    discount_rate: Annotated[
        float, Meta(description="what money is worth less a year later; 0.1 = 10% a year", ge=0, le=1)
    ] = 0.1
    margin: Annotated[
        float, Meta(description="part of revenue that is left of an order; 1 = all of it", gt=0, le=1)
    ] = 1.0
    by: Annotated[
        Literal["channel", "source", "medium", "campaign", "term", "content", "media"],
        Meta(description="what a row of the table is: where the visit came from that won the buyer"),
    ] = "channel"
    touch: Annotated[
        Literal["last", "first"],
        Meta(description="the visit that won a buyer: that of the first order, or the visitor's first one"),
    ] = "last"
    holdout: Annotated[
        str,
        Meta(
            description="latest days kept back to see how well the model foresees them: auto = half of them, off",
            pattern=r"^(auto|off|\d{1,5}(d|w))$",
            examples=["auto", "off", "90d", "13w"],
        ),
    ] = "auto"

    def check(self) -> None:
        """A horizon without end needs a discount and a model that can add it up."""
        super().check()
        if self.horizon == "ever":
            if self.model not in _ENDLESS:
                raise SpecError(
                    Said("refusals.no_value_without_end"), hint=Said("refusals.write_pareto"), path="horizon"
                )
            if not self.discount_rate:
                raise SpecError(Said("refusals.no_bound"), hint=Said("refusals.write_tenth"), path="discount_rate")
        elif not 1 <= self.months <= MOST_MONTHS:
            raise SpecError(
                Said("refusals.horizon_far", horizon=self.horizon),
                hint=Said("refusals.write_horizon", most_months=MOST_MONTHS),
                path="horizon",
            )
        if self.holdout not in ("auto", "off") and self.holdout_days < 1:
            raise SpecError(Said("refusals.holdout_no_days"), hint=Said("refusals.write_holdout"), path="holdout")

    @property
    def months(self) -> int:
        """Months of the horizon, 0 for one without end."""
        return 0 if self.horizon == "ever" else int(self.horizon.removesuffix("mo"))

    @property
    def holdout_days(self) -> int:
        """Days kept back; 0 where half of them are."""
        return 0 if self.holdout in ("auto", "off") else spans.micros(self.holdout) // spans.DAY

    def answer(self, context: Context) -> Result:
        """All buyers of the store's history up to `as_of`: expected orders and their value, month by month and by group.

        The range decides one thing only: whose cost and whose new buyers the columns about winning them compare.
        """
        from afterclick.learn.value.answer import answered  # noqa: PLC0415 - scipy and the models, when they are asked for

        return answered(self, context)
