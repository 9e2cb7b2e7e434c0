"""The Value page: what buyers will bring, who is still there, and what winning one costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from afterclick.core.result import Result
from afterclick.surfaces.viz.bars import bar
from afterclick.surfaces.viz.channels import NONE
from afterclick.surfaces.viz.equation import why
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.markup import Child, Html, el, join, said
from afterclick.surfaces.viz.metrics import lacking, shown
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

_TILES: Final = (
    ("clv", "money", "clv", ""), ("alive", "count", "alive", "likely"), ("repeat_rate", "rate", "repeat", "repeaters"),
    ("clv_mean", "money", "", "customers"), ("newcomer_clv", "money", "", ""), ("cac", "money", "", "won"),
    ("ltv_cac", "number", "", "won"),
)  # fmt: skip
"""Figures in order: name, unit, stem of its interval, cell of the people its link opens."""


def headlines(result: Result, voice: Voice) -> Html:
    """The finding and the figures of all buyers."""
    tiles = [_tile(name, unit, stem, cell, result, voice) for name, unit, stem, cell in _TILES]
    return join(
        [
            el("p", {"class": "finding"}, result.sentence(voice.lang)),
            el("h2", {"class": "vh"}, voice.text("value.headlines")),
            el("ul", {"class": "kpis"}, tiles),
            foot(result, voice),
        ]
    )


def _tile(name: str, unit: str, stem: str, cell: str, result: Result, voice: Voice) -> Html:
    figures = result.figures
    title = voice.text(f"value.{name}")
    value = figures.get(name)
    lines = [voice.text(f"value.define_{name}"), *_terms(name, result, voice)]
    if value is None:
        # Without any cost the cost file is what lacks; the tile beside it says so once.
        lack = lacking(name, figures, voice) if name != "ltv_cac" or figures.get("cost") is not None else None
        nothing = el("p", {"class": "value"}, el("span", {"class": "big"}, "–"))
        return el("li", {"class": "panel kpi"}, el("h3", None, title, why(title, lines, voice)), nothing, lack)
    written = voice.number(round(value)) if name == "alive" else shown(value, unit, voice)
    # What opens are the buyers it was computed from; of an expected number no list has that length.
    own = name == "repeat_rate" or not cell
    figure = voice.mark(written, cell if own and cell else None, tip=shown(value, unit, voice, full=True), css="big")
    under = _under(name, cell, figures, voice)
    return el(
        "li",
        {"class": "panel kpi"},
        el("h3", None, title, why(title, lines, voice)),
        el("p", {"class": "value"}, figure),
        el("p", {"class": "was"}, _band(stem, unit, figures, voice)) if stem else None,
        el("p", {"class": "was"}, under) if under else None,
    )


def _under(name: str, cell: str, figures: Mapping[str, Any], voice: Voice) -> Child:
    """A line under the figure, with the people behind it."""
    if name == "alive":
        likely = voice.mark(voice.text("value.likely", n=figures["likely"]), cell if figures["likely"] else None)
        return [voice.text("value.of_all", rate=figures["alive_rate"]), " · ", likely]
    if name in ("clv_mean", "cac"):
        count = figures["customers"] if name == "clv_mean" else figures["won"]
        return voice.mark(voice.text(f"value.over_{cell}", n=count), cell if count else None) if count else None
    if name == "clv" and figures["top_share_rate"] is not None:
        return voice.mark(voice.text("value.top", rate=figures["top_share_rate"]), "top")
    if name == "ltv_cac":
        return f"{shown(figures['won_clv'], 'money', voice)} ÷ {shown(figures['cac'], 'money', voice)}"
    return None


def _band(stem: str, unit: str, figures: Mapping[str, Any], voice: Voice) -> str:
    ends = [figures.get(f"{stem}_{side}" + ("_rate" if unit == "rate" else "")) for side in ("low", "high")]
    if ends[0] is None or ends[1] is None:
        return ""
    low, high = (shown(round(end or 0) if unit == "count" else end, unit, voice) for end in ends)
    return voice.text("funnel_page.interval", low=low, high=high)


def _terms(name: str, result: Result, voice: Voice) -> list[str]:
    """Months, discount, margin and model behind an amount."""
    about = result.about
    model = voice.text(f"value.model_{about['alive_model' if name == 'alive' else 'model']}")
    if name == "alive":
        return [voice.text("value.by_model", model=model)]
    if name not in ("clv", "clv_mean", "newcomer_clv"):
        return []
    key = "terms" if about["months"] else "terms_ever"
    return [
        voice.text(f"value.{key}", months=about["months"], discount=about["discount"], margin=about["margin"]),
        voice.text("value.by_model", model=model),
    ]


def distribution(result: Result, voice: Voice) -> Html | None:
    """Buyers by what they will bring."""
    rows = result.parts["distribution"].to_pylist()
    if not rows:
        return None
    most = max(row["customers"] for row in rows)
    columns = [
        Column(voice.text("value.clv"), lambda row: _amounts(row, voice)),
        Column(voice.text("column.customers"), lambda row: _counted(row, f"clv={row['bin']}", most, voice)),
        Column(voice.text("value.share"), lambda row: voice.rate(row["share_rate"]), True),
    ]
    shown_ = table(columns, rows, label=voice.text("value.distribution"), css="bins")
    return card("value.distribution", voice.text("value.distribution_caption"), shown_, voice)


def _amounts(row: Row, voice: Voice) -> str:
    if row["high"] is None:
        return voice.text("value.from", low=voice.money(row["low"]))
    return f"{voice.money(row['low'])} – {voice.money(row['high'])}"


def _counted(row: Row, cell: str, most: int, voice: Voice) -> list[Child]:
    return [bar(row["customers"], most), voice.mark(voice.number(row["customers"]), cell if row["customers"] else None)]


def months(result: Result, voice: Voice) -> Html | None:
    """Expected orders month by month, and what they are worth today, added up."""
    rows = result.parts["months"].to_pylist()
    if not rows:
        return None
    valued = rows[0]["clv"] is not None
    most = max(float(row["clv"] if valued else row["orders"]) for row in rows)

    def worth(row: Row) -> list[Child]:
        value = row["clv"] if valued else row["orders"]
        words = voice.money(value) if valued else voice.decimal(value)
        tip = voice.money_full(value) if valued else None
        return [bar(float(value), most), el("span", {"class": "num", "title": tip}, words)]

    columns = [
        Column(voice.text("value.month"), lambda row: voice.number(row["month"])),
        Column(voice.text("value.worth" if valued else "column.orders_ahead"), worth),
    ]
    if valued:
        columns.append(Column(voice.text("column.orders_ahead"), lambda row: voice.decimal(row["orders"]), True))
        columns.append(Column(voice.text("value.so_far"), lambda row: voice.money(row["cumulated"]), True))
    caption = voice.text("value.months_caption", discount=result.about["discount"]) if valued else ""
    return card("value.months", caption, table(columns, rows, label=voice.text("value.months"), css="bins"), voice)


def aliveness(result: Result, voice: Voice) -> Html | None:
    """Buyers by their chance to be still customers."""
    rows = result.parts["alive"].to_pylist()[::-1]
    if not rows:
        return None
    most = max(row["customers"] for row in rows)

    def chance(row: Row) -> str:
        return voice.text("value.tenth", low=round(row["low_rate"] * 100), high=round(row["high_rate"] * 100))

    columns = [
        Column(voice.text("value.chance"), chance),
        Column(voice.text("column.customers"), lambda row: _counted(row, f"alive={row['bin']}", most, voice)),
        Column(voice.text("value.alive"), lambda row: voice.number(round(row["alive"])), True),
    ]  # fmt: skip
    model = voice.text(f"value.model_{result.about['alive_model']}")
    shown_ = table(columns, rows, label=voice.text("value.alive_bins"), css="bins")
    return card("value.alive_bins", voice.text("value.by_model", model=model), shown_, voice)


def winning(result: Result, voice: Voice) -> Html | None:
    """By what won them: what buyers are worth beside what winning one cost."""
    rows = [row for row in result.frame.to_pylist() if row["customers"] or row["cost"]]
    if not rows:
        return None
    by = str(result.about["by"])
    top = max([0.0, *(float(row[name]) for row in rows for name in ("clv_mean", "cac") if row[name] is not None)])

    def name(row: Row) -> Child:
        value = str(row[by])
        label = voice.known(f"channels.none_{by}") or voice.name(by, value) if value == NONE else voice.name(by, value)
        return voice.mark(said(label), f"{by}={value}" if row["customers"] else None, css="label")

    def amount(figure: str) -> Any:
        def fill(row: Row) -> Child:
            value = row[figure]
            return el("span", {"class": "quiet"}, "–") if value is None else [
                el("span", {"class": "num", "title": voice.money_full(value)}, voice.money(value)), bar(float(value), top)
            ]  # fmt: skip

        return fill

    def bought(row: Row) -> Child:
        text = voice.rate(row["repeat_rate"])
        return voice.mark(text, f"{by}={row[by]};part=repeaters" if row["repeaters"] else None)

    def ratio(row: Row) -> Child:
        if row["ltv_cac"] is None:
            return el("small", None, voice.known(f"reason.{row['reason']}") or "–")
        return voice.mark(el("strong", None, shown(row["ltv_cac"], "number", voice)), f"{by}={row[by]};part=won")

    columns = [
        Column(voice.known(f"channels.by_{by}") or voice.text(f"column.{by}"), name),
        Column(voice.text("column.customers"), lambda row: voice.number(row["customers"]), True),
        Column(voice.text("value.repeat_rate"), bought, True),
        Column(voice.text("value.still"), lambda row: voice.rate(row["alive_rate"]), True),
        Column(voice.text("value.clv_mean"), amount("clv_mean"), True),
    ]
    if any(row["cost"] for row in rows):
        columns += [Column("CAC", amount("cac"), True), Column("LTV:CAC", ratio, True)]
    shown_ = table(columns, rows, label=voice.text("value.winning"), css="wide")
    days = voice.days(*str(result.about["acquired_in"]).split(".."))
    caption = voice.text(f"value.winning_{result.about['touch']}", days=days)
    lack = lacking("cac", result.figures, voice) if result.figures.get("cost") is None else None
    return card("value.winning", caption, [shown_, el("div", {"class": "need"}, lack) if lack else None], voice)


def card(title: str, caption: str, body: Child, voice: Voice) -> Html:
    """A card of the page: a heading by its id, a caption, what is drawn."""
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, voice.text(title)),
        el("p", {"class": "caption"}, caption) if caption else None,
        body,
    )
