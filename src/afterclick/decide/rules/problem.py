"""What is wrong with a rule before it is on, as something a page can show beside the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Level = Literal["error", "warning"]


class Problem(NamedTuple):
    """`level` error keeps a rule from being switched on. `path` is the field (`when`, `on`, `enter`); the sentence is the
    text `message_id` of a language with `params`."""

    level: Level
    rule: str
    path: str
    message_id: str
    params: Mapping[str, Any] = {}
