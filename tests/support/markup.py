"""Markup of pages as a reader sees it: the words without tags, the links that lead to people."""

from __future__ import annotations

import re
from html import unescape


def text_of(markup: str) -> str:
    """The text, each tag a space."""
    return unescape(re.sub(r"<[^>]+>", " ", markup))


def words_of(markup: str) -> str:
    """The text with single spaces, as a line that is read aloud."""
    return " ".join(text_of(markup).split())


def linked(markup: str) -> list[tuple[str, str]]:
    """(address, text) of every link to people."""
    found = re.findall(r'<a[^>]*href="([^"]*people=[^"]*)"[^>]*>(.*?)</a>', markup, re.S)
    return [(unescape(href), text_of(text).strip()) for href, text in found]
