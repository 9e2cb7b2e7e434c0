"""Messages of a range by what became of them, those that people opened and clicked apart from those that programs did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from afterclick.analyse.attribution.logged import ACTIONS, logged_rows
from afterclick.analyse.distinct import distinct
from afterclick.analyse.kernels.touch_marks import MESSAGE
from afterclick.analyse.scope import Scope
from afterclick.core.spans import Period
from afterclick.store.columns import Flag

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


def messages_of(scope: Scope, span: Period) -> Messages:
    """The messages of the range, which lies in the span that was looked through; nothing where the store holds none."""
    bits = {action: [name for name, bits in names if bits & MESSAGE] for action, names in ACTIONS.items()}
    table = np.full(max(len(scope.context.names()[0]), 1), -1, np.int8)
    for number, names in enumerate(bits.values()):
        for name in names:
            table[scope.context.name_codes(name)] = number
    logged = logged_rows(scope, span)
    action, end = table[logged.name], min(scope.period.end, scope.as_of + 1)
    here = np.flatnonzero((action >= 0) & (logged.at >= scope.period.start) & (logged.at < end))
    here = here[scope.mask_rows(logged.row[here])] if scope.conditions else here
    row, at, device, action = (values[here] for values in (logged.row, logged.at, logged.device, action))
    machine = (logged.flags[here] & int(Flag.BOT)) != 0
    rows, visitors = {}, {}
    for number, name in enumerate(bits):
        both = np.flatnonzero((action == number) & ~machine), np.flatnonzero((action == number) & machine)
        if len(both[0]) or len(both[1]):
            rows[name] = (row[both[0]], row[both[1]])
            visitors[name] = (_people(scope, device[both[0]], at[both[0]]), _people(scope, device[both[1]], at[both[1]]))
    return Messages(rows, visitors)


def _people(scope: Scope, device: np.ndarray, at: np.ndarray) -> np.ndarray:
    known = device >= 0
    return distinct(scope.labels.of(device[known], at[known]), scope.labels.size)
