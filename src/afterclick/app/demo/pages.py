"""The pages of the example shop, as codes with an address, a title and a kind."""

from __future__ import annotations

from urllib.parse import quote

from afterclick.app.demo.catalogue import (
    CATEGORIES,
    COLOURS,
    PRODUCT_IDS,
    PRODUCT_NAMES,
    PRODUCTS,
    WORDS,
)
from afterclick.app.demo.shop import HOST, SHOP_NAME

PLAIN, LISTING, SEARCHING, PRODUCT = range(4)
"""Kinds of page: no event of its own, a category list, a search, a product."""

_FIXED = (
    ("/", SHOP_NAME),
    ("/login", f"로그인 | {SHOP_NAME}"),
    ("/cart", f"장바구니 | {SHOP_NAME}"),
    ("/checkout", f"주문서 작성 | {SHOP_NAME}"),
    ("/checkout/shipping", f"배송지 입력 | {SHOP_NAME}"),
    ("/checkout/payment", f"결제 | {SHOP_NAME}"),
    ("/checkout/shipping-fee", f"배송비 3,500원이 추가됩니다 | {SHOP_NAME}"),
    ("/order/complete", f"주문이 완료되었습니다 | {SHOP_NAME}"),
    ("/event/welcome", f"첫 구매 5,000원 할인 | {SHOP_NAME}"),
    ("/event/lookbook", f"가을 룩북 | {SHOP_NAME}"),
    ("/event/autumn", f"가을 세일 최대 50% | {SHOP_NAME}"),
    ("/event/autumn/knit", f"가을 세일 니트 모음 | {SHOP_NAME}"),
    ("/event/autumn/outer", f"가을 세일 아우터 모음 | {SHOP_NAME}"),
)
MESSAGES = (
    "이번 주 신상품이 도착했어요",
    "장바구니에 담아 둔 상품이 기다려요",
    "가을 니트 모음전",
    "회원님께 드리는 쿠폰",
)
"""Subjects of messages; their titles stand behind those of the pages."""
MESSAGE_TITLES = len(MESSAGES)
(HOME, LOGIN, CART, CHECKOUT, SHIPPING, PAYMENT, FEE, COMPLETE, WELCOME, LOOKBOOK, AUTUMN) = range(11)
LIST_0 = len(_FIXED)
SEARCH_0 = LIST_0 + len(CATEGORIES)
PRODUCT_0 = SEARCH_0 + len(WORDS)
COLOUR_0 = PRODUCT_0 + PRODUCTS


def kind_of(page: int) -> int:
    """The kind of a page, from its code."""
    if page < 0 or page >= PRODUCT_0:
        return PRODUCT
    if page >= SEARCH_0:
        return SEARCHING
    return LISTING if page >= LIST_0 else PLAIN


def pages() -> tuple[list[str], list[str]]:
    """Addresses and titles of all pages, in the order of their codes."""
    paths = [path for path, _ in _FIXED]
    titles = [title for _, title in _FIXED]
    for category in CATEGORIES:
        paths.append(f"/category/{category.key}")
        titles.append(f"{category.noun} | {SHOP_NAME}")
    for word in WORDS:
        paths.append(f"/search?q={quote(word)}")
        titles.append(f"'{word}' 검색 결과 | {SHOP_NAME}")
    names = [f"{name} | {SHOP_NAME}" for name in PRODUCT_NAMES]
    paths += [f"/products/{product}" for product in PRODUCT_IDS]
    paths += [f"/products/{product}?color={colour}" for product in PRODUCT_IDS for colour in COLOURS]
    titles += names + [name for name in names for _ in COLOURS]
    return [HOST + path for path in paths], titles
