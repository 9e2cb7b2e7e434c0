"""All alerts of the store as they stand: which ring, beside what, carried by what, and when each rang last."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final

import msgspec
import pyarrow as pa
from msgspec import Meta

from afterclick.analyse.context import Context
from afterclick.analyse.question import Question
from afterclick.core import clock, i18n, spans
from afterclick.core.errors import SpecError, nearest_or_known
from afterclick.core.event import INSTANT
from afterclick.core.result import Note, Result, Text
from afterclick.core.said import Said, say
from afterclick.core.spec import Spec
from afterclick.observe.alerts.asking import Ask
from afterclick.observe.alerts.causes import Cause, causes
from afterclick.observe.alerts.check import Check, check
from afterclick.observe.alerts.history import Fired, History
from afterclick.store.documents import Alert

_SCHEMA = pa.schema(
    [
        ("state", pa.string()), ("alert", pa.string()), ("kind", pa.string()), ("question", pa.string()),
        ("figure", pa.string()), ("days", pa.string()), ("value", pa.float64()), ("usual", pa.float64()),
        ("low", pa.float64()), ("high", pa.float64()), ("reason", pa.string()), ("problem", pa.string()), ("unit", pa.string()),
        ("before", pa.string()), ("cooldown", pa.string()), ("false_rate", pa.float64()), ("last_fired_at", INSTANT),
        ("cooling", pa.bool_()),
    ]
)  # fmt: skip
_CAUSES = pa.schema(
    [
        ("alert", pa.string()), ("field", pa.string()), ("value", pa.string()), ("now", pa.float64()),
        ("before", pa.float64()), ("effect", pa.float64()),
    ]
)  # fmt: skip
_PROBLEMS = pa.schema([("alert", pa.string()), ("lang", pa.string()), ("problem", pa.string())])
_HISTORY = pa.schema(
    [
        ("alert", pa.string()), ("fired_at", INSTANT), ("days", pa.string()), ("value", pa.float64()),
        ("low", pa.float64()), ("high", pa.float64()),
    ]
)  # fmt: skip
_ORDER: Final = {"ringing": 0, "unknown": 1, "quiet": 2}
_PAST: Final = 50


class Alerts(Question, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Alerts: numbers of any report beyond a threshold, or unusual for their weekday, and what carried the change."""

    key_word = "alerts"
    kept: ClassVar[bool] = False

    name: Annotated[
        tuple[str, ...], Meta(description="only the alerts of these names; none = all", examples=["Few orders"])
    ] = ()

    def answer(self, context: Context) -> Result:
        """Look at every alert now; each asks its own question in its own scope, as known at `as_of`."""
        alerts = self._chosen(context)
        ask = _asker(context, self.as_of)
        found = [check(alert, ask, context) for alert in alerts] if context.snapshot.rows else _nothing(alerts)
        found.sort(key=lambda one: (_ORDER[one.state], one.alert.name))
        history = History(context.snapshot.folder)
        last = history.last()
        why = [cause for one in found if one.state == "ringing" for cause in causes(one, ask)]
        counts = {state: sum(one.state == state for one in found) for state in _ORDER}
        rows = [_row(one, last) for one in found]
        cooling = sum(row["cooling"] for row in rows)
        parts = {
            "causes": pa.Table.from_pylist([_cause(one) for one in why], schema=_CAUSES),
            "history": pa.Table.from_pylist(
                [_past(one) for one in history.read()[: -_PAST - 1 : -1]], schema=_HISTORY
            ),
        }
        wrong = [
            {"alert": one.alert.name, "lang": lang, "problem": say(one.problem, lang)}
            for one in found
            if one.problem
            for lang in i18n.languages()
        ]
        if wrong:
            parts["problems"] = pa.Table.from_pylist(wrong, schema=_PROBLEMS)
        return Result(
            self, pa.Table.from_pylist(rows, schema=_SCHEMA), sentence=_sentence(found, counts), parts=parts,
            figures={"alerts": len(found), **counts, "cooling": cooling, "fired": counts["ringing"] - cooling},
            notes=_notes(found), about=_about(context, self.as_of),
        )  # fmt: skip

    def _chosen(self, context: Context) -> list[Alert]:
        alerts = context.snapshot.definitions.alerts
        known = [alert.name for alert in alerts]
        for name in self.name:
            if name not in known:
                hint = nearest_or_known(name, known, "refusals.known_alerts")
                raise SpecError(Said("refusals.no_alert", name=name), hint=hint, path="name")
        return [alert for alert in alerts if not self.name or alert.name in self.name]


