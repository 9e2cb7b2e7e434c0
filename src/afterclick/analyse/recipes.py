"""The action that is recommended for a barrier: a name, whose words stand in the catalogue under `recipe`."""

from __future__ import annotations

import re
from typing import Final

_BY_NAME: Final = (
    ("check_discount_field", r"coupon|discount|promo|voucher|쿠폰|할인"),
    ("show_shipping_early", r"shipping|delivery|freight|fee|배송"),
    ("offer_more_ways_to_pay", r"payment|\bpay\b|card|결제"),
    ("let_guests_buy", r"log-?in|sign-?(up|in)|register|account|password|로그인|회원가입"),
    ("restock_or_remind", r"out.?of.?stock|sold.?out|unavailable|품절"),
    ("improve_search", r"search|no.?results|검색"),
)
_BY_KIND: Final = {
    "slow": "speed_up_page", "landing": "test_landing_page", "error": "repair_error", "retry": "repair_error",
    "loop": "answer_on_page", "touchpoint": "simplify_step", "field": "repair_error",
    "segment": "try_it_there",
}  # fmt: skip
RECIPES: Final = (*(name for name, _ in _BY_NAME), *dict.fromkeys(_BY_KIND.values()))


def recipe_of(kind: str, name: str) -> str:
    """The id of the recipe for a barrier of this kind and name."""
    if kind in ("slow", "landing", "segment"):
        return _BY_KIND[kind]
    spoken = re.sub(r"(?<=[a-z])(?=[A-Z])|[_/]", " ", name).lower()
    for recipe, words in _BY_NAME:
        if re.search(words, spoken):
            return recipe
    return _BY_KIND.get(kind, "simplify_step")
