"""The journey map, the home page."""

from __future__ import annotations

from afterclick.analyse.feedback.feedback import Feedback
from afterclick.analyse.journey_map import JourneyMap
from afterclick.surfaces.viz import barrier_cards, feedback_lane, feedback_words, journey
from afterclick.surfaces.web.page import SCOPE, Ask, Card, Page, plain

# The map is asked without its barriers, so that it does not wait for their search.
_MAP: Ask = JourneyMap.alone
_BARRIERS: Ask = JourneyMap.search
_WHY: Ask = JourneyMap.look
_FEEDBACK: Ask = Feedback.lane
_SAID: Ask = Feedback.about


PAGE = Page(
    name="map",
    path="/",
    group="understand",
    kind=JourneyMap,
    controls=SCOPE,
    cards={
        "equation": Card(journey.head, ask=_MAP),
        "risk": Card(plain(barrier_cards.risk), ask=_BARRIERS),
        "headline": Card(plain(barrier_cards.headline), ask=_BARRIERS),
        "map": Card(journey.upper, ask=_MAP),
        "barriers": Card(barrier_cards.barrier_lanes, ask=_BARRIERS, title="barriers.title"),
        "why": Card(barrier_cards.differs, ask=_WHY, table="why"),
        "said": Card(feedback_words.beside, ask=_SAID, table="beside"),
        "feedback": Card(feedback_lane.lane, ask=_FEEDBACK, title="feedback.lane"),
        "below": Card(journey.lower, ask=_MAP),
    },
    sheets=("map",),
    exports={
        "stages": "map.stages",
        "touchpoints": "map.touchpoints",
        "channels": "map.channels",
        "devices": "map.devices",
        "flows": "map.flows",
        "crossings": "map.crossings",
    },
)
