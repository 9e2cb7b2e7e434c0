"""Contacts: what events say of addresses, consent, zone and language, in any order of arrival, over merges and erasure."""

from __future__ import annotations

import itertools
import random
import stat

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.act import contact_facts
from afterclick.act.contacts import FILE, Contacts
from afterclick.collect.privacy import consent
from afterclick.collect.privacy.scrub import Scrub
from afterclick.core.errors import StoreError
from afterclick.decide.people import People
from afterclick.decide.told import Merged
from afterclick.store.privacy import Privacy
from support.sending import DAY, HOUR, NOON, Box, said


@pytest.fixture
def box(tmp_path):
    made = Box(tmp_path)
    yield made
    made.close()


def push(number, key="k"):
    return {"endpoint": f"https://push.example.com/{number}", "keys": {"p256dh": key, "auth": "a"}}


def dump(box):
    with box.acts.reading() as reader:
        return [
            reader.execute(f"SELECT * FROM {name}").fetchall() for name in ("contacts", "consents", "places", "suppressions")
        ]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [(" Ann@Example.COM ", "ann@example.com"), ("ann", ""), ("a" * 64, ""), ("a@b", ""), ("a@b.c\r\nBcc: x@y.z", ""),
     ("a@b@c.d", ""), ("<a@b.c>", ""), (None, ""), (7, ""), ("민지@example.kr", "민지@example.kr")],
)  # fmt: skip
def test_addresses_are_read_with_care(given, wanted):
    assert contact_facts.email(given) == wanted


def test_zone_and_language_come_from_what_pages_send(box):
    box.hear("a:1", said("Page Viewed", "a:1", NOON, properties={"timezone": "Asia/Seoul", "locale": "ko_KR"}))
    box.hear("a:1", said("Page Viewed", "a:1", NOON - 5, properties={"timezone": "Europe/Berlin", "lang": "de"}))
    box.hear("a:1", said("Page Viewed", "a:1", NOON + 5, properties={"timezone": "../../etc/passwd", "lang": "<b>"}))
    with box.acts.reading() as reader:
        assert (box.contacts.zone(reader, "a:1"), box.contacts.lang(reader, "a:1")) == ("Asia/Seoul", "ko")
        assert (box.contacts.zone(reader, "a:2"), box.contacts.lang(reader, "a:2")) == ("", "")


def test_the_latest_push_subscription_is_written_to_and_an_ended_one_is_not(box):
    def address():
        with box.acts.reading() as reader:
            found = box.contacts.address(reader, "a:1", "push")
        return msgspec.json.decode(found)["endpoint"][-1] + msgspec.json.decode(found)["keys"]["p256dh"] if found else ""

    box.hear("a:1", said("Push Subscribed", "a:1", NOON, properties=push(1)))
    box.hear("a:1", said("Push Subscribed", "a:1", NOON + 1, properties=push(2)))
    assert address() == "2k"
    box.hear("a:1", said("Push Subscribed", "a:1", NOON + 3, properties=push(2, "new")))
    assert address() == "2new"
    # News from before: a subscription, and an end, that arrive late.
    box.hear("a:1", said("Push Subscribed", "a:1", NOON + 2, properties=push(2, "old")))
    box.hear("a:1", said("Push Unsubscribed", "a:1", NOON + 2, properties=push(2)))
    assert address() == "2new"
    box.hear("a:1", said("Push Unsubscribed", "a:1", NOON + 4, properties=push(2)))
    assert address() == "1k"
    box.hear("a:1", said("Push Subscribed", "a:1", NOON + 9, properties={"endpoint": "http://x", "keys": {}}))
    assert address() == "1k"


