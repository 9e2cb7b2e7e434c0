"""The gate: in its order, each refusal with its reason; quiet hours by the visitor's clock, caps by the visitor's calendar."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.act.gate import caps, korea, quiet
from afterclick.act.gate.gate import Gate
from afterclick.act.gate.verdict import REASONS, Go, Hold, Stop
from afterclick.act.message import Outcome
from afterclick.act.outbox import table, upkeep
from afterclick.core import clock, i18n
from afterclick.decide.draws import draw
from afterclick.store.automations import Cap, Delivery, Words
from support.sending import DAY, FREE, HOUR, NOON, Box, Recorder, intent, local, said


@pytest.fixture
def box(tmp_path):
    made = Box(tmp_path)
    yield made
    made.close()


def decide(box, one, now=None):
    with box.acts.writing() as tx:
        return box.gate.decide(tx, one, box.now if now is None else now)


def test_every_reason_has_a_text_in_both_languages():
    for reason in (*REASONS, "gave_up", "refused_there", "gone", "template", "retry", "released"):
        assert i18n.find("en", f"send_reasons.{reason}")
        assert i18n.find("ko", f"send_reasons.{reason}")


def test_advertising_needs_consent_and_an_order_does_not(box):
    box.hear("a:1", said("Identified", "a:1", NOON - DAY, email="One@Example.com "))
    assert decide(box, intent("x")) == Stop("no_consent")
    assert decide(box, intent("x", advertising=False)) == Go("one@example.com")
    box.hear("a:1", said("Consent Updated", "a:1", NOON - HOUR, properties={"consent": {"marketing.email": True}}))
    assert decide(box, intent("x")) == Go("one@example.com")
    box.hear("a:1", said("Consent Withdrawn", "a:1", NOON - 10, properties={"purpose": "marketing"}))
    assert decide(box, intent("x")) == Stop("refused")
    assert decide(box, intent("x", channel="onsite")) == Stop("refused")
    assert isinstance(decide(box, intent("x", advertising=False)), Go)


def test_who_never_said_a_language_is_written_to_in_that_of_the_shop(box):
    box.person("a:1")
    box.person("a:2", properties={"locale": "en-GB"})
    assert decide(box, intent("x")).lang == ""
    box.gate = Gate(box.contacts, FREE, box.gate._zone, "ko")
    assert [decide(box, intent("x", visitor)).lang for visitor in ("a:1", "a:2")] == ["ko", "en"]


def test_on_site_needs_no_consent_as_long_as_nobody_refused(box):
    assert decide(box, intent("x", "a:9", "onsite")) == Go("a:9")
    box.hear("a:9", said("Message Unsubscribed", "a:9", NOON - 5, properties={"channel": "email"}))
    assert decide(box, intent("x", "a:9", "onsite")) == Go("a:9")


@pytest.mark.parametrize("name", ["Message Bounced", "Message Complained", "Message Unsubscribed"])
def test_suppression_comes_after_consent_and_outlives_erasure(box, name):
    box.person("a:1")
    box.hear("a:1", said(name, "a:1", NOON - HOUR, properties={"channel": "email"}))
    reason = {"Message Bounced": "bounced", "Message Complained": "refused"}.get(name, "refused")
    assert decide(box, intent("x")) == Stop(reason)
    with box.acts.writing() as tx:
        box.contacts.forget(tx, ["a:1"])
    assert decide(box, intent("x")) == Stop("no_consent")
    # A list brings the same address back under another id, with a consent from before.
    box.hear("a:2", said("Identified", "a:2", NOON - DAY, email="1@example.com", properties={"marketing_consent": True}))
    wanted = {"Message Bounced": "bounced", "Message Complained": "complained"}.get(name, "unsubscribed")
    assert decide(box, intent("x", "a:2")) == Stop(wanted)
    with box.acts.reading() as reader:
        stored = [str(row) for row in reader.execute("SELECT * FROM suppressions")]
    assert stored
    assert not any("example" in row for row in stored)
    # Agreeing anew, later, lifts what was an opt-out, and nothing else.
    box.hear("a:2", said("Consent Given", "a:2", NOON - 5, properties={"purpose": "marketing"}))
    again = decide(box, intent("x", "a:2"))
    assert again == (Go("1@example.com") if wanted == "unsubscribed" else Stop(wanted))


def test_soft_bounces_suppress_nothing(box):
    box.person("a:1")
    box.hear("a:1", said("Message Bounced", "a:1", NOON - 5, properties={"bounce_type": "Soft"}))
    assert decide(box, intent("x")) == Go("1@example.com")


def test_both_arms_of_a_holdout_are_told_once_when_the_gate_would_send(box):
    people = [f"a:{n}" for n in range(200)]
    held = {one for one in people if draw("holdout:welcome", one) < 0.3}
    assert 30 < len(held) < 90
    for one in people:
        box.person(one)
    box.person("a:refuser")
    box.hear("a:refuser", said("Consent Withdrawn", "a:refuser", NOON - 5))
    box.plan(*(intent(f"i{one}", one, holdout_rate=0.3) for one in [*people, "a:refuser"]))
    box.drain()
    assert {message.intent.visitor for message in box.email.got} == set(people) - held
    assert {one["reason"] for one in box.events("Message Suppressed")} == {"holdout", "refused"}
    told = {(one["action_id"], one["variant"]) for one in box.events("Experiment Viewed")}
    assert told == {(f"i{one}", "holdout" if one in held else "treated") for one in people}
    assert {(one["journey"], one["experiment"]) for one in box.events("Experiment Viewed")} == {("welcome", "holdout:welcome")}
    assert box.balance() == table.Balance(201, 200 - len(held), len(held) + 1, 0, 0, 0)


def test_an_arm_that_was_told_stays_though_the_visitor_is_merged_in_the_night(tmp_path):
    people = [f"a:{n}" for n in range(50)]
    treated = next(one for one in people if draw("holdout:welcome", one) >= 0.5)
    held = next(one for one in people if draw("holdout:welcome", one) < 0.5)
    night = local("2026-01-05", "22:00")
    box = Box(tmp_path, Delivery(quiet=("21:00", "08:00"), caps=()), now=night)
    for one in (treated, held):
        box.person(one, at=night - DAY)
    box.plan(intent("x", treated, holdout_rate=0.5))
    box.drain()
    assert box.states() == {"x": "held"}
    with box.acts.writing() as tx:
        upkeep.merge(tx, held, treated)
    box.now = local("2026-01-06", "08:00")
    box.drain()
    assert [message.intent.visitor for message in box.email.got] == [held]
    assert [one["variant"] for one in box.events("Experiment Viewed")] == ["treated"]
    box.close()


def test_the_holdout_of_all_holds_back_advertising_alone(tmp_path):
    box = Box(tmp_path, Delivery(holdout_rate=1.0, quiet=(), caps=()))
    box.person("a:1")
    assert decide(box, intent("x")) == Stop("holdout", "", (("holdout", "holdout"),))
    assert decide(box, intent("x", advertising=False)) == Go("1@example.com")
    box.close()


@pytest.mark.parametrize(
    ("day", "time", "zone", "ends"),
    [
        ("2026-01-05", "20:59", "Asia/Seoul", None),
        ("2026-01-05", "21:00", "Asia/Seoul", ("2026-01-06", "08:00")),
        ("2026-01-06", "07:59", "Asia/Seoul", ("2026-01-06", "08:00")),
        ("2026-01-06", "08:00", "Asia/Seoul", None),
        # Clocks go forward in the night, so the night is an hour shorter, and back, so it is longer.
        ("2026-03-28", "22:00", "Europe/Berlin", ("2026-03-29", "08:00")),
        ("2026-10-24", "22:00", "Europe/Berlin", ("2026-10-25", "08:00")),
    ],
)
def test_quiet_hours_end_by_the_visitors_clock(day, time, zone, ends):
    found = quiet.until(local(day, time, zone), ZoneInfo(zone), ("21:00", "08:00"))
    assert found == (None if ends is None else local(*ends, zone))


def test_an_end_in_the_gap_and_an_end_that_comes_twice():
    berlin = ZoneInfo("Europe/Berlin")
    assert quiet.until(local("2026-03-29", "01:00", "Europe/Berlin"), berlin, ("00:30", "02:30")) == local(
        "2026-03-29", "03:30", "Europe/Berlin"
    )
    first = local("2026-10-25", "02:30", "Europe/Berlin")
    assert quiet.until(first - HOUR, berlin, ("01:00", "02:30")) == first
    # In the second 02:15 of that night the end of 02:30 lies ahead once more.
    assert quiet.until(first + 3 * HOUR // 4, berlin, ("01:00", "02:30")) == first + HOUR


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1_700_000_000, 1_900_000_000),
    st.sampled_from(["Asia/Seoul", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]),
    st.sampled_from([("21:00", "08:00"), ("01:30", "02:30"), ("23:59", "00:01"), ("09:00", "17:00"), ("00:00", "00:00")]),
)
def test_what_waits_until_the_end_is_let_through_then_and_not_before(seconds, zone, hours):
    now, where = seconds * 1_000_000, ZoneInfo(zone)
    until = quiet.until(now, where, hours)
    if until is None:
        local_now = clock.to_datetime(now).astimezone(where).strftime("%H:%M")
        begin, end = hours
        assert not (begin <= local_now < end) if begin <= end else end <= local_now < begin
        return
    assert now < until <= now + 26 * HOUR
    assert quiet.until(until, where, hours) is None


def test_quiet_hours_hold_or_drop_advertising_only(tmp_path):
    box = Box(tmp_path, Delivery(caps=()), now=local("2026-01-05", "23:00"))
    box.person("a:1", at=box.now - DAY)
    box.person("a:2", at=box.now - DAY, properties={"timezone": "America/New_York"})
    assert decide(box, intent("x")) == Hold(local("2026-01-06", "08:00"), "quiet_hours")
    assert decide(box, intent("x", "a:2")) == Go("2@example.com", "", "America/New_York")
    assert isinstance(decide(box, intent("x", advertising=False)), Go)
    assert isinstance(decide(box, intent("x", channel="onsite")), Go)
    box.sender.use(Delivery(caps=(), quiet_mode="drop"))
    assert decide(box, intent("x")) == Stop("quiet_hours")
    box.close()


def test_caps_count_the_visitors_days_weeks_and_spans(tmp_path):
    box = Box(tmp_path, Delivery(quiet=(), caps=(Cap(most=2, per="day"), Cap(most=3, per="week"), Cap(most=4, per="30d"))))
    monday = local("2026-01-05", "23:30")
    box.person("a:1", at=monday - DAY)
    sent = {}
    for number, now in enumerate(
        [monday, monday, monday, monday + HOUR, monday + 2 * DAY, monday + 7 * DAY, monday + 8 * DAY, monday + 40 * DAY]
    ):
        box.now = now
        box.plan(intent(f"i{number}", at=now))
        box.drain()
        sent[number] = box.reasons()[f"i{number}"] or "sent"
    assert sent == {0: "sent", 1: "sent", 2: "cap", 3: "sent", 4: "cap", 5: "sent", 6: "cap", 7: "sent"}
    assert [one["detail"] for one in box.events("Message Suppressed")] == ["2/day", "3/week", "4/30d"]
    box.plan(intent("order", advertising=False, at=box.now))
    box.drain()
    assert box.states()["order"] == "sent"
    box.close()


def test_caps_of_a_channel_and_of_a_tag(tmp_path):
    box = Box(tmp_path, Delivery(quiet=(), caps=(Cap(most=1, per="1d", channel="email"), Cap(most=1, per="7d", tag="basket"))))
    box.person("a:1", properties={"endpoint": "https://push.example.com/1", "keys": {"p256dh": "k", "auth": "a"}})
    box.hear("a:1", said(
        "Push Subscribed", "a:1", NOON - 9,
        properties={"endpoint": "https://push.example.com/1", "keys": {"p256dh": "k", "auth": "a"}},
    ))  # fmt: skip
    box.plan(
        intent("e1"), intent("e2"), intent("p1", channel="push", tags=("basket",)),
        intent("p2", channel="push", tags=("basket", "sale")), intent("p3", channel="push", tags=("sale",)),
    )  # fmt: skip
    box.drain()
    assert box.states() == {"e1": "sent", "e2": "suppressed", "p1": "sent", "p2": "suppressed", "p3": "sent"}
    box.close()


def test_what_failed_for_certain_counts_for_no_cap(tmp_path):
    box = Box(tmp_path, Delivery(quiet=(), caps=(Cap(most=1, per="day"),)))
    box.person("a:1")
    box.channels["email"] = Recorder(lambda message: Outcome("failed" if message.action_id == "bad" else "sent"))
    box.sender = box.another()
    box.plan(intent("bad"))
    box.drain()
    box.plan(intent("good"), intent("late"))
    box.drain()
    assert box.states() == {"bad": "failed", "good": "sent", "late": "suppressed"}
    box.close()


def test_weeks_begin_on_monday_in_the_visitors_zone():
    sunday = local("2026-01-11", "23:59")
    assert caps.start_of("week", sunday, korea.ZONE) == local("2026-01-05", "00:00") - 1
    assert caps.start_of("week", sunday + HOUR, korea.ZONE) == local("2026-01-12", "00:00") - 1
    # A day of 23 hours.
    spring = local("2026-03-29", "20:00", "Europe/Berlin")
    assert spring - caps.start_of("day", spring, ZoneInfo("Europe/Berlin")) == 19 * HOUR + 1


KR = Delivery(
    preset="kr", sender="Shop", company="Shop Co.", phone="02-000-0000", caps=(), quiet=(), base_url="https://shop.example"
)


def test_korea_wants_a_sender_and_a_consent_that_is_not_old(tmp_path):
    box = Box(tmp_path, Delivery(preset="kr", caps=(), quiet=()))
    box.person("a:1", at=local("2024-06-17", "10:00"))
    assert decide(box, intent("x")) == Stop("no_sender", "sender phone")
    box.sender.use(KR)
    assert decide(box, intent("x"), local("2026-06-16", "23:59")) == Go("1@example.com")
    assert decide(box, intent("x"), local("2026-06-17", "00:00")) == Stop("consent_old")
    assert isinstance(decide(box, intent("x", advertising=False), local("2027-01-01", "10:00")), Go)
    box.hear("a:1", said("Consent Given", "a:1", local("2026-06-17", "09:00"), properties={"purpose": "marketing"}))
    assert decide(box, intent("x"), local("2026-06-17", "10:00")) == Go("1@example.com")
    assert korea.is_old(korea.Standing(True, local("2024-02-29", "10:00")), local("2026-03-01", "00:00"))
    assert not korea.is_old(korea.Standing(True, local("2024-02-29", "10:00")), local("2026-02-28", "23:59"))
    box.close()


def test_korea_wants_a_consent_of_its_own_for_the_night_but_not_for_mail(tmp_path):
    box = Box(tmp_path, KR)
    night = local("2026-01-05", "22:00")
    subscribed = {"endpoint": "https://push.example.com/1", "keys": {"p256dh": "k", "auth": "a"}}
    box.person("a:1", at=night - DAY)
    box.hear("a:1", said("Push Subscribed", "a:1", night - HOUR, properties=subscribed))
    assert isinstance(decide(box, intent("x"), night), Go)
    assert decide(box, intent("x", channel="push"), night) == Hold(local("2026-01-06", "08:00"), "quiet_hours")
    box.hear("a:1", said("Consent Updated", "a:1", night - 5, properties={"consent": {"야간광고": True}}))
    assert isinstance(decide(box, intent("x", channel="push"), night), Go)
    box.hear("a:1", said("Consent Updated", "a:1", night - 4, properties={"consent": {"night": False}}))
    assert isinstance(decide(box, intent("x", channel="push"), night), Hold)
    box.close()


def test_a_consent_for_the_night_leaves_the_shops_other_quiet_hours(tmp_path):
    box = Box(tmp_path, msgspec.structs.replace(KR, quiet=("18:00", "12:00")))
    evening = local("2026-01-05", "19:00")
    box.person("a:1", at=evening - DAY)
    box.hear("a:1", said("Consent Updated", "a:1", evening - 5, properties={"consent": {"야간광고": True}}))
    noon = Hold(local("2026-01-06", "12:00"), "quiet_hours")
    assert decide(box, intent("x"), evening) == noon
    assert isinstance(decide(box, intent("x"), local("2026-01-05", "23:00")), Go)
    assert decide(box, intent("x"), local("2026-01-06", "09:00")) == noon
    box.close()


def test_korean_messages_carry_label_sender_and_a_free_way_out(tmp_path):
    box = Box(tmp_path, KR, links=lambda visitor, channel: f"https://shop.example/u/{visitor[2:]}-{channel}")
    box.person("a:1", properties={"locale": "en-US"})
    box.plan(intent("x"), intent("y", advertising=False), intent("z", words=(Words(title="(광고) Sale"),)))
    box.drain()
    got = {message.action_id: message for message in box.email.got}
    assert [got[name].words.title for name in "xyz"] == ["(광고) Hello", "Hello", "(광고) Sale"]
    footer = got["x"].headers["footer"]
    assert "Shop Co. · 02-000-0000" in footer
    assert "무료 수신거부: https://shop.example/u/1-email" in footer
    assert "Unsubscribe free of charge: https://shop.example/u/1-email" in footer
    assert got["x"].headers["unsubscribe"] == "https://shop.example/u/1-email"
    assert "footer" not in got["y"].headers
    box.close()


def test_order_of_the_questions(tmp_path):
    """Where everything says no, the first in the order is the reason; as each is put right, the next."""
    box = Box(tmp_path, Delivery(holdout_rate=1.0, caps=(Cap(most=0),), quiet_mode="drop"), now=local("2026-01-05", "23:00"))
    box.hear("a:1", said("Identified", "a:1", box.now - DAY, email="1@example.com"))
    box.hear("a:1", said("Message Bounced", "a:1", box.now - HOUR))
    reasons = [decide(box, intent("x")).reason]
    box.hear("a:1", said("Consent Given", "a:1", box.now - 9, properties={"purpose": "marketing"}))
    reasons.append(decide(box, intent("x")).reason)
    box.hear("a:1", said("Identified", "a:1", box.now - 8, email="new@example.com"))
    reasons.append(decide(box, intent("x")).reason)
    box.sender.use(Delivery(caps=(Cap(most=0),), quiet_mode="drop"))
    reasons.append(decide(box, intent("x")).reason)
    reasons.append(decide(box, intent("x"), box.now + 10 * HOUR).reason)
    box.sender.use(FREE)
    assert reasons == ["no_consent", "bounced", "holdout", "quiet_hours", "cap"]
    assert decide(box, intent("x")) == Go("new@example.com")
    box.close()
