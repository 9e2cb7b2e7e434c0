"""Raw event names and the canonical ones they are known by."""

from __future__ import annotations

import pytest

from afterclick.core import names


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("page_view", "Page Viewed"),
        ("page_viewed", "Page Viewed"),
        ("$pageview", "Page Viewed"),
        ("view_item", "Product Viewed"),
        ("product_viewed", "Product Viewed"),
        ("add_to_cart", "Product Added"),
        ("AddToCart", "Product Added"),
        ("product_added_to_cart", "Product Added"),
        ("begin_checkout", "Checkout Started"),
        ("checkout_started", "Checkout Started"),
        ("purchase", "Order Completed"),
        ("checkout_completed", "Order Completed"),
        ("order completed", "Order Completed"),
        ("refund", "Order Refunded"),
        ("sign_up", "Signed Up"),
        ("generate_lead", "Lead Submitted"),
        ("email_filled_on_popup", "Lead Submitted"),
        ("장바구니", "Product Added"),
        ("장바구니 담기", "Product Added"),
        ("구매완료", "Order Completed"),
        ("회원가입", "Signed Up"),
        ("Message Sent", "Message Sent"),
        ("ad_click", "Ad Clicked"),
        ("scroll", "Scrolled"),
    ],
)
def test_known_names_are_turned_into_the_canonical_one(raw: str, canonical: str) -> None:
    assert names.canonical(raw, "track") == canonical


@pytest.mark.parametrize("raw", ["Tuned Piano", "home", "MyEvent", "결제창열림", "cart"])
def test_unknown_names_stay_as_they_are(raw: str) -> None:
    assert names.canonical(raw, "track") == raw


def test_the_type_of_the_call_decides_before_the_name() -> None:
    assert names.canonical("/pricing", "page") == "Page Viewed"
    assert names.canonical("Home", "screen") == "Screen Viewed"
    assert names.canonical("", "identify") in names.SYSTEM_EVENTS


def test_every_canonical_name_is_its_own_canonical_name() -> None:
    every = names.CANONICAL_NAMES | names.SYSTEM_EVENTS | names.PASSIVE_EVENTS | names.PAGE_EVENTS
    assert {name for name in every if names.canonical(name) != name} == set()


def test_the_sets_do_not_overlap() -> None:
    assert not names.SYSTEM_EVENTS & names.PASSIVE_EVENTS
    assert not names.PAGE_EVENTS & (names.SYSTEM_EVENTS | names.PASSIVE_EVENTS)
