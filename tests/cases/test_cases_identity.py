"""Section C, live: who is taken for whom when the ids come in through the collector, and how long that may take."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

import afterclick
from afterclick import Visitor
from afterclick.analyse.context import Context
from afterclick.core import clock
from afterclick.stitch.components import components
from afterclick.stitch.visitors import LINKED, Edges, resolve
from afterclick.store import current
from support.served import Served, served

BEGIN = clock.now() - 20 * 86_400_000_000
CAP = 50


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(current, "REFRESH_S", 0.0)
        with served(tmp_path_factory.mktemp("identity") / "shop") as one:
            yield one


def at(minute: float) -> str:
    return clock.iso(int(BEGIN + minute * 60_000_000))


def send(shop: Served, *events: Mapping[str, Any]) -> None:
    listed = list(events)
    for start in range(0, len(listed), 2_000):
        answer = shop.send("/v1/batch", {"batch": listed[start : start + 2_000]}).json()
        assert (answer["rejected"], answer["accepted"]) == (0, len(listed[start : start + 2_000]))


def page(minute: float, **ids: Any) -> dict[str, Any]:
    return {"type": "page", "name": "Home", "timestamp": at(minute), **ids}


def groups(shop: Served, prefix: str) -> set[frozenset[str]]:
    """Who is taken for one visitor, among ids with this prefix."""
    with afterclick.open(shop.live.shop.store.path) as reading:
        context = Context(reading.store.snapshot())
        labels = context.labels("stitched", context.as_of(""))
        found: dict[int, set[str]] = defaultdict(set)
        for code, name in enumerate(context.texts("id")):
            if name[2:].startswith(prefix):
                found[int(labels.label[code])].add(name)
    return {frozenset(group) for group in found.values()}


def history(shop: Served, visitor: str) -> list[tuple[str, int]]:
    """What a visitor did: names and instants."""
    found = shop.live.shop.ask(Visitor(id=visitor, range="all", compare="none"))
    return [(row["event"], row["at"]) for row in found.parts["events"].to_pylist()]


def test_case_49_a_kiosk_of_a_thousand_ids_stops_at_the_cap_and_is_told(shop: Served) -> None:
    send(
        shop,
        *(
            {"type": "identify", "userId": "kiosk-user", "anonymousId": f"kiosk-{i:04d}", "timestamp": at(i)}
            for i in range(1_000)
        ),
    )
    found = groups(shop, "kiosk")
    assert max(map(len, found)) == CAP
    assert sorted(map(len, found))[:-1] == [1] * (1_001 - CAP), "whoever came later stays a visitor alone"
    (merged,) = (group for group in found if len(group) == CAP)
    assert merged == {"u:kiosk-user", *(f"a:kiosk-{i:04d}" for i in range(CAP - 1))}, "the first who came, by date"
    checks = {row["check"]: row for row in shop.live.shop.doctor().frame.to_pylist()}
    assert checks["shared_ids"]["count"] >= 1_001 - CAP
    # Constant work per event: the next thousand cost about what the first did.
    took = []
    for turn in range(2):
        begun = time.perf_counter()
        send(
            shop,
            *(
                {"type": "identify", "userId": "kiosk-user", "anonymousId": f"kiosk-{turn}-more{i}", "timestamp": at(i)}
                for i in range(1_000)
            ),
        )
        took.append(time.perf_counter() - begun)
    assert took[1] < 5 * took[0] + 0.5


def test_case_50_a_thousand_users_of_one_device_are_told_apart_by_who_was_logged_in(shop: Served) -> None:
    send(
        shop,
        *(page(4 * i, anonymousId="desk-pc", userId=f"desk-u{i:04d}") for i in range(1_000)),
        *(page(4 * i + 2, anonymousId="desk-pc") for i in range(1_000)),
    )
    found = groups(shop, "desk-u")
    assert len(found) == 1_000, "users never merge"
    # What nobody signed belongs to whoever had logged in last.
    for number in (0, 500, 999):
        assert len(history(shop, f"u:desk-u{number:04d}")) == 2


def test_case_51_an_alias_of_oneself_a_ring_and_a_long_chain_end(shop: Served) -> None:
    ring = [f"ring-{i}" for i in range(5)]
    aliases = [
        {"type": "alias", "previousId": "self-1", "userId": "self-1", "timestamp": at(1)},
        *(
            {"type": "alias", "previousId": one, "userId": other, "timestamp": at(i)}
            for i, (one, other) in enumerate(zip(ring, [*ring[1:], ring[0]], strict=True))
        ),
        *({"type": "alias", "previousId": f"chain-{i}", "userId": f"chain-{i + 1}", "timestamp": at(i)} for i in range(2_000)),
    ]
    send(shop, *aliases)
    once = [groups(shop, prefix) for prefix in ("self-", "ring-", "chain-")]
    assert once[0] == {frozenset({"u:self-1"})}
    assert all(sum(name.startswith("u:") for name in group) <= 1 for group in once[1] | once[2]), "users never merge"
    assert max(map(len, once[2])) <= CAP
    send(shop, *({**alias, "messageId": f"again-{i}"} for i, alias in enumerate(aliases[::-1])))
    assert [groups(shop, prefix) for prefix in ("self-", "ring-", "chain-")] == once, "again changes nothing"
    # By hand a chain of any length holds together up to the cap, without recursion.
    size = 100_000
    ids = [f"a:{i:06d}" for i in range(size)]
    line = np.arange(size - 1, dtype=np.int32)
    edges = Edges(line, line + 1, np.zeros(size - 1, np.int64), np.full(size - 1, LINKED, np.int8))
    whole = resolve(size, edges, ids, as_of=1, cap=size)
    assert not whole.label.any()
    capped = resolve(size, edges, ids, as_of=1, cap=CAP)
    assert np.bincount(capped.label, minlength=size).max() == CAP


def test_case_52_a_million_links_in_any_order_are_one_partition_at_n_log_n() -> None:
    took, size = {}, 1_000_000
    for count in (250_000, 1_000_000):
        rng = np.random.default_rng(count)
        a, b = (rng.integers(size, size=count, dtype=np.int32) for _ in range(2))
        order = rng.permutation(count)
        begun = time.process_time()
        first = components(size, a, b)
        took[count] = time.process_time() - begun
        assert np.array_equal(components(size, b[order], a[order]), first)
        assert np.array_equal(first[a], first[b])
        assert (first <= np.arange(size)).all()
    assert took[1_000_000] < 16 * took[250_000] + 0.5


def test_case_52_links_that_a_guard_bites_are_one_partition_in_any_order() -> None:
    chance = random.Random(52)
    ids = [*(f"a:{i}" for i in range(300)), *(f"u:{i}" for i in range(40))]
    pairs = [(chance.randrange(len(ids)), chance.randrange(len(ids)), chance.randrange(60)) for _ in range(900)]
    wanted = None
    for _ in range(6):
        chance.shuffle(pairs)
        a, b, when = (np.array(column) for column in zip(*pairs, strict=True))
        edges = Edges(a.astype(np.int32), b.astype(np.int32), when.astype(np.int64), np.zeros(len(a), np.int8))
        found = resolve(len(ids), edges, ids, as_of=100, cap=7)
        label = found.of(np.arange(len(ids), dtype=np.int32), np.full(len(ids), 100))
        wanted = label if wanted is None else wanted
        assert np.array_equal(label, wanted)
        assert found.refused


@pytest.mark.parametrize("first", ["identify", "events"])
def test_case_54_who_somebody_is_may_be_said_before_or_after_what_they_did(shop: Served, first: str) -> None:
    """The instants are those of the events, whatever came first over the wire."""
    visits = [page(10 * i, anonymousId=f"said-{first}") for i in range(4)]
    said = {"type": "identify", "userId": f"said-u{first}", "anonymousId": f"said-{first}", "timestamp": at(15)}
    send(shop, *([said, *visits] if first == "identify" else [*visits, said]))
    mine = [group for group in groups(shop, "said-") if f"a:said-{first}" in group]
    assert mine == [frozenset({f"a:said-{first}", f"u:said-u{first}"})]
    assert [name for name, _ in history(shop, f"u:said-u{first}")].count("Page Viewed") == 4


def test_case_54_one_who_did_nothing_before_is_a_visitor_all_the_same(shop: Served) -> None:
    send(shop, {"type": "identify", "userId": "only-u1", "anonymousId": "only-a1", "timestamp": at(1)})
    assert groups(shop, "only-") == {frozenset({"u:only-u1", "a:only-a1"})}
    assert history(shop, "u:only-u1") == history(shop, "a:only-a1")


def test_case_55_taking_a_link_back_is_never_having_linked(shop: Served) -> None:
    send(shop, *(page(i, anonymousId=f"back-{i % 2}") for i in range(6)))
    before = groups(shop, "back-"), history(shop, "a:back-0"), history(shop, "a:back-1")
    shop.live.shop.link("a:back-0", "a:back-1")
    assert groups(shop, "back-") == {frozenset({"a:back-0", "a:back-1"})}
    assert len(history(shop, "a:back-0")) == len(before[1]) + len(before[2])
    shop.live.shop.unlink("a:back-0", "a:back-1")
    assert (groups(shop, "back-"), history(shop, "a:back-0"), history(shop, "a:back-1")) == before


MAILS = {
    "Kim@Mail-Shop.example": "kim@mail-shop.example",
    "  kim@mail-shop.example\t": "kim@mail-shop.example",
    "kim+tag@mail-shop.example": "kim+tag@mail-shop.example",
    "k.im@mail-shop.example": "k.im@mail-shop.example",
    "kіm@mail-shop.example": "kіm@mail-shop.example",
    "KIM@메일.example": "kim@메일.example",
}
"""As it came, and as it links; the і of the fifth is Cyrillic."""


def test_case_56_addresses_are_trimmed_and_lower_cased_and_nothing_else(shop: Served) -> None:
    send(
        shop,
        *(
            {"type": "identify", "anonymousId": f"mail-{i}", "traits": {"email": mail}, "timestamp": at(i)}
            for i, mail in enumerate(MAILS)
        ),
    )
    with afterclick.open(shop.live.shop.store.path) as reading:
        known = set(Context(reading.store.snapshot()).texts("id"))
    assert {f"e:{mail}" for mail in MAILS.values()} <= known
    assert not {f"e:{mail}" for mail in MAILS.keys() - MAILS.values()} & known
    together = [{name for name in group if name.startswith("a:")} for group in groups(shop, "mail-")]
    assert {frozenset(group) for group in together} == {
        frozenset({"a:mail-0", "a:mail-1"}), *(frozenset({f"a:mail-{i}"}) for i in range(2, 6)),
    }  # fmt: skip
