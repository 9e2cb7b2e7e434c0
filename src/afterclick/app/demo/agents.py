"""The user agents of the example shop's visitors and crawlers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afterclick.app.demo.plan import Visits
from afterclick.app.demo.sources import KAKAO_APP, PRIMARY, SECOND
from afterclick.app.demo.visitors import Traits

VARIANTS = 3
_KIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_IOS = ("18_6", "18_5", "26_0")
_ANDROIDS = (("15", "SM-S928N"), ("14", "SM-A546S"), ("16", "SM-F956N"))
_CHROMES = (139, 140, 138)


def _phone(variant: int, iphone: bool, tail: str) -> str:
    """A browser inside another app, on either kind of phone."""
    if iphone:
        return (
            f"Mozilla/5.0 (iPhone; CPU iPhone OS {_IOS[variant]} like Mac OS X) AppleWebKit/605.1.15 "
            f"(KHTML, like Gecko) Mobile/15E148 {tail}"
        )
    system, model = _ANDROIDS[variant]
    return (
        f"Mozilla/5.0 (Linux; Android {system}; {model} Build/AP3A.240905.015.A2; wv) {_KIT} "
        f"Version/4.0 Chrome/{_CHROMES[variant]}.0.0.0 Mobile Safari/537.36 {tail}"
    )


def _safari(variant: int) -> str:
    version = _IOS[variant].replace("_", ".")
    return (
        f"Mozilla/5.0 (iPhone; CPU iPhone OS {_IOS[variant]} like Mac OS X) AppleWebKit/605.1.15 "
        f"(KHTML, like Gecko) Version/{version} Mobile/15E148 Safari/604.1"
    )


def _desktop(variant: int, tail: str) -> str:
    chrome = _CHROMES[variant]
    return f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_KIT} Chrome/{chrome}.0.0.0 {tail}".rstrip()


def _families(v: int) -> tuple[str, ...]:
    chrome = _CHROMES[v]
    mobile = f"Mozilla/5.0 (Linux; Android 10; K) {_KIT} Chrome/{chrome}.0.0.0 Mobile Safari/537.36"
    samsung = mobile.replace(f" Chrome/{chrome}", f" SamsungBrowser/{28 + v}.0 Chrome/130")
    insides = (
        ("KAKAOTALK/25.8.0 (INAPP)",) * 2,
        ("NAVER(inapp; search; 2000; 12.14.0)",) * 2,
        ("Instagram 395.0.0.33.84 (ko_KR)",) * 2,
        ("[FBAN/FBIOS;FBAV/529.0.0.41.99;FBLC/ko_KR]", "[FB_IAB/FB4A;FBAV/529.0.0.41.99;]"),
    )
    return (
        _safari(v),
        mobile,
        samsung,
        _desktop(v, "Safari/537.36"),
        _desktop(v, f"Safari/537.36 Edg/{chrome}.0.0.0"),
        _desktop(v, "Whale/4.33.325.17 Safari/537.36"),
        *(_phone(v, iphone, tails[not iphone]) for tails in insides for iphone in (True, False)),
        f"HanbitFashion/5.{v}.0 (iOS {_IOS[v].replace('_', '.')}; iPhone16,1)",
        f"HanbitFashion/5.{v}.0 (Android {_ANDROIDS[v][0]}; {_ANDROIDS[v][1]})",
    )


CRAWLERS = (
    "Mozilla/5.0 (compatible; Yeti/1.1; +http://help.naver.com/robots/)",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    f"Mozilla/5.0 (X11; Linux x86_64) {_KIT} HeadlessChrome/140.0.0.0 Safari/537.36",
)
_ALL = [_families(variant) for variant in range(VARIANTS)]
FAMILIES = len(_ALL[0])
AGENTS = tuple(text for families in _ALL for text in families) + CRAWLERS
FIRST_CRAWLER = VARIANTS * FAMILIES

_PHONES, _DESKTOPS, _INSIDES = 0, 3, 6


def agent_of(visits: Visits, who: Traits, phone: NDArray[np.bool_]) -> NDArray[np.int16]:
    """The user agent of each visit, as a place in `AGENTS`."""
    plain = (visits.device == PRIMARY) | (visits.device == SECOND)
    own = np.where(phone, _PHONES + who.phone, _DESKTOPS + who.browser)
    inside = _INSIDES + 2 * (visits.device.astype(np.int64) - KAKAO_APP) + (who.phone > 0)
    variant = visits.visitor % VARIANTS
    code: NDArray[np.int16] = (variant * FAMILIES + np.where(plain, own, inside)).astype(np.int16)
    return code
