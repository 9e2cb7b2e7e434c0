"""Stages found in what visitors do: each with its typical behaviours, and the lines that make them the store's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from afterclick.core.result import Result
from afterclick.surfaces.viz.bars import bar
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.markup import Child, Html, el, said
from afterclick.surfaces.viz.metrics import shown, title
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]


def discovery(result: Result, voice: Voice, view: str) -> Html:
    """The proposed stages in their order, how well their rules fit, and the rules."""
    rows = result.frame.to_pylist()
    sentence = result.sentence(voice.lang)
    typical = result.parts["typical"].to_pylist()
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, voice.text("discover.title")),
        el("p", {"class": "lead"}, said(sentence[:1].upper() + sentence[1:])),
        el("p", {"class": "caption"}, voice.text("discover.caption")),
        _fit(result.figures, voice) if rows else None,
        (_table if view == "table" else _stages)(rows, typical, voice) if rows else None,
        _use(str(result.figures["toml"]), voice),
        _typical(typical, voice) if rows else None,
        _tried(result, voice),
        foot(result, voice),
    )


def _fit(figures: Mapping[str, Any], voice: Voice) -> Html:
    names = {"rate": "fit_rate", "low": "fit_low", "high": "fit_high", "forward": "forward_rate"}
    said_ = {name: voice.rate(figures[figure]) for name, figure in names.items()}
    return el("p", {"class": "caption"}, voice.text("discover.fit", **said_))


def _stages(rows: Sequence[Row], typical: Sequence[Row], voice: Voice) -> Html:
    return el("ol", {"class": "found"}, [_stage(row, typical, voice) for row in rows])


def _stage(row: Row, typical: Sequence[Row], voice: Voice) -> Html:
    own = [each for each in typical if each["stage"] == row["stage"] and each["enters"]]
    return el(
        "li",
        {"class": "panel"},
        el("h3", None, said(row["stage"][:80])),
        el("p", {"class": "value"}, voice.mark(voice.number(row["visitors"]), f"stage={row['stage']}", css="n")),
        bar(row["share_rate"]),
        el("p", {"class": "quiet"}, voice.text("personas.share", rate=voice.rate(row["share_rate"]))),
        el("ul", None, [el("li", None, said(each["behaviour"])) for each in own]),
    )


def _table(rows: Sequence[Row], _typical: Sequence[Row], voice: Voice) -> Html:
    def visitors(row: Row) -> Child:
        return voice.mark(voice.number(row["visitors"]), f"stage={row['stage']}")

    columns = [
        Column(title("stage", voice), lambda row: said(row["stage"])),
        Column(title("enter", voice), lambda row: said(row["enter"])),
        Column(title("visitors", voice), visitors, True),
        Column(title("share_rate", voice), lambda row: voice.rate(row["share_rate"]), True),
    ]
    return table(columns, rows, label=voice.text("discover.title"))


def _use(lines: str, voice: Voice) -> Html | None:
    if not lines:
        return None
    head = voice.text("discover.use")
    return el(
        "details",
        {"class": "more"},
        el("summary", None, head),
        el("p", {"class": "caption"}, voice.text("discover.use_what")),
        el("pre", {"class": "lines", "data-copy": True, "tabindex": 0}, el("code", None, lines)),
    )


def _typical(rows: Sequence[Row], voice: Voice) -> Html:
    head = voice.text("discover.typical")
    columns = [
        Column(title("stage", voice), lambda row: said(row["stage"])),
        Column(title("behaviour", voice), lambda row: said(row["behaviour"])),
        Column(title("probability_rate", voice), lambda row: voice.rate(row["probability_rate"]), True),
        Column(title("here_rate", voice), lambda row: voice.rate(row["here_rate"]), True),
        Column(title("enters", voice), lambda row: voice.text("cli.yes" if row["enters"] else "cli.no")),
    ]
    return el("details", {"class": "more"}, el("summary", None, head), table(columns, rows, label=head))


def _tried(result: Result, voice: Voice) -> Html | None:
    rows = result.parts["tried"].to_pylist()
    if not rows:
        return None
    head = voice.text("discover.tried")
    columns = [
        Column(title("states", voice), lambda row: str(row["states"])),
        *(_whole(name, voice) for name in ("log_likelihood", "parameters", "bic")),
        Column(title("chosen", voice), lambda row: "✓" if row["chosen"] else ""),
    ]
    return el("details", {"class": "more"}, el("summary", None, head), table(columns, rows, label=head))


def _whole(name: str, voice: Voice) -> Column:
    return Column(title(name, voice), lambda row: shown(round(row[name]), "count", voice, full=True), True)
