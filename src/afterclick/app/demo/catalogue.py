"""What the example shop sells, the words people search it with, and the coupons it gives out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Category:
    """A category: `low` and `high` are its prices in won, `weight` its share of interest."""

    key: str
    noun: str
    low: int
    high: int
    weight: float
    words: tuple[str, ...]


CATEGORIES = (
    Category(key="knit", noun="니트", low=35_900, high=79_000, weight=0.20,
             words=("니트", "가을 니트", "라운드 니트", "가디건", "캐시미어 니트", "오버핏 니트")),
    Category(key="outer", noun="자켓", low=69_000, high=149_000, weight=0.15,
             words=("자켓", "트렌치코트", "가을 아우터", "블레이저", "경량 패딩", "울 코트")),
    Category(key="dress", noun="원피스", low=45_000, high=98_000, weight=0.13,
             words=("원피스", "가을 원피스", "셔츠 원피스", "하객룩", "롱 원피스", "니트 원피스")),
    Category(key="shoes", noun="로퍼", low=49_000, high=109_000, weight=0.13,
             words=("로퍼", "여성 로퍼", "앵클부츠", "단화", "스니커즈", "플랫슈즈")),
    Category(key="bag", noun="가방", low=45_000, high=119_000, weight=0.10,
             words=("가방", "숄더백", "크로스백", "미니백", "토트백", "에코백")),
    Category(key="bottom", noun="팬츠", low=32_900, high=69_000, weight=0.15,
             words=("와이드 팬츠", "슬랙스", "청바지", "데님 팬츠", "롱 스커트", "코듀로이 팬츠")),
    Category(key="top", noun="셔츠", low=25_900, high=59_000, weight=0.09,
             words=("셔츠", "블라우스", "스트라이프 셔츠", "긴팔 티셔츠", "맨투맨", "옥스퍼드 셔츠")),
    Category(key="acc", noun="머플러", low=15_900, high=45_000, weight=0.05,
             words=("머플러", "스카프", "귀걸이", "벨트", "볼캡", "양말 세트")),
)  # fmt: skip

SLOW_CATEGORY = 3
"""The category whose product pages load slowly where that barrier is on: shoes, whose prices are near the
average.
"""

PER_CATEGORY = 40
PRODUCTS = PER_CATEGORY * len(CATEGORIES)
COLOURS = ("ivory", "black", "camel")
WORDS_PER_CATEGORY = 6
MAX_QUANTITY = 3
MAX_LINES = 4

_ADJECTIVES = (
    "소프트",
    "클래식",
    "데일리",
    "울 블렌드",
    "오버핏",
    "크롭",
    "슬림",
    "빈티지",
    "에센셜",
    "프리미엄",
)
_MAKES = ("라운드", "브이넥", "스트라이프", "코튼")

PRODUCT_IDS = tuple(f"{c.key}-{n + 1:03d}" for c in CATEGORIES for n in range(PER_CATEGORY))
PRODUCT_NAMES = tuple(
    f"{_ADJECTIVES[n % len(_ADJECTIVES)]} {_MAKES[n // len(_ADJECTIVES)]} {c.noun}"
    for c in CATEGORIES
    for n in range(PER_CATEGORY)
)
WORDS = tuple(word for c in CATEGORIES for word in c.words)
CATEGORY_KEYS = tuple(c.key for c in CATEGORIES)
CATEGORY_WEIGHTS = tuple(c.weight for c in CATEGORIES)


def _prices() -> NDArray[np.int64]:
    # A fixed shuffle within each category, so that the popular products are neither all cheap nor all dear.
    rank = (np.arange(PER_CATEGORY) * 17) % PER_CATEGORY / (PER_CATEGORY - 1)
    steps = [c.low + rank * (c.high - c.low) for c in CATEGORIES]
    return (np.concatenate(steps) // 1000 * 1000 + 900).astype(np.int64)


PRICES = _prices()
"""Price of each product in won."""


@dataclass(frozen=True, kw_only=True)
class Coupon:
    """A code that takes a fixed amount in won or a share off the basket."""

    code: str
    amount: int = 0
    rate: float = 0.0


COUPONS = (
    Coupon(code="WELCOME5000", amount=5_000),
    Coupon(code="KAKAO3000", amount=3_000),
    Coupon(code="AUTUMN10", rate=0.10),
)
COUPON_CODES = tuple(coupon.code for coupon in COUPONS)
_AMOUNTS = np.array([coupon.amount for coupon in COUPONS] + [0], dtype=np.int64)
_RATES = np.array([coupon.rate for coupon in COUPONS] + [0.0])


def discounts(coupon: NDArray[Any], subtotal: NDArray[np.int64]) -> NDArray[np.int64]:
    """What a coupon (its place in `COUPONS`, -1 for none) takes off a subtotal, both in won.

    The fixed amount, or the share rounded down to 10 won; never more than the subtotal.
    """
    share = (subtotal * _RATES[coupon]).astype(np.int64) // 10 * 10
    taken: NDArray[np.int64] = np.minimum(_AMOUNTS[coupon] + share, subtotal)
    return taken


def discount(code: str | None, subtotal: int) -> int:
    """The discount of one order in won: `revenue` = Σ price × quantity − discount; shipping is not in
    `revenue`.
    """
    known = -1 if code is None else COUPON_CODES.index(code)
    return int(discounts(np.array([known]), np.array([subtotal], dtype=np.int64))[0])


LINE_BITS = np.uint64(16)
_QUANTITY_BITS = np.uint64(4)
_LINE_MASK = np.uint64(0xFFFF)
_QUANTITY_MASK = np.uint64(0xF)


def pack(product: NDArray[Any], quantity: NDArray[Any]) -> NDArray[np.uint64]:
    """Baskets (n, `MAX_LINES`) as one number each: 12 bits of product and 4 of quantity per line, 0 = no
    line.
    """
    line = np.where(quantity > 0, (product.astype(np.int64) << 4) | quantity, 0).astype(np.uint64)
    packed = np.zeros(len(line), dtype=np.uint64)
    for k in range(MAX_LINES):
        packed |= line[:, k] << (LINE_BITS * np.uint64(k))
    return packed


def unpack(packed: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Products and quantities (n, `MAX_LINES`) of packed baskets; quantity 0 = no line."""
    shifts = LINE_BITS * np.arange(MAX_LINES, dtype=np.uint64)
    line = (packed[:, None] >> shifts) & _LINE_MASK
    return (line >> _QUANTITY_BITS).astype(np.int64), (line & _QUANTITY_MASK).astype(np.int64)


def subtotals(packed: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Σ price × quantity of packed baskets, in won."""
    product, quantity = unpack(packed)
    total: NDArray[np.int64] = (PRICES[product] * quantity).sum(axis=1)
    return total
