"""Touches where only those of buyers are wanted one by one: the others' are counted in a pass, and never sorted."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from afterclick.analyse.attribution.logged import bits_of_names, logged_rows
from afterclick.analyse.attribution.names import NONE, OF_VISIT
from afterclick.analyse.attribution.touches import ARRIVAL, Sought, Touches, read_touches
from afterclick.analyse.fields import touch_field
from afterclick.analyse.gather_few import gather_few
from afterclick.analyse.gathered import Gathered, cut_in_shares
from afterclick.analyse.kernels import arrivals as kernels
from afterclick.analyse.kernels.compiled import pool, workers
from afterclick.analyse.kernels.gather import SYMBOL_BITS
from afterclick.analyse.kernels.touch_marks import MESSAGE
from afterclick.analyse.scope import Scope
from afterclick.analyse.scratch import borrowed
from afterclick.analyse.strips import Coded, Strip
from afterclick.core.arrays import frozen
from afterclick.core.spans import Period
from afterclick.store.columns import Flag

_SCANNED: Final = ("device", "at", "flags", "touch")
_MANY: Final = 16
"""Where one row in so many is a message or an ad, most visitors have one, and all are sorted."""


@dataclass(frozen=True)
class Reached:
    """How many touches of each value lie in a period, and how many visitors have one, of those who were only counted."""

    touches: dict[str, int] = field(default_factory=dict)
    visitors: dict[str, int] = field(default_factory=dict)
    everyone: int = 0


def touches_of_some(scope: Scope, sought: Sought, period: Period, buyers: np.ndarray) -> tuple[Touches, Reached] | None:
    """All touches of the buyers (labels) and of who had a message or an ad, and what the others had in the period.

    None where it gains nothing: where visits are touches, which are known with their visitors, or where values are too many.
    """
    if sought.touch_unit != "event" or sought.by not in OF_VISIT or "visited" in sought.actions:
        return None
    names, value = _values(scope, OF_VISIT[sought.by])
    span = Period(sought.span.start, min(sought.span.end, scope.as_of + 1))
    logged = _logged(scope, sought, span)
    if len(names) > kernels.MOST or len(logged[0]) * _MANY > scope.context.snapshot.rows:
        return None
    # A negative label, which is that of a shared device, finds its place at the end.
    chosen = np.zeros(scope.labels.size + len(scope.labels.shared_from) - 1, np.int64)
    chosen[scope.labels.size :] = chosen[scope.labels.shared_label] = kernels.CHOSEN
    chosen[buyers] = chosen[logged[2]] = kernels.CHOSEN
    strips = _strips(scope, span, value)
    since = max(period.start, span.start)
    arrivals = strips if "clicked" in sought.actions else []
    rows, counts, visitors = _passed(scope, arrivals, span, since, chosen, len(names))
    touched = {name: count for name, count in zip(names, counts.tolist(), strict=True) if count}
    people = {name: int(visitors[names.index(name)]) for name in touched}
    found = _brought_together(scope, strips, rows, logged)
    return read_touches(scope, sought, found, tuple(touched)), Reached(touched, people, int(visitors[-1]))


def _values(scope: Scope, by: str) -> tuple[list[str], np.ndarray]:
    """The values of a field, `(none)` last, and the place among them of each touch code (int32)."""
    lookup, texts = touch_field(scope.context, by)
    names = [text for text in texts if text != NONE] + [NONE]
    place = {text: number for number, text in enumerate(names)}
    of_text = np.array([*(place[text] for text in texts), len(names) - 1], np.int32)
    return names, frozen(of_text[lookup])


def _logged(scope: Scope, sought: Sought, span: Period) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Messages and ads that are touches: global rows ascending, their bits (int64), whose they are (int32)."""
    found = logged_rows(scope, sought.span)
    bits = bits_of_names(scope, sought.actions)[found.name].astype(np.int64)
    machine, message = (found.flags & int(Flag.BOT)) != 0, (bits & MESSAGE) != 0
    out = machine & np.where(message, not sought.machines, scope.question.bots == "out")
    kept = (bits != 0) & ~out & (found.device >= 0) & (found.at >= span.start) & (found.at < span.end)
    here = np.flatnonzero(kept)
    return found.row[here], bits[here], scope.labels.of(found.device[here], found.at[here])


