"""`afterclick rejects`: what could not become an event, with its reason and its original, until it is mended."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

import afterclick
from afterclick.collect import columnmap
from afterclick.core import clock
from afterclick.core.errors import UsageError
from afterclick.surfaces.cli.options import existing_store, format_option, shared_options, store_words
from afterclick.surfaces.cli.progress import Progress
from afterclick.surfaces.cli.reports import show_counts
from afterclick.surfaces.cli.screen import Screen

if TYPE_CHECKING:
    from afterclick.core.event import Rejected

_SHOWN = 50
_CUT = 60


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
def list_rejects(
    *, code: str, source: str, every: bool, form: str, store: Path | None, lang: str, plain: bool
) -> None:
    """List rejected rows: reasons with their numbers, then the rows."""
    screen = Screen.of(lang, plain)
    with afterclick.open(existing_store(store)) as shop:
        found = shop.rejects(code=code, source=source, replayed=None if every else False)
    if form == "json":
        screen.write(msgspec.json.encode(found).decode())
        return
    if form == "csv":
        screen.write(_csv(found))
        return
    if not found:
        screen.show(screen.text("no_rejects"))
        return
    for reason, rows in Counter(one.code for one in found).most_common():
        example = next(one for one in found if one.code == reason)
        screen.show(screen.text("reject_reason", n=rows, code=reason, message=example.message))
    screen.show("")
    headings = ["id", *(screen.text(f"reject_{name}") for name in ("code", "file", "row", "original"))]
    rows = [[one.id, one.code, one.file, str(one.row or ""), _cut(one.original)] for one in found[:_SHOWN]]
    screen.table(headings, rows, [True, True, True, False, True])
    if len(found) > _SHOWN:
        screen.show("", screen.text("first_rejects", shown=_SHOWN, all=len(found)))
    words = store_words(store)
    screen.show("", f"{screen.text('next')} afterclick rejects show ID{words}; afterclick rejects replay --map FILE{words}")
