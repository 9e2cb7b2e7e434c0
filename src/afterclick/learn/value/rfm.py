"""Buyers by how lately, how often and for how much they bought: the five-by-five table with names a marketer knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Final

import numpy as np
import pyarrow as pa
from msgspec import Meta

from afterclick.analyse import rfm_scores
from afterclick.analyse.context import Context
from afterclick.analyse.describe import people_of
from afterclick.analyse.distinct import counts, sums
from afterclick.analyse.orders import Orders, orders_of, total
from afterclick.analyse.question import Question
from afterclick.analyse.scope import Scope, currency_of, scope_of
from afterclick.core import spans
from afterclick.core.money import to_decimal
from afterclick.core.result import Note, People, Result, Term, Text
from afterclick.core.spans import Period
from afterclick.learn.value.purchases import days_of, days_said, known_day

_AMOUNT: Final = pa.decimal128(28, 4)
SCORES: Final = range(1, rfm_scores.BANDS + 1)
FRAME: Final = pa.schema(
    [
        ("recency", pa.int64()), ("frequency", pa.int64()), ("rfm_name", pa.string()), ("customers", pa.int64()),
        ("share_rate", pa.float64()), ("orders", pa.int64()), ("revenue", _AMOUNT), ("revenue_rate", pa.float64()),
    ]
)  # fmt: skip
NAMES: Final = pa.schema(
    [
        ("rfm_name", pa.string()), ("customers", pa.int64()), ("share_rate", pa.float64()), ("orders", pa.int64()),
        ("revenue", _AMOUNT), ("revenue_rate", pa.float64()), ("days_p50", pa.float64()),
    ]
)  # fmt: skip
BANDS: Final = pa.schema(
    [
        ("of", pa.string()), ("score", pa.int64()), ("customers", pa.int64()), ("lowest", pa.float64()),
        ("highest", pa.float64()),
    ]
)  # fmt: skip


class Rfm(Question, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Recency, frequency, money: buyers scored 1 to 5 on each, in a table of five by five with names."""

    key_word = "rfm"

    period: Annotated[
        str,
        Meta(
            description="days whose orders are scored; all = the whole history",
            pattern=spans.RANGE_PATTERN,
            examples=["all", "12mo", "91d"],
        ),
    ] = "all"

    def answer(self, context: Context) -> Result:
        """One row per pair of scores (recency, frequency); 5 is the best fifth, equal values have equal scores."""
        scope = scope_of(context, self)
        period = spans.resolve_range(self.period, scope.as_of, context.snapshot.behaved[0], context.zone)
        scored = _scored(scope, period)
        about = scope.about(
            "buyers", events=len(scored.orders.row), visitors=len(scored.buyers),
            known_until=known_day(scope).isoformat(), period=self.period,
            range=days_said(spans.local_day(period.start, context.zone).toordinal(), known_day(scope).toordinal()),
            compare=None,
        )  # fmt: skip
        figures = scored.figures()
        return Result(
            self, pa.Table.from_pylist(scored.cells(), schema=FRAME), sentence=_sentence(scored, currency_of(context)),
            figures=figures, notes=_notes(scored, self), about=about, people=_people(scope, scored),
            parts={
                "names": pa.Table.from_pylist(scored.names(), schema=NAMES),
                "bands": pa.Table.from_pylist(scored.bands(), schema=BANDS),
            },
        )  # fmt: skip


@dataclass(frozen=True)
class Scored:
    """One entry per buyer: label, whole days since the last order, orders, net minor units (None where currencies mix)."""

    orders: Orders = field(repr=False)
    buyers: np.ndarray
    days: np.ndarray
    count: np.ndarray
    spent: np.ndarray | None

    @cached_property
    def recency(self) -> np.ndarray:
        """Score 1 to 5, 5 = bought latest."""
        return rfm_scores.scores(self.days, smaller_is_better=True)

    @cached_property
    def frequency(self) -> np.ndarray:
        """Score 1 to 5, 5 = most orders."""
        return rfm_scores.scores(self.count)

    @cached_property
    def money(self) -> np.ndarray | None:
        """Score 1 to 5, 5 = most revenue; None where there is no sum."""
        return None if self.spent is None else rfm_scores.scores(self.spent)

    @cached_property
    def named(self) -> np.ndarray:
        """Per buyer the place of its name in `rfm_scores.NAMES`."""
        return rfm_scores.names(self.recency, self.frequency)

    def cell(self, recency: int, frequency: int) -> np.ndarray:
        """Which buyers have these scores; bool."""
        result: np.ndarray = (self.recency == recency) & (self.frequency == frequency)
        return result

    def figures(self) -> dict[str, Any]:
        """What all buyers together are."""
        return {
            "customers": len(self.buyers), "orders": int(self.count.sum()), "revenue": self._sum(None),
            "days_p50": float(np.median(self.days)) if len(self.days) else None,
        }  # fmt: skip

    def _sum(self, which: np.ndarray | None) -> Decimal | None:
        if self.spent is None:
            return None
        return to_decimal(total(self.spent if which is None else self.spent[which]))

    def _row(self, which: np.ndarray) -> dict[str, Any]:
        n, whole, revenue = int(which.sum()), self._sum(None), self._sum(which)
        return {
            "customers": n, "share_rate": n / len(self.buyers) if len(self.buyers) else None,
            "orders": int(self.count[which].sum()), "revenue": revenue,
            "revenue_rate": float(revenue / whole) if revenue is not None and whole and whole > 0 else None,
        }  # fmt: skip

    def cells(self) -> list[dict[str, Any]]:
        """All 25 pairs of scores, the latest and most frequent first."""
        pairs = [(recency, frequency) for recency in reversed(SCORES) for frequency in reversed(SCORES)]
        return [
            {"recency": recency, "frequency": frequency, "rfm_name": name_of(recency, frequency)}
            | self._row(self.cell(recency, frequency))
            for recency, frequency in pairs
        ]

    def names(self) -> list[dict[str, Any]]:
        """The ten names in their order."""
        rows = []
        for place, name in enumerate(rfm_scores.NAMES):
            which = self.named == place
            days = float(np.median(self.days[which])) if which.any() else None
            rows.append({"rfm_name": name, **self._row(which), "days_p50": days})
        return rows

    def bands(self) -> list[dict[str, Any]]:
        """Which values have which score, dimension by dimension."""
        rows = []
        each = (("recency", self.recency, self.days), ("frequency", self.frequency, self.count))
        money = (("money", self.money, self.spent),) if self.money is not None and self.spent is not None else ()
        for of, score, values in (*each, *money):
            for band in SCORES:
                mine = values[score == band]
                scale = 10_000.0 if of == "money" else 1.0
                ends = (float(mine.min()) / scale, float(mine.max()) / scale) if len(mine) else (None, None)
                rows.append({"of": of, "score": band, "customers": len(mine), "lowest": ends[0], "highest": ends[1]})
        return rows


