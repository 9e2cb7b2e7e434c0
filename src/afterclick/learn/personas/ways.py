"""The way visits usually go: the first behaviours of each visit, and the commonest beginning step by step."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from afterclick.learn.behaviours import Behaviours

DEEP: Final = 5
_FEWEST: Final = 10
"""A way is followed while a tenth of the visits go it."""
LEFT: Final = -1


class Way(NamedTuple):
    """Behaviours by code in order, and the places of the visits (rows of `Ways`) that begin so."""

    codes: tuple[int, ...]
    visits: np.ndarray


class Ways:
    """Per visit of a range that met a behaviour its visitor and its first behaviours, repeats joined.

    owner int64[visits] places of visitors, first int16[visits, DEEP] codes, LEFT once it is over.
    """

    def __init__(self, found: Behaviours) -> None:
        session, code = found.session, found.code
        new = np.ones(len(session), bool)
        if len(session):
            new[1:] = (session[1:] != session[:-1]) | (code[1:] != code[:-1])
        session, code, owner = session[new], code[new], found.owner[new]
        begins = np.flatnonzero(np.diff(session, prepend=-1))
        visit = np.cumsum(np.diff(session, prepend=-1) != 0) - 1
        depth = np.arange(len(session)) - begins[visit] if len(session) else np.zeros(0, np.int64)
        shallow = depth < DEEP
        self.owner = owner[begins]
        self.first = np.full((len(begins), DEEP), LEFT, np.int16)
        self.first[visit[shallow], depth[shallow]] = code[shallow]

    def usual(self, inside: np.ndarray) -> Way:
        """The way that most visits of these visitors (bool[n]) go at each step, until most have left."""
        here = np.flatnonzero(inside[self.owner]) if len(self.owner) else np.zeros(0, np.int64)
        codes: list[int] = []
        least = len(here) / _FEWEST
        for depth in range(DEEP):
            values, counts = np.unique(self.first[here, depth], return_counts=True)
            if not len(here) or counts.max() < least or values[int(np.argmax(counts))] == LEFT:
                break
            best = int(values[int(np.argmax(counts))])
            codes.append(best)
            here = here[self.first[here, depth] == best]
        return Way(tuple(codes), here)

    def visitors(self, way: Way) -> np.ndarray:
        """The distinct visitors of a way's visits, places ascending."""
        return np.unique(self.owner[way.visits])
