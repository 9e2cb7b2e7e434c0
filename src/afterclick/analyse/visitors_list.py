"""The visitors of a range as a list that can be searched, sorted and turned page by page without gaps or repeats."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import numpy as np
import pyarrow as pa
from msgspec import Meta

from afterclick.analyse.context import Context
from afterclick.analyse.describe import people_of, visitor_rows
from afterclick.analyse.handles import find, shorten
from afterclick.analyse.journey import journey_of
from afterclick.analyse.measures import Measures, measures
from afterclick.analyse.question import SessionQuestion
from afterclick.analyse.scope import Scope, scope_of
from afterclick.core.errors import SpecError
from afterclick.core.event import INSTANT
from afterclick.core.money import to_decimal
from afterclick.core.result import Note, Result, Text
from afterclick.core.said import Said
from afterclick.stitch.stages import stages_of

PAGE: Final = 50
_SCHEMA = pa.schema(
    [
        ("visitor", pa.string()), ("known_as", pa.string()), ("ids", pa.int32()), ("stage", pa.string()),
        ("first_seen_at", INSTANT), ("last_seen_at", INSTANT), ("sessions", pa.int64()), ("events", pa.int64()),
        ("channel", pa.string()), ("device_type", pa.string()), ("orders", pa.int64()),
        ("revenue", pa.decimal128(28, 4)),
    ]
)  # fmt: skip


class Visitors(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The visitors of a range: search by id or e-mail, sort, fifty at a time."""

    key_word = "visitors"

    search: Annotated[
        str,
        Meta(
            description="an id or an e-mail, whole, looked for in all history; empty = every visitor of the range",
            max_length=500,
            examples=["1f3a9c", "kim@mail.example"],
        ),
    ] = ""
    sort: Annotated[
        Literal["last_seen", "first_seen", "sessions", "events", "orders", "revenue"],
        Meta(description="what comes first: the largest or the latest"),
    ] = "last_seen"
    cursor: Annotated[
        str,
        Meta(description="where the page before ended, as its next_cursor says; empty = the first page",
             pattern=r"^(|-?\d{1,30}~\d{1,12})$"),
    ] = ""  # fmt: skip
    rows_shown: Annotated[int, Meta(description="visitors on a page", ge=1, le=1000)] = PAGE

    def answer(self, context: Context) -> Result:
        """One page of the list. The figures say how many there are in all and where the next page begins.

        Sessions, events, orders and revenue are those of the range; first and last seen those of all history.
        """
        scope = scope_of(context, self)
        listed = _List(scope, self)
        page, following = listed.page()
        figures = {
            "visitors": len(listed.m.visitors), "found": len(listed.visitors), "rows": len(page),
            "before": listed.before, "next_cursor": following,
        }  # fmt: skip
        notes = (Note("visitors_search"),) if self.search else ()
        people = {"visitors": lambda: people_of(scope, np.sort(listed.visitors), listed.said())}
        return Result(
            self, listed.frame(page), sentence=self._sentence(figures), figures=figures, notes=notes, people=people,
            about=scope.about("visitors", events=listed.m.events, visitors=figures["visitors"], compare=None),
        )  # fmt: skip

    def _sentence(self, figures: dict[str, Any]) -> Text:
        if self.search:
            kind = "visitors_found" if figures["found"] else "visitors_not_found"
            return Text(f"sentence.{kind}", {"search": shorten(self.search), "found": figures["found"]})
        if not figures["visitors"]:
            return Text("sentence.kpi_empty")
        return Text("sentence.visitors", {"visitors": figures["visitors"]})


class _List:
    """All visitors asked for in their order."""

    def __init__(self, scope: Scope, question: Visitors) -> None:
        self.scope, self.question = scope, question
        self.m: Measures = measures(scope, scope.period)
        self.visitors = self._found() if question.search else self.m.visitors
        self.before = 0

    def _found(self) -> np.ndarray:
        """The visitors behind what was searched for, in the range or not."""
        labels = self.scope.labels
        found = {one for hit in find(self.scope.context, labels, self.question.search) for one in hit.visitors}
        return np.array(sorted(found), np.int64)

    def said(self) -> Text:
        """What the list is, in a sentence."""
        if self.question.search:
            return Text("people.visitors_search", {"search": shorten(self.question.search)})
        return Text("people.visitors")

    def values(self) -> dict[str, np.ndarray]:
        """Per visitor of the list what it can be sorted by; instants µs, revenue minor units."""
        m, rows = self.m, self.m.sessions.rows
        size = rows.visitors
        first, last = rows.offsets[:-1][self.visitors], rows.offsets[1:][self.visitors] - 1
        there = last >= first
        at = rows.at if len(rows.at) else np.zeros(1, np.int64)
        ids, orders = m.session_ids, m.orders
        sold = np.flatnonzero(m.order_mask & (orders.visitor >= 0))
        placed = sold[~orders.refund[sold]]
        worth = np.zeros(size, np.int64)
        np.add.at(worth, orders.visitor[sold], orders.amount[sold])
        events = np.bincount(rows.owners()[m.row_mask], minlength=size)
        return {
            "last_seen": np.where(there, at[np.maximum(last, 0)], 0),
            "first_seen": np.where(there, at[np.minimum(first, len(at) - 1)], 0),
            "sessions": np.bincount(m.sessions.visitor[ids], minlength=size)[self.visitors],
            "events": events[self.visitors],
            "orders": np.bincount(orders.visitor[placed], minlength=size)[self.visitors],
            "revenue": worth[self.visitors],
        }

    def page(self) -> tuple[np.ndarray, str]:
        """Places in the list of the visitors on this page, and the cursor of the next page, "" at the end.

        The order is (value, largest first; label): a cursor names the last pair shown, so a page goes on where the one
        before ended whatever came in between.
        """
        value = self.values()[self.question.sort]
        order = np.lexsort((self.visitors, -value))
        if self.question.cursor:
            shown, _, label = self.question.cursor.partition("~")
            if int(shown) > 2**63 - 1 or int(shown) < -(2**63):
                raise SpecError(Said("refusals.cursor_cannot", cursor=self.question.cursor), path="cursor")
            after = (value[order] < int(shown)) | ((value[order] == int(shown)) & (self.visitors[order] > int(label)))
            self.before = int((~after).sum())
            order = order[after]
        page = order[: self.question.rows_shown]
        if len(order) <= self.question.rows_shown:
            return page, ""
        return page, f"{int(value[page[-1]])}~{int(self.visitors[page[-1]])}"

    def frame(self, page: np.ndarray) -> pa.Table:
        """The rows of a page."""
        visitors = self.visitors[page]
        values = {name: found[page] for name, found in self.values().items()}
        stages = stages_of(self.scope.context.snapshot.definitions)
        highest = journey_of(self.scope, stages, self.scope.period).highest(self.scope.as_of + 1)
        out = []
        for number, row in enumerate(visitor_rows(self.scope, visitors)):
            stage = int(highest[visitors[number]])
            out.append(
                {
                    **row, "stage": stages[stage].name if stage >= 0 else "",
                    "sessions": int(values["sessions"][number]), "events": int(values["events"][number]),
                    "orders": int(values["orders"][number]),
                    "revenue": None if self.m.orders.mixed else to_decimal(int(values["revenue"][number])),
                }
            )  # fmt: skip
        return pa.Table.from_pylist(out, schema=_SCHEMA)