def fired_of(result: Result, at: int) -> tuple[list[Fired], dict[str, int]]:
    """The alarms of an answer that are to be remembered, and the cool-down of each alert in µs."""
    why: dict[str, list[tuple[str, str, float]]] = {}
    for row in result.parts["causes"].to_pylist():
        why.setdefault(row["alert"], []).append((row["field"], row["value"], row["effect"]))
    ringing = [row for row in result.frame.to_pylist() if row["state"] == "ringing"]
    alarms = [
        Fired(
            alert=row["alert"], at=at, days=row["days"], value=row["value"], usual=row["usual"], low=row["low"],
            high=row["high"], causes=tuple(why.get(row["alert"], ())),
        )
        for row in ringing
    ]  # fmt: skip
    return alarms, {row["alert"]: spans.micros(row["cooldown"]) for row in ringing}


def _asker(context: Context, as_of: str) -> Ask:
    """Answers in this context; equal questions of several alerts are answered once."""
    known: dict[str, Result] = {}

    def ask(spec: Spec) -> Result:
        names = {field.name for field in type(spec).fields()}
        if as_of and "as_of" in names:
            spec = msgspec.structs.replace(spec, as_of=as_of)
        if spec.key not in known:
            known[spec.key] = spec.answer(context)  # type: ignore[attr-defined]
        return known[spec.key]

    return ask


def _nothing(alerts: list[Alert]) -> list[Check]:
    return [Check(alert, "unknown", reason="empty") for alert in alerts]


def _row(found: Check, last: dict[str, int]) -> dict[str, Any]:
    alert = found.alert
    rang = last.get(alert.name)
    cooling = found.state == "ringing" and rang is not None and clock.now() - rang < spans.micros(alert.cooldown)
    return {
        "state": found.state, "alert": alert.name, "kind": alert.kind, "question": alert.question,
        "figure": alert.figure, "days": found.days, "value": found.value, "usual": found.usual, "low": found.low,
        "high": found.high, "reason": found.reason, "problem": say(found.problem), "unit": found.unit, "before": found.before,
        "cooldown": alert.cooldown, "false_rate": float(alert.false_rate) if alert.kind == "unusual" else None,
        "last_fired_at": rang, "cooling": cooling,
    }  # fmt: skip


def _cause(found: Cause) -> dict[str, Any]:
    return {**found._asdict(), "effect": found.effect}


def _past(found: Fired) -> dict[str, Any]:
    return {
        "alert": found.alert, "fired_at": found.at, "days": found.days, "value": found.value, "low": found.low,
        "high": found.high,
    }  # fmt: skip


def _sentence(found: list[Check], counts: dict[str, int]) -> Text:
    if not found:
        return Text("sentence.alerts_none")
    if not counts["ringing"]:
        return Text("sentence.alerts_quiet", {"count": len(found)})
    names = [one.alert.name for one in found if one.state == "ringing"]
    return Text("sentence.alerts_ring", {"ringing": counts["ringing"], "count": len(found), "names": names[:5]})


def _notes(found: list[Check]) -> tuple[Note, ...]:
    notes = [Note("alerts_unusual")] if any(one.alert.kind == "unusual" for one in found) else []
    if any(one.reason == "few_weeks" for one in found):
        notes.append(Note("alerts_few_weeks"))
    broken = [one.alert.name for one in found if one.problem]
    return (*notes, Note("alerts_broken", {"names": broken})) if broken else tuple(notes)


def _about(context: Context, as_of: str) -> dict[str, Any]:
    definitions, snapshot = context.snapshot.definitions, context.snapshot
    known = clock.iso(context.as_of(as_of)) if snapshot.rows else None
    return {
        "unit": "alerts", "range": None, "compare": None, "timezone": definitions.timezone,
        "currency": definitions.currency, "as_of": known, "filters": [], "fingerprint": snapshot.fingerprint,
        "store": definitions.name, "example": definitions.example,
    }  # fmt: skip
