"""Paths: which way visitors go step by step, with every column adding up, and the commonest whole ways."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final, Literal

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Meta

from afterclick.analyse.context import Context
from afterclick.analyse.describe import people_of
from afterclick.analyse.kernels import paths as kernels
from afterclick.analyse.measures import measures
from afterclick.analyse.paths import rule
from afterclick.analyse.paths.columns import CHANNEL, REST, Columns
from afterclick.analyse.paths.commonest import Commonest
from afterclick.analyse.paths.nodes import Exclude, Group, Nodes, Of
from afterclick.analyse.paths.walks import Walks, Way, walks_of
from afterclick.analyse.question import OnOff, SessionQuestion
from afterclick.analyse.scope import Scope, scope_of
from afterclick.core import condition, spans
from afterclick.core.errors import SpecError
from afterclick.core.moments import Share
from afterclick.core.result import Note, People, Result, Term, Text, channel_term
from afterclick.core.spans import Period
from afterclick.core.step import Step

WHOLE: Final = 10
PREVIOUS: Final = "previous"
_FEW: Final = 30

Anchor = Annotated[str, Meta(examples=["/products/*", "Product Added", "Order Completed[revenue >= 20000]"])]

_NODES = pa.schema(
    [
        ("column", pa.int64()), ("node", pa.string()), ("type", pa.string()), ("paths", pa.int64()),
        ("visitors", pa.int64()), ("share_rate", pa.float64()), ("merged", pa.int64()), ("goal", pa.bool_()),
        ("previous_paths", pa.int64()), ("previous_share_rate", pa.float64()),
        *((name, pa.float64()) for name in ("difference", "low", "high")),
    ]
)  # fmt: skip
_LINKS = pa.schema(
    [
        ("column", pa.int64()), *((name, pa.string()) for name in ("from", "from_type", "to", "to_type")),
        ("paths", pa.int64()), ("visitors", pa.int64()), ("share_rate", pa.float64()),
    ]
)  # fmt: skip
_HEADS = pa.schema([(name, pa.int64()) for name in ("column", "paths", "here", "over")])
_PATHS = pa.schema(
    [
        ("rank", pa.int64()), ("path", pa.string()), ("steps", pa.int64()), ("paths", pa.int64()), ("visitors", pa.int64()),
        ("share_rate", pa.float64()), ("ordered", pa.int64()),
        *((name, pa.float64()) for name in ("conversion_rate", "low", "high")),
    ]
)  # fmt: skip
_STEPS = pa.schema([("rank", pa.int64()), ("position", pa.int64()), ("node", pa.string()), ("type", pa.string())])
_RULES = pa.schema([("rule", pa.string()), ("name", pa.string()), ("merged", pa.int64()), ("examples", pa.string())])


class Paths(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Paths: which way visitors go step by step; every column adds up to all of them."""

    key_word = "paths"

    unit: Annotated[
        Literal["visitors", "sessions"],
        Meta(description="one path per visitor, through all sessions of the range, or one per session"),
    ] = "visitors"
    start: Annotated[
        Anchor,
        Meta(description="paths begin with the first of these, a touchpoint or Event[condition]; empty = with the first step"),
    ] = ""
    end: Annotated[
        Anchor, Meta(description="paths end with the first of these, looked at backwards; with start = between the two")
    ] = ""
    of: Of = "touchpoints"
    depth: Annotated[int, Meta(description="columns of steps", ge=3, le=8)] = 5
    top: Annotated[int, Meta(description="steps named in each column; the rest stands together", ge=1, le=20)] = 6
    collapse: Annotated[OnOff, Meta(description="the same step several times in a row counts as one")] = "on"
    gap: Annotated[
        str,
        Meta(
            description="a longer pause ends the path; empty = none does", pattern=r"^(|\d{1,7}(ms|s|m|h|d|w))$",
            examples=["30m", "1d"],
        ),
    ] = ""  # fmt: skip
    group: Group = ()
    exclude: Exclude = ()
    min_visitors: Annotated[int, Meta(description="a step of fewer visitors stands with the others", ge=1)] = 1
    against: Annotated[
        str,
        Meta(
            description="what the shares are compared with: previous = the period before, or a condition that takes the "
            "place of where; empty = nothing",
            examples=["previous", 'channel == "email"'],
        ),
    ] = ""

    def check(self) -> None:
        """Anchors, rules and the other side must be readable."""
        super().check()
        for name in ("start", "end"):
            text = getattr(self, name)
            if text:
                Step.parse(text, path=name)
        for name in ("group", "exclude"):
            for text in getattr(self, name):
                rule.parse(text, name)
        if self.against not in ("", PREVIOUS):
            try:
                condition.parse(self.against)
            except SpecError as error:
                raise SpecError(error.said, hint=error.advice, path="against") from None

    def answer(self, context: Context) -> Result:
        """Follow every visitor or session of the range; see the parts for links, heads, whole paths and rules.

        The frame has one row per step of each column. A column holds all units: steps, the others together, and those
        whose path is over, so each adds up to the same number; column 0 are the channels.
        """
        scope = scope_of(context, self)
        walks = walked(scope, self, scope.period)
        columns = Columns(walks, self.top, self.min_visitors)
        beside = self._beside(scope, columns)
        whole = Commonest(walks, WHOLE)
        rows, paths = columns.rows(beside), whole.rows()
        figures = self._figures(walks, beside)
        parts = {
            "links": pa.Table.from_pylist(columns.links(), schema=_LINKS),
            "heads": pa.Table.from_pylist(columns.heads(), schema=_HEADS),
            "paths": pa.Table.from_pylist(paths, schema=_PATHS),
            "path_steps": pa.Table.from_pylist(whole.steps(), schema=_STEPS),
            "groups": pa.Table.from_pylist(walks.nodes.preview(), schema=_RULES),
        }
        return Result(
            self, pa.Table.from_pylist(rows, schema=_NODES), sentence=self._sentence(figures, rows, paths),
            figures=figures, parts=parts, notes=self._notes(walks, beside, figures),
            about=scope.about(
                self.unit, events=walks.m.events, visitors=figures["visitors"],
                **({} if self.against == PREVIOUS else {"compare": None}),
            ),
            people=PathPeople(scope, columns, whole).of,
        )  # fmt: skip

    def _beside(self, scope: Scope, columns: Columns) -> Columns | None:
        """The same nodes of what is compared with; None where there is nothing to compare with."""
        if not self.against:
            return None
        period = scope.period
        other = scope
        if self.against != PREVIOUS:
            other = scope_of(scope.context, msgspec.structs.replace(self, where=(self.against,), against=""))
        elif scope.previous is None:
            return None
        else:
            period = scope.previous
        return Columns(walked(other, self, period), self.top, self.min_visitors, columns.shown)

    def _figures(self, walks: Walks, beside: Columns | None) -> dict[str, Any]:
        every = len(walks)
        bought = Share(int(walks.ordered.sum()), every)
        interval = bought.interval
        return {
            "unit": self.unit, "of": self.of, "paths": every, "visitors": len(walks.visitors_of(np.ones(every, bool))),
            "ordered": bought.hits, "conversion_rate": bought.rate, "conversion_low": interval.low if interval else None,
            "conversion_high": interval.high if interval else None, "begun": walks.begun,
            "unwalked": int(np.count_nonzero(walks.steps == 0)), "nodes": walks.nodes.size,
            "against_paths": len(beside.walks) if beside else None,
        }  # fmt: skip

    def _sentence(self, figures: dict[str, Any], rows: list[dict[str, Any]], paths: list[dict[str, Any]]) -> Text:
        if not figures["paths"] or not paths:
            return Text("sentence.paths_empty")
        first = next(row for row in rows if row["column"] == 1 and row["type"] not in REST)
        params = {
            "n": figures["paths"], "node": first["node"], "node_rate": first["share_rate"], "path": paths[0]["path"],
            "path_rate": paths[0]["share_rate"], "start": self.start, "end": self.end, "begun": figures["begun"],
        }  # fmt: skip
        if self.start and self.end:
            return Text(f"sentence.paths_between_{self.unit}", params)
        if self.end:
            second = next((row for row in rows if row["column"] == 2 and row["type"] not in REST), None)
            if second is None:
                return Text(f"sentence.paths_at_once_{self.unit}", params)
            return Text(f"sentence.paths_to_{self.unit}", params | {"node": second["node"], "node_rate": second["share_rate"]})
        if self.start:
            second = next((row for row in rows if row["column"] == 2 and row["type"] not in REST), None)
            if second is None:
                return Text(f"sentence.paths_no_further_{self.unit}", params)
            return Text(
                f"sentence.paths_from_{self.unit}", params | {"node": second["node"], "node_rate": second["share_rate"]}
            )
        return Text(f"sentence.paths_{self.unit}", params)

    def _notes(self, walks: Walks, beside: Columns | None, figures: dict[str, Any]) -> tuple[Note, ...]:
        notes = []
        if figures["unwalked"]:
            notes.append(Note("paths_unwalked", {"count": figures["unwalked"]}))
        if self.against and beside is None:
            notes.append(Note("paths_no_previous"))
        elif beside is not None and not len(beside.walks):
            notes.append(Note("paths_against_empty"))
        if self.where:
            notes.append(Note(f"paths_where_{self.unit}"))
        if 0 < figures["paths"] < _FEW:
            notes.append(Note("paths_few", {"count": figures["paths"]}))
        if walks.way.mode == kernels.BETWEEN and walks.begun > len(walks):
            notes.append(Note("paths_not_reached", {"count": walks.begun - len(walks), "end": self.end}))
        return tuple(notes)


