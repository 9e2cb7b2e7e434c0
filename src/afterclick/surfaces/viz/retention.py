"""Retention: the headline periods with their change, the mean curve with its band, the heat table of cohorts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

from afterclick.core.result import Result
from afterclick.surfaces.viz import series
from afterclick.surfaces.viz.equation import why
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.markup import Child, Html, el, join
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

LEVELS: Final = 8
"""Shades of the heat table."""
CELLS: Final = 2000
"""Cells the page shows at most; older cohorts stand in the CSV."""
THIN: Final = 30
"""Visitors under which a rate is drawn hollow."""
_UNITS: Final = frozenset({"day", "week", "month", "24h"})


def headlines(result: Result, voice: Voice) -> Html | None:
    """The finding, and the periods that are asked for first, each with its interval and its change."""
    rows = result.parts["headlines"].to_pylist()
    figures = [_figure(row, result, voice) for row in rows[:4]]
    head = el("h2", {"class": "vh"}, voice.text("retention.headlines"))
    finding = el("p", {"class": "finding"}, result.sentence(voice.lang))
    return join([finding, head, el("ul", {"class": "periods"}, figures)])


def _figure(row: Row, result: Result, voice: Voice) -> Html:
    title = period(str(row["period"]), result, voice)
    lines = [voice.text("retention.define"), voice.text("retention.define_over", cohorts=row["cohorts"])]
    value = value_of(row)
    if value is None:
        body: list[Child] = [
            el("p", {"class": "value"}, el("span", {"class": "big"}, "–")),
            el("p", {"class": "was"}, _reason(row, voice)),
        ]
    else:
        lines.append(formula(row, voice))
        figure = voice.mark(voice.rate(value), f"period={row['period']}" if row["visitors"] else None, css="big")
        body = [
            el("p", {"class": "value"}, figure, " ", _delta(row, voice)),
            el("p", {"class": "was"}, _band(row, voice)),
        ]
    if _before(row) is not None:
        body.append(el("p", {"class": "was"}, voice.text("map.was", before=voice.rate(_before(row)))))
    return el("li", {"class": "panel"}, el("h3", None, title, why(title, lines, voice)), body)


def _delta(row: Row, voice: Voice) -> Html | None:
    """The change in points; grey where it may be chance."""
    if row["change"] is None:
        return None
    low, high = row["change_low"], row["change_high"]
    quiet = low is None or low <= 0 <= high
    css = "flat" if quiet else "good" if row["change"] > 0 else "bad"
    tip = voice.text("frame.against_previous") + (f" · {voice.text('overview.within_noise')}" if quiet else "")
    return el("span", {"class": f"delta {css}", "title": tip}, voice.points(row["change"]))


def formula(row: Row, voice: Voice) -> str:
    """What was divided by what."""
    if row["revenue_ratio"] is not None:
        amounts = voice.money_full(row["revenue"]), voice.money_full(row["base_revenue"])
        return f"{amounts[0]} ÷ {amounts[1]}"
    return voice.text("retention.formula", returned=row["returned"], base=row["base"])


def _band(row: Row, voice: Voice) -> str:
    found = _interval(row)
    if found is None:
        return ""
    return voice.text("funnel_page.interval", low=voice.rate(found[0]), high=voice.rate(found[1]))


def limits(row: Row, voice: Voice) -> str:
    """The interval under a heading that says it is one."""
    found = _interval(row)
    return "–" if found is None else f"{voice.rate(found[0])} – {voice.rate(found[1])}"


def value_of(row: Row) -> float | None:
    """The rate of visitors, or the ratio of revenue; None where there is none."""
    found: float | None = row["retained_rate"] if row["revenue_ratio"] is None else row["revenue_ratio"]
    return found


def _before(row: Row) -> float | None:
    found: float | None = row["previous_rate"] if row["previous_ratio"] is None else row["previous_ratio"]
    return found


def _interval(row: Row) -> tuple[float, float] | None:
    low, high = (row[f"{end}_rate"] if row["revenue_ratio"] is None else row[f"{end}_ratio"] for end in ("low", "high"))
    return None if low is None or high is None else (low, high)


def _reason(row: Row, voice: Voice) -> str:
    return voice.known(f"reason.{row['reason']}") or ""


def period(name: str, result: Result, voice: Voice) -> str:
    """A period as the language names it: `day 7`, `week 2`, `days 4-7`."""
    interval = str(result.figures.get("interval") or "day")
    shown = voice.text(f"retention.period_{interval if interval in _UNITS else 'days'}", name=name)
    return shown[:1].upper() + shown[1:]


def curve(result: Result, voice: Voice, view: str) -> Html | None:
    """The mean over the cohorts whose period is over, period by period, with its 95 % band."""
    rows = [row for row in result.frame.to_pylist() if value_of(row) is not None]
    later = [row for row in rows if row["low_offset"]]
    if len(later) < 2:
        return None
    points = [_point(row, result, voice) for row in later]
    title = voice.text("retention.curve")
    if view == "table":
        drawn = _listed(rows, result, voice, title)
    else:
        drawn = series.series(points, read=voice.rate, label=title, voice=voice)
    keys = [el("span", {"class": "key"}, voice.text("retention.this_range"))]
    if any(point.before is not None for point in points):
        keys.append(el("span", {"class": "key before"}, voice.text("retention.range_before")))
    caption = voice.text(f"retention.curve_{result.figures.get('mean') or 'weighted'}")
    return card(title, [caption, " "], [drawn, el("p", {"class": "caption lifted"}, keys), foot(result, voice)])


def _point(row: Row, result: Result, voice: Voice) -> series.Step:
    value, before = value_of(row), _before(row)
    shown = f"{voice.rate(value)} ({_band(row, voice)})" if _interval(row) else voice.rate(value)
    return series.Step(
        label=str(row["period"]), name=period(str(row["period"]), result, voice), value=value, shown=shown, before=before,
        before_shown="" if before is None else voice.rate(before),
        cell=f"period={row['period']}" if row["visitors"] else "", band=_interval(row),
    )  # fmt: skip


def _listed(rows: Sequence[Row], result: Result, voice: Voice, title: str) -> Html:
    columns = [
        Column(voice.text("retention.period"), lambda row: period(str(row["period"]), result, voice)),
        Column(voice.text("retention.title"), lambda row: voice.rate(value_of(row)), True),
        Column(voice.text("retention.interval"), lambda row: limits(row, voice), True),
        Column(
            voice.text("retention.returned"),
            lambda row: voice.mark(
                voice.number(row["returned"]), f"period={row['period']}" if row["visitors"] else None
            ),
            True,
        ),
        Column(voice.text("retention.of"), lambda row: voice.number(row["base"]), True),
        Column(voice.text("retention.cohort_count"), lambda row: voice.number(row["cohorts"]), True),
        Column(
            voice.text("column.previous"), lambda row: "–" if _before(row) is None else voice.rate(_before(row)), True
        ),
    ]
    return table(columns, rows, label=title)


def cohorts(result: Result, voice: Voice) -> Html | None:
    """A row per cohort, a column per period: shaded by the rate, period 0 grey, what is not over hatched."""
    cells = result.parts["cohorts"].to_pylist()
    by_cohort: dict[str, dict[str, Row]] = {}
    for cell in cells:
        if cell["size"]:
            by_cohort.setdefault(str(cell["cohort"]), {})[str(cell["period"])] = cell
    if not by_cohort:
        return None
    columns = [
        row for row in result.frame.to_pylist() if any(str(row["period"]) in found for found in by_cohort.values())
    ]
    most = max(1, CELLS // len(columns))
    shown = dict(list(by_cohort.items())[-most:])
    rates = [value_of(cell) or 0.0 for found in shown.values() for cell in found.values() if cell["period"] != "0"]
    top = max(rates, default=0.0)
    head = [voice.text("retention.cohort"), voice.text("retention.began"), *(str(row["period"]) for row in columns)]
    rows = [_line(name, found, columns, top, result, voice) for name, found in shown.items()]
    made = el(
        "table",
        {"class": "cohorts"},
        el("thead", None, el("tr", None, [el("th", {"scope": "col"}, text) for text in head])),
        el("tbody", None, rows),
    )
    title = voice.text("retention.cohorts")
    box = el("div", {"class": "scroll", "tabindex": 0, "role": "region", "aria-label": title}, made)
    cells = [cell for found in shown.values() for cell in found.values() if str(cell["period"]) != "0"]
    keys = []
    if any(cell["incomplete"] for cell in cells):
        keys.append(el("span", {"class": "key open"}, voice.text("retention.not_over")))
    if any(cell["base"] < THIN and not cell["incomplete"] for cell in cells):
        keys.append(el("span", {"class": "key thin"}, voice.text("retention.thin", count=THIN)))
    key = el("p", {"class": "caption lifted"}, keys) if keys else None
    more = len(by_cohort) - len(shown)
    left = el("p", {"class": "caption"}, voice.text("retention.older", count=more)) if more else None
    unit = str(result.figures.get("interval") or "day")
    caption = voice.text(f"retention.cohorts_{unit if unit in _UNITS else 'days'}")
    return card(title, caption, [box, key, left, foot(result, voice)])


def _line(
    name: str, found: Mapping[str, Row], columns: Sequence[Row], top: float, result: Result, voice: Voice
) -> Html:
    size = next(iter(found.values()))["size"]
    cells = [_cell(name, found.get(str(row["period"])), top, result, voice) for row in columns]
    began = el("td", None, voice.mark(voice.number(size), f"cohort={name}"))
    return el("tr", None, el("th", {"scope": "row"}, _day(name, voice)), began, cells)


def _cell(name: str, cell: Row | None, top: float, result: Result, voice: Voice) -> Html:
    value = value_of(cell) if cell is not None else None
    if cell is None or value is None:
        return el("td")
    level = min(LEVELS - 1, int(LEVELS * value / top)) if top else 0
    thin = " thin" if cell["base"] < THIN else ""
    css = "base" if str(cell["period"]) == "0" else "open" if cell["incomplete"] else f"h{level}{thin}"
    tip = f"{_day(name, voice)}, {period(str(cell['period']), result, voice)}: {formula(cell, voice)}"
    tip += f" = {voice.rate(value)} {_band(cell, voice)}".rstrip()
    tip += f" · {voice.text('retention.not_over')}" if cell["incomplete"] else ""
    target = f"cohort={name};period={cell['period']}" if cell["returned"] else None
    return el("td", {"class": css}, voice.mark(voice.rate(value), target, tip=tip))


def _day(name: str, voice: Voice) -> str:
    return voice.day(dt.date.fromisoformat(name), year=True)


def card(title: str, caption: Child, body: Child) -> Html:
    """A card with its heading and what is under it."""
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, title),
        el("p", {"class": "caption"}, caption) if caption else None,
        body,
    )
