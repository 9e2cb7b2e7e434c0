"""`afterclick bench`: what import and questions cost on this machine, as ratios to a yardstick."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from afterclick.app import bench as app
from afterclick.app.bench import Machine, Row
from afterclick.core import i18n
from afterclick.surfaces.cli.bench_server import visit
from afterclick.surfaces.cli.options import colour_option, lang_option
from afterclick.surfaces.cli.screen import Screen


@click.command()
@click.option("--events", type=int, default=10_000_000, show_default=True, help="Generated events.")
@click.option(
    "--repeats", type=click.IntRange(1), default=app.REPEATS, show_default=True, help="Runs of each; medians are shown."
)
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where a folder for events and stores is made and removed; else the system's temporary folder.",
)
@click.option(
    "--chdb", "python", type=click.Path(path_type=Path), help="A Python that has chdb; else one is made in the cache."
)
@click.option("--no-chdb", "alone", is_flag=True, help="Leave the comparison with ClickHouse out.")
@click.option("--no-retentioneering", is_flag=True, help="Leave the comparison with retentioneering out.")
@click.option("--no-lifetimes", is_flag=True, help="Leave the comparison with lifetimes out.")
@click.option(
    "--only", multiple=True, type=click.Choice(app.PARTS), help="Measure this part alone; may be given several times."
)
@lang_option
@colour_option
def bench(
    *,
    events: int,
    repeats: int,
    folder: Path | None,
    python: Path | None,
    alone: bool,
    no_retentioneering: bool,
    no_lifetimes: bool,
    only: tuple[str, ...],
    lang: str,
    plain: bool,
) -> None:
    """Measure import and questions on generated events."""
    screen = Screen.of(lang, plain)

    def tell(step: str) -> None:
        screen.tell(screen.text("bench_step", step=step))

    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    wanted = only or app.PARTS
    chdb, other = None if alone else python, None
    if chdb is None and not alone and {"funnel", "retention", "paths"} & set(wanted):
        tell("chdb")
        chdb = app.environment()
    if not no_retentioneering and {"retentioneering", "paths"} & set(wanted):
        tell("retentioneering")
        other = app.environment("retentioneering")
    lifetimes = None
    if not no_lifetimes and "value" in wanted:
        tell("lifetimes")
        lifetimes = app.environment(app.LIFETIMES[0], app.LIFETIMES[1])
    peers = app.Peers(chdb, other, lifetimes)
    with tempfile.TemporaryDirectory(prefix="afterclick-bench-", dir=folder) as place:
        rows = app.run(events, Path(place), repeats=repeats, only=only, peers=peers, server=visit, tell=tell)
    show(rows, app.machine(), screen)


def show(rows: list[Row], machine: Machine, screen: Screen) -> None:
    """The machine, the table, and what is to be said about a row."""
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    screen.show(f"{machine.system}, {machine.processor}, {machine.cores} cores, {machine.memory_gb} GB; {versions}", "")
    words = ("what", "seconds", "against", "seconds", "ratio", "bound", "holds")
    headings = [screen.text(f"bench_{word}") for word in words]
    screen.table(headings, [_cells(row, screen) for row in rows], [True, False, True, False, False, False, True])
    screen.show("", *(f"{row.what}: {row.note}" for row in rows if row.note))


def _cells(row: Row, screen: Screen) -> list[str]:
    def number(value: float | None) -> str:
        return "" if value is None else i18n.number(value, screen.lang, digits=3)

    holds = "" if row.holds is None else screen.text("yes" if row.holds else "no")
    measured = [number(row.against_seconds), number(row.ratio), number(row.bound)]
    return [row.what, number(row.seconds), row.against, *measured, holds]
