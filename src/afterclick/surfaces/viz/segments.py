"""Segments: the saved ones side by side, one beside the others, who came and went, and how a rule is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from afterclick.core import rule as rules
from afterclick.core.result import Result
from afterclick.surfaces.viz import cells
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.markup import Child, Html, el, join, said
from afterclick.surfaces.viz.series import Step, series
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

TEMPLATES: Final = (
    ("new_paid", "first_touch.paid && visitor.sessions == 1 && !visitor.known"),
    ("browsing", "visitor.sessions >= 2 && visitor.orders == 0"),
    ("basket", "has(basket.abandoned_at) && since(basket.abandoned_at) < 7d"),
    ("once", "visitor.orders == 1"),
    ("loyal", 'rfm.name in ["champions", "loyal"]'),
    ("quiet", "visitor.orders >= 1 && since(visitor.last_seen_at) > 14d"),
)
"""Ready-made rules by the id of their name; they ask for what every store knows."""

_WAYS: Final = (
    'count("Product Viewed", 7d) >= 3', 'performed("Product Added") && !performed("Order Completed", 30d)',
    'since("Order Completed") > 30d', 'sum("Order Completed", revenue, 90d) >= 100000',
    'sequence("Product Added" then not "Order Completed" within 1d)',
    'reached("Product Viewed" then "Product Added" then "Order Completed" within 7d) == 2',
    'last("Identified", plan) == "gold"', 'was(trait.plan == "gold", 30d)', "basket.value >= 20000 && basket.value < 30000",
    'session.portal && session.paid && session.pages >= 4', 'visitor.stage == "Close"', "rfm.recency >= 4",
)  # fmt: skip
_PEOPLE: Final = frozenset({"visitors", "buyers"})


def saved(result: Result, voice: Voice) -> Html:
    """Saved segments and lists in a table; without one, how to make the first."""
    told = result.parts["problems"].to_pylist() if "problems" in result.parts else []
    problems = {row["segment"]: row["problem"] for row in told if row["lang"] == voice.lang}
    rows = [{**row, "problem": problems.get(row["name"], row["problem"])} for row in result.frame.to_pylist()]
    columns = [
        Column(voice.text("segments.name"), lambda row: _named(row, voice)),
        Column(voice.text("segments.rule"), lambda row: _rule(row, voice)),
        Column(voice.text("segments.members"), lambda row: _members(row, voice), True),
        Column(voice.text("segments.active"), lambda row: voice.number(row["active"]), True),
        Column(voice.text("segments.buyer_rate"), lambda row: voice.rate(row["buyer_rate"]), True),
        Column(voice.text("segments.orders"), lambda row: voice.number(row["orders"]), True),
        Column(voice.text("segments.revenue"), lambda row: _worth(row, voice), True),
    ]
    body: Child = table(columns, rows, label=voice.text("segments.title"), css="wide") if rows else None
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, result.sentence(voice.lang)),
        body or el("p", None, voice.text("segments.none_hint")),
        foot(result, voice),
    )


def _named(row: Row, voice: Voice) -> Child:
    name = voice.link(said(row["name"]), "segments", rule=row["name"]) if not row["problem"] else said(row["name"])
    if row["kind"] == "list":
        return join([name, el("small", None, voice.text("segments.list_of", at=voice.day(row["taken_at"], year=True)))])
    return name


def _rule(row: Row, voice: Voice) -> Child:
    if row["problem"]:
        return el("span", {"class": "bad"}, said(row["problem"]))
    return el("small", {"title": row["rule"][:400]}, said(_words(row["rule"], voice)))


def _words(text: str, voice: Voice) -> str:
    return rules.parse(text).words(voice.lang)


def _members(row: Row, voice: Voice) -> Child:
    if row["members"] is None:
        return "–"
    share = el("small", None, voice.rate(row["share_rate"]))
    return join([voice.mark(voice.number(row["members"]), f"segment={row['name']}"), " ", share])


def _worth(row: Row, voice: Voice) -> Child:
    if row["revenue"] is None:
        return "–"
    return join([voice.money(row["revenue"]), " ", el("small", None, voice.rate(row["revenue_rate"]))])


def segment(result: Result, voice: Voice) -> Html:
    """The finding, the rule in words, and its figures beside those of the others."""
    figures = result.figures
    rest = str(result.spec.changed().get("against", "rest")).strip() == "rest"
    other = voice.text("segments.rest" if rest else "segments.compared")
    heads = [
        (voice.text("segments.here"), figures["members"], "members"),
        (other, figures["compared"], "others"),
    ]
    sizes = [
        el("li", None, el("span", None, f"{name}: "), voice.mark(voice.number(n), cell)) for name, n, cell in heads
    ]
    columns = [
        Column(voice.text("segments.figure"), lambda row: _metric(row, voice)),
        Column(voice.text("segments.here"), lambda row: _value(row, "value", "", voice), True),
        Column(other, lambda row: _value(row, "other", "side=other;", voice), True),
        Column(voice.text("segments.difference"), lambda row: _difference(row, voice), True),
    ]
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, result.sentence(voice.lang)),
        el("p", {"class": "caption"}, voice.text("segments.means"), " ", said(_words(figures["rule"], voice))),
        el("p", {"class": "written"}, el("code", None, said(figures["rule"]))),
        el("ul", {"class": "sizes"}, sizes),
        table(columns, result.frame.to_pylist(), label=voice.text("segments.compare"), css="wide"),
        foot(result, voice),
    )


def _metric(row: Row, voice: Voice) -> str:
    known = voice.known(f"column.{row['metric']}") or row["metric"].replace("_", " ")
    return known[:1].upper() + known[1:]


def _said(row: Row, value: float | None, voice: Voice) -> str:
    return cells.read(row["metric"], value, voice.lang, voice.currency, row["unit"], voice.zone)


def _value(row: Row, side: str, cell: str, voice: Voice) -> Child:
    edge = "" if side == "value" else "other_"
    value, low, high = row[side], row[f"{edge}low"], row[f"{edge}high"]
    if value is None:
        reason = voice.known(f"reason.{row['reason']}") if row["reason"] else None
        return el("span", {"title": reason}, "–")
    shown = _said(row, value, voice)
    tip = None if low is None else f"{_said(row, low, voice)} – {_said(row, high, voice)}"
    return voice.mark(shown, f"{cell}metric={row['metric']}" if row["metric"] in _PEOPLE else None, tip=tip)


def _difference(row: Row, voice: Voice) -> Child:
    """The difference with its interval; within chance it is grey and says so."""
    value = row["difference"]
    if value is None or row["metric"] in ("visitors", "sessions", "orders", "buyers", "revenue"):
        return "–"
    shown = voice.points(value) if row["unit"] == "rate" else _signed(row, value, voice)
    if row["differs"] is None:
        reason = voice.known(f"reason.{row['reason']}") if row["reason"] else None
        return el("span", {"class": "muted"}, shown, el("small", None, reason) if reason else None)
    low, high = row["difference_low"], row["difference_high"]
    edges = [voice.points(edge) if row["unit"] == "rate" else _signed(row, edge, voice) for edge in (low, high)]
    word = voice.text("segments.beyond" if row["differs"] else "segments.within_chance")
    return el(
        "span",
        {"class": None if row["differs"] else "muted", "title": f"{edges[0]} – {edges[1]}"},
        shown, el("small", None, word),
    )  # fmt: skip


def _signed(row: Row, value: float, voice: Voice) -> str:
    shown = _said(row, value, voice)
    return shown if value <= 0 else f"+{shown}"


def moves(result: Result, voice: Voice, view: str) -> Html | None:
    """Members over time; who entered and who left, in a table."""
    rows = result.parts["trend"].to_pylist()
    if not rows:
        return None
    hourly = result.figures["interval"] == "hour"
    steps = [
        Step(
            label=voice.instant(row["start_at"])[-5:] if hourly else voice.day(row["start_at"]),
            name=voice.instant(row["start_at"]) if hourly else voice.day(row["start_at"], year=True),
            value=row["members"],
            shown=voice.number(row["members"]),
            running=row["incomplete"],
        )
        for row in rows
    ]
    drawn = None if view == "table" else series(steps, read=voice.short, label=voice.text("segments.over_time"), voice=voice)
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, _moved(rows, voice)),
        el("p", {"class": "caption"}, voice.text("segments.over_time")),
        drawn,
        el(
            "details",
            {"class": "more", "open": view == "table" or len(rows) <= 8},
            el("summary", None, voice.text("segments.comings")),
            table(_comings(steps, voice), rows, label=voice.text("segments.comings")),
        ),
        foot(result, voice),
    )


def _moved(rows: Sequence[Row], voice: Voice) -> str:
    entered, gone = sum(row["entered"] for row in rows), sum(row["gone"] for row in rows)
    return voice.text("segments.moved", entered=entered, gone=gone)


def _comings(steps: Sequence[Step], voice: Voice) -> list[Column]:
    def part(name: str) -> Column:
        return Column(
            voice.text(f"segments.{name}"),
            lambda row: voice.mark(voice.number(row[name]), f"interval={row['interval']};part={name}" if row[name] else None),
            True,
        )

    return [
        Column(voice.text("segments.interval"), lambda row: steps[row["interval"]].name),
        Column(voice.text("segments.members"), lambda row: voice.number(row["members"]), True),
        part("entered"),
        part("gone"),
    ]


def templates(_result: Result, voice: Voice) -> Html:
    """Ready-made segments to open, and how a rule is written."""
    ready = [_template(name, text, voice) for name, text in TEMPLATES]
    ways = [el("li", None, el("code", None, text), el("small", None, _words(text, voice))) for text in _WAYS]
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, voice.text("segments.ready")),
        el("ul", {"class": "ready"}, ready),
        el("h3", {"class": "sub"}, voice.text("segments.how")),
        el("p", {"class": "caption"}, voice.text("segments.how_hint")),
        el("ul", {"class": "ways"}, ways),
    )


def _template(name: str, text: str, voice: Voice) -> Html:
    label = voice.text(f"segments.ready_{name}")
    opened = el("a", {"href": voice.go({"rule": text})}, label) if voice.go else el("b", None, label)
    return el("li", None, opened, el("small", None, _words(text, voice)))
