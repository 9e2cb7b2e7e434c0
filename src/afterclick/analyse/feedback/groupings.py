"""What answers are told apart by: the survey, the stage and place they were given at, the item, the channel."""

from __future__ import annotations

from typing import Final

import numpy as np

from afterclick.analyse.feedback.answers import Answers
from afterclick.analyse.fields import touch_field
from afterclick.analyse.journey import journey_of
from afterclick.analyse.kernels.journey import NO_STAGE
from afterclick.analyse.product_lines import product_codes
from afterclick.analyse.scope import Scope
from afterclick.analyse.sessions import sessions_of
from afterclick.core import spans
from afterclick.stitch.stages import stages_of
from afterclick.store.columns import Flag

SEEN_WITHIN: Final = spans.DAY
"""How long before an answer a page may have been seen to be the one that the answer is about."""

Codes = tuple[np.ndarray, list[str]]
"""Per answer the place of its value, -1 for none, with the values."""


def codes_by(scope: Scope, answers: Answers, by: str) -> Codes:
    """The values of these answers by one of survey, stage, touchpoint, item and channel."""
    if by == "survey":
        return answers.survey.astype(np.int64), list(answers.surveys)
    readers = {"stage": _stages, "touchpoint": _touchpoints, "item": _items, "channel": _channels}
    return readers[by](scope, answers)


def _stages(scope: Scope, answers: Answers) -> Codes:
    """The stage at which the visitor stood when answering."""
    stages = stages_of(scope.context.snapshot.definitions)
    names = [stage.name for stage in stages]
    if not len(answers):
        return np.zeros(0, np.int64), names
    by_row = journey_of(scope, stages, scope.period).by_row
    code = by_row[answers.row].astype(np.int64)
    return np.where(code == NO_STAGE, -1, code), names


def _items(scope: Scope, answers: Answers) -> Codes:
    codes, ids = product_codes(scope.context)
    return codes[answers.row].astype(np.int64), ids


def _touchpoints(scope: Scope, answers: Answers) -> Codes:
    """The page an answer was given on, else the last one its visitor saw within a day before."""
    context = scope.context
    groups = context.texts("page_group")
    own = context.snapshot.take("page_group", answers.row).astype(np.int64)
    rows = sessions_of(context, scope.sessions_like, scope.as_of).rows
    pages = np.flatnonzero((rows.key & int(Flag.PAGE)) != 0)
    open_rows = np.flatnonzero((own < 0) & (answers.visitor >= 0))
    if not len(pages) or not len(open_rows):
        return own, groups
    visitor, at = answers.visitor[open_rows].astype(np.int64), answers.at[open_rows]
    place = last_before(rows.offsets, rows.at, visitor, at)
    seen = np.searchsorted(pages, place, side="left") - 1
    page = pages[np.maximum(seen, 0)]
    near = (seen >= 0) & (page >= rows.offsets[visitor]) & (at - rows.at[page] <= SEEN_WITHIN)
    group = context.snapshot.take("page_group", rows.rows_at(page)).astype(np.int64)
    own[open_rows] = np.where(near, group, -1)
    return own, groups


def last_before(edges: np.ndarray, times: np.ndarray, owner: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Per (owner, instant) the place behind the owner's last time up to the instant; int64.

    The times of owner k, ascending, are times[edges[k]:edges[k + 1]].
    """
    low: np.ndarray = edges[owner].astype(np.int64)
    high: np.ndarray = edges[owner + 1].astype(np.int64)
    while (low < high).any():
        middle = (low + high) // 2
        open_rows = low < high
        after = open_rows & (times[np.minimum(middle, len(times) - 1)] <= at)
        high = np.where(open_rows & ~after, middle, high)
        low = np.where(after, middle + 1, low)
    return low


def _channels(scope: Scope, answers: Answers) -> Codes:
    """The channel of the visitor's last visit up to the answer that has one."""
    lookup, names = touch_field(scope.context, "channel")
    sessions = sessions_of(scope.context, scope.sessions_like, scope.as_of)
    told = np.flatnonzero(sessions.touch >= 0)
    out = np.full(len(answers), -1, np.int64)
    known = np.flatnonzero(answers.visitor >= 0)
    if not len(told) or not len(known) or not len(lookup):
        return out, names
    visitor = answers.visitor[known].astype(np.int64)
    edges = np.searchsorted(sessions.visitor[told], np.arange(sessions.rows.visitors + 1))
    last = last_before(edges, sessions.start_at[told], visitor, answers.at[known]) - 1
    there = last >= edges[visitor]
    out[known] = np.where(there, lookup[sessions.touch[told[np.maximum(last, 0)]]], -1)
    return out, names
