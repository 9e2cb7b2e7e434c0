"""What delivery keeps in the store: secrets nobody else reads, audiences with nobody by name, messages waiting on a site."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import threading
from pathlib import Path

import pytest

from afterclick.act import turns
from afterclick.act.acts import Acts
from afterclick.act.channels import audience, onsite
from afterclick.act.channels.audience import Audience
from afterclick.act.channels.onsite import Onsite
from afterclick.act.outbound import signing
from afterclick.act.secrets import FILE, SMTP_PASSWORD, Secrets
from afterclick.collect.wire.canonical import Canonical
from afterclick.core.errors import StoreError
from afterclick.core.spans import DAY, MINUTE
from afterclick.decide.told import Heard, Merged
from afterclick.store.automations import Send, Show, Words
from afterclick.store.lock import Lock
from support.messages import AT, message


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def test_secrets_are_kept_for_their_owner_alone(tmp_path):
    kept = Secrets(tmp_path, {})
    assert kept.get(SMTP_PASSWORD) == ""
    kept.put(SMTP_PASSWORD, 'p"ä\\ss')
    assert kept.get(SMTP_PASSWORD) == 'p"ä\\ss'
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert Secrets(tmp_path, {"AFTERCLICK_SMTP_PASSWORD": "env"}).get(SMTP_PASSWORD) == "env"
    kept.put(SMTP_PASSWORD, "")
    assert kept.get(SMTP_PASSWORD) == ""
    (tmp_path / FILE).chmod(0o644)
    with pytest.raises(StoreError, match="others can read") as raised:
        kept.get(SMTP_PASSWORD)
    assert raised.value.code == "open_secret"


@pytest.mark.parametrize("content", [b"smtp_password = hunter2", b"smtp_password = 3", b"\xff\xfe"])
def test_a_broken_file_of_secrets_is_told_without_telling_them(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    (tmp_path / FILE).chmod(0o600)
    with pytest.raises(StoreError) as raised:
        Secrets(tmp_path, {}).get(SMTP_PASSWORD)
    assert raised.value.code == "bad_secrets"
    assert "hunter2" not in raised.value.message


def test_a_secret_is_made_once_whoever_asks_at_the_same_time(tmp_path):
    found, signed, count = [], [], iter(range(100))

    def ask():
        found.append(Secrets(tmp_path, {}).made("vapid_key", lambda: f"{next(count)}"))
        signed.append(signing.secret(tmp_path))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (len(found), len(signed)) == (6, 6)
    assert len(set(found)) == len(set(signed)) == 1


def added(channel, action_id, email="Min.Ji@Gmail.com ", phone="010-1234-5678", visitor="u:42", to="Big spenders"):
    address = json.dumps({name: value for name, value in (("email", email), ("phone", phone)) if value})
    send = Send(channel="export", to=to)
    return channel.deliver(message("export", address, action_id=action_id, visitor=visitor, send=send))


def test_an_audience_holds_digests_as_ad_platforms_take_them(tmp_path):
    channel = Audience(tmp_path, "82")
    assert added(channel, "a1").state == "sent"
    path = audience.file_of(tmp_path, "Big spenders")
    (member,) = audience.members(path)
    assert member == audience.Member(
        "a1", AT, digest("u:42"), digest("min.ji@gmail.com"), digest("minji@gmail.com"), digest("+821012345678"),
        digest("821012345678"),
    )  # fmt: skip
    google = list(csv.DictReader(io.StringIO(audience.csv_of(path, "google"))))
    assert google == [{"Email": digest("minji@gmail.com"), "Phone": digest("+821012345678")}]
    meta = list(csv.DictReader(io.StringIO(audience.csv_of(path, "meta"))))
    assert meta == [{"email": digest("min.ji@gmail.com"), "phone": digest("821012345678"), "extern_id": digest("u:42")}]
    said = path.read_bytes().lower()
    for name in (b"min", b"gmail", b"5678", b"u:42"):
        assert name not in said
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent == tmp_path / "exports"


def test_an_action_is_in_an_audience_once_also_after_a_restart_and_a_torn_line(tmp_path):
    first = Audience(tmp_path)
    assert [added(first, name).state for name in ("a1", "a1", "a2")] == ["sent"] * 3
    path = audience.file_of(tmp_path, "Big spenders")
    content = path.read_bytes()
    path.write_bytes(content[:-9])
    again = Audience(tmp_path)
    assert [added(again, name).state for name in ("a1", "a2", "a3")] == ["sent"] * 3
    assert [one.action_id for one in audience.members(path)] == ["a1", "a2", "a3"]
    # One person, two actions: an ad platform gets one line.
    assert len(audience.csv_of(path, "meta").splitlines()) == 2


def test_two_processes_add_to_one_audience(tmp_path, monkeypatch):
    one, other = Audience(tmp_path), Audience(tmp_path)
    for i in range(6):
        added((one, other)[i % 2], f"a{i // 2}")
    there = audience.members(audience.file_of(tmp_path, "Big spenders"))
    assert [member.action_id for member in there] == ["a0", "a1", "a2"]
    monkeypatch.setattr(turns, "_PATIENCE_S", 0.1)
    with Lock(tmp_path, turns.EXPORTS):
        assert added(one, "a9").state == "retry"


@pytest.mark.parametrize("email", ["", "min@b.example"])
def test_who_is_erased_leaves_every_audience(tmp_path, email):
    channel = Audience(tmp_path, "82")
    added(channel, "a1", email=email)
    added(channel, "a2", email="other@b.example", visitor="u:7")
    added(channel, "a3", email=email, to="Other")
    changed = audience.forget(tmp_path, ["u:42", "e:min@b.example"])
    assert len(changed) == 2
    left = [one.action_id for path in (tmp_path / "exports").iterdir() for one in audience.members(path)]
    assert left == ["a2"]
    assert audience.forget(tmp_path, ["u:42"]) == []
    assert added(channel, "a4", visitor="u:8").state == "sent"
    assert audience.forget(tmp_path / "nowhere", ["u:42"]) == []


@pytest.mark.parametrize(
    ("phone", "code", "wanted"),
    [("010-1234-5678", "82", "821012345678"), ("+82 10-1234-5678", "", "821012345678"), ("010-1234-5678", "", ""),
     ("+82 (0)10 1234 5678", "82", "821012345678"), ("821012345678", "82", "821012345678"),
     ("0082 10 1234 5678", "82", "821012345678"),
     ("+1 415 555 2671", "82", "14155552671"), ("123", "82", ""), ("", "82", ""), ("+" + "1" * 20, "", "")],
)  # fmt: skip
def test_numbers_are_written_as_dialled_from_abroad(phone, code, wanted):
    assert audience.dialled(phone, code) == wanted


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "", "가을 세일", "x" * 500, ".", "\x00"])
def test_no_audience_leaves_its_folder_and_no_two_share_a_file(tmp_path, name):
    path = audience.file_of(tmp_path, name)
    assert Path(os.path.normpath(path)).parent == tmp_path / "exports"
    assert path != audience.file_of(tmp_path, name + " ")
    assert added(Audience(tmp_path), "a1", to=name).state == "sent"


def test_nobody_to_be_found_is_not_added(tmp_path):
    assert added(Audience(tmp_path), "a1", email="", phone="010-1234-5678").state == "failed"
    assert Audience(tmp_path).deliver(message("export", "nonsense")).state == "failed"
    assert not (tmp_path / "exports").exists()


@pytest.fixture
def acts(tmp_path):
    opened = Acts.open(tmp_path, onsite.SCHEMA)
    yield opened
    opened.close()


def shown(acts, visitor, at):
    with acts.reading() as reader:
        return [one.action_id for one in onsite.pending(reader, visitor, at)]


def offered(acts, action_id, at=AT, visitor="a:1", ttl="10m"):
    send = Send(channel="onsite", show=Show(kind="banner", placement="top", ttl=ttl))
    words = Words(title="Hi", body="<p>x</p>")
    sent = message("onsite", visitor, words, action_id=action_id, at=at, visitor=visitor, send=send)
    return Onsite(acts).deliver(sent).state


def told(name, action_id, visitor="a:1"):
    event = Canonical(
        event_id="e", type="track", event=name, properties={"action_id": action_id}, occurred_at=AT, received_at=AT
    )
    return Heard(1, "e", visitor, AT, True, False, event, None)


def test_a_message_waits_for_the_next_page_until_its_time_is_over(acts):
    assert offered(acts, "a1") == "sent"
    assert shown(acts, "a:1", AT) == shown(acts, "a:1", AT + 10 * MINUTE - 1) == ["a1"]
    assert shown(acts, "a:1", AT + 10 * MINUTE) == shown(acts, "a:2", AT) == []
    with acts.reading() as reader:
        (one,) = onsite.pending(reader, "a:1", AT)
    assert (one.show.placement, onsite.words_of(one).body, one.expires_at) == ("top", "<p>x</p>", AT + 10 * MINUTE)


@pytest.mark.parametrize("name", sorted(onsite.ENDED_BY))
def test_what_was_seen_is_not_shown_again_though_it_is_delivered_again(acts, name):
    offered(acts, "a1")
    with acts.writing() as tx:
        onsite.hear(tx, [told(name, "a1", "a:2"), told(name, 3), told("Page Viewed", "a1")])
    assert shown(acts, "a:1", AT) == ["a1"]
    with acts.writing() as tx:
        onsite.hear(tx, [told(name, "a1")])
    # A crash before the sender noted it: the claim is found and goes again.
    assert offered(acts, "a1", at=AT + MINUTE) == "sent"
    assert shown(acts, "a:1", AT + 2 * MINUTE) == []


def test_who_turns_out_to_be_somebody_else_finds_their_messages(acts):
    offered(acts, "a1")
    with acts.writing() as tx:
        onsite.hear(tx, [Merged(2, "u:1", "a:1"), told("Message Clicked", "other", "u:1")])
    assert shown(acts, "u:1", AT) == ["a1"]
    with acts.writing() as tx:
        onsite.forget(tx, ["u:1"])
    assert shown(acts, "u:1", AT) == []


def test_few_wait_and_old_ones_are_swept(acts):
    for i in range(onsite.MOST + 5):
        offered(acts, f"a{i:02}", at=AT + i)
    assert shown(acts, "a:1", AT + MINUTE) == [f"a{i:02}" for i in range(5, onsite.MOST + 5)]
    with acts.writing() as tx:
        assert onsite.sweep(tx, AT + 20 * DAY) == 0
        assert onsite.sweep(tx, AT + 60 * DAY) == onsite.MOST + 5
