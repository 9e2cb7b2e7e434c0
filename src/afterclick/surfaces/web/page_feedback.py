"""The Feedback page: what visitors say, what a reward programme goes with, who tells others."""

from __future__ import annotations

from afterclick.analyse.feedback.feedback import Feedback
from afterclick.surfaces.viz import feedback, feedback_words
from afterclick.surfaces.web.cards_rewards import referrals_card, rewards_card
from afterclick.surfaces.web.page import SCOPE, Card, Page, plain

PAGE = Page(
    name="feedback",
    path="/feedback",
    group="understand",
    kind=Feedback,
    controls=SCOPE | {"interval"},
    sheets=("chart", "feedback"),
    cards={
        "summary": Card(plain(feedback.summary), bare=True),
        "trend": Card(feedback.trend, table="series", title="feedback.trend"),
        "groups": Card(plain(feedback.groups), title="feedback.groups"),
        "words": Card(feedback_words.words, table="words", title="feedback.words"),
        "quotes": Card(plain(feedback_words.quotes), table="quotes", title="feedback.quotes"),
        "rewards": rewards_card(),
        "referrals": referrals_card(),
    },
)
