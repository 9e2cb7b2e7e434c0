"""Visitors found while events arrive are those that the batch finds afterwards, guards and shared devices included."""

from __future__ import annotations

import random
from collections import defaultdict

import numpy as np
import pytest

from afterclick.collect.wire.canonical import Canonical
from afterclick.core import spans
from afterclick.core.event import Event
from afterclick.decide.people import People, Whose
from support.shop import Shop, at

START = at("0")


def event(when: int, anonymous: str = "", user: str = "", email: str = "", **more: object) -> Canonical:
    return Canonical(
        event_id=f"e{when}", type=str(more.pop("type", "track")), event="A", anonymous_id=anonymous or None,
        user_id=user or None, email=email or None, occurred_at=when, received_at=when, **more,
    )  # fmt: skip


def random_ids(seed: int, count: int) -> list[tuple[str, str, str]]:
    draw = random.Random(seed)
    found = []
    for _ in range(count):
        anonymous = draw.choice(["", *(f"a{n}" for n in range(9))])
        user = draw.choice(["", "", "", *(f"u{n}" for n in range(4))])
        email = draw.choice(["", "", "", "", "k@x.example", "l@x.example"]) if anonymous and not user else ""
        if anonymous or user:
            found.append((anonymous, user, email))
    return found


def shared_computers(seed: int) -> list[tuple[str, str, str]]:
    """Few devices, on which all kinds of users log in and out."""
    return [(anonymous, user, "") for anonymous, user, _ in random_ids(seed, 60)]


def households(seed: int) -> list[tuple[str, str, str]]:
    """Many devices of few people, known by their log-ins and e-mails."""
    draw, found = random.Random(seed), []
    for _ in range(60):
        device = draw.randrange(25)
        user = f"u{device % 5}" if draw.random() < 0.25 else ""
        found.append((f"a{device}", user, f"k{device % 5}@x.example" if draw.random() < 0.2 else ""))
    return found


@pytest.mark.parametrize(("made", "cap"), [(shared_computers, 50), (households, 50), (households, 4)])
@pytest.mark.parametrize("seed", range(4))
def test_people_are_those_that_the_batch_finds(tmp_path, made, cap: int, seed: int) -> None:
    told = made(seed)
    people, shop = People(cap=cap), Shop()
    whose: list[str] = []
    for number, (anonymous, user, email) in enumerate(told):
        when = START + number * spans.MINUTE
        whose.append(people.visitor(event(when, anonymous, user, email)).visitor)
        shop.events.append(
            Event(event_id=f"e{number:04d}", event="A", occurred_at=when, anonymous_id=anonymous or None,
                  user_id=user or None, email=email or None)
        )  # fmt: skip
    with shop.open(tmp_path, id_cap=cap) as store:
        context = store.context()
        labels = context.labels("resolved", START + 10**12)
        ids = context.snapshot.book("id").all.to_pylist()
        code = {text: number for number, text in enumerate(ids)}
        batch: dict[int, set[int]] = defaultdict(set)
        live: dict[str, set[int]] = defaultdict(set)
        for number, (anonymous, user, _) in enumerate(told):
            when = np.array([START + number * spans.MINUTE])
            device = np.array([code["a:" + anonymous if anonymous else "u:" + user]])
            batch[int(labels.of(device, when)[0])].add(number)
            live[people.current(whose[number])].add(number)
    assert sorted(map(sorted, live.values())) == sorted(map(sorted, batch.values()))


def test_the_key_is_the_first_id_and_a_merge_keeps_the_visitor_who_was_there_first() -> None:
    people = People()
    assert people.visitor(event(1, "a1")) == Whose("a:a1")
    assert people.visitor(event(2, "a2", "u1")) == Whose("a:a2", ("u:u1",))
    assert people.visitor(event(3, "a1", "u1")) == Whose("a:a1", ("a:a2",))
    assert people.find("a2") == people.find("", "u1") == people.current("a:a2") == "a:a1"


