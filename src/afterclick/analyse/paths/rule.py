"""Rules that give many touchpoints one name: `/products/*`, `Products = /p/*`, or an RE2 pattern behind a tilde."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from afterclick.core.condition_values import find_pattern
from afterclick.core.errors import SpecError
from afterclick.core.said import Said

_LIMIT = 1_000
_NAMED = re.compile(r"^(?P<name>.*?\S)\s+=\s+(?P<pattern>.+)$", re.S)


class Rule(NamedTuple):
    """What touchpoints that match are called, and the RE2 pattern they match."""

    name: str
    pattern: str
    text: str

    def met(self, names: Sequence[str]) -> np.ndarray:
        """Which of the names match, (n,) bool."""
        return find_pattern(self.pattern, names) if len(names) else np.zeros(0, bool)


def parse(text: str, path: str) -> Rule:
    """Read a rule. Raises SpecError with `path` for one that is empty, too long, or no RE2 pattern."""
    asked = text.strip()
    found = _NAMED.match(asked)
    name, pattern = (found["name"], found["pattern"].strip()) if found else ("", asked)
    if not pattern or len(asked) > _LIMIT:
        raise SpecError(
            Said("refusals.path_rule_length"), hint=Said("refusals.write_path_rule"), path=path
        )
    searched = pattern[1:] if pattern.startswith("~") else _wild(pattern)
    try:
        find_pattern(searched, [""])
    except ValueError:
        raise SpecError(
            Said("refusals.no_re2", pattern=pattern),
            hint=Said("refusals.re2_example"),
            path=path,
        ) from None
    return Rule(name or pattern, searched, asked)


def _wild(pattern: str) -> str:
    """The RE2 pattern of a text in which `*` stands for any run of characters."""
    return "(?s)^" + ".*".join(_escaped(part) for part in pattern.split("*")) + "$"


def _escaped(text: str) -> str:
    return "".join(one if one.isalnum() or one in "_/ " or ord(one) > 127 else "\\" + one for one in text)
