"""What the gate says of a message: it may leave now, or later, or never, and why."""

from __future__ import annotations

from typing import Final, NamedTuple

Exposures = tuple[tuple[str, str], ...]
"""Pairs of an experiment's name and the arm: hold-outs that this message makes a difference to."""

HOLDOUT: Final = "holdout"
TREATED: Final = "treated"
REASONS: Final = (
    "no_consent", "refused", "consent_old", "unsubscribed", "bounced", "complained", "no_address", HOLDOUT, "quiet_hours",
    "cap", "no_sender", "no_channel", "erased", "missed", "stopped", "goal", "leave",
)  # fmt: skip
"""Why a message is suppressed; texts stand in the catalogue, section `send_reasons`."""


class Go(NamedTuple):
    """It may leave now, to this address, in the visitor's language and zone ("" = not known)."""

    address: str
    lang: str = ""
    zone: str = ""
    exposures: Exposures = ()


class Hold(NamedTuple):
    """Not before `until_at` (µs UTC); None: not before its journey goes on."""

    until_at: int | None
    reason: str
    exposures: Exposures = ()


class Stop(NamedTuple):
    """It does not leave; `detail` says which rule, where there are several."""

    reason: str
    detail: str = ""
    exposures: Exposures = ()


Verdict = Go | Hold | Stop
