"""A write key stands in every page: whoever says to be somebody else is told nothing of that person's basket or events."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import afterclick
from afterclick.act import page_tokens
from afterclick.act.secrets import Secrets
from afterclick.core import clock
from afterclick.store.automations import LiveRule, Show, Words
from support.served import Served, served

BASKET = "basket.value >= 20000"


def rule(name: str, title: str) -> LiveRule:
    return LiveRule(
        name=name, when=BASKET, once="visitor", state="on", show=Show(ttl="1d", words=(Words(title=title),)),
    )  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Served]:
    rules = [
        rule("tells", "{% for line in basket.lines %}{{ line.product_id }}{% endfor %}"),
        rule("tells nothing", "Free shipping today"),
    ]
    with afterclick.open(tmp_path / "shop", write=True, create=True) as made:
        made.define(rules=rules)
        page_tokens.key_of_store(Secrets(made.store.path))
    with served(tmp_path / "shop") as one:
        deadline = time.monotonic() + 60
        while not one.live.deciding.decider.ready:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield one


def track(shop: Served, number: int, event: str = "Page Viewed", **more: Any) -> None:
    told = {"type": "track", "event": event, "messageId": f"m{number}", **more}
    assert shop.send("/v1/track", told).json()["accepted"] == 1


def fill(shop: Served, number: int, **who: str) -> None:
    track(shop, number, **who)
    lipstick = {"product_id": "lipstick", "price": 25_000, "quantity": 1}
    track(shop, number + 1, "Product Added", properties=lipstick, **who)


def titles(shop: Served, **who: Any) -> set[str]:
    return {one["content"]["title"] for one in shop.send("/v1/decide", who).json()["decisions"]}


def test_who_claims_to_be_somebody_is_told_nothing_of_their_basket(shop: Served) -> None:
    fill(shop, 0, anonymousId="phone", userId="kim")
    assert titles(shop, anonymousId="phone") == {"lipstick", "Free shipping today"}
    track(shop, 5, anonymousId="stranger", userId="kim")
    assert titles(shop, anonymousId="stranger") == {"Free shipping today"}
    # The device by which the visitor came to be known goes on.
    assert titles(shop, anonymousId="phone") == {"lipstick", "Free shipping today"}


def test_a_known_user_is_told_on_an_only_device_and_with_a_token_on_every_one(shop: Served) -> None:
    track(shop, 0, "Signed Up", userId="kim")
    fill(shop, 1, anonymousId="phone", userId="kim")
    assert titles(shop, anonymousId="phone") == {"lipstick", "Free shipping today"}
    track(shop, 5, anonymousId="stranger", userId="kim")
    for device in ("stranger", "phone"):
        assert titles(shop, anonymousId=device) == {"Free shipping today"}
    until_s = clock.now() // 1_000_000 + 3600
    key = page_tokens.key_of_store(Secrets(shop.live.shop.store.path))
    token = page_tokens.token(key, "kim", until_s)
    assert titles(shop, anonymousId="phone", userId="kim", userToken=token) == {"lipstick", "Free shipping today"}
    assert titles(shop, anonymousId="phone", userId="kim", userToken=token[:-1] + "x") == {"Free shipping today"}


def test_a_token_proves_its_user_and_not_whom_the_device_was_said_to_be_of(shop: Served) -> None:
    fill(shop, 0, anonymousId="phone", userId="kim")
    track(shop, 4, anonymousId="stranger", userId="kim")
    until_s = clock.now() // 1_000_000 + 3600
    mine = page_tokens.token(page_tokens.key_of_store(Secrets(shop.live.shop.store.path)), "me", until_s)
    assert titles(shop, anonymousId="stranger", userId="me", userToken=mine) == {"Free shipping today"}
    track(shop, 5, userId="me")
    assert titles(shop, anonymousId="stranger", userId="me", userToken=mine) == set()
    assert titles(shop, anonymousId="phone", userId="me", userToken=mine) == set()