def _strips(scope: Scope, span: Period, value: np.ndarray) -> list[Strip]:
    """The rows of the days of the span."""
    context, strips = scope.context, []
    left_out = scope.left_out(system=False)
    for chunk in context.snapshot.chunks(_SCANNED, span):
        device, at, flags, touch = (chunk.columns[name] for name in _SCANNED)
        piece = context.snapshot.pieces[chunk.piece]
        symbol = Coded(touch, value, flags, left_out)
        strips.append(Strip(chunk.start, chunk.piece, device, at, symbol, piece.first_at, piece.last_at))
    return strips


def _passed(
    scope: Scope, strips: Sequence[Strip], span: Period, since: int, chosen: np.ndarray, values: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The arrivals of the chosen visitors in the span (global rows, ascending); of the others from `since` on how many
    have each value, and how many visitors, the last number being all of them."""
    label = scope.labels.label
    counts = np.zeros((workers(), values), np.int64)
    with ExitStack() as held:

        def run(share: list[Strip], count: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
            seen, found = held.enter_context(borrowed(len(label), np.int64)), []
            seen[:] = chosen[label]
            for strip in share:
                with borrowed(len(strip.device), np.int64) as room:
                    found.append(_pass(strip, span, since, seen, count, room))
                scope.context.snapshot.let_go(_SCANNED, strip.start, len(strip.device))
            return found, seen

        parts = list(pool().map(run, cut_in_shares(strips, workers()), counts))
        rows = np.concatenate([np.zeros(0, np.int64), *(row for found, _ in parts for row in found)])
        return rows, counts.sum(axis=0), _visitors(label, [seen for _, seen in parts], values)


def _pass(
    strip: Strip, span: Period, since: int, seen: np.ndarray, counts: np.ndarray, room: np.ndarray
) -> np.ndarray:
    assert isinstance(strip.symbol, Coded)
    touch, value, flags, left_out = strip.symbol
    dated = strip.first_at < since or strip.last_at >= span.end
    found = kernels.reach_arrivals(
        strip.device, strip.at, flags, touch, value, left_out, dated, span.start, since, span.end, strip.start, seen,
        counts, room, rows=len(touch),
    )  # fmt: skip
    return room[:found].copy()


def _visitors(label: np.ndarray, seen: list[np.ndarray], values: int) -> np.ndarray:
    """How many visitors have each value, and how many any; int64[values + 1]."""
    if not seen:
        return np.zeros(values + 1, np.int64)
    whole = seen[0]
    for other in seen[1:]:
        whole |= other
    kernels.unite_seen(label, whole, rows=len(label))
    cuts = np.linspace(0, len(whole), workers() + 1).astype(int).tolist()
    words, size = frozen(whole), -(-values // 8)

    def count(low: int, high: int) -> np.ndarray:
        table = np.zeros(256 * size, np.int64)
        kernels.count_seen(words, low, high, size, table, rows=len(words))
        return table

    table = sum(pool().map(count, cuts[:-1], cuts[1:]), np.zeros(256 * size, np.int64))
    counts, everyone = kernels.bits_counted(table, values)
    return np.append(counts, everyone)


def _brought_together(
    scope: Scope, strips: Sequence[Strip], arrived: np.ndarray, logged: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> Gathered:
    """Arrivals and logged rows, some of which are both, by visitor and time; the symbol is the bits of each."""
    context, (row, bits, _) = scope.context, logged
    place = np.searchsorted(arrived, row)
    both = np.append(arrived, -1)[place] == row
    symbol = np.full(len(arrived), ARRIVAL, np.int64)
    symbol[place[both]] |= bits[both]
    rows = np.insert(arrived, place[~both], row[~both])
    symbol = np.insert(symbol, place[~both], bits[~both])
    device, at = pool().map(lambda name: context.snapshot.take(name, rows), ("device", "at"))
    key = (rows << SYMBOL_BITS) | symbol
    return gather_few(scope.labels.of(device, at), at, key, scope.labels.size, strips, context.ties)
