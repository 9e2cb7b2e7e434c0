"""An opt-out lasts: what every later event repeats of a banner's answer does not undo it, a consent given anew does."""

from __future__ import annotations

from itertools import permutations

import pytest

from afterclick.act.gate.verdict import Go, Stop
from afterclick.store.automations import Delivery
from support.sending import DAY, HOUR, NOON, Box, intent, local, said

YEAR = 365 * DAY
YES = {"consent": {"*": True}}
"""As the policy leaves in the properties of each event what its context says."""


@pytest.fixture
def box(tmp_path):
    made = Box(tmp_path)
    yield made
    made.close()


def decide(box, one=None, now=None):
    with box.acts.writing() as tx:
        return box.gate.decide(tx, one or intent("x"), box.now if now is None else now)


@pytest.mark.parametrize("name", ["Message Unsubscribed", "Consent Withdrawn"])
@pytest.mark.parametrize("said_again", [
    YES, {"consent": {"marketing": True}}, {"consent": {"marketing.email": True}}, {"email_consent": "yes"},
    {"marketing_consent": True},
])  # fmt: skip
def test_pages_seen_after_an_opt_out_do_not_undo_it(box, name, said_again):
    box.person("a:1")
    box.hear("a:1", said("Page Viewed", "a:1", NOON - 3 * HOUR, properties=said_again))
    assert decide(box) == Go("1@example.com")
    box.hear("a:1", said(name, "a:1", NOON - 2 * HOUR, properties={"channel": "email"}))
    assert decide(box) == Stop("refused")
    box.hear("a:1", said("Page Viewed", "a:1", NOON - HOUR, properties=said_again))
    box.hear("a:1", said("Identified", "a:1", NOON - HOUR + 1, email="1@example.com", properties=said_again))
    assert decide(box) == Stop("refused")
    # Neither under another id nor after an erasure.
    with box.acts.writing() as tx:
        box.contacts.forget(tx, ["a:1"])
    box.hear("a:2", said("Identified", "a:2", NOON - 20, email="1@example.com", properties=said_again))
    assert decide(box, intent("x", "a:2")) == Stop("unsubscribed")
    box.hear("a:2", said("Consent Given", "a:2", NOON - 10, properties={"purpose": "marketing", "channel": "email"}))
    assert decide(box, intent("x", "a:2")) == Go("1@example.com")


def test_an_answer_to_the_banner_itself_is_a_consent_given_anew(box):
    box.person("a:1")
    box.hear("a:1", said("Message Unsubscribed", "a:1", NOON - 2 * HOUR, properties={"channel": "email"}))
    box.hear("a:1", said("Consent Updated", "a:1", NOON - HOUR, properties=YES))
    assert decide(box) == Go("1@example.com")


def test_a_banner_refused_and_agreed_to_again_is_no_opt_out(box):
    box.person("a:1")
    box.hear("a:1", said("Page Viewed", "a:1", NOON - 2 * HOUR, properties={"consent": {"marketing": False}}))
    assert decide(box) == Stop("refused")
    box.hear("a:1", said("Page Viewed", "a:1", NOON - HOUR, properties={"consent": {"marketing": True}}))
    assert decide(box) == Go("1@example.com")


def test_whatever_the_order_of_the_news(tmp_path):
    told = [
        said("Identified", "a:1", NOON - 9, email="1@example.com", properties={"consent": {"marketing": True}}),
        said("Message Unsubscribed", "a:1", NOON - 8, properties={"channel": "email"}),
        said("Page Viewed", "a:1", NOON - 7, properties=YES),
    ]
    for number, order in enumerate(permutations(told)):
        box = Box(tmp_path / str(number))
        for one in order:
            box.hear("a:1", one)
        assert decide(box) == Stop("refused")
        box.hear("a:1", said("Consent Given", "a:1", NOON - 5))
        assert decide(box) == Go("1@example.com")
        box.close()


def test_a_consent_for_the_night_that_was_withdrawn_is_not_brought_back_by_pages(tmp_path):
    now = local("2025-06-16", "23:00")
    box = Box(tmp_path, Delivery(preset="kr", sender="Shop", phone="1", quiet=(), caps=()), now=now)
    keys = {"endpoint": "https://push.example/1", "keys": {"p256dh": "p", "auth": "a"}}
    night = {"consent": {"marketing": True, "night": True}}
    box.hear("a:1", said("Push Subscribed", "a:1", now - DAY, properties={**keys, **night}))
    assert isinstance(decide(box, intent("x", channel="push")), Go)
    box.hear("a:1", said("Consent Withdrawn", "a:1", now - HOUR, properties={"purpose": "night"}))
    box.hear("a:1", said("Page Viewed", "a:1", now - 10, properties=night))
    assert not isinstance(decide(box, intent("x", channel="push")), Go)
    box.close()


def test_pages_do_not_renew_a_consent_of_three_years_ago(tmp_path):
    box = Box(tmp_path, Delivery(preset="kr", sender="Shop", phone="1", quiet=(), caps=()))
    box.person("a:1", at=NOON - 3 * YEAR)
    box.hear("a:1", said("Consent Given", "a:1", NOON - 3 * YEAR, properties={"purpose": "marketing"}))
    box.hear("a:1", said("Page Viewed", "a:1", NOON - 10, properties=YES))
    assert decide(box) == Stop("consent_old")
    box.hear("a:1", said("Consent Given", "a:1", NOON - 5, properties={"purpose": "marketing"}))
    assert isinstance(decide(box), Go)
    box.close()
