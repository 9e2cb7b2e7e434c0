"""The Data page: what the store holds, one card per view of the same Result."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from afterclick.core.result import Result
from afterclick.surfaces.viz.bars import bar, spark
from afterclick.surfaces.viz.markup import Child, Html, el, join, said
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

SHOWN: Final = 50
_SIGN: Final = {"ok": "✓", "notice": "◐", "warning": "●"}
_TILES: Final = ("events", "visitors", "ids", "links", "imports", "rejected", "duplicates", "nobody", "future")


def tiles(result: Result, voice: Voice) -> Html:
    """The finding, the figures of the store, and its days as one row of columns."""
    figures = result.figures
    shown = [_tile(voice.text(f"data.{name}"), voice.number(figures[name])) for name in _TILES if name in figures]
    if figures.get("bots_rate") is not None:
        value = f"{voice.number(figures.get('bots_events') or 0)} · {voice.rate(figures['bots_rate'])}"
        shown.append(_tile(voice.text("data.bots"), value))
    days = _part(result, "days")
    span = None
    if figures.get("first_at") is not None and figures.get("last_at") is not None:
        first, last = voice.instant(figures["first_at"]), voice.instant(figures["last_at"])
        span = el("p", {"class": "caption"}, voice.text("data.span", first=first, last=last))
    drawn = None
    if days:
        label = voice.text("data.days_label", n=len(days), most=max(row["events"] for row in days))
        drawn = el("div", {"class": "days"}, spark([row["events"] for row in days], label=label), span)
    finding = el("p", {"class": "finding"}, result.sentence(voice.lang))
    return join([finding, el("section", {"class": "panel card"}, el("dl", {"class": "tiles"}, shown), drawn or span)])


def _tile(name: str, value: str) -> Html:
    return el("div", None, el("dt", None, name), el("dd", None, value))


def checks(result: Result, voice: Voice) -> Html | None:
    """Quality checks: severity as shape and word, the finding in a sentence, examples."""
    rows = _part(result, "checks")
    if not rows:
        return None
    order = {"warning": 0, "notice": 1}
    shown = sorted((row for row in rows if row["severity"] != "ok"), key=lambda row: order.get(row["severity"], 2))
    passed = [row for row in rows if row["severity"] == "ok"]
    body = [
        el("ul", {"class": "checks"}, [_check(row, voice) for row in shown]) if shown else None,
        el(
            "details",
            {"class": "passed"},
            el("summary", None, voice.text("data.passed", n=len(passed))),
            el("ul", {"class": "checks"}, [_check(row, voice) for row in passed]),
        )
        if passed
        else None,
    ]
    return _card(voice.text("data.checks"), voice.text("data.checks_caption"), body)


def _check(row: Row, voice: Voice) -> Html:
    severity = str(row["severity"])
    word = voice.text(f"data.severity_{severity}")
    finding = finding_of(row, voice)
    examples = str(row.get("examples") or "")
    return el(
        "li",
        {"class": f"check {severity}"},
        el("span", {"class": f"badge {severity}"}, f"{_SIGN.get(severity, '○')} {word}"),
        el(
            "div",
            None,
            el("p", None, finding),
            el("p", {"class": "caption"}, said(examples)) if examples else None,
        ),
        el("span", {"class": "r"}, voice.number(row["count"])),
    )


def finding_of(row: Row, voice: Voice) -> str:
    """The sentence of a check in the page's language."""
    params = json.loads(row.get("params") or "{}")
    return voice.text(str(row["text_id"]), **params)


def events(result: Result, voice: Voice) -> Html:
    """The catalogue of events, most frequent first, with the last 28 days of each."""
    rows = sorted(result.frame.to_pylist(), key=lambda row: -int(row["events"]))

    def name(row: Row) -> Child:
        raw = str(row["raw_names"] or "")
        tags = [
            el("span", {"class": "tag warn"}, voice.text("data.stopped")) if row["stopped"] else None,
            el("span", {"class": "tag"}, voice.text("data.system")) if row["system"] else None,
        ]
        different = raw and raw != row["event"]
        return join([said(row["event"]), tags, el("small", None, said(raw)) if different else None])

    columns = [
        Column(voice.text("data.event"), name),
        Column(voice.text("map.stage"), lambda row: said(voice.stage(row["stage"])) if row["stage"] else "–"),
        _count("data.events", "events", voice),
        Column(
            voice.text("data.visitors"),
            lambda row: voice.mark(voice.number(row["visitors"]), f"event={row['event']}" if row["visitors"] else None),
            True,
        ),
        Column(voice.text("map.share"), lambda row: _share(row, voice), True),
        Column(voice.text("data.last_28"), lambda row: _days(row, str(row["event"]), voice)),
        Column(voice.text("data.first_seen"), lambda row: voice.day(row["first_at"]), True),
        Column(voice.text("data.last_seen"), lambda row: voice.day(row["last_at"]), True),
    ]
    caption = voice.text("data.events_caption", n=len(rows))
    return _card(voice.text("data.catalogue"), caption, _limited(columns, rows, voice.text("data.catalogue"), voice))


