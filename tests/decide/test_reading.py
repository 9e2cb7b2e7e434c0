"""What a rule sees of a live event equals what the store says of it later, field for field."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import afterclick
from afterclick.analyse.context import TOUCH_FIELDS
from afterclick.analyse.kpi import Kpi
from afterclick.analyse.scope import scope_of
from afterclick.analyse.segments.happening import Happening
from afterclick.analyse.segments.replay import happenings, setting_of
from afterclick.collect.wire.canonical import Canonical, content, encode
from afterclick.core import clock, names
from afterclick.decide import reading
from afterclick.decide.reading import EventReader
from afterclick.store.columns import Flag
from afterclick.store.definitions import Definitions
from afterclick.store.live.calls import TailCall
from afterclick.store.live.tail import Tail
from support import wire
from support.wire import NOW

MINUTE = 60_000_000
_PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""A store per example: looking for a smaller one would take minutes."""
AGENTS = (
    None, wire.CHROME, "Googlebot/2.1", "Mozilla/5.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605 Mobile KAKAOTALK 10.5",
)  # fmt: skip
URLS = (
    None, "https://shop.example/", "https://shop.example/products/knit-014?utm_source=naver&utm_medium=cpc&utm_campaign=a",
    "https://shop.example/cart?gclid=abc", "https://shop.example/?utm_source=kakao&utm_medium=message&ac_message=email.x",
    "/상품/1", "javascript:void(0)",
)  # fmt: skip
REFERRERS = (None, "https://search.naver.com/search.naver?query=x", "https://shop.example/a", "https://blog.example/1")
NAMES = (
    "Page Viewed", "view_item", "Product Added", "Order Completed", "Order Refunded", "Checkout Started", "Scrolled",
    "Message Opened", "Consent Updated", "Thing Done", "purchase", "회원가입", "Cart Viewed", "gtm line",
)  # fmt: skip
NUMBERS = st.one_of(
    st.integers(-3, 40_000), st.floats(0, 50_000, allow_nan=False).map(lambda x: round(x, 3)), st.sampled_from([0.1, 12.5])
)
AMOUNT = st.one_of(NUMBERS, st.sampled_from(["12,000", "19.995", "₩9,900", "none", "abc", "", "1e3", True, None]))
PROPERTIES = st.fixed_dictionaries(
    {},
    optional={
        "revenue": AMOUNT, "price": AMOUNT, "unit_price": AMOUNT, "quantity": st.one_of(AMOUNT, st.just(1.5)),
        "order_id": st.sampled_from(["o1", "o2 ", 17, ""]), "currency": st.sampled_from(["krw", "USD", "", None]),
        "products": st.lists(
            st.fixed_dictionaries({"price": NUMBERS}, optional={"qty": st.integers(0, 5), "name": st.text(max_size=3)}),
            max_size=3,
        ),
        "size": st.one_of(st.sampled_from(["L", "12"]), st.integers(0, 20), st.booleans(), st.just(12.0)),
        "rank": st.one_of(st.integers(0, 9), st.floats(0, 9, allow_nan=False), st.booleans()),
        "nested.a": st.sampled_from(["x", 4]),
        "nested": st.fixed_dictionaries({"a": st.integers(0, 3), "b": st.text(max_size=4), "c": st.just([1])}),
        "tags": st.just(["x"]), "channel": st.sampled_from(["mail", None]), "machine": st.sampled_from(["yes", "no"]),
        "product_id": st.sampled_from(["p1", "p2"]), "note": st.text(max_size=5), "value": AMOUNT,
    },
)  # fmt: skip


