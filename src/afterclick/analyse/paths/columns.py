"""Columns of paths: the commonest steps, the others together, and who has left; every column holds the same units."""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from typing import Any, Final, NamedTuple

import numpy as np

from afterclick.analyse.beside import difference
from afterclick.analyse.kernels import paths as kernels
from afterclick.analyse.kernels.compiled import pool
from afterclick.analyse.paths.walks import Walks
from afterclick.core.arrays import frozen
from afterclick.core.moments import Share

CHANNEL, OTHER, LEFT, ENTRY, REACHED = "channel", "other", "left", "entry", "reached"
"""Types of a node besides those of touchpoints: a channel; the others; behind the end, or before the begin, of a path."""
REST: Final = (OTHER, LEFT, ENTRY, REACHED)


class Named(NamedTuple):
    """A place in a column: the node's name ("" for the others and for those who left), its type, its code (-1 none)."""

    name: str
    kind: str
    code: int


class Columns:
    """Which nodes each column shows, and how many units stand at and go between them.

    Slots 0 to `top` - 1 of a column are its commonest nodes, `top` the others, `top` + 1 those whose path is over.
    """

    def __init__(self, walks: Walks, top: int, least: int, shown: list[list[int]] | None = None) -> None:
        self.walks, self.top = walks, top
        self.many = top + 2
        self.shown = shown if shown is not None else [self._commonest(column, least) for column in range(walks.wide)]

    def _commonest(self, column: int, least: int) -> list[int]:
        """The codes a column shows, most first, equal ones in the order of their names; each of `least` visitors."""
        counts = self.walks.counts[column]
        met = np.flatnonzero(counts)
        ranked: list[int] = met[np.argsort(-counts[met], kind="stable")].tolist()
        if least == 1:
            return ranked[: self.top]
        # Looked at one after the other: who stands at a node is only asked of those that may be shown.
        enough = (code for code in ranked if counts[code] >= least and self._people(column, code) >= least)
        return list(islice(enough, self.top))

    def _people(self, column: int, code: int) -> int:
        return len(self.walks.visitors_of(self.walks.columns[:, column] == code))

    @cached_property
    def slots(self) -> np.ndarray:
        """The slot of each node of a column, int32[wide, size]."""
        slots = np.full((self.walks.wide, self.walks.size), self.top, np.int32)
        for column, codes in enumerate(self.shown):
            slots[column, codes] = np.arange(len(codes))
        return slots

    @cached_property
    def merged(self) -> list[int]:
        """How many nodes stand together as the others of each column."""
        return [
            int(np.count_nonzero(counts)) - int(np.count_nonzero(counts[codes]))
            for counts, codes in zip(self.walks.counts, self.shown, strict=True)
        ]

    @cached_property
    def _totals(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        walks, many, wide = self.walks, self.many, self.walks.wide
        flat, slots = frozen(walks.columns.reshape(-1)), frozen(self.slots.reshape(-1))
        sizes = (wide * many, wide * many, wide * many * many, wide * many * many)

        def link(span: tuple[int, int]) -> list[np.ndarray]:
            outs = [np.zeros(size, np.int64) for size in (*sizes, sizes[0], sizes[2])]
            kernels.link_columns(flat, walks.visitor, slots, wide, walks.size, many, *span, *outs, rows=len(flat))
            return outs[:4]

        spans = walks.spans(kernels.link_columns.parts(len(flat)))
        zeros = [np.zeros(size, np.int64) for size in sizes]
        parts = [zeros, *pool().map(link, spans)]
        units, visitors, links, linked = (sum(values, start) for start, *values in zip(*parts, strict=True))
        return (
            units.reshape(wide, many), visitors.reshape(wide, many),
            links.reshape(wide, many, many), linked.reshape(wide, many, many),
        )  # fmt: skip

    @property
    def units(self) -> np.ndarray:
        """Units by column and slot, int64."""
        return self._totals[0]

    def named(self, column: int, slot: int) -> Named:
        """What a slot of a column is called."""
        walks = self.walks
        if slot >= self.top:
            return Named("", OTHER if slot == self.top else self.over, -1)
        code = self.shown[column][slot]
        if walks.lead and column == 0:
            return Named(walks.channels[code], CHANNEL, code)
        return Named(walks.nodes.names[code], walks.nodes.types[code], code)

    @property
    def over(self) -> str:
        """What it is to stand behind the end of a path: left, before its begin where it is looked at from its end."""
        mode = self.walks.way.mode
        return {kernels.TO_END: ENTRY, kernels.BETWEEN: REACHED}.get(mode, LEFT)

    def step(self, column: int) -> int:
        """The number of a column as it is printed: 0 for the channel, then 1, 2, …"""
        return column if self.walks.lead else column + 1

    def used(self, column: int) -> list[int]:
        """The slots of a column that hold anybody, in the order in which they are shown."""
        return [slot for slot in range(self.many) if self.units[column, slot]]

    def rows(self, beside: Columns | None) -> list[dict[str, Any]]:
        """One row per node of each column; `beside` holds the same nodes of what it is compared with."""
        out = []
        every, other = len(self.walks), len(beside.walks) if beside else 0
        for column in range(self.walks.wide):
            slots = {slot for one in (self, beside) if one for slot in one.used(column)}
            for slot in sorted(slots):
                name, kind, code = self.named(column, slot)
                now = Share(int(self.units[column, slot]), every)
                was = Share(int(beside.units[column, slot]), other) if beside else None
                gap = difference(now, was) if was else None
                out.append(
                    {
                        "column": self.step(column), "node": name, "type": kind, "paths": now.hits,
                        "visitors": int(self._totals[1][column, slot]), "share_rate": now.rate,
                        "merged": self.merged[column] if kind == OTHER else 0,
                        "goal": bool(code >= 0 and kind != CHANNEL and self.walks.nodes.goal[code]),
                        "previous_paths": was.hits if was else None, "previous_share_rate": was.rate if was else None,
                        "difference": now.rate - was.rate if was and now.rate is not None and was.rate is not None else None,
                        "low": gap.low if gap else None, "high": gap.high if gap else None,
                    }
                )  # fmt: skip
        return out

    def links(self) -> list[dict[str, Any]]:
        """One row per way from a node of a column to one of the next, in the order of time."""
        out = []
        backward = self.walks.way.mode == kernels.TO_END
        for column in range(1, self.walks.wide):
            for near, far in np.argwhere(self._totals[2][column]).tolist():
                one, two = self.named(column - 1, near), self.named(column, far)
                source, target = (two, one) if backward else (one, two)
                units = int(self._totals[2][column, near, far])
                out.append(
                    {
                        "column": self.step(column - 1), "from": source.name, "from_type": source.kind,
                        "to": target.name, "to_type": target.kind, "paths": units,
                        "visitors": int(self._totals[3][column, near, far]),
                        "share_rate": units / int(self.units[column - 1, near]),
                    }
                )  # fmt: skip
        return out

    def ways(self, column: int) -> np.ndarray:
        """Units by slot of the column before and slot of this one, int64[many, many]."""
        result: np.ndarray = self._totals[2][column]
        return result

    def heads(self) -> list[dict[str, Any]]:
        """Per column all units: those who stand in it and those whose path is over."""
        out = []
        for column in range(self.walks.wide):
            gone = int(self.units[column, self.many - 1])
            every = int(self.units[column].sum())
            out.append({"column": self.step(column), "paths": every, "here": every - gone, "over": gone})
        return out

    def at(self, column: int, slot: int) -> np.ndarray:
        """Which units stand in a slot of a column, bool."""
        codes = self.walks.columns[:, column]
        if slot == self.many - 1:
            return codes < 0
        found: np.ndarray = (codes >= 0) & (self.slots[column][np.maximum(codes, 0)] == slot)
        return found
