"""What the store holds: events, sources, imports, rejects, properties, identity, and the checks of its quality."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.analyse.checks import checks
from afterclick.analyse.context import Context
from afterclick.analyse.describe import people_of
from afterclick.analyse.question import Question, narrowed, whole
from afterclick.analyse.scope import Scope, scope_of
from afterclick.analyse.symbols import Symbols, unknown_event
from afterclick.core import clock, spans
from afterclick.core.event import INSTANT, PROPERTY_PREFIX
from afterclick.core.moments import Share
from afterclick.core.names import OF_NOBODY, SYSTEM_EVENTS
from afterclick.core.result import Note, People, Result, Text
from afterclick.stitch.stages import stages_of
from afterclick.store import traffic
from afterclick.store.columns import Flag

SHOWN_DAYS = 28
STOPPED_DAYS = 3
SAMPLES = 3


class Data(Question, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the store holds: events, sources, rejected rows, and what looks wrong."""

    key_word = "data"

    def answer(self, context: Context) -> Result:
        """Describe the whole store, crawlers and system events included, whatever range or conditions were asked."""
        scope = scope_of(context, whole(self))
        reading = _Catalogue(scope)
        frame = reading.events()
        figures = reading.figures()
        params = {"events": figures["events"], "visitors": figures["visitors"], "names": frame.num_rows}
        return Result(
            self, frame, sentence=Text("sentence.data", params), figures=figures,
            notes=(Note("whole_store"),) if narrowed(self) else (), parts=reading.parts(figures),
            about=scope.about("events", visitors=figures["visitors"]), people=reading.people(frame),
        )  # fmt: skip


