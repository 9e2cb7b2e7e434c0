"""Questions that stand in for those a page cannot ask yet, because what they are about was not chosen."""

from __future__ import annotations

from afterclick.analyse.touchpoint import Touchpoint
from afterclick.analyse.visitor import Visitor


def touchpoint() -> Touchpoint:
    """The question of the touchpoint page before one is named; its scope is what the page shows all of them in."""
    return Touchpoint(name="/")


def visitor() -> Visitor:
    """The question of the visitor's page before one is chosen."""
    return Visitor(id="-")
