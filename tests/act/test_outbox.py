"""The outbox: everything intended is in one place; people get a message once at most, machines once at least."""

from __future__ import annotations

import itertools
import random
import threading
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from afterclick.act.acts import Acts
from afterclick.act.message import Outcome
from afterclick.act.outbox import courier, held, retries, sender, table, telling, upkeep
from afterclick.act.outbox.breaker import FAILURES, Breaker
from afterclick.act.outbox.hearing import Hearing, forget
from afterclick.act.outbox.loop import SendLoop
from afterclick.act.outbox.pace import Pace
from afterclick.core.errors import StoreError
from afterclick.decide.decision import Decision
from afterclick.decide.told import Decided, Merged
from afterclick.store.automations import Delivery, LiveRule, Words
from support.sending import DAY, FREE, HOUR, NOON, Box, Recorder, intent, local, said

LEASE = sender.LEASE
PATIENCE_S = 60


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def box(tmp_path):
    made = Box(tmp_path)
    yield made
    made.close()


def hook(url="https://hooks.example.com/a"):
    return {"channel": "webhook", "to": url, "advertising": False}


def test_planned_twice_it_is_one(box):
    box.person("a:1")
    box.plan(intent("x"), intent("x"), intent("x", channel="onsite"))
    assert box.balance() == table.Balance(2, 0, 0, 0, 0, 2)
    box.drain()
    box.plan(intent("x"))
    box.drain()
    assert len(box.email.got) == len(box.onsite.got) == 1
    assert box.balance() == table.Balance(2, 2, 0, 0, 0, 0)
    assert [one["action_id"] for one in box.events("Message Sent")] == ["x", "x"]


def test_what_the_log_is_told(box):
    box.person("a:1")
    box.plan(intent("x", tags=("sale",), run="r1", step="0"))
    box.drain()
    told = next(event for event in box.told.values() if event.event == "Message Sent")
    assert (told.anonymous_id, told.user_id, told.occurred_at) == ("1", None, NOON)
    assert told.properties == {
        "action_id": "x", "channel": "email", "journey": "welcome", "run": "r1", "step": "0", "tags": ["sale"],
        "advertising": True, "attempts": 1,
    }  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_intended_is_sent_suppressed_failed_uncertain_and_pending_at_every_moment(tmp_path_factory, seed):
    """The equation over random outcomes, crashes at every step, erasures, merges and re-sends."""
    rng = random.Random(seed)
    folder = tmp_path_factory.mktemp("box")
    outcomes = ["sent", "failed", "gone", "retry", "uncertain"]
    crash_at = [rng.randrange(1, 60)]

    def step(name):
        crash_at[0] -= 1
        if crash_at[0] == 0:
            raise Killed(name)

    def opened(now):
        found = Box(folder, Delivery(per_second=10_000), now=now, step=step)
        for name in ("email", "webhook"):
            found.channels[name] = Recorder(
                lambda _: Outcome(rng.choice(outcomes), retry_after_s=rng.choice([None, 1])), at_least_once=name == "webhook"
            )
        return found

    box = opened(NOON)
    for n in range(4):
        box.person(f"a:{n}")
    for number in range(40):
        what = rng.randrange(10)
        if what < 5:
            extra = hook() if rng.random() < 0.4 else {"resend": rng.random() < 0.3}
            box.plan(intent(f"i{number}", f"a:{rng.randrange(5)}", at=box.now, **extra))
        elif what == 5:
            with box.acts.writing() as tx:
                forget(tx, box.contacts, [f"a:{rng.randrange(4)}"], box.now)
        elif what == 6:
            with box.acts.writing() as tx:
                upkeep.merge(tx, "a:0", "a:1")
        elif what == 7:
            with box.acts.writing() as tx:
                for one in table.ended(tx, limit=2):
                    table.resend(tx, one.action_id, one.channel, box.now)
        else:
            box.now += rng.choice([1_000_000, 60_000_000, HOUR, 9 * HOUR])
        try:
            box.sender.run_once()
        except Killed:
            crash_at[0] = rng.randrange(1, 60)
            now = box.now
            box.close()
            box = opened(now)
        found = box.balance()
        assert found.holds, found
        states = list(box.states().values())
        assert found.pending == sum(one in ("planned", "held", "claimed") for one in states)
        assert found[1:5] == tuple(states.count(one) for one in table.ENDS)
    box.close()


