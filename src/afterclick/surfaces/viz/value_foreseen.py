"""How well a model foresaw the days that were kept back: what came beside what was expected, and simple rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from afterclick.core.result import Result
from afterclick.surfaces.viz.markup import Html, el, path
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.value import card
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]


def calibration(result: Result, voice: Voice) -> Html | None:
    """What the model foresaw for the days kept back beside what came, by repeat purchases before; and simple rules."""
    rows = result.parts["calibration"].to_pylist()
    if not rows:
        return None
    most = max(max(float(row[name] or 0) for name in ("expected", "actual", "actual_high")) for row in rows)

    def before(row: Row) -> str:
        return voice.text("value.more" if row["more"] else "value.times", n=row["repeats"])

    def buyers(row: Row) -> Html:
        return voice.mark(voice.number(row["customers"]), f"held={row['repeats']}")

    columns = [
        Column(voice.text("value.before"), before),
        Column(voice.text("column.customers"), buyers, True),
        Column(voice.text("value.came_foreseen"), lambda row: _dots(row, most)),
        Column(voice.text("value.came"), lambda row: _came(row, voice), True),
        Column(voice.text("value.foreseen"), lambda row: voice.number(row["expected"]), True),
    ]  # fmt: skip
    figures = result.figures
    caption = voice.text(
        "value.calibration_caption", since=voice.days(*[str(result.about["held_since"])] * 2),
        expected=figures["holdout_expected"], actual=figures["holdout_actual"],
    )  # fmt: skip
    drawn = table(columns, rows, label=voice.text("value.calibration"), css="calibration")
    keys = el(
        "p", {"class": "caption"},
        el("span", {"class": "key came"}, voice.text("value.came_key")), " ",
        el("span", {"class": "key want"}, voice.text("value.foreseen")),
    )  # fmt: skip
    return card("value.calibration", caption, [drawn, keys, _rules(result, voice)], voice)


def _came(row: Row, voice: Voice) -> Html:
    tip = None
    if row["actual_low"] is not None:
        tip = voice.text(
            "funnel_page.interval", low=voice.number(row["actual_low"]), high=voice.number(row["actual_high"])
        )
    return el("span", {"class": "num", "title": tip}, voice.number(row["actual"]))


def _dots(row: Row, most: float) -> Html:
    """What came with its interval, and where the model stood; lengths as in the columns beside."""

    def x(value: float) -> float:
        return 2 + 96 * min(1.0, value / most) if most else 2.0

    low, high = row["actual_low"], row["actual_high"]
    return el(
        "svg",
        {"class": "dots", "viewBox": "0 0 100 14", "preserveAspectRatio": "none", "aria-hidden": "true"},
        el("path", {"class": "rule", "d": path("M", 2, 7, "H", 98)}),
        el("path", {"d": path("M", x(low), 7, "H", x(high))}) if low is not None else None,
        el("path", {"class": "dot", "d": path("M", x(float(row["actual"])), 7, "h", 0.01)}),
        el("path", {"class": "want", "d": path("M", x(float(row["expected"])), 1, "V", 13)}),
    )


def _rules(result: Result, voice: Voice) -> Html:
    """The model beside simple rules, as a table under the plot."""
    rows: Sequence[Row] = result.parts["rules"].to_pylist()

    def rule(row: Row) -> str:
        return voice.text(f"foreseen_by.{row['foreseen_by']}")

    def total(row: Row) -> str:
        return "–" if row["total"] is None else voice.number(round(row["total"]))

    columns = [
        Column(voice.text("value.rule"), rule),
        Column(voice.text("value.orders_foreseen"), total, True),
        Column(voice.text("value.error"), lambda row: voice.number(row["error"]), True),
        Column(voice.text("value.correlation"), lambda row: voice.number(row["correlation"]), True),
        Column(voice.text("value.auc"), lambda row: voice.number(row["auc"]), True),
    ]  # fmt: skip
    return table(columns, rows, label=voice.text("value.rules"))
