"""Referrals: who told others of the shop, who came by it and ordered, and whether promoters do it more than others."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Annotated, Any, Final

import numpy as np
import pyarrow as pa
from msgspec import Meta

from afterclick.analyse.context import Context
from afterclick.analyse.describe import people_of, visitor_rows
from afterclick.analyse.distinct import expanded
from afterclick.analyse.feedback.answers import answers_of
from afterclick.analyse.feedback.scores import said
from afterclick.analyse.measures import Measures, measures
from afterclick.analyse.question import SessionQuestion
from afterclick.analyse.referrals.evidence import Referrals as Relation
from afterclick.analyse.referrals.evidence import referrals_of
from afterclick.analyse.scope import Scope, scope_of
from afterclick.core.event import INSTANT
from afterclick.core.moments import Moments, Share
from afterclick.core.noise import difference
from afterclick.core.result import Note, People, Result, Text

MOST: Final = 200
"""Rows that can be shown."""

_MONEY: Final = pa.decimal128(28, 4)
_SCHEMA: Final = pa.schema(
    [
        ("visitor", pa.string()), ("known_as", pa.string()), ("invites", pa.int64()), ("referred", pa.int64()),
        ("buyers", pa.int64()), ("orders", pa.int64()), ("revenue", _MONEY), ("promoter", pa.bool_()),
    ]
)  # fmt: skip
_PAIRS: Final = pa.schema(
    [
        ("visitor", pa.string()), ("referred", pa.string()), ("referred_at", INSTANT), ("new", pa.bool_()),
        ("orders", pa.int64()), ("revenue", _MONEY),
    ]
)  # fmt: skip


class Referrals(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Referrals: who invited whom, what they ordered, and how many each visitor brings."""

    key_word = "referrals"

    top: Annotated[int, Meta(description="rows shown", ge=1, le=MOST)] = 20

    def answer(self, context: Context) -> Result:
        """Those who brought others in the range, most first; pairs beside; k-factor with its interval."""
        found = _Reading(scope_of(context, self))
        figures = found.figures()
        return Result(
            self, found.frame(self.top), sentence=found.sentence(figures), figures=figures,
            parts={"pairs": found.pairs(self.top)}, notes=found.notes(figures), people=found.people(self.top),
            about=found.scope.about("visitors", events=found.m.events, visitors=figures["visitors"]),
        )  # fmt: skip


