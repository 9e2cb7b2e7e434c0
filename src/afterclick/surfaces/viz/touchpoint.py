"""The touchpoint page: one touchpoint with both its sides, or all of them with where visits land and leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from afterclick.core.result import Result
from afterclick.surfaces.viz import friction
from afterclick.surfaces.viz.bars import bar
from afterclick.surfaces.viz.equation import delta, why
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.markup import Child, Html, el, join, said
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

SHOWN: Final = 50
WORDS: Final = 12
ROLES: Final = ("any", "landing", "exit")
_ENDS: Final = ("entry", "left", "other")


def summary(result: Result, voice: Voice) -> Html:
    """What it is, the finding, its figures with their definitions, and which sessions are looked at."""
    figures = result.figures
    tags = [el("span", {"class": "tag"}, voice.text(f"touchpoint.{figures['type']}"))]
    if figures["goal"]:
        tags.append(el("span", {"class": "tag"}, voice.text("touchpoint.goal")))
    if figures["twin"]:
        tags.append(el("span", {"class": "tag"}, voice.text("touchpoint.with", twin=figures["twin"])))
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, said(figures["touchpoint"]), tags),
        el("p", {"class": "finding"}, result.sentence(voice.lang)),
        _roles(str(result.about.get("role") or "any"), voice),
        el("dl", {"class": "tiles"}, _tiles(result, voice)),
        foot(result, voice),
    )


def _roles(role: str, voice: Voice) -> Html | None:
    if voice.go is None:
        return None
    links = [
        el(
            "a",
            {"href": voice.go({"role": name}), "aria-current": "true" if name == role else None},
            voice.text(f"touchpoint.role_{name}"),
        )
        for name in ROLES
    ]
    return el("nav", {"class": "tabs", "aria-label": voice.text("touchpoint.role")}, links)


def _tiles(result: Result, voice: Voice) -> list[Html]:
    figures, page = result.figures, result.figures["type"] == "page"
    views = "views" if page else "times"
    counts = [
        ("visitors", "visitors"),
        ("sessions", "sessions"),
        (views, None),
        ("entries", "entries"),
        ("exits", "exits"),
    ]
    tiles = [_count(name, "views" if name == views else name, cell, figures, voice) for name, cell in counts]
    parts = result.parts["friction"].to_pylist()
    tiles.append(_share("exit_rate", figures, _formula(parts, "exit_rate", voice), voice))
    if page:
        said_bounce = {"bounced": figures["bounced"] or 0, "entries": figures["entries"]}
        formula = voice.text("touchpoint.formula_bounce_rate", **said_bounce) if figures["entries"] else ""
        cell = "bounced" if figures["bounced"] else None
        tiles += [_share("bounce_rate", figures, formula, voice, cell), _dwell(figures, voice)]
    score = figures["friction"]
    before = (figures.get("previous") or {}).get("friction")
    change = None if score is None or before is None else delta("friction", score, before, voice, more_is_good=False)
    shown = friction.shown(score, voice)
    return [*tiles, _tile(voice.text("touchpoint.friction_scale"), friction.explained(voice, parts), shown, change)]


def _tile(name: str, explained: Child, value: Child, change: Child = None) -> Html:
    return el("div", None, el("dt", None, name, explained), el("dd", None, value, " ", change))


def _count(name: str, field: str, cell: str | None, figures: Row, voice: Voice) -> Html:
    title = voice.text(f"touchpoint.{name}")
    defined = voice.known(f"touchpoint.define_{name}")
    value = voice.mark(voice.number(figures[field]), cell if figures[field] else None)
    change = delta(field, figures[field], (figures.get("previous") or {}).get(field), voice)
    return _tile(title, why(title, [defined], voice) if defined else None, value, change)


def _share(name: str, figures: Row, formula: str, voice: Voice, cell: str | None = None) -> Html:
    title, value = voice.text(f"touchpoint.{name}"), figures[name]
    lines = [voice.text(f"touchpoint.define_{name}"), *([formula] if formula else [])]
    change = delta(name, value, (figures.get("previous") or {}).get(name), voice, more_is_good=False)
    shown = "–" if value is None else voice.mark(voice.rate(value), cell)
    return _tile(title, why(title, lines, voice), shown, change)


def _formula(parts: Sequence[Row], name: str, voice: Voice) -> str:
    part = next((row for row in parts if row["part"] == name), None)
    if part is None or part["rate"] is None:
        return ""
    return voice.text("touchpoint.formula_share", hits=part["hits"], n=part["n"], rate=part["rate"])


def _dwell(figures: Row, voice: Voice) -> Html:
    title, lines = voice.text("touchpoint.dwell"), [voice.text("touchpoint.define_dwell")]
    if figures["dwells"]:
        low, high = (round(figures[f"dwell_{end}_seconds"] * 1_000_000) for end in ("p25", "p75"))
        lines.append(voice.text("touchpoint.formula_dwell", n=figures["dwells"], low=low, high=high))
    value = figures["dwell_seconds"]
    return _tile(title, why(title, lines, voice), "–" if value is None else voice.span(value))


def sides(result: Result, voice: Voice) -> Html | None:
    """Where the sessions came from and where they went, each side adding up to all of them."""
    rows = result.frame.to_pylist()
    if not rows:
        return None
    total = result.figures["sessions"]
    halves = [
        el(
            "div",
            None,
            el(
                "h3",
                None,
                voice.text(f"touchpoint.{side}"),
                " ",
                el("small", None, voice.text("touchpoint.side_sum", n=total)),
            ),
            _side([row for row in rows if row["side"] == side], voice.text(f"touchpoint.{side}"), voice),
        )
        for side in ("came", "went")
    ]
    return card(
        voice.text("touchpoint.sides"),
        voice.text("touchpoint.sides_caption", sessions=total),
        el("div", {"class": "both"}, halves),
    )


def _side(rows: Sequence[Row], label: str, voice: Voice) -> Html:
    def name(row: Row) -> Child:
        if row["type"] == "other":
            return voice.text("touchpoint.other", n=row["merged"])
        if row["type"] in _ENDS:
            return voice.text(f"touchpoint.{row['type']}")
        return voice.link(said(row["touchpoint"]), "touchpoint", name=row["touchpoint"])

    def cell(row: Row) -> str:
        end = f"side={row['side']}"
        return f"{end};{row['type']}" if row["type"] in _ENDS else f"{end};touchpoint={row['touchpoint']}"

    most = max((row["share_rate"] or 0.0 for row in rows), default=1.0)
    columns = [
        Column(label, name),
        Column(voice.text("touchpoint.share"), lambda row: share(row["share_rate"], most, voice), True),
        Column(voice.text("touchpoint.sessions"), lambda row: voice.number(row["sessions"]), True),
        Column(
            voice.text("touchpoint.visitors"), lambda row: voice.mark(voice.number(row["visitors"]), cell(row)), True
        ),
    ]
    return table(columns, rows, label=label)


def share(rate: float | None, most: float, voice: Voice) -> Html:
    """A rate with its bar."""
    return el("span", {"class": "share"}, bar(rate, most or 1.0), "–" if rate is None else voice.rate(rate))


def channels(result: Result, voice: Voice) -> Html | None:
    """By which channels sessions began here."""
    rows = result.parts["channels"].to_pylist()
    if not rows:
        return None
    most = max(row["share_rate"] or 0.0 for row in rows)
    columns = [
        Column(voice.text("touchpoint.channel"), lambda row: said(voice.name("channel", row["channel"]))),
        Column(voice.text("touchpoint.share"), lambda row: share(row["share_rate"], most, voice), True),
        Column(voice.text("touchpoint.sessions"), lambda row: voice.number(row["sessions"]), True),
        Column(
            voice.text("touchpoint.visitors"),
            lambda row: voice.mark(voice.number(row["visitors"]), f"channel={row['channel']}"),
            True,
        ),
    ]
    title = voice.text("touchpoint.channels")
    count = sum(row["sessions"] for row in rows)
    return card(title, voice.text("touchpoint.channels_caption", n=count), table(columns, rows, label=title))


def words(result: Result, voice: Voice) -> Html | None:
    """The words that led here, and those that were typed here."""
    rows = result.parts["words"].to_pylist()
    if not rows:
        return None
    title = voice.text("touchpoint.words")
    return card(title, voice.text("touchpoint.words_caption"), *word_table(rows, "", title, voice))


def word_table(rows: Sequence[Row], kind: str, title: str, voice: Voice) -> list[Child]:
    """Words with where they were said; `kind` chooses how that is put."""
    columns = [
        Column(voice.text("touchpoint.word"), lambda row: said(row["word"])),
        Column(voice.text("touchpoint.where"), lambda row: voice.text(f"touchpoint.{kind}{row['where']}")),
        Column(voice.text("touchpoint.sessions"), lambda row: voice.number(row["sessions"]), True),
        Column(
            voice.text("touchpoint.visitors"),
            lambda row: voice.mark(voice.number(row["visitors"]), f"word={row['where']}:{row['word']}"),
            True,
        ),
    ]
    return limited(columns, rows, title, voice, WORDS)


def beside(result: Result, voice: Voice) -> Html | None:
    """Who met it and who did not, stage by stage: how many of either ordered afterwards, as far as it was observed."""
    rows = result.parts["beside"].to_pylist()
    if not rows or result.figures["goal"]:
        return None

    def side(word: str) -> Callable[[Row], Child]:
        def fill(row: Row) -> Child:
            if row[f"{word}_rate"] is None:
                return "–"
            shown = voice.mark(
                voice.rate(row[f"{word}_rate"]),
                f"stage={row['stage']};part={word}_ordered" if row[f"{word}_ordered"] else None,
            )
            of = voice.mark(voice.number(row[word]), f"stage={row['stage']};part={word}")
            return join([shown, el("small", None, f"{voice.number(row[f'{word}_ordered'])} / ", of)])

        return fill

    def difference(row: Row) -> Child:
        if row["difference"] is None or row["low"] is None:
            return "–"
        noise = row["low"] <= 0 <= row["high"]
        interval = voice.text("touchpoint.interval", low=row["low"], high=row["high"])
        small = [interval, f" · {voice.text('touchpoint.noise')}"] if noise else [interval]
        return join(
            [
                el("span", {"class": "quiet" if noise else None}, voice.points(row["difference"])),
                el("small", None, small),
            ]
        )

    columns = [
        Column(voice.text("touchpoint.stage"), lambda row: said(voice.stage(row["stage"]))),
        Column(voice.text("touchpoint.met"), side("met"), True),
        Column(voice.text("touchpoint.others"), side("others"), True),
        Column(voice.text("touchpoint.difference"), difference, True),
    ]
    title = voice.text("touchpoint.beside")
    observed = el(
        "span", {"class": "badge", "title": voice.text("touchpoint.observed_tip")}, voice.text("touchpoint.observed")
    )
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, title, " ", observed),
        el("p", {"class": "caption"}, voice.text("touchpoint.beside_caption")),
        table(columns, rows, label=title),
    )


def limited(columns: list[Column], rows: Sequence[Row], label: str, voice: Voice, most: int) -> list[Child]:
    """The first rows as a table, and how many more there are."""
    behind = len(rows) - most
    rest = el("p", {"class": "caption"}, voice.text("touchpoint.more", n=behind)) if behind > 0 else None
    return [table(columns, rows[:most], label=label), rest]


def card(title: str, caption: str, *body: Child) -> Html:
    """A titled card."""
    return el(
        "section", {"class": "panel card"}, el("h2", None, title), el("p", {"class": "caption"}, caption), list(body)
    )
