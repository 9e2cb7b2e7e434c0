"""Affinities: which category, brand or price level visitors lean to, known or not, by the share of what they did."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Annotated, Any, Final, Literal

import numpy as np
import pyarrow as pa
from msgspec import Meta

from afterclick.analyse.context import Context
from afterclick.analyse.describe import people_of
from afterclick.analyse.handles import the_one
from afterclick.analyse.measures import measures
from afterclick.analyse.question import Compare, Duration, SessionQuestion
from afterclick.analyse.scope import Scope, scope_of
from afterclick.analyse.visitor import Visitor
from afterclick.core import spans
from afterclick.core.condition_tree import quoted
from afterclick.core.event import INSTANT
from afterclick.core.moments import Quantiles
from afterclick.core.result import Note, People, Result, Term, Text
from afterclick.learn.affinities.products import PRICE, Attribute, attribute
from afterclick.learn.affinities.signals import Signals, signals_of
from afterclick.learn.affinities.strengths import ACTIONS, UNIT, Weights
from afterclick.learn.affinities.tastes import SHOWN, Tastes

Weight = Annotated[float, Meta(description="what one such signal counts", ge=0, le=1000)]
_FRAME: Final = pa.schema(
    [
        ("value", pa.string()), ("visitors", pa.int64()), ("leading", pa.int64()), ("leading_rate", pa.float64()),
        ("strength", pa.float64()), ("share_rate", pa.float64()), ("signals", pa.int64()),
        ("signals_per_visitor", pa.float64()), ("recency_seconds", pa.float64()), ("last_at", INSTANT),
        *((name, pa.int64()) for name in ACTIONS), ("up_to", pa.float64()), ("where", pa.string()),
    ]
)  # fmt: skip


class Affinities(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Affinities: the category, brand or price level visitors lean to, anonymous ones too, and how recently."""

    key_word = "affinities"

    compare: Compare = "none"
    of: Annotated[Literal["category", "brand", "price"], Meta(description="what visitors may lean to")] = "category"
    visitor: Annotated[
        str,
        Meta(description="one visitor, by any id; empty = all visitors of the range", max_length=500,
             examples=["a:1f3a9c", "u:1042"]),
    ] = ""  # fmt: skip
    top: Annotated[int, Meta(description="rows of the list", ge=1, le=1000)] = 100
    half_life: Annotated[Duration, Meta(description="after this long a signal counts half")] = "14d"
    view_weight: Weight = 1.0
    wish_weight: Weight = 2.0
    search_weight: Weight = 1.0
    basket_weight: Weight = 3.0
    order_weight: Weight = 5.0
    found_factor: Annotated[
        float, Meta(description="how much more a view counts that a search or a category led to", ge=0, le=1000)
    ] = 1.5

    def answer(self, context: Context) -> Result:
        """Per value the visitors who lean to it: its share of their strengths, action × referral × 2^(−age ÷ half-life).

        Ages end with the range. Only visitors with three signals or more are said to lean anywhere; with `visitor` the
        rows are of that one. Raises SpecError where no event carries the id.
        """
        return _Found(scope_of(context, self), self).result()

    @classmethod
    def of_visitor(cls, one: Visitor, of: str) -> Affinities:
        """The question about the visitor of another question, in its scope; `of` as the field."""
        fields = {field.name: getattr(one, field.name) for field in SessionQuestion.fields()}
        return cls(**fields | {"visitor": one.id, "of": of})

    def weights(self) -> Weights:
        """What signals count."""
        return Weights(
            self.view_weight, self.wish_weight, self.search_weight, self.basket_weight, self.order_weight,
            self.found_factor, max(spans.micros(self.half_life), 1),
        )  # fmt: skip


