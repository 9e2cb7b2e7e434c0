"""What of deciding and sending does not get on while events are taken all the same: told apart from what keeps them out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from afterclick.app.acting import Acting
from afterclick.app.deciding import Deciding

TASKS: Final = frozenset(("time", "rules", "states"))
"""Tasks of the follower that are about decisions alone."""


def degraded(deciding: Deciding, acting: Acting | None, failing: Iterable[str]) -> list[str]:
    """`deciding.…` and `acting.…` by the names in their health; `failing` are tasks of the follower.

    Without `acting` nothing is sent at all, because its file cannot be opened.
    """
    decides = [*deciding.troubles(), *(name for name in failing if name in TASKS)]
    acts = ["running"] if acting is None else acting.troubles()
    return [*(f"deciding.{name}" for name in decides), *(f"acting.{name}" for name in acts)]
