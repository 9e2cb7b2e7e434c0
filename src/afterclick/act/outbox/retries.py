"""When a message that was not taken is tried again, and when nobody tries any more."""

from __future__ import annotations

import hashlib
from typing import Final

from afterclick.core.spans import HOUR, MINUTE, SECOND

_WEBHOOK: Final = (5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR)
_MAIL: Final = (MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR)
_PUSH: Final = (30 * SECOND, 5 * MINUTE, 30 * MINUTE)
_LOCAL: Final = (5 * SECOND, MINUTE, 5 * MINUTE)
PLANS: Final = {"webhook": _WEBHOOK, "email": _MAIL, "push": _PUSH, "onsite": _LOCAL, "export": _LOCAL}
"""Pauses (µs) after the first, second, ... attempt that was not taken: eight attempts of a webhook over about 28 hours."""
LONGEST: Final = 24 * HOUR
"""As long as a receiver may ask to wait."""
_JITTER: Final = 0.1


def pause(channel: str, action_id: str, attempt: int, asked_s: int | None = None) -> int | None:
    """How long (µs) to wait after the attempt of this number, None where it was the last.

    Up to a tenth longer than planned, drawn from the action, so that what failed together does not come back together.
    `asked_s` is what the receiver asked for: heeded where it is longer, up to a day.
    """
    plan = PLANS[channel]
    if attempt > len(plan):
        return None
    drawn = hashlib.sha256(f"{action_id}\x1f{attempt}".encode()).digest()
    share = int.from_bytes(drawn[:4], "big") / 2**32
    own = plan[attempt - 1] + int(plan[attempt - 1] * _JITTER * share)
    return max(own, min(asked_s * SECOND, LONGEST)) if asked_s else own
