"""`afterclick import`: files of events into a store, with the guessed map shown and every row accounted for."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

import afterclick
from afterclick.app.workspace import Workspace
from afterclick.collect import columnmap, importer
from afterclick.collect.columnmap import ColumnMap
from afterclick.collect.kinds import KINDS
from afterclick.core.errors import AfterclickError, UsageError
from afterclick.core.said import Said
from afterclick.surfaces.cli.options import (
    colour_option,
    dashboard,
    format_option,
    is_store,
    lang_option,
    named_store,
    store_option,
    store_words,
)
from afterclick.surfaces.cli.progress import Progress
from afterclick.surfaces.cli.reports import show_counts, show_map
from afterclick.surfaces.cli.screen import Screen

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("import")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@store_option
@click.option("--map", "map_file", metavar="FILE", type=_FILE, help="Read the columns by this map file.")
@click.option("--source", default="", help="Name of the source; else the name of the folder or file.")
@click.option(
    "--kind", type=click.Choice(["auto", *KINDS]), default="auto", help="What the files tell of; else guessed."
)
@click.option(
    "--set", "said", metavar="FIELD=TEXT", multiple=True, help="A field that all rows have and no column holds."
)
@click.option("--grain", type=click.Choice(["events", "order_line"]), help="What a row is; else guessed.")
@click.option("--dry-run", is_flag=True, help="Read everything and report, but store nothing.")
@click.option("--write-map", metavar="FILE", type=_FILE, help="Write the map that was used to a new file.")
@format_option("table", "json")
@lang_option
@colour_option
def import_files(
    *,
    paths: tuple[Path, ...],
    store: Path | None,
    map_file: Path | None,
    source: str,
    kind: str,
    said: tuple[str, ...],
    grain: str | None,
    dry_run: bool,
    write_map: Path | None,
    form: str,
    lang: str,
    plain: bool,
) -> None:
    """Bring files into a store: events, orders, catalogue, customers, messages, costs, feedback; the map is guessed.

    PATH is a file (CSV, JSON lines or Parquet, gzip of these too) or a folder of them. Files of one call belong
    together: columns renamed between them are recognised. A store that is not there yet is made.
    """
    screen = Screen.of(lang, plain)
    target = _target(store)
    if write_map and write_map.exists():
        raise UsageError(Said("refusals.map_is_there", write_map=str(write_map)), hint=Said("refusals.new_file"))
    given = columnmap.load(map_file) if map_file else None
    read = list(paths) if len(paths) > 1 else paths[0]
    planned = importer.plan(read, map=given, source=source, grain=grain or "", kind=kind, constants=_constants(said))
    if form == "table":
        _introduce(screen, planned, map_file, aside=not dry_run)
    if write_map:
        write_map.write_text(planned.map.to_toml(), encoding="utf-8")
        screen.tell(screen.text("map_written", path=write_map))
    with _opened(target, dry_run=dry_run) as shop:
        progress = Progress(screen)
        try:
            report = shop.import_files(
                read, map=planned.map, source=planned.map.source, progress=progress, dry_run=dry_run
            )
        finally:
            progress.end()
    if form == "json":
        screen.write(msgspec.json.encode(report.to_dict()).decode())
        return
    # The map was settled before the import began, so what there is to say of guessing stands in the plan.
    warnings = tuple(dict.fromkeys((*planned.warnings, *report.warnings)))
    show_counts(screen, msgspec.structs.replace(report, warnings=warnings))
    _next(screen, store, paths, rejected=report.rejected, dry_run=dry_run)


def _constants(said: tuple[str, ...]) -> dict[str, str]:
    """Fields and texts from `FIELD=TEXT`."""
    found: dict[str, str] = {}
    for one in said:
        field, equals, text = one.partition("=")
        if not equals or not field.strip() or not text.strip():
            raise UsageError(Said("refusals.set_takes_not", one=one), hint="--set utm_source=naver")
        found[field.strip()] = text.strip()
    return found


def _target(store: Path | None) -> Path:
    """Where to: the named directory, or the working directory where it is a store."""
    path = named_store(store)
    if path is None and not is_store(Path()):
        raise UsageError(Said("refusals.no_store_to_import"), hint=Said("refusals.add_store"))
    return path or Path()


def _introduce(screen: Screen, planned: importer.Plan, map_file: Path | None, *, aside: bool) -> None:
    say = screen.tell if aside else screen.show
    say(screen.text("map_given", path=map_file) if map_file else screen.text("map_guessed"), "")
    show_map(screen, planned.findings, aside=aside)
    _grain(screen, planned.map, aside=aside)


def _grain(screen: Screen, given: ColumnMap, *, aside: bool) -> None:
    say = screen.tell if aside else screen.show
    what = given.grain if given.kind == "events" or given.grain == "order_line" else given.kind
    say("", screen.text("map_grain", grain=what, source=given.source), "")


@contextmanager
def _opened(target: Path, *, dry_run: bool) -> Iterator[Workspace]:
    """The store to write to; an import that fails leaves no empty store where there was none."""
    if is_store(target):
        with afterclick.open(target, write=True) as shop:
            yield shop
        return
    if dry_run:
        with (
            tempfile.TemporaryDirectory() as temporary,
            afterclick.open(Path(temporary) / "store", write=True, create=True) as shop,
        ):
            yield shop
        return
    fresh = not target.exists()
    try:
        with afterclick.open(target, write=True, create=True) as shop:
            yield shop
    except AfterclickError:
        if fresh and target.exists():
            shutil.rmtree(target)
        raise


def _next(screen: Screen, store: Path | None, paths: tuple[Path, ...], *, rejected: int, dry_run: bool) -> None:
    words = store_words(store)
    if dry_run:
        commands = [f"afterclick import {' '.join(shlex.quote(str(path)) for path in paths)}{words}"]
    else:
        commands = [f"afterclick map{words} --range all", f"afterclick data{words}", f"afterclick doctor{words}"]
        commands += [f"afterclick rejects list{words}"] if rejected else []
        commands += [f"afterclick serve{words}    # {dashboard()}/"]
    screen.show("", screen.text("next"), *(f"  {command}" for command in commands))
