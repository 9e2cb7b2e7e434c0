"""Transitions: how often visitors go from each step straight to each other, what turns back, and how far the order is."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final, Literal

import numpy as np
import pyarrow as pa
from msgspec import Meta

from afterclick.analyse.context import Context
from afterclick.analyse.describe import people_of
from afterclick.analyse.distinct import distinct
from afterclick.analyse.measures import measures
from afterclick.analyse.paths import rule
from afterclick.analyse.paths.columns import ENTRY, LEFT, OTHER
from afterclick.analyse.paths.graph import Graph
from afterclick.analyse.paths.moves import Moves, movers_of
from afterclick.analyse.paths.nodes import Exclude, Group, Nodes, Of
from afterclick.analyse.paths.paths import Paths
from afterclick.analyse.question import SessionQuestion
from afterclick.analyse.scope import Scope, scope_of
from afterclick.core.result import Note, People, Result, Term, Text

_FEW: Final = 30
LOOPS: Final = 100

_MOVES = pa.schema(
    [
        *((name, pa.string()) for name in ("from", "from_type", "to", "to_type")), ("moves", pa.int64()),
        ("visitors", pa.int64()), *((name, pa.float64()) for name in ("rate", "low", "high", "median_seconds")),
    ]
)  # fmt: skip
_NODES = pa.schema(
    [
        ("node", pa.string()), ("type", pa.string()), ("goal", pa.bool_()),
        *((name, pa.int64()) for name in ("steps", "visitors", "entries", "exits", "repeats")),
        *((name, pa.float64()) for name in (
            "exit_rate", "repeat_rate", "order_rate", "low", "high", "steps_to_end", "steps_to_order",
        )),
    ]
)  # fmt: skip
_LOOPS = pa.schema(
    [
        ("node", pa.string()), ("between", pa.string()), ("loops", pa.int64()), ("visitors", pa.int64()),
        ("share_rate", pa.float64()),
    ]
)  # fmt: skip


class Transitions(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Transitions: from each step straight to each other, what turns back, and how far the order is."""

    key_word = "transitions"

    unit: Annotated[
        Literal["sessions", "visitors"],
        Meta(description="moves inside sessions, or through all of a visitor's events of the range"),
    ] = "sessions"
    of: Of = "touchpoints"
    top: Annotated[int, Meta(description="steps named, the most met; the rest stands together", ge=2, le=50)] = 20
    group: Group = ()
    exclude: Exclude = ()

    def check(self) -> None:
        """Rules must be readable."""
        super().check()
        for name in ("group", "exclude"):
            for text in getattr(self, name):
                rule.parse(text, name)

    @classmethod
    def beside(cls, paths: Paths) -> Transitions:
        """The moves in the scope of paths, between the same steps."""
        both = {field.name for field in cls.fields()} & {field.name for field in type(paths).fields()} - {"top"}
        return cls(**{name: getattr(paths, name) for name in both})

    def answer(self, context: Context) -> Result:
        """Count every move of the range; the frame has one row per pair, the part `nodes` one per step.

        A visitor makes many moves, so these figures do not add up to visitors. `order_rate`, `steps_to_order` and
        `steps_to_end` are those of a walk that knows only where it stands (see `absorption`).
        """
        scope = scope_of(context, self)
        nodes = Nodes(
            scope, self.of,
            [rule.parse(text, "group") for text in self.group], [rule.parse(text, "exclude") for text in self.exclude],
        )  # fmt: skip
        m = measures(scope, scope.period)
        found = Graph(Moves(m, nodes, self.top, by_visitor=self.unit == "visitors"))
        moves, loops, figures = found.move_rows(), found.loop_rows(), found.figures()
        figures |= {"unit": self.unit, "visitors": len(m.visitors)}
        parts = {
            "nodes": pa.Table.from_pylist(found.node_rows(), schema=_NODES),
            "loops": pa.Table.from_pylist(loops[:LOOPS], schema=_LOOPS),
        }
        return Result(
            self, pa.Table.from_pylist(moves, schema=_MOVES), sentence=_sentence(moves, loops, figures), figures=figures,
            parts=parts, notes=_notes(self, found, figures),
            about=scope.about(self.unit, events=m.events, visitors=figures["visitors"], compare=None),
            people=MovePeople(scope, found, loops[:LOOPS]).of,
        )  # fmt: skip


