"""Rules on the Live page: how often each fires now, and one visitor beside the conditions of all of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from afterclick.app.automation_trace import Traced
from afterclick.core import i18n
from afterclick.surfaces.viz.automation_words import once
from afterclick.surfaces.viz.entries import hidden_field
from afterclick.surfaces.viz.markup import Child, Html, el, said
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Counts = Mapping[str, Mapping[str, int]]
"""Per rule: fired, held_out, shown, clicked, dismissed, failed, suppressed.<reason>; since the server began."""

_MOST = 20


def firing(counts: Counts, converted: Mapping[str, str], voice: Voice) -> Html:
    """What rules did since the server began, the busiest first; `converted` says per rule how many ordered."""
    title = voice.text("live_rules.title")
    active = [(name, each) for name, each in counts.items() if any(each.values())]
    rows = sorted(active, key=lambda row: (-_n(row[1], "fired"), row[0]))
    if not rows:
        nothing = el("p", {"class": "caption"}, voice.text("live_rules.none"))
        return el("section", {"class": "panel card"}, el("h2", None, title), nothing)
    columns = [
        Column(voice.text("automations.rule"), lambda row: said(row[0])),
        Column(voice.text("live_rules.fired"), lambda row: voice.number(_n(row[1], "fired")), True),
        Column(voice.text("live_rules.shown"), lambda row: voice.number(_n(row[1], "shown")), True),
        Column(voice.text("automations.held_back"), lambda row: voice.number(_held(row[1])), True),
        Column(voice.text("live_rules.clicked"), lambda row: voice.number(_n(row[1], "clicked")), True),
        Column(voice.text("automations.converted"), lambda row: converted.get(row[0], "–"), True),
    ]
    return el("section", {"class": "panel card"}, el("h2", None, title), table(columns, rows[:_MOST], label=title))


def _n(counts: Mapping[str, int], name: str) -> int:
    return counts.get(name, 0)


def _held(counts: Mapping[str, int]) -> int:
    return _n(counts, "held_out") + sum(n for name, n in counts.items() if name.startswith("suppressed."))


def traced(
    who: str, found: Sequence[Traced], problem: str, path: str, pairs: Mapping[str, str], voice: Voice,
    near: Sequence[tuple[str, str]] = (),
) -> Html:
    """The form that asks for a visitor, and every rule beside that one: which part holds, how far the others are.

    `near` are visitors to begin with: how they are called, and where they are followed.
    """
    form = el(
        "form",
        {"method": "get", "action": path, "class": "find", "target": "_self"},
        [hidden_field(name, value) for name, value in pairs.items()],
        el("label", None, el("span", None, voice.text("live_rules.who")),
           el("input", {"name": "who", "value": who, "maxlength": 200, "autocomplete": "off"})),
        el("button", {"class": "button"}, voice.text("live_rules.follow")),
    )  # fmt: skip
    links = [[" ", el("a", {"href": href}, said(text))] for text, href in near]
    begin = el("p", {"class": "caption near"}, voice.text("live_rules.near"), links) if near else None
    shown: Child = None
    if problem:
        shown = el("p", {"class": "caption", "role": "status"}, problem)
    elif who and not found:
        shown = el("p", {"class": "caption"}, voice.text("live_rules.no_rules"))
    elif found:
        shown = el("ul", {"class": "rules-traced"}, [_rule(each, voice) for each in found])
    return el("section", {"class": "panel card"}, el("h2", None, voice.text("live_rules.trace")), form, begin, shown)


def _rule(each: Traced, voice: Voice) -> Html:
    parts = [
        el("li", None, el("span", {"aria-hidden": "true"}, "✓ " if part.holds else "○ "),
           el("span", {"class": "vh"}, voice.text("live_rules.holds" if part.holds else "live_rules.lacks")), " ",
           said(part.words), None if part.holds else _far(part.now, part.wanted, voice))
        for part in each.parts
    ]  # fmt: skip
    state = voice.text("live_rules.all_hold") if each.holds else voice.text(
        "live_rules.some_hold", n=sum(part.holds for part in each.parts), of=len(each.parts)
    )
    return el("li", None, el("h3", None, said(each.rule.name), el("small", None, state)), el("ul", {"class": "notes"}, parts),
              _last(each, voice))  # fmt: skip


def _last(each: Traced, voice: Voice) -> Html | None:
    """What the rule last did for the visitor: it may hold and yet not do so again."""
    if each.last_at is None:
        return None
    at = voice.instant(dt.datetime.fromtimestamp(each.last_at / 1e6, dt.UTC))
    text = voice.text("live_rules.held_back_at" if each.held_back else "live_rules.last_at", at=at)
    return el("p", {"class": "caption"}, text, " ", voice.text("live_rules.how_often", once=once(each.rule, voice)))


def _far(now: object, wanted: object, voice: Voice) -> Child:
    """`3 of 4`."""
    if now is None or wanted is None:
        return None
    shown = voice.text("live_rules.of", now=_figure(now, voice), wanted=_figure(wanted, voice))
    return [" ", el("span", {"class": "tag"}, shown)]


def _figure(value: object, voice: Voice) -> str:
    return i18n.number(float(str(value)), voice.lang, digits=2)
