"""Answers as a relation: who said what when, with a score on a known scale, and the words of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from afterclick.analyse.context import Context
from afterclick.analyse.scope import Scope
from afterclick.core.arrays import frozen
from afterclick.core.masking import masked
from afterclick.core.names import FEEDBACK_EVENTS, PRODUCT_REVIEWED
from afterclick.core.spans import Period
from afterclick.store.columns import Flag

SCORES: Final = ("score", "nps_score", "nps", "rating", "stars", "csat")
SCALES: Final = ("scale", "max_score", "out_of")
TEXTS: Final = ("comment", "text", "review", "review_text", "review_body", "feedback", "answer", "body")
SURVEYS: Final = ("survey", "survey_name", "survey_type", "question")
"""Properties of an answer, each by the names it is sent under; the first that a row has counts."""

REVIEW: Final = "review"
_USUAL: Final = (5.0, 7.0, 10.0, 100.0)
_NPS: Final = ("nps", "promoter", "recommend", "추천")
LOW, HIGH = 0.6, 0.9
"""Shares of the scale up to which a score is low and from which it is high: 0 to 6 and 9 to 10 of ten, as NPS has them;
three stars of five or fewer, and five."""


@dataclass(frozen=True)
class Answers:
    """One row per answer, in order of (time, event id): row int64 (global), visitor int32 (-1 nobody), at int64 µs, score
    and scale float64 (NaN none), survey int32 (place in `surveys`), text int32 (place in `texts`, -1 none), nps bool.

    `share` is the score by its scale, 0..1. A scale that nobody says is the smallest of 5, 7, 10 and 100 that holds every
    score of the survey; `guessed` names those surveys.
    """

    row: np.ndarray
    visitor: np.ndarray
    at: np.ndarray
    score: np.ndarray
    scale: np.ndarray
    survey: np.ndarray
    text: np.ndarray
    nps: np.ndarray
    surveys: tuple[str, ...]
    texts: tuple[str, ...]
    guessed: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.row)

    @cached_property
    def share(self) -> np.ndarray:
        """Score by scale, NaN where there is none."""
        result: np.ndarray = self.score / self.scale
        return result

    @cached_property
    def low(self) -> np.ndarray:
        """Which scores are low; bool. Whole scores of whole scales stay on the limit they are on."""
        result: np.ndarray = self.score <= LOW * self.scale + 1e-9
        return result

    @cached_property
    def high(self) -> np.ndarray:
        """Which scores are high; bool."""
        result: np.ndarray = self.score >= HIGH * self.scale - 1e-9
        return result

    def within(self, period: Period) -> np.ndarray:
        """The places of the answers of a period, ascending."""
        return np.flatnonzero((self.at >= period.start) & (self.at < period.end))


def answers_of(scope: Scope) -> Answers:
    """Every answer of the scope's visitors up to `as_of` that meets the question's conditions, kept in the context."""
    asked = scope.question
    key = ("answers", asked.identity, asked.bots, scope.as_of, asked.where, scope.sessions_like.key)
    return scope.context.keep(key, lambda: _read(scope))


def latest(visitor: np.ndarray, *within: np.ndarray) -> np.ndarray:
    """The places of each visitor's last answer (rows are in order of time), within each value of `within`; ascending.

    Answers of nobody all count.
    """
    nobody = np.flatnonzero(visitor < 0)
    known = np.flatnonzero(visitor >= 0)
    if not len(known):
        return nobody
    keys = (visitor[known], *(values[known] for values in within))
    order = np.lexsort((known, *keys[::-1]))
    last = np.ones(len(order), bool)
    last[:-1] = np.logical_or.reduce([key[order][1:] != key[order][:-1] for key in keys])
    return np.sort(np.concatenate([nobody, known[order[last]]]))


def _read(scope: Scope) -> Answers:
    context = scope.context
    row = _rows(scope)
    at, device = context.snapshot.take("at", row), context.snapshot.take("device", row)
    visitor = np.full(len(row), -1, np.int32)
    visitor[device >= 0] = scope.labels.of(device[device >= 0], at[device >= 0])
    score, scale = numbers_of(context, SCORES, row), numbers_of(context, SCALES, row)
    surveys, survey = _surveys(context, row)
    scale, guessed = _scales(score, scale, survey, surveys)
    text, texts = texts_of(context, TEXTS, row)
    score = np.where((score >= 0) & (score <= scale) & (scale > 0), score, np.nan)
    told = ~np.isnan(score) | (text >= 0)
    nps = _is_nps(context, row, survey, surveys) & (scale == 10) & (score == np.floor(score))
    return Answers(
        row=frozen(row[told]), visitor=frozen(visitor[told]), at=frozen(at[told]), score=frozen(score[told]),
        scale=frozen(scale[told]), survey=frozen(survey[told]), text=frozen(text[told]), nps=frozen(nps[told]),
        surveys=surveys, texts=texts, guessed=guessed,
    )  # fmt: skip


def _rows(scope: Scope) -> np.ndarray:
    """The rows of feedback in order of (time, event id)."""
    context, found = scope.context, []
    wanted = np.zeros(max(1, len(context.names()[0])), bool)
    for name in FEEDBACK_EVENTS:
        wanted[context.name_codes(name)] = True
    if wanted.any():
        for chunk in context.snapshot.chunks(("name", "at", "flags"), None):
            there = np.flatnonzero(wanted[chunk.columns["name"]])
            kept = chunk.columns["at"][there] <= scope.as_of
            if scope.question.bots == "out":
                kept &= (chunk.columns["flags"][there] & int(Flag.BOT)) == 0
            found.append(chunk.start + there[kept])
    row = np.concatenate(found) if found else np.zeros(0, np.int64)
    row = row[scope.mask_rows(row)]
    at, tie = context.snapshot.take("at", row), context.snapshot.take("tie", row)
    order = np.lexsort((tie, at))
    same = (at[order][1:] == at[order][:-1]) & (tie[order][1:] == tie[order][:-1])
    if same.any():
        order = np.lexsort((np.array(context.event_ids(row)), at))
    ordered: np.ndarray = row[order]
    return ordered


def numbers_of(context: Context, names: Sequence[str], row: np.ndarray) -> np.ndarray:
    """The first of these properties that is a number, float64 (NaN none); texts that read as numbers are."""
    found = np.full(len(row), np.nan)
    for name in names:
        column = f"p.{name}"
        kind = context.snapshot.column_kind(column)
        if not kind:
            continue
        values = context.snapshot.take(column, row)
        if kind == "coded":
            texts = context.texts(column)
            known, place = np.unique(values, return_inverse=True)
            values = np.array([_number(texts[code]) if code >= 0 else np.nan for code in known.tolist()])[place]
        found = np.where(np.isnan(found), values, found)
    return found


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return float("nan")
    return value if np.isfinite(value) else float("nan")


def texts_of(context: Context, names: Sequence[str], row: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """The first of these properties that says something: int32 per row (-1 none), with the texts, personal data masked."""
    out = np.full(len(row), -1, np.int32)
    places: dict[str, int] = {}
    for name in names:
        column = f"p.{name}"
        if context.snapshot.column_kind(column) != "coded":
            continue
        texts, code = context.texts(column), context.snapshot.take(column, row)
        free = np.flatnonzero((out < 0) & (code >= 0))
        known, where = np.unique(code[free], return_inverse=True)
        said = [masked(texts[one].strip()) for one in known.tolist()]
        out[free] = np.array([places.setdefault(text, len(places)) if text else -1 for text in said], np.int32)[where]
    return out, tuple(places)


def _surveys(context: Context, row: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of the surveys and each row's; a review without one is `review`, any other event is named as it is."""
    code, texts = texts_of(context, SURVEYS, row)
    canonical = context.names()[0]
    name = context.snapshot.take("name", row)
    unnamed = [REVIEW if canonical[one] == PRODUCT_REVIEWED else canonical[one] for one in range(len(canonical))]
    names = sorted({*texts, *(unnamed[one] for one in np.unique(name[code < 0]).tolist())})
    place = {text: number for number, text in enumerate(names)}
    by_text = np.array([place[text] for text in texts] or [0], np.int32)
    by_name = np.array([place.get(text, 0) for text in unnamed] or [0], np.int32)
    return tuple(names), np.where(code >= 0, by_text[np.maximum(code, 0)], by_name[name]).astype(np.int32)


