"""`afterclick rejects`: what could not become an event, with its reason and its original, until it is mended."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click
import msgspec
import pyarrow as pa

import afterclick
from afterclick.collect import columnmap
from afterclick.collect.rejects import REASONS
from afterclick.core import clock
from afterclick.core.errors import UsageError
from afterclick.core.event import INSTANT, Rejected
from afterclick.core.said import Said
from afterclick.surfaces.cli.options import existing_store, format_option, shared_options, store_words
from afterclick.surfaces.cli.reports import short, show_counts
from afterclick.surfaces.cli.screen import Screen
from afterclick.surfaces.cli.tables import csv_text

_SHOWN = 50


def _narrowing(command: Any) -> Any:
    code = click.option("--code", default="", help="Only rejects of this reason, such as bad_time.")
    source = click.option("--source", default="", help="Only rejects of this source.")
    return code(source(command))


@click.group()
def rejects() -> None:
    """List, show and replay the rows that could not become events."""


@rejects.command("list")
@_narrowing
@click.option("--all", "every", is_flag=True, help="Also those that were replayed.")
@format_option("table", "json", "csv")
@shared_options
def list_rejects(*, code: str, source: str, every: bool, form: str, store: Path | None, lang: str, plain: bool) -> None:
    """List rejected rows: reasons with their numbers, then the rows."""
    screen = Screen.of(lang, plain)
    with afterclick.open(existing_store(store)) as shop:
        found = shop.rejects(code=code, source=source, replayed=None if every else False)
    if form == "json":
        screen.write(msgspec.json.encode(found).decode())
    elif form == "csv":
        columns = {name: [getattr(one, name) for one in found] for name in Rejected.__struct_fields__}
        screen.write(csv_text(pa.table({**columns, "at": pa.array(columns["at"], INSTANT)})))
    elif found:
        _show_list(screen, found, store_words(store))
    else:
        screen.show(screen.text("no_rejects"))


def _show_list(screen: Screen, found: list[Rejected], words: str) -> None:
    for reason, rows in Counter(one.code for one in found).most_common():
        screen.show(screen.text("reject_reason", n=rows, code=reason, message=REASONS.get(reason, reason)))
    headings = ["id", *(screen.text(f"reject_{name}") for name in ("code", "file", "row", "original"))]
    rows_shown = [[one.id, one.code, one.file, str(one.row or ""), short(one.original, 60)] for one in found[:_SHOWN]]
    screen.show("")
    screen.table(headings, rows_shown, [True, True, True, False, True])
    if len(found) > _SHOWN:
        screen.show("", screen.text("first_rejects", shown=_SHOWN, all=len(found)))
    screen.show("", screen.text("next"), f"  afterclick rejects show ID{words}", f"  afterclick rejects replay{words}")


@rejects.command()
@click.argument("id")
@shared_options
def show(*, id: str, store: Path | None, lang: str, plain: bool) -> None:  # noqa: A002 - the word of the command line
    """Show one rejected row whole: why, where it stood, and the original."""
    screen = Screen.of(lang, plain)
    with afterclick.open(existing_store(store)) as shop:
        found = shop.rejects(ids=frozenset({id}))
    if not found:
        raise UsageError(screen.text("reject_unknown", id=id), hint=Said("refusals.rejects_list_all"))
    for name, value in msgspec.to_builtins(found[0]).items():
        screen.show(f"{name}: {clock.iso(value) if name == 'at' else value}")


@rejects.command()
@_narrowing
@click.option("--id", "ids", multiple=True, help="Only this reject; may be repeated.")
@click.option(
    "--map",
    "map_file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Read the rows by this map; else by the one they came with.",
)
@shared_options
def replay(
    *,
    code: str,
    source: str,
    ids: tuple[str, ...],
    map_file: Path | None,
    store: Path | None,
    lang: str,
    plain: bool,
) -> None:
    """Import rejected rows again, as a rule with a map that was mended."""
    screen = Screen.of(lang, plain)
    given = columnmap.load(map_file) if map_file else None
    with afterclick.open(existing_store(store), write=True) as shop:
        report = shop.replay_rejects(
            map=given, codes=[code] if code else None, ids=list(ids) if ids else None, source=source
        )
    show_counts(screen, report)
