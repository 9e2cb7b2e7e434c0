"""Retention: who comes back and when, cohort by cohort, the life cycle, how often, what newcomers reach, what they spend."""

from __future__ import annotations

from afterclick.analyse.retention.lifecycle import Lifecycle
from afterclick.analyse.retention.onboarding import Onboarding
from afterclick.analyse.retention.retention import Retention
from afterclick.analyse.retention.stickiness import Stickiness
from afterclick.core.spec import Spec
from afterclick.surfaces.viz import lifecycle, retention, retention_cards
from afterclick.surfaces.web.page import SCOPE, Card, Page, plain, scoped


def _lifecycle(spec: Spec) -> Spec:
    return scoped(Lifecycle, spec)


def _stickiness(spec: Spec) -> Spec:
    return scoped(Stickiness, spec)


def _onboarding(spec: Spec) -> Spec:
    return scoped(Onboarding, spec)


def _spent(spec: Retention) -> Spec | None:
    return spec.spent()


PAGE = Page(
    name="retention",
    path="/retention",
    group="understand",
    kind=Retention,
    controls=SCOPE,
    cards={
        "headlines": Card(plain(retention.headlines), table="headlines", title="retention.headlines"),
        "curve": Card(retention.curve, title="retention.curve", bare=True),
        "cohorts": Card(plain(retention.cohorts), table="cohorts", title="retention.cohorts", bare=True),
        "groups": Card(plain(retention_cards.groups), table="breakdown", title="retention.groups", bare=True),
        "lifecycle": Card(lifecycle.lifecycle, ask=_lifecycle, title="retention.lifecycle", bare=True),
        "stickiness": Card(
            plain(lifecycle.stickiness), ask=_stickiness, title="retention.stickiness", bare=True, half=True
        ),
        "onboarding": Card(
            plain(lifecycle.onboarding), ask=_onboarding, title="retention.onboarding", bare=True, half=True
        ),
        "revenue": Card(retention_cards.revenue, ask=_spent, title="retention.revenue", bare=True, half=True),
    },
    asks=True,
    sheets=("chart", "heat", "cohorts"),
)
