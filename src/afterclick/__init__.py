"""What happens after the click: one directory of events, every question of a customer journey."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from afterclick.act.rehearsal.question import Backtest
    from afterclick.analyse.attribution.attribution import Attribution
    from afterclick.analyse.barriers import Barriers
    from afterclick.analyse.catalogue import Data
    from afterclick.analyse.channels import Channels
    from afterclick.analyse.checks import Doctor
    from afterclick.analyse.drivers import Drivers
    from afterclick.analyse.feedback.feedback import Feedback
    from afterclick.analyse.funnel import Funnel
    from afterclick.analyse.journey_map import JourneyMap
    from afterclick.analyse.kpi import Kpi
    from afterclick.analyse.landing import Touchpoints
    from afterclick.analyse.paths.paths import Paths
    from afterclick.analyse.paths.search_terms import SearchTerms
    from afterclick.analyse.paths.transitions import Transitions
    from afterclick.analyse.referrals.referrals import Referrals
    from afterclick.analyse.retention.lifecycle import Lifecycle
    from afterclick.analyse.retention.onboarding import Onboarding
    from afterclick.analyse.retention.retention import Retention
    from afterclick.analyse.retention.stickiness import Stickiness
    from afterclick.analyse.revenue_change import RevenueChange
    from afterclick.analyse.rewards.rewards import Rewards
    from afterclick.analyse.top import Top
    from afterclick.analyse.touchpoint import Touchpoint
    from afterclick.analyse.visitor import Visitor
    from afterclick.analyse.visitors_list import Visitors
    from afterclick.app.workspace import Workspace, open  # noqa: A004 - afterclick.open is the front door
    from afterclick.core.event import Event
    from afterclick.core.result import Result
    from afterclick.learn.affinities.affinities import Affinities
    from afterclick.learn.personas.personas import Personas
    from afterclick.learn.stages.discovery import StageDiscovery
    from afterclick.learn.value.repeat import Repeat
    from afterclick.learn.value.rfm import Rfm
    from afterclick.learn.value.value import Value
    from afterclick.observe.alerts.question import Alerts
    from afterclick.observe.boards.question import Boards
    from afterclick.observe.reconcile.question import Reconcile

__version__ = "0.1.0"
__all__ = [
    "Affinities",
    "Alerts",
    "Attribution",
    "Backtest",
    "Barriers",
    "Boards",
    "Channels",
    "Data",
    "Doctor",
    "Drivers",
    "Event",
    "Feedback",
    "Funnel",
    "JourneyMap",
    "Kpi",
    "Lifecycle",
    "Onboarding",
    "Paths",
    "Personas",
    "Reconcile",
    "Referrals",
    "Repeat",
    "Result",
    "Retention",
    "RevenueChange",
    "Rewards",
    "Rfm",
    "SearchTerms",
    "Segment",
    "Segments",
    "StageDiscovery",
    "Stickiness",
    "Top",
    "Touchpoint",
    "Touchpoints",
    "Transitions",
    "Value",
    "Visitor",
    "Visitors",
    "Workspace",
    "__version__",
    "open",
]

# Imported when first used: `afterclick --help` must not wait for numpy.
_HOMES = {
    "Alerts": "afterclick.observe.alerts.question",
    "Boards": "afterclick.observe.boards.question",
    "Affinities": "afterclick.learn.affinities.affinities",
    "Attribution": "afterclick.analyse.attribution.attribution",
    "Backtest": "afterclick.act.rehearsal.question",
    "Barriers": "afterclick.analyse.barriers",
    "Channels": "afterclick.analyse.channels",
    "Data": "afterclick.analyse.catalogue",
    "Doctor": "afterclick.analyse.checks",
    "Drivers": "afterclick.analyse.drivers",
    "Event": "afterclick.core.event",
    "Feedback": "afterclick.analyse.feedback.feedback",
    "Funnel": "afterclick.analyse.funnel",
    "JourneyMap": "afterclick.analyse.journey_map",
    "Kpi": "afterclick.analyse.kpi",
    "Lifecycle": "afterclick.analyse.retention.lifecycle",
    "Onboarding": "afterclick.analyse.retention.onboarding",
    "Paths": "afterclick.analyse.paths.paths",
    "Personas": "afterclick.learn.personas.personas",
    "Reconcile": "afterclick.observe.reconcile.question",
    "Referrals": "afterclick.analyse.referrals.referrals",
    "Repeat": "afterclick.learn.value.repeat",
    "Result": "afterclick.core.result",
    "Retention": "afterclick.analyse.retention.retention",
    "RevenueChange": "afterclick.analyse.revenue_change",
    "Rewards": "afterclick.analyse.rewards.rewards",
    "Rfm": "afterclick.learn.value.rfm",
    "SearchTerms": "afterclick.analyse.paths.search_terms",
    "Segment": "afterclick.analyse.segments.segment",
    "Segments": "afterclick.analyse.segments.segments",
    "StageDiscovery": "afterclick.learn.stages.discovery",
    "Stickiness": "afterclick.analyse.retention.stickiness",
    "Top": "afterclick.analyse.top",
    "Touchpoint": "afterclick.analyse.touchpoint",
    "Touchpoints": "afterclick.analyse.landing",
    "Transitions": "afterclick.analyse.paths.transitions",
    "Value": "afterclick.learn.value.value",
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
