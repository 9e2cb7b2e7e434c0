"""Names a page: its path, and the group of like pages (`/products/*`) that reports and maps count together."""

from __future__ import annotations

import hashlib
import re
from functools import cached_property
from typing import Final
from urllib.parse import quote

import msgspec

from afterclick.stitch.address import Head, decode, halves, read_head, words

_MOST_SEGMENTS: Final = 3
_LONGEST_SEGMENT: Final = 40
_LONGEST_PATH: Final = 2_000
_WORDS_OF_A_TITLE: Final = 5
# What a path must keep encoded, or two different paths would read the same.
_STAYS_ENCODED: Final = re.compile("[/?#%\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SLASHES: Final = re.compile("/{2,}")
# Folders whose next segment names one thing of many: a product, an article. A script in them (list.html) is itself.
_FOLDERS: Final = words("""
    product products item items goods p prd dp collection collections category categories c brand brands
    article articles post posts news tag tags author authors 상품 제품 카테고리 기획전
""")
_IDS: Final = (
    re.compile(r"\d+(?:\.[a-z]{2,5})?"),  # 1234, 1234.html
    re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    re.compile(r"(?=[a-f]*\d)[0-9a-f]{8,}"),  # hash
    re.compile(r"(?=.*\d)(?=.*[a-z])[0-9a-z_=]{20,}"),  # token
    re.compile(r".*[-_]\d{3,}(?:\.[a-z]{2,5})?"),  # knit-014
    re.compile(r"\d{3,}[-_].*"),  # 1234-knit
)


class PageGroups(msgspec.Struct, frozen=True, dict=True, forbid_unknown_fields=True, kw_only=True):
    """A site's own page groups: (wildcard, name) pairs tried in order, before paths are grouped by their shape.

    `*` stands for anything inside one segment, `**` for anything at all, a closing `/*` for one or more segments. An
    empty name keeps the wildcard itself as name: ("/products/*", "Product page"), ("/magazine/**", "").
    """

    patterns: tuple[tuple[str, str], ...] = ()

    def group(self, path: str) -> str:
        """The group of a path as `path_of` gives it; "" for no path."""
        if not path:
            return ""
        for pattern, name in self._compiled:
            if pattern.fullmatch(path):
                return name
        return _by_shape(path)

    def fingerprint(self) -> str:
        """16 hexadecimal digits over the table."""
        return hashlib.blake2b(msgspec.json.encode(self), digest_size=8).hexdigest()

    @cached_property
    def _compiled(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        return tuple((_wildcard(text), name or text) for text, name in self.patterns)


DEFAULT_PAGES: Final = PageGroups()


def path_of(url: str | None) -> str:
    """The path of a URL without query, fragment and closing slash; "/" for the bare host, "" for no address at all.

    Percent-encoding is undone where the result stays unambiguous, so `/%EC%83%81%ED%92%88` reads `/상품` while an
    encoded slash, question mark or percent sign stays encoded.
    """
    return clean_path(read_head(halves(url)[0]))


def clean_path(head: Head) -> str:
    """`path_of` of an address already taken apart."""
    if head.opaque or not (head.host or head.path):
        return ""
    path = head.path[:_LONGEST_PATH]
    if "//" in path:
        path = _SLASHES.sub("/", path)
    if ";" in path:
        path = re.sub(r";jsessionid=[^/]*", "", path, flags=re.IGNORECASE)
    if "%" in path:
        path = "/".join(_decode_segment(segment) for segment in path.split("/"))
    return path.rstrip("/ ") or "/"


def _decode_segment(segment: str) -> str:
    decoded = decode(segment)
    if decoded == segment or "\ufffd" in decoded:
        return segment
    return _STAYS_ENCODED.sub(lambda found: quote(found[0], safe=""), decoded)


def page_group(path: str, groups: PageGroups = DEFAULT_PAGES) -> str:
    """The group a path belongs to: `/products/knit-014` gives `/products/*`, `/` and `/cart` give themselves.

    Numbers, uuids, hashes, tokens and titles of five words become `*`, as does whatever follows a folder of many
    things (products, articles); at most three segments are kept.
    """
    return groups.group(path)


def _by_shape(path: str) -> str:
    parts = path.strip("/").split("/")[:_MOST_SEGMENTS]
    grouped = [
        "*" if _names_one_thing(part.lower(), parts[at - 1].lower() if at else "") else part
        for at, part in enumerate(parts)
    ]
    return "/" + "/".join(grouped)


def _names_one_thing(part: str, folder: str) -> bool:
    if len(part) > _LONGEST_SEGMENT or sum(map(part.count, "-_ ")) + 1 >= _WORDS_OF_A_TITLE:
        return True
    if folder in _FOLDERS and "." not in part:
        return True
    return any(pattern.fullmatch(part) for pattern in _IDS)


def _wildcard(text: str) -> re.Pattern[str]:
    clean = text.rstrip("/") or "/"
    body, tail = (clean[:-2], "/.+") if clean.endswith("/*") else (clean, "")
    pieces = (re.escape(piece).replace(r"\*", "[^/]*") for piece in body.split("**"))
    return re.compile(".*".join(pieces) + tail, re.IGNORECASE | re.DOTALL)
