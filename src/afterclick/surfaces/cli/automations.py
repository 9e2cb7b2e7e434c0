"""`afterclick rules` and `afterclick journeys`: list, show, add, check, run over history, switch on, pause, remove, undo."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
from msgspec.structs import replace

import afterclick
from afterclick.app import automation_recipes
from afterclick.app.automation_places import Document
from afterclick.app.automation_preview import try_send
from afterclick.app.automations import kind_of
from afterclick.app.workspace import Workspace
from afterclick.core import i18n
from afterclick.core.errors import UsageError
from afterclick.core.said import Said
from afterclick.surfaces.cli import automation_files as documents
from afterclick.surfaces.cli import automation_views as views
from afterclick.surfaces.cli import render
from afterclick.surfaces.cli.options import existing_store, format_option, shared_options, store_words
from afterclick.surfaces.cli.screen import Screen

_HELP: Final = {
    "rule": "Rules of the site: list, show, add, check, run over history, switch on and off.",
    "journey": "Journeys of messages: list, show, add, check, run over history, switch on and off.",
}


def _group(kind: str) -> click.Group:
    """The commands of rules, or those of journeys."""

    @click.group(name=f"{kind}s", help=_HELP[kind])
    def group() -> None:
        pass

    for add in (_looking, _writing, _trying, _switching):
        add(group, kind)
    return group


def _looking(group: click.Group, kind: str) -> None:
    """Commands that only look."""
    many = f"{kind}s"

    @group.command("list", help=f"List the {many}: state, what was sent and held back, orders beside the hold-out's.")
    @format_option("table", "json")
    @shared_options
    def list_all(*, form: str, store: Path | None, lang: str, plain: bool) -> None:
        with afterclick.open(existing_store(store)) as shop:
            views.listed(kind, shop, Screen.of(lang, plain), form, store_words(store))

    @group.command("show", help=f"Show a {kind} in words, with what speaks against it.")
    @click.argument("name")
    @format_option("table", "json", "toml")
    @shared_options
    def show(*, name: str, form: str, store: Path | None, lang: str, plain: bool) -> None:
        with afterclick.open(existing_store(store)) as shop:
            views.show(kind, name, shop, Screen.of(lang, plain), form)


def _writing(group: click.Group, kind: str) -> None:
    """Commands that write documents down."""
    many = f"{kind}s"

    @group.command("add", help=f"Add the {many} of FILE (TOML or JSON, - = stdin); one of the same name is replaced.")
    @click.argument("file", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True))
    @shared_options
    def add(*, file: Path, store: Path | None, lang: str, plain: bool) -> None:
        screen = Screen.of(lang, plain)
        found = documents.of_file(kind, file)
        with afterclick.open(existing_store(store)) as shop:
            for document in found:
                _added(shop, shop.automations.put(document), screen, store_words(store))

    @group.command("recipe", help=f"Make a ready-made {kind}; without a name, list those there are.")
    @click.argument("name", required=False, default="")
    @click.option("--set", "values", multiple=True, metavar="NAME=VALUE", help="A value of it [repeat for more].")
    @shared_options
    def recipe(*, name: str, values: tuple[str, ...], store: Path | None, lang: str, plain: bool) -> None:
        screen = Screen.of(lang, plain)
        with afterclick.open(existing_store(store)) as shop:
            if name:
                _added(shop, _made(shop, kind, name, values, screen.lang), screen, store_words(store))
            else:
                views.recipes(kind, shop, screen, store_words(store))


def _trying(group: click.Group, kind: str) -> None:
    """Commands that say whether a document may be switched on."""
    many = f"{kind}s"

    @group.command("check", help=f"Look for what speaks against {many}: all, or those named. Exit 1 if any has an error.")
    @click.argument("names", nargs=-1)
    @format_option("table", "json")
    @shared_options
    def check(*, names: tuple[str, ...], form: str, store: Path | None, lang: str, plain: bool) -> None:
        with afterclick.open(existing_store(store)) as shop:
            wrong = views.check(kind, names, shop, Screen.of(lang, plain), form)
        if wrong:
            click.get_current_context().exit(1)

    @group.command("test", help=f"Run a {kind} over history: whom it would have reached. Required before `on`.")
    @click.argument("name")
    @click.option("--range", "span", default="28d", show_default=True, help="Which days: 28d, all, 2026-09-01..2026-09-30.")
    @format_option("table", "json", "csv", "md")
    @shared_options
    def test(*, name: str, span: str, form: str, store: Path | None, lang: str, plain: bool) -> None:
        screen = Screen.of(lang, plain)
        with afterclick.open(existing_store(store)) as shop:
            found = shop.automations.backtest(kind, name, range=span)
            document, problems = shop.automations.get(kind, name), shop.automations.problems().get((kind, name), [])
        if form != "table":
            render.result(found, screen, form)
            return
        views.tested(found, document, screen)
        screen.show(*views.lines(problems, screen))
        if document.state != "on" and not any(problem.level == "error" for problem in problems):
            screen.show("", screen.text("next"), f"  afterclick {many} on {shlex.quote(name)}{store_words(store)}")


def _switching(group: click.Group, kind: str) -> None:
    """Commands that switch on and off, delete and take back."""

    @group.command("on", help=f"Switch a {kind} on. It must have been run over history as it stands.")
    @click.argument("name")
    @shared_options
    def on(*, name: str, store: Path | None, lang: str, plain: bool) -> None:
        _switched(kind, "on", name, store, Screen.of(lang, plain))

    @group.command("pause", help=f"Pause a {kind}; what waits goes on waiting.")
    @click.argument("name")
    @shared_options
    def pause(*, name: str, store: Path | None, lang: str, plain: bool) -> None:
        _switched(kind, "paused", name, store, Screen.of(lang, plain))

    @group.command("remove", help=f"Delete a {kind}; what it sent stays in the reports.")
    @click.argument("name")
    @shared_options
    def remove(*, name: str, store: Path | None, lang: str, plain: bool) -> None:
        _switched(kind, "removed", name, store, Screen.of(lang, plain))

    @group.command("undo", help="Take the last change of rules, journeys and delivery back.")
    @shared_options
    def undo(*, store: Path | None, lang: str, plain: bool) -> None:
        screen = Screen.of(lang, plain)
        with afterclick.open(existing_store(store)) as shop:
            last = shop.automations.undo()
        name = last.name or i18n.text(screen.lang, "automations.delivery")
        screen.show(i18n.text(screen.lang, "automation_cli.undone", change=i18n.text(
            screen.lang, f"automations.undo_{last.change}", name=name)))  # fmt: skip


rules = _group("rule")
journeys = _group("journey")


@journeys.command("try")
@click.argument("name")
@click.option("--to", "address", required=True, help="Your own e-mail address, push subscription (JSON) or webhook address.")
@click.option("--node", "place", default="", help="Place of the step, such as 1.then.0; else the first that sends.")
@click.option("--as", "visitor", default="", help="Fill it with the values of this visitor, else with made-up ones.")
@shared_options
def try_message(
    *, name: str, address: str, place: str, visitor: str, store: Path | None, lang: str, plain: bool
) -> None:
    """Send one message of a journey to an address of your own; nothing is counted. Exit 1 if it did not leave."""
    screen = Screen.of(lang, plain)
    with afterclick.open(existing_store(store)) as shop:
        done = try_send(shop, name, address, screen.lang, place=place, visitor=visitor)
    said = i18n.text(screen.lang, f"automations.tried_{done.outcome.state}")
    screen.show(" ".join(part for part in (said, done.outcome.explained(screen.lang)) if part))
    if done.outcome.state != "sent":
        click.get_current_context().exit(1)


def _added(shop: Workspace, kept: Document, screen: Screen, more: str) -> None:
    kind = kind_of(kept)
    screen.show(views.said(screen, "added", name=kept.name, state=views.state(kept, screen)))
    problems = shop.automations.problems().get((kind, kept.name), [])
    screen.show(*views.lines(problems, screen))
    if not any(problem.level == "error" for problem in problems):
        screen.show("", screen.text("next"), f"  afterclick {kind}s test {shlex.quote(kept.name)}{more}")


def _made(shop: Workspace, kind: str, name: str, values: Sequence[str], lang: str) -> Document:
    pairs = [each.partition("=") for each in values]
    if any(not sign for _, sign, _ in pairs):
        raise UsageError(Said("refusals.set_takes"), hint="--set wait=3h")
    definitions, desk = shop.store.definitions, shop.automations
    languages = tuple(dict.fromkeys((definitions.language, "en", "ko")))
    made = automation_recipes.draft(
        name, {left: right for left, _, right in pairs}, lang=lang, languages=languages,
        currency=definitions.currency, home=desk.home,
    )  # fmt: skip
    if kind_of(made) != kind:
        raise UsageError(
            Said("refusals.recipe_is_a", name=name, made=kind_of(made)),
            hint=f"afterclick {kind_of(made)}s recipe {name}",
        )
    return desk.put(replace(made, name=desk.free_name(kind, made.name)))


def _switched(kind: str, what: str, name: str, store: Path | None, screen: Screen) -> None:
    with afterclick.open(existing_store(store)) as shop:
        desk = shop.automations
        if what == "on":
            desk.switch_on(kind, name)
        elif what == "paused":
            desk.pause(kind, name)
        else:
            desk.remove(kind, name)
    screen.show(views.said(screen, what, name=name))


