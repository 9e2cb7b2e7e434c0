"""The terms that ask for events, for all visitors at an instant: counts, sums, recency, sequences, funnel steps."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from afterclick.analyse import fields
from afterclick.analyse.orders import amounts_of
from afterclick.analyse.scope import Scope
from afterclick.analyse.segments.chains import NONE, completed, next_of
from afterclick.analyse.segments.step_rows import StepRows, first_of_each, last_of_each
from afterclick.analyse.slices import known_field
from afterclick.core import money
from afterclick.core.condition import NO_AMOUNT, Amounts, Coded, Column, Flags, Numbers
from afterclick.core.condition_values import as_number
from afterclick.core.errors import SpecError
from afterclick.core.rule_terms import Count, Figure, Reached, Sequence, Since
from afterclick.core.said import Said
from afterclick.core.step import Step

_EVER = -(2**62)


class EventTerms:
    """The values of such terms; what does not depend on the instant is found once. `size` is that of the label space."""

    def __init__(self, scope: Scope, found: StepRows) -> None:
        self.scope = scope
        self.found = found
        self.size = found.rows.visitors
        self.mixed = False
        self._chains = lru_cache(maxsize=None)(self._chained)
        self._values = lru_cache(maxsize=None)(self._read)

    # -- how often, how much, how long ago

    def count(self, term: Count, at: int) -> Column:
        """How many, 0 where none."""
        places = self._window(term.step, term.within, at)
        owner = self.found.owner[places]
        if not term.same:
            return Numbers(np.bincount(owner, minlength=self.size).astype(np.float64))
        codes, texts = self._codes(term.same, places)
        there = codes >= 0
        pair, counts = np.unique(owner[there].astype(np.int64) * max(len(texts), 1) + codes[there], return_counts=True)
        most = np.zeros(self.size)
        np.maximum.at(most, pair // max(len(texts), 1), counts)
        return Numbers(most)

    def figure(self, term: Figure, at: int) -> Column:
        """The sum (exact, four decimals) and so on; rows without the field are left out."""
        places = self._window(term.step, term.within, at)
        column = self._values(term.step, term.field, term.which)
        if isinstance(column, Coded):
            return Coded(self._at_edge(term.which, places, column.codes, -1), column.values)
        if isinstance(column, Amounts):
            if term.which == "sum":
                return self._summed(places, column.values)
            return Amounts(self._at_edge(term.which, places, column.values, NO_AMOUNT))
        assert isinstance(column, Numbers)
        return Numbers(self._at_edge(term.which, places, column.values, np.nan))

    def since(self, term: Since, at: int) -> Column:
        """µs since the last one."""
        places = self._window(term.step, 0, at)
        owner = self.found.owner[places]
        last = last_of_each(owner)
        out = np.full(self.size, np.nan)
        out[owner[last]] = at - self.found.rows.at[places[last]]
        return Numbers(out)

    # -- what followed what

    def sequence(self, term: Sequence, at: int) -> Column:
        """Whether there is such a sequence by then."""
        order, begin, end = self._chains(term)
        since = at - term.recent if term.recent else _EVER
        holds = (end <= at) & (begin >= since)
        out = np.zeros(self.size, bool)
        out[self.found.owner[order[holds]]] = True
        return Flags(out)

    def reached(self, term: Reached, at: int) -> Column:
        """How many steps."""
        order, begins = self._groups(term.steps, term.same)
        times = self.found.rows.at[order]
        served = [self.found.serves(step)[order] for step in term.steps]
        out = np.zeros(self.size)
        for number, starts in enumerate(completed(served, begins, times, term.within)):
            hit = (starts != NONE) & (times <= at)
            out[self.found.owner[order[hit]]] = number + 1
        return Numbers(out)

    def _chained(self, term: Sequence) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Per sequence found: one of its rows, the instant of its first event, the instant from which it holds."""
        order, begins = self._groups(term.steps, term.same)
        times = self.found.rows.at[order]
        served = [self.found.serves(step)[order] for step in term.steps]
        if not term.absent:
            starts = completed(served, begins, times, term.within)[-1]
            whole = np.flatnonzero(starts != NONE)
            return order[whole], times[starts[whole]], times[whole]
        ends = np.full(len(order), len(order))
        last = last_of_each(begins)
        ends[last] = last + 1
        ends = np.minimum.accumulate(ends[::-1])[::-1] if len(ends) else ends
        ahead = next_of(served[1], ends)
        followed = (ahead != NONE) & (times[np.maximum(ahead, 0)] <= times + term.within)
        alone = np.flatnonzero(served[0] & ~followed)
        return order[alone], times[alone], times[alone] + term.within + 1

    def _groups(self, steps: tuple[Step, ...], same: str) -> tuple[np.ndarray, np.ndarray]:
        """The rows of these steps by visitor, or by visitor and value, and where the group of each begins."""
        served = np.zeros(len(self.found.rows.at), bool)
        for step in steps:
            served |= self.found.serves(step)
        if not same and served.all():
            offsets = self.found.rows.offsets
            return np.arange(len(served)), np.repeat(offsets[:-1], np.diff(offsets))
        places = np.flatnonzero(served)
        group = self.found.owner[places].astype(np.int64)
        if same:
            codes, texts = self._codes(same, places)
            places, codes, group = places[codes >= 0], codes[codes >= 0], group[codes >= 0]
            group = group * max(len(texts), 1) + codes
            order = np.argsort(group, kind="stable")
            places, group = places[order], group[order]
        first = np.zeros(len(places), np.int64)
        begin = first_of_each(group)
        first[begin] = begin
        return places, np.maximum.accumulate(first) if len(first) else first

    # -- rows and their values

    def _window(self, step: Step, within: int, at: int) -> np.ndarray:
        return self.found.places(step, at - within if within else _EVER, at)

    def _codes(self, field: str, places: np.ndarray) -> tuple[np.ndarray, list[str]]:
        name = known_field(self.scope.context, field, "segment")
        return fields.codes_of(self.scope.context, name, self.scope.taker(0, self.found.rows.rows_at(places)))

    def _read(self, step: Step, field: str, which: str) -> Column:
        """The values of a field over all gathered rows, missing where the row is no such event; sums as amounts."""
        context, rows = self.scope.context, self.found.rows
        there = np.flatnonzero(self.found.serves(step))
        number = rows.rows_at(there)
        name = field.removeprefix("properties.")
        if name not in fields.known_fields(context):
            known_field(context, field, "segment")
        if name in fields.AMOUNTS:
            sent = context.snapshot.take("amount", number)
            amounts, mixed = amounts_of(context, number, rows.at[there])
            self.mixed |= mixed
            values = np.where((sent == NO_AMOUNT) | mixed, NO_AMOUNT, amounts)
            return Amounts(_spread(values, there, len(rows.at), NO_AMOUNT))
        column = fields.column(context, name, self.scope.taker(0, number))
        if isinstance(column, Flags):
            column = Numbers(column.values.astype(np.float64))
        if isinstance(column, Coded):
            if which in ("first", "last"):
                return Coded(_spread(column.codes, there, len(rows.at), -1), column.values)
            column = Numbers(_numbers(column))
        if not isinstance(column, Numbers):
            raise SpecError(Said("refusals.cannot_sum", field=field), path="segment")
        if which == "sum":
            minor = np.full(len(there), NO_AMOUNT, np.int64)
            usable = np.abs(column.values) < money.LIMIT
            minor[usable] = np.rint(column.values[usable] * money.SCALE).astype(np.int64)
            return Amounts(_spread(minor, there, len(rows.at), NO_AMOUNT))
        return Numbers(_spread(column.values, there, len(rows.at), np.nan))

    def _summed(self, places: np.ndarray, values: np.ndarray) -> Column:
        out = np.zeros(self.size, np.int64)
        if self.mixed:
            return Amounts(np.full(self.size, NO_AMOUNT, np.int64))
        here = places[values[places] != NO_AMOUNT]
        np.add.at(out, self.found.owner[here], values[here])
        return Amounts(out)

    def _at_edge(self, which: str, places: np.ndarray, values: np.ndarray, none: float) -> np.ndarray:
        """Of each visitor's present values the first, last, smallest or largest."""
        present = ~np.isnan(values[places]) if values.dtype == np.float64 else values[places] != none
        here = places[present]
        owner, found = self.found.owner[here], values[here]
        out = np.full(self.size, none, values.dtype)
        if which in ("first", "last"):
            edge = (first_of_each if which == "first" else last_of_each)(owner)
            out[owner[edge]] = found[edge]
        elif len(here):
            begin = first_of_each(owner)
            least = np.minimum if which == "min" else np.maximum
            out[owner[begin]] = least.reduceat(found, begin)
        return out


def _spread(values: np.ndarray, places: np.ndarray, size: int, none: float) -> np.ndarray:
    out = np.full(size, none, values.dtype)
    out[places] = values
    return out


def _numbers(column: Coded) -> np.ndarray:
    """Texts read as numbers, NaN for what is none."""
    read = [as_number(text) for text in column.values]
    table = np.array([*(np.nan if one is None else float(one) for one in read), np.nan])
    result: np.ndarray = table[column.codes]
    return result
