"""`afterclick prove`: promises of the product, each with a trial that anybody can run."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from afterclick.app.prove.barriers import EVENTS, Hanbit, Planted, Trial, prove, summary
from afterclick.app.prove.other_shop import OtherShop
from afterclick.core import i18n
from afterclick.surfaces.cli import promises
from afterclick.surfaces.cli.options import colour_option, lang_option
from afterclick.surfaces.cli.screen import Screen


@click.group("prove")
def prove_group() -> None:
    """Keep or break a promise: known truths are generated, and what the product says is held against them."""


@prove_group.command("barriers")
@click.option("--seeds", type=click.IntRange(1), default=5, show_default=True, help="Shops of each kind.")
@click.option("--from-seed", "first", type=int, default=1, show_default=True, help="The first seed.")
@click.option("--shop", type=click.Choice(["example", "other", "both"]), default="both", show_default=True)
@click.option("--size", type=click.IntRange(10_000), default=EVENTS, show_default=True, help="Events of a shop, about.")
@click.option("--free/--no-free", default=True, show_default=True, help="Try shops without any barrier too.")
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where stores are made and removed; else the system's temporary folder.",
)
@lang_option
@colour_option
def barriers(
    *, seeds: int, first: int, shop: str, size: int, free: bool, folder: Path | None, lang: str, plain: bool
) -> None:
    """Are planted barriers found, at their stage, with the money they cost inside the interval? And none without any?"""
    screen = Screen.of(lang, plain)
    kinds = {"example": ("example",), "other": ("other",), "both": ("example", "other")}[shop]
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)

    def tell(name: str, trial: Trial) -> None:
        said = [f"{one.barrier} {'✓' if one.named else '✗'}{'✓' if one.covered else '✗'}" for one in trial.verdicts]
        screen.tell("  ".join([name, *said, *(f"+ {other}" for other in trial.others)]))

    for kind in kinds:
        with tempfile.TemporaryDirectory(prefix="afterclick-prove-", dir=folder) as place:
            shops = [(f"{kind} {seed}", _shop(kind, seed, size, barriers=True)) for seed in range(first, first + seeds)]
            planted = prove(shops, Path(place), tell)
            bare = [(f"{kind} {seed}", _shop(kind, seed, size, barriers=False)) for seed in range(first, first + seeds)]
            empty = prove(bare, Path(place), tell) if free else []
        _show(kind, planted, empty, screen)


def _shop(kind: str, seed: int, size: int, *, barriers: bool) -> Planted:
    if kind == "example":
        return Hanbit(seed, barriers=barriers, events=size)
    return OtherShop(seed, barriers=barriers, visits=max(1000, size * 13 // 100))


def _show(kind: str, planted: list[Trial], empty: list[Trial], screen: Screen) -> None:
    words = ("barrier", "named", "covered", "shops", "error")
    found = summary(planted)
    screen.show("", screen.text("prove_kind", kind=screen.text(f"prove_{kind}")), "")
    screen.table(
        [screen.text(f"prove_{word}") for word in words],
        [
            [
                one.barrier, str(one.named), str(one.covered), str(one.shops),
                "" if one.error_rate is None else i18n.rate(one.error_rate, screen.lang),
            ]
            for one in found
        ],
        [True, False, False, False, False],
    )  # fmt: skip
    others = sum(bool(trial.others) for trial in planted)
    screen.show("", screen.text("prove_others", n=others, shops=len(planted)))
    if empty:
        wrong = [name for trial in empty for name in trial.others]
        screen.show(screen.text("prove_free", n=sum(bool(trial.others) for trial in empty), shops=len(empty)), *wrong)


for _command in promises.COMMANDS:
    prove_group.add_command(_command)
