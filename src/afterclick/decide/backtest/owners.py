"""Whose memory each row of visitors with several ids is folded into, and where memories become one: no rule changes that."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.analyse.context import Context
from afterclick.analyse.gathered import Gathered, even
from afterclick.analyse.kernels import tape_owners
from afterclick.analyse.kernels.compiled import pool
from afterclick.core.arrays import frozen
from afterclick.decide.backtest.arriving import came_live
from afterclick.decide.backtest.joined import Joined
from afterclick.store.columns import Flag
from afterclick.store.pieces import ID_BOOK

_READ: Final = 1 << 18
_NOT_TOLD: Final = frozen(np.full(1, -1, np.int32))


class Owners(NamedTuple):
    """`base`, `words` and `keys` as `tape_owners.own_rows` writes them, `room` the memories of one label at once at the most.

    By label `visitors`, how many memories there are in the end, and `crowded`, whether there was no room for them.
    """

    base: np.ndarray
    words: np.ndarray
    keys: np.ndarray
    room: int
    visitors: np.ndarray
    crowded: np.ndarray


def owners_of(context: Context, joined: Joined, gathered: Gathered, happened: np.ndarray | None, as_of: int) -> Owners:
    """Of rows gathered by `joined.label` up to `as_of` (µs); `happened` by global row where any arrived at another instant."""
    return context.keep(("owners", as_of), lambda: _Owning(context, joined, gathered, happened).owners())


class _Owning:
    def __init__(self, context: Context, joined: Joined, gathered: Gathered, happened: np.ndarray | None) -> None:
        self.context, self.joined, self.gathered = context, joined, gathered
        self.happened = happened
        sizes = np.diff(gathered.offsets)
        self.chosen = np.flatnonzero((sizes > 0) & joined.several & ~joined.by_hand).astype(np.int32)
        self.edges = np.append(0, np.cumsum(sizes[self.chosen]))
        self.base = np.full(len(sizes), -1)
        self.base[self.chosen] = self.edges[:-1]
        total = int(self.edges[-1])
        self.words, self.keys = np.zeros(total + 1, np.int64), np.zeros(total + 1, np.int32)
        self.found = np.zeros((len(sizes), 3), np.int32)

    def owners(self) -> Owners:
        """By what e-mails ids were first seen with, where that is enough; else by those of all rows, which the log knows."""
        plain = self.joined.plain[self.chosen] & ~self._live()[self.chosen]
        self._own(self.chosen[plain], _NOT_TOLD)
        rough = self.chosen[~plain | (self.found[self.chosen, 0] == tape_owners.UNSURE)]
        if len(rough):
            self._own(rough, self._mails(rough))
        room = int(self.found[:, 1].max(initial=0))
        return Owners(
            frozen(self.base), frozen(self.words), frozen(self.keys), max(room, 1), frozen(self.found[:, 2]),
            frozen(self.found[:, 0] == tape_owners.CROWDED),
        )  # fmt: skip

    def _own(self, chosen: np.ndarray, email: np.ndarray) -> None:
        """Whose rows those of these labels are."""
        gathered, joined = self.gathered, self.joined
        sizes = np.diff(gathered.offsets)[chosen]
        edges = np.append(0, np.cumsum(sizes))
        total = int(edges[-1])
        if not total:
            return
        live = self.happened is not None
        given = (
            gathered.offsets, gathered.at, gathered.key, _NOT_AT if self.happened is None else self.happened, int(live),
            frozen(self.context.column("device")), frozen(self.context.column("user")), joined.kinds, joined.members,
            joined.mail, joined.mail_at, email, self.context.snapshot.definitions.id_cap,
            4 + (4 * int(sizes.max()) if len(email) > 1 else 0), frozen(chosen),
        )  # fmt: skip
        rest = frozen(self.base), np.zeros((len(self.base), tape_owners.KEPT), np.int32), self.words, self.keys, self.found
        spans = even(edges, total, tape_owners.own_rows.parts(total))
        list(pool().map(lambda span: tape_owners.own_rows(*given, *span, *rest, rows=total), spans))

    def _live(self) -> np.ndarray:
        """Per label whether any of its rows came by the wire: they tell of ids in another order than they happened in."""
        found = np.zeros(len(self.base), bool)
        if self.happened is not None:
            rows = np.flatnonzero(came_live(self.context.snapshot))
            whose = self.context.column("device")[rows]
            found[self.joined.label[whose[whose >= 0]]] = True
        return found

    def _mails(self, labels: np.ndarray) -> np.ndarray:
        """The e-mail of each row of these labels, where `words` are."""
        found = np.full(len(self.words) + 1, -1, np.int32)
        offsets, context = self.gathered.offsets, self.context
        sizes = (offsets[labels + 1] - offsets[labels]).astype(np.int64)
        within = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        rows = self.gathered.rows_at(np.repeat(offsets[labels], sizes) + within)
        told = np.flatnonzero((context.snapshot.take("flags", rows) & int(Flag.CONTACT)) != 0)
        places, rows = np.repeat(self.base[labels], sizes)[told] + within[told], rows[told]
        # Only e-mails that are evidence for these visitors can be theirs: far fewer than all ids, which are slow to search.
        whose = np.zeros(len(self.base), bool)
        whose[labels] = True
        mails = np.flatnonzero((self.joined.kinds == tape_owners.EMAIL) & whose[self.joined.label])
        known = context.snapshot.book(ID_BOOK).values(mails)
        for start in range(0, len(rows), _READ):
            here = slice(start, start + _READ)
            texts = context.snapshot.log_rows(rows[here], ("email",))["email"].cast(pa.string())
            named = pc.binary_join_element_wise(pa.scalar("e:"), texts, pa.scalar(""))
            place = np.asarray(pc.index_in(named, value_set=known).fill_null(-1))
            found[places[here]] = np.append(mails, -1)[place]
        return frozen(found)


_NOT_AT: Final = frozen(np.zeros(1, np.int64))
