"""Attribution: what orders are owed to, by every model side by side, and what that is worth beside its cost."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from afterclick.analyse.attribution import transforms
from afterclick.analyse.attribution.conversions import is_order
from afterclick.analyse.attribution.models import DATA_DRIVEN
from afterclick.analyse.attribution.reading import read
from afterclick.analyse.attribution.rules import Shape
from afterclick.analyse.context import Context
from afterclick.analyse.question import Duration, SessionQuestion
from afterclick.analyse.scope import scope_of
from afterclick.core import spans
from afterclick.core.errors import SpecError
from afterclick.core.result import Result
from afterclick.core.said import Said
from afterclick.core.step import Step

_CUSTOM = r"^(|\d{1,6}(\.\d{1,6})?/\d{1,6}(\.\d{1,6})?/\d{1,6}(\.\d{1,6})?)$"


class Attribution(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Attribution: which channels and campaigns orders are owed to, by every model side by side."""

    key_word = "attribution"

    goal: Annotated[
        str,
        Meta(
            description="what is credited: orders, net of refunds, or another Event[condition] with its amount",
            examples=["Order Completed", "Signed Up", "Order Completed[revenue >= 20000]"],
        ),
    ] = "Order Completed"
    action: Annotated[
        tuple[Literal["sent", "viewed", "opened", "clicked", "visited"], ...],
        Meta(
            description="what counts as a touch: a message sent, an ad viewed, a message opened, a click (also a visit that "
            "came from elsewhere), any visit; several count together",
            min_length=1,
        ),
    ] = ("clicked",)
    within: Annotated[
        str,
        Meta(
            description="a touch counts this long before the conversion, the edge included; any = however long",
            pattern=spans.DURATION_PATTERN.replace("^", "^(any|").replace("$", ")$"),
            examples=["7d", "14d", "30d", "90d", "any"],
        ),
    ] = "30d"
    scope: Annotated[
        Literal["basket", "item"],
        Meta(description="credit the whole order, or only its lines whose product, category or collection was promoted"),
    ] = "basket"
    touch: Annotated[
        Literal[
            "first", "last", "last_non_direct", "prioritise", "linear", "time_decay", "position", "j", "inverse_j",
            "custom", "any", "markov", "shapley",
        ],
        Meta(description="the model that leads the answer; the others stand beside it"),
    ] = "last"  # fmt: skip
    by: Annotated[
        Literal["channel", "source", "campaign", "ad", "message", "landing"], Meta(description="what credit is given to")
    ] = "channel"
    touch_unit: Annotated[
        Literal["session", "event", "message"],
        Meta(
            description="a visit is one touch; or each event that came from elsewhere is; or all that was done with one "
            "message is"
        ),
    ] = "session"
    conversions: Annotated[
        Literal["every", "first"], Meta(description="every conversion, or each visitor's first one ever")
    ] = "every"
    reset: Annotated[
        Literal["none", "order"],
        Meta(description="touches before an earlier conversion still count, or no more; in markov's and shapley's paths never"),
    ] = "none"
    same_time: Annotated[
        Literal["out", "counts"],
        Meta(description="a touch at the very instant of the conversion; counts only for data of whole seconds or days"),
    ] = "out"
    transforms: Annotated[
        tuple[Annotated[str, Meta(pattern=transforms.PATTERN)], ...],
        Meta(
            description="what is done to a path first: collapse repeats, keep the first of each, count them, drop a value "
            "at the end or everywhere",
            examples=transforms.EXAMPLES,
        ),
    ] = ()
    machines: Annotated[
        Literal["out", "in"], Meta(description="messages opened and clicked by programs: left out or counted")
    ] = "out"
    half_life: Annotated[Duration, Meta(description="time after which a touch weighs half, by time_decay")] = "7d"
    compat: Annotated[
        Literal["none", "posthog"], Meta(description="posthog: the half-life is a quarter of the window, at least 1d")
    ] = "none"
    custom: Annotated[
        str,
        Meta(
            description="a shape of one's own: parts for the first touch / all in the middle / the last",
            pattern=_CUSTOM,
            examples=["30/40/30"],
        ),
    ] = ""
    markov_order: Annotated[int, Meta(description="touches that markov remembers", ge=1, le=5)] = 1
    nulls: Annotated[
        Literal["in", "out"], Meta(description="paths without a conversion: part of what markov learns from, or not")
    ] = "in"
    data_driven: Annotated[
        Literal["on", "off"], Meta(description="markov and shapley with their intervals beside the rules")
    ] = "on"

    def check(self) -> None:
        """The goal must be readable; a model must be able to answer what is asked."""
        super().check()
        step = self.step
        if step.optional or step.anchored:
            raise SpecError(Said("refusals.goal_one_event"), hint=Said("refusals.leave_out_signs"), path="goal")
        if len(set(self.action)) < len(self.action):
            raise SpecError(Said("refusals.action_twice"), hint=Said("refusals.name_once"), path="action")
        if self.touch in DATA_DRIVEN and (self.scope == "item" or self.data_driven == "off"):
            raise SpecError(
                Said("refusals.whole_baskets", touch=self.touch),
                hint=Said("refusals.ask_scope_basket"),
                path="touch",
            )
        if self.scope == "item" and not is_order(step):
            raise SpecError(Said("refusals.only_orders_items"), hint=Said("refusals.leave_goal_out"), path="scope")
        if self.custom and self.shape is None:
            raise SpecError(Said("refusals.shape_needs_part"), hint=Said("refusals.write_shape"), path="custom")
        if self.touch == "custom" and not self.custom:
            raise SpecError(Said("refusals.custom_needs_shape"), hint=Said("refusals.give_shape"), path="touch")

    @property
    def step(self) -> Step:
        """The goal. Raises SpecError for an unreadable one."""
        return Step.parse(self.goal, path="goal")

    @property
    def window(self) -> int:
        """`within` in microseconds, -1 for any."""
        return -1 if self.within == "any" else spans.micros(self.within)

    @property
    def half_life_micros(self) -> int:
        """The half-life in microseconds, at least one."""
        if self.compat == "posthog" and self.window >= 0:
            return max(self.window // 4, spans.DAY)
        return max(spans.micros(self.half_life), 1)

    @property
    def shape(self) -> Shape | None:
        """The custom shape, None where none is given."""
        parts = [float(part) for part in self.custom.split("/")] if self.custom else [0.0]
        return (parts[0], parts[1], parts[2]) if sum(parts) > 0 else None

    def answer(self, context: Context) -> Result:
        """One row per value and one for what no touch is credited with; revenue adds up to all revenue by every model.

        Touches at or after the conversion never count. Rules credit each conversion for itself; markov and shapley learn
        from all paths of the range, and carry 95 % intervals of 200 resamples of the visitors.
        """
        return read(scope_of(context, self), self)