class _Reading:
    """One scope's referrals; what counts is dated in the range."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.relation: Relation = referrals_of(scope)
        self.m: Measures = measures(scope, scope.period)

    @cached_property
    def here(self) -> np.ndarray:
        """Rows of the referrals of the range."""
        at = self.relation.at
        return np.flatnonzero((at >= self.scope.period.start) & (at < self.scope.period.end))

    @cached_property
    def inviters(self) -> np.ndarray:
        """Whoever sent each invitation of the range."""
        at = self.relation.invited_at
        result: np.ndarray = self.relation.inviter[(at >= self.scope.period.start) & (at < self.scope.period.end)]
        return result

    @property
    def referred(self) -> np.ndarray:
        """Labels of the referred visitors, ascending."""
        result: np.ndarray = self.relation.visitor[self.here]
        return result

    @cached_property
    def referrers(self) -> np.ndarray:
        """Per referral of the range its referrer."""
        result: np.ndarray = self.relation.referrer[self.here]
        return result

    @cached_property
    def new(self) -> np.ndarray:
        """Labels of those who came to the shop by it."""
        result: np.ndarray = self.relation.visitor[self.here][self.relation.new[self.here]]
        return result

    @cached_property
    def by(self) -> np.ndarray:
        """Labels of those who brought somebody or invited in the range, ascending."""
        found = np.union1d(self.referrers, self.inviters)
        result: np.ndarray = found[found >= 0].astype(np.int64)
        return result

    @cached_property
    def promoters(self) -> tuple[np.ndarray, np.ndarray]:
        """Labels of the promoters of the range, and of all others who answered the same question."""
        answers = answers_of(self.scope)
        found = said(answers, answers.within(self.scope.period))
        promoters = found.visitors("promoters")
        rest = np.union1d(found.visitors("passives"), found.visitors("detractors"))
        return promoters, np.setdiff1d(rest, promoters)

    def _among(self, labels: np.ndarray) -> np.ndarray:
        """Which visitors are of these; bool per label."""
        found = np.zeros(self.scope.labels.size, bool)
        found[labels] = True
        return found

    @cached_property
    def _buying(self) -> np.ndarray:
        return self._among(self.m.buyers)

    def _buyers(self, visitors: np.ndarray) -> np.ndarray:
        """Those of these visitors who ordered in the range."""
        result: np.ndarray = visitors[self._buying[visitors]]
        return result

    @cached_property
    def _sold(self) -> tuple[np.ndarray, np.ndarray]:
        """Orders and refunds of the range that are somebody's: their rows, by visitor, and those visitors."""
        rows = np.flatnonzero(self.m.order_mask & (self.m.orders.visitor >= 0))
        rows = rows[np.argsort(self.m.orders.visitor[rows], kind="stable")]
        return rows, self.m.orders.visitor[rows]

    def _sales(self, visitors: np.ndarray) -> tuple[int, Any]:
        """Orders and net revenue of visitors in the range."""
        rows, owner = self._sold
        low, high = np.searchsorted(owner, visitors), np.searchsorted(owner, visitors, side="right")
        rows = rows[expanded(low, high - low)]
        return int((~self.m.orders.refund[rows]).sum()), self.m.sum_of(rows)

    def figures(self) -> dict[str, Any]:
        """Counts, rates with their intervals, and the k-factor."""
        orders, revenue = self._sales(self.referred)
        buyers = self._buyers(self.new)
        own = Share(len(buyers), len(self.new))
        rest = self.m.new_visitors[~self._among(self.referred)[self.m.new_visitors]]
        others = Share(len(self._buyers(rest)), len(rest))
        between = difference(own, others)
        unknown = int((self.referrers < 0).sum())
        return {
            "visitors": len(self.m.visitors), "invites": len(self.inviters), "inviters": len(np.unique(self.inviters)),
            "referrers": len(np.unique(self.referrers[self.referrers >= 0])), "referred": len(self.referred),
            "unknown_referrer": unknown, "new": len(self.new), "new_buyers": len(buyers), "orders": orders,
            "revenue": revenue, **_rates("conversion", own), "others_conversion_rate": others.rate,
            "conversion_difference": None if own.rate is None or others.rate is None else own.rate - others.rate,
            "difference_low": between.low if between else None, "difference_high": between.high if between else None,
            **self._k_factor(), **self._promoting(),
        }  # fmt: skip

    def _k_factor(self) -> dict[str, Any]:
        """New visitors that each visitor brought, on average: invitations per visitor × what came of each.

        Student's interval over the visitors of the range and those who brought others; only known referrers count.
        """
        base = len(self.m.visitors) + int((~self._among(self.m.visitors)[self.by]).sum())
        new = self.relation.new[self.here]
        each = np.unique(self.referrers[new & (self.referrers >= 0)], return_counts=True)[1]
        found = Moments(base, int(each.sum()), int((each**2).sum()))
        around = found.interval
        return {
            "k_factor": found.mean, "k_low": max(0.0, around.low) if around else None,
            "k_high": around.high if around else None, "k_reason": found.reason or "",
        }  # fmt: skip

    def _promoting(self) -> dict[str, Any]:
        promoters, others = self.promoters
        one = Share(len(np.intersect1d(promoters, self.by)), len(promoters))
        two = Share(len(np.intersect1d(others, self.by)), len(others))
        between = difference(one, two)
        return {
            "promoters": len(promoters), "promoters_telling": one.hits, **_rates("promoters_telling", one),
            "other_answerers": len(others), "others_telling": two.hits, "others_telling_rate": two.rate,
            "telling_low": between.low if between else None, "telling_high": between.high if between else None,
        }  # fmt: skip

    @cached_property
    def _ranked(self) -> list[tuple[int, np.ndarray, int]]:
        """(who, the visitors they brought, invitations sent) of the first 200, most brought first."""
        brought, invites = (np.zeros(len(self.by), np.int64) for _ in range(2))
        np.add.at(brought, np.searchsorted(self.by, self.referrers[self.referrers >= 0]), 1)
        np.add.at(invites, np.searchsorted(self.by, self.inviters), 1)
        first = np.lexsort((self.by, -invites, -brought))[:MOST]
        return [
            (int(self.by[one]), self.referred[self.referrers == self.by[one]], int(invites[one])) for one in first.tolist()
        ]

    def frame(self, top: int) -> pa.Table:
        """Those who brought others or invited."""
        ranked = self._ranked[:top]
        told = visitor_rows(self.scope, np.array([who for who, _, _ in ranked], np.int64))
        promoters = set(self.promoters[0].tolist())
        rows = []
        for (who, brought, invites), row in zip(ranked, told, strict=True):
            orders, revenue = self._sales(brought)
            rows.append(
                {
                    "visitor": row["visitor"], "known_as": row["known_as"], "invites": invites, "referred": len(brought),
                    "buyers": len(self._buyers(brought)), "orders": orders, "revenue": revenue,
                    "promoter": who in promoters,
                }
            )  # fmt: skip
        return pa.Table.from_pylist(rows, schema=_SCHEMA)

    def pairs(self, top: int) -> pa.Table:
        """Who brought whom, the latest first."""
        shown = self.here[np.lexsort((self.referred, -self.relation.at[self.here]))][:top]
        visitors, referrers = self.relation.visitor[shown], self.relation.referrer[shown]
        asked = np.unique(np.concatenate([visitors, referrers[referrers >= 0]]))
        named = {
            int(label): row["visitor"]
            for label, row in zip(asked.tolist(), visitor_rows(self.scope, asked), strict=True)
        }
        rows = []
        for place, visitor, referrer in zip(shown.tolist(), visitors.tolist(), referrers.tolist(), strict=True):
            orders, revenue = self._sales(np.array([visitor]))
            rows.append(
                {
                    "visitor": named.get(referrer, ""), "referred": named[visitor],
                    "referred_at": int(self.relation.at[place]), "new": bool(self.relation.new[place]), "orders": orders,
                    "revenue": revenue,
                }
            )  # fmt: skip
        return pa.Table.from_pylist(rows, schema=_PAIRS)

    def sentence(self, figures: dict[str, Any]) -> Text:
        """The finding."""
        if not figures["referred"]:
            return Text("sentence.referrals_invites" if figures["invites"] else "sentence.referrals_empty", figures)
        if figures["k_low"] is None:
            return Text("sentence.referrals_alone", figures)
        return Text("sentence.referrals", figures)

    def notes(self, figures: dict[str, Any]) -> tuple[Note, ...]:
        """The caveats."""
        notes = []
        if figures["unknown_referrer"]:
            notes.append(Note("referrals_unknown", {"count": figures["unknown_referrer"]}))
        if figures["referred"] > figures["new"]:
            notes.append(Note("referrals_known_before", {"count": figures["referred"] - figures["new"]}))
        if self.m.orders.mixed:
            notes.append(Note("rewards_mixed"))
        return tuple(notes)

    def people(self, top: int) -> dict[str, Callable[[], People]]:
        """The visitors behind each number."""
        promoters = self.promoters[0]
        cells: dict[str, Callable[[], np.ndarray]] = {
            "inviters": lambda: np.unique(self.inviters),
            "referrers": lambda: np.unique(self.referrers[self.referrers >= 0]), "referred": lambda: self.referred,
            "new": lambda: self.new, "new_buyers": lambda: self._buyers(self.new),
            "promoters": lambda: promoters, "promoters_telling": lambda: np.intersect1d(promoters, self.by),
            "others_telling": lambda: np.intersect1d(self.promoters[1], self.by),
        }  # fmt: skip

        def cell(visitors: Callable[[], np.ndarray], text: Text) -> Callable[[], People]:
            return lambda: people_of(self.scope, visitors().astype(np.int64), text)

        found = {name: cell(visitors, Text(f"people.referrals_{name}")) for name, visitors in cells.items()}
        for row, (_, brought, _) in zip(self.frame(top).to_pylist(), self._ranked, strict=False):
            name = row["visitor"]
            said_of = Text("people.referrals_of", {"visitor": row["known_as"] or name})
            found[f"visitor={name}"] = cell(lambda brought=brought: brought, said_of)  # type: ignore[misc]
            bought = lambda brought=brought: self._buyers(brought)  # noqa: E731
            found[f"visitor={name};part=buyers"] = cell(bought, Text("people.referrals_buyers_of", said_of.params))
        return found


def _rates(name: str, share: Share) -> dict[str, Any]:
    around = share.interval
    low, high = around or (None, None)
    return {f"{name}_rate": share.rate, f"{name}_low": low, f"{name}_high": high}
