"""The ways into the example shop: addresses with tags and click ids, and the pages before them."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from afterclick.app.demo.catalogue import CATEGORIES, PER_CATEGORY, PRODUCT_IDS, WORDS, WORDS_PER_CATEGORY
from afterclick.app.demo.pages import AUTUMN, HOME, LIST_0, LOOKBOOK, PRODUCT_0, WELCOME
from afterclick.app.demo.shop import SHOP_NAME

NO_CLICK, GOOGLE_CLICK, META_CLICK, PARTNER_CLICK = range(4)
CLICK_KEYS = ("", "gclid=EAIaIQob", "fbclid=IwZXh0bg", "clickid=lp")
"""What stands in the address before the sixteen hexadecimal digits of one click."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A way in: the page landed on, the tags in the address, the click id at its end, the page before."""

    page: int
    tags: str = ""
    click: int = NO_CLICK
    referrer: str = ""
    mobile_referrer: str = ""
    weight: float = 1.0
    category: int = -1


_NAVER = "https://search.naver.com/search.naver?where=nexearch&query="
_NAVER_MOBILE = "https://m.search.naver.com/search.naver?where=m&query="
_GOOGLE = "https://www.google.com/"
_INSTAGRAM = "https://l.instagram.com/"


def _naver_ads() -> list[Entry]:
    entries = []
    for place, word in enumerate((SHOP_NAME, *WORDS)):
        category = max(place - 1, 0) // WORDS_PER_CATEGORY
        said = quote(word)
        tags = (
            f"n_media=27758&n_query={said}&n_rank={place % 4 + 1}&n_ad_group=grp-a001-01-{category:09d}"
            f"&n_ad=nad-a001-01-{place:09d}&n_keyword_id=nkw-a001-01-{place:09d}&n_keyword={said}"
            f"&n_campaign_type=1&n_ad_group_type=1&n_match={1 if place % 3 else 2}"
        )
        entries.append(
            Entry(
                page=HOME if place == 0 else LIST_0 + category,
                tags=tags,
                referrer=_NAVER + said,
                mobile_referrer=_NAVER_MOBILE + said,
                weight=8.0 if place == 0 else CATEGORIES[category].weight * 8,
                category=-1 if place == 0 else category,
            )
        )
    return entries


