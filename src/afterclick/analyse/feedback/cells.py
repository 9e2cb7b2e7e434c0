"""The visitors behind each cell of feedback: who gave the very answers that its figures are taken over."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from afterclick.analyse.describe import people_of
from afterclick.analyse.feedback.reading import NONE, Reading
from afterclick.analyse.feedback.scores import PARTS
from afterclick.core import clock
from afterclick.core.errors import SpecError
from afterclick.core.result import People, Term, Text, channel_term, stage_term
from afterclick.core.said import Said


class Cells:
    """Reads cells of one feedback."""

    def __init__(self, found: Reading) -> None:
        self.found = found

    def of(self, cell: str) -> People:
        """The visitors behind a cell. Raises SpecError for one that is not there."""
        found = self._cell(cell)
        if found is None:
            raise SpecError(
                Said("refusals.feedback_no_cell", cell=cell),
                hint=Said("refusals.feedback_cells"), path="people",
            )  # fmt: skip
        return people_of(self.found.scope, *found)

    def _cell(self, cell: str) -> tuple[np.ndarray, Text] | None:
        if cell in PARTS:
            return self.found.whole.visitors(cell), Text(f"people.feedback_{cell}")
        head, _, rest = cell.partition("=")
        readers: dict[str, Callable[[str], tuple[np.ndarray, Text] | None]] = {
            self.found.asked.by: self._of_group, "word": self._of_term, "interval": self._of_interval,
            "quote": self._of_quote, "beside": self._of_beside,
        }  # fmt: skip
        return readers[head](rest) if head in readers else None

    def _of_group(self, rest: str) -> tuple[np.ndarray, Text] | None:
        value, _, part = rest.rpartition(";part=")
        if not part or rest in self.found.groups:
            value, part = rest, "answered"
        if value not in self.found.groups or part not in PARTS:
            return None
        return self.found.groups[value].visitors(part), Text(f"people.feedback_by_{part}", {"value": self._named(value)})

    def _named(self, value: str) -> Term | str:
        if value == NONE:
            return Term("map.none_given", NONE)
        return {"stage": stage_term, "channel": channel_term}.get(self.found.asked.by, str)(value)

    def _of_term(self, rest: str) -> tuple[np.ndarray, Text] | None:
        if rest not in self.found.words.places:
            return None
        return self.found.words.visitors(self.found.answers, rest), Text("people.feedback_term", {"term": rest})

    def _of_interval(self, rest: str) -> tuple[np.ndarray, Text] | None:
        if not rest.isdecimal() or int(rest) >= len(self.found.cuts):
            return None
        start = clock.iso(int(self.found.cuts.edges[int(rest)]))
        return self.found.during(int(rest)).visitors("answered"), Text("people.feedback_interval", {"start": start})

    def _of_quote(self, rest: str) -> tuple[np.ndarray, Text] | None:
        side, _, number = rest.partition(":")
        places = self.found.quoted.get(side, np.zeros(0, np.int64))
        if not number.isdecimal() or int(number) >= len(places):
            return None
        visitor = self.found.answers.visitor[places[int(number) : int(number) + 1]]
        return visitor[visitor >= 0].astype(np.int64), Text("people.feedback_quote")

    def _of_beside(self, rest: str) -> tuple[np.ndarray, Text] | None:
        if self.found.beside is None or rest not in ("met", "others"):
            return None
        places = self.found.beside.met if rest == "met" else self.found.beside.others
        visitors = np.unique(self.found.answers.visitor[places]).astype(np.int64)
        return visitors, Text(f"people.feedback_beside_{rest}", {"name": self.found.beside.candidate.name})
