"""Personas: groups of visitors that come back whatever the seed and the sample, each told in words."""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any
from urllib.parse import parse_qsl

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Meta

from afterclick.analyse.context import Context
from afterclick.analyse.measures import Measures, measures
from afterclick.analyse.money_notes import money_notes
from afterclick.analyse.orders import total
from afterclick.analyse.question import Compare, SessionQuestion
from afterclick.analyse.scope import Scope, scope_of
from afterclick.analyse.segments.lists import found_by
from afterclick.core import clock
from afterclick.core.errors import SpecError
from afterclick.core.money import to_decimal
from afterclick.core.result import Note, Result, Text
from afterclick.core.said import Said, Spoken
from afterclick.learn.behaviours import Behaviours
from afterclick.learn.personas.behind import Behind
from afterclick.learn.personas.choosing import MOST, REPEATS, STABLE, Candidate, candidates, chosen
from afterclick.learn.personas.clusters import nearest
from afterclick.learn.personas.features import Features, features_of
from afterclick.learn.personas.names import label, naming, said_name, telling
from afterclick.learn.personas.portraits import Habits, Trait, thresholds, traits
from afterclick.learn.personas.tables import BEHAVIOURS, PERSONAS, TRIED
from afterclick.learn.personas.ways import Ways

PERSONA = "persona"
FEWEST = 60
"""Visitors below which no personas are looked for."""


