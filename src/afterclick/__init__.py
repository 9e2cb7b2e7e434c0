"""What happens after the click: one directory of events, every question of a customer journey."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from afterclick.analyse.barriers import Barriers
    from afterclick.analyse.catalogue import Data
    from afterclick.analyse.channels import Channels
    from afterclick.analyse.checks import Doctor
    from afterclick.analyse.drivers import Drivers
    from afterclick.analyse.funnel import Funnel
    from afterclick.analyse.journey_map import JourneyMap
    from afterclick.analyse.kpi import Kpi
    from afterclick.analyse.landing import Touchpoints
    from afterclick.analyse.revenue_change import RevenueChange
    from afterclick.analyse.top import Top
    from afterclick.analyse.touchpoint import Touchpoint
    from afterclick.analyse.visitor import Visitor
    from afterclick.analyse.visitors_list import Visitors
    from afterclick.app.workspace import Workspace, open  # noqa: A004 - afterclick.open is the front door
    from afterclick.core.event import Event
    from afterclick.core.result import Result

__version__ = "0.1.0"
__all__ = [
    "Barriers",
    "Channels",
    "Data",
    "Doctor",
    "Drivers",
    "Event",
    "Funnel",
    "JourneyMap",
    "Kpi",
    "Result",
    "RevenueChange",
    "Top",
    "Touchpoint",
    "Touchpoints",
    "Visitor",
    "Visitors",
    "Workspace",
    "__version__",
    "open",
]

# Imported when first used: `afterclick --help` must not wait for numpy.
_HOMES = {
    "Barriers": "afterclick.analyse.barriers",
    "Channels": "afterclick.analyse.channels",
    "Data": "afterclick.analyse.catalogue",
    "Doctor": "afterclick.analyse.checks",
    "Drivers": "afterclick.analyse.drivers",
    "Event": "afterclick.core.event",
    "Funnel": "afterclick.analyse.funnel",
    "JourneyMap": "afterclick.analyse.journey_map",
    "Kpi": "afterclick.analyse.kpi",
    "Result": "afterclick.core.result",
    "RevenueChange": "afterclick.analyse.revenue_change",
    "Top": "afterclick.analyse.top",
    "Touchpoint": "afterclick.analyse.touchpoint",
    "Touchpoints": "afterclick.analyse.landing",
    "Visitor": "afterclick.analyse.visitor",
    "Visitors": "afterclick.analyse.visitors_list",
    "Workspace": "afterclick.app.workspace",
    "open": "afterclick.app.workspace",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'afterclick' has no attribute {name!r}")
    import importlib  # noqa: PLC0415 - only when something is asked for

    if name in ("open", "Workspace"):
        # Answers show themselves in notebooks; the pictures are a surface, which no lower layer may import.
        importlib.import_module("afterclick.surfaces.presenting").register()
    return getattr(importlib.import_module(_HOMES[name]), name)
