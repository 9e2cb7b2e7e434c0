"""Stores of a few visitors with all that live rules ask about: imported, told by the wire, late, on one device or several."""

from __future__ import annotations

import random
from pathlib import Path

from msgspec import structs

import afterclick
from afterclick.collect.wire.canonical import Canonical, content, encode
from afterclick.core import names, spans
from afterclick.core.event import Event
from afterclick.store.automations import LiveRule, Show
from afterclick.store.live.calls import TailCall
from afterclick.store.live.tail import Tail

START = 1_790_000_000_000_000
M, H, D = spans.MINUTE, spans.HOUR, spans.DAY
STEPS = (0, M, 10 * M, 20 * M, 30 * M, 30 * M + 1, 40 * M, 70 * M, 5 * H, 26 * H)
URLS = (
    "https://shop.example/", "https://shop.example/cart", "https://shop.example/a?utm_source=naver&utm_medium=cpc&utm_campaign=x",
    "https://shop.example/b?gclid=1", None,
)  # fmt: skip
REFERRERS = (None, "https://search.naver.com/search.naver?query=x", "https://shop.example/a", "https://blog.example/1")
NAMES = ("Page Viewed",) * 4 + ("A",) * 4 + ("B", "C", "Product Added", "Product Added", "Product Removed", "Order Completed",
         "Order Refunded", "identify")  # fmt: skip


def event(draw: random.Random, at: int, number: int, visitor: str, several: bool) -> Event:
    """One event of a visitor; of some visitors it may come from a second device, or name a user."""
    name = draw.choice(NAMES)
    properties: dict[str, object] = {}
    more: dict[str, object] = {}
    if name in ("A", "B", "C"):
        properties = {"x": draw.choice([1.0, 2.5, 4.0]), "key": draw.choice(["k1", "k2"])}
    if name.startswith("Product"):
        properties = {"product_id": draw.choice(["p1", "p2"]), "price": draw.choice([10.0, 20.5])}
        if draw.random() < 0.6:
            properties["quantity"] = draw.choice([1.0, 2.0, 0.0])
    if name.startswith("Order"):
        more = {"amount": draw.choice([100, 250]) * 10_000, "order_id": draw.choice([None, "o1", f"o{number}"])}
    if name == "Page Viewed":
        more = {"url": draw.choice(URLS), "referrer": draw.choice(REFERRERS)}
    device = visitor if not several or draw.random() < 0.6 else f"{visitor}-2"
    user = None
    if name == "identify" or (several and draw.random() < 0.3):
        user = f"u-{visitor}" if draw.random() < 0.8 or not several else f"v-{visitor}"
    kind = "identify" if name == "identify" else "page" if name == "Page Viewed" else "track"
    return Event(
        event_id=f"{visitor}-{draw.randrange(1 << 40)}", type=kind,
        event=names.canonical("" if kind != "track" else name, kind),
        raw_event=name if kind == "track" else None, occurred_at=at, anonymous_id=device, user_id=user, properties=properties,
        **more,  # type: ignore[arg-type]
    )  # fmt: skip


def history(seed: int, visitors: int = 12, events: int = 30) -> list[list[Event]]:
    """Per visitor what happened, in order; every fourth visitor has several ids."""
    draw = random.Random(seed)
    found = []
    for number in range(visitors):
        now, told = START + draw.randrange(24) * H, []
        for place in range(draw.randint(1, events)):
            now += draw.choice(STEPS)
            told.append(event(draw, now, place, f"v{number}", several=number % 4 == 3))
        found.append(told)
    return found


def store_of(folder: Path, told: list[Event], live: float = 0.0, seed: int = 0, **defined: object) -> afterclick.Workspace:
    """A store of these events, of which a share came by the wire: at once, late, or with a clock that goes wrong."""
    draw = random.Random(seed)
    wired = [one for one in told if draw.random() < live]
    kept = {id(one) for one in wired}
    shop = afterclick.open(folder, write=True, create=True)
    shop.define(own_domains=["shop.example"], currency="KRW", **defined)
    if len(wired) < len(told):
        shop.append([one for one in told if id(one) not in kept])
    if wired:
        _tell(shop, wired, draw)
    return shop


