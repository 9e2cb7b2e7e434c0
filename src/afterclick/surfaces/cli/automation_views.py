"""How the command line shows rules and journeys: as a list with what came of them, as sentences, with what is wrong."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

import msgspec

from afterclick.app import automation_recipes
from afterclick.app.automation_checks import Problem, say
from afterclick.app.automation_places import Document
from afterclick.app.automations import Automations, kind_of
from afterclick.app.workspace import Workspace
from afterclick.core import i18n
from afterclick.core.result import Result
from afterclick.observe.automations.outcomes import Outcome
from afterclick.store import toml
from afterclick.store.automations import LiveRule, nodes
from afterclick.surfaces.cli import addresses
from afterclick.surfaces.cli.screen import Screen
from afterclick.surfaces.viz import automation_backtest, automation_standing
from afterclick.surfaces.viz import automation_words as words
from afterclick.surfaces.viz.plain import width
from afterclick.surfaces.viz.voice import Voice


def recipes(kind: str, shop: Workspace, screen: Screen, more: str) -> None:
    """The ready-made ones with their values, and how to make one."""
    currency = shop.store.definitions.currency
    rows = []
    for recipe in automation_recipes.RECIPES.values():
        made = automation_recipes.draft(recipe.name, {}, lang=screen.lang, languages=(screen.lang,), currency=currency)
        if kind_of(made) == kind:
            values = " ".join(
                shlex.quote(f"{each.name}={automation_recipes.default(each, currency)}") for each in recipe.fields
            )
            rows.append([recipe.name, i18n.text(screen.lang, f"ready.{recipe.name}_why"), values])
    screen.table([said(screen, name) for name in ("recipe", "what", "values")], rows, [True, True, True])
    name, _, values = rows[0]
    screen.show("", screen.text("next"), f"  afterclick {kind}s recipe {name} --set {values.split()[0]}{more}")


def listed(kind: str, shop: Workspace, screen: Screen, form: str, more: str) -> None:
    """Every rule or journey with what came of it; JSON has all of it."""
    desk = shop.automations
    documents: list[Document] = list(desk.rules.values()) if kind == "rule" else list(desk.journeys.values())
    found = desk.outcomes().found
    outcomes = [found.get((kind, each.name), Outcome()) for each in documents]
    if form == "json":
        rows = [{**msgspec.to_builtins(each), "outcome": outcome} for each, outcome in zip(documents, outcomes, strict=True)]
        screen.write(msgspec.json.encode(rows).decode())
        return
    if not documents:
        screen.show(said(screen, f"none_{kind}"), "", screen.text("next"), f"  afterclick {kind}s recipe{more}")
        return
    voice = Voice(lang=screen.lang, currency=shop.store.definitions.currency)
    heads = ("name", "state", "sent", "held_back", "converted", "in_holdout", "lift")
    shown = [_row(each, outcome, voice) for each, outcome in zip(documents, outcomes, strict=True)]
    screen.table([i18n.text(screen.lang, f"automations.{name}") for name in heads], shown, [True, True, *[False] * 5])


def _row(document: Document, outcome: Outcome, voice: Voice) -> list[str]:
    now, held = outcome.converted.rate, outcome.held_converted.rate
    lift = "–"
    if outcome.lift is not None and now is not None and held is not None:
        lift = f"{voice.points(now - held)} ({voice.points(outcome.lift.low)} … {voice.points(outcome.lift.high)})"
    return [
        document.name, voice.text(f"automations.state_{document.state}"), voice.number(outcome.sent),
        voice.number(sum(outcome.held_back.values())), voice.rate(now), voice.rate(held), lift,
    ]  # fmt: skip


def show(kind: str, name: str, shop: Workspace, screen: Screen, form: str) -> None:
    """One document as it reads, or as it is written down."""
    desk = shop.automations
    document = desk.get(kind, name)
    if form == "json":
        screen.write(msgspec.json.encode(document).decode())
        return
    if form == "toml":
        screen.write(toml.text({f"{kind}s": [msgspec.to_builtins(document)]}, {}, blocks=(f"{kind}s",)))
        return
    voice = Voice(lang=screen.lang, currency=shop.store.definitions.currency, zone=shop.store.definitions.timezone)
    screen.show(f"{document.name}  ({state(document, screen)})", "", *_sentences(document, voice))
    screen.show(*lines(desk.problems().get((kind, name), []), screen))
    found = None if isinstance(document, LiveRule) else desk.standing(name)
    if found is not None and not isinstance(document, LiveRule):
        screen.show("", f"{voice.text('automations.standing')}:")
        screen.show(*(f"  {line}" for line in automation_standing.lines(document, found, voice)))


def tested(found: Result, document: Document, screen: Screen) -> None:
    """What a dry run showed: the figures, the messages by step with what held them back, who else is on, the caveats."""
    voice = Voice(lang=screen.lang, currency=str(found.about.get("currency") or ""))
    screen.show(found.sentence(screen.lang), "")
    figures = automation_backtest.figures(found, voice)
    wide = max(width(name) for name, _ in figures)
    screen.show(*(f"{name}{' ' * (wide - width(name))}  {value}" for name, value in figures))
    rows = automation_backtest.messages(found, document, voice)
    if rows:
        heads = [voice.text(f"automations.bt_{name}") for name in ("step", "sent", "suppressed", "waiting")]
        told = [
            [row.step, *(voice.number(n) for n in (row.sent, sum(n for _, n in row.held_back), row.waiting))] for row in rows
        ]
        screen.show("")
        screen.table(heads, told, [True, False, False, False])
        screen.show(*(f"  {voice.text('automations.bt_suppressed')}: {why} {voice.number(n)}" for why, n in _reasons(rows)))
    screen.show("", *automation_backtest.overlaps(found, voice))
    screen.show("", *(f"{screen.text('note')} {note.say(screen.lang)}" for note in found.notes))
    screen.show("", addresses.address(found.spec, screen.lang))


def _reasons(rows: Sequence[automation_backtest.Message]) -> list[tuple[str, int]]:
    """Why messages were held back, over all steps, the commonest first."""
    counted: dict[str, int] = {}
    for why, n in (pair for row in rows for pair in row.held_back):
        counted[why] = counted.get(why, 0) + n
    return sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))


def _sentences(document: Document, voice: Voice) -> list[str]:
    """The document as it reads: who, how often, what."""
    if isinstance(document, LiveRule):
        parts = {"when": words.condition(document.when, voice), "how_often": words.once(document, voice),
                 "then": words.does(document, voice)}  # fmt: skip
        return [f"{voice.text(f'automations.part_{name}')}: {text}" for name, text in parts.items()]
    enters = f"{voice.text('automations.part_when')}: {words.enters(document.entry, voice)}"
    found = [enters, f"  {words.again(document, voice)}"]
    for place, node in nodes(document.steps):
        depth = place.count(".") // 2
        side = place.split(".")[-2] if depth else ""
        label = f"{voice.known(f'automations.{side}') or side}: " if side and place.endswith(".0") else ""
        found.append(f"{'    ' * depth}{label}{words.step(node, voice)}")
    for name in ("goal", "leave"):
        steps = ", ".join(words.happening(step, voice) for step in getattr(document, name))
        found += [f"{voice.text(f'automations.{name}')}: {steps}"] if steps else []
    return found


def check(kind: str, names: Sequence[str], shop: Workspace, screen: Screen, form: str) -> bool:
    """Print the problems; whether any keeps something from being switched on."""
    desk: Automations = shop.automations
    for name in names:
        desk.get(kind, name)
    problems = [
        (name, problem)
        for (of, name), found in desk.problems().items()
        if of == kind and (not names or name in names)
        for problem in found
    ]
    if form == "json":
        rows = [
            {"name": name, "level": problem.level, "path": problem.path, "message": say(problem, screen.lang)}
            for name, problem in problems
        ]
        screen.write(msgspec.json.encode(rows).decode())
    elif not problems:
        screen.show(said(screen, "fine"))
    else:
        heads = [said(screen, name) for name in ("name", "level", "field", "problem")]
        shown = [[name, said(screen, problem.level), problem.path, say(problem, screen.lang)] for name, problem in problems]
        screen.table(heads, shown, [True] * 4)
    return any(problem.level == "error" for _, problem in problems)


def lines(problems: Sequence[Problem], screen: Screen) -> list[str]:
    """Problems, a line each."""
    return [f"{said(screen, problem.level)} {problem.path}: {say(problem, screen.lang)}" for problem in problems]


def state(document: Document, screen: Screen) -> str:
    """Where it stands."""
    return i18n.text(screen.lang, f"automations.state_{document.state}")


def said(screen: Screen, key: str, **params: Any) -> str:
    """A text of these commands."""
    return i18n.text(screen.lang, f"automation_cli.{key}", **params)