@st.composite
def sent(draw: st.DrawFn) -> Canonical:
    """An event as the wire leaves it."""
    kind = draw(st.sampled_from(["track"] * 6 + ["page", "identify", "screen", "group"]))
    raw = draw(st.sampled_from(NAMES)) if kind == "track" else draw(st.sampled_from([None, "Home"]))
    at = NOW + draw(st.integers(-60, 8)) * MINUTE
    return Canonical(
        event_id=f"e{draw(st.integers(0, 1 << 60))}",
        type=kind,
        event=names.canonical(raw or "", kind),
        raw_event=raw,
        anonymous_id=draw(st.sampled_from(["a1", "a2"])),
        user_id=draw(st.sampled_from([None, None, None, "u1"])),
        email=draw(st.sampled_from([None, None, "kim@shop.example"])),
        phone=draw(st.sampled_from([None, None, "010-1234-5678"])),
        url=draw(st.sampled_from(URLS)),
        referrer=draw(st.sampled_from(REFERRERS)),
        user_agent=draw(st.sampled_from(AGENTS)),
        properties=draw(PROPERTIES),
        occurred_at=at,
        received_at=NOW,
    )


def stored(folder: Path, events: Sequence[Canonical], **defined: object) -> dict[str, Happening]:
    """The same events out of a store, by replay, keyed by their ids."""
    with afterclick.open(folder, write=True, create=True) as shop:
        shop.define(own_domains=["shop.example"], **defined)
        tail = Tail.open(shop.store.path)
        try:
            bodies = [encode(event) for event in events]
            call = TailCall(NOW, "web", tuple(bodies), tuple(e.event_id for e in events), tuple(map(content, bodies)))
            tail.commit([call])
            with clock.held_at(NOW + 30 * MINUTE):
                context = shop.context()
                if not context.snapshot.rows:
                    return {}
                scope = scope_of(context, Kpi(range="all", bots="in", as_of=""))
                labels = np.unique(scope.labels.of(*_devices(context)))
                found = happenings(scope, labels[labels >= 0])
                rows = _ids(context, scope)
                assert setting_of(scope) == reading.setting_of(EventReader(shop.store.definitions), shop.store.definitions)
                pairs = ((rows.get(label, []), listed) for label, listed in found.items())
                return {key: one for keys, listed in pairs for key, one in zip(keys, listed, strict=True)}
        finally:
            tail.close()


def _devices(context) -> tuple[np.ndarray, np.ndarray]:
    device, at = context.column("device"), context.column("at")
    return device[device >= 0], at[device >= 0]


def _ids(context, scope) -> dict[int, list[str]]:
    """Event ids per visitor in the order of replay."""
    device, at = context.column("device"), context.column("at")
    rows = np.flatnonzero((device >= 0) & (at <= scope.as_of))
    owner = scope.labels.of(device[rows], at[rows])
    names = context.event_ids(rows)
    found: dict[int, list[tuple[int, str]]] = {}
    for label, instant, name in zip(owner.tolist(), at[rows].tolist(), names, strict=True):
        found.setdefault(label, []).append((instant, name))
    return {label: [name for _, name in sorted(pairs)] for label, pairs in found.items()}


def plain(one: Happening) -> Happening:
    """Without the fields of the visit's touch, which the state gives."""
    visit = {f"{before}{name}" for name in TOUCH_FIELDS for before in ("", "properties.")}
    return one._replace(fields={name: value for name, value in one.fields.items() if name not in visit})


def compare(folder: Path, events: Sequence[Canonical], **defined: object) -> int:
    """How many events are in the store; each read alike."""
    wanted = stored(folder, events, **defined)
    with afterclick.open(folder) as shop:
        reader = EventReader(shop.store.definitions)
    for event in events:
        reader.happening(event)
    last = max((one.at for one in wanted.values()), default=0)
    for event in events:
        found = reader.happening(event)
        if event.event_id not in wanted:
            assert found is None or found.at > last
            continue
        assert found is not None
        assert plain(found) == plain(wanted[event.event_id])
        assert (found.touch is reader.direct) == bool(wanted[event.event_id].touch == reader.direct)
    return len(wanted)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=_PHASES)
@given(st.lists(sent(), min_size=1, max_size=25, unique_by=lambda event: event.event_id))
def test_a_live_event_reads_as_replay_reads_it_from_the_store(tmp_path_factory, events: list[Canonical]) -> None:
    compare(tmp_path_factory.mktemp("store"), events)


