"""All touchpoints at once: where visits land, where they leave, how hard each was, and the words searched for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from afterclick.analyse.context import Context
from afterclick.analyse.describe import people_of
from afterclick.analyse.friction import visits_of
from afterclick.analyse.kernels.parts import NOWHERE
from afterclick.analyse.measures import Measures, measures
from afterclick.analyse.question import SessionQuestion
from afterclick.analyse.scope import Scope, scope_of
from afterclick.analyse.touchpoint import Role
from afterclick.analyse.touchpoints import RATES, THIN
from afterclick.analyse.words import TYPED, Words, outside_words, typed_words, words_in
from afterclick.core.moments import Share
from afterclick.core.result import Note, People, Result, Text
from afterclick.store.columns import Flag

NONE = "(none)"

_COUNTS = ("visitors", "views", "sessions", "landings", "bounced", "exits")
_SCHEMA = pa.schema(
    [
        ("touchpoint", pa.string()), ("type", pa.string()), ("twin", pa.string()),
        *((name, pa.int64()) for name in _COUNTS), ("bounce_rate", pa.float64()),
        ("thin", pa.bool_()), ("goal", pa.bool_()), *((name, pa.float64()) for name in RATES),
    ]
)  # fmt: skip
_LANDINGS = pa.schema(
    [
        ("touchpoint", pa.string()), ("landings", pa.int64()), ("visitors", pa.int64()), ("share_rate", pa.float64()),
        ("bounced", pa.int64()), ("bounce_rate", pa.float64()), ("ordered", pa.int64()), ("ordered_rate", pa.float64()),
    ]
)  # fmt: skip
_EXITS = pa.schema(
    [
        ("touchpoint", pa.string()), ("exits", pa.int64()), ("visitors", pa.int64()), ("share_rate", pa.float64()),
        ("views", pa.int64()), ("exit_rate", pa.float64()),
    ]
)  # fmt: skip
_WORDS = pa.schema([("where", pa.string()), ("word", pa.string()), ("sessions", pa.int64()), ("visitors", pa.int64())])
WORDS_SHOWN = 200


class Touchpoints(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All touchpoints: where visits land, where they leave, how hard each was, and what was searched for."""

    key_word = "touchpoints"

    role: Role = "any"

    def answer(self, context: Context) -> Result:
        """Every touchpoint of the range, the most met first; with role landing or exit the pages visits begin or end on.

        The parts `landings` and `exits` hold one row per page and `(none)` for visits without a page, so that either
        adds up to all visits.
        """
        scope = scope_of(context, self)
        found = Table(scope)
        rows = found.rows(self.role)
        ends = {"landings": found.ends("landing"), "exits": found.ends("exit")}
        parts = {
            "landings": pa.Table.from_pylist(ends["landings"], schema=_LANDINGS),
            "exits": pa.Table.from_pylist(ends["exits"], schema=_EXITS),
            "words": pa.Table.from_pylist(found.word_rows(), schema=_WORDS),
        }
        visits = len(found.m.session_ids)
        figures = {
            "visitors": len(found.m.visitors), "sessions": visits, "touchpoints": len(found.met), "words": len(found.words),
            "bounce_rate": found.m.bounce.rate,
        }  # fmt: skip
        return Result(
            self, pa.Table.from_pylist(rows, schema=_SCHEMA), sentence=self._sentence(ends, visits), figures=figures,
            parts=parts, notes=self._notes(found),
            about=scope.about("sessions", events=found.m.events, visitors=figures["visitors"], role=self.role),
            people=found.people,
        )  # fmt: skip

    def _sentence(self, ends: dict[str, list[dict[str, Any]]], visits: int) -> Text:
        if not visits:
            return Text("sentence.kpi_empty")
        first = [row for row in ends["landings"] if row["touchpoint"] != NONE]
        last = [row for row in ends["exits"] if row["touchpoint"] != NONE]
        if not first or not last:
            return Text("sentence.touchpoints_no_page", {"sessions": visits})
        return Text(
            "sentence.touchpoints",
            {"sessions": visits, "landing": first[0]["touchpoint"], "landing_rate": first[0]["landings"] / visits,
             "exit": last[0]["touchpoint"], "exit_rate": last[0]["exits"] / visits},
        )  # fmt: skip

    def _notes(self, found: Table) -> tuple[Note, ...]:
        notes = []
        if any(found.visits.points.twins(code) for code in found.met):
            notes.append(Note("touchpoints_twins"))
        if len(found.words) > WORDS_SHOWN:
            notes.append(Note("touchpoints_words", {"shown": WORDS_SHOWN, "count": len(found.words)}))
        return tuple(notes)