def name_of(recency: int, frequency: int) -> str:
    """The name of a cell."""
    return rfm_scores.NAMES[int(rfm_scores.names(np.array([recency]), np.array([frequency]))[0])]


def _scored(scope: Scope, period: Period) -> Scored:
    orders = orders_of(scope)
    mine = np.flatnonzero(orders.within(period) & (orders.visitor >= 0))
    visitor, refund = orders.visitor[mine].astype(np.int64), orders.refund[mine]
    buyers, of = np.unique(visitor[~refund], return_inverse=True)
    last = np.full(len(buyers), np.iinfo(np.int64).min)
    np.maximum.at(last, of.reshape(-1), orders.at[mine][~refund])
    place = np.minimum(np.searchsorted(buyers, visitor), max(len(buyers) - 1, 0))
    known = buyers[place] == visitor if len(buyers) else np.zeros(0, bool)
    spent = np.array(sums(place[known], orders.amount[mine][known], len(buyers)), np.int64)
    days = known_day(scope).toordinal() - days_of(scope, last)
    return Scored(orders, buyers, days, counts(of.reshape(-1), len(buyers)), None if orders.mixed else spent)


def _sentence(scored: Scored, currency: str) -> Text:
    if not len(scored.buyers):
        return Text("sentence.value_empty")
    best = scored.named == rfm_scores.NAMES.index("champions")
    risky = np.isin(scored.named, [rfm_scores.NAMES.index(name) for name in ("at_risk", "cannot_lose")])
    params = {"customers": len(scored.buyers), "best": int(best.sum()), "risky": int(risky.sum())}
    if scored.spent is None or scored.figures()["revenue"] <= 0:
        return Text("sentence.rfm_orders", params)
    revenue = to_decimal(total(scored.spent[best]))
    return Text("sentence.rfm", params | {
        "rate": float(revenue / scored.figures()["revenue"]), "risk": to_decimal(total(scored.spent[risky])),
        "currency": currency,
    })  # fmt: skip


def _notes(scored: Scored, question: Rfm) -> tuple[Note, ...]:
    notes = []
    if scored.spent is None:
        notes.append(Note("value_mixed"))
    nobody = int((~scored.orders.refund & scored.orders.counted & (scored.orders.visitor < 0)).sum())
    if nobody:
        notes.append(Note("value_nobody", {"count": nobody}))
    if question.range not in (Question().range, "all"):
        notes.append(Note("value_period"))
    return tuple(notes)


def _people(scope: Scope, scored: Scored) -> dict[str, Callable[[], People]]:
    def cell(which: Callable[[], np.ndarray], text: Text) -> Callable[[], People]:
        return lambda: people_of(scope, scored.buyers[which()], text)

    found = {"customers": cell(lambda: np.ones(len(scored.buyers), bool), Text("people.value_buyers"))}
    for recency in SCORES:
        for frequency in SCORES:
            text = Text("people.rfm_cell", {"name": term(name_of(recency, frequency)), "r": recency, "f": frequency})
            found[f"R{recency}F{frequency}"] = cell(lambda r=recency, f=frequency: scored.cell(r, f), text)  # type: ignore[misc]
    for place, name in enumerate(rfm_scores.NAMES):
        found[f"name={name}"] = cell(lambda place=place: scored.named == place, Text("people.rfm_name", {"name": term(name)}))  # type: ignore[misc]
    for of, score in (("recency", scored.recency), ("frequency", scored.frequency), ("money", scored.money)):
        for band in SCORES if score is not None else ():
            text = Text(f"people.rfm_{of}", {"score": band})
            found[f"{of}={band}"] = cell(lambda score=score, band=band: score == band, text)  # type: ignore[misc]
    return found


def term(name: str) -> Term:
    """A name of the table as a word of the catalogue."""
    return Term(f"rfm_name.{name}", name)
