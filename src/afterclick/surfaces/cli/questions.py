"""One command per question, made from the fields of its Spec: nothing here knows the name of a field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

import afterclick
from afterclick.core.errors import UsageError
from afterclick.core.said import Said
from afterclick.core.spec import Field, Spec
from afterclick.surfaces.cli import render, views
from afterclick.surfaces.cli.options import existing_store, format_option, shared_options
from afterclick.surfaces.cli.screen import Screen

FORMATS = ("table", "json", "csv", "md", "python", "sql")


class QuestionCommand(click.Command):
    """A command whose help stands in three parts: the question's own fields, the shared scope, the output."""

    def __init__(self, spec: type[Spec], **options: Any) -> None:
        super().__init__(**options)
        self.spec = spec

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Options by part; a part without options is left out."""
        scope = {field.name for field in self.spec.fields() if field.scope}
        own = {field.name for field in self.spec.fields()} - scope
        parts: dict[str, list[tuple[str, str]]] = {"Question": [], "Scope": [], "Output": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record:
                name = parameter.name or ""
                parts["Question" if name in own else "Scope" if name in scope else "Output"].append(record)
        for title, rows in parts.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


def command(spec: type[Spec]) -> click.Command:
    """The command of a kind of question. A required field that repeats is also given by bare arguments."""
    fields = spec.fields()
    spread = next((field for field in fields if field.required and field.many), None)
    parameters: list[click.Parameter] = [option(field) for field in fields]
    if spread:
        parameters.insert(0, click.Argument(["given"], nargs=-1, metavar=f"[{spread.name.upper()}]..."))

    def run(given: tuple[str, ...] = (), **values: Any) -> None:
        output = {name: values.pop(name) for name in _OUTPUT}
        pairs = [(spread.name, text) for text in given] if spread else []
        pairs += [(name, text) for name, value in values.items() for text in texts(value)]
        _answer(spec.from_texts(pairs), **output)

    return QuestionCommand(
        spec,
        name=spec.key_word,
        params=[*parameters, *_output.params],
        callback=run,
        help=spec.__doc__,
        short_help=spec.title(),
    )


@click.command()
@format_option(*FORMATS)
@click.option("--people", metavar="CELL", help="The visitors behind a cell instead, such as 'stage=Attract;part=lost'.")
@click.option("--part", metavar="NAME", help="Another table of the answer instead of the main one, such as channels.")
@shared_options
def _output(**_: Any) -> None:
    """Carry the options of the output, which are those of every question."""


_OUTPUT = tuple(parameter.name or "" for parameter in _output.params)


def option(field: Field, *, default: bool = True) -> click.Option:
    """The option of a field; its help ends with the default unless that is said elsewhere."""
    about = field.description
    if field.examples and not field.choices:
        about += f" (such as {', '.join(field.examples)})"
    return click.Option(
        [field.flag, field.name],
        type=click.Choice(field.choices) if field.choices else str,
        metavar=None if field.choices else _metavar(field),
        multiple=field.many,
        default=None,
        help=about + (" [repeat for more]" if field.many else "") + (_shown_default(field) if default else ""),
        show_default=False,
    )


def _metavar(field: Field) -> str:
    return {int: "N", float: "NUMBER", bool: "true|false"}.get(field.type, "TEXT")


def _shown_default(field: Field) -> str:
    if field.required:
        return "  [required]"
    return "" if field.default in ((), "", None) else f"  [default: {field.default}]"


def texts(value: Any) -> tuple[str, ...]:
    """What was given for an option, once or several times; nothing where it was not given."""
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (str(value),)


def _answer(
    spec: Spec, *, form: str, people: str | None, part: str | None, store: Path | None, lang: str, plain: bool
) -> None:
    screen = Screen.of(lang, plain)
    if form == "sql":
        raise UsageError(
            Said("refusals.no_sql", key_word=spec.key_word),
            hint=Said("refusals.format_python"),
        )
    if people and part:
        raise UsageError(Said("refusals.people_and_part"), hint=Said("refusals.give_one_of"))
    if form == "python":
        screen.write(render.python_call(spec, store or Path(), people))
        return
    with afterclick.open(existing_store(store)) as shop:
        result = shop.ask(spec)
        if people:
            render.people(result, people, screen, form)
        else:
            render.result(result, screen, form, part)
            failed = views.view_of(spec).fails
            if failed and result.figures.get(failed):
                click.get_current_context().exit(1)
