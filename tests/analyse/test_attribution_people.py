"""Every number of an attribution opens as many people as it says, whatever is asked; parts and totals agree."""

from __future__ import annotations

import random

import pytest

from afterclick import Attribution
from support.shop import DAY0, Shop

HOUR = 3600 * 10**6
URL = "https://shop.example/"
SOURCES = (
    "?utm_source=naver&utm_medium=cpc&utm_campaign=autumn&utm_content=a", "?utm_source=crm&utm_medium=email", "",
    "?utm_source=kakao&utm_medium=message", "blog?utm_source=naver&utm_medium=cpc&utm_campaign=brand",
)  # fmt: skip
ITEMS = '[{"product_id": "p1", "price": 9000}, {"product_id": "p2", "price": 1000}]'


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    rng, shop = random.Random(11), Shop()
    for number in range(150):
        at = DAY0 + rng.randrange(20 * 24) * HOUR
        for _ in range(rng.choice([1, 1, 2, 4])):
            shop.add(f"v{number}", at, "Page Viewed", url=URL + rng.choice(SOURCES), device=rng.choice(["mobile", "desktop"]))
            if rng.random() < 0.3:
                more = {"message_id": f"m{rng.randrange(9)}", "product_id": rng.choice(["p1", "p2"]), "campaign": "hello"}
                name = rng.choice(["Message Sent", "Message Opened", "Message Clicked"])
                shop.add(f"v{number}", at + rng.randrange(2) * HOUR, name, channel="email", **more)
            at += rng.randrange(1, 70) * HOUR
            if rng.random() < 0.2:
                money = rng.randrange(9, 90) * 1000
                shop.add(f"v{number}", at, "Order Completed", order_id=f"o{at}-{number}", revenue=money, items=ITEMS,
                         user=f"u{number % 140}")  # fmt: skip
    for day in range(10):
        shop.add(None, DAY0 + (24 * day + 12) * HOUR, "Ad Cost Reported", revenue=3000, url=URL + SOURCES[0])
    with shop.open(tmp_path_factory.mktemp("people") / "s", currency="KRW", timezone="America/New_York") as opened:
        yield opened


EVERY = ("sent", "opened", "clicked")


@pytest.mark.parametrize(
    "fields",
    [
        {}, {"by": "source"}, {"by": "campaign", "touch": "linear"}, {"by": "ad", "touch": "any"},
        {"by": "message", "action": EVERY}, {"by": "landing", "action": ("visited",), "touch": "position"},
        {"action": EVERY, "touch_unit": "message", "touch": "time_decay"}, {"touch_unit": "event", "touch": "markov"},
        {"scope": "item", "action": EVERY}, {"markov_order": 3, "touch": "markov"}, {"touch": "shapley", "nulls": "out"},
        {"transforms": ("frequency",), "action": ("visited",)}, {"transforms": ("drop:direct", "collapse"), "touch": "j"},
        {"reset": "order", "within": "any"}, {"conversions": "first", "custom": "1/0/2", "touch": "custom"},
        {"identity": "raw", "bots": "in"}, {"where": ('device_type == "mobile"',), "touch": "linear"},
        {"goal": "Message Clicked", "action": ("sent", "opened")}, {"range": "7d", "compare": "prev", "touch": "linear"},
    ],
    ids=str,
)  # fmt: skip
def test_people_and_sums(store, fields):
    asked = Attribution(**{"range": "all", "compare": "none", **fields})
    answer = store.ask(asked)
    rows, by = answer.frame.to_pylist(), answer.about["by"]
    assert rows[-1][by] == "(unattributed)"
    assert len(answer.people("unattributed")) == rows[-1]["buyers"]
    for row in rows[:-1]:
        if f"{by}={row[by]}" in answer.cells():
            assert len(answer.people(f"{by}={row[by]}")) == row["visitors"]
    for row in answer.parts["models"].to_pylist():
        people = answer.people(f"{by}={row['value']};model={row['model']}")
        assert len(people) == row["buyers"]
        assert row["buyers"] > 0 or row["model"] == "markov"
    figures = answer.figures
    for model in answer.about["models"]:
        if model != "any":
            assert sum(row[f"{model}_revenue"] for row in rows) == figures["revenue"]
            assert sum(row[f"{model}_conversions"] for row in rows) == pytest.approx(figures["conversions"], abs=1e-6)
    for row in answer.parts["models"].to_pylist():
        if row["share_low_rate"] is not None:
            assert 0 <= row["share_low_rate"] <= row["share_high_rate"] <= 1
            assert (row["revenue_low"] or 0) <= (row["revenue_high"] or 0)
    if asked.markov_order == 1 and asked.scope == "basket" and asked.goal == "Order Completed" and figures["conversions"]:
        shapley = [row for row in answer.parts["models"].to_pylist() if row["model"] == "shapley" and row["buyers"] > 5]
        assert shapley
        inside = [row["share_low_rate"] <= row["share_rate"] <= row["share_high_rate"] for row in shapley]
        assert all(inside)
    people = answer.people(answer.cells()[0])
    assert people.table().num_rows == len(people)
    for text in (answer.sentence("en"), answer.sentence("ko"), answer.to_json("ko")):
        assert "nan" not in text.lower()
    assert [note.say(lang) for note in answer.notes for lang in ("en", "ko")].count("") == 0


def test_the_period_before_stands_beside(store):
    now = store.ask(Attribution(range="7d", compare="prev", touch="linear"))
    first, last = now.about["compare"].split("..")
    before = store.ask(Attribution(range=f"{first}..{last}", compare="none", touch="linear"))
    old = {row["channel"]: row["revenue"] for row in before.frame.to_pylist()}
    for row in now.frame.to_pylist():
        assert row["previous_revenue"] == old.get(row["channel"], 0)
