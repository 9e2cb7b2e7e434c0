"""Small stores made of literal events, for tests of whole questions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import afterclick
from afterclick.core import spans
from afterclick.core.event import Event
from afterclick.core.money import to_minor

DAY0 = 1_767_225_600_000_000  # 2026-01-01T00:00Z
UA = {
    "mobile": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_2 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1",
    "desktop": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/133.0 Safari/537.36",
    "tablet": "Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0 Mobile/15E148 Safari/604.1",
    "bot": "Mozilla/5.0 (compatible; Googlebot/2.1)",
}


def at(text: str) -> int:
    """`0`, `5m`, `1d2h` after the start of 2026, in microseconds."""
    total, digits = 0, ""
    unit = ""
    for char in text + " ":
        if char.isdigit() or char == ".":
            if unit:
                total += _span(digits, unit)
                digits, unit = "", ""
            digits += char
        elif char != " ":
            unit += char
    if unit:
        total += _span(digits, unit)
    return DAY0 + total


def _span(digits: str, unit: str) -> int:
    if unit == "us":
        return int(digits)
    if "." in digits:
        return int(float(digits) * spans.micros(f"1{unit}"))
    return spans.micros(digits + unit)


class Shop:
    """Collects events, then opens a store of them."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, visitor: str | None, when: str | int, event: str, **more: Any) -> Shop:
        """One event of an anonymous id; `revenue` in major units, `device`, `url`, `user` and any property."""
        number = len(self.events)
        known = {"url", "referrer", "order_id", "currency", "type", "session_id", "email", "event_id", "order_line"}
        fields = {name: more.pop(name) for name in list(more) if name in known}
        if "revenue" in more:
            fields["amount"] = to_minor(more.pop("revenue"))
        if "user" in more:
            fields["user_id"] = more.pop("user")
        if "device" in more:
            fields["user_agent"] = UA[more.pop("device")]
        fields.setdefault("event_id", f"{number:06d}")
        instant = at(when) if isinstance(when, str) else when
        self.events.append(
            Event(event=event, raw_event=event, occurred_at=instant, anonymous_id=visitor, properties=more, **fields)
        )
        return self

    def open(self, folder: Path, **definitions: Any) -> afterclick.Workspace:
        """A store in `folder` with these events (in the order given), open for writing."""
        workspace = afterclick.open(folder, write=True, create=True)
        if definitions:
            workspace.define(**definitions)
        if self.events:
            workspace.append(self.events)
        return workspace
