"""`afterclick segments`: the saved segments and lists: asked, saved, renamed, deleted, taken, traced, handed over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec
import numpy as np

import afterclick
from afterclick.analyse.handles import find
from afterclick.analyse.question import Question
from afterclick.analyse.scope import Scope, scope_of
from afterclick.analyse.segments.audience import audience
from afterclick.analyse.segments.members import members_of
from afterclick.analyse.segments.names import rule_of
from afterclick.analyse.segments.segments import Segments
from afterclick.analyse.segments.trace import trace
from afterclick.core.errors import UsageError
from afterclick.core.said import Said
from afterclick.surfaces.cli import questions, tables
from afterclick.surfaces.cli.options import existing_store, format_option, shared_options
from afterclick.surfaces.cli.screen import Screen
from afterclick.surfaces.viz.grid import grid

_LISTED = questions.command(Segments)


@click.group(invoke_without_command=True, params=list(_LISTED.params))
@click.pass_context
def segments(context: click.Context, /, **asked: Any) -> None:
    """The saved segments and lists: how many visitors are in each; save, rename, delete, take a list, export.

    A rule says what a visitor has done or is, such as 'count("Product Viewed", 7d) >= 3'; docs/segments.md has them all.
    """
    if context.invoked_subcommand is None and _LISTED.callback is not None:
        _LISTED.callback(**asked)


@segments.command("save")
@click.argument("name")
@click.argument("rule")
@shared_options
def save_segment(*, name: str, rule: str, store: Path | None, lang: str, plain: bool) -> None:
    """Save RULE under NAME; a segment of that name is replaced."""
    screen = Screen.of(lang, plain)
    with afterclick.open(existing_store(store)) as shop:
        shop.segments.save(name, rule)
        _, inside = _members(shop, name)
    screen.show(screen.text("segments_saved", name=name, n=len(inside)))


@segments.command("rename")
@click.argument("name")
@click.argument("to")
@shared_options
def rename_segment(*, name: str, to: str, store: Path | None, lang: str, plain: bool) -> None:
    """Give a saved segment another name."""
    screen = Screen.of(lang, plain)
    with afterclick.open(existing_store(store)) as shop:
        shop.segments.rename(name, to)
    screen.show(screen.text("segments_renamed", name=name, to=to))


@segments.command("delete")
@click.argument("name")
@shared_options
def delete_segment(*, name: str, store: Path | None, lang: str, plain: bool) -> None:
    """Delete a saved segment, or a list that was taken."""
    screen = Screen.of(lang, plain)
    with afterclick.open(existing_store(store)) as shop:
        if name in {one.name for one in shop.segments.lists()}:
            shop.segments.drop(name)
            screen.show(screen.text("segments_dropped", name=name))
            return
        shop.segments.delete(name)
    screen.show(screen.text("segments_deleted", name=name))


@segments.command("undo")
@shared_options
def undo_segments(*, store: Path | None, lang: str, plain: bool) -> None:
    """Take the last saving, renaming or deleting back; once more brings it again."""
    screen = Screen.of(lang, plain)
    with afterclick.open(existing_store(store)) as shop:
        names = ", ".join(shop.segments.undo()) or screen.text("segments_none")
    screen.show(screen.text("segments_undone", names=names))


@segments.command("take")
@click.argument("segment")
@click.option("--as", "name", default="", help="Name of the list, else that of the segment and the day.")
@shared_options
def take_list(*, segment: str, name: str, store: Path | None, lang: str, plain: bool) -> None:
    """Keep who is in SEGMENT (a name or a rule) now as a list that does not change."""
    screen = Screen.of(lang, plain)
    with afterclick.open(existing_store(store)) as shop:
        head = shop.segments.take(segment, name)
    screen.show(screen.text("segments_taken", name=head.name, n=head.visitors))


@segments.command("export")
@click.argument("segment")
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The CSV to write.")
@shared_options
def export_segment(*, segment: str, output: Path, store: Path | None, lang: str, plain: bool) -> None:
    """Write the members of SEGMENT (a name or a rule) with their ids for retargeting; e-mails as SHA-256 only."""
    screen = Screen.of(lang, plain)
    with afterclick.open(existing_store(store)) as shop:
        scope, inside = _members(shop, segment)
        table = audience(scope, inside)
    output.write_text(tables.csv_text(table), encoding="utf-8-sig", newline="")
    screen.show(screen.text("segments_exported", n=table.num_rows, path=output))


@segments.command("trace")
@click.argument("segment")
@click.argument("visitor")
@format_option("table", "json", "csv")
@shared_options
def trace_segment(*, segment: str, visitor: str, form: str, store: Path | None, lang: str, plain: bool) -> None:
    """When VISITOR (an id or e-mail) entered and left SEGMENT, replayed event by event as a live rule would run."""
    screen = Screen.of(lang, plain)
    with afterclick.open(existing_store(store)) as shop:
        context = shop.context()
        scope = scope_of(context, Question())
        known = [one for hit in find(context, scope.labels, visitor) for one in hit.visitors]
        if not known:
            raise UsageError(Said("refusals.no_visitor", visitor=visitor), hint=Said("refusals.write_id_or_email"))
        table = trace(scope, rule_of(context, segment, "segment"), int(known[0]))
    if form == "json":
        screen.write(msgspec.json.encode(table.to_pylist()).decode())
        return
    if form == "csv":
        screen.write(tables.csv_text(table))
        return
    now = table.num_rows > 0 and bool(table["holds"][-1].as_py())
    word = screen.text("segments_yes" if now else "segments_no")
    screen.show(screen.text("segments_traced", n=table.num_rows, now=word), "")
    if table.num_rows:
        screen.table(*grid(table, {"timezone": str(context.zone)}, screen.lang, tuple(table.column_names)))


def _members(shop: Any, segment: str) -> tuple[Scope, np.ndarray]:
    context = shop.context()
    scope = scope_of(context, Question())
    rule = rule_of(context, segment, "segment")
    return scope, np.flatnonzero(members_of(scope, rule).at(scope.as_of))