def test_case_74_100_000_at_once_wait_on_disk_and_leave_by_so_many_a_second(tmp_path):
    """The sending half: paced, memory flat, and those whose night it is wait for their own morning."""
    box = Box(tmp_path, Delivery(per_second=50, caps=()), now=local("2026-01-05", "12:00"))
    count = 100_000
    with box.acts.writing() as tx:
        for n in range(200):
            zone = "Asia/Seoul" if n % 2 else "America/New_York"
            box.contacts.take(tx, f"a:{n}", said(
                "Identified", f"a:{n}", box.now - DAY, email=f"{n}@example.com",
                properties={"marketing_consent": True, "timezone": zone},
            ))  # fmt: skip
        for n in range(count):
            table.plan(tx, intent(f"i{n:06}", f"a:{n % 200}", at=box.now))
    tracemalloc.start()
    for second in range(6):
        box.sender.run_once()
        if second == 1:
            before = tracemalloc.get_traced_memory()[0]
        box.now += 1_000_000
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert 200 < len(box.email.got) <= 300
    assert all(int(message.intent.visitor[2:]) % 2 for message in box.email.got)
    assert grown < 5_000_000
    with box.acts.reading() as reader:
        held = reader.execute("SELECT DISTINCT due_at FROM sends WHERE reason = 'quiet_hours'").fetchall()
    assert held == [(local("2026-01-05", "08:00", "America/New_York"),)]
    assert box.balance().holds
    assert box.balance().pending == count - len(box.email.got)
    box.close()


@pytest.mark.parametrize("name", ["claiming", "claimed", "begun", "answered", "marked", "told"])
@pytest.mark.parametrize("number", [1, 2])
def test_case_75_a_crash_at_every_step(tmp_path, name, number):
    """In one process; `prove sends` does it with kill -9. A person gets one at most, a machine one at least, by one key."""
    seen = []

    def step(here):
        seen.append(here)
        if here == name and seen.count(here) == number:
            raise Killed(here)

    box = Box(tmp_path, step=step)
    people = [f"a:{n}" for n in range(3)]
    for one in people:
        box.person(one)
    mail, calls = [], []
    for wave in range(2):
        box.plan(*(intent(f"m{one}", one) for one in people[wave::2]))
        box.plan(*(intent(f"w{one}", one, **hook()) for one in people[wave::2]))
        try:
            box.sender.run_once()
        except Killed:
            now, told = box.now, box.told
            box.close()
            mail, calls = mail + box.email.got, calls + box.webhook.got
            box = Box(tmp_path, now=now, step=step)
            box.told = told
    assert seen.count(name) >= number
    # Claims of the dead run out; then everything ends.
    for _ in range(3):
        box.now += LEASE + HOUR
        box.drain()
    mail, calls = mail + box.email.got, calls + box.webhook.got
    by_person = [message.intent.visitor for message in mail]
    assert len(by_person) == len(set(by_person))
    assert {message.action_id for message in calls} == {f"w{one}" for one in people}
    balance = box.balance()
    assert (balance.intended, balance.failed, balance.suppressed, balance.pending) == (6, 0, 0, 0)
    assert balance.holds
    assert set(by_person) >= {one for one in people if box.states()[f"m{one}"] == "sent"}
    # One at most was begun when it ended: the others were claimed only, and went out.
    assert balance.uncertain <= 1
    told = [one["action_id"] for one in box.events("Message Sent")]
    assert sorted(told) == sorted(key for key, state in box.states().items() if state == "sent")
    box.close()


