"""How far the shares of the data-driven models may lie from what was found: visitors drawn again, 200 times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import sparse

from afterclick.analyse.attribution.conversions import Conversions
from afterclick.analyse.attribution.markov import removal
from afterclick.analyse.attribution.trails import Ways

REPLICATES: Final = 200
SEED: Final = 20_260_901
LARGEST: Final = 100
"""Values up to which the chain of each replicate is solved."""
_AT_ONCE: Final = 25


@dataclass(frozen=True)
class Spread:
    """Per value the 2.5 % and 97.5 % points of its share of all conversions and of all revenue (None without revenue)."""

    conversions: tuple[np.ndarray, np.ndarray]
    revenue: tuple[np.ndarray, np.ndarray] | None


class Bootstrap:
    """The paths as what each visitor adds, so that drawing visitors is weighing rows.

    Each of n visitors is drawn Poisson(1) times, which for shares is as good as drawing n of them (Hanley & MacGibbon,
    Comput. Methods Programs Biomed. 83 (2006) 57). Visitors who bought are drawn one by one; the others' paths are counted
    by what they are, and so drawn together. Rows stand in an order that owes nothing to how the events arrived.
    """

    def __init__(self, ways: Ways, conversions: Conversions, nulls: bool) -> None:
        self.size = len(ways.names)
        hashes = ways.hashes * np.uint64(2) + (ways.place >= 0).astype(np.uint64)
        here = np.flatnonzero(conversions.here)
        buyers = np.unique(conversions.visitor[here])
        of_here = np.searchsorted(buyers, conversions.visitor[here])
        count = np.bincount(of_here, minlength=len(buyers)).astype(np.float64)
        money = np.bincount(of_here, conversions.amount[here].astype(np.float64), minlength=len(buyers))
        place = np.minimum(np.searchsorted(buyers, ways.visitor), max(len(buyers) - 1, 0))
        own = buyers[place] == ways.visitor if len(buyers) else np.zeros(len(place), bool)
        order = _canonical(conversions, here, of_here, len(buyers), money, place[own], hashes[own])
        rank = np.empty(len(buyers), np.int64)
        rank[order] = np.arange(len(order))
        self.count, self.money = count[order], money[order]
        counts = (ways.place >= 0) | nulls
        bought, lone = np.flatnonzero(own & counts), np.flatnonzero(~own & counts)
        _, first, often = np.unique(hashes[lone], return_index=True, return_counts=True)
        self.often = often.astype(np.float64)
        self.bought = _Moves.of(ways, bought, rank[place[bought]], len(buyers))
        self.others = _Moves.of(ways, lone[first], np.arange(len(first)), len(first))
        self._share(ways, conversions, np.flatnonzero(ways.place >= 0), rank[place])

    def _share(self, ways: Ways, conversions: Conversions, hits: np.ndarray, buyer: np.ndarray) -> None:
        """Per buyer what each value gets of the conversions and their money, each path split over its distinct values."""
        length = np.diff(ways.offsets)
        path = np.repeat(np.arange(len(length)), length)
        both = np.unique(path * self.size + ways.value)
        both = both[ways.place[both // self.size] >= 0]
        path, code = both // self.size, both % self.size
        part = 1 / np.bincount(path, minlength=len(length))[path]
        shape = (len(self.count), self.size)
        value = conversions.amount[ways.place[path]].astype(np.float64)
        self.shares = sparse.csr_matrix((part, (buyer[path], code)), shape=shape)
        self.values = sparse.csr_matrix((part * value, (buyer[path], code)), shape=shape)
        self.hits = np.bincount(buyer[hits], minlength=len(self.count)).astype(np.float64)
        won = conversions.amount[ways.place[hits]].astype(np.float64)
        self.won = np.bincount(buyer[hits], won, minlength=len(self.count))

    def spreads(self, loose_count: int, loose_amount: int, chain: bool) -> dict[str, Spread]:
        """Of shapley and, with `chain`, of markov; the loose conversions and amounts are part of the totals."""
        found: dict[str, list[np.ndarray]] = {}
        rng = np.random.default_rng(SEED)
        for begin in range(0, REPLICATES, _AT_ONCE):
            many = min(_AT_ONCE, REPLICATES - begin)
            drawn = rng.poisson(1.0, (many, len(self.count))).T.astype(np.float64)
            others = rng.poisson(self.often, (many, len(self.often))).T.astype(np.float64)
            count = self.count @ drawn + loose_count
            money = self.money @ drawn + loose_amount
            found.setdefault("shapley", []).append(_part(self.shares.T @ drawn, count))
            found.setdefault("shapley money", []).append(_part(self.values.T @ drawn, money))
            if chain:
                share = self._chain(drawn, others)
                found.setdefault("markov", []).append(_part(share * (self.hits @ drawn), count))
                found.setdefault("markov money", []).append(_part(share * (self.won @ drawn), money))
        return {
            name: Spread(_points(found[name]), _points(found[f"{name} money"]) if self.money.any() else None)
            for name in ("shapley", "markov")
            if name in found
        }

    def _chain(self, drawn: np.ndarray, others: np.ndarray) -> np.ndarray:
        """The markov shares of each draw, float64[values, draws]; 0 where nothing converts."""
        moves = np.zeros((drawn.shape[1], (self.size + 1) * (self.size + 2)))
        for part, weight in ((self.bought, drawn), (self.others, others)):
            moves[:, part.cells] += (part.often.T @ weight).T
        effects = removal(moves.reshape(-1, self.size + 1, self.size + 2))[1].T
        whole = effects.sum(axis=0)
        return _part(effects, whole)


@dataclass(frozen=True)
class _Moves:
    """Moves between states per row: often (sparse, rows × cells), and the cell of the matrix behind each column."""

    often: sparse.csr_matrix
    cells: np.ndarray

    @classmethod
    def of(cls, ways: Ways, paths: np.ndarray, row: np.ndarray, rows: int) -> _Moves:
        size = len(ways.names)
        length = np.diff(ways.offsets)[paths]
        place = np.repeat(ways.offsets[paths], length) + _within(length)
        code, first = ways.value[place].astype(np.int64), _within(length) == 0
        before = np.where(first, 0, ways.value[place - 1].astype(np.int64) + 1) if len(place) else code
        end = ways.value[ways.offsets[paths + 1] - 1].astype(np.int64) + 1
        inner = before * (size + 2) + code
        last = end * (size + 2) + size + (ways.place[paths] < 0)
        cells, column = np.unique(np.concatenate([inner, last]), return_inverse=True)
        owner = np.concatenate([np.repeat(row, length), row])
        often = sparse.csr_matrix((np.ones(len(owner)), (owner, column)), shape=(rows, len(cells)))
        return cls(often, cells)


def _within(length: np.ndarray) -> np.ndarray:
    """The place of each of so many things in its run."""
    place: np.ndarray = np.arange(int(length.sum())) - np.repeat(np.cumsum(length) - length, length)
    return place


def _canonical(
    conversions: Conversions, here: np.ndarray, of_here: np.ndarray, buyers: int, money: np.ndarray, place: np.ndarray,
    hashes: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """An order of the buyers by what they did: when first, for how much, by which paths."""
    first = np.full(buyers, 2**62)
    np.minimum.at(first, of_here, conversions.at[here])
    ways = np.zeros(buyers, np.uint64)
    np.add.at(ways, place, hashes * (hashes | np.uint64(1)))
    order: np.ndarray = np.lexsort((ways, money, first))
    return order


def _part(share: np.ndarray, whole: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.divide(share, whole, out=np.zeros_like(share), where=whole > 0)
    return found


def _points(draws: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    low, high = np.quantile(np.concatenate(draws, axis=1), [0.025, 0.975], axis=1)
    return low, high
