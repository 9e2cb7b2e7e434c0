"""Messages of a range by what became of them, those that people opened and clicked apart from those that programs did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from afterclick.analyse.attribution.touches import ACTIONS, MESSAGE
from afterclick.analyse.distinct import distinct
from afterclick.analyse.kernels.compiled import pool
from afterclick.analyse.scope import Scope
from afterclick.store.columns import Flag
from afterclick.store.snapshot import Chunk

SCHEMA: Final = pa.schema(
    [
        ("action", pa.string()), ("human", pa.int64()), ("human_visitors", pa.int64()), ("machine", pa.int64()),
        ("machine_visitors", pa.int64()),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Messages:
    """Per action the rows of people and of programs (global numbers), and the visitors of each."""

    rows: dict[str, tuple[np.ndarray, np.ndarray]]
    visitors: dict[str, tuple[np.ndarray, np.ndarray]]

    @property
    def table(self) -> pa.Table:
        """A row per action that occurs."""
        found = [
            {
                "action": action, "human": len(human), "human_visitors": len(self.visitors[action][0]),
                "machine": len(machine), "machine_visitors": len(self.visitors[action][1]),
            }
            for action, (human, machine) in self.rows.items()
        ]  # fmt: skip
        return pa.Table.from_pylist(found, schema=SCHEMA)

    @property
    def opens(self) -> tuple[int, int]:
        """Messages opened by people, and by programs."""
        human, machine = self.rows.get("opened", (np.zeros(0), np.zeros(0)))
        return len(human), len(machine)

    @property
    def machines(self) -> int:
        """What programs opened and clicked."""
        return sum(len(machine) for _, machine in self.rows.values())

    def people(self) -> Iterator[tuple[str, str, Callable[[], np.ndarray]]]:
        """(action, human or machine, labels) of every number that has people."""
        for action, both in self.visitors.items():
            for kind, labels in zip(("human", "machine"), both, strict=True):
                yield action, kind, lambda labels=labels: labels  # type: ignore[misc]


def messages_of(scope: Scope) -> Messages:
    """The messages of the range; nothing where the store holds none."""
    context = scope.context
    wanted = {
        action: codes
        for action, names in ACTIONS.items()
        if len(codes := np.concatenate([[], *(context.name_codes(name) for name, bits in names if bits & MESSAGE)]))
    }
    table = np.full(max(len(context.names()[0]), 1), -1, np.int8)
    for number, codes in enumerate(wanted.values()):
        table[codes.astype(np.int64)] = number
    if not wanted:
        return Messages({}, {})
    end = min(scope.period.end, scope.as_of + 1)

    def find(chunk: Chunk) -> np.ndarray:
        here = np.flatnonzero(table[chunk.columns["name"]] >= 0)
        at = chunk.columns["at"][here]
        found: np.ndarray = chunk.start + here[(at >= scope.period.start) & (at < end)]
        return found

    found = list(pool().map(find, context.snapshot.chunks(("name", "at"), scope.period)))
    row = np.concatenate(found) if found else np.zeros(0, np.int64)
    row = row[scope.mask_rows(row)] if scope.conditions else row
    action = table[context.snapshot.take("name", row)]
    machine = (context.snapshot.take("flags", row) & int(Flag.BOT)) != 0
    rows = {name: (row[(action == i) & ~machine], row[(action == i) & machine]) for i, name in enumerate(wanted)}
    rows = {name: both for name, both in rows.items() if len(both[0]) or len(both[1])}
    return Messages(rows, {name: (_people(scope, human), _people(scope, own)) for name, (human, own) in rows.items()})


def _people(scope: Scope, row: np.ndarray) -> np.ndarray:
    device, at = scope.context.snapshot.take("device", row), scope.context.snapshot.take("at", row)
    known = device >= 0
    return distinct(scope.labels.of(device[known], at[known]), scope.labels.size)
