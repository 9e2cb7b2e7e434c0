"""What visitors lean to: categories, brands and price levels as bars, with how often and how recently in the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from afterclick.core.result import Result
from afterclick.surfaces.viz.barlist import Line, barlist, tabs
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.markup import Child, Html, el, said
from afterclick.surfaces.viz.metrics import exact, shown, title
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]
LEANS: Final = ("category", "brand", "price")
SHORT: Final = 10
_FIGURES: Final = {
    "share_rate": "rate", "signals": "count", "signals_per_visitor": "count", "views": "count", "wishes": "count",
    "searches": "count", "baskets": "count", "orders": "count",
}  # fmt: skip


def affinities(result: Result, voice: Voice, view: str) -> Html:
    """The card with its tabs; the bars are visitors who lean to a value most."""
    of = str(result.about.get("of") or LEANS[0])
    rows = result.frame.to_pylist()
    head = voice.text("affinities.title")
    links = []
    if voice.go is not None:
        links = [(voice.text(f"affinities.by_{one}"), voice.go({"lean": one}) + "#card-affinities", one == of) for one in LEANS]
    sentence = result.sentence(voice.lang)
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, head),
        el("p", {"class": "lead"}, sentence[:1].upper() + sentence[1:]),
        el("p", {"class": "caption"}, voice.text("affinities.define")),
        tabs(links, head) if links else None,
        _bars(of, rows, result, voice) if rows and view != "table" else None,
        _details(of, rows, view == "table", voice) if rows else None,
        foot(result, voice),
    )


def leanings(result: Result, voice: Voice) -> Html | None:
    """What one visitor leans to, as shares of the strength of what they did; left out where no product says it."""
    if any(note.code == "affinities_unknown" for note in result.notes):
        return None
    of, rows = str(result.about.get("of") or LEANS[0]), result.frame.to_pylist()
    sentence = result.sentence(voice.lang)
    lines = [
        Line(
            name=value(of, row, voice), value=float(row["share_rate"] or 0), shown=voice.rate(row["share_rate"]),
            where=row["where"], note=voice.text("affinities.ago", span=voice.span(row["recency_seconds"])),
        )
        for row in sorted(rows, key=lambda row: (-row["strength"], row["value"]))[:SHORT]
    ]  # fmt: skip
    head, figure = voice.text(f"affinities.by_{of}"), voice.text("affinities.share")
    return el(
        "section",
        {"class": "panel card leanings"},
        el("h2", None, voice.text(f"affinities.one_{of}")),
        el("p", {"class": "caption"}, sentence[:1].upper() + sentence[1:]),
        barlist(lines, head=head, figure=figure, voice=voice) if lines else None,
    )


def value(of: str, row: Row, voice: Voice) -> str:
    """A value as a person reads it; a price level says where it ends."""
    if of != "price":
        return str(row["value"])
    level = voice.text(f"affinities.level_{row['value']}")
    edge = "" if row["up_to"] is None else voice.text("affinities.up_to", price=voice.money_full(exact(row["up_to"])))
    return f"{level} ({edge})" if edge else level


def _bars(of: str, rows: Sequence[Row], result: Result, voice: Voice) -> Html:
    lines = [
        Line(
            name=value(of, row, voice),
            value=float(row["leading"]),
            shown=voice.number(row["leading"]),
            cell=f"{of}={row['value']};part=leading" if row["leading"] else None,
            where=row["where"],
            note=voice.rate(row["leading_rate"], whole=True),
        )
        for row in rows[:SHORT]
    ]
    base = getattr(result.spec, "where", ())
    return barlist(
        lines, head=voice.text(f"affinities.by_{of}"), figure=title("leading", voice), voice=voice, base=base
    )


def _details(of: str, rows: Sequence[Row], stands: bool, voice: Voice) -> Html:
    def visitors(row: Row) -> Child:
        return voice.mark(voice.number(row["visitors"]), f"{of}={row['value']}")

    def leading(row: Row) -> Child:
        return voice.mark(voice.number(row["leading"]), f"{of}={row['value']};part=leading" if row["leading"] else None)

    def figure(column: str, unit: str) -> Column:
        return Column(title(column, voice), lambda row: shown(row[column], unit, voice, full=True), True)

    def recent(row: Row) -> Child:
        return voice.text("affinities.ago", span=voice.span(row["recency_seconds"]))

    columns = [
        Column(voice.text(f"affinities.by_{of}"), lambda row: said(value(of, row, voice))),
        Column(title("visitors", voice), visitors, True),
        Column(title("leading", voice), leading, True),
        Column(title("recency_seconds", voice), recent, True),
        *(figure(name, unit) for name, unit in _FIGURES.items()),
    ]
    head = voice.text("affinities.all")
    made = table(columns, rows, label=head, css="wide")
    return made if stands else el("details", {"class": "more"}, el("summary", None, head), made)
