"""Does the finder find what was planted? Generated shops with known losses, of which it sees only the events."""

from __future__ import annotations

import operator
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

from afterclick.analyse.barriers import Barriers
from afterclick.app.demo import ALL_BARRIERS, Shop, truths, write
from afterclick.app.demo.money import costs
from afterclick.app.workspace import open as open_store

DAYS: Final = 30
EVENTS: Final = 2_000_000


class Planted(Protocol):
    """A generated shop: its barriers with stage and monthly loss, and which row of the answer is which barrier."""

    @property
    def losses(self) -> dict[str, float]:
        """Per barrier the money lost to it in all, in units of the currency."""

    @property
    def stages(self) -> dict[str, str]:
        """Per barrier the stage at which it stands."""

    def write(self, folder: Path) -> Path:
        """Write its export."""

    def is_it(self, barrier: str, row: dict[str, Any]) -> bool:
        """Does this row of the answer speak of the barrier?"""

    @property
    def settings(self) -> dict[str, str]:
        """Definitions of its store."""


@dataclass(frozen=True)
class Verdict:
    """What came of one barrier in one shop: named at its stage, and its interval against the truth (per 30 days)."""

    shop: str
    barrier: str
    truth: float
    named: bool
    stage: str = ""
    at_risk: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def covered(self) -> bool:
        """Does the 95 % interval hold the truth?"""
        return self.low is not None and self.high is not None and self.low <= self.truth <= self.high


@dataclass(frozen=True)
class Trial:
    """One shop with its barriers, and what else was named in it."""

    verdicts: tuple[Verdict, ...]
    others: tuple[str, ...]


class Hanbit:
    """The example shop with all of its barriers, or with none."""

    def __init__(self, seed: int, *, barriers: bool, events: int = EVENTS) -> None:
        self.shop = Shop(events=events, seed=seed, barriers=ALL_BARRIERS if barriers else frozenset())

    @property
    def losses(self) -> dict[str, float]:
        """See `Planted`."""
        return {name: float(lost.revenue) for name, lost in costs(self.shop).items()}

    @property
    def stages(self) -> dict[str, str]:
        """See `Planted`."""
        return {name: str(truth["stage"]) for name, truth in truths(self.shop).items()}

    @property
    def settings(self) -> dict[str, str]:
        """See `Planted`."""
        return {"timezone": "Asia/Seoul", "currency": "KRW"}

    def write(self, folder: Path) -> Path:
        """See `Planted`."""
        return write(self.shop, folder)

    def is_it(self, barrier: str, row: dict[str, Any]) -> bool:
        """See `Planted`."""
        kind, name = str(row["kind"]), str(row["name"])
        return {
            "discount_field_mobile": kind == "error" and name == "Coupon Denied",
            "shipping_fee_shock": name == "/checkout/shipping-fee",
            "weak_landing_page": kind == "landing" and name.startswith("/event/autumn"),
            "slow_product_page": kind == "slow" and name in ("/products/*", "Product Viewed"),
        }[barrier]


def try_one(name: str, shop: Planted, folder: Path) -> Trial:
    """Generate, import, ask, compare; the folder is emptied again."""
    losses = shop.losses
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        export = shop.write(folder / "export")
        with open_store(folder / "store", write=True, create=True) as store:
            store.define(**shop.settings)
            store.import_files([export], source="trial")
            answer = store.ask(Barriers(range="all", compare="none"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    rows = [row for row in answer.frame.to_pylist() if row["rank"] is not None]
    ends = (datetime.fromisoformat(str(answer.about[name])) for name in ("end_at", "start_at"))
    month = timedelta(days=DAYS) / operator.sub(*ends)
    verdicts = tuple(_verdict(name, barrier, truth * month, shop, rows) for barrier, truth in losses.items())
    others = tuple(row["key"] for row in rows if not any(shop.is_it(barrier, row) for barrier in losses))
    return Trial(verdicts, others)


def _verdict(name: str, barrier: str, truth: float, shop: Planted, rows: Sequence[dict[str, Any]]) -> Verdict:
    for row in rows:
        if shop.is_it(barrier, row):
            return Verdict(
                name, barrier, truth, row["stage"] == shop.stages[barrier], row["stage"],
                *(float(row[part]) for part in ("at_risk", "at_risk_low", "at_risk_high")),
            )  # fmt: skip
    return Verdict(name, barrier, truth, named=False)


def prove(
    shops: Sequence[tuple[str, Planted]], folder: Path, tell: Callable[[str, Trial], None] = lambda _name, _trial: None
) -> list[Trial]:
    """Try every shop; `tell` hears of each."""
    trials = []
    for name, shop in shops:
        trials.append(try_one(name, shop, folder / "trial"))
        tell(name, trials[-1])
    return trials


@dataclass(frozen=True)
class Tally:
    """One barrier over all shops: how often it was named at its stage, and how often its interval held the truth.

    `error_rate` = the mean of (estimate - truth) / truth over the shops in which it was named, None without one.
    """

    barrier: str
    named: int
    covered: int
    shops: int
    error_rate: float | None


def summary(trials: Sequence[Trial]) -> list[Tally]:
    """A tally per barrier, by name."""
    found: dict[str, list[Verdict]] = {}
    for trial in trials:
        for one in trial.verdicts:
            found.setdefault(one.barrier, []).append(one)
    tallies = []
    for barrier, verdicts in sorted(found.items()):
        errors = [one.at_risk / one.truth - 1 for one in verdicts if one.at_risk is not None and one.truth > 0]
        tallies.append(
            Tally(
                barrier, sum(one.named for one in verdicts), sum(one.covered for one in verdicts), len(verdicts),
                sum(errors) / len(errors) if errors else None,
            )
        )
    return tallies
