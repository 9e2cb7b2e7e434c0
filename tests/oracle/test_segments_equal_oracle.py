"""Rules over whole stores, event by event, and over plain lists: three ways, one answer, at every instant."""

from __future__ import annotations

import random
from decimal import Decimal

import numpy as np
import pytest

from afterclick.analyse.kpi import Kpi
from afterclick.analyse.rfm_scores import scores
from afterclick.analyse.scope import scope_of
from afterclick.analyse.segments.members import members_of
from afterclick.analyse.segments.replay import happenings, setting_of
from afterclick.analyse.segments.stream import Stream
from afterclick.core import rule as rules
from afterclick.core import spans
from support import naive_segments as naive
from support.shop import Shop, at

M, H, D = spans.MINUTE, spans.HOUR, spans.DAY
SOURCES = [("naver", "cpc"), ("google", "organic"), ("kakao", "message")]
START = at("0")


def random_rows(seed: int, visitors: int = 10) -> dict[str, list[dict]]:
    """Events per visitor on a grid of ten minutes, so that spans meet exactly; ids order equal instants."""
    draw = random.Random(seed)
    found: dict[str, list[dict]] = {}
    number = 0
    for visitor in range(visitors):
        rows, now = [], START + draw.randrange(0, 12) * 10 * M
        for _ in range(draw.randrange(1, 13)):
            now += draw.choice([0, 10 * M, 20 * M, 30 * M, 40 * M, 70 * M, 5 * H])
            name = draw.choice(
                ["Page Viewed", "Page Viewed", "A", "B", "C", "Product Added", "Product Removed", "Order Completed",
                 "Identified", "A"]
            )  # fmt: skip
            number += 1
            rows.append(one_row(draw, name, now, f"{draw.randrange(10**6):06d}-{number}"))
        found[f"v{visitor}"] = sorted(rows, key=lambda row: (row["at"], row["id"]))
    return found


def one_row(draw: random.Random, name: str, now: int, event_id: str) -> dict:
    row = {
        "at": now, "id": event_id, "event": name, "context": name == "Page Viewed", "touch": None, "campaign": "",
        "amount": None, "order": "", "user": draw.random() < 0.05, "p": {}, "page": name == "Page Viewed",
    }  # fmt: skip
    if name == "Page Viewed":
        row["touch"] = draw.choice([{"channel": "direct"}, *({"source": s, "medium": m} for s, m in SOURCES)])
        row["campaign"] = "/".join(row["touch"].values()) if "source" in row["touch"] else ""
    if name in ("A", "B", "C"):
        row["p"] = {"x": draw.choice([1.0, 2.5, 4.0]), "key": draw.choice(["k1", "k2", None])}
    if name.startswith("Product"):
        row["p"] = {"product_id": draw.choice(["p1", "p2"]), "price": draw.choice([10.0, 20.5]),
                    "quantity": draw.choice([None, 1.0, 2.0])}  # fmt: skip
    if name == "Order Completed":
        row["amount"], row["order"] = Decimal(draw.choice([100, 250])), f"o{event_id}"
    if name == "Identified":
        row["p"] = {"plan": draw.choice(["free", "gold"])}
    row["p"] = {key: value for key, value in row["p"].items() if value is not None}
    return row


def store_of(found: dict[str, list[dict]], folder):
    shop = Shop()
    for visitor, rows in found.items():
        for row in rows:
            more = dict(row["p"])
            if row["event"] == "Page Viewed":
                query = row["touch"]
                tagged = f"?utm_source={query['source']}&utm_medium={query['medium']}" if "source" in query else ""
                more["url"] = f"https://shop.example/{tagged}"
            if row["amount"] is not None:
                more |= {"revenue": row["amount"], "order_id": row["order"]}
            if row["event"] == "Identified":
                more["type"] = "identify"
            if row["user"]:
                more["user"] = f"user-{visitor}"
            shop.add(visitor, row["at"], row["event"], event_id=row["id"], **more)
    random.Random(1).shuffle(shop.events)
    return shop.open(folder)


def named(name):
    return lambda row: row["event"] == name


