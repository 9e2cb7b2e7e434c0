"""`afterclick bench`: what import and questions cost on this machine, as ratios to a yardstick."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from afterclick.app.bench import Measure, measures
from afterclick.core import i18n
from afterclick.surfaces.cli.options import colour_option, lang_option
from afterclick.surfaces.cli.screen import Screen


@click.command()
@click.option("--events", type=int, default=10_000_000, show_default=True, help="Generated events.")
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where events and store are kept; else a temporary folder.",
)
@click.option(
    "--chdb", "chdb_python", type=click.Path(path_type=Path), help="A Python with chdb, to compare windowFunnel with."
)
@lang_option
@colour_option
def bench(*, events: int, folder: Path | None, chdb_python: Path | None, lang: str, plain: bool) -> None:
    """Measure import and questions on generated events."""
    screen = Screen.of(lang, plain)
    with tempfile.TemporaryDirectory(prefix="afterclick-bench-") as temporary:
        place = folder or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        found = list(
            measures(events, place, chdb_python, lambda step: screen.tell(screen.text("bench_step", step=step)))
        )
    headings = [
        screen.text(f"bench_{name}") for name in ("what", "seconds", "against", "seconds", "ratio", "bound", "holds")
    ]
    screen.table(headings, [_row(measure, screen) for measure in found], [True, False, True, False, False, False, True])


def _row(measure: Measure, screen: Screen) -> list[str]:
    def number(value: float | None) -> str:
        return i18n.number(value, screen.lang, digits=3)

    yard = number(measure.yardstick_seconds) if measure.yardstick else ""
    ratio = number(measure.ratio) if measure.yardstick else ""
    return [
        measure.what,
        number(measure.seconds),
        measure.yardstick,
        yard,
        ratio,
        "" if measure.bound is None else number(measure.bound),
        "" if measure.holds is None else screen.text("yes" if measure.holds else "no"),
    ]
