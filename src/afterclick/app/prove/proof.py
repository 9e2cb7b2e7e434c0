"""What a trial of a promise found: each thing that was to hold, whether it did, and what broke it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

MOST_SHOWN: Final = 20


class Step(NamedTuple):
    """What a trial does now. `name` is its sentence in the catalogue (section `prove_steps`), `figures` what stands in it."""

    name: str
    figures: dict[str, Any]


Tell = Callable[[Step], None]
"""`tell(step(name))`: progress, for whoever watches."""


def step(name: str, **figures: Any) -> Step:
    """A step with its figures."""
    return Step(name, figures)



class Check(NamedTuple):
    """One thing that was to hold. `name` is its sentence in the catalogue (section `prove`), `figures` what stands in it."""

    name: str
    held: bool
    figures: dict[str, Any]
    broken: tuple[str, ...] = ()


class Proof(NamedTuple):
    """A promise tried out. `left_out` names sentences of the catalogue: what could not be tried on this machine, and why."""

    promise: str
    seed: int
    checks: tuple[Check, ...]
    seconds: float
    left_out: tuple[str, ...] = ()

    @property
    def held(self) -> bool:
        """Was anything tried, and did all of it hold?"""
        return bool(self.checks) and all(check.held for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """As JSON shows it."""
        checks = [{**check._asdict(), "broken": list(check.broken)} for check in self.checks]
        return {
            "promise": self.promise, "held": self.held, "seed": self.seed, "seconds": round(self.seconds, 1),
            "checks": checks, "left_out": list(self.left_out),
        }  # fmt: skip


def check(name: str, broken: list[str], **figures: Any) -> Check:
    """A check that holds where nothing broke it."""
    return Check(name, not broken, {**figures, "broken": len(broken)}, tuple(broken[:MOST_SHOWN]))
