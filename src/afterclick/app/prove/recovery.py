"""Starts by itself after any crash: every file that can be made again is torn or flipped, and the answers stay the same."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from afterclick.app.prove import stored, traffic
from afterclick.app.prove.proof import Check, Proof, Tell, check, step
from afterclick.app.prove.sender import Sender
from afterclick.app.prove.served import Served
from afterclick.core import clock
from afterclick.core.errors import AfterclickError

_BEGIN: Final = 1_750_000_000_000_000
_MADE_AGAIN: Final = ("projection", "models")
"""Folders that can be deleted at any time."""
_BESIDE: Final = ("LOCK", "live.mark")
"""Files beside them that a crash may leave in any state."""
_HURT_RATE: Final = 0.2


class Damage(NamedTuple):
    """One way to hurt one file: `place` is a byte, `how` what happens there."""

    file: Path
    how: str
    place: int


def prove(seed: int, folder: Path, tell: Tell, *, tries: int = 60, count: int = 3_000) -> Proof:
    """Make a store with sealed and open data, then hurt it `tries` times; each time ask it, and at last serve it."""
    began = clock.ticks()
    rng = random.Random(seed)  # noqa: S311 - cases, not secrets
    whole = folder / "whole"
    whole.mkdir(parents=True, exist_ok=True)
    _make(whole, seed, count)
    shop = whole / "shop"
    expected = stored.numbers(shop)
    refused: list[str] = []
    for number, damage in enumerate(_damages(shop, rng, tries)):
        hurt = folder / "hurt"
        shutil.copytree(shop, hurt)
        _apply(hurt / damage.file, damage)
        refused += _asked(hurt, expected, damage)
        shutil.rmtree(hurt)
        if number % 10 == 9:
            tell(step("recovery_files", n=number + 1, of=tries))
    return Proof(
        "recovery", seed,
        (check("recovery_answers", refused, tries=tries), _served(shop, folder, rng, expected, tell)),
        clock.ticks() - began,
    )  # fmt: skip


def _make(folder: Path, seed: int, count: int) -> None:
    """Half of the events sealed into the log, half of them still in the open tail."""
    events = traffic.events(seed, count, begin=_BEGIN)
    with Served(folder / "shop", folder / "server.log").prepare() as served:
        served.start()
        sender = Sender(served.address, served.key)
        for at in range(0, count, 100):
            if at == count // 200 * 100:
                served.stop()
                stored.seal(folder / "shop")
                served.start()
            sender.send(events[at : at + 100])
        sender.close()
        served.stop()
    stored.numbers(folder / "shop")


def _hurtable(shop: Path) -> list[Path]:
    files = [file for name in _MADE_AGAIN for file in sorted((shop / name).rglob("*")) if file.is_file()]
    return files + [shop / name for name in _BESIDE if (shop / name).exists()]


def _damages(shop: Path, rng: random.Random, tries: int) -> Iterator[Damage]:
    files = _hurtable(shop)
    for number in range(tries):
        # Every file in turn, so that none is left out by chance.
        file = files[number % len(files)]
        size = file.stat().st_size
        how = rng.choice(("flip", "flip", "torn", "zeros", "gone", "more"))
        yield Damage(file.relative_to(shop), how, rng.randrange(size) if size else 0)


def _apply(file: Path, damage: Damage) -> None:
    if damage.how == "gone":
        file.unlink()
        return
    content = bytearray(file.read_bytes())
    place = min(damage.place, max(0, len(content) - 1))
    if damage.how == "flip" and content:
        content[place] ^= 1 << place % 8
    elif damage.how == "zeros":
        content[place:] = bytes(len(content) - place)
    elif damage.how == "more":
        content += b"\x00junk" * 7
    else:
        del content[place:]
    file.write_bytes(content)


def _asked(hurt: Path, expected: dict[str, str], damage: Damage) -> list[str]:
    words = f"{damage.file} {damage.how} at {damage.place}"
    try:
        found = stored.numbers(hurt)
    except AfterclickError as error:
        return [f"{words}: {error.message}"]
    return [f"{words}: {name} differs" for name in expected if found[name] != expected[name]]


def _served(shop: Path, folder: Path, rng: random.Random, expected: dict[str, str], tell: Tell) -> Check:
    """Every file hurt at once, as a crash of the whole machine may do, and served again."""
    hurt = folder / "all"
    shutil.copytree(shop, hurt)
    for damage in _damages(shop, rng, len(_hurtable(shop))):
        if rng.random() < _HURT_RATE:
            _apply(hurt / damage.file, damage)
    tell(step("recovery_all"))
    broken = []
    with Served(hurt, folder / "all.log") as served:
        try:
            served.start()
            code = served.stop()
            broken = [f"ended with {code}"] if code else []
        except AfterclickError as error:
            broken = [error.message]
    found = stored.numbers(hurt) if not broken else expected
    broken += [f"{name} differs" for name in expected if found[name] != expected[name]]
    return check("recovery_serves", broken)
