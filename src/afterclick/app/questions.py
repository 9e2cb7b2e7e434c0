"""Every question that can be asked, in one registry; a surface finds them here and names none itself."""

from __future__ import annotations

from typing import get_args

import pyarrow as pa

from afterclick.act.rehearsal.question import Backtest
from afterclick.analyse.attribution.attribution import Attribution
from afterclick.analyse.barriers import Barriers
from afterclick.analyse.catalogue import Data
from afterclick.analyse.channels import Channels
from afterclick.analyse.checks import Doctor
from afterclick.analyse.context import Context
from afterclick.analyse.drivers import Drivers
from afterclick.analyse.feedback.feedback import Feedback
from afterclick.analyse.funnel import Funnel
from afterclick.analyse.handles import by_digest
from afterclick.analyse.journey_map import JourneyMap
from afterclick.analyse.kpi import Kpi
from afterclick.analyse.landing import Touchpoints
from afterclick.analyse.paths.paths import Paths
from afterclick.analyse.paths.search_terms import SearchTerms
from afterclick.analyse.paths.transitions import Transitions
from afterclick.analyse.question import Question
from afterclick.analyse.referrals.referrals import Referrals
from afterclick.analyse.retention.lifecycle import Lifecycle
from afterclick.analyse.retention.onboarding import Onboarding
from afterclick.analyse.retention.retention import Retention
from afterclick.analyse.retention.stickiness import Stickiness
from afterclick.analyse.revenue_change import RevenueChange
from afterclick.analyse.rewards.rewards import Rewards
from afterclick.analyse.segments.segment import Segment
from afterclick.analyse.segments.segments import Segments
from afterclick.analyse.top import Top
from afterclick.analyse.touchpoint import Touchpoint
from afterclick.analyse.visitor import Visitor
from afterclick.analyse.visitors_list import Visitors
from afterclick.core import spec as specs
from afterclick.core.errors import SpecError
from afterclick.core.result import Result
from afterclick.core.said import Said
from afterclick.core.spec import Spec
from afterclick.learn.affinities.affinities import Affinities
from afterclick.learn.personas.personas import Personas
from afterclick.learn.stages.discovery import StageDiscovery
from afterclick.learn.value.repeat import Repeat
from afterclick.learn.value.rfm import Rfm
from afterclick.learn.value.value import Value
from afterclick.observe.alerts.question import Alerts
from afterclick.observe.boards.question import Boards
from afterclick.observe.reconcile.question import Reconcile
from afterclick.store.snapshot import Snapshot

AnyQuestion = (
    JourneyMap
    | Barriers
    | Funnel
    | Drivers
    | Paths
    | Transitions
    | SearchTerms
    | Kpi
    | Channels
    | Attribution
    | RevenueChange
    | Top
    | Touchpoints
    | Touchpoint
    | Feedback
    | Rewards
    | Referrals
    | Value
    | Rfm
    | Repeat
    | Visitors
    | Visitor
    | Retention
    | Lifecycle
    | Stickiness
    | Onboarding
    | Segment
    | Segments
    | Backtest
    | Personas
    | Affinities
    | StageDiscovery
    | Data
    | Doctor
    | Reconcile
    | Alerts
    | Boards
)
ALL: tuple[type[Question], ...] = get_args(AnyQuestion)


def answer(spec: Spec, context: Context) -> Result:
    """The answer to a question of any kind."""
    if not isinstance(spec, AnyQuestion):
        raise SpecError(Said("refusals.kind_no_question", kind=type(spec).__name__), path="question")
    return spec.answer(context)


def from_json(text: str | bytes) -> Spec:
    """A question from its JSON; every kind is known here."""
    return specs.from_json(text)


def known_id(snapshot: Snapshot, given: str) -> str:
    """An id with its namespace, as the store knows it. Raises SpecError for an id that no event carries."""
    names = [given] if given[:2] in ("a:", "u:", "e:") else [f"{space}:{given}" for space in "uae"]
    codes = snapshot.book("id").codes(pa.array(names))
    for name, code in zip(names, codes.tolist(), strict=True):
        if code >= 0:
            return name
    found = by_digest(snapshot, given)
    if found:
        return found
    raise SpecError(
        Said("refusals.no_id", given=given), hint=Said("refusals.write_id"), path="id"
    )
