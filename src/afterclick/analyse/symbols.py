"""Each row gets a small symbol saying which steps it serves; a table says which, so steps are unlimited."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from afterclick.analyse.fields import check_fields, columns
from afterclick.analyse.scope import Scope
from afterclick.analyse.strips import Coded, Strip
from afterclick.core.arrays import frozen
from afterclick.core.errors import SpecError, nearest_or_known
from afterclick.core.said import Said
from afterclick.core.step import Step
from afterclick.store.snapshot import Chunk

SYMBOLS = 1 << 14
_WORD = 62


class Symbols:
    """Symbols of the rows of a scope for a list of steps; symbol 0 serves none.

    `path` is the field of the question that errors name, `paths` the one of each step where they differ.
    `match[symbol * steps + k]` (uint8) tells whether a symbol serves step k. A condition is evaluated only on the rows
    of its own event, and symbols are given to the sets of steps that really occur.
    """

    def __init__(
        self,
        scope: Scope,
        steps: Sequence[Step],
        *,
        path: str = "steps",
        require: bool = True,
        paths: Sequence[str] = (),
    ) -> None:
        self.scope = scope
        self.steps = steps
        self._sets: dict[tuple[int, ...], int] = {(): 0}
        context = scope.context
        names = len(context.names()[0])
        plain: list[list[int]] = [[] for _ in range(names)]
        self._tests: dict[int, list[int]] = {}
        for k, step in enumerate(steps):
            codes = context.name_codes(step.event)
            where = paths[k] if k < len(paths) else path
            if not len(codes) and require:
                raise unknown_event(scope, step.event, where)
            if step.condition is not None:
                check_fields(context, step.condition, where)
            for code in codes.tolist():
                if step.condition is None:
                    plain[code].append(k)
                else:
                    self._tests.setdefault(code, []).append(k)
        self._plain = [tuple(found) for found in plain]
        lut = [0 if code in self._tests else self._symbol(self._plain[code]) for code in range(names)]
        self._lut = frozen(np.array(lut, np.uint16))

    def _symbol(self, served: tuple[int, ...]) -> int:
        symbol = self._sets.setdefault(served, len(self._sets))
        if symbol >= SYMBOLS:
            raise SpecError(
                Said("refusals.conditions_overlap"),
                hint=Said("refusals.fewer_conditions"),
                path="steps",
            )
        return symbol

    @property
    def match(self) -> np.ndarray:
        """uint8[symbols * steps]."""
        table = np.zeros((len(self._sets), len(self.steps)), np.uint8)
        for served, symbol in self._sets.items():
            table[symbol, list(served)] = 1
        return frozen(table.reshape(-1))

    def of(self, chunk: Chunk) -> np.ndarray:
        """The symbol of each row of a chunk that carries `name` and `flags`, 0 where it does not count; uint16."""
        name = chunk.columns["name"]
        symbol = self._lut[name] if len(self._lut) else np.zeros(len(name), np.uint16)
        for code, tests in self._tests.items():
            rows = np.flatnonzero(name == code)
            if len(rows):
                symbol[rows] = self._tested(code, tests, chunk.start, rows)
        symbol[~self.scope.counts(chunk, system=True)] = 0
        return frozen(symbol)

    def strip(self, chunk: Chunk) -> Strip:
        """The rows of a chunk that carries `device`, `at`, `name` and `flags`; symbols are looked up while they are read."""
        device, at, name, flags = (chunk.columns[column] for column in ("device", "at", "name", "flags"))
        piece = self.scope.context.snapshot.pieces[chunk.piece]
        symbol: np.ndarray | Coded = Coded(name, self._lut, flags, self.scope.left_out(system=True))
        if self._tests or self.scope.conditions or not len(self._lut):
            symbol = self.of(chunk)
        return Strip(chunk.start, chunk.piece, device, at, symbol, piece.first_at, piece.last_at)

    def _tested(self, code: int, tests: list[int], start: int, rows: np.ndarray) -> np.ndarray:
        take = self.scope.taker(start, rows)
        # Which tests a row meets, as bits in as many words as the tests need.
        served = np.zeros((len(rows), -(-len(tests) // _WORD)), np.int64)
        for bit, k in enumerate(tests):
            condition = self.steps[k].condition
            if condition is not None:
                met = condition.mask(columns(self.scope.context, condition.fields, take), len(rows))
                served[:, bit // _WORD] |= met.astype(np.int64) << (bit % _WORD)
        if served.shape[1] == 1:
            words, place = np.unique(served[:, 0], return_inverse=True)
            words = words[:, None]
        else:
            words, place = np.unique(served, axis=0, return_inverse=True)
        symbols = np.zeros(len(words), np.uint16)
        for number, bits in enumerate(words.tolist()):
            met_here = {k for bit, k in enumerate(tests) if bits[bit // _WORD] >> (bit % _WORD) & 1}
            symbols[number] = self._symbol(tuple(sorted({*self._plain[code], *met_here})))
        found: np.ndarray = symbols[place]
        return found


def unknown_event(scope: Scope, event: str, path: str) -> SpecError:
    """The error for an event the store does not hold."""
    canonical, raw = scope.context.names()
    known = sorted({*canonical, *raw} - {""})
    return SpecError(
        Said("refusals.no_event_here", event=event),
        hint=nearest_or_known(event, known, "refusals.known_events", 20),
        path=path,
    )
