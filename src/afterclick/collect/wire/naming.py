"""What an event is called: the canonical name for what was sent, without a cache that a stranger could fill."""

from __future__ import annotations

from typing import Final

from afterclick.collect.wire.limits import NAME, Broken
from afterclick.core import names

_REMEMBERED: Final = 100
_MOST: Final = 4096
"""Names up to this length go through the cache of canonical names."""


class _Called(dict[str, tuple[str, str | None]]):
    """Track calls named before."""

    def __missing__(self, raw: str) -> tuple[str, str | None]:
        found = called(raw, "track")
        if len(raw) <= _REMEMBERED:
            if len(self) >= _MOST:
                self.clear()
            self[raw] = found
        return found


TRACKED: Final = _Called()
"""Canonical and sent name of a track call by the name it came with. Raises Broken."""


def called(raw: str | None, kind: str, field: str = "event") -> tuple[str, str | None]:
    """The canonical name, and the name as it was sent where that differs. Raises Broken for a track call without a name."""
    if raw is None:
        if kind == "track":
            raise Broken("no_event", "the event has no name", field)
        return names.canonical("", kind), None
    if raw[:1].isspace() or raw[-1:].isspace():
        raw = raw.strip()
    if not raw:
        return called(None, kind, field)
    if len(raw) > _REMEMBERED:
        if len(raw) > NAME:
            raise Broken("name_too_long", f"a name of {len(raw):,} characters; {NAME:,} are allowed", field)
        return names.canonical.__wrapped__(raw, kind), raw
    name = names.canonical(raw, kind)
    return name, None if name == raw else raw
