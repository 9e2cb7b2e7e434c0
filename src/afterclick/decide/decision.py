"""What a rule has decided for one visitor: the record that state, journeys, delivery and pages hand to each other."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["show", "enter", "emit", "call", "watch"]


class Decision(msgspec.Struct, frozen=True, omit_defaults=True):
    """One firing of a rule. `at` and `expires_at` in µs UTC; `event_id` is "" where time alone made the rule true.

    `held_out` visitors are shown nothing; `generation` counts how many rules stand behind the event that fired it.
    """

    action_id: str
    rule: str
    visitor: str
    at: int
    event_id: str
    kind: Kind
    arm: str = ""
    held_out: bool = False
    expires_at: int = 0
    generation: int = 0