def _scales(
    score: np.ndarray, scale: np.ndarray, survey: np.ndarray, surveys: Sequence[str]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The scale of each score: as sent, else 10 for NPS, else the smallest usual one that holds the survey's scores."""
    scale, guessed = scale.copy(), []
    for number, name in enumerate(surveys):
        here = (survey == number) & ~np.isnan(score)
        open_rows = here & np.isnan(scale)
        if not open_rows.any():
            continue
        most = float(score[here].max())
        usual = next((one for one in _USUAL if most <= one), np.nan)
        scale[open_rows] = 10.0 if _says_nps(name) else usual
        guessed.append(name)
    return scale, tuple(guessed)


def _says_nps(name: str) -> bool:
    return any(word in name.casefold() for word in _NPS)


def _is_nps(context: Context, row: np.ndarray, survey: np.ndarray, surveys: Sequence[str]) -> np.ndarray:
    """Answers to "would you recommend us": a survey named so, or one without a name whose scale is ten; no review."""
    named = np.array([_says_nps(name) for name in surveys] or [False], bool)
    canonical = context.names()[0]
    generic = np.array([name in FEEDBACK_EVENTS and name != PRODUCT_REVIEWED for name in surveys] or [False], bool)
    reviewed = np.array([name == PRODUCT_REVIEWED for name in canonical] or [False], bool)
    result: np.ndarray = (named | generic)[survey] & ~reviewed[context.snapshot.take("name", row)]
    return result
