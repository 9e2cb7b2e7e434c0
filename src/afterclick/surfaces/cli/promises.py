"""`afterclick prove durability`, `dedup` and the other promises: tried on this machine, told in one line each."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec

import afterclick
from afterclick.app.people import export
from afterclick.app.prove import day, dedup, durability, erasure, limits, order, quiet, recovery, sends, ssrf, tenants
from afterclick.app.prove.proof import Proof, Tell
from afterclick.core import i18n
from afterclick.surfaces.cli.options import colour_option, existing_store, format_option, lang_option, store_option
from afterclick.surfaces.cli.people import kinds
from afterclick.surfaces.cli.screen import Screen

_Trial = Callable[[Path, Tell], Proof]
_JSON = msgspec.json.Encoder()


def _shared(command: Callable[..., None]) -> Callable[..., None]:
    """Options that every trial has."""
    place = click.Path(file_okay=False, path_type=Path)
    for option in (
        click.option("--seed", type=int, default=1, show_default=True, help="What is drawn by chance is drawn from it."),
        click.option("--dir", "folder", type=place, help="Where stores are made and removed; else a temporary folder."),
        format_option("table", "json"),
        lang_option,
        colour_option,
    ):
        command = option(command)
    return command


def _try(trial: _Trial, *, folder: Path | None, form: str, lang: str, plain: bool) -> None:
    screen = Screen.of(lang, plain)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="afterclick-prove-", dir=folder) as place:
        proof = trial(Path(place), lambda step: screen.tell(i18n.text(lang, f"prove_steps.{step.name}", **step.figures)))
    show(proof, screen, form)
    if not proof.held:
        click.get_current_context().exit(1)


def show(proof: Proof, screen: Screen, form: str) -> None:
    """A proof as a person or a program reads it."""
    if form == "json":
        screen.write(_JSON.encode(proof.to_dict()).decode())
        return
    for one in proof.checks:
        screen.show(("✓ " if one.held else "✗ ") + i18n.text(screen.lang, f"prove.{one.name}", **one.figures))
        screen.show(*(f"    {line}" for line in one.broken))
    screen.show(*("– " + i18n.text(screen.lang, f"prove.{name}") for name in proof.left_out))
    word = "held" if proof.held else "broken"
    screen.show("", i18n.text(screen.lang, f"prove.{word}", promise=proof.promise, seconds=round(proof.seconds, 1)))


def _count(name: str, default: int, text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(name, type=click.IntRange(0), default=default, show_default=True, help=text)


@click.command("durability")
@_count("--kills", 5, "How often the server is killed under load.")
@_count("--power-cuts", 5, "How often its power is cut (needs /dev/fuse and mfusepy).")
@_count("--failed-syncs", 3, "How often the disk refuses to confirm (as above).")
@_count("--full-disks", 2, "How often the disk is full (as above).")
@_shared
def prove_durability(
    *, kills: int, power_cuts: int, failed_syncs: int, full_disks: int, seed: int, **rest: Any
) -> None:
    """Acknowledged means on disk: kill -9, power cuts, failed syncs, a full disk; nothing lost, nothing twice."""
    sizes = durability.Sizes(kills, power_cuts, failed_syncs, full_disks)
    _try(lambda folder, tell: durability.prove(seed, folder, sizes, tell), **rest)


@click.command("dedup")
@_count("--events", 10_000, "How many events.")
@click.option("--again-rate", type=click.FloatRange(0, 1), default=0.3, show_default=True, help="Share sent again.")
@_count("--restarts", 3, "How often the server starts anew meanwhile, after kill -9 and after a stop in turn.")
@_shared
def prove_dedup(*, events: int, again_rate: float, restarts: int, seed: int, **rest: Any) -> None:
    """Counted once: the same events again, in other batches, by several senders, over restarts."""
    _try(
        lambda folder, tell: dedup.prove(
            seed, folder, tell, count=events, again_rate=again_rate, restarts=restarts
        ),
        **rest,
    )


@click.command("order")
@_count("--shuffles", 3, "How many other orders.")
@_count("--events", 2_000, "How many events.")
@_shared
def prove_order(*, shuffles: int, events: int, seed: int, **rest: Any) -> None:
    """Order does not matter: any order of arrival, any batches, the same numbers."""
    _try(lambda folder, tell: order.prove(seed, folder, tell, count=events, shuffles=shuffles), **rest)


@click.command("recovery")
@_count("--tries", 60, "How many files are torn, flipped, emptied or removed, one after the other.")
@_shared
def prove_recovery(*, tries: int, seed: int, **rest: Any) -> None:
    """Starts by itself after any crash, with torn and damaged files that can be made again."""
    _try(lambda folder, tell: recovery.prove(seed, folder, tell, tries=tries), **rest)


@click.command("day")
@_count("--hours", 24, "How many hours go by.")
@click.option("--speed", type=click.IntRange(1, 7200), default=600, show_default=True, help="How many times as fast.")
@_count("--rate", 500, "Events sent a second, by the clock on the wall.")
@_count("--restarts", 4, "How often the server is killed or stopped meanwhile.")
@_shared
def prove_day(*, hours: int, speed: int, rate: int, restarts: int, seed: int, **rest: Any) -> None:
    """A day of traffic in minutes, with restarts: memory stays, the tail is sealed, the numbers agree."""
    _try(
        lambda folder, tell: day.prove(seed, folder, tell, hours=hours, speed=speed, rate=rate, restarts=restarts),
        **rest,
    )


@click.command("limits")
@_count("--half-open", 300, "Connections that never finish their head.")
@_count("--streams", 100, "Streams that are never read.")
@_shared
def prove_limits(*, half_open: int, streams: int, seed: int, **rest: Any) -> None:
    """Bounded: bombs, slow clients, floods, unread streams, while others are served."""
    _try(lambda folder, tell: limits.prove(seed, folder, tell, half_open=half_open, streams=streams), **rest)


@click.command("ssrf")
@_shared
def prove_ssrf(*, seed: int, **rest: Any) -> None:
    """Outbound calls cannot reach the inside: disguises, names, rebinding, redirects."""
    _try(lambda _, tell: ssrf.prove(seed, tell), **rest)


@click.command("tenants")
@_shared
def prove_tenants(*, seed: int, **rest: Any) -> None:
    """Sites are walls: every address of one server with every key and token of another."""
    _try(lambda folder, tell: tenants.prove(seed, folder, tell), **rest)


@click.command("quiet")
@_shared
def prove_quiet(*, seed: int, **rest: Any) -> None:
    """No phone-home, no default password, no secret in a log line or on disk."""
    _try(lambda folder, tell: quiet.prove(seed, folder, tell), **rest)


@click.command("sends")
@click.option(
    "--kill-at", type=click.Choice(("every-step", *sends.EVERY)), multiple=True, default=("every-step",), show_default=True,
    help="Where it is killed, twice each: the first and the second time it comes there.",
)
@click.option("--people", type=click.IntRange(1, 1000), default=3, show_default=True, help="Who enter each journey.")
@click.option("--month-people", type=click.IntRange(1, 1000), default=10, show_default=True, help="And that of 30 days.")
@_shared
def prove_sends(*, kill_at: tuple[str, ...], people: int, month_people: int, seed: int, **rest: Any) -> None:
    """Nobody is messaged twice: kill -9 at every step of a journey and of its messages, a stopped sender, a long wait."""
    where = sends.EVERY if "every-step" in kill_at else kill_at
    _try(
        lambda folder, tell: sends.prove(seed, folder, tell, kill_at=where, people=people, month_people=month_people),
        **rest,
    )


@click.command("erasure")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@kinds
@store_option
@_shared
def prove_erasure(*, ids: tuple[str, ...], kind: str | None, store: Path | None, seed: int, **rest: Any) -> None:
    """Erasure is complete: every file is searched for the ID, decoded, decompressed and byte by byte; without one, a trial."""
    if not ids:
        _try(lambda folder, tell: erasure.prove(seed, folder, tell), **rest)
        return

    def trial(folder: Path, tell: Tell) -> Proof:
        with afterclick.open(existing_store(store)) as shop:
            return erasure.look(shop, ids, export.space_of(kind or ""), folder, tell)

    _try(trial, **rest)


COMMANDS = (
    prove_durability, prove_dedup, prove_order, prove_recovery, prove_limits, prove_ssrf, prove_tenants, prove_quiet,
    prove_day, prove_sends, prove_erasure,
)  # fmt: skip
