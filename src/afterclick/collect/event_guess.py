"""The map of a file of events, guessed column by column from names and values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import pyarrow as pa

from afterclick.collect import columnmap, evidence, kind_words, renames, synonyms
from afterclick.collect.chunks import Reader
from afterclick.collect.columnmap import ColumnMap
from afterclick.collect.engine import Engine
from afterclick.collect.fields import FIELDS
from afterclick.collect.findings import Finding, Guess
from afterclick.collect.grain import order_lines, refund_pattern
from afterclick.collect.kind_detect import Detected
from afterclick.collect.kinds import KINDS
from afterclick.collect.samples import Samples

ORDER: Final = (
    "occurred_at",
    "original_at",
    "sent_at",
    "received_at",
    "type",
    "event",
    "event_id",
    "anonymous_id",
    "user_id",
    "email",
    "phone",
    "session_id",
    "url",
    "referrer",
    "user_agent",
    "order_id",
    "quantity",
    "price",
    "revenue",
    "currency",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "utm_id",
)
"""Fields in the order in which they choose their column."""

_ABOUT: Final = {
    "url": "addresses of pages",
    "referrer": "addresses of pages",
    "user_agent": "descriptions of browsers",
    "price": "numbers",
    "quantity": "numbers",
    "revenue": "numbers",
    "type": "kinds of calls",
}


def completed(given: ColumnMap, readers: Sequence[Reader]) -> ColumnMap:
    """A map written by hand with what it leaves to the values: the unit of the time, which flat columns are numbers."""
    with Engine() as engine:
        samples = Samples(engine, readers)
        unit = given.time_unit if given.time_unit != "auto" else samples.time_unit(_paths(given))
        numbers = samples.numbers(given) if given.numbers is None else given.numbers
        return msgspec.structs.replace(given, time_unit=unit, numbers=numbers)


def shown(given: ColumnMap, readers: Sequence[Reader]) -> tuple[Finding, ...]:
    """The lines of a map written by hand, with a sample value of each."""
    with Engine() as engine:
        samples = Samples(engine, readers)
        return tuple(
            Finding(field, " or ".join(raw), samples.example(raw), "as the map says")
            for field, raw in given.columns.items()
        )


def _rank(field: str) -> tuple[int, str]:
    names = list(FIELDS)
    return (names.index(field) if field in FIELDS else len(names), field)


def _paths(given: ColumnMap) -> tuple[str, ...]:
    return given.columns.get("occurred_at", ()) or given.columns.get("original_at", ()) or tuple(given.moments.values())


class EventGuesser:
    """Guesses the map of files that belong together; other kinds build on its steps."""

    chosen: tuple[str, ...] = ORDER

    def __init__(self, samples: Samples, readers: Sequence[Reader], settled: Detected) -> None:
        self._readers = readers
        self._samples = samples
        self._settled = settled
        self._columns: dict[str, list[str]] = {}
        self._findings: list[Finding] = []
        self._warnings: list[str] = []

    def run(self) -> Guess:
        """All steps: columns by name and value per header, renamed ones, JSON, grain, units, numbers."""
        self._settle_columns()
        self._look_inside()
        self._known_by_email()
        constants = self._event_constant()
        lines = "event" not in self._columns and not constants and order_lines(self._columns, self._text)
        given = self._made(grain="order_line" if lines else "events", constants=constants)
        self._doubts(given)
        return self._guessed(given)

    def _settle_columns(self) -> None:
        """Which column is which field, over all headers."""
        headers = list(dict.fromkeys(reader.columns for reader in self._readers))
        for header in headers:
            for field, name in self._assigned(header).items():
                listed = self._columns.setdefault(field, [])
                if name not in listed and not any(name in other for other in self._columns.values()):
                    listed.append(name)
        self._columns = {field: listed for field, listed in self._columns.items() if listed}
        self._follow_renames(headers)
        for field, listed in self._columns.items():
            self._findings.append(self._finding(field, listed))

    def _made(self, *, grain: str, constants: dict[str, str], **more: Any) -> ColumnMap:
        lines = grain == "order_line"
        times = self._columns.get("occurred_at", ()) or self._columns.get("original_at", ())
        refund = self._refund() if lines else ""
        if lines:
            self._findings.append(
                Finding("grain", "order_line", "", "no event name, but orders with price and quantity")
            )
        values = {
            "kind": self._settled.kind,
            "grain": grain,
            "time_unit": self._samples.time_unit(tuple(times)),
            "refund": refund,
            "columns": {field: tuple(self._columns[field]) for field in sorted(self._columns, key=_rank)},
            "constants": constants,
            "real_ids": self._real_ids(),
        }
        return columnmap.from_dict(values | more)

    def _guessed(self, given: ColumnMap) -> Guess:
        given = msgspec.structs.replace(given, numbers=self._samples.numbers(given))
        return Guess(given, tuple(self._findings), (*self._warnings, *self._samples.doubts))

    def _text(self, field: str) -> pa.Array | None:
        listed = self._columns.get(field)
        return self._samples.column(listed[0]).text if listed else None

    def _assigned(self, header: Sequence[str]) -> dict[str, str]:
        chosen: dict[str, str] = {}
        for field in self.chosen:
            ranks = synonyms.COLUMNS[field]
            named = [name for name in header if synonyms.squash(name) in ranks and name not in chosen.values()]
            for name in sorted(named, key=lambda name: ranks[synonyms.squash(name)]):
                if evidence.bears_out(field, self._samples.column(name)):
                    chosen[field] = name
                    break
        free = [name for name in header if name not in chosen.values()]
        chosen |= {field: name for field, name in self._by_value(free, chosen).items() if field in self.chosen}
        if not {"anonymous_id", "user_id", "email"} & chosen.keys() and "session_id" in chosen:
            # With no id of a person, a session is as much of a visitor as the data knows.
            chosen["anonymous_id"] = chosen.pop("session_id")
        return chosen

    def _by_value(self, free: Sequence[str], chosen: Mapping[str, str]) -> dict[str, str]:
        """Columns whose names say nothing and whose values say enough: times, known event names, browsers."""
        found: dict[str, str] = {}
        if "occurred_at" not in chosen and "original_at" not in chosen:
            timed = [name for name in free if self._samples.column(name).time[1] > 0.9]
            found |= {"occurred_at": timed[0]} if timed else {}
        if "event" not in chosen:
            events = [
                name
                for name in free
                if self._samples.column(name).known_events > 0.3 and len(self._samples.column(name).values) > 1
            ]
            found |= {"event": events[0]} if events else {}
        if "user_agent" not in chosen:
            agents = [name for name in free if self._samples.column(name).agents > 0.9]
            found |= {"user_agent": agents[0]} if agents else {}
        return found

    def _finding(self, field: str, listed: Sequence[str]) -> Finding:
        profile = self._samples.column(listed[0])
        named = self._named(field, listed[0])
        why = "named like it" if named else "its values look like it"
        if field in ("occurred_at", "original_at", "sent_at", "received_at"):
            why += f", values are times ({profile.time[0]})"
        elif field == "event_id":
            why += ", no value twice" if profile.distinct == 1 else ", hardly a value twice"
        elif field in _ABOUT:
            why += f", values are {_ABOUT[field]}"
        if len(listed) > 1:
            why += "; renamed between files"
        return Finding(field, " or ".join(listed), profile.example, why)

    def _named(self, field: str, name: str) -> bool:
        words = KINDS[self._settled.kind].columns.get(field, {})
        return synonyms.squash(name) in synonyms.COLUMNS.get(field, {}) or kind_words.base(name) in words

    def _follow_renames(self, headers: Sequence[tuple[str, ...]]) -> None:
        for old, new in renames.between(headers):
            field = next((field for field, listed in self._columns.items() if old in listed), None)
            taken = any(new in listed for listed in self._columns.values())
            if field is not None and not taken:
                self._columns[field].append(new)
            elif field is None and not taken and synonyms.squash(old) == synonyms.squash(new):
                self._columns[f"p.{old}"] = [old, new]
        for field, listed in self._columns.items():
            for name in listed[1:]:
                reader = self._readers[self._samples.first[name]]
                self._warnings.append(f"{field}: {listed[0]!r} is called {name!r} in {reader.name}")

    def _look_inside(self) -> None:
        """JSON columns: one holds the properties; keys inside feed fields that have no column of their own."""
        taken = {name for listed in self._columns.values() for name in listed}
        found = [name for name in self._samples.first if name not in taken and self._samples.column(name).objects]
        ranks = synonyms.COLUMNS["properties"]
        found.sort(key=lambda name: ranks.get(synonyms.squash(name), 99))
        if found and (synonyms.squash(found[0]) in ranks or len(found) == 1):
            self._columns["properties"] = [found[0]]
            inner = ", ".join(
                list(dict.fromkeys(key for value in self._samples.column(found[0]).objects for key in value))[:8]
            )
            self._findings.append(
                Finding("properties", found[0], self._samples.column(found[0]).example, f"JSON objects with {inner}")
            )
        for field, paths in self._inner_fields(found).items():
            if field not in self._columns:
                self._columns[field] = paths
                self._findings.append(
                    Finding(field, " or ".join(paths), self._samples.example(paths), "a key inside JSON")
                )

    def _inner_fields(self, columns: Sequence[str]) -> dict[str, list[str]]:
        hits: dict[str, list[tuple[int, str]]] = {}
        for column in columns:
            for path, value in evidence.leaves(self._samples.column(column).objects).items():
                for field, ranks in synonyms.INSIDE.items():
                    rank = ranks.get(synonyms.squash(path[-1]))
                    if rank is None or not evidence.fits(field, value):
                        continue
                    spec = ".".join((column, *path))
                    if (rank, spec) not in hits.setdefault(field, []):
                        hits[field].append((rank, spec))
        return {field: [spec for _, spec in sorted(found)] for field, found in hits.items() if found}

    def _known_by_email(self) -> None:
        """Where rows carry nothing else, the e-mail is who they are; beside other ids it only links them."""
        if "email" in self._columns and not {"anonymous_id", "user_id"} & self._columns.keys():
            self._columns["user_id"] = self._columns["email"]
            raw = " or ".join(self._columns["email"])
            sample = self._samples.example(self._columns["email"])
            self._findings.append(Finding("user_id", raw, sample, "the only id there is"))

    def _event_constant(self) -> dict[str, str]:
        columns = self._columns
        if columns.keys() & {"event", "type"} or not {"order_id", "revenue"} <= columns.keys():
            return {}
        if {"price", "quantity"} <= columns.keys() or self._samples.column(columns["order_id"][0]).distinct < 0.95:
            return {}
        self._findings.append(
            Finding("event", "", "Order Completed", "no event name, and each row is an order of its own")
        )
        return {"event": "Order Completed"}

    def _refund(self) -> str:
        order, quantity = self._text("order_id"), self._text("quantity")
        found = refund_pattern(order, quantity) if order is not None and quantity is not None else ""
        if found:
            why = "these orders, and hardly any others, have negative quantities"
            self._findings.append(Finding("refund", found, "", why))
        return found

    def _real_ids(self) -> tuple[str, ...]:
        for field in ("anonymous_id", "user_id"):
            for name in self._columns.get(field, ()):
                profile = self._samples.column(name) if name in self._samples.first else None
                if profile is not None and profile.integers and len(profile.values) >= 20:
                    self._findings.append(
                        Finding("real_ids", "1", "", f"{name} holds running numbers, so 1 is somebody")
                    )
                    return ("1",)
        return ()

    def _doubts(self, given: ColumnMap) -> None:
        if not {"anonymous_id", "user_id"} & given.columns.keys():
            self._warnings.append("no column holds an id: all events will be of nobody")
        if {"revenue", "price"} & given.columns.keys() and "currency" not in given.columns:
            self._warnings.append("no column holds a currency: amounts are in the store's own")
