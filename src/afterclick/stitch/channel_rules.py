"""What a paid flag, a medium and a source mean: the channel, and who pays for that channel's attention."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

CHANNELS: Final = (
    "email",
    "push",
    "sms",
    "messenger",
    "affiliate",
    "paid_shopping",
    "organic_shopping",
    "display",
    "paid_video",
    "organic_video",
    "paid_search",
    "paid_social",
    "paid_other",
    "organic_search",
    "organic_social",
    "ai_assistant",
    "offline",
    "referral",
    "other",
    "direct",
)

GROUPS: Final = {
    "organic_search": "search",
    "organic_social": "social",
    "organic_video": "video",
    "organic_shopping": "shopping",
    "ai_assistant": "ai",
}
"""The group a source belongs to when its own host has that channel."""

WORDS: Final[Mapping[str, str]] = {
    "email": "e-?mails?|newsletters?|edm",
    "push": "push",
    "sms": "sms|lms|mms",
    # `line` opens the text or it is the line of another word: product-line, on-line, line-up.
    "messenger": r"alimtalk|friendtalk|brandmessage|kakao|kakaotalk|(?<![\W_])line(?![\W_]up)|whatsapp",
    "affiliate": "affiliates?",
    "shopping": "shopping|ep|feed",
    "display": "display|banner|cpm|gfa|da|dclid",
    "video": "video",
    "search": "organic|search|seo",
    "social": "social|sns|sm|blog|cafe",
    "offline": "qr|print|tv",
    "referral": "referral",
}
"""Words of a medium (for some rules of a source too), whole between separators: `online` is no `line`."""

_OWNED: Final = ("email", "push", "sms", "messenger")
_PAID_MEDIUM: Final = re.compile(
    r"^(cpc|ppc|cpm|cpv|cpa|cps|paid.*|(.*[-_ ])?ads?|retargeting|sponsored|banner|display)$", re.DOTALL
)

_MEDIA: Final = {
    **dict.fromkeys(("paid_shopping", "paid_video", "paid_search", "paid_social", "paid_other"), "paid"),
    **dict.fromkeys(("display", "affiliate"), "paid"),
    **dict.fromkeys(("direct", *_OWNED), "owned"),
    **dict.fromkeys(("organic_search", "organic_shopping", "ai_assistant", "referral"), "earned"),
    **dict.fromkeys(("organic_social", "organic_video"), "shared"),
}


def media_of(channel: str) -> str:
    """paid, owned, earned or shared; "" for offline, other and unknown names."""
    return _MEDIA.get(channel, "")


def is_paid_medium(medium: str) -> bool:
    """Does this lower-case utm_medium say that somebody paid? `downloads` does not."""
    return _PAID_MEDIUM.match(medium) is not None


class ChannelRules:
    """The rules from (paid, medium, source, group of the source) to a channel, first hit wins.

    `more_words` are a site's own words per rule, taken literally. `paid_medium_first` keeps the rules of owned
    messages from reading the source when the medium is paid, so that `kakao` / `cpc` is an ad and not a message.
    """

    def __init__(self, more_words: Mapping[str, tuple[str, ...]], *, paid_medium_first: bool) -> None:
        self._paid_medium_first = paid_medium_first
        self._words = {
            rule: _whole_words("|".join([words, *(re.escape(word) for word in more_words.get(rule, ()))]))
            for rule, words in WORDS.items()
        }

    def channel(self, paid: bool, medium: str, source: str, group: str) -> str:
        """The channel of non-empty campaign parameters; `other` when no rule hits. `group`: see `GROUPS`, or ""."""
        return (
            self._owned(medium, source)
            or self._placed(paid, medium, source, group)
            or (self._paid(medium, group) if paid else self._unpaid(medium, source, group))
        )

    def _says(self, rule: str, *texts: str) -> bool:
        return any(text and self._words[rule].search(text) is not None for text in texts)

    def _owned(self, medium: str, source: str) -> str:
        if self._paid_medium_first and is_paid_medium(medium):
            source = ""
        return next((rule for rule in _OWNED if self._says(rule, medium, source)), "")

    def _placed(self, paid: bool, medium: str, source: str, group: str) -> str:
        if self._says("affiliate", medium, source):
            return "affiliate"
        if group == "shopping" or self._says("shopping", medium):
            return "paid_shopping" if paid else "organic_shopping"
        if self._says("display", medium, source):
            return "display"
        if group == "video" or self._says("video", medium):
            return "paid_video" if paid else "organic_video"
        return ""

    def _paid(self, medium: str, group: str) -> str:
        if group in {"search", "social"}:
            return f"paid_{group}"
        return next((f"paid_{rule}" for rule in ("search", "social") if self._says(rule, medium)), "paid_other")

    def _unpaid(self, medium: str, source: str, group: str) -> str:
        # A medium that names a kind of its own (naver / blog, naver / qr) says more than the portal it is on.
        own_kind = next((rule for rule in ("social", "offline", "referral") if self._says(rule, medium)), "")
        if group == "social" or own_kind == "social":
            return "organic_social"
        if group == "ai":
            return "ai_assistant"
        if not own_kind and (group == "search" or self._says("search", medium)):
            return "organic_search"
        if self._says("offline", medium, source):
            return "offline"
        return "referral" if own_kind == "referral" else "other"


def _whole_words(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|[\W_])(?:{words})(?:$|[\W_])")
