"""Recency by frequency as a heat table of five by five with the money in each cell, and the names of its cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from afterclick.core.result import Result
from afterclick.surfaces.viz.bars import bar
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.markup import Child, Html, el
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

LEVELS: Final = 8
"""Shades of the heat table."""


def rfm(result: Result, voice: Voice, view: str = "chart") -> Html:
    """The heat table: rows by recency, columns by frequency, colour by money (by buyers where no sum exists)."""
    rows = {(row["recency"], row["frequency"]): row for row in result.frame.to_pylist()}
    drawn = _listed(result, voice) if view == "table" else _heat(rows, voice)
    caption = voice.text("rfm.caption" if result.figures["revenue"] is not None else "rfm.caption_counts")
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, result.sentence(voice.lang)),
        el("p", {"class": "caption"}, caption),
        drawn,
        foot(result, voice),
    )


def _heat(rows: Mapping[tuple[int, int], Row], voice: Voice) -> Html:
    """A real table whose cells carry their shade."""
    levels = _levels(rows)
    recencies = sorted({recency for recency, _ in rows}, reverse=True)
    frequencies = sorted({frequency for _, frequency in rows})

    def td(row: Row) -> Html:
        shade = levels[row["recency"], row["frequency"]]
        return el("td", {"class": f"h{shade}" if row["customers"] else None}, _cell(row, voice))

    heads = [voice.text("rfm.corner"), *(voice.text("rfm.frequency", score=score) for score in frequencies)]
    body = [
        el(
            "tr",
            None,
            el("th", {"scope": "row"}, voice.text("rfm.recency", score=recency)),
            [td(rows[recency, frequency]) for frequency in frequencies],
        )
        for recency in recencies
    ]
    head = el("tr", None, [el("th", {"scope": "col"}, text) for text in heads])
    made = el("table", {"class": "cohorts rfm"}, el("thead", None, head), el("tbody", None, body))
    label = voice.text("rfm.title")
    return el("div", {"class": "scroll", "tabindex": 0, "role": "region", "aria-label": label}, made)


def _levels(rows: Mapping[tuple[int, int], Row]) -> dict[tuple[int, int], int]:
    """The shade of each cell by its share of the largest."""
    weight = {
        cell: float(row["customers"] if row["revenue"] is None else max(row["revenue"], 0))
        for cell, row in rows.items()
    }
    most = max(weight.values(), default=0.0)
    return {cell: min(LEVELS - 1, int(LEVELS * (value / most) ** 0.5)) if most else 0 for cell, value in weight.items()}


def _cell(row: Row, voice: Voice) -> Child:
    name = voice.text(f"rfm_name.{row['rfm_name']}")
    small = el("small", None, name)
    if not row["customers"]:
        return [el("span", None, "0"), small]
    money = "" if row["revenue"] is None else voice.money(row["revenue"])
    tip = voice.text("rfm.tip", name=name, n=row["customers"], money=money or "–")
    cell = f"R{row['recency']}F{row['frequency']}"
    return [
        voice.mark(voice.number(row["customers"]), cell, tip=tip),
        el("small", None, money) if money else None,
        small,
    ]


def _listed(result: Result, voice: Voice) -> Html:
    columns = [
        Column(voice.text("rfm.cell"), lambda row: f"R{row['recency']} F{row['frequency']}"),
        Column(voice.text("rfm.name"), lambda row: voice.text(f"rfm_name.{row['rfm_name']}")),
        Column(
            voice.text("column.customers"),
            lambda row: _people(row, f"R{row['recency']}F{row['frequency']}", voice),
            True,
        ),
        Column(voice.text("column.orders"), lambda row: voice.number(row["orders"]), True),
        Column(voice.text("column.revenue"), lambda row: voice.money_full(row["revenue"]), True),
    ]
    return table(columns, result.frame.to_pylist(), label=voice.text("rfm.title"))


def _people(row: Row, cell: str, voice: Voice) -> Html:
    return voice.mark(voice.number(row["customers"]), cell if row["customers"] else None)


def names(result: Result, voice: Voice) -> Html | None:
    """The named groups: buyers, their money, and how long ago they ordered."""
    rows = result.parts["names"].to_pylist()
    if not any(row["customers"] for row in rows):
        return None
    most = max(row["customers"] for row in rows)

    def counted(row: Row) -> Child:
        return [bar(row["customers"], most), _people(row, f"name={row['rfm_name']}", voice)]

    def days(row: Row) -> str:
        return "–" if row["days_p50"] is None else voice.number(round(row["days_p50"]))

    columns = [
        Column(voice.text("rfm.name"), lambda row: voice.text(f"rfm_name.{row['rfm_name']}")),
        Column(voice.text("column.customers"), counted),
        Column(voice.text("value.share_revenue"), lambda row: voice.rate(row["revenue_rate"]), True),
        Column(voice.text("rfm.days"), days, True),
    ]
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, voice.text("rfm.names")),
        el("p", {"class": "caption"}, voice.text("rfm.names_caption")),
        table(columns, rows, label=voice.text("rfm.names"), css="bins"),
    )
