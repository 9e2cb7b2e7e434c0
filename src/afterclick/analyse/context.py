"""What questions share while the store stands still: labels, whole columns, sessions; computed once and kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pyarrow as pa

from afterclick.analyse.kernels.compiled import pool
from afterclick.core import clock, spans
from afterclick.core.arrays import frozen
from afterclick.core.errors import SpecError
from afterclick.core.names import ORDER_LINE, SYSTEM_EVENTS
from afterclick.core.said import Said
from afterclick.stitch.visitors import Edges, Labels, raw_labels, resolve
from afterclick.store.books import Book
from afterclick.store.snapshot import Snapshot

T = TypeVar("T")

TOUCH_FIELDS = ("channel", "source", "medium", "campaign", "term", "content", "network", "paid", "portal")
KEPT = 48
_PLAIN = frozenset(
    {
        "column", "labels", "touches", "texts", "names", "touch field", "behaviour", "sessions", "orders", "staged rows",
        "visit touch", "known since",
    }
)  # fmt: skip
"""What is kept as plain arrays and knows no context."""
NO_BEHAVIOUR = SYSTEM_EVENTS | {ORDER_LINE}


class Context:
    """One snapshot and what was derived from it; every derived thing is a pure function of the snapshot and its key."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.zone = ZoneInfo(snapshot.definitions.timezone)
        self._kept: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self._lock = threading.Lock()
        self._making: dict[tuple[Any, ...], threading.RLock] = {}

    def keep(self, key: tuple[Any, ...], make: Callable[[], T]) -> T:
        """The value for this key, made once; the least used ones are forgotten.

        Another question waits only for what it needs itself: what is made depends on other keys, never in a circle.
        """
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return cast(T, self._kept[key])
            making = self._making.setdefault(key, threading.RLock())
        with making:
            with self._lock:
                if key in self._kept:
                    return cast(T, self._kept[key])
            value = make()
            with self._lock:
                self._kept[key] = value
                self._making.pop(key, None)
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            return value

    def take_over(self, before: Context) -> None:
        """Keep what another context has derived from the same rows under the same definitions, segments apart."""
        with before._lock:
            kept = [(key, value) for key, value in before._kept.items() if key[0] in _PLAIN]
        with self._lock:
            self._kept.update(kept)

    def forget(self) -> None:
        """Give up everything kept: a newer snapshot has come. Whoever still asks gets the same answers, made again.

        Answers know how to find their people, and so hold this context that holds them: memory would come back late.
        """
        with self._lock:
            self._kept.clear()

    def as_of(self, text: str) -> int:
        """The instant up to which data and identity are known: min(now, last behaviour), or the one asked for."""
        now = clock.now()
        last = min(now, self.snapshot.last_at) if self.snapshot.rows else now
        if not text:
            return min(now, self.snapshot.behaved[1]) if self.snapshot.rows else now
        try:
            if "T" in text:
                return min(clock.from_datetime(msgspec.convert(text, type=datetime)), last)
            return min(spans.midnight(msgspec.convert(text, type=date), self.zone) + spans.DAY - 1, last)
        except (ValueError, OverflowError):
            # It looks like a date, so the field let it pass: 2026-02-31.
            raise SpecError(Said("refusals.no_day", text=text), hint=Said("refusals.write_day"), path="as_of") from None

    def column(self, name: str) -> np.ndarray:
        """A whole column by global row number; a view where the store holds one piece."""

        def make() -> np.ndarray:
            chunks = self.snapshot.chunks((name,), None)
            parts = [chunk.columns[name] for chunk in chunks]
            return frozen(parts[0] if len(parts) == 1 else _joined(parts) if parts else np.zeros(0, np.int64))

        return self.keep(("column", name), make)

    def labels(self, identity: str, as_of: int) -> Labels:
        """The visitor behind each id, as of an instant."""
        ids = self.snapshot.book("id")
        if identity == "raw":
            return self.keep(("labels", "raw"), partial(raw_labels, ids.size))
        edges = self.edges()
        if self.snapshot.rows and as_of == self.snapshot.behaved[1]:
            # Who somebody is may be learnt after the last visit, from a table of customers; a day asked for holds.
            as_of = max(as_of, clock.now())
        last = int(edges.at.max()) if len(edges.at) else 0
        definitions = self.snapshot.definitions

        def find() -> Labels:
            found = resolve(ids.size, edges, ids.all, as_of=as_of, cap=definitions.id_cap)
            self.snapshot.let_go_texts()
            return found

        return self.keep(("labels", min(as_of, last)), find)

    def edges(self) -> Edges:
        """All identity evidence."""
        found = self.snapshot.edges()
        return Edges(found.a, found.b, found.at, found.what)

    def touches(self) -> dict[str, list[Any]]:
        """The fields of each touch by its code."""

        def make() -> dict[str, list[Any]]:
            rows = [msgspec.json.decode(text) for text in self.texts("touch")]
            return {field: [row[place] for row in rows] for place, field in enumerate(TOUCH_FIELDS)}

        return self.keep(("touches",), make)

    def texts(self, book: str) -> list[str]:
        """All values of a code book, by code."""
        return self.keep(("texts", book), partial(_listed, self.snapshot.book(book)))

    def names(self) -> tuple[list[str], list[str]]:
        """Canonical and raw event name by name code."""

        def make() -> tuple[list[str], list[str]]:
            pairs = [text.split("\x1f", 1) for text in self.texts("name")]
            return [pair[0] for pair in pairs], [pair[-1] for pair in pairs]

        return self.keep(("names",), make)

    def name_codes(self, event: str) -> np.ndarray:
        """Codes of the events called so, by canonical or raw name; `*` is every event."""
        canonical, raw = self.names()
        if event == "*":
            return np.array([i for i, name in enumerate(canonical) if name not in NO_BEHAVIOUR], np.int64)
        return np.array([i for i in range(len(raw)) if event in (canonical[i], raw[i])], np.int64)

    def event_ids(self, rows: np.ndarray) -> list[str]:
        """Event ids of global rows, read from the log."""
        return self.snapshot.event_ids(rows)

    def ties(self, rows: np.ndarray) -> tuple[np.ndarray, Callable[[np.ndarray], list[str]]]:
        """What orders equal instants: see `gathered.gather`."""
        return self.snapshot.take("tie", rows), self.event_ids


def ids_of(context: Context, labels: Labels, visitors: np.ndarray) -> dict[int, list[str]]:
    """The id texts of each visitor, in code order."""
    members = labels.members(visitors)
    values = context.snapshot.book("id").all
    codes = sorted({code for found in members.values() for code in found})
    texts = dict(zip(codes, values.take(pa.array(codes, pa.int64())).to_pylist(), strict=True))
    return {visitor: [texts[code] for code in sorted(found)] for visitor, found in members.items()}


def _listed(book: Book) -> list[str]:
    texts: list[str] = book.all.to_pylist()
    return texts


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    """Arrays one after another, copied side by side: taking fresh memory from the system costs as much as the copy."""
    ends = np.cumsum([len(part) for part in parts]).tolist()
    whole = np.empty(ends[-1], parts[0].dtype)

    def copy(part: np.ndarray, end: int) -> None:
        whole[end - len(part) : end] = part

    list(pool().map(copy, parts, ends))
    return whole
