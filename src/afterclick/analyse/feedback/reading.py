"""Reading feedback: every figure is taken over places of answers, so the people behind it are those of the places."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from afterclick.analyse import intervals
from afterclick.analyse.barriers import Barriers
from afterclick.analyse.feedback import quotes, scores, terms
from afterclick.analyse.feedback.answers import Answers, answers_of
from afterclick.analyse.feedback.beside import FEWEST, Beside
from afterclick.analyse.feedback.groupings import codes_by
from afterclick.analyse.feedback.scores import Said, said
from afterclick.analyse.question import SessionQuestion
from afterclick.analyse.scope import Scope
from afterclick.core import spans
from afterclick.core.event import INSTANT
from afterclick.core.result import Note, Text
from afterclick.core.spans import Period
from afterclick.stitch.stages import stages_of

if TYPE_CHECKING:
    from afterclick.analyse.feedback.feedback import Feedback

NONE: Final = "(none)"
ENOUGH: Final = 10
"""Answers of an interval under which its score says little."""
_FLOATS: Final = ("score_rate", "score_low_rate", "score_high_rate", "nps", "nps_low", "nps_high")
_SERIES: Final = pa.schema(
    [
        ("start", INSTANT), ("end", INSTANT), ("answers", pa.int64()), ("visitors", pa.int64()),
        *((name, pa.float64()) for name in _FLOATS), ("incomplete", pa.bool_()),
    ]
)  # fmt: skip


def scope_fields(spec: SessionQuestion) -> dict[str, Any]:
    """The fields of scope and sessions of a question."""
    return {field.name: getattr(spec, field.name) for field in SessionQuestion.fields()}


class Reading:
    """One scope's feedback."""

    def __init__(self, scope: Scope, asked: Feedback) -> None:
        self.scope, self.asked = scope, asked
        self.answers: Answers = answers_of(scope)
        self.here = self.answers.within(scope.period)

    @cached_property
    def by_text(self) -> tuple[frozenset[str], ...]:
        """The terms of each text."""
        context = self.scope.context
        return context.keep(("feedback terms", self.answers.texts), lambda: tuple(map(terms.terms_of, self.answers.texts)))

    @cached_property
    def whole(self) -> Said:
        """All answers of the range, of each visitor the latest."""
        return said(self.answers, self.here)

    @cached_property
    def groups(self) -> dict[str, Said]:
        """By value, most answers first."""
        codes, values = codes_by(self.scope, self.answers, self.asked.by)
        found = {
            values[code] if code >= 0 else NONE: one
            for code, one in scores.grouped(self.answers, self.here, codes[self.here], len(values))
        }
        if self.asked.by == "stage":
            return found
        return dict(sorted(found.items(), key=lambda item: (-len(item[1].places), item[0])))

    @cached_property
    def words(self) -> terms.Terms:
        """The terms of the answers of the range."""
        return terms.terms_in(self.answers, self.here, self.by_text)

    @cached_property
    def sides(self) -> terms.Sides:
        """Low scores beside all other scores."""
        scored = ~np.isnan(self.answers.share)
        return terms.Sides("low", self.answers.low, scored & ~self.answers.low)

    @cached_property
    def word_table(self) -> pa.Table:
        """The words shown."""
        return terms.compared(self.answers, self.here, self.words, self.sides, self.asked.top)

    @cached_property
    def beside(self) -> Beside | None:
        """Those who met the barrier that was asked for."""
        if not self.asked.barrier:
            return None
        within = spans.micros(Barriers(**scope_fields(self.asked)).within)
        return Beside(self.scope, within, self.asked.barrier, self.answers)

    @cached_property
    def quoted(self) -> dict[str, np.ndarray]:
        """Places of the answers quoted, by side."""
        if self.beside is not None:
            return {"met": quotes.chosen(self.answers, self.beside.met, self.by_text, self._telling_of_barrier)}
        found = self.word_table.to_pylist()
        telling = [row["wording"] for row in found if row["direction"] == "low"]
        low, high = self.answers.low[self.here], self.answers.high[self.here]
        return {
            "low": quotes.chosen(self.answers, self.here[low], self.by_text, telling),
            "high": quotes.chosen(self.answers, self.here[high], self.by_text),
        }

    @cached_property
    def _telling_of_barrier(self) -> list[str]:
        return [row["wording"] for row in self.barrier_words.to_pylist() if row["direction"] == "met"]

    @cached_property
    def barrier_words(self) -> pa.Table:
        """What those who met the barrier write, beside what the others do."""
        assert self.beside is not None
        one, others = (np.zeros(len(self.answers), bool) for _ in range(2))
        one[self.beside.met], others[self.beside.others] = True, True
        places = np.flatnonzero(one | others)
        found = terms.terms_in(self.answers, places, self.by_text)
        return terms.compared(self.answers, places, found, terms.Sides("met", one, others), self.asked.top)

    @cached_property
    def cuts(self) -> intervals.Intervals:
        """The intervals of the range; by itself wide enough for ENOUGH answers each, on average."""
        kinds = ("hour", "day", "week", "month")
        kind = intervals.chosen(self.asked.interval, self.scope.period)
        found = intervals.cut(self.scope.period, kind, self.scope.context.zone)
        while self.asked.interval == "auto" and kind != "month" and len(self.here) < ENOUGH * len(found):
            kind = kinds[kinds.index(kind) + 1]  # type: ignore[assignment]
            found = intervals.cut(self.scope.period, kind, self.scope.context.zone)
        return found

    def rows(self) -> list[dict[str, Any]]:
        """The rows of the frame."""
        return [
            {"value": value, "name": "", **scores.scores(one)} for value, one in list(self.groups.items())[: self.asked.top]
        ]

    def parts(self) -> dict[str, pa.Table]:
        """The further tables by name."""
        found = {"series": self._series(), "words": self.word_table, "quotes": self._quotes()}
        if self.beside is not None:
            found |= {"beside": self.beside.rows(), "beside_words": self.barrier_words}
        return found

    def figures(self) -> dict[str, Any]:
        """The figures of the range; those of a barrier where one was asked for."""
        found = scores.scores(self.whole)
        before = None
        if self.scope.previous:
            before = scores.scores(said(self.answers, self.answers.within(self.scope.previous)))
        shown = {name: value for name, value in found.items() if name != "reason"}
        shown |= {"given": len(self.here), "score_reason": found["reason"], "interval": self.cuts.name}
        shown |= {"stage_order": [stage.name for stage in stages_of(self.scope.context.snapshot.definitions)]}
        shown |= {"previous_nps": before["nps"] if before else None}
        shown |= {"previous_score_rate": before["score_rate"] if before else None}
        return shown | (self.beside.difference() if self.beside is not None else {})

    def _series(self) -> pa.Table:
        edges, late = self.cuts.edges, self.cuts.incomplete(self.scope.as_of)
        rows = []
        for number in range(len(self.cuts)):
            found = scores.scores(self.during(number))
            start, end = int(edges[number]), int(edges[number + 1])
            rows.append({**found, "start": start, "end": end, "incomplete": bool(late[number])})
        return pa.Table.from_pylist(rows, schema=_SERIES)

    def during(self, number: int) -> Said:
        """The answers of an interval."""
        edges = self.cuts.edges
        return said(self.answers, self.answers.within(Period(int(edges[number]), int(edges[number + 1]))))

    def _quotes(self) -> pa.Table:
        rows = [row for side, places in self.quoted.items() for row in quotes.rows_of(self.answers, side, places)]
        return pa.Table.from_pylist(rows, schema=quotes.SCHEMA)

    def sentence(self, figures: dict[str, Any]) -> Text:
        """The finding."""
        if self.beside is not None:
            return self._beside_sentence(figures)
        if not figures["answers"]:
            return Text("sentence.feedback_empty")
        if figures["nps"] is not None:
            id_ = "sentence.feedback_nps" if figures["nps_low"] is not None else "sentence.feedback_nps_alone"
            return Text(id_, figures)
        if figures["score_rate"] is not None:
            return Text("sentence.feedback_scores", figures)
        return Text("sentence.feedback_texts", figures)

    def _beside_sentence(self, figures: dict[str, Any]) -> Text:
        assert self.beside is not None
        params = {**figures, "name": self.beside.candidate.name, "met": len(self.beside.met), "fewest": FEWEST}
        if figures["score_difference"] is None or figures["difference_low"] is None:
            return Text("sentence.feedback_beside_few", params)
        noise = figures["difference_low"] <= 0 <= figures["difference_high"]
        side = "same" if noise else "less" if figures["score_difference"] < 0 else "more"
        return Text(f"sentence.feedback_beside_{side}", {**params, "size": abs(figures["score_difference"])})

    def notes(self, figures: dict[str, Any]) -> tuple[Note, ...]:
        """The caveats."""
        notes = []
        nobody = int((self.answers.visitor[self.here] < 0).sum())
        if len(self.here) > figures["answers"]:
            notes.append(Note("feedback_latest", {"given": len(self.here), "answers": figures["answers"]}))
        if nobody:
            notes.append(Note("feedback_of_nobody", {"count": nobody}))
        if self.answers.guessed:
            notes.append(Note("feedback_scale", {"surveys": list(self.answers.guessed[:5])}))
        if figures["texts"]:
            notes.append(Note("feedback_words"))
        if self.beside is not None:
            notes.append(Note("feedback_observed"))
        return tuple(notes)
