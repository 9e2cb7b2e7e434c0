"""Moves between steps as a relation: how many, by whom, how long they took, and which turn back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np

from afterclick.analyse.distinct import distinct, firsts
from afterclick.analyse.friction import edges_of
from afterclick.analyse.kernels import moves as kernels
from afterclick.analyse.kernels.compiled import pool
from afterclick.analyse.measures import Measures
from afterclick.analyse.paths.nodes import Nodes
from afterclick.analyse.scratch import borrowed
from afterclick.core.arrays import frozen

_ALIKE: Final = frozen(np.zeros(1, np.uint8))
_WHOLE: Final = frozen(np.ones(1, np.uint8))


class Stream(NamedTuple):
    """The steps of all units in order: gathered row, node, number of the unit, visitor."""

    place: np.ndarray
    node: np.ndarray
    unit: np.ndarray
    visitor: np.ndarray

    @property
    def joined(self) -> np.ndarray:
        """Which steps have one before them in their unit, bool."""
        return np.append(False, self.unit[1:] == self.unit[:-1])[: len(self.unit)]


@dataclass(frozen=True)
class Counted:
    """Counts by slot: moves, movers (visitors), loops, loopers int64[many, many]; met int64[many] visitors; median
    float64[many, many] µs, NaN where nothing moved. `tally` as in the kernel: triples, loops, repeats, units."""

    moves: np.ndarray
    movers: np.ndarray
    met: np.ndarray
    loops: np.ndarray
    loopers: np.ndarray
    median: np.ndarray
    tally: np.ndarray


class Moves:
    """The moves of the period of these measures, between the `top` steps met most, the others together, entry and end.

    Slots 0 to len(shown) - 1 are the shown nodes, then `other`, `entry`, `left`.
    """

    def __init__(self, m: Measures, nodes: Nodes, top: int, *, by_visitor: bool) -> None:
        self.m, self.nodes, self.top, self.by_visitor = m, nodes, top, by_visitor

    @cached_property
    def _rows(self) -> tuple[Any, ...]:
        m, nodes, rows = self.m, self.nodes, self.m.sessions.rows
        chosen, marks = _WHOLE, _ALIKE
        if not self.by_visitor:
            mask = np.zeros(len(m.sessions), np.uint8)
            mask[m.session_ids] = 1
            chosen = frozen(mask)
        elif m.met is not None:
            marks = frozen(np.where(m.met, 0, kernels.OUT).astype(np.uint8))
        if self.by_visitor:
            edges, visitor = rows.offsets, frozen(np.arange(rows.visitors, dtype=np.int32))
        else:
            edges, visitor = edges_of(m.sessions), m.sessions.visitor
        return (
            edges, visitor, chosen, nodes.along, rows.at, rows.key, nodes.lookup, marks,
            1 if len(marks) > 1 else 0, self.by_visitor, m.period.start, m.period.end, nodes.wanted,
        )  # fmt: skip

    @property
    def _plain(self) -> bool:
        return kernels.count_moves.runs_plain(len(self.m.sessions.rows.at))

    @cached_property
    def _spans(self) -> list[tuple[int, int]]:
        """Ranges of sessions that keep those of a visitor together; ranges of visitors where these are the units."""
        rows = self.m.sessions.rows
        visitors = rows.spans(kernels.count_moves.parts(len(rows.at)))
        if self.by_visitor:
            return visitors
        cuts = np.searchsorted(self.m.sessions.visitor, np.array(visitors, np.int64).reshape(-1, 2)).tolist()
        return [(low, high) for low, high in cuts if high > low]

    @cached_property
    def stream(self) -> Stream:
        """All steps; made for few rows, and where somebody asks who stands behind a number."""
        edges, visitor, chosen, along, at, key, lookup, marks, each, _, start, end, wanted = self._rows
        session = np.repeat(np.arange(len(visitor)), np.diff(edges))
        node = lookup[along]
        kept = (node >= 0) & ((key & wanted) != 0)
        if each:
            kept &= (marks & kernels.OUT) == 0
        kept &= (at >= start) & (at < end) if self.by_visitor else chosen[session] != 0
        place = np.flatnonzero(kept)
        who = visitor[session[place]]
        unit = who if self.by_visitor else session[place]
        return Stream(place, node[place], unit, who)

    @cached_property
    def shown(self) -> list[int]:
        """The nodes that are named, most steps first; the one at which orders are made always."""
        size = self.nodes.size
        if self._plain:
            counts = np.bincount(self.stream.node, minlength=size)
        elif size <= self.top:
            return list(range(size))
        else:
            # Laid out before the pool works: laying out needs the pool itself.
            rows = self._rows

            def count(span: tuple[int, int]) -> np.ndarray:
                found = np.zeros(size, np.int64)
                kernels.count_steps.fast()(*rows, *span, found)
                return found

            counts = sum(pool().map(count, self._spans), np.zeros(size, np.int64))
        met = np.flatnonzero(counts)
        ranked: list[int] = met[np.argsort(-counts[met], kind="stable")].tolist()
        kept = ranked[: self.top]
        order = self.nodes.order
        return kept if order < 0 or order in kept or not counts[order] else [*kept[:-1], order]

    @property
    def many(self) -> int:
        """How many slots there are."""
        return len(self.shown) + 3

    @property
    def other(self) -> int:
        """The slot of the steps that are not named."""
        return self.many - 3

    @property
    def entry(self) -> int:
        """The slot before the first step of a unit."""
        return self.many - 2

    @property
    def left(self) -> int:
        """The slot behind the last step of a unit."""
        return self.many - 1

    @cached_property
    def slots(self) -> np.ndarray:
        """The slot of each node, int32."""
        slots = np.full(max(self.nodes.size, 1), self.other, np.int32)
        slots[self.shown] = np.arange(len(self.shown))
        return frozen(slots)

    @cached_property
    def counted(self) -> Counted:
        """The counts."""
        return self._few() if self._plain or not self._spans else self._many()

    def _few(self) -> Counted:
        many, stream, at = self.many, self.stream, self.m.sessions.rows.at
        slot, joined = self.slots[stream.node].astype(np.int64), self.stream.joined
        ends = np.append(~joined[1:], True)[: len(joined)]
        inner = np.flatnonzero(joined)
        cells = np.concatenate(
            [slot[inner - 1] * many + slot[inner], self.entry * many + slot[~joined], slot[ends] * many + self.left]
        )
        owners = np.concatenate([stream.visitor[inner], stream.visitor[~joined], stream.visitor[ends]])
        passed = at[stream.place[inner]] - at[stream.place[inner - 1]]
        a, b, who = self.turns()
        turned = self.slots[a].astype(np.int64) * many + self.slots[b]
        order = np.lexsort((passed, cells[: len(inner)]))
        tally = np.array([self._way()[2].sum(), len(a), (self.stream.node[inner] == self.stream.node[inner - 1]).sum(),
                          (~joined).sum()])  # fmt: skip
        return Counted(
            np.bincount(cells, minlength=many * many).reshape(many, many),
            _people(cells, owners, many * many).reshape(many, many),
            _people(slot, stream.visitor, many), np.bincount(turned, minlength=many * many).reshape(many, many),
            _people(turned, who, many * many).reshape(many, many),
            _medians(passed[order], np.bincount(cells[: len(inner)], minlength=many * many)).reshape(many, many), tally,
        )  # fmt: skip

    def _way(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Steps (places in the stream) without repeats, and which of them have one, and two, before them in their unit."""
        stream = self.stream
        kept = np.flatnonzero(~(stream.joined & np.append(False, stream.node[1:] == stream.node[:-1])[: len(stream.node)]))
        unit = stream.unit[kept]
        one = np.append(False, unit[1:] == unit[:-1])[: len(unit)]
        return kept, one, one & np.append(False, one[:-1])[: len(one)]

    def turns(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of each A, B, A the nodes A and B, and the visitor."""
        kept, _, second = self._way()
        node = self.stream.node[kept]
        here = np.flatnonzero(second)
        back = here[node[here] == node[here - 2]]
        return node[back], node[back - 1], self.stream.visitor[kept[back]]

    def _many(self) -> Counted:
        many, cells = self.many, self.many**2
        head = *self._rows, self.slots, kernels.classes(), many
        with borrowed(len(self.m.sessions.rows.at), np.uint32) as moved:

            def count(span: tuple[int, int]) -> list[np.ndarray]:
                sizes = cells, cells, many, cells, cells, cells, many, cells
                outs = [np.zeros(size, np.int64) for size in sizes]
                times, tally = np.zeros(cells * kernels.BINS, np.int32), np.zeros(4, np.int64)
                kernels.count_moves.fast()(*head, *span, *outs, times, tally, moved)
                return [*outs[:5], times, tally]

            found = list(pool().map(count, self._spans))
            median = self._median([part[5].reshape(cells, kernels.BINS) for part in found], moved)
        moves, movers, met, loops, loopers, tally = (
            sum((part[place] for part in found), np.zeros_like(found[0][place])) for place in (0, 1, 2, 3, 4, 6)
        )
        return Counted(
            moves.reshape(many, many), movers.reshape(many, many), met, loops.reshape(many, many),
            loopers.reshape(many, many), median.reshape(many, many), tally,
        )  # fmt: skip

    def _median(self, times: list[np.ndarray], moved: np.ndarray) -> np.ndarray:
        """The exact median of each cell: only the classes that hold the middle ones are looked into."""
        whole = sum(times[1:], times[0].astype(np.int64))
        below = np.cumsum(whole, axis=1)
        count = below[:, -1]
        low, high = (
            (below <= rank[:, None]).sum(axis=1) for rank in (np.maximum(count - 1, 0) // 2, np.where(count > 0, count // 2, 0))
        )
        high = np.where(count > 0, high, -1)
        low = np.where(count > 0, low, -1)
        cell = np.arange(len(count))
        laid = [_class(part, cell, low) + np.where(high != low, _class(part, cell, high), 0) for part in times]
        held = sum(laid[1:], laid[0])
        begins = np.cumsum(held) - held
        out = np.empty(int(held.sum()), np.int64)
        cursors, before = [], begins.astype(np.int64)
        for part in laid:
            cursors.append(before.copy())
            before = before + part
        # Where nothing moved there is no row that could be of class 0.
        bounds = frozen(np.maximum(low, 0).astype(np.uint8)), frozen(np.maximum(high, 0).astype(np.uint8))
        columns, edges, lay = (self.m.sessions.rows.at, frozen(moved), *bounds), self._rows[0], kernels.lay_moves.fast()
        spans = [(int(edges[first]), int(edges[last])) for first, last in self._spans]
        list(pool().map(lambda span, cursor: lay(*columns, *span, cursor, out), spans, cursors))
        skipped = np.where(low > 0, below[cell, np.maximum(low - 1, 0)], 0)
        middle = np.full(len(count), np.nan)

        def find(one: int) -> None:
            here = np.sort(out[begins[one] : begins[one] + held[one]])
            first, second = int((count[one] - 1) // 2 - skipped[one]), int(count[one] // 2)
            # Classes between the two middle ones, where these lie in different ones, are empty.
            later = second - skipped[one]
            middle[one] = (here[first] + here[later]) / 2

        list(pool().map(find, np.flatnonzero(count).tolist()))
        return middle


def _class(times: np.ndarray, cell: np.ndarray, which: np.ndarray) -> np.ndarray:
    return np.where(which >= 0, times[cell, np.maximum(which, 0)], 0).astype(np.int64)


def _people(cells: np.ndarray, owners: np.ndarray, size: int) -> np.ndarray:
    """Distinct owners per cell, int64[size]."""
    order = np.lexsort((owners, cells))
    new = firsts(cells[order], owners[order]) if len(order) else np.zeros(0, bool)
    return np.bincount(cells[order][new], minlength=size)


def _medians(ordered: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The median of each group of values that stand group by group, ascending in each; NaN for an empty one."""
    begins = np.cumsum(counts) - counts
    middle = np.full(len(counts), np.nan)
    some = np.flatnonzero(counts)
    low, high = begins[some] + (counts[some] - 1) // 2, begins[some] + counts[some] // 2
    middle[some] = (ordered[low] + ordered[high]) / 2
    return middle


def movers_of(moves: Moves, source: int, target: int) -> np.ndarray:
    """Distinct visitors of a move between two slots; int64."""
    stream = moves.stream
    slot, joined = moves.slots[stream.node], stream.joined
    if source == moves.entry:
        there = ~joined & (slot == target)
    elif target == moves.left:
        there = np.append(~joined[1:], True)[: len(joined)] & (slot == source)
    else:
        there = joined & (slot == target) & (np.append(-1, slot[:-1])[: len(slot)] == source)
    return distinct(stream.visitor[there], moves.m.sessions.rows.visitors)
