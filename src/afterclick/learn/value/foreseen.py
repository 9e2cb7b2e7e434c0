"""Everything the answer about value is made of, each computed when it is first asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from afterclick.analyse.scope import Scope
from afterclick.learn.value import acquired, fits, holdout
from afterclick.learn.value.acquired import Acquired
from afterclick.learn.value.fits import Fitted
from afterclick.learn.value.fitting import Fit
from afterclick.learn.value.holdout import Holdout
from afterclick.learn.value.models import MODELS
from afterclick.learn.value.outlook import Outlook, Spread, Terms, spread
from afterclick.learn.value.purchases import Counted, Purchases
from afterclick.learn.value.spend import spend_of
from afterclick.learn.value.value import Value

HONEST: Final = ("mbg", "pareto")
"""Models whose chance to be alive is shown; another one's is taken from the default (SEMANTICS 10)."""


@dataclass(frozen=True)
class Foreseen:
    """The histories, the fits and what follows from them; `outlook` None with `reason` where no model holds."""

    question: Value
    scope: Scope
    purchases: Purchases
    counted: Counted = field(repr=False)
    fitted: Fitted

    @property
    def reason(self) -> str:
        """Why nothing can be foreseen, "" if it can."""
        return "no_orders" if not len(self.purchases.buyers) else self.fitted.lifetime.reason or self._lives[0].reason

    @property
    def money_reason(self) -> str:
        """Why no value can be foreseen."""
        return self.reason or ("mixed_currencies" if self.purchases.mixed else self.fitted.spend.reason)

    @cached_property
    def _lives(self) -> tuple[Fit, Counted]:
        """The fit that says who is there, and what it was fitted on."""
        if self.question.model in HONEST:
            return self.fitted.lifetime, self.counted
        counted = self.purchases.counted("day")
        return fits.lifetime_of(self.scope, self.purchases, counted, "mbg")[0], counted

    @cached_property
    def outlook(self) -> Outlook | None:
        """What to expect of every buyer."""
        if self.reason:
            return None
        question, (lives, counted) = self.question, self._lives
        model = MODELS[question.model](self.fitted.lifetime.values)
        own = lives is self.fitted.lifetime
        return Outlook(
            model, self.counted, model if own else MODELS["mbg"](lives.values), counted.histories,
            None if self.money_reason else spend_of(self.fitted.spend),
            Terms(question.months, question.discount_rate, question.margin),
        )  # fmt: skip

    @cached_property
    def spread(self) -> Spread | None:
        """The intervals."""
        if self.outlook is None:
            return None
        spend = None if self.money_reason else self.fitted.spend
        return spread(self.outlook, self.fitted.lifetime, self._lives[0], spend)

    @cached_property
    def held(self) -> Holdout | None:
        """The model fitted on the past alone, beside what came since; None where there is too little of either."""
        if self.question.holdout == "off" or not len(self.purchases.buyers):
            return None
        day = holdout.split_of(self.purchases, self.question.holdout_days)
        if day is None:
            return None
        model, unit = self.question.model, fits.unit_of(self.question.model)
        before = self.purchases.up_to(day)
        counted = before.counted(unit)
        found, _ = fits.lifetime_of(self.scope, before, counted, model, f"before {self.question.holdout}")
        if found.reason:
            return None
        return holdout.holdout(self.purchases, before, counted, MODELS[model](found.values), unit == "week")

    @cached_property
    def groups(self) -> Acquired:
        """Buyers by what won them."""
        question = self.question
        return acquired.acquired(
            self.scope, question.by, question.touch, self.purchases, self.outlook, self.money_reason
        )
