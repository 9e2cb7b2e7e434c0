"""What of each answer fits a terminal: its columns, the one drawn as a bar, and its page on the dashboard."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlencode

from afterclick.core.spec import Spec
from afterclick.surfaces.cli.options import dashboard


class View(NamedTuple):
    """Columns in order (none = all of the frame), the column behind the bar, figures worth a line, a part shown besides."""

    columns: tuple[str, ...] = ()
    bar: str = ""
    figures: tuple[str, ...] = ()
    also: str = ""


VIEWS: dict[str, View] = {
    "map": View(
        ("stage", "entered", "onward", "open", "lost", "onward_rate", "highest", "dwell_seconds"),
        "entered",
        ("visitors", "sessions", "orders", "conversion_rate", "aov", "revenue", "at_risk", "none", "loop", "within"),
        "barriers",
    ),
    "barriers": View(
        (
            "rank",
            "stage",
            "kind",
            "name",
            "severity",
            "visitors",
            "met_rate",
            "expected_rate",
            "at_risk",
            "at_risk_low",
            "at_risk_high",
            "recipe",
        ),
        "",
        ("at_risk", "at_risk_low", "at_risk_high", "at_risk_rate", "barriers", "candidates", "visitors", "within"),
    ),
    "funnel": View(
        (
            "step",
            "event",
            "n",
            "of_all_rate",
            "from_previous_rate",
            "lost",
            "open",
            "seconds_from_first_p50",
            "value_sum",
            "lost_value",
        ),
        "n",
        ("started", "converted", "conversion_rate", "previous_conversion_rate", "seconds_to_convert_p50", "worst_step"),
        "breakdown",
    ),
    "drivers": View(
        (
            "direction",
            "behaviour",
            "type",
            "with_n",
            "with_rate",
            "without_rate",
            "times",
            "odds_ratio",
            "low",
            "high",
            "significant",
        ),
        "with_rate",
        ("reached", "decided_earlier", "open", "analysed", "went_on", "did_not", "tested"),
    ),
    "channels": View(
        (
            "channel",
            "source",
            "medium",
            "campaign",
            "term",
            "content",
            "media",
            "visitors",
            "bounce_rate",
            "conversion_rate",
            "orders",
            "revenue",
            "cost",
            "roas",
            "cac",
            "aim_kpi",
        ),
        "visitors",
        ("cost", "roas", "cac", "blended_cac"),
    ),
    "change": View(
        ("factor", "effect", "share_rate"),
        "",
        ("previous_revenue", "revenue"),
    ),
    "top": View(
        ("value", "name", "visitors", "share_rate", "sessions", "orders", "units", "conversion_rate", "revenue"),
        "visitors",
    ),
    "touchpoints": View(
        (
            "touchpoint",
            "twin",
            "visitors",
            "sessions",
            "views",
            "landings",
            "bounce_rate",
            "exits",
            "exit_rate",
            "friction",
        ),
        "visitors",
        ("visitors", "sessions", "touchpoints", "words"),
    ),
    "touchpoint": View(
        ("side", "touchpoint", "type", "sessions", "visitors", "share_rate"),
        "sessions",
        (
            "visitors",
            "sessions",
            "views",
            "entries",
            "bounce_rate",
            "exits",
            "exit_rate",
            "dwell_seconds",
            "friction",
            "error_rate",
            "loop_rate",
            "slow_rate",
        ),
    ),
    "visitors": View(
        ("visitor", "known_as", "stage", "channel", "sessions", "events", "orders", "revenue", "last_seen_at"),
        "",
        ("visitors", "found", "next_cursor"),
    ),
    "visitor": View(
        ("session", "start_at", "channel", "landing", "pages", "events", "orders", "revenue", "stage_to"),
        "",
        (
            "visitor",
            "known_as",
            "ids",
            "first_seen_at",
            "last_seen_at",
            "channel",
            "stage",
            "sessions",
            "orders",
            "revenue",
        ),
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

PAGES: dict[str, str] = {
    "map": "/",
    "funnel": "/funnel",
    "kpi": "/overview",
    "channels": "/channels",
    "touchpoint": "/touchpoint",
    "touchpoints": "/touchpoint",
    "visitors": "/visitors",
    "visitor": "/visitor",
    "data": "/data",
    "doctor": "/data",
}
"""Questions with a page of their own; every other one has its JSON until its page exists."""


PARTS: dict[str, View] = {
    "checks": VIEWS["doctor"],
    "barriers": VIEWS["barriers"],
    "breakdown": View(("group", "step", "n", "of_all_rate", "from_previous_rate", "value_sum"), "n"),
    "trend": View(("interval", "step", "n", "rate", "incomplete"), "rate"),
    "histogram": View(("step", "low_seconds", "high_seconds", "n"), "n"),
}
"""The same for parts of an answer."""


def view_of(spec: Spec, part: str | None = None) -> View:
    """The view of a kind of question, or of a part of its answer."""
    return VIEWS.get(spec.key_word, View()) if part is None else PARTS.get(part, View())


def address(spec: Spec, lang: str = "en") -> str:
    """The same question on the dashboard that `afterclick serve` runs."""
    path = PAGES.get(spec.key_word, f"/api/{spec.key_word}.json")
    query = "&".join(part for part in (spec.to_url(), urlencode({"lang": lang}) if lang != "en" else "") if part)
    return f"{dashboard()}{path}{'?' + query if query else ''}"