def walked(scope: Scope, question: Paths, period: Period) -> Walks:
    """The walks of a question in a period."""
    nodes = Nodes(
        scope, question.of,
        [rule.parse(text, "group") for text in question.group], [rule.parse(text, "exclude") for text in question.exclude],
    )  # fmt: skip
    way = Way(
        question.unit == "visitors", question.start, question.end,
        spans.micros(question.gap) if question.gap else 0, question.collapse == "on", question.depth,
    )  # fmt: skip
    return walks_of(measures(scope, period), nodes, way)


class PathPeople:
    """The visitors behind each cell: `column=2;node=/cart`, `column=2;left`, `column=1;from=/;to=/cart`, `path=1`."""

    def __init__(self, scope: Scope, columns: Columns, whole: Commonest) -> None:
        self.scope, self.columns, self.whole = scope, columns, whole

    @property
    def of(self) -> dict[str, Callable[[], People]]:
        """The people of every cell."""
        columns, walks = self.columns, self.columns.walks
        cells: dict[str, Callable[[], People]] = {
            "paths": partial(self._people, np.ones(len(walks), bool), Text("people.paths")),
            "ordered": partial(self._people, walks.ordered, Text("people.paths_ordered")),
        }
        for column in range(walks.wide):
            for slot in columns.used(column):
                cells[f"column={columns.step(column)};{self._word('node', column, slot)}"] = partial(self._at, column, slot)
        for column in range(1, walks.wide):
            for near, far in np.argwhere(columns.ways(column)).tolist():
                ends = [("from", column - 1, near), ("to", column, far)]
                if walks.way.mode == kernels.TO_END:
                    ends = [("from", column, far), ("to", column - 1, near)]
                words = ";".join(self._word(*end) for end in ends)
                cells[f"column={columns.step(column - 1)};{words}"] = partial(self._along, column, near, far)
        for rank in range(1, len(self.whole.found) + 1):
            cells[f"path={rank}"] = partial(self._path, rank)
        return cells

    def _word(self, end: str, column: int, slot: int) -> str:
        """How a cell names a node: channels and touchpoints by their names, the rest by their types."""
        found = self.columns.named(column, slot)
        if found.kind in REST:
            return found.kind if end == "node" else f"{end}_{found.kind}"
        if end == "node":
            return f"{'channel' if found.kind == CHANNEL else 'touchpoint'}={found.name}"
        return f"{end}={found.name}"

    def _people(self, units: np.ndarray, text: Text) -> People:
        return people_of(self.scope, self.columns.walks.visitors_of(units), text)

    def _term(self, column: int, slot: int) -> Term | str:
        found = self.columns.named(column, slot)
        if found.kind == CHANNEL:
            return channel_term(found.name)
        return Term(f"paths.{found.kind}_word", found.kind) if found.kind in REST else found.name

    def _at(self, column: int, slot: int) -> People:
        params = {"node": self._term(column, slot), "column": self.columns.step(column)}
        kind = self.columns.named(column, slot).kind
        text = "people.paths_channel" if kind == CHANNEL else f"people.paths_{kind if kind in REST else 'node'}"
        return self._people(self.columns.at(column, slot), Text(text, params))

    def _along(self, column: int, near: int, far: int) -> People:
        one, two = self._term(column - 1, near), self._term(column, far)
        if self.columns.walks.way.mode == kernels.TO_END:
            one, two = two, one
        units = self.columns.at(column - 1, near) & self.columns.at(column, far)
        text = Text("people.paths_link", {"from": one, "to": two, "column": self.columns.step(column - 1)})
        return self._people(units, text)

    def _path(self, rank: int) -> People:
        units = np.sort(self.whole.found[rank - 1].units)
        return self._people(units, Text("people.paths_whole", {"path": self.whole.rows()[rank - 1]["path"]}))