def _share(row: Row, voice: Voice) -> Html:
    rate = row.get("share_rate")
    return el("span", {"class": "share"}, bar(rate), "–" if rate is None else voice.rate(rate))


def _days(row: Row, name: str, voice: Voice) -> Html:
    values = list(row.get("per_day") or [])
    label = voice.text("data.spark_label", name=name[:80], n=len(values), last=values[-1] if values else 0)
    return spark(values, label=label)


def sources(result: Result, voice: Voice) -> Html | None:
    """Where rows came from, per day."""
    columns = [
        Column(voice.text("data.source"), lambda row: said(row["source"])),
        _count("data.events", "events", voice),
        Column(voice.text("data.last_28"), lambda row: _days(row, str(row["source"]), voice)),
        Column(voice.text("data.first_seen"), lambda row: voice.day(row["first_at"]), True),
        Column(voice.text("data.last_seen"), lambda row: voice.day(row["last_at"]), True),
    ]
    return _listed("sources", columns, result, voice)


def imports(result: Result, voice: Voice) -> Html | None:
    """What was read in, row by row: read = stored + duplicates + rejected."""
    columns = [
        Column(voice.text("data.at"), lambda row: voice.instant(row["at"])),
        Column(voice.text("data.source"), lambda row: said(row["source"])),
        Column(voice.text("data.files"), lambda row: said(row["files"])),
        *(_count(f"data.{name}", name, voice) for name in ("read", "stored", "duplicates", "rejected")),
    ]
    return _listed("imports", columns, result, voice)


def rejects(result: Result, voice: Voice) -> Html | None:
    """Rows that could not become events: reason, number, how many still wait for a replay, one example."""

    def reason(row: Row) -> Child:
        return join([el("code", None, row["code"]), el("small", None, said(row["message"]))])

    columns = [
        Column(voice.text("data.reason"), reason),
        _count("data.rows", "rows", voice),
        _count("data.open", "open", voice),
        Column(voice.text("data.example"), lambda row: el("code", None, said(row["example"]))),
    ]
    return _listed("rejects", columns, result, voice)


def stages(result: Result, voice: Voice) -> Html | None:
    """Which rule leads into which stage, and what it matches."""
    columns = [
        Column(voice.text("map.stage"), lambda row: said(voice.stage(str(row["stage"])))),
        Column(voice.text("data.rule"), lambda row: el("code", None, said(row["rule"]))),
        _count("data.events", "events", voice),
        _count("data.visitors", "visitors", voice),
    ]
    return _listed("stages", columns, result, voice)


def properties(result: Result, voice: Voice) -> Html | None:
    """The properties events carry, with their kind and a sample."""
    columns = [
        Column(voice.text("data.property"), lambda row: el("code", None, said(row["property"]))),
        Column(voice.text("data.kind"), lambda row: voice.text(f"data.kind_{row['kind']}")),
        _count("data.events", "events", voice),
        _count("data.values", "values", voice),
        Column(voice.text("data.sample"), lambda row: said(row["sample"])),
    ]
    return _listed("properties", columns, result, voice)


def identity(result: Result, voice: Voice) -> Html | None:
    """How ids were stitched into visitors."""
    columns = [
        Column(voice.text("data.measure"), lambda row: voice.name("data.identity", str(row["measure"]))),
        Column(voice.text("data.value"), lambda row: _measured(row["value"], voice), True),
    ]
    return _listed("identity", columns, result, voice)


def _measured(value: Any, voice: Voice) -> Child:
    return said(value) if isinstance(value, str) else voice.number(value)


CARDS: Final[dict[str, Callable[[Result, Voice], Html | None]]] = {
    "store": tiles,
    "checks": checks,
    "events": events,
    "sources": sources,
    "stages": stages,
    "imports": imports,
    "rejects": rejects,
    "identity": identity,
    "properties": properties,
}
"""The cards of the Data page in their order."""


def _part(result: Result, name: str) -> list[dict[str, Any]]:
    found = result.parts.get(name)
    return [] if found is None else found.to_pylist()


def _count(head: str, field: str, voice: Voice) -> Column:
    return Column(voice.text(head), lambda row: "–" if row[field] is None else voice.number(row[field]), True)


def _listed(name: str, columns: list[Column], result: Result, voice: Voice) -> Html | None:
    rows = _part(result, name)
    if not rows:
        return None
    title = voice.text(f"data.title_{name}")
    return _card(title, voice.text(f"data.caption_{name}", n=len(rows)), _limited(columns, rows, title, voice))


def _limited(columns: list[Column], rows: list[dict[str, Any]], label: str, voice: Voice) -> Html:
    behind = len(rows) - SHOWN
    rest = el("p", {"class": "caption"}, voice.text("data.more_rows", n=behind)) if behind > 0 else None
    return table(columns, rows[:SHOWN], label=label, foot=rest)


def _card(title: str, caption: str, *body: Child) -> Html:
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, title),
        el("p", {"class": "caption"}, caption),
        list(body),
    )
