"""The paths of a scope as a relation: one row per visitor or session, its first steps, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from afterclick.analyse.distinct import firsts
from afterclick.analyse.fields import touch_field
from afterclick.analyse.friction import edges_of
from afterclick.analyse.kernels import paths as kernels
from afterclick.analyse.kernels.compiled import pool
from afterclick.analyse.measures import Measures
from afterclick.analyse.paths.anchor import Anchors
from afterclick.analyse.paths.nodes import Nodes
from afterclick.core.arrays import frozen

_SEED: Final = 20_260_601
_ALL: Final = frozen(np.ones(1, np.uint8))


class Way(NamedTuple):
    """What a path is: its unit, where it begins and ends, the longest pause in it (µs, 0 = any), and its first columns."""

    by_visitor: bool
    start: str
    end: str
    gap: int
    collapse: bool
    depth: int

    @property
    def mode(self) -> int:
        """One of the kernel's ANYWHERE, FROM_START, TO_END and BETWEEN."""
        return (kernels.FROM_START if self.start else kernels.ANYWHERE) | (kernels.TO_END if self.end else 0)


@dataclass(frozen=True)
class Walks:
    """Units in the order of (visitor, time): int32 `visitor`, `session` of the first row, `steps`; int64 `digest` of all
    steps; bool `ordered`; int32 `columns` (units, wide) of nodes, -1 behind the path's end.

    `lead` is 1 where column 0 holds channels; `begun` counts the units with a start, whether or not they reached the end.
    """

    m: Measures
    nodes: Nodes
    way: Way
    session: np.ndarray
    steps: np.ndarray
    digest: np.ndarray
    ordered: np.ndarray
    columns: np.ndarray
    lead: int
    begun: int
    walker: Walker

    def __len__(self) -> int:
        return len(self.session)

    @cached_property
    def visitor(self) -> np.ndarray:
        """The visitor of each unit, ascending; int32."""
        return frozen(self.m.sessions.visitor[self.session])

    @property
    def wide(self) -> int:
        """How many columns there are."""
        return int(self.columns.shape[1])

    @cached_property
    def channels(self) -> list[str]:
        """Channels by code, and behind them what stands for none."""
        return [*touch_field(self.m.scope.context, "channel")[1], "(none)"]

    @cached_property
    def size(self) -> int:
        """Nodes a column may hold."""
        return max(self.nodes.size, len(self.channels) if self.lead else 0, 1)

    def visitors_of(self, units: np.ndarray) -> np.ndarray:
        """Distinct visitors of units, a mask or ascending numbers; int64."""
        owners = self.visitor[units]
        return owners[firsts(owners)].astype(np.int64) if len(owners) else np.zeros(0, np.int64)

    @cached_property
    def counts(self) -> np.ndarray:
        """Units by column and node, int64[wide, size]."""
        flat = frozen(self.columns.reshape(-1))

        def count(span: tuple[int, int]) -> np.ndarray:
            counts = np.zeros(self.wide * self.size, np.int64)
            kernels.count_nodes(flat, self.wide, self.size, *span, counts, rows=len(flat))
            return counts

        parts = pool().map(count, self.spans(kernels.count_nodes.parts(len(flat))))
        return sum(parts, np.zeros(self.wide * self.size, np.int64)).reshape(self.wide, self.size)

    def first_steps(self, unit: int, most: int) -> tuple[int, ...]:
        """The first nodes of one unit's path as it was walked: from its begin, or backwards from its end."""
        session = int(self.session[unit])
        span = session, session + 1
        if self.way.by_visitor:
            owner = self.m.sessions.visitor
            low, high = np.searchsorted(owner, [owner[session], owner[session] + 1]).tolist()
            span = low, high
        depth = min(int(self.steps[unit]), most)
        *_, table = self.walker.walk(span, max(depth, 1))
        return tuple(table[0][:depth].tolist())

    def spans(self, parts: int) -> list[tuple[int, int]]:
        """Ranges of units that keep the units of a visitor together."""
        cuts = np.linspace(0, len(self), parts + 1).astype(np.int64)[1:-1]
        inner = np.searchsorted(self.visitor, self.visitor[cuts], side="left") if len(self) else cuts[:0]
        edges = np.unique(np.concatenate([[0], inner, [len(self)]])).tolist()
        return [(low, high) for low, high in pairwise(edges) if high > low]


