"""The pages there are, in the order of the navigation: it shows these and no other, so that no entry is a dead link.

A page is declared in a module of its own, `page_<name>.py`, out of the words of `page.py`.
"""

from __future__ import annotations

from typing import Final

from afterclick.surfaces.web import (
    page_attribution,
    page_boards,
    page_channels,
    page_data,
    page_feedback,
    page_funnel,
    page_map,
    page_overview,
    page_paths,
    page_personas,
    page_retention,
    page_segments,
    page_touchpoint,
    page_value,
    page_visitors,
)
from afterclick.surfaces.web.page import Card, Page, scoped

__all__ = ["PAGES", "Card", "Page", "named", "scoped"]

PAGES: Final[tuple[Page, ...]] = (
    page_map.PAGE,
    page_overview.PAGE,
    page_funnel.PAGE,
    page_paths.PAGE,
    page_retention.PAGE,
    page_attribution.PAGE,
    page_channels.PAGE,
    page_touchpoint.PAGE,
    page_segments.PAGE,
    page_personas.PAGE,
    page_value.PAGE,
    page_feedback.PAGE,
    page_visitors.PAGE,
    page_visitors.VISITOR,
    page_boards.PAGE,
    page_data.PAGE,
)


def named(name: str) -> Page | None:
    """The page of that name, where there is one."""
    return next((page for page in PAGES if page.name == name), None)
