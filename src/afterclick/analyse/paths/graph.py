"""The moves between steps as a graph: its edges, its nodes, what turns back, and a memoryless walk over it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from afterclick.analyse.paths.absorption import Absorbed, absorbed
from afterclick.analyse.paths.columns import ENTRY, LEFT, OTHER
from afterclick.analyse.paths.moves import Moves
from afterclick.core import spans
from afterclick.core.moments import Share


class Graph:
    """The moves as rows, with what a memoryless walk over them would do."""

    def __init__(self, moves: Moves) -> None:
        self.moves = moves
        self.counted = moves.counted

    def named(self, slot: int) -> tuple[str, str]:
        """The name and the type of a slot."""
        moves = self.moves
        if slot < len(moves.shown):
            code = moves.shown[slot]
            return moves.nodes.names[code], moves.nodes.types[code]
        return "", {moves.other: OTHER, moves.entry: ENTRY, moves.left: LEFT}[slot]

    @property
    def order(self) -> int:
        """The slot at which orders are made, -1 for none."""
        order = self.moves.nodes.order
        return self.moves.shown.index(order) if order in self.moves.shown else -1

    @cached_property
    def _transient(self) -> list[int]:
        """The slots a walk may leave: all but the order and the end, the entry last."""
        moves = self.moves
        every = [slot for slot in range(moves.entry) if slot != self.order]
        return [*every, moves.entry]

    @cached_property
    def walk(self) -> Absorbed | None:
        """The walk that ends with the order or leaves; None where there is no order."""
        if self.order < 0:
            return None
        states = self._transient
        return absorbed(self.counted.moves[np.ix_(states, [*states, self.order, self.moves.left])])

    def _walked(self, slot: int) -> dict[str, Any]:
        names = ("order_rate", "low", "high", "steps_to_end", "steps_to_order")
        if self.walk is None or slot not in self._transient:
            return dict.fromkeys(names)
        place = self._transient.index(slot)
        walk = self.walk
        found = (walk.rate[place], walk.low[place], walk.high[place], walk.steps[place], walk.steps_to[place])
        return {name: None if np.isnan(value) else float(value) for name, value in zip(names, found, strict=True)}

    def move_rows(self) -> list[dict[str, Any]]:
        """One row per pair that anybody went, the commonest first."""
        counted, out = self.counted, self.counted.moves.sum(axis=1)
        rows = []
        for source, target in np.argwhere(counted.moves).tolist():
            share = Share(int(counted.moves[source, target]), int(out[source]))
            interval, median = share.interval, float(counted.median[source, target])
            one, two = self.named(source), self.named(target)
            rows.append(
                {
                    "from": one[0], "from_type": one[1], "to": two[0], "to_type": two[1], "moves": share.hits,
                    "visitors": int(counted.movers[source, target]), "rate": share.rate,
                    "low": interval.low if interval else None, "high": interval.high if interval else None,
                    "median_seconds": None if np.isnan(median) else median / spans.SECOND,
                }
            )  # fmt: skip
        return sorted(rows, key=lambda row: (-row["moves"], row["from"], row["from_type"], row["to"], row["to_type"]))

    def node_rows(self) -> list[dict[str, Any]]:
        """One row per step: how often it was met, by whom, whether visits begin, end or stay there, how far the order is."""
        counted, moves = self.counted, self.moves
        rows = []
        for slot in [*range(len(moves.shown)), moves.other]:
            steps = int(counted.moves[:, slot].sum())
            if not steps:
                continue
            name, kind = self.named(slot)
            exits = Share(int(counted.moves[slot, moves.left]), steps)
            again = Share(int(counted.moves[slot, slot]), steps) if slot != moves.other else None
            rows.append(
                {
                    "node": name, "type": kind, "steps": steps, "visitors": int(counted.met[slot]),
                    "goal": slot < len(moves.shown) and bool(moves.nodes.goal[moves.shown[slot]]),
                    "entries": int(counted.moves[moves.entry, slot]), "exits": exits.hits, "exit_rate": exits.rate,
                    "repeats": again.hits if again else None, "repeat_rate": again.rate if again else None,
                    **self._walked(slot),
                }
            )  # fmt: skip
        return sorted(rows, key=lambda row: (row["type"] == OTHER, -row["steps"], row["node"]))

    def loop_rows(self) -> list[dict[str, Any]]:
        """A, B, A: one row per pair, the commonest first."""
        triples = int(self.counted.tally[0])
        rows: list[dict[str, Any]] = []
        for one, two in np.argwhere(self.counted.loops).tolist():
            loops = int(self.counted.loops[one, two])
            rows.append(
                {
                    "node": self.named(one)[0], "between": self.named(two)[0], "loops": loops,
                    "visitors": int(self.counted.loopers[one, two]), "share_rate": loops / triples, "slots": (one, two),
                }
            )
        kept = [row for row in rows if self.moves.other not in row["slots"]]
        return sorted(kept, key=lambda row: (-row["loops"], row["node"], row["between"]))

    def figures(self) -> dict[str, Any]:
        """Figures of all moves; rates are None where nothing was counted."""
        triples, loops, repeats, units = (int(value) for value in self.counted.tally)
        inner = self.counted.moves[: self.moves.entry, : self.moves.entry]
        turned, again = Share(loops, triples), Share(repeats, int(inner.sum()))
        interval = turned.interval
        entry = self._walked(self.moves.entry)
        ordered = self.counted.moves[:, self.order].sum() if self.order >= 0 else None
        return {
            "entries": units, "moves": again.n, "nodes": int(np.count_nonzero(self.counted.met)), "triples": triples,
            "loops": loops, "back_and_forth_rate": turned.rate, "back_and_forth_low": interval.low if interval else None,
            "back_and_forth_high": interval.high if interval else None, "repeats": repeats, "repeat_rate": again.rate,
            "orders": None if ordered is None else int(ordered), "order_rate": entry["order_rate"],
            "order_low": entry["low"], "order_high": entry["high"],
            # The step that begins a unit is none of the moves between touchpoints.
            "steps_to_order": _less(entry["steps_to_order"]), "steps_to_end": _less(entry["steps_to_end"]),
        }  # fmt: skip


def _less(steps: float | None) -> float | None:
    return None if steps is None else steps - 1
