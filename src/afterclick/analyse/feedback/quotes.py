"""A few answers in their own words: masked, short, and never many."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from afterclick.analyse.feedback.answers import Answers
from afterclick.core.event import INSTANT

MOST: Final = 3
"""Answers quoted of a side."""
LONGEST: Final = 240

SCHEMA: Final = pa.schema(
    [
        ("side", pa.string()), ("number", pa.int32()), ("text", pa.string()), ("score", pa.float64()),
        ("scale", pa.float64()), ("survey", pa.string()), ("at", INSTANT), ("visitors", pa.int64()),
    ]
)  # fmt: skip


def chosen(
    answers: Answers, places: np.ndarray, by_text: Sequence[frozenset[str]], telling: Collection[str] = ()
) -> np.ndarray:
    """Up to MOST of these answers (places): those that hold a telling term first, then the latest; no text twice."""
    told: dict[int, int] = {}
    for place in places[answers.text[places] >= 0][::-1].tolist():
        told.setdefault(int(answers.text[place]), place)
    wanted = set(telling)
    ranked = sorted(told.items(), key=lambda item: (not wanted & by_text[item[0]], -item[1]))
    return np.array([place for _, place in ranked[:MOST]], np.int64)


def rows_of(answers: Answers, side: str, places: np.ndarray) -> list[dict[str, Any]]:
    """Rows of SCHEMA."""
    return [
        {
            "side": side, "number": number, "text": _short(answers.texts[answers.text[place]]),
            "score": _known(answers.score[place]), "scale": _known(answers.scale[place]),
            "survey": answers.surveys[answers.survey[place]], "at": int(answers.at[place]),
            "visitors": int(answers.visitor[place] >= 0),
        }
        for number, place in enumerate(places.tolist())
    ]  # fmt: skip


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
