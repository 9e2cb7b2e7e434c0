"""What of each answer fits a terminal: its columns, the one drawn as a bar, and its page on the dashboard."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlencode

from afterclick.core.spec import Spec
from afterclick.surfaces.cli.options import dashboard


class View(NamedTuple):
    """Columns in order (none = all of the frame), the column behind the bar, figures worth a line."""

    columns: tuple[str, ...] = ()
    bar: str = ""
    figures: tuple[str, ...] = ()


VIEWS: dict[str, View] = {
    "map": View(
        ("stage", "entered", "onward", "open", "lost", "onward_rate", "highest", "dwell_seconds"),
        "entered",
        ("visitors", "sessions", "orders", "conversion_rate", "aov", "revenue", "none", "loop", "within"),
    ),
    "funnel": View(
        ("step", "event", "n", "of_all_rate", "from_previous_rate", "lost", "open", "seconds_from_first_p50"),
        "n",
    ),
    "channels": View(
        ("channel", "media", "visitors", "sessions", "bounce_rate", "conversion_rate", "orders", "revenue"),
        "visitors",
    ),
    "doctor": View(("severity", "count", "text_id", "examples")),
    "kpi": View(("metric", "value", "previous", "change", "low", "high")),
    "data": View(
        ("event", "raw_names", "stage", "events", "visitors", "share_rate", "last_at"),
        "events",
        (
            "events",
            "visitors",
            "ids",
            "links",
            "first_at",
            "last_at",
            "imports",
            "rejected",
            "duplicates",
            "nobody",
        ),
    ),
}
"""A question that is not named here shows every column of its frame."""

PAGES: dict[str, str] = {"map": "/", "data": "/data", "doctor": "/data"}
"""Questions with a page of their own; every other one has its JSON until its page exists."""


PARTS: dict[str, View] = {"checks": VIEWS["doctor"]}
"""The same for parts of an answer."""


def view_of(spec: Spec, part: str | None = None) -> View:
    """The view of a kind of question, or of a part of its answer."""
    return VIEWS.get(spec.key_word, View()) if part is None else PARTS.get(part, View())


def address(spec: Spec, lang: str = "en") -> str:
    """The same question on the dashboard that `afterclick serve` runs."""
    path = PAGES.get(spec.key_word, f"/api/{spec.key_word}.json")
    query = "&".join(part for part in (spec.to_url(), urlencode({"lang": lang}) if lang != "en" else "") if part)
    return f"{dashboard()}{path}{'?' + query if query else ''}"
