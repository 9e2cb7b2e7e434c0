"""Persona cards: who they are in words, how many, what they bring, what sets them apart, and how they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from afterclick.core.result import Result
from afterclick.surfaces.viz.bars import bar
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.markup import Child, Html, el, said
from afterclick.surfaces.viz.metrics import shown, title
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]
CAME_BACK: Final = "(came back)"
_NAMES: Final = {"channel": "channel"}


def personas(result: Result, voice: Voice, view: str) -> Html:
    """The cards under the finding, or the same as a table; where nothing is stable, that and what to do."""
    rows = result.frame.to_pylist()
    head = el("h2", None, _sentence(result, voice))
    if not rows:
        return _none(result, voice, head)
    traits = _by_persona(result.parts["behaviours"].to_pylist())
    body = _table(rows, traits, voice) if view == "table" else _cards(rows, traits, voice)
    return el(
        "section",
        {"class": "panel card"},
        head,
        el("p", {"class": "caption"}, voice.text("personas.define")),
        _stability(result.figures, voice),
        body,
        _behaviours(rows, traits, voice),
        _tried(result, voice),
        foot(result, voice),
    )


def _sentence(result: Result, voice: Voice) -> str:
    words = result.sentence(voice.lang)
    return words[:1].upper() + words[1:]


def _none(result: Result, voice: Voice, head: Html) -> Html:
    few = next((note.params["least"] for note in result.notes if note.code == "personas_few"), None)
    what = voice.text("personas.few_what", least=few) if few else voice.text("personas.none_what")
    wider = voice.go({"range": "91d"}) if voice.go is not None else ""
    way = el("p", {"class": "actions"}, el("a", {"class": "button", "href": wider}, voice.text("personas.wide")))
    return el(
        "section",
        {"class": "panel card state"},
        head,
        el("p", None, what),
        way if wider else None,
        _tried(result, voice),
        foot(result, voice),
    )


def _by_persona(rows: Sequence[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row["persona"], []).append(row)
    return found


def behaviour(row: Row, voice: Voice) -> str:
    """A behaviour as a person reads it: with how often, where that is more than once."""
    if row["behaviour"] == CAME_BACK:
        return voice.text("personas.came_back")
    return row["behaviour"] if row["at_least"] == 1 else f"{row['behaviour']} ≥{row['at_least']}"


def name(row: Row, traits: Sequence[Row], voice: Voice) -> str:
    """The neutral name of a persona, made of the behaviours that set it apart."""
    told = sorted((each for each in traits if each["rank"]), key=lambda each: int(each["rank"]))
    if row["direction"] == "more":
        told = [each for each in told if each["lift"] > 1]
    if not told:
        return voice.text("personas.nameless")
    return voice.text(f"personas.name_{row['direction']}", name=", ".join(behaviour(each, voice)[:60] for each in told))


def _cards(rows: Sequence[Row], traits: Mapping[int, list[Row]], voice: Voice) -> Html:
    return el("ul", {"class": "personas"}, [_card(row, traits.get(row["persona"], []), voice) for row in rows])


def _card(row: Row, traits: Sequence[Row], voice: Voice) -> Html:
    head = f"persona={row['persona']}"
    number = voice.mark(voice.number(row["visitors"]), head, css="big")
    size = [number, " ", el("span", {"class": "quiet"}, voice.text("personas.share", rate=voice.rate(row["share_rate"])))]
    told = sorted((each for each in traits if each["rank"]), key=lambda each: int(each["rank"]))
    return el(
        "li",
        {"class": "panel"},
        el("p", {"class": "quiet"}, voice.text("personas.number", n=row["persona"])),
        el("h3", None, said(name(row, traits, voice))),
        el("p", {"class": "value"}, size),
        bar(row["share_rate"]),
        _worth(row, voice),
        el("h4", None, voice.text("personas.apart")) if told else None,
        el("ol", {"class": "traits"}, [_trait(head, each, voice) for each in told]) if told else None,
        el("dl", {"class": "pairs"}, _habits(row, voice)),
        _map(row, voice),
    )


def _worth(row: Row, voice: Voice) -> Html:
    parts: list[Child] = []
    if row["revenue_rate"] is not None:
        parts += [voice.text("personas.revenue", rate=voice.rate(row["revenue_rate"])), " · "]
    elif row["revenue"] is not None:
        parts += [voice.money(row["revenue"]), " · "]
    buyers = voice.text("personas.buyers", n=voice.number(row["buyers"]))
    parts.append(voice.mark(buyers, f"persona={row['persona']};part=buyers" if row["buyers"] else None))
    return el("p", {"class": "worth"}, parts)


def _trait(head: str, row: Row, voice: Voice) -> Html:
    ends = {end: _times(row[end], voice) for end in ("lift", "low", "high")}
    times = voice.text("personas.times", rate=voice.rate(row["everyone_rate"]), **ends)
    tip = voice.text("personas.interval", low=ends["low"], high=ends["high"])
    cell = f"{head};behaviour={row['behaviour']}" if row["visitors"] else None
    words = behaviour(row, voice)
    return el(
        "li",
        None,
        el("span", {"class": "label", "title": words[:200]}, said(words)),
        voice.mark(voice.rate(row["rate"]), cell, tip=tip, name=f"{words[:120]}: {voice.rate(row['rate'])}"),
        bar(row["rate"]),
        el("small", {"title": tip}, times),
    )


def _times(value: float, voice: Voice) -> str:
    return voice.decimal(value) if value >= 1 or value == 0 else voice.text("personas.small", n=value)


def _habits(row: Row, voice: Voice) -> list[Child]:
    head = f"persona={row['persona']}"
    parts: list[Child] = []
    if row["path"]:
        way = [el("span", None, said(row["path"])), _of(row["path_visitors"], None, f"{head};part=path", voice)]
        parts += [el("dt", None, voice.text("personas.path")), el("dd", None, way)]
    for by in ("channel", "hour"):
        if row[by]:
            value = voice.name("channel", row[by]) if by in _NAMES else voice.text("personas.at_hour", hour=int(row[by]))
            seen = _of(row[f"{by}_visitors"], row[f"{by}_rate"], f"{head};{by}={row[by]}", voice)
            parts += [el("dt", None, voice.text(f"personas.{by}")), el("dd", None, said(value), seen)]
    return parts


def _of(visitors: int, rate: float | None, cell: str, voice: Voice) -> Html:
    number = voice.number(visitors)
    words = number if rate is None else voice.text("personas.of_them", n=number, rate=voice.rate(rate))
    return el("small", None, voice.mark(words, cell if visitors else None))


def _map(row: Row, voice: Voice) -> Html | None:
    if voice.to is None:
        return None
    # Who is of a persona was seen in this range: another range of the same visitors is no comparison.
    link = voice.link(voice.text("personas.map"), "map", segment=(row["segment"],), compare="none")
    beside = voice.to("segments", {"rule": row["segment"]})
    other = el("a", {"href": beside}, voice.text("personas.beside")) if beside else None
    return el("p", {"class": "further"}, link, " · " if other else None, other)


def _stability(figures: Mapping[str, Any], voice: Voice) -> Html | None:
    if figures["agreement_reseeded"] is None or figures["agreement_resampled"] is None:
        return None
    seeds, samples = (_two(figures[f"agreement_{name}"], voice) for name in ("reseeded", "resampled"))
    return el("p", {"class": "caption"}, voice.text("personas.stability", reseeded=seeds, resampled=samples))


def _two(value: float | None, voice: Voice) -> str:
    return "–" if value is None else voice.text("personas.small", n=value)


def _table(rows: Sequence[Row], traits: Mapping[int, list[Row]], voice: Voice) -> Html:
    def visitors(row: Row) -> Child:
        return voice.mark(voice.number(row["visitors"]), f"persona={row['persona']}")

    columns = [
        Column(title("persona", voice), lambda row: said(name(row, traits.get(row["persona"], []), voice))),
        Column(title("visitors", voice), visitors, True),
        *(_figure(each, unit, voice) for each, unit in _FIGURES.items()),
        Column(title("path", voice), lambda row: said(row["path"] or "–")),
        Column(title("channel", voice), lambda row: voice.name("channel", row["channel"]) if row["channel"] else "–"),
        Column(title("hour", voice), lambda row: voice.text("personas.at_hour", hour=int(row["hour"])) if row["hour"] else "–"),
    ]
    return table(columns, rows, label=voice.text("personas.cards"), css="wide")


_FIGURES: Final = {
    "share_rate": "rate", "buyers": "count", "orders": "count", "conversion_rate": "rate", "revenue": "money",
    "revenue_rate": "rate",
}  # fmt: skip


def _figure(column: str, unit: str, voice: Voice) -> Column:
    return Column(title(column, voice), lambda row: shown(row[column], unit, voice, full=True), True)


def _behaviours(rows: Sequence[Row], traits: Mapping[int, list[Row]], voice: Voice) -> Html:
    """Every behaviour of every persona, with its lift and interval."""
    head = voice.text("personas.behaviours")
    every = [row for persona in rows for row in traits.get(persona["persona"], [])]

    def visitors(row: Row) -> Child:
        cell = f"persona={row['persona']};behaviour={row['behaviour']}"
        return voice.mark(voice.number(row["visitors"]), cell if row["visitors"] else None)

    def lift(row: Row) -> Child:
        ends = voice.text("personas.interval", low=_times(row["low"], voice), high=_times(row["high"], voice))
        return el("span", {"title": ends}, f"×{_times(row['lift'], voice)}")

    columns = [
        Column(title("persona", voice), lambda row: str(row["persona"])),
        Column(title("behaviour", voice), lambda row: said(behaviour(row, voice))),
        Column(title("visitors", voice), visitors, True),
        _figure("rate", "rate", voice),
        _figure("everyone_rate", "rate", voice),
        Column(title("lift", voice), lift, True),
        Column(title("low", voice), lambda row: _times(row["low"], voice), True),
        Column(title("high", voice), lambda row: _times(row["high"], voice), True),
    ]
    return el("details", {"class": "more"}, el("summary", None, head), table(columns, every, label=head))


def _tried(result: Result, voice: Voice) -> Html | None:
    rows = result.parts["tried"].to_pylist()
    if not rows:
        return None
    head = voice.text("personas.tried")

    def two(column: str) -> Column:
        return Column(title(column, voice), lambda row: _two(row[column], voice), True)

    columns = [
        Column(title("groups", voice), lambda row: str(row["groups"])),
        *(two(each) for each in ("silhouette", "agreement_reseeded", "agreement_resampled", "gain")),
        _figure("smallest_rate", "rate", voice),
        Column(title("stable", voice), lambda row: voice.text("cli.yes" if row["stable"] else "cli.no")),
        Column(title("chosen", voice), lambda row: "✓" if row["chosen"] else ""),
    ]
    return el("details", {"class": "more"}, el("summary", None, head), table(columns, rows, label=head))
