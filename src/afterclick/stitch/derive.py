"""From a segment of the log to a piece of the projection: ids, names, touches, devices and orders become codes."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.core.arrays import frozen
from afterclick.core.event import PROPERTY_PREFIX, SYSTEM_TYPES
from afterclick.core.names import (
    AD_COST_REPORTED,
    MACHINE,
    MESSAGE_EVENTS,
    ORDER_COMPLETED,
    ORDER_LINE,
    ORDER_REFUNDED,
    PAGE_EVENTS,
    PASSIVE_EVENTS,
    SYSTEM_EVENTS,
)
from afterclick.core.spans import DAY, MINUTE
from afterclick.stitch.channel_table import ChannelTable
from afterclick.stitch.enrich import Enricher
from afterclick.stitch.evidence import evidence
from afterclick.stitch.page import PageGroups
from afterclick.stitch.properties import PropertyColumns
from afterclick.stitch.texts import Texts, texts_of
from afterclick.stitch.user_agent import BotPatterns, is_machine
from afterclick.store.books import Books
from afterclick.store.columns import NO_AMOUNT, NONE, TOUCH_DIRECT, TOUCH_INTERNAL, Flag
from afterclick.store.definitions import Definitions
from afterclick.store.pieces import DerivedPiece

_FUTURE: Final = 5 * MINUTE
YES: Final = ("yes", "true", "1")
"""How a property of text says yes; as a number it is above 0."""
_DIRECT: Final = '["direct","","","","","","",false,false]'
_INTERNAL: Final = '["","","","","","","",false,false]'


class Derivation:
    """What the store calls for each segment; `version` changes when the columns it makes do."""

    version = "4"
    reads = ("own_domains", "fbclid_is_paid", "bots", "pages", "passive", "channels")

    def __call__(
        self, segment: pa.Table, books: Books, definitions: Definitions, order_lines: pa.Table
    ) -> DerivedPiece:
        """The piece of a segment, row for row."""
        return _Deriving(segment, books, definitions, order_lines).piece()


class _Deriving:
    def __init__(self, segment: pa.Table, books: Books, definitions: Definitions, order_lines: pa.Table) -> None:
        self.rows = segment.num_rows
        self.segment = segment
        self.books = books
        self.definitions = definitions
        self.order_lines = order_lines
        self.columns: dict[str, np.ndarray] = {}
        self.kinds: dict[str, str] = {}

    def piece(self) -> DerivedPiece:
        self._instants()
        ids = self._ids()
        enriched = self._enrich()
        self._names()
        self._money()
        self._coded("order", self._texts("order_id"))
        self._coded("session", self._texts("session_id"))
        self._coded("currency", self._texts("currency"))
        self._order_lines()
        properties = PropertyColumns(self.segment, self.books).read()
        self._flags(enriched, ids, properties.get(MACHINE))
        for name, (values, kind) in properties.items():
            self._put(PROPERTY_PREFIX + name, values, kind)
        edges = evidence(self.segment, self.columns["at"], *ids, self.books)
        return DerivedPiece(columns=self.columns, kinds=self.kinds, new=self.books.added(), edges=edges)

    def _put(self, name: str, values: np.ndarray, kind: str) -> None:
        self.columns[name] = frozen(values)
        self.kinds[name] = kind

    def _texts(self, name: str) -> Texts:
        return texts_of(self.segment[name])

    def _coded(self, name: str, texts: Texts) -> None:
        self._put(name, texts.codes(self.books.book(name)), "coded")

    def _instants(self) -> None:
        self._put("at", _micros(self.segment["occurred_at"]), "instant")
        self._put("tie", _tie(self.segment["event_id"]), "hash")

    def _ids(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Codes of anonymous id, user id and e-mail in the book `id`.

        The row's device is the anonymous id, else the user id; an e-mail links ids but is nobody by itself.
        """
        book = self.books.book("id")
        book_codes = [
            self._texts(column).prefixed(prefix).codes(book)
            for column, prefix in (("anonymous_id", "a:"), ("user_id", "u:"), ("email", "e:"))
        ]
        anonymous, user, email = book_codes
        device = np.where(anonymous >= 0, anonymous, user)
        self._put("device", device.astype(np.int32), "code")
        self._put("user", user, "code")
        return anonymous, user, email

    def _enrich(self) -> Any:
        definitions = self.definitions
        enricher = Enricher(table_of(definitions), BotPatterns(texts=definitions.bots), PageGroups(patterns=definitions.pages))
        found = enricher.read(self.segment["url"], self.segment["referrer"], self.segment["user_agent"])
        book = self.books.book("touch")
        if not book.size:
            book.extend(pa.array([_DIRECT, _INTERNAL]))
        texts = [_INTERNAL if touch is None else _touch_text(touch) for touch in found.touches]
        codes = book.extend(pa.array(texts, pa.string()))
        context = _present(self.segment["url"]) | _present(self.segment["referrer"])
        touch = codes[found.touch].astype(np.int32)
        # A user agent alone is context only where it names an app (KakaoTalk, Instagram): it then says where from.
        context |= (touch != TOUCH_DIRECT) & (touch != TOUCH_INTERNAL)
        self._put("touch", np.where(context, touch, NONE).astype(np.int32), "coded")
        self._put("campaign", found.campaign_key, "hash")
        for name in ("path", "page_group", "host", "device_type", "browser", "os"):
            coded = getattr(found, name)
            there = Texts(coded.codes, pa.array([text or None for text in coded.book], pa.string()))
            self._put(name, there.codes(self.books.book(name)), "coded")
        return found

    def _names(self) -> None:
        event, raw = self._texts("event"), self._texts("raw_event")
        both = event.numbers.astype(np.int64) * (len(raw.values) + 1) + raw.numbers + 1
        pairs, inverse = np.unique(both, return_inverse=True)
        events, raws = event.values.to_pylist(), raw.values.to_pylist()
        names = []
        for pair in pairs.tolist():
            canonical = events[pair // (len(raws) + 1)]
            place = pair % (len(raws) + 1) - 1
            names.append(f"{canonical}\x1f{raws[place] if place >= 0 else canonical}")
        self.pair_names = [name.split("\x1f")[0] for name in names]
        self.pair = inverse
        codes = self.books.book("name").extend(pa.array(names, pa.string()))
        self._put("name", codes[inverse].astype(np.int32), "coded")

    def _money(self) -> None:
        amount = self.segment["amount"].combine_chunks()
        values = np.asarray(pc.fill_null(amount, NO_AMOUNT)).astype(np.int64)
        self._put("amount", values, "money")

    def _order_lines(self) -> None:
        """The earliest line of an order becomes the order with its total; the others are lines, no behaviour."""
        line = np.asarray(self.segment["order_line"].combine_chunks().fill_null(False))
        self.line = line & (self.columns["order"] >= 0)
        if not self.line.any():
            return
        rows = np.flatnonzero(self.line)
        event_ids = self.segment["event_id"].combine_chunks().cast(pa.string()).take(pa.array(rows))
        place = pc.index_in(event_ids, value_set=self.order_lines["first"].combine_chunks())
        heads = np.asarray(pc.fill_null(place, -1))
        total = np.asarray(pc.fill_null(self.order_lines["amount"].combine_chunks(), NO_AMOUNT))
        amount, name = self.columns["amount"].copy(), self.columns["name"].copy()
        head = rows[heads >= 0]
        amount[head] = total[heads[heads >= 0]]
        further = rows[heads < 0]
        amount[further] = NO_AMOUNT
        code = self.books.book("name").extend(pa.array([f"{ORDER_LINE}\x1f{ORDER_LINE}"]))
        name[further] = code[0]
        self.line[head] = False
        self._put("amount", amount, "money")
        self._put("name", name, "coded")

    def _flags(
        self, enriched: Any, ids: tuple[np.ndarray, np.ndarray, np.ndarray], machine: tuple[np.ndarray, str] | None
    ) -> None:
        is_type = self._texts("type").among(SYSTEM_TYPES)
        names = np.array(self.pair_names, dtype=object)
        passive = PASSIVE_EVENTS | set(self.definitions.passive)
        sold = self._named(names, {ORDER_COMPLETED}) & ~self.line
        back = self._named(names, {ORDER_REFUNDED}) & ~self.line
        system = is_type | self._named(names, SYSTEM_EVENTS) | self.line
        context = self.columns["touch"] != NONE
        page = self._named(names, PAGE_EVENTS) & ~system
        quiet = self._named(names, passive) | ((sold | back) & ~context)
        received = self.segment["received_at"]
        received_at = np.asarray(pc.fill_null(received.combine_chunks().cast(pa.int64()), 2**62))
        contact = (ids[2] >= 0) | _present(self.segment["phone"])
        bits = {
            Flag.BOT: enriched.bot | self._machines(names, machine),
            Flag.SYSTEM: system, Flag.PAGE: page, Flag.QUALIFYING: ~system & ~quiet,
            Flag.CONTACT: contact, Flag.FUTURE: self._begun(names) > received_at + _FUTURE, Flag.LINE: self.line,
            Flag.KNOWN: ids[1] >= 0, Flag.ORDER: sold, Flag.REFUND: back, Flag.CONTEXT: context,
        }  # fmt: skip
        flags = np.zeros(self.rows, np.uint16)
        for bit, where in bits.items():
            flags |= np.where(where, int(bit), 0).astype(np.uint16)
        self._put("flags", flags, "flag")

    def _begun(self, names: np.ndarray) -> np.ndarray:
        """When each row's matter began: costs stand at noon for a day that began half a day before."""
        found: np.ndarray = self.columns["at"] - self._named(names, {AD_COST_REPORTED}) * (DAY // 2)
        return found

    def _machines(self, names: np.ndarray, said: tuple[np.ndarray, str] | None) -> np.ndarray:
        """Messages that a program opened or clicked: by what their sender says, else by what it calls itself."""
        messages = self._named(names, MESSAGE_EVENTS)
        if not messages.any():
            return np.zeros(self.rows, bool)
        agents = self._texts("user_agent")
        machine = np.append([is_machine(text) for text in agents.values.to_pylist()], False).astype(bool)[agents.numbers]
        if said is not None:
            values, kind = said
            yes = np.isin(values, self._codes(MACHINE, YES)) if kind == "coded" else values > 0
            machine = np.where(values >= 0, yes, machine)
        found: np.ndarray = messages & machine
        return found

    def _codes(self, name: str, texts: tuple[str, ...]) -> np.ndarray:
        """The codes that texts have in the book of a property."""
        found = self.books.book(PROPERTY_PREFIX + name).codes(pa.array(texts))
        return found[found >= 0]

    def _named(self, names: np.ndarray, wanted: set[str] | frozenset[str]) -> np.ndarray:
        return np.array([name in wanted for name in names], bool)[self.pair]


def table_of(definitions: Definitions) -> ChannelTable:
    """The table by which a store reads channels."""
    return ChannelTable.from_toml(
        {
            **definitions.channels,
            "own_domains": [*definitions.own_domains, *definitions.channels.get("own_domains", ())],
            "fbclid_is_paid": definitions.fbclid_is_paid,
        }
    )


def _touch_text(touch: Any) -> str:
    fields = ("channel", "source", "medium", "campaign", "term", "content", "network", "paid", "portal")
    return msgspec.json.encode([getattr(touch, field) for field in fields]).decode()


def _micros(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(column.combine_chunks().cast(pa.int64())).astype(np.int64)


def _present(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(column.combine_chunks().is_valid())


def _tie(column: pa.ChunkedArray) -> np.ndarray:
    """The first 8 bytes of each event id, big-endian, so that numbers compare as the texts do."""
    texts = column.combine_chunks().cast(pa.large_string())
    offsets = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(texts.buffers()[2], np.uint8) if texts.buffers()[2] else np.zeros(0, np.uint8)
    lengths = np.diff(offsets)
    tie = np.zeros(len(texts), np.uint64)
    for place in range(8):
        there = lengths > place
        tie[there] |= data[offsets[:-1][there] + place].astype(np.uint64) << np.uint64(56 - 8 * place)
    return tie
