"""All automations in one list with what came of them, the ready-made ones, and how messages leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from afterclick.app.automation_recipes import CHANNELS, RECIPES, Field, Recipe, default
from afterclick.core.moments import Interval, Share
from afterclick.core.money import to_decimal
from afterclick.observe.automations.outcomes import Outcome, Trouble
from afterclick.store.automations import Journey, LiveRule
from afterclick.surfaces.viz import automation_words as words
from afterclick.surfaces.viz.entries import Posting, choice, field, fields
from afterclick.surfaces.viz.markup import Child, Html, el, said
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

_FEW: Final = 30
"""Visitors below which a rate says little."""


class Line(NamedTuple):
    """One automation of the list: its document, what came of it, how many problems stand against it, its page."""

    document: LiveRule | Journey
    outcome: Outcome
    errors: int
    href: str


def listed(lines: Sequence[Line], voice: Voice, title: str = "automations.all") -> Html:
    """Rules and journeys in one table, under the text of this id."""
    said_title = voice.text(title)
    columns = [
        Column(voice.text("automations.name"), lambda line: _name(line, voice)),
        Column(voice.text("automations.state"), lambda line: words.state(line.document.state, voice)),
        Column(voice.text("automations.sent"), lambda line: _sent(line.outcome, voice), True),
        Column(voice.text("automations.held_back"), lambda line: _held(line.outcome, voice), True),
        Column(voice.text("automations.converted"), lambda line: _share(line.outcome.converted, voice), True),
        Column(voice.text("automations.in_holdout"), lambda line: _share(line.outcome.held_converted, voice), True),
        Column(voice.text("automations.lift"), lambda line: _lift(line.outcome, voice), True),
        Column(voice.text("automations.gain"), lambda line: _gain(line.outcome, voice), True),
    ]
    caption = el("p", {"class": "caption"}, voice.text("automations.list_caption"))
    shown = table(columns, lines, label=said_title, css="wide", stacks=True)
    return el("section", {"class": "panel card"}, el("h2", None, said_title), shown, caption)


def _name(line: Line, voice: Voice) -> Child:
    document = line.document
    kind = "rule" if isinstance(document, LiveRule) else "journey"
    wrong = el("span", {"class": "tag warn"}, voice.text("automations.errors", n=line.errors)) if line.errors else None
    return [
        el("a", {"href": line.href}, said(document.name)),
        el("span", {"class": "tag"}, voice.text(f"automations.{kind}")),
        wrong,
        el("small", None, said(words.summary(document, voice))),
    ]


def _sent(outcome: Outcome, voice: Voice) -> Child:
    if not outcome.sent:
        return "–"
    people = el("small", None, voice.text("automations.to_visitors", n=outcome.visitors))
    clicked = el("small", None, voice.text("automations.clicked", n=outcome.clicked)) if outcome.clicked else None
    lost = outcome.failed + outcome.uncertain
    failed = el("small", None, voice.text("automations.lost", n=lost)) if lost else None
    return [voice.number(outcome.sent), people, clicked, failed]


def _held(outcome: Outcome, voice: Voice) -> Child:
    total = sum(outcome.held_back.values())
    if not total:
        return "–"
    reasons = [el("small", None, f"{reason(name, voice)} {voice.number(n)}") for name, n in _ranked(outcome)]
    return [voice.number(total), *reasons]


def _ranked(outcome: Outcome) -> list[tuple[str, int]]:
    return sorted(outcome.held_back.items(), key=lambda pair: (-pair[1], pair[0]))[:4]


def reason(name: str, voice: Voice) -> str:
    """Why a message was held back; a reason of somebody else's as it came."""
    return voice.known(f"send_reasons.{name}") or name[:60] or voice.text("automations.reason_none")


def _share(share: Share, voice: Voice) -> Child:
    if share.rate is None:
        return "–"
    css = "few" if share.n < _FEW else None
    of = voice.text("automations.of", hits=share.hits, n=share.n)
    return [el("span", {"class": css}, voice.rate(share.rate)), el("small", None, of)]


def _lift(outcome: Outcome, voice: Voice) -> Child:
    now, held = outcome.converted.rate, outcome.held_converted.rate
    if outcome.lift is None or now is None or held is None:
        return "–"
    return _with_interval(now - held, outcome.lift, voice.points)