CHOICES = st.lists(
    st.tuples(
        st.integers(0, 6), st.sampled_from(["marketing", "*", "night"]), st.sampled_from(["", "email", "push"]), st.booleans()
    ),
    min_size=1, max_size=8,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(CHOICES, st.randoms(use_true_random=False))
def test_consent_holds_as_everywhere_else_whatever_the_order(tmp_path_factory, said_so, rng):
    """Equal to consent.fold over the same statements, which analyses and privacy use."""
    events = [
        said("Consent Updated", "a:1", NOON + at, properties={"consent": {f"{purpose}.{channel}".rstrip("."): granted}})
        for at, purpose, channel, granted in said_so
    ]
    events = [msgspec.structs.replace(one, event_id=f"{number}") for number, one in enumerate(events)]
    statements = [
        consent.Statement(one.occurred_at, choice, one.event_id)
        for one in events
        for choice in consent.said(one.event, one.properties)
    ]
    box = Box(tmp_path_factory.mktemp("box"))
    mixed = [*events, *rng.sample(events, len(events) // 2)]
    rng.shuffle(mixed)
    for one in mixed:
        box.hear("a:1", one)
    with box.acts.reading() as reader:
        found = box.contacts.consents(reader, "a:1")
    box.close()
    assert found == consent.fold(statements)


def test_a_merge_gives_what_one_visitor_would_have_had(tmp_path):
    rng = random.Random(5)
    events = []
    for number in range(60):
        properties = rng.choice([
            {"consent": {"marketing.email": rng.random() < 0.5}}, {"timezone": rng.choice(["Asia/Seoul", "Asia/Tokyo"])},
            {"lang": rng.choice(["ko", "en"])}, push(rng.randrange(4)),
        ])  # fmt: skip
        name = "Push Subscribed" if "keys" in properties else "Identified"
        event = said(name, "a:1", NOON + rng.randrange(40), email=f"{rng.randrange(3)}@example.com", properties=properties)
        events.append(msgspec.structs.replace(event, event_id=str(number)))
    one, two = Box(tmp_path / "one"), Box(tmp_path / "two")
    for number, event in enumerate(events):
        one.hear("a:1", event)
        two.hear("a:1" if number % 2 else "a:2", event)
    with two.acts.writing() as tx:
        two.contacts.hear(tx, [Merged(1, "a:1", "a:2")])
    # Digests are keyed by store, and opt-outs of addresses count from when both were known.
    assert dump(two)[:3] == dump(one)[:3]
    assert dump(one)[0]
    one.close()
    two.close()


SEVEN = {"marketing_consent": True}


def test_what_was_known_of_a_user_goes_to_the_device_that_becomes_theirs(box):
    box.hear("u:7", said("Identified", "u:7", NOON - DAY, email="seven@example.com", properties=SEVEN))
    with box.acts.writing() as tx:
        box.contacts.hear(tx, [Merged(1, "a:1", "u:7")])
    with box.acts.reading() as reader:
        assert box.contacts.address(reader, "a:1", "email") == "seven@example.com"
        assert box.contacts.consents(reader, "a:1")["marketing", ""].granted
        assert box.contacts.address(reader, "u:7", "email") == ""


def test_a_log_in_on_the_device_of_somebody_else_moves_nobodys_address(box):
    """The device is Kim's by an e-mail, so that People keep the two apart: Lee's event there is one of Kim's visitor."""
    people = People()
    box.hear("u:lee", said("Identified", "u:lee", NOON - DAY, email="lee@example.com", properties=SEVEN))
    lee = said("Signed In", "a:d", NOON, user_id="lee")
    told = [
        said("Signed In", "u:lee", NOON - 9), said("Subscribed", "a:d", NOON - 8, email="kim@example.com"),
        said("Signed In", "a:k", NOON - 7, user_id="kim", email="kim@example.com"), lee,
    ]  # fmt: skip
    whose = [people.visitor(one).visitor for one in told]
    assert whose == ["u:lee", "a:d", "a:d", "a:d"]
    assert people.find("", "lee") == "u:lee"
    for visitor, one in zip(whose, told, strict=True):
        box.hear(visitor, one)
    with box.acts.reading() as reader:
        assert box.contacts.address(reader, "u:lee", "email") == "lee@example.com"
        assert box.contacts.consents(reader, "u:lee")["marketing", ""].granted
        assert box.contacts.address(reader, "a:d", "email") == "kim@example.com"
        assert box.contacts.consents(reader, "a:d") == {}


@pytest.mark.parametrize(
    "endpoint",
    ["https://wns2-par02p.notify.windows.com/w/?token=BQYAAADm%2f12", "https://fcm.googleapis.com/fcm/send/a:APA91b"],
)
def test_a_push_subscription_comes_through_the_rules_of_privacy_whole(endpoint):
    """Some services keep what leads to the browser in the query of the address, which is cut off elsewhere."""
    given = {"endpoint": endpoint, "keys": {"p256dh": "k", "auth": "a"}}
    scrub = Scrub(Privacy())
    assert scrub.properties(given) == given
    assert scrub.properties({**given, "x": "a@example.com"})["x"] != "a@example.com"
    for other in ({}, {"p256dh": "k"}, {"p256dh": "k", "auth": "a", "more": "b"}):
        kept = scrub.properties({"endpoint": "https://api.example.com/?token=secret", "keys": other})
        assert "secret" not in kept["endpoint"]
    assert "ann" not in scrub.properties({**given, "endpoint": "https://p.example.com/?to=ann@example.com"})["endpoint"]


def test_no_more_than_five_addresses_of_a_kind_are_kept(box):
    for number in range(12):
        box.hear("a:1", said("Identified", "a:1", NOON + number, email=f"{number}@example.com"))
    assert [row[2] for row in dump(box)[0]] == sorted(f"{number}@example.com" for number in range(7, 12))


def test_erasure_leaves_keyed_digests_alone(box):
    box.person("a:1", properties={"timezone": "Asia/Seoul"})
    box.hear("a:1", said("Message Unsubscribed", "a:1", NOON - HOUR))
    with box.acts.writing() as tx:
        box.contacts.forget(tx, ["a:1"])
    contacts, consents, places, suppressions = dump(box)
    assert (contacts, consents, places) == ([], [], [])
    assert [row[1:3] for row in suppressions] == [("email", "unsubscribed")]
    assert not any("example" in part for part in itertools.chain.from_iterable(map(str, row) for row in suppressions))


def test_the_key_of_the_digests_is_for_its_owner_alone(tmp_path):
    Contacts.of_store(tmp_path)
    first = (tmp_path / FILE).read_bytes()
    Contacts.of_store(tmp_path)
    assert (tmp_path / FILE).read_bytes() == first
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    (tmp_path / FILE).chmod(0o644)
    with pytest.raises(StoreError, match="others can read"):
        Contacts.of_store(tmp_path)