def test_case_76_two_senders_and_a_lease_that_ends_while_one_is_slow(tmp_path):
    """The claim is the one's, then the other's; the slow one's word counts no more, but where nobody else acted."""
    box = Box(tmp_path)
    box.person("a:1")
    box.plan(intent("mail"), intent("call", **hook()))
    gone_on, waiting, first = threading.Event(), threading.Semaphore(0), []

    def slow(message):
        if message.action_id not in first:
            first.append(message.action_id)
            waiting.release()
            assert gone_on.wait(PATIENCE_S)
            return Outcome("failed" if message.channel == "webhook" else "sent", "by the slow one")
        return Outcome("sent", "by the other")

    box.channels["email"], box.channels["webhook"] = Recorder(slow), Recorder(slow, at_least_once=True)
    box.sender = box.another()
    slow_one, other = box.sender, box.another()
    assert slow_one.turn() == 2
    assert waiting.acquire(timeout=PATIENCE_S)
    assert waiting.acquire(timeout=PATIENCE_S)
    # As long as the claims last, the other takes nothing.
    assert other.run_once() == 0
    box.now += LEASE
    assert other.run_once() == 2
    assert box.states() == {"mail": "uncertain", "call": "held"}
    box.now += 10 * 1_000_000
    assert other.run_once() == 1
    assert box.states() == {"mail": "uncertain", "call": "sent"}
    gone_on.set()
    slow_one.close()
    other.turn_over()
    # The call was ended by the other; of the mail only the slow one knows, and nobody sent it again.
    assert box.states() == {"mail": "sent", "call": "sent"}
    assert len(box.channels["email"].got) == 1
    assert {message.action_id for message in box.channels["webhook"].got} == {"call"}
    assert [one["action_id"] for one in box.events("Message Uncertain")] == ["mail"]
    assert box.balance() == table.Balance(2, 2, 0, 0, 0, 0)
    other.close()
    box.close()


def test_case_76_a_sender_that_wakes_up_before_its_call_finds_its_claim_gone(tmp_path):
    """Stopped between the claim and the call: it does not call any more."""
    woken, stopped = threading.Event(), threading.Event()

    def step(name):
        if name == "claimed":
            stopped.set()
            assert woken.wait(PATIENCE_S)

    box = Box(tmp_path)
    box.person("a:1")
    box.plan(intent("mail"))
    slow_one = box.another(step=step)
    thread = threading.Thread(target=slow_one.run_once)
    thread.start()
    assert stopped.wait(PATIENCE_S)
    box.now += LEASE
    box.drain()
    assert len(box.email.got) == 1
    woken.set()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    slow_one.close()
    assert len(box.email.got) == 1
    assert box.balance() == table.Balance(1, 1, 0, 0, 0, 0)
    box.close()