def test_amounts_in_another_currency_are_worth_what_the_store_says(tmp_path) -> None:
    draw = random.Random(7)
    events = [
        Canonical(
            event_id=f"e{n}", type="track", event="Order Completed", raw_event="Order Completed", anonymous_id="a",
            properties={"revenue": draw.choice([10, 12.5, "1,200"]), "currency": "USD", "order_id": f"o{n}"},
            occurred_at=NOW - n * MINUTE, received_at=NOW,
        )
        for n in range(5)
    ]  # fmt: skip
    assert compare(tmp_path, events, currency="KRW", rates={"USD": [["2026-01-01", "1380.5"]]}) == 5
    with afterclick.open(tmp_path) as shop:
        first = EventReader(shop.store.definitions).happening(events[0])
    assert first is not None
    assert first.amount == round(float(first.fields["revenue"]) * 1380.5 * 10_000)


def test_stages_own_names_and_passive_events_of_a_store_are_heeded(tmp_path) -> None:
    stages = [{"name": name, "enter": [step]} for name, step in (("See", "*"), ("Want", "thing_done[properties.rank > 3]"),
                                                                ("Have", "Order Completed[revenue > 5]"))]  # fmt: skip
    events = [
        Canonical(event_id=f"e{n}", type="track", event=name, raw_event=name, anonymous_id="a", url=URLS[2],
                  properties={"rank": rank, "revenue": rank}, occurred_at=NOW - 9 * MINUTE, received_at=NOW)
        for n, (name, rank) in enumerate([("thing_done", 2), ("thing_done", 5), ("order_completed", 9), ("Pinged", 1)])
    ]  # fmt: skip
    assert compare(tmp_path, events, stages=stages, passive=["Pinged"], pages=[["/products/*", "Product"]]) == 4


def test_what_lies_deeper_counts_instead_of_an_earlier_one_of_its_name(tmp_path) -> None:
    said = [{"a.b": "x", "a": {"b": 5}}, {"a.b": 4}, {"c.d": "x", "c": {"d": "y"}}]
    events = [
        Canonical(event_id=f"e{n}", type="track", event="Thing Done", raw_event="Thing Done", anonymous_id="a",
                  properties=properties, occurred_at=NOW - (9 - n) * MINUTE, received_at=NOW)
        for n, properties in enumerate(said)
    ]  # fmt: skip
    assert compare(tmp_path, events) == 3
    reader = EventReader(Definitions())
    found = [reader.happening(event) for event in events]
    assert [one and one.value("a.b") for one in found] == [5, 4, None]
    assert reader.learnt["texts"] == ["c.d"]


@pytest.mark.parametrize("bad", [{"revenue": "abc"}, {"products": [{"price": True}]}, {"price": 9_000_000_000, "quantity": 99}])
def test_an_order_that_the_log_sets_aside_is_no_happening(tmp_path, bad: dict[str, object]) -> None:
    event = Canonical(
        event_id="e", type="track", event="Order Completed", raw_event="purchase", anonymous_id="a", properties=bad,
        occurred_at=NOW - MINUTE, received_at=NOW,
    )  # fmt: skip
    other = Canonical(event_id="f", type="page", event="Page Viewed", anonymous_id="a", occurred_at=NOW, received_at=NOW)
    assert compare(tmp_path, [event, other]) == 1
    with afterclick.open(tmp_path) as shop:
        assert EventReader(shop.store.definitions).happening(event) is None


def test_a_bot_is_flagged_as_the_store_flags_it() -> None:
    event = Canonical(
        event_id="e", type="page", event="Page Viewed", anonymous_id="a", user_agent="Googlebot/2.1", occurred_at=NOW,
        received_at=NOW,
    )  # fmt: skip
    found = EventReader(Definitions()).happening(event)
    assert found is not None
    assert found.flags & Flag.BOT