class Walker:
    """Walks spans of sessions; what they share is laid out once."""

    def __init__(self, m: Measures, nodes: Nodes, way: Way) -> None:
        self.rows = m.sessions.rows
        self.edges = edges_of(m.sessions)
        out = ~m.met if way.by_visitor and m.met is not None else None
        anchors = Anchors(nodes, way.start, way.end, out)
        salt = frozen(np.random.default_rng(_SEED).integers(0, 2**62, max(nodes.size, 1)))
        self._columns = (
            self.edges, m.sessions.visitor, _chosen(m, way), nodes.along, self.rows.at, self.rows.key, nodes.lookup, salt,
            anchors.table, anchors.marks,
        )  # fmt: skip
        period = m.period.start, m.period.end
        self._options = anchors.each, way.by_visitor, way.collapse, way.mode, *period, way.gap, nodes.wanted

    def into(self, outs: tuple[np.ndarray, ...], depth: int, first: int, last: int, place: int) -> tuple[int, int]:
        """Write the units of sessions first <= s < last to `outs` from `place` on; how many, and how many had a start."""
        tally = np.zeros(1, np.int64)
        many = len(self.rows.at) if last - first > 1 else int(self.edges[last] - self.edges[first])
        kernel = kernels.walk_paths
        count = int(kernel(*self._columns, *self._options, depth, first, last, place, *outs, tally, rows=many))
        return count, int(tally[0])

    def walk(self, span: tuple[int, int], depth: int) -> tuple[np.ndarray, ...]:
        """session, steps, digest, ordered and nodes[units, depth] of a span of sessions."""
        outs = _outs(span[1] - span[0], depth)
        count, _ = self.into(outs, depth, *span, 0)
        *columns, table = outs
        return *(values[:count] for values in columns), table.reshape(-1, depth)[:count]


def walks_of(m: Measures, nodes: Nodes, way: Way) -> Walks:
    """The paths of the period of these measures; a session counts whole, a visitor with the events of the period."""
    walker, found = Walker(m, nodes, way), m.sessions
    visitors = walker.rows.spans(kernels.walk_paths.parts(len(walker.rows.at)))
    cuts = np.searchsorted(found.visitor, np.array(visitors, np.int64).reshape(-1, 2)).tolist()
    outs = _outs(len(found), way.depth)

    def walk(cut: tuple[int, int]) -> tuple[slice, int]:
        count, begun = walker.into(outs, way.depth, *cut, cut[0])
        return slice(cut[0], cut[0] + count), begun

    done = list(pool().map(walk, [cut for cut in cuts if cut[1] > cut[0]]))
    parts = [part for part, _ in done]
    session, steps, digest, ordered = (_joined(values, parts) for values in outs[:-1])
    table = _joined(outs[-1].reshape(-1, way.depth), parts)
    begun = sum(count for _, count in done) if way.mode == kernels.BETWEEN else len(session)
    walks = Walks(m, nodes, way, session, steps, digest, ordered.astype(bool), table, 0, begun, walker)
    return walks if way.mode == kernels.TO_END else _led(walks)


def _outs(units: int, depth: int) -> tuple[np.ndarray, ...]:
    narrow = (np.empty(units, kind) for kind in (np.int32, np.int32, np.int64, np.uint8))
    return *narrow, np.empty(units * depth, np.int32)


def _chosen(m: Measures, way: Way) -> np.ndarray:
    """Which sessions are units, uint8; of visitors' all are looked at."""
    if way.by_visitor:
        return _ALL
    mask = np.zeros(len(m.sessions), np.uint8)
    mask[m.session_ids] = 1
    return frozen(mask)


def _joined(values: np.ndarray, parts: list[slice]) -> np.ndarray:
    """These parts one after another; where they fill the array it is not copied."""
    if sum(part.stop - part.start for part in parts) == len(values):
        return frozen(values)
    return frozen(np.concatenate([values[part] for part in parts]) if parts else values[:0])


def _led(walks: Walks) -> Walks:
    """With a first column of the channels by which the sessions of the first steps came."""
    lookup = touch_field(walks.m.scope.context, "channel")[0]
    touch = walks.m.sessions.touch[walks.session]
    none = len(walks.channels) - 1
    code = np.where(touch >= 0, lookup[np.maximum(touch, 0)], -1) if len(lookup) else np.full(len(touch), -1)
    columns = np.empty((len(walks), walks.wide + 1), np.int32)
    columns[:, 0] = np.where(code < 0, none, code)
    columns[:, 1:] = walks.columns
    return replace(walks, columns=frozen(columns), lead=1)