class Table:
    """The touchpoints of a scope's range."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.m: Measures = measures(scope, scope.period)
        self.visits = visits_of(scope, scope.period)
        self.friction = self.visits.friction
        self._pairs = self._met()
        self.met: list[int] = sorted(set(self._pairs[0].tolist()))
        self.words = self._words()

    def _met(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Distinct (touchpoint, visitor) of the range in that order, and per touchpoint its views."""
        rows, points = self.m.sessions.rows, self.visits.points
        places = np.flatnonzero((rows.at >= self.scope.period.start) & (rows.at < self.scope.period.end))
        places = places[self.visits.stage[rows.rows_at(places)] != NOWHERE]
        code, owner = self.visits.point[places], rows.owners()[places]
        view = (code >= len(points.groups)) | ((rows.key[places] & int(Flag.PAGE)) != 0)
        views = np.bincount(code[view], minlength=points.size)
        pairs = np.unique(code.astype(np.int64) * max(rows.visitors, 1) + owner)
        return pairs // max(rows.visitors, 1), pairs % max(rows.visitors, 1), views

    def visitors(self, code: int) -> np.ndarray:
        """Distinct visitors who met a touchpoint in the range."""
        codes, owners, _ = self._pairs
        low, high = np.searchsorted(codes, [code, code + 1])
        result: np.ndarray = owners[low:high]
        return result

    def end_codes(self, end: str) -> np.ndarray:
        """Per visit the page it landed on or left from, -1 for none."""
        place = self.m.sessions.landing if end == "landing" else self.m.sessions.exit_page
        here = place[self.m.session_ids]
        return np.where(here >= 0, self.visits.point[np.maximum(here, 0)], -1) if len(here) else here

    def rows(self, role: str) -> list[dict[str, Any]]:
        """The rows of the main table."""
        points, views = self.visits.points, self._pairs[2]
        landed, left = self.end_codes("landing"), self.end_codes("exit")
        bounce = self.m.sessions.qualifying[self.m.session_ids] == 1
        landings = np.bincount(landed[landed >= 0], minlength=points.size)
        bounced = np.bincount(landed[(landed >= 0) & bounce], minlength=points.size)
        exits = np.bincount(left[left >= 0], minlength=points.size)
        out = []
        for code in self.met:
            name, kind = points.name(code)
            page = kind == "page"
            friction = self.friction.row(code)
            out.append(
                {
                    **friction, "touchpoint": name, "type": kind, "twin": ", ".join(points.twins(code)),
                    "visitors": len(self.visitors(code)), "views": int(views[code]), "landings": int(landings[code]),
                    "bounced": int(bounced[code]), "exits": int(exits[code] if page else self.friction.exits[code]),
                    "bounce_rate": Share(int(bounced[code]), int(landings[code])).rate if page else None,
                    "thin": len(self.visitors(code)) < THIN,
                }
            )  # fmt: skip
        by = {"any": "sessions", "landing": "landings", "exit": "exits"}[role]
        if role != "any":
            out = [row for row in out if row["type"] == "page" and row[by]]
        return sorted(out, key=lambda row: (-row[by], row["touchpoint"]))

    def ends(self, end: str) -> list[dict[str, Any]]:
        """The rows of the part `landings` or `exits`; they add up to all visits."""
        codes, ids, every = self.end_codes(end), self.m.session_ids, len(self.m.session_ids)
        bounce, orders = self.m.sessions.qualifying[ids] == 1, self.m.sessions.orders[ids] > 0
        out: list[dict[str, Any]] = []
        for code in np.unique(codes).tolist():
            here = codes == code
            count = int(here.sum())
            row: dict[str, Any] = {
                "touchpoint": self.visits.points.name(code)[0] if code >= 0 else NONE,
                "visitors": len(self.m.visitors_of(ids[here])), "share_rate": Share(count, every).rate,
            }  # fmt: skip
            if end == "landing":
                row |= {"landings": count, "bounced": int((here & bounce).sum()), "ordered": int((here & orders).sum())}
                row |= {"bounce_rate": row["bounced"] / count, "ordered_rate": row["ordered"] / count}
            else:
                views = int(self.friction.views[code]) if code >= 0 else None
                row |= {
                    "exits": count,
                    "views": views,
                    "exit_rate": None if views is None else Share(count, views).rate,
                }
            out.append(row)
        by = "landings" if end == "landing" else "exits"
        return sorted(out, key=lambda row: (-row[by], row["touchpoint"]))

    def _words(self) -> list[Words]:
        found = outside_words(self.m, self.m.session_ids)
        codes, _ = typed_words(self.scope.context)
        places = np.flatnonzero(codes[self.m.sessions.rows.rows] >= 0)
        if len(places):
            session = self.m.sessions.of_row(places)
            kept = np.isin(session, self.m.session_ids)
            found += words_in(self.m, TYPED, places[kept], session[kept])
        return sorted(found, key=lambda one: (-len(one.sessions), one.where, one.word))

    def word_rows(self) -> list[dict[str, Any]]:
        """The rows of the part `words`."""
        return [
            {
                "where": one.where, "word": one.word, "sessions": len(one.sessions),
                "visitors": len(self.m.visitors_of(one.sessions)),
            }
            for one in self.words[:WORDS_SHOWN]
        ]  # fmt: skip

    @property
    def people(self) -> dict[str, Callable[[], People]]:
        """The visitors behind each cell: `touchpoint=/cart`, `landing=/`, `exit=/cart`, `word=typed:knit`."""
        points, cells = self.visits.points, dict[str, Callable[[], People]]()
        for code in self.met:
            cells[f"touchpoint={points.name(code)[0]}"] = partial(self._people_met, code)
        for end in ("landing", "exit"):
            for code in np.unique(self.end_codes(end)).tolist():
                name = points.name(code)[0] if code >= 0 else NONE
                cells[f"{end}={name}"] = partial(self._people_end, end, code, name)
        for one in self.words[:WORDS_SHOWN]:
            cells[f"word={one.where}:{one.word}"] = partial(self._people_word, one)
        return cells

    def _people_met(self, code: int) -> People:
        text = Text("people.touchpoint_visitors", {"name": self.visits.points.name(code)[0]})
        return people_of(self.scope, self.visitors(code), text)

    def _people_end(self, end: str, code: int, name: str) -> People:
        visits = self.m.session_ids[self.end_codes(end) == code]
        text = Text("people.touchpoint_entries" if end == "landing" else "people.touchpoint_exits", {"name": name})
        return people_of(self.scope, self.m.visitors_of(visits), text)

    def _people_word(self, one: Words) -> People:
        text = Text(f"people.word_{one.where}", {"value": one.word})
        return people_of(self.scope, self.m.visitors_of(one.sessions), text)
