"""What people in a store allow: every statement in the log, folded by its date alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from afterclick.analyse.context import Context, ids_of
from afterclick.collect.privacy.consent import (
    ANALYTICS,
    ANYTHING,
    PROPERTY,
    STATED_BY,
    Standing,
    Statement,
    allows,
    fold,
    said,
)
from afterclick.core import clock
from afterclick.core.event import PROPERTY_PREFIX
from afterclick.stitch.visitors import Labels

_WORDS: Final = (
    PROPERTY, "purpose", "purposes", "channel", "channels", "granted", "status", "value", "consented",
    "email_consent", "sms_consent", "push_consent", "marketing_consent",
)  # fmt: skip
_SLICE: Final = 100_000
_LOG: Final = ("event_id", "event", "occurred_at", "properties")


def statements(context: Context, rows: np.ndarray) -> list[Statement]:
    """Everything that rows (global numbers) say of consent, in their order."""
    known = [name for name in context.snapshot.property_names if name in _WORDS or name.startswith(f"{PROPERTY}.")]
    table = context.snapshot.log_rows(rows, (*_LOG, *(PROPERTY_PREFIX + name for name in known)))
    return [one for said_by in _read(table, known) for one in said_by]


def _read(table: pa.Table, names: list[str]) -> Iterator[list[Statement]]:
    for row in table.to_pylist():
        properties: dict[str, Any] = msgspec.json.decode(row["properties"]) if row["properties"] else {}
        flat = {name: row[PROPERTY_PREFIX + name] for name in names if row[PROPERTY_PREFIX + name] is not None}
        # A flat column consent.analytics is what {"consent": {"analytics": …}} became on its way in.
        nested = {name.removeprefix(f"{PROPERTY}."): value for name, value in flat.items() if name.startswith(f"{PROPERTY}.")}
        flat = {name: value for name, value in flat.items() if not name.startswith(f"{PROPERTY}.")}
        if nested and not isinstance(properties.get(PROPERTY), dict):
            flat[PROPERTY] = nested
        at = clock.from_datetime(row["occurred_at"])
        yield [Statement(at, choice, row["event_id"]) for choice in said(row["event"], {**properties, **flat})]


def analytics(context: Context) -> dict[str, Standing]:
    """By id (with its namespace) whether analytics is allowed, for everybody who ever said so or was said to.

    Said by one id of a visitor it holds for all of them.
    """
    labels = context.labels("stitched", clock.now())
    latest: dict[int, Standing] = {}
    for visitor, found in (*_by_name(context, labels), *_in_passing(context, labels)):
        before = latest.get(visitor)
        if before is None or (found.at, not found.granted) > (before.at, not before.granted):
            latest[visitor] = found
    if not latest:
        return {}
    ids = ids_of(context, labels, np.array(sorted(latest), np.int64))
    return {one: found for visitor, found in latest.items() for one in ids[visitor]}


def _by_name(context: Context, labels: Labels) -> Iterator[tuple[int, Standing]]:
    """What events that are about consent say of analytics, by visitor."""
    canonical, _ = context.names()
    codes = np.array([code for code, name in enumerate(canonical) if name in STATED_BY], np.int64)
    rows = np.flatnonzero(np.isin(context.column("name"), codes)) if len(codes) else np.zeros(0, np.int64)
    names = [name.removeprefix(PROPERTY_PREFIX) for name in _columns(context)]
    for start in range(0, len(rows), _SLICE):
        part = rows[start : start + _SLICE]
        visitors = _visitors(context, labels, part)
        table = context.snapshot.log_rows(part, (*_LOG, *_columns(context)))
        for visitor, told in zip(visitors.tolist(), _read(table, names), strict=True):
            found = allows(fold(told), ANALYTICS) if visitor >= 0 else None
            if found is not None:
                yield visitor, found


def _in_passing(context: Context, labels: Labels) -> Iterator[tuple[int, Standing]]:
    """What other events say in their context, by visitor the latest: many events may, so they are read from columns."""
    for name in (f"{PROPERTY}.{ANALYTICS}", f"{PROPERTY}.{ANYTHING}"):
        if context.snapshot.column_kind(PROPERTY_PREFIX + name) != "number":
            continue
        told = context.column(PROPERTY_PREFIX + name)
        rows = np.flatnonzero(~np.isnan(told))
        visitors = _visitors(context, labels, rows)
        rows, visitors = rows[visitors >= 0], visitors[visitors >= 0]
        at, granted = context.snapshot.take("at", rows), told[rows] > 0
        order = np.lexsort((~granted, at, visitors))
        last = order[np.append(visitors[order][1:] != visitors[order][:-1], True)] if len(order) else order
        for place in last.tolist():
            yield int(visitors[place]), Standing(bool(granted[place]), int(at[place]))


def _columns(context: Context) -> tuple[str, ...]:
    names = context.snapshot.property_names
    return tuple(PROPERTY_PREFIX + name for name in names if name in _WORDS or name.startswith(f"{PROPERTY}."))


def _visitors(context: Context, labels: Labels, rows: np.ndarray) -> np.ndarray:
    """The visitors behind rows, -1 for nobody: by the user id where there is one, else by the device at that instant."""
    device, user, at = (context.snapshot.take(name, rows) for name in ("device", "user", "at"))
    code = np.where(user >= 0, user, device)
    visitors = np.full(len(rows), -1, np.int64)
    known = np.flatnonzero(code >= 0)
    visitors[known] = labels.of(code[known], at[known])
    return visitors
