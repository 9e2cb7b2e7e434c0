"""Where visits of the example shop come from: how often, how keen, and with which habits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from afterclick.app.demo.catalogue import CATEGORY_WEIGHTS, SLOW_CATEGORY
from afterclick.app.demo.draws import choice_table

PRIMARY, SECOND, KAKAO_APP, NAVER_APP, INSTAGRAM_APP, FACEBOOK_APP, OWN_APP = range(7)
"""Places a person's events come from; each has its own anonymous id: the first browser, the second device,
the browser inside another app, the shop's own app.
"""
DEVICES = 7


@dataclass(frozen=True, kw_only=True)
class Source:
    """One source of visits.

    `first`, `again` and `member` weigh it for first visits, later visits of anonymous visitors and later
    visits of members; `intent` and `stay` shift the log-odds of buying and of not bouncing; `shoes`
    multiplies the interest in the slow category; `coupon_rate` is the share of checkouts with a code in hand,
    `coupon` which one; `inside` is the app whose built-in browser opens the visit, `inside_rate` how often.
    """

    key: str
    first: float
    again: float
    member: float
    intent: float = 0.0
    stay: float = 0.0
    shoes: float = 1.0
    coupon_rate: float = 0.18
    coupon: int = 0
    inside: int = PRIMARY
    inside_rate: float = 0.0


SOURCES = (
    Source(key="direct", first=9, again=30, member=27, intent=0.30, stay=0.25),
    Source(key="naver_ads", first=15, again=9, member=6, intent=0.35, stay=0.10,
           inside=NAVER_APP, inside_rate=0.25),
    Source(key="naver_organic", first=14, again=11, member=7, intent=0.20,
           inside=NAVER_APP, inside_rate=0.30),
    Source(key="naver_shopping", first=5, again=4, member=3, intent=0.30, shoes=1.3),
    Source(key="naver_blog", first=5, again=2, member=1, intent=-0.05, inside=NAVER_APP, inside_rate=0.35),
    Source(key="google_ads", first=8, again=5, member=3, intent=0.20),
    Source(key="google_organic", first=8, again=7, member=5, intent=0.10),
    Source(key="autumn_ads", first=9, again=5, member=3, intent=0.0, stay=-0.15, shoes=1.5,
           inside=INSTAGRAM_APP, inside_rate=0.75),
    Source(key="instagram_ads", first=5, again=4, member=2, intent=-0.30, stay=-0.10, shoes=1.4,
           inside=INSTAGRAM_APP, inside_rate=0.75),
    Source(key="facebook_ads", first=2, again=1, member=1, intent=-0.40, stay=-0.15,
           inside=FACEBOOK_APP, inside_rate=0.70),
    Source(key="instagram", first=6, again=5, member=4, intent=-0.20, shoes=1.3,
           inside=INSTAGRAM_APP, inside_rate=0.90),
    Source(key="kakao", first=4, again=6, member=12, intent=0.15, coupon_rate=0.50, coupon=1,
           inside=KAKAO_APP, inside_rate=0.92),
    Source(key="kakao_talk", first=2, again=2, member=2, inside=KAKAO_APP, inside_rate=1.0),
    Source(key="email", first=0, again=0, member=20, intent=0.35, stay=0.30, coupon_rate=0.45, coupon=2),
    Source(key="youtube", first=3, again=2, member=1, intent=-0.40, stay=-0.20),
    Source(key="chatgpt", first=1.2, again=1, member=1, intent=0.25),
    Source(key="perplexity", first=0.6, again=0.5, member=0.5, intent=0.25),
    Source(key="affiliate", first=3, again=2, member=1, coupon_rate=0.40),
    Source(key="daum", first=1.5, again=1, member=0.5, intent=0.05),
    Source(key="push", first=0, again=0, member=0, intent=0.30, stay=0.40, coupon_rate=0.35, coupon=2),
)  # fmt: skip

SOURCE = {source.key: place for place, source in enumerate(SOURCES)}
DIRECT, EMAIL, PUSH, AUTUMN_ADS = (SOURCE[key] for key in ("direct", "email", "push", "autumn_ads"))

INTENT = np.array([source.intent for source in SOURCES], dtype=np.float32)
STAY = np.array([source.stay for source in SOURCES], dtype=np.float32)
COUPON_RATE = np.array([source.coupon_rate for source in SOURCES], dtype=np.float32)
COUPON = np.array([source.coupon for source in SOURCES], dtype=np.int8)
INSIDE = np.array([source.inside for source in SOURCES], dtype=np.uint8)
INSIDE_RATE = np.array([source.inside_rate for source in SOURCES], dtype=np.float32)


def _weights(kind: str) -> list[float]:
    return [float(getattr(source, kind)) for source in SOURCES]


def _app_weights() -> list[float]:
    share = {"direct": 62.0, "push": 30.0, "kakao": 8.0}
    return [share.get(source.key, 0.0) for source in SOURCES]


def _second_weights() -> list[float]:
    share = {"direct": 60.0, "email": 40.0}
    return [share.get(source.key, 0.0) for source in SOURCES]


FIRST_VISIT, LATER_VISIT, MEMBER_VISIT, APP_VISIT, SECOND_VISIT = range(5)
SOURCE_TABLES = np.stack(
    [
        choice_table(w)
        for w in (*map(_weights, ("first", "again", "member")), _app_weights(), _second_weights())
    ]
)
"""Choice tables of the source, by kind of visit."""

CATEGORY_TABLES = np.stack(
    [
        choice_table([w * (s.shoes if c == SLOW_CATEGORY else 1.0) for c, w in enumerate(CATEGORY_WEIGHTS)])
        for s in SOURCES
    ]
)
"""Choice tables of the category looked at, by source."""