class _Found:
    """The affinities of one scope."""

    def __init__(self, scope: Scope, question: Affinities) -> None:
        self.scope, self.question = scope, question
        self.m = measures(scope, scope.period)
        self.end = min(scope.period.end, scope.as_of)

    @cached_property
    def attribute(self) -> Attribute | None:
        return attribute(self.scope.context, self.question.of)

    @property
    def values(self) -> list[str]:
        return self.attribute.values if self.attribute else []

    @cached_property
    def tastes(self) -> Tastes:
        of, question, empty = self.attribute, self.question, np.zeros(0, np.int64)
        if of is None:
            return Tastes(Signals(empty, empty, empty, empty, empty), 0)
        return Tastes(signals_of(self.m, of, question.of, question.weights(), self.end), len(of.values))

    @cached_property
    def one(self) -> int | None:
        """The place among the visitors with signals of the visitor asked for, -1 for one without; None for all."""
        if not self.question.visitor:
            return None
        label = the_one(self.scope.context, self.scope.labels, self.question.visitor).visitors[-1]
        place = int(np.searchsorted(self.tastes.visitors, label))
        known = place < len(self.tastes.visitors) and self.tastes.visitors[place] == label
        return place if known else -1

    @cached_property
    def kept(self) -> np.ndarray:
        """The rows of tastes that are answered: of visitors with signals enough, of the one asked for; mask."""
        told = self.tastes.told
        return told if self.one is None else told & (self.tastes.owner == self.one)

    def result(self) -> Result:
        found = sorted(self._cells(), key=lambda one: (-one["leading"], -one["visitors"], -one["strength"], one["value"]))
        rows = found[: self.question.top]
        figures = self._figures() | {"values": len(found)}
        return Result(
            self.question, pa.Table.from_pylist(rows, schema=_FRAME), sentence=self._sentence(rows, figures),
            figures=figures, notes=self._notes(figures), people=self._people(found),
            about=self.scope.about(
                "visitors", events=self.m.events, visitors=len(self.m.visitors), of=self.question.of, compare=None
            ),
        )  # fmt: skip

    def _figures(self) -> dict[str, Any]:
        tastes = self.tastes
        mine = np.ones(len(tastes.owner), bool) if self.one is None else tastes.owner == self.one
        return {
            "visitors": len(np.unique(tastes.owner[self.kept])), "signals": int(tastes.signals[mine].sum()),
            "too_few": int((~tastes.shown).sum()) if self.one is None else None,
        }  # fmt: skip

    def _cells(self) -> list[dict[str, Any]]:
        """A row per value, in the order of values."""
        rows = np.flatnonzero(self.kept)
        if not len(rows):
            return []
        rows = rows[np.argsort(self.tastes.value[rows], kind="stable")]
        cuts = np.flatnonzero(np.diff(self.tastes.value[rows], prepend=-1))
        everyone, whole = len(np.unique(self.tastes.owner[rows])), int(self.tastes.strength[rows].sum())
        return [self._row(part, everyone, whole) for part in np.split(rows, cuts[1:])]

    def _row(self, here: np.ndarray, everyone: int, whole: int) -> dict[str, Any]:
        """The rows of one value among `everyone` visitors whose strengths add up to `whole`."""
        tastes, of = self.tastes, self.question.of
        value, name = int(tastes.value[here[0]]), self.values[int(tastes.value[here[0]])]
        strength, leading = int(tastes.strength[here].sum()), int(tastes.leading[here].sum())
        recency = Quantiles.of(self.end - tastes.last_at[here]).median or 0.0
        edges = self.attribute.edges if self.attribute else ()
        return {
            "value": name, "visitors": len(here), "leading": leading, "leading_rate": leading / everyone,
            "strength": strength / UNIT, "share_rate": strength / whole if whole else None,
            "signals": int(tastes.signals[here].sum()), "signals_per_visitor": Quantiles.of(tastes.signals[here]).median,
            "recency_seconds": recency / spans.SECOND, "last_at": int(tastes.last_at[here].max()),
            **{action: int(tastes.actions[here, number].sum()) for number, action in enumerate(ACTIONS)},
            "up_to": edges[value] if value < len(edges) else None,
            "where": "" if of == PRICE else f"{of} == {quoted(name)}",
        }  # fmt: skip

    def _term(self, value: str) -> Term | str:
        return Term(f"affinities.level_{value}", value) if self.question.of == PRICE else value

    def _sentence(self, rows: list[dict[str, Any]], figures: dict[str, Any]) -> Text:
        if self.attribute is None:
            return Text("sentence.affinities_unknown", {"of": Term(f"affinities.of_{self.question.of}", self.question.of)})
        if self.one is not None:
            if not rows:
                return Text("sentence.affinities_quiet", {"signals": figures["signals"], "least": SHOWN})
            best = max(rows, key=lambda row: (row["strength"], row["signals"]))
            params = {"value": self._term(best["value"]), "rate": best["share_rate"], "signals": figures["signals"]}
            return Text("sentence.affinities_one", params)
        if not rows:
            return Text("sentence.affinities_none", {"least": SHOWN})
        params = {"value": self._term(rows[0]["value"]), "leading": rows[0]["leading"], "visitors": figures["visitors"]}
        return Text("sentence.affinities", {**params, "rate": rows[0]["leading_rate"]})

    def _notes(self, figures: dict[str, Any]) -> tuple[Note, ...]:
        if self.attribute is None:
            return (Note("affinities_unknown", {"of": self.question.of}),)
        more = figures["values"] - self.question.top
        rest = [Note("top_more", {"count": more})] if more > 0 else []
        few = [Note("affinities_few", {"count": figures["too_few"], "least": SHOWN})] if figures["too_few"] else []
        return (Note("affinities_weights", {"half_life": spans.micros(self.question.half_life)}), *few, *rest)

    def _people(self, rows: list[dict[str, Any]]) -> dict[str, Callable[[], People]]:
        def cell(value: str, part: str) -> Callable[[], People]:
            def people() -> People:
                number = self.values.index(value)
                mask = self.kept & (self.tastes.value == number)
                mask = mask & self.tastes.leading if part else mask
                said = Text(f"people.affinity{part}", {"value": self._term(value)})
                return people_of(self.scope, self.tastes.visitors_of(mask), said)

            return people

        cells: dict[str, Callable[[], People]] = {
            "visitors": lambda: people_of(
                self.scope, self.tastes.visitors_of(self.kept), Text("people.affinities")
            )
        }
        for row in rows:
            head = f"{self.question.of}={row['value']}"
            cells |= {head: cell(row["value"], ""), f"{head};part=leading": cell(row["value"], "_leading")}
        return cells
