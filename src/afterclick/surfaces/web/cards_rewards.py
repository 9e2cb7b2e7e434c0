"""The cards of reward programmes and referrals, for the pages on which they stand."""

from __future__ import annotations

from afterclick.analyse.referrals.referrals import Referrals
from afterclick.analyse.rewards.rewards import Rewards
from afterclick.core.spec import Spec
from afterclick.surfaces.viz import referrals, rewards
from afterclick.surfaces.web.page import Card, plain, scoped


def rewards_card() -> Card:
    """Members beside visitors alike, in the scope of the page it stands on."""
    return Card(rewards.rewards, ask=_rewards, title="rewards.title", bare=True)


def referrals_card() -> Card:
    """Who brought others, in the scope of the page it stands on."""
    return Card(plain(referrals.referrals), ask=_referrals, title="referrals.title", bare=True)


def _rewards(spec: Spec) -> Spec:
    return scoped(Rewards, spec)


def _referrals(spec: Spec) -> Spec:
    return scoped(Referrals, spec)
