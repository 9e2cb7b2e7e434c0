"""The visitors behind each figure of a touchpoint: the visits that were counted, told in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from afterclick.analyse.beside import Beside
from afterclick.analyse.describe import people_of
from afterclick.analyse.kernels.parts import LOOPED, SLOWED, TROUBLED
from afterclick.analyse.met import ENDS, Met
from afterclick.analyse.touchpoint_sides import ENTRY, LEFT, OTHER, Sides
from afterclick.analyse.words import Words
from afterclick.core.errors import SpecError, nearest
from afterclick.core.result import People, Text, channel_term, stage_term
from afterclick.core.said import Said

_TROUBLES = {"errors": TROUBLED, "loops": LOOPED, "slow": SLOWED}


_Reader = Callable[[], tuple[np.ndarray, Text]]


def _given(labels: np.ndarray, text: Text) -> tuple[np.ndarray, Text]:
    return labels, text


class TouchpointPeople:
    """Reads the cells of one touchpoint: `visitors`, `came=/cart`, `went=left`, `word=typed:knit`, `stage=Close;met=yes`."""

    def __init__(self, met: Met, sides: Sides, beside: Beside, words: Sequence[Words]) -> None:
        self.met, self.sides, self.beside, self.words = met, sides, beside, words
        self.name = met.points.name(met.code)[0]

    def of(self, cell: str) -> People:
        """The visitors behind a cell. Raises SpecError for a cell that is not there."""
        found = self._cells().get(cell)
        if found is None:
            raise SpecError(
                Said("refusals.touchpoint_no_cell", cell=cell),
                hint=nearest(cell, self._cells()) or Said("refusals.touchpoint_cells"),
                path="people",
            )
        visitors, text = found()
        return people_of(self.met.scope, visitors, text)

    def _cells(self) -> dict[str, _Reader]:
        met, visits = self.met, self._visits
        cells: dict[str, _Reader] = {
            "visitors": lambda: (met.visitors, self._text("visitors")),
            "entries": lambda: visits(met.sessions[met.before == ENDS], "entries"),
            "exits": lambda: visits(met.sessions[met.after == ENDS], "exits"),
            "sessions": lambda: visits(met.sessions, "sessions"),
            "bounced": lambda: visits(met.bounced, "bounced"),
        }
        for name, part in _TROUBLES.items():
            cells[name] = partial(self._troubled, name, part)
        for (side, other, kind), found in self.sides.groups.items():
            text = f"{side}_{kind}" if kind in (ENTRY, LEFT, OTHER) else side
            cells[side_cell(side, other, kind)] = partial(visits, found, text, value=other)
        for channel, found in self.sides.entries.items():
            cells[f"channel={channel}"] = partial(visits, found, "channel", value=channel_term(channel))
        for one in self.words:
            cells[f"word={one.where}:{one.word}"] = partial(visits, one.sessions, f"word_{one.where}", value=one.word)
        return cells | self._beside()

    def _beside(self) -> dict[str, _Reader]:
        cells: dict[str, _Reader] = {}
        for stage, sides in zip(self.beside.stages, self.beside.sides, strict=True):
            for word, side in zip(("met", "others"), sides, strict=True):
                for end, labels in (("", side.visitors), ("_ordered", side.visitors[side.ordered])):
                    text = self._text(f"beside_{word}{end}", stage=stage_term(stage))
                    cells[f"stage={stage};part={word}{end}"] = partial(_given, labels, text)
        return cells

    def _troubled(self, name: str, part: int) -> tuple[np.ndarray, Text]:
        return self._visits(self._marked(part), name)

    def _marked(self, part: int) -> np.ndarray:
        visits = self.met.visits
        result: np.ndarray = visits.ids[visits.marks(self.met.code) >> part & 1 == 1]
        return result

    def _visits(self, sessions: np.ndarray, text: str, **more: object) -> tuple[np.ndarray, Text]:
        return self.met.measures.visitors_of(np.sort(sessions)), self._text(text, **more)

    def _text(self, name: str, **more: object) -> Text:
        return Text(f"people.touchpoint_{name}", {"name": self.name, **more})


def side_cell(side: str, touchpoint: str, kind: str) -> str:
    """The cell of a row of the main table: `side=came;touchpoint=/cart`, `side=went;left`."""
    return f"side={side};{kind}" if kind in (ENTRY, LEFT, OTHER) else f"side={side};touchpoint={touchpoint}"