class _Catalogue:
    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.context = scope.context
        self.snapshot = scope.context.snapshot
        self.at = self.context.column("at")
        self.name = self.context.column("name")
        self.flags = self.context.column("flags")
        device = self.context.column("device")
        self.visitor = np.full(len(device), -1, np.int32)
        known = device >= 0
        self.visitor[known] = scope.labels.of(device[known], self.at[known])
        self.canonical, self.raw = self.context.names()
        self.events_known = sorted(set(self.canonical))
        place = {name: number for number, name in enumerate(self.events_known)}
        self.event = np.array([place[name] for name in self.canonical], np.int32)[self.name]
        self.last_day = int(self.days_of(self.at[self.at.argmax() :][:1])[0]) if len(self.at) else 0

    def events(self) -> pa.Table:
        stage_of = self._stage_of()
        rows = []
        counts = np.bincount(self.event, minlength=len(self.events_known))
        total = int(counts.sum())
        for number in np.argsort(-counts, kind="stable").tolist():
            here = np.flatnonzero(self.event == number)
            at, name = self.at[here], self.events_known[number]
            visitors = np.unique(self.visitor[here])
            per_day = self._per_day(at)
            raw = sorted({self.raw[code] for code in np.unique(self.name[here]).tolist()} - {name})
            rows.append(
                {
                    "event": name, "raw_names": ", ".join(raw), "system": name in SYSTEM_EVENTS,
                    "stage": stage_of.get(name, ""), "events": len(here), "visitors": int((visitors >= 0).sum()),
                    "share_rate": Share(len(here), total).rate, "first_at": int(at.min()), "last_at": int(at.max()),
                    "stopped": _stopped(per_day), "per_day": per_day,
                }
            )  # fmt: skip
        return pa.Table.from_pylist(rows, schema=_EVENTS)

    def days_of(self, at: np.ndarray) -> np.ndarray:
        """The site's calendar day of each instant, days since 1970; daylight saving included."""
        first = spans.local_day(int(self.at.min()), self.context.zone)
        count = (spans.local_day(int(self.at.max()), self.context.zone) - first).days + 1
        starts = [spans.midnight(first + timedelta(days=day), self.context.zone) for day in range(count)]
        since: np.ndarray = np.searchsorted(np.array(starts), at, side="right") - 1 + (first - date(1970, 1, 1)).days
        return since

    def _per_day(self, at: np.ndarray) -> list[int]:
        ago = self.last_day - self.days_of(at)
        return np.bincount(ago[ago < SHOWN_DAYS], minlength=SHOWN_DAYS)[::-1].tolist()  # type: ignore[no-any-return]

    def _stage_of(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for stage in stages_of(self.snapshot.definitions):
            for step in stage.enter:
                for code in self.context.name_codes(step.event).tolist():
                    found[self.canonical[code]] = stage.name
        return found

    def figures(self) -> dict[str, Any]:
        visitors = np.unique(self.visitor)
        counts = [entry.counts for entry in self.snapshot.imports]
        live = traffic.balance(self.snapshot)
        bots = int((self.flags & int(Flag.BOT) != 0).sum())
        return {
            "events": len(self.at), "visitors": int((visitors >= 0).sum()), "ids": self.snapshot.book("id").size,
            "links": self._links(), "first_at": _instant(self.at.min()), "last_at": _instant(self.at.max()),
            "imports": len(self.snapshot.imports),
            "rejected": sum(count.get("rejected", 0) for count in counts) + live.rejected,
            "duplicates": sum(count.get("duplicates", 0) for count in counts) + live.duplicates,
            "nobody": int(((self.visitor < 0) & ~self._of_nobody()).sum()),
            "bots_events": bots, "bots_rate": Share(bots, len(self.at)).rate,
            "future": int((self.flags & int(Flag.FUTURE) != 0).sum()),
        }  # fmt: skip

    def _links(self) -> int:
        """Pairs of ids that were seen together or linked, each once, however often and in however many segments."""
        edges = self.context.edges()
        low, high = np.minimum(edges.a, edges.b).astype(np.int64), np.maximum(edges.a, edges.b)
        return len(np.unique(low << 32 | high))

    def _of_nobody(self) -> np.ndarray:
        """Rows that concern no person by their nature: costs, products."""
        codes = [number for number, name in enumerate(self.events_known) if name in OF_NOBODY]
        return np.isin(self.event, codes)

    def parts(self, figures: dict[str, Any]) -> dict[str, pa.Table]:
        return {
            "imports": self._imports(),
            "days": self._days(),
            "rejects": self._rejects(),
            "stages": self._stages(),
            "properties": self._properties(),
            "identity": self._identity(figures),
            "checks": checks(self.scope),
        }

    def _imports(self) -> pa.Table:
        rows = [
            {
                "import": entry.id, "at": entry.at, "source": entry.source,
                "files": ", ".join(file.name for file in entry.files),
                **{count: entry.counts.get(count, 0) for count in ("read", "stored", "duplicates", "rejected")},
            }
            for entry in self.snapshot.imports
        ]  # fmt: skip
        live = traffic.balance(self.snapshot)
        if live.received:
            # Sealings come by the hour and say nothing of their own: live traffic is one line.
            at = max([entry.at for entry in self.snapshot.live], default=self.snapshot.last_at)
            counts = {"read": live.received, **{name: getattr(live, name) for name in ("stored", "duplicates", "rejected")}}
            rows.append({"import": "live", "at": at, "source": "live", "files": "", **counts})
        return pa.Table.from_pylist(rows, schema=_IMPORTS)

    def _days(self) -> pa.Table:
        days, place = np.unique(self.days_of(self.at), return_inverse=True)
        events = np.bincount(place, minlength=len(days))
        known = self.visitor >= 0
        pairs = np.unique(place[known].astype(np.int64) << 32 | self.visitor[known])
        visitors = np.bincount(pairs >> 32, minlength=len(days))
        return pa.table(
            {
                "day": pa.array(days.astype("datetime64[D]"), pa.date32()), "events": pa.array(events, pa.int64()),
                "visitors": pa.array(visitors, pa.int64()),
            }
        )  # fmt: skip

    def _rejects(self) -> pa.Table:
        groups: dict[str, dict[str, Any]] = {}
        replayed = self.snapshot.replayed
        for one in self.snapshot.rejects():
            group = groups.setdefault(
                one.code,
                {"code": one.code, "rows": 0, "open": 0, "example": one.original[:200], "message": one.message},
            )
            group["rows"] += 1
            group["open"] += one.id not in replayed
        rows = sorted(groups.values(), key=lambda group: (-group["open"], group["code"]))
        return pa.Table.from_pylist(rows, schema=_REJECTS)

    def _stages(self) -> pa.Table:
        rows = []
        for stage in stages_of(self.snapshot.definitions):
            symbols = Symbols(self.scope, stage.enter, path="stages", require=False)
            events, visitors = 0, []
            for chunk in self.snapshot.chunks(("device", "at", "name", "flags"), None):
                met = np.flatnonzero(symbols.of(chunk))
                events += len(met)
                visitors.append(np.unique(self.visitor[chunk.start + met]))
            found = np.unique(np.concatenate([np.zeros(0, np.int32), *visitors]))
            rule = ", ".join(step.text() for step in stage.enter)
            rows.append({"stage": stage.name, "rule": rule, "events": events, "visitors": int((found >= 0).sum())})
        kinds = [("stage", pa.string()), ("rule", pa.string()), ("events", pa.int64()), ("visitors", pa.int64())]
        return pa.Table.from_pylist(rows, schema=pa.schema(kinds))

    def _properties(self) -> pa.Table:
        rows = []
        for name in self.snapshot.property_names:
            values = self.context.column(PROPERTY_PREFIX + name)
            if self.snapshot.column_kind(PROPERTY_PREFIX + name) == "coded":
                there, texts = values >= 0, self.context.texts(PROPERTY_PREFIX + name)
                sample, distinct = ", ".join(text[:40] for text in texts[:SAMPLES]), len(texts)
                kind = "text"
            else:
                there, kind, distinct = ~np.isnan(values), "number", None
                numbers = values[there]
                sample = f"{numbers.min():g} … {numbers.max():g}" if len(numbers) else ""
            row = {"property": name, "events": int(there.sum()), "kind": kind, "values": distinct, "sample": sample}
            rows.append(row)
        kinds = [("property", pa.string()), ("events", pa.int64()), ("kind", pa.string()), ("values", pa.int64())]
        return pa.Table.from_pylist(rows, schema=pa.schema([*kinds, ("sample", pa.string())]))

    def _identity(self, figures: dict[str, Any]) -> pa.Table:
        namespaces = pc.utf8_slice_codeunits(self.snapshot.book("id").all, 0, 1)
        counts = {row["values"]: row["counts"] for row in pc.value_counts(namespaces).to_pylist()}
        labels = self.scope.labels
        rows = [
            {"measure": "visitors", "value": figures["visitors"]},
            {"measure": "anonymous_ids", "value": counts.get("a", 0)},
            {"measure": "user_ids", "value": counts.get("u", 0)},
            {"measure": "emails", "value": counts.get("e", 0)},
            {"measure": "links", "value": figures["links"]},
            {"measure": "shared_devices", "value": int((labels.label < 0).sum())},
            {"measure": "refused_links", "value": len(labels.refused)},
        ]
        return pa.Table.from_pylist(rows, schema=pa.schema([("measure", pa.string()), ("value", pa.int64())]))

    def people(self, frame: pa.Table) -> Callable[[str], People]:
        known = set(frame["event"].to_pylist())

        def people(cell: str) -> People:
            _, _, event = cell.partition("event=")
            if event not in known:
                raise unknown_event(self.scope, event or cell, "people")
            found = np.unique(self.visitor[self.event == self.events_known.index(event)])
            return people_of(self.scope, found[found >= 0], Text("people.event", {"event": event}))

        return people


def _stopped(per_day: list[int]) -> bool:
    """Came on most of the earlier days shown, and on none of the last three."""
    earlier, recent = per_day[:-STOPPED_DAYS], per_day[-STOPPED_DAYS:]
    return sum(recent) == 0 and sum(count > 0 for count in earlier) > len(earlier) / 2


def _instant(value: Any) -> str:
    return clock.iso(int(value))


_EVENTS = pa.schema(
    [
        ("event", pa.string()), ("raw_names", pa.string()), ("system", pa.bool_()), ("stage", pa.string()),
        ("events", pa.int64()), ("visitors", pa.int64()), ("share_rate", pa.float64()), ("first_at", INSTANT),
        ("last_at", INSTANT), ("stopped", pa.bool_()), ("per_day", pa.list_(pa.int64())),
    ]
)  # fmt: skip
_IMPORTS = pa.schema(
    [
        ("import", pa.string()), ("at", INSTANT), ("source", pa.string()), ("files", pa.string()),
        *((name, pa.int64()) for name in ("read", "stored", "duplicates", "rejected")),
    ]
)  # fmt: skip
_REJECTS = pa.schema(
    [
        ("code", pa.string()), ("rows", pa.int64()), ("open", pa.int64()), ("example", pa.string()),
        ("message", pa.string()),
    ]
)  # fmt: skip
