"""A visitor's events of the store as happenings, in order: what a rule is fed to see when it came true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from afterclick.analyse import fields
from afterclick.analyse.context import TOUCH_FIELDS, Context
from afterclick.analyse.orders import amounts_of
from afterclick.analyse.scope import Scope
from afterclick.analyse.segments.happening import Happening
from afterclick.analyse.segments.state_machines import Setting
from afterclick.core import spans
from afterclick.core.condition import NO_AMOUNT, Amounts, Coded, Column, Flags, Numbers
from afterclick.core.money import to_decimal
from afterclick.stitch.stages import Stage, stages_of
from afterclick.store.columns import TOUCH_DIRECT, TOUCH_INTERNAL, Flag


def setting_of(scope: Scope) -> Setting:
    """The setting of a stream that equals this scope: its options of sessions, its stages, its direct touch."""
    like = scope.sessions_like
    return Setting(
        timeout=spans.micros(like.timeout),
        max_length=spans.micros(like.max_length) if like.max_length else 0,
        on_campaign=like.new_on_campaign == "on",
        on_referrer=like.new_on_referrer == "on",
        stages=tuple(stage.name for stage in stages_of(scope.context.snapshot.definitions)),
        direct=_touches(scope.context)[TOUCH_DIRECT],
    )


def happenings(scope: Scope, visitors: np.ndarray) -> dict[int, list[Happening]]:
    """The events up to `as_of` of each of these visitors, in (instant, event id) order; few visitors at a time."""
    context = scope.context
    row, owner, at = _rows(scope, visitors)
    order = sorted(range(len(row)), key=_by(owner, at, context.event_ids(row)))
    row, owner, at = row[order], owner[order], at[order]
    read = _Reader(scope, row, at)
    found: dict[int, list[Happening]] = {visitor: [] for visitor in visitors.tolist()}
    for place, visitor in enumerate(owner.tolist()):
        found[visitor].append(read.happening(place))
    return found


def _by(owner: np.ndarray, at: np.ndarray, ids: list[str]) -> Any:
    return lambda place: (int(owner[place]), int(at[place]), ids[place])


def _rows(scope: Scope, visitors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(global row, visitor, instant) of every event of these visitors that counts."""
    wanted = np.zeros(scope.labels.size, bool)
    wanted[visitors] = True
    out = int(Flag.BOT) if scope.question.bots == "out" else 0
    found = []
    for chunk in scope.context.snapshot.chunks(("device", "at", "flags"), None):
        device, at, flags = (chunk.columns[name] for name in ("device", "at", "flags"))
        kept = np.flatnonzero((device >= 0) & ((flags & out) == 0) & (at <= scope.as_of))
        owner = scope.labels.of(device[kept], at[kept])
        mine = wanted[owner]
        found.append((chunk.start + kept[mine], owner[mine], at[kept[mine]]))
    row, owner, at = (np.concatenate([part[i] for part in found]) for i in range(3))
    return row, owner, at


def _touches(context: Context) -> list[Mapping[str, Any]]:
    columns = context.touches()
    return [{name: columns[name][code] for name in TOUCH_FIELDS} for code in range(len(columns[TOUCH_FIELDS[0]]))]


class _Reader:
    """The columns of some rows, read once."""

    def __init__(self, scope: Scope, row: np.ndarray, at: np.ndarray) -> None:
        context = scope.context
        take = scope.taker(0, row)
        self.at = at
        self.flags = context.column("flags")[row]
        self.touch = context.column("touch")[row]
        self.campaign = context.column("campaign")[row]
        self.touches = _touches(context)
        self.columns = {name: fields.column(context, name, take) for name in fields.known_fields(context)}
        self.sent = context.snapshot.take("amount", row)
        self.amount = amounts_of(context, row, at)[0]
        self.properties = frozenset(context.snapshot.property_names)
        self.stages: tuple[Stage, ...] = stages_of(context.snapshot.definitions)

    def happening(self, place: int) -> Happening:
        """One of the rows."""
        values = {name: value_at(column, place) for name, column in self.columns.items()}
        known = {
            f"properties.{name}" if name in self.properties else name: value
            for name, value in values.items()
            if value is not None
        }
        code = int(self.touch[place])
        came = None if code < 0 else {} if code == TOUCH_INTERNAL else self.touches[code]
        one = Happening(
            at=int(self.at[place]),
            names=frozenset({values["event"], values["raw_event"]}),
            fields=known | {name: value for name, value in values.items() if value is not None},
            flags=int(self.flags[place]),
            touch=came,
            campaign=int(self.campaign[place]),
            amount=None if self.sent[place] == NO_AMOUNT else int(self.amount[place]),
            order=values["order_id"] or "",
        )
        entered = (n for n, stage in enumerate(self.stages) if any(one.serves(step) for step in stage.enter))
        return one._replace(stages=tuple(entered))


def value_at(column: Column, place: int) -> Any:
    """What stands in a column at a place, None for nothing; money as Decimal."""
    match column:
        case Coded(codes, values):
            return values[codes[place]] if codes[place] >= 0 else None
        case Numbers(numbers):
            return None if np.isnan(numbers[place]) else float(numbers[place])
        case Amounts(amounts):
            return None if amounts[place] == NO_AMOUNT else to_decimal(int(amounts[place]))
        case Flags(flags):
            return bool(flags[place])
