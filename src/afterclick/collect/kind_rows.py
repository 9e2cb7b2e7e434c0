"""What is particular to the rows of each kind: their events, what makes one unusable, whose state they tell, their ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.collect import amounts, campaign, cells, json_cells, readings, row_ids, times
from afterclick.collect.columnmap import ColumnMap
from afterclick.collect.engine import Engine
from afterclick.collect.fields import BREAKDOWNS, UTM
from afterclick.collect.kinds import EVENT_COLUMN, KEYS, KINDS
from afterclick.collect.raw_rows import RawRows
from afterclick.collect.versions import Versions
from afterclick.collect.work import Work
from afterclick.core import names
from afterclick.core.spans import DAY

_PAID: Final = "cpc"
_MACHINES: Final = pa.array([names.MESSAGE_OPENED, names.MESSAGE_CLICKED])
SAME_KEY: Final = (
    "rows have date, source, campaign and ad in common with one above them and add up with it; a corrected file must hold"
    " all of them"
)


class KindRows:
    """The rows of one file of a kind; chunks must come in order."""

    def __init__(
        self, given: ColumnMap, *, engine: Engine, zone: ZoneInfo, now: int, versions: Versions | None
    ) -> None:
        self.kind = KINDS[given.kind]
        self._map = given
        self._engine = engine
        self._zone = zone
        self._now = now
        self._versions = versions or Versions()
        self._ordinals = row_ids.Ordinals()
        self._places = np.zeros(0, np.int64)
        self._key: dict[str, pa.Array] = {}
        self.same = 0

    def begin(self, rows: int) -> None:
        """The next chunk of so many rows."""
        if self.kind.state:
            self._places = np.asarray(self._versions.places(rows), np.int64)

    def events(self, work: Work) -> tuple[pa.Array, pa.Array, pa.Array]:
        """Type, raw name and canonical name of each row; an unknown status is refused."""
        rows, size = work.rows, len(work.rows)
        if self.kind.event:
            called = self._map.constants.get("event", self.kind.event)
            plain = pa.nulls(size, pa.string())
            return pa.repeat(pa.scalar(self.kind.type), size), plain, pa.repeat(pa.scalar(called), size)
        raw = rows.text("event")
        raw = pa.nulls(size, pa.string()) if raw is None else cells.trimmed(raw)
        event = readings.statuses(raw, self.kind.words, self._map.events)
        where = rows.name_of("event")
        unknown = cells.present(raw) & ~cells.present(event)
        told = f"{where} holds {{value}}, and nobody knows what that means"
        work.refuse(unknown, "unknown_status", told, where, raw)
        if self.kind.otherwise:
            event = pc.fill_null(event, self.kind.otherwise)
        else:
            work.refuse(~cells.present(raw), "no_event", "nothing is said of the message", where)
        if self.kind.name == "orders":
            event = self._order_events(rows, event)
            # The status is that of the order; what was paid back of it was made of it and has no name of its own.
            made = cells.present(rows.columns.get(EVENT_COLUMN, pa.nulls(size, pa.string())))
            raw = cells.replaced(raw, made, pa.scalar(None, pa.string()))
        return pa.repeat(pa.scalar("track"), size), raw, event

    def _order_events(self, rows: RawRows, event: pa.Array) -> pa.Array:
        entry = rows.columns.get(EVENT_COLUMN, pa.nulls(len(rows), pa.string()))
        if self._map.last_status:
            first = cells.flags(pc.equal(event, names.ORDER_REFUNDED)) & ~cells.present(entry)
            event = cells.replaced(event, first & ~self._negative(rows), pa.scalar(names.ORDER_COMPLETED))
        event = pc.coalesce(entry, event)
        sold = cells.flags(pc.equal(event, names.ORDER_COMPLETED))
        return cells.replaced(event, sold & self._negative(rows), pa.scalar(names.ORDER_REFUNDED))

    def _negative(self, rows: RawRows) -> np.ndarray:
        total = rows.typed("revenue")
        if total is None or self._map.grain == "order_line":
            return np.zeros(len(rows), bool)
        negative: np.ndarray = amounts.read(total).minor < 0
        return negative

    def instants(self, work: Work, found: times.Instants | None) -> times.Instants:
        """When rows count: costs at noon of their day, undated states at the import, each in its order."""
        size = len(work.rows)
        nowhere = times.Instants(np.zeros(size, np.int64), np.zeros(size, bool))
        at, good = found or nowhere
        if self.kind.name == "costs":
            self._one_day(work, at, good)
            return times.Instants(readings.noons(at, good, self._zone) + self._places, good)
        given = work.rows.typed("occurred_at")
        signed = self._read(work.rows, "signed_up_at")
        blank = np.ones(size, bool) if given is None else ~cells.present(readings.moment(given))
        if signed is not None:
            at, good = np.where(blank & signed.good, signed.at, at), good | (blank & signed.good)
            blank &= ~signed.good
        return times.Instants(np.where(blank, self._now + self._places, at), good | blank)

    def _one_day(self, work: Work, at: np.ndarray, good: np.ndarray) -> None:
        last = self._read(work.rows, "until")
        if last is None:
            return
        longer = good & last.good & (last.at - at >= DAY)
        where = work.rows.name_of("until")
        told = "the costs are of several days, up to {value}: export them day by day"
        work.refuse(longer, "several_days", told, where, work.rows.text("until"))

    def _read(self, rows: RawRows, field: str) -> times.Instants | None:
        """Instants of a field, written as it may be or as the map says of the time of the rows."""
        array = rows.typed(field)
        if array is None:
            return None
        at, good = times.read(self._engine, array, "auto", self._zone)
        if not good.all() and self._map.time_unit != "auto":
            more = times.read(self._engine, array, self._map.time_unit, self._zone)
            at, good = np.where(good, at, more.at), good | more.good
        return times.Instants(at, good)

    def check(self, work: Work) -> None:
        """Set aside rows that lack what makes them of use."""
        rows = work.rows
        for field in self.kind.numbers:
            array = rows.typed(field)
            if array is not None:
                where = rows.name_of(field)
                told = f"{where} holds {{value}}, which is no number"
                work.refuse(readings.not_numbers(array), "bad_number", told, where, array)
        items = rows.text("items") if self.kind.name == "orders" else None
        if items is not None:
            wrong = cells.present(items) & ~json_cells.lists(self._engine, items)
            where = rows.name_of("items")
            work.refuse(wrong, "bad_json", f"{where} holds {{value}}, which is no JSON list", where, items)
        if self.kind.name == "catalogue":
            product = rows.text("product_id")
            missing = np.ones(len(rows), bool) if product is None else ~cells.present(cells.trimmed(product))
            work.refuse(missing, "no_product", "the row names no product", rows.name_of("product_id"))
        if self.kind.name in ("customers", "messages"):
            known = np.zeros(len(rows), bool)
            for field in ("user_id", "anonymous_id", "email", "phone"):
                array = work.columns.get(field)
                known |= cells.present(array) if array is not None else False
            work.refuse(~known, "no_person", "the row names nobody", "")
        if self.kind.name == "costs":
            missing = ~cells.present(work.columns["amount"])
            work.refuse(missing, "bad_amount", "the row says no costs", rows.name_of("cost"))
        if self.kind.name == "feedback":
            self._scores(work)

    def _scores(self, work: Work) -> None:
        given = work.rows.typed("score")
        if given is None:
            return
        score, scale = readings.scores(given)
        scale = readings.highest(work.rows.typed("scale"), scale)
        value, top = amounts.read(score), amounts.read(scale)
        wrong = (
            value.bad | (value.present & (value.minor < 0)) | (value.present & top.present & (value.minor > top.minor))
        )
        where = work.rows.name_of("score")
        told = f"{where} holds {{value}}, which is no score of its scale"
        work.refuse(wrong, "bad_score", told, where, cells.as_text(given))

    def stand_in(self, columns: dict[str, Any], size: int) -> None:
        """A row known by its e-mail or telephone alone is of that address: it joins whoever is known to have it.

        That a telephone is somebody's is known from the table of customers, whose rows stand for it as a device does.
        """
        if not self.kind.stand_in:
            return
        nothing = pa.nulls(size, pa.string())
        anonymous, user, email, phone = (columns.get(name) for name in ("anonymous_id", "user_id", "email", "phone"))
        known = cells.present(anonymous if anonymous is not None else nothing)
        known |= cells.present(user if user is not None else nothing)
        called = nothing if phone is None else readings.telephones(phone)
        address = pc.coalesce(nothing if email is None else email, called)
        found = cells.replaced(nothing if anonymous is None else anonymous, ~known, address)
        columns["anonymous_id"] = pc.coalesce(found, called) if self.kind.name == "customers" else found

    def objects(self, rows: RawRows, objects: pa.Array | None) -> pa.Array | None:
        """The properties with the list of what was ordered among them."""
        items = rows.text("items") if self.kind.name == "orders" else None
        if items is None:
            return objects
        return json_cells.with_list(self._engine, objects, "items", items)

    def properties(self, work: Work, event: pa.Array) -> Mapping[str, pa.Array]:
        """Mapped fields in one form, by field; those that are not here stay as they came."""
        rows, found = work.rows, dict[str, pa.Array]()
        given = {name: array for name in _READ if (array := rows.text(name)) is not None}
        if self.kind.name == "messages":
            if "channel" in given:
                found["channel"] = readings.channels(given["channel"])
            if "machine" in given:
                acted = cells.flags(pc.is_in(event, value_set=_MACHINES))
                none = pa.scalar(None, pa.string())
                found["machine"] = cells.replaced(readings.machines(given["machine"]), ~acted, none)
        if self.kind.name == "customers":
            found |= {name: readings.consents(array) for name, array in given.items() if name.endswith("_consent")}
        for name in ("signed_up_at", "refunded_at", "until"):
            instants = self._read(rows, name) if name in given and self.kind.name != "events" else None
            if instants is not None:
                found[name] = readings.iso(instants, given[name])
        if "comment" in given:
            found["comment"] = readings.remarks(given["comment"])
        if self.kind.name == "feedback" and "score" in given:
            score, top = readings.scores(given["score"])
            found |= {"score": score, "scale": readings.highest(given.get("scale"), top)}
        return found

    def url(self, work: Work, at: np.ndarray) -> pa.Array:
        """What an ad is called as an address, and with it the key of its costs."""
        rows, none = work.rows, pa.nulls(len(work.rows), pa.string())
        texts = {name: rows.text(name) for name in (*UTM, *BREAKDOWNS)}
        tags = {name: none if texts[name] is None else cells.trimmed(texts[name]) for name in UTM}
        divided = [cells.trimmed(array) for name in BREAKDOWNS if (array := texts[name]) is not None]
        tags["utm_medium"] = pc.fill_null(tags["utm_medium"], _PAID)
        ad = _joined([tags["utm_content"], *divided]) if divided else tags["utm_content"]
        tags["utm_content"] = ad
        self._key = {name: pc.utf8_lower(pc.utf8_normalize(array, "NFC")) for name, array in tags.items()}
        self._key["day"] = pa.array(at // DAY).cast(pa.string())
        ordinal = self._ordinals.of(row_ids.hashes(self._engine, self._key))
        again = ordinal > 0
        if again.any():
            # Something no column tells divides these rows; numbered, they add up instead of replacing each other.
            self.same += int((again & work.good).sum())
            number = pc.binary_join_element_wise("#", pa.array(ordinal + 1).cast(pa.string()), "")
            tags["utm_content"] = cells.replaced(ad, again, _joined([ad, number]))
            self._key["utm_content"] = pc.utf8_lower(tags["utm_content"])
        return campaign.joined(none, tags)

    def state_ids(self, work: Work, content: Mapping[str, pa.Array]) -> pa.Array:
        """Ids of rows that tell a state: see `versions`. Rows that are set aside get none."""
        keys = self._key or self._named_keys(work)
        good = np.flatnonzero(work.good)
        key = row_ids.hashes(self._engine, keys).take(pa.array(good)).to_pylist()
        said = row_ids.hashes(self._engine, content).take(pa.array(good)).to_pylist()
        found = np.full(len(work.rows), "", object)
        found[good] = self._versions.ids(key, said)
        return pa.array(found, pa.string())

    def _named_keys(self, work: Work) -> dict[str, pa.Array]:
        parts = []
        for name in KEYS[self.kind.name]:
            array = work.columns.get(name)
            array = work.rows.text(name) if array is None and name == "product_id" else array
            if array is not None:
                # A user and an e-mail of one text are still two keys.
                parts.append(pc.binary_join_element_wise(name, cells.trimmed(array), "="))
        return {"key": pc.coalesce(*parts)}

    def message_ids(self, work: Work, event: pa.Array, at: np.ndarray) -> tuple[pa.Array, np.ndarray] | None:
        """Ids by what became of which message for whom and when, so that a later export brings only what is new.

        With them, bool (n) which rows name no message: two equal ones of these are two events. None for other kinds.
        """
        if self.kind.name != "messages":
            return None
        parts: dict[str, pa.Array] = {"event": event, "at": pa.array(at).cast(pa.string())}
        for name in ("user_id", "anonymous_id", "email", "phone"):
            array = work.columns.get(name)
            parts |= {} if array is None else {name: array}
        for name in ("message_id", "campaign", "link"):
            text = work.rows.text(name)
            parts |= {} if text is None else {name: cells.trimmed(text)}
        named = parts.get("message_id")
        unnamed = np.ones(len(event), bool) if named is None else ~cells.present(named)
        return row_ids.hashes(self._engine, parts), unnamed


_READ: Final = (
    "channel", "machine", "score", "scale", "comment", "signed_up_at", "refunded_at", "until",
    "email_consent", "sms_consent", "push_consent", "marketing_consent",
)  # fmt: skip


def _joined(parts: list[pa.Array]) -> pa.Array:
    """Texts with ` / ` between them, null ones left out; null where there is none at all."""
    joint = pc.binary_join_element_wise(*parts, " / ", null_handling="skip")
    return cells.blank_to_null(joint)
