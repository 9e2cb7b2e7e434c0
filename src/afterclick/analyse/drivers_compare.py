"""What differs between two groups of visitors: a 2x2 table per behaviour, its odds ratio, and control of false finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.analyse.drivers_seen import Seen, Spans, seen_in
from afterclick.analyse.scope import Scope
from afterclick.core.moments import Share
from afterclick.core.multiplicity import benjamini_hochberg
from afterclick.core.odds import odds_ratios

SUPPORT: Final = 25
FALSE_RATE: Final = 0.05
"""The share of false finds that is put up with among all finds."""

SKEWED: Final = 10

LEAST_EXPECTED: Final = 5
"""Visitors that chance alone must give each cell of a tested table (Cochran 1954). With fewer, the 1 added to each cell
moves the ratio by itself: shuffled outcomes gave a false find in 4 of 10 runs with 5 outcomes among 3,590 visitors."""

SCHEMA: Final = pa.schema(
    [
        ("direction", pa.string()), ("behaviour", pa.string()), ("type", pa.string()), ("field", pa.string()),
        ("value", pa.string()), ("with_n", pa.int64()), ("with_went_on", pa.int64()), ("with_rate", pa.float64()),
        ("without_n", pa.int64()), ("without_went_on", pa.int64()), ("without_rate", pa.float64()),
        ("times", pa.float64()), ("odds_ratio", pa.float64()), ("low", pa.float64()), ("high", pa.float64()),
        ("p_value", pa.float64()), ("q_value", pa.float64()), ("significant", pa.bool_()), ("skewed", pa.bool_()),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Compared:
    """Every behaviour that was tested, the clearest first; `outcome` bool per visitor of `seen.spans`.

    Columns of `table`: direction (up, down, none), behaviour (in words), type (event, page, property), field, value,
    with_n, with_went_on, with_rate and the same without, times (with_rate / without_rate, null where nobody without
    went on), odds_ratio with its 95 % interval low..high, p_value, q_value over all rows, significant (q <= .05),
    skewed (the outcomes of all are over 10:1).
    """

    table: pa.Table
    seen: Seen
    outcome: np.ndarray

    @property
    def skewed(self) -> bool:
        """Is one of the two outcomes over ten times as frequent as the other?"""
        return _skewed(int(self.outcome.sum()), len(self.outcome))

    def top(self, count: int) -> pa.Table:
        """The first so many rows that speak for going on, then as many against it."""
        parts = [self.table.filter(pc.equal(self.table["direction"], way)).slice(0, count) for way in ("up", "down")]
        return pa.concat_tables(parts)

    def visitors_with(self, rows: pa.Table) -> list[np.ndarray]:
        """Per row of such a table which of the visitors saw it, bool."""
        wanted: dict[tuple[str, str], list[tuple[int, str]]] = {}
        for number, row in enumerate(rows.to_pylist()):
            wanted.setdefault((row["type"], row["field"]), []).append((number, row["value"]))
        found = [np.zeros(len(self.outcome), bool) for _ in range(rows.num_rows)]
        for feature in self.seen.features():
            for number, value in wanted.get((feature.kind, feature.field), ()):
                found[number][self.seen.places_with(feature, feature.texts.index(value))] = True
        return found


def compare_behaviour(
    scope: Scope,
    visitors: np.ndarray,
    since: np.ndarray,
    until: np.ndarray,
    outcome: np.ndarray,
    *,
    rows: np.ndarray | None = None,
    support: int = SUPPORT,
) -> Compared:
    """Compare visitors with and without each behaviour by an outcome that must lie after their span.

    `visitors` are distinct labels of the scope; each saw what happened in since < at <= until (int64 µs); `outcome` is
    bool; `rows` are global rows (-1 none) that opened the spans, whose page and properties count as seen. A behaviour
    is tested that max(support, 2 % of the visitors) saw and whose table is large enough (`LEAST_EXPECTED`).
    Raises ValueError for arrays of different lengths and for a visitor named twice. That nothing of the outcome lies in
    a span is for the caller to see to.
    """
    if not len(visitors) == len(since) == len(until) == len(outcome):
        raise ValueError("visitors, since, until and outcome are not of one length")
    if len(np.unique(visitors)) < len(visitors):
        raise ValueError("a visitor is named twice")
    opened = np.full(len(visitors), -1, np.int64) if rows is None else rows
    seen = seen_in(scope, Spans(visitors, since, until, opened))
    went_on = np.asarray(outcome, bool)
    return Compared(_table(seen, went_on, support), seen, went_on)


def least_support(visitors: int, support: int) -> int:
    """How many must have seen a behaviour for it to be tested: max(support, 2 % of the visitors)."""
    return max(support, -(-visitors * 2 // 100))


def _table(seen: Seen, outcome: np.ndarray, support: int) -> pa.Table:
    everyone, all_yes = len(outcome), int(outcome.sum())
    least = least_support(everyone, support)
    tables: list[dict[str, Any]] = []
    for feature in seen.features():
        codes, n, yes = seen.counts(feature, outcome, least)
        for code, count, hits in zip(codes.tolist(), n.tolist(), yes.tolist(), strict=True):
            if _expected(count, all_yes, everyone) >= LEAST_EXPECTED:
                text = feature.texts[code]
                said = text if feature.kind != "property" else f"{feature.field} = {text}"
                tables.append(
                    {
                        "behaviour": said, "type": feature.kind, "field": feature.field, "value": text,
                        "with_n": count, "with_went_on": hits, "with_rate": Share(hits, count).rate,
                        "without_n": everyone - count, "without_went_on": all_yes - hits,
                        "without_rate": Share(all_yes - hits, everyone - count).rate,
                        "skewed": _skewed(all_yes, everyone),
                    }
                )  # fmt: skip
    _test(tables)
    tables.sort(key=lambda row: (not row["significant"], -_strength(row), row["type"], row["field"], row["value"]))
    return pa.Table.from_pylist(tables, schema=SCHEMA)


def _test(rows: list[dict[str, Any]]) -> None:
    """Add to each row its odds ratio, interval, p, q over all rows, and what follows from them."""
    cells = np.array(
        [
            (row["with_went_on"], row["with_n"] - row["with_went_on"],
             row["without_went_on"], row["without_n"] - row["without_went_on"])
            for row in rows
        ], np.int64,
    ).reshape(-1, 4)  # fmt: skip
    odds = odds_ratios(*cells.T)
    q = benjamini_hochberg(odds.p)
    for number, row in enumerate(rows):
        ratio, more = float(odds.ratio[number]), row["with_rate"] - row["without_rate"]
        row.update(
            # The 1 added to each cell may turn a difference near nothing round: that is no direction.
            direction="up" if ratio > 1 and more > 0 else "down" if ratio < 1 and more < 0 else "none",
            times=row["with_rate"] / row["without_rate"] if row["without_rate"] else None,
            odds_ratio=ratio, low=float(odds.low[number]), high=float(odds.high[number]),
            p_value=float(odds.p[number]), q_value=float(q[number]), significant=bool(q[number] <= FALSE_RATE),
        )  # fmt: skip


def _strength(row: dict[str, Any]) -> float:
    """How far the odds surely lie from even, as a ratio: the end of the interval that is nearer to 1."""
    return float(row["low"]) if row["odds_ratio"] >= 1 else 1 / float(row["high"])


def _expected(count: int, yes: int, everyone: int) -> float:
    """The least of the four cells if those with a behaviour went on as often as all."""
    return min(count, everyone - count) * min(yes, everyone - yes) / everyone


def _skewed(yes: int, everyone: int) -> bool:
    return max(yes, everyone - yes) > SKEWED * min(yes, everyone - yes)
