"""What may be a barrier: touchpoints, errors, landing pages, slow pages, retries, going back and forth."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from afterclick.analyse.meetings import SEPARATOR, Meetings, meetings_of, moves_of
from afterclick.analyse.scope import Scope
from afterclick.analyse.troubles import error_names, slow_rows
from afterclick.core.names import ORDER_COMPLETED

FEWEST: Final = 30
"""Visits on a side under which nothing is said."""
_SHARE: Final = 0.05
"""What came right before a meeting counts as its step where at least this share of the meetings came from there."""


@dataclass(frozen=True)
class Candidate:
    """Something met in visits, beside the visits that stood at the same step and did not meet it.

    `place` int64 = the meetings (of `meetings`) at which sides part, one per visit; `met` bool; `step` int32 = the
    touchpoint right before (the begin of a visit: `meetings.start`). `sessions` int64 = every visit that met it, also
    later than where the sides part.

    Of a group at a step (`segment`) `passed` says which visits took the next step, `passed_orders` which share of the
    group's visits that did order, `passed_worth` what one that did is worth on average (minor units), `usual` how many
    times as often the others pass the other steps.
    """

    kind: str
    name: str
    type: str
    meetings: Meetings = dataclasses.field(repr=False)
    place: np.ndarray = dataclasses.field(repr=False)
    met: np.ndarray = dataclasses.field(repr=False)
    step: np.ndarray = dataclasses.field(repr=False)
    sessions: np.ndarray = dataclasses.field(repr=False)
    passed: np.ndarray | None = dataclasses.field(default=None, repr=False)
    passed_orders: float = 1.0
    passed_worth: float = 0.0
    usual: float = 1.0

    @property
    def key(self) -> str:
        """What names it in a link."""
        return f"{self.kind}:{self.name}"


def candidates(scope: Scope) -> Iterator[Candidate]:
    """Everything met by enough visits, and not by all."""
    found = meetings_of(scope)
    errors = _errors(scope, found)
    goals = {code for code, name in enumerate(found.names) if code >= found.pages and name == ORDER_COMPLETED}
    for code in range(found.start):
        if code in goals:
            continue
        yield from _touchpoint(found, code, errors)
    yield from _landings(found)
    yield from _slow(scope, found)
    yield from _fields(scope, found, errors)
    for pages in (True, False):
        yield from _patterns(moves_of(scope, pages=pages))


def _errors(scope: Scope, found: Meetings) -> set[int]:
    said = error_names(scope.context)
    canonical = scope.context.names()[0]
    names = {name for name, wrong in zip(canonical, said, strict=True) if wrong}
    return {code for code in range(found.pages, found.start) if found.names[code] in names}


def _touchpoint(found: Meetings, code: int, errors: set[int]) -> Iterator[Candidate]:
    """A touchpoint met on the way: beside visits that took the step before it and did not meet it."""
    name, type_ = found.name(code)
    kind = "error" if code in errors else "touchpoint"
    met = np.arange(*_bounds(found.of(code)))
    inside = met[~found.landed(met) & (found.before[met] >= 0)]
    yield from _met_after(found, [code], inside, kind, name, type_)


DETAILS: Final = ("field", "field_name", "form_field", "input", "error", "error_code", "code", "reason", "status")
"""Properties that say which part of a page an error is about."""
_MOST_VALUES: Final = 30


def _fields(scope: Scope, found: Meetings, errors: set[int]) -> Iterator[Candidate]:
    """An error about one field or with one code: beside visits that took the step before it and met no such error."""
    context = scope.context
    for name in DETAILS:
        if context.snapshot.column_kind(f"p.{name}") != "coded":
            continue
        texts, column = context.texts(f"p.{name}"), context.column(f"p.{name}")
        for code in sorted(errors):
            met = np.arange(*_bounds(found.of(code)))
            met = met[found.before[met] >= 0]
            value = column[found.sessions.rows.rows[found.row[met]]]
            counts = np.bincount(value[value >= 0], minlength=len(texts))
            for one in np.argsort(-counts, kind="stable")[:_MOST_VALUES].tolist():
                if counts[one] >= FEWEST:
                    label = f"{found.names[code]} · {name}={texts[one]}"
                    yield from _met_after(found, [code], met[value == one], "field", label, "event")


def _landings(found: Meetings) -> Iterator[Candidate]:
    """A landing page, or all those under one folder: beside visits that landed elsewhere."""
    folders: dict[str, list[int]] = {}
    for code in range(found.pages):
        parts = found.names[code].split("/")
        for depth in range(2, len(parts) + 1):
            folders.setdefault("/".join(parts[:depth]), []).append(code)
    singles = {found.names[code]: [code] for code in range(found.pages)}
    several = {f"{folder}/**": codes for folder, codes in folders.items() if len(codes) > 1 and folder}
    begun = np.arange(*_bounds(found.of(found.start)))
    landing = found.touchpoint_of_landing[found.session[begun]]
    begun, landing = begun[landing >= 0], landing[landing >= 0]
    counts = np.bincount(landing, minlength=found.pages)
    for name, codes in {**singles, **several}.items():
        if counts[codes].sum() < FEWEST:
            continue
        here = np.isin(landing, codes)
        met, controls = begun[here], begun[~here]
        if len(controls) >= FEWEST:
            step = np.full(len(begun), found.start)
            yield _candidate("landing", name, "page", found, met, controls, step, found.sessions_of(met))


def _bounds(span: slice) -> tuple[int, int]:
    return int(span.start), int(span.stop)


def _met_after(
    found: Meetings, codes: Sequence[int], met: np.ndarray, kind: str, name: str, type_: str
) -> Iterator[Candidate]:
    """Visits with these meetings, beside visits that stood at the same steps and met none of the codes."""
    step = found.came_from(met)
    if len(met) < FEWEST:
        return
    values, counts = np.unique(step, return_counts=True)
    # What comes after an order is the way to the next one: nobody stands at the order and has not placed it.
    goals = [code for code in values.tolist() if code < found.start and found.names[code].endswith(ORDER_COMPLETED)]
    steps = values[(counts >= _SHARE * len(met)) & ~np.isin(values, goals)]
    chosen = np.isin(step, steps)
    met, step = met[chosen], step[chosen]
    has = np.zeros(len(found.visitor), bool)
    for one in (found.of(code) for code in codes):
        has[found.leg[one]] = True
    others = [found.of(int(one)) for one in steps if one not in codes]
    rest = [np.arange(one.start, one.stop)[~has[found.leg[one]]] for one in others]
    labels = [
        np.full(len(one), value, np.int32)
        for one, value in zip(rest, (s for s in steps if s not in codes), strict=True)
    ]
    controls = np.concatenate(rest) if rest else np.zeros(0, np.int64)
    if len(met) < FEWEST or len(controls) < FEWEST:
        return
    sessions = found.sessions_of(met)
    yield _candidate(kind, name, type_, found, met, controls, np.concatenate([step, *labels]), sessions)


def _candidate(
    kind: str, name: str, type_: str, found: Meetings, met: np.ndarray, controls: np.ndarray, step: np.ndarray,
    sessions: np.ndarray,
) -> Candidate:  # fmt: skip
    place = np.concatenate([met, controls])
    side = np.zeros(len(place), bool)
    side[: len(met)] = True
    return Candidate(kind, name, type_, found, place, side, step.astype(np.int32), sessions)


def _slow(scope: Scope, found: Meetings) -> Iterator[Candidate]:
    """A page that loaded slowly at its first view of a visit: beside visits in which it did not."""
    slow = slow_rows(scope.context)[found.sessions.rows.rows]
    at, period = found.sessions.rows.at, scope.period
    rows = np.flatnonzero(slow & (found.touchpoint >= 0) & (at >= period.start) & (at < period.end))
    counts = np.bincount(found.touchpoint[rows], minlength=found.start)
    for code in np.flatnonzero(counts >= FEWEST).tolist():
        span = found.of(code)
        place = np.arange(span.start, span.stop)
        first = slow[found.row[place]]
        sessions = np.unique(found.sessions.of_row(rows[found.touchpoint[rows] == code]))
        if first.sum() < FEWEST or (~first).sum() < FEWEST:
            continue
        name, type_ = found.name(code)
        step = np.full(len(place), code)
        yield _candidate("slow", name, type_, found, place[first], place[~first], step, sessions)


def _patterns(moves: Meetings) -> Iterator[Candidate]:
    """Doing the same again, and going from A to B and back: beside visits that made the move before and went on."""
    place = {name: code for code, name in enumerate(moves.names) if name}
    for name, code in place.items():
        a, _, b = name.partition(SEPARATOR)
        type_ = "page" if moves.pages else "event"
        met = np.arange(*_bounds(moves.of(code)))
        step = moves.came_from(met)
        if a == b:
            yield from _met_after(moves, [code], met[step != moves.start], "retry", a, type_)
        elif (back := place.get(f"{b}{SEPARATOR}{a}")) is not None:
            yield from _met_after(moves, [code], met[step == back], "loop", f"{b} ↔ {a}", type_)
