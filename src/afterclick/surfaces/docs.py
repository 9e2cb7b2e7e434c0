"""The reference, written from what the code declares: `python -m afterclick.surfaces.docs docs/reference`."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from afterclick.collect.fields import FIELDS
from afterclick.core import errors, i18n, settings, texts
from afterclick.core.spec import Field, Spec, kinds
from afterclick.store.definitions import FILE, Definitions
from afterclick.surfaces.cli.commands import COMMANDS, QUESTIONS
from afterclick.surfaces.cli.main import group

_HEAD = "<!-- Written by `make docs` from the code; edit the code. -->"


def pages() -> dict[str, str]:
    """Every page of the reference by its file name."""
    for entry in QUESTIONS.values():
        importlib.import_module(entry.place.partition(":")[0])
    questions = {word: spec for word, spec in sorted(kinds().items()) if word in QUESTIONS}
    found = {f"{word}.md": _question(spec) for word, spec in questions.items()}
    found["commands.md"] = _commands()
    found["errors.md"] = _errors()
    found["import-map.md"] = _fields()
    found["notes.md"] = _notes()
    found["settings.md"] = _settings()
    found["store-definitions.md"] = _definitions()
    found["README.md"] = _index(questions)
    return {name: f"{_HEAD}\n{text.rstrip()}\n" for name, text in found.items()}


def _index(questions: dict[str, type[Spec]]) -> str:
    asked = [f"- [{word}]({word}.md): {spec.title()}" for word, spec in questions.items()]
    return "\n".join(
        [
            "# Reference",
            "",
            "## Questions",
            *asked,
            "",
            "## The rest",
            "- [commands](commands.md): the command line",
            "- [import map](import-map.md): the fields a column can be mapped to",
            "- [store definitions](store-definitions.md): what a store means by its words",
            "- [settings](settings.md): what a machine may set without changing a number",
            "- [notes](notes.md): caveats an answer can carry",
            "- [errors](errors.md): codes, exit codes and HTTP statuses",
        ]
    )


def _question(spec: type[Spec]) -> str:
    body = inspect.cleandoc(spec.__doc__ or "").partition("\n")[2].strip()
    own = [field for field in spec.fields() if not field.scope]
    scope = [field for field in spec.fields() if field.scope]
    lines = [f"# {spec.key_word}", "", spec.title(), *(["", body] if body else []), ""]
    for title, fields in (("Fields", own), ("Scope", scope)):
        if fields:
            lines += [
                f"## {title}",
                "",
                *_table(("field", "default", "meaning", "values"), map(_row, fields)),
                "",
            ]
    required = "".join(f" {field.name.upper()}..." for field in own if field.required)
    word = spec.key_word
    lines += [
        "## Asked",
        "",
        f"    afterclick {word}{required} --store DIR",
        f"    GET /api/{word}.json",
        f"    {spec.__module__}.{spec.__qualname__}",
        "",
        "The names are the same in Python, on the command line (`_` becomes `-`), in addresses and in JSON.",
    ]
    return "\n".join(lines)


def _row(field: Field) -> tuple[str, ...]:
    default = "required" if field.required else _code(field.default) if field.default not in ("", ()) else "empty"
    values = ", ".join(_code(value) for value in field.choices or field.examples) or field.type.__name__
    return (_code(field.name), default, field.description + (" (repeats)" if field.many else ""), values)


def _commands() -> str:
    context = click.Context(group, info_name="afterclick")
    lines = [
        "# Commands",
        "",
        "Results go to stdout, progress to stderr. Exit codes: 0 answered, 1 failed, 2 wrong use,",
    ]
    lines += ["3 no data. Each question is a command of its own: see its page.", ""]
    for name in COMMANDS:
        command = group.get_command(context, name)
        assert command is not None
        lines += list(_command(command, name, context))
    return "\n".join(lines)


def _command(command: click.Command, name: str, parent: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent)
    about = inspect.cleandoc(command.help or "").replace("\b\n", "")
    yield from (f"## {context.command_path}", "", about, "", f"    {command.get_usage(context)[7:]}", "")
    records = [
        record
        for parameter in command.get_params(context)
        if "--help" not in parameter.opts and (record := parameter.get_help_record(context))
    ]
    if records:
        yield from (*_table(("option", "meaning"), ((_code(left), right) for left, right in records)), "")
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            yield from _command(inner, inner.name or "", context)


def _errors() -> str:
    tree = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.AfterclickError)]
    rows = [
        (
            *map(_code, (kind.__name__, kind.code, kind.exit_code, kind.status)),
            (kind.__doc__ or "").split("\n")[0],
        )
        for kind in sorted(tree, key=lambda kind: (kind.exit_code, kind.__name__))
    ]
    head = ["# Errors", "", "Each says what happened and why, and where there is one, the next step.", ""]
    return "\n".join(head + _table(("error", "code", "exit code", "HTTP status", "meaning"), rows))


def _notes() -> str:
    ids = [text_id for text_id in i18n.catalogue().ids("en") if text_id.startswith("notes.")]
    codes = sorted(text_id.removeprefix("notes.") for text_id in ids)
    rows = [(_code(code), _source("en", f"notes.{code}"), _source("ko", f"notes.{code}")) for code in codes]
    head = [
        "# Notes",
        "",
        "Caveats an answer can carry, by their code. Braces hold figures of the answer.",
        "",
    ]
    return "\n".join(head + _table(("code", "English", "한국어"), rows))


def _source(lang: str, text_id: str) -> str:
    return texts.load(lang).get(text_id, "")


def _settings() -> str:
    rows = [
        (_code(row.variable), _code(row.default) if row.default else "empty", row.help) for row in settings.SETTINGS
    ]
    head = ["# Settings", "", "Variables of the environment. None of them changes a number.", ""]
    return "\n".join(head + _table(("variable", "default", "meaning"), rows))


def _fields() -> str:
    rows = [(_code(field.name), field.holds, field.about) for field in FIELDS.values()]
    head = [
        "# Import map",
        "",
        "What a column can be mapped to, in the file that `afterclick import --write-map` writes",
        "and `--map` reads. Columns that are mapped to nothing are kept as properties; `p.<name>`",
        "gives a property another name.",
        "",
    ]
    return "\n".join(head + _table(("field", "holds", "meaning"), rows))


def _definitions() -> str:
    head = [
        "# Store definitions",
        "",
        f"`{FILE}` in a store's directory, as a new store would have it. Changing a line changes",
        "answers: each carries the fingerprint of this file.",
        "",
    ]
    return "\n".join([*head, "```toml", Definitions().to_toml().strip(), "```"])


def _code(value: object) -> str:
    return f"`{value}`"


def _table(headings: Iterable[str], rows: Iterable[tuple[str, ...]]) -> list[str]:
    names = list(headings)
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in [names, ["---"] * len(names), *cells]]


def write(folder: Path) -> list[str]:
    """Write the pages that changed and remove those that no code declares any more; the names of both."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = pages()
    changed = [name for name, text in wanted.items() if not _same(folder / name, text)]
    for name in changed:
        (folder / name).write_text(wanted[name], encoding="utf-8")
    gone = [path for path in folder.glob("*.md") if path.name not in wanted]
    for path in gone:
        path.unlink()
    return [*changed, *(path.name for path in gone)]


def _same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    chosen = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reference")
    sys.stderr.write("".join(f"{name}\n" for name in write(chosen)))
