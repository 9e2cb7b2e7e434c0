"""One visitor's page: who it is as far as that is known, the stages, the ids with why, and the timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from afterclick.core.result import Result
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.lanes import COLOURS
from afterclick.surfaces.viz.markup import Child, Html, el, join, said
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

_NARROW: Final = 0.8
"""A stage that took no time worth drawing is still seen: its least width of 100."""


def summary(result: Result, voice: Voice) -> Html:
    """Known as, totals, and how long each stage took."""
    figures = result.figures
    name = figures["known_as"] or voice.text("visitor.anonymous")
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, said(name), el("span", {"class": "tag"}, said(figures["visitor"]))),
        el("p", {"class": "finding"}, result.sentence(voice.lang)),
        el("dl", {"class": "tiles"}, _tiles(figures, voice)),
        _stages(result.parts["stages"].to_pylist(), voice),
        foot(result, voice),
        el("p", {"class": "actions"}, voice.link(voice.text("visitor.back"), "visitors", "button")),
    )


def _tiles(figures: Row, voice: Voice) -> list[Html]:
    tiles = [(name, voice.number(figures[name])) for name in ("sessions", "pageviews", "events", "orders")]
    tiles += [(name, voice.money_full(figures[name])) for name in ("revenue", "aov") if figures[name] is not None]
    tiles += [
        (name, voice.instant(figures[f"{name}_at"])) for name in ("first_seen", "last_seen") if figures[f"{name}_at"]
    ]
    if figures["stage"]:
        tiles.append(("stage", voice.stage(figures["stage"])))
    tiles.append(("channel", voice.name("channel", figures["channel"])))
    if figures["device_type"]:
        tiles.append(("device", voice.name("device_type", figures["device_type"])))
    return [
        el(
            "div",
            {"class": "long" if len(value) > 14 else None},
            el("dt", None, voice.text(f"visitor.{name}")),
            el("dd", None, value),
        )
        for name, value in tiles
    ]


def _stages(rows: Sequence[Row], voice: Voice) -> Html | None:
    if not rows:
        return None
    shares = [max(_NARROW, 100 * (row["share_rate"] or 0.0)) for row in rows]
    whole, x, marks = sum(shares), 0.0, []
    for number, share in enumerate(shares):
        wide = 100 * share / whole
        marks.append(el("rect", {"class": f"s{number % COLOURS}", "x": x, "width": max(0.0, wide - 0.3), "height": 10}))
        x += wide
    spoken = [
        voice.text(
            "visitor.stage_span",
            stage=voice.stage(row["stage"]),
            span=voice.span(row["seconds"]),
            sessions=row["sessions"],
        )
        for row in rows
    ]
    return el(
        "figure",
        {"class": "stagebar"},
        el("figcaption", {"class": "caption"}, f"{voice.text('visitor.stages')}: {voice.text('visitor.stages_caption')}"),
        el(
            "svg",
            {"viewBox": "0 0 100 10", "preserveAspectRatio": "none", "role": "img",
             "aria-label": voice.text("visitor.stages_label", stages="; ".join(spoken))},
            marks,
        ),
        el("ol", None, [el("li", {"class": f"s{n % COLOURS}"}, text) for n, text in enumerate(spoken)]),
    )  # fmt: skip


def timeline(result: Result, voice: Voice) -> Html:
    """The sessions, the latest first; each opens its events."""
    rows = result.frame.to_pylist()
    events: dict[int, list[Row]] = {}
    for row in result.parts["events"].to_pylist():
        events.setdefault(row["session"], []).append(row)
    places = {row["stage"]: number for number, row in enumerate(result.parts["stages"].to_pylist())}
    items = [
        el(
            "li",
            {"class": _colour(row["stage_to"], places)},
            _session(row, events.get(row["session"], []), i == 0, voice),
        )
        for i, row in enumerate(rows)
    ]
    return _card(
        voice.text("visitor.timeline"),
        voice.text("visitor.timeline_caption") if rows else voice.text("visitor.no_sessions"),
        el("ol", {"class": "timeline"}, items) if rows else None,
    )


def _colour(stage: str, places: Mapping[str, int]) -> str | None:
    return f"s{places[stage] % COLOURS}" if stage in places else None


def _session(row: Row, events: Sequence[Row], first: bool, voice: Voice) -> Html:
    tags = []
    if row["orders"]:
        tags.append(el("span", {"class": "tag"}, voice.text("visitor.ordered", n=row["orders"])))
    if row["bounced"]:
        tags.append(el("span", {"class": "tag"}, voice.text("visitor.bounced")))
    facts = [
        voice.name("channel", row["channel"]), row["campaign"], row["term"],
        voice.name("device_type", row["device_type"]) if row["device_type"] else "",
        voice.text("visitor.landing", page=row["landing"]) if row["landing"] else "",
        voice.text("visitor.exit_page", page=row["exit_page"]) if row["exit_page"] else "",
        voice.text("visitor.session_line", pages=row["pages"], events=row["events"]), voice.span(row["seconds"]),
        voice.stage(row["stage_to"]) if row["stage_to"] else "",
        voice.money_full(row["revenue"]) if row["revenue"] else "",
    ]  # fmt: skip
    said_facts = join([said(fact), " · "] for fact in facts if fact)
    return el(
        "details",
        {"open": first or None},
        el(
            "summary",
            None,
            el("b", None, voice.text("visitor.session", n=row["session"])),
            " ",
            voice.instant(row["start_at"]),
            tags,
            el("small", None, Html(said_facts.removesuffix(" · "))),
        ),
        _events(row, events, voice),
    )


def _events(session: Row, events: Sequence[Row], voice: Voice) -> Html:
    def what(row: Row) -> Child:
        tags = [
            el("span", {"class": "tag warn"}, voice.text(f"visitor.{flag}")) for flag in ("error", "slow") if row[flag]
        ]
        amount = el("small", None, voice.money_full(row["amount"])) if row["amount"] is not None else None
        return join([said(row["event"]), tags, amount])

    columns = [
        Column(voice.text("column.at"), lambda row: voice.instant(row["at"])),
        Column(voice.text("column.event"), what),
        Column(voice.text("column.path"), lambda row: said(row["path"]) if row["path"] else "–"),
        Column(voice.text("column.stage"), lambda row: said(voice.stage(row["stage"])) if row["stage"] else "–"),
    ]
    left = session["events"] - len(events)
    rest = el("p", {"class": "caption"}, voice.text("visitor.more_events", n=left)) if left > 0 else None
    label = voice.text("visitor.events_of", n=session["session"])
    return join([table(columns, events, label=label) if events else None, rest])


def ids(result: Result, voice: Voice) -> Html:
    """The ids of the visitor."""
    rows = result.parts["ids"].to_pylist()

    def name(row: Row) -> Child:
        shared = el("span", {"class": "tag"}, voice.text("visitor.shared")) if row["shared"] else None
        return join([el("code", None, said(row["shown"])), shared])

    columns = [
        Column(voice.text("visitor.id"), name),
        Column(voice.text("visitor.type"), lambda row: voice.text(f"visitor.type_{row['type']}")),
        Column(voice.text("visitor.events_sent"), lambda row: voice.number(row["events"]), True),
        Column(voice.text("visitor.last_seen"), lambda row: voice.day(row["last_at"]) if row["last_at"] else "–", True),
    ]
    title = voice.text("visitor.ids")
    return _card(title, voice.text("visitor.ids_caption", n=len(rows)), table(columns, rows, label=title))


def stitches(result: Result, voice: Voice) -> Html | None:
    """Why these ids are one visitor, and the command that takes each link back."""
    rows = result.parts["stitches"].to_pylist()
    if not rows:
        return None

    def pair(row: Row) -> Child:
        gone = (
            None
            if row["standing"] or not row["undo"]
            else el("span", {"class": "tag"}, voice.text("visitor.taken_back"))
        )
        names = [el("code", None, said(row[f"{end}_shown"])) for end in ("first", "second")]
        return join([names[0], " – ", names[1], gone])

    def undo(row: Row) -> Child:
        if not row["undo"]:
            return "–"
        label = voice.text("visitor.undo" if row["standing"] else "visitor.redo")
        return join([el("small", None, label), el("code", {"data-copy": True, "tabindex": 0}, row["undo"])])

    columns = [
        Column(voice.text("visitor.together"), pair),
        Column(voice.text("visitor.why"), lambda row: voice.text(f"visitor.why_{row['why']}")),
        Column(voice.text("visitor.since"), lambda row: voice.day(row["at"]), True),
        Column(voice.text("visitor.undo"), undo),
    ]
    title = voice.text("visitor.stitches")
    return _card(title, voice.text("visitor.stitches_caption"), table(columns, rows, label=title))


def _card(title: str, caption: str, *body: Child) -> Html:
    return el(
        "section", {"class": "panel card"}, el("h2", None, title), el("p", {"class": "caption"}, caption), list(body)
    )