@pytest.mark.parametrize("made", [shared_computers, households])
@pytest.mark.parametrize("seed", range(6))
def test_a_device_is_its_visitors_own_that_came_first_or_is_the_only_one(made, seed: int) -> None:
    people = People()
    owns: list[bool] = []
    for number, (anonymous, user, email) in enumerate(made(seed)):
        people.visitor(event(number, anonymous, user, email))
        if number % 10:
            continue
        again = People()
        again.restore(people.save())
        shared = set(people._logins)
        for device in {text for text in people._ids if text.startswith("a:")}:
            key = people.current(device)
            devices = [one for one in people.members(key) if one.startswith("a:") and people._number[one] not in shared]
            own = people._number[device] not in shared and (device == key or len(devices) == 1)
            assert people.is_own(device[2:]) == again.is_own(device[2:]) == own, (device, key, devices)
            owns.append(own)
    assert {True, False} == set(owns)
    assert not people.is_own("never seen")


def test_ids_that_are_denied_and_events_of_an_email_alone_are_of_nobody() -> None:
    people = People(denied=["kiosk"])
    assert people.visitor(event(1, "kiosk")) == Whose("")
    assert people.visitor(event(2, "kiosk", "u1")) == Whose("u:u1")
    assert people.visitor(event(3, email="k@x.example")) == Whose("")


def test_a_shared_computer_is_of_whoever_is_logged_in() -> None:
    people = People()
    people.visitor(event(1, "pc"))
    assert people.visitor(event(2, "pc", "u1")).visitor == "a:pc"
    assert people.visitor(event(3, "pc", "u2")).visitor == "u:u2"
    assert people.visitor(event(4, "pc")).visitor == "u:u2"
    assert people.visitor(event(5, "pc", "u1")).visitor == "a:pc"
    assert people.visitor(event(6, "pc")).visitor == "a:pc"


def test_a_link_by_hand_joins_two_users_and_one_that_was_withdrawn_never_did() -> None:
    linked = event(5, type="link", properties={"a": "u:u1", "b": "u:u2"})
    people = People()
    people.visitor(event(1, user="u1"))
    people.visitor(event(2, user="u2"))
    assert people.visitor(linked) == Whose("u:u1", ("u:u2",))
    parted = People(withdrawn={frozenset(("u:u1", "u:u2")): 9})
    parted.visitor(event(1, user="u1"))
    parted.visitor(event(2, user="u2"))
    assert parted.visitor(linked) == Whose("")
    assert parted.find("", "u2") == "u:u2"


@pytest.mark.parametrize("seed", range(4))
def test_what_is_saved_goes_on_as_if_nothing_had_happened(seed: int) -> None:
    told = [event(n, *ids) for n, ids in enumerate(random_ids(seed, 80))]
    whole, first = People(cap=5), People(cap=5)
    wanted = [whole.visitor(one) for one in told]
    found = [first.visitor(one) for one in told[:40]]
    again = People(cap=5)
    again.restore(first.save())
    assert [*found, *(again.visitor(one) for one in told[40:])] == wanted
    assert again.save() == whole.save()


def test_erased_ids_are_nowhere_any_more() -> None:
    people = People()
    people.visitor(event(1, "a1", "u1"))
    people.visitor(event(2, "b1"))
    people.forget(list(people.members("a:a1")))
    assert people.find("a1", "u1") == ""
    assert people.visitor(event(3, "b1")) == Whose("b:b1".replace("b:", "a:"))
    assert people.visitor(event(4, "a1")) == Whose("a:a1")


def test_whoever_came_behind_the_erased_is_the_same_after_a_restart() -> None:
    people = People()
    for number, (device, user) in enumerate([("a1", ""), ("a1", "u1"), ("a2", ""), ("a3", ""), ("a3", "u3"), ("a4", "")]):
        people.visitor(event(number, device, user))
    people.forget(["a:a1", "u:u1"])
    again = People()
    again.restore(people.save())
    assert [again.find(device) for device in ("a2", "a3", "a4")] == ["a:a2", "a:a3", "a:a4"]
    assert again.find("a1", "u1") == ""
    assert again.save() == people.save()