def touch(rows, which):
    """The channel of a session's touch; the rows know source and medium only."""
    channels = {"naver": "paid_search", "google": "organic_search", "kakao": "messenger"}
    found = naive.session_touches(naive.sessions(rows))
    known = [one for one in found if one is not None]
    picked = found[-1] if which == "session" else (known or [None])[0 if which == "first" else -1]
    return None if picked is None else picked.get("channel") or channels[picked["source"]]


a, b, c = named("A"), named("B"), named("C")
bought = named("Order Completed")


def heavy(row):
    return row["event"] == "A" and row["p"]["x"] >= 2.5


def behaved(rows):
    return [row for row in rows if row["event"] != "Identified"]


def amount(row):
    return row["amount"]


def is_gold(value):
    return value == "gold"


def gt(value, than):
    return value is not None and value > than


RULES = {
    'count("A", 1h) >= 2': lambda rows, t: naive.count(rows, t, a, H) >= 2,
    'count("A"[x >= 2.5]) == 1': lambda rows, t: naive.count(rows, t, heavy) == 1,
    'count("*" same key, 6h) >= 2': lambda rows, t: naive.count(behaved(rows), t, lambda row: True, 6 * H, "key") >= 2,
    '!performed("B", 40m)': lambda rows, t: naive.count(rows, t, b, 40 * M) == 0,
    'sum("A", x, 2h) > 3.5': lambda rows, t: naive.figure(rows, t, "sum", a, lambda r: r["p"]["x"], 2 * H) > 3.5,
    'sum("Order Completed", revenue) >= 250': lambda rows, t: naive.figure(rows, t, "sum", bought, amount) >= 250,
    'min("A", x) <= 1': lambda rows, t: (naive.figure(rows, t, "min", a, lambda r: r["p"]["x"]) or 9) <= 1,
    'max("A", x, 1h) > 2': lambda rows, t: gt(naive.figure(rows, t, "max", a, lambda r: r["p"]["x"], H), 2),
    'first("A", key) == "k1"': lambda rows, t: naive.figure(rows, t, "first", a, lambda r: r["p"].get("key")) == "k1",
    'last("A", key, 5h) != "k1"': lambda rows, t: naive.figure(rows, t, "last", a, lambda r: r["p"].get("key"), 5 * H) == "k2",
    'since("A") > 30m': lambda rows, t: gt(naive.since(rows, t, a), 30 * M),
    'since("A") <= 30m': lambda rows, t: naive.since(rows, t, a) is not None and naive.since(rows, t, a) <= 30 * M,
    'sequence("A" then "B" within 40m)': lambda rows, t: naive.sequence(rows, t, [a, b], 40 * M),
    'sequence("A" then "B" then "A")': lambda rows, t: naive.sequence(rows, t, [a, b, a]),
    'sequence("A" then "A" within 20m, 3h)': lambda rows, t: naive.sequence(rows, t, [a, a], 20 * M, recent=3 * H),
    'sequence("A" then "B" within 6h same key)': lambda rows, t: naive.sequence(rows, t, [a, b], 6 * H, "key"),
    'sequence("A" then not "B" within 40m)': lambda rows, t: naive.without(rows, t, a, b, 40 * M),
    'sequence("A" then not "A" within 1h, 6h)': lambda rows, t: naive.without(rows, t, a, a, H, recent=6 * H),
    'sequence("A" then not "B" within 40m same key)': lambda rows, t: naive.without(rows, t, a, b, 40 * M, "key"),
    'reached("A" then "B" then "C" within 6h) == 2': lambda rows, t: naive.reached(rows, [a, b, c], 6 * H) == 2,
    "visitor.sessions >= 2": lambda rows, t: len(naive.sessions(behaved(rows))) >= 2,
    "session.pages == 1": lambda rows, t: sum(r["page"] for r in naive.sessions(behaved(rows))[-1]) == 1,
    "session.events >= 3 || session.orders == 1": lambda rows, t: len(naive.sessions(behaved(rows))[-1]) >= 3
    or sum(map(bought, naive.sessions(behaved(rows))[-1])) == 1,
    "session.length >= 20m": lambda rows, t: length(naive.sessions(behaved(rows))[-1]) >= 20 * M,
    "visitor.pages >= 3": lambda rows, t: sum(r["page"] for r in rows) >= 3,
    "visitor.events == 4": lambda rows, t: len(behaved(rows)) == 4,
    "visitor.orders == 1 && visitor.revenue < 200": lambda rows, t: sum(map(bought, rows)) == 1
    and sum(r["amount"] or 0 for r in rows) < 200,
    "visitor.known": lambda rows, t: any(r["user"] for r in rows),
    'visitor.stage in ["Close", "Delight"]': lambda rows, t: any(
        r["event"] in ("Product Added", "Order Completed") for r in rows
    ),
    'session.channel == "direct"': lambda rows, t: touch(behaved(rows), "session") == "direct",
    'first_touch.channel == "messenger"': lambda rows, t: touch(behaved(rows), "first") == "messenger",
    'last_touch.channel == "paid_search"': lambda rows, t: touch(behaved(rows), "last") == "paid_search",
    "since(visitor.first_seen_at) > 1h": lambda rows, t: t - behaved(rows)[0]["at"] > H,
    "since(visitor.last_seen_at) >= 10m": lambda rows, t: t - behaved(rows)[-1]["at"] >= 10 * M,
    "since(visitor.last_order_at) < 5h": lambda rows, t: any(t - r["at"] < 5 * H for r in rows if bought(r)),
    "basket.value >= 30": lambda rows, t: naive.basket(rows, t)[0] >= 30,
    "basket.units == 2 || basket.lines == 2": lambda rows, t: 2 in naive.basket(rows, t)[1:3],
    "has(basket.abandoned_at)": lambda rows, t: naive.basket(rows, t)[4] is not None,
    "since(basket.changed_at) > 20m": lambda rows, t: gt(naive.basket(rows, t)[3] and t - naive.basket(rows, t)[3], 20 * M),
    'trait.plan == "gold"': lambda rows, t: naive.trait(rows, "plan") == "gold",
    'was(trait.plan == "gold", 1h) && trait.plan != "gold"': lambda rows, t: naive.was(rows, t, "plan", is_gold, H)
    and naive.trait(rows, "plan") == "free",
}  # fmt: skip