def test_case_76_one_process_at_a_time_writes_what_both_claim(tmp_path):
    """Two connections on one file: a message is taken by one of them."""
    box = Box(tmp_path)
    for n in range(40):
        box.person(f"a:{n}")
    box.plan(*(intent(f"m{n}", f"a:{n}") for n in range(40)))
    second = Acts.open(tmp_path, table.SCHEMA)
    other = sender.Sender(second, box.channels, box.gate, lambda: box.now)
    threads = [threading.Thread(target=one.run_once, args=(30,)) for one in (box.sender, other)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(PATIENCE_S)
    box.drain()
    got = [message.action_id for message in box.email.got]
    assert sorted(got) == sorted(f"m{n}" for n in range(40))
    other.close()
    second.close()
    box.close()


def test_case_77_one_bad_recipient_of_500(tmp_path):
    box = Box(tmp_path)

    def answer(message):
        if message.intent.visitor == "a:77":
            return Outcome("gone", "550 no such user")
        return Outcome("sent")

    box.channels["email"] = Recorder(answer)
    box.sender = box.another()
    with box.acts.writing() as tx:
        for n in range(500):
            box.contacts.take(tx, f"a:{n}", said(
                "Identified", f"a:{n}", NOON - DAY, email=f"{n}@example.com", properties={"marketing_consent": True}
            ))  # fmt: skip
            table.plan(tx, intent(f"m{n}", f"a:{n}"))
    box.drain()
    got = [message.intent.visitor for message in box.channels["email"].got]
    assert len(got) == len(set(got)) == 500
    assert box.balance() == table.Balance(500, 499, 0, 1, 0, 0)
    # The address is not tried again, whatever comes.
    box.plan(intent("later", "a:77", advertising=False))
    box.drain()
    assert box.reasons()["later"] == "bounced"
    box.close()


@pytest.mark.parametrize("how", ["unsubscribed", "erased", "night"])
def test_case_79_what_changes_between_the_claim_and_the_call_counts(tmp_path, how):
    claimed, changed = threading.Event(), threading.Event()

    def step(name):
        if name == "claimed":
            claimed.set()
            assert changed.wait(PATIENCE_S)

    box = Box(tmp_path, Delivery(caps=()), step=step)
    box.person("a:1")
    box.plan(intent("mail"))
    thread = threading.Thread(target=box.sender.run_once)
    thread.start()
    assert claimed.wait(PATIENCE_S)
    if how == "unsubscribed":
        box.hear("a:1", said("Message Unsubscribed", "a:1", NOON, properties={"channel": "email"}))
    elif how == "erased":
        with box.acts.writing() as tx:
            forget(tx, box.contacts, ["a:1"], box.now)
    else:
        box.now = local("2025-06-16", "21:00")
        with box.acts.writing() as tx:
            # As if the claim were a fresh one: it is the hour alone that says no.
            tx.execute("UPDATE sends SET until_at = ?", (box.now + LEASE,))
    changed.set()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert box.email.got == []
    assert box.states() == {"mail": "held" if how == "night" else "suppressed"}
    assert box.reasons() == {"mail": {"unsubscribed": "refused", "erased": "erased", "night": "quiet_hours"}[how]}
    assert box.balance().holds
    box.close()


def test_an_erased_visitor_is_in_no_row_any_more(box):
    box.person("u:ann")
    box.email._answer = lambda message: Outcome("failed", "ann@example.com is full")
    box.plan(intent("a", "u:ann"))
    box.drain()
    box.plan(intent("b", "u:ann", at=NOON + HOUR))
    with box.acts.writing() as tx:
        telling.end(tx, intent("a", "u:ann"), "sent", NOON, "", "", 1)
        forget(tx, box.contacts, ["u:ann"], NOON)
    with box.acts.reading() as reader:
        rows = [*reader.execute("SELECT * FROM sends"), *reader.execute("SELECT * FROM tellings")]
    assert len(rows) == 2
    assert not any("ann" in str(row) for row in rows)
    assert box.balance() == table.Balance(2, 0, 1, 1, 0, 0)
    with box.acts.writing() as tx:
        assert not table.resend(tx, "a", "email", NOON)


def test_a_webhook_is_tried_eight_times_over_28_hours_under_one_key(box):
    tried = []
    box.channels["webhook"] = Recorder(lambda _: tried.append(box.now) or Outcome("uncertain", "no answer"), at_least_once=True)
    box.sender = box.another()
    box.plan(intent("call", **hook()))
    for _ in range(400):
        box.sender.run_once()
        if box.balance().pending == 0:
            break
        box.now += 5 * 60_000_000 if len(tried) > 1 else 1_000_000
    assert len(tried) == 8
    pauses = [after - before for before, after in itertools.pairwise(tried)]
    for pause, planned in zip(pauses, retries.PLANS["webhook"], strict=True):
        assert planned <= pause <= planned * 1.1 + 6 * 60_000_000
    assert {message.action_id for message in box.channels["webhook"].got} == {"call"}
    assert box.reasons() == {"call": "gave_up"}
    with box.acts.reading() as reader:
        dead = table.ended(reader)
    assert [(one.action_id, one.state, one.attempt, one.detail) for one in dead] == [("call", "failed", 8, "no answer")]
    with box.acts.writing() as tx:
        assert table.resend(tx, "call", "webhook", box.now)
    box.channels["webhook"]._answer = lambda _: Outcome("sent")
    box.now += HOUR  # the endpoint is left alone for a while after so many failures
    box.drain()
    assert box.balance() == table.Balance(1, 1, 0, 0, 0, 0)


def test_pauses_are_drawn_and_a_receiver_may_ask_for_a_day_at_most():
    drawn = {retries.pause("webhook", f"a{n}", 1) for n in range(200)}
    assert len(drawn) > 150
    assert min(drawn) >= 5_000_000
    assert max(drawn) <= 5_500_000
    assert retries.pause("webhook", "a", 1) == retries.pause("webhook", "a", 1)
    assert retries.pause("webhook", "a", 1, asked_s=90) == 90_000_000
    assert retries.pause("webhook", "a", 1, asked_s=10**9) == 24 * HOUR
    assert retries.pause("webhook", "a", 8) is None


def test_case_81_an_endpoint_that_hangs_is_left_alone_and_the_others_are_not(box):
    """The sending half: breaker by endpoint. What the receiver does to a single call is tried in test_channels."""
    down = [True]

    def answer(message):
        return Outcome("uncertain", "no answer within 15 s") if down[0] and "bad" in message.address else Outcome("sent")

    box.channels["webhook"] = Recorder(answer, at_least_once=True)
    box.sender = box.another()
    box.plan(*(intent(f"b{n}", **hook("https://bad.example.com/x")) for n in range(30)))
    box.plan(*(intent(f"g{n}", **hook("https://good.example.com/x")) for n in range(30)))
    box.sender.run_once()
    tried = [message.address for message in box.channels["webhook"].got]
    assert sum("good" in one for one in tried) == 30
    assert FAILURES <= sum("bad" in one for one in tried) < FAILURES + 4
    before = len(tried)
    box.now += 30 * 1_000_000
    box.sender.run_once()
    assert len(box.channels["webhook"].got) == before
    # After a minute one is let through to try; then the pause doubles.
    box.now += 31 * 1_000_000
    box.sender.run_once()
    assert len(box.channels["webhook"].got) == before + 1
    box.now += 61 * 1_000_000
    box.sender.run_once()
    assert len(box.channels["webhook"].got) == before + 1
    down[0] = False
    box.now += 61 * 1_000_000
    box.sender.run_once()
    assert len(box.channels["webhook"].got) == before + 2
    for _ in range(3):
        box.now += HOUR
        box.drain()
    assert box.balance() == table.Balance(60, 60, 0, 0, 0, 0)


def test_a_breaker_opens_after_five_in_a_row_and_not_for_longer_than_half_an_hour():
    breaker, now = Breaker(), 0
    for _ in range(FAILURES - 1):
        breaker.failed("x", now)
    breaker.worked("x")
    for _ in range(FAILURES - 1):
        breaker.failed("x", now)
    assert breaker.room("x", now, 9) == 9
    for _ in range(12):
        breaker.failed("x", now)
        assert breaker.open("x", now)
        now += 30 * 60_000_000
        assert breaker.room("x", now, 9) == 1
    assert breaker.room("y", now, 9) == 9


def test_an_unknown_outcome_of_a_mail_is_never_sent_again_unless_its_sender_wants_it(box):
    box.channels["email"] = Recorder(lambda _: Outcome("uncertain", "lost after DATA"))
    box.sender = box.another()
    box.person("a:1")
    box.plan(intent("once"), intent("order", advertising=False, resend=True))
    for _ in range(30):
        box.drain()
        box.now += 2 * HOUR
    got = [message.action_id for message in box.channels["email"].got]
    assert got.count("once") == 1
    assert got.count("order") == len(retries.PLANS["email"]) + 1
    assert box.balance() == table.Balance(2, 0, 0, 0, 2, 0)


def test_a_mail_that_was_certainly_not_taken_is_tried_again_and_heeds_the_gate_again(box):
    box.channels["email"] = Recorder(lambda _: Outcome("retry", "451 try later"))
    box.sender = box.another()
    box.person("a:1")
    box.plan(intent("x"))
    box.sender.run_once()
    assert box.states() == {"x": "held"}
    box.hear("a:1", said("Consent Withdrawn", "a:1", NOON))
    box.now += HOUR
    box.drain()
    assert len(box.channels["email"].got) == 1
    assert box.reasons() == {"x": "refused"}


def test_a_push_to_a_browser_that_is_gone_goes_to_the_one_before(box):
    def keys(number):
        return {"endpoint": f"https://push.example.com/{number}", "keys": {"p256dh": "k", "auth": "a"}}

    box.person("a:1")
    for number in (1, 2):
        box.hear("a:1", said("Push Subscribed", "a:1", NOON - 10 + number, properties=keys(number)))
    box.channels["push"] = Recorder(lambda message: Outcome("gone" if "com/2" in message.address else "sent"))
    box.sender = box.another()
    box.plan(intent("x", channel="push"))
    box.drain()
    assert [("com/2" in one.address) for one in box.channels["push"].got] == [True, False]
    assert box.states() == {"x": "sent"}
    box.channels["push"]._answer = lambda _: Outcome("gone")
    box.plan(intent("y", channel="push"))
    box.drain()
    box.plan(intent("z", channel="push"))
    box.drain()
    assert (box.reasons()["y"], box.reasons()["z"]) == ("gone", "no_address")


def test_words_that_cannot_be_put_together_and_channels_that_are_not_set_up_fail_in_words(box):
    del box.channels["onsite"]
    box.person("a:1")
    box.plan(
        intent("bad", words=(Words(title="x", body="{% for i in (1..99999999) %}x{% endfor %}"),)),
        intent("none", channel="onsite"), intent("good"),
    )  # fmt: skip
    box.drain()
    assert box.states() == {"bad": "failed", "none": "failed", "good": "sent"}
    assert box.reasons() == {"bad": "template", "none": "no_channel", "good": ""}
    assert {one["reason"] for one in box.events("Message Failed")} == {"template", "no_channel"}


def test_a_mistake_of_a_channel_holds_up_nobody(box):
    def answer(message):
        if message.action_id == "m1":
            raise ZeroDivisionError
        return Outcome("sent")

    box.channels["email"] = Recorder(answer)
    box.sender = box.another()
    box.person("a:1")
    box.plan(*(intent(f"m{n}") for n in range(4)))
    box.drain()
    assert box.states() == {"m0": "sent", "m1": "uncertain", "m2": "sent", "m3": "sent"}


def test_words_are_those_of_the_visitors_language_with_the_values_of_the_run(box):
    box.person("a:1", properties={"lang": "ko"})
    box.person("a:2")
    words = (Words(lang="en", title="Your {{ run.size }}"), Words(lang="ko", title="고른 {{ run.size }}"))
    box.plan(*(intent(f"m{n}", f"a:{n}", words=words, values={"run": {"size": "{{ x }}"}}) for n in (1, 2)))
    box.drain()
    assert {one.action_id: (one.words.title, one.headers["lang"]) for one in box.email.got} == {
        "m1": ("고른 {{ x }}", "ko"), "m2": ("Your {{ x }}", "en"),
    }  # fmt: skip


def test_what_the_log_did_not_take_is_told_later_and_the_same(box):
    failing = [True]

    def emit(events):
        if failing[0]:
            raise StoreError("the disk is full", code="disk_full")
        box.told.update({event.event_id: event for event in events})

    one = box.another(emit=emit)
    box.person("a:1")
    box.plan(intent("x"))
    with pytest.raises(StoreError):
        one.run_once()
    with box.acts.reading() as reader:
        waiting = reader.execute("SELECT event FROM tellings").fetchall()
    failing[0] = False
    one.run_once()
    assert len(waiting) == len(box.told) == 1
    assert next(iter(box.told)).encode() in waiting[0][0]
    one.close()


def test_merged_visitors_count_as_one_and_rules_call_once(box):
    rule = LiveRule(name="hot", when="true", call="https://hooks.example.com/hot", state="on")
    hearing = Hearing(box.contacts, [rule])
    told = [
        Decided(1, Decision(action_id="d1", rule="hot", visitor="a:2", at=NOON, event_id="e", kind="call")),
        Decided(1, Decision(action_id="d2", rule="hot", visitor="a:2", at=NOON, event_id="e", kind="call", held_out=True)),
        Decided(1, Decision(action_id="d3", rule="other", visitor="a:2", at=NOON, event_id="e", kind="show")),
        Merged(2, "a:1", "a:2"),
    ]
    for _ in range(2):
        with box.acts.writing() as tx:
            hearing.hear(tx, told)
    box.drain()
    assert [(one.action_id, one.intent.visitor, one.address) for one in box.webhook.got] == [
        ("d1", "a:1", "https://hooks.example.com/hot")
    ]
    assert box.balance() == table.Balance(1, 1, 0, 0, 0, 0)


def test_a_bucket_holds_one_second_and_a_clock_set_back_changes_nothing():
    pace = Pace(50)
    assert pace.room(NOON) == 50
    pace.spend(50)
    assert pace.room(NOON) == 0
    assert pace.room(NOON + 500_000) == 25
    assert pace.room(NOON - DAY) == 25
    assert pace.room(NOON + DAY) == 50


def test_the_loop_sends_what_is_planned_while_it_sleeps_and_says_when_the_disk_fails(tmp_path):
    box = Box(tmp_path, FREE)
    box.person("a:1")
    sent, troubled, codes = threading.Event(), threading.Event(), []
    box.channels["email"] = Recorder(lambda _: sent.set() or Outcome("sent"))
    loop = SendLoop(box.another(), lambda code: (codes.append(code), troubled.set()))
    loop.start()
    assert not loop.failing
    box.plan(intent("x"))
    loop.wake()
    assert sent.wait(PATIENCE_S)
    box.acts.close()
    loop.wake()
    assert troubled.wait(PATIENCE_S)
    loop.stop()
    assert codes[0] == "closed"
    box.sender.close()


def test_where_one_a_second_may_leave_every_lane_has_its_turn(tmp_path):
    box = Box(tmp_path, Delivery(per_second=1, caps=(), quiet=()))
    box.person("a:1")
    box.plan(*(intent(f"m{n}") for n in range(20)), *(intent(f"w{n}", **hook()) for n in range(20)))
    for _ in range(10):
        box.sender.run_once()
        box.now += 1_000_000
    assert len(box.email.got) == len(box.webhook.got) == 5
    box.close()


def test_what_ended_long_ago_is_forgotten_and_the_account_still_balances(box):
    box.person("a:1")
    box.plan(intent("old"), intent("none", "a:2"), intent("waits", at=NOON + 500 * DAY))
    box.drain()
    box.now += sender.KEPT - HOUR
    box.sender.run_once()
    assert len(box.states()) == 3
    box.now += 3 * HOUR
    box.sender.run_once()
    assert box.states() == {"waits": "planned"}
    assert box.balance() == table.Balance(1, 0, 0, 0, 0, 1)


def test_a_machine_is_told_the_same_at_every_try(box):
    baskets = iter(range(100))
    box.channels["webhook"] = Recorder(lambda _: Outcome("retry"), at_least_once=True)
    box.sender = box.another(values=lambda one: {"basket": {"value": next(baskets)}})
    box.plan(intent("x", words=(Words(title="{{ basket.value }}"),), **hook()))
    for _ in range(3):
        box.drain()
        box.now += HOUR
    assert [one.words.title for one in box.channels["webhook"].got] == ["0", "0", "0"]
    with box.acts.writing() as tx:
        forget(tx, box.contacts, ["a:1"], box.now)
        assert tx.execute("SELECT words, intent FROM sends").fetchall() == [(None, b"")]


def test_a_disk_that_fails_under_a_channel_is_no_end_of_its_message(box):
    tried = []

    def answer(message):
        tried.append(message)
        if len(tried) == 1:
            raise StoreError("no space is left", code="disk_full")
        return Outcome("sent")

    box.channels["onsite"] = Recorder(answer, at_least_once=True)
    box.sender = box.another()
    box.plan(intent("x", channel="onsite"))
    box.drain()
    assert box.states() == {"x": "held"}
    box.now += HOUR
    box.drain()
    assert box.states() == {"x": "sent"}


def test_a_call_takes_less_time_than_the_rest_of_a_claim_that_is_begun():
    assert courier.SPARE > 15_000_000
    assert sender.LEASE > 2 * courier.SPARE


def test_who_ends_waits_for_the_call_that_is_out_and_for_no_other(tmp_path):
    box = Box(tmp_path, FREE)
    out, may_end = threading.Event(), threading.Event()

    def slow(_):
        out.set()
        assert may_end.wait(PATIENCE_S)
        return Outcome("sent")

    box.channels["email"] = channel = Recorder(slow)
    for number in range(50):
        box.person(f"a:{number}")
        box.plan(intent(str(number), f"a:{number}"))
    box.sender.turn()
    assert out.wait(PATIENCE_S)
    closing = threading.Thread(target=box.sender.close)
    closing.start()
    assert box.sender.courier.ending.wait(PATIENCE_S)
    may_end.set()
    closing.join(PATIENCE_S)
    assert len(channel.got) == 1
    assert sorted(box.states().values()) == ["held"] * 49 + ["sent"]
    box.acts.close()


def test_a_mistake_in_a_turn_ends_no_sending(tmp_path, monkeypatch):
    box = Box(tmp_path, FREE)
    box.person("a:1")
    sent, codes = threading.Event(), []
    box.channels["email"] = Recorder(lambda _: sent.set() or Outcome("sent"))
    sender = box.another()
    turn, troubled = sender.turn, threading.Event()

    def stumbles():
        if not codes:
            raise KeyError("a mistake")
        return turn()

    monkeypatch.setattr(sender, "turn", stumbles)
    loop = SendLoop(sender, lambda code: (codes.append(code), troubled.set()))
    loop.start()
    assert troubled.wait(PATIENCE_S)
    box.plan(intent("x"))
    loop.wake()
    assert sent.wait(PATIENCE_S)
    loop.stop()
    assert codes == ["KeyError"]
    box.close()


def test_words_that_our_own_code_stumbles_over_fail_and_hold_up_nobody(tmp_path):
    box = Box(tmp_path, FREE)

    def values(one):
        if one.action_id == "bad":
            raise ZeroDivisionError
        return one.values

    box.person("a:1")
    box.person("a:2")
    box.plan(intent("bad"), intent("good", "a:2"))
    box.sender.close()
    box.sender = box.another(values=values)
    box.drain()
    assert box.states() == {"bad": "failed", "good": "sent"}
    box.close()


def test_case_80_what_waited_through_an_outage_longer_than_the_grace_is_not_sent(tmp_path):
    first = Box(tmp_path, FREE)
    first.person("a:1")
    first.plan(intent("old", grace=HOUR), intent("patient", grace=DAY), intent("ours"))
    first.close()
    again = Box(tmp_path, FREE, now=NOON + 3 * HOUR)
    again.plan(intent("new", grace=HOUR, at=NOON + 3 * HOUR))
    again.drain()
    assert again.states() == {"old": "suppressed", "patient": "sent", "ours": "sent", "new": "sent"}
    assert again.reasons()["old"] == "missed"
    assert again.balance().holds
    # What only waits for its turn is not late by an outage.
    again.plan(intent("behind", grace=HOUR, at=NOON + 3 * HOUR))
    again.now = NOON + 8 * HOUR
    again.drain()
    assert again.states()["behind"] == "sent"
    again.close()


def test_a_clock_that_was_ahead_at_the_start_is_no_outage(tmp_path):
    box = Box(tmp_path, FREE, now=NOON + 400 * DAY)
    box.person("a:1")
    box.now = NOON
    box.plan(intent("x", grace=HOUR))
    box.drain()
    assert box.states() == {"x": "sent"}
    box.close()


def test_what_waits_for_quiet_hours_is_asked_again_when_they_change(tmp_path):
    box = Box(tmp_path, replace(FREE, quiet=("11:00", "13:00")))
    try:
        for name in "ab":
            box.person(f"a:{name}")
            box.plan(intent(f"m{name}", f"a:{name}"))
        box.drain()
        assert not box.email.got
        with box.acts.reading() as reader:
            assert held.held(reader) == [("quiet_hours", 2, NOON + HOUR)]
        # Caps and sender say nothing of the hour.
        box.sender.use(replace(FREE, quiet=("11:00", "13:00"), per_second=7))
        box.drain()
        assert not box.email.got
        box.sender.use(replace(FREE, quiet=("11:00", "12:30"), per_second=7))
        box.drain()
        with box.acts.reading() as reader:
            assert held.held(reader) == [("quiet_hours", 2, NOON + HOUR // 2)]
        box.sender.use(FREE)
        box.drain()
        assert sorted(one.action_id for one in box.email.got) == ["ma", "mb"]
        with box.acts.reading() as reader:
            assert held.held(reader) == []
    finally:
        box.close()
