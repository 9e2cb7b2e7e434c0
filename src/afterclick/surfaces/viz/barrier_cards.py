"""The cards of a page that are drawn from the answer to Barriers: the figure, the headline, the lanes, the why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from afterclick.core.result import Result
from afterclick.surfaces.viz import barriers
from afterclick.surfaces.viz.equation import at_risk
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.funnel_why import compared
from afterclick.surfaces.viz.markup import Child, Html, el, join, said
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

_WHOLE: Final = 0.995
"""A share that reads as 100%."""


def risk(result: Result, voice: Voice) -> Html:
    """Revenue at risk a month with its interval; orders where no amount is known."""
    return el("dl", {"class": "equation panel"}, at_risk(result.figures, voice))


def headline(result: Result, voice: Voice) -> Html | None:
    """Where the money at risk sits, in a sentence; the lanes say it where no barrier was found."""
    figures = result.figures
    if not figures["barriers"]:
        return None
    share, stage = figures.get("worst_stage_rate"), figures.get("worst_stage")
    if figures["at_risk"] is None or share is None or not stage:
        return el("p", {"class": "finding"}, result.sentence(voice.lang))
    form = "barriers.headline_all" if share >= _WHOLE else "barriers.headline"
    shown = voice.text(form, at_risk=voice.money(figures["at_risk"]), rate=_whole(share), stage=voice.stage(stage))
    return el("p", {"class": "finding"}, shown)


def _whole(rate: float) -> str:
    return f"{round(100 * rate)}%"


def barrier_lanes(result: Result, voice: Voice, view: str = "chart") -> Html:
    """Barriers by stage and the next actions; `view="table"` shows all that was tested as tables."""
    rows = result.frame.to_pylist()
    named = [row for row in rows if row["rank"] is not None]
    rest = [row for row in rows if row["rank"] is None]
    parts: list[Child] = [el("h2", {"class": "vh"}, voice.text("barriers.title"))]
    if not named:
        parts += [el("p", None, result.sentence(voice.lang)), _missing(result, voice)]
    elif view == "table":
        parts.append(table(_columns(voice), named, label=voice.text("barriers.title")))
    else:
        order = result.figures.get("stage_order") or dict.fromkeys(row["stage"] for row in named)
        parts.append(barriers.lanes(named, [str(stage) for stage in order], barriers.scale_of(named, result), voice))
    parts += [_together(result, voice), _tested(rest, result.figures, voice, view)]
    return join([el("section", {"class": "panel barriers"}, parts), foot(result, voice)])


def _together(result: Result, voice: Voice) -> Html | None:
    figures = result.figures
    if not figures["barriers"]:
        return None
    counts = voice.text("barriers.counts", n=figures["barriers"], candidates=figures["candidates"])
    people = voice.mark(voice.text("barriers.met_one", n=figures["visitors"]), "part=met")
    return el("p", {"class": "caption"}, counts, " ", people)


def _missing(result: Result, voice: Voice) -> Html | None:
    """What to do where nothing can be measured."""
    if result.figures["candidates"]:
        return None
    return el("p", {"class": "caption"}, voice.text("barriers.missing"))


def _tested(rows: Sequence[Row], figures: Mapping[str, Any], voice: Voice, view: str) -> Html | None:
    if not rows:
        return None
    title = voice.text("barriers.not_named", n=len(rows))
    columns = [
        Column(voice.text("barriers.what"), lambda row: _what(row, voice)),
        Column(voice.text("barriers.met_rate"), lambda row: voice.rate(row["met_rate"]), True),
        Column(voice.text("barriers.expected_rate"), lambda row: voice.rate(row["expected_rate"]), True),
        Column(voice.text("map.visitors"), lambda row: _people(row, "met", row["visitors"], voice), True),
        Column(voice.text("barriers.reason"), lambda row: reason(row, figures, voice)),
    ]
    shown = table(columns, rows, label=title, css="quiet")
    if view == "table":
        return join([el("h3", None, title), shown])
    return el("details", {"class": "more"}, el("summary", None, title), shown)


def reason(row: Row, figures: Mapping[str, Any], voice: Voice) -> Html:
    """Why a candidate is not named."""
    if row["explained_by"]:
        text = voice.text("barriers.reason_explained", name=str(row["explained_by"]).partition(":")[2][:80])
    elif row["q_value"] > figures.get("false_rate", 0.05):
        text = voice.text("barriers.reason_chance")
    else:
        text = voice.text("barriers.reason_small", least=row["least_ratio"], margin=figures["margin"])
    return said(text)


def _what(row: Row, voice: Voice) -> Html:
    stage = voice.stage(str(row["stage"])) if row["stage"] else ""
    small = " · ".join(part for part in (barriers.kind(row, voice), stage) if part)
    return join([barriers.name(row, voice), el("small", None, small)])


def _people(row: Row, part: str, n: int, voice: Voice) -> Html:
    return voice.mark(voice.number(n), f"barrier={row['key']};part={part}" if n else None)


def _columns(voice: Voice) -> list[Column]:
    def money(head: str, field: str) -> Column:
        return Column(voice.text(head), lambda row: "–" if row[field] is None else voice.money_full(row[field]), True)

    def rate(head: str, field: str) -> Column:
        return Column(voice.text(head), lambda row: voice.rate(row[field]), True)

    def people(head: str, field: str, part: str) -> Column:
        return Column(voice.text(head), lambda row: _people(row, part, row[field], voice), True)

    return [
        Column(voice.text("barriers.what"), lambda row: [f"{row['rank']}. ", _what(row, voice)]),
        Column(voice.text("column.severity"), lambda row: barriers.severity(row, voice)),
        rate("barriers.met_rate", "met_rate"),
        rate("barriers.expected_rate", "expected_rate"),
        money("barriers.at_risk", "at_risk"),
        money("barriers.low", "at_risk_low"),
        money("barriers.high", "at_risk_high"),
        money("barriers.own", "own_at_risk"),
        Column(voice.text("barriers.orders_at_risk"), lambda row: voice.decimal(row["lost_orders"]), True),
        people("barriers.who_met", "visitors", "met"),
        people("barriers.who_went_on", "went_on", "went_on"),
        people("barriers.who_did_not", "lost", "lost"),
        Column(voice.text("barriers.evidence"), lambda row: barriers.evidence(row, voice)),
        Column(voice.text("barriers.actions"), lambda row: voice.known(f"recipe.{row['recipe']}") or str(row["recipe"])),
        Column(voice.text("barriers.why"), lambda row: barriers.why_link(row, voice)),
    ]  # fmt: skip


def differs(result: Result, voice: Voice, view: str = "chart") -> Html | None:
    """What differs between those who went on and those who did not after one barrier; what goes with, never a cause."""
    found = result.parts.get("why")
    if found is None:
        return None
    key = str(getattr(result.spec, "why", ""))
    name = key.partition(":")[2] or key
    figures = result.figures
    went = voice.mark(voice.number(figures["why_went_on"]), "why=went_on")
    stayed = voice.mark(voice.number(figures["why_did_not"]), "why=did_not")
    compares = [
        voice.text("funnel_page.why_groups"), " ", went, " ", voice.text("funnel_page.went_on"), ", ", stayed, " ",
        voice.text("funnel_page.did_not"), ". ", voice.text("barriers.why_caption"),
    ]  # fmt: skip
    rows = found.to_pylist()
    close = voice.go({"why": None}) if voice.go else ""
    return el(
        "section",
        {"class": "panel card why-card"},
        el("h2", None, said(voice.text("barriers.why_title", name=name[:120]))),
        el("p", {"class": "caption"}, compares),
        compared(rows, voice, view) if rows else el("p", {"class": "caption"}, voice.text("barriers.why_nothing")),
        el("p", {"class": "actions"}, el("a", {"class": "button", "href": close}, voice.text("barriers.close")))
        if close
        else None,
    )
