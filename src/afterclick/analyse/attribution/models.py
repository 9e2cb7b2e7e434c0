"""The data-driven models over the paths of the log: their credit, how sure it is, and what they learnt."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Final

import numpy as np

from afterclick.analyse.attribution.bootstrap import LARGEST, Bootstrap, Spread
from afterclick.analyse.attribution.conversions import Conversions
from afterclick.analyse.attribution.credits import Credit
from afterclick.analyse.attribution.markov import LARGEST as CHAIN
from afterclick.analyse.attribution.markov import Effects, markov
from afterclick.analyse.attribution.paths import Paths
from afterclick.analyse.attribution.rules import WHOLE, apportioned, parted
from afterclick.analyse.attribution.shapley import Rates, shapley_rates
from afterclick.analyse.attribution.trails import Ways
from afterclick.analyse.attribution.transforms import transformed
from afterclick.analyse.distinct import sums
from afterclick.analyse.orders import total
from afterclick.analyse.shapley import whole

DATA_DRIVEN: Final = ("markov", "shapley")
ROUNDS: Final = 200
"""Random orders in which values join where not all sets are looked at; their error is shown."""


@dataclass(frozen=True)
class Models:
    """Markov of an order and Shapley over one set of paths; revenue in minor units."""

    ways: Ways
    conversions: Conversions
    order: int
    nulls: bool

    @cached_property
    def hits(self) -> np.ndarray:
        """Paths that end with a conversion, int64."""
        return np.flatnonzero(self.ways.place >= 0)

    @cached_property
    def won(self) -> int:
        """Their revenue, exactly."""
        return total(self.conversions.amount[self.ways.place[self.hits]])

    @cached_property
    def new(self) -> int:
        """First conversions among them."""
        return int(self.conversions.first[self.ways.place[self.hits]].sum())

    @cached_property
    def paths(self) -> Paths:
        """The distinct paths as counts."""
        return self.ways.paths(self.conversions.amount, self.nulls)

    @cached_property
    def effects(self) -> Effects | None:
        """What removing each value loses; None where the chain is too large."""
        return markov(self.paths, self.order, self.nulls) if len(self.ways.names) <= CHAIN else None

    @cached_property
    def rates(self) -> Rates | None:
        """What each value adds to the rate of conversion; None where there are too many to ask in a moment."""
        return shapley_rates(self.paths, ROUNDS) if len(self.ways.names) <= LARGEST else None

    @cached_property
    def buyers(self) -> np.ndarray:
        """Per value the visitors with a converting path that has it."""
        code, _ = self._meetings
        return np.bincount(code, minlength=len(self.ways.names))

    @cached_property
    def _meetings(self) -> tuple[np.ndarray, np.ndarray]:
        """(value, visitor) of every value on a visitor's converting paths, once, by value and visitor."""
        ways = self.ways
        hit = np.repeat(ways.place >= 0, np.diff(ways.offsets))
        owner = np.repeat(ways.visitor, np.diff(ways.offsets)).astype(np.int64)
        size = int(ways.visitor.max(initial=0)) + 1
        both = np.unique(ways.value[hit].astype(np.int64) * size + owner[hit])
        return both // size, both % size

    def visitors(self, value: int) -> np.ndarray:
        """Labels of the visitors with a converting path that has this value, ascending."""
        code, visitor = self._meetings
        found: np.ndarray = visitor[code == value]
        return found

    def credits(self) -> dict[str, Credit]:
        """The credit of each model that can be computed."""
        found = {"shapley": self._shapley()}
        if self.effects is not None and self.effects.shares is not None:
            found["markov"] = self._markov(self.effects.shares)
        return found

    def _markov(self, shares: np.ndarray) -> Credit:
        exact = [Fraction(share) for share in shares.tolist()]
        every, unit = sum(exact, Fraction(0)), self._unit
        parts = {str(i): share / every * (self.won // unit) for i, share in enumerate(exact)}
        revenue = [coins * unit for coins in whole(parts).values()]
        return Credit(revenue, shares * len(self.hits), shares * self.new, np.where(shares > 0, self.buyers, 0))

    @property
    def _unit(self) -> int:
        """The coin that the revenue of all paths is a multiple of."""
        units = self.conversions.unit[self.ways.place[self.hits]]
        return int(units.min(initial=10**9)) if len(units) else 1

    def _shapley(self) -> Credit:
        ways, size = self.ways, len(self.ways.names)
        once = transformed(("first",), ways.offsets, ways.value, ways.names)
        length = np.diff(once.offsets)
        hit = ways.place >= 0
        place = ways.place[hit]
        offsets, code = np.append(0, np.cumsum(length[hit])), once.codes[np.repeat(hit, length)]
        weight = np.repeat(1 / length[hit], length[hit])
        money = apportioned(offsets, weight, self.conversions.amount[place], self.conversions.unit[place])
        parts = parted(offsets, weight, np.full(len(place), WHOLE))
        first = np.repeat(self.conversions.first[place], length[hit])
        return Credit(
            revenue=sums(code, money, size),
            conversions=np.array(sums(code, parts, size), np.float64) / WHOLE,
            new=np.array(sums(code[first], parts[first], size), np.float64) / WHOLE,
            buyers=self.buyers,
        )

    def spreads(self) -> dict[str, Spread]:
        """The intervals; of markov only where it remembers one touch and has few enough values."""
        if not len(self.hits):
            return {}
        chain = self.order == 1 and len(self.ways.names) <= LARGEST
        drawn = Bootstrap(self.ways, self.conversions, self.nulls)
        return drawn.spreads(self.conversions.loose_count, self.conversions.loose_amount, chain)
