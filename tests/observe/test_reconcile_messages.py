"""The equation of messages is one of the lines of reconcile, and a row that nobody counted makes it fail."""

from __future__ import annotations

from afterclick import Reconcile
from support.sending import Box, intent
from support.shop import Shop


def line(shop):
    rows = shop.ask(Reconcile()).frame.to_pylist()
    return next((row for row in rows if row["line"] == "messages"), None)


def opened(path):
    made = Shop()
    made.add("v0", "0d1h", "Page Viewed", url="https://shop.example/")
    return made.open(path)


def test_messages_are_a_line_once_there_are_any(tmp_path):
    with opened(tmp_path / "store") as shop:
        assert line(shop) is None
    box = Box(tmp_path / "store")
    box.person("a:1")
    box.plan(intent("sent"), intent("suppressed", "a:2"), intent("waits", at=box.now + 5))
    box.drain()
    box.close()
    with opened(tmp_path / "store") as shop:
        found = line(shop)
    assert (found["status"], found["left"], found["right"]) == ("ok", 5, 5)
    box = Box(tmp_path / "store")
    with box.acts.writing() as tx:
        tx.execute("UPDATE sends SET state = 'sent' WHERE action_id = 'waits'")
    box.close()
    with opened(tmp_path / "store") as shop:
        found = line(shop)
    assert (found["status"], found["key"], found["left_there"], found["right_there"]) == ("failed", "sent", 1, 2)
