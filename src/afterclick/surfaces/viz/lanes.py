"""The lanes of the journey map: one row over all stages each, a name on the left and one cell per stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from afterclick.surfaces.viz import friction
from afterclick.surfaces.viz.bars import bar
from afterclick.surfaces.viz.curve import Point, curve, top_rate
from afterclick.surfaces.viz.equation import delta, why
from afterclick.surfaces.viz.markup import Child, Html, el, join, said
from afterclick.surfaces.viz.river import Reach, river
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

SHOWN: Final = 4
"""Touchpoints, channels and devices named per stage; the rest is behind "other" and "+3"."""
COLOURS: Final = 7


def lane(name: str, hint: Child, cells: Sequence[Html], css: str, *, across: Html | None = None) -> Html:
    """One lane; `across` is a drawing over all columns, under the first row of cells."""
    head = el("div", {"class": "lane-name"}, el("h2", None, name), hint)
    return el("section", {"class": f"lane {css}"}, head, cells, across)


def _cells(stages: Sequence[Row], voice: Voice, fill: Callable[[int, Row], Any], css: str = "cell") -> list[Html]:
    return [
        el(
            "div",
            {"class": f"{css} s{i % COLOURS}"},
            el("h3", {"class": "vh"}, voice.stage(str(row["stage"]))),
            fill(i, row),
        )
        for i, row in enumerate(stages)
    ]


def chevrons(stages: Sequence[Row], voice: Voice) -> Html:
    """The names of the stages with the question each one answers."""
    cells = [
        el(
            "div",
            {"class": f"chevron s{i % COLOURS}"},
            el("h3", None, said(voice.stage(str(row["stage"])))),
            el("p", None, _question(row, voice)),
        )
        for i, row in enumerate(stages)
    ]
    return lane(voice.text("map.stages"), None, cells, "stages")


def names(stages: Sequence[Row], voice: Voice) -> Html:
    """The names of the stages again, over lanes that stand apart from the chevrons."""
    cells = [
        el("p", {"class": f"cell name s{i % COLOURS}", "aria-hidden": "true"}, said(voice.stage(str(row["stage"]))))
        for i, row in enumerate(stages)
    ]
    return el("div", {"class": "lane stages"}, el("div", {"class": "lane-name"}), cells)


def _question(row: Row, voice: Voice) -> Html | None:
    question = voice.known(str(row.get("question_id") or "")) or str(row.get("question") or "")
    return said(question) if question else None


def visitors(stages: Sequence[Row], figures: Row, voice: Voice) -> Html:
    """The river: who entered each stage, who went on, who is open, who left, and the way back from the last."""
    reach = [
        Reach(row["entered"], row["onward"], row["open"], row["lost"], row.get("previous_entered")) for row in stages
    ]
    last = len(stages) - 1
    back = last - 1 if figures.get("loop") and last > 0 else None
    drawing = river(reach, label=_in_words(stages, voice), prefix=voice.prefix, loop_to=back)

    def top(i: int, row: Row) -> Html:
        return join([_entered(row, voice), _onward(row, voice) if i < last else None])

    def foot(i: int, row: Row) -> Html:
        return join(_leaving(row, voice)) if i < last else join(_loop(stages, figures, voice))

    cells = [*_cells(stages, voice, top, "cell top"), *_feet(stages, foot)]
    hint = el("p", {"class": "hint"}, voice.text("map.river_scale"))
    explained = why(voice.text("map.visitors"), [voice.text("define.river"), voice.text("map.river_scale_long")], voice)
    return lane(voice.text("map.visitors"), join([explained, hint]), cells, "flow", across=drawing)


def _feet(stages: Sequence[Row], fill: Callable[[int, Row], Html]) -> list[Html]:
    return [el("div", {"class": f"cell foot s{i % COLOURS}"}, fill(i, row)) for i, row in enumerate(stages)]


def _entered(row: Row, voice: Voice) -> Html:
    if not row.get("has_events", True) and not row["entered"]:
        return el("span", {"class": "quiet"}, voice.text("map.no_events"))
    tip = voice.text("map.stage_tip", returns=row["returns"], skipped=row["skipped"], highest=row["highest"])
    change = delta("entered", row["entered"], row.get("previous_entered"), voice)
    number = voice.mark(voice.number(row["entered"]), f"stage={row['stage']};part=entered", tip=tip, css="n")
    return el("span", {"class": "pair"}, number, " ", change)


def _onward(row: Row, voice: Voice) -> Html | None:
    rate = row.get("onward_rate")
    if rate is None:
        return None
    tip = voice.text("map.onward_tip", n=row["onward"])
    link = voice.mark(voice.rate(rate), f"stage={row['stage']};part=onward", tip=tip)
    return el("span", {"class": "onward"}, el("span", {"aria-hidden": "true"}, "→ "), link)


def _leaving(row: Row, voice: Voice) -> list[Html]:
    parts = []
    if row["lost"]:
        said_lost = voice.text("map.lost", n=row["lost"])
        parts.append(voice.mark(said_lost, f"stage={row['stage']};part=lost", css="bad", before="↓ "))
    if row["open"]:
        tip = voice.text("map.open_tip")
        said_open = voice.text("map.open", n=row["open"])
        parts.append(voice.mark(said_open, f"stage={row['stage']};part=open", css="quiet", tip=tip))
    return parts


def _loop(stages: Sequence[Row], figures: Row, voice: Voice) -> list[Html]:
    if not figures.get("loop") or len(stages) < 2:
        return []
    back = voice.text("map.loop", n=figures["loop"], stage=voice.stage(str(stages[-2]["stage"])))
    tip = voice.text("map.loop_tip", n=figures.get("loop_orders") or 0)
    return [voice.mark(back, "loop", tip=tip, css="num", before="↺ ")]


def _in_words(stages: Sequence[Row], voice: Voice) -> str:
    return voice.text(
        "map.river_label",
        stages=", ".join(f"{voice.stage(str(row['stage']))} {voice.number(row['entered'])}" for row in stages),
    )


def touchpoints(stages: Sequence[Row], rows: Sequence[Row], voice: Voice) -> Html:
    """The touchpoints met in each stage, under the curve of their friction."""
    by_stage = {row["stage"]: _at_stage(rows, row["stage"]) for row in stages}
    known = [row for shown, _ in by_stage.values() for row in shown if row["friction"] is not None and not row["thin"]]
    worst = max(known, key=lambda row: row["friction"], default=None)
    points = [
        Point(i + (k + 0.5) / len(shown), friction.level(row), bool(row["thin"]), row is worst)
        for i, (shown, _) in enumerate(by_stage.values())
        for k, row in enumerate(shown)
    ]

    def labels(_i: int, stage: Row) -> Html:
        shown, further = by_stage[stage["stage"]]
        if not shown:
            return el("p", {"class": "quiet"}, voice.text("map.no_touchpoints"))
        return join([_further(further, voice), [_touchpoint(row, row is worst, voice) for row in shown]])

    drawn = any(point.rate is not None for point in points)
    drawing = curve(points, columns=len(stages), label=voice.text("map.curve_label")) if drawn else None
    hint = el(
        "p",
        {"class": "hint"},
        voice.text("map.curve_scale", top="0", foot=voice.number(round(top_rate(points) * 100))),
    )
    explained = friction.explained(voice)
    cells = _cells(stages, voice, labels, "cell points")
    return lane(
        voice.text("map.touchpoints"), join([explained, hint if drawn else None]), cells, "touch", across=drawing
    )


def _at_stage(rows: Sequence[Row], stage: str) -> tuple[list[Row], int]:
    here = [row for row in rows if row["stage"] == stage]
    named = [row for row in here if row["type"] != "more"]
    behind = sum(row["events"] for row in here if row["type"] == "more")
    return named[:SHOWN], len(named[SHOWN:]) + behind


def _further(count: int, voice: Voice) -> Html | None:
    if not count:
        return None
    said_more = voice.text("map.more_touchpoints", n=count)
    if voice.go is None:
        return el("span", {"class": "further"}, f"+{count}")
    href = voice.go({"touchpoints": "50", "view": "table"})
    return el(
        "a", {"class": "further", "href": href, "title": said_more, "aria-label": f"+{count}: {said_more}"}, f"+{count}"
    )


def _touchpoint(row: Row, worst: bool, voice: Voice) -> Html:
    name = str(row["touchpoint"])
    rate = "" if row["friction"] is None else friction.shown(row["friction"], voice)
    tip = [voice.text("map.touchpoint_tip", name=name[:120], n=row["visitors"], events=row["events"])]
    if row.get("twin"):
        tip.append(voice.text("map.touchpoint_twin", twin=str(row["twin"])[:120]))
    tip += friction.spoken(row, voice)
    if row["thin"]:
        tip.append(voice.text("map.thin"))
    label = [
        el("span", {"class": "name"}, said(name)),
        el("span", {"class": "count"}, voice.short(row["visitors"])),
        el("span", {"class": "rate"}, rate) if rate else None,
    ]
    cell = f"stage={row['stage']};touchpoint={row['touchpoint']}"
    css = "tp" + (" worst" if worst else "") + (" thin" if row["thin"] else "")
    return voice.mark(join(label), cell, tip=" · ".join(tip), css=css)


def shares(title: str, part: str, stages: Sequence[Row], rows: Sequence[Row], voice: Voice) -> Html:
    """Who entered each stage by `part` (channel or device_type): the first four and what is left, with shares."""

    def bars(_i: int, stage: Row) -> Html:
        here = [row for row in rows if row["stage"] == stage["stage"]]
        if not here:
            return el("p", {"class": "quiet"}, "–")
        rest = here[SHOWN:]
        most = max((row["share_rate"] or 0.0 for row in here), default=1.0) or 1.0
        lines = [
            _share(voice.name(part, str(row[part])), f"stage={row['stage']};{part}={row[part]}", row, most, voice)
            for row in here[:SHOWN]
        ]
        if rest:
            other = {
                "visitors": sum(row["visitors"] for row in rest),
                "share_rate": sum(row["share_rate"] or 0.0 for row in rest),
            }
            lines.append(_share(voice.text("map.other", n=len(rest)), None, other, most, voice))
        return el("ul", {"class": "shares"}, lines)

    return lane(title, None, _cells(stages, voice, bars), "shares-lane")


def _share(name: str, cell: str | None, row: Row, most: float, voice: Voice) -> Html:
    tip = f"{name[:120]}: {voice.number(row['visitors'])}"
    return el(
        "li",
        {"class": None if cell else "rest"},
        voice.mark(said(name), cell, tip=tip, css="label"),
        bar(row["share_rate"], most),
        el("span", {"class": "rate"}, "–" if row["share_rate"] is None else voice.rate(row["share_rate"], whole=True)),
    )


def behaviour(stages: Sequence[Row], voice: Voice) -> Html:
    """Median time in the stage, pages per session, bounce and exit rate."""

    def figures(_i: int, row: Row) -> Html:
        dwell = row.get("dwell_seconds")
        spread = row.get("dwell_p25_seconds"), row.get("dwell_p75_seconds")
        tip = None
        if None not in spread:
            tip = voice.text("map.dwell_tip", low=voice.span(spread[0]), high=voice.span(spread[1]))
        pages = row.get("pages_per_session")
        items = [
            ("map.dwell", "–" if dwell is None else voice.span(dwell), tip),
            ("map.pages_per_session", "–" if pages is None else voice.decimal(pages), None),
            ("map.bounce_rate", _rate(row.get("bounce_rate"), voice), None),
            ("map.exit_rate", _rate(row.get("exit_rate"), voice), None),
        ]
        return el(
            "dl",
            {"class": "facts"},
            [
                el("div", {"title": hint}, el("dt", None, voice.text(name)), el("dd", None, value))
                for name, value, hint in items
            ],
        )

    lines = [voice.text(f"define.{name}") for name in ("dwell", "pages_per_session", "bounce_rate", "exit_rate")]
    explained = why(voice.text("map.behaviour"), lines, voice)
    return lane(voice.text("map.behaviour"), explained, _cells(stages, voice, figures), "behaviour")


def _rate(value: float | None, voice: Voice) -> str:
    return "–" if value is None else voice.rate(value)
