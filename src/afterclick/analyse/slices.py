"""Gathered rows cut finer or otherwise than by visitor: by session, by the value of a key, by visitor and value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from afterclick.analyse import fields
from afterclick.analyse.context import Context
from afterclick.analyse.gathered import Gathered
from afterclick.analyse.scope import Scope
from afterclick.analyse.sessions import Sessions, sessions_of
from afterclick.core import spans
from afterclick.core.arrays import frozen
from afterclick.core.errors import SpecError, nearest_or_known
from afterclick.core.said import Said

NEVER_OVER = 2**62


@dataclass(frozen=True)
class Slices:
    """Rows by slice instead of by visitor.

    `rows.offsets` bounds slices; `owner` int32[rows] is the visitor of each row; `code` int64[slices] the session or the
    value; `over_at` int64[slices] µs from when nothing can follow in a slice any more.
    """

    rows: Gathered
    owner: np.ndarray
    code: np.ndarray
    over_at: np.ndarray


def by_session(scope: Scope, rows: Gathered) -> Slices:
    """The rows of each session; a row that is no behaviour belongs to the session that covers it, or to none."""
    sessions = sessions_of(scope.context, scope.sessions_like, scope.as_of)
    timeout = spans.micros(scope.sessions_like.timeout)
    found = _sliced(scope.context, rows, _session_codes(scope, sessions, rows, timeout), 0)
    last = np.append(sessions.visitor[1:] != sessions.visitor[:-1], True)[: len(sessions)]
    over = np.where(last, sessions.end_at + timeout, sessions.end_at)
    return Slices(found.rows, found.owner, found.code, over[found.code])


def by_key(scope: Scope, rows: Gathered, field: str, path: str) -> Slices:
    """The rows that carry each value of a field, whoever they belong to."""
    codes, _ = codes_of_rows(scope, rows, field, path)
    return _sliced(scope.context, rows, codes.astype(np.int64), 0)


def by_value(scope: Scope, rows: Gathered, field: str, path: str) -> tuple[Slices, list[str]]:
    """The rows of each visitor that carry each value of a field, a missing one being a value too; and the values.

    The code of a slice is its place among the values, 0 for a missing one.
    """
    codes, texts = codes_of_rows(scope, rows, field, path)
    return _sliced(scope.context, rows, codes.astype(np.int64) + 1, len(texts) + 1), ["(none)", *texts]


def held_codes(scope: Scope, rows: Gathered, names: Sequence[str], path: str) -> np.ndarray:
    """One number per row for the values of several fields together, -1 where one is missing; int32."""
    together = np.zeros(len(rows.at), np.int64)
    for name in names:
        codes, texts = codes_of_rows(scope, rows, name, path)
        missing = (codes < 0) | (together < 0)
        _, together = np.unique(together * (len(texts) + 1) + codes, return_inverse=True)
        together[missing] = -1
    return frozen(together.astype(np.int32))


def codes_of_rows(scope: Scope, rows: Gathered, field: str, path: str) -> tuple[np.ndarray, list[str]]:
    """The value of a field in each row as a code (-1 none), with the values. Raises SpecError for a field without values."""
    name = known_field(scope.context, field, path)
    return fields.codes_of(scope.context, name, scope.taker(0, rows.rows))


def known_field(context: Context, field: str, path: str) -> str:
    """The field by its bare name. Raises SpecError where the store has none of that name, or it is an amount."""
    name = field.removeprefix("properties.")
    known = fields.known_fields(context)
    if name not in known:
        hint = nearest_or_known(name, known, "refusals.fields_here")
        raise SpecError(Said("refusals.no_such_field_here", field=field), hint=hint, path=str(path))
    if name in fields.AMOUNTS:
        raise SpecError(
            Said("refusals.field_is_amount", field=field),
            hint=Said("refusals.name_text_field"),
            path=str(path),
        )
    return name


def _session_codes(scope: Scope, sessions: Sessions, rows: Gathered, timeout: int) -> np.ndarray:
    context = scope.context
    of_row = np.full(context.snapshot.rows, -1, np.int64)
    lengths = np.diff(np.append(sessions.first, len(sessions.rows.at)))
    of_row[sessions.rows.rows] = np.repeat(np.arange(len(sessions)), lengths)
    codes: np.ndarray = of_row[rows.rows]
    loose = np.flatnonzero(codes < 0)
    if len(loose) and len(sessions):
        owner, at = rows.owners()[loose], rows.at[loose]
        # Sessions stand by (visitor, start): the last one that began by then, if it is the visitor's own.
        order = np.lexsort((np.repeat([0, 1], [len(sessions), len(loose)]),
                            np.concatenate([sessions.start_at, at]), np.concatenate([sessions.visitor, owner])))  # fmt: skip
        begun = np.maximum.accumulate(np.where(order < len(sessions), order, -1))
        place = np.empty(len(loose), np.int64)
        is_loose = order >= len(sessions)
        place[order[is_loose] - len(sessions)] = begun[is_loose]
        own = (place >= 0) & (sessions.visitor[place] == owner) & (at <= sessions.end_at[place] + timeout)
        codes[loose] = np.where(own, place, -1)
    return codes


def _sliced(context: Context, rows: Gathered, code: np.ndarray, values: int) -> Slices:
    """Rows by code (values = 0: codes are slices by themselves) or by visitor and code; a negative code is left out."""
    owner = rows.owners()
    kept = np.flatnonzero(code >= 0)
    label = code[kept] if not values else owner[kept].astype(np.int64) * values + code[kept]
    order = kept[np.lexsort((rows.at[kept], label))]
    label = code[order] if not values else owner[order].astype(np.int64) * values + code[order]
    found, first = np.unique(label, return_index=True)
    at, key, owner = rows.at[order], rows.key[order], owner[order]
    if not values:
        _settle_ties(context, label, at, key, owner)
    offsets = np.append(first, len(order)).astype(np.int64)
    gathered = Gathered(frozen(offsets), frozen(at), frozen(key))
    codes = found % values if values else found
    return Slices(gathered, owner, codes, np.full(len(codes), NEVER_OVER, np.int64))


def _settle_ties(context: Context, label: np.ndarray, at: np.ndarray, key: np.ndarray, owner: np.ndarray) -> None:
    """Equal instants of different visitors in one slice stand in event-id order; those of one visitor do so already."""
    same = (label[1:] == label[:-1]) & (at[1:] == at[:-1])
    mixed = same & (owner[1:] != owner[:-1])
    if not mixed.any():
        return
    group = np.concatenate([[0], np.cumsum(~same)])
    places = np.flatnonzero(np.isin(group, group[1:][mixed]))
    rows = key[places] >> 16
    tie, event_ids = context.ties(rows)
    names = event_ids(rows)
    order = places[sorted(range(len(places)), key=lambda i: (group[places[i]], int(tie[i]), names[i]))]
    key[places], owner[places] = key[order], owner[order]