def _tell(shop: afterclick.Workspace, told: list[Event], draw: random.Random) -> None:
    calls: dict[int, list[Canonical]] = {}
    for one in told:
        arrival = one.occurred_at + draw.choice((0, 0, 1_000_000, 2 * M, 10 * M, 3 * H, -M, -20 * M))
        calls.setdefault(arrival // (5 * M) * 5 * M + 5 * M, []).append(_wired(one, arrival))
    tail = Tail.open(shop.store.path)
    try:
        for at in sorted(calls):
            events = [structs.replace(event, received_at=at) for event in calls[at]]
            bodies = [encode(event) for event in events]
            tail.commit([TailCall(at, "web", tuple(bodies), tuple(e.event_id for e in events), tuple(map(content, bodies)))])
    finally:
        tail.close()


def _wired(one: Event, received_at: int) -> Canonical:
    properties = dict(one.properties)
    if one.amount is not None:
        properties["revenue"] = one.amount / 10_000
    if one.order_id is not None:
        properties["order_id"] = one.order_id
    return Canonical(
        event_id=one.event_id, type=one.type, event=one.event, raw_event=one.raw_event, anonymous_id=one.anonymous_id,
        user_id=one.user_id, url=one.url, referrer=one.referrer, properties=properties, occurred_at=one.occurred_at,
        received_at=received_at,
    )  # fmt: skip


LEAVES = (
    'count("A", 1h) >= 2', 'count("A", 1h) < 1', 'count("A", 6h) in [1, 3]', 'count("A"[x >= 2.5]) >= 2',
    'count("*") != 4', 'sum("A", x, 2h) > 3.5', 'sum("A", x, 2h) <= 2.5', 'sum("Order Completed", revenue) >= 250',
    'since("A") > 30m', 'since("A") <= 30m', 'since("A") == 20m', 'since("A") != 40m',
    "since(visitor.last_seen_at) >= 10m", "since(visitor.first_seen_at) > 1h", "since(basket.abandoned_at) > 2h",
    "has(basket.abandoned_at)", 'reached("A" then "B" then "C" within 6h) >= 2', "visitor.sessions == 1",
    "visitor.sessions >= 2", "session.pages >= 2", "session.length >= 20m", "session.orders == 1", "visitor.events > 6",
    "visitor.revenue >= 250", "visitor.revenue < 200", "visitor.orders == 1", 'session.channel == "direct"',
    'session.channel != "organic_search"', 'last_touch.source == "naver"', 'first_touch.medium.contains("cp")',
    "session.paid", "session.portal == false", "basket.value >= 30", "basket.value == 20.5", "basket.units == 2",
    "basket.lines > 1", 'sequence("A" then "B" within 40m)', 'sequence("A" then "A" within 20m, 3h)',
    'sequence("A" then not "B" within 40m)', 'sequence("A" then not "A" within 1h, 6h)', "visitor.known",
    "has(visitor.last_order_at)", 'performed("C")', "true",
)  # fmt: skip
"""Comparisons that the tape knows."""
OTHERS = (
    'count("*" same key, 6h) >= 2', 'min("A", x, 3h) <= 1', 'first("A", key) == "k1"', 'visitor.stage == "Close"',
    'sequence("A" then "B" within 6h same key)', 'count("A"[channel == "direct"]) >= 1', "trait.plan == 1",
)  # fmt: skip
"""Comparisons that it does not."""


def condition(draw: random.Random, leaves: tuple[str, ...] = LEAVES, depth: int = 2) -> str:
    """A condition of a few leaves."""
    kind = draw.random()
    if depth == 0 or kind < 0.4:
        return draw.choice(leaves)
    parts = [condition(draw, leaves, depth - 1) for _ in range(draw.choice((2, 2, 3)))]
    return f"!({parts[0]})" if kind > 0.9 else f"({(' && ' if kind < 0.65 else ' || ').join(parts)})"


def some_rules(seed: int, most: int = 8, leaves: tuple[str, ...] = LEAVES) -> list[LiveRule]:
    """Rules of every kind that fires: by edges, by time, at events, in groups, with cooldowns."""
    draw = random.Random(seed)
    return [
        LiveRule(
            name=f"r{number}", when=condition(draw, leaves),
            once=draw.choice(["session", "visitor", "ever", "1h", "2d", "1ms"]),
            on=draw.choice([(), (), ("A",), ("*",), ("Order Completed", "B")]), group=draw.choice(["", "", "g", "h"]),
            cooldown=draw.choice(["", "", "1h"]), priority=draw.choice([0, 1]), show=Show(),
        )
        for number in range(draw.randint(1, most))
    ]  # fmt: skip
