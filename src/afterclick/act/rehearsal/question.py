"""A rule or a journey run over history: whom it would have reached, how often, when, beside which others, for how much."""

from __future__ import annotations

from copy import copy
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from afterclick.act.rehearsal.telling import figures_of, notes_of, parts_of, sentence_of
from afterclick.act.rehearsal.walking import walk
from afterclick.analyse.context import Context
from afterclick.analyse.question import Compare, Duration, Question
from afterclick.analyse.scope import Scope, scope_of
from afterclick.core.errors import SpecError
from afterclick.core.result import Result
from afterclick.core.said import Said
from afterclick.core.spans import Period
from afterclick.decide.backtest.counted import Counted, counted
from afterclick.decide.backtest.reading import Reading
from afterclick.decide.backtest.running import Firings, History, book_of
from afterclick.decide.backtest.tested import Tested, tested_of

_NOBODY = np.zeros(0, np.int64)


class Backtest(Question, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A backtest: whom a rule or a journey would have reached had it been on, how often, when and for how much."""

    key_word = "backtest"

    rule: Annotated[
        str,
        Meta(
            description="a saved rule's name, or what must hold; with neither rule nor journey every rule that is on",
            max_length=4_000,
            examples=["session.pages >= 4 && visitor.sessions == 1", 'count("Product Viewed", 7d) >= 3'],
        ),
    ] = ""
    on: Annotated[
        tuple[str, ...],
        Meta(
            description="of a rule written here: events at which it is asked; none = it fires when it comes true",
            max_length=20,
            examples=["Product Added"],
        ),
    ] = ()
    once: Annotated[
        str,
        Meta(
            description="of a rule written here: how often a visitor may be reached: session, visitor, ever, or a span",
            pattern=r"^(session|visitor|ever|\d{1,7}(ms|s|m|h|d|w))$",
            examples=["session", "ever", "7d"],
        ),
    ] = "session"
    journey: Annotated[str, Meta(description="a saved journey's name", max_length=120)] = ""
    window: Annotated[Duration, Meta(description="orders so long behind a firing count as what followed it")] = "7d"
    compare: Compare = "none"

    def check(self) -> None:
        """Either a rule or a journey."""
        super().check()
        if self.rule and self.journey:
            raise SpecError(Said("refusals.backtest_of_what"), hint=Said("refusals.give_one_of_them"), path="journey")

    def answer(self, context: Context) -> Result:
        """Run it over all history, switched on at the beginning of the range, with all that is on beside it."""
        scope = scope_of(context, self)
        tested = tested_of(context.snapshot.definitions, self.rule, self.journey, self.on, self.once)
        history, firings = ran(scope, tested, scope.period)
        found = counted(scope, tested, firings)
        before = None
        if scope.previous is not None and tested.asked:
            _, earlier = ran(scope, tested, scope.previous)
            before = _asked(counted(scope, tested, earlier), tested)
        asked = _asked(found, tested)
        result = Reading(scope, self, tested, found, firings, history, asked, before, self.window).result()
        return self._walked(scope, asked, result) if self.journey else result

    def _walked(self, scope: Scope, asked: Counted, result: Result) -> Result:
        """With what the messages of the journey would have met."""
        journey = next(one for one in scope.context.snapshot.definitions.journeys if one.name == self.journey)
        until = min(scope.as_of, scope.period.end - 1)
        walked = walk(scope.context, journey, asked.key, scope.period.start, until)
        parts = parts_of(journey, walked)
        more = result.with_sentence(sentence_of(journey, walked, parts)) if walked.walked else copy(result)
        more.parts = {**result.parts, **parts}
        more.figures = {**result.figures, **figures_of(parts)}
        more.notes = (*result.notes, *notes_of(walked))
        return more


def ran(scope: Scope, tested: Tested, period: Period) -> tuple[History, Firings]:
    """The rules over all history, those that fire inside a period."""
    book = book_of(scope.context, tested.rules, period.start)
    history = History(scope.context, book, period, scope.as_of)
    return history, history.firings()


def _asked(found: list[Counted], tested: Tested) -> Counted:
    """The firings of all that was asked about, by instant."""
    mine = found[: tested.asked]
    whole: list[Any] = [
        np.concatenate([_NOBODY, *(getattr(one, name) for one in mine)]) for name in ("label", "key", "at", "row", "timed")
    ]
    order = np.lexsort((whole[0], whole[2]))
    return Counted("", *(column[order] for column in whole))
