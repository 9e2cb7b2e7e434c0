"""Reads a user agent: is it a bot, what device, browser and operating system does it claim to be."""

from __future__ import annotations

import hashlib
import re
from functools import cached_property
from typing import Final

import msgspec

# `name: texts`, lower-case, tried in this order: apps before the browser engine they are built on, and browsers
# before the ones they claim compatibility with.
_BROWSERS: Final = """
KakaoTalk: kakaotalk
KakaoStory: kakaostory
Naver: naver(inapp
Daum: daumapps
Band: band/
Instagram: instagram
Facebook: fban fbav fb_iab fb4a
Line: line/
TikTok: musical_ly bytedancewebview tiktok
Snapchat: snapchat
Pinterest: pinterest/
X: twitter
Google App: gsa/
Whale: whale/
Samsung Internet: samsungbrowser
Edge: edg/ edga/ edgios/ edge/
Opera: opr/ opt/ opios/ opera
Vivaldi: vivaldi
Yandex: yabrowser
DuckDuckGo: duckduckgo ddg/
Brave: brave/
UC Browser: ucbrowser
MIUI Browser: miuibrowser
Huawei Browser: huaweibrowser
Silk: silk/
Firefox: firefox/ fxios/
Chrome: chrome/ crios/ chromium/
Internet Explorer: msie trident/
Android Browser: android
Safari: safari/
WebView: applewebkit/
"""

_SYSTEMS: Final = """
Windows: windows
iOS: iphone ipad ipod
HarmonyOS: harmonyos
Android: android
ChromeOS: cros
macOS: macintosh macos
Tizen: tizen
webOS: web0s webos
iOS: cfnetwork/ darwin/
Linux: linux x11 ubuntu
"""


def _texts(table: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    rows = (line.partition(": ") for line in table.splitlines() if line)
    return tuple((name, tuple(texts.split())) for name, _, texts in rows)


_BROWSER_ROWS: Final = _texts(_BROWSERS)
_SYSTEM_ROWS: Final = _texts(_SYSTEMS)
# `deadline/` is not `line/`: the texts begin where a word does.
_WORD_STARTS: Final = {
    text: re.compile(rf"(?<![a-z0-9]){re.escape(text)}")
    for _, texts in (*_BROWSER_ROWS, *_SYSTEM_ROWS)
    for text in texts
}
_TABLET: Final = re.compile(r"ipad|tablet|kindle|silk/(?!.*mobile)|playbook|sm-[tx]\d|android(?!.*mobile)")
_MOBILE: Final = re.compile(r"iphone|ipod|mobile|mobi\b|android|opera mini|windows phone|blackberry|harmonyos|symbian")
_HOUSEHOLD: Final = re.compile(
    r"smart-?tv|appletv|googletv|hbbtv|web0s|tizen(?!.*mobile)|crkey|roku|playstation|xbox|nintendo"
)
_DESKTOP: Final = re.compile(r"windows nt|macintosh|x11|cros|linux x86_64|win64")
_LONGEST_READ: Final = 1_000  # real ones end before; what follows is there to keep the patterns busy
_NATIVE: Final = re.compile(
    r"okhttp|cfnetwork|dalvik|alamofire|ktor-client|dart/|flutter|react-native|reactnative|expo/"
)


class BotPatterns(msgspec.Struct, frozen=True, dict=True, forbid_unknown_fields=True, kw_only=True):
    """What marks a user agent as a bot: `texts` it contains, any case, once the `except_texts` are taken out.

    `except_texts` is empty by default: the phones called CUBOT count as bots until a store writes `cubot` there.
    """

    texts: tuple[str, ...] = ("bot", "spider", "crawl", "headless", "externalhit")
    except_texts: tuple[str, ...] = ()

    def matches(self, user_agent: str | None) -> bool:
        """Is this a bot? A missing user agent is none."""
        if not user_agent or self._bots is None:
            return False
        text = user_agent.lower()
        if self._exempt is not None:
            text = self._exempt.sub(" ", text)
        return self._bots.search(text) is not None

    def fingerprint(self) -> str:
        """16 hexadecimal digits over the table."""
        return hashlib.blake2b(msgspec.json.encode(self), digest_size=8).hexdigest()

    @cached_property
    def _bots(self) -> re.Pattern[str] | None:
        return _any_of(self.texts)

    @cached_property
    def _exempt(self) -> re.Pattern[str] | None:
        return _any_of(self.except_texts)


def _any_of(texts: tuple[str, ...]) -> re.Pattern[str] | None:
    kept = [re.escape(text.strip().lower()) for text in texts if text.strip()]
    return re.compile("|".join(kept)) if kept else None


DEFAULT_BOTS: Final = BotPatterns()


def is_bot(user_agent: str | None, patterns: BotPatterns = DEFAULT_BOTS) -> bool:
    """Does the user agent contain bot, spider, crawl, headless or externalhit (or what the store's table says)?"""
    return patterns.matches(user_agent)


_MACHINES: Final = re.compile(
    r"barracuda|proofpoint|urldefense|mimecast|messagelabs|symantec|trend ?micro|fireeye|forcepoint|cloudmark|ironport"
    r"|safelinks|bingpreview|google-?safebrowsing"
)
"""Scanners of links. The image proxies of Gmail and Yahoo fetch what a person opens and are none."""


def is_machine(user_agent: str | None) -> bool:
    """Does a program open or click messages under this name? Apple's privacy proxy calls itself Mozilla/5.0 and no more."""
    text = _readable(user_agent)
    return text == "mozilla/5.0" or bool(text) and _MACHINES.search(text) is not None


def device_type(user_agent: str | None) -> str:
    """mobile, tablet, desktop, app (a native app's HTTP library), other, or "" without a user agent.

    An iPad that asks for desktop pages calls itself a Macintosh and counts as desktop: nothing tells them apart.
    """
    text = _readable(user_agent)
    if not text:
        return ""
    # Dalvik and CFNetwork carry the phone's name too, so the libraries are asked for before the phones.
    ordered = (("app", _NATIVE), ("other", _HOUSEHOLD), ("tablet", _TABLET), ("mobile", _MOBILE), ("desktop", _DESKTOP))
    return next((name for name, pattern in ordered if pattern.search(text)), "other")


def browser(user_agent: str | None) -> str:
    """Name of the browser or of the app whose in-app browser it is; `other` when unknown, "" without a user agent."""
    return _first_name(user_agent, _BROWSER_ROWS)


def os(user_agent: str | None) -> str:
    """Name of the operating system; `other` when unknown, "" without a user agent."""
    return _first_name(user_agent, _SYSTEM_ROWS)


def _readable(user_agent: str | None) -> str:
    return (user_agent or "")[:_LONGEST_READ].strip().lower()


def _first_name(user_agent: str | None, rows: tuple[tuple[str, tuple[str, ...]], ...]) -> str:
    text = _readable(user_agent)
    if not text:
        return ""
    for name, needles in rows:
        if any(needle in text and _WORD_STARTS[needle].search(text) for needle in needles):
            return name
    return "other"
