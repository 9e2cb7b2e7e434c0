"""Where each question stands on the dashboard, so that an answer in the terminal says where to look further."""

from __future__ import annotations

from urllib.parse import urlencode

from afterclick.core.spec import Spec
from afterclick.surfaces.cli.options import dashboard

PAGES: dict[str, str] = {
    "map": "/",
    "funnel": "/funnel",
    "retention": "/retention",
    "paths": "/paths",
    "transitions": "/paths",
    "searches": "/paths",
    "kpi": "/overview",
    "attribution": "/attribution",
    "channels": "/channels",
    "touchpoint": "/touchpoint",
    "touchpoints": "/touchpoint",
    "feedback": "/feedback",
    "value": "/value",
    "rfm": "/value",
    "repeat": "/value",
    "visitors": "/visitors",
    "visitor": "/visitor",
    "boards": "/boards",
    "alerts": "/boards",
    "data": "/data",
    "backtest": "/automations",
    "segment": "/segments",
    "segments": "/segments",
    "personas": "/personas",
    "affinities": "/personas",
    "discover": "/personas",
    "doctor": "/data",
}
"""Questions with a page of their own; every other one has its JSON until its page exists."""


def address(spec: Spec, lang: str = "en") -> str:
    """The same question on the dashboard that `afterclick serve` runs."""
    path = PAGES.get(spec.key_word, f"/api/{spec.key_word}.json")
    query = "&".join(part for part in (spec.to_url(), urlencode({"lang": lang}) if lang != "en" else "") if part)
    return f"{dashboard()}{path}{'?' + query if query else ''}"
