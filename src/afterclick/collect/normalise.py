"""Raw chunks become rows of the log: every field read, checked and brought into its one form, bad rows set aside."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.collect import (
    campaign,
    cells,
    commerce,
    event_names,
    fields,
    flat,
    ids,
    json_cells,
    row_ids,
    times,
    unfold,
)
from afterclick.collect.binding import bind
from afterclick.collect.chunks import Chunk
from afterclick.collect.coding import Coding
from afterclick.collect.columnmap import ColumnMap
from afterclick.collect.engine import Engine
from afterclick.collect.kind_rows import SAME_KEY, KindRows
from afterclick.collect.kinds import EVENT_COLUMN
from afterclick.collect.raw_rows import RawRows
from afterclick.collect.rejects import Reject
from afterclick.collect.versions import Versions
from afterclick.collect.work import Work
from afterclick.core import names
from afterclick.core.event import INSTANT, PROPERTY_PREFIX

_REFUNDED = pa.scalar(names.ORDER_REFUNDED)


class Normalised(NamedTuple):
    """Rows of the log (LOG_COLUMNS, then p.* columns), their places in the chunk, what was set aside, what was noticed.

    `raw` is the chunk's table with objects as JSON text, `hashed` tells which rows got their id from their content.
    `placeholders` counts ids that stand for nobody by
    (field, text), `odd` values that a number column could not hold by property, `notes` rows by what is to be said of them.
    """

    table: pa.Table
    places: np.ndarray
    hashed: np.ndarray
    raw: pa.Table
    rejects: list[Reject]
    placeholders: Counter[tuple[str, str]]
    odd: Counter[str]
    notes: Counter[str]


class Normaliser:
    """Turns the chunks of one file, in order, into rows of the log. Equal rows are told apart by their ordinal."""

    def __init__(
        self,
        given: ColumnMap,
        *,
        engine: Engine,
        zone: ZoneInfo,
        source: str,
        now: int,
        versions: Versions | None = None,
    ) -> None:
        given = unfold.effective(given)
        self._map = given
        self._kind = KindRows(given, engine=engine, zone=zone, now=now, versions=versions)
        self._names: list[str] = []
        self._bound = bind(given, ())
        self._engine = engine
        self._zone = zone
        self._source = source
        self._now = now
        self._ordinals = row_ids.Ordinals()
        self._coding = Coding()

    def run(self, chunk: Chunk) -> Normalised:
        """The rows of the next chunk."""
        if chunk.table.column_names != self._names:
            # Objects bring keys that no object before them had.
            self._names = chunk.table.column_names
            self._bound = bind(self._map, self._names)
        rows = RawRows(self._engine, self._map, self._bound, chunk)
        work = Work(rows)
        self._kind.begin(len(rows))
        objects = self._kind.objects(rows, rows.objects())
        kinds, raw_event, event = self._events(work)
        at = self._times(work)
        instants = np.asarray(pc.fill_null(at.cast(pa.int64()), 0))
        event, lines = self._worth(work, event, objects)
        self._ids(work)
        self._kind.check(work)
        texts = {name: rows.text(name) for name in ("user_agent", "referrer")}
        columns, objects, odd = self._properties(work, objects, event)
        url = self._kind.url(work, instants) if self._map.kind == "costs" else self._url(rows)
        event_id, hashed = self._event_ids(work, event, instants)
        work.columns |= {
            "event_id": event_id,
            "type": kinds,
            "event": event,
            "raw_event": raw_event,
            "occurred_at": at,
            "url": url,
            "currency": _upper(rows.text("currency")),
            "session_id": _clean(rows.text("session_id")),
            "order_id": _clean(rows.text("order_id")),
            "properties": objects,
            "source": pa.repeat(pa.scalar(self._source), len(rows)),
            "order_line": pa.array(lines),
            **texts,
            **columns,
        }
        notes = Counter({SAME_KEY: self._kind.same})
        self._kind.same = 0
        return Normalised(*work.finished(hashed, self._coding), rows.raw, rows.rejects, work.placeholders, odd, +notes)

    def _events(self, work: Work) -> tuple[pa.Array, pa.Array, pa.Array]:
        if self._map.kind != "events":
            return self._kind.events(work)
        rows = work.rows
        return event_names.read(rows.text("type"), rows.text("event"), len(rows), self._map.events)

    def _worth(self, work: Work, event: pa.Array, objects: pa.Array | None) -> tuple[pa.Array, np.ndarray]:
        """The amounts; with them the events, which order lines settle by their ids, and which rows are lines."""
        rows = work.rows
        if self._map.grain == "order_line":
            return self._lines(work, event)
        missing = ~cells.present(event)
        work.refuse(missing, "no_event", "the row has no event name", rows.name_of("event"))
        if self._map.kind in ("events", "orders"):
            work.worth(commerce.of_events(self._engine, rows, event, objects))
        elif self._kind.kind.amount:
            work.worth(commerce.of_field(rows, self._kind.kind.amount))
        return event, np.zeros(len(rows), bool)

    def _times(self, work: Work) -> pa.Array:
        rows = work.rows
        found = {name: self._instants(rows, name) for name in fields.INSTANTS if name in self._bound.cells}
        original, sent, received = (found.get(name) for name in ("original_at", "sent_at", "received_at"))
        at = found.get("occurred_at")
        field = "original_at" if at is None else "occurred_at"
        if at is None:
            nowhere = times.Instants(np.zeros(len(rows), np.int64), np.zeros(len(rows), bool))
            at = times.corrected(original or nowhere, sent, received)
        if self._kind.kind.undated or self._map.kind == "costs":
            at = self._kind.instants(work, at)
        where, values = rows.name_of(field), rows.typed(field)
        values = pa.nulls(len(rows)) if values is None else values
        work.refuse(~at.good, "bad_time", f"{where} holds {{value}}, which is no time of 1990 to 2199", where, values)
        work.columns |= {
            "original_at": _instant(original),
            "sent_at": _instant(sent),
            # What brings no time of arrival arrived now; by it the future is told from the past later on.
            "received_at": _instant(received)
            if received is not None
            else pa.repeat(pa.scalar(self._now, pa.int64()), len(rows)).cast(INSTANT),
        }
        return _instant(at)

    def _instants(self, rows: RawRows, field: str) -> times.Instants:
        array = rows.typed(field)
        assert array is not None
        # The unit in the map is that of the time of the event; the other clocks of a row may be written differently.
        unit = self._map.time_unit if field in ("occurred_at", "original_at") else "auto"
        return times.read(self._engine, array, unit, self._zone)

    def _lines(self, work: Work, event: pa.Array) -> tuple[pa.Array, np.ndarray]:
        rows = work.rows
        order_id = _clean(rows.text("order_id"))
        if order_id is None:
            order_id = pa.nulls(len(rows), pa.string())
        work.refuse(~cells.present(order_id), "no_order", "the order line has no order id", rows.name_of("order_id"))
        refund = commerce.cancellations(order_id, self._map.refund)
        by_status = self._map.kind == "orders"
        sold = cells.flags(pc.equal(event, names.ORDER_COMPLETED)) if by_status else np.ones(len(rows), bool)
        # What was paid back, cancelled or never paid is no line of the order any more: it is an event of its own.
        paid_back = cells.flags(pc.equal(event, names.ORDER_REFUNDED)) if by_status else ~sold
        work.worth(commerce.of_lines(rows, refund, paid_back))
        called = cells.replaced(event if by_status else _repeated(names.ORDER_COMPLETED, len(rows)), refund, _REFUNDED)
        return called, sold | refund

    def _ids(self, work: Work) -> None:
        for name in fields.IDS:
            array = None if self._kind.kind.nobody else work.rows.text(name)
            if array is None:
                continue
            array = ids.emails(array) if name == "email" else ids.clean(array)
            nobody = ids.placeholders(array, self._map.real_ids)
            if nobody.any():
                told = array.filter(pa.array(nobody & work.good)).value_counts()
                for pair in told:
                    work.placeholders[name, str(pair["values"].as_py())] += int(pair["counts"].as_py())
                array = cells.replaced(array, nobody, pa.scalar(None, pa.string()))
            work.columns[name] = array
        if not self._kind.kind.nobody:
            self._kind.stand_in(work.columns, len(work.rows))

    def _url(self, rows: RawRows) -> pa.Array | None:
        url = rows.text("url")
        tags = {name: rows.text(name) for name in fields.UTM}
        given = {name: array for name, array in tags.items() if array is not None}
        if not given:
            return url
        return campaign.joined(pa.nulls(len(rows), pa.string()) if url is None else url, given)

    def _properties(
        self, work: Work, objects: pa.Array | None, event: pa.Array
    ) -> tuple[dict[str, pa.Array], pa.Array | None, Counter[str]]:
        columns: dict[str, pa.Array] = {}
        strays: dict[str, pa.Array] = {}
        for name, array, number in self._flat_columns(work, event):
            found = flat.column(array, number)
            columns[name] = found.values
            if found.odd is not None:
                strays[name.removeprefix(PROPERTY_PREFIX)] = found.odd
        odd = Counter({name: int((cells.present(array) & work.good).sum()) for name, array in strays.items()})
        if strays:
            base = pa.nulls(len(work.rows), pa.string()) if objects is None else objects
            objects = json_cells.with_keys(self._engine, base, strays)
        return columns, objects, +odd

    def _flat_columns(self, work: Work, event: pa.Array) -> list[tuple[str, pa.Array, bool | None]]:
        rows, listed = work.rows, self._map.numbers
        read = self._kind.properties(work, event)
        found = [
            (name, rows.columns[raw], None if listed is None else raw in listed)
            for raw, name in self._bound.flat.items()
            if raw in rows.columns
        ]
        for field in dict.fromkeys((*self._map.columns, *self._map.constants, *read)):
            name, array = fields.property_name(field), read.get(field, rows.typed(field))
            if name is not None and array is not None:
                number = field in fields.NUMBERS or (listed is not None and rows.name_of(field) in listed)
                found.append((name, array, True if number else None))
        return found

    def _event_ids(self, work: Work, event: pa.Array, at: np.ndarray) -> tuple[pa.Array, np.ndarray]:
        rows = work.rows
        if self._kind.kind.state:
            return self._kind.state_ids(work, self._content(rows)), np.ones(len(rows), bool)
        given = _clean(rows.text("event_id"))
        missing = np.ones(len(rows), bool) if given is None else ~cells.present(given)
        if given is not None and not missing.any():
            return given, missing
        told = self._kind.message_ids(work, event, at)
        hashes, repeats = told or (row_ids.hashes(self._engine, self._content(rows)), np.ones(len(rows), bool))
        if given is None:
            return row_ids.ids(hashes, np.where(repeats, self._ordinals.of(hashes), 0)), missing
        made = hashes.filter(pa.array(missing))
        made = row_ids.ids(made, np.where(repeats[missing], self._ordinals.of(made), 0))
        return pc.replace_with_mask(given, pa.array(missing), made), missing

    def _content(self, rows: RawRows) -> dict[str, pa.Array]:
        """What a row says, column by column under the name of its field: the raw text, so that no later choice of a unit,
        a zone or a path changes the id."""
        content: dict[str, pa.Array] = {}
        whole = {
            hit.column: field
            for field, hits in sorted(self._bound.cells.items(), reverse=True)
            for hit in hits
            if not hit.keys and field != "event_id"
        }
        whole |= {EVENT_COLUMN: EVENT_COLUMN} if EVENT_COLUMN in rows.columns and EVENT_COLUMN not in whole else {}
        for raw, array in rows.columns.items():
            field = whole.get(raw, self._bound.flat.get(raw))
            if field is not None:
                content[field if field not in content else f"{field} {raw}"] = cells.as_text(array)
        return content


def _repeated(text: str, size: int) -> pa.Array:
    return pa.repeat(pa.scalar(text), size)


def _clean(array: pa.Array | None) -> pa.Array | None:
    return None if array is None else ids.clean(array)


def _upper(array: pa.Array | None) -> pa.Array | None:
    return None if array is None else pc.utf8_upper(cells.trimmed(array))


def _instant(found: times.Instants | None) -> pa.Array | None:
    return None if found is None else pa.array(found.at, pa.int64(), mask=~found.good).cast(INSTANT)