class Personas(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Personas: groups of visitors who behave alike, what sets each apart, and what it is worth."""

    key_word = "personas"

    compare: Compare = "none"
    groups: Annotated[
        int,
        Meta(description="how many personas; 0 = as many as stand out most among those that last", ge=0, le=MOST),
    ] = 0
    seed: Annotated[int, Meta(description="where the search begins; the same seed finds the same", ge=0, le=2**31)] = 1

    def check(self) -> None:
        """One group is none."""
        super().check()
        if self.groups == 1:
            raise SpecError(Said("refusals.one_group"), hint=Said("refusals.write_groups", most=MOST), path="groups")

    def answer(self, context: Context) -> Result:
        """Group the visitors of the range by what they do, and describe each group.

        Behaviours are log counts, standardised; groups are those of k-means. k is the one with the highest silhouette
        of those whose groups come back (mean adjusted Rand index of .8 at least over resamples and over seeds) and hold
        2 % of the visitors each; where there is none, no persona is named.
        """
        scope = scope_of(context, self)
        return Found(scope, self).result()


class Found:
    """The personas of one scope."""

    def __init__(self, scope: Scope, question: Personas) -> None:
        self.scope, self.question = scope, question
        self.m: Measures = measures(scope, scope.period)
        self.behaviours = Behaviours(self.m)
        self.visitors = self.behaviours.visitors

    @cached_property
    def features(self) -> Features:
        """What they are grouped by."""
        return features_of(self.behaviours)

    @cached_property
    def tried(self) -> list[Candidate]:
        """Every number of groups that was looked at."""
        if len(self.visitors) < FEWEST or not self.features.names:
            return []
        ks = (self.question.groups,) if self.question.groups else tuple(range(2, MOST + 1))
        return candidates(self.features.cloud, ks, self.question.seed)

    @cached_property
    def choice(self) -> Candidate | None:
        """The groups that are answered; None where none are stable."""
        if self.question.groups and self.tried:
            return self.tried[0]
        return chosen(self.tried)

    @cached_property
    def own(self) -> np.ndarray:
        """Per visitor the persona, counted from 0; int64."""
        if self.choice is None:
            return np.zeros(0, np.int64)
        groups = nearest(self.features.points, self.choice.centres)[self.features.inverse]
        sizes = np.bincount(groups, minlength=self.choice.k)
        rank = np.empty(self.choice.k, np.int64)
        rank[sorted(range(self.choice.k), key=lambda one: (-sizes[one], one))] = np.arange(self.choice.k)
        result: np.ndarray = rank[groups]
        return result

    @cached_property
    def count(self) -> int:
        """How many personas there are."""
        return len(np.unique(self.own))

    @cached_property
    def habits(self) -> Habits:
        """Channels and hours of visits."""
        return Habits(self.m, self.visitors)

    @cached_property
    def ways(self) -> Ways:
        """How visits begin."""
        return Ways(self.behaviours)

    @cached_property
    def told(self) -> list[list[Trait]]:
        """Per persona its behaviours, the most telling first."""
        least = thresholds(self.features)
        return [traits(self.features, least, self.own == one) for one in range(self.count)]

    def result(self) -> Result:
        """The answer."""
        rows = [self._row(number) for number in range(self.count)]
        figures = self._figures()
        parts = {
            "behaviours": pa.Table.from_pylist(self._behaviours(), schema=BEHAVIOURS),
            "tried": pa.Table.from_pylist(self._tried(), schema=TRIED),
        }
        return Result(
            self.question, pa.Table.from_pylist(rows, schema=PERSONAS), sentence=self._sentence(rows), figures=figures,
            parts=parts, notes=self._notes(), people=Behind(self, rows).cells(),
            about=self.scope.about("visitors", events=self.m.events, visitors=len(self.visitors), compare=None),
        )  # fmt: skip

    def _figures(self) -> dict[str, Any]:
        choice = self.choice
        return {
            "visitors": len(self.visitors), "personas": self.count, "behaviours": len(self.features.names),
            "stable": None if choice is None else choice.stable,
            "silhouette": None if choice is None else choice.silhouette,
            "agreement_resampled": None if choice is None else choice.resampled,
            "agreement_reseeded": None if choice is None else choice.reseeded,
        }  # fmt: skip

    def _row(self, number: int) -> dict[str, Any]:
        inside = self.own == number
        visitors = int(inside.sum())
        named = naming(self.told[number])
        way = self.ways.usual(inside)
        orders, buyers, revenue, share = self._money(inside)
        row: dict[str, Any] = {
            "persona": number + 1, "segment": handle(self.question, number + 1), "name": ", ".join(label(one) for one in named),
            "direction": "more" if named and named[0].lift > 1 else "less" if named else "",
            "visitors": visitors, "share_rate": visitors / len(self.visitors), "buyers": buyers, "orders": orders,
            "conversion_rate": orders / visitors, "revenue": revenue, "revenue_rate": share,
            "path": " → ".join(self.behaviours.names[code] for code in way.codes),
            "path_visitors": len(self.ways.visitors(way)),
        }  # fmt: skip
        for by in ("channel", "hour"):
            found = self.habits.usual(by, inside)
            row |= {
                by: found.value if found else "", f"{by}_visitors": found.visitors if found else None,
                f"{by}_rate": found.rate if found else None,
                f"{by}_lift": found.rate / found.everyone_rate if found else None,
            }  # fmt: skip
        return row

    def _money(self, inside: np.ndarray) -> tuple[int, int, Decimal | None, float | None]:
        """Orders, buyers and net revenue of a persona, and its share of all revenue of the range."""
        orders = self.m.orders
        known = np.zeros(self.m.sessions.rows.visitors + 1, bool)
        known[self.visitors[inside]] = True
        here = self.m.order_mask & known[orders.visitor]
        sold = here & ~orders.refund
        if orders.mixed:
            return int(sold.sum()), len(np.unique(orders.visitor[sold])), None, None
        revenue, whole = total(orders.amount[here]), total(orders.amount[self.m.order_mask])
        share = revenue / whole if whole > 0 else None
        return int(sold.sum()), len(np.unique(orders.visitor[sold])), to_decimal(revenue), share

    def _behaviours(self) -> list[dict[str, Any]]:
        rows = []
        for number, found in enumerate(self.told):
            named = telling(found)
            for one in found:
                rows.append(
                    {
                        "persona": number + 1, "behaviour": one.name, "at_least": one.least, "visitors": one.visitors,
                        "rate": one.rate, "everyone_rate": one.everyone_rate, "lift": one.lift,
                        "low": one.interval.low, "high": one.interval.high,
                        "rank": named.index(one) + 1 if one in named else None,
                    }
                )  # fmt: skip
        return rows

    def _tried(self) -> list[dict[str, Any]]:
        return [
            {
                "groups": one.k, "silhouette": one.silhouette, "agreement_resampled": one.resampled,
                "agreement_reseeded": one.reseeded, "gain": one.gain if one.reference is not None else None,
                "smallest_rate": one.smallest, "stable": one.stable,
                "chosen": self.choice is not None and one.k == self.choice.k,
            }
            for one in self.tried
        ]  # fmt: skip

    def _sentence(self, rows: list[dict[str, Any]]) -> Text:
        if not len(self.visitors):
            return Text("sentence.kpi_empty")
        if not rows:
            return Text("sentence.personas_none", {"visitors": len(self.visitors)})
        worth = [row for row in rows if row["revenue_rate"] is not None]
        if not worth:
            return Text("sentence.personas", {"n": len(rows), "visitors": len(self.visitors)})
        best = max(worth, key=lambda row: (row["revenue_rate"], -row["persona"]))
        params = {"n": len(rows), "name": said_name(self.told[best["persona"] - 1]), "rate": best["share_rate"]}
        kind = "sentence.personas_money_less" if best["direction"] == "less" else "sentence.personas_money"
        return Text(kind, {**params, "share": best["revenue_rate"]})

    def _notes(self) -> tuple[Note, ...]:
        notes = []
        if len(self.visitors) < FEWEST:
            notes.append(Note("personas_few", {"visitors": len(self.visitors), "least": FEWEST}))
        elif self.choice is None:
            notes.append(Note("personas_none", {"stable": STABLE}))
        else:
            notes.append(Note("personas_rule", {"stable": STABLE, "repeats": REPEATS}))
            if not self.choice.stable:
                notes.append(Note("personas_unstable", {"stable": STABLE}))
            notes.append(Note("personas_described"))
        return (*notes, *money_notes(self.m))


def handle(question: Personas, number: int) -> str:
    """The name under which every question knows the visitors of a persona: `persona:2`, `persona:2?range=91d`."""
    asked = question.to_url()
    return f"{PERSONA}:{number}" + (f"?{asked}" if asked else "")


def of_handle(scope: Scope, rest: str) -> np.ndarray:
    """The visitors of a persona by what stands behind `persona:`, bool per label, as of the scope's instant.

    Raises SpecError where there is no such persona.
    """
    number, _, asked = rest.partition("?")
    question = Personas.from_texts(parse_qsl(asked, keep_blank_values=True))
    like = scope.question
    at = "" if scope.as_of == scope.context.as_of("") else clock.iso(scope.as_of)[:19] + "Z"
    question = msgspec.structs.replace(question, bots=like.bots, identity=like.identity, as_of=question.as_of or at)
    result = scope.context.keep(("result", question.key), lambda: question.answer(scope.context))
    known = result.frame["persona"].to_pylist()
    if not number.isdecimal() or int(number) not in known:
        names: Spoken = ", ".join(f"{PERSONA}:{one}" for one in known) or Said("refusals.none")
        raise SpecError(
            Said("refusals.no_persona", number=number[:20]),
            hint=Said("refusals.known_personas", names=names),
            path="segment",
        )
    member = np.zeros(scope.labels.size, bool)
    member[result.people(f"persona={int(number)}").labels] = True
    return member


found_by(PERSONA, of_handle)