def _sentence(moves: list[dict[str, Any]], loops: list[dict[str, Any]], figures: dict[str, Any]) -> Text:
    inner = [row for row in moves if row["from_type"] not in (ENTRY, OTHER) and row["to_type"] not in (LEFT, OTHER)]
    onward = [row for row in inner if row["from"] != row["to"]]
    if not onward:
        return Text("sentence.transitions_none" if figures["entries"] else "sentence.transitions_empty")
    first = onward[0]
    params = {"from": first["from"], "to": first["to"], "moves": first["moves"], "rate": first["rate"]}
    if not loops:
        return Text("sentence.transitions", params)
    return Text(
        "sentence.transitions_loops",
        params | {"loops_rate": figures["back_and_forth_rate"], "node": loops[0]["node"], "between": loops[0]["between"]},
    )


def _notes(question: Transitions, found: Graph, figures: dict[str, Any]) -> tuple[Note, ...]:
    notes = [Note("transitions_moves")]
    if found.walk is not None:
        notes.append(Note("transitions_memoryless"))
    elif figures["entries"]:
        notes.append(Note("transitions_no_order"))
    if found.moves.other and found.counted.met[found.moves.other]:
        notes.append(Note("transitions_other", {"top": len(found.moves.shown)}))
    if question.where:
        notes.append(Note(f"paths_where_{question.unit}"))
    if 0 < figures["entries"] < _FEW:
        notes.append(Note("paths_few", {"count": figures["entries"]}))
    return tuple(notes)


class MovePeople:
    """The visitors behind each cell: `from=/;to=/cart`, `from_entry;to=/`, `from=/cart;to_left`, `touchpoint=/`,
    `loop=/cart;between=/`."""

    def __init__(self, scope: Scope, found: Graph, loops: list[dict[str, Any]]) -> None:
        self.scope, self.found, self.loops = scope, found, loops

    @property
    def of(self) -> dict[str, Callable[[], People]]:
        """The people of every cell."""
        cells: dict[str, Callable[[], People]] = {}
        for source, target in np.argwhere(self.found.counted.moves).tolist():
            cells[f"{self._word('from', source)};{self._word('to', target)}"] = partial(self._move, source, target)
        for slot in np.flatnonzero(self.found.counted.met).tolist():
            name, kind = self.found.named(slot)
            cells[kind if kind == OTHER else f"touchpoint={name}"] = partial(self._met, slot)
        for row in self.loops:
            cells[f"loop={row['node']};between={row['between']}"] = partial(self._loop, *row["slots"])
        return cells

    def _word(self, end: str, slot: int) -> str:
        name, kind = self.found.named(slot)
        return f"{end}_{kind}" if kind in (OTHER, ENTRY, LEFT) else f"{end}={name}"

    def _term(self, slot: int) -> Term | str:
        name, kind = self.found.named(slot)
        return Term(f"paths.{kind}_word", kind) if kind in (OTHER, ENTRY, LEFT) else name

    def _move(self, source: int, target: int) -> People:
        text = Text("people.transitions_move", {"from": self._term(source), "to": self._term(target)})
        return people_of(self.scope, movers_of(self.found.moves, source, target), text)

    def _met(self, slot: int) -> People:
        stream = self.found.moves.stream
        here = stream.visitor[self.found.moves.slots[stream.node] == slot]
        text = Text("people.transitions_node", {"node": self._term(slot)})
        return people_of(self.scope, distinct(here, self.found.moves.m.sessions.rows.visitors), text)

    def _loop(self, one: int, two: int) -> People:
        moves = self.found.moves
        a, b, who = moves.turns()
        there = (moves.slots[a] == one) & (moves.slots[b] == two)
        text = Text("people.transitions_loop", {"node": self._term(one), "between": self._term(two)})
        return people_of(self.scope, distinct(who[there], moves.m.sessions.rows.visitors), text)
