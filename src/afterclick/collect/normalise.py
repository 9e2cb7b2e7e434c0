"""Raw chunks become rows of the log: every field read, checked and brought into its one form, bad rows set aside."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple
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
)
from afterclick.collect.binding import bind
from afterclick.collect.chunks import Chunk
from afterclick.collect.coding import Coding
from afterclick.collect.columnmap import ColumnMap
from afterclick.collect.engine import Engine
from afterclick.collect.raw_rows import RawRows
from afterclick.collect.rejects import Reject
from afterclick.core import names
from afterclick.core.event import INSTANT, LOG_COLUMNS, PROPERTY_PREFIX


class Normalised(NamedTuple):
    """Rows of the log (LOG_COLUMNS, then p.* columns), their places in the chunk, what was set aside, what was noticed.

    `raw` is the chunk's table with objects as JSON text, `hashed` tells which rows got their id from their content.
    `placeholders` counts ids that stand for nobody by
    (field, text), `odd` values that a number column could not hold by property.
    """

    table: pa.Table
    places: np.ndarray
    hashed: np.ndarray
    raw: pa.Table
    rejects: list[Reject]
    placeholders: Counter[tuple[str, str]]
    odd: Counter[str]


class Normaliser:
    """Turns the chunks of one file, in order, into rows of the log. Equal rows are told apart by their ordinal."""

    def __init__(self, given: ColumnMap, *, engine: Engine, zone: ZoneInfo, source: str, now: int) -> None:
        self._map = given
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
        work = _Work(rows)
        objects = rows.objects()
        kinds, raw_event, event = self._events(rows)
        at = self._times(work)
        if self._map.grain == "order_line":
            event = self._lines(work)
        else:
            missing = ~cells.present(event)
            work.refuse(missing, "no_event", "the row has no event name", rows.name_of("event"))
            worth = commerce.of_events(self._engine, rows, event, objects)
            work.worth(worth)
        self._ids(work)
        texts = {name: rows.text(name) for name in ("user_agent", "referrer")}
        columns, objects, odd = self._properties(work, objects)
        event_id, hashed = self._event_ids(rows)
        work.columns |= {
            "event_id": event_id,
            "type": kinds,
            "event": event,
            "raw_event": raw_event,
            "occurred_at": at,
            "url": self._url(rows),
            "currency": _upper(rows.text("currency")),
            "session_id": _clean(rows.text("session_id")),
            "order_id": _clean(rows.text("order_id")),
            "properties": objects,
            "source": pa.repeat(pa.scalar(self._source), len(rows)),
            "order_line": pa.repeat(pa.scalar(self._map.grain == "order_line"), len(rows)),
            **texts,
            **columns,
        }
        return Normalised(*work.finished(hashed, self._coding), rows.raw, rows.rejects, work.placeholders, odd)

    def _events(self, rows: RawRows) -> tuple[pa.Array, pa.Array, pa.Array]:
        return event_names.read(rows.text("type"), rows.text("event"), len(rows), self._map.events)

    def _times(self, work: _Work) -> pa.Array:
        rows = work.rows
        found = {name: self._instants(rows, name) for name in fields.INSTANTS if name in self._bound.cells}
        original, sent, received = (found.get(name) for name in ("original_at", "sent_at", "received_at"))
        at = found.get("occurred_at")
        field = "original_at" if at is None else "occurred_at"
        if at is None:
            nowhere = times.Instants(np.zeros(len(rows), np.int64), np.zeros(len(rows), bool))
            at = times.corrected(original or nowhere, sent, received)
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

    def _lines(self, work: _Work) -> pa.Array:
        rows = work.rows
        order_id = _clean(rows.text("order_id"))
        if order_id is None:
            order_id = pa.nulls(len(rows), pa.string())
        work.refuse(~cells.present(order_id), "no_order", "the order line has no order id", rows.name_of("order_id"))
        refund = commerce.cancellations(order_id, self._map.refund)
        work.worth(commerce.of_lines(rows, refund))
        return pc.if_else(pa.array(refund), names.ORDER_REFUNDED, names.ORDER_COMPLETED)

    def _ids(self, work: _Work) -> None:
        for name in fields.IDS:
            array = work.rows.text(name)
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

    def _url(self, rows: RawRows) -> pa.Array | None:
        url = rows.text("url")
        tags = {name: rows.text(name) for name in fields.UTM}
        given = {name: array for name, array in tags.items() if array is not None}
        if not given:
            return url
        return campaign.joined(pa.nulls(len(rows), pa.string()) if url is None else url, given)

    def _properties(
        self, work: _Work, objects: pa.Array | None
    ) -> tuple[dict[str, pa.Array], pa.Array | None, Counter[str]]:
        columns: dict[str, pa.Array] = {}
        strays: dict[str, pa.Array] = {}
        for name, array, number in self._flat_columns(work.rows):
            found = flat.column(array, number)
            columns[name] = found.values
            if found.odd is not None:
                strays[name.removeprefix(PROPERTY_PREFIX)] = found.odd
        odd = Counter({name: int((cells.present(array) & work.good).sum()) for name, array in strays.items()})
        if strays:
            base = pa.nulls(len(work.rows), pa.string()) if objects is None else objects
            objects = json_cells.with_keys(self._engine, base, strays)
        return columns, objects, +odd

    def _flat_columns(self, rows: RawRows) -> list[tuple[str, pa.Array, bool | None]]:
        listed = self._map.numbers
        found = [
            (name, rows.columns[raw], None if listed is None else raw in listed)
            for raw, name in self._bound.flat.items()
            if raw in rows.columns
        ]
        for field in dict.fromkeys((*self._map.columns, *self._map.constants)):
            name, array = fields.property_name(field), rows.typed(field)
            if name is not None and array is not None:
                number = field in ("price", "quantity") or (listed is not None and rows.name_of(field) in listed)
                found.append((name, array, True if number else None))
        return found

    def _event_ids(self, rows: RawRows) -> tuple[pa.Array, np.ndarray]:
        given = _clean(rows.text("event_id"))
        missing = np.ones(len(rows), bool) if given is None else ~cells.present(given)
        if given is not None and not missing.any():
            return given, missing
        hashes = row_ids.hashes(self._engine, self._content(rows))
        if given is None:
            return row_ids.ids(hashes, self._ordinals.of(hashes)), missing
        made = hashes.filter(pa.array(missing))
        made = row_ids.ids(made, self._ordinals.of(made))
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
        for raw, array in rows.columns.items():
            field = whole.get(raw, self._bound.flat.get(raw))
            if field is not None:
                content[field if field not in content else f"{field} {raw}"] = cells.as_text(array)
        return content


class _Work:
    """Columns of the log under construction, and which rows are still good."""

    def __init__(self, rows: RawRows) -> None:
        self.rows = rows
        self.good = np.ones(len(rows), bool)
        self.columns: dict[str, Any] = {}
        self.placeholders: Counter[tuple[str, str]] = Counter()

    def refuse(self, bad: np.ndarray, code: str, message: str, column: str, values: pa.Array | None = None) -> None:
        """Set rows aside; the first reason found for a row is the one it gets."""
        for row in np.flatnonzero(bad & self.good):
            told = message if values is None else message.format(value=_shown(values[int(row)].as_py()))
            self.rows.rejects.append(Reject(int(self.rows.places[row]), code, told, column))
        self.good &= ~bad

    def worth(self, worth: commerce.Worth) -> None:
        """Set rows with amounts that are none aside, and keep the amounts of the others."""
        for field, bad in worth.blame:
            if bad.any():
                name, values = self.rows.name_of(field), self.rows.typed(field)
                self.refuse(bad, "bad_amount", f"{name} holds {{value}}, which is no amount", name, values)
        found = worth.amounts
        self.columns["amount"] = pa.array(found.minor, mask=~found.present)

    def finished(self, hashed: np.ndarray, coding: Coding) -> tuple[pa.Table, np.ndarray, np.ndarray]:
        """The good rows in the order of the log's columns, with their places and whether their id is a hash."""
        size = len(self.rows)
        arrays = {field.name: self._filled(field, size) for field in LOG_COLUMNS}
        arrays |= {name: array for name, array in self.columns.items() if name not in arrays}
        # No filter where there is nothing to leave out: most chunks are spotless.
        table = pa.table(coding.apply(arrays))
        if self.good.all():
            return table, self.rows.places, hashed
        return table.filter(pa.array(self.good)), self.rows.places[self.good], hashed[self.good]

    def _filled(self, field: pa.Field, size: int) -> pa.Array:
        array = self.columns.get(field.name)
        return pa.nulls(size, field.type) if array is None else array


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    text = repr(value) if isinstance(value, str) else str(value)
    return (text if len(text) <= 60 else text[:57] + "…").replace("{", "(").replace("}", ")")


def _clean(array: pa.Array | None) -> pa.Array | None:
    return None if array is None else ids.clean(array)


def _upper(array: pa.Array | None) -> pa.Array | None:
    return None if array is None else pc.utf8_upper(cells.trimmed(array))


def _instant(found: times.Instants | None) -> pa.Array | None:
    return None if found is None else pa.array(found.at, pa.int64(), mask=~found.good).cast(INSTANT)