def _gain(outcome: Outcome, voice: Voice) -> Child:
    if outcome.worth is None or outcome.gain is None:
        return "–"
    n = outcome.converted.n

    def money(value: float) -> str:
        return voice.money(to_decimal(round(value * n)))

    return _with_interval(outcome.worth, outcome.gain, money)


def _with_interval(value: float, interval: Interval, shown: Callable[[float], str]) -> Child:
    sure = interval.low > 0 or interval.high < 0
    css = ("good" if value > 0 else "bad") if sure else "muted"
    between = f"{shown(interval.low)} … {shown(interval.high)}"
    return [el("span", {"class": css}, shown(value)), el("small", None, between)]


def troubles(found: Sequence[Trouble], voice: Voice) -> Html | None:
    """A banner for channels whose last message failed, with the last answer."""
    if not found:
        return None
    items = [
        el("li", None, voice.text("automations.trouble", channel=channel(each.channel, voice), at=each.at), " ",
           el("code", None, said(each.answer)) if each.answer else None)
        for each in found
    ]  # fmt: skip
    return el("div", {"class": "notices", "role": "status"}, el("ul", None, items))


def channel(name: str, voice: Voice) -> str:
    """A way that messages go."""
    return voice.known(f"automations.channel_{name}") or name


def recipes(post: Posting, currency: str, voice: Voice, *, first: bool) -> Html:
    """The ready-made automations, each with its values and one button that makes a draft of it."""
    items = [_recipe(recipe, post, currency, voice) for recipe in RECIPES.values()]
    css, said_first = ("finding", "automations.empty") if first else ("caption", "automations.ready_said")
    return el(
        "section",
        {"class": "panel card", "id": "recipes"},
        el("h2", None, voice.text("automations.ready")),
        el("p", {"class": css}, voice.text(said_first)),
        el("ul", {"class": "ready"}, items),
    )


def _recipe(recipe: Recipe, post: Posting, currency: str, voice: Voice) -> Html:
    inside = [_value(each, currency, voice) for each in recipe.fields]
    title = recipe.title(voice.lang)
    make = el("button", {"class": "button", "aria-label": f"{voice.text('automations.make_draft')}: {title}"},
              voice.text("automations.make_draft"))  # fmt: skip
    kind = voice.text("ready.on_site" if recipe.on_site else "ready.over_days")
    more = el("details", {"class": "more"},
              el("summary", {"aria-label": f"{voice.text('automations.values')}: {title}"}, voice.text("automations.values")),
              fields(*inside)) if inside else None  # fmt: skip
    return el(
        "li",
        None,
        el("h3", None, title, el("span", {"class": "tag"}, kind)),
        el("p", {"class": "caption"}, voice.text(f"ready.{recipe.name}_why")),
        post.form([("what", "recipe"), ("recipe", recipe.name)], more, make),
    )


def _value(each: Field, currency: str, voice: Voice) -> Html:
    label, name = voice.text(f"ready.field_{each.name}"), f"v_{each.name}"
    if each.kind == "channel":
        return choice(label, name, each.default, [(one, channel(one, voice)) for one in CHANNELS])
    told = voice.known(f"ready.field_{each.name}_said") or ""
    return field(label, name, default(each, currency), said=told)


def fresh(post: Posting, voice: Voice) -> Html:
    """The form that begins an empty rule or journey."""
    kinds = [(kind, voice.text(f"automations.{kind}_long")) for kind in ("rule", "journey")]
    return el(
        "section",
        {"class": "panel card"},
        el("details", {"class": "more"}, el("summary", None, voice.text("automations.begin")),
           post.form([("what", "new")],
                     fields(field(voice.text("automations.name"), "name", more={"required": True, "maxlength": 120}),
                            choice(voice.text("automations.kind"), "kind", "rule", kinds)),
                     el("button", {"class": "go"}, voice.text("automations.make_draft")), css="question")),
    )  # fmt: skip


def by_path(problems: Sequence[tuple[str, str]]) -> Mapping[str, Sequence[str]]:
    """(path, sentence) pairs gathered by path."""
    found: dict[str, list[str]] = {}
    for path, text in problems:
        found.setdefault(path, []).append(text)
    return found
