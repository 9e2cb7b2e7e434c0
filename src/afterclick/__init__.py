"""What happens after the click: one directory of events, every question of a customer journey."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from afterclick.analyse.catalogue import Data
    from afterclick.analyse.channels import Channels
    from afterclick.analyse.checks import Doctor
    from afterclick.analyse.funnel import Funnel
    from afterclick.analyse.journey_map import JourneyMap
    from afterclick.analyse.kpi import Kpi
    from afterclick.app.workspace import Workspace, open  # noqa: A004 - afterclick.open is the front door
    from afterclick.core.event import Event
    from afterclick.core.result import Result

__version__ = "0.1.0"
__all__ = [
    "Channels",
    "Data",
    "Doctor",
    "Event",
    "Funnel",
    "JourneyMap",
    "Kpi",
    "Result",
    "Workspace",
    "__version__",
    "open",
]

# Imported when first used: `afterclick --help` must not wait for numpy.
_HOMES = {
    "Channels": "afterclick.analyse.channels",
    "Data": "afterclick.analyse.catalogue",
    "Doctor": "afterclick.analyse.checks",
    "Event": "afterclick.core.event",
    "Funnel": "afterclick.analyse.funnel",
    "JourneyMap": "afterclick.analyse.journey_map",
    "Kpi": "afterclick.analyse.kpi",
    "Result": "afterclick.core.result",
    "Workspace": "afterclick.app.workspace",
    "open": "afterclick.app.workspace",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'afterclick' has no attribute {name!r}")
    import importlib  # noqa: PLC0415

    if name in ("open", "Workspace"):
        # Answers show themselves in notebooks; the pictures are a surface, which no lower layer may import.
        importlib.import_module("afterclick.surfaces.viz.notebook").register()
    return getattr(importlib.import_module(_HOMES[name]), name)
