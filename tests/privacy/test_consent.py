"""What a person allows: every form of saying it, and a fold that only dates decide."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterclick.collect.privacy.consent import Choice, Statement, allows, choices, fold, kept, refused, said

YES, NO = True, False


@pytest.mark.parametrize(
    ("stated", "meant"),
    [
        ({"categoryPreferences": {"Advertising": YES, "Analytics": NO}}, {"marketing": YES, "analytics": NO}),
        (
            {"analytics": YES, "marketing": {"email": YES, "sms": NO}},
            {"analytics": YES, "marketing.email": YES, "marketing.sms": NO},
        ),
        ({"ad_user_data": "DENIED", "ad_personalization": "GRANTED"}, {"marketing": NO, "personalization": YES}),
        (
            {"provider": "oneTrust", "allowedConsentIds": ["C0002"], "deniedConsentIds": ["C0004"]},
            {"analytics": YES, "marketing": NO},
        ),
        ({"analytics": "동의", "marketing.kakao": "거부"}, {"analytics": YES, "marketing.messenger": NO}),
        ({"email": "unsubscribed"}, {"marketing.email": NO}),
        ({"research": "yes"}, {"research": YES}),
        (False, {"*": NO}),
        ("granted", {"*": YES}),
        (None, {}), ({}, {}), ("sometimes", {}), ([1], {}), ({"analytics": None}, {}),
    ],
)  # fmt: skip
def test_every_form_is_read(stated, meant):
    assert kept(choices(stated)) == meant


@pytest.mark.parametrize(
    ("event", "properties", "meant"),
    [
        ("Consent Withdrawn", {}, {"*": NO}),
        ("Consent Withdrawn", {"channel": "카카오톡"}, {"marketing.messenger": NO}),
        ("Consent Given", {"purposes": ["analytics", "광고"]}, {"analytics": YES, "marketing": YES}),
        ("Consent Given", {"purpose": "marketing", "channels": "email, sms"}, {"marketing.email": YES, "marketing.sms": YES}),
        ("Consent Updated", {"purpose": "marketing", "status": "denied"}, {"marketing": NO}),
        ("Consent Updated", {"consent": {"analytics": NO}}, {"analytics": NO}),
        ("Message Unsubscribed", {"channel": "sms"}, {"marketing.sms": NO}),
        ("Message Complained", {}, {"marketing": NO}),
        ("Identified", {"email_consent": "yes", "marketing_consent": "no"}, {"marketing.email": YES, "marketing": NO}),
        ("Page Viewed", {"purpose": "marketing"}, {}),
    ],
)  # fmt: skip
def test_events_say_it_by_name_and_property(event, properties, meant):
    assert kept(said(event, properties)) == meant


PURPOSES, CHANNELS = st.sampled_from(["analytics", "marketing", "*"]), st.sampled_from(["", "email", "sms"])
CHOICES = st.builds(Choice, PURPOSES, CHANNELS, st.booleans())
STATEMENTS = st.lists(st.builds(Statement, st.integers(0, 5), CHOICES, st.sampled_from(["e1", "e2"])), max_size=12)


@given(STATEMENTS, st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(statements, random):
    shuffled = [*statements, *statements[:3]]
    random.shuffle(shuffled)
    assert fold(shuffled) == fold(statements)


@given(STATEMENTS, st.sampled_from(["analytics", "marketing"]), st.sampled_from(["", "email"]))
def test_the_latest_that_concerns_it_decides_and_a_refusal_wins_a_tie(statements, purpose, channel):
    concerns = [
        one for one in statements if one.choice.purpose in (purpose, "*") and one.choice.channel in ("", channel)
    ]
    found = allows(fold(statements), purpose, channel)
    if not concerns:
        assert found is None
        return
    latest = max(one.at for one in concerns)
    assert found is not None
    assert found.at == latest
    assert found.granted == all(one.choice.granted for one in concerns if one.at == latest)


def test_a_later_general_refusal_outweighs_an_earlier_special_consent():
    state = fold([Statement(1, Choice("marketing", "email", True)), Statement(2, Choice("*", "", False))])
    assert not allows(state, "marketing", "email").granted
    again = fold([Statement(2, Choice("*", "", False)), Statement(3, Choice("marketing", "email", True))])
    assert allows(again, "marketing", "email").granted
    assert not allows(again, "marketing", "sms").granted


def test_what_is_said_of_analytics():
    assert refused((Choice("analytics", "", False),)) is True
    assert refused((Choice("*", "", True),)) is False
    assert refused((Choice("marketing", "", False), Choice("*", "email", False))) is None