def _naver_organic() -> list[Entry]:
    words = (
        (SHOP_NAME, HOME, -1, 10.0),
        *((w, -1, n // WORDS_PER_CATEGORY, 0.3) for n, w in enumerate(WORDS)),
    )
    return [
        Entry(
            page=page,
            referrer=_NAVER + quote(word),
            mobile_referrer=_NAVER_MOBILE + quote(word),
            weight=weight,
            category=category,
        )
        for word, page, category, weight in words
    ]


def _naver_shopping() -> list[Entry]:
    return [
        Entry(
            page=PRODUCT_0 + category * PER_CATEGORY + n,
            tags=f"n_media=11068&n_query={quote(WORDS[category * WORDS_PER_CATEGORY + n])}"
            f"&n_rank={n + 1}&n_mall_id=hanbit&n_mall_pid={PRODUCT_IDS[category * PER_CATEGORY + n]}",
            referrer="https://search.shopping.naver.com/",
            mobile_referrer="https://msearch.shopping.naver.com/",
            weight=CATEGORIES[category].weight,
            category=category,
        )
        for category in range(len(CATEGORIES))
        for n in range(4)
    ]


def _google_ads() -> list[Entry]:
    return [
        Entry(
            page=LIST_0 + category,
            tags="gad_source=1&gad_campaignid=2201441",
            click=GOOGLE_CLICK,
            referrer=_GOOGLE,
            weight=CATEGORIES[category].weight,
            category=category,
        )
        for category in range(len(CATEGORIES))
    ]


def _meta(source: str, campaign: str, pages: tuple[int, ...], referrer: str) -> list[Entry]:
    return [
        Entry(
            page=page,
            tags=f"utm_source={source}&utm_medium=paid_social&utm_campaign={campaign}&utm_content={creative}",
            click=META_CLICK,
            referrer=referrer,
        )
        for page in pages
        for creative in ("reels_01", "feed_02")
    ]


def _tagged(tags: str, campaigns: tuple[str, ...], pages: tuple[int, ...]) -> list[Entry]:
    return [Entry(page=page, tags=f"{tags}&utm_campaign={c}") for c in campaigns for page in pages]


def _plain(*referrers: str, product_weight: float = 1.0, tags: str = "") -> list[Entry]:
    pairs = [(HOME, 1.0), (-1, product_weight)]
    return [
        Entry(page=p, referrer=r, weight=w, tags=tags if p == HOME else "")
        for r in referrers
        for p, w in pairs
    ]


def _affiliate() -> list[Entry]:
    tags = "utm_source=linkpartner&utm_medium=affiliate&utm_campaign=deal"
    return [
        Entry(page=page, tags=tags, click=PARTNER_CLICK, referrer="https://deal.linkpartner.example/")
        for page in (HOME, WELCOME)
    ]


def _daum() -> list[Entry]:
    query = "search.daum.net/search?w=tot&q="
    return [
        Entry(
            page=page, referrer=f"https://{query}{quote(w)}", mobile_referrer=f"https://m.{query}{quote(w)}"
        )
        for w, page in ((SHOP_NAME, HOME), *((w, -1) for w in WORDS[::6]))
    ]


def _instagram() -> list[Entry]:
    bio = "utm_source=instagram&utm_medium=social&utm_content=link_in_bio"
    return [
        Entry(page=LOOKBOOK, tags=bio, referrer=_INSTAGRAM, weight=2.0),
        Entry(page=HOME, tags="igsh=1", click=META_CLICK, referrer=_INSTAGRAM),
    ]


def _messages() -> dict[str, list[Entry]]:
    weeks = tuple(f"weekly_{week}" for week in range(30, 40))
    kakao = ("coupon_day", "restock", "weekend")
    push = ("cart_push", "restock_push", "sale_push")
    mail = (*weeks, "cart_reminder")
    return {
        "kakao": _tagged("utm_source=kakao&utm_medium=message", kakao, (WELCOME, HOME)),
        "kakao_talk": _plain(""),
        "email": _tagged("utm_source=newsletter&utm_medium=email", mail, (LOOKBOOK, WELCOME, HOME)),
        "push": _tagged("utm_source=app&utm_medium=push", push, (HOME, LIST_0)),
    }


def entries() -> dict[str, list[Entry]]:
    """Every way in, by key of its source; `weak_landing` holds the pages of that barrier."""
    blogs = [f"https://blog.naver.com/ootd_{n:03d}/2236{n:08d}" for n in range(12)]
    cafes = [f"https://cafe.naver.com/fashiontalk/{90210 + n}" for n in range(6)]
    video = "utm_source=youtube&utm_medium=video&utm_campaign=haul"
    return {
        "direct": _plain("", product_weight=0.5),
        "naver_ads": _naver_ads(),
        "naver_organic": _naver_organic(),
        "naver_shopping": _naver_shopping(),
        "naver_blog": _plain(*blogs, *cafes, product_weight=3.0),
        "google_ads": _google_ads(),
        "google_organic": _plain(_GOOGLE, product_weight=1.5),
        "autumn_ads": _meta("instagram", "autumn_sale", (LOOKBOOK, LIST_0, LIST_0 + 1), _INSTAGRAM),
        "weak_landing": _meta("instagram", "autumn_sale", (AUTUMN, AUTUMN + 1, AUTUMN + 2), _INSTAGRAM),
        "instagram_ads": _meta("instagram", "new_arrivals", (LIST_0 + 2, LIST_0 + 3, LOOKBOOK), _INSTAGRAM),
        "facebook_ads": _meta("facebook", "retarget_09", (HOME, LIST_0 + 4), "https://m.facebook.com/"),
        "instagram": _instagram(),
        "youtube": _plain("https://www.youtube.com/", tags=video),
        "chatgpt": _plain("https://chatgpt.com/", product_weight=2.0, tags="utm_source=chatgpt.com"),
        "perplexity": _plain("https://www.perplexity.ai/", product_weight=2.0),
        "affiliate": _affiliate(),
        "daum": _daum(),
        **_messages(),
    }
