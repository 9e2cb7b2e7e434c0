"""What questions see of the tail: its calls as pieces in memory, made bit by bit, so that news cost little."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.core.event import Rejected
from afterclick.store import lines, log, tail_batch
from afterclick.store.books import Books
from afterclick.store.definitions import Definitions
from afterclick.store.history import History
from afterclick.store.live.calls import Balance, StoredCall
from afterclick.store.live.reader import TailReader
from afterclick.store.manifest import Manifest
from afterclick.store.pieces import DerivedPiece, in_memory
from afterclick.store.projection import Derive, Opened
from afterclick.store.segment import SegmentReader
from afterclick.store.tail_batch import Batch, TailState
from afterclick.store.tail_rows import TailRows

_SLICE: Final = 20_000
"""Events that are turned into rows at once."""
_LEAST: Final = 1_000
_RATIO: Final = 4
"""A batch joins the one before it unless that has more than so many times its rows (or those of a small batch)."""
_MOST: Final = 50_000
"""Rows beyond which a batch grows no more: joining it would take longer than a question may wait."""
_ALL: Final = 1 << 62
_UNKNOWN: Final = "?"
_NOTHING: Final = DerivedPiece({"at": np.zeros(0, np.int64)}, {"at": "instant"}, {})
_NO_PIECE: Final = in_memory("", _NOTHING, "")


class TailView:
    """Follows the tail of one store. Not thread-safe: the store calls it one at a time.

    First `look`, then read the manifest, then `refresh`: a call that is sealed in between is seen in the segment.
    """

    def __init__(self, store: Path, derive: Derive, rows: TailRows, segments: SegmentReader) -> None:
        self._log = store / "log"
        self._tail = TailReader(store)
        self._derive = derive
        self._rows = rows
        self._segments = segments
        self._frozen = 0
        self._generation = 0
        self.reset()

    def reset(self) -> None:
        """Forget everything; the next look reads the tail from its beginning."""
        self._generation += 1
        self._read_to = 0
        self._waiting: list[StoredCall] = []
        self._batches: list[Batch] = []
        self._letters: list[Rejected] = []
        self._books: Books | None = None
        self._history: History | None = None
        self._sealed: Opened | None = None
        self._stored = 0
        self._made_by = ""
        self._base = _UNKNOWN
        self._live_seq = 0
        self._shown = -1
        self._balance, self._sealed_seq = Balance(), 0

    @property
    def has_news(self) -> bool:
        """Was anything read since the last refresh?"""
        return self._read_to != self._shown

    def goes_beyond(self, live_seq: int) -> bool:
        """Are there calls that lie in no segment?"""
        return self._tail.position() > live_seq

    def look(self, most: int | None = None) -> None:
        """Read what came since the last look, about `most` events of it at the most."""
        state = self._tail.state()
        if state.last_seq < self._read_to:
            self.reset()
        self._sealed_seq, self._balance = state.sealed_seq, state.balance
        if state.last_seq == self._read_to:
            return
        before, left = self._read_to, _ALL if most is None else most
        while left > 0 and self._read_to < state.last_seq:
            calls = self._tail.read(self._read_to, min(_SLICE, left))
            # What came since belongs to the next look; what is missing at the end is damaged.
            calls = [call for call in calls if call.seq <= state.last_seq]
            self._waiting.extend(calls)
            self._read_to = calls[-1].seq if calls else state.last_seq
            left -= sum(len(call.bodies) for call in calls)
        self._letters.extend(self._tail.rejects(before, self._read_to))

    def refresh(
        self, manifest: Manifest, definitions: Definitions, sealed: Opened, behind: Callable[[], Books]
    ) -> TailState | None:
        """The tail behind these sealed pieces, `behind` giving the books behind them; None: reset, look and read anew."""
        if (self._batches or self._waiting) and not self._is_made_by(definitions):
            return None
        if manifest.live_seq != self._live_seq:
            self._drop_sealed(manifest.live_seq)
        if any(batch.first_seq <= manifest.live_seq for batch in self._batches):
            # Somebody else sealed a part of what is one batch here.
            return None
        if self._batches or self._waiting:
            self._bring_up(definitions, sealed, behind)
        self._shown = self._read_to
        return TailState(
            position=self._read_to if self._read_to > manifest.live_seq else 0,
            batches=tuple(self._batches),
            books=self._books.frozen() if self._batches and self._books is not None else None,
            letters=tuple(self._letters),
            balance=self._balance,
            sealed=self._sealed_seq,
            damaged=self._tail.met,
            generation=self._generation,
        )

    def close(self) -> None:
        """Give back what is kept open; it is opened again when there is something to look at."""
        self._tail.close()
        self._rows.close()

    def freeze(self) -> None:
        """From here on what is there stays apart from what comes: it is being sealed."""
        self._frozen = self._read_to

    def thaw(self) -> None:
        """What was frozen was not sealed after all."""
        self._frozen = 0

    def settle(self, live_seq: int, before: str, chain: str) -> None:
        """The calls up to `live_seq` lie in a segment whose piece has their very codes: the rest can stay as it is.

        `before` and `chain` are those of the sealed pieces without it and with it.
        """
        self._frozen = 0
        if self._base == before and self._books is not None:
            self._batches = [batch for batch in self._batches if batch.last_seq > live_seq]
            self._letters = self._tail.rejects(live_seq, self._read_to)
            self._live_seq = live_seq
            self._base, self._history = chain, None

    def _is_made_by(self, definitions: Definitions) -> bool:
        """Were rows and pieces made under these definitions? The first time they will be."""
        made_by = f"{self._derive.version}/{definitions.fingerprint((*self._derive.reads, *self._rows.reads))}"
        if self._made_by in ("", made_by):
            self._made_by = made_by
            return True
        return False

    def _drop_sealed(self, live_seq: int) -> None:
        self._live_seq = live_seq
        self._waiting = [call for call in self._waiting if call.seq > live_seq]
        self._letters = self._tail.rejects(live_seq, self._read_to)
        kept = [batch for batch in self._batches if batch.last_seq > live_seq]
        if len(kept) < len(self._batches):
            # Sealed by somebody else, or with other codes: nothing is known of the codes behind the segments.
            self._batches, self._base = kept, _UNKNOWN

    def _bring_up(self, definitions: Definitions, sealed: Opened, behind: Callable[[], Books]) -> None:
        if sealed.chain != self._base:
            # Others stand before: count the rows once among them, and give codes anew.
            before, self._batches, self._books, self._history = self._batches, [], None, None
            self._generation += 1
            self._base = sealed.chain
        else:
            before = []
        if self._history is None or sealed is not self._sealed:
            # The same codes may lie in other files: segments were merged.
            self._sealed = sealed
            self._history, self._stored = History(self._log, self._segments, sealed.pieces), len(sealed.pieces)
        if self._books is None:
            self._books = behind().copy()
        for batch in before:
            self._add(batch, definitions)
        while self._waiting:
            self._add(self._converted(definitions), definitions)

    def _converted(self, definitions: Definitions) -> Batch:
        """The next calls as rows, not counted yet."""
        events = np.cumsum([len(call.bodies) for call in self._waiting])
        count = 1 + int(np.searchsorted(events, _SLICE))
        calls, self._waiting = self._waiting[:count], self._waiting[count:]
        table, rejected = self._rows(calls, definitions)
        table = log.conform(table)
        if pc.any(table["order_line"]).as_py():
            raise ValueError("a row of the tail cannot be a line of an order")
        number = int(events[min(count, len(events)) - 1])
        return Batch(calls[0].seq, calls[-1].seq, number, 0, tuple(rejected), table, _NO_PIECE)

    def _add(self, given: Batch, definitions: Definitions) -> None:
        """Count the rows of a batch once and derive them, then join it to what stands before it."""
        found = tail_batch.fresh(given.table, self._history_with_batches())
        name = tail_batch.name_of(given.first_seq, given.last_seq)
        batch = given._replace(
            duplicates=given.duplicates + found.duplicates,
            rejected=(*given.rejected, *found.conflicts),
            table=found.table,
            piece=tail_batch.piece_of(name, found.table, self._derived(found.table, definitions)),
        )
        self._batches.append(batch)
        self._join(definitions)

    def _derived(self, table: pa.Table, definitions: Definitions) -> DerivedPiece:
        if not table.num_rows or self._books is None:
            return _NOTHING
        self._books.mark()
        return self._derive(table, self._books, definitions, lines.ORDER_LINES.empty_table())

    def _join(self, definitions: Definitions) -> None:
        """Join batches at the end until each has several times the rows of the next."""
        first = len(self._batches) - 1
        rows = self._batches[first].rows
        while first and self._batches[first - 1].last_seq > self._frozen:
            before = self._batches[first - 1].rows
            if before > _RATIO * max(rows, _LEAST) or before + rows > _MOST:
                break
            first -= 1
            rows += before
        parts = self._batches[first:]
        if len(parts) > 1:
            table, derived = tail_batch.united(parts)
            if derived is None:
                # A property became text: its numbers get codes behind all others, which these very batches gave.
                derived = tail_batch.behind([part.piece for part in parts], self._derived(table, definitions))
            self._batches[first:] = [tail_batch.join(parts, table, derived)]

    def _history_with_batches(self) -> History:
        history = self._history
        if history is None:
            raise ValueError("rows are counted before the segments are known")
        del history.sources[self._stored :]
        for batch in self._batches:
            history.add(batch.source)
        return history
