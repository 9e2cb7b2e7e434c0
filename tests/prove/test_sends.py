"""`prove sends` would notice: what it counts is held against journals in which something went wrong."""

from __future__ import annotations

import smtplib
import urllib.request
from email.message import EmailMessage
from pathlib import Path

import pytest

from afterclick.act.outbox.table import Balance
from afterclick.app.prove import sends, sends_shop
from afterclick.app.prove.receivers import Arrived, Receivers
from afterclick.app.prove.sends import Left


def stage(tmp_path: Path) -> sends._Stage:
    return sends._Stage(tmp_path / "x", Receivers(), "three_hours", 1)


MAILS = [Arrived("m1", b"one", 0.0), Arrived("m2", b"two", 1.0)]
CALLS = [Arrived("c1", b"{}", 0.0), Arrived("c2", b"[]", 1.0), Arrived("c2", b"[]", 2.0)]
SENT = {"m1": 1, "m2": 2, "c1": 3, "c2": 4}
GOOD = Left(Balance(4, 4, 0, 0, 0, 0), SENT, MAILS, CALLS, [])


def test_a_call_that_came_twice_under_one_key_is_no_fault(tmp_path):
    assert sends.broken(stage(tmp_path), GOOD, uncertain=0) == []


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (GOOD._replace(mails=[*MAILS, MAILS[0]]), "2 times to a person: m1"),
        (GOOD._replace(mails=[*MAILS, Arrived("", b"", 0.0)]), "1 times to a person: "),
        (GOOD._replace(calls=CALLS[1:], sent={**SENT, "c1": 3}), "1 calls arrived, 2 were decided"),
        (GOOD._replace(calls=[*CALLS, Arrived("c1", b"other", 3.0)]), "2 contents under c1"),
        (GOOD._replace(balance=Balance(4, 3, 0, 0, 0, 0)), "of 4 decided"),
        (GOOD._replace(balance=Balance(4, 3, 0, 0, 0, 1)), "of 4 decided"),
        (GOOD._replace(balance=Balance(4, 3, 0, 0, 1, 0)), "at most 0 may be unknown"),
        (GOOD._replace(mails=MAILS[1:]), "told as sent, but never arrived: m1"),
        (GOOD._replace(sent={"m1": 1}), "1 told as sent, 4 counted"),
    ],
)
def test_every_fault_is_noticed(tmp_path, left, said):
    found = sends.broken(stage(tmp_path), left, uncertain=0)
    assert any(one.startswith(said) for one in found), found


def test_the_receivers_take_what_ordinary_clients_send():
    with Receivers() as receivers:
        mail = EmailMessage()
        mail["To"], mail["Message-ID"] = "a@example.com", "<m7@example.com>"
        mail.set_content("Dear\n.\n..dots")
        with smtplib.SMTP("127.0.0.1", receivers.smtp_port, timeout=60) as client:
            client.send_message(mail, "b@example.com", ["a@example.com"])
            client.send_message(mail, "b@example.com", ["a@example.com"])
        call = urllib.request.Request(
            f"http://127.0.0.1:{receivers.http_port}/hook", b"body", {"Idempotency-Key": "c7"}, method="POST"
        )
        with urllib.request.urlopen(call, timeout=60) as answer:
            assert answer.status == 200
        assert [one.key for one in receivers.mails] == ["m7", "m7"]
        assert [(one.key, one.body) for one in receivers.calls] == [("c7", b"body")]


def test_every_step_is_one_that_the_process_comes_to(tmp_path):
    """A name that nothing calls would be a place nobody is killed at: the trial says so as a fault."""
    with Receivers() as receivers:
        kept = sends._killed(tmp_path, receivers, ("no_such_step",), 1, lambda _: None)
    assert [one.held for one in kept] == [True, False]
    assert kept[1].broken == ("no_such_step 1", "no_such_step 2")
    assert set(sends.EVERY) >= set(sends_shop.STEPS)