def length(session):
    own = [row["at"] for row in session if row["event"] != "Order Completed"]
    return max([session[0]["at"], *own]) - session[0]["at"]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_store_and_a_stream_equal_plain_lists_at_every_instant(seed: int, tmp_path) -> None:
    found = random_rows(seed)
    with store_of(found, tmp_path) as shop:
        scope = scope_of(shop.context(), Kpi(range="all"))
        label = labels(scope, found)
        told = happenings(scope, np.array(sorted(label.values())))
        moments = [when for when in instants(found, seed) if when <= scope.as_of]
        for text, plain in RULES.items():
            rule = rules.parse(text)
            assert rules.parse(rule.text) == rule
            members = members_of(scope, rule)
            for visitor, rows in found.items():
                stream, fed = Stream(rule, setting_of(scope)), 0
                for moment in moments:
                    so_far = [row for row in rows if row["at"] <= moment]
                    events = told[label[visitor]]
                    while fed < len(events) and events[fed].at <= moment:
                        stream.add(events[fed])
                        fed += 1
                    expected = bool(behaved(so_far)) and bool(plain(so_far, moment))
                    assert stream.holds(moment) == expected, (text, visitor, moment - START, "stream")
                    assert members.at(moment)[label[visitor]] == expected, (text, visitor, moment - START, "store")


def labels(scope, found) -> dict[str, int]:
    texts = scope.context.snapshot.book("id").all.to_pylist()
    return {visitor: int(scope.labels.label[texts.index(f"a:{visitor}")]) for visitor in found}


def instants(found, seed: int) -> list[int]:
    """Instants of events, and the moments before and after the spans the rules name are over."""
    draw = random.Random(seed)
    events = [row["at"] for rows in found.values() for row in rows]
    some = draw.sample(events, 14)
    later = [when + span + over for when in some[:5] for span in (30 * M, 40 * M, H) for over in (0, 1)]
    return sorted({when for when in [*some, *later] if when <= max(events)} | {max(events)})


def test_scores_equal_a_naive_count() -> None:
    draw = random.Random(4)
    for _ in range(40):
        values = np.array([draw.randrange(6) for _ in range(draw.randrange(1, 30))])
        assert scores(values).tolist() == naive.scores(values.tolist(), lambda one, other: one < other)
        assert scores(values, smaller_is_better=True).tolist() == naive.scores(
            values.tolist(), lambda one, other: one > other
        )
